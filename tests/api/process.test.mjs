// Starting, sharing, stopping.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { cleanup } from '../harness/cleanup.mjs';
import { raw } from '../harness/http.mjs';
import { sql } from '../harness/sql.mjs';
import { freePort, runToEnd, slack, startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream, words } from '../harness/upstream.mjs';

async function start(t, reply, more = {}) {
  const upstream = await startUpstream(t, { models: ['m'], reply });
  return { upstream, server: await startTouchstone(t, { upstreams: { ollama: upstream }, ...more }) };
}

const BODY = { model: 'm', prompt: 'p' };

test('a second one on the same port ends with 69 and says which', async (t) => {
  const { server } = await start(t);
  const got = await runToEnd(t, [], { env: { TOUCHSTONE_LISTEN: `127.0.0.1:${server.port}`, TOUCHSTONE_DISCOVERY: 'off' } });
  assert.equal(got.code, 69, got.stderr);
  assert.match(got.stderr, new RegExp(`${server.port}`));
  assert.equal((await server.get('/healthz')).status, 200);
});

test('a second one on the same database does not harm the first', async (t) => {
  const { server } = await start(t);
  const got = await runToEnd(t, [], {
    env: { TOUCHSTONE_LISTEN: `127.0.0.1:${await freePort()}`, TOUCHSTONE_DB: server.db, TOUCHSTONE_DB_REQUIRED: 'on', TOUCHSTONE_DISCOVERY: 'off' },
  });
  assert.equal(got.code, 69, got.stderr);
  await server.post('/api/generate', BODY);
  assert.equal(sql(server.db, 'SELECT count(*) AS n FROM model_performance_metrics')[0].n, 1);
});

test('the database is private to its owner', async (t) => {
  const { server } = await start(t);
  assert.equal(statSync(server.db).mode & 0o777, 0o600);
});

test('SIGTERM lets streams finish, refuses new ones and ends with 0', async (t) => {
  const { server } = await start(t, answer({ tokens: words(20), gapMs: 50 }));
  const streams = Array.from({ length: 10 }, () => server.post('/api/generate', BODY));
  await sleep(300);
  server.signal('SIGTERM');
  const told = performance.now();
  for (let refused = false; !refused;) {
    refused = await server.get('/readyz').then((got) => got.status === 503, () => true);
    assert.ok(performance.now() - told < 500 * slack, 'still taking requests');
  }
  for (const got of await Promise.all(streams)) assert.equal(got.lines.at(-1).done, true, got.text.slice(-200));
  const last = performance.now();
  await server.stop();
  assert.ok(performance.now() - last < 1500 * slack, `ended ${performance.now() - last} ms after the last stream`);
  assert.equal(sql(server.db, 'SELECT count(*) AS n FROM model_performance_metrics')[0].n, 10);
});

test('a second SIGTERM ends it at once, and running calls are recorded', async (t) => {
  const { server } = await start(t, answer({ tokens: words(200), gapMs: 50 }));
  const stream = server.post('/api/generate', BODY).catch((error) => error);
  await sleep(300);
  server.signal('SIGTERM');
  await sleep(100);
  const told = performance.now();
  await server.stop();
  assert.ok(performance.now() - told < 2000 * slack, `${performance.now() - told} ms`);
  await stream;
  const rows = sql(server.db, 'SELECT success FROM model_performance_metrics');
  assert.equal(rows.length, 1);
  assert.notEqual(rows[0].success, 1);
});

test('a client that reads nothing is not waited for beyond the time for running answers', async (t) => {
  const { server } = await start(t, answer({ tokens: Array.from({ length: 4000 }, () => 'x'.repeat(2000)) }), { env: { TOUCHSTONE_DRAIN_TIMEOUT_MS: '500' } });
  const client = net.connect(server.port, '127.0.0.1');
  cleanup(t, () => client.destroy());
  client.pause();
  client.on('error', () => {});
  client.write(`POST /api/generate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${JSON.stringify(BODY).length}\r\n\r\n${JSON.stringify(BODY)}`);
  await sleep(700); // every buffer on the way is full
  const told = performance.now();
  await server.stop();
  const took = performance.now() - told;
  assert.ok(took >= 400, `the answer had ${took} ms`);
  assert.ok(took < 1500 * slack, `stopped after ${took} ms`);
  assert.deepEqual(sql(server.db, 'SELECT outcome FROM calls'), [{ outcome: 'cancelled' }]);
});

test('what was recorded is there after a restart', async (t) => {
  const { server, upstream } = await start(t);
  const got = await server.post('/api/generate', BODY);
  await server.stop();
  const again = await startTouchstone(t, { upstreams: { ollama: upstream }, db: server.db });
  assert.equal((await again.get(`/api/requests/${got.headers['x-touchstone-request-id']}`)).status, 200);
  const next = await again.post('/api/generate', BODY);
  assert.notEqual(next.headers['x-touchstone-request-id'], got.headers['x-touchstone-request-id']);
});

test('an HTTP/1.0 client gets its stream until close, token by token', async (t) => {
  const { server } = await start(t, answer({ tokens: words(5), gapMs: 60 }));
  const body = JSON.stringify(BODY);
  const seen = [];
  const got = await raw(server.port, `POST /api/generate HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`, {
    timeoutMs: 5000 * slack, until: (text) => { seen.push([performance.now(), text.length]); return false; },
  });
  assert.equal(got.why, 'closed');
  assert.equal(got.status, 200);
  assert.equal(got.headers['transfer-encoding'], undefined);
  const lines = got.rest.trim().split('\n').map((l) => JSON.parse(l));
  assert.equal(lines.at(-1).done, true);
  const times = seen.map(([at]) => at);
  assert.ok(times.at(-1) - times[0] > 4 * 60 - 40, 'spread over the time it took');
});

