// Health, versions, the API's description, pages.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { freePort, runToEnd, slack, startTouchstone } from '../harness/touchstone.mjs';
import { startUpstream } from '../harness/upstream.mjs';

test('alive, ready and fully usable are three answers', async (t) => {
  const upstream = await startUpstream(t, { models: ['m'] });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream } });
  assert.equal((await server.get('/healthz')).status, 200);
  const ready = await server.get('/readyz');
  assert.equal(ready.status, 200);
  assert.equal(ready.json.status, 'ok');
});

test('without a model server it is ready and says what is missing', async (t) => {
  const server = await startTouchstone(t, { env: { OLLAMA_BASE_URL: `http://127.0.0.1:${await freePort()}` } });
  const ready = await server.get('/readyz');
  assert.equal(ready.status, 200);
  assert.equal(ready.json.status, 'degraded');
  assert.match(ready.text, /upstream/);
});

test('ready within a second of the start, on an empty database', async (t) => {
  const upstream = await startUpstream(t, { models: ['m'] });
  const started = performance.now();
  await startTouchstone(t, { upstreams: { ollama: upstream } });
  assert.ok(performance.now() - started < 1000 * slack, `${performance.now() - started} ms`);
});

test('the version is the same on the command line and on the wire', async (t) => {
  const server = await startTouchstone(t);
  const { version } = (await server.get('/version')).json;
  assert.match(version, /^\d+\.\d+\.\d+/);
  const said = await runToEnd(t, ['--version']);
  assert.equal(said.code, 0);
  assert.ok(said.stdout.includes(version), said.stdout);
  assert.match(said.stdout, /^grammars (none|html css javascript typescript tsx)$/m);
});

test('Ollama clients find an Ollama', async (t) => {
  const server = await startTouchstone(t);
  assert.match((await server.get('/api/version')).json.version, /^\d+\.\d+/);
});

test('the root leads to the dashboard, whose page has a strict policy', async (t) => {
  const server = await startTouchstone(t);
  const top = await server.get('/');
  assert.ok([301, 302, 303, 307, 308].includes(top.status), `${top.status}`);
  const page = await server.get(new URL(top.headers.location, `${server.url}/`).pathname);
  assert.equal(page.status, 200);
  assert.match(page.headers['content-type'], /^text\/html/);
  const policy = page.headers['content-security-policy'];
  assert.match(policy, /default-src 'none'|default-src 'self'/);
  assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval|\*/);
  for (const [, src] of page.text.matchAll(/(?:src|href)="([^"#]+)"/g)) {
    const path = new URL(src, `${server.url}/analytics/models`);
    assert.equal(path.host, `127.0.0.1:${server.port}`, 'nothing from elsewhere');
    assert.equal((await server.get(path.pathname)).status, 200, src);
  }
});

test('assets are found by their tag again', async (t) => {
  const server = await startTouchstone(t);
  const page = await server.get('/analytics/models');
  const { etag } = page.headers;
  assert.ok(etag);
  assert.equal((await server.get('/analytics/models', { headers: { 'if-none-match': etag } })).status, 304);
});

test('every way to write the address of the dashboard leads to it', async (t) => {
  const server = await startTouchstone(t);
  for (const path of ['/', '/analytics', '/analytics/', '/analytics/models/']) {
    const page = await fetch(`${server.url}${path}`);
    assert.equal(page.status, 200, path);
    assert.equal(page.url, `${server.url}/analytics/models`, path);
  }
  assert.equal((await fetch(`${server.url}/analytics/clones/`)).url, `${server.url}/analytics/clones`);
});

test('every clone attempt has a page, and nothing deeper has one', async (t) => {
  const server = await startTouchstone(t);
  for (const path of ['/analytics/clones', '/analytics/clones/7', '/analytics/clones/anything']) {
    const page = await fetch(`${server.url}${path}`);
    assert.equal(page.status, 200, path);
    assert.match(page.headers.get('content-type'), /^text\/html/);
    assert.match(page.headers.get('content-security-policy'), /require-trusted-types-for/);
    for (const [, link] of (await page.text()).matchAll(/(?:href|src)="((?:\.\.\/)*assets\/[^"]+)"/g))
      assert.equal((await fetch(new URL(link, `${server.url}${path}`))).status, 200, `${path}: ${link}`);
  }
  assert.equal((await fetch(`${server.url}/analytics/clones/7/8`)).status, 404);
});

test('a path outside of what is compiled in is not a file', async (t) => {
  const server = await startTouchstone(t);
  for (const path of ['/static/nothing.js', '/static/%2e%2e/%2e%2e/etc/passwd', '/analytics/../../etc/passwd', '/etc/passwd'])
    assert.ok([400, 404].includes((await server.get(path)).status), path);
});

test('behind a base path everything answers below it and nothing beside it', async (t) => {
  const upstream = await startUpstream(t, { models: ['m'] });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream }, basePath: '/ai/models' });
  assert.equal((await server.get('/api/tags')).json.models.length, 1);
  assert.equal((await server.post('/api/generate', { model: 'm', prompt: 'p' })).status, 200);
  assert.equal((await server.get('/analytics/models')).status, 200);
  const bare = await startTouchstone(t, { upstreams: { ollama: upstream } });
  assert.equal((await bare.get('/api/tags')).status, 200);
  assert.equal((await server.get('x')).status, 404, '/ai/modelsx is not ours');
  const { location } = (await server.get('/')).headers;
  assert.ok(new URL(location, `${server.url}/`).pathname.startsWith('/ai/models/'), location);
});
