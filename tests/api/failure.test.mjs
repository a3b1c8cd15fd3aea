// What a model server can do wrong, and what the client and the record get to see of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sql } from '../harness/sql.mjs';
import { freePort, slack, startTouchstone } from '../harness/touchstone.mjs';
import { answer, piece, sse, startUpstream, streamHead, trouble, words } from '../harness/upstream.mjs';

const BODY = { model: 'm', prompt: 'p' };
const KINDS = ['ollama', 'vllm'];
const good = (lines) => lines.at(-1)?.done === true;

async function one(t, kind, reply, env = {}) {
  const upstream = await startUpstream(t, { kind, models: ['m'], reply });
  const server = await startTouchstone(t, {
    upstreams: { [kind]: upstream },
    env: { TOUCHSTONE_TIMEOUT_FIRST_TOKEN_MS: '700', TOUCHSTONE_TIMEOUT_GAP_MS: '700', TOUCHSTONE_TIMEOUT_CONNECT_MS: '500', ...env },
  });
  return { upstream, server };
}

// The only row there is, once it is there.
async function record(server, id) {
  return (await server.get(`/api/requests/${id}`)).json;
}

// -- before the first token: a status in the client's dialect ------------------------------------

const BEFORE = {
  'resets before any header': [(c) => c.reset(), 502],
  'closes before any header': [(c) => c.close(), 502],
  'talks garbage': [(c) => { c.raw('SSH-2.0-OpenSSH_9.2\r\n\r\n'); c.close(); }, 502],
  'answers HTML': [(c) => c.send(200, '<html>login</html>', { 'Content-Type': 'text/html' }), 502],
  'answers nothing in a 200': [(c) => { streamHead(c); c.end(); }, 502],
  'sends a bad chunk size': [(c) => { streamHead(c); c.raw('zz\r\nhello\r\n'); }, 502],
  'sends a header of 200 KB': [(c) => { c.raw(`HTTP/1.1 200 OK\r\nX-Big: ${'a'.repeat(200_000)}\r\n\r\n`); c.close(); }, 502],
  'redirects': [(c) => c.send(302, '', { Location: 'http://127.0.0.1:1/' }), 502],
  'refuses our key': [(c) => c.send(401, { error: 'no' }), 502],
  'fails inside': [(c) => c.send(500, { error: 'CUDA out of memory' }), 502],
  'is busy': [(c) => c.send(429, { error: 'slow down' }, { 'Retry-After': '7' }), 429],
  'says nothing': [(c) => c.sleep(60_000), 504],
  'sends a head and then nothing': [async (c) => { streamHead(c); await c.sleep(60_000); }, 504],
};

for (const kind of KINDS) {
  for (const stream of [true, false]) {
    for (const [what, [reply, status]] of Object.entries(BEFORE)) {
      test(`${kind} that ${what} becomes a ${status} (stream: ${stream})`, async (t) => {
        const { server } = await one(t, kind, reply);
        const got = await server.post('/api/generate', { ...BODY, stream });
        assert.equal(got.status, status, got.text);
        assert.equal(typeof got.json.error, 'string', 'as Ollama says it');
        assert.ok(got.endAt - got.sentAt < 700 + 3000 * slack, `took ${got.endAt - got.sentAt} ms`);
        if (status === 429) assert.ok(Number(got.headers['retry-after']) >= 1);
        const call = await record(server, got.headers['x-touchstone-request-id']);
        assert.ok((status === 504 ? ['timeout'] : ['upstream_error', 'upstream_cut']).includes(call.outcome), call.outcome);
        const { summary } = (await server.get('/api/analytics/models')).json;
        assert.equal(summary.failures + summary.timeouts >= 1, true);
        assert.equal(summary.successRate, 0);
      });
    }
  }

  test(`what ${kind} says against the request reaches the client unchanged`, async (t) => {
    const { server } = await one(t, kind, (c) => c.send(400, kind === 'ollama' ? { error: 'bad option' } : { error: { message: 'bad option', type: 'invalid_request_error' } }));
    const got = await server.post('/api/generate', BODY);
    assert.equal(got.status, 400);
    assert.match(got.json.error, /bad option/);
  });
}

test('a stream that begins with an error event is an error, not a 200', async (t) => {
  const { server } = await one(t, 'vllm', (c) => { streamHead(c); c.chunk(sse({ error: { message: 'overloaded', type: 'server_error', code: 503 } })); c.chunk(sse('[DONE]')); c.end(); });
  const got = await server.post('/api/generate', BODY);
  assert.ok(got.status >= 500, got.text);
  assert.match(got.json.error, /overloaded/);
});

