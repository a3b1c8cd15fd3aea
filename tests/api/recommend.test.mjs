// Which model for which work: recommendations, comparisons and the learner's records.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sql } from '../harness/sql.mjs';
import { startTouchstone } from '../harness/touchstone.mjs';
import { startUpstream } from '../harness/upstream.mjs';

const BASE = '/api/analytics/models';

// So many reported calls of a model, of which the first ones failed.
const calls = (model, n, failed, more = {}) =>
  Array.from({ length: n }, (_, i) => ({ taskType: 'coding', model, success: i >= failed, responseTimeMs: 1000 + (i % 9), ...more }));

async function start(t, ...reports) {
  const server = await startTouchstone(t);
  for (const rows of reports) assert.equal((await server.post(`${BASE}/outcomes`, rows)).status, 200);
  const get = async (path) => {
    const got = await server.get(`${BASE}/${path}`);
    assert.equal(got.status, 200, got.text);
    return got.json;
  };
  const recommend = async (body) => {
    const got = await server.post(`${BASE}/recommend`, body);
    assert.equal(got.status, 200, got.text);
    return got.json;
  };
  return { server, get, recommend };
}

test('an empty server names no model and says so', async (t) => {
  const { get } = await start(t);
  const got = await get('recommend');
  assert.equal(got.model, null);
  assert.equal(got.basis, 'rules');
  assert.equal(got.verdict, 'insufficient');
  assert.equal(got.taskType, 'general_chat');
});

test('a healthy model is named without any data', async (t) => {
  const upstream = await startUpstream(t, { models: ['tiny:1b', 'qwen2.5-coder:7b'] });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream } });
  const name = async (query) => (await server.get(`${BASE}/recommend?${query}`)).json;
  assert.equal((await name('task_type=coding')).model, 'qwen2.5-coder:7b');
  const fast = await name('task_type=analysis&priority=speed');
  assert.equal(fast.model, 'tiny:1b');
  assert.equal(fast.provider, 'ollama');
  assert.equal(fast.pBest, null);
});

test('what was called counts: a model that keeps failing is not the one recommended', async (t) => {
  const upstream = await startUpstream(t, { models: ['a', 'b'] });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream } });
  await server.post(`${BASE}/outcomes`, calls('b', 60, 30, { provider: 'ollama' }));
  for (let i = 0; i < 6; i++)
    await server.post('/api/generate', { model: 'a', prompt: 'p', stream: false, touchstone: { taskType: 'coding' } });
  const got = (await server.get(`${BASE}/recommend?task_type=coding`)).json;
  assert.equal(got.basis, 'data');
  assert.equal(got.sampleSize + got.alternatives[0].sampleSize, 66);
  assert.equal(got.verdict, 'insufficient');
});

test('clear evidence is a recommendation, with its numbers', async (t) => {
  const { get } = await start(t, calls('good', 500, 10), calls('bad', 500, 150));
  for (const priority of ['quality', 'balanced']) {
    const got = await get(`recommend?task_type=coding&priority=${priority}`);
    assert.equal(got.model, 'good');
    assert.equal(got.provider, 'external');
    assert.equal(got.verdict, 'recommend');
    assert.ok(got.pBest > 0.99 && got.expectedLoss < 0.001);
    assert.equal(got.callsNeeded, null);
    assert.equal(got.metrics.successRate, 98);
    assert.equal(got.metrics.sampleSize, 500);
    assert.equal(got.metrics.satisfactionRate, null);
    assert.ok(got.interval.low > 96 && got.interval.high < 99.5 && got.interval.low < 98);
    assert.match(got.reason, /98\.0 % of its 500 calls/);
    assert.deepEqual(got.alternatives.map((m) => m.model), ['bad']);
  }
});

test('models that are the same are called so, and few calls are not enough', async (t) => {
  const few = await start(t, calls('a', 30, 3), calls('b', 30, 4));
  const early = await few.get('recommend?task_type=coding');
  assert.equal(early.verdict, 'insufficient');
  assert.ok(early.callsNeeded > 0);
  const many = await start(t, ...Array.from({ length: 6 }, () => calls('a', 1000, 100)), ...Array.from({ length: 6 }, () => calls('b', 1000, 101)));
  const late = await many.get('recommend?task_type=coding');
  assert.equal(late.verdict, 'equivalent');
  assert.equal(late.callsNeeded, null);
});

test('the answer is the same every time', async (t) => {
  const { get } = await start(t, calls('a', 40, 4), calls('b', 40, 6), calls('c', 40, 8));
  const [one, two] = [await get('recommend?task_type=coding'), await get('recommend?task_type=coding')];
  for (const field of ['model', 'verdict', 'callsNeeded', 'pBest', 'expectedLoss']) assert.equal(one[field], two[field], field);
});

test('a message is classified, and a preference, candidates and a segment count', async (t) => {
  const { recommend } = await start(t, calls('a', 100, 0), calls('b', 100, 30), calls('b', 25, 0, { userSegment: 'pro' }), calls('a', 20, 20, { userSegment: 'pro' }));
  const got = await recommend({ messageContent: 'Write a Python function that sorts a list of numbers', hasCodeContent: true, userPreference: 'quality' });
  assert.equal(got.taskType, 'coding');
  assert.equal(got.priority, 'quality');
  assert.equal(got.model, 'a');
  assert.equal(got.pooled, true);
  const pro = await recommend({ taskType: 'coding', userSegment: 'pro' });
  assert.equal(pro.model, 'b');
  assert.equal(pro.pooled, false);
  const unknown = await recommend({ taskType: 'coding', userSegment: 'nobody' });
  assert.equal(unknown.pooled, true);
  assert.equal((await recommend({ taskType: 'coding', candidates: ['b'] })).model, 'b');
});

