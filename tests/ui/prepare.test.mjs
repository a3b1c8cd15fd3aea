// What the page decides to draw, from the answer of the API.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';
import { analytics } from './sample.mjs';

const { wilson } = await load('prepare/interval.ts');
const { durationScale, linear, logarithmic, percentScale, position } = await load('prepare/scale.ts');
const { assignSlots, colourClass } = await load('prepare/colours.ts');
const { cards, headline } = await load('prepare/summary.ts');
const { responseTimes, successRates } = await load('prepare/models.ts');
const { satisfaction } = await load('prepare/satisfaction.ts');
const { readout, tickIndexes, trend } = await load('prepare/trend.ts');
const { bestByTask, taskTypes } = await load('prepare/tasks.ts');
const { COLUMNS, compare, nextSort, table } = await load('prepare/table.ts');
const { insights } = await load('prepare/insights.ts');
const { setup, tagNames } = await load('prepare/setup.ts');

const NOW = Date.UTC(2026, 10, 20, 20, 25);
const answer = (search = 'days=30&bucket=day') => analytics(new URLSearchParams(search), { now: NOW });
const plain = (text) => text.replace(/[\u00a0\u202f]/g, ' ');
const empty = () => analytics(new URLSearchParams('days=30&bucket=day'), { now: NOW, models: [] });

test('the Wilson interval has its published values', () => {
  // Computed from the formula with z = 1.959964, in exact arithmetic.
  for (const [k, n, low, high] of [
    [0, 0, 0, 100],
    [0, 10, 0, 27.75],
    [10, 10, 72.25, 100],
    [17, 18, 74.24, 99.01],
    [90, 100, 82.56, 94.48],
  ]) {
    const got = wilson(k, n);
    assert.ok(
      Math.abs(got.low - low) < 0.01 && Math.abs(got.high - high) < 0.01,
      `${k}/${n}: ${got.low} ${got.high}`,
    );
  }
});

test('an axis ends at or beyond its largest value and its marks rise', () => {
  for (let i = 0; i < 400; i++) {
    const max = 10 ** (i / 60);
    for (const scale of [linear(max), logarithmic(max / 50, max)]) {
      assert.ok(scale.max >= max * (1 - 1e-9), `${max}: ends at ${scale.max}`);
      assert.ok(scale.ticks.length >= 2 && scale.ticks.length <= 12, `${max}: ${scale.ticks.length} marks`);
      for (let t = 1; t < scale.ticks.length; t++) assert.ok(scale.ticks[t].at > scale.ticks[t - 1].at);
      assert.equal(position(scale, scale.min), 0);
      assert.equal(position(scale, scale.max), 100);
    }
  }
});

test('durations start at zero unless they lie far apart', () => {
  assert.equal(durationScale([200, 4000]).log, false);
  assert.equal(durationScale([200, 4000]).min, 0);
  assert.equal(durationScale([20, 40_000]).log, true);
  assert.equal(durationScale([]).max, 1);
});

test('the success axis is cut only where all is far above its foot', () => {
  assert.equal(percentScale(12).min, 0);
  assert.equal(percentScale(64).min, 60);
  assert.equal(percentScale(98).min, 90);
  assert.equal(percentScale(100).min, 90);
});

test('a model keeps its colour when others come and go', () => {
  const first = assignSlots([], ['a/x', 'b/y']);
  assert.deepEqual(first, ['a/x', 'b/y']);
  assert.equal(assignSlots(first, ['b/y']), first, 'nothing new, nothing changed');
  const later = assignSlots(first, ['c/z', 'b/y', 'c/z']);
  assert.deepEqual(later, ['a/x', 'b/y', 'c/z']);
  assert.equal(colourClass(later, 'b/y'), 's1');
  const full = assignSlots(
    later,
    Array.from({ length: 20 }, (_, i) => `m/${i}`),
  );
  assert.equal(full.length, 8);
  assert.equal(colourClass(full, 'm/19'), 'sx', 'beyond eight: one neutral colour');
});

