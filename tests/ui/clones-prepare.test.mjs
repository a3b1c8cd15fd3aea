// What the clones' pages decide to draw, from the answers of the API.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attempts, cloneAnswer } from './clones-sample.mjs';
import { load } from './load.mjs';

const state = await load('clones-state.ts');
const list = await load('prepare/clones.ts');
const one = await load('prepare/clone.ts');
const fmt = await load('fmt.ts');

const AT = { now: Date.UTC(2026, 10, 20, 20, 25), zone: 'UTC' };
const plain = (text) => text.replace(/[\u00a0\u202f]/g, ' ');
const ask = (path, world = {}, search = '') => cloneAnswer(path, new URLSearchParams(search), world).body;
const figures = (world = {}) => ({
  summary: ask('/api/clones/summary', world),
  providers: ask('/api/clones/providers', world).providers,
  complexity: ask('/api/clones/complexity', world),
  months: ask('/api/clones/monthly', world).months,
  benchmarks: ask('/api/benchmarks', world).benchmarks,
  sites: ask('/api/websites', world).websites,
});
const attempt = (more = {}) => ({ ...attempts()[0], ...more });

test('an address says what the list shows, and back', () => {
  for (const search of [
    '',
    '?site=https%3A%2F%2Fa.example%2Fb%3Fc%3D1',
    '?model=ollama%2Fllama3.2%3A7b&status=error',
    '?status=success&cursor=17',
  ])
    assert.equal(state.formatClones(state.parseClones(search)), search);
  assert.equal(state.parseClones('?status=nonsense').status, null);
  assert.equal(state.parseClones('?model=').model, null);
});

test('another filter begins at the newest page; another page keeps the filters', () => {
  const second = { ...state.ALL_CLONES, model: 'a/b', cursor: '17' };
  assert.equal(state.choose(second, { status: 'error' }).cursor, null);
  assert.deepEqual(state.choose(second, { cursor: '9' }), { ...second, cursor: '9' });
  assert.deepEqual(state.choose(second, state.ALL_CLONES), state.ALL_CLONES);
});

test('the query has the names of the API', () => {
  const query = state.toQuery({ site: 'https://a.example', model: 'x/y', status: 'error', cursor: '5' }, 24);
  assert.equal(query, 'url=https%3A%2F%2Fa.example&model=x%2Fy&status=error&cursor=5&limit=24');
  assert.equal(state.toQuery(state.ALL_CLONES, 24), 'limit=24');
});

test('only a number below /analytics/clones/ is an attempt', () => {
  assert.equal(state.attemptOf('/analytics/clones/7'), 7);
  assert.equal(state.attemptOf('/ai/analytics/clones/123456'), 123456);
  for (const path of ['/analytics/clones', '/analytics/clones/', '/analytics/clones/0', '/analytics/clones/x'])
    assert.equal(state.attemptOf(path), null, path);
});

test('an attempt is told in words, and what is unknown is a dash', () => {
  const card = list.attemptCard(attempt({ generationTimeMs: null, codeSizeBytes: null, qualityScore: null }), [], AT);
  assert.deepEqual(
    card.facts.map((f) => f.value),
    ['—', '—', '3'],
  );
  assert.equal(card.score, null);
  assert.equal(card.failed, false);
  const named = list.attemptCard(attempt({ title: null, url: 'https://a.example/shop' }), [], AT);
  assert.equal(named.title, 'a.example/shop');
  const failed = list.attemptCard(attempt({ status: 'error', errorMessage: 'x'.repeat(400) }), [], AT);
  assert.equal(failed.failed, true);
  assert.equal(failed.error.length, 161);
});

test('scores have three bands', () => {
  assert.deepEqual([100, 85, 84.9, 60, 59.9, 0].map(list.scoreTone), ['ok', 'ok', 'warn', 'warn', 'bad', 'bad']);
});

test('nothing but a website becomes a link', () => {
  assert.equal(list.webLink('https://a.example/'), 'https://a.example/');
  for (const url of ['javascript:alert(1)', 'data:text/html,x', ' https://a', 'ftp://a', '//a', null])
    assert.equal(list.webLink(url), null, url);
  const facts = one.cloneFacts({ ...attempt({ url: 'javascript:alert(1)', sandboxUrl: 'javascript:1' }), files: [] }, 'UTC');
  assert.ok(facts.every((f) => f.href === undefined));
});

test('the figures at the top add up', () => {
  const cards = list.cloneCards(figures());
  assert.deepEqual(
    cards.map((c) => c.id),
    ['attempts', 'websites', 'success', 'time', 'size', 'quality'],
  );
  assert.equal(cards[0].value, '60');
  assert.equal(plain(list.cloneHeadline(figures())), '60 attempts at 4 websites by 4 models; 53 gave code.');
  assert.equal(plain(cards[2].value), '88.3 %');
});

test('a server without attempts has no figure that looks like one', () => {
  const empty = figures({ clones: [] });
  const values = list.cloneCards(empty).map((c) => c.value);
  assert.deepEqual(values, ['0', '0', '—', '—', '—', '—']);
  assert.deepEqual(list.monthChart(empty).bars, []);
  assert.equal(list.modelTable(empty, [], AT).rows.length, 0);
});

test('rates of few attempts are shown as counts', () => {
  const [row] = list.modelTable(figures(), [], AT).rows;
  assert.equal(row.cells[1], '13/15');
});

