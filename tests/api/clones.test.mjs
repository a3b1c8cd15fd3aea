// Website clones: sites, attempts with their files, statistics, samples, benchmarks, and the older alias.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { sql } from '../harness/sql.mjs';
import { runToEnd, scratch, slack, startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream } from '../harness/upstream.mjs';

const attempt = (more = {}) => ({
  url: 'https://stripe.com', model: 'ollama/llama3.2:7b', generationTimeMs: 3500, status: 'success',
  files: [{ path: 'index.html', content: '<h1>Stripe</h1>\n' }], ...more,
});
const DAY = 86_400_000;
const ago = (days) => new Date(Date.now() - days * DAY).toISOString();
const count = (server, table) => sql(server.db, `SELECT count(*) AS n FROM ${table}`)[0].n;
const nothingStored = (server) => {
  for (const table of ['websites', 'clone_attempts', 'code_files', 'clone_counts', 'website_counts', 'word_counts', 'clone_changes'])
    assert.equal(count(server, table), 0, table);
};

// What attempts come to, from the raw rows: the document's own SQL.
function raw(server, where = '1') {
  const [row] = sql(server.db, `SELECT count(*) AS n, avg(generation_time_ms) AS ms, avg(code_size_bytes) AS bytes,
    count(CASE WHEN status = 'success' THEN 1 END) * 100.0 / count(*) AS rate, max(created_at) AS last FROM clone_attempts WHERE ${where}`);
  return row;
}
const round2 = (x) => (x === null ? null : Math.round(x * 100) / 100);
function agrees(got, want) {
  assert.equal(got.totalAttempts, want.n);
  assert.equal(got.successRate, round2(want.rate));
  assert.equal(got.avgGenerationTimeMs, round2(want.ms));
  assert.equal(got.avgCodeSizeBytes, round2(want.bytes));
}

// Every statistic against the raw rows.
async function exact(server) {
  const { json: summary } = await server.get('/api/clones/summary');
  agrees(summary.summary, raw(server));
  for (const m of summary.models) {
    const want = raw(server, `provider = '${m.provider}' AND model_name = '${m.model}'`);
    agrees(m, want);
    assert.equal(m.lastUsed, want.last);
  }
  assert.equal(summary.models.reduce((n, m) => n + m.totalAttempts, 0), count(server, 'clone_attempts'));
  assert.deepEqual(summary.counts, {
    websites: count(server, 'websites'), attempts: count(server, 'clone_attempts'), benchmarks: count(server, 'model_benchmarks'),
    samples: { websites: count(server, 'websites WHERE sample'), attempts: count(server, 'clone_attempts WHERE sample'), benchmarks: count(server, 'model_benchmarks WHERE sample') },
  });
  const { providers } = (await server.get('/api/clones/providers')).json;
  for (const p of providers) agrees(p, raw(server, `provider = '${p.provider}'`));
  assert.equal(providers.reduce((n, p) => n + p.totalAttempts, 0), count(server, 'clone_attempts'));
  const { months } = (await server.get('/api/clones/monthly?months=600')).json;
  for (const m of months) agrees(m, raw(server, `provider = '${m.provider}' AND substr(created_at, 1, 7) = '${m.month}'`));
  assert.equal(months.reduce((n, m) => n + m.totalAttempts, 0), count(server, 'clone_attempts'));
  const { complexity } = (await server.get('/api/clones/complexity')).json;
  const words = { simple: '< 500', medium: '>= 500 AND word_count < 2000', complex: '>= 2000', null: 'IS NULL' };
  for (const c of complexity) {
    assert.equal(c.websites, count(server, `websites WHERE word_count ${words[c.complexity]}`));
    agrees(c, raw(server, `website_id IN (SELECT id FROM websites WHERE word_count ${words[c.complexity]})`));
  }
  assert.equal(complexity.reduce((n, c) => n + c.totalAttempts, 0), count(server, 'clone_attempts'));
}

test('an attempt is tracked in one call: site, attempt and files, with the columns of the document', async (t) => {
  const server = await startTouchstone(t);
  const got = await server.post('/api/clones', attempt({
    files: [
      { path: 'index.html', content: '<h1>ä</h1>\n\n' },
      { path: 'src/App.jsx', content: 'export default 1\n', metadata: { by: 'me' } },
    ],
    sandboxUrl: 'https://sandbox.example/x', styleSelected: 'dark', additionalInstructions: 'be quick', errorMessage: null,
  }));
  assert.equal(got.status, 201, got.text);
  assert.equal(got.json.provider, 'ollama');
  assert.equal(got.json.model, 'llama3.2:7b');
  const [row] = sql(server.db, 'SELECT * FROM clone_attempts');
  const size = Buffer.byteLength('<h1>ä</h1>\n\n') + Buffer.byteLength('export default 1\n');
  assert.deepEqual(
    [row.id, row.provider, row.model_name, row.model, row.status, row.generation_time_ms, row.code_size_bytes, row.component_count, row.style_selected, row.additional_instructions, row.sandbox_url, row.error_message, row.call_id],
    [got.json.id, 'ollama', 'llama3.2:7b', 'llama3.2:7b', 'success', 3500, size, 1, 'dark', 'be quick', 'https://sandbox.example/x', null, null]);
  const [site] = sql(server.db, 'SELECT * FROM websites');
  assert.deepEqual([site.url, site.domain, site.status, site.word_count], ['https://stripe.com', 'stripe.com', 'cloned', null]);
  const files = sql(server.db, 'SELECT file_path, file_type, lines_of_code, size_bytes, metadata FROM code_files ORDER BY file_path');
  assert.deepEqual(files, [
    { file_path: 'index.html', file_type: 'html', lines_of_code: 1, size_bytes: 13, metadata: null },
    { file_path: 'src/App.jsx', file_type: 'jsx', lines_of_code: 1, size_bytes: 17, metadata: '{"by":"me"}' },
  ]);
  const one = (await server.get(`/api/clones/${got.json.id}`)).json;
  assert.deepEqual(one.files.map((f) => f.path), ['index.html', 'src/App.jsx']);
  assert.equal(one.url, 'https://stripe.com');
  const file = await server.get(`/api/clones/${got.json.id}/files/src/App.jsx`);
  assert.equal(file.json.content, 'export default 1\n');
  assert.deepEqual(file.json.metadata, { by: 'me' });
});

