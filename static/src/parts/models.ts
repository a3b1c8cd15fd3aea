// The performance table.

import { type Child, h } from '../dom';
import { nextSort, type TableView } from '../prepare/table';
import { type Navigate, pick } from './pick';

export function drawTable(t: TableView, navigate: Navigate): Child[] {
  const head = t.head.map((c) =>
    h(
      'th',
      { scope: 'col', 'aria-sort': c.order },
      h(
        'button',
        {
          type: 'button',
          title: c.title,
          'data-key': `sort-${c.key}`,
          click: () => navigate({ sort: nextSort(t.sort, c.key) }),
        },
        c.label,
        h(
          'span',
          { class: 'arrow', 'aria-hidden': 'true' },
          c.order === null ? '' : c.order === 'descending' ? ' ▼' : ' ▲',
        ),
      ),
    ),
  );
  const body = t.rows.map((r) =>
    h(
      'tr',
      { class: r.provisional ? 'provisional' : null },
      h(
        'th',
        { scope: 'row' },
        h(
          'span',
          { class: 'who' },
          h('span', { class: `swatch ${r.colour}`, 'aria-hidden': 'true' }),
          pick(
            navigate,
            { model: r.model },
            { text: r.model, label: `Show only ${r.model}`, key: `model-${r.id}` },
          ),
        ),
        h('small', {}, r.provider, r.provisional ? ' · provisional' : ''),
      ),
      ...r.cells.slice(1).map((c) => h('td', {}, c)),
    ),
  );
  return [
    h(
      'div',
      { class: 'scroll tall', tabindex: 0, role: 'group', 'aria-label': 'All models', 'data-scroll': true },
      h(
        'table',
        { class: 'perf' },
        h('thead', {}, h('tr', {}, ...head)),
        h('tbody', {}, ...body),
        h(
          'tfoot',
          {},
          h('tr', {}, ...t.total.map((c, i) => (i === 0 ? h('th', { scope: 'row' }, c) : h('td', {}, c)))),
        ),
      ),
    ),
    t.rows.some((r) => r.provisional)
      ? h('p', { class: 'aside' }, 'Provisional: fewer than 20 finished calls; rates are shown as counts.')
      : null,
  ];
}
