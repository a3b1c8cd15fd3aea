// Brings the grammars of package-lock.json into node_modules; only their C sources are used. Gives up
// early: a build without them is a build without scores of code, not a failed one.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensurePackages } from '../../tools/npm_ci.mjs';

try {
  const quick = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-timeout=20000'];
  ensurePackages(dirname(fileURLToPath(import.meta.url)), 'no grammars', quick);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
