// touchstone sync: a copy of the calls in DuckDB, through its library and through files, row by row what SQLite has.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { cleanup } from '../harness/cleanup.mjs';
import { duckdb, holdDuckdb, library, load } from '../harness/duckdb.mjs';
import { sql } from '../harness/sql.mjs';
import { binary, runToEnd as runPlain, scratch, slack, startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream } from '../harness/upstream.mjs';

// DuckDB throws, and AddressSanitizer looks for the C++ library that does it when the program starts, which has none.
const CPP = /asan/.test(binary) ? { LD_PRELOAD: 'libstdc++.so.6' } : {};
const runToEnd = (t, args, more = {}) => runPlain(t, args, { ...more, env: { ...CPP, ...more.env } });

const HOUR = 3600_000;
const DAY = 24 * HOUR;
const OUTCOMES = '/api/analytics/models/outcomes';
const FEEDBACK = '/api/analytics/models/feedback';

// A copy of a database: `sync` brings it up to date the way it goes, `same` compares all there is.
function copyOf(t, db, way, folder = scratch(t)) {
  const file = join(folder, "it's a copy.duckdb");
  const run = (args = []) => runToEnd(t, ['sync', '--db', db, '--duckdb', file, '--library', library,
    ...(way === 'files' ? ['--files'] : []), ...args], { timeoutMs: 60_000 });
  const loadFiles = async () => { if (way === 'files') await load(file, readFileSync(`${file}.load.sql`, 'utf8')); };
  const sync = async (args) => {
    const got = await run(args);
    assert.equal(got.code, 0, got.stderr);
    await loadFiles();
    const [, calls, anew, changes] = /: (\d+) calls(, from the beginning)?, (\d+) changes in /.exec(got.stdout);
    return { calls: Number(calls), anew: anew !== undefined, changes: Number(changes), stdout: got.stdout };
  };
  return { file, folder, run, sync, loadFiles, same: () => same(db, file) };
}

const TABLES = {
  calls: 'SELECT * FROM calls ORDER BY call_id',
  attempts: { sqlite: `SELECT a.call_id, a.n, p.text AS provider, m.text AS model, e.text AS cause, a.status, a.error_text, a.duration_us, a.wait_us
      FROM attempt a JOIN label p ON p.label_id = a.provider_id JOIN label m ON m.label_id = a.model_id
      JOIN label e ON e.label_id = a.cause_id ORDER BY a.call_id, a.n`,
    duckdb: 'SELECT * FROM attempts ORDER BY call_id, n' },
  model_stats: { sqlite: 'SELECT task_type, model_id, successes, failures, timeouts, total_tokens, total_cost, last_used FROM model_stats ORDER BY 1, 2',
    duckdb: 'SELECT * FROM model_stats ORDER BY 1, 2' },
  model_performance_metrics: 'SELECT * FROM model_performance_metrics ORDER BY id',
  model_outcomes: { sqlite: 'SELECT id, task_type, model_id, success, timeout, tokens_used, cost_usd, timestamp FROM model_outcomes ORDER BY id',
    duckdb: 'SELECT id, task_type, model_id, success, timeout::INTEGER AS timeout, tokens_used, cost_usd, timestamp FROM model_outcomes ORDER BY id' },
  model_performance: 'SELECT * FROM model_performance ORDER BY 1, 2',
  websites: 'SELECT * FROM websites ORDER BY id',
  clone_attempts: `SELECT id, website_id, provider, model_name, status, generation_time_ms, code_size_bytes, component_count, created_at,
    call_id, quality_score, sample, sandbox_url, error_message, quality, generated_code FROM clone_attempts ORDER BY id`,
  code_files: 'SELECT id, clone_attempt_id, file_path, file_type, lines_of_code, size_bytes, quality_score, quality, metadata, content FROM code_files ORDER BY id',
  model_benchmarks: `SELECT id, provider, model_name, model_size, website_complexity, attempts, avg_generation_time_ms, success_rate,
    hardware_specs, benchmark_date, notes FROM model_benchmarks ORDER BY id`,
  model_performance_summary: 'SELECT * FROM model_performance_summary ORDER BY provider, model_name',
  website_complexity_analysis: 'SELECT * FROM website_complexity_analysis ORDER BY domain, title',
};

// JSON in a cell may have its members in another order, and a sum of fractions its parts.
const canonical = (row) => ({
  ...row,
  ...(row.metadata ? { metadata: JSON.stringify(Object.entries(JSON.parse(row.metadata)).sort()) } : {}),
  ...(row.total_cost ? { total_cost: row.total_cost.toFixed(9) } : {}),
});

