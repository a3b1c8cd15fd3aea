// The command line, the environment and the file: one line and the right exit code for each mistake.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { freePort, root, runToEnd, scratch, startTouchstone } from '../harness/touchstone.mjs';
import { startUpstream } from '../harness/upstream.mjs';

const oneLine = (got) => got.stderr.trim().split('\n').filter((l) => !/^usage|^try/i.test(l));

const MISTAKES = [
  // arguments, environment, exit code, what the line names
  [['--nonsense'], {}, 64, /--nonsense/],
  [['frobnicate'], {}, 64, /frobnicate/],
  [[], { TOUCHSTONE_LISTEN: 'nowhere' }, 78, /TOUCHSTONE_LISTEN/],
  [[], { TOUCHSTONE_LISTEN: '127.0.0.1:99999' }, 78, /TOUCHSTONE_LISTEN/],
  [[], { TOUCHSTONE_LOOPS: '0' }, 78, /TOUCHSTONE_LOOPS/],
  [[], { TOUCHSTONE_LOOPS: 'many' }, 78, /TOUCHSTONE_LOOPS/],
  [[], { TOUCHSTONE_DURABILITY: 'sometimes' }, 78, /TOUCHSTONE_DURABILITY/],
  [[], { TOUCHSTONE_LOG: 'loud' }, 78, /TOUCHSTONE_LOG/],
  [[], { TOUCHSTONE_MAX_IN_FLIGHT: '-1' }, 78, /TOUCHSTONE_MAX_IN_FLIGHT/],
  [[], { TOUCHSTONE_TIMEOUT_GAP_MS: '1e9' }, 78, /TOUCHSTONE_TIMEOUT_GAP_MS/],
  [[], { TOUCHSTONE_TRACKING: 'maybe' }, 78, /TOUCHSTONE_TRACKING/],
  [[], { TOUCHSTONE_BASE_PATH: 'no-slash' }, 78, /TOUCHSTONE_BASE_PATH/],
  [[], { TOUCHSTONE_LISTN: '127.0.0.1:1' }, 78, /TOUCHSTONE_LISTN/],
  [[], { TOUCHSTONE_TRUSTED_PROXIES: '127.0.0.1, proxy.example' }, 78, /TOUCHSTONE_TRUSTED_PROXIES.*"proxy\.example"/],
  [[], { OLLAMA_BASE_URL: 'ftp://x' }, 78, /OLLAMA_BASE_URL/],
  [[], { OLLAMA_ENABLED: 'perhaps' }, 78, /OLLAMA_ENABLED/],
];

for (const [args, env, code, names] of MISTAKES) {
  test(`${JSON.stringify(args.length ? args : env)} ends with ${code} and names it`, async (t) => {
    const got = await runToEnd(t, args, { env });
    assert.equal(got.code, code, got.stderr);
    assert.equal(oneLine(got).length, 1, got.stderr);
    assert.match(got.stderr, names);
    assert.equal(got.stdout, '');
  });
}

const FILES = [
  ['listen = nowhere', /listen/],
  ['[server]\nnonsense = 1', /nonsense/],
  ['[provider.x]\nkind = magic\nbase_url = http://127.0.0.1:1', /kind/],
  ['[provider.x]\nbase_url = http://127.0.0.1:1', /kind/],
  ['[provider.x]\nkind = ollama\nbase_url = http://127.0.0.1:1\nweight = heavy', /weight/],
  ['this is no setting', /./],
];

for (const [text, names] of FILES) {
  test(`the file ${JSON.stringify(text)} ends with 78 and is named with its line`, async (t) => {
    const folder = scratch(t);
    const file = join(folder, 'bad.ini');
    writeFileSync(file, `${text}\n`);
    const got = await runToEnd(t, ['--config', file], { folder });
    assert.equal(got.code, 78, got.stderr);
    assert.equal(oneLine(got).length, 1, got.stderr);
    assert.match(got.stderr, names);
    assert.match(got.stderr, /bad\.ini/);
  });
}

test('a file that is named and not there ends with 78', async (t) => {
  const got = await runToEnd(t, ['--config', '/nonexistent/x.ini']);
  assert.equal(got.code, 78, got.stderr);
  assert.match(got.stderr, /nonexistent/);
});

test('the command line wins over the environment, the environment over the file', async (t) => {
  const [fromFile, fromEnv, fromLine] = [await freePort(), await freePort(), await freePort()];
  const config = `listen = 127.0.0.1:${fromFile}\n`;
  const server = await startTouchstone(t, { port: fromEnv, config });
  assert.equal((await server.get('/healthz')).status, 200);
  await server.stop();
  const line = await startTouchstone(t, { port: fromEnv, config, args: [`--listen=127.0.0.1:${fromLine}`], ready: 0 });
  line.url = `http://127.0.0.1:${fromLine}`;
  await line.waitReady();
});

test('.env.example and --help come from the one table of settings', async (t) => {
  const help = await runToEnd(t, ['--help']);
  assert.equal(help.code, 0);
  const env = await runToEnd(t, ['--help=env']);
  assert.equal(env.stdout, readFileSync(join(root, '.env.example'), 'utf8'));
  const names = [...env.stdout.matchAll(/^#([A-Z_]+)=/gm)].map(([, name]) => name);
  assert.ok(names.length >= 25, `${names.length} settings`);
  for (const name of names) {
    const option = `--${name.replace(/^TOUCHSTONE_|_FILE$/g, '').toLowerCase().replaceAll('_', '-')}`;
    assert.ok(help.stdout.includes(option), `${name}: ${option}`);
  }
});

test('providers come from the file, each with its name', async (t) => {
  const a = await startUpstream(t, { kind: 'ollama', models: ['x'] });
  const b = await startUpstream(t, { kind: 'vllm', models: ['y'] });
  const config = `# a comment\n[provider.desk]\nkind = ollama\nbase_url = ${a.url}/\n\n[provider.rack]\nkind = vllm\nbase_url = ${b.url}/v1\napi_key_env = RACK_KEY\n`;
  const server = await startTouchstone(t, { config, env: { RACK_KEY: 'rack-secret' } });
  const { providers } = (await server.get('/api/providers')).json;
  assert.deepEqual(providers.map((p) => p.name ?? p.provider).sort(), ['desk', 'rack']);
  await server.post('/api/generate', { model: 'y', prompt: 'p' });
  assert.equal((await b.call()).headers.authorization, 'Bearer rack-secret');
});
