// Numbers as people read them. The unit is attached with a no-break space; what is unknown is a
// dash, never 0.

export const NONE = '—';
const NB = '\u00a0';
const THIN = '\u202f';

type Maybe = number | null | undefined;
const known = (v: Maybe): v is number => typeof v === 'number' && Number.isFinite(v);

/** 18 432 */
export function exact(v: Maybe): string {
  if (!known(v)) return NONE;
  return Math.round(v)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, THIN);
}

/** 9 876, 18.4K, 28.1M */
export function count(v: Maybe): string {
  if (!known(v)) return NONE;
  if (Math.abs(v) < 9999.5) return exact(v);
  for (const [limit, unit] of [
    [999_950, 'K'],
    [999_950_000, 'M'],
    [Infinity, 'G'],
  ] as const) {
    if (Math.abs(v) < limit) return `${(v / { K: 1e3, M: 1e6, G: 1e9 }[unit]).toFixed(1)}${unit}`;
  }
  return NONE;
}

/** <1 ms, 212 ms, 2.46 s, 14.2 s, 1 m 04 s; input in ms */
export function duration(ms: Maybe): string {
  if (!known(ms)) return NONE;
  if (ms > 0 && ms < 1) return `<1${NB}ms`;
  if (ms < 999.5) return `${Math.round(ms)}${NB}ms`;
  if (ms < 9995) return `${(ms / 1000).toFixed(2)}${NB}s`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)}${NB}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600)
    return `${Math.floor(seconds / 60)}${NB}m${NB}${String(seconds % 60).padStart(2, '0')}${NB}s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)}${NB}h${NB}${String(minutes % 60).padStart(2, '0')}${NB}m`;
}

/** A round duration on an axis: 0, 500 ms, 2.5 s, 2 m */
export function durationTick(ms: number): string {
  if (ms === 0) return '0';
  if (ms < 1000) return `${Number(ms.toPrecision(3))}${NB}ms`;
  return ms < 60_000
    ? `${Number((ms / 1000).toPrecision(3))}${NB}s`
    : `${Number((ms / 60_000).toPrecision(3))}${NB}m`;
}

/** 8.21, 41.3, 214 tok/s */
export function rate(v: Maybe, unit = 'tok/s'): string {
  if (!known(v)) return NONE;
  const digits = v < 9.995 ? 2 : v < 99.95 ? 1 : 0;
  return `${v.toFixed(digits)}${NB}${unit}`;
}

/** 87.0 %; with fine, 99.95 % above 99 %. Input 0 to 100. */
export function percent(v: Maybe, fine = false): string {
  if (!known(v)) return NONE;
  return `${v.toFixed(fine && v > 99 && v < 100 ? 2 : 1)}${NB}%`;
}

/** 92–98 %; with a decimal where the ends lie close together */
export function span(low: number, high: number): string {
  const digits = high - low < 5 ? 1 : 0;
  return `${low.toFixed(digits)}–${high.toFixed(digits)}${NB}%`;
}

/** A share of n as a percentage; of fewer than 20 as 17/18, which claims no more than it knows. */
export function share(k: Maybe, n: Maybe, fine = false): string {
  if (!known(k) || !known(n) || n <= 0) return NONE;
  return n < 20 ? `${k}/${n}` : percent((100 * k) / n, fine);
}

/** $0, <$0.0001, $0.0031, $38.21, $1 204 */
export function money(v: Maybe): string {
  if (!known(v)) return NONE;
  if (v === 0) return '$0';
  if (v < 0.0001) return '<$0.0001';
  if (v < 0.01) return `$${v.toFixed(4)}`;
  return v < 99.995 ? `$${v.toFixed(2)}` : `$${exact(v)}`;
}

/** 812 B, 24.0 KiB, 1.2 MiB */
export function bytes(v: Maybe): string {
  if (!known(v)) return NONE;
  if (v < 1023.5) return `${Math.round(v)}${NB}B`;
  return v < 1_048_064 ? `${(v / 1024).toFixed(1)}${NB}KiB` : `${(v / 1_048_576).toFixed(1)}${NB}MiB`;
}

/** 92 of a score from 0 to 100 */
export const score = (v: Maybe): string => (known(v) ? v.toFixed(0) : NONE);

const parts = (zone: string, options: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', ...options });

/** 20:25:03 */
export const clock = (ms: number, zone: string): string =>
  parts(zone, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(ms);

/** 20 Nov 2026, 20:25 */
export const dateTime = (ms: number, zone: string): string =>
  parts(zone, { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' }).format(
    ms,
  );

/** 13 Nov */
export const day = (ms: number, zone: string): string =>
  parts(zone, { day: 'numeric', month: 'short' }).format(ms);

/** 14:00 */
export const hour = (ms: number, zone: string): string =>
  parts(zone, { hour: '2-digit', minute: '2-digit' }).format(ms);

/** 4 min ago; beyond a day the date */
export function ago(ms: number, now: number, zone: string): string {
  const seconds = Math.max(0, Math.round((now - ms) / 1000));
  if (seconds < 60) return 'just now';
  if (seconds < 3600) return `${Math.floor(seconds / 60)}${NB}min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}${NB}h ago`;
  return day(ms, zone);
}

/** "1 call", "2 calls" */
export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${exact(n)}${NB}${n === 1 ? one : many}`;

/** A long model name without its publisher and, if need be, its middle: size and format stand last. */
export function short(name: string): string {
  if (name.length <= 36) return name;
  const own = name.slice(name.lastIndexOf('/') + 1);
  return own.length <= 36 ? own : `${own.slice(0, 20)}…${own.slice(-15)}`;
}

/** general_chat -> general chat */
export const task = (name: string): string => name.replace(/_/g, ' ');
