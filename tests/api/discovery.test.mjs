// Which servers and models there are, and how a name finds its model.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { sql } from '../harness/sql.mjs';
import { freePort, slack, startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream, words } from '../harness/upstream.mjs';

const names = (models) => models.map((m) => m.name ?? m.id).sort();

test('the models of all servers are listed in both dialects', async (t) => {
  const ollama = await startUpstream(t, { kind: 'ollama', models: ['llama3.2:7b', 'phi:latest'] });
  const vllm = await startUpstream(t, { kind: 'vllm', models: ['qwen2.5'] });
  const server = await startTouchstone(t, { upstreams: { ollama, vllm } });
  const tags = (await server.get('/api/tags')).json.models;
  assert.deepEqual(names(tags), ['llama3.2:7b', 'phi:latest', 'qwen2.5']);
  const llama = tags.find((m) => m.name === 'llama3.2:7b');
  assert.equal(llama.model, 'llama3.2:7b');
  assert.equal(llama.size, 4_000_000_000);
  assert.equal(llama.details.parameter_size, '7B');
  const list = (await server.get('/v1/models')).json;
  assert.equal(list.object, 'list');
  assert.deepEqual(names(list.data), ['llama3.2:7b', 'phi:latest', 'qwen2.5']);
  assert.ok(list.data.every((m) => m.object === 'model'));
});

test('a name without a tag means :latest, provider/name picks the server, the record has the discovered name', async (t) => {
  const ollama = await startUpstream(t, { models: ['phi:latest'] });
  const vllm = await startUpstream(t, { kind: 'vllm', models: ['phi', 'org/big'] });
  const server = await startTouchstone(t, { upstreams: { ollama, vllm } });
  const cases = [['phi:latest', 'ollama', 'phi:latest'], ['vllm/phi', 'vllm', 'phi'], ['ollama/phi', 'ollama', 'phi:latest'], ['org/big', 'vllm', 'org/big'], ['vllm/org/big', 'vllm', 'org/big']];
  for (const [asked, provider, model] of cases) {
    const got = await server.post('/api/generate', { model: asked, prompt: 'p' });
    assert.equal(got.status, 200, `${asked}: ${got.text}`);
    assert.equal(got.headers['x-touchstone-provider'], provider, asked);
    assert.equal(got.headers['x-touchstone-model'], model, asked);
  }
  assert.equal(JSON.parse((await vllm.call(0)).body).model, 'phi');
});

test('an unknown model is looked for once more, then 404 in the words of Ollama', async (t) => {
  const ollama = await startUpstream(t, { models: ['m'] });
  const server = await startTouchstone(t, { upstreams: { ollama } });
  const before = ollama.probes.filter((p) => p === 'GET /api/tags').length;
  const got = await server.post('/api/generate', { model: 'nope', prompt: 'p' });
  assert.equal(got.status, 404);
  assert.equal(typeof got.json.error, 'string');
  assert.match(got.json.error, /nope/);
  assert.ok(ollama.probes.filter((p) => p === 'GET /api/tags').length > before, 'asked again');
  ollama.models.push('nope');
  assert.equal((await server.post('/api/generate', { model: 'nope', prompt: 'p' })).status, 200, 'found by the request itself');
});

test('discovery never sends a prompt, and an unreachable server delays the start by a second at most', async (t) => {
  const ollama = await startUpstream(t, { models: ['m'] });
  const silent = await startUpstream(t, { kind: 'vllm', models: ['x'] });
  silent.onProbe = (call) => call.sleep(60_000);
  const started = performance.now();
  const server = await startTouchstone(t, { upstreams: { ollama, vllm: silent } });
  assert.ok(performance.now() - started < 1500 + 1500 * (slack - 1), `${performance.now() - started} ms`);
  assert.deepEqual(ollama.calls, []);
  assert.equal((await server.post('/api/generate', { model: 'm', prompt: 'p' })).status, 200);
});

