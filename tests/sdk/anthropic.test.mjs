// The real Anthropic client from npm, as an application uses it, against servers of every kind; and
// Anthropic itself behind the clients of others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

import { sql } from '../harness/sql.mjs';
import { slack, startTouchstone } from '../harness/touchstone.mjs';
import { answer, chat, startUpstream, trouble, words } from '../harness/upstream.mjs';

const KINDS = ['anthropic', 'ollama', 'vllm', 'llamacpp', 'lmstudio', 'openai'];
const ASK = { model: 'm', max_tokens: 100, messages: [{ role: 'user', content: 'Why is gold tested on a stone?' }] };
const TOOLS = [{ name: 'weather', description: 'd', input_schema: { type: 'object', properties: { city: { type: 'string' } } } }];

async function client(t, kind, reply) {
  const upstream = await startUpstream(t, { kind, models: ['m'], reply });
  const server = await startTouchstone(t, { upstreams: { [kind]: upstream } });
  const anthropic = new Anthropic({ baseURL: server.url, apiKey: 'any', maxRetries: 0 });
  return { server, upstream, anthropic };
}

for (const kind of KINDS) {
  test(`a message streams from ${kind}`, async (t) => {
    const { anthropic, server } = await client(t, kind, answer({ tokens: words(6), gapMs: 40, input: 12 }));
    const times = [];
    const stream = anthropic.messages.stream(ASK);
    stream.on('text', () => times.push(performance.now()));
    const message = await stream.finalMessage();
    assert.deepEqual(message.content, [{ type: 'text', text: words(6).join('') }]);
    assert.equal(message.stop_reason, 'end_turn');
    assert.equal(message.usage.output_tokens, 6);
    assert.equal(message.usage.input_tokens, 12);
    assert.ok(times.at(-1) - times[0] > 4 * 40, 'token by token');
    assert.deepEqual(sql(server.db, 'SELECT input_tokens, output_tokens, success FROM model_performance_metrics'), [{ input_tokens: 12, output_tokens: 6, success: 1 }]);
  });

  test(`a message without streaming from ${kind}`, async (t) => {
    const { anthropic, upstream } = await client(t, kind, answer({ tokens: ['all ', 'at ', 'once'], input: 7 }));
    const got = await anthropic.messages.create(ASK);
    assert.equal(got.type, 'message');
    assert.deepEqual(got.content, [{ type: 'text', text: 'all at once' }]);
    assert.equal(got.stop_reason, 'end_turn');
    assert.equal(got.usage.input_tokens, 7);
    assert.equal(got.usage.output_tokens, 3);
    assert.equal((await upstream.call()).json.stream, true, 'upstream streams all the same');
  });

  test(`thought, text and calls of tools come from ${kind}, streamed and whole`, async (t) => {
    const calls = [{ id: 'c1', name: 'weather', input: { city: 'Köln' } }, { id: 'c2', name: 'weather', input: { city: 'Oslo' } }];
    const parts = [{ thought: 'hm' }, { text: 'Let me see.' }, ...calls.map((call) => ({ call }))];
    const { anthropic } = await client(t, kind, chat(parts, { kind }));
    const streamed = await anthropic.messages.stream({ ...ASK, tools: TOOLS }).finalMessage();
    const folded = await anthropic.messages.create({ ...ASK, tools: TOOLS });
    for (const { content, stop_reason } of [streamed, folded]) {
      assert.equal(stop_reason, 'tool_use');
      const [thinking, text, ...uses] = content;
      assert.equal(thinking.thinking, 'hm');
      assert.equal(thinking.signature, kind === 'anthropic' ? 'sig-hm' : '');
      assert.equal(text.text, 'Let me see.');
      assert.deepEqual(uses.map((u) => [u.type, u.name, u.input]), calls.map((c) => ['tool_use', c.name, c.input]));
      assert.equal(new Set(uses.map((u) => u.id)).size, 2, 'each call has an id of its own');
    }
  });

  test(`a client that leaves ends the work of ${kind}`, async (t) => {
    const { anthropic, upstream } = await client(t, kind, answer({ tokens: words(500), gapMs: 20 }));
    const stream = anthropic.messages.stream(ASK);
    stream.on('text', () => stream.abort());
    await assert.rejects(stream.finalMessage());
    const left = performance.now();
    const closed = await (await upstream.call()).closed;
    assert.ok(closed - left < 100 * slack, `${closed - left} ms`);
  });

  test(`a stream of ${kind} that breaks off is an error of the client's`, async (t) => {
    const { anthropic, server } = await client(t, kind, trouble(words(2), (call) => call.close()));
    await assert.rejects(anthropic.messages.stream(ASK).finalMessage(), (e) => e instanceof Anthropic.APIError && e.error.error.type === 'api_error');
    for (let i = 0; i < 50 && sql(server.db, 'SELECT 1 FROM call').length === 0; i++) await sleep(20);
    assert.deepEqual(sql(server.db, 'SELECT success FROM model_performance_metrics'), [{ success: 0 }]);
  });
}

test('errors have the shape that the client knows', async (t) => {
  const { anthropic } = await client(t, 'ollama', answer());
  await assert.rejects(anthropic.messages.create({ ...ASK, model: 'nobody' }), (e) => e instanceof Anthropic.NotFoundError && e.error.error.type === 'not_found_error');
  await assert.rejects(anthropic.messages.create({ ...ASK, messages: 'hello' }), (e) => e instanceof Anthropic.BadRequestError && e.error.error.type === 'invalid_request_error');
});

