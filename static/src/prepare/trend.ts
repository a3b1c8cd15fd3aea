// The trend: one point per bucket. A bucket without calls is a gap, and the last bucket, if it is
// still running, is drawn apart because its figures will change.

import type { Analytics, TrendFigures } from '../api';
import * as fmt from '../fmt';
import { ENOUGH } from './interval';

export interface Trend {
  labels: string[]; // per bucket
  calls: number[];
  median: (number | null)[]; // finished buckets, ms
  p95: (number | null)[];
  medianOpen: (number | null)[]; // the last finished and the running bucket
  p95Open: (number | null)[];
  ticks: number[]; // indexes that carry a label
  fewTicks: number[]; // the same where there is little room
  unit: string;
  summary: string;
  table: { head: string[]; rows: string[][] };
}

// Whether the bucket that begins at `date` is still running when the window ends.
function endsAfter(date: string, bucket: string, to: number, zone: string): boolean {
  const at = new Date(date);
  switch (bucket) {
    case 'hour':
      return at.getTime() + 3_600_000 > to;
    case 'week':
      return at.getTime() + 7 * 86_400_000 > to;
    case 'month':
      return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1) > to;
    default: // the day on which the window ends is only begun
      return new Intl.DateTimeFormat('sv-SE', { timeZone: zone }).format(to) === date;
  }
}

// A date without a time is a calendar day: it is labelled as it is written, in no zone.
const isDay = (date: string) => date.length === 10;

function label(date: string, bucket: string, zone: string): string {
  const at = Date.parse(date);
  if (isDay(date)) return bucket === 'month' ? date.slice(0, 7) : fmt.day(at, 'UTC');
  return `${fmt.day(at, zone)} ${fmt.hour(at, zone)}`;
}

/** About `most` evenly spaced indexes of n, the last one among them. */
export function tickIndexes(n: number, most: number): number[] {
  const step = Math.max(1, Math.ceil(n / most));
  const ticks: number[] = [];
  for (let i = n - 1; i >= 0; i -= step) ticks.unshift(i);
  return ticks;
}

// Between which medians the finished buckets lie. Those with few calls say little and are left out
// as long as there are others.
function sentence(finished: TrendFigures[], bucket: string): string {
  const used = finished.filter((t) => t.medianResponseTime !== null);
  const sure = used.filter((t) => t.totalCalls >= ENOUGH);
  const medians = (sure.length > 0 ? sure : used).map((t) => t.medianResponseTime ?? 0);
  if (medians.length < 2) return `Median response time per ${bucket}.`;
  const [low, high] = [fmt.duration(Math.min(...medians)), fmt.duration(Math.max(...medians))];
  return low === high
    ? `The median per ${bucket} stays at ${low}.`
    : `The median per ${bucket} lies between ${low} and ${high}.`;
}

export function trend(a: Analytics, zone: string): Trend {
  const { trends, window } = a;
  const n = trends.length;
  const last = trends.at(-1);
  const running = last !== undefined && endsAfter(last.date, window.bucket, Date.parse(window.to), window.tz);
  const open = running ? n - 1 : n;
  const done = (pick: (i: number) => number | null) => trends.map((_, i) => (i < open ? pick(i) : null));
  const tail = (pick: (i: number) => number | null) =>
    trends.map((_, i) => (i >= open - 1 && running ? pick(i) : null));
  const median = (i: number) => trends[i]?.medianResponseTime ?? null;
  const p95 = (i: number) => trends[i]?.p95ResponseTime ?? null;
  const labels = trends.map((t) => label(t.date, window.bucket, zone));
  return {
    labels,
    calls: trends.map((t) => t.totalCalls),
    median: done(median),
    p95: done(p95),
    medianOpen: tail(median),
    p95Open: tail(p95),
    ticks: tickIndexes(n, 7),
    fewTicks: tickIndexes(n, 3),
    unit: window.bucket,
    summary: sentence(trends.slice(0, open), window.bucket),
    table: {
      head: [
        window.bucket[0]?.toUpperCase() + window.bucket.slice(1),
        'Calls',
        'Median',
        'p95',
        'Success',
        'Tokens',
      ],
      rows: trends.map((t, i) => [
        (labels[i] ?? '') + (i >= open ? ' (running)' : ''),
        fmt.exact(t.totalCalls),
        fmt.duration(t.medianResponseTime),
        fmt.duration(t.p95ResponseTime),
        fmt.percent(t.successRate, true),
        fmt.count(t.totalTokens),
      ]),
    },
  };
}

/** What the cursor reads out at bucket i. */
export function readout(t: Trend, i: number): string {
  const median = t.median[i] ?? t.medianOpen[i] ?? null;
  const p95 = t.p95[i] ?? t.p95Open[i] ?? null;
  const calls = fmt.plural(t.calls[i] ?? 0, 'call');
  const when = t.labels[i] ?? '';
  if (median === null) return `${when}: ${(t.calls[i] ?? 0) === 0 ? 'no calls' : calls}`;
  return `${when}: median ${fmt.duration(median)}, p95 ${fmt.duration(p95)}, ${calls}`;
}
