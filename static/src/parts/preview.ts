// A generated page in a frame of its own. The attribute and the header of the answer both shut it off:
// it has an origin of its own, reaches no network and opens nothing.

import { BASE } from '../api';
import { h } from '../dom';
import { segmented } from './figure';

const WIDTHS = [
  { value: 'full', text: 'Full' },
  { value: 'tablet', text: '768' },
  { value: 'phone', text: '390' },
];

/** @path: asked at each load, since an address of a preview ends some time. */
export function preview(path: () => string, title: string): HTMLElement {
  const src = () => new URL(`.${path()}`, BASE).href;
  const frame = h('iframe', {
    class: 'full',
    title: `Preview of ${title}`,
    sandbox: 'allow-scripts',
    referrerpolicy: 'no-referrer',
    src: src(),
  });
  const widths = segmented('Width of the preview', WIDTHS, pick);
  function pick(value: string): void {
    frame.className = value;
    widths.set(value);
  }
  pick('full');
  return h(
    'div',
    { class: 'preview' },
    h(
      'div',
      { class: 'tools' },
      widths.root,
      h('button', { type: 'button', click: () => (frame.src = src()) }, 'Reload'),
    ),
    h('div', { class: 'stage' }, frame),
    h(
      'p',
      { class: 'aside' },
      'Shut off: what the page asks of a network, of other windows or of storage fails here. Pictures from elsewhere stay empty.',
    ),
  );
}
