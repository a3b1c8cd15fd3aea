// All faults of model servers x all dialects of clients x {streamed, not}: each is classified as the
// table says, in the client's own words; nothing hangs; another server helps as long as nothing was
// sent, and never after that; and no answer is cut off without the client being told.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { slack, startTouchstone } from '../harness/touchstone.mjs';
import { finale, piece, startUpstream } from '../harness/upstream.mjs';
import { DIALECTS } from './dialects.mjs';
import { FAULTS, TEXT, WHOLE } from './faults.mjs';

const LIMIT_MS = 1000; // first token, and gap between tokens
const CONNECT_MS = 500;
const GRACE_MS = 1000; // what the safety rules allow beyond a deadline

// The pieces of a good answer in the dialect that the server was asked in.
const good = (call) => [
  piece(call.path, call.json.model, WHOLE),
  finale(call.path, call.json.model, { input: 3, output: 1, usage: call.json.stream_options?.include_usage === true }),
];

// One server for each fault, and one that is well, behind one gateway. TS_MAX_PROVIDERS is 32, so
// the faults come in two halves.
async function house(t, kind, faults) {
  const sections = [];
  const servers = {};
  const asked = []; // the prompts that the well one saw
  const add = async (name, reply, url) => {
    servers[name] = await startUpstream(t, { kind, models: ['m'], reply });
    const address = url ? url(servers[name].port) : servers[name].url;
    sections.push(`[provider.${name}]\nkind = ${kind}\nbase_url = ${address}\n`);
  };
  for (const [i, [, fault]] of faults.entries()) {
    await add(`f${i}`, (call) => fault.act(call, good), fault.url);
  }
  await add('well', async (call) => {
    asked.push(call.body);
    call.head(200, { 'Transfer-Encoding': 'chunked', 'Content-Type': kind === 'ollama' && call.path.startsWith('/api/') ? 'application/x-ndjson' : 'text/event-stream' });
    good(call).forEach((part) => call.chunk(part));
    call.end();
  });
  const server = await startTouchstone(t, {
    config: sections.join('\n'),
    env: {
      TOUCHSTONE_TIMEOUT_FIRST_TOKEN_MS: String(LIMIT_MS * slack), TOUCHSTONE_TIMEOUT_GAP_MS: String(LIMIT_MS * slack),
      TOUCHSTONE_TIMEOUT_CONNECT_MS: String(CONNECT_MS * slack), TOUCHSTONE_FALLBACK: 'off', TOUCHSTONE_LOG: 'error',
    },
  });
  for (const [i, [, fault]] of faults.entries()) {
    if (fault.stops) await servers[`f${i}`].stop();
  }
  return { server, servers, asked };
}

// One call; what came back in the client's own terms.
async function ask({ server }, dialect, stream, model, prompt, headers = {}) {
  const got = await server.post(dialect.path, { model, stream, ...dialect.body(prompt) }, { headers });
  const streamed = got.status === 200 && stream;
  return {
    got,
    streamed,
    text: got.status !== 200 ? undefined : streamed ? dialect.streamText(got) : dialect.wholeText(got.json),
    complete: got.status === 200 && (streamed ? dialect.isComplete(got) : true),
    ms: got.endAt - got.sentAt,
  };
}

async function record({ server }, got) {
  return (await server.get(`/api/requests/${got.headers['x-touchstone-request-id']}`)).json;
}

function assertInTime(what, fault, { ms }, tries) {
  const limit = tries * (fault.code === 'upstream_timeout' ? LIMIT_MS : CONNECT_MS) * slack + GRACE_MS * slack;
  assert.ok(ms <= limit, `${what} took ${Math.round(ms)} ms, more than ${limit}`);
}

// The client is told in its own words, whatever else.
function assertTold(dialect, fault, { got, streamed, text, complete }) {
  assert.ok(!complete || got.status !== 200, 'an answer that was cut off looks complete');
  if (streamed) {
    assert.equal(fault.when, 'after', got.text);
    assert.equal(text, TEXT, 'what had come is passed on, and nothing else');
    assert.ok(dialect.lastIsError(got), got.text);
    return;
  }
  assert.equal(got.status, fault.status, got.text);
  assert.ok(dialect.isError(got.json), got.text);
  if (dialect.code) assert.ok([fault.code, ...(fault.codes ?? [])].includes(dialect.code(got.json)), got.text);
  assert.equal(got.headers['x-should-retry'], 'false');
}

async function alone(place, dialect, stream, name, fault) {
  const prompt = `alone ${name} ${stream}`;
  const answer = await ask(place, dialect, stream, `${name}/m`, prompt);
  assertInTime('alone', fault, answer, 2);
  if (fault.unseen) { // it has no models, so nothing was asked and there is no row
    assert.equal(answer.got.status, fault.status);
    assert.ok(dialect.isError(answer.got.json), answer.got.text);
    return;
  }
  const call = await record(place, answer.got);
  assert.equal(call.outcome, fault.outcome, `${call.outcome}: ${answer.got.text}`);
  if (fault.when === 'never') {
    assert.ok(answer.complete, answer.got.text);
    assert.equal(answer.text, WHOLE);
    return;
  }
  assertTold(dialect, fault, answer);
  const tries = place.servers[name].calls.filter((c) => c.body.includes(prompt)).length;
  // Without a head it may be that a kept connection had died: once, that is asked again and no attempt.
  const afresh = fault.headless ? 1 : 0;
  assert.ok(tries <= (fault.when === 'after' ? 1 : 2) + afresh, `asked ${tries} times`);
  const attempts = Number(answer.got.headers['x-touchstone-attempts']);
  if (!fault.stops) assert.ok(attempts <= tries && attempts + afresh >= tries, `${attempts} attempts, asked ${tries} times`);
}

async function withAnother(place, dialect, stream, name, fault) {
  const prompt = `with another ${name} ${stream}`;
  const answer = await ask(place, dialect, stream, `${name}/m`, prompt, { 'x-touchstone-fallback': 'well/m' });
  const helped = place.asked.filter((body) => body.includes(prompt)).length;
  assertInTime('with another', fault, answer, 1);
  assert.equal(helped, fault.when === 'before' ? 1 : 0, 'asked the other server');
  if (fault.when === 'after') return assertTold(dialect, fault, answer);
  assert.ok(answer.complete, answer.got.text);
  assert.equal(answer.text, WHOLE);
  const call = await record(place, answer.got);
  assert.equal(call.outcome, 'done');
  assert.equal(call.provider, fault.when === 'before' ? 'well' : name);
  assert.ok(call.attempts.length <= 1);
}

const all = Object.entries(FAULTS);
const HALF = Math.ceil(all.length / 2);

for (const [dialectName, dialect] of Object.entries(DIALECTS)) {
  for (const kind of dialect.kinds) {
    for (const faults of [all.slice(0, HALF), all.slice(HALF)]) {
      test(`${dialectName} from ${kind}`, { concurrency: 12 }, async (t) => {
        const place = await house(t, kind, faults);
        await Promise.all(faults.flatMap(([what, fault], i) => [true, false].map((stream) => t.test(
          `a server that ${what} (${stream ? 'streamed' : 'not streamed'})`,
          async () => {
            await withAnother(place, dialect, stream, `f${i}`, fault);
            await alone(place, dialect, stream, `f${i}`, fault);
          },
        ))));
      });
    }
  }
}