test('code that comes as one text is split into its files', async (t) => {
  const server = await startTouchstone(t);
  const code = 'Here you are:\n\n### index.html\n```html\n<h1>x</h1>\n```\n\n```css:styles.css\nh1 {}\n```\nRun it:\n```bash\nnpx serve\n```\n';
  const got = await server.post('/api/clones', attempt({ files: undefined, code }));
  assert.equal(got.status, 201, got.text);
  assert.deepEqual(sql(server.db, 'SELECT file_path, content FROM code_files ORDER BY 1'),
    [{ file_path: 'index.html', content: '<h1>x</h1>\n' }, { file_path: 'styles.css', content: 'h1 {}\n' }]);
  assert.equal(sql(server.db, 'SELECT generated_code AS c FROM clone_attempts')[0].c, code);
  const whole = await server.post('/api/clones', attempt({ files: undefined, code: '<!doctype html><p>all' }));
  assert.equal(whole.json.codeSizeBytes, 21);
  assert.equal((await server.get(`/api/clones/${whole.json.id}/files/index.html`)).json.content, '<!doctype html><p>all');
});

test('code is judged behind the answer; what cannot be judged says why', async (t) => {
  const server = await startTouchstone(t);
  const { json } = await server.post('/api/clones', attempt({ files: [
    { path: 'index.html', content: '<!doctype html>\n<html lang="en"><body><img src="a.png"><p>x</p></body></html>\n' },
    { path: 'notes.txt', content: 'x' }, { path: 'src/bad.js', content: 'function ( {{{ ' },
  ] }));
  let one;
  for (let i = 0; i < 100 * slack && (one?.qualityScore ?? null) === null; i++) {
    await sleep(20);
    one = (await server.get(`/api/clones/${json.id}`)).json;
  }
  const [page, notes, bad] = one.files;
  assert.deepEqual(page.quality.parts.map((p) => p.part), ['parseErrors', 'nesting', 'length', 'duplication', 'labels']);
  assert.ok(page.qualityScore > 50 && page.qualityScore < 100, `${page.qualityScore}`); // no alt
  assert.equal(Math.round((page.quality.parts.reduce((n, p) => n + p.points, 0) + page.quality.score) * 10), 1000);
  assert.ok(bad.qualityScore < page.qualityScore, `${bad.qualityScore}`);
  assert.equal(notes.qualityScore, null);
  assert.match(notes.quality.absent, /no grammar/);
  assert.ok(one.qualityScore > 0 && one.qualityScore < 100);
  const text = await server.post('/api/clones', attempt({ files: [{ path: 'a.txt', content: 'x' }] }));
  const other = (await server.get(`/api/clones/${text.json.id}`)).json;
  assert.equal(other.qualityScore, null);
  assert.match(other.quality.absent, /none of its files/);
  const stats = (await server.get('/api/clones/stats')).json;
  assert.equal(stats.avgQualityScore, one.qualityScore); // absent is not 0
  await exact(server);
});

const long = `${'x'.repeat(290)}/index.html`;
const file = (path, content = 'x') => ({ files: [{ path: 'ok.html', content: 'ok' }, { path, content }] });
const WRONG = {
  'a path that climbs': [file('../x.html'), 'files[1].path'],
  'a path that climbs inside': [file('a/../../x.html'), 'files[1].path'],
  'an absolute path': [file('/etc/passwd'), 'files[1].path'],
  'a drive': [file('C:/x.html'), 'files[1].path'],
  'backslashes': [file('a\\..\\b.html'), 'files[1].path'],
  'an empty part': [file('a//b.html'), 'files[1].path'],
  'a slash at the end': [file('a/'), 'files[1].path'],
  'a dot': [file('./a.html'), 'files[1].path'],
  'an empty path': [file(''), 'files[1].path'],
  'a control character': [file('a\n.html'), 'files[1].path'],
  'a path of 300 characters': [file(long), 'files[1].path'],
  'a path twice': [file('ok.html'), 'files[1].path'],
  'a file over the limit': [file('big.html', 'x'.repeat(2 * 1024 * 1024 + 1)), 'files[1].content'],
  'a file without content': [{ files: [{ path: 'a' }] }, 'files[0].content'],
  'content that is a number': [{ files: [{ path: 'a', content: 1 }] }, 'files[0].content'],
  'an unknown member of a file': [{ files: [{ path: 'a', content: '', mode: 7 }] }, 'files[0]'],
  'too many files': [{ files: Array.from({ length: 501 }, (_, i) => ({ path: `f${i}`, content: '' })) }, 'files'],
  'files that are no list': [{ files: { path: 'a' } }, 'files'],
  'files and code': [{ code: '<p>' }, 'code'],
  'code that is a number': [{ files: undefined, code: 5 }, 'code'],
  'a site that is none': [{ url: 'stripe' }, 'url'],
  'a site of another scheme': [{ url: 'javascript:alert(1)' }, 'url'],
  'a site with a password': [{ url: 'https://a:b@c.example' }, 'url'],
  'no site': [{ url: undefined }, 'url'],
  'no model': [{ model: undefined }, 'model'],
  'a model that is a list': [{ model: ['a'] }, 'model'],
  'no status': [{ status: undefined }, 'status'],
  'another status': [{ status: 'maybe' }, 'status'],
  'a time as text': [{ generationTimeMs: '3' }, 'generationTimeMs'],
  'a negative time': [{ generationTimeMs: -1 }, 'generationTimeMs'],
  'a sandbox that is a script': [{ sandboxUrl: 'javascript:alert(1)' }, 'sandboxUrl'],
  'an unknown member': [{ colour: 'red' }, 'colour'],
  'a time far ahead': [{ timestamp: '2199-01-01T00:00:00Z' }, 'timestamp'],
};