test('the six cards are those of the specification', () => {
  const list = cards(answer());
  assert.deepEqual(
    list.map((c) => c.label),
    ['Calls', 'Median response', 'Success', 'Satisfaction', 'Tokens', 'Cost'],
  );
  assert.equal(plain(list[0].value), '18.7K');
  assert.match(plain(list[0].title), /^18 722 calls/);
  assert.equal(list[2].tone, 'ok');
});

test('unknown figures of a card are dashes', () => {
  const list = cards(empty());
  assert.deepEqual(
    list.map((c) => c.value),
    ['0', '—', '—', '—', '0', '—'],
  );
  assert.equal(list[2].tone, null);
});

test('the headline says how many, how fast and how well', () => {
  const range = { kind: 'last', span: '30d' };
  assert.equal(
    plain(headline(answer(), range)),
    '18 722 calls to 7 models in the last 30 days: half were answered within 2.86 s, 98.1 % succeeded.',
  );
  const single = answer();
  single.byModel.length = 1;
  Object.assign(single.summary, { totalCalls: 1, cancelled: 0, failures: 0, medianResponseTime: 1840 });
  assert.equal(plain(headline(single, range)), '1 call to 1 model in the last 30 days: answered in 1.84 s.');
  const one = answer('days=30&bucket=day&model=phi-4');
  assert.match(
    plain(headline(one, range)),
    /^12 calls to 1 model in the last 30 days: .* 11 of 12 succeeded\.$/,
  );
});

test('response times go from fast to slow, and few samples are provisional', () => {
  const c = responseTimes(answer().byModel, 'total', []);
  assert.equal(c.rows[0].label, 'llama3.2:latest');
  assert.equal(c.rows.at(-1).label, 'mistral-small');
  assert.deepEqual(
    c.rows.filter((r) => r.provisional).map((r) => r.label),
    ['phi-4'],
  );
  for (const r of c.rows) assert.ok(r.to >= r.at && r.at >= 0 && r.to <= 100, r.label);
  assert.equal(c.table.rows.length, 7);
  assert.equal(
    plain(c.summary),
    'Median response time goes from 1.84 s (llama3.2:latest) to 5.21 s (mistral-small).',
  );
});

test('time to first token is another order of the same models', () => {
  const c = responseTimes(answer().byModel, 'ttft', []);
  assert.equal(c.rows[0].label, 'CodeLlama-7b');
  assert.match(c.summary, /first token/);
});

test('more models than fit are said to be left out', () => {
  const many = Array.from({ length: 23 }, (_, i) => ({
    ...answer().byModel[0],
    model: `m${i}`,
    totalCalls: 9000 - i,
  }));
  const c = successRates(many, []);
  assert.equal(c.rows.length, 8);
  assert.equal(c.left, 'The 8 busiest of 23 models are drawn; the table has all.');
  assert.equal(c.table.rows.length, 23);
});

test('models without a finished call have no success rate', () => {
  const waiting = { ...answer().byModel[0], totalCalls: 3, cancelled: 3, failures: 0, successRate: null };
  assert.equal(successRates([waiting], []).rows.length, 0);
  assert.equal(successRates([], []).summary, 'No call has finished.');
});

test('an interval that runs off the axis is marked', () => {
  const c = successRates(answer().byModel, []);
  assert.equal(plain(c.cut), 'axis starts at 90 %');
  assert.deepEqual(
    c.rows.filter((r) => r.cut).map((r) => r.label),
    ['phi-4'],
  );
  assert.equal(c.rows.find((r) => r.label === 'phi-4').value, '11/12');
});

test('the donut shows votes, and none as none', () => {
  const d = satisfaction(answer());
  assert.equal(plain(d.centre), '88.5 %');
  assert.ok(Math.abs(d.up - 1388 / 1568) < 1e-9);
  assert.equal(satisfaction(empty()).votes, 0);
  assert.equal(satisfaction(empty()).centre, '—');
});

