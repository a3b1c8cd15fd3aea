// The dialog for a range of one's own.

import { h } from '../dom';
import { windowOf } from '../url-state';
import type { Actions, FrameView } from './frame';

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
