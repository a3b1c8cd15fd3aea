// Sample answers in the shape of the interface, for the fake server. Deterministic: the same
// window always has the same figures.

const DAY = 86_400_000;

// name, provider, calls, median ms, p95 ms, first token ms, tok/s, success, up, down, tokens, price
const MODELS = [
  ['llama3.2:latest', 'ollama', 8204, 1840, 5210, 212, 61.4, 0.991, 402, 61, 1180, 0],
  ['qwen2.5:14b', 'ollama', 4811, 3920, 11800, 540, 33.2, 0.987, 288, 44, 1420, 0],
  ['claude-sonnet-4-5', 'anthropic', 3961, 3580, 9120, 830, 78.9, 0.953, 511, 38, 2210, 0.011],
  ['gpt-4o', 'openai', 1290, 2910, 7400, 610, 84.1, 0.984, 160, 24, 1650, 0.0093],
  ['CodeLlama-7b', 'vllm', 301, 2610, 6020, 180, 92.7, 0.973, 21, 9, 980, 0],
  ['mistral-small', 'lmstudio', 143, 5210, 14900, 960, 24.6, 0.965, 6, 4, 1100, 0],
  ['phi-4', 'llamacpp', 12, 4100, 9900, 1210, 18.2, 0.917, 0, 0, 870, 0],
];
const TASKS = [
  ['coding', 0.31, 1.25],
  ['general_chat', 0.34, 0.7],
  ['analysis', 0.14, 1.4],
  ['creative', 0.1, 1.1],
  ['function_calling', 0.08, 0.4],
  ['reasoning', 0.03, 2.4],
];

const round = (v, digits = 0) => Math.round(v * 10 ** digits) / 10 ** digits;

function figures([, , calls, median, p95, ttft, speed, ok, up, down, tokens, price]) {
  const cancelled = Math.floor(calls * 0.011);
  const done = calls - cancelled;
  const failures = done - Math.round(done * ok);
  return {
    totalCalls: calls,
    avgResponseTime: round(median * 1.21, 2),
    successRate: done > 0 ? round((100 * (done - failures)) / done, 2) : null,
    satisfactionRate: up + down > 0 ? round((100 * up) / (up + down), 2) : null,
    avgTokens: tokens,
    medianResponseTime: median,
    p95ResponseTime: p95,
    p99ResponseTime: round(p95 * 1.6),
    medianTtft: ttft,
    p95Ttft: round(ttft * 3.1),
    tokensPerSecond: speed,
    totalTokens: calls * tokens,
    totalCost: price > 0 ? round(calls * price, 4) : null,
    ratings: { up, down },
    failures,
    timeouts: Math.floor(failures / 3),
    cancelled,
    failedAttempts: Math.floor(failures / 2),
  };
}

const NONE = {
  totalCalls: 0,
  avgResponseTime: null,
  successRate: null,
  satisfactionRate: null,
  avgTokens: null,
  medianResponseTime: null,
  p95ResponseTime: null,
  p99ResponseTime: null,
  medianTtft: null,
  p95Ttft: null,
  tokensPerSecond: null,
  totalTokens: 0,
  totalCost: null,
  ratings: { up: 0, down: 0 },
  failures: 0,
  timeouts: 0,
  cancelled: 0,
  failedAttempts: 0,
};

function sum(rows) {
  if (rows.length === 0) return NONE;
  const total = (pick) => rows.reduce((t, r) => t + pick(r), 0);
  const calls = total((r) => r.totalCalls);
  const weighted = (key) => round(total((r) => (r[key] ?? 0) * r.totalCalls) / Math.max(1, calls), 2);
  const [up, down] = [total((r) => r.ratings.up), total((r) => r.ratings.down)];
  const [failures, cancelled] = [total((r) => r.failures), total((r) => r.cancelled)];
  const done = calls - cancelled;
  const priced = rows.filter((r) => r.totalCost !== null);
  return {
    ...NONE,
    totalCalls: calls,
    avgResponseTime: weighted('avgResponseTime'),
    medianResponseTime: weighted('medianResponseTime'),
    p95ResponseTime: weighted('p95ResponseTime'),
    p99ResponseTime: weighted('p99ResponseTime'),
    medianTtft: weighted('medianTtft'),
    p95Ttft: weighted('p95Ttft'),
    tokensPerSecond: weighted('tokensPerSecond'),
    avgTokens: weighted('avgTokens'),
    successRate: done > 0 ? round((100 * (done - failures)) / done, 2) : null,
    satisfactionRate: up + down > 0 ? round((100 * up) / (up + down), 2) : null,
    totalTokens: total((r) => r.totalTokens),
    totalCost:
      priced.length > 0
        ? round(
            priced.reduce((t, r) => t + r.totalCost, 0),
            2,
          )
        : null,
    ratings: { up, down },
    failures,
    cancelled,
    timeouts: total((r) => r.timeouts),
    failedAttempts: total((r) => r.failedAttempts),
  };
}

