// What the guard lets in: Host, Origin, keys, content types, bodies. Malformed HTTP is in tests/hostile.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { raw } from '../harness/http.mjs';
import { runToEnd, startTouchstone } from '../harness/touchstone.mjs';
import { startUpstream } from '../harness/upstream.mjs';

const MODELS = '/api/analytics/models';
const json = { 'content-type': 'application/json' };

async function start(t, env = {}) {
  const upstream = await startUpstream(t, { models: ['m'] });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream }, env });
  return { server, upstream };
}

const code = (got) => got.json.error?.code;

test('only known names are answered', async (t) => {
  const { server } = await start(t, { TOUCHSTONE_SERVER_NAMES: 'models.example.org' });
  const ask = async (host, path = MODELS) => server.get(path, { headers: { host } });
  for (const host of ['127.0.0.1', 'localhost', `localhost:${server.port}`, `[::1]:${server.port}`, 'models.example.org', 'MODELS.example.org:443'])
    assert.equal((await ask(host)).status, 200, host);
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.nip.io', '10.0.0.1', 'localhost:1', 'models.example.org.']) {
    const got = await ask(host);
    assert.equal(got.status, 421, host);
    assert.equal(code(got), 'host_not_allowed');
    const ollama = await ask(host, '/api/tags');
    assert.equal(ollama.status, 403, 'as Ollama says it');
    assert.equal(typeof ollama.json.error, 'string');
  }
});

test('a page of another site gets nothing', async (t) => {
  const { server, upstream } = await start(t, { TOUCHSTONE_CORS_ORIGINS: 'https://app.example.org' });
  const post = (headers) => server.post('/api/generate', { model: 'm', prompt: 'p' }, { headers: { ...json, ...headers } });
  for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }, { origin: `http://127.0.0.1:${server.port}.evil.example` }, { origin: 'https://app.example.org.evil.example' }]) {
    const got = await post(headers);
    assert.equal(got.status, 403, JSON.stringify(headers));
  }
  assert.equal(upstream.calls.length, 0);
  const read = await server.get(MODELS, { headers: { origin: 'https://evil.example' } });
  assert.equal(read.status, 403);
  assert.equal(code(read), 'origin_not_allowed');
  assert.equal(read.headers['access-control-allow-origin'], undefined);
  assert.equal((await post({ origin: `http://127.0.0.1:${server.port}`, 'sec-fetch-site': 'same-origin' })).status, 200);
});

test('an allowed origin gets its headers and its preflight', async (t) => {
  const { server } = await start(t, { TOUCHSTONE_CORS_ORIGINS: 'https://app.example.org' });
  const origin = 'https://app.example.org';
  const got = await server.get(MODELS, { headers: { origin, 'sec-fetch-site': 'cross-site' } });
  assert.equal(got.status, 200);
  assert.equal(got.headers['access-control-allow-origin'], origin);
  assert.match(got.headers.vary, /origin/i);
  const preflight = await server.get('/api/analytics/models/feedback', {
    method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
  });
  assert.ok([200, 204].includes(preflight.status));
  assert.equal(preflight.headers['access-control-allow-origin'], origin);
  assert.match(preflight.headers['access-control-allow-methods'], /POST/);
  assert.match(preflight.headers['access-control-allow-headers'], /content-type|\*/i);
});

test('our own API takes JSON only; generation from a browser too', async (t) => {
  const { server } = await start(t);
  const body = JSON.stringify({ conversationId: 'c', rating: 1 });
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const got = await server.post('/api/analytics/models/feedback', body, { headers: { 'content-type': type } });
    assert.equal(got.status, 415, type);
    assert.equal(code(got), 'unsupported_media_type');
    const browser = await server.post('/api/generate', '{"model":"m","prompt":"p"}', { headers: { 'content-type': type, origin: `http://127.0.0.1:${server.port}` } });
    assert.equal(browser.status, 415, type);
  }
  assert.equal((await server.post('/api/analytics/models/feedback', body, { headers: { 'content-type': 'application/json; charset=utf-8' } })).status, 404);
});

