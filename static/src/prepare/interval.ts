// Uncertainty of a rate.

export interface Interval {
  low: number;
  high: number;
}

/** Wilson 95 % interval of k successes in n, 0 to 100; everything for n = 0. */
export function wilson(k: number, n: number): Interval {
  if (n <= 0) return { low: 0, high: 100 };
  const z = 1.959964;
  const p = k / n;
  const centre = p + (z * z) / (2 * n);
  const spread = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  const scale = 100 / (1 + (z * z) / n);
  return { low: Math.max(0, (centre - spread) * scale), high: Math.min(100, (centre + spread) * scale) };
}

/** Below this many finished calls a figure is provisional. */
export const ENOUGH = 20;