// A slow wave with a quiet weekend and one gap.
function shape(i, n) {
  if (i === Math.floor(n * 0.4)) return 0;
  return 0.72 + 0.3 * Math.sin(i * 0.9) * Math.sin(i * 0.37) + (i % 7 > 4 ? -0.3 : 0.12);
}

function trends(from, to, bucket, summary) {
  const step = { hour: DAY / 24, day: DAY, week: 7 * DAY, month: 30 * DAY }[bucket];
  const first = Math.floor(from / step) * step;
  const n = Math.ceil((to - first) / step);
  return Array.from({ length: n }, (_, i) => {
    const share = i === n - 1 ? 0.35 * shape(i, n + 1) : shape(i, n);
    const date = new Date(first + i * step).toISOString();
    const part =
      share <= 0
        ? NONE
        : {
            ...summary,
            totalCalls: round((summary.totalCalls / n) * share * 1.2),
            medianResponseTime: round(
              (summary.medianResponseTime ?? 0) * (1.28 - 0.3 * share + 0.1 * Math.sin(i * 1.7)),
            ),
            p95ResponseTime: round(
              (summary.p95ResponseTime ?? 0) * (1.2 - 0.28 * share + 0.16 * Math.sin(i * 2.3)),
            ),
            successRate:
              summary.successRate === null
                ? null
                : Math.min(100, round(summary.successRate + 0.8 * Math.sin(i * 0.8), 2)),
            satisfactionRate:
              summary.satisfactionRate === null
                ? null
                : round(summary.satisfactionRate + 4 * Math.sin(i * 0.5), 2),
            totalTokens: round(((summary.totalTokens ?? 0) / n) * share),
            totalCost: summary.totalCost === null ? null : round((summary.totalCost / n) * share, 4),
          };
    return { date: bucket === 'hour' ? date : date.slice(0, 10), ...part };
  });
}

const BEST = [
  {
    taskType: 'coding',
    model: 'claude-sonnet-4-5',
    provider: 'anthropic',
    basis: 'data',
    verdict: 'recommend',
    qualityScore: 92.1,
    confidence: 91,
    sampleSize: 1470,
    pBest: 0.97,
    expectedLoss: 0.004,
    callsNeeded: null,
    alternatives: [{ model: 'qwen2.5:14b' }, { model: 'gpt-4o' }],
  },
  {
    taskType: 'general_chat',
    model: 'llama3.2:latest',
    provider: 'ollama',
    basis: 'data',
    verdict: 'equivalent',
    qualityScore: 88.4,
    confidence: 88,
    sampleSize: 3120,
    pBest: 0.55,
    expectedLoss: 0.006,
    callsNeeded: null,
    alternatives: [{ model: 'qwen2.5:14b' }],
  },
  {
    taskType: 'analysis',
    model: 'gpt-4o',
    provider: 'openai',
    basis: 'data',
    verdict: 'insufficient',
    qualityScore: 84.9,
    confidence: 61,
    sampleSize: 210,
    pBest: 0.61,
    expectedLoss: 0.03,
    callsNeeded: 565,
    alternatives: [{ model: 'claude-sonnet-4-5' }],
  },
  {
    taskType: 'creative',
    model: 'claude-sonnet-4-5',
    provider: 'anthropic',
    basis: 'data',
    verdict: 'recommend',
    qualityScore: 90.3,
    confidence: 84,
    sampleSize: 402,
    pBest: 0.93,
    expectedLoss: 0.008,
    callsNeeded: null,
    alternatives: [{ model: 'llama3.2:latest' }],
  },
  {
    taskType: 'function_calling',
    model: 'qwen2.5:14b',
    provider: 'ollama',
    basis: 'data',
    verdict: 'equivalent',
    qualityScore: 93.8,
    confidence: 79,
    sampleSize: 388,
    pBest: 0.52,
    expectedLoss: 0.002,
    callsNeeded: null,
    alternatives: [{ model: 'gpt-4o' }],
  },
  {
    taskType: 'reasoning',
    model: 'claude-sonnet-4-5',
    provider: 'anthropic',
    basis: 'rules',
    verdict: 'insufficient',
    qualityScore: null,
    confidence: 12,
    sampleSize: 3,
    pBest: null,
    expectedLoss: null,
    callsNeeded: null,
    alternatives: [],
  },
];
const ADVICE = [
  {
    kind: 'speed',
    severity: 'info',
    message: 'llama3.2:latest answers general chat 2.1× faster than qwen2.5:14b, and as well.',
    taskType: 'general_chat',
    model: 'llama3.2:latest',
    evidence: { n: 5120, ratio: 2.1 },
  },
  {
    kind: 'satisfaction',
    severity: 'warning',
    message: 'Satisfaction with CodeLlama-7b on coding is 70 %: 21 of 30 votes.',
    taskType: 'coding',
    model: 'CodeLlama-7b',
    evidence: { n: 30 },
  },
  {
    kind: 'reliability',
    severity: 'warning',
    message: 'claude-sonnet-4-5 failed in 4.7 % of calls, most of them timeouts.',
    taskType: null,
    model: 'claude-sonnet-4-5',
    evidence: { n: 3917 },
  },
  {
    kind: 'cost',
    severity: 'info',
    message: 'Half of the cost comes from short general chat, which qwen2.5:14b does as well for nothing.',
    taskType: 'general_chat',
    model: 'qwen2.5:14b',
    evidence: { n: 1290 },
  },
];

