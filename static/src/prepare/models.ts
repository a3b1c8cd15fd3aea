// Rows of the two charts by model: response time, success.

import type { ModelFigures } from '../api';
import * as fmt from '../fmt';
import { colourClass, identity } from './colours';
import { ENOUGH, wilson } from './interval';
import { durationScale, percentScale, position, type Scale } from './scale';
import { finished } from './summary';

export const MOST_ROWS = 8;

/** A dot on a whisker; positions in percent of the axis. */
export interface DotRow {
  key: string;
  label: string;
  sub: string;
  colour: string;
  at: number;
  from: number;
  to: number;
  value: string;
  extra: string; // the other end of the whisker, or the interval
  cut: boolean; // the whisker goes on beyond the beginning of the axis
  n: number;
  provisional: boolean;
  title: string;
}

export interface DotChart {
  rows: DotRow[];
  axis: { at: number; label: string }[];
  cut: string | null; // why the axis does not begin at zero
  summary: string;
  left: string | null; // what is not drawn
  table: { head: string[]; rows: string[][] };
}

export type Metric = 'total' | 'ttft';
const METRIC = { total: 'response time', ttft: 'time to first token' };

const busiest = (models: ModelFigures[]) => [...models].sort((a, b) => b.totalCalls - a.totalCalls);

function leftOut(total: number, drawn: number): string | null {
  return total > drawn ? `The ${drawn} busiest of ${total} models are drawn; the table has all.` : null;
}

const provisional = (n: number): boolean => n < ENOUGH;

const under = (m: ModelFigures, n: number): string =>
  `${m.provider} · n${'\u00a0'}=${'\u00a0'}${fmt.count(n)}${provisional(n) ? ' · provisional' : ''}`;

/** Median (dot) and 95th percentile (whisker) of each model, fastest first. */
export function responseTimes(models: ModelFigures[], metric: Metric, slots: string[]): DotChart {
  const pick = (m: ModelFigures) =>
    metric === 'total' ? [m.medianResponseTime, m.p95ResponseTime] : [m.medianTtft, m.p95Ttft];
  const all = busiest(models).flatMap((m) => {
    const [median, p95] = pick(m);
    return typeof median === 'number' ? [{ m, median, p95: p95 ?? median, n: finished(m) }] : [];
  });
  const drawn = all.slice(0, MOST_ROWS).sort((a, b) => a.median - b.median);
  const scale: Scale = durationScale(drawn.flatMap((r) => [r.median, r.p95]));
  const rows = drawn.map(({ m, median, p95, n }) => ({
    key: identity(m),
    label: fmt.short(m.model),
    sub: under(m, n),
    colour: colourClass(slots, identity(m)),
    at: position(scale, median),
    from: position(scale, median),
    to: position(scale, p95),
    value: fmt.duration(median),
    extra: `p95 ${fmt.duration(p95)}`,
    cut: false,
    n,
    provisional: provisional(n),
    title: `${m.model}: median ${fmt.duration(median)}, p95 ${fmt.duration(p95)}, ${fmt.plural(n, 'call')}`,
  }));
  const [first, last] = [rows[0], rows.at(-1)];
  return {
    rows,
    axis: scale.ticks.map((t) => ({ at: t.at, label: fmt.durationTick(t.value) })),
    cut: scale.log ? 'logarithmic axis' : null,
    summary:
      !first || !last
        ? `No call has a known ${METRIC[metric]}.`
        : first === last
          ? `${first.label} has a median ${METRIC[metric]} of ${first.value}.`
          : `Median ${METRIC[metric]} goes from ${first.value} (${first.label}) to ${last.value} (${last.label}).`,
    left: leftOut(all.length, rows.length),
    table: {
      head: ['Model', 'Provider', 'Median', 'p95', 'Calls'],
      rows: all.map(({ m, median, p95, n }) => [
        m.model,
        m.provider,
        fmt.duration(median),
        fmt.duration(p95),
        fmt.exact(n),
      ]),
    },
  };
}

/** Success rate of each model with its Wilson interval, best first. */
export function successRates(models: ModelFigures[], slots: string[]): DotChart {
  const all = busiest(models).flatMap((m) => {
    const n = finished(m);
    const k = n - m.failures;
    return n > 0 ? [{ m, n, k, rate: (100 * k) / n, interval: wilson(k, n) }] : [];
  });
  const drawn = all.slice(0, MOST_ROWS).sort((a, b) => b.rate - a.rate || b.n - a.n);
  // Models with few calls have intervals that would squeeze all others; they may run off the axis.
  const sure = drawn.filter((r) => !provisional(r.n));
  const scale = percentScale(
    Math.min(
      100,
      ...(sure.length > 0 ? sure : drawn).map((r) => r.interval.low),
      ...drawn.map((r) => r.rate),
    ),
  );
  const rows = drawn.map(({ m, n, k, rate, interval }) => ({
    key: identity(m),
    label: fmt.short(m.model),
    sub: under(m, n),
    colour: colourClass(slots, identity(m)),
    at: position(scale, rate),
    from: position(scale, interval.low),
    to: position(scale, interval.high),
    value: fmt.share(k, n, true),
    extra: fmt.span(interval.low, interval.high),
    cut: interval.low < scale.min,
    n,
    provisional: provisional(n),
    title: `${m.model}: ${fmt.exact(k)} of ${fmt.plural(n, 'call')} succeeded; 95 % interval ${fmt.percent(interval.low)} to ${fmt.percent(interval.high)}`,
  }));
  const [first, last] = [rows[0], rows.at(-1)];
  return {
    rows,
    axis: scale.ticks.map((t) => ({
      at: t.at,
      label: t.value === 100 ? `100${'\u00a0'}%` : String(t.value),
    })),
    cut: scale.min > 0 ? `axis starts at ${scale.min}${'\u00a0'}%` : null,
    summary:
      !first || !last
        ? 'No call has finished.'
        : first === last
          ? `${first.value} of the calls to ${first.label} succeeded.`
          : `Success goes from ${first.value} (${first.label}) down to ${last.value} (${last.label}).`,
    left: leftOut(all.length, rows.length),
    table: {
      head: ['Model', 'Provider', 'Success', '95 % interval', 'Failed', 'Calls'],
      rows: all.map(({ m, n, k, interval }) => [
        m.model,
        m.provider,
        fmt.share(k, n, true),
        fmt.span(interval.low, interval.high),
        fmt.exact(m.failures),
        fmt.exact(n),
      ]),
    },
  };
}
