// The dashboard's files as the binary serves them, and an API whose answers a test chooses.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { buildAssets, ensurePackages } from '../../static/build.mjs';
import { attempts, cloneAnswer } from './clones-sample.mjs';
import { analytics } from './sample.mjs';

const header = readFileSync(new URL('../../static/assets.h', import.meta.url), 'utf8');
const CSP = [
  ...header
    .slice(header.indexOf('TS_ASSET_CSP'))
    .split('\n\n')[0]
    .matchAll(/"([^"]*)"/g),
]
  .map((m) => m[1])
  .join('');

let built; // once for all servers of a test file
const build = () => (ensurePackages(), buildAssets());

/**
 * Listens on a free loopback port. `world` may be changed while it runs: empty (no call ever), quiet
 * (none lately), demo, fail (status of the analytics and feedback routes), key (that is required),
 * base (path), delayMs, rename (of the busiest model), models and providers (of the other routes),
 * page (markup of /host.html), clones (a list of attempts), spare (a path that does not fail). It fills in `requests` and `votes`.
 */
export async function startFake(world = {}) {
  const { assets } = await (built ??= build());
  const files = new Map(assets.map((a) => [a.path, a]));
  const state = {
    empty: false,
    demo: false,
    fail: 0,
    key: null,
    base: '',
    delayMs: 0,
    requests: [],
    votes: [],
    ...world,
  };

  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://127.0.0.1');
    if (!url.pathname.startsWith(`${state.base}/`)) return void response.writeHead(404).end();
    const path = url.pathname.slice(state.base.length);
    const file = files.get(path) ?? (/^\/analytics\/clones\/[^/]+$/.test(path) && files.get('/analytics/clones/{id}'));
    if (file) return sendFile(response, file);
    if (path === '/favicon.ico') return void response.writeHead(204).end();
    if (path === '/host.html') return sendHost(response, state);
    state.requests.push(path + url.search);
    setTimeout(() => answer(request, response, path, url.searchParams, state), state.delayMs);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const stop = () => new Promise((done) => (server.closeAllConnections(), server.close(done)));
  return { url: `http://127.0.0.1:${server.address().port}${state.base}`, state, stop, assets };
}

function sendFile(response, file) {
  response.writeHead(200, {
    'Content-Type': file.type,
    'Content-Security-Policy': CSP,
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    ETag: `"${createHash('sha256').update(file.raw).digest('hex').slice(0, 32)}"`,
  });
  response.end(file.raw);
}

// A page of someone who uses <ts-feedback>, under the same policy.
function sendHost(response, state) {
  response.writeHead(200, { 'Content-Type': 'text/html', 'Content-Security-Policy': CSP });
  response.end(state.page.replace('SCRIPT', `${state.base}/static/feedback.js`));
}

function figures(query, state) {
  const quiet = state.quiet && !query.get('from')?.startsWith('1970');
  const body = { ...analytics(query, state.empty || quiet ? { models: [] } : {}), demo: state.demo };
  const text = JSON.stringify(body);
  return JSON.parse(state.rename ? text.replaceAll('"llama3.2:latest"', JSON.stringify(state.rename)) : text);
}

function json(response, status, body) {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}

function answer(request, response, path, query, state) {
  if (path.startsWith('/api/') && !path.startsWith('/api/previews/') && state.key && request.headers.authorization !== `Bearer ${state.key}`) {
    return json(response, 401, {
      error: { code: 'unauthenticated', message: 'A key is required.', requestId: 'req_1' },
    });
  }
  switch (path) {
    case '/api/analytics/models':
      if (state.fail)
        return json(response, state.fail, {
          error: { code: 'x', message: `Failing with ${state.fail}.`, requestId: 'req_1' },
        });
      return json(response, 200, figures(query, state));
    case '/api/tags':
      return json(response, 200, {
        models: state.models ?? [{ name: 'nomic-embed-text:latest' }, { name: 'llama3.2:latest' }],
      });
    case '/api/providers':
      return json(response, 200, {
        providers: state.providers ?? [
          {
            name: 'ollama',
            kind: 'ollama',
            state: 'up',
            models: ['nomic-embed-text:latest', 'llama3.2:latest'],
          },
        ],
      });
    case '/api/analytics/models/feedback': {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => {
        if (state.fail) return json(response, state.fail, { error: { code: 'x', message: 'no' } });
        const vote = JSON.parse(body);
        state.votes.push(vote);
        json(response, 200, { requestId: 'req_1', rating: vote.rating, previousRating: 0 });
      });
      return;
    }
    default:
      return answerClones(request, response, path, query, state);
  }
}

function answerClones(request, response, path, query, state) {
  if (state.fail && path !== state.spare)
    return json(response, state.fail, { error: { code: 'x', message: `Failing with ${state.fail}.` } });
  if (path === '/api/local-models-analytics') state.clones = undefined; // the sample data
  if (request.method === 'DELETE') state.clones = (state.clones ?? attempts()).filter((a) => !a.sample);
  const found = cloneAnswer(path, query, state);
  if (found?.preview !== undefined) {
    response.writeHead(200, { 'Content-Type': 'text/html', 'Content-Security-Policy': found.csp });
    return response.end(found.preview);
  }
  if (found) return json(response, found.status ?? 200, found.body);
  if (path === '/api/local-models-analytics') return json(response, 200, { success: true });
  return json(response, 404, {
    error: { code: 'not_found', message: 'No such route.', requestId: 'req_1' },
  });
}
