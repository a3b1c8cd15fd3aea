// Best model per task, and how each kind of work goes.

import type { Analytics, Best } from '../api';
import * as fmt from '../fmt';
import { colourClass, identity } from './colours';
import { ENOUGH, wilson } from './interval';
import { durationScale, percentScale, position } from './scale';
import { finished } from './summary';

export interface BestRow {
  task: string;
  label: string;
  model: string | null;
  colour: string;
  verdict: 'recommend' | 'equivalent' | 'insufficient';
  word: string;
  why: string;
  score: string;
  n: number;
}

// The runner-up is what a verdict is about; there may be more, further behind.
function why(b: Best): string {
  const next = b.alternatives.find((a) => a.model !== b.model);
  switch (b.verdict) {
    case 'recommend':
      return next ? `ahead of ${fmt.short(next.model)}` : 'the evidence suffices';
    case 'equivalent':
      return next ? `as good as ${fmt.short(next.model)}` : 'no model stands out';
    case 'insufficient':
      if (b.callsNeeded !== null && b.callsNeeded > 0)
        return `about ${fmt.exact(b.callsNeeded)} more calls would tell`;
      return b.basis === 'rules' ? 'by rule of thumb, not by data' : 'more calls would tell';
  }
}

const WORD = { recommend: 'Recommended', equivalent: 'Tie', insufficient: 'Too early' };

export function bestByTask(a: Analytics, slots: string[]): BestRow[] {
  const volume = new Map(a.byTaskType.map((t) => [t.taskType, t.totalCalls]));
  return [...a.bestByTask]
    .sort((x, y) => (volume.get(y.taskType) ?? 0) - (volume.get(x.taskType) ?? 0))
    .map((b) => {
      const provider = b.provider ?? a.byModel.find((m) => m.model === b.model)?.provider ?? '';
      return {
        task: b.taskType,
        label: fmt.task(b.taskType),
        model: b.model,
        colour: b.model === null ? 'sx' : colourClass(slots, identity({ provider, model: b.model })),
        verdict: b.verdict,
        word: WORD[b.verdict],
        why: why(b),
        score: fmt.score(b.qualityScore),
        n: b.sampleSize,
      };
    });
}

export interface TaskRow {
  task: string;
  label: string;
  calls: string;
  callsTitle: string;
  share: number; // percent of the busiest task
  median: string;
  p95: string;
  dot: { at: number; to: number } | null;
  success: string;
  successDot: { at: number; from: number; to: number } | null;
  provisional: boolean;
  satisfaction: string;
  tokens: string;
  cost: string;
  best: string;
  verdict: string;
}

export interface TaskTable {
  rows: TaskRow[];
  timeAxis: string;
  successAxis: string;
}

export function taskTypes(a: Analytics): TaskTable {
  const tasks = [...a.byTaskType].sort((x, y) => y.totalCalls - x.totalCalls);
  const most = Math.max(1, ...tasks.map((t) => t.totalCalls));
  const times = durationScale(tasks.flatMap((t) => [t.medianResponseTime ?? 0, t.p95ResponseTime ?? 0]));
  const rates = tasks.map((t) => ({ k: finished(t) - t.failures, n: finished(t) })).filter((r) => r.n > 0);
  const success = percentScale(Math.min(100, ...rates.map((r) => wilson(r.k, r.n).low)));
  const best = new Map(a.bestByTask.map((b) => [b.taskType, b]));
  return {
    timeAxis: `${times.log ? 'log, ' : ''}up to ${fmt.duration(times.max)}`,
    successAxis: `${success.min}–100${'\u00a0'}%`,
    rows: tasks.map((t) => {
      const n = finished(t);
      const k = n - t.failures;
      const interval = wilson(k, n);
      const top = best.get(t.taskType);
      const { up, down } = t.ratings;
      return {
        task: t.taskType,
        label: fmt.task(t.taskType),
        calls: fmt.count(t.totalCalls),
        callsTitle: fmt.exact(t.totalCalls),
        share: (100 * t.totalCalls) / most,
        median: fmt.duration(t.medianResponseTime),
        p95: fmt.duration(t.p95ResponseTime),
        dot:
          t.medianResponseTime === null
            ? null
            : {
                at: position(times, t.medianResponseTime),
                to: position(times, t.p95ResponseTime ?? t.medianResponseTime),
              },
        success: fmt.share(k, n, true),
        successDot:
          n > 0
            ? {
                at: position(success, (100 * k) / n),
                from: position(success, interval.low),
                to: position(success, interval.high),
              }
            : null,
        provisional: n < ENOUGH,
        satisfaction: fmt.share(up, up + down),
        tokens: fmt.count(t.avgTokens),
        cost: fmt.money(t.totalCost),
        best: top && top.model !== null ? fmt.short(top.model) : fmt.NONE,
        verdict: top ? WORD[top.verdict].toLowerCase() : '',
      };
    }),
  };
}
