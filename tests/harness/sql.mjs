// Reads the database as any other program would: with the sqlite3 shell, in a process of its own.
import { execFileSync } from 'node:child_process';

// As much as a long run's whole table; Node's own limit is 1 MiB, and its error then looks like the shell's.
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;

export function sql(db, query) {
  const out = execFileSync('sqlite3', ['-readonly', '-json', '-cmd', '.timeout 5000', db, query], {
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  return out.trim() ? JSON.parse(out) : [];
}
