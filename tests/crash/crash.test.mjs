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

test(`${ROUNDS} times killed under load, nothing lost, nothing twice, nothing torn`, { timeout: (60 + ROUNDS * 2) * 1000 * slack }, async (t) => {
  const upstream = await startUpstream(t, { models: ['m'], reply: answer({ tokens: words(3), gapMs: 1 }) });
  const folder = scratch(t);
  const port = await freePort();
  const db = `${folder}/touchstone.db`;
  let total = 0;
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
    total += acknowledged.length;
    assert.ok(acknowledged.length > 0 || round > 0, 'the load was never answered');
    const again = await startTouchstone(t, { upstreams: { ollama: upstream }, folder, port, db, expectEnd: false });
    const found = sql(db, 'SELECT id FROM model_performance_metrics').map((r) => r.id);
    await again.kill();
    const ids = new Set(found);
    assert.equal(ids.size, found.length, `round ${round}: a row twice`);
    const lost = acknowledged.filter((id) => !ids.has(id));
    assert.deepEqual(lost, [], `round ${round}: acknowledged and lost`);
    if (round % 20 === 19 || round === ROUNDS - 1) assert.deepEqual(sql(db, 'PRAGMA integrity_check'), [{ integrity_check: 'ok' }]);
  }
  t.diagnostic(`${ROUNDS} rounds, ${total} acknowledged calls, none lost; slowest start ${slowest.toFixed(0)} ms`);
  assert.ok(total > ROUNDS, `only ${total} calls`);
});