test('what is wrong with an attempt is told, and nothing of it is stored', async (t) => {
  const server = await startTouchstone(t);
  for (const [what, [more, param]] of Object.entries(WRONG)) {
    const got = await server.post('/api/clones', attempt(more));
    assert.equal(got.status, 400, `${what}: ${got.text}`);
    assert.equal(got.json.error.code, 'invalid_field', what);
    assert.equal(got.json.error.param, param, what);
    assert.ok(got.json.error.message.length > param.length + 5 && got.json.error.message.includes(param), got.json.error.message);
    nothingStored(server);
  }
});

test('a NUL in a path, an unknown call, and a body beyond the limit are refused', async (t) => {
  const server = await startTouchstone(t);
  const nul = await server.post('/api/clones', attempt(file('a\u0000.html')));
  assert.equal(nul.status, 400, nul.text);
  assert.equal(nul.json.error.code, 'invalid_json');
  for (const requestId of ['nothing', '01234567-89ab-8cde-8f01-23456789abcd']) {
    const got = await server.post('/api/clones', attempt({ requestId }));
    assert.equal(got.status, 404, got.text);
    assert.equal(got.json.error.param, 'requestId');
  }
  // a well-formed id of this store, of a call that was never made
  await server.post('/api/analytics/models/outcomes', { taskType: 'coding', model: 'm', success: true });
  const [{ id }] = (await server.get('/api/requests')).json.requests;
  const other = id.replace(/^.{4}/, (s) => (s === '0001' ? '0002' : '0001'));
  assert.equal((await server.post('/api/clones', attempt({ requestId: other }))).json.error.param, 'requestId');
  assert.equal((await server.post('/api/clones', attempt({ requestId: id, model: 'm', provider: undefined }))).json.provider, 'external');
  const large = await server.post('/api/clones', attempt({ additionalInstructions: 'x'.repeat(17 * 1024 * 1024) }))
    .catch((error) => error); // refused before all of it was sent
  assert.ok(large.status === 413 || ['EPIPE', 'ECONNRESET'].includes(large.code), `${large.status} ${large.code}`);
  assert.equal(count(server, 'clone_attempts'), 1);
});

test("Firecrawl's answer is taken as it is; a second scrape takes the first one's place", async (t) => {
  const server = await startTouchstone(t);
  const scrape = {
    success: true,
    data: {
      markdown: `# Stripe\n\n${'word '.repeat(600)}`, html: '<h1>Stripe</h1>', links: ['https://stripe.com/a'], screenshot: 'https://cdn.example/s.png',
      metadata: { title: ['Stripe', 'x'], description: 'Payments', language: 'en', sourceURL: 'https://Stripe.com/', statusCode: 200 },
      warning: 'some',
    },
  };
  const got = await server.post('/api/websites', scrape);
  assert.equal(got.status, 201, got.text);
  assert.deepEqual(
    [got.json.url, got.json.domain, got.json.title, got.json.wordCount, got.json.contentLength, got.json.complexity, got.json.created],
    ['https://stripe.com', 'stripe.com', 'Stripe', 601, 15, 'medium', true]);
  const [row] = sql(server.db, 'SELECT * FROM websites');
  assert.equal(row.markdown_content, scrape.data.markdown);
  assert.equal(row.html_content, scrape.data.html);
  assert.equal(row.screenshot_url, 'https://cdn.example/s.png');
  assert.deepEqual(JSON.parse(row.firecrawl_metadata), scrape.data.metadata);
  await server.post('/api/clones', attempt());
  await exact(server);
  const again = await server.post('/api/websites', { ...scrape, data: { ...scrape.data, markdown: 'two words' } });
  assert.equal(again.status, 200, again.text);
  assert.equal(again.json.id, got.json.id);
  const one = (await server.get(`/api/websites/${got.json.id}`)).json;
  assert.equal(one.wordCount, 2);
  assert.equal(one.status, 'cloned');
  assert.equal(one.markdown, 'two words');
  assert.equal(one.metadata.language, 'en');
  await exact(server);
});

