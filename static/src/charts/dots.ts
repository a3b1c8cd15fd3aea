// Dot-and-whisker rows. Positions arrive as percentages, so the drawing stretches with the page.

import { h, s } from '../dom';
import type { DotChart } from '../prepare/models';

interface Mark {
  at: number;
  from: number;
  to: number;
  cut?: boolean;
  provisional: boolean;
  colour: string;
  ticks: number[];
}

/** One row's plot: whisker from `from` to `to`, dot at `at`, hollow while provisional. */
export function dot(m: Mark): SVGElement {
  const x = (v: number) => `${v}%`;
  return s(
    'svg',
    { class: `dot ${m.colour}`, height: 24, 'aria-hidden': 'true', focusable: 'false' },
    ...m.ticks.map((t) => s('line', { class: 'grid', x1: x(t), x2: x(t), y1: 0, y2: 24 })),
    s('line', { class: 'whisker', x1: x(m.from), x2: x(m.to), y1: 12, y2: 12 }),
    s('line', { class: 'whisker', x1: x(m.to), x2: x(m.to), y1: 8, y2: 16 }),
    m.cut && s('path', { class: 'whisker', d: 'M5 7 0 12l5 5' }),
    !m.cut && m.from < m.at && s('line', { class: 'whisker', x1: x(m.from), x2: x(m.from), y1: 8, y2: 16 }),
    s('circle', { class: m.provisional ? 'point hollow' : 'point', cx: x(m.at), cy: 12, r: 5 }),
  );
}

export function dotChart(c: DotChart): Node[] {
  const ticks = c.axis.map((t) => t.at);
  const rows = c.rows.map((r) =>
    h(
      'li',
      { class: 'dotrow', title: r.title },
      h('span', { class: 'name' }, h('b', {}, r.label), h('small', {}, r.sub)),
      h('span', { class: 'plot' }, dot({ ...r, ticks })),
      h('span', { class: 'value' }, h('b', {}, r.value), h('small', {}, r.extra)),
    ),
  );
  const axis = h(
    'div',
    { class: 'dotrow axis', 'aria-hidden': 'true' },
    h('span', { class: 'name' }, c.cut ? h('small', {}, c.cut) : null),
    h(
      'span',
      { class: 'plot' },
      s(
        'svg',
        { class: 'dot', height: 18 },
        ...c.axis.map((t, i) =>
          s(
            'text',
            {
              x: `${t.at}%`,
              y: 13,
              'text-anchor': i === 0 ? 'start' : i === c.axis.length - 1 ? 'end' : 'middle',
            },
            t.label,
          ),
        ),
      ),
    ),
    h('span', { class: 'value' }),
  );
  return [h('ul', { class: 'dots' }, ...rows), axis, ...(c.left ? [h('p', { class: 'aside' }, c.left)] : [])];
}
