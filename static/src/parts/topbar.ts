// Logo, the pages, tools of the page, refresh, live, time zone, theme, help.

import { type Attrs, type Child, h } from '../dom';
import type { Prefs } from '../prefs';
import { type PageName, pageUrl, type ShellView } from './shell';

interface Actions {
  setPrefs(patch: Partial<Prefs>): void;
  refresh(): void;
  help(): void;
}

const PAGES: readonly [PageName, string][] = [
  ['models', 'Models'],
  ['clones', 'Clones'],
];

function logo(): HTMLElement {
  const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]');
  const image = h('img', { src: icon?.href ?? '', alt: '', width: 26, height: 26 });
  return h('a', { class: 'logo', href: pageUrl('models') }, image, h('span', {}, 'touchstone'));
}

const pages = (here: PageName): HTMLElement =>
  h(
    'nav',
    { 'aria-label': 'Pages' },
    ...PAGES.map(([name, text]) =>
      h('a', { href: pageUrl(name), 'aria-current': name === here ? 'page' : null }, text),
    ),
  );

const button = (attrs: Attrs, ...content: (Node | string)[]): HTMLButtonElement =>
  h('button', { type: 'button', ...attrs }, ...content);

export function createTopBar(
  page: PageName,
  tools: Child[],
  actions: Actions,
): { root: HTMLElement; update(view: ShellView): void } {
  let view: ShellView | null = null;
  // Every switch goes from what is shown to its other value.
  const toggle = (flip: (v: ShellView) => void) => () => view && flip(view);

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
  const help = button({ class: 'icon', 'aria-label': 'Help', title: 'Help (?)', click: actions.help }, '?');

  function update(next: ShellView): void {
    view = next;
    const { prefs } = next;
    refresh.hidden = !next.figures;
    live.setAttribute('aria-pressed', String(prefs.live));
    zone.textContent = prefs.zone === 'utc' ? 'UTC' : 'Local';
    zone.title = `Times are in ${next.zone}`;
    zone.setAttribute('aria-label', `${zone.textContent} time: times are in ${next.zone}`);
    const other = prefs.theme === 'dark' ? 'light' : 'dark';
    theme.textContent = other === 'light' ? '☀' : '☾';
    theme.title = `${other === 'light' ? 'Light' : 'Dark'} theme (d)`;
    theme.setAttribute('aria-label', `Switch to the ${other} theme`);
  }

  const controls = h('div', { class: 'controls' }, ...tools, refresh, live, zone, theme, help);
  return { root: h('header', {}, logo(), pages(page), controls), update };
}
