// The main job on a real engine: llama.cpp by way of llama-cpp-python's server from the Python package
// registry, with a tiny model of random weights that make_gguf.py writes. Skipped, with the reason,
// where the package cannot be had; building it takes some minutes the first time.
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
let missing;

before(() => {
  try {
    if (!existsSync(python)) execFileSync('python3', ['-m', 'venv', venv], { stdio: 'pipe' });
    try {
      execFileSync(python, ['-c', 'import llama_cpp.server.app'], { stdio: 'pipe' });
    } catch {
      console.log('fetching and building llama-cpp-python; this takes some minutes');
      execFileSync(python, ['-m', 'pip', 'install', '--quiet', 'llama-cpp-python[server]'], { stdio: 'pipe', timeout: 45 * 60_000 });
    }
    execFileSync('python3', [join(root, 'tests/real/make_gguf.py'), model]);
  } catch (error) {
    missing = `llama-cpp-python cannot be had here: ${String(error.stderr || error.message).trim().split('\n').at(-1)}`;
  }
}, { timeout: 50 * 60_000 });

async function engine(t) {
  const port = await freePort();
  const child = spawn(python, ['-m', 'llama_cpp.server', '--model', model, '--model_alias', 'tiny', '--host', '127.0.0.1', '--port', String(port), '--n_ctx', '2048'],
    { env: cleanEnv(scratch(t)), stdio: ['ignore', 'pipe', 'pipe'] });
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
