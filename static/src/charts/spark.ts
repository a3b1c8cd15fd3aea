// A line the size of a word. Gaps stay gaps; a lone point becomes a dot.

import { s } from '../dom';

export function spark(values: (number | null)[]): SVGElement {
  const [width, height] = [100, 24];
  const known = values.filter((v): v is number => v !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const y = (v: number) => (high > low ? height - 2 - ((v - low) / (high - low)) * (height - 4) : height / 2);
  const x = (i: number) => (values.length > 1 ? (i * width) / (values.length - 1) : width / 2);
  let path = '';
  values.forEach((v, i) => {
    if (v === null) return;
    const joined = i > 0 && values[i - 1] !== null;
    path += `${joined ? 'L' : 'M'}${x(i).toFixed(1)} ${y(v).toFixed(1)}`;
    if (!joined && (values[i + 1] ?? null) === null) path += 'h.01';
  });
  return s(
    'svg',
    {
      class: 'spark',
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
      focusable: 'false',
    },
    known.length > 1 && s('path', { d: path }),
  );
}
