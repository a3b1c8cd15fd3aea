// Headers on generation routes: what goes along to a server of the same dialect, and what of its
// answers comes back.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream } from '../harness/upstream.mjs';

const ASK = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const LIMITS = { 'x-ratelimit-remaining-requests': '9', 'X-RateLimit-Reset-Tokens': '6m0s', 'openai-processing-ms': '12', 'x-request-id': 'req_1' };

async function behind(t, kind, reply) {
  const upstream = await startUpstream(t, { kind, models: ['m'], reply });
  return { upstream, server: await startTouchstone(t, { upstreams: { [kind]: upstream } }) };
}

// The scripted answer with further headers in its head.
const withHeaders = (reply, more) => (call) => {
  const { head } = call;
  call.head = (status, headers) => head.call(call, status, { ...headers, ...more });
  return reply(call);
};

test('rate limits that a server tells reach clients of its dialect, with streams, whole answers and refusals', async (t) => {
  const more = { ...LIMITS, 'Set-Cookie': 'a=b', 'Access-Control-Allow-Origin': '' };
  const { server, upstream } = await behind(t, 'openai', withHeaders(answer(), more));
  const streamed = await server.post('/v1/chat/completions', { ...ASK, stream: true });
  const folded = await server.post('/v1/chat/completions', ASK);
  upstream.reply = withHeaders((call) => call.send(429, { error: { message: 'slow' } }, { 'Retry-After': '2' }), more);
  const refused = await server.post('/v1/chat/completions', ASK);
  assert.deepEqual([streamed.status, folded.status, refused.status], [200, 200, 429]);
  for (const { headers } of [streamed, folded, refused]) {
    for (const [name, value] of Object.entries(LIMITS)) assert.equal(headers[name.toLowerCase()], value, name);
    assert.equal(headers['set-cookie'], undefined);
    assert.notEqual(headers['access-control-allow-origin'], '');
  }
  assert.equal(refused.headers['retry-after'], '2');
});

test('rate limits of a server of another dialect are not told', async (t) => {
  const { server } = await behind(t, 'openai', withHeaders(answer(), LIMITS));
  const got = await server.post('/api/chat', { ...ASK, stream: false });
  assert.equal(got.status, 200);
  assert.equal(got.headers['x-ratelimit-remaining-requests'], undefined);
});

test('an organisation goes along to its dialect, credentials and cookies never', async (t) => {
  const headers = { 'openai-organization': 'org', 'OpenAI-Beta': 'x=v1', authorization: 'Bearer mine', cookie: 'a=b', 'x-other': '1' };
  const { server, upstream } = await behind(t, 'openai', answer());
  await server.post('/v1/chat/completions', ASK, { headers });
  await server.post('/api/chat', ASK, { headers });
  const [same, other] = upstream.calls;
  assert.equal(same.headers['openai-organization'], 'org');
  assert.equal(same.headers['openai-beta'], 'x=v1');
  assert.equal(other.headers['openai-organization'], undefined);
  for (const call of [same, other]) {
    assert.equal(call.headers.authorization, 'Bearer sk-test');
    assert.equal(call.headers.cookie, undefined);
    assert.equal(call.headers['x-other'], undefined);
  }
});
