// What is compiled in: sizes, sameness, addresses, types.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { buildAssets, ensurePackages, toC } from '../../static/build.mjs';

const source = fileURLToPath(new URL('../../static', import.meta.url));
ensurePackages();
const { assets } = await buildAssets();
const PAGES = ['/analytics/models', '/analytics/clones', '/analytics/clones/{id}'];
const find = (path) => assets.find((a) => a.path === path);
const gzipped = (list) => list.reduce((sum, a) => sum + gzipSync(a.raw, { level: 9 }).length, 0);
const ours = (extension) =>
  assets.filter((a) => a.path.startsWith('/analytics/') && a.path.endsWith(extension));
// What a page's markup names: files below /analytics/assets/.
const linked = (page) =>
  [...String(find(page).raw).matchAll(/(?:href|src)="((?:\.\.\/)*assets\/[^"]+)"/g)].map((m) => ({
    link: m[1],
    path: new URL(m[1], `http://x${page.replace('{id}', '7')}`).pathname,
  }));

test('the pages stay within their budgets', () => {
  const fonts = assets.filter((a) => a.path.endsWith('.woff2')).reduce((sum, a) => sum + a.raw.length, 0);
  for (const page of PAGES) {
    const scripts = gzipped(linked(page).filter((l) => l.path.endsWith('.js')).map((l) => find(l.path)));
    assert.ok(scripts > 0 && scripts <= 45 * 1024, `scripts of ${page}: ${scripts} bytes gzip`);
  }
  assert.ok(gzipped(ours('.js')) <= 90 * 1024, `all scripts: ${gzipped(ours('.js'))} bytes gzip`);
  const style = gzipped(ours('.css'));
  assert.ok(style > 0 && style <= 6 * 1024, `style: ${style} bytes gzip`);
  assert.ok(fonts > 0 && fonts <= 90 * 1024, `fonts: ${fonts} bytes`);
  const feedback = find('/static/feedback.js');
  assert.ok(
    feedback.raw.length > 0 && feedback.raw.length <= 3 * 1024,
    `feedback.js: ${feedback.raw.length} bytes`,
  );
});

test('a page names every script that it begins with, so that none waits for another', () => {
  for (const page of PAGES) {
    const named = new Set(linked(page).map((l) => l.path));
    for (const path of [...named].filter((p) => p.endsWith('.js')))
      for (const [, other] of String(find(path).raw).matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g))
        assert.ok(named.has(`/analytics/assets/${other}`), `${page}: ${other}`);
  }
});

test('once the packages are installed a build needs neither npm nor a network', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'touchstone-ui-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const out = join(folder, 'ui_assets.c');
  execFileSync(process.execPath, [join(source, 'build.mjs'), '--out', out, '--depfile', join(folder, 'd')], {
    env: { PATH: folder }, // nothing to be found there
    stdio: 'pipe',
  });
  assert.equal(readFileSync(out, 'utf8'), toC(assets));
  assert.match(readFileSync(join(folder, 'd'), 'utf8'), /src\/main\.ts/);
});

test('two builds give the same bytes', async () => {
  assert.equal(toC((await buildAssets()).assets), toC(assets));
});

// Reads the generated C back: every string, escapes undone.
function readC(source) {
  const unescape = (text) =>
    Buffer.from(
      text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8))),
      'latin1',
    );
  const member = (block, name) => {
    const found = new RegExp(
      `\\.${name} = \\(const unsigned char \\*\\)\\n((?: +"[^\\n]*"[,]?\\n)+) +\\.${name}_len = (\\d+),`,
    ).exec(block);
    if (!found) return null;
    const bytes = Buffer.concat([...found[1].matchAll(/"([^"\n]*)"/g)].map((m) => unescape(m[1])));
    assert.equal(bytes.length, Number(found[2]), `${name}_len`);
    return bytes;
  };
  return source
    .split('.path = "')
    .slice(1)
    .map((block) => ({
      path: block.slice(0, block.indexOf('"')),
      raw: member(block, 'raw'),
      gzip: member(block, 'gzip'),
    }));
}

test('the generated C holds the files byte for byte, plain and compressed', () => {
  const back = readC(toC(assets));
  assert.deepEqual(
    back.map((b) => b.path),
    assets.map((a) => a.path),
  );
  back.forEach((b, i) => {
    assert.ok(b.raw.equals(assets[i].raw), b.path);
    if (b.gzip) assert.ok(gunzipSync(b.gzip).equals(assets[i].raw), `${b.path} compressed`);
  });
  assert.ok(back.some((b) => b.gzip) && back.some((b) => !b.gzip));
});

test('every byte value survives the way through C', () => {
  const raw = Buffer.from(
    [...Array(256).keys(), ...Array(256).keys()].map((v, i) => (i < 256 ? v : 255 - v)),
  );
  const [back] = readC(toC([{ path: '/x', type: 't', immutable: false, raw }]));
  assert.ok(back.raw.equals(raw));
});

test('what a hashed file refers to is there, by relative addresses', () => {
  const style = String(ours('.css')[0].raw);
  const fonts = [...style.matchAll(/url\("?([^)"]+)"?\)/g)].map((m) => m[1]);
  const paths = new Set(assets.map((a) => a.path));
  assert.equal(fonts.length, 2);
  for (const font of fonts) assert.ok(paths.has(new URL(font, 'http://x/analytics/assets/').pathname), font);
  for (const page of PAGES) {
    assert.ok(linked(page).length >= 5, page);
    for (const { link, path } of linked(page)) assert.ok(paths.has(path), `${page}: ${link}`);
    assert.doesNotMatch(
      String(find(page).raw) + style,
      /(?:href|src)="\/|url\(["']?\/|https?:\/\/(?!www\.w3\.org)/,
      `${page}: no absolute address`,
    );
  }
});

test('no page has an inline script or an inline style', () => {
  for (const page of PAGES)
    assert.doesNotMatch(
      String(find(page).raw),
      /<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/,
      page,
    );
});

test('the licences of what is compiled in are compiled in', () => {
  const text = String(assets.find((a) => a.path === '/analytics/assets/licences.txt').raw);
  for (const name of ['cinzel', 'inter', 'uplot']) assert.match(text, new RegExp(`${name}\\n`, 'i'));
  assert.match(text, /SIL OPEN FONT LICENSE/i);
  assert.match(text, /MIT/);
});

test('the sources have no type errors', () => {
  const folder = fileURLToPath(new URL('../../static', import.meta.url));
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], {
    cwd: folder,
    stdio: 'pipe',
  });
});
