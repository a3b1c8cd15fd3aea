// The main job on a real engine: llama.cpp's own server, compiled, out of a package of the Python registry, with
// a tiny model of random weights that make_gguf.py writes. Skipped, with the reason, where it cannot be had.
//
// Every dialect is asked through touchstone, streamed and not, and so is the engine itself where it speaks the same:
// framing, counts, reasons and rows are compared, never words. The model is too small to call a tool by itself; that
// its definitions arrive is seen in how much longer the prompt becomes.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { cleanup } from '../harness/cleanup.mjs';
import { request } from '../harness/http.mjs';
import { sql } from '../harness/sql.mjs';
import { cleanEnv, freePort, root, scratch, startTouchstone } from '../harness/touchstone.mjs';

const venv = join(root, 'build/real-venv');
const python = join(venv, 'bin/python');
const model = join(root, 'build/tiny.gguf');
const PACKAGE = 'xllamacpp==2026.10.11549';
let missing;

before(() => {
  try {
    if (!existsSync(python)) execFileSync('python3', ['-m', 'venv', venv], { stdio: 'pipe' });
    try {
      execFileSync(python, ['-c', 'import xllamacpp'], { stdio: 'pipe' });
    } catch {
      console.log('fetching llama.cpp');
      execFileSync(python, ['-m', 'pip', 'install', '--quiet', '--only-binary', ':all:', PACKAGE], { stdio: 'pipe', timeout: 10 * 60_000 });
    }
    execFileSync('python3', [join(root, 'tests/real/make_gguf.py'), model]);
  } catch (error) {
    missing = `${PACKAGE} cannot be had here: ${String(error.stderr || error.message).trim().split('\n').at(-1)}`;
  }
}, { timeout: 12 * 60_000 });

async function engine(t, ...options) {
  const port = await freePort();
  const child = spawn(python, [join(root, 'tests/real/engine.py'), model, String(port), ...options],
    { env: cleanEnv(scratch(t)), stdio: ['pipe', 'pipe', 'pipe'] });
  let log = '';
  child.stdout.on('data', (b) => (log += b));
  child.stderr.on('data', (b) => (log += b));
  const closed = new Promise((done) => child.on('close', done));
  cleanup(t, async () => { child.kill('SIGKILL'); await closed; });
  const url = `http://127.0.0.1:${port}`;
  for (let i = 0; !(await request(`${url}/v1/models`).then((got) => got.status === 200, () => false)); i++) {
    assert.ok(i < 600 && child.exitCode === null, `the engine did not start:\n${log.slice(-3000)}`);
    await sleep(100);
  }
  return { url, kill: () => { child.kill('SIGKILL'); return closed; } };
}

test('a real engine: tokens stream, the row is true, a folded answer too', { timeout: 120_000 }, async (t) => {
  if (missing) return t.skip(missing);
  const llamacpp = await engine(t);
  const server = await startTouchstone(t, { upstreams: { llamacpp } });
  assert.deepEqual((await server.get('/api/tags')).json.models.map((m) => m.name), ['tiny']);

  const got = await server.post('/api/generate', { model: 'tiny', prompt: 'Tell me of a stone', options: { num_predict: 40, seed: 3 }, touchstone: { conversationId: 'real' } });
  assert.equal(got.status, 200, got.text);
  const last = got.lines.at(-1);
  assert.equal(last.done, true);
  assert.ok(['stop', 'length'].includes(last.done_reason), last.done_reason);
  const spoken = got.lines.filter((l) => l.response);
  assert.ok(spoken.length > 1, 'more than one token');
  const call = (await server.get(`/api/requests/${got.headers['x-touchstone-request-id']}`)).json;
  assert.equal(call.outcome, 'done');
  assert.ok(call.phases.ttftMs > 0 && call.phases.ttftMs <= call.phases.totalMs);
  const [row] = sql(server.db, 'SELECT * FROM model_performance_metrics');
  assert.equal(row.response_time_ms, Math.round(call.phases.totalMs));
  assert.ok(row.output_tokens >= spoken.length, `${row.output_tokens} tokens, ${spoken.length} pieces`);
  assert.equal(row.provider, 'llamacpp');
  t.diagnostic(`${spoken.length} pieces, ttft ${call.phases.ttftMs} ms, total ${call.phases.totalMs} ms, overhead ${call.phases.overheadUs} us`);

  const folded = await server.post('/api/generate', { model: 'tiny', prompt: 'Tell me of a stone', stream: false, options: { num_predict: 10 } });
  assert.equal(folded.status, 200, folded.text);
  assert.equal(folded.json.done, true);
  assert.equal((await server.get('/api/analytics/models')).json.summary.totalCalls, 2);
});

