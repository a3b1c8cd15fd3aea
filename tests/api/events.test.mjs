// GET /api/events: what happens now.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';

import { lockDatabase } from '../harness/sql.mjs';
import { slack, startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream, words } from '../harness/upstream.mjs';

// A listener that keeps every event: {id, event, data}.
class Listener {
  events = [];
  comments = 0;

  constructor(server, headers = {}) {
    this.opened = new Promise((resolve, reject) => {
      this.request = http.get(`${server.url}/api/events`, { headers, agent: false }, (res) => {
        this.status = res.statusCode;
        this.headers = res.headers;
        let text = '';
        res.setEncoding('utf8');
        res.on('data', (piece) => {
          text += piece;
          for (let at; (at = text.indexOf('\n\n')) >= 0; text = text.slice(at + 2)) this.take(text.slice(0, at));
        });
        this.ended = new Promise((done) => res.on('close', () => done(res.complete)));
        resolve(this);
      });
      this.request.on('error', reject);
    });
  }

  take(block) {
    const fields = Object.fromEntries(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
    if (fields.event) this.events.push({ ...fields, data: JSON.parse(fields.data) });
    else if ('' in fields) this.comments++;
  }

  async until(check, ms = 3000 * slack) {
    for (const end = Date.now() + ms; Date.now() < end; await new Promise((r) => setTimeout(r, 5))) {
      const found = this.events.find(check);
      if (found) return found;
    }
    assert.fail(`it never came: ${check}; ${JSON.stringify(this.events)}`);
  }

  close() {
    this.request.destroy();
  }
}

async function listen(t, server, headers) {
  const listener = await new Listener(server, headers).opened;
  t.after(() => listener.close());
  return listener;
}

async function start(t, reply, options = {}) {
  const upstream = await startUpstream(t, { models: ['m'], reply });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream }, ...options });
  return { server, upstream, generate: (body) => server.post('/api/generate', { model: 'm', prompt: 'a secret prompt', ...body }) };
}

test('a call is told as it starts, goes on and ends, with the id of its row', async (t) => {
  const { server, generate } = await start(t, answer({ tokens: words(30), firstMs: 20, gapMs: 40, input: 21 }));
  const listener = await listen(t, server);
  assert.equal(listener.status, 200);
  assert.match(listener.headers['content-type'], /^text\/event-stream/);
  assert.equal(listener.headers['x-accel-buffering'], 'no');
  const got = await generate({ touchstone: { taskType: 'coding' } });
  const finished = await listener.until((e) => e.event === 'call.finished');
  const names = listener.events.filter((e) => e.event.startsWith('call.')).map((e) => e.event);
  assert.equal(names[0], 'call.started');
  assert.equal(names.at(-1), 'call.finished');
  const progress = listener.events.filter((e) => e.event === 'call.progress');
  assert.ok(progress.length >= 2 && progress.length <= 6 + slack, `${progress.length} in about 1.2 s`);
  assert.ok(progress.every((e, i) => i === 0 || e.data.tokens > progress[i - 1].data.tokens));
  const id = got.headers['x-touchstone-request-id'];
  assert.ok(listener.events.filter((e) => e.event.startsWith('call.')).every((e) => e.data.id === id && e.data.model === 'm' && e.data.provider === 'ollama'));
  const { data } = finished;
  assert.deepEqual([data.outcome, data.error, data.inputTokens, data.outputTokens, data.tokensSource, data.taskType], ['done', null, 21, 30, 'provider', 'coding']);
  assert.equal(data.costUsd, null);
  const row = (await server.get(`/api/requests/${id}`)).json;
  assert.equal(data.responseTimeMs, row.responseTimeMs);
  const ids = listener.events.map((e) => Number(e.id));
  assert.ok(ids.every((n, i) => i === 0 || n > ids[i - 1]), `${ids}`);
  assert.doesNotMatch(JSON.stringify(listener.events), /secret|word/);
});

