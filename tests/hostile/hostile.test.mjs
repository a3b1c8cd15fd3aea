// The corpus against the server: the right status within two seconds, one answer only, and the server
// is as well afterwards as it was before.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { raw, request } from '../harness/http.mjs';
import { slack, startTouchstone } from '../harness/touchstone.mjs';
import { startUpstream } from '../harness/upstream.mjs';
import { LATE, SHAPES } from './shapes.mjs';

const memoryKiB = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

// The statuses of all answers in what came. The library sometimes sends its own refusal's head twice,
// and takes an empty header name for the end of the head; a second answer that is none of those would
// be a request that nobody sent.
const statuses = (text) => [...text.matchAll(/HTTP\/1\.[01] (?!100)(\d{3})/g)].map(([, status]) => Number(status));

async function hold(server, bytes, right, code, options) {
  const got = await raw(server.port, bytes, { idleMs: 150, timeoutMs: 2000 * slack, ...options });
  assert.notEqual(got.why, 'timeout', 'no answer and no end');
  assert.ok(right.includes(got.status), `${got.status} is none of ${right}: ${got.text.slice(0, 300)}`);
  assert.ok(statuses(got.text).slice(1).every((status) => status >= 400), `more than one answer: ${got.text}`);
  if (code) assert.ok(got.rest.includes(code), `${got.rest} does not say ${code}`);
  if (right.every((status) => status >= 400)) assert.match(got.headers.connection ?? 'close', /close/i);
}

const start = async (t) => {
  const upstream = await startUpstream(t, { models: ['m'] });
  return startTouchstone(t, { upstreams: { ollama: upstream } });
};

test('every shape is answered as it must be', async (t) => {
  const server = await start(t);
  for (const [name, [bytes, right, code, options]] of Object.entries(SHAPES))
    if (options?.timeoutMs !== LATE.timeoutMs) await t.test(name, () => hold(server, bytes, right, code, options));
  assert.equal((await request(`${server.url}/healthz`)).status, 200);
});

test('what never ends is ended at the deadlines', { timeout: 60_000 }, async (t) => {
  const server = await start(t);
  const late = Object.entries(SHAPES).filter(([, [, , , options]]) => options?.timeoutMs === LATE.timeoutMs);
  assert.ok(late.length > 0);
  await Promise.all(late.map(([name, [bytes, right, code, options]]) => t.test(name, () => hold(server, bytes, right, code, options))));
});

test('three thousand of them leave no memory behind and hurt no stream', { skip: slack > 1 && 'memory is not measured under sanitizers' }, async (t) => {
  const server = await start(t);
  const shapes = Object.values(SHAPES).filter(([bytes, , , o]) => bytes.length < 50_000 && o?.timeoutMs !== LATE.timeoutMs);
  const round = async () => {
    for (let i = 0; i < shapes.length; i += 8)
      await Promise.all(shapes.slice(i, i + 8).map(([bytes, , , o]) => raw(server.port, bytes, { idleMs: 5, timeoutMs: 500, ...o })));
  };
  for (let i = 0; i < 5; i++) await round();
  const before = memoryKiB(server.pid);
  for (let i = 0; i < 25; i++) await round();
  const grown = memoryKiB(server.pid) - before;
  assert.ok(grown < 2048, `${grown} KiB more`);
  const got = await server.post('/api/generate', { model: 'm', prompt: 'p' });
  assert.equal(got.lines.at(-1).done, true);
});

test('noise of any kind at any point of a sound request only costs its own connection', async (t) => {
  const server = await start(t);
  const sound = SHAPES['a sound POST'][0];
  let state = 99;
  const next = (n) => (state = (state * 48271) % 2147483647) % n;
  for (let i = 0; i < 400; i++) {
    const bytes = Buffer.from(sound);
    for (let k = next(4); k >= 0; k--) bytes[next(bytes.length)] = next(256);
    await raw(server.port, bytes, { idleMs: 20, timeoutMs: 2000 * slack, halfClose: true });
  }
  assert.equal((await request(`${server.url}/healthz`)).status, 200);
});
