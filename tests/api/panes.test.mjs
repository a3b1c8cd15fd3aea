// POST /api/compare: one prompt beside several models in one stream, and the vote.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { sql } from '../harness/sql.mjs';
import { slack, startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream, trouble, words } from '../harness/upstream.mjs';

async function start(t, { a = answer({ tokens: ['a1 ', 'a2 '], gapMs: 20 }), b = answer({ tokens: ['b1 ', 'b2 ', 'b3 '], gapMs: 10 }) } = {}) {
  const ollama = await startUpstream(t, { models: ['a'], reply: a });
  const vllm = await startUpstream(t, { kind: 'vllm', models: ['b'], reply: b });
  const server = await startTouchstone(t, { upstreams: { ollama, vllm } });
  return { server, ollama, vllm };
}

const events = (text) => text.split('\n\n').filter(Boolean).map((block) => {
  const [name, data] = block.split('\n');
  return [name.replace('event: ', ''), JSON.parse(data.replace('data: ', ''))];
});
const of = (list, pane, name) => list.filter(([n, e]) => e.pane === pane && n === name).map(([, e]) => e);

test('each model answers in its own pane of one stream, and has its own row', async (t) => {
  const { server, ollama, vllm } = await start(t);
  const got = await server.post('/api/compare', { models: ['a', 'b'], prompt: 'which?', temperature: 0.5, touchstone: { taskType: 'coding', conversationId: 'c' } });
  assert.equal(got.status, 200, got.text);
  assert.equal(got.headers['content-type'], 'text/event-stream');
  const all = events(got.text);
  for (const [pane, model, provider, text] of [[0, 'a', 'ollama', 'a1 a2 '], [1, 'b', 'vllm', 'b1 b2 b3 ']]) {
    const [head] = of(all, pane, 'pane');
    assert.deepEqual([head.asked, head.model, head.provider], [model, model, provider]);
    assert.equal(of(all, pane, 'delta').map((e) => e.text).join(''), text);
    const [{ done }] = of(all, pane, 'done');
    assert.equal(done.outcome, 'done');
    assert.ok(done.ttftMs >= 0 && done.totalMs >= done.ttftMs);
    const { json } = await server.get(`/api/requests/${head.requestId}`);
    assert.deepEqual([json.model, json.taskType, json.conversationId, json.outcome], [model, 'coding', 'c', 'done']);
    assert.equal(json.phases.ttftMs, done.ttftMs, 'the stream and the record agree');
  }
  assert.deepEqual(all.at(-1), ['end', { compareId: got.headers['x-touchstone-request-id'] }]);
  assert.deepEqual((await ollama.call()).json.messages, [{ role: 'user', content: 'which?' }]);
  assert.equal((await vllm.call()).json.temperature, 0.5);
});

test('a vote is kept, may be changed, and is checked', async (t) => {
  const { server } = await start(t);
  const { headers } = await server.post('/api/compare', { models: ['a', 'b'], messages: [{ role: 'user', content: 'x' }] });
  const path = `/api/compare/${headers['x-touchstone-request-id']}/vote`;
  assert.deepEqual((await server.post(path, { winner: 1, comment: 'shorter' })).json, { compareId: headers['x-touchstone-request-id'], winner: 1, previousWinner: null });
  assert.deepEqual((await server.post(path, { winner: 'tie' })).json.previousWinner, 1);
  assert.deepEqual(sql(server.db, 'SELECT pane, model, won, comment FROM comparisons ORDER BY pane'), [
    { pane: 0, model: 'a', won: 0.5, comment: 'shorter' }, { pane: 1, model: 'b', won: 0.5, comment: 'shorter' },
  ]);
  for (const [body, param] of [[{ winner: 2 }, 'winner'], [{ winner: 'b' }, 'winner'], [{}, 'winner'], [{ winner: 0, best: 1 }, 'best']]) {
    const got = await server.post(path, body);
    assert.deepEqual([got.status, got.json.error.param], [400, param], JSON.stringify(body));
  }
  const unknown = await server.post('/api/compare/01a00000-0000-8000-8000-000000000000/vote', { winner: 0 });
  assert.deepEqual([unknown.status, unknown.json.error.code], [404, 'not_found']);
});

