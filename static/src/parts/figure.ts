// A card with a heading, a one-sentence summary, a plot, and the table behind it.

import { type Child, h, swap } from '../dom';

export interface Plain {
  head: string[];
  rows: string[][];
}

export function plainTable(caption: string, t: Plain): HTMLElement {
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': caption, 'data-scroll': true },
    h(
      'table',
      { class: 'plain' },
      h('caption', { class: 'hidden' }, caption),
      h('thead', {}, h('tr', {}, ...t.head.map((name) => h('th', { scope: 'col' }, name)))),
      h(
        'tbody',
        {},
        ...t.rows.map((row) =>
          h(
            'tr',
            {},
            ...row.map((cell, i) => (i === 0 ? h('th', { scope: 'row' }, cell) : h('td', {}, cell))),
          ),
        ),
      ),
    ),
  );
}

export interface Figure {
  root: HTMLElement;
  plot: HTMLElement;
  /** Fills in the summary and the table. */
  tell(summary: string, table: Plain): void;
  show(asTable: boolean): void;
}

export function figure(id: string, title: string, tools: Child[] = []): Figure {
  const plot = h('div', { class: 'figplot' });
  const table = h('div', { class: 'figtable', hidden: true });
  const summary = h('p', { class: 'summary' });
  const toggle = h(
    'button',
    {
      type: 'button',
      class: 'quiet',
      'aria-pressed': 'false',
      'aria-label': `${title} as a table`,
      click: () => show(!asTableNow),
    },
    'Table',
  );
  let asTableNow = false;
  const show = (asTable: boolean): void => {
    asTableNow = asTable;
    table.hidden = !asTable;
    plot.hidden = asTable;
    toggle.setAttribute('aria-pressed', String(asTable));
  };
  const root = h(
    'figure',
    { class: `card fig ${id}`, 'aria-labelledby': `fig-${id}` },
    h(
      'figcaption',
      {},
      h(
        'div',
        { class: 'cardhead' },
        h('h2', { id: `fig-${id}` }, title),
        h('div', { class: 'tools' }, ...tools, toggle),
      ),
      summary,
    ),
    plot,
    table,
  );
  return {
    root,
    plot,
    tell(text, plain) {
      summary.textContent = text;
      swap(table, plainTable(title, plain));
    },
    show,
  };
}

/** A card that is no chart. */
export function card(id: string, title: string, note?: string): { root: HTMLElement; body: HTMLElement } {
  const body = h('div', { class: 'cardbody' });
  const root = h(
    'section',
    { class: `card ${id}`, 'aria-labelledby': `card-${id}` },
    h('div', { class: 'cardhead' }, h('h2', { id: `card-${id}` }, title)),
    note ? h('p', { class: 'summary' }, note) : null,
    body,
  );
  return { root, body };
}

/** A group of buttons of which one is pressed. */
export function segmented(
  label: string,
  options: readonly { value: string; text: string; title?: string }[],
  onPick: (value: string) => void,
): { root: HTMLElement; set(value: string): void } {
  const buttons = options.map((o) =>
    h(
      'button',
      { type: 'button', 'data-value': o.value, title: o.title, click: () => onPick(o.value) },
      o.text,
    ),
  );
  return {
    root: h('div', { class: 'segmented', role: 'group', 'aria-label': label }, ...buttons),
    set(value) {
      for (const b of buttons) b.setAttribute('aria-pressed', String(b.dataset.value === value));
    },
  };
}

/** A button that copies a text and says so. */
export function copyButton(text: () => string, label: string, name = label): HTMLButtonElement {
  const button = h('button', { type: 'button', class: 'quiet', 'aria-label': name }, label);
  button.addEventListener('click', () => {
    navigator.clipboard.writeText(text()).then(
      () => flash('Copied'),
      () => flash('Select it by hand'),
    );
  });
  function flash(word: string): void {
    button.textContent = word;
    setTimeout(() => (button.textContent = label), 1600);
  }
  return button;
}
