// The analytics answer by brute force: from a list of events, with nothing of the server's in it.
//
// An event: {ms, model, provider, taskType, complexity, user, segment, project, outcome, rating, totalUs, ttftUs,
// decodeUs, input, output, unsplit, costNano, attempts: [{model, provider}]}; what nobody knows is undefined.

// -- time zones, from the JavaScript engine's own data ---------------------------------------------

const SCAN_MS = 86_400_000;

// Offsets from UTC between two moments, from one change to the next.
export class Zone {
  constructor(name, from, to) {
    this.name = name;
    this.format = new Intl.DateTimeFormat('en-US', { timeZone: name, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' });
    this.changes = [{ at: from, offset: this.measure(from) }];
    for (let t = from; t < to; t += SCAN_MS) {
      if (this.measure(t + SCAN_MS) === this.changes.at(-1).offset) continue;
      let [low, high] = [t, t + SCAN_MS];
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2);
        if (this.measure(middle) === this.changes.at(-1).offset) low = middle;
        else high = middle;
      }
      this.changes.push({ at: high, offset: this.measure(high) });
    }
  }

  measure(ms) {
    const whole = Math.floor(ms / 1000) * 1000;
    const p = Object.fromEntries(this.format.formatToParts(whole).map(({ type, value }) => [type, Number(value)]));
    return Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute, p.second) - whole;
  }

  offset(ms) {
    return this.changes.findLast((c) => c.at <= ms).offset;
  }
}

