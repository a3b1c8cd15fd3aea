// The real openai client from npm, as an application uses it, against servers of every kind.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import OpenAI from 'openai';

import { sql } from '../harness/sql.mjs';
import { slack, startTouchstone } from '../harness/touchstone.mjs';
import { answer, chat, startUpstream, trouble, vectors, words } from '../harness/upstream.mjs';

const KINDS = ['ollama', 'vllm', 'llamacpp', 'lmstudio', 'openai'];
const ASK = { model: 'm', messages: [{ role: 'user', content: 'Why is gold tested on a stone?' }] };
const TOOLS = [{ type: 'function', function: { name: 'weather', description: 'd', parameters: { type: 'object', properties: { city: { type: 'string' } } } } }];

async function client(t, kind, reply) {
  const upstream = await startUpstream(t, { kind, models: ['m'], reply });
  const server = await startTouchstone(t, { upstreams: { [kind]: upstream } });
  const openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'any', maxRetries: 0 });
  return { server, upstream, openai };
}

async function all(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const text = (chunks) => chunks.map((c) => c.choices[0]?.delta?.content ?? '').join('');

for (const kind of KINDS) {
  test(`a chat streams from ${kind}`, async (t) => {
    const { openai, server } = await client(t, kind, answer({ tokens: words(6), gapMs: 40, input: 12 }));
    const times = [];
    const chunks = [];
    for await (const chunk of await openai.chat.completions.create({ ...ASK, stream: true })) { chunks.push(chunk); times.push(performance.now()); }
    assert.equal(text(chunks), words(6).join(''));
    assert.ok(times.at(-1) - times[0] > 4 * 40, 'token by token');
    assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
    assert.ok(chunks.every((c) => c.choices.length === 1 && !c.usage), 'no event with usage that nobody asked for');
    assert.deepEqual(sql(server.db, 'SELECT input_tokens, output_tokens FROM model_performance_metrics'), [{ input_tokens: 12, output_tokens: 6 }]);
  });

  test(`usage comes with a stream from ${kind} where it is asked for`, async (t) => {
    const { openai } = await client(t, kind, answer({ tokens: words(3), input: 12 }));
    const chunks = await all(await openai.chat.completions.create({ ...ASK, stream: true, stream_options: { include_usage: true } }));
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.deepEqual(chunks.at(-1).usage, { prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 });
  });

  test(`a chat without streaming from ${kind}`, async (t) => {
    const { openai, upstream } = await client(t, kind, answer({ tokens: ['all ', 'at ', 'once'], input: 7 }));
    const got = await openai.chat.completions.create(ASK);
    assert.equal(got.object, 'chat.completion');
    assert.equal(got.choices[0].message.content, 'all at once');
    assert.equal(got.choices[0].finish_reason, 'stop');
    assert.deepEqual(got.usage, { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 });
    assert.equal((await upstream.call()).json.stream, true, 'upstream streams all the same');
  });

  test(`the beginning, thought and calls of tools come from ${kind}, streamed and whole`, async (t) => {
    const calls = [{ id: 'c1', name: 'weather', input: { city: 'Köln' } }, { id: 'c2', name: 'weather', input: { city: 'Oslo' } }];
    const { openai } = await client(t, kind, chat([{ thought: 'hm ' }, { thought: 'so' }, { text: 'Let me see.' }, ...calls.map((call) => ({ call }))], { kind }));
    const stream = openai.chat.completions.stream({ ...ASK, tools: TOOLS });
    const thoughts = [];
    stream.on('chunk', (c) => thoughts.push(c.choices[0]?.delta?.reasoning_content ?? c.choices[0]?.delta?.reasoning ?? ''));
    const streamed = await stream.finalChatCompletion();
    const folded = await openai.chat.completions.create({ ...ASK, tools: TOOLS });
    assert.equal(thoughts.join(''), 'hm so');
    assert.equal(folded.choices[0].message.reasoning_content, 'hm so');
    for (const { choices: [choice] } of [streamed, folded]) {
      assert.equal(choice.finish_reason, 'tool_calls');
      assert.equal(choice.message.content, 'Let me see.');
      assert.deepEqual(choice.message.tool_calls.map((c) => [c.type, c.function.name, JSON.parse(c.function.arguments)]), calls.map((c) => ['function', c.name, c.input]));
      assert.equal(new Set(choice.message.tool_calls.map((c) => c.id)).size, 2, 'each call has an id of its own');
    }
  });

  test(`results of tools and pictures reach ${kind}`, async (t) => {
    const { openai, upstream } = await client(t, kind, answer());
    const url = 'data:image/png;base64,iVBORw0KGgo=';
    await openai.chat.completions.create({
      model: 'm',
      tools: TOOLS,
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'what?' }, { type: 'image_url', image_url: { url } }] },
        { role: 'assistant', content: null, tool_calls: [{ id: 'c9', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } }] },
        { role: 'tool', tool_call_id: 'c9', content: 'sunny' },
      ],
    });
    const { json } = await upstream.call();
    const [user, assistant, result] = json.messages;
    assert.deepEqual(json.tools[0].function.name, 'weather');
    assert.equal(result.content, 'sunny');
    if (kind === 'ollama') {
      assert.deepEqual(user, { role: 'user', content: 'what?', images: ['iVBORw0KGgo='] });
      assert.deepEqual(assistant.tool_calls[0].function, { name: 'weather', arguments: { city: 'Rome' } });
      assert.equal(result.tool_name, 'weather');
    } else {
      assert.equal(user.content[1].image_url.url, url);
      assert.equal(assistant.tool_calls[0].function.arguments, '{"city":"Rome"}');
      assert.equal(result.tool_call_id, 'c9');
    }
  });

  test(`structured output is asked of ${kind} and parsed`, async (t) => {
    const schema = { type: 'object', properties: { a: { type: 'number' } }, required: ['a'], additionalProperties: false };
    const { openai, upstream } = await client(t, kind, answer({ tokens: ['{"a":', '1}'] }));
    const got = await openai.chat.completions.parse({ ...ASK, response_format: { type: 'json_schema', json_schema: { name: 'n', strict: true, schema } } });
    assert.deepEqual(JSON.parse(got.choices[0].message.content), { a: 1 });
    const { json } = await upstream.call();
    assert.deepEqual(kind === 'ollama' ? json.format : json.response_format.json_schema.schema, schema);
  });

  test(`a text is completed by ${kind}, streamed and whole`, async (t) => {
    const { openai } = await client(t, kind, answer({ tokens: ['a', 'b'], input: 3 }));
    const ask = { model: 'm', prompt: 'x', max_tokens: 5 };
    const chunks = await all(await openai.completions.create({ ...ask, stream: true }));
    assert.equal(chunks.map((c) => c.choices[0].text).join(''), 'ab');
    assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
    const got = await openai.completions.create(ask);
    assert.equal(got.object, 'text_completion');
    assert.equal(got.choices[0].text, 'ab');
    assert.equal(got.usage.completion_tokens, 2);
  });

  test(`vectors come from ${kind}, as base64 and as numbers`, async (t) => {
    const { openai, server, upstream } = await client(t, kind, vectors({ length: 5, input: 8 }));
    const wanted = [0, 1].map((i) => [i + 0.1, -0.5, 0.25, -0.125, 0.0625]);
    const input = ['gold', 'stone'];
    for (const more of [{}, { encoding_format: 'float' }, { encoding_format: 'base64' }]) {
      const got = await openai.embeddings.create({ model: 'm', input, ...more });
      const found = got.data.map((d) => (typeof d.embedding === 'string' ? [...new Float32Array(new Uint8Array(Buffer.from(d.embedding, 'base64')).buffer)] : d.embedding));
      assert.deepEqual(found.map((v) => v.map((x) => Math.round(x * 1e6) / 1e6)), wanted, JSON.stringify(more));
      assert.deepEqual(got.data.map((d) => d.index), [0, 1]);
      assert.equal(got.usage.prompt_tokens, 8);
    }
    assert.deepEqual((await upstream.call()).json.input, input);
    const rows = sql(server.db, 'SELECT task_type, input_tokens, output_tokens, success FROM model_performance_metrics');
    assert.deepEqual(rows[0], { task_type: 'embedding', input_tokens: 8, output_tokens: 0, success: 1 });
  });

  test(`a stream that ${kind} cuts makes the client throw, never end well`, async (t) => {
    const { openai } = await client(t, kind, trouble(words(2), (call) => call.reset()));
    await assert.rejects(async () => all(await openai.chat.completions.create({ ...ASK, stream: true })));
    await assert.rejects(openai.chat.completions.create(ASK), OpenAI.InternalServerError);
  });

  test(`an error of ${kind} has the class that the client knows`, async (t) => {
    const { openai, upstream } = await client(t, kind, (call) => call.send(400, kind === 'ollama' ? { error: 'too hot' } : { error: { message: 'too hot', type: 'x' } }));
    await assert.rejects(openai.chat.completions.create(ASK), (e) => e instanceof OpenAI.BadRequestError && /too hot/.test(e.message));
    upstream.reply = (call) => call.send(500, { error: { message: 'burnt' } });
    await assert.rejects(openai.chat.completions.create({ ...ASK, stream: true }), OpenAI.InternalServerError);
    upstream.reply = (call) => call.send(429, { error: { message: 'slow' } }, { 'Retry-After': '3' });
    await assert.rejects(openai.chat.completions.create(ASK), (e) => e instanceof OpenAI.RateLimitError && e.headers.get('retry-after') === '3');
    await assert.rejects(openai.chat.completions.create({ ...ASK, model: 'nope' }), (e) => e instanceof OpenAI.NotFoundError && e.code === 'model_not_found');
    await assert.rejects(openai.chat.completions.create({ model: 'm', messages: 'x' }), (e) => e instanceof OpenAI.BadRequestError && e.param === 'messages');
  });

  test(`abort in the client closes ${kind}`, async (t) => {
    const { openai, upstream } = await client(t, kind, answer({ tokens: words(500), gapMs: 20 }));
    const stream = await openai.chat.completions.create({ ...ASK, stream: true });
    let n = 0;
    for await (const _ of stream) if (++n === 3) stream.controller.abort();
    assert.ok(await Promise.race([(await upstream.call()).closed, sleep(1000 * slack)]), 'upstream is still open');
  });
}

