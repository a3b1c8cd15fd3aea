// What surrounds every page: top bar, filters, banner, footer, help.

import { BASE } from '../api';
import { type Child, h, place } from '../dom';
import * as fmt from '../fmt';
import type { Prefs } from '../prefs';
import { FILTER_KEYS, type FilterKey, SPANS, type State, windowOf } from '../url-state';
import { copyButton, segmented } from './figure';

export interface Known {
  model: string[];
  task: string[];
  provider: string[];
}

export interface Status {
  busy: boolean;
  calls: number | null;
  tookMs: number | null;
  dataTo: number | null;
  jsonUrl: string;
}

export interface FrameView {
  state: State;
  prefs: Prefs;
  zone: string;
  demo: boolean;
  filters: boolean;
  known: Known;
  status: Status;
}

export interface Actions {
  navigate(patch: Partial<State>): void;
  setPrefs(patch: Partial<Prefs>): void;
  refresh(): void;
}

export interface Frame {
  root: HTMLElement;
  main: HTMLElement;
  update(view: FrameView): void;
  focusFilter(): void;
  focusRange(): void;
  help(): void;
}

const LABEL: Record<FilterKey, string> = { model: 'Model', task: 'Task', provider: 'Provider' };
const KEYS: readonly [string, string][] = [
  ['/', 'go to the filters'],
  ['r', 'go to the time range'],
  ['t', 'switch all charts to tables and back'],
  ['l', 'live on or off'],
  ['d', 'dark or light'],
  ['.', 'copy the address of this view'],
  ['?', 'this help'],
];
const TERMS: readonly [string, string][] = [
  [
    'Response time',
    'from the request to the last byte of the answer; failed calls count, cancelled ones do not.',
  ],
  ['First token', 'from the request to the first token of content, measured at touchstone.'],
  ['Tok/s', 'output tokens divided by the time between the first and the last one.'],
  ['p95', '95 of 100 calls were at least this fast.'],
  ['95 % interval', 'where the true rate lies in all likelihood (Wilson). The fewer calls, the wider.'],
  ['Provisional', 'fewer than 20 finished calls: drawn hollow, rates shown as counts.'],
];

const logo = (): HTMLElement => {
  const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]');
  return h(
    'a',
    { class: 'logo', href: new URL('analytics/models', BASE).href },
    h('img', { src: icon?.href ?? '', alt: '', width: 26, height: 26 }),
    h('span', {}, 'touchstone'),
  );
};

// The datetime-local form of a moment, in UTC or in the browser's zone.
const localInput = (ms: number, utc: boolean): string =>
  new Date(ms - (utc ? 0 : new Date(ms).getTimezoneOffset() * 60_000)).toISOString().slice(0, 16);
const fromLocalInput = (text: string, utc: boolean): number => Date.parse(utc ? `${text}Z` : text);

function rangeDialog(actions: Actions): { root: HTMLDialogElement; open(view: FrameView): void } {
  let utc = true;
  const from = h('input', { type: 'datetime-local', id: 'range-from', required: true });
  const to = h('input', { type: 'datetime-local', id: 'range-to', required: true });
  const wrong = h('p', { class: 'wrong', role: 'alert' });
  const zone = h('p', { class: 'aside' });
  const root = h(
    'dialog',
    { class: 'dialog', 'aria-labelledby': 'range-title' },
    h(
      'form',
      { method: 'dialog', submit: apply },
      h('h2', { id: 'range-title' }, 'Time range'),
      h('label', { for: 'range-from' }, 'From'),
      from,
      h('label', { for: 'range-to' }, 'To'),
      to,
      zone,
      wrong,
      h(
        'div',
        { class: 'row' },
        h('button', { type: 'submit', class: 'primary' }, 'Show'),
        h('button', { type: 'button', click: () => root.close() }, 'Cancel'),
      ),
    ),
  );
  function apply(event: Event): void {
    const [a, b] = [fromLocalInput(from.value, utc), fromLocalInput(to.value, utc)];
    if (!(a < b)) {
      event.preventDefault();
      wrong.textContent = 'The end must come after the beginning.';
      return;
    }
    actions.navigate({
      range: { kind: 'fixed', from: new Date(a).toISOString(), to: new Date(b).toISOString() },
    });
  }
  return {
    root,
    open(view) {
      utc = view.prefs.zone === 'utc';
      const w = windowOf(view.state.range, Date.now());
      from.value = localInput(w.from, utc);
      to.value = localInput(w.to, utc);
      zone.textContent = `Times are in ${view.zone}.`;
      wrong.textContent = '';
      root.showModal();
    },
  };
}