test('no server at the configured address: 404 or 502, within two seconds', async (t) => {
  const server = await startTouchstone(t, { env: { OLLAMA_BASE_URL: `http://127.0.0.1:${await freePort()}` } });
  const got = await server.post('/api/generate', BODY);
  assert.ok([404, 502].includes(got.status), got.text);
  assert.ok(got.endAt - got.sentAt < 2000 * slack);
});

// -- after the first token: an error event, and never a clean success -----------------------------

const AFTER = {
  'resets': (c) => c.reset(),
  'ends without its end mark': (c) => c.end(),
  'closes between two events': (c) => c.close(),
  'closes inside an event': (c) => { const x = piece(c.path, 'm', 'lost'); c.raw(`${x.length.toString(16)}\r\n${x.slice(0, 20)}`); c.close(); },
  'sends an error event': (c) => { c.chunk(c.path.startsWith('/api/') ? '{"error":"out of memory"}\n' : sse({ error: { message: 'out of memory' } })); c.end(); },
  'sends a bad chunk size': (c) => c.raw('zz\r\nhello\r\n'),
  'stops talking': (c) => c.sleep(60_000),
};

for (const kind of KINDS) {
  for (const [what, act] of Object.entries(AFTER)) {
    test(`${kind} that ${what} in the middle of a stream: the client gets an error line`, async (t) => {
      const { server } = await one(t, kind, trouble(words(3), act));
      const got = await server.post('/api/generate', BODY);
      assert.equal(got.status, 200);
      assert.ok(!good(got.lines), got.text);
      assert.equal(typeof got.lines.at(-1).error, 'string', got.text);
      assert.equal(got.lines.slice(0, -1).map((l) => l.response).join(''), 'w0 w1 w2 ');
      const call = await record(server, got.headers['x-touchstone-request-id']);
      const expected = { 'stops talking': ['timeout'], 'sends an error event': ['upstream_error'] }[what] ?? ['upstream_cut', 'upstream_error'];
      assert.ok(expected.includes(call.outcome), `${call.outcome} is none of ${expected}`);
      const [row] = sql(server.db, 'SELECT success, output_tokens, error_message FROM model_performance_metrics');
      assert.equal(row.success, 0);
      assert.equal(row.output_tokens, 3, 'what had come is counted');
      assert.ok(row.error_message);
    });

    test(`${kind} that ${what} in the middle of a folded answer: an error status`, async (t) => {
      const { server } = await one(t, kind, trouble(words(3), act));
      const got = await server.post('/api/generate', { ...BODY, stream: false });
      assert.ok([502, 504].includes(got.status), got.text);
      assert.equal(typeof got.json.error, 'string');
    });
  }
}

test('the words of the server are kept in the record, bounded', async (t) => {
  const { server } = await one(t, 'ollama', trouble(words(1), (c) => { c.chunk(`{"error":"runner died ${'x'.repeat(5000)}"}\n`); c.end(); }));
  await server.post('/api/generate', BODY);
  const [row] = sql(server.db, 'SELECT error_message FROM model_performance_metrics');
  assert.match(row.error_message, /runner died/);
  assert.ok(row.error_message.length <= 600);
});

test('a slow drip is cut by the gap between tokens, not kept alive by bytes', async (t) => {
  const { server } = await one(t, 'vllm', trouble(words(2), async (c) => {
    for (let i = 0; i < 40 && !c.over.signal.aborted; i++) { c.chunk(': ping\n\n'); await c.sleep(100); }
  }));
  const got = await server.post('/api/generate', BODY);
  assert.ok(!good(got.lines));
  assert.ok(got.endAt - got.sentAt < 2500 * slack, `${got.endAt - got.sentAt} ms`);
});

test('the total deadline of the request cuts a stream that never ends', async (t) => {
  const { server } = await one(t, 'ollama', answer({ tokens: words(1000), gapMs: 50 }));
  const got = await server.post('/api/generate', BODY, { headers: { 'x-touchstone-timeout-ms': '600' } });
  assert.ok(!good(got.lines));
  assert.ok(got.endAt - got.sentAt < 600 + 1000 * slack);
  assert.equal((await record(server, got.headers['x-touchstone-request-id'])).outcome, 'timeout');
});

// -- fallback ---------------------------------------------------------------------------------------

async function two(t, first, second, env = {}) {
  const a = await startUpstream(t, { models: ['m', 'only-a'], reply: first });
  const b = await startUpstream(t, { models: ['m', 'other'], reply: second });
  const config = `[provider.a]\nkind = ollama\nbase_url = ${a.url}\n\n[provider.b]\nkind = ollama\nbase_url = ${b.url}\n`;
  const server = await startTouchstone(t, { config, env: { TOUCHSTONE_TIMEOUT_FIRST_TOKEN_MS: '500', TOUCHSTONE_TIMEOUT_CONNECT_MS: '500', ...env } });
  return { a, b, server };
}

