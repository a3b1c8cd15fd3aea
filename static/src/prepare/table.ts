// The performance table: columns, order, totals.

import type { Analytics, Figures, ModelFigures } from '../api';
import * as fmt from '../fmt';
import { colourClass, identity } from './colours';
import { ENOUGH } from './interval';
import { finished } from './summary';

type Row = Figures &
  Partial<Pick<ModelFigures, 'model' | 'provider' | 'qualityScore' | 'confidence' | 'lastUsed'>>;

export interface Column {
  key: string;
  label: string;
  title: string;
  value: (r: Row) => number | string | null;
  text: (r: Row, at: { now: number; zone: string }) => string;
}

const votes = (r: Row) => r.ratings.up + r.ratings.down;

export const COLUMNS: readonly Column[] = [
  {
    key: 'model',
    label: 'Model',
    title: 'Model and the server it ran on',
    value: (r) => r.model ?? '',
    text: (r) => r.model ?? 'All models',
  },
  {
    key: 'calls',
    label: 'Calls',
    title: 'Calls accepted',
    value: (r) => r.totalCalls,
    text: (r) => fmt.count(r.totalCalls),
  },
  {
    key: 'p50',
    label: 'Median',
    title: 'Median response time',
    value: (r) => r.medianResponseTime,
    text: (r) => fmt.duration(r.medianResponseTime),
  },
  {
    key: 'p95',
    label: 'p95',
    title: '95 % of the calls were faster',
    value: (r) => r.p95ResponseTime,
    text: (r) => fmt.duration(r.p95ResponseTime),
  },
  {
    key: 'ttft',
    label: 'First token',
    title: 'Median time to the first token of content',
    value: (r) => r.medianTtft,
    text: (r) => fmt.duration(r.medianTtft),
  },
  {
    key: 'speed',
    label: 'Tok/s',
    title: 'Output tokens per second of decoding',
    value: (r) => r.tokensPerSecond,
    text: (r) => fmt.rate(r.tokensPerSecond, '').trim(),
  },
  {
    key: 'success',
    label: 'Success',
    title: 'Of finished calls',
    value: (r) => r.successRate,
    text: (r) => fmt.share(finished(r) - r.failures, finished(r), true),
  },
  {
    key: 'satisfaction',
    label: 'Satisfaction',
    title: 'Good answers among the rated ones',
    value: (r) => r.satisfactionRate,
    text: (r) => fmt.share(r.ratings.up, votes(r)),
  },
  {
    key: 'tokens',
    label: 'Tokens',
    title: 'Input and output',
    value: (r) => r.totalTokens,
    text: (r) => fmt.count(r.totalTokens),
  },
  {
    key: 'cost',
    label: 'Cost',
    title: 'Of calls with a known price',
    value: (r) => r.totalCost,
    text: (r) => fmt.money(r.totalCost),
  },
  {
    key: 'quality',
    label: 'Quality',
    title: '40 % success, 40 % satisfaction, 20 % speed; 0 to 100',
    value: (r) => r.qualityScore ?? null,
    text: (r) => fmt.score(r.qualityScore),
  },
  {
    key: 'confidence',
    label: 'Confidence',
    title: 'How much the quality score rests on; 0 to 100',
    value: (r) => r.confidence ?? null,
    text: (r) => fmt.score(r.confidence),
  },
  {
    key: 'used',
    label: 'Last used',
    title: 'When the newest call was accepted',
    value: (r) => (r.lastUsed ? Date.parse(r.lastUsed) : null),
    text: (r, at) => (r.lastUsed ? fmt.ago(Date.parse(r.lastUsed), at.now, at.zone) : fmt.NONE),
  },
];

export interface TableView {
  sort: string;
  head: { key: string; label: string; title: string; order: 'ascending' | 'descending' | null }[];
  rows: {
    id: string;
    model: string;
    provider: string;
    colour: string;
    provisional: boolean;
    cells: string[];
  }[];
  total: string[];
}

/** Unknown values come last, whichever way the order goes. */
export function compare(a: number | string | null, b: number | string | null, down: boolean): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  const order = typeof a === 'string' || typeof b === 'string' ? String(a).localeCompare(String(b)) : a - b;
  return down ? -order : order;
}

/** What a press on a column's header asks for: downwards first, names upwards first. */
export function nextSort(sort: string, key: string): string {
  if (sort === `-${key}`) return key;
  if (sort === key) return `-${key}`;
  return key === 'model' ? key : `-${key}`;
}

export function table(
  a: Analytics,
  sort: string,
  slots: string[],
  at: { now: number; zone: string },
): TableView {
  const down = sort.startsWith('-');
  const column = COLUMNS.find((c) => c.key === (down ? sort.slice(1) : sort)) ?? COLUMNS[1];
  const rows = [...a.byModel].sort(
    (x, y) =>
      compare(column?.value(x) ?? null, column?.value(y) ?? null, down) || y.totalCalls - x.totalCalls,
  );
  return {
    sort,
    head: COLUMNS.map((c) => ({
      key: c.key,
      label: c.label,
      title: c.title,
      order: c !== column ? null : down ? 'descending' : 'ascending',
    })),
    rows: rows.map((m) => ({
      id: identity(m),
      model: m.model,
      provider: m.provider,
      colour: colourClass(slots, identity(m)),
      provisional: finished(m) < ENOUGH,
      cells: COLUMNS.map((c) => c.text(m, at)),
    })),
    total: COLUMNS.map((c) => c.text(a.summary, at)),
  };
}
