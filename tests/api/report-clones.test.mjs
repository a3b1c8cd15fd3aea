// The benchmark report: what it says of website clones, and from which figures on it finds fault.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { runToEnd, startTouchstone } from '../harness/touchstone.mjs';

const report = async (server, query = '') => {
  const got = await server.get(`/api/analytics/models/export?what=report${query}`);
  assert.equal(got.status, 200, got.text);
  return got.text;
};
const rows = (text) => {
  const from = text.indexOf('## Website clones');
  const table = from < 0 ? '' : text.slice(from).split('\n\n')[1];
  const cells = (line) => line.split('|').slice(1, -1).map((c) => c.trim());
  return table.trim().split('\n').slice(2).map(cells);
};

async function filled(t) {
  const server = await startTouchstone(t);
  const attempt = (model, more) => server.post('/api/clones', { url: 'https://a.example', model, status: 'success', files: [{ path: 'a.txt', content: 'x'.repeat(2048) }], ...more });
  for (let i = 0; i < 3; i++)
    assert.equal((await attempt('ollama/one', { generationTimeMs: 1000 * (i + 1) })).status, 201);
  const failed = await attempt('vllm/two', { status: 'error', errorMessage: 'no', files: undefined });
  assert.equal(failed.status, 201, failed.text);
  const old = await attempt('vllm/old', { timestamp: '2024-01-05T00:00:00Z' });
  assert.equal(old.status, 201, old.text);
  return server;
}

test('a report has the clones of its window, with and without calls', async (t) => {
  const server = await filled(t);
  const wanted = [
    ['one', 'ollama', '3', '100.0 % (43.9–100.0)', '2,000', '2.0', '–', ''],
    ['two', 'vllm', '1', '0.0 % (0.0–79.3)', '–', '–', '–', ''],
  ];
  assert.deepEqual(rows(await report(server)), wanted);
  const call = { model: 'm', taskType: 'coding', success: true, responseTimeMs: 20 };
  assert.equal((await server.post('/api/analytics/models/outcomes', call)).status, 200);
  assert.deepEqual(rows(await report(server)), wanted);
  assert.deepEqual(rows(await report(server, '&from=2024-01-01&to=2024-02-01')).map((r) => r[0]), ['old']);
  assert.deepEqual(rows(await report(server, '&model=two')).map((r) => r[0]), ['two']);
  assert.deepEqual(rows(await report(server, '&provider=ollama')).map((r) => r[0]), ['one']);
  assert.doesNotMatch(await report(server, '&task_type=coding'), /Website clones/);
  assert.match(await report(server, '&format=html'), /<h2>Website clones<\/h2>/);
});

test('the command says the same of clones as the server', async (t) => {
  const server = await filled(t);
  const said = await runToEnd(t, ['report', '--db', server.db]);
  assert.equal(said.code, 0, said.stderr);
  assert.deepEqual(rows(said.stdout), rows(await report(server)));
});

test('fast calls are not called slow', async (t) => {
  const server = await startTouchstone(t);
  const calls = Array.from({ length: 60 }, () => ({ model: 'm', taskType: 'coding', success: true, responseTimeMs: 20 }));
  assert.equal((await server.post('/api/analytics/models/outcomes', calls)).status, 200);
  assert.doesNotMatch(await report(server), /slow/);
});