test('pipelined requests are answered in order', async (t) => {
  const { server } = await start(t);
  const one = (path) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
  const got = await raw(server.port, one('/version') + one('/api/tags') + one('/healthz'), { until: (text) => text.split('HTTP/1.1 200').length === 4 });
  assert.equal(got.why, 'until');
  assert.ok(got.text.indexOf('"version"') < got.text.indexOf('"models"'));
});

test('a client that sends its request slowly is cut at the deadline', { timeout: 60_000 }, async (t) => {
  const { server } = await start(t);
  const socket = raw(server.port, 'GET /healthz HTTP/1.1\r\n', { timeoutMs: 15_000 });
  const body = raw(server.port, 'POST /api/generate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{', { timeoutMs: 35_000 });
  const head = await socket;
  assert.notEqual(head.why, 'timeout');
  assert.ok(head.ms <= 11_500, `${head.ms} ms`);
  assert.ok([0, 408].includes(head.status));
  const slow = await body;
  assert.notEqual(slow.why, 'timeout');
  assert.ok(slow.ms <= 32_000, `${slow.ms} ms`);
});

test('more generations than the limit: 503 with Retry-After, and the others go on', async (t) => {
  const { server } = await start(t, answer({ tokens: words(5), gapMs: 100 }), { env: { TOUCHSTONE_MAX_IN_FLIGHT: '3' } });
  const running = Array.from({ length: 3 }, () => server.post('/api/generate', BODY));
  await sleep(200);
  const over = await server.post('/api/generate', BODY);
  assert.equal(over.status, 503);
  assert.ok(Number(over.headers['retry-after']) >= 1);
  for (const got of await Promise.all(running)) assert.equal(got.lines.at(-1).done, true);
});

test('without tracking nothing is recorded and everything streams', async (t) => {
  const { server } = await start(t, answer(), { env: { TOUCHSTONE_TRACKING: 'off' } });
  assert.equal((await server.post('/api/generate', BODY)).lines.at(-1).done, true);
  assert.equal((await server.get('/api/analytics/models')).json.summary.totalCalls, 0);
});

test('with debug every recorded call is a line in the log', async (t) => {
  const { server } = await start(t, answer(), { env: { TOUCHSTONE_LOG: 'debug' } });
  await server.post('/api/generate', { ...BODY, touchstone: { taskType: 'coding', complexity: 'complex' } });
  await sleep(50);
  assert.match(server.stderr, /\[PerformanceTracking\] Logged metrics: \d+ms, coding, complex/);
});

test('no prompt, answer or key is in the log or, by default, in the database', async (t) => {
  const { readFileSync } = await import('node:fs');
  const { server } = await start(t, answer({ tokens: ['canary-answer'] }), { env: { TOUCHSTONE_LOG: 'debug' } });
  await server.post('/api/generate', { ...BODY, prompt: 'canary-prompt' });
  await server.stop();
  const all = server.stderr + server.stdout + readFileSync(server.db, 'latin1');
  assert.ok(!all.includes('canary'), 'text leaked');
});

test('two loops share the port and the work', async (t) => {
  const { server } = await start(t, answer({ tokens: words(3), gapMs: 5 }), { env: { TOUCHSTONE_LOOPS: '2' } });
  const got = await Promise.all(Array.from({ length: 60 }, () => server.post('/api/generate', BODY)));
  for (const one of got) assert.equal(one.lines.at(-1).done, true);
  assert.equal((await server.get('/api/analytics/models')).json.summary.totalCalls, 60);
});

test('touchstone demo runs by itself, says that it is simulated and leaves nothing', async (t) => {
  const port = await freePort();
  const server = await startTouchstone(t, { args: ['demo'], port, db: undefined });
  assert.match(server.stderr + server.stdout, /simulated|demo/i);
  const { models } = (await server.get('/api/tags')).json;
  assert.ok(models.length >= 2);
  const got = await server.post('/api/generate', { model: models[0].name, prompt: 'Hello' });
  assert.equal(got.status, 200);
  const { requests } = (await server.get('/api/requests?limit=50')).json;
  assert.ok(requests.every((call) => call.simulated === true), 'live calls are marked, too');
  const { summary, byModel, bestByTask, recommendations } = (await server.get('/api/analytics/models?days=30')).json;
  assert.ok(summary.totalCalls > 100);
  for (const sign of ['failures', 'timeouts', 'cancelled', 'failedAttempts', 'totalCost'])
    assert.ok(summary[sign] > 0, `something to see of ${sign}`);
  const verdict = (task) => bestByTask.find((b) => b.taskType === task).verdict;
  assert.equal(verdict('coding'), 'recommend');
  assert.ok(bestByTask.some((b) => b.verdict === 'insufficient'));
  assert.ok(byModel.some((m) => m.totalCalls < 20), 'a provisional model');
  assert.ok(byModel.some((m) => m.satisfactionRate < 65 && m.totalCalls > 100), 'a model that is not liked');
  assert.ok(recommendations.length > 0 && recommendations.length <= 8);
  assert.equal(new Set(recommendations.map((r) => `${r.kind} ${r.model ?? r.taskType}`)).size, recommendations.length);
  for (const { message } of recommendations) assert.doesNotMatch(message, /general_chat|file_processing|function_calling/);
});
