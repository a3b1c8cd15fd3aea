// Random events, zones, windows, filters and ratings: the whole analytics answer against brute force.
//
// The seed is told; TS_SEED=N repeats a run, TS_QUESTIONS=N asks more.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';

import { Zone, bucketOf, differences, differencesOfLatency } from '../harness/brute.mjs';
import { request } from '../harness/http.mjs';
import { startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream, words } from '../harness/upstream.mjs';

const SEED = Number(process.env.TS_SEED ?? 20261128);
const QUESTIONS = Number(process.env.TS_QUESTIONS ?? 25); // after each of the stages
const HOUR = 3_600_000, DAY = 24 * HOUR, YEAR_AGO = 400 * DAY;
const ANALYTICS = '/api/analytics/models';
const ZONES = ['UTC', 'Asia/Kolkata', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'America/St_Johns', 'Europe/Berlin', 'Pacific/Chatham', 'Pacific/Kiritimati'];

// Park and Miller's generator, and what is drawn with it.
class Chance {
  constructor(seed) { this.state = (seed % 2147483646) + 1; }
  unit() { return (this.state = (this.state * 48271) % 2147483647) / 2147483647; }
  below(n) { return Math.floor(this.unit() * n); }
  pick(list) { return list[this.below(list.length)]; }
  is(p) { return this.unit() < p; }
  maybe(p, draw) { return this.is(p) ? draw() : undefined; }
  logNormal(median, sigma) { return median * Math.exp(sigma * Math.sqrt(-2 * Math.log(1 - this.unit())) * Math.cos(2 * Math.PI * this.unit())); }
}

// The world of one run: its zones and the moments at which something special happens.
class World {
  constructor(seed, now) {
    this.chance = new Chance(seed);
    this.now = now;
    this.zones = ZONES.map((name) => new Zone(name, now - YEAR_AGO - 40 * DAY, now + 3 * DAY));
    this.events = [];
    this.serial = 0;
  }

  // Near a change of the clocks, at the edge of an hour, or any time; within a day ahead, too.
  moment() {
    const { chance, now } = this;
    const changes = this.zones.flatMap((z) => z.changes.slice(1)).map((c) => c.at).filter((at) => at > now - YEAR_AGO && at < now);
    let at = now - chance.below(YEAR_AGO);
    if (chance.is(0.3) && changes.length) at = chance.pick(changes) + Math.round((chance.unit() - 0.5) * 4 * DAY);
    else if (chance.is(0.2)) at = now - chance.below(3 * DAY);
    else if (chance.is(0.01)) at = now + chance.below(12 * HOUR);
    if (chance.is(0.2)) at = Math.round(at / HOUR) * HOUR + chance.pick([-1, 0, 1]);
    return Math.min(at, now + 20 * HOUR);
  }

  // A call made elsewhere: the report of it, and the event that it is.
  reported() {
    const { chance } = this;
    const at = this.moment();
    const success = chance.is(0.85), timeout = !success && chance.is(0.3);
    const time = () => (chance.is(0.02) ? 0 : chance.is(0.01) ? chance.below(7 * DAY) : chance.is(0.02) ? chance.below(50) / 1000 : Math.round(chance.logNormal(900, 1.2) * 1000) / 1000);
    const tokens = () => (chance.is(0.02) ? 0 : Math.floor(chance.logNormal(300, 1)));
    const split = chance.is(0.9);
    const report = {
      id: `property-${this.serial}`, messageId: `message-${this.serial++}`, timestamp: new Date(at).toISOString(),
      model: chance.pick(['a:7b', 'b', 'vendor/c-1.5', '模型 d']), provider: chance.maybe(0.9, () => chance.pick(['ollama', 'vllm', 'openai'])),
      taskType: chance.pick(['coding', 'analysis', 'other', 'x.y:z']), complexity: chance.maybe(0.8, () => chance.pick(['simple', 'medium', 'complex'])),
      success, timeout: chance.maybe(0.9, () => timeout) ?? (timeout || undefined),
      responseTimeMs: chance.maybe(0.95, time), ttftMs: chance.maybe(0.8, time),
      ...(split ? { inputTokens: chance.maybe(0.9, tokens), outputTokens: chance.maybe(0.9, tokens) } : { tokensUsed: tokens() }),
      costUsd: chance.maybe(0.5, () => chance.below(1e6) / 1e7), userId: chance.maybe(0.6, () => chance.pick(['ada', 'bob'])),
      userSegment: chance.maybe(0.5, () => chance.pick(['free', 'pro'])), conversationId: chance.maybe(0.3, () => `conversation-${chance.below(20)}`),
      tags: chance.maybe(0.4, () => ({ project: chance.pick(['apollo', 'zeus']) })),
    };
    const us = (value) => (value === undefined ? undefined : Math.round(value * 1000));
    const event = {
      ms: at, messageId: report.messageId, conversation: report.conversationId, model: report.model, provider: report.provider ?? 'external',
      taskType: report.taskType, complexity: report.complexity, user: report.userId, segment: report.userSegment, project: report.tags?.project,
      outcome: success ? 'done' : timeout ? 'timeout' : 'upstream_error', rating: 0, totalUs: us(report.responseTimeMs), ttftUs: us(report.ttftMs),
      input: report.inputTokens, output: report.outputTokens, unsplit: report.tokensUsed,
      costNano: report.costUsd === undefined ? undefined : Math.round(report.costUsd * 1e9), attempts: [],
    };
    return { report, event };
  }

