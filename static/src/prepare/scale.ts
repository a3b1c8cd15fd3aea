// Where a value stands on an axis, as a percentage of its length, and where the ticks are.

export interface Tick {
  at: number; // percent of the axis
  value: number;
}

export interface Scale {
  log: boolean;
  min: number;
  max: number;
  ticks: Tick[];
}

/** Percent of the axis; values outside are held at its ends. */
export function position(scale: Scale, value: number): number {
  const t = scale.log ? Math.log : (v: number) => v;
  const at = (100 * (t(value) - t(scale.min))) / (t(scale.max) - t(scale.min));
  return Math.round(Math.min(100, Math.max(0, at)) * 100) / 100;
}

function withTicks(scale: Omit<Scale, 'ticks'>, values: number[]): Scale {
  const whole: Scale = { ...scale, ticks: [] };
  whole.ticks = values.map((value) => ({ value, at: position(whole, value) }));
  return whole;
}

/** A round step of 1, 2 or 5 times a power of ten that divides span into at most `most` parts. */
export function niceStep(span: number, most: number): number {
  const power = 10 ** Math.floor(Math.log10(span / most));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => span / step <= most + 1e-9) ?? 10 * power;
}

/** From zero to a round end beyond max. */
export function linear(max: number, most = 5): Scale {
  const top = max > 0 ? max : 1;
  const step = niceStep(top, most);
  const steps = Math.ceil(top / step - 1e-9);
  return withTicks(
    { log: false, min: 0, max: steps * step },
    Array.from({ length: steps + 1 }, (_, i) => i * step),
  );
}

/** Between the powers of ten, or their 2nd and 5th parts, around min and max (both above 0). */
export function logarithmic(min: number, max: number): Scale {
  const marks: number[] = [];
  for (let p = Math.floor(Math.log10(min)); p <= Math.ceil(Math.log10(max)); p++) {
    for (const m of [1, 2, 5]) marks.push(m * 10 ** p);
  }
  const low = marks.filter((v) => v <= min).at(-1) ?? min;
  const high = marks.find((v) => v >= max && v > low) ?? max;
  const inside = marks.filter((v) => v >= low && v <= high);
  const decades = inside.filter((v) => Number.isInteger(Math.round(1e6 * Math.log10(v)) / 1e6));
  return withTicks(
    { log: true, min: low, max: high },
    inside.length > 6 && decades.length > 1 ? decades : inside,
  );
}

/** Zero-based unless the values lie so far apart that the small ones would be one dot. */
export function durationScale(values: number[]): Scale {
  const positive = values.filter((v) => v > 0);
  const [min, max] = [Math.min(...positive), Math.max(...positive)];
  return positive.length > 0 && max / min > 40
    ? logarithmic(min, max)
    : linear(positive.length > 0 ? max : 1);
}

/** Percentages from a floor: 0, or the ten below the lowest value, when that is 50 or more. */
export function percentScale(lowest: number): Scale {
  const ten = Math.floor(Math.max(0, lowest) / 10) * 10;
  const min = ten < 50 ? 0 : Math.min(ten, 90);
  const step = min === 0 ? 25 : min < 80 ? 10 : 5;
  const ticks: number[] = [];
  for (let v = min; v <= 100; v += step) ticks.push(v);
  return withTicks({ log: false, min, max: 100 }, ticks);
}
