// The pages of clones: the address tells whether it is the list or one attempt. State from the
// address, data from the API, and which of its faces to show.

import { ApiError, asApiError, BASE, get, remove, storedKey } from './api';
import {
  type AttemptPage,
  type AttemptWhole,
  type Call,
  type CloneFigures,
  getAttempt,
  getAttempts,
  getCall,
  getFigures,
  getFile,
} from './clones-api';
import { ALL_CLONES, attemptOf, choose, formatClones, parseClones } from './clones-state';
import { place, swap } from './dom';
import { listenKeys } from './keys';
import { createClone } from './pages/clone';
import { createClones } from './pages/clones';
import { drawCloneFilters } from './parts/attempts';
import { drawClonesFooter, noClones, noSuchClone } from './parts/clone-notice';
import { loading, stale, trouble } from './parts/notice';
import { createShell, pageKeys } from './parts/shell';
import { loadColours, loadPrefs, type Prefs, remember, savePrefs, zoneName } from './prefs';
import { cloneTitle, firstFile } from './prepare/clone';
import { filterChoices } from './prepare/clones';
import { assignSlots, identity } from './prepare/colours';

const LIVE_MS = 10_000;

const HELP = {
  keys: [['/', 'go to the filters of the list']],
  terms: [
    ['Attempt', 'one model was to make one website anew.'],
    ['Success', 'attempts that gave code, of all attempts.'],
    ['Quality', 'from the syntax tree of the code: 100, less what five parts take. Unjudged code has none.'],
    ['Website size', 'by the words of its text: simple, medium, complex.'],
  ],
} as const;

/** What the two pages have in common with their controller. */
interface Page {
  root: HTMLElement;
  /** Asks for what the page shows. @all: also for what a choice does not change. */
  load(signal: AbortSignal, all: boolean): Promise<'shown' | 'empty'>;
  draw(zone: string): void;
  empty(): HTMLElement;
  jsonUrl(): string;
}

const id = attemptOf(location.pathname);
let prefs = loadPrefs();
let face: 'loading' | 'shown' | 'empty' | 'trouble' = 'loading';
let error: ApiError | null = null;
let running: AbortController | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

// -- the list -----------------------------------------------------------------------------------

function listPage(): Page {
  let state = parseClones(location.search);
  let slots = loadColours();
  let figures: CloneFigures | null = null;
  let list: AttemptPage | null = null;

  function pick(patch: Partial<typeof state>): void {
    state = choose(state, patch);
    history.pushState(null, '', location.pathname + formatClones(state));
    void load(false);
  }
  window.addEventListener('popstate', () => {
    state = parseClones(location.search);
    void load(false);
  });
  const view = createClones({
    choose: pick,
    removeSamples: () => void removeThenLoad('api/clones?samples=true'),
  });
  const putFilters = place(
    shell.filters,
    (v: { state: typeof state; choices: ReturnType<typeof filterChoices> }) =>
      drawCloneFilters(v.state, v.choices, pick),
  );

  return {
    root: view.root,
    async load(signal, all) {
      const [page, sums] = await Promise.all([
        getAttempts(state, signal),
        all || figures === null ? getFigures(signal) : figures,
      ]);
      [list, figures] = [page, sums];
      const next = assignSlots(slots, sums.summary.models.map(identity));
      if (next !== slots) remember('colours', JSON.stringify((slots = next)));
      return sums.summary.summary.totalAttempts > 0 || sums.summary.counts.benchmarks > 0 ? 'shown' : 'empty';
    },
    draw(zone) {
      putFilters({ state, choices: filterChoices(figures, state) });
      if (list && figures) view.update({ figures, page: list, state, slots, zone, now: Date.now() });
    },
    empty: () =>
      noClones(BASE.href.replace(/\/$/, ''), async () => {
        await get('api/local-models-analytics?action=init');
        void load(true);
      }),
    jsonUrl: () => new URL(`api/clones${formatClones(ALL_CLONES)}`, BASE).href,
  };
}

// -- one attempt --------------------------------------------------------------------------------

