// schema/openapi.yaml describes the server that there is: each of its routes answers, and what the
// server answers has the shape that it says.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

import { startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream, vectors } from '../harness/upstream.mjs';

// Parameters without which a route only refuses.
const LEARNER = '/api/analytics/models';
const QUERY = {
  [`${LEARNER}/recommend`]: '?task_type=x', [`${LEARNER}/ranked`]: '?task_type=x&min_samples=1', [`${LEARNER}/demote`]: '?task_type=x&model=m',
  [`${LEARNER}/ab-candidates`]: '?task_type=x', [`${LEARNER}/compare`]: '?a=m&b=n',
  [`${LEARNER}/export`]: '?format=json',
};
const MESSAGES = [{ role: 'user', content: 'p' }];
const GENERATIONS = {
  '/api/chat': { model: 'm', messages: MESSAGES, stream: false },
  '/v1/chat/completions': { model: 'm', messages: MESSAGES },
  '/v1/completions': { model: 'm', prompt: 'p' },
  '/api/embed': { model: 'm', input: 'p' },
  '/api/embeddings': { model: 'm', prompt: 'p' },
  '/v1/embeddings': { model: 'm', input: 'p' },
  '/v1/messages': { model: 'm', max_tokens: 9, messages: MESSAGES },
};
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

async function start(t) {
  const upstream = await startUpstream(t, { models: ['m'] });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream } });
  const api = (await server.get('/openapi.json')).json;
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats(ajv);
  ajv.addSchema(api, 'api');
  return { server, upstream, api, ajv };
}

// The schema of one answer, by pointer into the document, or undefined where it has none.
function shape(ctx, method, path, status) {
  const escape = (s) => s.replaceAll('~', '~0').replaceAll('/', '~1');
  const responses = ctx.api.paths[path]?.[method]?.responses ?? {};
  const key = String(status) in responses ? String(status) : 'default';
  let at = `#/paths/${escape(path)}/${method}/responses/${key}`;
  let response = responses[key];
  if (response?.$ref) {
    at = response.$ref;
    response = at.slice(2).split('/').reduce((o, k) => o[k.replaceAll('~1', '/').replaceAll('~0', '~')], ctx.api);
  }
  if (!response?.content?.['application/json']?.schema) return { response };
  return { response, schema: { $ref: `api${at}/content/application~1json/schema` } };
}

function check(ctx, method, path, got) {
  const { response, schema } = shape(ctx, method, path, got.status);
  assert.ok(response, `${method} ${path}: ${got.status} is not described`);
  if (!schema || !/^application\/json/.test(got.headers['content-type'] ?? '')) return;
  const valid = ctx.ajv.compile(schema);
  assert.ok(valid(got.json), `${method} ${path} ${got.status}: ${JSON.stringify(valid.errors, null, 1)}\n${got.text}`);
}

test('the document is OpenAPI 3.1 and every reference in it leads somewhere', async (t) => {
  const { api } = await start(t);
  assert.match(api.openapi, /^3\.1/);
  for (const [, ref] of JSON.stringify(api).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    const found = ref.split('/').reduce((o, k) => o?.[k.replaceAll('~1', '/').replaceAll('~0', '~')], api);
    assert.ok(found, ref);
  }
});

test('every described route is one of the server', async (t) => {
  const ctx = await start(t);
  for (const [path, item] of Object.entries(ctx.api.paths)) {
    const url = path.replace(/\{[^}]+\}/g, 'x') + (path === '/api/events' ? '?colour=blue' : ''); // which never ends
    for (const method of METHODS.filter((m) => m in item)) {
      const got = await ctx.server.get(url, { method: method.toUpperCase(), ...(method === 'get' ? {} : { body: {} }) });
      const routed = got.status !== 405 && got.status !== 501 && !(got.status === 404 && got.text.includes('"not_found"') && !path.includes('{'));
      assert.ok(routed, `${method} ${path}: ${got.status} ${got.text}`);
      check(ctx, method, path, got);
    }
  }
});

