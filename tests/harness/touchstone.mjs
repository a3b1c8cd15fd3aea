// Starts the real binary for a test: its own folder, a free port, no setting but the given ones.
// Stops it by its own process and holds it to a clean end: exit code 0, no sanitizer report.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { cleanup } from './cleanup.mjs';
import { request } from './http.mjs';

export const root = resolve(import.meta.dirname, '../..');
export const binary = process.env.TS_BIN ?? join(root, 'build/touchstone');

// How much longer things may take in this run: sanitizers are slow.
export const slack = Number(process.env.TS_SLACK ?? 1);

const SANITIZER = /(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|SUMMARY: \w+Sanitizer)/;

export async function freePort() {
  const server = net.createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

// A folder of the test's own, removed after it.
export function scratch(t) {
  const folder = mkdtempSync(join(tmpdir(), 'touchstone-test-'));
  cleanup(t, () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

// The environment of a child: nothing of the tester's own settings.
export function cleanEnv(folder, env = {}) {
  const kept = ['PATH', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS', 'LSAN_OPTIONS'];
  const base = Object.fromEntries(kept.filter((k) => process.env[k]).map((k) => [k, process.env[k]]));
  const homes = { HOME: folder, XDG_CONFIG_HOME: folder, XDG_STATE_HOME: folder, XDG_RUNTIME_DIR: folder };
  return { ...base, ...homes, TZ: 'UTC', ...env };
}

// Runs the binary to its end, as for `--help` or a start that must fail.
export async function runToEnd(t, args, { env = {}, input, folder = scratch(t), timeoutMs = 10_000 } = {}) {
  const child = spawn(binary, args, { env: cleanEnv(folder, env), cwd: folder });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs * slack);
  const out = { stdout: '', stderr: '', folder };
  child.stdout.on('data', (b) => (out.stdout += b));
  child.stderr.on('data', (b) => (out.stderr += b));
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
  [out.code, out.signal] = await new Promise((done) => child.on('close', (c, s) => done([c, s])));
  clearTimeout(timer);
  assert.doesNotMatch(out.stderr, SANITIZER);
  return out;
}

export class Touchstone {
  stderr = '';
  stdout = '';

  constructor(child, { port, db, folder, basePath }) {
    Object.assign(this, { child, port, db, folder, basePath });
    this.url = `http://127.0.0.1:${port}${basePath}`;
    child.stdout.on('data', (b) => (this.stdout += b));
    child.stderr.on('data', (b) => (this.stderr += b));
    this.exited = new Promise((done) => child.on('close', (code, signal) => done({ code, signal })));
  }

  get pid() {
    return this.child.pid;
  }

  get(path, options) {
    return request(this.url + path, options);
  }

  post(path, body, options) {
    return request(this.url + path, { method: 'POST', body, ...options });
  }

  async waitReady(status = 200, timeoutMs = 10_000) {
    const until = Date.now() + timeoutMs * slack;
    const ended = this.exited.then((e) => { throw new Error(`ended with ${JSON.stringify(e)}:\n${this.stderr}`); });
    ended.catch(() => {});
    for (;;) {
      const answer = await Promise.race([this.get('/readyz').catch(() => null), ended]);
      if (answer?.status === status) return answer;
      if (Date.now() > until) throw new Error(`not ready: ${answer?.status} ${answer?.text}\n${this.stderr}`);
      await sleep(5);
    }
  }

  signal(name) {
    this.child.kill(name);
  }

  // Ends it as an operator would and checks that it went well.
  async stop({ signal = 'SIGTERM', timeoutMs = 10_000 } = {}) {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), timeoutMs * slack);
    const { code, signal: by } = await this.exited;
    clearTimeout(timer);
    assert.doesNotMatch(this.stderr, SANITIZER);
    assert.deepEqual({ code, by }, { code: 0, by: null }, `ended badly:\n${this.stderr.slice(-4000)}`);
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.exited;
  }
}

// upstreams: {ollama: upstream, llamacpp: upstream} become OLLAMA_BASE_URL and so on; `config` is
// the text of a configuration file.
export async function startTouchstone(t, options = {}) {
  const { upstreams = {}, env = {}, config, args = [], basePath = '', ready = 200, expectEnd = true } = options;
  const folder = options.folder ?? scratch(t);
  const port = options.port ?? (await freePort());
  const db = options.db ?? join(folder, 'touchstone.db');
  const settings = { TOUCHSTONE_LISTEN: `127.0.0.1:${port}`, TOUCHSTONE_DB: db, TOUCHSTONE_DISCOVERY: 'off' };
  for (const [kind, upstream] of Object.entries(upstreams)) {
    settings[`${kind.toUpperCase()}_BASE_URL`] = upstream.url;
    if (kind === 'openai' || kind === 'anthropic') settings[`${kind.toUpperCase()}_API_KEY`] = 'sk-test';
  }
  if (basePath) settings.TOUCHSTONE_BASE_PATH = basePath;
  if (config !== undefined) {
    writeFileSync(join(folder, 'touchstone.ini'), config);
    args.unshift('--config', join(folder, 'touchstone.ini'));
  }
  const command = options.wrapper ? [...options.wrapper, binary] : [binary];
  const child = spawn(command[0], [...command.slice(1), ...args], {
    env: cleanEnv(folder, { ...settings, ...env }), cwd: folder, stdio: ['ignore', 'pipe', 'pipe'],
  });
  const server = new Touchstone(child, { port, db, folder, basePath });
  cleanup(t, async () => {
    if (child.exitCode === null && child.signalCode === null) {
      if (expectEnd) await server.stop();
      else await server.kill();
    }
    assert.doesNotMatch(server.stderr, SANITIZER);
  });
  if (ready) await server.waitReady(ready);
  return server;
}
