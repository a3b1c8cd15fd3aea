// touchstone sql: what it runs and refuses, how it answers, and that its figures are those of the API.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { sql } from '../harness/sql.mjs';
import { root, runToEnd, scratch, startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream } from '../harness/upstream.mjs';

const NAMES = JSON.parse(readFileSync(join(root, 'tests/fixtures/sql_names.json'), 'utf8'));
const DAY = 86_400_000;

// Park and Miller's generator.
function random(seed) {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

function history(count, now) {
  const r = random(23);
  const pick = (list) => list[Math.floor(r() * list.length)];
  const maybe = (p, value) => (r() < p ? value : undefined);
  return Array.from({ length: count }, (_, i) => {
    const model = pick(['a:7b', 'b:13b', 'c:70b']);
    const success = r() > (model === 'a:7b' ? 0.03 : 0.3);
    return {
      id: `s-${i}`, model, provider: pick(['ollama', 'vllm']), taskType: pick(['coding', 'analysis', 'rare']), success,
      timeout: success ? undefined : maybe(0.3, true), responseTimeMs: maybe(0.95, Math.round(50_000 * Math.exp(5 * r())) / 1000),
      ttftMs: maybe(0.8, Math.round(20_000 * Math.exp(3 * r())) / 1000), inputTokens: maybe(0.9, Math.floor(r() * 900)),
      outputTokens: maybe(0.9, 1 + Math.floor(r() * 400)), costUsd: maybe(0.5, Math.round(r() * 1e5) / 1e6),
      messageId: `m-${i}`, timestamp: new Date(now - Math.floor(r() * 29.9 * DAY) - 60_000).toISOString(),
    };
  });
}

// A server with a history and ratings; `ask` runs `touchstone sql` beside it.
async function start(t, { calls = 700 } = {}) {
  const server = await startTouchstone(t);
  const rows = history(calls, Date.now());
  if (calls > 0) assert.equal((await server.post('/api/analytics/models/outcomes', rows)).status, 200);
  for (const [i, row] of rows.entries())
    if (i % 5 === 0) await server.post('/api/analytics/models/feedback', { messageId: row.messageId, rating: i % 3 === 0 ? -1 : 1 });
  const raw = (...args) => runToEnd(t, ['sql', '--db', server.db, ...args], { folder: server.folder });
  const ask = async (query) => {
    const out = await raw('--format', 'json', query);
    assert.equal(out.code, 0, out.stderr);
    return JSON.parse(out.stdout);
  };
  return { server, raw, ask };
}

const key = (row) => `${row.model} ${row.provider}`;
const byKey = (rows) => new Map(rows.map((row) => [key(row), row]));

test('every name and column of the SQL interface is there', async (t) => {
  const { server, raw } = await start(t, { calls: 20 });
  for (const [name, columns] of Object.entries(NAMES)) {
    const out = await raw('--format', 'csv', `SELECT * FROM ${name}`);
    assert.equal(out.code, 0, `${name}: ${out.stderr}`);
    assert.deepEqual(out.stdout.split('\n')[0].split(','), columns, name);
    if (!name.includes('(')) assert.deepEqual(sql(server.db, `SELECT name FROM pragma_table_info('${name}')`).map((c) => c.name), columns);
  }
});

test('the views say what GET /api/analytics/models says, to the digit', async (t) => {
  const { server, ask } = await start(t);
  const api = (await server.get('/api/analytics/models?days=30&group_by=model,task_type')).json;
  const models = byKey(api.byModel);
  const times = await ask('SELECT * FROM model_avg_response_time');
  assert.deepEqual(times.map(key).sort(), [...models.keys()].sort());
  for (const row of times) {
    const m = models.get(key(row));
    assert.deepEqual([row.total_calls, row.avg_response_ms, row.min_response_ms, row.max_response_ms],
      [m.totalCalls, m.avgResponseTime, m.minResponseTime, m.maxResponseTime], key(row));
    // The API's percentiles may come from sketches, which are within 0.55 %.
    for (const [mine, theirs] of [[row.median_response_ms, m.medianResponseTime], [row.p95_response_ms, m.p95ResponseTime]])
      assert.ok(Math.abs(mine - theirs) <= 0.0055 * mine, `${key(row)}: ${mine} and ${theirs}`);
  }
  for (const row of await ask('SELECT * FROM model_success_rate')) {
    const m = models.get(key(row));
    assert.deepEqual([row.total_calls, row.failed_calls, row.success_rate_percent], [m.totalCalls, m.failures, m.successRate]);
    assert.equal(row.successful_calls, m.totalCalls - m.failures - m.cancelled);
  }
  for (const row of await ask('SELECT * FROM model_user_satisfaction')) {
    const m = models.get(key(row));
    assert.deepEqual([row.rated_calls, row.thumbs_up, row.thumbs_down, row.satisfaction_percent],
      [m.ratings.up + m.ratings.down, m.ratings.up, m.ratings.down, m.satisfactionRate]);
  }
  for (const row of await ask('SELECT * FROM model_token_efficiency')) {
    const m = models.get(key(row));
    assert.deepEqual([row.avg_tokens, row.total_input_tokens, row.total_output_tokens], [m.avgTokens, m.inputTokens, m.outputTokens]);
  }
  const best = await ask('SELECT * FROM best_model_by_task');
  assert.deepEqual(best.map((row) => row.task_type), ['analysis', 'coding', 'rare']);
  for (const row of best) {
    const group = api.groups.find((g) => key(g) === key(row) && g.taskType === row.task_type);
    assert.deepEqual([row.total_calls, row.avg_response_ms, row.success_rate, row.satisfaction_rate, row.quality_score],
      [group.totalCalls, group.avgResponseTime, group.successRate, group.satisfactionRate, group.qualityScore], key(row));
    assert.equal(row.quality_score, Math.max(...api.groups.filter((g) => g.taskType === row.task_type).map((g) => g.qualityScore)));
  }
});

test('the trends view says what the API says, day by day', async (t) => {
  const { server, ask } = await start(t);
  const rows = await ask('SELECT * FROM model_performance_trends WHERE task_type = \'coding\'');
  const groups = (await server.get('/api/analytics/models?days=30&task_type=coding&group_by=model,time')).json.groups;
  assert.equal(rows.length, groups.length);
  for (const row of rows) {
    const g = groups.find((x) => key(x) === key(row) && x.date === row.date);
    assert.deepEqual([row.total_calls, row.avg_response_ms, row.success_rate], [g.totalCalls, g.avgResponseTime, g.successRate]);
  }
});

test('get_model_performance_summary is byModel under the names of the views', async (t) => {
  const { server, ask } = await start(t);
  for (const days of [3, 30]) {
    const rows = await ask(`SELECT * FROM get_model_performance_summary(${days})`);
    const { byModel } = (await server.get(`/api/analytics/models?days=${days}`)).json;
    assert.deepEqual(rows.map((r) => ({
      model: r.model, provider: r.provider, totalCalls: r.total_calls, failures: r.failed_calls, timeouts: r.timeouts,
      cancelled: r.cancelled, failedAttempts: r.failed_attempts, successRate: r.success_rate, avgResponseTime: r.avg_response_ms,
      minResponseTime: r.min_response_ms, maxResponseTime: r.max_response_ms, medianResponseTime: r.median_response_ms,
      p95ResponseTime: r.p95_response_ms, p99ResponseTime: r.p99_response_ms, medianTtft: r.median_ttft_ms, p95Ttft: r.p95_ttft_ms,
      tokensPerSecond: r.tokens_per_second, avgTokens: r.avg_tokens, inputTokens: r.input_tokens, outputTokens: r.output_tokens,
      totalTokens: r.total_tokens, totalCost: r.total_cost_usd, ratings: { up: r.thumbs_up, down: r.thumbs_down },
      satisfactionRate: r.satisfaction_rate, qualityScore: r.quality_score, speedScore: r.speed_score, confidence: r.confidence,
      lastUsed: r.last_used,
    })).map((r) => Object.entries(r).sort()), byModel.map((m) => Object.entries(m).sort()));
    assert.ok(rows.every((r) => r.successful_calls === r.total_calls - r.failed_calls - r.cancelled));
  }
});

test('get_best_model_for_task names what the recommender names, with its numbers', async (t) => {
  const { server, ask } = await start(t);
  for (const task of ['coding', 'rare'])
    for (const priority of ['balanced', 'speed', 'quality', 'cost']) {
      const [row] = await ask(`SELECT * FROM get_best_model_for_task('${task}', '${priority}')`);
      const api = (await server.get(`/api/analytics/models/recommend?task_type=${task}&priority=${priority}`)).json;
      // Evidence fades while the two are asked: the effective sample by less than a hundredth in that time.
      assert.ok(Math.abs(row.effective_sample_size - api.effectiveSampleSize) <= 0.01, `${task} ${priority}`);
      assert.deepEqual(
        [row.model, row.provider, row.basis, row.verdict, row.confidence, row.quality_score, row.sample_size, row.reason, row.avg_response_ms,
          row.success_rate, row.satisfaction_rate],
        [api.model, api.provider, api.basis, api.verdict, api.confidence, api.qualityScore, api.sampleSize, api.reason, api.metrics.avgResponseTime,
          api.metrics.successRate, api.metrics.satisfactionRate], `${task} ${priority}`);
      for (const [mine, theirs] of [[row.p_best, api.pBest], [row.expected_loss, api.expectedLoss], [row.interval_low, api.interval.low], [row.interval_high, api.interval.high]])
        assert.ok(Math.abs(mine - theirs) <= 0.011, `${task} ${priority}: ${mine} and ${theirs}`);
    }
});

test('the older documents\' own queries run', async (t) => {
  const { ask } = await start(t);
  assert.equal((await ask('SELECT COUNT(*) FROM model_performance_metrics;'))[0]['COUNT(*)'], 700);
  const usage = await ask(`SELECT model, COUNT(*) as calls FROM model_performance_metrics
    WHERE timestamp >= datetime('now', '-30 days') GROUP BY model ORDER BY calls DESC`);
  assert.equal(usage.reduce((n, row) => n + row.calls, 0), 700);
  const ranked = await ask(`SELECT model_id, ROUND(100.0 * successes / (successes + failures), 1) as success_rate, total_tokens, total_cost
    FROM model_stats WHERE task_type = 'coding' ORDER BY success_rate DESC`);
  assert.deepEqual(ranked.map((row) => row.model_id)[0], 'a:7b');
  const daily = await ask(`SELECT DATE(timestamp) as day, model_id, COUNT(*) as attempts, SUM(success) as wins,
    ROUND(100.0 * SUM(success) / COUNT(*), 1) as daily_success_rate FROM model_outcomes
    WHERE task_type = 'coding' AND timestamp > date('now', '-30 days') GROUP BY day, model_id ORDER BY day DESC`);
  assert.ok(daily.length > 20);
  const stats = await ask('SELECT task_type, model_id, successes, failures, total_tokens, round(total_cost, 6) AS cost FROM model_stats ORDER BY 1, 2');
  const counted = await ask('SELECT task_type, model_id, successes, failures, total_tokens, round(coalesce(total_cost, 0), 6) AS cost FROM model_performance ORDER BY 1, 2');
  assert.deepEqual(counted, stats);
});

test('a call that just ended is seen beside the running server, and nothing is changed', async (t) => {
  const upstream = await startUpstream(t, { reply: answer({ tokens: ['a', 'b'] }) });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream } });
  await server.post('/api/generate', { model: 'llama3.2:7b', prompt: 'Hello' });
  const before = statSync(`${server.db}-wal`).size;
  const out = await runToEnd(t, ['sql', '--db', server.db, 'SELECT model, success FROM model_performance_metrics'], { folder: server.folder });
  assert.equal(out.stdout, 'model,success\nllama3.2:7b,1\n');
  assert.equal(statSync(`${server.db}-wal`).size, before);
});

