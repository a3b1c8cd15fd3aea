// The real ollama client from npm, as an application uses it, against servers of every kind.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { Ollama } from 'ollama';

import { sql } from '../harness/sql.mjs';
import { slack, startTouchstone } from '../harness/touchstone.mjs';
import { answer, chat, startUpstream, trouble, vectors, words } from '../harness/upstream.mjs';

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

const CHAT = { model: 'llama3.2:7b', messages: [{ role: 'user', content: 'And the weather?' }] };
const TOOLS = [{ type: 'function', function: { name: 'weather', description: 'd', parameters: { type: 'object', properties: { city: { type: 'string' } } } } }];

for (const kind of ['ollama', 'vllm', 'lmstudio', 'llamacpp', 'openai']) {
  test(`chat streams from ${kind}`, async (t) => {
    const { ollama, server } = await client(t, kind, answer({ tokens: words(6), gapMs: 40, input: 12 }));
    const parts = [];
    const times = [];
    for await (const part of await ollama.chat({ ...CHAT, stream: true })) { parts.push(part); times.push(performance.now()); }
    assert.equal(parts.map((p) => p.message.content).join(''), words(6).join(''));
    assert.ok(parts.every((p) => p.message.role === 'assistant'));
    assert.ok(times.at(-1) - times[0] > 4 * 40, 'token by token');
    assert.equal(parts.at(-1).done_reason, 'stop');
    assert.equal(parts.at(-1).eval_count, 6);
    assert.equal(sql(server.db, 'SELECT output_tokens FROM model_performance_metrics')[0].output_tokens, 6);
  });

  test(`thought and calls of tools come from ${kind}, streamed and whole`, async (t) => {
    const calls = [{ id: 'c1', name: 'weather', input: { city: 'Köln' } }, { id: 'c2', name: 'weather', input: { city: 'Oslo', days: [1, 2] } }];
    const { ollama } = await client(t, kind, chat([{ thought: 'hm ' }, { thought: 'so' }, { text: 'Let me see.' }, ...calls.map((call) => ({ call }))], { kind }));
    const parts = [];
    for await (const part of await ollama.chat({ ...CHAT, tools: TOOLS, think: true, stream: true })) parts.push(part.message);
    const streamed = {
      content: parts.map((m) => m.content).join(''), thinking: parts.map((m) => m.thinking ?? '').join(''), tool_calls: parts.flatMap((m) => m.tool_calls ?? []),
    };
    const { message } = await ollama.chat({ ...CHAT, tools: TOOLS, think: true });
    for (const got of [streamed, message]) {
      assert.equal(got.content, 'Let me see.');
      assert.equal(got.thinking, 'hm so');
      assert.deepEqual(got.tool_calls.map((c) => [c.function.name, c.function.arguments]), calls.map((c) => [c.name, c.input]));
    }
  });

  test(`results of tools, pictures, options and a schema reach ${kind}`, async (t) => {
    const { ollama, upstream } = await client(t, kind, answer({ tokens: ['{}'] }));
    const schema = { type: 'object', properties: { a: { type: 'number' } } };
    await ollama.chat({
      ...CHAT,
      tools: TOOLS,
      format: schema,
      options: { temperature: 0.25, num_predict: 9 },
      messages: [
        { role: 'user', content: 'look', images: ['iVBORw0KGgo='] },
        { role: 'assistant', content: '', tool_calls: [{ function: { name: 'weather', arguments: { city: 'Rome' } } }] },
        { role: 'tool', tool_name: 'weather', content: 'sunny' },
      ],
    });
    const { json } = await upstream.call();
    if (kind === 'ollama') {
      assert.deepEqual(json.format, schema);
      assert.deepEqual(json.messages[0].images, ['iVBORw0KGgo=']);
      return;
    }
    const [user, assistant, result] = json.messages;
    assert.deepEqual(json.response_format.json_schema.schema, schema);
    assert.equal(json.temperature, 0.25);
    assert.equal(json.max_tokens ?? json.max_completion_tokens, 9);
    assert.equal(user.content[1].image_url.url, 'data:image/png;base64,iVBORw0KGgo=');
    assert.deepEqual(JSON.parse(assistant.tool_calls[0].function.arguments), { city: 'Rome' });
    assert.equal(result.tool_call_id, assistant.tool_calls[0].id);
  });

  test(`vectors come from ${kind}`, async (t) => {
    const { ollama } = await client(t, kind, vectors({ length: 4, input: 6 }));
    const got = await ollama.embed({ model: CHAT.model, input: ['gold', 'stone'] });
    assert.deepEqual(got.embeddings, [[0.1, -0.5, 0.25, -0.125], [1.1, -0.5, 0.25, -0.125]]);
    assert.equal(got.prompt_eval_count, 6);
    const older = await ollama.embeddings({ model: CHAT.model, prompt: 'gold' });
    assert.deepEqual(older.embedding, [0.1, -0.5, 0.25, -0.125]);
  });

  test(`a chat that ${kind} cuts makes the client throw`, async (t) => {
    const { ollama } = await client(t, kind, trouble(words(2), (call) => call.reset()));
    await assert.rejects(async () => { for await (const _ of await ollama.chat({ ...CHAT, stream: true })); });
    await assert.rejects(ollama.chat(CHAT));
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
