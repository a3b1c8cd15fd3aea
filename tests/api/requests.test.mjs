import assert from 'node:assert/strict';
import { test } from 'node:test';

import { slack, startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream, words } from '../harness/upstream.mjs';

async function start(t, reply) {
  const upstream = await startUpstream(t, { models: ['m', 'n'], reply });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream } });
  return { server, upstream, generate: (body, options) => server.post('/api/generate', { model: 'm', prompt: 'p', ...body }, options) };
}

test('a call tells its phases, tokens and outcome', async (t) => {
  const { server, generate } = await start(t, answer({ tokens: words(5), firstMs: 80, gapMs: 30, input: 21 }));
  const got = await generate({ touchstone: { conversationId: 'c', taskType: 'coding' } });
  const id = got.headers['x-touchstone-request-id'];
  const answered = await server.get(`/api/requests/${id}`);
  assert.equal(answered.status, 200);
  assert.match(answered.headers['cache-control'], /no-store/);
  const call = answered.json;
  assert.equal(call.id ?? call.requestId, id);
  assert.equal(call.model, 'm');
  assert.equal(call.provider, 'ollama');
  assert.equal(call.outcome, 'done');
  for (const phase of ['queueMs', 'connectMs', 'loadMs', 'ttftMs', 'firstVisibleMs', 'decodeMs', 'maxStallMs', 'totalMs', 'overheadUs'])
    assert.ok(phase in call.phases, phase);
  const { ttftMs, firstVisibleMs, decodeMs, maxStallMs, totalMs, overheadUs, loadMs } = call.phases;
  assert.ok(ttftMs >= 79 && ttftMs <= 80 + 60 * slack, `ttft ${ttftMs}`);
  assert.equal(firstVisibleMs, ttftMs);
  assert.ok(decodeMs >= 4 * 29 && decodeMs <= 4 * 30 + 80 * slack, `decode ${decodeMs}`);
  assert.ok(maxStallMs >= 29 && maxStallMs <= 30 + 60 * slack, `stall ${maxStallMs}`);
  assert.ok(totalMs >= ttftMs + decodeMs - 1);
  assert.equal(loadMs, 1, 'as the server reports it');
  assert.ok(overheadUs >= 0 && overheadUs < 20_000 * slack, `overhead ${overheadUs} us`);
  assert.deepEqual(call.attempts, []);
});

test('the list pages by cursor, newest first, each call once', async (t) => {
  const { server, generate } = await start(t);
  const ids = [];
  for (let i = 0; i < 25; i++) ids.unshift((await generate()).headers['x-touchstone-request-id']);
  const seen = [];
  for (let cursor; ;) {
    const page = (await server.get(`/api/requests?limit=10${cursor ? `&cursor=${cursor}` : ''}`)).json;
    seen.push(...page.requests.map((r) => r.id ?? r.requestId));
    cursor = page.nextCursor;
    if (!cursor) break;
    assert.ok(page.requests.length <= 10);
  }
  assert.deepEqual(seen, ids);
});

test('the list takes filters', async (t) => {
  const { server, generate } = await start(t);
  await generate({ touchstone: { taskType: 'coding' } });
  await generate({ model: 'n', touchstone: { taskType: 'analysis' } });
  const models = async (query) => (await server.get(`/api/requests?${query}`)).json.requests.map((r) => r.model);
  assert.deepEqual(await models('model=n'), ['n']);
  assert.deepEqual(await models('task_type=coding'), ['m']);
  assert.deepEqual(await models('provider=nobody'), []);
});

for (const query of ['limit=0', 'limit=abc', 'limit=100000', 'cursor=%27', 'colour=blue']) {
  test(`?${query} is refused`, async (t) => {
    const server = await startTouchstone(t);
    const got = await server.get(`/api/requests?${query}`);
    assert.equal(got.status, 400, got.text);
    assert.equal(got.json.error.code, 'invalid_parameter');
  });
}

for (const id of ['nothing', '0000000000000000000', "%27%20OR%201", 'a'.repeat(500)]) {
  test(`an id that is none answers 404 or 400: ${id.slice(0, 20)}`, async (t) => {
    const server = await startTouchstone(t);
    const got = await server.get(`/api/requests/${id}`);
    assert.ok([400, 404].includes(got.status), got.text);
    assert.ok(got.json.error.code);
  });
}
