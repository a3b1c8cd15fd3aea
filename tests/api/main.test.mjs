// The main job: a prompt goes through, its tokens stream, and the call stands in the database, in the
// API and in the analytics with the same figures.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { delays } from '../harness/http.mjs';
import { sql } from '../harness/sql.mjs';
import { slack, startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream, words } from '../harness/upstream.mjs';

const PROMPT = { model: 'llama3.2:7b', prompt: 'Why is gold tested on a stone?' };
const COLUMNS = ['id', 'model', 'provider', 'task_type', 'task_complexity', 'response_time_ms', 'tokens_used',
  'input_tokens', 'output_tokens', 'success', 'error_message', 'user_rating', 'conversation_id', 'user_id',
  'message_id', 'metadata', 'timestamp'];

async function ollama(t, reply, options = {}) {
  const upstream = await startUpstream(t, { reply });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream }, ...options });
  return { upstream, server };
}

const text = (lines) => lines.map((line) => line.response).join('');

test('an answer streams through as the server wrote it', async (t) => {
  const { server } = await ollama(t, answer({ tokens: ['Because ', 'it ', 'leaves ', 'a streak: ', 'γ🜚'] }));
  const got = await server.post('/api/generate', PROMPT);
  assert.equal(got.status, 200);
  assert.match(got.headers['content-type'], /^application\/x-ndjson/);
  assert.equal(text(got.lines), 'Because it leaves a streak: γ🜚');
  const last = got.lines.at(-1);
  assert.equal(last.done, true);
  assert.equal(last.done_reason, 'stop');
  assert.equal(last.eval_count, 5);
  assert.equal(last.prompt_eval_count, 11);
  assert.equal(got.lines.filter((line) => line.done).length, 1);
});

test('a stream carries the headers that keep proxies from collecting it', async (t) => {
  const { server } = await ollama(t);
  const got = await server.post('/api/generate', PROMPT);
  assert.equal(got.headers['x-accel-buffering'], 'no');
  assert.match(got.headers['cache-control'], /no-store/);
  assert.match(got.headers['cache-control'], /no-transform/);
  assert.equal(got.headers['x-touchstone-provider'], 'ollama');
  assert.equal(got.headers['x-touchstone-model'], 'llama3.2:7b');
  assert.equal(got.headers['x-touchstone-attempts'], '1');
  assert.match(got.headers['x-touchstone-request-id'], /^\S{8,}$/);
});

test('each token reaches the client when it comes', async (t) => {
  const { server, upstream } = await ollama(t, answer({ tokens: words(12), gapMs: 40, firstMs: 100 }));
  const got = await server.post('/api/generate', PROMPT);
  const late = delays(got, (await upstream.call()).sentAt, 12);
  assert.ok(late.every((ms) => ms < 30 * slack), `ms from upstream to client: ${late.map((x) => x.toFixed(1))}`);
});

test('with stream: false the answer is one object, and upstream still streams', async (t) => {
  const { server, upstream } = await ollama(t, answer({ tokens: ['one ', 'two ', 'three'] }));
  const got = await server.post('/api/generate', { ...PROMPT, stream: false });
  assert.equal(got.status, 200);
  assert.match(got.headers['content-type'], /^application\/json/);
  assert.equal(got.json.response, 'one two three');
  assert.equal(got.json.done, true);
  assert.equal(got.json.eval_count, 3);
  assert.equal((await upstream.call()).json.stream, true);
});

for (const stream of [true, false]) {
  test(`row, request, analytics and view agree to the digit (stream: ${stream})`, async (t) => {
    const { server } = await ollama(t, answer({ tokens: words(7), gapMs: 20, firstMs: 50, input: 13 }));
    const got = await server.post('/api/generate', {
      ...PROMPT, stream,
      touchstone: { taskType: 'analysis', complexity: 'medium', conversationId: 'c-1', userId: 'ada', messageId: 'm-1', tags: { project: 'apollo' } },
    });
    const id = got.headers['x-touchstone-request-id'];
    const [row] = sql(server.db, 'SELECT * FROM model_performance_metrics');
    assert.deepEqual(Object.keys(row), COLUMNS);
    assert.equal(row.id, id);
    assert.equal(row.model, 'llama3.2:7b');
    assert.equal(row.provider, 'ollama');
    assert.equal(row.task_type, 'analysis');
    assert.equal(row.task_complexity, 'medium');
    assert.equal(row.input_tokens, 13);
    assert.equal(row.output_tokens, 7);
    assert.equal(row.tokens_used, 20);
    assert.equal(row.success, 1);
    assert.equal(row.error_message, null);
    assert.equal(row.user_rating, 0);
    assert.equal(row.conversation_id, 'c-1');
    assert.equal(row.user_id, 'ada');
    assert.equal(row.message_id, 'm-1');
    assert.match(row.metadata, /"project":\s*"apollo"/);

    // one measurement, shown in whole ms by the view, in us by the table, in ms with fractions by the API
    const [{ total_us: totalUs, ttft_us: ttftUs }] = sql(server.db, 'SELECT total_us, ttft_us FROM calls');
    assert.equal(row.response_time_ms, Math.round(totalUs / 1000));
    const call = (await server.get(`/api/requests/${id}`)).json;
    assert.equal(call.outcome, 'done');
    assert.equal(call.phases.totalMs, totalUs / 1000);
    assert.equal(call.phases.ttftMs, ttftUs / 1000);
    const tookMs = got.endAt - got.sentAt;
    assert.ok(call.phases.totalMs >= 50 + 6 * 20 - 5 && call.phases.totalMs <= tookMs + 1, `${call.phases.totalMs} of ${tookMs} ms`);
    assert.ok(call.phases.ttftMs >= 49 && call.phases.ttftMs < 50 + 80 * slack, `ttft ${call.phases.ttftMs}`);

    const { summary, byModel } = (await server.get('/api/analytics/models?days=1')).json;
    for (const part of [summary, byModel[0]]) {
      assert.equal(part.totalCalls, 1);
      assert.equal(part.avgResponseTime, totalUs / 1000);
      assert.ok(Math.abs(part.medianTtft - ttftUs / 1000) <= 0.0055 * part.medianTtft);
      assert.equal(part.successRate, 100);
      assert.equal(part.satisfactionRate, null);
      assert.equal(part.avgTokens, 20);
      assert.equal(part.totalTokens, 20);
    }
    const [view] = sql(server.db, 'SELECT * FROM model_avg_response_time');
    assert.equal(view.avg_response_ms, totalUs / 1000);
    assert.equal(view.total_calls, 1);
  });
}