test('several choices and logprobs pass whole from a server that speaks the dialect', async (t) => {
  const body = { id: 'x', object: 'chat.completion', created: 1, model: 'm', extra: [1], choices: [0, 1].map((index) => ({ index, message: { role: 'assistant', content: `c${index}` }, logprobs: { content: [] }, finish_reason: 'stop' })), usage: { prompt_tokens: 3, completion_tokens: 8, total_tokens: 11 } };
  const { openai, upstream, server } = await client(t, 'vllm', (call) => call.send(200, body));
  const got = await openai.chat.completions.create({ ...ASK, n: 2, logprobs: true });
  assert.deepEqual(JSON.parse(JSON.stringify(got)), body);
  assert.notEqual((await upstream.call()).json.stream, true);
  const [row] = sql(server.db, 'SELECT input_tokens, output_tokens, success FROM model_performance_metrics');
  assert.deepEqual(row, { input_tokens: 3, output_tokens: 8, success: 1 });
});

test('what an Ollama cannot be asked is refused by name', async (t) => {
  const { openai, upstream } = await client(t, 'ollama');
  await assert.rejects(openai.chat.completions.create({ ...ASK, n: 2 }), (e) => e.status === 400 && e.param === 'n');
  await assert.rejects(openai.chat.completions.create({ ...ASK, tools: TOOLS, tool_choice: 'required' }), (e) => e.status === 400 && e.param === 'tool_choice');
  assert.equal(upstream.calls.length, 0);
});

