// The six figures at the top.

import { spark } from '../charts/spark';
import { type Child, h } from '../dom';
import type { Card } from '../prepare/summary';

export function drawCards(list: Card[]): Child[] {
  return list.map((c) =>
    h(
      'div',
      { class: `kpi ${c.tone ?? ''}`, title: c.title },
      h('dt', {}, c.label),
      h('dd', {}, h('b', {}, c.value), h('small', {}, c.note), spark(c.spark)),
    ),
  );
}
