// Every figure of the analytics route against brute force over the rows.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sql } from '../harness/sql.mjs';
import { startTouchstone } from '../harness/touchstone.mjs';

const DAY = 86_400_000;

// The same numbers every time: Park and Miller's generator.
function random(seed) {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

// A month of calls with everything that can be missing sometimes missing.
function history(count, now) {
  const r = random(17);
  const pick = (list) => list[Math.floor(r() * list.length)];
  const maybe = (p, value) => (r() < p ? value : undefined);
  return Array.from({ length: count }, (_, i) => {
    const success = r() > 0.12;
    return {
      id: `h-${i}`, model: pick(['a:7b', 'b:13b', 'c']), provider: pick(['ollama', 'vllm']),
      taskType: pick(['coding', 'analysis', 'creative']), success, timeout: success ? undefined : maybe(0.3, true),
      responseTimeMs: maybe(0.95, Math.round(50 * Math.exp(5 * r()))), ttftMs: maybe(0.8, Math.round(20 * Math.exp(3 * r()))),
      inputTokens: maybe(0.9, Math.floor(r() * 900)), outputTokens: maybe(0.9, 1 + Math.floor(r() * 400)),
      costUsd: maybe(0.5, Math.round(r() * 1e5) / 1e6), userId: pick(['ada', 'bob']), userSegment: pick(['free', 'pro']),
      tags: { project: pick(['apollo', 'zeus']) },
      timestamp: new Date(now - Math.floor(r() * 29.9 * DAY) - 1000).toISOString(),
    };
  });
}

const round2 = (x) => Math.round(x * 100) / 100;
const sum = (list) => list.reduce((a, b) => a + b, 0);
const known = (list) => list.filter((x) => x !== undefined && x !== null);
const mean = (list) => (list.length ? sum(list) / list.length : null);

// Nearest rank: the smallest value with at least q*n values at or below it.
function percentile(list, q) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.ceil(q * sorted.length) - 1] : null;
}

function figures(rows) {
  const times = known(rows.map((r) => r.responseTimeMs));
  const tokens = known(rows.map((r) => (r.inputTokens === undefined && r.outputTokens === undefined ? undefined : (r.inputTokens ?? 0) + (r.outputTokens ?? 0))));
  return {
    totalCalls: rows.length,
    avgResponseTime: mean(times),
    successRate: round2((100 * rows.filter((r) => r.success).length) / rows.length),
    avgTokens: mean(tokens),
    totalTokens: sum(tokens),
    totalCost: sum(known(rows.map((r) => r.costUsd))),
    medianResponseTime: percentile(times, 0.5),
    p95ResponseTime: percentile(times, 0.95),
    p99ResponseTime: percentile(times, 0.99),
    medianTtft: percentile(known(rows.map((r) => r.ttftMs)), 0.5),
    p95Ttft: percentile(known(rows.map((r) => r.ttftMs)), 0.95),
    failures: rows.filter((r) => !r.success).length,
    timeouts: rows.filter((r) => r.timeout).length,
    cancelled: 0,
  };
}

const PERCENTILES = ['medianResponseTime', 'p95ResponseTime', 'p99ResponseTime', 'medianTtft', 'p95Ttft'];

function same(got, rows, where) {
  const want = figures(rows);
  for (const [field, value] of Object.entries(want)) {
    const at = `${where}.${field}: got ${got[field]}, want ${value}`;
    if (value === null) assert.equal(got[field], null, at);
    else if (PERCENTILES.includes(field)) assert.ok(Math.abs(got[field] - value) <= 0.0055 * value + 0.01, at);
    else if (['avgResponseTime', 'avgTokens', 'totalCost'].includes(field)) assert.ok(Math.abs(got[field] - value) <= 0.006, at);
    else assert.equal(got[field], value, at);
  }
}

