// The help: keys, and what the figures mean.

import { BASE } from '../api';
import { h } from '../dom';
import type { Prefs } from '../prefs';

type Entry = readonly [string, string];

export interface HelpTexts {
  keys: readonly Entry[];
  terms: readonly Entry[];
}

const EVERYWHERE: readonly Entry[] = [
  ['l', 'live on or off'],
  ['d', 'dark or light'],
  ['.', 'copy the address of this view'],
  ['g m', 'go to the models'],
  ['g w', 'go to the clones of websites'],
  ['?', 'this help'],
];

export function helpDialog(
  texts: HelpTexts,
  actions: { setPrefs(patch: Partial<Prefs>): void },
): { root: HTMLDialogElement; open(prefs: Prefs): void } {
  const keys = h('input', {
    type: 'checkbox',
    id: 'help-keys',
    change: () => actions.setPrefs({ keys: keys.checked }),
  });
  const list = (rows: readonly Entry[], tag: 'kbd' | 'span') =>
    h('dl', {}, ...rows.flatMap(([name, text]) => [h('dt', {}, h(tag, {}, name)), h('dd', {}, text)]));
  const root: HTMLDialogElement = h(
    'dialog',
    { class: 'dialog help', 'aria-labelledby': 'help-title' },
    h('h2', { id: 'help-title' }, 'Help'),
    h('h3', {}, 'Keys'),
    list([...texts.keys, ...EVERYWHERE], 'kbd'),
    h('p', {}, keys, h('label', { for: 'help-keys' }, 'Single-key shortcuts')),
    h('h3', {}, 'What the figures mean'),
    list(texts.terms, 'span'),
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
    open(prefs) {
      keys.checked = prefs.keys;
      root.showModal();
    },
  };
}
