// The files of an attempt, and the text of the chosen one with its line numbers.

import { type Child, h } from '../dom';
import * as fmt from '../fmt';
import { codeLines, type FileRow } from '../prepare/clone';
import { copyButton } from './figure';

export function drawFiles(rows: FileRow[], chosen: string | null, pick: (path: string) => void): Child[] {
  return [
    h(
      'ul',
      { class: 'files' },
      ...rows.map((r) =>
        h(
          'li',
          {},
          h(
            'button',
            {
              type: 'button',
              'aria-pressed': String(r.path === chosen),
              'data-key': `file-${r.path}`,
              click: () => pick(r.path),
            },
            h('span', { class: 'path' }, h('small', {}, r.folder), r.name),
            h('small', {}, r.facts),
            r.score !== null && h('b', { title: 'Quality of 100' }, r.score),
          ),
        ),
      ),
    ),
  ];
}

export function drawCode(path: string, content: string): Child[] {
  const { lines, left } = codeLines(content);
  return [
    h(
      'div',
      { class: 'cardhead' },
      h('h3', {}, path),
      copyButton(() => content, 'Copy', `Copy ${path}`),
    ),
    h(
      'pre',
      { class: 'code', tabindex: 0, role: 'group', 'aria-label': `Text of ${path}`, 'data-scroll': true },
      h('code', {}, ...lines.map((line) => h('span', { class: 'line' }, `${line}\n`))),
    ),
    left > 0 && h('p', { class: 'aside' }, `${fmt.plural(left, 'more line')}; Copy takes all of them.`),
  ];
}
