// What the store does about itself: retention, room, imports from the older learner, checks, damage.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { cleanup } from '../harness/cleanup.mjs';
import { sql } from '../harness/sql.mjs';
import { freePort, runToEnd, scratch, slack, startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream, words } from '../harness/upstream.mjs';

const DAY = 86_400_000;
const BODY = { model: 'm', prompt: 'p' };
const upstreamOf = (t) => startUpstream(t, { models: ['m'], reply: answer({ tokens: words(3) }) });
const count = (db, table) => sql(db, `SELECT count(*) AS n FROM ${table}`)[0].n;
const status = async (server) => (await server.get('/readyz')).json;

async function until(what, timeoutMs = 5000) {
  for (const end = Date.now() + timeoutMs * slack; !(await what());) {
    assert.ok(Date.now() < end, `never happened: ${what}`);
    await sleep(50);
  }
}

async function report(server, daysAgo, calls) {
  const timestamp = new Date(Date.now() - daysAgo * DAY).toISOString();
  const one = { taskType: 'coding', model: 'm', success: true, timestamp };
  const got = await server.post('/api/analytics/models/outcomes', Array.from({ length: calls }, (_, i) => ({ ...one, id: `${daysAgo}-${i}` })));
  assert.equal(got.json.accepted, calls, got.text);
}

test('calls past their retention go by themselves, and stay counted', async (t) => {
  const server = await startTouchstone(t, { upstreams: { ollama: await upstreamOf(t) }, env: { TOUCHSTONE_RETENTION_DAYS: '3' } });
  await report(server, 20, 30);
  await report(server, 1, 10);
  await until(() => count(server.db, 'call') === 10, 15_000);
  const month = (await server.get('/api/analytics/models?days=30')).json.summary;
  assert.equal(month.totalCalls, 40, 'day cells tell of calls that are gone');
  const ranked = (await server.get('/api/analytics/models/ranked?task_type=coding')).json.ranked;
  assert.equal(ranked[0].successes, 40);
  assert.equal(count(server.db, 'reported_id'), 10);
});

test('touchstone cleanup asks the server, or does it under the lock', async (t) => {
  const server = await startTouchstone(t, { upstreams: { ollama: await upstreamOf(t) }, env: { TOUCHSTONE_RETENTION_DAYS: '0' } });
  const run = (...words) => runToEnd(t, ['cleanup', ...words], { env: { TOUCHSTONE_DB: server.db, TOUCHSTONE_RETENTION_DAYS: '0' } });
  await report(server, 20, 30);
  await report(server, 8, 5);
  await report(server, 1, 10);
  let got = await run();
  assert.equal(got.code, 0, got.stderr);
  assert.match(got.stdout, /nothing is deleted/);
  got = await run('--days', '10');
  assert.equal(got.code, 0, got.stderr);
  assert.match(got.stdout, /^30 calls from before \d{4}-\d\d-\d\dT00:00:00\.000Z deleted\n$/);
  assert.equal(count(server.db, 'call'), 15);
  await server.stop();
  got = await run('--days=4');
  assert.equal(got.code, 0, got.stderr);
  assert.match(got.stdout, /^5 calls/);
  assert.equal(count(server.db, 'call'), 10);
  assert.equal((await run('--days', '0')).code, 64);
  const check = await runToEnd(t, ['check'], { env: { TOUCHSTONE_DB: server.db } });
  assert.equal(check.code, 0, check.stdout + check.stderr);
});

test('touchstone check names what is wrong and ends with 65', async (t) => {
  const server = await startTouchstone(t, { upstreams: { ollama: await upstreamOf(t) } });
  const check = () => runToEnd(t, ['check'], { env: { TOUCHSTONE_DB: server.db } });
  await server.post('/api/generate', BODY);
  let got = await check(); // beside the server
  assert.equal(got.code, 0, got.stdout + got.stderr);
  assert.match(got.stdout, /sound/);
  await server.stop();
  execFileSync('sqlite3', [server.db, 'UPDATE model_stats SET successes = 99']);
  got = await check();
  assert.equal(got.code, 65, got.stdout + got.stderr);
  assert.match(got.stdout, /model_stats says 99 successes/);
  assert.match(got.stderr, /1 fault found/);
});

const OLD = { 'execute-task': { 'gpt-4o': { successes: 42, failures: 3, successRate: 0.93 } } };

test('the older learner\'s file is found where it was, imported once and renamed after a week', async (t) => {
  const folder = scratch(t);
  const file = join(folder, 'model-performance.json');
  writeFileSync(file, JSON.stringify(OLD));
  const start = () => startTouchstone(t, { upstreams: {}, folder, env: { TOUCHSTONE_LEARNER_JSON: file } });
  const ranked = async (server) => (await server.get('/api/analytics/models/ranked?task_type=execute-task')).json.ranked;
  let server = await start();
  await until(async () => (await ranked(server)).length === 1);
  assert.deepEqual((await ranked(server)).map((r) => [r.model, r.successes, r.failures, r.lastUsed]), [['gpt-4o', 42, 3, null]]);
  await server.stop();
  server = await start();
  await sleep(300);
  assert.equal((await ranked(server))[0].successes, 42, 'once');
  assert.ok(existsSync(file));
  await server.stop();
  execFileSync('sqlite3', [server.db, `UPDATE learner_source SET imported_ms = imported_ms - ${8 * DAY}`]);
  server = await start();
  await until(() => existsSync(`${file}.migrated`));
  assert.ok(!existsSync(file));
  assert.equal((await ranked(server))[0].successes, 42);
  assert.equal(JSON.parse(readFileSync(`${file}.migrated`, 'utf8'))['execute-task']['gpt-4o'].successes, 42);
});

