// Reads the database as any other program would: with the sqlite3 shell, in a process of its own.
import { execFileSync } from 'node:child_process';

export function sql(db, query) {
  const out = execFileSync('sqlite3', ['-readonly', '-json', '-cmd', '.timeout 5000', db, query], { encoding: 'utf8' });
  return out.trim() ? JSON.parse(out) : [];
}