function helpDialog(actions: Actions): { root: HTMLDialogElement; open(view: FrameView): void } {
  const keys = h('input', {
    type: 'checkbox',
    id: 'help-keys',
    change: () => actions.setPrefs({ keys: keys.checked }),
  });
  const list = (rows: readonly [string, string][], tag: 'kbd' | 'span') =>
    h('dl', {}, ...rows.flatMap(([name, text]) => [h('dt', {}, h(tag, {}, name)), h('dd', {}, text)]));
  const root: HTMLDialogElement = h(
    'dialog',
    { class: 'dialog help', 'aria-labelledby': 'help-title' },
    h('h2', { id: 'help-title' }, 'Help'),
    h('h3', {}, 'Keys'),
    list(KEYS, 'kbd'),
    h('p', {}, keys, h('label', { for: 'help-keys' }, 'Single-key shortcuts')),
    h('h3', {}, 'What the figures mean'),
    list(TERMS, 'span'),
    h(
      'p',
      {},
      h(
        'a',
        { href: new URL('analytics/assets/licences.txt', BASE).href },
        'Licences of the parts of this page',
      ),
    ),
    h('form', { method: 'dialog', class: 'row' }, h('button', { class: 'primary' }, 'Close')),
  );
  return {
    root,
    open(view) {
      keys.checked = view.prefs.keys;
      root.showModal();
    },
  };
}