async function same(db, file) {
  let rows = 0;
  for (const [name, query] of Object.entries(TABLES)) {
    const wanted = sql(db, query.sqlite ?? query);
    const got = await duckdb(file, query.duckdb ?? query);
    assert.deepEqual(got.map(canonical), wanted.map(canonical), name);
    if (name === 'calls') rows = wanted.length;
  }
  return rows;
}

const outcome = (i, more = {}) => ({
  taskType: ['coding', 'analysis', 'creative'][i % 3], model: `m${i % 4}`, provider: `p${i % 2}`, success: i % 5 !== 0,
  ...(i % 5 === 0 ? { errorMessage: `line one\nsays "no", ${i}` } : { responseTimeMs: 100 + i, ttftMs: 5.25 + i }),
  ...(i % 2 ? { inputTokens: i, outputTokens: 2 * i, costUsd: i / 1000 } : { tokensUsed: 3 * i }),
  ...(i % 3 ? {} : { userId: 'Zoë, the 1st', conversationId: 'c; d', messageId: `it's ${i}` }),
  ...(i % 7 ? {} : { tags: { project: 'a"b' }, metadata: { depth: [1, { two: null }], 'ключ': '\\N' } }),
  timestamp: new Date(Date.now() - (i % 50) * HOUR - i).toISOString(), ...more,
});
const outcomes = (from, n, more) => Array.from({ length: n }, (_, i) => outcome(from + i, more));

async function report(server, list) {
  const got = await server.post(OUTCOMES, list);
  assert.equal(got.status, 200, got.text);
  return got.json;
}

// A server whose first model server fails, so that calls have attempts.
async function start(t, env = {}) {
  const a = await startUpstream(t, { models: ['twin'], reply: (c) => c.send(500, { error: 'out of "memory", sorry' }) });
  const b = await startUpstream(t, { models: ['twin'], reply: answer() });
  const config = `[provider.a]\nkind = ollama\nbase_url = ${a.url}\n\n[provider.b]\nkind = ollama\nbase_url = ${b.url}\n`;
  return startTouchstone(t, { config, env: { TOUCHSTONE_RETENTION_DAYS: '0', ...env } });
}

const ask = (server) => server.post('/api/generate', { model: 'a/twin', prompt: 'hi' }, { headers: { 'X-Touchstone-Fallback': 'b/twin' } });