  // A window and what is asked about it, as query and as question.
  question() {
    const { chance, now } = this;
    const zone = chance.pick(this.zones);
    const edge = () => {
      const near = chance.is(0.3) ? chance.pick(this.events).ms : this.moment();
      const kind = chance.below(4);
      if (kind === 0) return near + chance.pick([0, 1]); // just before or after an event
      if (kind === 1) return Math.round(near / HOUR) * HOUR + chance.pick([0, 0, 1, -1]);
      if (kind === 2) return Math.round((near + zone.offset(near)) / DAY) * DAY - zone.offset(near); // midnight there, or almost
      return near;
    };
    const bucket = chance.pick(['hour', 'day', 'day', 'week', 'month']);
    let [from, to] = [edge(), edge()].sort((a, b) => a - b);
    if (from === to) to++;
    if (bucket === 'hour') to = Math.min(to, from + 40 * DAY);
    const filters = {};
    const filter = (p, name, values) => { if (chance.is(p)) filters[name] = chance.pick(values); };
    filter(0.15, 'model', ['a:7b', '模型 d', 'local-m', 'nobody']);
    filter(0.15, 'provider', ['ollama', 'vllm', 'external']);
    filter(0.15, 'task_type', ['coding', 'x.y:z', 'nothing']);
    filter(0.15, 'complexity', ['simple', 'complex']);
    filter(0.1, 'user', ['ada', 'local']);
    filter(0.1, 'user_segment', ['free', 'pro']);
    filter(0.1, 'tag.project', ['apollo', 'zeus']);
    const dimensions = ['model', 'task_type', 'provider', 'time'].sort(() => chance.unit() - 0.5);
    const groupBy = dimensions.slice(0, chance.below(3));
    const days = chance.is(0.2) ? 1 + chance.below(bucket === 'hour' ? 40 : 400) : undefined;
    const query = new URLSearchParams({ ...filters, bucket, tz: zone.name });
    const compare = chance.is(0.3);
    if (compare) query.set('compare', 'previous');
    if (groupBy.length) query.set('group_by', groupBy.join(','));
    if (days) query.set('days', days);
    else for (const [name, at] of [['from', from], ['to', to]]) query.set(name, new Date(at).toISOString());
    return { query: query.toString(), question: { from, to, filters, bucket, zone, groupBy, compare }, days, now };
  }
}

// -- the real server --------------------------------------------------------------------------------

