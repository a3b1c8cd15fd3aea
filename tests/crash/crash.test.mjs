// kill -9 under load: what a client saw the end of is in the database, once, and the file is sound.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { sql } from '../harness/sql.mjs';
import { freePort, scratch, slack, startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream, words } from '../harness/upstream.mjs';

const ROUNDS = Number(process.env.TS_KILL_ROUNDS ?? 20);
const WORKERS = 8;

// Generates until told to stop; keeps the ids of the calls whose end it saw.
async function load(server, acknowledged, over) {
  while (!over.aborted) {
    const got = await server.post('/api/generate', { model: 'm', prompt: 'p' }).catch(() => null);
    if (!got) await sleep(1);
    else if (!got.error && got.status === 200 && got.text.trimEnd().endsWith('}') && got.lines.at(-1).done === true)
      acknowledged.push(got.headers['x-touchstone-request-id']);
  }
}

// Every acknowledged call has its row, once. Public ids sort by time, so only the rows since the first
// of them need to be looked at.
function assertKept(db, acknowledged, when) {
  if (acknowledged.length === 0) return;
  const first = acknowledged.reduce((a, b) => (a < b ? a : b));
  const found = sql(db, `SELECT id FROM model_performance_metrics WHERE id >= '${first}'`).map((r) => r.id);
  const ids = new Set(found);
  assert.equal(ids.size, found.length, `${when}: a row twice`);
  assert.deepEqual(acknowledged.filter((id) => !ids.has(id)), [], `${when}: acknowledged and lost`);
}

test(`${ROUNDS} times killed under load, nothing lost, nothing twice, nothing torn`, { timeout: (60 + ROUNDS * 2) * 1000 * slack }, async (t) => {
  const upstream = await startUpstream(t, { models: ['m'], reply: answer({ tokens: words(3), gapMs: 1 }) });
  const folder = scratch(t);
  const port = await freePort();
  const db = `${folder}/touchstone.db`;
  const everything = []; // acknowledged so far
  let slowest = 0;
  let state = 4711;
  const next = (n) => (state = (state * 48271) % 2147483647) % n;
  for (let round = 0; round < ROUNDS; round++) {
    const begun = performance.now();
    const server = await startTouchstone(t, { upstreams: { ollama: upstream }, folder, port, db, expectEnd: false });
    slowest = Math.max(slowest, performance.now() - begun);
    const acknowledged = [];
    const over = new AbortController();
    const workers = Array.from({ length: WORKERS }, () => load(server, acknowledged, over.signal));
    await sleep(20 + next(150));
    await server.kill();
    over.abort();
    await Promise.all(workers);
    everything.push(...acknowledged);
    assert.ok(acknowledged.length > 0 || round > 0, 'the load was never answered');
    const again = await startTouchstone(t, { upstreams: { ollama: upstream }, folder, port, db, expectEnd: false });
    assertKept(db, acknowledged, `round ${round}`);
    await again.kill();
    if (round % 20 !== 19 && round !== ROUNDS - 1) continue;
    assertKept(db, everything, `after round ${round}`);
    assert.deepEqual(sql(db, 'PRAGMA integrity_check'), [{ integrity_check: 'ok' }]);
  }
  t.diagnostic(`${ROUNDS} rounds, ${everything.length} acknowledged calls, none lost; slowest start ${slowest.toFixed(0)} ms`);
  assert.ok(everything.length > ROUNDS, `only ${everything.length} calls`);
});