for (const way of ['library', 'files']) {
  test(`by ${way}: after calls, ratings, late reports and deletions it is what SQLite has`, async (t) => {
    const server = await start(t);
    const copy = copyOf(t, server.db, way);
    assert.equal((await copy.sync()).calls, 0);
    assert.equal(await copy.same(), 0);

    await report(server, outcomes(0, 200));
    for (let i = 0; i < 4; i++) assert.equal((await ask(server)).status, 200);
    await copy.sync();
    assert.equal(await copy.same(), 204);
    assert.ok(sql(server.db, 'SELECT count(*) AS n FROM attempt')[0].n > 0, 'no attempt was made');

    // Rated, and rated otherwise; a call is known by its number in what a person sees.
    const [{ id }] = sql(server.db, "SELECT id FROM calls WHERE model = 'm1' LIMIT 1");
    assert.equal((await server.post(FEEDBACK, { requestId: id, rating: 1, comment: 'good; "very"' })).status, 200);
    assert.deepEqual((({ calls, changes }) => ({ calls, changes }))(await copy.sync()), { calls: 0, changes: 1 });
    await copy.same();
    assert.equal((await server.post(FEEDBACK, { requestId: id, rating: -1 })).status, 200);

    // Reported late, far behind what was copied, and new ones.
    await report(server, outcomes(200, 50, { timestamp: new Date(Date.now() - 9 * DAY).toISOString() }));
    await report(server, outcomes(250, 30));
    await ask(server);
    const third = await copy.sync();
    assert.equal(third.anew, false);
    assert.equal(await copy.same(), 285);
    assert.ok(third.changes >= 51, `only ${third.changes} changes`);

    // Old ones go, some of a day that was copied stay.
    const gone = await runToEnd(t, ['cleanup', '--db', server.db, '--days', '1']);
    assert.equal(gone.code, 0, gone.stderr);
    await report(server, outcomes(400, 3, { timestamp: new Date(Date.now() - 20 * DAY).toISOString() }));
    await copy.sync();
    const left = await copy.same();
    assert.ok(left > 3 && left < 285, `${left} are left`);

    // Nothing new is nothing to do; the log of changes was forgotten.
    assert.deepEqual((({ calls, changes, anew }) => ({ calls, changes, anew }))(await copy.sync()), { calls: 0, changes: 0, anew: false });
    await copy.same();
    assert.equal(sql(server.db, 'SELECT count(*) AS n FROM sync_change')[0].n, 0);

    // Without the server, too.
    await server.stop();
    await copy.sync();
    assert.equal(await copy.same(), left);
    assert.equal((await copy.sync(['--full'])).anew, true);
    assert.equal(await copy.same(), left);
  });

  test(`by ${way}: two copies get all changes, whenever they are brought up to date`, async (t) => {
    const server = await start(t);
    const [a, b] = [copyOf(t, server.db, way), copyOf(t, server.db, way)];
    await report(server, outcomes(0, 40));
    await a.sync();
    await report(server, outcomes(40, 40));
    await b.sync();
    const ids = sql(server.db, 'SELECT id FROM calls ORDER BY call_id').map((row) => row.id);
    for (const [i, id] of ids.entries()) await server.post(FEEDBACK, { requestId: id, rating: i % 3 - 1 });
    await a.sync();
    await a.same();
    await report(server, outcomes(80, 10));
    await b.sync();
    await a.sync();
    assert.equal(await a.same(), 90);
    assert.equal(await b.same(), 90);
  });

  test(`by ${way}: a copy or a database that was put back from a backup begins anew`, async (t) => {
    const server = await start(t);
    const copy = copyOf(t, server.db, way);
    await report(server, outcomes(0, 20));
    await copy.sync();
    const old = `${copy.file}.old`;
    const oldDb = join(copy.folder, 'old.db');
    copyFileSync(copy.file, old);
    assert.equal((await runToEnd(t, ['backup', oldDb, '--db', server.db])).code, 0);
    await report(server, outcomes(20, 20));
    await copy.sync();
    await server.stop();

    const back = copyOf(t, oldDb, way, copy.folder);
    assert.equal((await back.sync()).anew, true, 'the database is older than the copy');
    assert.equal(await back.same(), 20);

    copyFileSync(old, copy.file);
    assert.equal((await copy.sync()).anew, true, 'the copy is older than the database knows it');
    assert.equal(await copy.same(), 40);
  });
}

for (const way of ['library', 'files']) {
  test(`by ${way}: websites, their clones with files and benchmarks follow, through changes and deletions`, async (t) => {
    const server = await start(t);
    await server.stop(); // a shell may write to it now
    const copy = copyOf(t, server.db, way);
    const write = (text) => execFileSync('sqlite3', [server.db], { input: `PRAGMA foreign_keys = ON;\n${text}` });
    const site = (i) => `INSERT INTO websites(url, domain, title, status, word_count, scraped_at, html_content)
      VALUES ('https://s${i}.example/', 's${i}.example', 'Größe "${i}"', 'scraped', ${i % 3 ? 100 * i : 'NULL'}, '2026-01-02T03:04:05.678Z', printf('<p>%.*c</p>', 3000000, 'x'));`;
    const clone = (i) => `INSERT INTO clone_attempts(website_id, provider, model_name, status, generation_time_ms, code_size_bytes, created_at, quality_score)
      VALUES (${1 + i % 12}, 'ollama', 'm${i % 2}', '${i % 4 ? 'success' : 'error'}', ${i % 5 ? 1000 + i : 'NULL'}, ${i % 4 ? 10 * i : 'NULL'}, '2026-01-02T03:04:05.678Z', ${i % 4 ? i / 10 : 'NULL'});
      INSERT INTO code_files(clone_attempt_id, file_path, file_type, lines_of_code, size_bytes, content)
      SELECT (SELECT max(id) FROM clone_attempts), 'a' || value || '.html', 'html', value, 10 * value, replace(printf('%.*c', value, 'y'), 'y', 'line "' || value || '"' || char(10)) FROM generate_series(1, 5);`;
    const many = (n, of, from = 1) => Array.from({ length: n }, (_, i) => of(from + i)).join('\n');
    write(`${many(12, site)}${many(90, clone)}
      INSERT INTO model_benchmarks(provider, model_name, attempts, avg_generation_time_ms, success_rate, benchmark_date, notes)
      VALUES ('ollama', 'm0', 3, 1.5, 66.666, '2026-01-02T03:04:05.678Z', 'so, so');`);
    await copy.sync();
    await copy.same();
    write(`UPDATE clone_attempts SET sandbox_url = 'http://x/', quality_score = 1.25 WHERE id % 7 = 0;
      DELETE FROM clone_attempts WHERE id % 5 = 0; UPDATE websites SET title = NULL WHERE id = 2;
      ${site(13)} DELETE FROM websites WHERE url = 'https://s13.example/'; ${many(10, clone, 200)}
      UPDATE model_benchmarks SET notes = NULL;`);
    await copy.sync();
    await copy.same();
    assert.equal(sql(server.db, 'SELECT count(*) AS n FROM code_files')[0].n, 410);
    write('DELETE FROM clone_attempts; DELETE FROM websites; DELETE FROM model_benchmarks;');
    await copy.sync();
    await copy.same();
    assert.deepEqual((({ calls, changes }) => ({ calls, changes }))(await copy.sync()), { calls: 0, changes: 0 });
  });
}

