// The trend on uPlot: median line, band up to p95, calls as faint bars at the foot. The cursor
// works by pointer and by arrow keys; what it stands on is read out above the plot.

import uPlot from 'uplot';
import { h } from '../dom';
import * as fmt from '../fmt';
import { readout, type Trend } from '../prepare/trend';

const HEIGHT = 290;
const NARROW = 560;
const CALLS_SHARE = 4; // the bars take a quarter of the height

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colour = (name: string) => () => css(name);

// Points only where a line would not show: at values with gaps on both sides.
const lonely: uPlot.Series.Points.Filter = (u, series) => {
  const values = u.data[series] ?? [];
  const alone: number[] = [];
  for (let i = 0; i < values.length; i++) {
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) alone.push(i);
  }
  return alone;
};

function line(stroke: string, width: number, dash?: number[]): uPlot.Series {
  return {
    scale: 'ms',
    stroke: colour(stroke),
    width,
    ...(dash ? { dash } : {}),
    spanGaps: false,
    points: { show: true, filter: lonely, size: 6, fill: colour(stroke), stroke: colour(stroke) },
  };
}

function options(width: number, current: () => Trend, onMove: (index: number | null) => void): uPlot.Options {
  const axisStyle = {
    stroke: colour('--dim'),
    font: '12px Inter, sans-serif',
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  const bars = uPlot.paths.bars?.({ size: [0.6, 24] });
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    padding: [8, 22, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 8 } },
    scales: {
      x: { time: false, range: (_u, min, max) => [min - 0.5, max + 0.5] },
      ms: { range: (_u, _min, max) => [0, (max || 1) * 1.08] },
      calls: { range: (_u, _min, max) => [0, (max || 1) * CALLS_SHARE] },
    },
    axes: [
      {
        ...axisStyle,
        grid: { show: false },
        splits: (u) => (u.width < NARROW ? current().fewTicks : current().ticks),
        values: (_u, splits) => splits.map((i) => current().labels[i] ?? ''),
      },
      { ...axisStyle, scale: 'ms', size: 64, values: (_u, splits) => splits.map(fmt.durationTick) },
    ],
    series: [
      {},
      {
        scale: 'calls',
        fill: colour('--bars'),
        width: 0,
        ...(bars ? { paths: bars } : {}),
        points: { show: false },
      },
      line('--band-edge', 1),
      line('--accent', 2),
      line('--band-edge', 1, [3, 4]),
      line('--accent', 2, [3, 4]),
    ],
    bands: [
      { series: [2, 3], fill: colour('--band') },
      { series: [4, 5], fill: colour('--band-open') },
    ],
    hooks: { setCursor: [(u) => onMove(u.cursor.idx ?? null)] },
  };
}

const dataOf = (t: Trend): uPlot.AlignedData => [
  t.labels.map((_, i) => i),
  t.calls,
  t.p95,
  t.median,
  t.p95Open,
  t.medianOpen,
];

export interface TrendChart {
  root: HTMLElement;
  update(t: Trend): void;
  recolour(): void;
}

export function trendChart(): TrendChart {
  let shown: Trend | null = null;
  let plot: uPlot | null = null;
  const hint = 'Point at the chart, or press ← and →, to read a single bucket.';
  const output = h('output', { class: 'readout' }, hint);
  const canvas = h('div', { class: 'uhost', tabindex: 0, role: 'img', keydown: onKey });
  const key = h(
    'p',
    { class: 'key', 'aria-hidden': 'true' },
    h('span', { class: 'k-median' }, 'median'),
    h('span', { class: 'k-band' }, 'up to p95'),
    h('span', { class: 'k-calls' }, 'calls'),
    h('span', { class: 'k-open' }, 'still running'),
  );
  const root = h('div', { class: 'trend' }, key, output, canvas);

  function onMove(index: number | null): void {
    output.textContent =
      shown && index !== null && index < shown.labels.length ? readout(shown, index) : hint;
  }

  function onKey(event: KeyboardEvent): void {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !plot || !shown) return;
    event.preventDefault();
    const last = shown.labels.length - 1;
    const from = plot.cursor.idx ?? (step > 0 ? -1 : last + 1);
    const index = Math.min(last, Math.max(0, from + step));
    plot.setCursor({ left: plot.valToPos(index, 'x'), top: 10 });
  }

  function draw(t: Trend): void {
    const width = Math.floor(canvas.clientWidth);
    if (width === 0 || t.labels.length === 0) return;
    if (plot) plot.setData(dataOf(t));
    else
      plot = new uPlot(
        options(width, () => shown ?? t, onMove),
        dataOf(t),
        canvas,
      );
  }

  new ResizeObserver(() => {
    const width = Math.floor(canvas.clientWidth);
    if (width === 0 || !shown) return;
    if (plot) plot.setSize({ width, height: HEIGHT });
    else draw(shown);
  }).observe(canvas);

  return {
    root,
    update(t) {
      shown = t;
      canvas.setAttribute('aria-label', t.summary);
      draw(t);
    },
    recolour() {
      plot?.redraw(false);
    },
  };
}
