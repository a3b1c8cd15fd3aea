// The page: state from the address, data from the API, and which of its faces to show.

import { type Analytics, analyticsPath, ApiError, asApiError, BASE, get, storedKey } from './api';
import { swap } from './dom';
import { listenKeys } from './keys';
import { createOverview } from './pages/overview';
import { createSetup } from './pages/setup';
import type { Known } from './parts/filters';
import type { Status } from './parts/footer';
import { createFrame } from './parts/frame';
import { loading, nothing, stale, trouble } from './parts/notice';
import { pageKeys } from './parts/shell';
import { loadColours, loadPrefs, type Prefs, remember, savePrefs, zoneName } from './prefs';
import { assignSlots, identity } from './prepare/colours';
import { DEFAULT_STATE, FILTER_KEYS, formatState, parseState, type State, toQuery } from './url-state';

const LIVE_MS = 10_000;
const WAITING_MS = 2_000; // while the set-up guide is shown

type Face = 'loading' | 'setup' | 'overview' | 'nothing' | 'trouble';

let state = parseState(location.search);
let prefs = loadPrefs();
let slots = loadColours();
let data: Analytics | null = null;
let dataFor: State = state; // what data answers; the state may be ahead of it
let error: ApiError | null = null;
let face: Face = 'loading';
let demo = false;
let running: AbortController | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
const known: Known = { model: [], task: [], provider: [] };
const status: Status = { calls: null, tookMs: null, dataTo: null, jsonUrl: '' };

const frame = createFrame({ navigate, setPrefs, refresh: () => void load() });
const overview = createOverview(navigate);
const setup = createSetup(BASE.href.replace(/\/$/, ''));

// What of the state the server is asked about; order and view are the page's own matter.
const question = (s: State): string =>
  formatState({ ...s, sort: DEFAULT_STATE.sort, view: DEFAULT_STATE.view });

function navigate(patch: Partial<State>): void {
  const before = question(state);
  state = { ...state, ...patch };
  history.pushState(null, '', location.pathname + formatState(state));
  if (question(state) !== before) void load();
  else draw();
}

function setPrefs(patch: Partial<Prefs>): void {
  const zoneChanged = patch.zone !== undefined && patch.zone !== prefs.zone;
  prefs = { ...prefs, ...patch };
  savePrefs(prefs);
  if (zoneChanged || patch.live) void load();
  else draw();
  overview.recolour();
  schedule();
}

function learn(a: Analytics): void {
  const merge = (list: string[], more: string[]) => [...new Set([...list, ...more])];
  known.model = merge(
    known.model,
    a.byModel.map((m) => m.model),
  );
  known.task = merge(
    known.task,
    a.byTaskType.map((t) => t.taskType),
  );
  known.provider = merge(
    known.provider,
    a.byProvider.map((p) => p.provider),
  );
  const busiest = [...a.byModel].sort((x, y) => y.totalCalls - x.totalCalls).map(identity);
  const next = assignSlots(slots, busiest);
  if (next !== slots) {
    slots = next;
    remember('colours', JSON.stringify(slots));
  }
  demo = a.demo;
}

// A window without calls: is the server new, or does the choice leave nothing?
async function faceOf(a: Analytics, signal: AbortSignal): Promise<Face> {
  if (a.summary.totalCalls > 0) return 'overview';
  if (face === 'setup') return face;
  if (FILTER_KEYS.some((key) => state[key] !== null)) return 'nothing';
  const all = await get<Analytics>(analyticsPath('from=1970-01-01T00:00:00Z&bucket=month'), signal);
  return all.summary.totalCalls > 0 ? 'nothing' : 'setup';
}

/** Asks for the figures of the present state; an older question still under way is dropped. */
async function load(): Promise<void> {
  running?.abort();
  clearTimeout(timer);
  const mine = new AbortController();
  running = mine;
  const asked = state;
  const query = toQuery(state, Date.now(), zoneName(prefs));
  status.jsonUrl = new URL(analyticsPath(query), BASE).href;
  draw();
  const started = performance.now();
  try {
    const answer = await get<Analytics>(analyticsPath(query), mine.signal);
    const tookMs = performance.now() - started;
    const next = await faceOf(answer, mine.signal);
    learn(answer);
    data = answer;
    dataFor = asked;
    error = null;
    face = next;
    Object.assign(status, {
      calls: answer.summary.totalCalls,
      tookMs,
      dataTo: Math.min(Date.now(), Date.parse(answer.window.to)),
    });
  } catch (e) {
    if (mine.signal.aborted) return;
    error = asApiError(e);
    // Figures of the same question stay in view, marked as old; those of another would mislead.
    if (face !== 'overview' || question(dataFor) !== question(asked)) face = 'trouble';
  }
  running = null;
  if (face === 'setup') setup.refresh();
  draw();
  schedule();
}

// A hidden page asks nothing; it does so at once when it is seen again.
function schedule(): void {
  clearTimeout(timer);
  if (document.hidden || running) return;
  if (face === 'setup') timer = setTimeout(() => void load(), WAITING_MS);
  else if (prefs.live || face === 'trouble') timer = setTimeout(() => void load(), LIVE_MS);
}

let shown: Element | null = null;
let shownFor: unknown = null;

// Puts an element into the page; made anew only when its reason has changed.
function show(reason: unknown, make: () => HTMLElement): void {
  if (shownFor !== reason) {
    shown = make();
    shownFor = reason;
    swap(frame.main, shown);
  }
}

function draw(): void {
  const zone = zoneName(prefs);
  const figures = face !== 'setup' && face !== 'trouble';
  frame.update({ state, prefs, zone, demo, figures, known, status, busy: running !== null });
  switch (face) {
    case 'loading':
      return show('loading', loading);
    case 'setup':
      return show('setup', () => setup.root);
    case 'nothing':
      return show(`nothing ${formatState(state)}`, () => nothing(state, navigate));
    case 'trouble':
      return show(`trouble ${error?.status} ${error?.message} ${storedKey()}`, () =>
        trouble(error ?? new ApiError(0, '', ''), {
          retry: () => void load(),
          reset: () => navigate(DEFAULT_STATE),
        }),
      );
    case 'overview':
      show('overview', () => overview.root);
      frame.main.querySelector('.stale')?.remove();
      if (error) frame.main.prepend(stale(error));
      if (data) overview.update({ data, range: dataFor.range, state, slots, zone, now: Date.now() });
  }
}

listenKeys(() => prefs.keys, {
  ...pageKeys,
  '/': frame.focusFilter,
  r: frame.focusRange,
  t: () => navigate({ view: state.view === 'table' ? 'chart' : 'table' }),
  l: () => setPrefs({ live: !prefs.live }),
  d: () => setPrefs({ theme: prefs.theme === 'dark' ? 'light' : 'dark' }),
  '.': () => void navigator.clipboard.writeText(location.href).catch(() => undefined),
  '?': frame.help,
});
document.documentElement.dataset.theme = prefs.theme;
document.getElementById('app')?.replaceWith(frame.root);
document.addEventListener('visibilitychange', () => {
  if (document.hidden) clearTimeout(timer);
  else if (prefs.live || face === 'setup' || face === 'trouble') void load();
});
window.addEventListener('popstate', () => {
  state = parseState(location.search);
  void load();
});
void load();
