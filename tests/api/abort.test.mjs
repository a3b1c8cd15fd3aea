// DELETE /api/requests/{id}: the upstream closes, the client is told, the row says cancelled.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { slack, startTouchstone } from '../harness/touchstone.mjs';
import { piece, startUpstream, streamHead, words } from '../harness/upstream.mjs';

const endless = async (call) => {
  streamHead(call);
  for (const w of words(3)) call.chunk(piece(call.path, call.json.model, w));
  await call.sleep(60_000);
};

for (const loops of ['1', '3']) {
  test(`a running call is ended by its id (${loops} loops)`, async (t) => {
    const upstream = await startUpstream(t, { models: ['m'], reply: endless });
    const server = await startTouchstone(t, { upstreams: { ollama: upstream }, env: { TOUCHSTONE_LOOPS: loops } });
    let head;
    const answered = new Promise((done) => { head = done; });
    const running = server.get('/api/generate', { method: 'POST', body: { model: 'm', prompt: 'p' }, onHead: head });
    const id = (await answered).headers['x-touchstone-request-id'];
    const call = await upstream.call();
    const asked = performance.now();
    const got = await server.get(`/api/requests/${id}`, { method: 'DELETE' });
    assert.equal(got.status, 200, got.text);
    assert.deepEqual(got.json, { requestId: id, cancelled: true });
    const closed = await Promise.race([call.closed, sleep(3000 * slack)]);
    assert.ok(closed - asked < 100 * slack, 'the upstream is still open');
    const lines = (await running).text.trim().split('\n').map((l) => JSON.parse(l));
    assert.ok(lines.at(-1).error, 'the client is told');
    assert.ok(!lines.some((l) => l.done), 'and not that all went well');
    const row = (await server.get(`/api/requests/${id}`)).json;
    assert.equal(row.outcome, 'cancelled');
    assert.equal(row.success, null);
    assert.equal((await server.get(`/api/requests/${id}`, { method: 'DELETE' })).status, 404);
  });
}

test('an id that is none of ours or has ended is not found', async (t) => {
  const server = await startTouchstone(t);
  for (const id of ['nothing', '01a1fb23-7a37-8000-8009-103cad8d7ed3']) {
    const got = await server.get(`/api/requests/${id}`, { method: 'DELETE' });
    assert.equal(got.status, 404, got.text);
    assert.equal(got.json.error.code, 'not_found');
  }
});
