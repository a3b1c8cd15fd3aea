// The ledger under random kills on either side: as many rows as requests, and in each of them the
// tokens that the model server really sent. TS_LEDGER_CALLS says how many calls; a failing run is
// repeated with its TS_LEDGER_SEED.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { sql } from '../harness/sql.mjs';
import { slack, startTouchstone } from '../harness/touchstone.mjs';
import { finale, piece, startUpstream, streamHead } from '../harness/upstream.mjs';
import { DIALECTS } from './dialects.mjs';

const CALLS = Number(process.env.TS_LEDGER_CALLS ?? 400);
const SEED = Number(process.env.TS_LEDGER_SEED ?? Date.now() % 1e6);
const AT_ONCE = 24;

// A small generator that gives the same numbers for the same seed (xorshift).
function random(seed) {
  let x = (seed * 2654435761 + 1) >>> 0;
  return (below) => {
    x ^= x << 13; x >>>= 0;
    x ^= x >>> 17;
    x ^= x << 5; x >>>= 0;
    return x % below;
  };
}

// What will happen to call n, decided before it begins.
function plan(n, rnd) {
  const dialects = Object.keys(DIALECTS);
  const dice = rnd(100);
  return {
    n,
    dialect: DIALECTS[dialects[rnd(dialects.length)]],
    stream: rnd(3) > 0,
    tokens: 1 + rnd(12),
    gapMs: rnd(4),
    fate: dice < 50 ? 'good' : dice < 60 ? 'dies before' : dice < 75 ? 'dies within' : dice < 80 ? 'error within' : 'client leaves',
    at: rnd(12), // tokens until it happens
    leaveMs: rnd(40),
  };
}

// What the servers know of each call: how many tokens they sent, and whether they came to the end.
const numberIn = (body) => Number(/call (\d+)\b/.exec(body)[1]);

function server(plans, truth) {
  return async (call) => {
    const p = plans[numberIn(call.body)];
    const seen = (truth[p.n] ??= { tries: 0, tokens: 0, ended: false });
    const first = seen.tries++ === 0;
    if (p.fate === 'dies before' && first) return p.at % 2 ? call.reset() : call.close();
    streamHead(call);
    for (let i = 0; i < p.tokens; i++) {
      if (p.fate === 'dies within' && i > 0 && i >= p.at) return call.close();
      if (p.fate === 'error within' && i > 0 && i >= p.at) {
        call.chunk(call.path.startsWith('/api/') ? '{"error":"died"}\n' : 'data: {"error":{"message":"died"}}\n\n');
        return call.end();
      }
      if (call.over.signal.aborted) return undefined;
      call.chunk(piece(call.path, 'm', `t${i} `));
      seen.tokens++;
      if (p.gapMs) await call.sleep(p.gapMs);
    }
    const usage = call.json.stream_options?.include_usage === true;
    call.chunk(finale(call.path, 'm', { input: 7, output: p.tokens, usage }));
    call.end();
    seen.ended = true;
    return undefined;
  };
}

async function ask(touchstone, p) {
  const leaving = new AbortController();
  const timer = p.fate === 'client leaves' ? setTimeout(() => leaving.abort(), p.leaveMs) : undefined;
  const body = { model: 'm', stream: p.stream, ...p.dialect.body(`call ${p.n} please`) };
  const headers = { 'x-touchstone-conversation-id': `call-${p.n}` };
  try {
    return await touchstone.post(p.dialect.path, body, { headers, signal: leaving.signal });
  } catch (error) {
    return { status: 0, error };
  } finally {
    clearTimeout(timer);
  }
}

async function askAll(touchstone, plans) {
  const answers = [];
  let next = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next < plans.length) {
      const p = plans[next++];
      answers[p.n] = await ask(touchstone, p);
    }
  }));
  return answers;
}

async function rows(touchstone, expected) {
  const query = `SELECT conversation_id, success, output_tokens, input_tokens FROM model_performance_metrics`;
  for (let i = 0; i < 100 * slack; i++) {
    if (sql(touchstone.db, 'SELECT COUNT(*) AS n FROM model_performance_metrics')[0].n >= expected) break;
    await sleep(100);
  }
  return sql(touchstone.db, query);
}

// A row against what the server knows and what the client saw.
function check(p, row, seen, answer) {
  const what = JSON.stringify({ ...p, row, seen, status: answer.status });
  if (row.success === 1) {
    assert.ok(seen.ended, what);
    assert.equal(row.output_tokens, p.tokens, what);
    assert.equal(row.input_tokens, 7, what);
    if (p.fate !== 'client leaves') assert.equal(answer.status, 200, what);
    return;
  }
  if (row.success === null) { // cancelled: no more than was sent
    assert.equal(p.fate, 'client leaves', what);
    assert.ok((row.output_tokens ?? 0) <= (seen?.tokens ?? 0), what);
    return;
  }
  assert.ok(['dies within', 'error within'].includes(p.fate), what);
  assert.equal(row.output_tokens, seen.tokens, what);
}

test(`${CALLS} calls with random kills on either side leave as many true rows (seed ${SEED})`, async (t) => {
  const rnd = random(SEED);
  const plans = Array.from({ length: CALLS }, (_, n) => plan(n, rnd));
  const truth = [];
  const a = await startUpstream(t, { kind: 'vllm', models: ['m'], reply: server(plans, truth) });
  const b = await startUpstream(t, { kind: 'vllm', models: ['m'], reply: server(plans, truth) });
  const touchstone = await startTouchstone(t, {
    config: `[provider.a]\nkind = vllm\nbase_url = ${a.url}\n\n[provider.b]\nkind = vllm\nbase_url = ${b.url}\nmax_concurrency = 6\n`,
    env: { TOUCHSTONE_LOG: 'error', TOUCHSTONE_LOOPS: '2' },
  });
  const answers = await askAll(touchstone, plans);
  // a client that left before its request was in has made no call
  const made = plans.filter((p) => answers[p.n].status !== 0 || truth[p.n]);
  const got = await rows(touchstone, made.length);
  const byCall = new Map(got.map((row) => [Number(row.conversation_id.slice(5)), row]));
  assert.equal(byCall.size, got.length, 'a call has two rows');
  for (const p of made) {
    assert.ok(byCall.has(p.n), `no row: ${JSON.stringify(p)} ${answers[p.n].status}`);
    check(p, byCall.get(p.n), truth[p.n], answers[p.n]);
  }
  for (const n of byCall.keys()) assert.ok(answers[n].status !== 0 || plans[n].fate === 'client leaves');
  const fates = Object.groupBy(plans, (p) => p.fate);
  t.diagnostic(Object.entries(fates).map(([fate, list]) => `${fate}: ${list.length}`).join(', '));
});
