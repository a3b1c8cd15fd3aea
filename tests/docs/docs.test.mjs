// The documentation is true: marked examples run, links lead somewhere, settings exist.
//
// A block of code behind `<!-- test: NAME -->` is run, `sh` with bash and `sql` with the sqlite3
// shell, in the order of the files below, against one server; curl fails on an error status, and
// `touchstone` is the binary under test on that server's database.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { binary, cleanEnv, root, runToEnd, scratch, startTouchstone } from '../harness/touchstone.mjs';
import { answer, startUpstream, words } from '../harness/upstream.mjs';

const FILES = ['README.md', 'docs/local-models.md', 'docs/troubleshooting.md', 'docs/failover.md', 'docs/database.md', 'docs/data.md', 'docs/classifier.md', 'docs/costs.md', 'docs/reports.md', 'docs/metrics.md', 'docs/clones.md', 'HACKING.md'].filter((f) => existsSync(join(root, f)));
const read = (file) => readFileSync(join(root, file), 'utf8');

function examples(file) {
  const found = [...read(file).matchAll(/<!-- test: ([\w-]+) -->\n+```(\w+)\n([\s\S]*?)```/g)];
  return found.map(([, name, language, code]) => ({ file, name, language, code }));
}

// The commands of an example as one process; what it says is in the result.
async function run(example, server, env) {
  const code = example.code.replaceAll('127.0.0.1:8420', `127.0.0.1:${server.port}`);
  const functions = `curl() { command curl --fail-with-body "$@"; }\ntouchstone() { ${JSON.stringify(resolve(binary))} "$@"; }`;
  const command = example.language === 'sql' ? ['sqlite3', ['-readonly', server.db, code]]
    : ['bash', ['-euo', 'pipefail', '-c', `${functions}\n${code}`]];
  return promisify(execFile)(command[0], command[1], { env, cwd: env.HOME, timeout: 20_000 });
}

test('the examples run as they stand', async (t) => {
  const upstream = await startUpstream(t, { models: ['llama3.2:7b'], reply: answer({ tokens: words(8) }) });
  const server = await startTouchstone(t, { upstreams: { ollama: upstream } });
  const env = cleanEnv(scratch(t), { TOUCHSTONE_DB: server.db });
  const all = FILES.flatMap(examples);
  assert.ok(all.length >= 6, `${all.length} examples`);
  for (const [i, example] of all.entries()) {
    await t.test(`${example.file}: ${example.name} (${i + 1})`, async () => {
      assert.ok(['sh', 'sql'].includes(example.language), example.language);
      const { stdout } = await run(example, server, env);
      assert.ok(stdout.length > 0, 'it said nothing');
    });
  }
});

test('links in the documentation lead to files that are there', () => {
  for (const file of FILES)
    for (const [, target] of read(file).matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g))
      assert.ok(existsSync(resolve(root, dirname(file), target)), `${file}: ${target}`);
});

test('every setting and option that the documentation names exists', async (t) => {
  const help = (await runToEnd(t, ['--help=env'])).stdout;
  const deploy = readdirSync(join(root, 'deploy')).map((f) => `deploy/${f}`);
  for (const file of [...FILES, ...deploy])
    for (const [name] of read(file).matchAll(/\b(TOUCHSTONE|VLLM|LMSTUDIO|LLAMACPP|OLLAMA)_[A-Z_]+[A-Z]\b/g))
      if (!['OLLAMA_HOST', 'OLLAMA_NUM_PARALLEL', 'VLLM_KEY'].includes(name)) assert.ok(help.includes(name), `${file}: ${name}`);
});

test('what the documentation says about exit codes and routes is in the program', async (t) => {
  const upstream = await startUpstream(t);
  const server = await startTouchstone(t, { upstreams: { ollama: upstream } });
  const api = (await server.get('/openapi.json')).json;
  for (const file of FILES)
    for (const [, route] of read(file).matchAll(/127\.0\.0\.1:8420(\/(?:api|v1)\/[a-z/-]+)/g))
      assert.ok(api.paths[route] ?? Object.keys(api.paths).find((p) => p.startsWith(`${route}{`)), `${file}: ${route}`);
});
