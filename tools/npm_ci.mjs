// Installs the packages of a folder's lock file if it is not what is installed; without the network
// nothing happens as long as the lock file stays.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const COMMAND = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];

export function ensurePackages(dir, remedy, more = []) {
  const stamp = join(dir, 'node_modules', '.touchstone-lock');
  const lock = createHash('sha256').update(readFileSync(join(dir, 'package-lock.json'))).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  const npm = spawnSync('npm', [...COMMAND, ...more], { cwd: dir, stdio: ['ignore', 2, 2] });
  if (npm.status !== 0) throw new Error(`npm ci failed in ${dir}; ${remedy}`);
  writeFileSync(stamp, lock);
}
