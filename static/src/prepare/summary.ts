// The six cards and the sentence above them.

import type { Analytics } from '../api';
import * as fmt from '../fmt';
import { describeRange, type Range } from '../url-state';

export interface Card {
  id: string;
  label: string;
  value: string;
  title: string; // the exact figure, and what it means
  note: string;
  tone: 'ok' | 'warn' | 'bad' | null;
  spark: (number | null)[];
}

function toneOf(rate: number | null, n: number): Card['tone'] {
  if (rate === null || n < 20) return null;
  if (rate >= 97) return 'ok';
  return rate >= 90 ? 'warn' : 'bad';
}

export function finished(f: { totalCalls: number; cancelled: number }): number {
  return f.totalCalls - f.cancelled;
}

export function cards(a: Analytics): Card[] {
  const { summary: f, trends } = a;
  const votes = f.ratings.up + f.ratings.down;
  const done = finished(f);
  const perThousand = f.totalCost === null || done === 0 ? null : (1000 * f.totalCost) / done;
  return [
    {
      id: 'calls',
      label: 'Calls',
      value: fmt.count(f.totalCalls),
      title: `${fmt.exact(f.totalCalls)} calls accepted`,
      note: f.cancelled > 0 ? `${fmt.count(f.cancelled)} cancelled by clients` : 'none cancelled',
      tone: null,
      spark: trends.map((t) => t.totalCalls),
    },
    {
      id: 'response',
      label: 'Median response',
      value: fmt.duration(f.medianResponseTime),
      title: `average ${fmt.duration(f.avgResponseTime)}, p99 ${fmt.duration(f.p99ResponseTime)}`,
      note: `p95 ${fmt.duration(f.p95ResponseTime)} · first token ${fmt.duration(f.medianTtft)}`,
      tone: null,
      spark: trends.map((t) => t.medianResponseTime),
    },
    {
      id: 'success',
      label: 'Success',
      value: fmt.share(done - f.failures, done, true),
      title: `${fmt.exact(done - f.failures)} of ${fmt.exact(done)} finished calls; cancelled calls do not count`,
      note:
        f.failures === 0
          ? 'no call failed'
          : `${fmt.count(f.failures)} failed, ${fmt.count(f.timeouts)} of them timed out`,
      tone: toneOf(f.successRate, done),
      spark: trends.map((t) => t.successRate),
    },
    {
      id: 'satisfaction',
      label: 'Satisfaction',
      value: fmt.share(f.ratings.up, votes),
      title: `${fmt.exact(f.ratings.up)} up, ${fmt.exact(f.ratings.down)} down`,
      note:
        votes === 0
          ? 'no votes yet'
          : `${fmt.plural(votes, 'vote')} · ${fmt.percent(done > 0 ? (100 * votes) / done : null)} rated`,
      tone: null,
      spark: trends.map((t) => t.satisfactionRate),
    },
    {
      id: 'tokens',
      label: 'Tokens',
      value: fmt.count(f.totalTokens),
      title: `${fmt.exact(f.totalTokens)} tokens, ${fmt.exact(f.avgTokens)} per call`,
      note: `${fmt.rate(f.tokensPerSecond)} · ${fmt.count(f.avgTokens)} per call`,
      tone: null,
      spark: trends.map((t) => t.totalTokens),
    },
    {
      id: 'cost',
      label: 'Cost',
      value: fmt.money(f.totalCost),
      title: f.totalCost === null ? 'No call of this window has a known price' : 'Calls whose price is known',
      note: f.totalCost === null ? 'no prices known' : `${fmt.money(perThousand)} per 1${'\u202f'}000 calls`,
      tone: null,
      spark: trends.map((t) => t.totalCost),
    },
  ];
}

/** "18 432 calls to 6 models in the last 30 days: half were answered within 2.46 s, 98.1 % succeeded." */
export function headline(a: Analytics, range: Range): string {
  const f = a.summary;
  const done = finished(f);
  const when = range.kind === 'fixed' ? `from ${describeRange(range)}` : `in the ${describeRange(range)}`;
  const start = `${fmt.plural(f.totalCalls, 'call')} to ${fmt.plural(a.byModel.length, 'model')} ${when}`;
  if (done === 0 || f.medianResponseTime === null) return `${start}.`;
  if (done === 1)
    return `${start}: ${f.failures === 0 ? 'answered in' : 'failed after'} ${fmt.duration(f.medianResponseTime)}.`;
  const good = done < 20 ? `${done - f.failures} of ${done}` : fmt.share(done - f.failures, done, true);
  return `${start}: half were answered within ${fmt.duration(f.medianResponseTime)}, ${good} succeeded.`;
}