test('it works without a server, and a missing database is not made', async (t) => {
  const server = await startTouchstone(t);
  await server.stop();
  const out = await runToEnd(t, ['sql', '--db', server.db, 'SELECT count(*) AS n FROM calls']);
  assert.equal(out.stdout, 'n\n0\n');
  const folder = scratch(t);
  const missing = await runToEnd(t, ['sql', 'SELECT 1'], { folder });
  assert.equal(missing.code, 74);
  assert.match(missing.stderr, /touchstone\.db: there is no database yet.*--db/);
  assert.equal(existsSync(join(folder, 'touchstone')), false);
});

test('the SQL may come from stdin, and its faults are pointed at', async (t) => {
  const { server } = await start(t, { calls: 0 });
  const run = (input, args = ['-']) => runToEnd(t, ['sql', '--db', server.db, ...args], { input });
  assert.equal((await run('SELECT 1 AS a;\nSELECT 2 AS b;\n')).stdout, 'a\n1\n\nb\n2\n');
  assert.equal((await run('SELECT 1 AS a', [])).stdout, 'a\n1\n');
  const fault = await run('SELECT 1 AS a;\nSELECT model,\n       modle FROM calls');
  assert.equal(fault.code, 65);
  assert.equal(fault.stdout, 'a\n1\n');
  assert.equal(fault.stderr, 'touchstone: line 3: no such column: modle\n         modle FROM calls\n         ^\n');
  assert.match((await run('SELECT * FROM nowhere')).stderr, /no such table: nowhere\n {2}SELECT \* FROM nowhere\n {16}\^\n/);
  assert.equal((await run('')).code, 64);
});