test('with a key set, only that key opens, in either header', async (t) => {
  const key = 'k'.repeat(32);
  const { server } = await start(t, { TOUCHSTONE_API_KEY: key });
  const get = (headers) => server.get(MODELS, { headers });
  const none = await get({});
  assert.equal(none.status, 401);
  assert.equal(code(none), 'unauthorized');
  assert.match(none.headers['www-authenticate'], /^Bearer/);
  for (const bad of ['x', `${key}x`, key.slice(1), key.toUpperCase()]) {
    const got = await get({ authorization: `Bearer ${bad}` });
    assert.equal(got.status, 401);
    assert.equal(code(got), 'invalid_key');
  }
  assert.equal((await get({ authorization: `Bearer ${key}` })).status, 200);
  assert.equal((await get({ authorization: `bearer ${key}` })).status, 200);
  assert.equal((await get({ 'x-api-key': key })).status, 200);
  const both = await get({ 'x-api-key': key, authorization: 'Bearer other' });
  assert.equal(both.status, 400);
  assert.equal(code(both), 'ambiguous_credentials');
  assert.equal((await server.post('/api/generate', { model: 'm', prompt: 'p' })).status, 401);
  for (const open of ['/healthz', '/readyz']) assert.equal((await server.get(open)).status, 200, open);
  assert.ok(!(server.stderr + server.stdout).includes(key), 'the key is in no log');
});

test('without a key, credentials that clients send are ignored', async (t) => {
  const { server } = await start(t);
  assert.equal((await server.get(MODELS, { headers: { authorization: 'Bearer anything' } })).status, 200);
});

test('a key comes from a file as well', async (t) => {
  const { writeFileSync } = await import('node:fs');
  const { scratch } = await import('../harness/touchstone.mjs');
  const file = `${scratch(t)}/key`;
  writeFileSync(file, 'secret-from-a-file\n', { mode: 0o600 });
  const { server } = await start(t, { TOUCHSTONE_API_KEY_FILE: file });
  assert.equal((await server.get(MODELS, { headers: { authorization: 'Bearer secret-from-a-file' } })).status, 200);
  assert.equal((await server.get(MODELS)).status, 401);
});

test('beyond loopback it does not start without a key', async (t) => {
  for (const listen of ['0.0.0.0:0', '[::]:0', '192.0.2.1:80']) {
    const got = await runToEnd(t, [], { env: { TOUCHSTONE_LISTEN: listen } });
    assert.equal(got.code, 78, got.stderr);
    assert.match(got.stderr, /key/i);
  }
});