test('only what a copy would miss is noted: without a copy nothing, and no call that comes in time', async (t) => {
  const server = await start(t);
  const noted = () => sql(server.db, 'SELECT count(*) AS n FROM sync_change')[0].n;
  const rate = () => server.post(FEEDBACK, { requestId: sql(server.db, 'SELECT id FROM calls LIMIT 1')[0].id, rating: 1 });
  await report(server, outcomes(0, 20));
  await rate();
  assert.equal(noted(), 0);
  await copyOf(t, server.db, 'library').sync();
  for (let i = 0; i < 3; i++) await ask(server);
  assert.equal(noted(), 0);
  await rate();
  await report(server, outcomes(20, 5, { timestamp: new Date(Date.now() - DAY).toISOString() }));
  assert.equal(noted(), 6);
  await ask(server);
  assert.equal(noted(), 6);
});

test('by files: loads that were not loaded yet are kept, those that were go, and loading twice changes nothing', async (t) => {
  const server = await start(t);
  const copy = copyOf(t, server.db, 'files');
  const waiting = () => readdirSync(`${copy.file}.sync`).filter((name) => /^\d+\.sql$/.test(name)).length;
  for (let i = 0; i < 3; i++) {
    await report(server, outcomes(i * 10, 10));
    const got = await copy.run();
    assert.equal(got.code, 0, got.stderr);
    assert.match(got.stdout, /^duckdb '.* a copy\.duckdb' < '.*load\.sql'$/m);
  }
  assert.equal(waiting(), 3);
  await copy.loadFiles();
  await copy.loadFiles();
  assert.equal(await copy.same(), 30);
  await report(server, outcomes(30, 10));
  await copy.run();
  assert.equal(waiting(), 1, 'what DuckDB has is still there');
  await copy.loadFiles();
  assert.equal(await copy.same(), 40);
  // A database that lost what was loaded before says so and stays as it is.
  rmSync(copy.file);
  await assert.rejects(copy.loadFiles(), /touchstone sync --full/);
});

test('the printed command is one for a shell', async (t) => {
  const server = await start(t);
  await report(server, outcomes(0, 5));
  const copy = copyOf(t, server.db, 'files');
  const [command] = /^duckdb .*$/m.exec((await copy.run()).stdout);
  const words = execFileSync('sh', ['-c', command.replace('duckdb', 'printf "%s|"').replace(' < ', ' ')], { encoding: 'utf8' });
  assert.deepEqual(words.split('|').slice(0, 2), [copy.file, `${copy.file}.load.sql`]);
});

test('a sync that was killed is gone on with', async (t) => {
  const server = await start(t);
  for (let i = 0; i < 12; i++) await report(server, outcomes(i * 1000, 1000));
  const copy = copyOf(t, server.db, 'library');
  const args = ['sync', '--db', server.db, '--duckdb', copy.file, '--library', library];
  for (let ms = 20; ms <= 160; ms *= 2) {
    await runToEnd(t, args, { timeoutMs: ms / slack });
    await report(server, outcomes(20_000 + ms, 5));
  }
  await copy.sync();
  assert.equal(await copy.same(), 12_020);
});

// A library that has DuckDB's functions and its version, and does nothing.
function fakeLibrary(folder, version, names = ['library_version', 'create_config', 'set_config', 'destroy_config', 'open_ext', 'close',
  'connect', 'disconnect', 'query', 'result_error', 'row_count', 'value_varchar', 'destroy_result', 'free']) {
  const path = join(folder, `fake${names.length}.so`);
  const code = names.map((name) => `const char *duckdb_${name}(void) { return "${version}"; }`).join('\n');
  execFileSync('cc', ['-shared', '-fPIC', '-o', path, '-x', 'c', '-'], { input: code });
  return path;
}

