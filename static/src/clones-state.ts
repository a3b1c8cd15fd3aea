// What the clones' pages show, as their addresses say it. Pure: text in, state out, and back.

export interface CloneState {
  site: string | null; // address of a website
  model: string | null; // provider/model
  status: 'success' | 'error' | null;
  cursor: string | null; // of a page that is not the newest
}

export type CloneFilter = 'site' | 'model' | 'status';
export const CLONE_FILTERS: readonly CloneFilter[] = ['site', 'model', 'status'];

export const ALL_CLONES: CloneState = { site: null, model: null, status: null, cursor: null };

export function parseClones(search: string): CloneState {
  const p = new URLSearchParams(search);
  const status = p.get('status');
  return {
    site: p.get('site') || null,
    model: p.get('model') || null,
    status: status === 'success' || status === 'error' ? status : null,
    cursor: p.get('cursor') || null,
  };
}

/** "" or "?model=…" */
export function formatClones(state: CloneState): string {
  const p = new URLSearchParams();
  for (const key of ['site', 'model', 'status', 'cursor'] as const) {
    const value = state[key];
    if (value !== null) p.set(key, value);
  }
  const text = p.toString();
  return text === '' ? '' : `?${text}`;
}

/** The state after a choice; another filter begins at the newest page again. */
export function choose(state: CloneState, patch: Partial<CloneState>): CloneState {
  const next = { ...state, ...patch };
  const narrowed = CLONE_FILTERS.some((key) => next[key] !== state[key]);
  return narrowed ? { ...next, cursor: null } : next;
}

/** The query of GET api/clones for this state. */
export function toQuery(state: CloneState, limit: number): string {
  const p = new URLSearchParams();
  if (state.site !== null) p.set('url', state.site);
  if (state.model !== null) p.set('model', state.model);
  if (state.status !== null) p.set('status', state.status);
  if (state.cursor !== null) p.set('cursor', state.cursor);
  p.set('limit', String(limit));
  return p.toString();
}

/** The attempt that a page is about: 7 of /analytics/clones/7; null on the list. */
export function attemptOf(path: string): number | null {
  const match = /\/analytics\/clones\/([1-9]\d{0,15})$/.exec(path);
  return match ? Number(match[1]) : null;
}