test('good answers have the described shapes', async (t) => {
  const ctx = await start(t);
  const { server } = ctx;
  const calls = [];
  for (let i = 0; i < 3; i++) calls.push(await server.post('/api/generate', { model: 'm', prompt: 'p', stream: false, touchstone: { conversationId: 'c', tags: { a: 'b' } } }));
  ctx.upstream.reply = (call) => call.send(500, { error: 'no' });
  await server.post('/api/generate', { model: 'm', prompt: 'p' });
  const id = calls[0].headers['x-touchstone-request-id'];
  check(ctx, 'post', '/api/generate', calls[0]);
  ctx.upstream.reply = (call) => (call.path.includes('embed') ? vectors() : answer())(call);
  for (const [path, body] of Object.entries(GENERATIONS)) {
    const got = await server.post(path, body);
    assert.equal(got.status, 200, `${path}: ${got.text}`);
    check(ctx, 'post', path, got);
  }
  const good = [
    ['post', '/api/analytics/models/feedback', { conversationId: 'c', rating: 1 }],
    ['post', '/api/analytics/models/outcomes', [{ taskType: 'x', model: 'm', success: true }]],
    ['post', '/api/analytics/models/recommend', { messageContent: 'hello' }],
    ['get', '/api/requests'], ['get', '/api/requests/{id}'], ['get', '/api/analytics/models'], ['get', '/api/analytics/models/latency'], ['get', '/api/tags'], ['get', '/v1/models'],
    ...Object.keys(QUERY).map((path) => ['get', path]),
    ['get', '/api/providers'], ['get', '/version'], ['get', '/healthz'], ['get', '/readyz'], ['get', '/api/version'],
  ];
  for (const [method, path, body] of good) {
    if (!ctx.api.paths[path]) continue; // the first test of this file holds the other direction
    const got = await server.get(path.replace('{id}', id) + (QUERY[path] && method === 'get' ? QUERY[path] : ''), { method: method.toUpperCase(), body });
    assert.equal(got.status, 200, `${path}: ${got.text}`);
    check(ctx, method, path, got);
  }
});

test('clones have the described shapes', async (t) => {
  const ctx = await start(t);
  const { server } = ctx;
  const body = { url: 'https://a.example', model: 'ollama/m', status: 'success', generationTimeMs: 5, files: [{ path: 'b/index.html', content: 'x' }] };
  const site = { url: 'https://a.example', title: 'A', html: 'x' };
  const good = [
    ['post', '/api/websites', site, 201], ['post', '/api/websites', site, 200], ['post', '/api/clones', body, 201],
    ['get', '/api/local-models-analytics', undefined, 200, '?action=init'], ['get', '/api/local-models-analytics', undefined, 200, '?action=stats'],
    ['get', '/api/local-models-analytics', undefined, 200, '?action=export'], ['post', '/api/local-models-analytics', { model_name: 'm' }, 200],
    ['get', '/api/websites'], ['get', '/api/websites/{id}'], ['get', '/api/clones'], ['get', '/api/clones/{id}'], ['get', '/api/clones/{id}/files/{path}'], ['get', '/api/clones/{id}/preview'],
    ...['stats', 'summary', 'complexity', 'providers', 'monthly'].map((name) => ['get', `/api/clones/${name}`]),
    ['post', '/api/benchmarks', {}, 201], ['get', '/api/benchmarks'], ['delete', '/api/clones', undefined, 200, '?samples=true'],
  ];
  for (const [method, path, sent, status = 200, query = ''] of good) {
    const got = await server.get(path.replace('{id}', '1').replace('{path}', 'b/index.html') + query, { method: method.toUpperCase(), body: sent });
    assert.equal(got.status, status, `${path}: ${got.text}`);
    check(ctx, method, path, got);
  }
});

test('every route that a user relies on is described', async (t) => {
  const { api } = await start(t);
  for (const path of ['/api/generate', '/api/chat', '/v1/chat/completions', '/v1/completions', '/api/embed', '/api/embeddings', '/v1/embeddings', '/v1/messages', '/v1/messages/count_tokens', '/api/tags', '/v1/models', '/api/analytics/models', '/api/analytics/models/latency', '/api/analytics/models/feedback', '/api/analytics/models/outcomes',
    '/api/analytics/models/recommend', '/api/analytics/models/ranked', '/api/analytics/models/demote', '/api/analytics/models/ab-candidates',
    '/api/analytics/models/compare', '/api/analytics/models/export', '/api/requests', '/api/requests/{id}', '/api/providers', '/api/events', '/metrics', '/healthz', '/readyz', '/version', '/openapi.json'])
    assert.ok(api.paths[path], path);
});

test('errors have the described shape', async (t) => {
  const ctx = await start(t);
  const bad = [['get', '/api/analytics/models', '?days=0'], ['get', '/api/requests', '?limit=0'], ['get', '/api/requests/{id}', ''], ['post', '/api/analytics/models/feedback', '']];
  for (const [method, path, query] of bad) {
    const got = await ctx.server.get(path.replace('{id}', 'nothing') + query, { method: method.toUpperCase(), ...(method === 'post' ? { body: {} } : {}) });
    assert.ok(got.status >= 400 && got.status < 500);
    check(ctx, method, path, got);
    assert.match(got.json.error.code, /^[a-z_]+$/);
  }
});
