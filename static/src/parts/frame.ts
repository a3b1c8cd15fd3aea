// What surrounds every page: top bar, banner, filters, footer, dialogs.

import { h, place } from '../dom';
import type { Prefs } from '../prefs';
import type { State } from '../url-state';
import { helpDialog, rangeDialog } from './dialogs';
import { drawFilters, type Known } from './filters';
import { drawFooter, type Status } from './footer';
import { createTopBar } from './topbar';

export interface FrameView {
  state: State;
  prefs: Prefs;
  zone: string;
  demo: boolean;
  figures: boolean; // there are some: filters, range and footer make sense
  known: Known;
  status: Status;
  busy: boolean;
}

export interface Actions {
  navigate(patch: Partial<State>): void;
  setPrefs(patch: Partial<Prefs>): void;
  refresh(): void;
}

export interface Frame {
  root: HTMLElement;
  main: HTMLElement;
  update(view: FrameView): void;
  focusFilter(): void;
  focusRange(): void;
  help(): void;
}

export function createFrame(actions: Actions): Frame {
  let view: FrameView | null = null;
  const range = rangeDialog(actions);
  const help = helpDialog(actions);
  const openHelp = () => view && help.open(view);
  const bar = createTopBar(actions, { custom: () => view && range.open(view), help: openHelp });

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
    range.root,
    help.root,
  );

  const putFilters = place(filters, (v: { state: State; known: Known }) =>
    drawFilters(v.state, v.known, actions.navigate),
  );
  const putFooter = place(footer, (v: { status: Status; zone: string }) => drawFooter(v.status, v.zone));

  function update(next: FrameView): void {
    view = next;
    bar.update(next);
    banner.hidden = !next.demo;
    filters.hidden = !next.figures;
    footer.hidden = !next.figures;
    putFilters({ state: next.state, known: next.known });
    putFooter({ status: next.status, zone: next.zone });
    root.classList.toggle('busy', next.busy);
    main.setAttribute('aria-busy', String(next.busy));
  }

  return {
    root,
    main,
    update,
    focusFilter: () => filters.querySelector('select')?.focus(),
    focusRange: bar.focusRange,
    help: openHelp,
  };
}
