// Recommendations of the server, the urgent ones first.

import type { Analytics } from '../api';
import * as fmt from '../fmt';

export interface Insight {
  tone: 'warn' | 'info';
  word: string;
  message: string;
  evidence: string;
  task: string | null;
  model: string | null;
}

export function insights(a: Analytics): Insight[] {
  return [...a.recommendations]
    .sort((x, y) => Number(y.severity === 'warning') - Number(x.severity === 'warning'))
    .map((r) => {
      const n = r.evidence?.n ?? r.evidence?.sampleSize;
      return {
        tone: r.severity === 'warning' ? 'warn' : 'info',
        word: r.severity === 'warning' ? 'Look at this' : 'Worth knowing',
        message: r.message,
        evidence: typeof n === 'number' ? `n = ${fmt.exact(n)}` : '',
        task: r.taskType,
        model: r.model,
      };
    });
}
