// Answers about clones in the shape of the interface, for the fake server. Deterministic.

const SITES = [
  ['https://example.com', 'Example Domain', 120],
  ['https://news.ycombinator.com', 'Hacker News', 860],
  ['https://tailwindcss.com', 'Tailwind CSS', 1540],
  ['https://www.apple.com/shop', 'Apple Store', 4200],
];
const MODELS = [
  ['ollama', 'llama3.2:7b', 3500, 24_000, 92.4],
  ['vllm', 'CodeLlama-7b', 4800, 31_000, 81.2],
  ['lmstudio', 'qwen2.5:14b', 6200, 28_500, 88.9],
  ['llamacpp', 'phi-4', 7400, 19_800, 54.1],
];
const NOW = Date.UTC(2026, 10, 20, 20, 25);
const HOUR = 3_600_000;

const at = (ms) => new Date(ms).toISOString();
const mean = (list) => (list.length > 0 ? Math.round((100 * list.reduce((a, b) => a + b, 0)) / list.length) / 100 : null);

/** All attempts, newest first. */
export function attempts({ count = 60, now = NOW } = {}) {
  return Array.from({ length: count }, (_, i) => {
    const n = count - i;
    const [url, title] = SITES[n % SITES.length];
    const [provider, model, time, size, score] = MODELS[(n * 7) % MODELS.length];
    const failed = n % 9 === 4;
    return {
      id: n,
      websiteId: (n % SITES.length) + 1,
      url,
      title: n % 11 === 3 ? null : title,
      provider,
      model,
      status: failed ? 'error' : 'success',
      generationTimeMs: time + ((n * 137) % 900),
      codeSizeBytes: failed ? null : size + ((n * 211) % 5000),
      componentCount: failed ? null : 4 + (n % 5),
      createdAt: at(now - i * 31 * HOUR),
      requestId: n % 3 === 0 ? `req_${n}` : null,
      qualityScore: failed || n % 7 === 5 ? null : score,
      sample: n % 10 === 1,
      sandboxUrl: n % 5 === 0 ? 'https://sandbox.example/abc' : null,
      styleSelected: n % 2 ? 'modern' : null,
      additionalInstructions: n % 4 === 0 ? 'Use a dark theme.' : null,
      errorMessage: failed ? 'The model ran into its token limit before the closing tag.' : null,
      fileCount: failed ? 0 : 3,
    };
  });
}

function sums(list) {
  const known = (key) => list.map((a) => a[key]).filter((v) => v !== null);
  const ok = list.filter((a) => a.status === 'success').length;
  return {
    totalAttempts: list.length,
    successfulAttempts: ok,
    successRate: list.length > 0 ? Math.round((10_000 * ok) / list.length) / 100 : null,
    avgGenerationTimeMs: mean(known('generationTimeMs')),
    avgCodeSizeBytes: mean(known('codeSizeBytes')),
    avgQualityScore: mean(known('qualityScore')),
    samples: list.filter((a) => a.sample).length,
    lastUsed: list.length > 0 ? list[0].createdAt : null,
  };
}

function groups(list, keyOf, more) {
  const by = Map.groupBy ? Map.groupBy(list, keyOf) : new Map();
  if (!Map.groupBy) for (const a of list) by.set(keyOf(a), [...(by.get(keyOf(a)) ?? []), a]);
  return [...by].map(([key, members]) => ({ ...more(key, members), ...sums(members) }));
}

function benchmarks() {
  return MODELS.map(([provider, model, time, size, score], i) => ({
    id: i + 1,
    provider,
    model,
    modelSize: /\d+b/.exec(model)?.[0] ?? null,
    websiteComplexity: i % 2 ? 'simple' : null,
    attempts: 15,
    calls: null,
    avgGenerationTimeMs: time,
    avgCodeSizeBytes: size,
    successRate: 90 + i,
    avgCodeQualityScore: score,
    avgUserSatisfaction: i === 3 ? null : 84.5,
    tokensPerSecond: 40.2,
    hardwareSpecs: { cpu: '8 cores', memoryBytes: 34_359_738_368 },
    benchmarkDate: at(NOW - i * 24 * HOUR),
    notes: i === 0 ? 'Good balance of speed and quality; the best choice for simple pages.' : null,
    sample: true,
  }));
}

const CODE = {
  'index.html':
    '<!doctype html>\n<html lang="en">\n<head><title>Clone</title><link rel="stylesheet" href="style.css"></head>\n<body>\n<h1>Hello</h1>\n<script>document.body.append("from its script")</script>\n</body>\n</html>\n',
  'style.css': 'body { font-family: sans-serif; color: #222; }\n',
  'src/app.js': `${Array.from({ length: 60 }, (_, i) => `export const v${i} = ${i}; // ${'x'.repeat(i)}`).join('\n')}\n`,
};
const TYPES = { html: 'html', css: 'css', js: 'javascript' };
const PARTS = [
  ['parseErrors', 10.04, 40, '1 place where the text does not follow its grammar, 0.1 % of it'],
  ['nesting', 0, 20, 'deepest: blocks 3 (4 are allowed), functions 1 (4), elements 6 (32)'],
  ['length', 0.02, 15, 'longest function: 12 lines (50 are allowed); longest file: 60 lines (300)'],
  ['duplication', 4.25, 15, '14.2 % of the text stands in it before'],
  ['labels', 2.5, 10, '1 of 3 pictures without a text, 0 of 1 form control without a label'],
];
const quality = (score) =>
  score === null
    ? { absent: 'touchstone was built without the grammars' }
    : { score, parts: PARTS.map(([part, points, most, finding]) => ({ part, points, most, finding })) };