// Calls through the proxy; what they measured is read back one by one, from the record.
async function generate(world, server, upstreams, count) {
  const { chance } = world;
  for (let i = 0; i < count; i++) {
    const what = chance.pick(['done', 'done', 'done', 'rescued', 'failed', 'cancelled']);
    const refused = (call) => call.send(400, { error: 'no such option' }); // a verdict: no breaker opens
    const slow = async (call) => { await call.sleep(60_000); };
    const good = answer({ tokens: words(2 + chance.below(8)), gapMs: chance.below(3), firstMs: chance.below(10), input: chance.below(500) });
    upstreams.ollama.reply = { done: good, rescued: good, failed: refused, cancelled: slow }[what];
    upstreams.vllm.reply = good;
    const model = what === 'rescued' ? 'flaky' : chance.pick(['local-m', 'local-n']);
    const touchstone = {
      taskType: chance.pick(['coding', 'analysis']), complexity: chance.pick(['simple', 'medium', 'complex']), messageId: `message-${world.serial++}`,
      conversationId: chance.maybe(0.3, () => `conversation-${chance.below(20)}`), userId: chance.maybe(0.5, () => 'ada'), userSegment: chance.maybe(0.5, () => 'pro'),
      tags: chance.maybe(0.4, () => ({ project: 'apollo' })), fallback: what === 'rescued' ? ['vllm/other'] : [],
    };
    const body = { model, prompt: 'p', stream: chance.is(0.7), touchstone };
    if (what === 'cancelled') {
      const leave = new AbortController();
      const before = upstreams.ollama.calls.length;
      const gone = server.post('/api/generate', body, { signal: leave.signal }).catch(() => {});
      await Promise.race([upstreams.ollama.call(before), gone]);
      leave.abort();
      await gone;
    } else {
      await server.post('/api/generate', body);
    }
    world.events.push(await recorded(server, touchstone));
  }
}

const us = (value) => (value === null || value === undefined ? undefined : Math.round(value * 1000));

async function recorded(server, touchstone) {
  for (let tries = 0; tries < 500; tries++) {
    const found = (await server.get('/api/requests?limit=20')).json.requests.find((r) => r.messageId === touchstone.messageId);
    if (found) {
      const call = (await server.get(`/api/requests/${found.id}`)).json;
      const { input, cacheRead, cacheWrite, output } = call.tokens;
      const parts = [input, cacheRead, cacheWrite].filter((n) => n !== null);
      return {
        ms: Date.parse(call.timestamp), id: call.id, messageId: call.messageId, conversation: call.conversationId, model: call.model, provider: call.provider,
        taskType: call.taskType, complexity: call.complexity ?? undefined, user: touchstone.userId, segment: touchstone.userSegment, project: touchstone.tags?.project,
        outcome: call.outcome, rating: 0, totalUs: us(call.phases.totalMs), ttftUs: us(call.phases.ttftMs), decodeUs: us(call.phases.decodeMs),
        input: parts.length ? parts.reduce((a, b) => a + b) : undefined, output: output ?? undefined, unsplit: undefined,
        costNano: call.costUsd === null ? undefined : Math.round(call.costUsd * 1e9), attempts: call.attempts.map(({ model, provider }) => ({ model, provider })),
      };
    }
    await new Promise((done) => setTimeout(done, 10));
  }
  throw new Error(`no row for ${touchstone.messageId}`);
}

async function report(world, server, count) {
  const made = Array.from({ length: count }, () => world.reported());
  for (let at = 0; at < made.length;) {
    const batch = made.slice(at, (at += 1 + world.chance.below(200)));
    const got = await server.post(`${ANALYTICS}/outcomes`, batch.map((m) => m.report));
    assert.deepEqual([got.status, got.json.accepted], [200, batch.length], got.text);
    world.events.push(...batch.map((m) => m.event));
    if (world.chance.is(0.2)) // once more: nothing changes
      assert.equal((await server.post(`${ANALYTICS}/outcomes`, batch.map((m) => m.report))).json.duplicates, batch.length);
  }
}

async function rate(world, server, count) {
  const { chance } = world;
  for (let i = 0; i < count; i++) {
    const event = chance.pick(world.events);
    const rating = chance.pick([1, 1, 1, -1, -1, 0]);
    const by = event.conversation && chance.is(0.5) ? { conversationId: event.conversation } : event.id && chance.is(0.5) ? { requestId: event.id } : { messageId: event.messageId };
    const got = await server.post(`${ANALYTICS}/feedback`, { ...by, rating });
    assert.equal(got.status, 200, got.text);
    let rated = event;
    if (by.conversationId) {
      const { messageId } = (await server.get(`/api/requests/${got.json.requestId}`)).json;
      rated = world.events.find((e) => e.messageId === messageId);
      assert.equal(rated.ms, Math.max(...world.events.filter((e) => e.conversation === event.conversation).map((e) => e.ms)), 'the newest call of the conversation');
    }
    assert.equal(got.json.previousRating, rated.rating);
    rated.rating = rating;
  }
}

