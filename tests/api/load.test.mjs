// Servers with a limit: who waits, in which order, for how long, and where to instead.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream, words } from '../harness/upstream.mjs';

const ask = (server, prompt, headers = {}, more = {}) => server.post('/api/generate', { model: 'm', prompt }, { headers, ...more });

async function house(t, { limit = 1, reply = answer({ tokens: words(2), firstMs: 40 }), env = {} } = {}) {
  const upstream = await startUpstream(t, { models: ['m'], reply });
  const server = await startTouchstone(t, {
    config: `[provider.a]\nkind = ollama\nbase_url = ${upstream.url}\nmax_concurrency = ${limit}\n`,
    env: { TOUCHSTONE_LOG: 'error', ...env },
  });
  return { upstream, server };
}

const provider = async (server) => (await server.get('/api/providers')).json.providers[0];

async function until(server, what) {
  for (let i = 0; i < 500; i++) {
    if (what(await provider(server))) return;
    await sleep(10);
  }
  assert.fail(JSON.stringify(await provider(server)));
}

// Counts how many calls a server works on at the same time.
function counting(most, reply) {
  let now = 0;
  return async (call) => {
    most.seen = Math.max(most.seen ?? 0, ++now);
    await call.sleep(20);
    now--;
    await reply(call);
  };
}

for (const loops of [1, 3]) {
  test(`never more calls at a server than its limit, and all are answered (${loops} loops)`, async (t) => {
    const most = {};
    const { server } = await house(t, { limit: 2, reply: counting(most, answer({ tokens: words(2) })), env: { TOUCHSTONE_LOOPS: String(loops) } });
    const got = await Promise.all(Array.from({ length: 30 }, (_, i) => ask(server, `${i}`)));
    assert.ok(got.every((g) => g.status === 200 && g.lines.at(-1).done));
    assert.equal(most.seen, 2);
    const calls = await Promise.all(got.map(async (g) => (await server.get(`/api/requests/${g.headers['x-touchstone-request-id']}`)).json));
    const waits = calls.map((c) => c.phases.queueMs).sort((x, y) => x - y);
    assert.ok(waits.every((ms) => ms >= 0));
    assert.ok(waits.at(-1) >= 100, `the last one waited ${waits.at(-1)} ms`);
    const end = await provider(server);
    assert.deepEqual([end.inFlight, end.waiting], [0, 0]);
  });
}

test('users take turns, however many calls one of them sends', async (t) => {
  const order = [];
  const reply = answer({ tokens: ['x'] });
  let open;
  const gate = new Promise((resolve) => { open = resolve; }); // until all of them wait
  const { server } = await house(t, { reply: async (call) => { order.push(call.json.prompt); await gate; await reply(call); } });
  const calls = [ask(server, 'first')];
  await until(server, (p) => p.inFlight === 1);
  for (let i = 0; i < 4; i++) {
    calls.push(ask(server, `greedy${i}`, { 'x-touchstone-user-id': 'greedy' }));
    await until(server, (p) => p.waiting === i + 1);
  }
  calls.push(ask(server, 'modest', { 'x-touchstone-user-id': 'modest' }));
  await until(server, (p) => p.waiting === 5);
  open();
  await Promise.all(calls);
  assert.deepEqual(order, ['first', 'greedy0', 'modest', 'greedy1', 'greedy2', 'greedy3']);
});

test('beyond the queue the answer is 503 and may be tried again', async (t) => {
  const { server, upstream } = await house(t, { reply: answer({ tokens: words(2), firstMs: 60_000 }) });
  const leaving = new AbortController();
  const waiting = Array.from({ length: 17 }, (_, i) => ask(server, `${i}`, {}, { signal: leaving.signal }).catch(() => {}));
  await until(server, (p) => p.waiting === 16);
  const got = await ask(server, 'one too many');
  assert.equal(got.status, 503);
  assert.equal(got.headers['x-should-retry'], 'true');
  assert.ok(Number(got.headers['retry-after']) >= 1);
  assert.equal(typeof got.json.error, 'string');
  leaving.abort(); // all of them: the place and the queue are free at once
  await until(server, (p) => p.waiting === 0 && p.inFlight === 0);
  upstream.reply = answer({ tokens: words(2) });
  assert.equal((await ask(server, 'after them')).status, 200);
  await Promise.all(waiting);
});

test('who waits in a queue is bounded by the deadline of the call', async (t) => {
  const { server } = await house(t, { reply: answer({ tokens: words(2), firstMs: 2000 }) });
  const first = ask(server, 'first');
  await until(server, (p) => p.inFlight === 1);
  const got = await ask(server, 'second', { 'x-touchstone-timeout-ms': '300' });
  assert.equal(got.status, 504);
  assert.ok(got.endAt - got.sentAt < 1500, `${got.endAt - got.sentAt} ms`);
  const call = (await server.get(`/api/requests/${got.headers['x-touchstone-request-id']}`)).json;
  assert.equal(call.outcome, 'timeout');
  assert.equal((await first).status, 200);
});

test('the same model on a server with room is asked instead of waiting', async (t) => {
  const slow = answer({ tokens: words(2), firstMs: 300 });
  const a = await startUpstream(t, { models: ['m'], reply: slow });
  const b = await startUpstream(t, { models: ['m'], reply: slow });
  const section = (name, u) => `[provider.${name}]\nkind = ollama\nbase_url = ${u.url}\nmax_concurrency = 2\n`;
  const server = await startTouchstone(t, { config: section('a', a) + section('b', b), env: { TOUCHSTONE_LOG: 'error' } });
  await Promise.all(Array.from({ length: 4 }, (_, i) => ask(server, `${i}`)));
  assert.deepEqual([a.calls.length, b.calls.length], [2, 2]);
});