function whole(a) {
  const files = Object.entries(CODE).map(([path, content], i) => ({
    path,
    type: TYPES[path.split('.').at(-1)],
    linesOfCode: content.split('\n').length - 1,
    sizeBytes: content.length,
    qualityScore: i === 2 ? null : a.qualityScore,
    quality: quality(i === 2 ? null : a.qualityScore),
    metadata: null,
  }));
  return {
    ...a,
    quality: quality(a.qualityScore),
    generatedCode: null,
    previewPath: a.status === 'success' ? `/api/previews/${a.id}.ticket` : null,
    files: a.status === 'success' ? files : [],
  };
}

const PREVIEW_CSP =
  "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; " +
  "img-src data: blob:; font-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'";

/** { status, body } of a route below /api/, or { preview, csp }; undefined: not ours. `world`: clones,
 * a list of attempts. */
export function cloneAnswer(path, query, world) {
  const list = world.clones ?? attempts();
  switch (path) {
    case '/api/clones': {
      const [provider, model] = (query.get('model') ?? '').split('/');
      const hits = list.filter(
        (a) =>
          (!query.get('url') || a.url === query.get('url')) &&
          (!model || (a.model === model && a.provider === provider)) &&
          (!query.get('status') || a.status === query.get('status')) &&
          (!query.get('cursor') || a.id < Number(query.get('cursor'))),
      );
      const limit = Number(query.get('limit') ?? 100);
      const page = hits.slice(0, limit);
      return { body: { clones: page, nextCursor: hits.length > limit ? String(page.at(-1).id) : null } };
    }
    case '/api/clones/summary':
      return {
        body: {
          summary: sums(list),
          models: groups(list, (a) => `${a.provider}/${a.model}`, (key) => ({
            provider: key.split('/')[0],
            model: key.split('/')[1],
          })),
          counts: {
            websites: list.length > 0 ? SITES.length : 0,
            attempts: list.length,
            benchmarks: list.length > 0 ? MODELS.length : 0,
            samples: {},
          },
        },
      };
    case '/api/clones/providers':
      return { body: { providers: groups(list, (a) => a.provider, (provider) => ({ provider, models: 1 })) } };
    case '/api/clones/complexity': {
      const words = (a) => SITES[a.websiteId - 1][2];
      const kind = (a) => (words(a) < 500 ? 'simple' : words(a) < 2000 ? 'medium' : 'complex');
      return {
        body: {
          limits: { mediumFromWords: 500, complexFromWords: 2000 },
          complexity: groups(list, kind, (complexity, members) => ({
            complexity,
            websites: new Set(members.map((a) => a.websiteId)).size,
          })),
          websites: [],
          nextCursor: null,
        },
      };
    }
    case '/api/clones/monthly':
      return {
        body: {
          from: '2025-12',
          months: groups(list, (a) => `${a.createdAt.slice(0, 7)} ${a.provider}`, (key) => ({
            month: key.split(' ')[0],
            provider: key.split(' ')[1],
          })),
        },
      };
    case '/api/benchmarks':
      return { body: { benchmarks: list.length > 0 ? benchmarks() : [], nextCursor: null } };
    case '/api/websites':
      return {
        body: {
          websites: list.length > 0 ? SITES.map(([url, title], i) => ({ id: i + 1, url, title })) : [],
          nextCursor: null,
        },
      };
  }
  return ofOne(path, list);
}

function ofOne(path, list) {
  const request = /^\/api\/requests\/(req_\d+)$/.exec(path);
  if (request)
    return {
      body: {
        requestId: request[1],
        model: 'llama3.2:7b',
        provider: 'ollama',
        outcome: 'done',
        inputTokens: 1830,
        outputTokens: 6210,
        costUsd: 0,
        phases: { ttftMs: 212, totalMs: 3500 },
      },
    };
  const preview = /^\/api\/previews\/(\d+)\.ticket$/.exec(path);
  if (preview) return { preview: CODE['index.html'].replace(/<link[^>]*>/, ''), csp: PREVIEW_CSP };
  const match = /^\/api\/clones\/(\d+)(?:\/files\/(.+))?$/.exec(path);
  if (!match) return undefined;
  const attempt = list.find((a) => a.id === Number(match[1]));
  const missing = { status: 404, body: { error: { code: 'not_found', message: 'There is none.' } } };
  if (!attempt) return missing;
  if (!match[2]) return { body: whole(attempt) };
  const file = decodeURIComponent(match[2]);
  return CODE[file] === undefined ? missing : { body: { path: file, content: CODE[file] } };
}
