// A share of a whole as a bar; the number stands beside it in words.

import { s } from '../dom';

export function meter(percent: number, tone: string): SVGElement {
  const width = Math.max(0, Math.min(100, percent));
  return s(
    'svg',
    { class: `meter ${tone}`, height: 6, 'aria-hidden': 'true', focusable: 'false' },
    s('rect', { class: 'whole', width: '100%', height: 6, rx: 3 }),
    s('rect', { class: 'part', width: `${width}%`, height: 6, rx: 3 }),
  );
}