test('what would write is refused with 65, wrong usage with 64', async (t) => {
  const { server, raw } = await start(t, { calls: 5 });
  for (const query of ['DELETE FROM call', 'UPDATE call SET rating = 1', 'DROP TABLE call', 'ATTACH \'x.db\' AS x', 'PRAGMA wal_checkpoint(TRUNCATE)',
    'VACUUM INTO \'x.db\'', 'SELECT load_extension(\'x\')', 'SELEC 1', 'SELECT * FROM get_best_model_for_task(\'coding\', \'fast\')']) {
    const out = await raw(query);
    assert.equal(out.code, 65, query);
    assert.equal(out.stdout, '', query);
    assert.match(out.stderr, /^touchstone: .+\n/, query);
  }
  assert.equal(sql(server.db, 'SELECT count(*) AS n FROM call')[0].n, 5);
  for (const args of [['--format', 'xml', 'SELECT 1'], ['--formt', 'csv', 'SELECT 1'], ['SELECT 1', 'SELECT 2'], ['--format']])
    assert.equal((await raw(...args)).code, 64, args.join(' '));
});

test('each format says the same', async (t) => {
  const { raw } = await start(t, { calls: 0 });
  const query = 'SELECT 1 AS n, \'a "b", c\' AS t, NULL AS u, 0.5 AS r';
  const as = async (format) => (await raw('-f', format, query)).stdout;
  assert.equal(await as('csv'), 'n,t,u,r\n1,"a ""b"", c",,0.5\n');
  assert.deepEqual(JSON.parse(await as('json')), [{ n: 1, t: 'a "b", c', u: null, r: 0.5 }]);
  assert.deepEqual(JSON.parse(await as('ndjson')), { n: 1, t: 'a "b", c', u: null, r: 0.5 });
  assert.equal(await as('line'), 'n = 1\nt = a "b", c\nu = NULL\nr = 0.5\n');
  assert.equal(await as('table'), 'n  t         u     r\n-  --------  ----  ---\n1  a "b", c  NULL  0.5\n');
});