const RESCUED = {
  'refuses': async (c) => c.reset(),
  'fails': (c) => c.send(500, { error: 'no' }),
  'is busy': (c) => c.send(503, { error: 'server busy' }),
  'opens a 200 with an error': (c) => { streamHead(c); c.chunk('{"error":"runner died"}\n'); c.end(); },
  'is silent': (c) => c.sleep(60_000),
};

for (const [what, reply] of Object.entries(RESCUED)) {
  test(`when the first server ${what}, the second answers and the record tells both`, async (t) => {
    const { server } = await two(t, reply, answer({ tokens: ['from ', 'b'] }));
    const got = await server.post('/api/generate', { ...BODY, model: 'a/m' }, { headers: { 'x-touchstone-fallback': 'b/m' } });
    assert.equal(got.status, 200, got.text);
    assert.equal(got.lines.map((l) => l.response).join(''), 'from b');
    assert.equal(got.headers['x-touchstone-provider'], 'b');
    assert.equal(got.headers['x-touchstone-attempts'], '2');
    const call = await record(server, got.headers['x-touchstone-request-id']);
    assert.equal(call.outcome, 'done');
    assert.equal(call.attempts.length, 1);
    assert.equal(call.attempts[0].provider, 'a');
    const { summary, byProvider } = (await server.get('/api/analytics/models')).json;
    assert.equal(summary.totalCalls, 1);
    assert.equal(summary.failedAttempts, 1);
    assert.equal(byProvider.find((p) => p.provider === 'b').totalCalls, 1);
  });
}

test('the same model on another server is tried without being asked for', async (t) => {
  const { server, a, b } = await two(t, answer({ tokens: ['a'] }), answer({ tokens: ['b'] }));
  a.reply = b.reply = (call) => call.send(500, { error: 'no' });
  b.reply = answer({ tokens: ['b'] });
  for (let i = 0; i < 4; i++) {
    const got = await server.post('/api/generate', BODY);
    assert.equal(got.lines.map((l) => l.response).join(''), 'b');
  }
});

test('after the first token nothing is tried again', async (t) => {
  const { server, b } = await two(t, trouble(words(2), (c) => c.reset()), answer());
  const got = await server.post('/api/generate', { ...BODY, model: 'a/m' }, { headers: { 'x-touchstone-fallback': 'b/m' } });
  assert.equal(typeof got.lines.at(-1).error, 'string');
  assert.equal(b.calls.length, 0);
});

test('a mistake of the client is not repeated elsewhere', async (t) => {
  const { server, b } = await two(t, (c) => c.send(400, { error: 'bad option' }), answer());
  const got = await server.post('/api/generate', { ...BODY, model: 'a/m' }, { headers: { 'x-touchstone-fallback': 'b/m' } });
  assert.equal(got.status, 400);
  assert.equal(b.calls.length, 0);
});

test('TOUCHSTONE_FALLBACK is tried last, and off means off', async (t) => {
  const dead = (c) => c.reset();
  const { server } = await two(t, dead, answer({ tokens: ['other'] }), { TOUCHSTONE_FALLBACK: 'b/other' });
  const got = await server.post('/api/generate', { ...BODY, model: 'only-a' });
  assert.equal(got.headers['x-touchstone-model'], 'other');
  assert.equal(got.lines.map((l) => l.response).join(''), 'other');
  const off = await two(t, dead, answer(), { TOUCHSTONE_FALLBACK: 'off' });
  assert.equal((await off.server.post('/api/generate', { ...BODY, model: 'only-a' })).status, 502);
  assert.equal(off.b.calls.length, 0);
});

test('a server that dies is found again when it is back', async (t) => {
  const upstream = await startUpstream(t, { models: ['m'] });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream } });
  assert.equal((await server.post('/api/generate', BODY)).status, 200);
  const { port } = upstream;
  await upstream.stop();
  assert.ok((await server.post('/api/generate', BODY)).status >= 500);
  await upstream.listen(port);
  const got = await server.post('/api/generate', BODY);
  assert.ok(good(got.lines), got.text);
});

test('a kept connection that died is not blamed on the server', async (t) => {
  const { server, upstream } = await one(t, 'ollama', answer());
  for (let i = 0; i < 5; i++) {
    assert.ok(good((await server.post('/api/generate', BODY)).lines));
    for (const socket of upstream.sockets) socket.destroy(); // as llama.cpp does after each stream
  }
  const { summary } = (await server.get('/api/analytics/models')).json;
  assert.equal(summary.totalCalls, 5);
  assert.equal(summary.failedAttempts, 0);
});
