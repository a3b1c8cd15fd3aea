// The real ollama client from npm on /api/generate, as an application uses it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { Ollama } from 'ollama';

import { sql } from '../harness/sql.mjs';
import { slack, startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream, trouble, words } from '../harness/upstream.mjs';

async function client(t, kind, reply) {
  const upstream = await startUpstream(t, { kind, models: ['llama3.2:7b'], reply });
  const server = await startTouchstone(t, { upstreams: { [kind]: upstream } });
  return { server, upstream, ollama: new Ollama({ host: server.url }) };
}

const REQUEST = { model: 'llama3.2:7b', prompt: 'Why is gold tested on a stone?' };

for (const kind of ['ollama', 'vllm', 'lmstudio', 'llamacpp']) {
  test(`generate streams from ${kind}`, async (t) => {
    const { ollama, server } = await client(t, kind, answer({ tokens: words(6), gapMs: 40, input: 12 }));
    const parts = [];
    const times = [];
    for await (const part of await ollama.generate({ ...REQUEST, stream: true })) { parts.push(part); times.push(performance.now()); }
    assert.equal(parts.map((p) => p.response).join(''), words(6).join(''));
    assert.equal(parts.at(-1).done, true);
    assert.equal(parts.at(-1).eval_count, 6);
    assert.equal(parts.at(-1).prompt_eval_count, 12);
    assert.ok(times.at(-1) - times[0] > 4 * 40, 'token by token');
    assert.equal(sql(server.db, 'SELECT output_tokens FROM model_performance_metrics')[0].output_tokens, 6);
  });

  test(`generate without streaming from ${kind}`, async (t) => {
    const { ollama } = await client(t, kind, answer({ tokens: ['all ', 'at ', 'once'] }));
    const got = await ollama.generate(REQUEST);
    assert.equal(got.response, 'all at once');
    assert.equal(got.done, true);
  });

  test(`a stream that ${kind} cuts makes the client throw`, async (t) => {
    const { ollama } = await client(t, kind, trouble(words(2), (call) => call.reset()));
    await assert.rejects(async () => { for await (const _ of await ollama.generate({ ...REQUEST, stream: true })); });
  });

  test(`abort in the client closes ${kind}`, async (t) => {
    const { ollama, upstream } = await client(t, kind, answer({ tokens: words(500), gapMs: 20 }));
    await assert.rejects(async () => {
      let n = 0;
      for await (const _ of await ollama.generate({ ...REQUEST, stream: true })) if (++n === 3) ollama.abort();
    }, { name: 'AbortError' });
    assert.ok(await Promise.race([(await upstream.call()).closed, sleep(1000 * slack)]), 'upstream is still open');
  });
}

test('an unknown model is the error that the client knows', async (t) => {
  const { ollama } = await client(t, 'ollama');
  await assert.rejects(ollama.generate({ ...REQUEST, model: 'nope' }), (error) => error.status_code === 404 && /nope/.test(error.message));
});

test('list and version work', async (t) => {
  const { ollama } = await client(t, 'ollama');
  const { models } = await ollama.list();
  assert.deepEqual(models.map((m) => m.name), ['llama3.2:7b']);
  assert.ok((await ollama.version()).version);
});

test('options, format, images and keep_alive reach an Ollama unchanged', async (t) => {
  const { ollama, upstream } = await client(t, 'ollama', answer({ tokens: ['{}'] }));
  const image = Buffer.alloc(300_000, 7).toString('base64');
  await ollama.generate({ ...REQUEST, options: { temperature: 0.1, num_ctx: 4096 }, format: 'json', images: [image], keep_alive: '5m', system: 's', template: 't', raw: false, suffix: 'x' });
  const { json } = await upstream.call();
  assert.deepEqual(json.options, { temperature: 0.1, num_ctx: 4096 });
  assert.equal(json.format, 'json');
  assert.deepEqual(json.images, [image]);
  assert.equal(json.keep_alive, '5m');
  assert.equal(json.system, 's');
});