async function filled(t, count = 900) {
  const now = Date.now();
  const server = await startTouchstone(t);
  const rows = history(count, now);
  for (let i = 0; i < rows.length; i += 500)
    assert.equal((await server.post('/api/analytics/models/outcomes', rows.slice(i, i + 500))).status, 200);
  return { server, rows, now, ask: async (query) => (await server.get(`/api/analytics/models?${query}`)).json };
}

test('summary, models, tasks and providers are what the rows say', async (t) => {
  const { rows, ask } = await filled(t);
  const got = await ask('days=30');
  same(got.summary, rows, 'summary');
  assert.equal(got.byModel.length, 6, 'a model on two providers is two lines');
  for (const line of got.byModel) {
    const of = rows.filter((r) => r.model === line.model && r.provider === line.provider);
    same(line, of, `byModel ${line.model}@${line.provider}`);
    const times = known(of.map((r) => r.responseTimeMs));
    assert.equal(line.minResponseTime, Math.min(...times));
    assert.equal(line.maxResponseTime, Math.max(...times));
    assert.equal(line.inputTokens, sum(known(of.map((r) => r.inputTokens))));
    assert.equal(line.outputTokens, sum(known(of.map((r) => r.outputTokens))));
    assert.equal(Date.parse(line.lastUsed), Math.max(...of.map((r) => Date.parse(r.timestamp))));
  }
  for (const line of got.byTaskType) same(line, rows.filter((r) => r.taskType === line.taskType), `byTaskType ${line.taskType}`);
  for (const line of got.byProvider) same(line, rows.filter((r) => r.provider === line.provider), `byProvider ${line.provider}`);
});

test('quality and confidence follow their formulas', async (t) => {
  const { rows, ask } = await filled(t, 300);
  const wilson = (up, n) => {
    const z = 1.959963984540054, p = up / n, d = 1 + (z * z) / n;
    return (2 * z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))) / d;
  };
  for (const line of (await ask('days=30')).byModel) {
    const of = rows.filter((r) => r.model === line.model && r.provider === line.provider);
    const speed = Math.max(0, 100 - Math.min(100, mean(known(of.map((r) => r.responseTimeMs))) / 100));
    const success = (100 * of.filter((r) => r.success).length) / of.length;
    assert.ok(Math.abs(line.speedScore - speed) < 0.02, `speed ${line.speedScore} ${speed}`);
    assert.ok(Math.abs(line.qualityScore - (0.4 * success + 0.2 * speed) / 0.6) < 0.02, `quality ${line.qualityScore}`);
    const confidence = 100 * (0.5 * Math.min(1, of.length / 100) + 0.3 * (1 - wilson(of.filter((r) => r.success).length, of.length)));
    assert.ok(Math.abs(line.confidence - confidence) < 0.02, `confidence ${line.confidence} ${confidence}`);
  }
});

test('each filter takes what it says and nothing else', async (t) => {
  const { rows, ask } = await filled(t);
  const filters = {
    'model=b:13b': (r) => r.model === 'b:13b', 'provider=vllm': (r) => r.provider === 'vllm', 'task_type=coding': (r) => r.taskType === 'coding',
    'user=ada': (r) => r.userId === 'ada', 'user_segment=pro': (r) => r.userSegment === 'pro', 'tag.project=apollo': (r) => r.tags.project === 'apollo',
    'model=c&provider=ollama&task_type=analysis': (r) => r.model === 'c' && r.provider === 'ollama' && r.taskType === 'analysis',
  };
  for (const [query, keep] of Object.entries(filters)) same((await ask(`days=30&${query}`)).summary, rows.filter(keep), query);
  const none = await ask('days=30&model=nobody');
  assert.equal(none.summary.totalCalls, 0);
  assert.equal(none.summary.successRate, null);
  assert.deepEqual(none.byModel, []);
});

