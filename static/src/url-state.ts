// What the page shows, as its address says it. Pure: text in, state out, and back. Only what
// differs from the default is written, so a short address means "as it comes".

export type Range = { kind: 'last'; span: string } | { kind: 'fixed'; from: string; to: string };

export interface State {
  range: Range;
  model: string | null;
  task: string | null;
  provider: string | null;
  sort: string; // a column's key, with "-" for downwards
  view: 'chart' | 'table';
}

export type FilterKey = 'model' | 'task' | 'provider';
export const FILTER_KEYS: readonly FilterKey[] = ['model', 'task', 'provider'];
export const SPANS: readonly string[] = ['1h', '24h', '7d', '30d', '90d'];

export const DEFAULT_STATE: State = {
  range: { kind: 'last', span: '30d' },
  model: null,
  task: null,
  provider: null,
  sort: '-calls',
  view: 'chart',
};

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const UNIT: Record<string, number> = { m: 60_000, h: HOUR, d: DAY, w: 7 * DAY };

/** Milliseconds of "90m", "24h", "7d", "2w"; null when it is none of these. */
export function spanMs(span: string): number | null {
  const match = /^([1-9]\d{0,3})([mhdw])$/.exec(span);
  return match ? Number(match[1]) * (UNIT[match[2] ?? ''] ?? 0) : null;
}

function parseRange(p: URLSearchParams): Range {
  const [from, to] = [p.get('from'), p.get('to')];
  if (from && to && Date.parse(from) < Date.parse(to)) return { kind: 'fixed', from, to };
  const span = p.get('range') ?? '';
  return spanMs(span) === null ? DEFAULT_STATE.range : { kind: 'last', span };
}

export function parseState(search: string): State {
  const p = new URLSearchParams(search);
  const sort = p.get('sort') ?? '';
  return {
    range: parseRange(p),
    model: p.get('model') || null,
    task: p.get('task') || null,
    provider: p.get('provider') || null,
    sort: /^-?[a-zA-Z0-9]{1,24}$/.test(sort) ? sort : DEFAULT_STATE.sort,
    view: p.get('view') === 'table' ? 'table' : 'chart',
  };
}

/** "" or "?range=24h&model=…" */
export function formatState(state: State): string {
  const p = new URLSearchParams();
  if (state.range.kind === 'fixed') {
    p.set('from', state.range.from);
    p.set('to', state.range.to);
  } else if (state.range.span !== '30d') {
    p.set('range', state.range.span);
  }
  for (const key of FILTER_KEYS) {
    const value = state[key];
    if (value !== null) p.set(key, value);
  }
  if (state.sort !== DEFAULT_STATE.sort) p.set('sort', state.sort);
  if (state.view !== DEFAULT_STATE.view) p.set('view', state.view);
  const text = p.toString();
  return text === '' ? '' : `?${text}`;
}

/** The window in Unix ms, half-open. */
export function windowOf(range: Range, now: number): { from: number; to: number } {
  if (range.kind === 'fixed') return { from: Date.parse(range.from), to: Date.parse(range.to) };
  return { from: now - (spanMs(range.span) ?? 30 * DAY), to: now };
}

function bucketFor(ms: number): string {
  if (ms <= 3 * DAY) return 'hour';
  if (ms <= 120 * DAY) return 'day';
  return ms <= 730 * DAY ? 'week' : 'month';
}

/** The query of GET api/analytics/models for this state. */
export function toQuery(state: State, now: number, zone: string): string {
  const p = new URLSearchParams();
  const { from, to } = windowOf(state.range, now);
  if (state.range.kind === 'last' && (to - from) % DAY === 0) {
    p.set('days', String((to - from) / DAY));
  } else {
    p.set('from', new Date(from).toISOString());
    p.set('to', new Date(to).toISOString());
  }
  if (state.task !== null) p.set('task_type', state.task);
  if (state.model !== null) p.set('model', state.model);
  if (state.provider !== null) p.set('provider', state.provider);
  p.set('bucket', bucketFor(to - from));
  if (zone !== 'UTC') p.set('tz', zone);
  return p.toString();
}

/** "last 30 days", for sentences and captions. */
export function describeRange(range: Range): string {
  if (range.kind === 'fixed') {
    const text = (at: string) => new Date(at).toISOString().slice(0, 16).replace('T', ' ');
    return `${text(range.from)} to ${text(range.to)} UTC`;
  }
  const match = /^(\d+)([mhdw])$/.exec(range.span);
  const n = Number(match?.[1]);
  const unit = { m: 'minute', h: 'hour', d: 'day', w: 'week' }[match?.[2] ?? ''] ?? 'day';
  return n === 1 ? `last ${unit}` : `last ${n} ${unit}s`;
}