test('a mute server holds up nobody: what others have is found at once, what nobody has is told soon', async (t) => {
  const ollama = await startUpstream(t, { models: ['m'] });
  const mute = await startUpstream(t, { kind: 'vllm', models: ['x'] });
  mute.onProbe = (call) => call.sleep(60_000);
  const server = await startTouchstone(t, { upstreams: { ollama, vllm: mute } });
  const timed = async (model) => {
    const started = performance.now();
    const { status } = await server.post('/api/generate', { model, prompt: 'p' });
    return { status, ms: performance.now() - started };
  };
  assert.equal((await timed('nope')).status, 404); // the round in which it is found to be mute ends here at the latest
  ollama.models.push('pulled');
  const pulled = await timed('pulled');
  assert.equal(pulled.status, 200);
  assert.ok(pulled.ms < 400 * slack, `found after ${pulled.ms} ms`); // rounds are 250 ms apart
  const nope = await timed('nope');
  assert.equal(nope.status, 404);
  assert.ok(nope.ms < 1000 * slack, `told after ${nope.ms} ms`);
  mute.onProbe = undefined;
  await sleep(2200); // the round that still waits for it
  assert.equal((await timed('x')).status, 200, 'it is asked all the same');
});

test('nobody waits for how busy a server is', async (t) => {
  const vllm = await startUpstream(t, { kind: 'vllm', models: ['m'] });
  const server = await startTouchstone(t, { upstreams: { vllm } });
  vllm.onProbe = (call, found) => (call.path === '/metrics' ? call.sleep(60_000) : call.send(found === null ? 404 : 200, found ?? {}));
  vllm.models.push('pulled');
  await sleep(300);
  const started = performance.now();
  assert.equal((await server.post('/v1/chat/completions', { model: 'pulled', messages: [{ role: 'user', content: 'p' }] })).status, 200);
  assert.ok(performance.now() - started < 200 * slack, `${performance.now() - started} ms`);
});

test('a server that comes later is found without a restart', async (t) => {
  const port = await freePort();
  const server = await startTouchstone(t, { env: { OLLAMA_BASE_URL: `http://127.0.0.1:${port}/v1` } });
  assert.equal((await server.get('/readyz')).json.status, 'degraded');
  assert.deepEqual((await server.get('/api/tags')).json.models, []);
  const upstream = await startUpstream(t, { models: ['m'] });
  await upstream.stop();
  await upstream.listen(port);
  assert.equal((await server.post('/api/generate', { model: 'm', prompt: 'p' })).status, 200);
  assert.equal((await server.get('/readyz')).json.status, 'ok');
});

test('rubbish in a list of models hurts nobody', async (t) => {
  const rubbish = ['', 'null', '[]', '{"models":5}', '{"models":[5,null,{"name":7},{"name":"good:1"}]}', '{"models":[', '{"models":[{"name":"' + 'x'.repeat(5000) + '"}]}'];
  const ollama = await startUpstream(t, { models: ['m'] });
  const server = await startTouchstone(t, { upstreams: { ollama } });
  for (const body of rubbish) {
    ollama.onProbe = (call, ok) => (call.path === '/api/tags' ? call.send(200, body) : call.send(200, ok));
    const got = await server.post('/api/generate', { model: 'nope', prompt: 'p' });
    assert.ok([404, 502].includes(got.status), `${body.slice(0, 30)}: ${got.status}`);
    assert.equal((await server.get('/healthz')).status, 200);
  }
});

test('a model server that still loads is asked again', async (t) => {
  const upstream = await startUpstream(t, { kind: 'llamacpp', models: ['m'] });
  upstream.onProbe = (call) => call.send(503, { error: { code: 503, message: 'Loading model', type: 'unavailable_error' } });
  const server = await startTouchstone(t, { upstreams: { llamacpp: upstream } });
  const { providers } = (await server.get('/api/providers')).json;
  assert.equal(providers[0].state, 'loading');
  upstream.onProbe = undefined;
  await sleep(50);
  assert.equal((await server.post('/api/generate', { model: 'm', prompt: 'p' })).status, 200);
});

test('a cloud exists only with a key, and the key goes nowhere else', async (t) => {
  const cloud = await startUpstream(t, { kind: 'openai', models: ['gpt-x'] });
  const ollama = await startUpstream(t, { models: ['m'] });
  const server = await startTouchstone(t, { upstreams: { openai: cloud, ollama } });
  assert.equal((await server.post('/api/generate', { model: 'gpt-x', prompt: 'p' })).status, 200);
  assert.equal((await cloud.call()).headers.authorization, 'Bearer sk-test');
  await server.post('/api/generate', { model: 'm', prompt: 'p' }, { headers: { authorization: 'Bearer mine', cookie: 'a=b' } });
  const { headers } = await ollama.call();
  assert.equal(headers.authorization, undefined);
  assert.equal(headers.cookie, undefined);
  const all = JSON.stringify((await server.get('/api/providers')).json) + server.stderr + server.stdout;
  assert.ok(!all.includes('sk-test'), 'the key is never shown');
});

