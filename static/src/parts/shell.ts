// What surrounds every page: top bar with the way to the others, banner, filters, footer, help.

import { BASE } from '../api';
import { type Child, h } from '../dom';
import type { Prefs } from '../prefs';
import { helpDialog, type HelpTexts } from './help';
import { createTopBar } from './topbar';

export type PageName = 'models' | 'clones';

export interface ShellView {
  prefs: Prefs;
  zone: string;
  demo: boolean;
  figures: boolean; // there are some: filters, range and footer make sense
  busy: boolean;
}

export interface ShellActions {
  setPrefs(patch: Partial<Prefs>): void;
  refresh(): void;
}

export interface ShellParts {
  page: PageName;
  tools: Child[]; // of the top bar, before those that all pages have
  dialogs: Child[];
  help: HelpTexts;
}

export interface Shell {
  root: HTMLElement;
  main: HTMLElement;
  filters: HTMLElement;
  footer: HTMLElement;
  update(view: ShellView): void;
  help(): void;
}

export const pageUrl = (page: PageName): string => new URL(`analytics/${page}`, BASE).href;

/** "g m" and the like: the same on every page. */
export const pageKeys: Record<string, () => void> = {
  'g m': () => location.assign(pageUrl('models')),
  'g w': () => location.assign(pageUrl('clones')),
};

export function createShell(parts: ShellParts, actions: ShellActions): Shell {
  let view: ShellView | null = null;
  const help = helpDialog(parts.help, actions);
  const openHelp = () => view && help.open(view.prefs);
  const bar = createTopBar(parts.page, parts.tools, { ...actions, help: openHelp });
  const banner = h(
    'section',
    { class: 'banner', 'aria-label': 'Demo', hidden: true },
    h('b', {}, 'Simulated figures.'),
    ' This is the demo: made-up models, sample data, nothing is kept.',
  );
  const filters = h('section', { class: 'filters', 'aria-label': 'Filters' });
  const main = h('main', { id: 'main', tabindex: -1 });
  const footer = h('footer', {});
  const skip = h('a', { class: 'skip', href: '#main' }, 'Skip to the figures');
  const root = h(
    'div',
    { class: 'frame' },
    skip,
    bar.root,
    banner,
    filters,
    main,
    footer,
    ...parts.dialogs,
    help.root,
  );

  function update(next: ShellView): void {
    view = next;
    bar.update(next);
    banner.hidden = !next.demo;
    filters.hidden = !next.figures;
    footer.hidden = !next.figures;
    root.classList.toggle('busy', next.busy);
    main.setAttribute('aria-busy', String(next.busy));
  }

  return { root, main, filters, footer, update, help: openHelp };
}
