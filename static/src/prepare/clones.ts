// What the list of clone attempts shows, from the server's answers.

import type { Attempt, CloneFigures, Sums } from '../clones-api';
import type { CloneState } from '../clones-state';
import * as fmt from '../fmt';
import { colourClass, identity } from './colours';
import type { Card } from './summary';

interface Plain {
  head: string[];
  rows: string[][];
}

export type Tone = 'ok' | 'warn' | 'bad';

/** Bands of a score: for its colour and its word, which stands beside it. */
export function scoreTone(score: number): Tone {
  return score >= 85 ? 'ok' : score >= 60 ? 'warn' : 'bad';
}

export interface AttemptCard {
  id: number;
  title: string;
  site: string; // host and path
  model: string;
  provider: string;
  colour: string;
  failed: boolean;
  sample: boolean;
  error: string | null;
  when: string;
  facts: { label: string; value: string }[];
  score: { text: string; tone: Tone; percent: number } | null;
}

/** "example.com/shop" of an address; the address itself where it is none. */
export function siteName(url: string): string {
  try {
    const u = new URL(url);
    return u.host + (u.pathname === '/' ? '' : u.pathname);
  } catch {
    return url;
  }
}

/** Only what leads to a website may become a link. */
export const webLink = (url: string | null): string | null =>
  url !== null && /^https?:\/\//i.test(url) ? url : null;

