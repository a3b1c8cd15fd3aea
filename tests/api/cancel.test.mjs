// A client that leaves closes the upstream, in every phase, and the call is recorded as cancelled.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { sql } from '../harness/sql.mjs';
import { slack, startTouchstone } from '../harness/touchstone.mjs';
import { answer, piece, startUpstream, streamHead, words } from '../harness/upstream.mjs';

const BODY = JSON.stringify({ model: 'm', prompt: 'p' });
const WITHIN_MS = 20 * slack;

// Opens a generation on a bare socket, so that the moment of leaving is ours.
async function begin(server, body = BODY) {
  const socket = net.connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.received = '';
  socket.on('data', (b) => { socket.received += b; });
  socket.on('error', () => {});
  socket.write(`POST /api/generate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  return socket;
}

async function leave(socket, how) {
  const at = performance.now();
  if (how === 'reset') socket.resetAndDestroy();
  else socket.destroy();
  return at;
}

const until = async (what, timeoutMs = 3000 * slack) => {
  for (const end = Date.now() + timeoutMs; !what();) {
    assert.ok(Date.now() < end, `never happened: ${what}`);
    await sleep(1);
  }
};

async function rowOf(server) {
  for (const end = Date.now() + 3000 * slack; Date.now() < end; await sleep(10)) {
    const [row] = sql(server.db, 'SELECT success, output_tokens, error_message FROM model_performance_metrics');
    if (row) return row;
  }
  return undefined;
}

const forever = (tokens) => async (call) => {
  if (tokens !== undefined) streamHead(call);
  for (const w of words(tokens ?? 0)) { call.chunk(piece(call.path, call.json.model, w)); await call.sleep(1); }
  await call.sleep(60_000);
};

const PHASES = {
  'before the upstream answers at all': { reply: forever(undefined), ready: () => true },
  'after the upstream head, before a token': { reply: forever(0), ready: () => true },
  'between tokens': { reply: forever(3), ready: (socket) => socket.received.includes('w2 ') },
};

for (const kind of ['ollama', 'llamacpp']) {
  for (const [phase, { reply, ready }] of Object.entries(PHASES)) {
    for (const how of ['close', 'reset']) {
      test(`a client that leaves (${how}) ${phase} closes ${kind}`, async (t) => {
        const upstream = await startUpstream(t, { kind, models: ['m'], reply });
        const server = await startTouchstone(t, { upstreams: { [kind]: upstream } });
        const socket = await begin(server);
        const call = await upstream.call();
        await until(() => ready(socket));
        await sleep(20);
        const left = await leave(socket, how);
        const closed = await Promise.race([call.closed, sleep(3000 * slack)]);
        assert.ok(closed !== undefined, 'the upstream is still open');
        assert.ok(closed - left <= WITHIN_MS, `closed ${(closed - left).toFixed(1)} ms after the client left`);
        const row = await rowOf(server);
        assert.equal(row?.success, null, 'cancelled is neither success nor failure');
        const { summary } = (await server.get('/api/analytics/models')).json;
        assert.equal(summary.totalCalls, 1);
        assert.equal(summary.cancelled, 1);
        assert.equal(summary.successRate, null);
        assert.equal(summary.avgResponseTime, null);
      });
    }
  }
}

test('a client that leaves a folded request closes the upstream too', async (t) => {
  const upstream = await startUpstream(t, { models: ['m'], reply: forever(3) });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream } });
  const socket = await begin(server, JSON.stringify({ model: 'm', prompt: 'p', stream: false }));
  const call = await upstream.call();
  await sleep(50);
  const left = await leave(socket, 'close');
  const closed = await Promise.race([call.closed, sleep(3000 * slack)]);
  assert.ok(closed - left <= WITHIN_MS, `closed ${closed - left} ms after`);
});

test('a client that leaves while the server is connecting is noticed as well', async (t) => {
  // a listener whose backlog is full neither accepts nor refuses
  const full = net.createServer();
  full.listen({ port: 0, host: '127.0.0.1', backlog: 1 });
  await once(full, 'listening');
  const upstream = await startUpstream(t, { models: ['m'] });
  const config = `[provider.a]\nkind = ollama\nbase_url = ${upstream.url}\n`;
  const server = await startTouchstone(t, { config });
  await upstream.stop();
  const got = await server.post('/api/generate', BODY, { headers: { 'content-type': 'application/json' } });
  assert.equal(got.status, 502);
  full.close();
});

test('a slow reader slows the upstream, and the server keeps little for it', async (t) => {
  let sent = 0;
  const upstream = await startUpstream(t, {
    models: ['m'],
    reply: async (call) => {
      streamHead(call);
      const line = piece(call.path, 'm', 'x'.repeat(4000));
      while (!call.over.signal.aborted && sent < 200e6) {
        call.chunk(line);
        sent += line.length;
        if (call.socket.writableNeedDrain) await Promise.race([once(call.socket, 'drain'), call.closed]);
      }
    },
  });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream } });
  const socket = await begin(server);
  await until(() => socket.received.includes('xxx'));
  socket.pause();
  await sleep(500);
  const then = sent;
  await sleep(1000);
  assert.ok(sent - then < 4e6, `upstream sent ${sent - then} more bytes to a client that reads nothing`);
  assert.ok(sent < 40e6, `${sent} bytes are on the way`);
  socket.destroy();
});

test('a client that leaves after the end was decided counts as done', async (t) => {
  const upstream = await startUpstream(t, { models: ['m'], reply: answer({ tokens: words(3) }) });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream } });
  const socket = await begin(server);
  await until(() => socket.received.includes('"done":true'));
  await leave(socket, 'reset');
  assert.equal((await rowOf(server)).success, 1);
});
