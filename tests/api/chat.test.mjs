// Chats in both dialects, in front of servers of either: what goes on the wire where all goes well
// and where it does not. The clients' view is in tests/sdk.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sseEvents } from '../harness/http.mjs';
import { sql } from '../harness/sql.mjs';
import { startTouchstone } from '../harness/touchstone.mjs';
import { answer, sse, startUpstream, streamHead, trouble, words } from '../harness/upstream.mjs';

const MESSAGES = [{ role: 'user', content: 'Why is gold tested on a stone?' }];
const ASK = { model: 'm', messages: MESSAGES, stream: true };

async function behind(t, kind, reply) {
  const upstream = await startUpstream(t, { kind, models: ['m'], reply });
  return { upstream, server: await startTouchstone(t, { upstreams: { [kind]: upstream } }) };
}

const outcome = async (server, got) => (await server.get(`/api/requests/${got.headers['x-touchstone-request-id']}`)).json;
const lineOf = (text) => JSON.stringify({ model: 'm', message: { role: 'assistant', content: text }, done: false }) + '\n';

// -- the same dialect: bytes pass ---------------------------------------------------------------

const SAME = [['ollama', '/api/chat'], ['ollama', '/api/generate'], ['vllm', '/v1/chat/completions'], ['vllm', '/v1/completions']];

for (const [kind, path] of SAME) {
  test(`${path} to ${kind}: bytes pass as they are, both ways`, async (t) => {
    const said = [];
    const { server, upstream } = await behind(t, kind, async (call) => {
      const { chunk } = call;
      call.chunk = (text) => { said.push(text); chunk.call(call, text); };
      await answer({ tokens: ['é', ' "x"\n', '漢'] })(call);
    });
    const members = path.endsWith('chat') || path.includes('/chat/') ? `"messages" : [ {"role":"user","content":"h\\u00e4","new":1e2} ]` : '"prompt" : "h\\u00e4"';
    const usage = kind === 'vllm' ? ', "stream_options": {"include_usage": true}' : '';
    const sent = `{ "model":"m", ${members} , "unknown": {"a": [1.0, null]}, "stream": true${usage} , "touchstone": {"userId": "u"}}`;
    const got = await server.post(path, sent);
    assert.equal(got.status, 200, got.text);
    assert.equal(got.text, said.join(''));
    assert.equal((await upstream.call()).body, sent.replace(/ , "touchstone": {"userId": "u"}/, ''));
    for (const name of ['request-id', 'provider', 'model', 'attempts', 'overhead-us']) assert.ok(got.headers[`x-touchstone-${name}`], name);
    const [row] = sql(server.db, 'SELECT user_id FROM model_performance_metrics');
    assert.equal(row.user_id, 'u');
  });
}

// -- trouble ------------------------------------------------------------------------------------

const ROUTES = [['/api/chat', 'vllm'], ['/api/chat', 'ollama'], ['/api/generate', 'vllm'], ['/v1/chat/completions', 'ollama'], ['/v1/chat/completions', 'vllm'], ['/v1/completions', 'ollama']];

// The text that a client was told, and the error at the end, if there is one.
function heard(path, got) {
  const events = path.startsWith('/api/') ? got.lines : sseEvents(got.text.replace('data: [DONE]\n\n', ''));
  const text = events.map((e) => e.message?.content ?? e.response ?? e.choices?.[0]?.delta?.content ?? e.choices?.[0]?.text ?? '').join('');
  const error = events.at(-1).error;
  const done = path.startsWith('/api/') ? events.some((e) => e.done) : got.text.includes('[DONE]');
  return { text, error: error?.message ?? error, done };
}

const body = (path, stream) => (/chat/.test(path) ? { ...ASK, stream } : { model: 'm', prompt: 'x', stream });