test('a plain site is taken too; what is wrong with one is told', async (t) => {
  const server = await startTouchstone(t);
  const plain = await server.post('/api/websites', { url: 'http://localhost:3000/a?b=1#c', title: 'Mine', html: '<p>one <b>two</b></p><script>three</script>' });
  assert.deepEqual([plain.status, plain.json.url, plain.json.domain, plain.json.wordCount, plain.json.complexity], [201, 'http://localhost:3000/a?b=1', 'localhost', 2, 'simple']);
  const wrong = [
    [{ url: 'nothing' }, 'url'], [{ title: 'x' }, 'url'], [{ url: 'https://a.example', colour: 1 }, 'colour'], [{ url: 'https://a.example', html: 5 }, 'html'],
    [{ url: 'https://a.example', status: 'new' }, 'status'], [{ success: false, error: 'blocked' }, 'success'], [{ success: true, data: [] }, 'data'],
    [{ success: true, data: { markdown: 'x' } }, 'url'], [{ url: 'https://a.example', scrapedAt: 'now' }, 'scrapedAt'],
  ];
  for (const [body, param] of wrong) {
    const got = await server.post('/api/websites', body);
    assert.equal(got.status, 400, got.text);
    assert.equal(got.json.error.param, param, got.text);
  }
  assert.equal(count(server, 'websites'), 1);
});

test('lists page and filter', async (t) => {
  const server = await startTouchstone(t);
  for (let i = 0; i < 7; i++) {
    await server.post('/api/clones', attempt({ url: `https://s${i % 2}.example`, model: i % 3 ? 'ollama/a' : 'vllm/meta-llama/b', status: i === 6 ? 'error' : 'success' }));
  }
  const pages = [];
  let cursor = '';
  do {
    const { json } = await server.get(`/api/clones?limit=3${cursor && `&cursor=${cursor}`}`);
    pages.push(json.clones.map((c) => c.id));
    cursor = json.nextCursor;
  } while (cursor);
  assert.deepEqual(pages, [[7, 6, 5], [4, 3, 2], [1]]);
  const ids = async (query) => (await server.get(`/api/clones?${query}`)).json.clones.map((c) => c.id);
  assert.deepEqual(await ids('model=a'), [6, 5, 3, 2]);
  assert.deepEqual(await ids('model=ollama/a'), [6, 5, 3, 2]);
  assert.deepEqual(await ids('model=meta-llama/b'), [7, 4, 1]);
  assert.deepEqual(await ids('model=vllm/meta-llama/b&limit=1'), [7]);
  assert.deepEqual(await ids('provider=vllm'), [7, 4, 1]);
  assert.deepEqual(await ids('url=https://s1.example/'), [6, 4, 2]);
  assert.deepEqual(await ids('website_id=1'), [7, 5, 3, 1]);
  assert.deepEqual(await ids('website_id=1&model=a'), [5, 3]);
  assert.deepEqual(await ids('status=error'), [7]);
  assert.deepEqual(await ids('url=https://unknown.example'), []);
  assert.deepEqual(await ids('model=nobody'), []);
  await server.post('/api/websites', { url: 'https://long.example', markdown: 'w '.repeat(2500) });
  const sites = async (query) => (await server.get(`/api/websites?${query}`)).json.websites.map((w) => w.domain);
  assert.deepEqual(await sites('limit=2'), ['long.example', 's1.example']);
  assert.deepEqual(await sites('complexity=complex'), ['long.example']);
  assert.deepEqual(await sites('status=cloned'), ['s1.example', 's0.example']);
  assert.deepEqual(await sites('domain=s0.example'), ['s0.example']);
  assert.deepEqual(await sites('url=https://s0.example'), ['s0.example']);
  const wrong = ['clones?limit=0', 'clones?limit=x', 'clones?cursor=x', 'clones?status=maybe', 'clones?website_id=-1', 'clones?colour=1', 'clones?url=x', 'websites?complexity=hard', 'websites?status=x', 'clones/monthly?months=0', 'clones/complexity?limit=9999', 'clones/stats?model=', 'benchmarks?website_complexity=x'];
  for (const path of wrong) {
    const got = await server.get(`/api/${path}`);
    assert.equal(got.status, 400, path);
    assert.equal(got.json.error.code, 'invalid_parameter', path);
    assert.ok(got.json.error.param, path);
  }
  for (const path of ['clones/99', 'clones/x', 'clones/1/files/none.html', 'clones/99/files/index.html', 'clones/99/preview', 'websites/99', 'websites/0']) {
    const got = await server.get(`/api/${path}`);
    assert.equal(got.status, 404, path);
    assert.equal(got.json.error.code, 'not_found', path);
  }
});

test('statistics of a model, as the document has them', async (t) => {
  const server = await startTouchstone(t);
  const none = (await server.get('/api/clones/stats?model=x')).json;
  assert.deepEqual([none.totalAttempts, none.successRate, none.lastUsed], [0, null, null]);
  for (let i = 0; i < 25; i++)
    await server.post('/api/clones', attempt({ status: i < 23 ? 'success' : 'error', generationTimeMs: 3200 + (i - 12) * 10, files: [{ path: 'a.html', content: 'x'.repeat(2400) }], timestamp: ago(i) }));
  for (const model of ['ollama/llama3.2:7b', 'llama3.2:7b']) {
    const stats = (await server.get(`/api/clones/stats?model=${model}`)).json;
    assert.deepEqual(
      [stats.totalAttempts, stats.successRate, stats.avgGenerationTimeMs, stats.avgCodeSizeBytes], [25, 92, 3200, 2400]);
    assert.ok(Date.now() - Date.parse(stats.lastUsed) < 60_000 * slack);
  }
  await exact(server);
});