test('vectors of a server that makes no base64 are numbers all the same', async (t) => {
  const data = [{ object: 'embedding', index: 0, embedding: [0.5, -2] }];
  const { openai } = await client(t, 'lmstudio', (call) => call.send(200, { object: 'list', data, model: 'm', usage: { prompt_tokens: 1, total_tokens: 1 } }));
  const got = await openai.embeddings.create({ model: 'm', input: 'x' }); // asks for base64 by itself
  assert.deepEqual([...got.data[0].embedding], [0.5, -2]);
  const floats = await openai.embeddings.create({ model: 'm', input: 'x', encoding_format: 'float' });
  assert.deepEqual(floats.data, data);
});

test('tokens cannot be embedded by an Ollama, and auto names no model for vectors', async (t) => {
  const { openai } = await client(t, 'ollama', vectors());
  await assert.rejects(openai.embeddings.create({ model: 'm', input: [1, 2] }), (e) => e.status === 400 && e.param === 'input');
  await assert.rejects(openai.embeddings.create({ model: 'auto', input: 'x' }), (e) => e.status === 400 && e.param === 'model');
  await assert.rejects(openai.embeddings.create({ model: 'm', input: 'x', encoding_format: 'int8' }), (e) => e.status === 400 && e.param === 'encoding_format');
});