test('a bucket without calls is a gap and the running one stands apart', () => {
  const a = answer();
  const t = trend(a, 'UTC');
  const gap = a.trends.findIndex((x) => x.totalCalls === 0);
  assert.ok(gap > 0);
  assert.equal(t.median[gap], null);
  assert.equal(t.calls[gap], 0);
  assert.match(readout(t, gap), /: no calls$/);
  const last = t.labels.length - 1;
  assert.equal(t.median[last], null, 'not in the finished line');
  assert.equal(t.medianOpen[last], a.trends[last].medianResponseTime);
  assert.equal(t.medianOpen[last - 1], t.median[last - 1], 'joined to the last finished one');
  assert.equal(t.medianOpen[last - 2], null);
  assert.match(t.table.rows[last][0], /\(running\)$/);
});

test('a day belongs to the zone of the window', () => {
  // 23:30 UTC on the 20th is the 21st in Berlin: the 20th is over there, and not in UTC.
  const at = (tz) => {
    const a = answer();
    a.window = { ...a.window, tz, to: '2026-11-20T23:30:00.000Z' };
    return trend(a, tz).medianOpen.at(-1);
  };
  assert.notEqual(at('UTC'), null);
  assert.equal(at('Europe/Berlin'), null);
});

test('the sentence of the trend leaves out buckets with few calls, and the running one', () => {
  const a = answer();
  const at = (totalCalls, medianResponseTime) => ({ ...a.trends[0], totalCalls, medianResponseTime });
  const dates = ['2026-11-17', '2026-11-18', '2026-11-19', '2026-11-20'];
  const say = (list) => {
    a.trends = list.map(([n, ms], i) => ({ ...at(n, ms), date: dates[i] }));
    return plain(trend(a, 'UTC').summary);
  };
  assert.equal(
    say([
      [3, 90_000],
      [40, 2000],
      [50, 3000],
      [60, 9000],
    ]),
    'The median per day lies between 2.00 s and 3.00 s.',
  );
  assert.equal(
    say([
      [3, 1000],
      [4, 2000],
      [0, null],
      [1, 9000],
    ]),
    'The median per day lies between 1.00 s and 2.00 s.',
  );
  assert.equal(
    say([
      [0, null],
      [0, null],
      [40, 2000],
      [1, 9000],
    ]),
    'Median response time per day.',
  );
  assert.equal(
    say([
      [30, 2000],
      [40, 2000.1],
      [0, null],
      [1, 1],
    ]),
    'The median per day stays at 2.00 s.',
  );
});

test('a window that ends with its last bucket has none running', () => {
  const a = answer('from=2026-11-01T00:00:00Z&to=2026-11-08T00:00:00Z&bucket=day');
  assert.equal(a.trends.at(-1).date, '2026-11-07');
  assert.equal(trend(a, 'UTC').medianOpen.at(-1), null);
});

test('hours are labelled in the reader’s zone, days as they are written', () => {
  assert.equal(trend(answer('days=1&bucket=hour'), 'Europe/Berlin').labels.at(-1), '20 Nov 21:00');
  assert.equal(trend(answer(), 'Pacific/Auckland').labels.at(-1), '20 Nov');
});

test('axis labels are spread evenly and end with the last', () => {
  assert.deepEqual(tickIndexes(10, 5), [1, 3, 5, 7, 9]);
  assert.deepEqual(tickIndexes(1, 7), [0]);
  assert.deepEqual(tickIndexes(0, 7), []);
});

test('verdicts are in words, the busiest task first', () => {
  const rows = bestByTask(answer(), []);
  assert.deepEqual(
    rows.slice(0, 3).map((r) => [r.label, r.word, plain(r.why)]),
    [
      ['general chat', 'Tie', 'as good as qwen2.5:14b'],
      ['coding', 'Recommended', 'ahead of qwen2.5:14b'],
      ['analysis', 'Too early', 'about 565 more calls would tell'],
    ],
  );
  assert.equal(rows.at(-1).why, 'by rule of thumb, not by data');
  assert.equal(rows.at(-1).score, '—');
});