const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most)}…` : text);

export function attemptCard(a: Attempt, slots: string[], at: { now: number; zone: string }): AttemptCard {
  return {
    id: a.id,
    title: a.title ?? siteName(a.url),
    site: siteName(a.url),
    model: a.model,
    provider: a.provider,
    colour: colourClass(slots, identity(a)),
    failed: a.status === 'error',
    sample: a.sample,
    error: a.errorMessage === null ? null : cut(a.errorMessage, 160),
    when: fmt.ago(Date.parse(a.createdAt), at.now, at.zone),
    facts: [
      { label: 'Time', value: fmt.duration(a.generationTimeMs) },
      { label: 'Size', value: fmt.bytes(a.codeSizeBytes) },
      { label: 'Files', value: fmt.exact(a.fileCount) },
    ],
    score:
      a.qualityScore === null
        ? null
        : { text: fmt.score(a.qualityScore), tone: scoreTone(a.qualityScore), percent: a.qualityScore },
  };
}

const success = (s: Sums): string => fmt.share(s.successfulAttempts, s.totalAttempts);

function card(id: string, label: string, value: string, title: string, note: string): Card {
  return { id, label, value, title, note, tone: null, spark: [] };
}

export function cloneCards({ summary: { summary: s, counts }, sites }: CloneFigures): Card[] {
  const failed = s.totalAttempts - s.successfulAttempts;
  return [
    card(
      'attempts',
      'Attempts',
      fmt.count(s.totalAttempts),
      `${fmt.exact(s.totalAttempts)} attempts`,
      s.samples > 0 ? `${fmt.exact(s.samples)} of them sample data` : 'no sample data',
    ),
    card(
      'websites',
      'Websites',
      fmt.count(counts.websites),
      `${fmt.exact(counts.websites)} websites are known`,
      sites[0] ? `newest: ${siteName(sites[0].url)}` : 'none yet',
    ),
    card(
      'success',
      'Success',
      success(s),
      `${fmt.exact(s.successfulAttempts)} of ${fmt.exact(s.totalAttempts)} attempts gave code`,
      failed === 0 ? 'none failed' : `${fmt.count(failed)} failed`,
    ),
    card(
      'time',
      'Average time',
      fmt.duration(s.avgGenerationTimeMs),
      'From asking to the last byte, of attempts whose time is known',
      'to make a site',
    ),
    card('size', 'Average size', fmt.bytes(s.avgCodeSizeBytes), 'All files of an attempt together', 'of the code'),
    card(
      'quality',
      'Average quality',
      fmt.score(s.avgQualityScore),
      'From the syntax trees of the files; 0 to 100',
      s.avgQualityScore === null ? 'nothing judged' : 'of 100, where judged',
    ),
  ];
}

/** One sentence above the figures. */
export function cloneHeadline({ summary: { summary: s, models, counts } }: CloneFigures): string {
  const [attempts, sites] = [fmt.plural(s.totalAttempts, 'attempt'), fmt.plural(counts.websites, 'website')];
  return `${attempts} at ${sites} by ${fmt.plural(models.length, 'model')}; ${fmt.exact(s.successfulAttempts)} gave code.`;
}

const FIGURES = ['Attempts', 'Success', 'Average time', 'Average size', 'Quality'];
const figures = (s: Sums): string[] => [
  fmt.exact(s.totalAttempts),
  success(s),
  fmt.duration(s.avgGenerationTimeMs),
  fmt.bytes(s.avgCodeSizeBytes),
  fmt.score(s.avgQualityScore),
];

export interface ModelTable {
  head: string[];
  rows: { id: string; model: string; provider: string; colour: string; cells: string[] }[];
}

export function modelTable(f: CloneFigures, slots: string[], at: { now: number; zone: string }): ModelTable {
  return {
    head: ['Model', ...FIGURES, 'Last used'],
    rows: f.summary.models.map((m) => ({
      id: identity(m),
      model: m.model,
      provider: m.provider,
      colour: colourClass(slots, identity(m)),
      cells: [
        ...figures(m),
        m.lastUsed === null ? fmt.NONE : fmt.ago(Date.parse(m.lastUsed), at.now, at.zone),
      ],
    })),
  };
}

export const providerTable = (f: CloneFigures): Plain => ({
  head: ['Provider', 'Models', ...FIGURES],
  rows: f.providers.map((p) => [p.provider, fmt.exact(p.models), ...figures(p)]),
});

/** Classes with their limits in words; the unknown last, and only where there are some. */
export function complexityTable({ complexity: c }: CloneFigures): Plain {
  const { mediumFromWords: medium, complexFromWords: complex } = c.limits;
  const words: Record<string, string> = {
    simple: `below ${fmt.exact(medium)}`,
    medium: `${fmt.exact(medium)} to ${fmt.exact(complex - 1)}`,
    complex: `from ${fmt.exact(complex)}`,
  };
  return {
    head: ['Website', 'Words', 'Websites', ...FIGURES],
    rows: c.complexity.map((k) => [
      k.complexity ?? 'unknown',
      words[k.complexity ?? ''] ?? fmt.NONE,
      fmt.exact(k.websites),
      ...figures(k),
    ]),
  };
}

export interface MonthChart {
  bars: { month: string; label: string; attempts: number; ok: number; title: string }[]; // shares of 100
  most: string;
  summary: string;
  table: Plain;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const monthName = (month: string): string =>
  `${MONTHS[Number(month.slice(5)) - 1] ?? month} ${month.slice(0, 4)}`;

function monthAfter(month: string): string {
  const n = Number(month.slice(0, 4)) * 12 + Number(month.slice(5));
  return `${Math.floor(n / 12)}-${String((n % 12) + 1).padStart(2, '0')}`;
}

/** Attempts by month, all providers together; months without any are there, empty. */
export function monthChart(f: CloneFigures): MonthChart {
  const sums = new Map<string, { attempts: number; ok: number }>();
  for (const m of f.months) {
    const sum = sums.get(m.month) ?? { attempts: 0, ok: 0 };
    sums.set(m.month, {
      attempts: sum.attempts + m.totalAttempts,
      ok: sum.ok + m.successfulAttempts,
    });
  }
  const known = [...sums.keys()].sort();
  const months: string[] = [];
  const last = known.at(-1) ?? '';
  for (let m = known[0] ?? ''; m !== '' && m <= last && months.length < 24; m = monthAfter(m)) months.push(m);
  const most = Math.max(1, ...[...sums.values()].map((s) => s.attempts));
  const of = (m: string) => sums.get(m) ?? { attempts: 0, ok: 0 };
  const busiest = months.reduce<string | null>(
    (best, m) => (best === null || of(m).attempts > of(best).attempts ? m : best),
    null,
  );
  return {
    bars: months.map((m) => ({
      month: m,
      label: MONTHS[Number(m.slice(5)) - 1] ?? m,
      attempts: (100 * of(m).attempts) / most,
      ok: (100 * of(m).ok) / most,
      title: `${monthName(m)}: ${fmt.plural(of(m).attempts, 'attempt')}, ${fmt.exact(of(m).ok)} gave code`,
    })),
    most: fmt.exact(most),
    summary:
      busiest === null
        ? 'No attempt in the last 12 months.'
        : `Most attempts were made in ${monthName(busiest)}: ${fmt.exact(of(busiest).attempts)}.`,
    table: {
      head: ['Month', 'Provider', ...FIGURES],
      rows: f.months.map((m) => [monthName(m.month), m.provider, ...figures(m)]),
    },
  };
}

export interface BenchmarkTable {
  head: string[];
  rows: { model: string; sub: string; cells: string[]; notes: string }[];
}

export function benchmarkTable(f: CloneFigures, zone: string): BenchmarkTable {
  return {
    head: ['Model', 'Websites', 'Success', 'Average time', 'Average size', 'Quality', 'Satisfaction', 'Date', 'Notes'],
    rows: f.benchmarks.map((b) => ({
      model: b.model,
      sub: [b.provider, b.modelSize, b.sample ? 'sample' : null].filter((t) => t !== null).join(' · '),
      cells: [
        b.websiteComplexity ?? 'all',
        fmt.percent(b.successRate),
        fmt.duration(b.avgGenerationTimeMs),
        fmt.bytes(b.avgCodeSizeBytes),
        fmt.score(b.avgCodeQualityScore),
        fmt.percent(b.avgUserSatisfaction),
        fmt.day(Date.parse(b.benchmarkDate), zone),
      ],
      notes: b.notes ?? '',
    })),
  };
}

/** What can be chosen in the filters: value and text. */
export function filterChoices(f: CloneFigures | null, state: CloneState) {
  const sites = (f?.sites ?? []).map((s) => ({ value: s.url, text: siteName(s.url) }));
  const models = (f?.summary.models ?? []).map((m) => ({ value: identity(m), text: m.model }));
  const kept = (list: { value: string; text: string }[], chosen: string | null, text: string) =>
    chosen === null || list.some((o) => o.value === chosen) ? list : [...list, { value: chosen, text }];
  const byText = (a: { text: string }, b: { text: string }) => a.text.localeCompare(b.text);
  return {
    site: kept(sites, state.site, siteName(state.site ?? '')).sort(byText),
    model: kept(models, state.model, state.model ?? '').sort(byText),
    status: [
      { value: 'success', text: 'gave code' },
      { value: 'error', text: 'failed' },
    ],
  };
}
