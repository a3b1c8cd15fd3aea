// Clone attempts on a disk that fills up: a clear error, nothing half-stored, and it heals.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { cleanup } from '../harness/cleanup.mjs';
import { sql } from '../harness/sql.mjs';
import { scratch, slack, startTouchstone } from '../harness/touchstone.mjs';

const attempt = (i) => ({
  url: `https://s${i}.example`, model: 'ollama/m', status: 'success', generationTimeMs: i,
  files: Array.from({ length: 50 }, (_, k) => ({ path: `src/${k}.txt`, content: 'x'.repeat(4000) })),
});

test('a full disk in the middle: each attempt is there with all of its files, or not at all', { skip: process.getuid() !== 0 && 'a small file system can be mounted only as root' }, async (t) => {
  const disk = join(scratch(t), 'disk');
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', disk], { stdio: 'pipe' });
  } catch (error) {
    return t.skip(`mount is not allowed here: ${String(error.stderr).trim()}`);
  }
  cleanup(t, () => execFileSync('umount', ['-l', disk]));
  const server = await startTouchstone(t, { db: join(disk, 'touchstone.db') });
  const stored = [];
  let refused = 0;
  for (let i = 1; i <= 60 && refused < 5; i++) {
    const got = await server.post('/api/clones', attempt(i));
    if (got.status === 201) {
      stored.push(got.json.id);
      continue;
    }
    refused++;
    assert.equal(got.status, 503, got.text);
    assert.equal(got.json.error.code, 'storage_unavailable');
    assert.match(got.json.error.message, /full|takes no writes/);
    assert.ok(got.headers['retry-after']);
  }
  assert.ok(refused > 0 && stored.length > 0, `${stored.length} stored, ${refused} refused`);
  const consistent = () => {
    const rows = sql(server.db, 'SELECT id, (SELECT count(*) FROM code_files f WHERE f.clone_attempt_id = a.id) AS files FROM clone_attempts a');
    assert.deepEqual(rows.map((r) => r.files), rows.map(() => 50));
    assert.deepEqual(rows.map((r) => r.id).sort((a, b) => a - b), stored);
    assert.equal(sql(server.db, 'SELECT sum(attempts) AS n FROM clone_counts')[0].n, stored.length);
    assert.equal(sql(server.db, 'SELECT count(*) AS n FROM websites')[0].n, stored.length);
    assert.equal(sql(server.db, 'PRAGMA foreign_key_check').length, 0);
  };
  consistent();
  assert.equal((await server.get('/api/clones/summary')).json.summary.totalAttempts, stored.length);
  // room again
  execFileSync('mount', ['-o', 'remount,size=64m', disk]);
  let again;
  for (let i = 0; i < 100 * slack && again?.status !== 201; i++) {
    await sleep(100);
    again = await server.post('/api/clones', attempt(1000));
  }
  assert.equal(again.status, 201, again.text);
  stored.push(again.json.id);
  consistent();
});