test('every statistic is exact after deletions, and the views agree', async (t) => {
  const server = await startTouchstone(t, { env: { TOUCHSTONE_CLONE_MEDIUM_WORDS: '500' } });
  for (let s = 0; s < 6; s++)
    if (s) await server.post('/api/websites', { url: `https://s${s}.example`, markdown: 'w '.repeat([0, 100, 499, 500, 1999, 2000][s]), scrapedAt: ago(100) });
  for (let i = 0; i < 90; i++) {
    const got = await server.post('/api/clones', attempt({
      url: `https://s${i % 6}.example`, model: ['ollama/a', 'ollama/b', 'vllm/a'][i % 3], status: i % 7 ? 'success' : 'error',
      generationTimeMs: i % 11 ? 100 * i : undefined, files: i % 5 ? [{ path: 'a.html', content: 'x'.repeat(i) }] : undefined, timestamp: ago(i),
    }));
    assert.equal(got.status, 201, got.text);
  }
  await exact(server);
  const views = () => {
    assert.deepEqual(
      sql(server.db, 'SELECT * FROM model_performance_summary ORDER BY provider, model_name'),
      sql(server.db, `SELECT provider, model_name, COUNT(*) AS total_attempts, AVG(generation_time_ms) AS avg_generation_time,
        COUNT(CASE WHEN status = 'success' THEN 1 END) * 100.0 / COUNT(*) AS success_rate, AVG(code_size_bytes) AS avg_code_size
        FROM clone_attempts GROUP BY provider, model_name ORDER BY provider, model_name`));
    assert.deepEqual(
      sql(server.db, 'SELECT * FROM website_complexity_analysis ORDER BY domain'),
      sql(server.db, `SELECT w.domain, w.title, w.word_count, COUNT(ca.id) AS clone_attempts, AVG(ca.generation_time_ms) AS avg_generation_time
        FROM websites w LEFT JOIN clone_attempts ca ON w.id = ca.website_id GROUP BY w.id, w.domain, w.title, w.word_count ORDER BY w.domain`));
  };
  views();
  const gone = await server.get('/api/clones?older_than_days=40', { method: 'DELETE' });
  assert.deepEqual(gone.json.deleted, { attempts: 50, websites: 0, benchmarks: 0 });
  await exact(server);
  views();
  assert.deepEqual((await server.get('/api/clones?older_than_days=1', { method: 'DELETE' })).json.deleted.attempts, 39);
  await exact(server);
  assert.equal(count(server, 'code_files'), 0); // the one that is left has none
  assert.equal(count(server, 'websites'), 1); // those without attempts were scraped long ago
  views();
  const changes = sql(server.db, "SELECT deleted, count(*) AS n FROM clone_changes WHERE kind = 'attempt' GROUP BY deleted");
  assert.deepEqual(changes, [{ deleted: 0, n: 1 }, { deleted: 1, n: 89 }]);
  for (const query of ['', '?older_than_days=0', '?older_than_days=x', '?samples=false', '?older_than_days=3&samples=true', '?all=1']) {
    const got = await server.get(`/api/clones${query}`, { method: 'DELETE' });
    assert.equal(got.status, 400, query);
  }
  assert.equal(count(server, 'clone_attempts'), 1);
});

test('what is simple and what is complex is a setting', async (t) => {
  const server = await startTouchstone(t, { env: { TOUCHSTONE_CLONE_MEDIUM_WORDS: '10', TOUCHSTONE_CLONE_COMPLEX_WORDS: '20' } });
  for (const n of [9, 10, 19, 20]) await server.post('/api/websites', { url: `https://w${n}.example`, markdown: 'w '.repeat(n) });
  const { limits, complexity, websites } = (await server.get('/api/clones/complexity')).json;
  assert.deepEqual(limits, { mediumFromWords: 10, complexFromWords: 20 });
  assert.deepEqual(complexity.map((c) => [c.complexity, c.websites]), [['simple', 1], ['medium', 2], ['complex', 1]]);
  assert.deepEqual(websites.map((w) => [w.wordCount, w.complexity]), [[20, 'complex'], [19, 'medium'], [10, 'medium'], [9, 'simple']]);
  const first = (await server.get('/api/clones/complexity?limit=3')).json;
  assert.deepEqual((await server.get(`/api/clones/complexity?limit=3&cursor=${first.nextCursor}`)).json.websites.map((w) => w.wordCount), [9]);
});

test('limits that contradict each other are a fault of the configuration', async (t) => {
  const out = await runToEnd(t, ['serve'], { env: { TOUCHSTONE_CLONE_MEDIUM_WORDS: '20', TOUCHSTONE_CLONE_COMPLEX_WORDS: '20' } });
  assert.equal(out.code, 78);
  assert.match(out.stderr, /clone_complex_words \(20\) has to be more/);
});

test('old attempts go by themselves', async (t) => {
  const server = await startTouchstone(t, { env: { TOUCHSTONE_CLONE_RETENTION_DAYS: '30' } });
  await server.post('/api/clones', attempt({ timestamp: ago(31) }));
  await server.post('/api/clones', attempt({ timestamp: ago(29) }));
  for (let i = 0; i < 100 * slack && count(server, 'clone_attempts') > 1; i++) await sleep(100);
  assert.equal(count(server, 'clone_attempts'), 1);
  await exact(server);
});

