// The grid of attempts, its filters, and the way through its pages.

import { type Child, h } from '../dom';
import { ALL_CLONES, CLONE_FILTERS, type CloneFilter, type CloneState } from '../clones-state';
import type { AttemptCard, filterChoices } from '../prepare/clones';
import { meter } from './meter';
import { pageUrl } from './shell';

export type Choose = (patch: Partial<CloneState>) => void;

const LABEL: Record<CloneFilter, string> = { site: 'Website', model: 'Model', status: 'Status' };

export function drawCloneFilters(
  state: CloneState,
  choices: ReturnType<typeof filterChoices>,
  choose: Choose,
): Child[] {
  const select = (key: CloneFilter): Child => {
    const options = choices[key].map((o) =>
      h('option', { value: o.value, selected: o.value === state[key] }, o.text),
    );
    const el: HTMLSelectElement = h(
      'select',
      {
        'aria-label': LABEL[key],
        'data-key': `filter-${key}`,
        change: () => choose({ [key]: el.value || null }),
      },
      h('option', { value: '' }, `${LABEL[key]}: any`),
      ...options,
    );
    return el;
  };
  const chip = (key: CloneFilter): Child => {
    const chosen = choices[key].find((o) => o.value === state[key]);
    if (!chosen) return null;
    const text = `${LABEL[key].toLowerCase()} = ${chosen.text}`;
    return h(
      'button',
      {
        type: 'button',
        class: 'chip',
        'data-key': `chip-${key}`,
        'aria-label': `Remove filter ${text}`,
        click: () => choose({ [key]: null }),
      },
      text,
      h('span', { 'aria-hidden': 'true' }, ' ✕'),
    );
  };
  return [...CLONE_FILTERS.map(select), ...CLONE_FILTERS.map(chip)];
}

function score(c: AttemptCard): Child {
  if (c.score === null) return h('p', { class: 'score none' }, c.failed ? '' : 'no score');
  return h(
    'p',
    { class: `score ${c.score.tone}` },
    h('b', {}, c.score.text),
    h('small', {}, 'quality of 100'),
    meter(c.score.percent, c.score.tone),
  );
}

function attempt(c: AttemptCard): HTMLLIElement {
  return h(
    'li',
    { class: c.failed ? 'attempt failed' : 'attempt' },
    h(
      'h3',
      {},
      h('a', { href: `${pageUrl('clones')}/${c.id}`, 'data-key': `clone-${c.id}` }, c.title),
    ),
    h('p', { class: 'site' }, c.site),
    h(
      'p',
      { class: 'who' },
      h('span', { class: `swatch ${c.colour}`, 'aria-hidden': 'true' }),
      h('b', {}, c.model),
      h('small', {}, c.provider),
    ),
    h(
      'p',
      { class: `word ${c.failed ? 'bad' : 'ok'}` },
      h('span', { 'aria-hidden': 'true' }, c.failed ? '✗ ' : '✓ '),
      c.failed ? 'failed' : 'gave code',
      h('small', {}, c.when),
      c.sample && h('small', { class: 'mark' }, 'sample'),
    ),
    c.error !== null && h('p', { class: 'error' }, c.error),
    h('dl', {}, ...c.facts.flatMap((f) => [h('dt', {}, f.label), h('dd', {}, f.value)])),
    score(c),
  );
}

export interface GridView {
  cards: AttemptCard[];
  older: string | null; // cursor
  newest: boolean; // this is the first page
}

export function drawGrid(v: GridView, choose: Choose): Child[] {
  const pager = h(
    'div',
    { class: 'row pager' },
    !v.newest &&
      h(
        'button',
        { type: 'button', 'data-key': 'newest', click: () => choose({ cursor: null }) },
        '◂ Newest',
      ),
    v.older !== null &&
      h(
        'button',
        { type: 'button', 'data-key': 'older', click: () => choose({ cursor: v.older }) },
        'Older ▸',
      ),
  );
  return [h('ul', { class: 'attempts' }, ...v.cards.map(attempt)), pager];
}

/** There are attempts, but none with this choice. */
export function noAttempts(state: CloneState, choices: ReturnType<typeof filterChoices>, choose: Choose): Child[] {
  const chosen = CLONE_FILTERS.flatMap((key) => {
    const option = choices[key].find((o) => o.value === state[key]);
    return option ? [{ key, text: `${LABEL[key].toLowerCase()} = ${option.text}` }] : [];
  });
  const sentence =
    chosen.length > 0
      ? `No attempt with ${chosen.map((c) => c.text).join(' and ')}.`
      : 'No attempt on this page.';
  return [
    h('p', { class: 'lead' }, sentence),
    h(
      'div',
      { class: 'row pager' },
      ...chosen.map((c) =>
        h('button', { type: 'button', click: () => choose({ [c.key]: null }) }, `Remove ${c.text}`),
      ),
      h('button', { type: 'button', class: 'primary', click: () => choose(ALL_CLONES) }, 'Show all attempts'),
    ),
  ];
}