test('what Anthropic answers passes unchanged, with its limits and what the client asks of it', async (t) => {
  const { anthropic, upstream, server } = await client(t, 'anthropic', async (call) => {
    const event = (type, members) => `event: ${type}\ndata: ${JSON.stringify({ type, ...members })}\n\n`;
    call.head(200, { 'Content-Type': 'text/event-stream', 'anthropic-ratelimit-requests-remaining': '7', 'Transfer-Encoding': 'chunked' });
    call.chunk(event('message_start', { message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [], stop_reason: null, stop_sequence: null, container: { id: 'c' }, usage: { input_tokens: 3, cache_read_input_tokens: 5, cache_creation_input_tokens: 2, output_tokens: 1, service_tier: 'standard' } } })
      + event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) + event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'hi' } })
      + event('content_block_stop', { index: 0 }) + event('message_delta', { delta: { stop_reason: 'stop_sequence', stop_sequence: 'END' }, usage: { output_tokens: 4 } }) + event('message_stop'));
    call.end();
  });
  const { data, response } = await anthropic.messages.create({ ...ASK, metadata: { user_id: 'u' } }, { headers: { 'anthropic-beta': 'some-beta' } }).withResponse();
  assert.equal(response.headers.get('anthropic-ratelimit-requests-remaining'), '7');
  assert.deepEqual(data.usage, { input_tokens: 3, cache_read_input_tokens: 5, cache_creation_input_tokens: 2, output_tokens: 4, service_tier: 'standard' });
  assert.deepEqual([data.id, data.stop_reason, data.stop_sequence, data.container], ['msg_1', 'stop_sequence', 'END', { id: 'c' }]);
  const { headers, json } = await upstream.call();
  assert.equal(headers['anthropic-beta'], 'some-beta');
  assert.equal(headers['anthropic-version'], '2023-06-01');
  assert.equal(headers['x-api-key'], 'sk-test');
  assert.deepEqual(json.metadata, { user_id: 'u' });
  assert.deepEqual(sql(server.db, 'SELECT fresh_tokens, cache_read_tokens, cache_write_tokens, output_tokens FROM call'), [{ fresh_tokens: 3, cache_read_tokens: 5, cache_write_tokens: 2, output_tokens: 4 }]);
});

test('thinking is asked of Anthropic whole, as encrypted thought is lost in no fold', async (t) => {
  const { anthropic, upstream } = await client(t, 'anthropic', (call) => call.send(200, {
    id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [{ type: 'redacted_thinking', data: 'xyz' }, { type: 'text', text: 'a' }],
    stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 3, output_tokens: 9 },
  }));
  const got = await anthropic.messages.create({ ...ASK, max_tokens: 4000, thinking: { type: 'enabled', budget_tokens: 1024 } });
  assert.deepEqual(got.content[0], { type: 'redacted_thinking', data: 'xyz' });
  assert.ok(!(await upstream.call()).json.stream);
});

test('a client of OpenAI reaches Anthropic: text, tools, their results', async (t) => {
  const call = { id: 'toolu_1', name: 'weather', input: { city: 'Rome' } };
  const { server, upstream } = await client(t, 'anthropic', chat([{ text: 'Let me see.' }, { call }]));
  const openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'any', maxRetries: 0 });
  const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }];
  const messages = [{ role: 'system', content: 'be brief' }, { role: 'user', content: 'weather?' }];
  const { choices: [{ message, finish_reason }], usage } = await openai.chat.completions.create({ model: 'm', messages, tools });
  assert.equal(finish_reason, 'tool_calls');
  assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), { city: 'Rome' });
  assert.deepEqual([usage.prompt_tokens, usage.completion_tokens], [11, 2]);
  await openai.chat.completions.create({ model: 'm', messages: [...messages, message, { role: 'tool', tool_call_id: 'toolu_1', content: 'sunny' }], tools });
  const { json } = await upstream.call(1);
  assert.deepEqual(json.system, [{ type: 'text', text: 'be brief' }]);
  assert.deepEqual(json.messages.at(-1), { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: [{ type: 'text', text: 'sunny' }] }] });
  assert.ok(json.max_tokens > 0);
});

test('Anthropic counts tokens, and no row is made of it; another server is not asked', async (t) => {
  const { anthropic, upstream, server } = await client(t, 'anthropic', (call) => call.send(200, { input_tokens: 42 }));
  assert.deepEqual(await anthropic.messages.countTokens({ model: 'm', messages: ASK.messages }), { input_tokens: 42 });
  const call = await upstream.call();
  assert.equal(call.path, '/v1/messages/count_tokens');
  assert.deepEqual(call.json, { model: 'm', messages: ASK.messages });
  assert.deepEqual(sql(server.db, 'SELECT count(*) AS n FROM call'), [{ n: 0 }]);
  const local = await client(t, 'ollama', answer());
  await assert.rejects(local.anthropic.messages.countTokens({ model: 'm', messages: ASK.messages }), Anthropic.BadRequestError);
  assert.equal(local.upstream.calls.length, 0);
});
