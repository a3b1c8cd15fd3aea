// Calls made elsewhere and reported to us.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sql } from '../harness/sql.mjs';
import { startTouchstone } from '../harness/touchstone.mjs';

const PATH = '/api/analytics/models/outcomes';
const outcome = (more = {}) => ({ taskType: 'coding', model: 'm', success: true, ...more });

async function start(t) {
  const server = await startTouchstone(t);
  return { server, report: (body) => server.post(PATH, body), count: () => sql(server.db, 'SELECT count(*) AS n FROM model_performance_metrics')[0].n };
}

test('one outcome becomes a row with every field that was told and NULL for the rest', async (t) => {
  const { server, report } = await start(t);
  const timestamp = new Date(Date.now() - 3600_000).toISOString();
  const got = await report(outcome({
    provider: 'openai', responseTimeMs: 2456, ttftMs: 310.5, inputTokens: 100, outputTokens: 50, conversationId: 'c', userId: 'u',
    messageId: 'x', tags: { project: 'apollo' }, metadata: { depth: [1, 2] }, timestamp,
  }));
  assert.deepEqual(got.json, { accepted: 1, duplicates: 0 });
  const [row] = sql(server.db, 'SELECT * FROM model_performance_metrics');
  assert.equal(row.provider, 'openai');
  assert.equal(row.response_time_ms, 2456);
  assert.equal(row.tokens_used, 150);
  assert.equal(row.conversation_id, 'c');
  assert.equal(Date.parse(row.timestamp), Date.parse(timestamp));
  await report(outcome({ model: 'bare', success: false }));
  const [bare] = sql(server.db, "SELECT * FROM model_performance_metrics WHERE model = 'bare'");
  for (const column of ['response_time_ms', 'tokens_used', 'input_tokens', 'output_tokens', 'conversation_id', 'message_id', 'task_complexity'])
    assert.equal(bare[column], null, column);
  assert.equal(bare.success, 0);
});

test('tokensUsed alone counts as the total', async (t) => {
  const { server, report } = await start(t);
  await report(outcome({ tokensUsed: 777 }));
  assert.equal(sql(server.db, 'SELECT tokens_used FROM model_performance_metrics')[0].tokens_used, 777);
  assert.equal((await server.get('/api/analytics/models')).json.summary.totalTokens, 777);
});

test('a thousand at once are taken, a thousand and one are not', async (t) => {
  const { report, count } = await start(t);
  const many = Array.from({ length: 1001 }, (_, i) => outcome({ id: `row-${i}` }));
  assert.ok([400, 413].includes((await report(many)).status));
  assert.equal(count(), 0);
  assert.deepEqual((await report(many.slice(0, 1000))).json, { accepted: 1000, duplicates: 0 });
  assert.equal(count(), 1000);
});

test('an id makes a report idempotent, also inside one array', async (t) => {
  const { report, count } = await start(t);
  assert.deepEqual((await report([outcome({ id: 'a' }), outcome({ id: 'a' }), outcome({ id: 'b' })])).json, { accepted: 2, duplicates: 1 });
  assert.deepEqual((await report([outcome({ id: 'a' }), outcome({ id: 'c' })])).json, { accepted: 1, duplicates: 1 });
  assert.equal(count(), 3);
});

test('all or nothing: one bad object keeps out the good ones', async (t) => {
  const { report, count } = await start(t);
  const got = await report([outcome(), outcome({ success: 'yes' })]);
  assert.equal(got.status, 400);
  assert.equal(got.json.error.code, 'invalid_field');
  assert.match(got.json.error.param, /success/);
  assert.equal(count(), 0);
});

const WRONG = {
  'no model': { taskType: 'x', success: true },
  'no task type': { model: 'm', success: true },
  'no success': { model: 'm', taskType: 'x' },
  'an empty model': outcome({ model: '' }),
  'a bad task type': outcome({ taskType: 'two words' }),
  'negative tokens': outcome({ inputTokens: -1 }),
  'fractional tokens': outcome({ outputTokens: 1.5 }),
  'a negative time': outcome({ responseTimeMs: -1 }),
  'a time as text': outcome({ responseTimeMs: '12' }),
  'a bad timestamp': outcome({ timestamp: 'yesterday' }),
  'a timestamp far ahead': outcome({ timestamp: '2199-01-01T00:00:00Z' }),
  'an unknown member': outcome({ colour: 'blue' }),
  'tags that are no object': outcome({ tags: ['a'] }),
  'a model of 300 characters': outcome({ model: 'x'.repeat(300) }),
  'an empty array': [],
  'a number': 5,
};

for (const [what, body] of Object.entries(WRONG)) {
  test(`an outcome with ${what} is refused`, async (t) => {
    const { report, count } = await start(t);
    const got = await report(typeof body === 'number' ? String(body) : body);
    assert.ok(got.status === 400 || got.status === 415, `${got.status} ${got.text}`);
    assert.equal(count(), 0);
  });
}

test('hostile text is stored as text', async (t) => {
  const { server, report } = await start(t);
  const texts = ["'; DROP TABLE calls; --", '"; drop', '%', '_', '<script>alert(1)</script>', '\u202Eevil', 'a\tb'];
  for (const model of texts) assert.equal((await report(outcome({ model }))).status, 200, model);
  const { byModel } = (await server.get('/api/analytics/models')).json;
  assert.deepEqual(byModel.map((m) => m.model).sort(), [...texts].sort());
  for (const model of texts) {
    const found = (await server.get(`/api/analytics/models?model=${encodeURIComponent(model)}`)).json;
    assert.equal(found.summary.totalCalls, 1, model);
  }
});

test('reported failures and time-outs count as what they are', async (t) => {
  const { server, report } = await start(t);
  await report([outcome(), outcome({ success: false }), outcome({ success: false, timeout: true, errorMessage: 'slow' })]);
  const { summary } = (await server.get('/api/analytics/models')).json;
  assert.equal(summary.totalCalls, 3);
  assert.equal(summary.successRate, 33.33);
  assert.equal(summary.timeouts, 1);
});