async function ask(world, server, agent) {
  const { query, question, days } = world.question();
  const before = Date.now();
  const got = await request(`${server.url}${ANALYTICS}?${query}`, { agent });
  assert.equal(got.status, 200, `${query}: ${got.text}`);
  const told = got.json;
  const { from, to } = told.window;
  if (days) {
    question.to = Date.parse(to);
    question.from = question.to - days * DAY;
    assert.ok(question.to > before && question.to <= Date.now() + 1, `${query}: the window ends at ${to}`);
  }
  assert.deepEqual([Date.parse(from), Date.parse(to)], [question.from, question.to], query);
  const wrong = [...differences(told, world.events, question)];
  assert.deepEqual(wrong.slice(0, 10), [], `seed ${SEED}, ?${query}: ${wrong.length} differences`);
  if (world.chance.is(0.3)) await askLatency(world, server, agent, query, question);
}

// The same slice, and how its times are spread.
async function askLatency(world, server, agent, query, question) {
  const parameters = new URLSearchParams(query);
  for (const name of ['group_by', 'compare', 'days']) parameters.delete(name);
  for (const name of ['from', 'to']) parameters.set(name, new Date(question[name]).toISOString());
  const got = await request(`${server.url}${ANALYTICS}/latency?${parameters}`, { agent });
  assert.equal(got.status, 200, `${parameters}: ${got.text}`);
  const wrong = [...differencesOfLatency(got.json, world.events, question)];
  assert.deepEqual(wrong.slice(0, 5), [], `seed ${SEED}, latency?${parameters}: ${wrong.length} differences`);
}

test('buckets of brute force: both daylight-saving days, half hours, weeks', () => {
  const at = (text) => Date.parse(text);
  const zone = (name) => new Zone(name, at('2025-01-01T00:00:00Z'), at('2026-01-01T00:00:00Z'));
  const hour = (name, text) => bucketOf(zone(name), 'hour', at(text));
  assert.equal(hour('Europe/Berlin', '2025-10-26T00:30:00Z'), '2025-10-26T02:00:00+02:00');
  assert.equal(hour('Europe/Berlin', '2025-10-26T01:30:00Z'), '2025-10-26T02:00:00+01:00');
  assert.equal(hour('Australia/Lord_Howe', '2025-04-05T15:10:00Z'), '2025-04-06T01:00:00+10:30');
  assert.equal(hour('Asia/Kathmandu', '2025-06-01T00:00:00Z'), '2025-06-01T05:00:00+05:45');
  assert.equal(bucketOf(zone('UTC'), 'week', at('2025-06-01T12:00:00Z')), '2025-05-26');
});

test('the whole answer is what brute force says, whatever is asked', async (t) => {
  t.diagnostic(`seed ${SEED}; TS_SEED=${SEED} repeats this run`);
  const world = new World(SEED, Date.now());
  const upstreams = {
    ollama: await startUpstream(t, { models: ['local-m', 'local-n'] }), vllm: await startUpstream(t, { kind: 'vllm', models: ['other'] }),
    llamacpp: await startUpstream(t, { kind: 'llamacpp', models: ['flaky'], reply: (call) => call.send(500, { error: 'no memory' }) }),
  };
  // what is older than the default keeps its rows: windows over a year are exact to the millisecond
  const options = { upstreams, env: { TOUCHSTONE_RETENTION_DAYS: '0' } };
  const agent = new http.Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  let server = await startTouchstone(t, options);
  for (const stage of [{ reports: 300, calls: 12 }, { reports: 900, calls: 6 }, { reports: 1, calls: 1 }, { reports: 600, calls: 3, restart: true }]) {
    await report(world, server, stage.reports);
    await generate(world, server, upstreams, stage.calls);
    await rate(world, server, 40);
    if (stage.restart) {
      await server.stop();
      server = await startTouchstone(t, { ...options, folder: server.folder });
      await rate(world, server, 20);
      await report(world, server, 30);
    }
    for (let i = 0; i < QUESTIONS; i++) await ask(world, server, agent);
  }
});
