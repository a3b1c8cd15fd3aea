// Panels in the place of the figures: loading, trouble, nothing found.

import { ApiError, storedKey, storeKey } from '../api';
import { type Child, h } from '../dom';
import * as fmt from '../fmt';
import { describeRange, FILTER_KEYS, type State } from '../url-state';

export const loading = (): HTMLElement =>
  h(
    'div',
    { class: 'overview loading', role: 'status' },
    h('span', { class: 'hidden' }, 'Loading'),
    ...Array.from({ length: 5 }, (_, i) => h('div', { class: `ghost g${i}`, 'aria-hidden': 'true' })),
  );

function keyForm(onKey: () => void): Child {
  const input = h('input', {
    type: 'password',
    id: 'api-key',
    'data-key': 'api-key',
    autocomplete: 'off',
    required: true,
  });
  const submit = (event: Event): void => {
    event.preventDefault();
    storeKey(input.value.trim());
    onKey();
  };
  return h(
    'form',
    { class: 'keyform', submit },
    h('label', { for: 'api-key' }, 'Key'),
    input,
    h('button', { class: 'primary' }, 'Use it'),
    h('p', { class: 'aside' }, 'Kept in this tab only.'),
  );
}

export function trouble(error: ApiError, actions: { retry(): void; reset(): void }): HTMLElement {
  const locked = error.status === 401 || error.status === 403;
  return h(
    'section',
    { class: 'notice', role: 'alert' },
    h('h1', {}, locked ? 'A key, please' : 'No figures just now'),
    h(
      'p',
      { class: 'lead' },
      locked && storedKey() !== null ? `The key was not accepted: ${error.message}` : error.message,
    ),
    h('p', {}, error.remedy),
    locked ? keyForm(actions.retry) : null,
    h(
      'div',
      { class: 'row' },
      locked
        ? null
        : h('button', { type: 'button', class: 'primary', click: () => actions.retry() }, 'Ask again'),
      error.status === 400
        ? h('button', { type: 'button', click: () => actions.reset() }, 'Reset filters and range')
        : null,
    ),
  );
}

/** Old figures stay in view when a refresh fails; this says so above them. */
export const stale = (error: ApiError): HTMLElement =>
  h(
    'p',
    { class: 'stale', role: 'status' },
    h('b', {}, 'These figures are not up to date. '),
    `${error.message} ${error.remedy}`,
  );

/** Calls there are, but none here: name what keeps them out, and offer to take it away. */
export function nothing(state: State, navigate: (patch: Partial<State>) => void): HTMLElement {
  const filters = FILTER_KEYS.flatMap((key) => {
    const value = state[key];
    return value === null ? [] : [{ key, text: `${key} = ${key === 'task' ? fmt.task(value) : value}` }];
  });
  return h(
    'section',
    { class: 'notice' },
    h('h1', {}, 'No calls here'),
    h(
      'p',
      { class: 'lead' },
      `No call ${state.range.kind === 'fixed' ? 'from' : 'in the'} ${describeRange(state.range)}${filters.length > 0 ? ` with ${filters.map((f) => f.text).join(' and ')}` : ''}.`,
    ),
    h(
      'div',
      { class: 'row' },
      ...filters.map((f) =>
        h('button', { type: 'button', click: () => navigate({ [f.key]: null }) }, `Remove ${f.text}`),
      ),
      h(
        'button',
        { type: 'button', class: 'primary', click: () => navigate({ range: { kind: 'last', span: '90d' } }) },
        'Show the last 90 days',
      ),
    ),
  );
}