test('ratings count as what people think of the answer', async (t) => {
  const { server, get } = await start(t, calls('liked', 60, 6, { conversationId: 'l' }), calls('loathed', 60, 0));
  const ids = sql(server.db, "SELECT id FROM model_performance_metrics WHERE model = 'loathed'").map((r) => r.id);
  for (const requestId of ids.slice(0, 50)) assert.equal((await server.post(`${BASE}/feedback`, { requestId, rating: -1 })).status, 200);
  const got = await get('recommend?task_type=coding&priority=quality');
  assert.equal(got.model, 'liked');
  assert.equal(got.alternatives[0].sampleSize, 60);
});

test('ranked is the table model_stats by raw rate, then calls, then last use', async (t) => {
  const { server, get } = await start(t, calls('a', 4, 1, { costUsd: 0.5, tokensUsed: 10 }), calls('b', 8, 2), calls('c', 2, 0), calls('d', 3, 3, { timeout: undefined }));
  const { taskType, ranked } = await get('ranked?task_type=coding');
  assert.equal(taskType, 'coding');
  assert.deepEqual(ranked.map((r) => r.model), ['b', 'a', 'd']);
  assert.deepEqual((await get('ranked?task_type=coding&min_samples=1')).ranked.map((r) => r.model), ['c', 'b', 'a', 'd']);
  for (const line of ranked) {
    const [row] = sql(server.db, `SELECT * FROM model_stats WHERE task_type = 'coding' AND model_id = '${line.model}'`);
    assert.deepEqual(
      [line.successes, line.failures, line.timeouts, line.totalTokens, line.totalCost, line.lastUsed],
      [row.successes, row.failures, row.timeouts, row.total_tokens, row.total_cost, row.last_used]);
    assert.equal(line.successRate, Math.round((1e4 * row.successes) / (row.successes + row.failures)) / 100);
  }
});

test('demote and ab-candidates follow the Wilson intervals', async (t) => {
  const { get } = await start(t, calls('best', 100, 5), calls('near', 100, 10), calls('far', 100, 40), calls('young', 9, 9));
  const far = await get('demote?task_type=coding&model=far');
  assert.equal(far.demote, true);
  assert.equal(far.threshold, 88.82);
  assert.equal(far.n, 100);
  for (const model of ['best', 'near', 'young', 'nobody']) assert.equal((await get(`demote?task_type=coding&model=${model}`)).demote, false, model);
  const { incumbent, challengers } = await get('ab-candidates?task_type=coding');
  assert.equal(incumbent.model, 'best');
  assert.deepEqual(challengers.map((c) => [c.model, c.reason]), [['near', 'overlap'], ['young', 'few_calls']]);
  assert.deepEqual(await get('ab-candidates?task_type=nothing'), { taskType: 'nothing', incumbent: null, challengers: [] });
});

test('compare puts two models side by side', async (t) => {
  const { get } = await start(t, calls('a', 400, 20, { tokensUsed: 30, costUsd: 0.25 }), calls('b', 400, 120));
  const got = await get('compare?a=a&b=b&task_type=coding&days=7');
  assert.equal(got.verdict, 'recommend');
  assert.equal(got.winner, 'a');
  assert.deepEqual([got.a.trials, got.a.wins, got.a.successRate, got.a.avgTokens, got.a.avgCost], [400, 380, 95, 30, 0.25]);
  assert.deepEqual([got.b.trials, got.b.wins, got.b.avgTokens, got.b.avgCost], [400, 280, null, null]);
  assert.ok(Math.abs(got.a.p50 / 1004 - 1) < 0.0055 && Math.abs(got.a.p95 / 1008 - 1) < 0.0055);
  const other = await get('compare?a=a&b=b&task_type=creative');
  assert.equal(other.a.trials, 0);
  assert.equal(other.verdict, 'insufficient');
});

for (const [query, param] of [['recommend?priority=best', 'priority'], ['recommend?days=0', 'days'], ['recommend?days=7&days=8', 'days'], ['recommend?colour=blue', 'colour'],
  ['recommend?task_type=two%20words', 'task_type'], ['ranked', 'task_type'], ['ranked?task_type=x&min_samples=-1', 'min_samples'], ['ranked?task_type=x&days=3', 'days'],
  ['demote?task_type=x', 'model'], ['demote?model=x', 'task_type'], ['ab-candidates', 'task_type'], ['compare?a=x', 'b'], ['compare?a=x&b=x', 'b'], ['compare?a=x&b=y&days=1e9', 'days']]) {
  test(`${query} is refused by name`, async (t) => {
    const server = await startTouchstone(t);
    const got = await server.get(`${BASE}/${query}`);
    assert.equal(got.status, 400, got.text);
    assert.equal(got.json.error.code, 'invalid_parameter');
    assert.equal(got.json.error.param, param);
  });
}

for (const [param, body] of Object.entries({ priority: { priority: 'best' }, userPreference: { userPreference: 1 }, messageContent: { messageContent: [] }, hasCodeContent: { hasCodeContent: 'yes' },
  files: { files: 'a.txt' }, candidates: { candidates: [7] }, userSegment: { userSegment: '' }, days: { days: 0.5 }, taskType: { taskType: 'two words' }, colour: { colour: 'blue' } })) {
  test(`a body with a bad ${param} is refused by name`, async (t) => {
    const server = await startTouchstone(t);
    const got = await server.post(`${BASE}/recommend`, body);
    assert.equal(got.status, 400, got.text);
    assert.equal(got.json.error.code, 'invalid_field');
    assert.equal(got.json.error.param, param);
  });
}
