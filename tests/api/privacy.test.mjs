// What is kept of a call, and what is not; and the trace it is part of.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { sql } from '../harness/sql.mjs';
import { startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream, words } from '../harness/upstream.mjs';

const PROMPT = 'canary-prompt-7f3a';
const ANSWER = 'canary-answer-91bc';
const KEY = 'canary-key-c0ffee-0123456789';

async function start(t, { reply = answer({ tokens: [ANSWER, ...words(3)] }), env = {} } = {}) {
  const upstream = await startUpstream(t, { models: ['m'], reply });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream }, env: { TOUCHSTONE_LOG: 'debug', ...env } });
  const generate = (body, options) => server.post('/api/generate', { model: 'm', prompt: PROMPT, ...body }, options);
  return { server, upstream, generate };
}

// The files of the server's folder that hold a text; its log counts as a file.
function holders(server, text) {
  const found = readdirSync(server.folder).map((name) => join(server.folder, name)).filter((path) => statSync(path).isFile() && readFileSync(path).includes(text));
  if (server.stderr.includes(text) || server.stdout.includes(text)) found.push('the log');
  return found;
}

test('prompts, answers and keys are in no file, log line or error, whatever goes wrong', async (t) => {
  const { server, upstream, generate } = await start(t, { env: { TOUCHSTONE_API_KEY: KEY } });
  const auth = { headers: { authorization: `Bearer ${KEY}` } };
  const answers = [await generate({}, auth)];
  upstream.reply = (call) => call.send(500, { error: 'it broke' });
  answers.push(await generate({}, auth));
  upstream.reply = (call) => call.reset();
  answers.push(await generate({ stream: false }, auth));
  answers.push(await generate({ model: 'nobody' }, auth));
  answers.push(await generate({ prompt: 7, note: PROMPT }, auth));
  answers.push(await generate({}, { headers: { authorization: `Bearer ${KEY}x` } }));
  assert.deepEqual(answers.slice(0, 1).map((a) => a.status), [200]);
  for (const got of answers.slice(1)) assert.ok(!got.text.includes(PROMPT) && !got.text.includes(KEY), got.text);
  for (const path of ['/api/requests', '/api/analytics/models', '/api/providers', '/metrics', '/readyz'])
    assert.doesNotMatch((await server.get(path, auth)).text, /canary/);
  await server.stop();
  for (const text of [PROMPT, ANSWER, KEY]) assert.deepEqual(holders(server, text), [], text);
});

test('with tracking off there is no row and no file grows', async (t) => {
  const { server, generate } = await start(t, { env: { TOUCHSTONE_TRACKING: 'off', TOUCHSTONE_CAPTURE: 'full' } });
  const sizes = () => readdirSync(server.folder).sort().map((name) => [name, statSync(join(server.folder, name)).size]);
  const before = sizes();
  for (let i = 0; i < 20; i++) assert.equal((await generate()).status, 200);
  assert.deepEqual(sizes(), before);
  assert.deepEqual(sql(server.db, 'SELECT count(*) AS n FROM call'), [{ n: 0 }]);
  assert.deepEqual((await server.get('/api/requests')).json.requests, []);
  await server.stop();
  for (const text of [PROMPT, ANSWER]) assert.deepEqual(holders(server, text), [], text);
});

const texts = async (server, got) => (await server.get(`/api/requests/${got.headers['x-touchstone-request-id']}`)).json.texts;

test('texts are kept as far as was asked for, beside the call and deleted with it', async (t) => {
  for (const [capture, expected] of [['none', null], ['prompts', { prompt: PROMPT, answer: null, cut: false }], ['full', { prompt: PROMPT, answer: 'canary-answer-91bcäb', cut: false }]]) {
    const { server, upstream, generate } = await start(t, { reply: answer({ tokens: [ANSWER, 'ä', 'b'] }), env: { TOUCHSTONE_CAPTURE: capture } });
    assert.deepEqual(await texts(server, await generate()), expected, capture);
    assert.deepEqual(await texts(server, await generate({ stream: false })), expected, `${capture}, whole`);
    upstream.reply = (call) => { call.head(200, { 'Transfer-Encoding': 'chunked' }); call.chunk(`{"model":"m","response":"${ANSWER}","done":false}\n`); call.reset(); };
    assert.deepEqual(await texts(server, await generate()), expected && { ...expected, answer: expected.answer && ANSWER }, `${capture}, broken off`);
    const rows = sql(server.db, 'SELECT count(*) AS n FROM call_text')[0].n;
    assert.equal(rows, expected ? 3 : 0);
    assert.doesNotMatch(server.stderr, /canary/);
    assert.doesNotMatch((await server.get('/api/requests')).text, /canary/, 'the list is without texts');
    await server.stop();
    const left = execFileSync('sqlite3', [server.db, 'PRAGMA foreign_keys = ON; DELETE FROM call; SELECT count(*) FROM call_text']);
    assert.equal(String(left).trim(), '0');
  }
});

test('long texts are cut between characters, and say so', async (t) => {
  const { server, generate } = await start(t, { reply: answer({ tokens: Array(30).fill('ü'.repeat(2000)) }), env: { TOUCHSTONE_CAPTURE: 'full' } });
  const kept = await texts(server, await generate({ prompt: `x${'ä'.repeat(100_000)}` }));
  assert.equal(kept.cut, true);
  assert.match(kept.prompt, /^xä+$/);
  assert.match(kept.answer, /^ü+$/);
  for (const text of [kept.prompt, kept.answer]) assert.ok(Buffer.byteLength(text) > 60_000 && Buffer.byteLength(text) <= 65_536, `${Buffer.byteLength(text)}`);
});

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

test('a trace goes on upstream with a span of its own, and is kept', async (t) => {
  const { server, upstream, generate } = await start(t);
  const got = await generate({}, { headers: { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'vendor=1,other=2' } });
  const sent = (await upstream.call(0)).headers;
  const [, trace, span, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(sent.traceparent);
  assert.deepEqual([trace, flags, sent.tracestate], [TRACE, '01', 'vendor=1,other=2']);
  assert.notEqual(span, PARENT);
  const call = (await server.get(`/api/requests/${got.headers['x-touchstone-request-id']}`)).json;
  assert.deepEqual(call.metadata, { traceId: TRACE, parentSpanId: PARENT, spanId: span });
});

for (const traceparent of [`00-${TRACE}-${PARENT}`, `00-${'0'.repeat(32)}-${PARENT}-01`, 'nonsense', undefined]) {
  test(`a traceparent that is none is not passed on: ${traceparent}`, async (t) => {
    const { server, upstream, generate } = await start(t);
    const got = await generate({}, { headers: { ...(traceparent && { traceparent }), tracestate: 'vendor=1' } });
    const sent = (await upstream.call(0)).headers;
    assert.deepEqual([sent.traceparent, sent.tracestate], [undefined, undefined]);
    const call = (await server.get(`/api/requests/${got.headers['x-touchstone-request-id']}`)).json;
    assert.equal(call.metadata, null);
  });
}