test('windows are half-open and to the millisecond', async (t) => {
  const { rows, ask } = await filled(t, 300);
  const at = Date.parse([...rows].sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1))[150].timestamp);
  const iso = (ms) => encodeURIComponent(new Date(ms).toISOString());
  const in_ = (from, to) => rows.filter((r) => Date.parse(r.timestamp) >= from && Date.parse(r.timestamp) < to);
  for (const [from, to] of [[at, at + 5 * DAY], [at + 1, at + 5 * DAY], [at - 5 * DAY, at], [at - 5 * DAY, at + 1]])
    assert.equal((await ask(`from=${iso(from)}&to=${iso(to)}`)).summary.totalCalls, in_(from, to).length);
});

test('trends have a bucket for each day, the empty ones too, and add up', async (t) => {
  const { rows, ask } = await filled(t, 200);
  for (const tz of ['UTC', 'Europe/Berlin', 'Asia/Kolkata', 'America/St_Johns']) {
    const { trends } = await ask(`days=30&tz=${encodeURIComponent(tz)}`);
    assert.equal(sum(trends.map((b) => b.totalCalls)), rows.length, tz);
    assert.ok(trends.length >= 30 && trends.length <= 31, `${trends.length} days`);
    const day = new Intl.DateTimeFormat('sv-SE', { timeZone: tz, dateStyle: 'short' });
    for (const bucket of trends) {
      const of = rows.filter((r) => day.format(new Date(r.timestamp)) === bucket.date);
      assert.equal(bucket.totalCalls, of.length, `${tz} ${bucket.date}`);
      if (of.length) same(bucket, of, `trends ${bucket.date}`);
    }
  }
});

test('hours, weeks and months are buckets too', async (t) => {
  const { rows, ask } = await filled(t, 200);
  for (const bucket of ['hour', 'week', 'month']) {
    const { trends } = await ask(`days=30&bucket=${bucket}`);
    assert.equal(sum(trends.map((b) => b.totalCalls)), rows.length, bucket);
  }
});

test('group_by takes one or two', async (t) => {
  const { rows, ask } = await filled(t, 300);
  const one = (await ask('days=30&group_by=model')).groups;
  assert.equal(sum(one.map((g) => g.totalCalls)), rows.length);
  const two = (await ask('days=30&group_by=task_type,provider')).groups;
  for (const group of two)
    same(group, rows.filter((r) => r.taskType === group.taskType && r.provider === group.provider), `${group.taskType} ${group.provider}`);
});

test('compare=previous tells the window before and what changed since', async (t) => {
  const server = await startTouchstone(t);
  const day = (n) => new Date(Date.UTC(2025, 2, n, 12)).toISOString();
  const call = (n, model, responseTimeMs, success = true) => ({ taskType: 'coding', model, success, responseTimeMs, timestamp: day(n) });
  await server.post('/api/analytics/models/outcomes', [call(1, 'a', 100), call(2, 'a', 200, false), call(11, 'a', 90), call(12, 'b', 50), call(13, 'a', 110)]);
  const query = 'from=2025-03-11&to=2025-03-21&group_by=task_type&compare=previous';
  const { summary, previous, deltas, byModel, groups } = (await server.get(`/api/analytics/models?${query}`)).json;
  assert.deepEqual([summary.totalCalls, previous.totalCalls, deltas.totalCalls], [3, 2, 1]);
  assert.deepEqual([previous.successRate, deltas.successRate], [50, 50]);
  assert.deepEqual([previous.avgResponseTime, deltas.avgResponseTime], [150, -66.667]);
  assert.deepEqual([previous.totalTokens, deltas.totalTokens, deltas.ratings], [null, null, { up: 0, down: 0 }]);
  const [a, b] = byModel;
  assert.deepEqual([a.model, a.previous.totalCalls, a.deltas.maxResponseTime], ['a', 2, -90]);
  assert.deepEqual([b.model, b.previous, b.deltas], ['b', null, null], 'no calls of it then');
  assert.equal(groups[0].deltas.failures, -1);
  const plain = (await server.get('/api/analytics/models?days=7')).json;
  assert.ok(!('previous' in plain) && !('deltas' in plain));
});

