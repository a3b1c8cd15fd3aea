// What the page of one clone attempt shows.

import type { AttemptWhole, Call, CodeFile, Quality } from '../clones-api';
import * as fmt from '../fmt';
import { scoreTone, siteName, type Tone, webLink } from './clones';

export interface Fact {
  label: string;
  value: string;
  href?: string;
}

const known = (facts: (Fact | null)[]): Fact[] => facts.filter((f) => f !== null);
const fact = (label: string, value: string | null): Fact | null => (value === null ? null : { label, value });

export function cloneTitle(a: AttemptWhole): string {
  return a.title ?? siteName(a.url);
}

export function cloneFacts(a: AttemptWhole, zone: string): Fact[] {
  const [site, sandbox] = [webLink(a.url), webLink(a.sandboxUrl)];
  return known([
    { label: 'Website', value: siteName(a.url), ...(site ? { href: site } : {}) },
    { label: 'Model', value: a.model },
    { label: 'Provider', value: a.provider },
    { label: 'Status', value: a.status === 'success' ? 'gave code' : 'failed' },
    { label: 'Time', value: fmt.duration(a.generationTimeMs) },
    { label: 'Code', value: `${fmt.bytes(a.codeSizeBytes)} in ${fmt.plural(a.files.length, 'file')}` },
    { label: 'Components', value: fmt.exact(a.componentCount) },
    { label: 'Made', value: fmt.dateTime(Date.parse(a.createdAt), zone) },
    fact('Style', a.styleSelected),
    fact('Instructions', a.additionalInstructions),
    sandbox ? { label: 'Sandbox', value: siteName(sandbox), href: sandbox } : null,
    a.sample ? { label: 'Sample', value: 'made up, removable on the list' } : null,
  ]);
}

/** null: there is one. */
export function whyNoPreview(a: AttemptWhole): string | null {
  if (a.previewPath !== null) return null;
  if (a.files.length > 0) return 'None of the files is an HTML page that could be shown as it is.';
  return a.errorMessage === null ? 'No code was made.' : `No code was made: ${a.errorMessage}`;
}

const PART: Record<string, string> = {
  parseErrors: 'Parse errors',
  nesting: 'Nesting',
  length: 'Length',
  duplication: 'Duplication',
  labels: 'Texts and labels',
};

export interface QualityView {
  score: { text: string; tone: Tone; percent: number; word: string } | null;
  absent: string | null;
  parts: { name: string; taken: string; most: string; percent: number; finding: string }[];
}

const WORD: Record<Tone, string> = { ok: 'good', warn: 'fair', bad: 'poor' };

/** Points as they are taken away: −0, −2.5, −10 */
const points = (v: number): string => (v < 0.05 ? '0' : `−${v.toFixed(1).replace(/\.0$/, '')}`);

export function qualityView(score: number | null, quality: Quality | null): QualityView {
  const parts = quality !== null && 'parts' in quality ? quality.parts : [];
  const absent = quality !== null && 'absent' in quality ? quality.absent : null;
  return {
    score:
      score === null
        ? null
        : {
            text: fmt.score(score),
            tone: scoreTone(score),
            percent: score,
            word: WORD[scoreTone(score)],
          },
    absent: score !== null ? null : `No score${absent === null ? '' : `: ${absent}`}.`,
    parts: parts.map((p) => ({
      name: PART[p.part] ?? p.part,
      taken: points(p.points),
      most: `of ${fmt.exact(p.most)}`,
      percent: p.most > 0 ? (100 * p.points) / p.most : 0,
      finding: p.finding,
    })),
  };
}

export interface FileRow {
  path: string;
  folder: string; // "src/", "" at the top
  name: string;
  facts: string;
  score: string | null;
}

/** Files by folder, those at the top first, as a reader would look for them. */
export function fileRows(files: CodeFile[]): FileRow[] {
  const rows = files.map((f) => {
    const at = f.path.lastIndexOf('/') + 1;
    return {
      path: f.path,
      folder: f.path.slice(0, at),
      name: f.path.slice(at),
      facts: `${f.type} · ${fmt.plural(f.linesOfCode, 'line')} · ${fmt.bytes(f.sizeBytes)}`,
      score: f.qualityScore === null ? null : fmt.score(f.qualityScore),
    };
  });
  return rows.sort((a, b) => a.folder.localeCompare(b.folder) || a.name.localeCompare(b.name));
}

/** The file that is shown when nobody has chosen one: the page, else the first. */
export function firstFile(files: CodeFile[]): string | null {
  const rows = fileRows(files);
  const page = rows.find((r) => r.name === 'index.html') ?? rows.find((r) => r.name.endsWith('.html'));
  return (page ?? rows[0])?.path ?? null;
}

export const MOST_LINES = 5000;

/** Lines of a file, and how many more there are than can be drawn. */
export function codeLines(content: string): { lines: string[]; left: number } {
  const all = content.replace(/\r\n?/g, '\n').replace(/\n$/, '').split('\n');
  return { lines: all.slice(0, MOST_LINES), left: Math.max(0, all.length - MOST_LINES) };
}

export function callFacts(c: Call): Fact[] {
  return [
    { label: 'Outcome', value: c.outcome ?? fmt.NONE },
    { label: 'First token', value: fmt.duration(c.phases?.ttftMs) },
    { label: 'Total', value: fmt.duration(c.phases?.totalMs) },
    { label: 'Tokens in', value: fmt.count(c.inputTokens) },
    { label: 'Tokens out', value: fmt.count(c.outputTokens) },
    { label: 'Cost', value: fmt.money(c.costUsd) },
  ];
}
