// Ollama's routes about models: show, ps, and the management that passes to the one Ollama server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { Ollama } from 'ollama';

import { slack, startTouchstone } from '../harness/touchstone.mjs';
import { startUpstream } from '../harness/upstream.mjs';

const NDJSON = { 'Content-Type': 'application/x-ndjson', 'Transfer-Encoding': 'chunked' };

async function house(t, upstreams) {
  const server = await startTouchstone(t, { upstreams });
  return { server, ollama: new Ollama({ host: server.url }) };
}

const progress = (steps, end) => async (call) => {
  call.head(200, NDJSON);
  for (const status of steps) { call.chunk(JSON.stringify({ status }) + '\n'); await call.sleep(30); }
  await end(call);
};

test('a model is pulled through, its progress as it comes', async (t) => {
  const upstream = await startUpstream(t, { reply: progress(['pulling', 'verifying', 'success'], (call) => call.end()) });
  const { ollama } = await house(t, { ollama: upstream });
  const seen = [];
  for await (const part of await ollama.pull({ model: 'x', stream: true })) seen.push(part.status);
  assert.deepEqual(seen, ['pulling', 'verifying', 'success']);
  const call = await upstream.call();
  assert.equal(`${call.method} ${call.path}`, 'POST /api/pull');
  assert.equal(call.json.model ?? call.json.name, 'x');
});

test('a pull that breaks off makes the client throw', async (t) => {
  const upstream = await startUpstream(t, { reply: progress(['pulling'], (call) => call.reset()) });
  const { ollama } = await house(t, { ollama: upstream });
  await assert.rejects(async () => { for await (const _ of await ollama.pull({ model: 'x', stream: true })); });
});

test('a client that leaves ends the pull', async (t) => {
  const upstream = await startUpstream(t, { reply: progress(Array(500).fill('pulling'), (call) => call.end()) });
  const { ollama } = await house(t, { ollama: upstream });
  await assert.rejects(async () => {
    let n = 0;
    for await (const _ of await ollama.pull({ model: 'x', stream: true })) if (++n === 2) ollama.abort();
  }, { name: 'AbortError' });
  assert.ok(await Promise.race([(await upstream.call()).closed, sleep(1000 * slack)]), 'upstream is still open');
});

test('copy, delete, create, push and blobs reach the server as they are', async (t) => {
  const upstream = await startUpstream(t, { reply: (call) => call.send(call.path === '/api/blobs/sha256:ab' ? 201 : 200, call.method === 'HEAD' ? '' : { status: 'success' }) });
  const { server, ollama } = await house(t, { ollama: upstream });
  await ollama.copy({ source: 'a', destination: 'b' });
  await ollama.delete({ model: 'b' });
  assert.equal((await ollama.create({ model: 'c', from: 'a' })).status, 'success');
  assert.equal((await ollama.push({ model: 'c' })).status, 'success');
  assert.equal((await server.post('/api/blobs/sha256:ab', 'bytes')).status, 201);
  assert.deepEqual(upstream.calls.map((c) => `${c.method} ${c.path}`), ['POST /api/copy', 'DELETE /api/delete', 'POST /api/create', 'POST /api/push', 'POST /api/blobs/sha256:ab']);
  assert.deepEqual(upstream.calls[1].json.model ?? upstream.calls[1].json.name, 'b');
  assert.match(upstream.calls[4].body, /bytes/);
  assert.equal((await server.get('/api/blobs/sha256:ab', { method: 'HEAD' })).status, 404, 'the scripted server has no blobs');
  assert.equal((await server.get('/api/blobs/..%5cx', { method: 'HEAD' })).status, 400);
});

test('an error of the server keeps its status and words', async (t) => {
  const upstream = await startUpstream(t, { reply: (call) => call.send(404, { error: "model 'b' not found" }) });
  const { ollama } = await house(t, { ollama: upstream });
  await assert.rejects(ollama.delete({ model: 'b' }), (e) => e.status_code === 404 && /not found/.test(e.message));
});

test('without an Ollama server, or with several, the error says what to do', async (t) => {
  const vllm = await startUpstream(t, { kind: 'vllm' });
  const none = await house(t, { vllm });
  const refused = await none.server.post('/api/pull', { model: 'x' });
  assert.equal(refused.status, 502);
  assert.match(refused.json.error, /OLLAMA_BASE_URL/);
  const [a, b] = [await startUpstream(t), await startUpstream(t)];
  const config = `[provider.one]\nkind = ollama\nbase_url = ${a.url}\n[provider.two]\nkind = ollama\nbase_url = ${b.url}\n`;
  const two = await startTouchstone(t, { config });
  const several = await two.post('/api/pull', { model: 'x' });
  assert.equal(several.status, 400);
  assert.match(several.json.error, /one and two/);
  assert.equal(a.calls.length + b.calls.length, 0);
});

test('a server that is gone is told as such', async (t) => {
  const upstream = await startUpstream(t);
  const { server } = await house(t, { ollama: upstream });
  await upstream.stop();
  const got = await server.post('/api/copy', { source: 'a', destination: 'b' });
  assert.equal(got.status, 502);
  assert.match(got.json.error, /ollama/);
});

test('show asks the Ollama that has the model, by the name that it knows', async (t) => {
  const upstream = await startUpstream(t, { models: ['llama3.2:latest'] });
  upstream.onProbe = (call, probe) => (call.path === '/api/show' ? call.send(200, { modelfile: 'F', asked: call.json }) : call.send(200, probe));
  const { server } = await house(t, { ollama: upstream });
  const got = await server.post('/api/show', { name: 'llama3.2', verbose: true });
  assert.equal(got.status, 200, got.text);
  assert.equal(got.json.modelfile, 'F');
  assert.deepEqual(got.json.asked, { model: 'llama3.2:latest', verbose: true });
  assert.equal((await server.post('/api/show', { model: 'nope' })).status, 404);
  assert.equal((await server.post('/api/show', {})).status, 400);
});

test('show tells of other servers what they have told', async (t) => {
  const { ollama } = await house(t, { vllm: await startUpstream(t, { kind: 'vllm', models: ['m'] }) });
  const got = await ollama.show({ model: 'm' });
  assert.deepEqual(got.capabilities, ['completion']);
  assert.equal(got.details.family, '');
});

test('ps lists what is in memory on all servers, and waits for none that is silent', async (t) => {
  const up = await startUpstream(t);
  const silent = await startUpstream(t);
  up.onProbe = (call, probe) => call.send(200, call.path === '/api/ps' ? { models: [{ name: 'a', model: 'a', size: 7, size_vram: 7 }] } : probe);
  silent.onProbe = (call, probe) => (call.path === '/api/ps' ? call.sleep(20_000) : call.send(200, probe));
  const vllm = await startUpstream(t, { kind: 'vllm', models: ['m'] });
  const config = `[provider.one]\nkind = ollama\nbase_url = ${up.url}\n[provider.two]\nkind = ollama\nbase_url = ${silent.url}\n[provider.three]\nkind = vllm\nbase_url = ${vllm.url}\n`;
  const server = await startTouchstone(t, { config });
  const from = performance.now();
  const { models } = await new Ollama({ host: server.url }).ps();
  assert.ok(performance.now() - from < 4000 * slack);
  assert.deepEqual(models.map((m) => m.name), ['a', 'm']);
  assert.equal(models[0].size_vram, 7);
});

test('HEAD / says to Ollama clients that somebody is there', async (t) => {
  const { server } = await house(t, { ollama: await startUpstream(t) });
  assert.equal((await server.get('/', { method: 'HEAD' })).status, 200);
});
