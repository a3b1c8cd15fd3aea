// The server's answers, and how to ask for them. Addresses are relative to this script, so they
// hold below any base path: <base>/analytics/assets/app-….js -> <base>/.

export const BASE = new URL('../../', import.meta.url);

export interface Figures {
  totalCalls: number;
  avgResponseTime: number | null;
  successRate: number | null;
  satisfactionRate: number | null;
  avgTokens: number | null;
  medianResponseTime: number | null;
  p95ResponseTime: number | null;
  p99ResponseTime: number | null;
  medianTtft: number | null;
  p95Ttft: number | null;
  tokensPerSecond: number | null;
  totalTokens: number | null;
  totalCost: number | null;
  ratings: { up: number; down: number };
  failures: number;
  timeouts: number;
  cancelled: number;
  failedAttempts: number;
}

export interface ModelFigures extends Figures {
  model: string;
  provider: string;
  qualityScore: number | null;
  confidence: number | null;
  lastUsed: string | null;
}

export interface TaskFigures extends Figures {
  taskType: string;
}

export interface TrendFigures extends Figures {
  date: string; // YYYY-MM-DD in the window's zone; of hours RFC 3339
}

export interface Recommendation {
  kind: string;
  severity: 'info' | 'warning';
  message: string;
  taskType: string | null;
  model: string | null;
  evidence?: Record<string, unknown>;
}

export interface Best {
  taskType: string;
  model: string | null; // null: no server has a model
  provider: string | null;
  basis: 'data' | 'rules';
  verdict: 'recommend' | 'equivalent' | 'insufficient';
  qualityScore: number | null;
  confidence: number | null;
  sampleSize: number;
  callsNeeded: number | null;
  alternatives: { model: string; provider: string | null }[];
}

export interface Analytics {
  window: { from: string; to: string; tz: string; bucket: string };
  summary: Figures;
  byModel: ModelFigures[];
  byTaskType: TaskFigures[];
  byProvider: (Figures & { provider: string })[];
  trends: TrendFigures[];
  recommendations: Recommendation[];
  bestByTask: Best[];
  demo: boolean; // all figures are simulated
}

export interface Provider {
  name: string;
  state?: string;
  kind?: string;
  models?: unknown[];
}

/** What went wrong, and what the reader can do about it. */
export class ApiError extends Error {
  constructor(
    readonly status: number, // 0: no answer at all
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}

const SILENCE = 'Is touchstone still running? The page asks again by itself.';
const NOT_OURS =
  'Does this address lead to a touchstone server? A proxy may forward /analytics but not /api.';
const REMEDY: Record<number, string> = {
  400: 'Reset the filters and the time range.',
  401: 'This server asks for a key. Enter one that may read.',
  403: 'The key is not allowed to read analytics. Enter another one.',
  404: NOT_OURS,
  429: 'The key has used up its limit; the page asks again by itself.',
  503: 'Calls go on being served and kept; the figures come back with the database. See /readyz.',
};

const KEY = 'ts-api-key';
export const storedKey = (): string | null => sessionStorage.getItem(KEY);
export const storeKey = (key: string): void => sessionStorage.setItem(KEY, key);

async function failure(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  const error = (body as { error?: { message?: unknown } | string } | null)?.error;
  const told = typeof error === 'string' ? error : error?.message;
  const message = typeof told === 'string' && told !== '' ? told : `The server answered ${response.status}.`;
  return new ApiError(
    response.status,
    message,
    REMEDY[response.status] ?? 'The page asks again by itself; the server’s log says more.',
  );
}

/** Asks for JSON below the base path. Throws ApiError, or the AbortError of the signal. */
async function ask<T>(method: string, path: string, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  const key = storedKey();
  if (key) headers.Authorization = `Bearer ${key}`;
  let response: Response;
  try {
    response = await fetch(new URL(path, BASE), { method, headers, ...(signal ? { signal } : {}) });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, 'The server does not answer.', SILENCE);
  }
  if (!response.ok) throw await failure(response);
  try {
    return (await response.json()) as T;
  } catch {
    throw new ApiError(response.status, 'The answer is not JSON.', NOT_OURS);
  }
}

export const get = <T>(path: string, signal?: AbortSignal): Promise<T> => ask<T>('GET', path, signal);
export const remove = <T>(path: string): Promise<T> => ask<T>('DELETE', path);

/** Whatever went wrong, in the form in which it is shown. */
export const asApiError = (e: unknown): ApiError =>
  e instanceof ApiError
    ? e
    : new ApiError(0, e instanceof Error ? e.message : String(e), 'Reload the page.');

export const analyticsPath = (query: string): string => `api/analytics/models?${query}`;