test('the row is committed when the client sees the end', async (t) => {
  const { server } = await ollama(t);
  for (let n = 1; n <= 20; n++) {
    let rows;
    await server.post('/api/generate', PROMPT, {
      onChunk: (piece) => {
        if (piece.includes('"done":true')) rows = sql(server.db, 'SELECT count(*) AS n FROM model_performance_metrics');
      },
    });
    assert.deepEqual(rows, [{ n }]);
  }
});

test('the body goes on as it was, without our own member', async (t) => {
  const { server, upstream } = await ollama(t);
  const odd = '{"prompt":"a\\u0000b \\ud83d\\ude00 \\ud800","options":{"seed":12345678901234567890,"temperature":1e-400},\n "touchstone":{"taskType":"coding"},"model":"llama3.2:7b"}';
  const got = await server.post('/api/generate', odd, { headers: { 'content-type': 'application/json' } });
  assert.equal(got.status, 200);
  const { body } = await upstream.call();
  assert.ok(body.includes('"prompt":"a\\u0000b \\ud83d\\ude00 \\ud800"'), body);
  assert.ok(body.includes('12345678901234567890') && body.includes('1e-400'), body);
  assert.ok(!body.includes('touchstone') && !body.includes('taskType'), body);
});

test('curl -d works: any content type from what is no browser', async (t) => {
  const { server } = await ollama(t);
  const got = await server.post('/api/generate', JSON.stringify(PROMPT), { headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  assert.equal(got.status, 200);
});

test('labels come from headers too, and headers and rows agree', async (t) => {
  const { server } = await ollama(t);
  await server.post('/api/generate', PROMPT, {
    headers: {
      'x-touchstone-task-type': 'custom:kind', 'x-touchstone-complexity': 'complex', 'x-touchstone-conversation-id': 'c-9',
      'x-touchstone-user-id': 'bob', 'x-touchstone-message-id': 'm-9', 'x-touchstone-tags': 'project=apollo',
    },
  });
  const [row] = sql(server.db, 'SELECT * FROM model_performance_metrics');
  assert.equal(row.task_type, 'custom:kind');
  assert.equal(row.task_complexity, 'complex');
  assert.equal(row.conversation_id, 'c-9');
  assert.equal(row.user_id, 'bob');
  assert.equal(row.message_id, 'm-9');
  assert.match(row.metadata, /apollo/);
});

test('a missing task type is told from the prompt', async (t) => {
  const { server } = await ollama(t);
  await server.post('/api/generate', { ...PROMPT, prompt: 'Fix this function:\n```python\ndef f(x): return x +\n```' });
  await server.post('/api/generate', { ...PROMPT, prompt: 'Hello there' });
  assert.deepEqual(sql(server.db, 'SELECT task_type FROM model_performance_metrics ORDER BY timestamp, id').map((r) => r.task_type),
    ['coding', 'general_chat']);
});

test('one connection serves many requests, and a call costs upstream no new connection each time', async (t) => {
  const { default: http } = await import('node:http');
  const { server, upstream } = await ollama(t);
  const before = upstream.connections;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < 20; i++) {
    const got = await server.post('/api/generate', PROMPT, { agent });
    assert.equal(got.lines.at(-1).done, true);
  }
  agent.destroy();
  assert.ok(upstream.connections - before <= 3, `${upstream.connections - before} connections for 20 calls`);
});

test('eighty streams at once all arrive whole and are all recorded', async (t) => {
  const { server } = await ollama(t, answer({ tokens: words(20), gapMs: 5 }));
  const got = await Promise.all(Array.from({ length: 80 }, () => server.post('/api/generate', PROMPT)));
  for (const one of got) assert.equal(text(one.lines), words(20).join(''));
  assert.equal(new Set(got.map((one) => one.headers['x-touchstone-request-id'])).size, 80);
  assert.deepEqual(sql(server.db, 'SELECT count(*) AS n, sum(output_tokens) AS tokens FROM model_performance_metrics'), [{ n: 80, tokens: 1600 }]);
});

test('an empty prompt loads the model and is no generation', async (t) => {
  const { server } = await ollama(t, async (call) => {
    call.send(200, { model: call.json.model, created_at: '2026-01-02T03:04:05Z', response: '', done: true, done_reason: 'load' });
  });
  const got = await server.post('/api/generate', { model: 'llama3.2:7b' });
  assert.equal(got.status, 200);
  assert.equal(got.lines.at(-1).done_reason, 'load');
  assert.equal((await server.get('/api/analytics/models')).json.summary.totalCalls, 0);
});
