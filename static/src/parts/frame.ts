// The shell of the overview: time range, filters, what the figures rest on.

import { place } from '../dom';
import { SPANS, type State } from '../url-state';
import { rangeDialog } from './dialogs';
import { segmented } from './figure';
import { drawFilters, type Known } from './filters';
import { drawFooter, type Status } from './footer';
import { createShell, type ShellActions, type ShellView } from './shell';

export interface FrameView extends ShellView {
  state: State;
  known: Known;
  status: Status;
}

export interface Actions extends ShellActions {
  navigate(patch: Partial<State>): void;
}

export interface Frame {
  root: HTMLElement;
  main: HTMLElement;
  update(view: FrameView): void;
  focusFilter(): void;
  focusRange(): void;
  help(): void;
}

const HELP = {
  keys: [
    ['/', 'go to the filters'],
    ['r', 'go to the time range'],
    ['t', 'switch all charts to tables and back'],
  ],
  terms: [
    [
      'Response time',
      'from the request to the last byte of the answer; failed calls count, cancelled ones do not.',
    ],
    ['First token', 'from the request to the first token of content, measured at touchstone.'],
    ['Tok/s', 'output tokens divided by the time between the first and the last one.'],
    ['p95', '95 of 100 calls were at least this fast.'],
    ['95 % interval', 'where the true rate lies in all likelihood (Wilson). The fewer calls, the wider.'],
    ['Provisional', 'fewer than 20 finished calls: drawn hollow, rates shown as counts.'],
  ],
} as const;

export function createFrame(actions: Actions): Frame {
  let view: FrameView | null = null;
  const range = rangeDialog(actions);
  const ranges = segmented(
    'Time range',
    [...SPANS.map((span) => ({ value: span, text: span })), { value: 'custom', text: 'Custom' }],
    (value) => {
      if (value !== 'custom') actions.navigate({ range: { kind: 'last', span: value } });
      else if (view) range.open(view);
    },
  );
  const shell = createShell(
    { page: 'models', tools: [ranges.root], dialogs: [range.root], help: HELP },
    actions,
  );
  const putFilters = place(shell.filters, (v: { state: State; known: Known }) =>
    drawFilters(v.state, v.known, actions.navigate),
  );
  const putFooter = place(shell.footer, (v: { status: Status; zone: string }) =>
    drawFooter(v.status, v.zone),
  );

  function update(next: FrameView): void {
    view = next;
    const { range: chosen } = next.state;
    ranges.root.hidden = !next.figures;
    ranges.set(chosen.kind === 'last' && SPANS.includes(chosen.span) ? chosen.span : 'custom');
    shell.update(next);
    putFilters({ state: next.state, known: next.known });
    putFooter({ status: next.status, zone: next.zone });
  }

  return {
    root: shell.root,
    main: shell.main,
    update,
    focusFilter: () => shell.filters.querySelector('select')?.focus(),
    focusRange: () => ranges.root.querySelector<HTMLElement>('[aria-pressed=true]')?.focus(),
    help: shell.help,
  };
}