test('a real engine that is killed in the middle of a stream: an error line and a failed call', { timeout: 120_000 }, async (t) => {
  if (missing) return t.skip(missing);
  const llamacpp = await engine(t);
  const server = await startTouchstone(t, { upstreams: { llamacpp } });
  let killed;
  const got = await server.post('/api/generate', { model: 'tiny', prompt: 'go on', options: { num_predict: 1900 } }, {
    onChunk: () => { killed ??= llamacpp.kill(); },
  });
  await killed;
  const whole = got.lines.at(-1).done === true;
  const [row] = sql(server.db, 'SELECT success FROM model_performance_metrics');
  assert.equal(row.success, whole ? 1 : 0);
  if (!whole) assert.equal(typeof got.lines.at(-1).error, 'string');
});

test('a client that leaves a real engine stops it', { timeout: 120_000 }, async (t) => {
  if (missing) return t.skip(missing);
  const llamacpp = await engine(t);
  const server = await startTouchstone(t, { upstreams: { llamacpp } });
  const gone = new AbortController();
  await server.post('/api/generate', { model: 'tiny', prompt: 'go on', options: { num_predict: 1900 } }, { signal: gone.signal, onChunk: () => gone.abort() }).catch(() => {});
  const next = await server.post('/api/generate', { model: 'tiny', prompt: 'hello', options: { num_predict: 5 } });
  assert.equal(next.status, 200, next.text);
  const { summary } = (await server.get('/api/analytics/models')).json;
  assert.equal(summary.totalCalls, 2);
});

// -- every route ------------------------------------------------------------------------------------

const ASK = [{ role: 'user', content: 'Tell me of a stone' }];
const TOOL = { name: 'weigh', description: 'the weight of a stone in grams', schema: { type: 'object', properties: { stone: { type: 'string' } }, required: ['stone'] } };
const data = (got) => got.text.split('\n').filter((l) => l.startsWith('data: {')).map((l) => JSON.parse(l.slice(6)));

// The row of an answer, which must be there as soon as the answer is.
async function rowOf(server, got) {
  const call = await server.get(`/api/requests/${got.headers['x-touchstone-request-id']}`);
  assert.equal(call.status, 200, call.text);
  assert.equal(call.json.outcome, 'done');
  const { input, cacheRead, output, source } = call.json.tokens;
  assert.equal(source, 'provider');
  return { ...call.json, inputTokens: input + (cacheRead ?? 0), outputTokens: output };
}

test('a real engine in OpenAI\'s dialect: streamed and folded, counted as the engine counts', { timeout: 120_000 }, async (t) => {
  if (missing) return t.skip(missing);
  const llamacpp = await engine(t);
  const server = await startTouchstone(t, { upstreams: { llamacpp } });
  const ask = { model: 'tiny', messages: ASK, max_tokens: 24, seed: 7, temperature: 0 };

  const direct = (await request(`${llamacpp.url}/v1/chat/completions`, { method: 'POST', body: ask })).json;
  const folded = await server.post('/v1/chat/completions', ask);
  assert.equal(folded.status, 200, folded.text);
  assert.equal(folded.json.choices[0].message.content, direct.choices[0].message.content);
  assert.equal(folded.json.choices[0].finish_reason, direct.choices[0].finish_reason);
  for (const count of ['prompt_tokens', 'completion_tokens', 'total_tokens']) assert.equal(folded.json.usage[count], direct.usage[count], count);

  const streamed = await server.post('/v1/chat/completions', { ...ask, stream: true });
  assert.match(streamed.text, /data: \[DONE\]\s*$/);
  const chunks = data(streamed);
  assert.equal(chunks.map((c) => c.choices[0]?.delta.content ?? '').join(''), direct.choices[0].message.content);
  assert.ok(chunks.every((c) => c.choices.length > 0), 'usage that nobody asked for');
  const row = await rowOf(server, streamed);
  assert.equal(row.outputTokens, direct.usage.completion_tokens);
  assert.equal(row.inputTokens, direct.usage.prompt_tokens);
  assert.ok(row.phases.ttftMs > 0);

  const asked = data(await server.post('/v1/chat/completions', { ...ask, stream: true, stream_options: { include_usage: true } }));
  assert.equal(asked.at(-1).usage.completion_tokens, direct.usage.completion_tokens);

  const plain = await server.post('/v1/completions', { model: 'tiny', prompt: 'a stone', max_tokens: 8 });
  assert.equal(plain.status, 200, plain.text);
  assert.equal(plain.json.usage.completion_tokens, 8);
});