function attemptPage(number: number): Page {
  let attempt: AttemptWhole | null = null;
  let file: string | null = new URLSearchParams(location.search).get('file');
  let content: string | ApiError | null = null;
  let contentOf: string | null = null;
  let call: Call | ApiError | null = null;

  const view = createClone(number, (path) => {
    file = path;
    history.replaceState(null, '', `${location.pathname}?${new URLSearchParams({ file: path })}`);
    void load(false);
  });
  // What is missing beside the attempt is told in its place; the rest of the page stands.
  const orError = async <T>(asked: Promise<T>, signal: AbortSignal): Promise<T | ApiError> => {
    try {
      return await asked;
    } catch (e) {
      if (signal.aborted) throw e;
      return asApiError(e);
    }
  };

  return {
    root: view.root,
    async load(signal, all) {
      const known = all || attempt === null ? await getAttempt(number, signal) : attempt;
      attempt = known;
      document.title = `${cloneTitle(known)} · touchstone`;
      if (!known.files.some((f) => f.path === file)) file = firstFile(known.files);
      if (file !== contentOf || content instanceof Error) {
        content = null;
        draw();
        if (file !== null) {
          const got = await orError(getFile(number, file, signal), signal);
          content = got instanceof ApiError ? got : got.content;
        }
        contentOf = file;
      }
      if (call === null && known.requestId !== null)
        call = await orError(getCall(known.requestId, signal), signal);
      return 'shown';
    },
    draw(zone) {
      if (attempt) view.update({ attempt, file, content, call, zone });
    },
    empty: () => noSuchClone(number),
    jsonUrl: () => new URL(`api/clones/${number}`, BASE).href,
  };
}

// -- both ---------------------------------------------------------------------------------------

const shell = createShell(
  { page: 'clones', tools: [], dialogs: [], help: HELP },
  { setPrefs, refresh: () => void load(true) },
);
const putFooter = place(shell.footer, drawClonesFooter);
const page = id === null ? listPage() : attemptPage(id);

function setPrefs(patch: Partial<Prefs>): void {
  prefs = { ...prefs, ...patch };
  savePrefs(prefs);
  if (patch.live) void load(true);
  else draw();
  schedule();
}

async function removeThenLoad(path: string): Promise<void> {
  try {
    await remove(path);
  } catch (e) {
    error = asApiError(e);
    return draw();
  }
  void load(true);
}

/** Asks anew; an older question still under way is dropped. */
async function load(all: boolean): Promise<void> {
  const whole = all || running !== null; // what was dropped may have been more
  running?.abort();
  clearTimeout(timer);
  const mine = new AbortController();
  running = mine;
  draw();
  try {
    face = await page.load(mine.signal, whole);
    error = null;
  } catch (e) {
    if (mine.signal.aborted) return;
    error = asApiError(e);
    if (id !== null && error.status === 404) face = 'empty';
    else if (face !== 'shown') face = 'trouble';
  }
  running = null;
  draw();
  schedule();
}

// A hidden page asks nothing; it does so at once when it is seen again.
function schedule(): void {
  clearTimeout(timer);
  if (document.hidden || running) return;
  if (face === 'trouble' || face === 'empty' || (prefs.live && id === null))
    timer = setTimeout(() => void load(true), LIVE_MS);
}

let shownFor: string | null = null;

// Puts an element into the page; made anew only when its reason has changed.
function show(reason: string, make: () => HTMLElement): void {
  if (shownFor === reason) return;
  shownFor = reason;
  swap(shell.main, make());
}

function draw(): void {
  const zone = zoneName(prefs);
  shell.update({ prefs, zone, demo: false, figures: face === 'shown', busy: running !== null });
  shell.filters.hidden = face !== 'shown' || id !== null;
  putFooter({ jsonUrl: page.jsonUrl() });
  switch (face) {
    case 'loading':
      return show('loading', loading);
    case 'empty':
      return show('empty', page.empty);
    case 'trouble':
      return show(`trouble ${error?.status} ${error?.message} ${storedKey()}`, () =>
        trouble(error ?? new ApiError(0, '', ''), {
          retry: () => void load(true),
          reset: () => location.assign(location.pathname),
        }),
      );
    case 'shown':
      show('shown', () => page.root);
      shell.main.querySelector('.stale')?.remove();
      if (error) shell.main.prepend(stale(error));
      page.draw(zone);
  }
}

listenKeys(() => prefs.keys, {
  ...pageKeys,
  '/': () => shell.filters.querySelector('select')?.focus(),
  l: () => setPrefs({ live: !prefs.live }),
  d: () => setPrefs({ theme: prefs.theme === 'dark' ? 'light' : 'dark' }),
  '.': () => void navigator.clipboard.writeText(location.href).catch(() => undefined),
  '?': shell.help,
});
document.documentElement.dataset.theme = prefs.theme;
document.getElementById('app')?.replaceWith(shell.root);
document.addEventListener('visibilitychange', () => {
  if (document.hidden) clearTimeout(timer);
  else if (face !== 'shown' || (prefs.live && id === null)) void load(true);
});
void load(true);
