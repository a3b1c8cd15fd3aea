// Data in and out: touchstone import, touchstone export, GET …/export, with a running server and without.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync, existsSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { sql } from '../harness/sql.mjs';
import { binary, cleanEnv, runToEnd, scratch, slack, startTouchstone as start } from '../harness/touchstone.mjs';
import { answer, startUpstream, words } from '../harness/upstream.mjs';

// The rows of these tests are of a fixed day, which gets older: nothing is deleted for its age.
const KEEP = { TOUCHSTONE_RETENTION_DAYS: '0' };
const startTouchstone = (t, options = {}) => start(t, { ...options, env: { ...KEEP, ...options.env } });

const EXPORT = '/api/analytics/models/export';
const HEAD = 'id,model,provider,task_type,response_time_ms,success,timestamp';
const row = (i, more = '') => `row-${i},m${i % 3},p,coding,${100 + i},${i % 5 ? 'true' : 'false'},2026-05-01T00:00:${String(i % 60).padStart(2, '0')}.${String(i % 1000).padStart(3, '0')}Z${more}`;
const csv = (n) => `${[HEAD, ...Array.from({ length: n }, (_, i) => row(i))].join('\n')}\n`;
const count = (db) => sql(db, 'SELECT count(*) AS n FROM call')[0].n;

// A folder with a database of its own, and the commands on it.
function place(t, db) {
  const folder = scratch(t);
  const path = db ?? join(folder, 'calls.db');
  const run = (args, more = {}) => runToEnd(t, args, { folder, env: { ...KEEP, TOUCHSTONE_DB: path, TOUCHSTONE_DISCOVERY: 'off' }, timeoutMs: 60_000, ...more });
  const file = (name, text) => { writeFileSync(join(folder, name), text); return join(folder, name); };
  const exported = async (format = 'csv', args = []) => {
    const got = await run(['export', '--format', format, ...args]);
    assert.equal(got.code, 0, got.stderr);
    return got.stdout;
  };
  return { folder, db: path, run, file, exported };
}

// Both ways to the database: its own process, and the server's socket.
async function both(t, body) {
  await t.test('without a server', (t) => body(t, place(t)));
  await t.test('while a server runs', async (t) => {
    const server = await startTouchstone(t);
    await body(t, place(t, server.db), server);
  });
}

test('every command tells of itself', async (t) => {
  for (const command of ['import', 'export', 'serve', 'demo', 'sql']) {
    const got = await runToEnd(t, [command, '--help']);
    assert.equal(got.code, 0);
    assert.match(got.stdout, new RegExp(`^Usage: touchstone ${command} `));
  }
  assert.match((await runToEnd(t, ['--help'])).stdout, /\n {2}import +add calls/);
});

test('a file is imported once, however often it is imported', async (t) => {
  await both(t, async (t, p, server) => {
    const file = p.file('a.csv', csv(1234));
    const first = await p.run(['import', file]);
    assert.equal(first.stdout, `${file} (csv): 1234 rows, 1234 new, 0 there already\n`);
    assert.deepEqual([first.code, first.stderr], [0, '']);
    const again = await p.run(['import', '-'], { input: csv(1234) });
    assert.equal(again.stdout, 'standard input (csv): 1234 rows, 0 new, 1234 there already\n');
    assert.equal(count(p.db), 1234);
    assert.deepEqual(sql(p.db, "SELECT count(*) AS n FROM meta WHERE key LIKE 'import %'"), [{ n: 0 }]);
    if (server) assert.equal((await server.get('/api/requests?limit=1')).json.requests.length, 1);
  });
});

test('rows without an id are known by what they say, and equal ones are different calls', async (t) => {
  const p = place(t);
  const line = 'm,coding,true,2026-05-01';
  const file = p.file('a.csv', `model,task_type,success,timestamp\n${line}\n${line}\nother,coding,true,2026-05-01\n`);
  assert.match((await p.run(['import', file])).stdout, /3 rows, 3 new/);
  assert.match((await p.run(['import', file])).stdout, /0 new, 3 there already/);
  const longer = p.file('b.csv', `${readFileSync(file)}${line}\n`);
  assert.match((await p.run(['import', longer])).stdout, /4 rows, 1 new, 3 there already/);
});