export function createFrame(actions: Actions): Frame {
  let view: FrameView | null = null;
  const withView = (act: (v: FrameView) => void) => () => view && act(view);

  const custom = rangeDialog(actions);
  const helper = helpDialog(actions);
  const ranges = segmented(
    'Time range',
    [...SPANS.map((s) => ({ value: s, text: s })), { value: 'custom', text: 'Custom' }],
    (value) =>
      value === 'custom'
        ? view && custom.open(view)
        : actions.navigate({ range: { kind: 'last', span: value } }),
  );
  const live = h(
    'button',
    {
      type: 'button',
      class: 'live',
      title: 'Ask again every 10 seconds while the page is visible',
      click: withView((v) => actions.setPrefs({ live: !v.prefs.live })),
    },
    h('span', { class: 'lamp', 'aria-hidden': 'true' }),
    'Live',
  );
  const zone = h('button', {
    type: 'button',
    click: withView((v) => actions.setPrefs({ zone: v.prefs.zone === 'utc' ? 'browser' : 'utc' })),
  });
  const theme = h('button', {
    type: 'button',
    class: 'icon',
    click: withView((v) => actions.setPrefs({ theme: v.prefs.theme === 'dark' ? 'light' : 'dark' })),
  });
  const refresh = h(
    'button',
    {
      type: 'button',
      class: 'icon',
      'aria-label': 'Refresh',
      title: 'Refresh',
      click: () => actions.refresh(),
    },
    '⟳',
  );
  const help = h(
    'button',
    {
      type: 'button',
      class: 'icon',
      'aria-label': 'Help',
      title: 'Help (?)',
      click: withView((v) => helper.open(v)),
    },
    '?',
  );

  const banner = h(
    'section',
    { class: 'banner', 'aria-label': 'Demo', hidden: true },
    h('b', {}, 'Simulated figures.'),
    ' This is the demo: made-up models, sample data, nothing is kept.',
  );
  const filters = h('section', { class: 'filters', 'aria-label': 'Filters' });
  const main = h('main', { id: 'main', tabindex: -1 });
  const footer = h('footer', {});

  const root = h(
    'div',
    { class: 'frame' },
    h('a', { class: 'skip', href: '#main' }, 'Skip to the figures'),
    h('header', {}, logo(), h('div', { class: 'controls' }, ranges.root, refresh, live, zone, theme, help)),
    banner,
    filters,
    main,
    footer,
    custom.root,
    helper.root,
  );

  const putFilters = place<{ state: State; known: Known; shown: boolean }>(
    filters,
    ({ state, known, shown }) =>
      shown
        ? [
            ...FILTER_KEYS.map((key) => select(key, state[key], known[key])),
            ...FILTER_KEYS.map((key) => chip(key, state[key])),
          ]
        : [],
  );

  function select(key: FilterKey, chosen: string | null, values: string[]): Child {
    const options = [...new Set(chosen === null ? values : [...values, chosen])].sort((a, b) =>
      a.localeCompare(b),
    );
    const el = h(
      'select',
      {
        'aria-label': LABEL[key],
        'data-key': `filter-${key}`,
        change: () => actions.navigate({ [key]: el.value || null }),
      },
      h('option', { value: '' }, `${LABEL[key]}: any`),
      ...options.map((o) =>
        h('option', { value: o, selected: o === chosen }, key === 'task' ? fmt.task(o) : o),
      ),
    );
    return el;
  }

  function chip(key: FilterKey, chosen: string | null): Child {
    if (chosen === null) return null;
    const text = `${LABEL[key].toLowerCase()} = ${key === 'task' ? fmt.task(chosen) : chosen}`;
    return h(
      'button',
      {
        type: 'button',
        class: 'chip',
        'data-key': `chip-${key}`,
        'aria-label': `Remove filter ${text}`,
        click: () => actions.navigate({ [key]: null }),
      },
      text,
      h('span', { 'aria-hidden': 'true' }, ' ✕'),
    );
  }

  const putFooter = place<{ status: Status; zone: string }>(footer, ({ status, zone: name }) => [
    h(
      'p',
      {},
      [
        status.calls === null ? '' : fmt.plural(status.calls, 'call'),
        status.tookMs === null ? '' : `answered in ${fmt.duration(status.tookMs)}`,
        status.dataTo === null
          ? ''
          : `data to ${fmt.clock(status.dataTo, name)} ${name === 'UTC' ? 'UTC' : ''}`.trim(),
      ]
        .filter(Boolean)
        .join(' · '),
    ),
    h(
      'div',
      { class: 'row' },
      copyButton(() => location.href, 'Copy link'),
      h('a', { href: status.jsonUrl }, 'JSON'),
    ),
  ]);

  function update(next: FrameView): void {
    view = next;
    const { state, prefs, status } = next;
    ranges.set(state.range.kind === 'last' && SPANS.includes(state.range.span) ? state.range.span : 'custom');
    live.setAttribute('aria-pressed', String(prefs.live));
    zone.textContent = prefs.zone === 'utc' ? 'UTC' : 'Local';
    zone.title = `Times are in ${next.zone}`;
    zone.setAttribute('aria-label', `${zone.textContent} time: times are in ${next.zone}`);
    const other = prefs.theme === 'dark' ? 'light' : 'dark';
    theme.textContent = prefs.theme === 'dark' ? '☀' : '☾';
    theme.title = `${other === 'light' ? 'Light' : 'Dark'} theme (d)`;
    theme.setAttribute('aria-label', `Switch to the ${other} theme`);
    banner.hidden = !next.demo;
    filters.hidden = !next.filters;
    footer.hidden = !next.filters;
    ranges.root.hidden = !next.filters;
    refresh.hidden = !next.filters;
    putFilters({ state, known: next.known, shown: next.filters });
    putFooter({ status: { ...status, busy: false }, zone: next.zone });
    root.classList.toggle('busy', status.busy);
    main.setAttribute('aria-busy', String(status.busy));
  }

  return {
    root,
    main,
    update,
    focusFilter: () => filters.querySelector('select')?.focus(),
    focusRange: () => ranges.root.querySelector<HTMLElement>('[aria-pressed=true]')?.focus(),
    help: withView((v) => helper.open(v)),
  };
}
