// The best model for each kind of work, with how sure that is.

import { type Child, h } from '../dom';
import * as fmt from '../fmt';
import type { BestRow } from '../prepare/tasks';
import { type Navigate, pick } from './pick';

const ICON = { recommend: '✓', equivalent: '≈', insufficient: '○' };

export function drawBest(rows: BestRow[], navigate: Navigate): Child[] {
  if (rows.length === 0) return [h('p', { class: 'aside' }, 'No call of this window names a task.')];
  return [
    h(
      'ul',
      { class: 'best' },
      ...rows.map((r) =>
        h(
          'li',
          { class: r.verdict },
          h(
            'span',
            { class: 'task' },
            pick(
              navigate,
              { task: r.task },
              { text: r.label, label: `Show only ${r.label}`, key: `best-${r.task}` },
            ),
          ),
          h(
            'span',
            { class: 'model' },
            h('span', { class: `swatch ${r.colour}`, 'aria-hidden': 'true' }),
            h('b', { title: r.model }, r.model === null ? fmt.NONE : fmt.short(r.model)),
          ),
          h(
            'span',
            { class: 'verdict' },
            h('span', { 'aria-hidden': 'true' }, ICON[r.verdict]),
            ` ${r.word}`,
            h('small', {}, r.why),
          ),
          h(
            'span',
            { class: 'score', title: 'Quality score, 0 to 100' },
            h('b', {}, r.score),
            h('small', {}, `n = ${r.n}`),
          ),
        ),
      ),
    ),
  ];
}
