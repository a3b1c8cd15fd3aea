// The real openai client on /v1/responses, which passes between those who speak it.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI from 'openai';

import { sseEvents } from '../harness/http.mjs';
import { body, replay } from '../harness/recording.mjs';
import { sql } from '../harness/sql.mjs';
import { startTouchstone } from '../harness/touchstone.mjs';
import { startUpstream } from '../harness/upstream.mjs';

async function client(t, kind, reply) {
  const upstream = await startUpstream(t, { kind, models: ['m'], reply });
  const server = await startTouchstone(t, { upstreams: { [kind]: upstream } });
  return { server, upstream, openai: new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'any', maxRetries: 0 }) };
}

const RECORDED = 'responses-stream.txt';
const last = () => sseEvents(body(RECORDED)).at(-1).response;

for (const kind of ['llamacpp', 'vllm', 'openai', 'ollama']) {
  test(`a recorded response streams from ${kind}, however it is cut`, async (t) => {
    const { openai, upstream, server } = await client(t, kind);
    for (const cut of [undefined, 1, 100]) {
      upstream.reply = replay(RECORDED, cut);
      const events = [];
      for await (const event of await openai.responses.create({ model: 'm', input: 'hello', stream: true })) events.push(event);
      assert.equal(events.filter((e) => e.type === 'response.output_text.delta').map((e) => e.delta).join(''), 'little so still false');
      assert.deepEqual(events.at(-1).response, last());
    }
    const call = await upstream.call();
    assert.equal(call.path, '/v1/responses');
    assert.deepEqual(call.json, { model: 'm', input: 'hello', stream: true });
    const [row] = sql(server.db, 'SELECT input_tokens, output_tokens, success FROM model_performance_metrics');
    assert.deepEqual(row, { input_tokens: 25, output_tokens: 4, success: 1 });
  });

  test(`a response without streaming is the one that the stream of ${kind} ends with`, async (t) => {
    const { openai } = await client(t, kind, replay(RECORDED));
    const got = await openai.responses.create({ model: 'm', input: 'hello' });
    assert.equal(got.output_text, 'little so still false');
    assert.deepEqual(got.output, last().output);
    assert.deepEqual(got.usage, last().usage);
  });

  test(`a response that ${kind} cuts makes the client throw`, async (t) => {
    const { openai, upstream } = await client(t, kind);
    upstream.reply = async (call) => {
      call.head(200, { 'Content-Type': 'text/event-stream', 'Transfer-Encoding': 'chunked' });
      call.chunk('event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"a"}\n\n');
      await call.sleep(30);
      call.reset();
    };
    await assert.rejects(async () => { for await (const _ of await openai.responses.create({ model: 'm', input: 'x', stream: true })); });
  });
}

test('what runs in the background passes as it is answered', async (t) => {
  const queued = { id: 'resp_1', object: 'response', status: 'queued', output: [], model: 'm' };
  const { openai, upstream } = await client(t, 'openai', (call) => call.send(200, queued));
  const got = await openai.responses.create({ model: 'm', input: 'x', background: true });
  assert.equal(got.status, 'queued');
  assert.equal((await upstream.call()).json.stream, undefined);
});

test('a server that does not know the route is an error that says what to do', async (t) => {
  const { openai } = await client(t, 'ollama', (call) => call.send(404, '404 page not found', { 'Content-Type': 'text/plain' }));
  await assert.rejects(openai.responses.create({ model: 'm', input: 'x' }), (e) => e.status === 400 && /does not serve \/v1\/responses/.test(e.message));
});

test('a failed response is an error of the server', async (t) => {
  const failed = { type: 'response.failed', response: { id: 'r', status: 'failed', error: { code: 'server_error', message: 'burnt' } } };
  const { openai } = await client(t, 'vllm', async (call) => {
    call.head(200, { 'Content-Type': 'text/event-stream', 'Transfer-Encoding': 'chunked' });
    call.chunk(`event: response.failed\ndata: ${JSON.stringify(failed)}\n\n`);
    call.end();
  });
  await assert.rejects(openai.responses.create({ model: 'm', input: 'x' }), (e) => e.status === 502 && /burnt/.test(e.message));
});