const pad = (n) => String(n).padStart(2, '0');
const date = (local) => new Date(local).toISOString().slice(0, 10);
const UNITS = {
  day: (local) => date(local),
  week: (local) => date(local - ((new Date(local).getUTCDay() + 6) % 7) * 86_400_000),
  month: (local) => `${date(local).slice(0, 7)}-01`,
  hour: (local, offset) => {
    const minutes = Math.abs(offset) / 60_000;
    const zone = offset === 0 ? 'Z' : `${offset < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
    return `${new Date(local).toISOString().slice(0, 13)}:00:00${zone}`;
  },
};

export const bucketOf = (zone, unit, ms) => UNITS[unit](ms + zone.offset(ms), zone.offset(ms));

// The names of all buckets that a window touches, in order: nowhere do clocks change but at a whole minute,
// and nowhere is a bucket shorter than a quarter of an hour.
export function bucketsIn(zone, unit, from, to) {
  const names = new Set();
  for (let t = from; t < to; t += 900_000) names.add(bucketOf(zone, unit, t));
  return [...names.add(bucketOf(zone, unit, to - 1))];
}

// -- figures ----------------------------------------------------------------------------------------

const sum = (list) => list.reduce((a, b) => a + b, 0);
const known = (list) => list.filter((x) => x !== undefined);
const totals = (list) => (list.length ? sum(list) : null);
const rate = (part, whole, scale = 100) => (whole > 0 ? (scale * part) / whole : null);
const ms = (us) => (us === null ? null : us / 1000);

// Nearest rank, in whole numbers: the smallest value with at least that many in a hundred at or below it.
function percentile(list, percent) {
  if (list.length === 0) return null;
  return [...list].sort((a, b) => a - b)[Math.max(1, Math.ceil((list.length * percent) / 100)) - 1];
}

function wilsonWidth(good, n) {
  const z = 1.959963984540054, p = good / n;
  return (2 * z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n);
}

function scores(successes, counted, up, down, average) {
  const speed = average === null ? null : Math.max(0, 100 - Math.min(100, average / 100));
  const parts = [[0.4, rate(successes, counted)], [0.4, rate(up, up + down)], [0.2, speed]].filter(([, part]) => part !== null);
  const sure = 0.5 * Math.min(1, counted / 100) + (counted ? 0.3 * (1 - wilsonWidth(successes, counted)) : 0)
    + (up + down ? 0.2 * (1 - wilsonWidth(up, up + down)) : 0);
  return { qualityScore: rate(sum(parts.map(([w, part]) => w * part)), sum(parts.map(([w]) => w)), 1), speedScore: speed, confidence: 100 * sure };
}

// Every field of a group of events: a value, or [value, how much the answer's may differ].
function figures(events, attempts) {
  const rows = events.filter((e) => e.outcome !== 'cancelled');
  const of = (field) => known(rows.map((e) => e[field]));
  const times = of('totalUs'), firsts = of('ttftUs');
  const tokens = known(rows.map((e) => { const kinds = known([e.input, e.output, e.unsplit]); return kinds.length ? sum(kinds) : undefined; }));
  const paced = rows.filter((e) => e.output !== undefined && e.decodeUs > 0);
  const successes = rows.filter((e) => e.outcome === 'done').length;
  const up = rows.filter((e) => e.rating > 0).length, down = rows.filter((e) => e.rating < 0).length;
  const average = times.length ? sum(times) / times.length / 1000 : null;
  const score = scores(successes, rows.length, up, down, average);
  const cost = totals(of('costNano'));
  const close = (value) => [value, 0.00501];
  const near = (list, percent) => { const value = ms(percentile(list, percent)); return [value, 0.0055 * value + 0.00051]; };
  return {
    totalCalls: events.length, failures: rows.length - successes, timeouts: rows.filter((e) => e.outcome === 'timeout').length,
    cancelled: events.length - rows.length, failedAttempts: attempts, up, down,
    avgResponseTime: [average, 0.00051], successRate: close(rate(successes, rows.length)), satisfactionRate: close(rate(up, up + down)),
    avgTokens: close(rate(sum(tokens), tokens.length, 1)), totalTokens: totals(tokens), totalCost: [cost === null ? null : cost / 1e9, 1e-9],
    tokensPerSecond: close(rate(sum(paced.map((e) => e.output)), sum(paced.map((e) => e.decodeUs)), 1e6)),
    medianResponseTime: near(times, 50), p95ResponseTime: near(times, 95), p99ResponseTime: near(times, 99),
    medianTtft: near(firsts, 50), p95Ttft: near(firsts, 95),
    minResponseTime: ms(percentile(times, 0)), maxResponseTime: ms(percentile(times, 100)),
    inputTokens: totals(of('input')), outputTokens: totals(of('output')),
    lastUsed: events.length ? Math.max(...events.map((e) => e.ms)) : null,
    qualityScore: close(score.qualityScore), speedScore: close(score.speedScore), confidence: close(score.confidence),
  };
}

// -- the answer ---------------------------------------------------------------------------------------

const FILTERS = {
  task_type: (e, v) => e.taskType === v, complexity: (e, v) => e.complexity === v, user_segment: (e, v) => e.segment === v,
  user: (e, v) => (e.user ?? 'local') === v, 'tag.project': (e, v) => e.project === v,
};
const DIMENSIONS = { model: ['model', 'provider'], provider: ['provider'], task_type: ['taskType'], time: ['date'] };

const keyOf = (of, fields) => JSON.stringify(fields.map((f) => of[f]));

// Groups of the calls in the window, and of the attempts that others rescued; {key: {events, attempts}}.
function grouped(slice, dimensions) {
  const fields = [...new Set(dimensions.flatMap((d) => DIMENSIONS[d]))];
  const groups = new Map();
  const group = (of) => {
    const key = keyOf(of, fields);
    if (!groups.has(key)) groups.set(key, { events: [], attempts: 0 });
    return groups.get(key);
  };
  for (const event of slice.events) group(event).events.push(event);
  for (const attempt of slice.attempts) group(attempt).attempts++;
  return { fields, groups };
}

function sliceOf(events, { from, to, filters, bucket, zone }) {
  const { model, provider, ...others } = filters;
  const served = (e) => (model === undefined || e.model === model) && (provider === undefined || e.provider === provider);
  const inside = events.filter((e) => e.ms >= from && e.ms < to && Object.entries(others).every(([name, value]) => FILTERS[name](e, value)))
    .map((e) => ({ ...e, date: bucketOf(zone, bucket, e.ms) }));
  const attempts = inside.flatMap((e) => e.attempts.map((a) => ({ ...a, taskType: e.taskType, date: e.date })));
  return { events: inside.filter(served), attempts: attempts.filter(served) };
}

function* differ(got, want, where) {
  for (const [field, expected] of Object.entries(want)) {
    const [value, allowed] = Array.isArray(expected) ? expected : [expected, 0];
    const told = field === 'up' || field === 'down' ? got.ratings[field] : field === 'lastUsed' && got.lastUsed ? Date.parse(got.lastUsed) : got[field];
    if (told === undefined && ['minResponseTime', 'maxResponseTime', 'inputTokens', 'outputTokens', 'lastUsed', 'qualityScore', 'speedScore', 'confidence'].includes(field)) continue; // in a summary
    const same = value === null || told === null ? value === told : Math.abs(told - value) <= allowed;
    if (!same) yield `${where} ${field}: told ${told}, but the events say ${value}`;
  }
}

function* differInList(list, slice, dimensions, where) {
  const { fields, groups } = grouped(slice, dimensions);
  const seen = new Set();
  for (const got of list) {
    const key = keyOf(got, fields);
    const of = groups.get(key);
    if (seen.has(key)) yield `${where} ${key}: told twice`;
    else if (!of?.events.length) yield `${where} ${key}: told, but there are no such events`;
    else yield* differ(got, figures(of.events, of.attempts), `${where} ${key}`);
    seen.add(key);
  }
  for (const [key, of] of groups) if (of.events.length && !seen.has(key)) yield `${where} ${key}: not told`;
  for (const [before, after] of list.slice(1).map((g, i) => [list[i], g]))
    if (!dimensions.includes('time') && before.totalCalls < after.totalCalls) yield `${where}: not by calls downwards`;
}

function* differInTrends(trends, slice, question) {
  const names = bucketsIn(question.zone, question.bucket, question.from, question.to);
  const told = trends.map((b) => b.date);
  if (JSON.stringify(told) !== JSON.stringify(names)) {
    const i = names.findIndex((name, n) => told[n] !== name);
    yield `trends: ${told.length} buckets for ${names.length}; number ${i} is ${told[i]}, not ${names[i]}`;
    return;
  }
  const { groups } = grouped(slice, ['time']);
  for (const got of trends) {
    const of = groups.get(keyOf(got, ['date'])) ?? { events: [], attempts: 0 };
    yield* differ(got, figures(of.events, of.attempts), `trends ${got.date}`);
  }
}

// How often each model of a task is said to have been tried must be how often it was.
function* differInBest(best, slice) {
  const { groups } = grouped(slice, ['model', 'task_type']);
  for (const { taskType, basis, alternatives, ...first } of best) {
    for (const model of basis === 'data' ? [first, ...alternatives] : []) {
      const of = groups.get(JSON.stringify([model.model, model.provider, taskType]));
      const trials = of ? of.events.filter((e) => e.outcome !== 'cancelled').length + of.attempts : 0;
      if (trials !== model.sampleSize) yield `bestByTask ${taskType} ${model.model}: sampleSize ${model.sampleSize}, but the events say ${trials}`;
    }
  }
}

// With compare=previous: the same group in the window before, and by how much it changed.
function* differInChange(got, now, fields, groups, where) {
  const of = groups.get(keyOf(now, fields));
  if ((got.previous === null) !== !of?.events.length && fields.length) yield `${where}: previous is ${got.previous}`;
  if (got.previous === null || !(of || !fields.length)) {
    if (got.previous === null && got.deltas !== null) yield `${where}: deltas without previous`;
    return;
  }
  yield* differ(got.previous, figures(of?.events ?? [], of?.attempts ?? 0), `${where} previous`);
  for (const [field, then] of Object.entries(got.previous)) {
    if (typeof then === 'string') continue;
    const told = got.deltas[field];
    const both = (a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : null);
    const want = then !== null && typeof then === 'object' ? both(now[field].up, then.up) : both(now[field], then);
    const delta = then !== null && typeof then === 'object' ? told.up : told;
    if (want === null ? delta !== null : Math.abs(delta - want) > 1e-8 * Math.max(1, Math.abs(want))) yield `${where} deltas.${field}: told ${delta}, but it is ${want}`;
  }
}

function* differFromBefore(answer, events, question) {
  const length = question.to - question.from;
  const slice = sliceOf(events, { ...question, from: Math.max(0, question.from - length), to: question.from });
  yield* differInChange(answer, answer.summary, [], new Map([['[]', { events: slice.events, attempts: slice.attempts.length }]]), 'summary');
  const lists = [['byModel', ['model']], ['byTaskType', ['task_type']], ['byProvider', ['provider']], ['groups', question.groupBy]];
  for (const [name, dimensions] of lists) {
    if (dimensions.length === 0) continue;
    const { fields, groups } = grouped(slice, dimensions);
    for (const got of answer[name]) {
      if (!dimensions.includes('time')) yield* differInChange(got, got, fields, groups, `${name} ${keyOf(got, fields)}`);
      else if ('previous' in got) yield `${name}: a bucket of time has no previous`;
    }
  }
}

// What an answer says otherwise than the events, in words. question: {from, to, filters, bucket, zone, groupBy, compare}.
export function* differences(answer, events, question) {
  const slice = sliceOf(events, question);
  yield* differ(answer.summary, figures(slice.events, slice.attempts.length), 'summary');
  yield* differInList(answer.byModel, slice, ['model'], 'byModel');
  yield* differInList(answer.byTaskType, slice, ['task_type'], 'byTaskType');
  yield* differInList(answer.byProvider, slice, ['provider'], 'byProvider');
  if (question.groupBy.length) yield* differInList(answer.groups, slice, question.groupBy, `groups by ${question.groupBy}`);
  yield* differInTrends(answer.trends, slice, question);
  yield* differInBest(answer.bestByTask, slice);
  if (question.compare) yield* differFromBefore(answer, events, question);
}

// -- how times are spread -----------------------------------------------------------------------------

function* differInSpread(spread, events, field, question, where) {
  const times = known(events.filter((e) => e.outcome !== 'cancelled').map((e) => e[field]));
  if (spread.count !== times.length) yield `${where}: ${spread.count} times, but the events have ${times.length}`;
  if (spread.curve.length !== (times.length ? 21 : 0)) yield `${where}: a curve of ${spread.curve.length} points`;
  const sorted = [...times].sort((a, b) => a - b);
  for (const { percentile: p, ms: told } of spread.curve) {
    const exact = sorted[Math.max(1, Math.ceil((times.length * Math.round(p * 10)) / 1000)) - 1] / 1000;
    if (Math.abs(told - exact) > 0.0055 * exact + 0.00051) yield `${where} curve ${p}: told ${told}, but the events say ${exact}`;
  }
  const names = bucketsIn(question.zone, question.bucket, question.from, question.to);
  if (JSON.stringify(spread.buckets.map((b) => b.date)) !== JSON.stringify(names)) yield `${where}: other buckets than ${names.length}`;
  for (const { date, counts } of spread.buckets) {
    const of = known(events.filter((e) => e.outcome !== 'cancelled' && e.date === date).map((e) => e[field] / 1000)).filter((ms) => !Number.isNaN(ms));
    const want = spread.bands.map(({ over, upTo }) => of.filter((ms) => ms <= upTo && (ms > over || (over === 0 && ms === 0))).length);
    if (JSON.stringify(counts) !== JSON.stringify(want)) yield `${where} ${date}: told ${counts}, but the events say ${want}`;
  }
}

// The same of an answer of the route about latency.
export function* differencesOfLatency(answer, events, question) {
  const slice = sliceOf(events, question);
  yield* differInSpread(answer.responseTime, slice.events, 'totalUs', question, 'responseTime');
  yield* differInSpread(answer.ttft, slice.events, 'ttftUs', question, 'ttft');
}