test('without any model a task has a dash and no colour', () => {
  const a = answer();
  a.bestByTask = [{ ...a.bestByTask.at(-1), model: null, provider: null }];
  assert.deepEqual(
    bestByTask(a, ['ollama/x']).map((r) => [r.model, r.colour]),
    [[null, 'sx']],
  );
  assert.equal(taskTypes(a).rows.find((r) => r.task === 'reasoning').best, '—');
});

test('a task names its best model with the verdict', () => {
  const t = taskTypes(answer());
  assert.equal(t.rows[0].label, 'general chat');
  assert.equal(t.rows[0].share, 100);
  const named = (task) => t.rows.filter((r) => r.task === task).map((r) => [r.best, r.verdict]);
  assert.deepEqual(named('analysis'), [['gpt-4o', 'too early']]);
  assert.deepEqual(named('coding'), [['claude-sonnet-4-5', 'recommended']]);
});

test('every column sorts both ways, with the unknown last', () => {
  const a = answer();
  for (const column of COLUMNS) {
    for (const down of [true, false]) {
      const view = table(a, `${down ? '-' : ''}${column.key}`, [], { now: NOW, zone: 'UTC' });
      const values = view.rows.map((r) =>
        column.value(a.byModel.find((m) => `${m.provider}/${m.model}` === r.id)),
      );
      const known = values.filter((v) => v !== null);
      assert.deepEqual(
        values.slice(known.length),
        values.filter((v) => v === null),
        `${column.key}: unknown last`,
      );
      for (let i = 1; i < known.length; i++)
        assert.ok(compare(known[i - 1], known[i], down) <= 0, `${column.key} ${down}`);
      assert.deepEqual(
        view.head.filter((h) => h.order).map((h) => [h.key, h.order]),
        [[column.key, down ? 'descending' : 'ascending']],
      );
    }
  }
});

test('an unknown column sorts by calls', () => {
  const view = table(answer(), '-nothing', [], { now: NOW, zone: 'UTC' });
  assert.equal(view.head.find((h) => h.order).key, 'calls');
});

test('a second press on a header turns the order round', () => {
  assert.equal(nextSort('-calls', 'p95'), '-p95');
  assert.equal(nextSort('-p95', 'p95'), 'p95');
  assert.equal(nextSort('p95', 'p95'), '-p95');
  assert.equal(nextSort('-calls', 'model'), 'model');
});

test('the totals row is the summary, not a sum of medians', () => {
  const a = answer();
  const view = table(a, '-calls', [], { now: NOW, zone: 'UTC' });
  assert.equal(view.total[0], 'All models');
  assert.equal(plain(view.total[2]), '2.86 s');
});

test('warnings come before news', () => {
  assert.deepEqual(
    insights(answer()).map((i) => i.tone),
    ['warn', 'warn', 'info', 'info'],
  );
  assert.equal(plain(insights(answer())[1].evidence), 'n = 3 917');
});

test('the guide names a model that can answer, and this server', () => {
  const names = tagNames({ models: [{ name: 'nomic-embed-text' }, { name: "it's" }, { nope: 1 }, null] });
  assert.deepEqual(names, ['nomic-embed-text', "it's"]);
  const v = setup('http://box:8420/ai', names, [{ name: 'ollama', state: 'up', models: ['a', 'b'] }], false);
  assert.equal(
    v.recipes[0].command,
    `curl http://box:8420/ai/api/generate -d '{"model":"it'\\''s","prompt":"Why is the sky blue?"}'`,
  );
  assert.match(v.recipes[1].command, /^export OPENAI_BASE_URL=http:\/\/box:8420\/ai\/v1\n/);
  assert.equal(v.recipes.at(-1).command, 'touchstone demo');
  assert.deepEqual(v.providers, [{ name: 'ollama', state: 'up', models: 2 }]);
});

test('the guide does without a model, and sends a key where one is used', () => {
  const v = setup('http://box', tagNames(null), [], true);
  assert.equal(v.model, null);
  assert.match(v.recipes[0].command, /Authorization: Bearer \$TOUCHSTONE_API_KEY.*"model":"MODEL"/);
});
