// A bar for each month: attempts, and in it those that gave code.

import { h, s } from '../dom';
import type { MonthChart } from '../prepare/clones';

const HEIGHT = 120;

export function monthBars(c: MonthChart): Node[] {
  if (c.bars.length === 0) return [];
  const step = 100 / c.bars.length;
  const width = Math.min(8, step * 0.7);
  const bar = (at: number, share: number, kind: string, title: string) =>
    s(
      'rect',
      {
        class: kind,
        x: `${step * (at + 0.5) - width / 2}%`,
        width: `${width}%`,
        y: HEIGHT * (1 - share / 100),
        height: (HEIGHT * share) / 100,
      },
      s('title', {}, title),
    );
  const plot = s(
    'svg',
    { class: 'months', height: HEIGHT + 22, 'aria-hidden': 'true', focusable: 'false' },
    s('line', { class: 'base', x1: '0', x2: '100%', y1: HEIGHT, y2: HEIGHT }),
    ...c.bars.flatMap((b, i) => [bar(i, b.attempts, 'all', b.title), bar(i, b.ok, 'good', b.title)]),
    ...c.bars.map((b, i) =>
      s('text', { x: `${step * (i + 0.5)}%`, y: HEIGHT + 16, 'text-anchor': 'middle' }, b.label),
    ),
  );
  return [
    h(
      'p',
      { class: 'key' },
      h('span', { class: 'k-good' }, 'gave code'),
      h('span', { class: 'k-all' }, 'failed'),
      h('span', { class: 'k-most' }, `tallest bar: ${c.most}`),
    ),
    plot,
  ];
}
