// A ring of two parts with the number in its centre.

import { h, s } from '../dom';
import type { Donut } from '../prepare/satisfaction';

const RADIUS = 52;
const AROUND = 2 * Math.PI * RADIUS;

function arc(tone: string, from: number, share: number): SVGElement {
  const gap = share < 1 ? 3 : 0;
  return s('circle', {
    class: `arc ${tone}`,
    cx: 64,
    cy: 64,
    r: RADIUS,
    'stroke-dasharray': `${Math.max(0, share * AROUND - gap)} ${AROUND}`,
    'stroke-dashoffset': -from * AROUND,
    transform: 'rotate(-90 64 64)',
  });
}

export function donut(d: Donut): Node[] {
  const ring = s(
    'svg',
    { class: 'donut', viewBox: '0 0 128 128', 'aria-hidden': 'true', focusable: 'false' },
    s('circle', { class: 'arc none', cx: 64, cy: 64, r: RADIUS }),
    d.votes > 0 && d.up > 0 && arc('ok', 0, d.up),
    d.votes > 0 && d.up < 1 && arc('bad', d.up, 1 - d.up),
    s('text', { class: 'centre', x: 64, y: 66, 'text-anchor': 'middle' }, d.centre),
    s('text', { class: 'under', x: 64, y: 82, 'text-anchor': 'middle' }, d.under),
  );
  const legend = h(
    'ul',
    { class: 'legend' },
    ...d.legend.map((l) =>
      h(
        'li',
        {},
        h('span', { class: `swatch ${l.tone}`, 'aria-hidden': 'true' }),
        l.label,
        h('b', {}, l.value),
      ),
    ),
  );
  return [h('div', { class: 'ring' }, ring, legend), h('p', { class: 'aside' }, d.rated)];
}
