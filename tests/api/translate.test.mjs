// Ollama's generate dialect in front, OpenAI-compatible servers behind.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { delays, sseEvents } from '../harness/http.mjs';
import { body, replay } from '../harness/recording.mjs';
import { sql } from '../harness/sql.mjs';
import { slack, startTouchstone } from '../harness/touchstone.mjs';
import { answer, piece, sse, startUpstream, streamHead, words } from '../harness/upstream.mjs';

const PROMPT = { model: 'tiny', prompt: 'Say something' };

async function behind(t, kind, reply) {
  const upstream = await startUpstream(t, { kind, models: ['tiny'], reply });
  const server = await startTouchstone(t, { upstreams: { [kind]: upstream } });
  return { upstream, server };
}

for (const kind of ['vllm', 'lmstudio', 'llamacpp']) {
  test(`a generate request reaches ${kind} and its stream comes back as Ollama's`, async (t) => {
    const { server, upstream } = await behind(t, kind, answer({ tokens: ['ein ', 'zwei ', 'drei ☃'], input: 9, output: 3, gapMs: 10 }));
    const got = await server.post('/api/generate', { ...PROMPT, system: 'Be brief', options: { temperature: 0.5, num_predict: 64, seed: 7, stop: ['END'] } });
    assert.equal(got.status, 200);
    assert.match(got.headers['content-type'], /^application\/x-ndjson/);
    assert.equal(got.lines.map((l) => l.response).join(''), 'ein zwei drei ☃');
    assert.ok(got.lines.every((l) => l.model === 'tiny' && !Number.isNaN(Date.parse(l.created_at))));
    const last = got.lines.at(-1);
    assert.equal(last.done, true);
    assert.equal(last.done_reason, 'stop');
    assert.equal(last.prompt_eval_count, 9);
    assert.equal(last.eval_count, 3);
    assert.ok(last.total_duration > 0, 'nanoseconds as Ollama tells them');

    const call = await upstream.call();
    assert.equal(call.path, '/v1/chat/completions');
    assert.equal(call.json.stream, true);
    assert.deepEqual(call.json.stream_options, { include_usage: true });
    assert.equal(call.json.model, 'tiny');
    assert.deepEqual(call.json.messages.map((m) => m.role), ['system', 'user']);
    assert.equal(call.json.messages.at(-1).content, 'Say something');
    assert.equal(call.json.temperature, 0.5);
    assert.equal(call.json.max_tokens ?? call.json.max_completion_tokens, 64);
    assert.equal(call.json.seed, 7);
    assert.deepEqual(call.json.stop, ['END']);

    const [row] = sql(server.db, 'SELECT provider, model, input_tokens, output_tokens, success FROM model_performance_metrics');
    assert.deepEqual(row, { provider: kind, model: 'tiny', input_tokens: 9, output_tokens: 3, success: 1 });
  });

  test(`an answer of ${kind} that was cut by length says so`, async (t) => {
    const { server } = await behind(t, kind, answer({ tokens: words(4), reason: 'length' }));
    const got = await server.post('/api/generate', PROMPT);
    assert.equal(got.lines.at(-1).done_reason, 'length');
  });
}

test('tokens of a translated stream arrive one by one', async (t) => {
  const { server, upstream } = await behind(t, 'llamacpp', answer({ tokens: words(10), gapMs: 40 }));
  const got = await server.post('/api/generate', PROMPT);
  const late = delays(got, (await upstream.call()).sentAt, 10);
  assert.ok(late.every((ms) => ms < 30 * slack), `ms from upstream to client: ${late.map((x) => x.toFixed(1))}`);
});

test('stream: false folds a translated stream into one object', async (t) => {
  const { server } = await behind(t, 'vllm', answer({ tokens: ['a', 'b', 'c'], input: 2 }));
  const got = await server.post('/api/generate', { ...PROMPT, stream: false });
  assert.equal(got.json.response, 'abc');
  assert.equal(got.json.done, true);
  assert.equal(got.json.prompt_eval_count, 2);
});

