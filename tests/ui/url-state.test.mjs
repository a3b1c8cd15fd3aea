// The address and what it means.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { DEFAULT_STATE, describeRange, formatState, parseState, spanMs, toQuery, windowOf } =
  await load('url-state.ts');
const NOW = Date.UTC(2026, 10, 20, 20, 25);

test('what is the default is not written', () => {
  assert.equal(formatState(DEFAULT_STATE), '');
  assert.deepEqual(parseState(''), DEFAULT_STATE);
});

test('every state survives its address', () => {
  const ranges = [
    { kind: 'last', span: '30d' },
    { kind: 'last', span: '1h' },
    { kind: 'last', span: '90m' },
    { kind: 'last', span: '2w' },
    { kind: 'fixed', from: '2026-11-01T00:00:00.000Z', to: '2026-11-07T12:30:00.000Z' },
  ];
  const names = [null, 'llama3.2:7b', 'a&b=c#d?e', 'мир 世界', 'org/model+x%20', '"<script>'];
  let states = 0;
  for (const range of ranges)
    for (const model of names)
      for (const task of [null, 'coding', 'x=y&z'])
        for (const provider of [null, 'ollama']) {
          for (const sort of ['-calls', 'model', '-p95'])
            for (const view of ['chart', 'table']) {
              const state = { range, model, task, provider, sort, view };
              assert.deepEqual(parseState(formatState(state)), state, formatState(state));
              states++;
            }
        }
  assert.equal(states, 5 * 6 * 3 * 2 * 3 * 2);
});

test('nonsense in an address becomes the default', () => {
  const bad = [
    'range=0d',
    'range=forever',
    'range=12345d',
    'range=-1d',
    'from=x&to=y',
    'from=2026-11-07T00:00:00Z&to=2026-11-01T00:00:00Z',
    'from=2026-11-01T00:00:00Z',
    'sort=;drop',
    `sort=${'a'.repeat(40)}`,
    'view=pie',
    'model=',
    'task=',
  ];
  for (const search of bad) assert.deepEqual(parseState(`?${search}`), DEFAULT_STATE, search);
});

test('spans are whole numbers of minutes, hours, days or weeks', () => {
  assert.equal(spanMs('90m'), 5_400_000);
  assert.equal(spanMs('24h'), 86_400_000);
  assert.equal(spanMs('2w'), 14 * 86_400_000);
  for (const bad of ['', 'd', '1', '01d', '1.5h', '1d ', '1y']) assert.equal(spanMs(bad), null, bad);
});

test('whole days are asked for as days, all else as a window', () => {
  const ask = (search, zone = 'UTC') =>
    Object.fromEntries(new URLSearchParams(toQuery(parseState(search), NOW, zone)));
  assert.deepEqual(ask(''), { days: '30', bucket: 'day' });
  assert.deepEqual(ask('?range=24h'), { days: '1', bucket: 'hour' });
  assert.deepEqual(ask('?range=1h'), {
    from: '2026-11-20T19:25:00.000Z',
    to: '2026-11-20T20:25:00.000Z',
    bucket: 'hour',
  });
  assert.deepEqual(ask('?task=coding&model=a%26b&provider=ollama', 'Europe/Berlin'), {
    days: '30',
    task_type: 'coding',
    model: 'a&b',
    provider: 'ollama',
    bucket: 'day',
    tz: 'Europe/Berlin',
  });
  assert.equal(ask('?range=52w').bucket, 'week');
  assert.equal(ask('?range=999w').bucket, 'month');
});

test('a window ends now or where it says', () => {
  assert.deepEqual(windowOf({ kind: 'last', span: '1h' }, NOW), { from: NOW - 3_600_000, to: NOW });
  assert.deepEqual(
    windowOf({ kind: 'fixed', from: '2026-11-01T00:00:00Z', to: '2026-11-02T00:00:00Z' }, NOW),
    { from: Date.UTC(2026, 10, 1), to: Date.UTC(2026, 10, 2) },
  );
});

test('ranges are named as people say them', () => {
  assert.equal(describeRange({ kind: 'last', span: '1h' }), 'last hour');
  assert.equal(describeRange({ kind: 'last', span: '30d' }), 'last 30 days');
  assert.equal(
    describeRange({ kind: 'fixed', from: '2026-11-01T00:00:00Z', to: '2026-11-07T12:30:00Z' }),
    '2026-11-01 00:00 to 2026-11-07 12:30 UTC',
  );
});
