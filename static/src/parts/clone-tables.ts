// Tables of the clones' page that hold more than plain text.

import { type Child, h } from '../dom';
import type { BenchmarkTable, ModelTable } from '../prepare/clones';
import type { Choose } from './attempts';

const scroll = (name: string, table: HTMLTableElement): HTMLElement =>
  h('div', { class: 'scroll tall', tabindex: 0, role: 'group', 'aria-label': name, 'data-scroll': true }, table);

const head = (names: string[]): HTMLElement =>
  h('thead', {}, h('tr', {}, ...names.map((name) => h('th', { scope: 'col' }, name))));

export function drawCloneModels(t: ModelTable, choose: Choose): Child[] {
  const rows = t.rows.map((r) =>
    h(
      'tr',
      {},
      h(
        'th',
        { scope: 'row' },
        h(
          'span',
          { class: 'who' },
          h('span', { class: `swatch ${r.colour}`, 'aria-hidden': 'true' }),
          h(
            'button',
            {
              type: 'button',
              class: 'link',
              title: `Show only attempts of ${r.model}`,
              'data-key': `model-${r.id}`,
              click: () => choose({ model: r.id }),
            },
            r.model,
          ),
        ),
        h('small', {}, r.provider),
      ),
      ...r.cells.map((c) => h('td', {}, c)),
    ),
  );
  return [scroll('By model', h('table', { class: 'perf' }, head(t.head), h('tbody', {}, ...rows)))];
}

export function drawBenchmarks(t: BenchmarkTable): Child[] {
  if (t.rows.length === 0)
    return [
      h(
        'p',
        { class: 'aside' },
        'None yet. touchstone benchmark computes them from attempts and calls, with the hardware of this host.',
      ),
    ];
  const rows = t.rows.map((r) =>
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, h('b', {}, r.model), h('small', {}, r.sub)),
      ...r.cells.map((c) => h('td', {}, c)),
      h('td', { class: 'notes' }, r.notes),
    ),
  );
  return [
    scroll('Benchmarks', h('table', { class: 'perf bench' }, head(t.head), h('tbody', {}, ...rows))),
  ];
}