test('a real engine keeps to a schema, in the dialects that have one, and is told of tools', { timeout: 120_000 }, async (t) => {
  if (missing) return t.skip(missing);
  const llamacpp = await engine(t);
  const server = await startTouchstone(t, { upstreams: { llamacpp } });
  const schema = { type: 'object', properties: { pure: { type: 'boolean' }, carat: { type: 'integer', enum: [8, 14, 18] } }, required: ['pure', 'carat'], additionalProperties: false };
  const openai = await server.post('/v1/chat/completions', { model: 'tiny', messages: ASK, max_tokens: 200, response_format: { type: 'json_schema', json_schema: { name: 'stone', schema } } });
  assert.equal(openai.status, 200, openai.text);
  const ollama = await server.post('/api/chat', { model: 'tiny', messages: ASK, stream: false, format: schema, options: { num_predict: 200 } });
  assert.equal(ollama.status, 200, ollama.text);
  for (const text of [openai.json.choices[0].message.content, ollama.json.message.content]) {
    const said = JSON.parse(text);
    assert.equal(typeof said.pure, 'boolean', text);
    assert.ok([8, 14, 18].includes(said.carat), text);
  }
  const tools = [{ type: 'function', function: { name: TOOL.name, description: TOOL.description, parameters: TOOL.schema } }];
  for (const [route, more] of [
    ['/v1/chat/completions', { max_tokens: 4, tools }],
    ['/api/chat', { stream: false, options: { num_predict: 4 }, tools }],
    ['/v1/messages', { max_tokens: 4, tools: [{ name: TOOL.name, description: TOOL.description, input_schema: TOOL.schema }] }],
  ]) {
    const { tools: _, ...bare } = more;
    const [without, with_] = [await server.post(route, { model: 'tiny', messages: ASK, ...bare }), await server.post(route, { model: 'tiny', messages: ASK, ...more })];
    assert.equal(with_.status, 200, `${route}: ${with_.text}`);
    const [a, b] = [await rowOf(server, without), await rowOf(server, with_)];
    assert.ok(b.inputTokens > a.inputTokens, `${route}: ${b.inputTokens} tokens with tools, ${a.inputTokens} without`);
  }
});

test('a real engine for clients of Anthropic and Ollama: their framing, its counts', { timeout: 120_000 }, async (t) => {
  if (missing) return t.skip(missing);
  const llamacpp = await engine(t);
  const server = await startTouchstone(t, { upstreams: { llamacpp } });
  const direct = (await request(`${llamacpp.url}/v1/chat/completions`, { method: 'POST', body: { model: 'tiny', messages: ASK, max_tokens: 16, temperature: 0 } })).json;
  const text = direct.choices[0].message.content;

  const folded = await server.post('/v1/messages', { model: 'tiny', messages: ASK, max_tokens: 16, temperature: 0 });
  assert.equal(folded.status, 200, folded.text);
  assert.equal(folded.json.type, 'message');
  assert.equal(folded.json.content[0].text, text);
  assert.equal(folded.json.stop_reason, direct.choices[0].finish_reason === 'length' ? 'max_tokens' : 'end_turn');
  assert.equal(folded.json.usage.output_tokens, direct.usage.completion_tokens);
  const events = data(await server.post('/v1/messages', { model: 'tiny', messages: ASK, max_tokens: 16, temperature: 0, stream: true }));
  assert.deepEqual([events[0].type, events.at(-2).type, events.at(-1).type], ['message_start', 'message_delta', 'message_stop']);
  assert.equal(events.filter((e) => e.type === 'content_block_delta').map((e) => e.delta.text).join(''), text);
  assert.equal(events.at(-2).usage.output_tokens, direct.usage.completion_tokens);

  const chat = await server.post('/api/chat', { model: 'tiny', messages: ASK, options: { num_predict: 16, temperature: 0 } });
  assert.equal(chat.lines.map((l) => l.message?.content ?? '').join(''), text);
  const last = chat.lines.at(-1);
  assert.equal(last.done, true);
  assert.equal(last.eval_count, direct.usage.completion_tokens);
  assert.equal(last.prompt_eval_count, direct.usage.prompt_tokens);
});