test('a generation that names its website is an attempt by itself', async (t) => {
  const page = '```html\n<h1>Made</h1>\n```\n\n**src/App.jsx**\n```jsx\nexport default () => <p/>\n```\n';
  const upstream = await startUpstream(t, { models: ['coder:7b'], reply: answer({ tokens: page.match(/[^]{1,7}/g) }) });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream } });
  const generate = (path, body) => server.post(path, { model: 'coder:7b', touchstone: { website: 'https://Made.example/' }, ...body });
  const attempts = async (n) => {
    for (let i = 0; i < 100 * slack && count(server, 'clone_attempts') < n; i++) await sleep(20);
    return sql(server.db, 'SELECT a.*, w.url FROM clone_attempts a JOIN websites w ON w.id = a.website_id ORDER BY a.id');
  };
  const got = await generate('/api/generate', { prompt: 'clone it' });
  assert.equal(got.status, 200, got.text);
  const [first] = await attempts(1);
  assert.deepEqual([first.url, first.provider, first.model_name, first.status, first.component_count], ['https://made.example', 'ollama', 'coder:7b', 'success', 1]);
  assert.equal(first.generated_code, page);
  assert.ok(first.generation_time_ms >= 0);
  assert.deepEqual(sql(server.db, 'SELECT file_path FROM code_files ORDER BY 1').map((f) => f.file_path), ['index.html', 'src/App.jsx']);
  const one = (await server.get('/api/clones/1')).json;
  assert.equal(one.requestId, got.headers['x-touchstone-request-id']);
  assert.equal(sql(server.db, 'SELECT count(*) AS n FROM call JOIN clone_attempts a ON a.call_id = call.id')[0].n, 1);
  // translated, and not streamed
  assert.equal((await generate('/v1/chat/completions', { messages: [{ role: 'user', content: 'x' }], stream: false })).status, 200);
  assert.equal((await attempts(2))[1].code_size_bytes, first.code_size_bytes);
  // an answer without code, and one that fails
  upstream.reply = answer({ tokens: ['I ', 'cannot.'] });
  await generate('/api/generate', { prompt: 'x' });
  const third = (await attempts(3))[2];
  assert.deepEqual([third.status, third.code_size_bytes], ['error', null]);
  assert.match(third.error_message, /no code/);
  upstream.reply = (call) => call.send(500, { error: 'it broke' });
  await generate('/api/generate', { prompt: 'x' });
  const fourth = (await attempts(4))[3];
  assert.equal(fourth.status, 'error');
  assert.match(fourth.error_message, /it broke/);
  const bad = await generate('/api/generate', { prompt: 'x', touchstone: { website: 'nothing' } });
  assert.equal(bad.status, 400);
  // nothing of the prompt is kept, and no call without a website is an attempt
  upstream.reply = answer({ tokens: ['x'] });
  await server.post('/api/generate', { model: 'coder:7b', prompt: 'x' });
  await sleep(100);
  assert.equal((await attempts(4)).length, 4);
  await exact(server);
});

test('with tracking off no generation becomes an attempt', async (t) => {
  const upstream = await startUpstream(t, { models: ['m'], reply: answer({ tokens: ['```html\n<p>\n```\n'] }) });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream }, env: { TOUCHSTONE_TRACKING: 'off' } });
  assert.equal((await server.post('/api/generate', { model: 'm', prompt: 'x', touchstone: { website: 'https://a.example' } })).status, 200);
  await sleep(200);
  nothingStored(server);
});

test('the preview can do nothing, and has its own files in it', async (t) => {
  const server = await startTouchstone(t);
  const { json } = await server.post('/api/clones', attempt({ files: [
    { path: 'site/index.html', content: '<html><link rel="stylesheet" href="css/a.css?v=1"><script type="module" src="./app.js"></script><img src="https://evil.example/x.png">"&' },
    { path: 'site/css/a.css', content: 'h1 { color: red } /* </style> */' },
    { path: 'site/app.js', content: 'document.title = "</script>";' },
  ] }));
  const got = await server.get(`/api/clones/${json.id}/preview`);
  assert.equal(got.status, 200, got.text);
  assert.match(got.headers['content-type'], /^text\/html/);
  assert.equal(got.headers['connection-allowlist'], '()');
  const csp = got.headers['content-security-policy'];
  for (const part of ['sandbox allow-scripts;', "default-src 'none'", "script-src 'unsafe-inline'", "style-src 'unsafe-inline'", 'img-src data: blob:', 'font-src data:', "form-action 'none'", "base-uri 'none'", "frame-ancestors 'self'"])
    assert.ok(csp.includes(part), part);
  assert.equal(got.headers['x-content-type-options'], 'nosniff');
  assert.equal(got.headers['cache-control'], 'no-store');
  const inner = got.text.match(/srcdoc="([^"]*)"/)[1].replaceAll('&quot;', '"').replaceAll('&amp;', '&');
  assert.ok(inner.includes('<style>h1 { color: red } /* <\\/style> */</style>'), inner);
  assert.ok(inner.includes('<script type="module" >document.title = "<\\/script>";</script>'), inner);
  assert.ok(inner.includes('x.png">"&<script>'), inner);
  const none = await server.post('/api/clones', attempt({ files: [{ path: 'App.jsx', content: 'x' }] }));
  const refused = await server.get(`/api/clones/${none.json.id}/preview`);
  assert.equal(refused.status, 404);
  assert.match(refused.json.error.message, /no HTML page/);
  assert.equal((await server.get(`/api/clones/${json.id}/preview?path=none.html`)).status, 404);
});

