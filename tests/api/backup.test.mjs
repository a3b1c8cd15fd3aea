// touchstone backup: a copy of the database, with a running server and without.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { sql } from '../harness/sql.mjs';
import { runToEnd, scratch, startTouchstone as start } from '../harness/touchstone.mjs';
import { answer, startUpstream } from '../harness/upstream.mjs';

// The rows of these tests are of a fixed day, which gets older: nothing is deleted for its age.
const KEEP = { TOUCHSTONE_RETENTION_DAYS: '0' };
const startTouchstone = (t, options = {}) => start(t, { ...options, env: { ...KEEP, ...options.env } });

const row = (i) => JSON.stringify({ model: 'm', taskType: 'coding', success: true, id: `row-${i}`, timestamp: new Date(1777000000000 + i).toISOString(), metadata: { text: 'x'.repeat(100) } });
const rows = (n) => Array.from({ length: n }, (_, i) => row(i)).join('\n');
const count = (db) => sql(db, 'SELECT count(*) AS n FROM call')[0].n;
const leftovers = (folder) => readdirSync(folder).filter((f) => f.includes('.part'));

function commands(t, db) {
  const folder = scratch(t);
  const run = (args, more = {}) => runToEnd(t, args, { folder, env: { ...KEEP, TOUCHSTONE_DB: db ?? join(folder, 'calls.db') }, timeoutMs: 60_000, ...more });
  return { folder, run, db: db ?? join(folder, 'calls.db') };
}

test('a copy opens, is sound, private, and the same; it is never overwritten unasked', async (t) => {
  for (const with_server of [false, true]) {
    await t.test(with_server ? 'while a server runs' : 'without a server', async (t) => {
      const server = with_server ? await startTouchstone(t) : null;
      const p = commands(t, server?.db);
      await p.run(['import', '-'], { input: rows(3000) });
      const got = await p.run(['backup', 'copy.db']);
      assert.equal(got.code, 0, got.stderr);
      const copy = join(p.folder, 'copy.db');
      assert.equal(got.stdout, `copy.db: ${statSync(copy).size} bytes, whole and sound\n`);
      assert.equal(got.stderr, '', 'no progress where there is no terminal');
      assert.equal(statSync(copy).mode & 0o777, 0o600);
      assert.deepEqual(sql(copy, 'PRAGMA integrity_check'), [{ integrity_check: 'ok' }]);
      assert.deepEqual(sql(copy, 'SELECT * FROM model_performance_metrics ORDER BY id'), sql(p.db, 'SELECT * FROM model_performance_metrics ORDER BY id'));
      assert.deepEqual(leftovers(p.folder), []);

      const before = readFileSync(copy);
      await p.run(['import', '-'], { input: row(5000) });
      const again = await p.run(['backup', 'copy.db']);
      assert.equal(again.code, 74);
      assert.match(again.stderr, /copy\.db is there already; --force replaces it/);
      assert.deepEqual(readFileSync(copy), before);
      assert.equal((await p.run(['backup', '--force', 'copy.db'])).code, 0);
      assert.equal(count(copy), 3001);
    });
  }
});

test('a copy made under traffic can be served, with every call that was answered before it began', async (t) => {
  const upstream = await startUpstream(t, { models: ['m'], reply: answer() });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream } });
  const p = commands(t, server.db);
  await p.run(['import', '-'], { input: rows(8000) });
  const answered = [];
  let over = false;
  const clients = Array.from({ length: 4 }, async () => {
    while (!over) answered.push((await server.post('/api/generate', { model: 'm', prompt: 'p' })).headers['x-touchstone-request-id']);
  });
  while (answered.length < 20) await sleep(5);
  const before = [...answered];
  const got = await p.run(['backup', 'copy.db']);
  over = true;
  await Promise.all(clients);
  assert.equal(got.code, 0, got.stderr);
  const copy = join(p.folder, 'copy.db');
  const ids = new Set(sql(copy, 'SELECT id FROM calls WHERE reported = 0').map((r) => r.id));
  for (const id of before) assert.ok(ids.has(id), id);
  assert.deepEqual(sql(copy, 'SELECT sum(successes) AS n FROM model_stats'), [{ n: count(copy) }], 'figures and rows are of one moment');
  const restored = await startTouchstone(t, { db: copy, upstreams: { ollama: upstream } });
  assert.equal((await restored.get(`/api/requests/${before[0]}`)).status, 200);
  assert.equal((await restored.post('/api/generate', { model: 'm', prompt: 'p' })).status, 200);
});

test('places where no copy can be are told, and nothing is left there', async (t) => {
  const server = await startTouchstone(t);
  const p = commands(t, server.db);
  await p.run(['import', '-'], { input: rows(3) });
  const bad = [
    [['backup'], 64, /needs to be told more/], [['backup', 'a', 'b'], 64, /"b"/], [['backup', 'folder/'], 64, /names a folder/], [['backup', 'no/such/copy.db'], 74, /no\/such\/copy\.db/],
    [['backup', '--force', server.db], 74, /is the database itself/], [['backup', p.folder], 74, /is no regular file/], [['backup', '/proc/copy.db'], 74, /cannot write \/proc\/copy\.db/],
  ];
  for (const [args, code, said] of bad) {
    const got = await p.run(args);
    assert.equal(got.code, code, `${args}: ${got.stderr}`);
    assert.match(got.stderr, said);
  }
  assert.equal(count(server.db), 3);
  assert.deepEqual(leftovers(p.folder), []);
  const none = commands(t);
  const got = await none.run(['backup', 'copy.db']);
  assert.equal(got.code, 74);
  assert.match(got.stderr, /there is no database/);
  assert.deepEqual(readdirSync(none.folder), []);
});

test('a command that leaves breaks its backup off', async (t) => {
  const server = await startTouchstone(t);
  const p = commands(t, server.db);
  await p.run(['import', '-'], { input: rows(20_000) });
  mkdirSync(join(p.folder, 'to'));
  const to = join(p.folder, 'to', 'copy.db');
  const socket = net.connect(`${server.db}.sock`);
  socket.on('error', () => {});
  socket.write(`${JSON.stringify({ verb: 'backup', to })}\n`);
  while (leftovers(join(p.folder, 'to')).length === 0) await sleep(1);
  socket.destroy();
  for (let n = 0; leftovers(join(p.folder, 'to')).length > 0 && n < 1000; n++) await sleep(10);
  assert.deepEqual(leftovers(join(p.folder, 'to')), []);
  assert.equal((await p.run(['backup', '--force', to])).code, 0);
  assert.equal(count(to), 20_000);
});

test('a server that is told to stop in the middle of a backup stops', async (t) => {
  const server = await startTouchstone(t);
  const p = commands(t, server.db);
  await p.run(['import', '-'], { input: rows(20_000) });
  writeFileSync(join(p.folder, 'marker'), '');
  const running = p.run(['backup', 'copy.db']);
  while (leftovers(p.folder).length === 0) await sleep(1);
  await server.stop();
  const got = await running;
  assert.ok([0, 69].includes(got.code), got.stderr);
  assert.deepEqual(leftovers(p.folder), []);
});