test('what cannot be done is told, with the remedy', async (t) => {
  const server = await start(t);
  const copy = copyOf(t, server.db, 'library');
  const sync = (args) => runToEnd(t, ['sync', '--db', server.db, ...args]);
  const fails = async (args, code, words) => {
    const got = await sync(args);
    assert.equal(got.code, code, got.stderr);
    assert.match(got.stderr, words);
  };
  await fails([], 64, /--duckdb FILE, or TOUCHSTONE_SYNC_DUCKDB/);
  await fails(['--duckdb', copy.file, '--library', '/nowhere/libduckdb.so'], 69, /library cannot be loaded: .*nowhere/);
  await fails(['--duckdb', copy.file, '--library', fakeLibrary(copy.folder, 'v0.9.2', ['library_version'])], 78, /has no function duckdb_create_config/);
  await fails(['--duckdb', copy.file, '--library', fakeLibrary(copy.folder, 'v0.9.2')], 78, /is DuckDB v0\.9\.2; 1\.0 or newer/);
  await fails(['--duckdb', join(copy.folder, 'no', 'x.duckdb'), '--library', library], 74, /No such file/);
  await fails(['--duckdb', server.db, '--library', library], 65, /is no DuckDB database/);
  await fails(['--duckdb', '/proc/x.duckdb', '--library', library], 74, /\/proc\/x\.duckdb/);
  writeFileSync(copy.file, 'x'.repeat(100));
  await fails(['--duckdb', copy.file, '--library', library], 65, /is no DuckDB database/);
  rmSync(copy.file);

  // Somebody else's table of that name stays.
  await load(copy.file, 'CREATE TABLE attempts(mine INTEGER); INSERT INTO attempts VALUES (7);');
  await fails(['--duckdb', copy.file, '--library', library], 65, /"attempts" that touchstone did not make/);
  assert.deepEqual(await duckdb(copy.file, 'SELECT * FROM attempts'), [{ mine: 7 }]);
  rmSync(copy.file);

  await holdDuckdb(t, copy.file);
  await fails(['--duckdb', copy.file, '--library', library], 69, /another process has it open/);
  assert.equal(existsSync(`${copy.file}.sync`), false, 'the folder of a sync that did nothing is left behind');
});

test('a full disk breaks a sync off, and the next one goes on', async (t) => {
  const disk = scratch(t);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', disk], { stdio: 'ignore' });
  } catch {
    t.skip('no right to mount a small disk');
    return;
  }
  cleanup(t, () => execFileSync('umount', [disk]));
  const server = await start(t);
  for (let i = 0; i < 10; i++) await report(server, outcomes(i * 1000, 1000));
  for (const way of ['library', 'files']) {
    const copy = copyOf(t, server.db, way, disk);
    const got = await copy.run();
    assert.equal(got.code, 74, got.stderr);
    assert.match(got.stderr, /No space left on device/);
    assert.ok(await server.get('/readyz').then((r) => r.json.status === 'ok'));
    execFileSync('mount', ['-o', 'remount,size=64m', disk]);
    await copy.sync();
    assert.equal(await copy.same(), 10_000);
    for (const name of readdirSync(disk)) rmSync(join(disk, name), { recursive: true });
    execFileSync('mount', ['-o', 'remount,size=1m', disk]);
  }
});

test('the server itself brings the copy up to date, and ends in time', async (t) => {
  const folder = scratch(t);
  const file = join(folder, 'own.duckdb');
  const server = await start(t, { TOUCHSTONE_SYNC_MINUTES: '1', TOUCHSTONE_SYNC_DUCKDB: file, TOUCHSTONE_DUCKDB_LIBRARY: library });
  await report(server, outcomes(0, 100));
  for (const until = Date.now() + 15_000 * slack; !/synced .*100 calls/.test(server.stderr) && Date.now() < until;) await sleep(50);
  assert.match(server.stderr, /synced .*own\.duckdb: 100 calls, from the beginning/);
  assert.equal(await same(server.db, file), 100);
  await server.stop();

  const bad = await runToEnd(t, ['serve'], { env: { TOUCHSTONE_SYNC_MINUTES: '1', TOUCHSTONE_LISTEN: '127.0.0.1:0' } });
  assert.equal(bad.code, 78, bad.stderr);
  assert.match(bad.stderr, /TOUCHSTONE_SYNC_DUCKDB/);
});