test('who comes back with Last-Event-ID misses nothing', async (t) => {
  const { server, generate } = await start(t);
  const first = await listen(t, server);
  await generate();
  const last = await first.until((e) => e.event === 'call.finished');
  first.close();
  for (let i = 0; i < 5; i++) await generate();
  const again = await listen(t, server, { 'last-event-id': last.id });
  await generate();
  await again.until(() => again.events.filter((e) => e.event === 'call.finished').length === 6);
  assert.ok(!again.events.some((e) => e.event === 'gap'));
  assert.ok(Number(again.events[0].id) === Number(last.id) + 1);
});

test('who has missed too much, or comes from another life of the server, is told', async (t) => {
  const { server, generate } = await start(t);
  for (const id of ['1', '99999999999999999']) {
    await generate();
    const listener = await listen(t, server, { 'last-event-id': id });
    const gap = await listener.until((e) => e.event === 'gap');
    assert.equal(gap.data.after, Number(id));
    assert.equal(listener.events[0].event, 'gap');
    await listener.until((e) => e.event === 'call.finished');
  }
  const fresh = await listen(t, server, { 'last-event-id': 'nonsense' });
  await generate();
  await fresh.until((e) => e.event === 'call.finished');
  assert.ok(!fresh.events.some((e) => e.event === 'gap'));
});

test('a server that goes away and comes back is told', async (t) => {
  const { server, upstream, generate } = await start(t);
  const listener = await listen(t, server);
  const { port } = upstream;
  await upstream.stop();
  await generate();
  const down = await listener.until((e) => e.event === 'provider.changed' && e.data.state === 'down');
  assert.equal(down.data.provider, 'ollama');
  assert.ok(down.data.why.length > 0);
  await upstream.listen(port);
  await server.post('/api/generate', { model: 'nobody', prompt: 'p' });
  await listener.until((e) => e.event === 'provider.changed' && e.data.state === 'up');
});

test('a breaker that opens is told, and a database that takes no rows', async (t) => {
  const { server, upstream, generate } = await start(t);
  const listener = await listen(t, server);
  upstream.reply = (call) => call.send(500, { error: 'broken' });
  for (let i = 0; i < 6; i++) await generate();
  await listener.until((e) => e.event === 'provider.changed' && e.data.breaker === 'open');
  const release = await lockDatabase(t, server.db);
  await generate();
  const on = await listener.until((e) => e.event === 'alert');
  assert.deepEqual([on.data.kind, on.data.state, on.data.severity], ['database', 'on', 'warning']);
  assert.ok(on.data.message.length > 0);
  release();
  await listener.until((e) => e.event === 'alert' && e.data.state === 'over');
});

test('many listeners on several loops hear the same, in the same order', async (t) => {
  const { server, generate } = await start(t, undefined, { env: { TOUCHSTONE_LOOPS: '3' } });
  const listeners = await Promise.all(Array.from({ length: 30 }, () => listen(t, server)));
  for (let i = 0; i < 10; i++) await generate();
  for (const l of listeners) await l.until(() => l.events.filter((e) => e.event === 'call.finished').length === 10);
  const heard = (l) => l.events.filter((e) => e.event === 'call.finished').map((e) => e.id).join();
  assert.equal(new Set(listeners.map(heard)).size, 1);
});

test('listeners do not hold up the end of the server', async (t) => {
  const { server } = await start(t);
  const listener = await listen(t, server);
  const from = performance.now();
  await server.stop();
  assert.equal(await listener.ended, true, 'the stream ended well');
  assert.ok(performance.now() - from < 1500 * slack, `${performance.now() - from} ms`);
});

test('DELETE ends a running call, and that is told', async (t) => {
  const { server, generate } = await start(t, answer({ tokens: words(1000), gapMs: 20 }));
  const listener = await listen(t, server);
  const running = generate();
  const { data } = await listener.until((e) => e.event === 'call.started');
  assert.equal((await server.get(`/api/requests/${data.id}`, { method: 'DELETE' })).status, 200);
  const finished = await listener.until((e) => e.event === 'call.finished');
  assert.equal(finished.data.outcome, 'cancelled');
  await running;
});

test('its arguments are checked, and HEAD does not wait', async (t) => {
  const { server } = await start(t);
  assert.equal((await server.get('/api/events?colour=blue')).status, 400);
  assert.equal((await server.get('/api/events', { method: 'HEAD' })).status, 200);
});