for (const [path, kind] of ROUTES) {
  test(`${path} to ${kind}: an error in mid-stream is told in the client's words, with no good end`, async (t) => {
    const act = (call) => {
      call.chunk(kind === 'ollama' ? '{"error":"out of memory"}\n' : sse({ error: { message: 'out of memory', type: 'x', code: 500 } }) + sse('[DONE]'));
      call.end();
    };
    const { server } = await behind(t, kind, trouble(words(2), act));
    const got = await server.post(path, body(path, true));
    assert.equal(got.status, 200);
    assert.deepEqual(heard(path, got), { text: 'w0 w1 ', error: 'out of memory', done: false });
    assert.equal((await outcome(server, got)).outcome, 'upstream_error');
    const whole = await server.post(path, body(path, false));
    assert.equal(whole.status, 502);
    assert.match(whole.json.error?.message ?? whole.json.error, /out of memory/);
  });

  test(`${path} to ${kind}: an end without a reason is no end`, async (t) => {
    const { server } = await behind(t, kind, trouble(words(2), (call) => call.end()));
    const got = await server.post(path, body(path, true));
    const { text, error, done } = heard(path, got);
    assert.equal(text, 'w0 w1 ');
    assert.ok(error && !done, got.text);
    assert.equal((await outcome(server, got)).outcome, 'upstream_cut');
    assert.equal((await server.post(path, body(path, false))).status, 502);
  });

  test(`${path} to ${kind}: a refusal keeps its status and words`, async (t) => {
    const { server, upstream } = await behind(t, kind, (call) => call.send(400, kind === 'ollama' ? { error: 'too long' } : { error: { message: 'too long' } }));
    const got = await server.post(path, body(path, true));
    assert.equal(got.status, 400);
    assert.equal(got.json.error?.message ?? got.json.error, 'too long');
    upstream.reply = (call) => call.send(401, { error: 'no key' });
    assert.equal((await server.post(path, body(path, true))).status, 502, 'the key is ours, not the client\'s');
  });
}

test('arguments of a call that are no object are an error where one is wanted', async (t) => {
  const call = (input) => ({ choices: [{ index: 0, delta: { tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: input } }] } }] });
  const reply = (reason) => async (x) => {
    streamHead(x);
    x.chunk(sse(call('{"a": ')) + sse({ choices: [{ index: 0, delta: {}, finish_reason: reason }] }) + sse('[DONE]'));
    x.end();
  };
  const { server, upstream } = await behind(t, 'vllm', reply('tool_calls'));
  const got = await server.post('/api/chat', ASK);
  assert.match(heard('/api/chat', got).error, /arguments/);
  assert.equal((await outcome(server, got)).error.code, 'upstream_invalid');
  assert.equal((await server.post('/api/chat', { ...ASK, stream: false })).status, 502);
  upstream.reply = reply('length'); // the limit cut the call in two: what came before it counts
  const cut = await server.post('/api/chat', ASK);
  assert.equal(cut.lines.at(-1).done_reason, 'length');
});

test('events split anywhere, and many in one read, come out the same for clients of OpenAI', async (t) => {
  const tokens = ['é', '漢字', '🙂', ' "quoted"\n', '\\', 'end'];
  const { server, upstream } = await behind(t, 'ollama');
  for (const cut of [1, 3, 64, 1 << 20]) {
    upstream.reply = async (call) => {
      streamHead(call);
      const all = Buffer.from(tokens.map(lineOf).join('') + '{"done":true,"done_reason":"stop","eval_count":6}\n');
      for (let at = 0; at < all.length; at += cut) {
        const part = all.subarray(at, at + cut);
        call.raw(Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]));
      }
      call.end();
    };
    const got = await server.post('/v1/chat/completions', ASK);
    assert.equal(heard('/v1/chat/completions', got).text, tokens.join(''), `cut every ${cut} bytes`);
    assert.match(got.text, /\[DONE\]\n\n$/);
  }
});

test('a line of megabytes is translated, one beyond the limit is an error', async (t) => {
  const { server, upstream } = await behind(t, 'ollama');
  const say = (n) => async (call) => {
    streamHead(call);
    call.chunk(lineOf('x'.repeat(n)) + '{"done":true,"done_reason":"stop"}\n');
    call.end();
  };
  upstream.reply = say(5 << 20);
  const long = await server.post('/v1/chat/completions', { ...ASK, stream: false });
  assert.equal(long.json.choices[0].message.content.length, 5 << 20);
  upstream.reply = say(9 << 20);
  assert.equal((await server.post('/v1/chat/completions', { ...ASK, stream: false })).status, 502);
});

// -- what kind of work --------------------------------------------------------------------------