test('one that fails leaves the others alone, and no other model falls in', async (t) => {
  const { server, ollama, vllm } = await start(t, { a: (call) => call.send(400, { error: 'no' }) });
  const all = events((await server.post('/api/compare', { models: ['a', 'b', 'nobody'], prompt: 'x' })).text);
  assert.equal(of(all, 0, 'error')[0].error.message.includes('no'), true);
  assert.equal(of(all, 1, 'done').length, 1);
  assert.equal(of(all, 2, 'error')[0].error.code, 'model_not_found');
  assert.equal(all.at(-1)[0], 'end');
  assert.equal(ollama.calls.length, 1);
  assert.equal(vllm.calls.length, 1);
});

test('a stream that breaks off is an error of its pane', async (t) => {
  const { server } = await start(t, { a: trouble(['a1 '], (call) => call.reset()) });
  const all = events((await server.post('/api/compare', { models: ['a', 'b'], prompt: 'x' })).text);
  assert.equal(of(all, 0, 'delta').length, 1);
  assert.equal(of(all, 0, 'error').length, 1);
  assert.equal(of(all, 0, 'done').length, 0);
  assert.equal(of(all, 1, 'done').length, 1);
});

test('a client that leaves ends all of them', async (t) => {
  const slow = answer({ tokens: words(500), gapMs: 20 });
  const { server, ollama, vllm } = await start(t, { a: slow, b: slow });
  const leave = new AbortController();
  const gone = server.post('/api/compare', { models: ['a', 'b'], prompt: 'x' }, { signal: leave.signal }).catch(() => {});
  const calls = [await ollama.call(), await vllm.call()];
  await sleep(100);
  const left = performance.now();
  leave.abort();
  await gone;
  for (const call of calls) assert.ok(await call.closed - left < 100 * slack);
  for (let i = 0; i < 100 && sql(server.db, 'SELECT 1 FROM call').length < 2; i++) await sleep(20);
  assert.deepEqual(sql(server.db, 'SELECT outcome FROM calls'), [{ outcome: 'cancelled' }, { outcome: 'cancelled' }]);
});

test('bad requests are refused before a stream begins', async (t) => {
  const { server } = await start(t);
  for (const [body, param] of [
    [{ prompt: 'x' }, 'models'], [{ models: [], prompt: 'x' }, 'models'], [{ models: ['a', 'b', 'a', 'b', 'a'], prompt: 'x' }, 'models'], [{ models: ['a', 1], prompt: 'x' }, 'models'],
    [{ models: ['a'] }, 'messages'], [{ models: ['a'], prompt: 'x', messages: [] }, 'messages'], [{ models: ['a'], prompt: 1 }, 'prompt'], [{ models: ['a'], messages: 'x' }, 'messages'],
  ]) {
    const got = await server.post('/api/compare', body);
    assert.deepEqual([got.status, got.json.error.code, got.json.error.param], [400, 'invalid_field', param], JSON.stringify(body));
  }
  assert.equal((await server.post('/api/compare', [1])).status, 400);
});

test('without streaming all answers come at once, with what went wrong', async (t) => {
  const { server } = await start(t);
  const got = await server.post('/api/compare', { models: ['a', 'b', 'nobody'], prompt: 'x', stream: false });
  assert.equal(got.status, 200, got.text);
  const { compareId, panes } = got.json;
  assert.deepEqual(panes.map((p) => [p.pane, p.asked, p.provider, p.text, p.done?.outcome, p.error?.code]), [
    [0, 'a', 'ollama', 'a1 a2 ', 'done', undefined], [1, 'b', 'vllm', 'b1 b2 b3 ', 'done', undefined], [2, 'nobody', undefined, undefined, undefined, 'model_not_found'],
  ]);
  assert.equal((await server.post(`/api/compare/${compareId}/vote`, { winner: 0 })).status, 200);
});