// name: [text, line, reason]
const WRONG = {
  'a column that does not exist': ['model,task_type,success,timestamp,colour\n', 1, /no column "colour"/],
  'a column missing': ['model,success,timestamp\nm,true,2026-05-01\n', 1, /task_type is missing/],
  'too few cells': [`${HEAD}\n${row(1)}\nm,m\n`, 3, /2 cells/],
  'no success': [`${HEAD}\n${row(1).replace(',true,', ',maybe,')}\n`, 2, /success must be/],
  'a bad time': [`${HEAD}\n${row(1).replace(/2026.*/, 'yesterday')}\n`, 2, /timestamp/],
  'a quote that never closes': [`${HEAD}\n"${row(1)}\n`, 2, /quote is never closed/],
  'a NUL': [`${HEAD}\n${row(1)}\n${row(2).replace('coding', 'cod\0ing')}\n`, 3, /NUL/],
  'bytes that are no UTF-8': [Buffer.concat([Buffer.from(`${HEAD}\n`), Buffer.from([0xff, 0x2c])]), 2, /UTF-8/],
  'bad JSON in line 3': ['{"model":"m","taskType":"x","success":true,"timestamp":"2026-05-01"}\n\n{"model":\n', 3, /JSON/],
  'a file cut off in a row': ['{"model":"m","taskType":"x","success":true,"timestamp":"2026-05-01"}\n{"model":"m","taskTy', 2, /JSON/],
  'a giant line': [`{"model":"m","x":"${'x'.repeat(3 << 20)}"}\n`, 1, /at most 1048576 bytes/],
  'a list cut off': ['[{"model":"m","taskType":"x","success":true,"timestamp":"2026-05-01"},', 1, /must be an object/],
  'an unknown member': ['{"model":"m","taskType":"x","success":true,"timestamp":"2026-05-01","colour":1}\n', 1, /colour is not known/],
  'no time': ['{"model":"m","taskType":"x","success":true}\n', 1, /timestamp is required/],
  'what contradicts itself': ['{"model":"m","taskType":"x","success":true,"outcome":"timeout","timestamp":"2026-05-01"}\n', 1, /contradicts/],
  'nothing in it': ['', 1, /empty/],
};

for (const [what, [text, line, reason]] of Object.entries(WRONG)) {
  test(`a file with ${what} is refused whole, with the line`, async (t) => {
    const p = place(t);
    await p.run(['import', p.file('good.csv', csv(3))]);
    const file = p.file('bad', text);
    const got = await p.run(['import', file]);
    assert.equal(got.code, 65, got.stderr);
    assert.ok(got.stderr.startsWith(`touchstone: ${file}:${line}: `), got.stderr);
    assert.match(got.stderr, reason);
    assert.match(got.stderr, /nothing was imported/);
    assert.equal(got.stdout, '');
    assert.equal(count(p.db), 3);
  });
}

test('all bad lines up to ten are told, and the rest is counted', async (t) => {
  const p = place(t);
  const got = await p.run(['import', '-'], { input: `${HEAD}\n${'x\n'.repeat(25)}` });
  assert.equal(got.stderr.trim().split('\n').length, 11);
  assert.match(got.stderr, /25 rows cannot be used \(the first ten are above\)/);
  assert.ok(!existsSync(p.db), 'not even a database was made');
});

test('marks, line ends, delimiters and formats are seen by content', async (t) => {
  const p = place(t);
  const object = { model: 'm', taskType: 'x', success: true, timestamp: '2026-05-01T00:00:00Z' };
  const named = (id) => JSON.stringify({ ...object, id });
  for (const text of [`\ufeff${csv(2)}`, csv(2).replaceAll('\n', '\r\n'), csv(2).replaceAll(',', ';')])
    assert.equal((await p.run(['import', '-'], { input: text })).code, 0);
  for (const text of [`${named('a')}\n${named('b')}`, `[${named('c')}, ${named('d')}]`, `{"calls":[${named('e')}]}`])
    assert.equal((await p.run(['import', '-'], { input: text })).code, 0);
  assert.equal(count(p.db), 2 + 5);
  const forced = await p.run(['import', '--format', 'json', '-'], { input: csv(2) });
  assert.equal(forced.code, 65);
});