test('months without an attempt are there, empty, and bars never leave the plot', () => {
  const sum = (month, provider, totalAttempts, successfulAttempts) => ({
    ...figures().summary.summary,
    month,
    provider,
    totalAttempts,
    successfulAttempts,
  });
  const chart = list.monthChart({
    ...figures(),
    months: [sum('2026-02', 'a', 4, 1), sum('2025-11', 'a', 6, 6), sum('2026-02', 'b', 4, 3)],
  });
  assert.deepEqual(
    chart.bars.map((b) => [b.month, b.label, b.attempts, b.ok]),
    [
      ['2025-11', 'Nov', 75, 75],
      ['2025-12', 'Dec', 0, 0],
      ['2026-01', 'Jan', 0, 0],
      ['2026-02', 'Feb', 100, 50],
    ],
  );
  assert.equal(chart.summary, 'Most attempts were made in Feb 2026: 8.');
  assert.equal(chart.table.rows.length, 3);
});

test('classes of websites say their limits in words', () => {
  const f = figures();
  f.complexity.complexity.push({ ...f.complexity.complexity[0], complexity: null, websites: 2 });
  const rows = list.complexityTable(f).rows.map((r) => [r[0], plain(r[1])]);
  assert.ok(rows.some(([name, words]) => name === 'simple' && words === 'below 500'));
  assert.ok(rows.some(([name, words]) => name === 'medium' && words === '500 to 1 999'));
  assert.ok(rows.some(([name, words]) => name === 'complex' && words === 'from 2 000'));
  assert.deepEqual(rows.at(-1), ['unknown', '—']);
});

test('benchmarks keep their notes and mark samples', () => {
  const t = list.benchmarkTable(figures(), 'UTC');
  assert.equal(t.rows.length, 4);
  assert.match(t.rows[0].notes, /best choice for simple pages/);
  assert.equal(t.rows[0].sub, 'ollama · 7b · sample');
  assert.equal(t.rows[3].cells[5], '—');
  assert.equal(t.head.length, t.rows[0].cells.length + 2);
});

test('a choice that no answer names stays a choice', () => {
  const choices = list.filterChoices(figures(), { ...state.ALL_CLONES, model: 'x/gone', site: 'https://gone.example' });
  assert.ok(choices.model.some((o) => o.value === 'x/gone'));
  assert.ok(choices.site.some((o) => o.value === 'https://gone.example' && o.text === 'gone.example'));
  assert.equal(list.filterChoices(null, state.ALL_CLONES).model.length, 0);
});

test('a score says what each part took, and where there is none, why', () => {
  const whole = ask('/api/clones/60');
  const view = one.qualityView(whole.qualityScore, whole.quality);
  assert.equal(view.score.text, '92');
  assert.equal(view.score.word, 'good');
  assert.deepEqual(
    view.parts.map((p) => [p.name, p.taken, p.most]),
    [
      ['Parse errors', '−10', 'of 40'],
      ['Nesting', '0', 'of 20'],
      ['Length', '0', 'of 15'],
      ['Duplication', '−4.3', 'of 15'],
      ['Texts and labels', '−2.5', 'of 10'],
    ],
  );
  assert.ok(view.parts.every((p) => p.percent >= 0 && p.percent <= 100));
  const none = one.qualityView(null, { absent: 'it is empty' });
  assert.deepEqual([none.score, none.absent, none.parts], [null, 'No score: it is empty.', []]);
  assert.equal(one.qualityView(null, null).absent, 'No score.');
});

test('files stand by folder, and the page comes first to view', () => {
  const file = (path) => ({ path, type: 'x', linesOfCode: 1, sizeBytes: 2, qualityScore: null, quality: null });
  const files = ['src/b.js', 'z.css', 'src/a.js', 'pages/index.html'].map(file);
  assert.deepEqual(
    one.fileRows(files).map((r) => r.path),
    ['z.css', 'pages/index.html', 'src/a.js', 'src/b.js'],
  );
  assert.equal(one.firstFile(files), 'pages/index.html');
  assert.equal(one.firstFile([file('b.css'), file('a.js')]), 'a.js');
  assert.equal(one.firstFile([]), null);
});

test('a text is cut into lines whatever ends them, and very many are left out', () => {
  assert.deepEqual(one.codeLines('a\r\nb\rc\n'), { lines: ['a', 'b', 'c'], left: 0 });
  assert.deepEqual(one.codeLines(''), { lines: [''], left: 0 });
  const many = one.codeLines('x\n'.repeat(one.MOST_LINES + 7));
  assert.deepEqual([many.lines.length, many.left], [one.MOST_LINES, 7]);
});

test('sizes have the unit in which they are short', () => {
  const cases = [[0, '0 B'], [1023, '1023 B'], [1024, '1.0 KiB'], [24_576, '24.0 KiB'], [1_048_576, '1.0 MiB'], [null, '—']];
  for (const [bytes, text] of cases) assert.equal(plain(fmt.bytes(bytes)), text);
});

test('where there is no preview it is said why', () => {
  const why = (more) => one.whyNoPreview({ ...ask('/api/clones/60'), ...more });
  assert.equal(why({}), null);
  assert.match(why({ previewPath: null }), /None of the files is an HTML page/);
  assert.equal(why({ previewPath: null, files: [] }), 'No code was made.');
  assert.equal(why({ previewPath: null, files: [], errorMessage: 'x' }), 'No code was made: x');
});

test('a call of which little is known is all dashes', () => {
  assert.ok(one.callFacts({}).every((f) => f.value === '—'));
});