for (const running of [true, false]) {
  test(`cleanup_old_performance_data() deletes what is past the retention (server: ${running})`, async (t) => {
    const env = { TOUCHSTONE_RETENTION_DAYS: '90' };
    const server = await startTouchstone(t, { env });
    const call = (i) => ({ id: `o${i}`, model: 'm', taskType: 'coding', success: true, responseTimeMs: 5, timestamp: new Date(Date.now() - (i < 7 ? 200 : 20) * DAY).toISOString() });
    await server.post('/api/analytics/models/outcomes', Array.from({ length: 10 }, (_, i) => call(i)));
    if (!running) await server.stop();
    const out = await runToEnd(t, ['sql', '--db', server.db, '-f', 'csv', 'SELECT cleanup_old_performance_data() AS deleted'], { env });
    assert.equal(out.code, 0, out.stderr);
    assert.equal(out.stdout, 'deleted\n7\n');
    assert.equal(sql(server.db, 'SELECT count(*) AS n FROM call')[0].n, 3);
  });
}

test('help tells of formats and functions', async (t) => {
  const out = await runToEnd(t, ['sql', '--help']);
  assert.equal(out.code, 0);
  for (const word of ['--format table|csv|json|ndjson|line', 'get_best_model_for_task', '--db FILE', 'SQL|-']) assert.ok(out.stdout.includes(word), word);
});
