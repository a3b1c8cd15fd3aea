// Reads the database as any other program would: with the sqlite3 shell, in a process of its own.
import { execFileSync, spawn } from 'node:child_process';

import { cleanup } from './cleanup.mjs';

// As much as a long run's whole table; Node's own limit is 1 MiB, and its error then looks like the shell's.
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;

export function sql(db, query) {
  const out = execFileSync('sqlite3', ['-readonly', '-json', '-cmd', '.timeout 5000', db, query], {
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  return out.trim() ? JSON.parse(out) : [];
}

// Holds the lock to write, as a shell that somebody left open does, until what is returned is called.
export async function lockDatabase(t, db) {
  const child = spawn('sqlite3', [db]);
  cleanup(t, () => child.kill('SIGKILL'));
  child.stdin.write('.timeout 2000\nBEGIN IMMEDIATE;\nSELECT \'locked\';\n');
  await new Promise((done) => child.stdout.on('data', (b) => String(b).includes('locked') && done()));
  return () => child.stdin.end('ROLLBACK;\n.quit\n');
}
