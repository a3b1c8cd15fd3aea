// A choice for each dimension, and a chip for each choice made.

import { type Child, h } from '../dom';
import * as fmt from '../fmt';
import { FILTER_KEYS, type FilterKey, type State } from '../url-state';
import type { Navigate } from './pick';

/** The names that were in any answer so far: what can be chosen. */
export type Known = Record<FilterKey, string[]>;

const LABEL: Record<FilterKey, string> = { model: 'Model', task: 'Task', provider: 'Provider' };

const shown = (key: FilterKey, value: string): string => (key === 'task' ? fmt.task(value) : value);

function select(key: FilterKey, chosen: string | null, known: string[], navigate: Navigate): Child {
  const values = [...new Set(chosen === null ? known : [...known, chosen])];
  const options = values
    .sort((a, b) => a.localeCompare(b))
    .map((value) => h('option', { value, selected: value === chosen }, shown(key, value)));
  const el = h(
    'select',
    {
      'aria-label': LABEL[key],
      'data-key': `filter-${key}`,
      change: () => navigate({ [key]: el.value || null }),
    },
    h('option', { value: '' }, `${LABEL[key]}: any`),
    ...options,
  );
  return el;
}

function chip(key: FilterKey, chosen: string | null, navigate: Navigate): Child {
  if (chosen === null) return null;
  const text = `${LABEL[key].toLowerCase()} = ${shown(key, chosen)}`;
  return h(
    'button',
    {
      type: 'button',
      class: 'chip',
      'data-key': `chip-${key}`,
      'aria-label': `Remove filter ${text}`,
      click: () => navigate({ [key]: null }),
    },
    text,
    h('span', { 'aria-hidden': 'true' }, ' ✕'),
  );
}

export const drawFilters = (state: State, known: Known, navigate: Navigate): Child[] => [
  ...FILTER_KEYS.map((key) => select(key, state[key], known[key], navigate)),
  ...FILTER_KEYS.map((key) => chip(key, state[key], navigate)),
];
