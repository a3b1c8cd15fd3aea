// Idempotency-Key: what is sent twice happens once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream, trouble, words } from '../harness/upstream.mjs';

const KEY = { 'idempotency-key': 'order-0001' };
const CHAT = { model: 'm', stream: true, messages: [{ role: 'user', content: 'hi' }] };

async function house(t, reply = answer({ tokens: words(3) })) {
  const upstream = await startUpstream(t, { kind: 'vllm', models: ['m'], reply });
  const server = await startTouchstone(t, { upstreams: { vllm: upstream }, env: { TOUCHSTONE_LOG: 'error' } });
  return { upstream, server };
}

for (const stream of [true, false]) {
  test(`the same request again gets the same answer and makes no call (stream: ${stream})`, async (t) => {
    const { upstream, server } = await house(t);
    const first = await server.post('/v1/chat/completions', { ...CHAT, stream }, { headers: KEY });
    const again = await server.post('/v1/chat/completions', { ...CHAT, stream }, { headers: KEY });
    assert.equal(first.status, 200);
    assert.equal(again.status, 200);
    assert.equal(again.text, first.text);
    assert.equal(first.headers['idempotent-replayed'], undefined);
    assert.equal(again.headers['idempotent-replayed'], 'true');
    for (const name of ['content-type', 'x-touchstone-request-id', 'x-touchstone-model']) {
      assert.equal(again.headers[name], first.headers[name]);
    }
    assert.equal(upstream.calls.length, 1);
    assert.equal((await server.get('/api/analytics/models')).json.summary.totalCalls, 1);
  });
}

test('another body under the same key is refused', async (t) => {
  const { upstream, server } = await house(t);
  await server.post('/v1/chat/completions', CHAT, { headers: KEY });
  const other = await server.post('/v1/chat/completions', { ...CHAT, temperature: 1 }, { headers: KEY });
  assert.equal(other.status, 422);
  assert.equal(other.json.error.code, 'idempotency_key_reused');
  assert.equal(upstream.calls.length, 1);
});

test('while the first one runs, the second is told so', async (t) => {
  const { server, upstream } = await house(t, answer({ tokens: words(20), gapMs: 50 }));
  const first = server.post('/v1/chat/completions', CHAT, { headers: KEY });
  await upstream.call();
  const second = await server.post('/v1/chat/completions', CHAT, { headers: KEY });
  assert.equal(second.status, 409);
  assert.equal(second.json.error.code, 'still_running');
  assert.equal((await first).status, 200);
});

test('a key belongs to who used it and to the route', async (t) => {
  const { upstream, server } = await house(t);
  const post = (path, body, headers) => server.post(path, body, { headers: { ...KEY, ...headers } });
  assert.equal((await post('/v1/chat/completions', CHAT, { authorization: 'Bearer one' })).status, 200);
  assert.equal((await post('/v1/chat/completions', CHAT, { authorization: 'Bearer two' })).status, 200);
  assert.equal((await post('/v1/completions', { model: 'm', prompt: 'hi' }, { authorization: 'Bearer one' })).status, 200);
  assert.equal(upstream.calls.length, 3);
});

test('what failed or was left by its client may be tried again', async (t) => {
  const { upstream, server } = await house(t, trouble(words(2), (c) => c.close()));
  await server.post('/v1/chat/completions', CHAT, { headers: KEY });
  upstream.reply = answer({ tokens: words(50), gapMs: 20 });
  const leaving = new AbortController();
  const left = server.post('/v1/chat/completions', CHAT, { headers: KEY, signal: leaving.signal, onChunk: () => leaving.abort() });
  await left.catch(() => {});
  await sleep(300);
  upstream.reply = answer({ tokens: ['at last'] });
  const third = await server.post('/v1/chat/completions', CHAT, { headers: KEY });
  assert.equal(third.status, 200);
  assert.match(third.text, /at last/);
  assert.equal(upstream.calls.length, 3);
});

test('a request that is refused does not use up its key', async (t) => {
  const { server } = await house(t);
  assert.equal((await server.post('/v1/chat/completions', { ...CHAT, model: 'nobody' }, { headers: KEY })).status, 404);
  assert.equal((await server.post('/v1/chat/completions', CHAT, { headers: KEY })).status, 200);
});

test('an answer that is too big to keep is not made twice either', async (t) => {
  const { upstream, server } = await house(t, answer({ tokens: words(40).map((w) => w.repeat(4000)) }));
  assert.equal((await server.post('/v1/chat/completions', CHAT, { headers: KEY })).status, 200);
  const again = await server.post('/v1/chat/completions', CHAT, { headers: KEY });
  assert.equal(again.status, 409);
  assert.equal(again.json.error.code, 'already_done');
  assert.equal(upstream.calls.length, 1);
});

test('a key that is too short, too long or not printable is refused', async (t) => {
  const { server } = await house(t);
  for (const key of ['short', 'x'.repeat(129), 'eight\tchars']) {
    const got = await server.post('/v1/chat/completions', CHAT, { headers: { 'idempotency-key': key } });
    assert.equal(got.status, 400, key);
    assert.equal(got.json.error.param, 'Idempotency-Key');
  }
});
