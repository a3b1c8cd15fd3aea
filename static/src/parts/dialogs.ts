// The two dialogs: a range of one's own, and the help.

import { BASE } from '../api';
import { h } from '../dom';
import { windowOf } from '../url-state';
import type { Actions, FrameView } from './frame';

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

// The datetime-local form of a moment, in UTC or in the browser's zone.
const localInput = (ms: number, utc: boolean): string =>
  new Date(ms - (utc ? 0 : new Date(ms).getTimezoneOffset() * 60_000)).toISOString().slice(0, 16);
const fromLocalInput = (text: string, utc: boolean): number => Date.parse(utc ? `${text}Z` : text);

/** Asks for a beginning and an end. */
export function rangeDialog(actions: Actions): { root: HTMLDialogElement; open(view: FrameView): void } {
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

/** Keys, and what the figures mean. */
export function helpDialog(actions: Actions): { root: HTMLDialogElement; open(view: FrameView): void } {
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
