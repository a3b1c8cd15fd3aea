// Libraries that applications use on top of OpenAI's dialect: the AI SDK and LangChain, against
// servers of both dialects.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { embedMany, generateObject, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';

import { startTouchstone } from '../harness/touchstone.mjs';
import { answer, chat, startUpstream, trouble, vectors, words } from '../harness/upstream.mjs';

const KINDS = ['ollama', 'vllm', 'llamacpp'];
const PROMPT = 'Why is gold tested on a stone?';
const SCHEMA = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };
const CALL = { id: 'c1', name: 'weather', input: { city: 'Oslo' } };

async function house(t, kind, reply) {
  const upstream = await startUpstream(t, { kind, models: ['m'], reply });
  const server = await startTouchstone(t, { upstreams: { [kind]: upstream } });
  const provider = createOpenAICompatible({ name: 'touchstone', baseURL: `${server.url}/v1`, apiKey: 'any', includeUsage: true, supportsStructuredOutputs: true });
  const langchain = (more) => new ChatOpenAI({ model: 'm', apiKey: 'any', maxRetries: 0, configuration: { baseURL: `${server.url}/v1` }, ...more });
  return { upstream, server, provider, model: provider('m'), langchain };
}

// A model that calls a tool first and speaks once it has the result.
const agent = (kind) => (call) => (call.json.messages.some((m) => m.role === 'tool') ? answer({ tokens: ['It is ', 'sunny.'] }) : chat([{ thought: 'hm' }, { call: CALL }], { kind }))(call);

for (const kind of KINDS) {
  test(`the AI SDK streams text and thought from ${kind}`, async (t) => {
    const { model } = await house(t, kind, chat([{ thought: 'hm' }, { text: 'a' }, { text: 'b' }], { kind, input: 7, output: 3 }));
    const result = streamText({ model, prompt: PROMPT });
    let text = '';
    for await (const piece of result.textStream) text += piece;
    assert.equal(text, 'ab');
    assert.equal(await result.reasoningText, 'hm');
    assert.equal(await result.finishReason, 'stop');
    assert.equal((await result.usage).outputTokens, 3);
  });

  test(`the AI SDK runs a tool of ${kind} and goes on with its result`, async (t) => {
    const { model, upstream } = await house(t, kind, agent(kind));
    const asked = [];
    const weather = tool({ inputSchema: jsonSchema(SCHEMA), execute: (input) => { asked.push(input); return 'sunny'; } });
    const result = await generateText({ model, prompt: PROMPT, tools: { weather }, stopWhen: stepCountIs(3) });
    assert.equal(result.text, 'It is sunny.');
    assert.deepEqual(asked, [{ city: 'Oslo' }]);
    const second = (await upstream.call(1)).json.messages.at(-1);
    assert.match(second.content, /sunny/);
  });

  test(`the AI SDK gets an object by a schema from ${kind}`, async (t) => {
    const { model, upstream } = await house(t, kind, answer({ tokens: ['{"city":', '"Oslo"}'] }));
    const { object } = await generateObject({ model, schema: jsonSchema(SCHEMA), prompt: PROMPT });
    assert.deepEqual(object, { city: 'Oslo' });
    const { json } = await upstream.call();
    assert.deepEqual((json.format ?? json.response_format.json_schema.schema).properties, SCHEMA.properties);
  });

  test(`the AI SDK embeds with ${kind}`, async (t) => {
    const { provider } = await house(t, kind, vectors({ length: 4 }));
    const { embeddings } = await embedMany({ model: provider.textEmbeddingModel('m'), values: ['gold', 'stone'] });
    assert.deepEqual(embeddings.map((v) => v.length), [4, 4]);
  });

  test(`the AI SDK hears of a stream that ${kind} cuts`, async (t) => {
    const { model } = await house(t, kind, trouble(words(2), (call) => call.reset()));
    const errors = [];
    const result = streamText({ model, prompt: PROMPT, maxRetries: 0, onError: ({ error }) => errors.push(error) });
    await result.consumeStream();
    assert.ok(errors.length > 0 || (await result.finishReason.catch(() => 'error')) !== 'stop');
  });

  test(`LangChain streams and invokes ${kind}`, async (t) => {
    const { langchain } = await house(t, kind, answer({ tokens: words(3), input: 5 }));
    let text = '';
    for await (const chunk of await langchain().stream(PROMPT)) text += chunk.content;
    assert.equal(text, words(3).join(''));
    const whole = await langchain().invoke(PROMPT);
    assert.equal(whole.content, words(3).join(''));
    assert.equal(whole.usage_metadata.input_tokens, 5);
  });

  test(`LangChain binds tools and reads calls of ${kind}`, async (t) => {
    const { langchain } = await house(t, kind, agent(kind));
    const tools = [{ type: 'function', function: { name: 'weather', description: 'd', parameters: SCHEMA } }];
    const got = await langchain().bindTools(tools).invoke(PROMPT);
    assert.deepEqual(got.tool_calls.map((c) => [c.name, c.args]), [['weather', { city: 'Oslo' }]]);
  });

  test(`LangChain embeds with ${kind}`, async (t) => {
    const { server } = await house(t, kind, vectors({ length: 4 }));
    const embeddings = new OpenAIEmbeddings({ model: 'm', apiKey: 'any', configuration: { baseURL: `${server.url}/v1` } });
    assert.deepEqual((await embeddings.embedDocuments(['gold', 'stone'])).map((v) => v.length), [4, 4]);
  });
}