test('sample data comes with action=init, once, is marked, and goes in one call', async (t) => {
  const server = await startTouchstone(t);
  await server.post('/api/clones', attempt({ model: 'ollama/mine' }));
  const first = (await server.get('/api/local-models-analytics?action=init')).json;
  assert.equal(first.success, true);
  assert.deepEqual(first.added, { websites: 3, attempts: 90, benchmarks: 4 }); // stripe.com is mine
  assert.deepEqual((await server.get('/api/local-models-analytics?action=init')).json.added, { websites: 0, attempts: 0, benchmarks: 0 });
  await exact(server);
  assert.deepEqual(sql(server.db, 'SELECT domain FROM websites ORDER BY 1').map((w) => w.domain), ['openai.com', 'stripe.com', 'tailwindcss.com', 'vercel.com']);
  const { benchmarks } = (await server.get('/api/benchmarks')).json;
  assert.deepEqual(benchmarks.map((b) => [b.provider, b.model, b.avgGenerationTimeMs, b.successRate, b.notes, b.sample]).reverse(), [
    ['ollama', 'llama3.2:7b', 3200, 95, 'Good balance of speed/quality', true],
    ['ollama', 'deepseek-coder:6.7b', 4100, 92, 'Excellent for code generation', true],
    ['vllm', 'meta-llama/CodeLlama-7b-Instruct-hf', 2600, 88, 'Fastest with vLLM optimization', true],
    ['lmstudio', 'gpt-oss-20b', 7200, 85, 'Highest quality, slower', true],
  ]);
  for (const b of benchmarks) { // the attempts come to the same
    const stats = (await server.get(`/api/clones/stats?model=${b.provider}/${b.model}`)).json;
    assert.deepEqual([stats.avgGenerationTimeMs, stats.successRate, stats.samples], [b.avgGenerationTimeMs, b.successRate, stats.totalAttempts]);
  }
  const gone = await server.get('/api/clones?samples=true', { method: 'DELETE' });
  assert.deepEqual(gone.json.deleted, { attempts: 90, websites: 3, benchmarks: 4 });
  assert.equal(count(server, 'clone_attempts'), 1);
  await exact(server);
});

test('a sample site that somebody works on is no sample any more', async (t) => {
  const server = await startTouchstone(t);
  await server.get('/api/local-models-analytics?action=init');
  await server.post('/api/clones', attempt({ url: 'https://vercel.com' }));
  assert.deepEqual((await server.get('/api/clones?samples=true', { method: 'DELETE' })).json.deleted, { attempts: 90, websites: 3, benchmarks: 4 });
  assert.deepEqual(sql(server.db, 'SELECT domain, sample FROM websites'), [{ domain: 'vercel.com', sample: 0 }]);
  await exact(server);
});

test('the older alias answers as it did', async (t) => {
  const server = await startTouchstone(t);
  const path = '/api/local-models-analytics';
  const empty = (await server.get(`${path}?action=stats`)).json;
  assert.deepEqual(empty, { success: true, data: { models: [], providers: [], websites: [], totalWebsites: 0 } });
  await server.get(`${path}?action=init`);
  const { success, data } = (await server.get(`${path}?action=stats`)).json;
  assert.equal(success, true);
  assert.deepEqual([data.models.length, data.providers.length, data.websites.length, data.totalWebsites], [4, 3, 4, 4]);
  assert.equal(data.models[0].avg_generation_time_ms, data.models[0].avgGenerationTimeMs);
  const one = (await server.post(path, { model_name: 'ollama/llama3.2:7b' })).json;
  assert.deepEqual([one.success, one.data.totalAttempts, one.data.total_attempts, one.data.success_rate, one.data.avg_generation_time_ms], [true, 20, 20, 95, 3200]);
  const all = (await server.get(`${path}?action=export`)).json;
  assert.deepEqual([all.data.websites.length, all.data.cloneAttempts.length, all.data.modelBenchmarks.length, all.truncated], [4, 90, 4, false]);
  for (const [got, param] of [
    [await server.get(path), 'action'], [await server.get(`${path}?action=drop`), 'action'],
    [await server.post(path, {}), 'model_name'], [await server.post(path, { model_name: 5 }), 'model_name']]) {
    assert.equal(got.status, 400);
    assert.equal(got.json.error.param, param);
  }
  for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }])
    assert.equal((await server.get(`${path}?action=init`, { headers })).status, 403);
  await server.get(`${path}?action=init`, { method: 'HEAD' });
  assert.equal(count(server, 'clone_attempts'), 90);
});

test('benchmarks are computed from attempts and calls, with the hardware', async (t) => {
  const server = await startTouchstone(t);
  const none = await server.post('/api/benchmarks', {});
  assert.deepEqual(none.json, { benchmarks: [] });
  await server.post('/api/websites', { url: 'https://long.example', markdown: 'w '.repeat(3000) });
  await server.post('/api/websites', { url: 'https://short.example', markdown: 'w' });
  for (const [url, status, generationTimeMs] of [['long', 'error', 9000], ['long', 'success', 7000], ['short', 'success', 2000], ['short', 'success', 1000], ['unknown', 'success', 1000]])
    await server.post('/api/clones', attempt({ url: `https://${url}.example`, model: 'ollama/coder-7b', status, generationTimeMs }));
  await server.post('/api/analytics/models/outcomes', ['a', 'b', 'c'].map((id) => ({ id, taskType: 'coding', model: 'coder-7b', provider: 'ollama', success: true, messageId: id })));
  await server.post('/api/analytics/models/outcomes', { taskType: 'coding', model: 'called', provider: 'vllm', success: true, responseTimeMs: 1500 });
  for (const [messageId, rating] of [['a', 1], ['b', 1], ['c', -1]]) await server.post('/api/analytics/models/feedback', { messageId, rating });
  const got = await server.post('/api/benchmarks', { model: 'ollama/coder-7b', notes: 'on my desk' });
  assert.equal(got.status, 201, got.text);
  const rows = got.json.benchmarks;
  assert.deepEqual(rows.map((b) => [b.websiteComplexity, b.attempts, b.successRate, b.avgGenerationTimeMs]), [
    [null, 5, 80, 4000], ['simple', 2, 100, 1500], ['complex', 2, 50, 8000]]);
  assert.deepEqual([rows[0].calls, rows[0].avgUserSatisfaction, rows[0].modelSize, rows[0].notes, rows[0].sample], [3, 66.67, '7b', 'on my desk', false]);
  assert.ok(rows[0].hardwareSpecs.cores > 0 && rows[0].hardwareSpecs.memoryBytes > 0);
  const listed = (await server.get('/api/benchmarks?model=coder-7b')).json.benchmarks;
  assert.deepEqual(listed, [...rows].reverse());
  assert.equal((await server.get('/api/benchmarks?website_complexity=complex')).json.benchmarks.length, 1);
  assert.equal((await server.post('/api/benchmarks', {})).json.benchmarks.length, 3);
  const called = (await server.post('/api/benchmarks', { model: 'called' })).json.benchmarks;
  assert.deepEqual([called.length, called[0].provider, called[0].calls, called[0].attempts, called[0].avgGenerationTimeMs], [1, 'vllm', 1, 0, 1500]);
  for (const [body, status, param] of [[{ model: 'nobody' }, 404, 'model'], [{ days: 0 }, 400, 'days'], [{ colour: 1 }, 400, 'colour'], [{ model: 5 }, 400, 'model']]) {
    const wrong = await server.post('/api/benchmarks', body);
    assert.equal(wrong.status, status, wrong.text);
    assert.equal(wrong.json.error.param, param);
  }
});

