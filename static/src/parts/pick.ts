// Names on the page are ways to narrow it down to them.

import { h } from '../dom';
import type { State } from '../url-state';

export type Navigate = (patch: Partial<State>) => void;

/** A button that looks like a link and sets filters; key keeps the focus on it when it is redrawn. */
export function pick(
  navigate: Navigate,
  patch: Partial<State>,
  look: { text: string; label: string; key: string },
): HTMLButtonElement {
  return h(
    'button',
    { type: 'button', class: 'link', title: look.label, 'data-key': look.key, click: () => navigate(patch) },
    look.text,
  );
}
