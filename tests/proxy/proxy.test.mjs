// The main job through nginx and Caddy with the configurations of deploy/, below a base path, token
// by token. Only addresses are changed in the files, and each change must find its place.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { cleanup } from '../harness/cleanup.mjs';
import { delays, raw, request } from '../harness/http.mjs';
import { sql } from '../harness/sql.mjs';
import { freePort, root, scratch, slack, startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream, words } from '../harness/upstream.mjs';

const deploy = (name) => readFileSync(join(root, 'deploy', name), 'utf8');

function change(text, changes) {
  for (const [from, to] of changes) {
    assert.ok(text.includes(from), `deploy file has no ${JSON.stringify(from)}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

// Runs a program until the test ends; ready when the port answers.
async function run(t, command, args, port, options) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let log = '';
  child.stdout.on('data', (b) => (log += b));
  child.stderr.on('data', (b) => (log += b));
  const closed = new Promise((done) => child.on('close', done));
  cleanup(t, async () => {
    child.kill('SIGTERM');
    const hard = setTimeout(() => child.kill('SIGKILL'), 2000);
    await closed;
    clearTimeout(hard);
  });
  for (let i = 0; ; i++) {
    if (await request(`http://127.0.0.1:${port}/`).then(() => true, () => false)) return;
    assert.ok(i < 200 && child.exitCode === null, `${command} did not start:\n${log}`);
    await sleep(25);
  }
}

async function nginx(t, backend, { http10 }) {
  const [folder, port] = [scratch(t), await freePort()];
  const changes = [['127.0.0.1:8420', `127.0.0.1:${backend}`], ['listen 80;', `listen 127.0.0.1:${port};`], ['models.example.org;', 'models.example.org 127.0.0.1;']];
  let site = change(deploy('nginx.conf'), changes);
  if (http10) {
    const without = site.split('\n').filter((line) => !line.includes('# (1.1)'));
    assert.equal(without.length, site.split('\n').length - 2);
    site = without.join('\n');
  }
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((x) => `${x}_temp_path ${folder}/${x};`).join('\n');
  writeFileSync(join(folder, 'nginx.conf'), `daemon off;\nuser root;\npid ${folder}/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n${temp}\n${site}}\n`);
  await run(t, 'nginx', ['-e', 'stderr', '-c', join(folder, 'nginx.conf')], port);
  return port;
}

async function caddy(t, backend) {
  const [folder, port] = [scratch(t), await freePort()];
  const site = change(deploy('Caddyfile'), [['127.0.0.1:8420', `127.0.0.1:${backend}`], ['models.example.org {', `http://models.example.org:${port} {`]]);
  writeFileSync(join(folder, 'Caddyfile'), `{\n\tadmin off\n\tauto_https off\n}\n${site}`);
  mkdirSync(join(folder, 'home'));
  await run(t, 'caddy', ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile'], port, { env: { PATH: process.env.PATH, HOME: join(folder, 'home') } });
  return port;
}

const FRONTS = {
  'nginx with HTTP/1.1': (t, backend) => nginx(t, backend, { http10: false }),
  'nginx with its default HTTP/1.0': (t, backend) => nginx(t, backend, { http10: true }),
  'Caddy': caddy,
};

const KEY = 'a-key-for-the-proxy-test';
const NAME = { host: 'models.example.org' };
const AUTH = { ...NAME, authorization: `Bearer ${KEY}` };

// The clients of a route's requests, by the log of a server that has ended.
const clients = (server, route) => [...server.stderr.matchAll(/ client=(\S+) route=(\S+) /g)].filter((m) => m[2] === route).map((m) => m[1]);

for (const [name, front] of Object.entries(FRONTS)) {
  test(`${name}: the main job below a base path, token by token`, async (t) => {
    const gapMs = 80;
    const upstream = await startUpstream(t, { models: ['m'], reply: answer({ tokens: words(8), gapMs }) });
    const server = await startTouchstone(t, {
      upstreams: { ollama: upstream }, basePath: '/ai',
      env: { TOUCHSTONE_API_KEY: KEY, TOUCHSTONE_SERVER_NAMES: 'models.example.org', TOUCHSTONE_TRUSTED_PROXIES: '127.0.0.1', TOUCHSTONE_LOG: 'debug' },
    });
    const port = await front(t, server.port);
    const at = (path) => `http://127.0.0.1:${port}/ai${path}`;

    const got = await request(at('/api/generate'), { method: 'POST', body: { model: 'm', prompt: 'p' }, headers: AUTH });
    assert.equal(got.status, 200, got.text);
    assert.equal(got.lines.map((l) => l.response).join(''), words(8).join(''));
    const late = delays(got, (await upstream.call()).sentAt, 8);
    assert.ok(late.every((ms) => ms < gapMs / 2), `ms from upstream to client: ${late.map((x) => x.toFixed(1))}`);

    const [row] = sql(server.db, 'SELECT output_tokens, success FROM model_performance_metrics');
    assert.deepEqual(row, { output_tokens: 8, success: 1 });
    assert.equal((await request(at('/api/analytics/models'), { headers: AUTH })).json.summary.totalCalls, 1);
    assert.equal((await request(at('/api/analytics/models'), { headers: NAME })).status, 401, 'the key is needed through the proxy too');
    const page = await request(at('/analytics/models'), { headers: AUTH });
    assert.equal(page.status, 200);

    const plain = await request(at('/api/generate'), { method: 'POST', body: { model: 'm', prompt: 'p', stream: false }, headers: AUTH });
    assert.equal(plain.json.response, words(8).join(''));
  });

  test(`${name}: the log tells the client's own address, not what it claims`, async (t) => {
    const upstream = await startUpstream(t, { models: ['m'] });
    const server = await startTouchstone(t, {
      upstreams: { ollama: upstream }, basePath: '/ai',
      env: { TOUCHSTONE_SERVER_NAMES: 'models.example.org', TOUCHSTONE_TRUSTED_PROXIES: '127.0.0.1', TOUCHSTONE_LOG: 'debug' },
    });
    const port = await front(t, server.port);
    const claims = { ...NAME, 'x-forwarded-for': '192.0.2.66', forwarded: 'for=192.0.2.66' };
    const claimed = await request(`http://127.0.0.1:${port}/ai/api/tags`, { headers: claims, from: '127.0.0.2' });
    assert.equal(claimed.status, 200, claimed.text);
    const direct = await server.get('/api/providers', { headers: claims, from: '127.0.0.3' });
    assert.equal(direct.status, 200, direct.text);
    await server.stop();
    assert.deepEqual(clients(server, '/api/tags'), ['127.0.0.2']);
    assert.deepEqual(clients(server, '/api/providers'), ['127.0.0.3'], 'who is no trusted proxy is not believed');
  });

  test(`${name}: a client that leaves the proxy closes the upstream`, async (t) => {
    const upstream = await startUpstream(t, { models: ['m'], reply: answer({ tokens: words(500), gapMs: 20 }) });
    const server = await startTouchstone(t, { upstreams: { ollama: upstream }, basePath: '/ai', env: { TOUCHSTONE_SERVER_NAMES: 'models.example.org' } });
    const port = await front(t, server.port);
    const gone = new AbortController();
    const going = request(`http://127.0.0.1:${port}/ai/api/generate`, { method: 'POST', headers: NAME, body: { model: 'm', prompt: 'p' }, signal: gone.signal, onChunk: (_, all) => all.length > 3 && gone.abort() });
    await going.catch(() => {});
    const left = performance.now();
    const closed = await Promise.race([(await upstream.call()).closed, sleep(3000 * slack)]);
    assert.ok(closed && closed - left < 200 * slack, `closed ${closed - left} ms after`);
  });
}

test('nginx: framing attacks end in front of touchstone', async (t) => {
  const upstream = await startUpstream(t, { models: ['m'] });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream }, basePath: '/ai', env: { TOUCHSTONE_SERVER_NAMES: 'models.example.org' } });
  const port = await nginx(t, server.port, { http10: false });
  const smuggled = 'GET /ai/version HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
  for (const head of ['Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', 'Content-Length: 5\r\nContent-Length: 6\r\n', 'Transfer-Encoding: xchunked\r\n']) {
    const got = await raw(port, `POST /ai/api/generate HTTP/1.1\r\nHost: 127.0.0.1\r\n${head}\r\n0\r\n\r\n${smuggled}`, { idleMs: 200 });
    assert.ok([400, 411, 501].includes(got.status), `${got.status}`);
    assert.ok(!got.text.includes('"version"'), 'the hidden request was served');
  }
});

test('the systemd unit leaves little open', { skip: !hasSystemd() && 'systemd-analyze is not installed' }, () => {
  const out = execFileSync('systemd-analyze', ['security', '--offline=yes', join(root, 'deploy/touchstone.service')], { encoding: 'utf8' });
  const [, level] = /Overall exposure level for touchstone\.service: ([\d.]+)/.exec(out);
  assert.ok(Number(level) <= 1.5, level);
});

function hasSystemd() {
  try {
    execFileSync('systemd-analyze', ['--version']);
    return true;
  } catch {
    return false;
  }
}