test('vectors never come from another model', async (t) => {
  const broken = await startUpstream(t, { kind: 'ollama', models: ['m'], reply: (call) => call.send(500, { error: 'no' }) });
  const other = await startUpstream(t, { kind: 'vllm', models: ['n'], reply: vectors() });
  const server = await startTouchstone(t, { upstreams: { ollama: broken, vllm: other } });
  const got = await server.post('/v1/embeddings', { model: 'm', input: 'x' });
  assert.equal(got.status, 502);
  assert.equal(other.calls.length, 0);
});

test('members that nobody knows survive a fold of the same dialect', async (t) => {
  const { openai } = await client(t, 'llamacpp', async (call) => {
    const event = (x) => call.chunk(`data: ${JSON.stringify({ id: 'i', object: 'chat.completion.chunk', created: 5, model: 'm', system_fingerprint: 'fp', ...x })}\n\n`);
    call.head(200, { 'Content-Type': 'text/event-stream', 'Transfer-Encoding': 'chunked' });
    event({ choices: [{ index: 0, delta: { role: 'assistant', content: 'a' }, finish_reason: null }] });
    event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop', stop_reason: 128 }] });
    event({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2, new: 1 }, timings: { predicted_ms: 1.25 } });
    call.chunk('data: [DONE]\n\n');
    call.end();
  });
  const got = await openai.chat.completions.create(ASK);
  assert.equal(got.id, 'i');
  assert.equal(got.system_fingerprint, 'fp');
  assert.deepEqual(got.timings, { predicted_ms: 1.25 });
  assert.deepEqual(got.usage, { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2, new: 1 });
  assert.equal(got.choices[0].stop_reason, 128);
  assert.equal(got.choices[0].message.content, 'a');
});

test('an explicit no to usage reaches the server', async (t) => {
  const { openai, upstream } = await client(t, 'vllm', answer());
  await all(await openai.chat.completions.create({ ...ASK, stream: true, stream_options: { include_usage: false } }));
  assert.deepEqual((await upstream.call()).json.stream_options, { include_usage: false });
});

test('models are listed and found', async (t) => {
  const { openai } = await client(t, 'vllm');
  assert.deepEqual((await openai.models.list()).data.map((m) => m.id), ['m']);
  assert.equal((await openai.models.retrieve('m')).id, 'm');
  await assert.rejects(openai.models.retrieve('nope'), OpenAI.NotFoundError);
});

test('auto answers with a model of the house', async (t) => {
  const { openai } = await client(t, 'vllm', answer({ tokens: ['yes'] }));
  const { data, response } = await openai.chat.completions.create({ ...ASK, model: 'auto' }).withResponse();
  assert.equal(data.choices[0].message.content, 'yes');
  assert.equal(response.headers.get('x-touchstone-model'), 'm');
});