/** The answer of GET /api/analytics/models to this query. */
export function analytics(query, { models = MODELS, now = Date.now() } = {}) {
  const days = query.get('days');
  const to = query.get('to') ? Date.parse(query.get('to')) : now;
  const from = query.get('from') ? Date.parse(query.get('from')) : to - Number(days ?? 30) * DAY;
  const bucket = query.get('bucket') ?? 'day';
  const [model, provider, task] = ['model', 'provider', 'task_type'].map((k) => query.get(k));
  const part = task ? (TASKS.find(([name]) => name === task)?.[1] ?? 0) : 1;
  const scale = Math.min(1, (to - from) / (30 * DAY)) * part;
  const chosen = models
    .filter((m) => (!model || m[0] === model) && (!provider || m[1] === provider))
    .map((m) => [
      ...m.slice(0, 2),
      Math.max(1, Math.round(m[2] * scale)),
      ...m.slice(3, 8),
      Math.round(m[8] * scale),
      Math.round(m[9] * scale),
      ...m.slice(10),
    ])
    .filter(() => scale > 0);
  const byModel = chosen.map((m) => {
    const f = figures(m);
    const quality =
      0.4 * f.successRate +
      0.4 * (f.satisfactionRate ?? f.successRate) +
      0.2 * Math.max(0, 100 - f.avgResponseTime / 100);
    return {
      model: m[0],
      provider: m[1],
      ...f,
      qualityScore: round(quality, 1),
      confidence: Math.min(97, 20 + m[2] / 60),
      lastUsed: new Date(to - m[3] * 100).toISOString(),
    };
  });
  const byTaskType = TASKS.filter(([name]) => !task || name === task).map(([taskType, share, slow]) => {
    const rows = chosen.map((m) =>
      figures([
        m[0],
        m[1],
        Math.round((m[2] * share) / part),
        m[3] * slow,
        m[4] * slow,
        m[5],
        m[6],
        m[7],
        Math.round(m[8] * share),
        Math.round(m[9] * share),
        m[10],
        m[11],
      ]),
    );
    return { taskType, ...sum(rows) };
  });
  const providers = [...new Set(chosen.map((m) => m[1]))];
  const summary = sum(byModel);
  const empty = summary.totalCalls === 0;
  return {
    window: {
      from: new Date(from).toISOString(),
      to: new Date(to).toISOString(),
      days: days ? Number(days) : null,
      tz: query.get('tz') ?? 'UTC',
      bucket,
    },
    demo: false,
    filters: { model, provider, taskType: task },
    summary,
    byModel,
    byTaskType: empty ? [] : byTaskType,
    byProvider: providers.map((p) => ({ provider: p, ...sum(byModel.filter((m) => m.provider === p)) })),
    trends: bucket === 'month' ? [] : trends(from, to, bucket, summary),
    recommendations: empty || model ? [] : ADVICE,
    bestByTask: empty ? [] : BEST.filter((b) => !task || b.taskType === task),
  };
}