test('facets name what there is in the whole file, whatever is filtered', async (t) => {
  const { ask } = await filled(t, 60);
  const { facets, byModel } = await ask('days=30&model=nobody');
  assert.deepEqual(byModel, []);
  assert.deepEqual(facets.models.map((m) => `${m.model}@${m.provider}`), ['a:7b@ollama', 'a:7b@vllm', 'b:13b@ollama', 'b:13b@vllm', 'c@ollama', 'c@vllm']);
  assert.deepEqual([facets.providers, facets.taskTypes], [['ollama', 'vllm'], ['analysis', 'coding', 'creative']]);
});

test('an answer is not computed again for a client that has it', async (t) => {
  const { server, rows } = await filled(t, 30);
  const ask = (query, etag) => server.get(`/api/analytics/models?${query}`, { headers: etag ? { 'if-none-match': etag } : {} });
  const past = 'from=2025-01-01&to=2025-02-01';
  const first = await ask(past);
  const { etag } = first.headers;
  assert.match(etag, /^W\/"[0-9a-f]{16}"$/);
  assert.equal(first.headers['cache-control'], 'no-store');
  const again = await ask(past, `"x", ${etag}`);
  assert.deepEqual([again.status, again.text, again.headers.etag], [304, '', etag]);
  assert.equal((await ask(`${past}&bucket=week`, etag)).status, 200, 'another question');
  await server.post('/api/analytics/models/outcomes', { ...rows[0], id: 'one-more' });
  const later = await ask(past, etag);
  assert.equal(later.status, 200, 'something was committed');
  assert.notEqual(later.headers.etag, etag);
});

test('a window that ends now keeps its tag for a minute at most', async (t) => {
  const { server } = await filled(t, 30);
  const minute = () => Math.floor(Date.now() / 60_000);
  let before, etags;
  do { // until both fell into one minute
    before = minute();
    etags = [(await server.get('/api/analytics/models?days=7')).headers.etag, (await server.get('/api/analytics/models?days=7')).headers.etag];
  } while (minute() !== before);
  assert.equal(etags[0], etags[1]);
});

test('more groups than an answer can hold are refused, by name', async (t) => {
  const server = await startTouchstone(t);
  const hour = (i) => new Date(Date.UTC(2025, 2, 1) + i * 3_600_000).toISOString();
  const calls = Array.from({ length: 10_500 }, (_, i) => ({ taskType: 'coding', model: `m${i % 21}`, success: true, timestamp: hour(Math.floor(i / 21)) }));
  for (let i = 0; i < calls.length; i += 1000) assert.equal((await server.post('/api/analytics/models/outcomes', calls.slice(i, i + 1000))).status, 200);
  const got = await server.get('/api/analytics/models?from=2025-03-01&to=2025-04-01&bucket=hour&group_by=model,time');
  assert.deepEqual([got.status, got.json.error?.param], [400, 'group_by'], got.text.slice(0, 300));
});

test('latency tells the curve of quantiles and the heat map of a slice', async (t) => {
  const server = await startTouchstone(t);
  const at = (day) => new Date(Date.UTC(2025, 2, day, 12)).toISOString();
  const call = (day, responseTimeMs, ttftMs) => ({ taskType: 'coding', model: 'a', success: true, responseTimeMs, ttftMs, timestamp: at(day) });
  await server.post('/api/analytics/models/outcomes', [call(1, 100, 10), call(1, 200), call(3, 400, 20), { ...call(3, 9000), model: 'b' }]);
  const ask = async (query) => (await server.get(`/api/analytics/models/latency?from=2025-03-01&to=2025-03-04&${query}`)).json;
  const { responseTime, ttft, filters } = await ask('model=a');
  assert.deepEqual(filters, { model: 'a' });
  assert.deepEqual([responseTime.count, ttft.count], [3, 2]);
  assert.deepEqual([responseTime.curve[0], responseTime.curve.at(-1)], [{ percentile: 0, ms: 100 }, { percentile: 100, ms: 400 }]);
  assert.deepEqual(responseTime.buckets.map((b) => [b.date, sum(b.counts)]), [['2025-03-01', 2], ['2025-03-02', 0], ['2025-03-03', 1]]);
  assert.equal(responseTime.bands.length, responseTime.buckets[0].counts.length);
  for (const [i, band] of responseTime.bands.slice(1).entries()) assert.equal(band.over, responseTime.bands[i].upTo, 'one begins where the other ends');
  const none = await ask('model=nobody');
  assert.deepEqual([none.responseTime.count, none.responseTime.curve, none.responseTime.bands], [0, [], []]);
  assert.deepEqual(none.ttft.buckets[0], { date: '2025-03-01', counts: [] });
});

