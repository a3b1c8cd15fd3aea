// Numbers as people read them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const fmt = await load('fmt.ts');
// Tables below write ordinary spaces for the no-break ones.
const plain = (text) => text.replace(/[\u00a0\u202f]/g, ' ');

function table(name, fn, rows) {
  test(name, () => {
    for (const [args, want] of rows)
      assert.equal(plain(fn(...[args].flat())), want, `${JSON.stringify(args)}`);
  });
}

table('durations change their unit where people do', fmt.duration, [
  [0, '0 ms'],
  [0.4, '<1 ms'],
  [1, '1 ms'],
  [212.4, '212 ms'],
  [999.4, '999 ms'],
  [999.5, '1.00 s'],
  [2456, '2.46 s'],
  [9994, '9.99 s'],
  [9995, '10.0 s'],
  [14_200, '14.2 s'],
  [59_949, '59.9 s'],
  [59_950, '1 m 00 s'],
  [64_000, '1 m 04 s'],
  [3_599_400, '59 m 59 s'],
  [3_600_000, '1 h 00 m'],
  [5_400_000, '1 h 30 m'],
  [null, '—'],
  [undefined, '—'],
  [NaN, '—'],
]);

table('marks of a duration axis carry no empty decimals', fmt.durationTick, [
  [0, '0'],
  [500, '500 ms'],
  [2000, '2 s'],
  [2500, '2.5 s'],
  [15_000, '15 s'],
  [120_000, '2 m'],
]);

table('counts are exact to four digits and compact beyond', fmt.count, [
  [0, '0'],
  [7, '7'],
  [999, '999'],
  [9876, '9 876'],
  [9999, '9 999'],
  [18_432, '18.4K'],
  [999_949, '999.9K'],
  [999_950, '1.0M'],
  [28_123_456, '28.1M'],
  [3_200_000_000, '3.2G'],
  [null, '—'],
]);

table('exact counts are grouped by thousands', fmt.exact, [
  [5, '5'],
  [999, '999'],
  [1000, '1 000'],
  [1_234_567, '1 234 567'],
  [12.6, '13'],
  [null, '—'],
]);

table('rates keep three digits', fmt.rate, [
  [8.21, '8.21 tok/s'],
  [9.995, '10.0 tok/s'],
  [41.26, '41.3 tok/s'],
  [99.96, '100 tok/s'],
  [213.6, '214 tok/s'],
  [null, '—'],
]);

table('percentages get finer close to all', fmt.percent, [
  [[87, false], '87.0 %'],
  [[99.951, true], '99.95 %'],
  [[99.951, false], '100.0 %'],
  [[100, true], '100.0 %'],
  [[98.76, true], '98.8 %'],
  [[null], '—'],
]);

table('a share of few is a count', fmt.share, [
  [[17, 18], '17/18'],
  [[0, 1], '0/1'],
  [[19, 20], '95.0 %'],
  [[0, 0], '—'],
  [[null, 5], '—'],
  [[9999, 10_000, true], '99.99 %'],
]);

table('spans show a decimal only when their ends are close', fmt.span, [
  [[92, 98.4], '92–98 %'],
  [[98.9, 99.3], '98.9–99.3 %'],
  [[0, 100], '0–100 %'],
]);

table('money is as fine as it is small', fmt.money, [
  [0, '$0'],
  [0.00001, '<$0.0001'],
  [0.0031, '$0.0031'],
  [0.01, '$0.01'],
  [38.209, '$38.21'],
  [99.99, '$99.99'],
  [1204.4, '$1 204'],
  [null, '—'],
]);

table('the past is near before it is dated', fmt.ago, [
  [[1000, 30_000, 'UTC'], 'just now'],
  [[0, 240_000, 'UTC'], '4 min ago'],
  [[0, 7_300_000, 'UTC'], '2 h ago'],
  [[Date.UTC(2026, 10, 13), Date.UTC(2026, 10, 20), 'UTC'], '13 Nov'],
]);

test('a long model name loses its publisher first, then its middle', () => {
  assert.equal(fmt.short('meta-llama/Llama-3.1-70B-Instruct'), 'meta-llama/Llama-3.1-70B-Instruct');
  assert.equal(
    fmt.short('bartowski/Mistral-Small-24B-Instruct-2501-GGUF'),
    'Mistral-Small-24B-Instruct-2501-GGUF',
  );
  assert.equal(fmt.short(`x/${'a'.repeat(30)}${'b'.repeat(30)}`), `${'a'.repeat(20)}…${'b'.repeat(15)}`);
});

test('an unknown number is never shown as zero', () => {
  for (const name of ['exact', 'count', 'duration', 'rate', 'percent', 'money', 'score']) {
    for (const unknown of [null, undefined, NaN]) assert.equal(fmt[name](unknown), '—', name);
  }
});