test('the newest message of the user, tools and attachments decide what kind of work it is', async (t) => {
  const { server } = await behind(t, 'vllm', answer());
  const kinds = async (members, path = '/v1/chat/completions') => {
    const got = await server.post(path, { model: 'm', ...members });
    assert.equal(got.status, 200, got.text);
    return (await outcome(server, got)).taskType;
  };
  const code = 'Write a Python function that sorts a list and fix the bug in this code: def f(x): return x';
  assert.equal(await kinds({ messages: [{ role: 'user', content: 'Tell me a poem' }, { role: 'assistant', content: '...' }, { role: 'user', content: code }] }), 'coding');
  assert.equal(await kinds({ messages: [{ role: 'user', content: [{ type: 'text', text: code }] }], stream: false }, '/v1/chat/completions'), 'coding');
  const tools = [{ type: 'function', function: { name: 'f', parameters: {} } }];
  assert.equal(await kinds({ messages: [{ role: 'user', content: 'hello' }], tools }), 'function_calling');
});

test('auto is a model on every route that writes', async (t) => {
  const { server, upstream } = await behind(t, 'ollama', answer());
  for (const path of ['/api/chat', '/api/generate', '/v1/chat/completions', '/v1/completions']) {
    const got = await server.post(path, { ...body(path, false), model: 'auto:speed' });
    assert.equal(got.status, 200, got.text);
    assert.equal(got.headers['x-touchstone-model'], 'm');
    assert.equal(got.json.model, 'm', 'the answer names the model that gave it');
  }
  assert.ok(upstream.calls.every((c) => c.json.model === 'm'));
});

test('an answer calls the model as its client does', async (t) => {
  const upstream = await startUpstream(t, { models: ['llama3.2:latest'], reply: answer() });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream } });
  for (const model of ['llama3.2', 'llama3.2:latest', 'ollama/llama3.2:latest'])
    assert.equal((await server.post('/v1/chat/completions', { model, messages: MESSAGES })).json.model, model);
});

test('what was said last and what was answered are kept where texts are, streamed, translated and unstreamed', async (t) => {
  const upstream = await startUpstream(t, { kind: 'vllm', models: ['m'], reply: answer({ tokens: ['on ', 'slate'] }) });
  const server = await startTouchstone(t, { upstreams: { vllm: upstream }, env: { TOUCHSTONE_CAPTURE: 'full' } });
  const messages = [{ role: 'user', content: 'first' }, { role: 'assistant', content: 'x' }, ...MESSAGES];
  const expected = { prompt: MESSAGES[0].content, answer: 'on slate', cut: false };
  for (const [path, more] of [['/v1/chat/completions', { stream: true }], ['/v1/chat/completions', {}], ['/api/chat', {}]])
    assert.deepEqual((await outcome(server, await server.post(path, { model: 'm', messages, ...more }))).texts, expected, path);
  const choice = (index, content) => ({ index, message: { role: 'assistant', content }, finish_reason: 'stop' });
  upstream.reply = (call) => call.send(200, { object: 'chat.completion', choices: [choice(0, 'on '), choice(1, 'slate')] });
  assert.deepEqual((await outcome(server, await server.post('/v1/chat/completions', { model: 'm', messages, n: 2 }))).texts, expected);
});

test('a chat without messages loads the model of an Ollama and leaves no row', async (t) => {
  const { server } = await behind(t, 'ollama', (call) => call.send(200, '{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"load"}\n', { 'Content-Type': 'application/x-ndjson' }));
  const got = await server.post('/api/chat', { model: 'm' });
  assert.equal(got.lines[0].done_reason, 'load');
  assert.equal(sql(server.db, 'SELECT count(*) AS n FROM calls')[0].n, 0);
});

test('chunks of a piece have what every client looks for', async (t) => {
  const { server } = await behind(t, 'ollama', answer({ tokens: ['a', 'b'] }));
  const got = await server.post('/v1/chat/completions', ASK);
  const events = sseEvents(got.text.replace('data: [DONE]\n\n', ''));
  assert.match(got.headers['content-type'], /^text\/event-stream/);
  assert.equal(new Set(events.map((e) => e.id)).size, 1);
  assert.ok(events.every((e) => e.object === 'chat.completion.chunk' && e.model === 'm' && Number.isInteger(e.created)));
  assert.equal(events[0].choices[0].delta.role, 'assistant');
  assert.deepEqual(events.map((e) => e.choices[0].finish_reason), [null, null, 'stop']);
});