test('a broken file of the older learner: the server starts all the same and says where it is broken', async (t) => {
  const folder = scratch(t);
  const file = join(folder, 'old.json');
  writeFileSync(file, '{"a": {"m": {"successes": 1, "failures": 2}},\n "b": {"n": {"successes": }}}');
  const server = await startTouchstone(t, { upstreams: { ollama: await upstreamOf(t) }, folder, env: { TOUCHSTONE_LEARNER_JSON: file } });
  await until(() => server.stderr.includes(`${file}:2:`));
  await server.post('/api/generate', BODY);
  assert.equal(count(server.db, 'learner_baseline'), 0);
  assert.equal((await status(server)).status, 'ok');
});

test('a second server on the same database is turned away and leaves it alone', async (t) => {
  const server = await startTouchstone(t, { upstreams: { ollama: await upstreamOf(t) } });
  const got = await runToEnd(t, [], { env: { TOUCHSTONE_DB: server.db, TOUCHSTONE_LISTEN: `127.0.0.1:${await freePort()}`, TOUCHSTONE_DISCOVERY: 'off' } });
  assert.equal(got.code, 69, got.stderr);
  assert.ok(got.stderr.includes(server.db), got.stderr);
  await server.post('/api/generate', BODY);
  assert.equal(count(server.db, 'call'), 1);
});

test('damaged pages are noticed behind the start, and /readyz says so', async (t) => {
  const upstream = await upstreamOf(t);
  const first = await startTouchstone(t, { upstreams: { ollama: upstream }, expectEnd: false });
  await report(first, 1, 1000);
  await first.stop();
  const [{ rootpage }] = sql(first.db, "SELECT rootpage FROM sqlite_schema WHERE name = 'reported_id'");
  const fd = openSync(first.db, 'r+');
  writeSync(fd, 'no page of ours', (rootpage - 1) * 4096);
  closeSync(fd);
  const before = readFileSync(first.db);
  writeFileSync(`${first.db}-wal`, 'left behind by a crash'); // what asks for the check
  const server = await startTouchstone(t, { upstreams: { ollama: upstream }, db: first.db });
  await until(async () => /damaged/.test((await status(server)).reasons?.database ?? ''));
  await server.post('/api/generate', BODY);
  await server.stop();
  assert.ok(readFileSync(first.db).length >= before.length, 'never thrown away');
  const check = await runToEnd(t, ['check'], { env: { TOUCHSTONE_DB: first.db } });
  assert.equal(check.code, 65, check.stdout + check.stderr);
});

test('a truncated file is never made anew', async (t) => {
  const upstream = await upstreamOf(t);
  const first = await startTouchstone(t, { upstreams: { ollama: upstream } });
  await first.post('/api/generate', BODY);
  await first.stop();
  const cut = readFileSync(first.db).subarray(0, 3 * 4096 + 100);
  writeFileSync(first.db, cut);
  const server = await startTouchstone(t, { upstreams: { ollama: upstream }, db: first.db, ready: 0, expectEnd: false });
  const started = await Promise.race([server.waitReady().then(() => true, () => false), server.exited.then(() => false)]);
  if (started) {
    assert.equal((await status(server)).status, 'degraded');
    await server.post('/api/generate', BODY);
    await server.stop();
  }
  assert.deepEqual(readFileSync(first.db).subarray(0, cut.length), cut, 'it was changed');
});

test('a full disk gets the room kept back, and it is made again', { skip: process.getuid() !== 0 && 'a small file system can be mounted only as root' }, async (t) => {
  const disk = join(scratch(t), 'disk');
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk], { stdio: 'pipe' });
  } catch (error) {
    return t.skip(`mount is not allowed here: ${String(error.stderr).trim()}`);
  }
  cleanup(t, () => execFileSync('umount', ['-l', disk]));
  const db = join(disk, 'touchstone.db');
  const server = await startTouchstone(t, { upstreams: { ollama: await upstreamOf(t) }, db, env: { TOUCHSTONE_RETENTION_DAYS: '5' } });
  await until(() => existsSync(`${db}.reserve`), 15_000);
  await report(server, 3, 1000);
  try {
    writeFileSync(join(disk, 'filler'), Buffer.alloc(32 << 20));
  } catch (error) {
    assert.equal(error.code, 'ENOSPC');
  }
  for (let i = 0; i < 400 && existsSync(`${db}.reserve`); i++) await server.post('/api/generate', BODY);
  assert.ok(!existsSync(`${db}.reserve`), 'given up');
  await until(async () => /nearly full/.test((await status(server)).reasons?.database ?? ''), 15_000);
  rmSync(join(disk, 'filler'));
  await until(() => existsSync(`${db}.reserve`), 15_000);
  await until(async () => (await status(server)).status === 'ok', 15_000);
});