test('local only means that no cloud is ever asked', async (t) => {
  const cloud = await startUpstream(t, { kind: 'openai', models: ['gpt-x'] });
  const ollama = await startUpstream(t, { models: ['m'], reply: (call) => call.send(500, { error: 'no' }) });
  const server = await startTouchstone(t, { upstreams: { openai: cloud, ollama }, env: { TOUCHSTONE_LOCAL_ONLY: 'on', TOUCHSTONE_FALLBACK: 'openai/gpt-x' } });
  assert.ok((await server.post('/api/generate', { model: 'm', prompt: 'p' })).status >= 500);
  assert.ok((await server.post('/api/generate', { model: 'gpt-x', prompt: 'p' })).status >= 400);
  assert.equal(cloud.calls.length, 0);
});

test('a failing local model never steps to a cloud that nobody named', async (t) => {
  const cloud = await startUpstream(t, { kind: 'openai', models: ['m', 'gpt-x'] });
  const ollama = await startUpstream(t, { models: ['m'], reply: (call) => call.send(500, { error: 'no' }) });
  const server = await startTouchstone(t, { upstreams: { openai: cloud, ollama } });
  assert.ok((await server.post('/api/generate', { model: 'ollama/m', prompt: 'p' })).status >= 500);
  assert.equal(cloud.calls.length, 0);
});

test('a server tells how busy it is, and what its calls of the last day were like', async (t) => {
  const upstream = await startUpstream(t, { kind: 'vllm', models: ['m'] });
  upstream.onProbe = (call, probe) => (call.path === '/metrics'
    ? call.send(200, 'vllm:num_requests_running{model_name="m"} 3.0\nvllm:num_requests_waiting{model_name="m"} 2.0\nvllm:kv_cache_usage_perc{model_name="m"} 0.5\n', { 'Content-Type': 'text/plain' })
    : call.send(probe === null ? 404 : 200, probe ?? {}));
  const server = await startTouchstone(t, { upstreams: { vllm: upstream } });
  for (let i = 0; i < 3; i++) await server.post('/api/generate', { model: 'm', prompt: 'p', stream: false });
  upstream.reply = (call) => call.send(400, { error: { message: 'no' } });
  await server.post('/api/generate', { model: 'm', prompt: 'p' });
  const [provider] = (await server.get('/api/providers')).json.providers;
  const { running, waiting, slots, cacheUsage, gpuMemoryBytes, at } = provider.load;
  assert.deepEqual([running, waiting, slots, cacheUsage, gpuMemoryBytes], [3, 2, null, 0.5, null]);
  assert.ok(Date.now() - Date.parse(at) < 60_000);
  assert.equal(provider.summary.totalCalls, 4);
  assert.equal(provider.summary.successRate, 75);
  assert.ok(provider.summary.avgResponseTime > 0);
});

test('while calls run the server and the machine are looked at, and the samples belong to the calls', async (t) => {
  const upstream = await startUpstream(t, { models: ['m'], reply: answer({ tokens: words(40), gapMs: 60 }) });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream } });
  assert.equal((await server.get('/api/providers')).json.providers[0].hardware, null, 'nothing has run yet');
  const got = await server.post('/api/generate', { model: 'm', prompt: 'p' }); // 2.4 s: at least one look
  const { hardware } = (await server.get('/api/providers')).json.providers[0];
  assert.ok(hardware.cpuPercent >= 0 && hardware.memoryBytes > 10e6, 'the model server is this test');
  assert.ok(hardware.hostCpuPercent >= 0 && hardware.hostCpuPercent <= 100);
  assert.ok(hardware.hostMemoryBytes <= hardware.hostMemoryTotalBytes);
  await server.stop();
  const rows = sql(server.db, 'SELECT provider, model, memory_bytes, host_memory_total_bytes FROM call_hardware');
  assert.ok(rows.length >= 1, got.text);
  assert.deepEqual([rows[0].provider, rows[0].model, rows[0].host_memory_total_bytes], ['ollama', 'm', hardware.hostMemoryTotalBytes]);
});
