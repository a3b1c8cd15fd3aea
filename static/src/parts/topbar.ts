// Logo, time range, refresh, live, time zone, theme, help.

import { BASE } from '../api';
import { type Attrs, h } from '../dom';
import { SPANS } from '../url-state';
import { segmented } from './figure';
import type { Actions, FrameView } from './frame';

export interface TopBar {
  root: HTMLElement;
  update(view: FrameView): void;
  focusRange(): void;
}

function logo(): HTMLElement {
  const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]');
  const image = h('img', { src: icon?.href ?? '', alt: '', width: 26, height: 26 });
  return h(
    'a',
    { class: 'logo', href: new URL('analytics/models', BASE).href },
    image,
    h('span', {}, 'touchstone'),
  );
}

const button = (attrs: Attrs, ...content: (Node | string)[]): HTMLButtonElement =>
  h('button', { type: 'button', ...attrs }, ...content);

export function createTopBar(actions: Actions, open: { custom(): void; help(): void }): TopBar {
  let view: FrameView | null = null;
  // Every switch goes from what is shown to its other value.
  const toggle = (flip: (v: FrameView) => void) => () => view && flip(view);

  const ranges = segmented(
    'Time range',
    [...SPANS.map((span) => ({ value: span, text: span })), { value: 'custom', text: 'Custom' }],
    (value) =>
      value === 'custom' ? open.custom() : actions.navigate({ range: { kind: 'last', span: value } }),
  );
  const refresh = button(
    { class: 'icon', 'aria-label': 'Refresh', title: 'Refresh', click: actions.refresh },
    '⟳',
  );
  const live = button(
    {
      class: 'live',
      title: 'Ask again every 10 seconds while the page is visible (l)',
      click: toggle((v) => actions.setPrefs({ live: !v.prefs.live })),
    },
    h('span', { class: 'lamp', 'aria-hidden': 'true' }),
    'Live',
  );
  const zone = button({
    click: toggle((v) => actions.setPrefs({ zone: v.prefs.zone === 'utc' ? 'browser' : 'utc' })),
  });
  const theme = button({
    class: 'icon',
    click: toggle((v) => actions.setPrefs({ theme: v.prefs.theme === 'dark' ? 'light' : 'dark' })),
  });
  const help = button({ class: 'icon', 'aria-label': 'Help', title: 'Help (?)', click: open.help }, '?');

  function update(next: FrameView): void {
    view = next;
    const { state, prefs } = next;
    ranges.root.hidden = !next.figures;
    refresh.hidden = !next.figures;
    ranges.set(state.range.kind === 'last' && SPANS.includes(state.range.span) ? state.range.span : 'custom');
    live.setAttribute('aria-pressed', String(prefs.live));
    zone.textContent = prefs.zone === 'utc' ? 'UTC' : 'Local';
    zone.title = `Times are in ${next.zone}`;
    zone.setAttribute('aria-label', `${zone.textContent} time: times are in ${next.zone}`);
    const other = prefs.theme === 'dark' ? 'light' : 'dark';
    theme.textContent = other === 'light' ? '☀' : '☾';
    theme.title = `${other === 'light' ? 'Light' : 'Dark'} theme (d)`;
    theme.setAttribute('aria-label', `Switch to the ${other} theme`);
  }

  const controls = h('div', { class: 'controls' }, ranges.root, refresh, live, zone, theme, help);
  return {
    root: h('header', {}, logo(), controls),
    update,
    focusRange: () => ranges.root.querySelector<HTMLElement>('[aria-pressed=true]')?.focus(),
  };
}