test('a real engine that answers in the dialect of responses is passed on as it is', { timeout: 120_000 }, async (t) => {
  if (missing) return t.skip(missing);
  const llamacpp = await engine(t);
  const server = await startTouchstone(t, { upstreams: { llamacpp } });
  const ask = { model: 'tiny', input: 'Tell me of a stone', max_output_tokens: 12, temperature: 0 };
  const direct = (await request(`${llamacpp.url}/v1/responses`, { method: 'POST', body: ask })).json;
  const got = await server.post('/v1/responses', ask);
  assert.equal(got.status, 200, got.text);
  assert.equal(got.json.output[0].content[0].text, direct.output[0].content[0].text);
  assert.equal((await rowOf(server, got)).outputTokens, direct.usage.output_tokens);
  const streamed = await server.post('/v1/responses', { ...ask, stream: true });
  assert.equal(data(streamed).at(-1).type, 'response.completed', streamed.text.slice(-300));
  assert.equal((await rowOf(server, streamed)).outputTokens, direct.usage.output_tokens);
});

test('vectors of a real engine are the same in both dialects', { timeout: 120_000 }, async (t) => {
  if (missing) return t.skip(missing);
  const llamacpp = await engine(t, '--embedding');
  const server = await startTouchstone(t, { upstreams: { llamacpp } });
  const direct = (await request(`${llamacpp.url}/v1/embeddings`, { method: 'POST', body: { model: 'tiny', input: ['gold', 'a stone'] } })).json;
  const openai = await server.post('/v1/embeddings', { model: 'tiny', input: ['gold', 'a stone'] });
  assert.equal(openai.status, 200, openai.text);
  assert.deepEqual(openai.json.data.map((d) => d.embedding), direct.data.map((d) => d.embedding));
  const ollama = await server.post('/api/embed', { model: 'tiny', input: ['gold', 'a stone'] });
  assert.equal(ollama.status, 200, ollama.text);
  assert.deepEqual(ollama.json.embeddings, direct.data.map((d) => d.embedding));
  assert.equal((await rowOf(server, openai)).inputTokens, direct.usage.prompt_tokens);
});

test('two real engines beside each other: one prompt, both answers, a vote', { timeout: 120_000 }, async (t) => {
  if (missing) return t.skip(missing);
  const [a, b] = [await engine(t), await engine(t)];
  const config = `[provider.a]\nkind = llamacpp\nbase_url = ${a.url}\n\n[provider.b]\nkind = llamacpp\nbase_url = ${b.url}\n`;
  const server = await startTouchstone(t, { config });
  const got = await server.post('/api/compare', { prompt: 'Tell me of a stone', models: ['a/tiny', 'b/tiny'], max_tokens: 12 });
  assert.equal(got.status, 200, got.text);
  const events = data(got);
  assert.deepEqual([...new Set(events.map((e) => e.pane).filter((p) => p !== undefined))].sort(), [0, 1]);
  const { providers } = (await server.get('/api/providers')).json;
  assert.deepEqual(providers.map((p) => p.state), ['up', 'up']);
  assert.equal(sql(server.db, "SELECT count(*) AS n FROM calls WHERE outcome = 'done'")[0].n, 2);
  const vote = await server.post(`/api/compare/${got.headers['x-touchstone-request-id']}/vote`, { winner: 1 });
  assert.equal(vote.status, 200, vote.text);
  assert.equal(sql(server.db, 'SELECT won FROM comparisons WHERE pane = 1')[0].won, 1);
});