test('rows that retention will delete are told', async (t) => {
  const p = place(t);
  const at = (days) => new Date(Date.now() - days * 86_400_000).toISOString();
  const text = [1, 30, 89, 91, 400].map((days) => JSON.stringify({ model: 'm', taskType: 'x', success: true, timestamp: at(days) })).join('\n');
  const got = await p.run(['import', '-'], { input: text, env: { TOUCHSTONE_DB: p.db } });
  assert.match(got.stdout, /5 rows, 5 new/);
  assert.match(got.stderr, /^touchstone: 2 rows are older than 90 days: /);
  assert.equal((await p.run(['import', '-'], { input: text })).stderr, '');
});

test('a dry run checks and writes nothing', async (t) => {
  const p = place(t);
  const got = await p.run(['import', '--dry-run', p.file('a.csv', csv(5))]);
  assert.match(got.stdout, /5 rows, all of them good; nothing was imported/);
  assert.ok(!existsSync(p.db));
});

test('the documents\' table goes in as it comes out of sqlite3 and psql', async (t) => {
  const p = place(t);
  await p.run(['import', p.file('a.csv', csv(50))]);
  const seventeen = 'SELECT * FROM model_performance_metrics ORDER BY timestamp, id';
  const { execFileSync } = await import('node:child_process');
  const asCsv = execFileSync('sqlite3', ['-readonly', '-header', '-csv', p.db, seventeen], { encoding: 'utf8' });
  const asJson = execFileSync('sqlite3', ['-readonly', '-json', p.db, seventeen], { encoding: 'utf8' });
  const psql = asCsv.replace(/T(\d\d:\d\d:\d\d)\.(\d+)Z/g, ' $1.$2+00').replace(/,1,,0,/g, ',t,,0,').replace(/,0,,0,/g, ',f,,0,');
  assert.notEqual(psql, asCsv);
  const columns = seventeen.replace('*', 'model, provider, task_type, response_time_ms, success, user_rating, timestamp').replace(', id', ', model, response_time_ms');
  for (const text of [asCsv, asJson, psql]) {
    const other = place(t);
    assert.match((await other.run(['import', '-'], { input: text })).stdout, /50 rows, 50 new/);
    assert.deepEqual(sql(other.db, columns), sql(p.db, columns));
  }
  const own = await p.run(['import', '-'], { input: asCsv });
  assert.match(own.stdout, /0 new, 50 there already/, 'its own ids are known');
});

test('an import that is killed goes on where it was', async (t) => {
  await both(t, async (t, p) => {
    const rows = 30_000;
    const file = p.file('big.csv', csv(rows));
    const child = spawn(binary, ['import', file], { env: cleanEnv(p.folder, { ...KEEP, TOUCHSTONE_DB: p.db }), cwd: p.folder, stdio: 'ignore' });
    const ended = new Promise((done) => child.on('close', done));
    for (let n = 0; n === 0;) {
      await sleep(5);
      try { n = count(p.db); } catch { /* not made yet */ }
    }
    child.kill('SIGKILL');
    await ended;
    const before = count(p.db);
    assert.ok(before < rows, 'it was killed in the middle');
    assert.equal(before % 100, 0, 'whole transactions only');
    const got = await p.run(['import', file]);
    const [, from] = /went on behind row (\d+)/.exec(got.stdout);
    assert.ok(Number(from) >= before && Number(from) < rows, `${from} of ${before}`);
    assert.match(got.stdout, new RegExp(`${rows} rows, ${rows - Number(from)} new, 0 there already`));
    assert.equal(count(p.db), rows);
    assert.deepEqual(sql(p.db, 'SELECT count(*) AS n, count(DISTINCT external_id) AS ids FROM reported_id'), [{ n: rows, ids: rows }]);
  });
});