test('events split anywhere, and many in one read, come out the same', async (t) => {
  const tokens = ['é', '漢字', '🙂', ' "quoted"\n', '\\', 'end'];
  const reply = (cut) => async (call) => {
    streamHead(call);
    const all = Buffer.from(tokens.map((x) => piece(call.path, 'tiny', x)).join('')
      + sse({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })
      + sse({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 6, total_tokens: 7 } }) + sse('[DONE]'));
    for (let at = 0; at < all.length; at += cut) {
      const part = all.subarray(at, at + cut);
      call.raw(Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]));
      if (cut < 100 && at % (cut * 16) === 0) await call.sleep(1);
    }
    call.end();
  };
  const { server, upstream } = await behind(t, 'vllm');
  for (const cut of [1, 2, 3, 7, 64, 1 << 20]) {
    upstream.reply = reply(cut);
    const got = await server.post('/api/generate', PROMPT);
    assert.equal(got.lines.map((l) => l.response).join(''), tokens.join(''), `cut every ${cut} bytes`);
    assert.equal(got.lines.at(-1).eval_count, 6);
  }
});

for (const name of ['chat-stream.txt', 'chat-stream-usage-slow.txt', 'chat-stream-usage-single-read.txt', 'chat-stream-progress-timings.txt', 'chat-stream-reasoning.txt', 'chat-stream-logprobs.txt']) {
  test(`a recorded answer goes through whole, however it is cut: ${name}`, async (t) => {
    const deltas = sseEvents(body(name)).map((e) => e.choices?.[0]?.delta ?? {});
    const { server, upstream } = await behind(t, 'llamacpp');
    for (const cut of [undefined, 1, 100]) {
      upstream.reply = replay(name, cut);
      const got = await server.post('/api/generate', PROMPT);
      assert.equal(got.lines.map((l) => l.response ?? '').join(''), deltas.map((d) => d.content ?? '').join(''));
      assert.equal(got.lines.map((l) => l.thinking ?? '').join(''), deltas.map((d) => d.reasoning_content ?? '').join(''));
      assert.equal(got.lines.at(-1).done, true, got.text);
      assert.equal((await server.get(`/api/requests/${got.headers['x-touchstone-request-id']}`)).json.outcome, 'done');
    }
  });
}

test('the time to the first token is that of content, not of a role or of a ping', async (t) => {
  const { server } = await behind(t, 'llamacpp', async (call) => {
    streamHead(call);
    call.chunk(': ping\n\n');
    call.chunk(sse({ choices: [{ index: 0, delta: { role: 'assistant', content: null }, finish_reason: null }] }));
    call.chunk(sse({ choices: [{ index: 0, delta: { content: '' }, finish_reason: null }] }));
    await call.sleep(250);
    await answerRest(call);
  });
  const answerRest = async (call) => {
    call.chunk(piece(call.path, 'tiny', 'now'));
    call.chunk(sse({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }) + sse('[DONE]'));
    call.end();
  };
  const got = await server.post('/api/generate', PROMPT);
  const { phases } = (await server.get(`/api/requests/${got.headers['x-touchstone-request-id']}`)).json;
  assert.ok(phases.ttftMs >= 249 && phases.ttftMs < 250 + 60 * slack, `ttft ${phases.ttftMs}`);
});

test('tokens without usage are counted here and marked as a lower bound', async (t) => {
  const { server } = await behind(t, 'vllm', async (call) => {
    streamHead(call);
    for (const w of words(4)) call.chunk(piece(call.path, 'tiny', w));
    call.chunk(sse({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }) + sse('[DONE]'));
    call.end();
  });
  const got = await server.post('/api/generate', PROMPT);
  assert.equal(got.lines.at(-1).done, true);
  const [row] = sql(server.db, 'SELECT input_tokens, output_tokens FROM model_performance_metrics');
  assert.deepEqual(row, { input_tokens: null, output_tokens: 4 });
});
