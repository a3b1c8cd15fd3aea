// What the server tells of websites that models were to make anew.

import { get } from './api';
import { type CloneState, toQuery } from './clones-state';

export interface Sums {
  totalAttempts: number;
  successfulAttempts: number;
  successRate: number | null;
  avgGenerationTimeMs: number | null;
  avgCodeSizeBytes: number | null;
  avgQualityScore: number | null;
  samples: number;
  lastUsed: string | null;
}

export interface Attempt {
  id: number;
  websiteId: number;
  url: string;
  title: string | null;
  provider: string;
  model: string;
  status: 'success' | 'error';
  generationTimeMs: number | null;
  codeSizeBytes: number | null;
  componentCount: number | null;
  createdAt: string;
  requestId: string | null;
  qualityScore: number | null;
  sample: boolean;
  sandboxUrl: string | null;
  styleSelected: string | null;
  additionalInstructions: string | null;
  errorMessage: string | null;
  fileCount: number;
}

export interface QualityPart {
  part: string;
  points: number; // taken
  most: number;
  finding: string;
}

/** A score with its parts, or why there is none. */
export type Quality = { score: number; parts: QualityPart[] } | { absent: string };

export interface CodeFile {
  path: string;
  type: string;
  linesOfCode: number;
  sizeBytes: number;
  qualityScore: number | null;
  quality: Quality | null;
}

export interface AttemptWhole extends Attempt {
  previewPath: string | null; // below the base path; it ends after some hours
  quality: Quality | null;
  files: CodeFile[];
}

export interface AttemptPage {
  clones: Attempt[];
  nextCursor: string | null;
}

export interface Summary {
  summary: Sums;
  models: (Sums & { provider: string; model: string })[];
  counts: { websites: number; attempts: number; benchmarks: number };
}

export interface ComplexityClass extends Sums {
  complexity: string | null; // null: nobody knows how many words there are
  websites: number;
}

export interface Complexity {
  limits: { mediumFromWords: number; complexFromWords: number };
  complexity: ComplexityClass[];
}

export interface MonthSums extends Sums {
  month: string; // 2026-11
  provider: string;
}

export interface Benchmark {
  id: number;
  provider: string;
  model: string;
  modelSize: string | null;
  websiteComplexity: string | null;
  avgGenerationTimeMs: number | null;
  avgCodeSizeBytes: number | null;
  successRate: number | null;
  avgCodeQualityScore: number | null;
  avgUserSatisfaction: number | null;
  benchmarkDate: string;
  notes: string | null;
  sample: boolean;
}

export interface Site {
  id: number;
  url: string;
}

export interface CloneFigures {
  summary: Summary;
  providers: (Sums & { provider: string; models: number })[];
  complexity: Complexity;
  months: MonthSums[];
  benchmarks: Benchmark[];
  sites: Site[];
}

/** The call that made an attempt, as far as it is shown. */
export interface Call {
  requestId?: string;
  model?: string | null;
  provider?: string | null;
  outcome?: string | null;
  inputTokens?: number | null;
  outputTokens?: number | null;
  costUsd?: number | null;
  phases?: { ttftMs?: number | null; totalMs?: number | null } | null;
}

export const PAGE_SIZE = 24;

export const getAttempts = (state: CloneState, signal: AbortSignal): Promise<AttemptPage> =>
  get<AttemptPage>(`api/clones?${toQuery(state, PAGE_SIZE)}`, signal);

export async function getFigures(signal: AbortSignal): Promise<CloneFigures> {
  const [summary, providers, complexity, monthly, benchmarks, websites] = await Promise.all([
    get<Summary>('api/clones/summary', signal),
    get<{ providers: CloneFigures['providers'] }>('api/clones/providers', signal),
    get<Complexity>('api/clones/complexity?limit=1', signal),
    get<{ months: MonthSums[] }>('api/clones/monthly?months=12', signal),
    get<{ benchmarks: Benchmark[] }>('api/benchmarks', signal),
    get<{ websites: Site[] }>('api/websites?limit=100', signal),
  ]);
  return {
    summary,
    complexity,
    providers: providers.providers,
    months: monthly.months,
    benchmarks: benchmarks.benchmarks,
    sites: websites.websites,
  };
}

const filePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

export const getAttempt = (id: number, signal: AbortSignal): Promise<AttemptWhole> =>
  get<AttemptWhole>(`api/clones/${id}`, signal);
export const getFile = (id: number, path: string, signal: AbortSignal): Promise<{ content: string }> =>
  get<{ content: string }>(`api/clones/${id}/files/${filePath(path)}`, signal);
export const getCall = (requestId: string, signal: AbortSignal): Promise<Call> =>
  get<Call>(`api/requests/${encodeURIComponent(requestId)}`, signal);
