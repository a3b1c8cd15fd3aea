// What Prometheus reads.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream, words } from '../harness/upstream.mjs';

// {name{labels}: value} of the text format.
function samples(text) {
  const lines = text.split('\n').filter((line) => line && !line.startsWith('#'));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}

test('calls are counted once each, with OpenTelemetry names and buckets up to a minute', async (t) => {
  const upstream = await startUpstream(t, { models: ['m'], reply: answer({ tokens: words(5), firstMs: 30, gapMs: 10, input: 21 }) });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream } });
  for (let i = 0; i < 3; i++) await server.post('/api/generate', { model: 'm', prompt: 'p', touchstone: { taskType: 'coding' } });
  await server.post('/api/generate', { model: 'nobody', prompt: 'p' });
  const got = await server.get('/metrics');
  assert.equal(got.status, 200);
  assert.match(got.headers['content-type'], /^text\/plain; version=0\.0\.4/);
  const s = samples(got.text);
  const by = '{gen_ai_provider_name="ollama",gen_ai_request_model="m",gen_ai_operation_name="text_completion"';
  assert.equal(s['touchstone_requests_total{provider="ollama",model="m",task_type="coding",outcome="done"}'], 3);
  assert.equal(s[`gen_ai_server_request_duration_seconds_count${by}}`], 3);
  assert.equal(s[`gen_ai_server_time_to_first_token_seconds_bucket${by},le="60"}`], 3);
  assert.equal(s[`gen_ai_server_time_to_first_token_seconds_bucket${by},le="0.02"}`], 0);
  assert.equal(s[`gen_ai_client_token_usage_sum${by},gen_ai_token_type="input"}`], 63);
  assert.equal(s[`gen_ai_client_token_usage_sum${by},gen_ai_token_type="output"}`], 15);
  assert.equal(s[`touchstone_overhead_seconds_count${by}}`], 3);
  assert.equal(s['touchstone_refusals_total{code="model_not_found"}'], 1);
  assert.equal(s['touchstone_provider_up{provider="ollama"}'], 1);
  assert.equal(s['touchstone_requests_in_flight'], 0);
  assert.equal(s['touchstone_db_rows_total'], 3);
  assert.ok(s['process_resident_memory_bytes'] > 1e6);
});

test('calls are counted as well where nothing is recorded', async (t) => {
  const upstream = await startUpstream(t, { models: ['m'] });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream }, env: { TOUCHSTONE_TRACKING: 'off' } });
  await server.post('/api/generate', { model: 'm', prompt: 'p' });
  const s = samples((await server.get('/metrics')).text);
  assert.equal(Object.entries(s).filter(([name]) => name.startsWith('touchstone_requests_total')).reduce((sum, [, n]) => sum + n, 0), 1);
  assert.equal(s['touchstone_db_rows_total'], 0);
});

test('where there is a key, the metrics need it', async (t) => {
  const server = await startTouchstone(t, { env: { TOUCHSTONE_API_KEY: 'correct-horse-battery' } });
  assert.equal((await server.get('/metrics')).status, 401);
  assert.equal((await server.get('/metrics', { headers: { authorization: 'Bearer correct-horse-battery' } })).status, 200);
});
