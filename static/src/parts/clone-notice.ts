// Panels of the clones' pages in the place of figures, and their footer.

import { asApiError } from '../api';
import { type Child, h } from '../dom';
import { copyButton } from './figure';
import { pageUrl } from './shell';

/** No attempt at all: how to make the first one. */
export function noClones(address: string, loadSamples: () => Promise<void>): HTMLElement {
  const command = `curl -X POST ${address}/api/clones \\
  -H 'Content-Type: application/json' \\
  -d '{"url": "https://example.com", "model": "llama3.2:7b", "status": "success", "generationTimeMs": 3500,
       "files": [{"path": "index.html", "content": "<!doctype html><title>Example</title><h1>Hello</h1>"}]}'`;
  const wrong = h('p', { class: 'wrong', role: 'alert' });
  const samples = h('button', { type: 'button', click: () => void load() }, 'Load the sample data');
  async function load(): Promise<void> {
    samples.disabled = true;
    try {
      await loadSamples();
    } catch (e) {
      wrong.textContent = asApiError(e).message;
    }
    samples.disabled = false;
  }
  return h(
    'section',
    { class: 'notice wide' },
    h('h1', {}, 'No clones yet'),
    h(
      'p',
      { class: 'lead' },
      'When models make websites anew, their attempts are compared here: time, size, success, the quality of the code, and a preview.',
    ),
    h('p', {}, 'Tell of an attempt, or put "website" into the touchstone member of a generation:'),
    h(
      'div',
      { class: 'command' },
      h('code', { tabindex: 0 }, command),
      copyButton(() => command, 'Copy', 'Copy the command'),
    ),
    h('div', { class: 'row' }, samples, h('span', { class: 'aside' }, 'Marked, and removed by one press.')),
    wrong,
  );
}

export const noSuchClone = (id: number): HTMLElement =>
  h(
    'section',
    { class: 'notice' },
    h('h1', {}, 'No such attempt'),
    h('p', { class: 'lead' }, `There is no clone attempt ${id}; it may have been deleted.`),
    h('p', {}, h('a', { href: pageUrl('clones') }, 'All attempts')),
  );

export const drawClonesFooter = ({ jsonUrl }: { jsonUrl: string }): Child[] => [
  h('p', {}, 'Quality is computed from the syntax tree; it says how code is written, not how the page looks.'),
  h('div', { class: 'row' }, copyButton(() => location.href, 'Copy link'), h('a', { href: jsonUrl }, 'JSON')),
];
