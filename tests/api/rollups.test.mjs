// touchstone rebuild-rollups, with a running server and without: answers stay as they are.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sql } from '../harness/sql.mjs';
import { runToEnd, startTouchstone } from '../harness/touchstone.mjs';

const DAY_MS = 86_400_000;

async function report(server) {
  const calls = Array.from({ length: 300 }, (_, i) => ({
    taskType: i % 3 ? 'coding' : 'analysis', model: `m${i % 4}`, provider: 'p', success: i % 7 > 0, responseTimeMs: 100 + 37 * i,
    ttftMs: 20 + i, outputTokens: i, timestamp: new Date(Date.now() - (i % 9) * DAY_MS - i * 60_000).toISOString(),
  }));
  const told = await fetch(`${server.url}/api/analytics/models/outcomes`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(calls) });
  assert.equal(told.status, 200, await told.text());
}

const ask = async (server, window) => (await fetch(`${server.url}/api/analytics/models?${window}&group_by=model,time&tz=Asia/Kolkata`)).json();
const days = (db) => sql(db, 'SELECT count(DISTINCT (id >> 20) / 86400000) AS n FROM call')[0].n;

test('rebuild-rollups makes the same cells while a server answers from them', async (t) => {
  const server = await startTouchstone(t);
  await report(server);
  const window = `from=${new Date(Date.now() - 8.3 * DAY_MS).toISOString()}&to=${new Date().toISOString()}`;
  const before = await ask(server, window);
  assert.ok(before.summary.totalCalls > 200);
  const cells = sql(server.db, 'SELECT cell_id, hex(body) AS body FROM rollup ORDER BY cell_id');
  const got = await runToEnd(t, ['rebuild-rollups'], { env: { TOUCHSTONE_DB: server.db } });
  assert.equal(got.code, 0, got.stderr);
  assert.equal(got.stdout, `the roll-ups of ${days(server.db)} days were made anew\n`);
  assert.deepEqual(sql(server.db, 'SELECT cell_id, hex(body) AS body FROM rollup ORDER BY cell_id'), cells);
  assert.deepEqual(await ask(server, window), before);
});

test('rebuild-rollups says what is wrong with its words or its database', async (t) => {
  assert.equal((await runToEnd(t, ['rebuild-rollups', 'now'])).code, 64);
  assert.notEqual((await runToEnd(t, ['rebuild-rollups'], { env: { TOUCHSTONE_DB: '/nowhere/there/is.db' } })).code, 0);
});