for (const query of ['days=0', 'days=60&bucket=hour', 'group_by=model', 'tz=Mars/Olympus', 'task_type=two%20words']) {
  test(`latency?${query} is refused by name`, async (t) => {
    const server = await startTouchstone(t);
    const got = await server.get(`/api/analytics/models/latency?${query}`);
    assert.deepEqual([got.status, got.json.error.code, got.json.error.param], [400, 'invalid_parameter', query.includes('hour') ? 'bucket' : query.split('=')[0]], got.text);
  });
}

test('an empty database gives empty lists and nulls, never zeros for what is unknown', async (t) => {
  const server = await startTouchstone(t);
  const { summary, byModel, byTaskType, byProvider, recommendations, bestByTask } = (await server.get('/api/analytics/models')).json;
  assert.equal(summary.totalCalls, 0);
  for (const field of ['avgResponseTime', 'successRate', 'satisfactionRate', 'avgTokens', 'medianResponseTime', 'p95ResponseTime', 'medianTtft', 'tokensPerSecond'])
    assert.equal(summary[field], null, field);
  for (const list of [byModel, byTaskType, byProvider]) assert.deepEqual(list, []);
  assert.ok(Array.isArray(recommendations) && Array.isArray(bestByTask));
});

test('the views in SQL say the same', async (t) => {
  const { server, rows } = await filled(t, 300);
  for (const view of sql(server.db, 'SELECT * FROM model_success_rate')) {
    const of = rows.filter((r) => r.model === view.model && r.provider === view.provider);
    assert.equal(view.total_calls, of.length);
    assert.equal(view.successful_calls, of.filter((r) => r.success).length);
    assert.equal(view.failed_calls, of.filter((r) => !r.success).length);
    assert.ok(Math.abs(view.success_rate_percent - figures(of).successRate) < 0.006);
  }
  for (const view of sql(server.db, 'SELECT * FROM model_avg_response_time')) {
    const times = known(rows.filter((r) => r.model === view.model && r.provider === view.provider).map((r) => r.responseTimeMs));
    assert.equal(view.min_response_ms, Math.min(...times));
    assert.equal(view.max_response_ms, Math.max(...times));
    assert.equal(view.median_response_ms, percentile(times, 0.5));
    assert.equal(view.p95_response_ms, percentile(times, 0.95));
  }
});

for (const query of ['days=0', 'days=-1', 'days=1e9', 'days=abc', 'days=7&days=8', 'colour=blue', 'bucket=decade', 'tz=Mars/Olympus', 'group_by=colour',
  'group_by=model,provider,time', 'compare=next', 'from=yesterday', 'from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z', 'task_type=two%20words', 'days=']) {
  test(`?${query} is refused by name`, async (t) => {
    const server = await startTouchstone(t);
    const got = await server.get(`/api/analytics/models?${query}`);
    assert.equal(got.status, 400, got.text);
    assert.equal(got.json.error.code, 'invalid_parameter');
    assert.equal(got.json.error.param, query.split('=')[0] === 'from' && query.includes('to=') ? got.json.error.param : query.split('=')[0]);
  });
}