test('a ticket opens one preview without a key, and nothing else', async (t) => {
  const server = await startTouchstone(t, { env: { TOUCHSTONE_API_KEY: 'sesame' } });
  const headers = { authorization: 'Bearer sesame' };
  const post = (file) => server.post('/api/clones', { url: 'https://a.example', model: 'm', status: 'success', files: [{ path: file, content: `<h1>${file}</h1>` }] }, { headers });
  const [one, two, none] = [await post('one.html'), await post('two.html'), await post('a.css')].map((r) => r.json.id);
  const path = async (id) => (await server.get(`/api/clones/${id}`, { headers })).json.previewPath;
  assert.equal(await path(none), null);
  assert.equal((await server.get(`/api/clones/${one}/preview`)).status, 401);
  const ticket = await path(one);
  const shown = await server.get(ticket);
  assert.equal(shown.status, 200, shown.text);
  assert.match(shown.text, /one\.html/);
  assert.match(shown.headers['content-security-policy'], /^sandbox allow-scripts;/);
  assert.equal(shown.headers['cache-control'], 'no-store');
  const other = await path(two);
  const mac = ticket.slice(ticket.lastIndexOf('.'));
  for (const forged of [
    ticket.replace(`/${one}.`, `/${two}.`),
    other.slice(0, other.lastIndexOf('.')) + mac,
    ticket.slice(0, -1),
    `${ticket}0`,
    `/api/previews/${mac}`,
    '/api/previews/x',
    '/api/previews/1.99999999999999',
  ])
    assert.equal((await server.get(forged)).status, 404, forged);
  assert.equal((await server.get(`${ticket}?path=two.html`)).status, 404);
  const again = await startTouchstone(t, { env: { TOUCHSTONE_API_KEY: 'sesame' }, db: undefined });
  assert.equal((await again.get(ticket)).status, 404, 'another process');
});

const judgedBy = async (server, count, ms = 10_000) => {
  for (const end = performance.now() + ms * slack; ; await new Promise((done) => setTimeout(done, 50))) {
    const rows = sql(server.db, 'SELECT id, quality_score, quality FROM clone_attempts a WHERE EXISTS (SELECT 1 FROM code_files WHERE clone_attempt_id = a.id)');
    if (rows.length === count && rows.every((r) => r.quality !== null)) return rows;
    assert.ok(performance.now() < end, `${rows.filter((r) => r.quality === null).length} of ${rows.length} are not judged`);
  }
};

test('samples are judged like all others', async (t) => {
  const server = await startTouchstone(t);
  const { added } = (await server.get('/api/local-models-analytics?action=init')).json;
  const failed = (await server.get('/api/clones?status=error&limit=100')).json.clones.length;
  const rows = await judgedBy(server, added.attempts - failed);
  assert.ok(rows.every((r) => r.quality_score > 0));
  const { summary } = (await server.get('/api/clones/summary')).json;
  assert.ok(summary.avgQualityScore > 0 && summary.avgQualityScore <= 100);
});

test('what was not judged when the process ended is judged after the next start', async (t) => {
  const folder = scratch(t);
  const first = await startTouchstone(t, { folder });
  for (let i = 0; i < 5; i++) {
    const files = [{ path: 'a.js', content: `let a = ${i};` }, { path: 'notes.txt', content: 'x' }];
    assert.equal((await first.post('/api/clones', { url: 'https://a.example', model: 'm', status: 'success', files })).status, 201);
  }
  await first.post('/api/clones', { url: 'https://a.example', model: 'm', status: 'success', files: [{ path: 'only.txt', content: 'x' }] });
  const before = await judgedBy(first, 6);
  await first.stop();
  execFileSync('sqlite3', [first.db, "UPDATE clone_attempts SET quality = NULL, quality_score = NULL WHERE id <= 3; UPDATE code_files SET quality = NULL, quality_score = NULL WHERE clone_attempt_id <= 3 AND file_path = 'a.js'"]);
  const second = await startTouchstone(t, { folder, db: first.db });
  assert.deepEqual(await judgedBy(second, 6), before);
  assert.equal((await second.get('/api/clones/2/files/a.js')).json.qualityScore, 100);
});