// Calls of every kind: streamed, failed, rescued by another server, rated, cancelled, hostile text.
async function variety(t) {
  const down = await startUpstream(t, { models: ['m'], reply: (call) => call.send(500, { error: 'boom, "quoted"\n=1+1' }) });
  const up = await startUpstream(t, { models: ['m'], reply: answer({ tokens: words(8) }) });
  const server = await startTouchstone(t, { upstreams: { ollama: up, llamacpp: down } });
  for (let i = 0; i < 4; i++) {
    await server.post('/api/generate', { model: 'm', prompt: 'p', touchstone: { taskType: 'coding', conversationId: `c${i}`, userId: '=cmd()', tags: { project: 'a,b' }, messageId: `-${i}` } });
    await server.post('/v1/chat/completions', { model: 'llamacpp/m', messages: [{ role: 'user', content: 'p' }] });
  }
  await server.post('/api/analytics/models/feedback', { conversationId: 'c1', rating: -1, comment: '@sum "x"\n\'=y' });
  const odd = ['=1', '+1', '-1', '-1a', '@x', '\tx', '\rx', '\'=1', '\'\'', '"', ',', ' a ', 'a\nb', '\u{1f600}', 'null', '-'];
  const reports = odd.map((model, i) => ({
    model, taskType: 'x', outcome: ['done', 'cancelled', 'timeout', 'upstream_cut', 'upstream_error'][i % 5], id: `odd-${i}`, errorMessage: i % 5 > 1 ? model : null,
    inputTokens: i % 3 ? i : null, outputTokens: i % 2 ? 2 * i : null, tokensUsed: i % 4 ? 4 * i : null, costUsd: i / 1e9, responseTimeMs: i / 8, rating: (i % 3) - 1,
    metadata: { deep: [1, 0.1, { a: null }], text: model }, timestamp: `2026-05-01T00:00:0${i % 3}.00${i % 10}Z`,
    attempts: i % 2 ? [{ provider: 'p', model, cause: 'upstream_timeout', status: 504, durationMs: 1.25 }] : null,
  }));
  const got = await server.post('/api/analytics/models/outcomes', reports);
  assert.deepEqual(got.json, { accepted: odd.length, duplicates: 0 }, got.text);
  return { server, rows: 8 + odd.length };
}

test('export, import, export: the same bytes', async (t) => {
  const { server, rows } = await variety(t);
  const p = place(t, server.db);
  for (const format of ['csv', 'ndjson', 'json']) {
    const first = await p.exported(format);
    const served = (await server.get(`${EXPORT}?format=${format}`)).text;
    assert.equal(served, first, 'the route and the command say the same');
    const other = place(t);
    assert.match((await other.run(['import', '-'], { input: first })).stdout, new RegExp(`${rows} rows, ${rows} new`));
    assert.equal(await other.exported(format), first, format);
    assert.match((await p.run(['import', '-'], { input: first })).stdout, new RegExp(`0 new, ${rows} there already`), 'an export of this very database');
  }
  assert.equal((await server.get('/api/requests?limit=1000')).json.requests.length, rows);
});

test('a line of an NDJSON export is a report', async (t) => {
  const { server, rows } = await variety(t);
  const lines = (await server.get(`${EXPORT}?format=ndjson`)).lines;
  const other = await startTouchstone(t);
  assert.deepEqual((await other.post('/api/analytics/models/outcomes', lines)).json, { accepted: rows, duplicates: 0 });
  const figures = async (s) => (await s.get('/api/analytics/models?from=2026-01-01T00:00:00Z')).json.summary;
  assert.deepEqual(await figures(other), await figures(server));
});