const BODIES = [
  ['no JSON', 'hello', 400, 'invalid_json'],
  ['nothing', '', 400, 'invalid_json'],
  ['half an object', '{"model":"m"', 400, 'invalid_json'],
  ['something after it', '{"model":"m","prompt":"p"} x', 400, 'invalid_json'],
  ['an array', '[1]', 400, 'invalid_(json|field)'],
  ['bad UTF-8', Buffer.from([0x7b, 0x22, 0x6d, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 400, 'invalid_json'],
  ['a raw control character', '{"model":"m","prompt":"a\u0001b"}', 400, 'invalid_json'],
  ['a model twice', '{"model":"m","model":"n","prompt":"p"}', 400, 'invalid_json'],
  ['100 levels', `{"model":"m","prompt":"p","x":${'['.repeat(100)}${']'.repeat(100)}}`, 400, 'invalid_json'],
  ['a million brackets', `{"model":"m","prompt":"p","x":${'['.repeat(1e6)}`, 400, 'invalid_json'],
  ['no model', '{"prompt":"p"}', 400, 'invalid_field'],
  ['a model that is a number', '{"model":5,"prompt":"p"}', 400, 'invalid_field'],
  ['an empty model', '{"model":"","prompt":"p"}', 400, 'invalid_field'],
  ['a prompt that is a list', '{"model":"m","prompt":["p"]}', 400, 'invalid_field'],
  ['a stream that is a word', '{"model":"m","prompt":"p","stream":"yes"}', 400, 'invalid_field'],
  ['an address to send it to', '{"model":"m","prompt":"p","api_base":"http://evil.example"}', 400, 'field_not_allowed'],
  ['another address', '{"model":"m","prompt":"p","base_url":"http://evil.example"}', 400, 'field_not_allowed'],
  ['a key', '{"model":"m","prompt":"p","api_key":"x"}', 400, 'field_not_allowed'],
  ['a url', '{"model":"m","prompt":"p","url":"http://evil.example"}', 400, 'field_not_allowed'],
  ['our member as text', '{"model":"m","prompt":"p","touchstone":"x"}', 400, 'invalid_field'],
  ['a bad task type', '{"model":"m","prompt":"p","touchstone":{"taskType":"two words"}}', 400, 'invalid_field'],
  ['a bad complexity', '{"model":"m","prompt":"p","touchstone":{"complexity":"hard"}}', 400, 'invalid_field'],
  ['an unknown member of ours', '{"model":"m","prompt":"p","touchstone":{"colour":"blue"}}', 400, 'invalid_field'],
  ['a negative deadline', '{"model":"m","prompt":"p","touchstone":{"timeoutMs":-1}}', 400, 'invalid_field'],
];

test('a bad body is refused before anything is asked upstream', async (t) => {
  const { server, upstream } = await start(t);
  for (const [what, body, status] of BODIES) {
    const got = await server.post('/api/generate', body, { headers: json });
    assert.equal(got.status, status, `${what}: ${got.status} ${got.text}`);
    assert.equal(typeof got.json.error, 'string', what);
    assert.ok(got.endAt - got.sentAt < 2000, what);
  }
  assert.equal(upstream.calls.length, 0);
  assert.equal((await server.get(MODELS)).json.summary.totalCalls, 0, 'refusals are no calls');
});

test('our own API names the byte or the field', async (t) => {
  const { server } = await start(t);
  const post = (body) => server.post('/api/analytics/models/feedback', body, { headers: json });
  const syntax = await post('{"rating": 1,}');
  assert.equal(syntax.status, 400);
  assert.equal(code(syntax), 'invalid_json');
  assert.match(syntax.json.error.message, /\b1[0-9]\b/, 'the offset');
  assert.equal(code(await post('{"rating":1,"rating":1,"conversationId":"c"}')), 'invalid_json');
  assert.equal(code(await post(`[${'0,'.repeat(150_000)}0]`)), 'invalid_json');
  const field = await post('{"conversationId":"c","rating":7}');
  assert.equal(code(field), 'invalid_field');
  assert.equal(field.json.error.param, 'rating');
});

test('sizes: 413 before the body is sent, and while it comes in chunks', async (t) => {
  const { server } = await start(t);
  const head = (path, extra) => `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n${extra}\r\n`;
  assert.equal((await raw(server.port, head('/api/analytics/models/feedback', 'Content-Length: 1048577\r\n'))).status, 413);
  assert.equal((await raw(server.port, head('/api/generate', 'Content-Length: 33554433\r\n'))).status, 413);
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
  const chunked = await raw(server.port, head('/api/analytics/models/feedback', 'Transfer-Encoding: chunked\r\n') + chunk.repeat(20) + '0\r\n\r\n', { timeoutMs: 5000 });
  assert.equal(chunked.status, 413);
  const big = await server.post('/api/generate', { model: 'm', prompt: 'x'.repeat(8 << 20) });
  assert.equal(big.status, 200, 'pictures are large');
});

test('unknown routes and methods answer in the dialect of their neighbours', async (t) => {
  const { server } = await start(t);
  const unknown = await server.get('/api/analytics/nothing');
  assert.equal(unknown.status, 404);
  assert.equal(code(unknown), 'not_found');
  const method = await server.get('/api/generate');
  assert.equal(method.status, 405);
  assert.match(method.headers.allow, /POST/);
  assert.equal(typeof method.json.error, 'string');
  const own = await server.get(MODELS, { method: 'DELETE' });
  assert.equal(own.status, 405);
  assert.equal(code(own), 'method_not_allowed');
  assert.match(own.headers.allow, /GET/);
  const openai = await server.get('/v1/nothing');
  assert.equal(openai.status, 404);
  assert.ok(openai.json.error.message);
});

test('HEAD answers as GET without a body, and never on a stream', async (t) => {
  const { server } = await start(t);
  const head = await raw(server.port, 'HEAD /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n');
  assert.equal(head.status, 200);
  assert.equal(head.rest, '');
  assert.equal((await raw(server.port, 'HEAD /api/generate HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n')).status, 405);
});

test('our own API refuses query parameters that it does not know; generation does not mind', async (t) => {
  const { server } = await start(t);
  assert.equal(code(await server.get('/api/requests?colour=blue')), 'invalid_parameter');
  assert.equal((await server.post('/api/generate?colour=blue', { model: 'm', prompt: 'p' })).status, 200);
});

test('answers of the API are not kept by caches nor sniffed', async (t) => {
  const { server } = await start(t);
  const { headers } = await server.get(MODELS);
  assert.match(headers['cache-control'], /no-store/);
  assert.equal(headers['x-content-type-options'], 'nosniff');
});

test('a loop of gateways is noticed', async (t) => {
  const { server, upstream } = await start(t);
  await server.post('/api/generate', { model: 'm', prompt: 'p' });
  const { via } = (await upstream.call()).headers;
  assert.ok(via, 'says Via upstream');
  const got = await server.post('/api/generate', { model: 'm', prompt: 'p' }, { headers: { ...json, via } });
  assert.equal(got.status, 508, got.text);
});
