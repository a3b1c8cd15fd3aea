import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sql } from '../harness/sql.mjs';
import { startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream } from '../harness/upstream.mjs';

const FEEDBACK = '/api/analytics/models/feedback';

async function withCalls(t, calls) {
  const upstream = await startUpstream(t, { models: ['m'] });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream } });
  const ids = [];
  for (const touchstone of calls) {
    const got = await server.post('/api/generate', { model: 'm', prompt: 'p', touchstone });
    ids.push(got.headers['x-touchstone-request-id']);
  }
  return { server, upstream, ids, rate: (body) => server.post(FEEDBACK, body) };
}

const ratings = (server) => Object.fromEntries(sql(server.db, 'SELECT id, user_rating FROM model_performance_metrics').map((r) => [r.id, r.user_rating]));

test('a rating by request, by message and by conversation lands on the right call', async (t) => {
  const { server, ids, rate } = await withCalls(t, [{ messageId: 'm-1', conversationId: 'c' }, { messageId: 'm-2', conversationId: 'c' }, { conversationId: 'd' }]);
  assert.deepEqual((await rate({ requestId: ids[0], rating: 1 })).json, { requestId: ids[0], rating: 1, previousRating: 0 });
  assert.deepEqual((await rate({ messageId: 'm-1', rating: -1 })).json, { requestId: ids[0], rating: -1, previousRating: 1 });
  assert.deepEqual((await rate({ conversationId: 'c', rating: 1 })).json, { requestId: ids[1], rating: 1, previousRating: 0 });
  assert.deepEqual(ratings(server), { [ids[0]]: -1, [ids[1]]: 1, [ids[2]]: 0 });
});

test('a rating is in the database when the answer is there, and in every figure', async (t) => {
  const { server, ids, rate } = await withCalls(t, [{}, {}, {}, {}]);
  for (const [i, rating] of [1, 1, -1].entries()) assert.equal((await rate({ requestId: ids[i], rating })).status, 200);
  const { summary, byModel } = (await server.get('/api/analytics/models')).json;
  for (const part of [summary, byModel[0]]) {
    assert.equal(part.satisfactionRate, 66.67);
    assert.deepEqual(part.ratings, { up: 2, down: 1 });
  }
  const [view] = sql(server.db, 'SELECT thumbs_up, thumbs_down, rated_calls FROM model_user_satisfaction');
  assert.deepEqual(view, { thumbs_up: 2, thumbs_down: 1, rated_calls: 3 });
});

test('rating again changes nothing more, and 0 takes it back', async (t) => {
  const { server, ids, rate } = await withCalls(t, [{}]);
  for (let i = 0; i < 3; i++) await rate({ requestId: ids[0], rating: 1, comment: 'good' });
  assert.deepEqual((await server.get('/api/analytics/models')).json.summary.ratings, { up: 1, down: 0 });
  assert.equal((await rate({ requestId: ids[0], rating: 0 })).json.previousRating, 1);
  assert.equal((await server.get('/api/analytics/models')).json.summary.satisfactionRate, null);
});

test('a call that still runs answers 409, and can be rated when it ended', async (t) => {
  const { server, upstream, rate } = await withCalls(t, []);
  upstream.reply = answer({ firstMs: 400 });
  let id;
  const running = server.post('/api/generate', { model: 'm', prompt: 'p', touchstone: { conversationId: 'late', messageId: 'late-m' } });
  await upstream.call();
  assert.ok([404, 409].includes((await rate({ messageId: 'late-m', rating: 1 })).status));
  id = (await running).headers['x-touchstone-request-id'];
  assert.equal((await rate({ requestId: id, rating: 1 })).status, 200);
});

const WRONG = [
  ['no such request', { requestId: '0000000000000000', rating: 1 }, [400, 404], /not_found|invalid_field/],
  ['no such message', { messageId: 'nobody', rating: 1 }, [404], /not_found/],
  ['no such conversation', { conversationId: 'nobody', rating: 1 }, [404], /conversation_not_found/],
  ['no id at all', { rating: 1 }, [400], /invalid_field/],
  ['two ids', { requestId: 'x', messageId: 'y', rating: 1 }, [400], /invalid_field/],
  ['no rating', { conversationId: 'c' }, [400], /invalid_field/],
  ['rating 2', { conversationId: 'c', rating: 2 }, [400], /invalid_field/],
  ['rating "1"', { conversationId: 'c', rating: '1' }, [400], /invalid_field/],
  ['rating 0.5', { conversationId: 'c', rating: 0.5 }, [400], /invalid_field/],
  ['a number for an id', { conversationId: 5, rating: 1 }, [400], /invalid_field/],
  ['an unknown member', { conversationId: 'c', rating: 1, stars: 5 }, [400], /invalid_field/],
  ['an array', [], [400], /invalid_(field|json)/],
];

for (const [what, body, statuses, code] of WRONG) {
  test(`feedback with ${what} is refused by name`, async (t) => {
    const { rate } = await withCalls(t, [{ conversationId: 'c' }]);
    const got = await rate(body);
    assert.ok(statuses.includes(got.status), `${got.status} ${got.text}`);
    assert.match(got.json.error.code, code);
    assert.ok(got.json.error.message && got.json.error.requestId);
  });
}

test('a fake quote in an id stays text', async (t) => {
  const { server, rate } = await withCalls(t, [{ conversationId: "x' OR '1'='1" }, { conversationId: 'other' }]);
  assert.equal((await rate({ conversationId: "x' OR '1'='1", rating: 1 })).status, 200);
  assert.equal((await server.get('/api/analytics/models')).json.summary.ratings.up, 1);
});
