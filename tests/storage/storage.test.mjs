// A database in trouble never stops a stream: missing, foreign, locked, read-only, full.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { cleanup } from '../harness/cleanup.mjs';
import { lockDatabase, sql } from '../harness/sql.mjs';
import { freePort, runToEnd, scratch, slack, startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream, words } from '../harness/upstream.mjs';

const BODY = { model: 'm', prompt: 'p' };
const upstreamOf = (t) => startUpstream(t, { models: ['m'], reply: answer({ tokens: words(3) }) });
const rows = (db) => sql(db, 'SELECT count(*) AS n FROM model_performance_metrics')[0].n;

async function stream(server) {
  const got = await server.post('/api/generate', BODY);
  assert.equal(got.lines.at(-1).done, true, got.text);
  return got.headers['x-touchstone-request-id'];
}

async function until(what, timeoutMs = 5000) {
  for (const end = Date.now() + timeoutMs * slack; !(await what());) {
    assert.ok(Date.now() < end, `never happened: ${what}`);
    await sleep(20);
  }
}

const status = async (server) => (await server.get('/readyz')).json.status;

test('a missing folder is made', async (t) => {
  const db = join(scratch(t), 'a/b/c/touchstone.db');
  const server = await startTouchstone(t, { upstreams: { ollama: await upstreamOf(t) }, db });
  await stream(server);
  assert.equal(rows(db), 1);
});

test('a file that is not ours is refused with its path and never touched', async (t) => {
  const folder = scratch(t);
  const text = join(folder, 'notes.txt');
  writeFileSync(text, 'shopping list\n');
  const foreign = join(folder, 'foreign.db');
  execFileSync('sqlite3', [foreign, 'CREATE TABLE mine(x); INSERT INTO mine VALUES (1); PRAGMA user_version = 3;']);
  const newer = join(folder, 'newer.db');
  const first = await startTouchstone(t, { upstreams: { ollama: await upstreamOf(t) }, db: newer });
  await first.stop();
  execFileSync('sqlite3', [newer, 'PRAGMA user_version = 99999;']);
  for (const file of [text, foreign, newer]) {
    const before = readFileSync(file);
    const got = await runToEnd(t, [], { folder, env: { TOUCHSTONE_DB: file, TOUCHSTONE_LISTEN: `127.0.0.1:${await freePort()}`, TOUCHSTONE_DISCOVERY: 'off' } });
    assert.equal(got.code, 65, got.stderr);
    assert.ok(got.stderr.includes(file), got.stderr);
    assert.deepEqual(readFileSync(file), before, 'it was changed');
    assert.ok(!existsSync(`${file}-wal`) || !readFileSync(`${file}-wal`).length);
  }
});

test('a database that cannot be created: streams go on, the state says so, required means exit', async (t) => {
  const db = '/proc/nowhere/touchstone.db';
  const server = await startTouchstone(t, { upstreams: { ollama: await upstreamOf(t) }, db });
  assert.equal(await status(server), 'degraded');
  await stream(server);
  const analytics = await server.get('/api/analytics/models');
  assert.equal(analytics.status, 503);
  assert.equal(analytics.json.error.code, 'storage_unavailable');
  const got = await runToEnd(t, [], { env: { TOUCHSTONE_DB: db, TOUCHSTONE_DB_REQUIRED: 'on', TOUCHSTONE_LISTEN: `127.0.0.1:${await freePort()}`, TOUCHSTONE_DISCOVERY: 'off' } });
  assert.equal(got.code, 74, got.stderr);
  assert.ok(got.stderr.includes('/proc/nowhere'), got.stderr);
});

// Holds the write lock of a database in a process of its own until told.

test('a database that another process locks: streams go on within the ceiling, rows come later, none lost', async (t) => {
  const server = await startTouchstone(t, { upstreams: { ollama: await upstreamOf(t) } });
  await stream(server);
  const release = await lockDatabase(t, server.db);
  const begun = performance.now();
  const ids = await Promise.all(Array.from({ length: 20 }, () => stream(server)));
  assert.ok(performance.now() - begun < 2500 * slack, `${performance.now() - begun} ms`);
  await until(async () => (await status(server)) === 'degraded');
  const rate = await server.post('/api/analytics/models/feedback', { requestId: ids[0], rating: 1 });
  assert.equal(rate.status, 503, rate.text);
  assert.ok(Number(rate.headers['retry-after']) >= 1);
  release();
  await until(() => rows(server.db) === 21, 15_000);
  await until(async () => (await status(server)) === 'ok');
  const found = new Set(sql(server.db, 'SELECT id FROM model_performance_metrics').map((r) => r.id));
  assert.ok(ids.every((id) => found.has(id)));
});

