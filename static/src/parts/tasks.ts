// How each kind of work goes: a table with small plots in its cells.

import { dot } from '../charts/dots';
import { type Child, h, s } from '../dom';
import type { TaskTable } from '../prepare/tasks';
import { type Navigate, pick } from './pick';

function bar(share: number): SVGElement {
  return s(
    'svg',
    { height: 8, 'aria-hidden': 'true', focusable: 'false' },
    s('rect', { width: `${Math.max(1, share)}%`, height: 8, rx: 1 }),
  );
}

export function drawTasks(t: TaskTable, navigate: Navigate): Child[] {
  const head = [
    'Task',
    'Calls',
    `Median, p95 (${t.timeAxis})`,
    `Success (${t.successAxis})`,
    'Satisfaction',
    'Tokens per call',
    'Cost',
    'Best model',
  ];
  return [
    h(
      'div',
      { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'Task types', 'data-scroll': true },
      h(
        'table',
        { class: 'tasktable' },
        h('thead', {}, h('tr', {}, ...head.map((name) => h('th', { scope: 'col' }, name)))),
        h(
          'tbody',
          {},
          ...t.rows.map((r) =>
            h(
              'tr',
              {},
              h(
                'th',
                { scope: 'row' },
                pick(
                  navigate,
                  { task: r.task },
                  { text: r.label, label: `Show only ${r.label}`, key: `task-${r.task}` },
                ),
              ),
              h('td', { title: r.callsTitle }, h('span', { class: 'bar' }, bar(r.share)), r.calls),
              h(
                'td',
                {},
                r.dot &&
                  h(
                    'span',
                    { class: 'mini' },
                    dot({
                      ...r.dot,
                      from: r.dot.at,
                      provisional: r.provisional,
                      colour: 'sa',
                      ticks: [0, 100],
                    }),
                  ),
                `${r.median} `,
                h('small', {}, r.p95),
              ),
              h(
                'td',
                {},
                r.successDot &&
                  h(
                    'span',
                    { class: 'mini' },
                    dot({ ...r.successDot, provisional: r.provisional, colour: 'sok', ticks: [0, 100] }),
                  ),
                r.success,
              ),
              h('td', {}, r.satisfaction),
              h('td', {}, r.tokens),
              h('td', {}, r.cost),
              h('td', { class: 'text' }, r.best, r.verdict ? h('small', {}, ` ${r.verdict}`) : null),
            ),
          ),
        ),
      ),
    ),
  ];
}
