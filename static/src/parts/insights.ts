// What the server finds worth telling: the first few, the rest behind a button.

import { type Child, h } from '../dom';
import type { Insight } from '../prepare/insights';
import { type Navigate, pick } from './pick';

const FEW = 4;

function item(i: Insight, at: number, navigate: Navigate): HTMLLIElement {
  const about = [i.model, i.task].filter((name) => name !== null);
  return h(
    'li',
    { class: i.tone },
    h(
      'span',
      { class: 'word' },
      h('span', { 'aria-hidden': 'true' }, i.tone === 'warn' ? '▲ ' : '◆ '),
      i.word,
    ),
    h('p', {}, i.message),
    h(
      'span',
      { class: 'more' },
      i.evidence,
      about.length > 0 &&
        pick(
          navigate,
          { model: i.model, task: i.task },
          { text: 'Show these calls', label: `Filter: ${about.join(', ')}`, key: `insight-${at}` },
        ),
    ),
  );
}

export function drawInsights(list: Insight[], navigate: Navigate): Child[] {
  if (list.length === 0) return [h('p', { class: 'aside' }, 'Nothing stands out in this window.')];
  const items = list.map((i, at) => item(i, at, navigate));
  const rest = items.slice(FEW);
  for (const li of rest) li.hidden = true;
  const more = h(
    'button',
    {
      type: 'button',
      class: 'quiet',
      'aria-expanded': 'false',
      'data-key': 'insights-more',
      click: () => {
        const open = more.getAttribute('aria-expanded') === 'false';
        for (const li of rest) li.hidden = !open;
        more.setAttribute('aria-expanded', String(open));
        more.textContent = open ? 'Show fewer' : `Show ${rest.length} more`;
      },
    },
    `Show ${rest.length} more`,
  );
  return [h('ul', { class: 'insights' }, ...items), rest.length > 0 && more];
}