test('no cell of a CSV export begins with what a spreadsheet runs', async (t) => {
  const { server } = await variety(t);
  const text = (await server.get(EXPORT)).text;
  const cells = text.match(/(?<=^|,)("(?:[^"]|"")*"|[^",\n]*)(?=,|$)/gm).map((c) => c.replace(/^"/, ''));
  assert.ok(cells.some((c) => c.startsWith('\'=')));
  for (const cell of cells) assert.ok(!/^[=@\t\r]/.test(cell) && (!/^[+-]/.test(cell) || /^[+-]?[\d.]+(e[+-]?\d+)?"?$/i.test(cell)), cell);
});

test('the route gives each format its type and its name', async (t) => {
  const server = await startTouchstone(t);
  const types = { csv: /^text\/csv; charset=utf-8/, ndjson: /^application\/x-ndjson/, json: /^application\/json/, md: /^text\/markdown/ };
  for (const [format, type] of Object.entries(types)) {
    const got = await server.get(`${EXPORT}?format=${format}`);
    assert.equal(got.status, 200);
    assert.match(got.headers['content-type'], type);
    assert.match(got.headers['content-disposition'], new RegExp(`^attachment; filename="touchstone-calls-\\d{4}-\\d\\d-\\d\\d\\.${format}"$`));
    assert.match(got.headers['cache-control'] ?? '', /no-store/);
  }
  assert.deepEqual((await server.get(`${EXPORT}?format=json`)).json, { calls: [] });
  const head = await server.get(EXPORT, { method: 'HEAD' });
  assert.deepEqual([head.status, head.text], [200, '']);
  for (const query of ['format=xml', 'what=all', 'min_samples=0', 'from=x', 'days=0', 'colour=1', 'complexity=x', 'from=2026-05-02&to=2026-05-01'])
    assert.equal((await server.get(`${EXPORT}?${query}`)).status, 400, query);
});

test('filters and windows mean the same for the route and the command', async (t) => {
  const server = await startTouchstone(t);
  const p = place(t, server.db);
  await p.run(['import', p.file('a.csv', csv(60))]);
  const cases = [
    ['model=m1', ['--model', 'm1'], 20], ['from=2026-05-01T00:00:30Z', ['--from', '2026-05-01T00:00:30Z'], 30],
    ['to=2026-05-01T00:00:10Z', ['--to', '2026-05-01T00:00:10Z'], 10], ['provider=q', ['--provider=q'], 0], ['task_type=coding', ['--task-type', 'coding'], 60],
    ['user=local', ['--user', 'local'], 60], ['from=2026-05-01&to=2026-05-02&model=m2', ['--from', '2026-05-01', '--to', '2026-05-02', '--model', 'm2'], 20],
  ];
  for (const [query, args, n] of cases) {
    const served = (await server.get(`${EXPORT}?format=ndjson&${query}`)).text;
    assert.equal(served.split('\n').length - 1, n, query);
    assert.equal(await p.exported('ndjson', args), served, query);
  }
  for (const args of [['--from', 'x'], ['--days', '0'], ['--complexity', 'x'], ['--format', 'xml'], ['--what', 'x'], ['--from', '2026-05-02', '--to', '2026-05-01'], ['x'], ['--colour']])
    assert.equal((await p.run(['export', ...args])).code, 64, args.join(' '));
});

test('statistics to share name no user and leave out what is rare', async (t) => {
  const server = await startTouchstone(t);
  const p = place(t, server.db);
  const rows = Array.from({ length: 25 }, (_, i) => JSON.stringify({ model: i < 20 ? 'often' : 'rare', taskType: 'x', success: i % 4 > 0, userId: 'canary', conversationId: 'canary', tokensUsed: 10, timestamp: `2026-05-01T00:00:${10 + i}Z` }));
  await p.run(['import', '-'], { input: rows.join('\n') });
  const got = await server.get(`${EXPORT}?what=stats&format=json`);
  assert.deepEqual(got.json, { stats: [{ taskType: 'x', model: 'often', successes: 15, failures: 5, timeouts: 0, successRate: 75, totalTokens: 200, totalCost: 0, lastUsed: '2026-05-01T00:00:29.000Z' }] });
  assert.ok(!got.text.includes('canary'));
  assert.equal((await server.get(`${EXPORT}?what=stats&format=json&min_samples=5`)).json.stats.length, 2);
  assert.equal(await p.exported('json', ['--what', 'stats']), got.text);
  assert.match((await server.get(`${EXPORT}?what=stats&format=md`)).text, /^\| task_type \| model \|.*\n\|---\|---\|--:/);
});

test('roll-ups add up to the calls they are of', async (t) => {
  const server = await startTouchstone(t);
  const p = place(t, server.db);
  await p.run(['import', p.file('a.csv', csv(300))]);
  const rollups = async (query = '') => (await server.get(`${EXPORT}?what=rollups&format=json${query}`)).json.rollups;
  const all = await rollups();
  assert.deepEqual(all.map((r) => r.resolution), ['hour', 'hour', 'hour', 'day', 'day', 'day']);
  for (const resolution of ['hour', 'day']) {
    const cells = all.filter((r) => r.resolution === resolution);
    assert.deepEqual(cells.map((r) => r.model).sort(), ['m0', 'm1', 'm2']);
    for (const cell of cells) {
      const [sum] = sql(p.db, `SELECT count(*) AS n, sum(success) AS ok, avg(response_time_ms) AS avg, min(response_time_ms) AS least, max(response_time_ms) AS most
        FROM model_performance_metrics WHERE model = '${cell.model}'`);
      assert.deepEqual([cell.totalCalls, cell.successes, cell.failures, cell.minResponseTime, cell.maxResponseTime, cell.start],
        [sum.n, sum.ok, sum.n - sum.ok, sum.least, sum.most, '2026-05-01T00:00:00.000Z']);
      assert.ok(Math.abs(cell.avgResponseTime - sum.avg) < 0.001);
      assert.deepEqual([cell.inputTokens, cell.costUsd, cell.medianTtft], [null, null, null]);
    }
  }
  assert.equal((await rollups('&model=m1')).length, 2);
  assert.deepEqual((await rollups('&from=2026-05-01T00:00:00Z&to=2026-05-01T01:00:00Z')).map((r) => r.resolution), ['hour', 'hour', 'hour'], 'a bucket counts as a whole or not at all');
  assert.deepEqual(await rollups('&from=2026-05-01T00:00:01Z'), []);
  assert.equal(await p.exported('json', ['--what', 'rollups']), (await server.get(`${EXPORT}?what=rollups&format=json`)).text);
});

test('an export into a file appears when it is whole', async (t) => {
  const p = place(t);
  await p.run(['import', p.file('a.csv', csv(500))]);
  const out = p.file('out.csv', 'old');
  assert.equal((await p.run(['export', '-o', out])).code, 0);
  assert.equal(readFileSync(out, 'utf8'), await p.exported());
  assert.deepEqual(readdirSync(p.folder).filter((f) => f.includes('.part')), []);
  const nowhere = await p.run(['export', '-o', join(p.folder, 'no/such/folder.csv')]);
  assert.equal(nowhere.code, 74);
  assert.match(nowhere.stderr, /no\/such\/folder\.csv/);
  const none = place(t);
  assert.equal((await none.run(['export'])).code, 74, 'there is no database');
});

test('what is not there, is taken or is no database is told with its exit code', async (t) => {
  const p = place(t);
  assert.equal((await p.run(['import'])).code, 64);
  assert.equal((await p.run(['import', 'a', 'b'])).code, 64);
  assert.equal((await p.run(['import', '--forma', 'csv', 'x'])).stderr, 'touchstone: import has no option --forma; did you mean --format?\n');
  assert.equal((await p.run(['import', join(p.folder, 'none.csv')])).code, 74);
  assert.equal((await p.run(['import', p.folder])).code, 74);
  const file = p.file('a.csv', csv(2));
  assert.equal((await p.run(['import', '--db', p.file('foreign.db', 'this is no database at all, but a text'), file])).code, 65);
  assert.equal((await p.run(['import', file], { env: { TOUCHSTONE_DB: p.db, TOUCHSTONE_DURABILITY: 'x' } })).code, 78);
});

test('a server whose path is too long for a socket says so, and so do commands', async (t) => {
  const { mkdirSync } = await import('node:fs');
  const long = join(scratch(t), 'x'.repeat(100));
  mkdirSync(long);
  const server = await startTouchstone(t, { db: join(long, 'touchstone.db') });
  assert.match(server.stderr, /too long for a control socket/);
  const p = place(t, server.db);
  const got = await p.run(['import', p.file('a.csv', csv(2))]);
  assert.equal(got.code, 69);
  assert.match(got.stderr, /too long for a control socket: stop the server/);
});

test('the socket of a killed server does not stand in the way', async (t) => {
  const server = await startTouchstone(t, { expectEnd: false });
  assert.ok(existsSync(`${server.db}.sock`));
  await server.kill();
  const p = place(t, server.db);
  assert.equal((await p.run(['import', p.file('a.csv', csv(2))])).code, 0);
  const next = await startTouchstone(t, { db: server.db });
  assert.match((await p.run(['import', p.file('b.csv', csv(4))])).stdout, /4 rows, 2 new, 2 there already/);
  await next.stop();
  assert.ok(!existsSync(`${server.db}.sock`));
});

// The most memory a process ever had, in MiB.
const peak = (pid) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;

test('two hundred thousand rows go in and out in constant memory', { timeout: 600_000 }, async (t) => {
  const rows = 200_000;
  const server = await startTouchstone(t);
  const p = place(t, server.db);
  const file = p.file('big.csv', csv(rows));
  const watch = async (args) => {
    const child = spawn(binary, args, { env: cleanEnv(p.folder, { ...KEEP, TOUCHSTONE_DB: p.db }), cwd: p.folder, stdio: 'ignore' });
    let most = 0;
    const timer = setInterval(() => { try { most = Math.max(most, peak(child.pid)); } catch { /* it ended */ } }, 20);
    const code = await new Promise((done) => child.on('close', done));
    clearInterval(timer);
    assert.equal(code, 0);
    return most;
  };
  const sanitized = process.env.ASAN_OPTIONS !== undefined; // quarantined memory is no leak of ours
  const imported = await watch(['import', file]);
  const exported = await watch(['export', '-o', join(p.folder, 'out.csv')]);
  assert.equal(count(p.db), rows);
  assert.equal(readFileSync(join(p.folder, 'out.csv'), 'utf8').split('\n').length - 2, rows);
  if (sanitized) return;
  assert.ok(imported < 40, `import ${imported} MiB`);
  assert.ok(exported < 120, `export ${exported} MiB`);
  const before = peak(server.pid);
  assert.ok(before < 160, `server ${before} MiB`);
});

test('a client that takes nothing costs the server one page, and gets the rest when it goes on', { timeout: 120_000 }, async (t) => {
  const server = await startTouchstone(t);
  const p = place(t, server.db);
  const rows = 20_000;
  await p.run(['import', p.file('a.csv', csv(rows))]);
  const got = await new Promise((done, failed) => {
    http.get(`${server.url}${EXPORT}?format=ndjson`, async (answer) => {
      answer.pause();
      await sleep(1500);
      const asleep = peak(server.pid);
      let lines = 0;
      answer.on('data', (b) => { for (const c of b) lines += c === 10; });
      answer.on('end', () => done({ lines, grown: peak(server.pid) - asleep }));
      answer.on('error', failed);
      answer.resume();
    }).on('error', failed);
  });
  assert.equal(got.lines, rows);
  if (process.env.ASAN_OPTIONS === undefined) assert.ok(got.grown < 8, `${got.grown} MiB for a stream of 20 MB`);
});

test('clients that leave in the middle of an export leave nothing behind', async (t) => {
  const server = await startTouchstone(t);
  const p = place(t, server.db);
  await p.run(['import', p.file('a.csv', csv(5000))]);
  for (let i = 0; i < 10; i++) {
    const leave = new AbortController();
    const got = server.get(`${EXPORT}?format=json`, { signal: leave.signal, onChunk: () => leave.abort() }).catch(() => null);
    if (i % 2) setTimeout(() => leave.abort(), 2 * slack);
    await got;
  }
  assert.equal((await server.get(`${EXPORT}?format=json`)).json.calls.length, 5000);
});