test('rows that wait in the spool survive kill -9', async (t) => {
  const upstream = await upstreamOf(t);
  const folder = scratch(t);
  const server = await startTouchstone(t, { upstreams: { ollama: upstream }, folder, expectEnd: false });
  await stream(server);
  const release = await lockDatabase(t, server.db);
  const ids = await Promise.all(Array.from({ length: 5 }, () => stream(server)));
  await server.kill();
  release();
  await sleep(100);
  const again = await startTouchstone(t, { upstreams: { ollama: upstream }, db: server.db });
  await until(() => rows(again.db) === 6);
  const found = new Set(sql(again.db, 'SELECT id FROM model_performance_metrics').map((r) => r.id));
  assert.ok(ids.every((id) => found.has(id)));
});

// A file system of 4 MiB in memory, in a name space of our own where we are not root.
const tmpfs = process.getuid() === 0;

test('a full disk: every stream ends well, the state says degraded, and it heals', { skip: !tmpfs && 'a small file system can be mounted only as root' }, async (t) => {
  const folder = scratch(t);
  const disk = join(folder, 'disk');
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk], { stdio: 'pipe' });
  } catch (error) {
    return t.skip(`mount is not allowed here: ${String(error.stderr).trim()}`);
  }
  cleanup(t, () => execFileSync('umount', ['-l', disk]));
  const server = await startTouchstone(t, { upstreams: { ollama: await upstreamOf(t) }, db: join(disk, 'touchstone.db') });
  const ids = [await stream(server)];
  try {
    writeFileSync(join(disk, 'filler'), Buffer.alloc(8 << 20));
  } catch (error) {
    assert.equal(error.code, 'ENOSPC');
  }
  for (let i = 0; i < 300; i++) ids.push(await stream(server));
  await until(async () => (await status(server)) === 'degraded', 3000);
  assert.equal((await server.get('/api/analytics/models')).status < 500 || (await server.get('/api/analytics/models')).status === 503, true);
  rmSync(join(disk, 'filler'));
  await until(async () => (await status(server)) === 'ok', 10_000);
  await stream(server);
  const found = new Set(sql(server.db, 'SELECT id FROM model_performance_metrics').map((r) => r.id));
  const lost = ids.filter((id) => !found.has(id));
  t.diagnostic(`${ids.length} calls on a full disk, ${lost.length} rows not stored`);
  const health = (await server.get('/readyz')).text;
  assert.ok(lost.length === 0 || /lost|unrecorded/.test(health), `${lost.length} rows are missing and nobody says so: ${health}`);
});

test('a read-only database file: streams go on and it heals', { skip: process.getuid() === 0 && 'root writes to read-only files' }, async (t) => {
  const folder = scratch(t);
  const upstream = await upstreamOf(t);
  const first = await startTouchstone(t, { upstreams: { ollama: upstream }, folder });
  await first.stop();
  chmodSync(first.db, 0o400);
  const server = await startTouchstone(t, { upstreams: { ollama: upstream }, db: first.db });
  assert.equal(await status(server), 'degraded');
  await stream(server);
  chmodSync(first.db, 0o600);
  await until(() => rows(first.db) === 1, 15_000);
});

test('a damaged file does not crash it', async (t) => {
  const folder = scratch(t);
  const upstream = await upstreamOf(t);
  const first = await startTouchstone(t, { upstreams: { ollama: upstream }, folder });
  for (let i = 0; i < 30; i++) await stream(first);
  await first.stop();
  const whole = readFileSync(first.db);
  for (let k = 1; k <= 6; k++) {
    const bytes = Buffer.from(whole);
    for (let i = 0; i < 4000; i++) bytes[(4096 * k + i * 37) % bytes.length] ^= 0xff;
    const db = join(folder, `damaged-${k}.db`);
    writeFileSync(db, bytes);
    const server = await startTouchstone(t, { upstreams: { ollama: upstream }, db, ready: 0 });
    const started = await Promise.race([server.waitReady().then(() => true), server.exited.then(() => false)]);
    if (started) {
      await server.post('/api/generate', BODY);
      await server.get('/api/analytics/models');
      await server.get('/api/requests');
      await server.stop();
    } else {
      const { code, signal } = await server.exited;
      assert.equal(signal, null, server.stderr);
      assert.ok([65, 74].includes(code), server.stderr);
    }
  }
});

test('analytics under write load stay readable and grow by whole rows', async (t) => {
  const server = await startTouchstone(t, { upstreams: { ollama: await upstreamOf(t) } });
  let running = true;
  const load = Promise.all(Array.from({ length: 4 }, async () => { while (running) await stream(server); }));
  let last = 0;
  for (let i = 0; i < 50; i++) {
    const { summary } = (await server.get('/api/analytics/models')).json;
    assert.ok(summary.totalCalls >= last);
    last = summary.totalCalls;
  }
  running = false;
  await load;
  assert.equal((await server.get('/api/analytics/models')).json.summary.totalCalls, rows(server.db));
});
