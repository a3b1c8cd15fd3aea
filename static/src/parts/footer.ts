// What the figures rest on, and how to take them along.

import { type Child, h } from '../dom';
import * as fmt from '../fmt';
import { copyButton } from './figure';

export interface Status {
  calls: number | null;
  tookMs: number | null;
  dataTo: number | null; // Unix ms
  jsonUrl: string; // the request behind the page
}

function told({ calls, tookMs, dataTo }: Status, zone: string): string {
  const parts = [
    calls === null ? null : fmt.plural(calls, 'call'),
    tookMs === null ? null : `answered in ${fmt.duration(tookMs)}`,
    dataTo === null ? null : `data to ${fmt.clock(dataTo, zone)}${zone === 'UTC' ? ' UTC' : ''}`,
  ];
  return parts.filter((part) => part !== null).join(' · ');
}

export const drawFooter = (status: Status, zone: string): Child[] => [
  h('p', {}, told(status, zone)),
  h(
    'div',
    { class: 'row' },
    copyButton(() => location.href, 'Copy link'),
    h('a', { href: status.jsonUrl }, 'JSON'),
  ),
];
