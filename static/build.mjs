// Builds the dashboard and turns it into C: node build.mjs --out ui_assets.c [--depfile ui_assets.d]
//
// Also a module: the browser tests take buildAssets() and serve its result, so that what is tested
// is what is compiled in. The same sources give the same bytes, wherever and whenever they are built.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { ensurePackages as installPackages } from '../tools/npm_ci.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const ASSETS = '/analytics/assets/';
// Each page: its address (a part in braces stands for any), title, script, and where its figures are.
const PAGES = [
  { path: '/analytics/models', title: 'Models', script: 'app.js', api: 'api/analytics/models' },
  { path: '/analytics/clones', title: 'Clones', script: 'clones.js', api: 'api/clones' },
  { path: '/analytics/clones/{id}', title: 'Clone', script: 'clones.js', api: 'api/clones' },
];
const LICENCES = ['@fontsource/cinzel', '@fontsource-variable/inter', 'uplot'];
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
};

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

export const ensurePackages = (dir = here) =>
  installPackages(dir, 'without a network use a release archive with -Dui=prebuilt');

async function bundle(format, entryPoints) {
  const esbuild = await import('esbuild');
  return esbuild.build({
    absWorkingDir: here,
    entryPoints,
    outdir: 'out',
    entryNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    chunkNames: 'chunk-[hash]',
    bundle: true,
    splitting: format === 'esm', // what pages share is fetched once
    minify: true,
    format,
    target: ['es2022', 'chrome109', 'firefox115', 'safari16.4'],
    loader: { '.woff2': 'file', '.svg': 'file' },
    legalComments: 'none',
    metafile: true,
    write: false,
    logLevel: 'warning',
  });
}

function licences() {
  const part = (name) =>
    `${name}\n\n${readFileSync(join(here, 'node_modules', name, 'LICENSE'), 'utf8').trim()}\n`;
  return `The dashboard contains these packages.\n\n${LICENCES.map(part).join('\n----\n\n')}`;
}

function asset(path, raw, immutable) {
  const type = TYPES[extname(path)] ?? (PAGES.some((page) => page.path === path) ? TYPES['.html'] : undefined);
  if (!type) throw new Error(`${path}: no media type is known for this extension`);
  return { path, type, immutable, raw: Buffer.from(raw) };
}

// Script -> the shared parts that it begins with, all by their names with hash.
function importsOf({ outputs }) {
  return new Map(
    Object.entries(outputs).map(([path, output]) => [
      basename(path),
      output.imports.filter((i) => i.kind === 'import-statement').map((i) => basename(i.path)),
    ]),
  );
}

// index.html for one page. Its addresses are relative, so those of a deeper page go up first.
function fillIn(page, files, imported) {
  const folder = '../'.repeat(page.path.split('/').length - 3);
  const link = (name) => {
    if (!files.has(name)) throw new Error(`index.html asks for ${name}, which is not built`);
    return `${folder}assets/${files.get(name)}`;
  };
  const preload = imported
    .get(files.get(page.script))
    .map((name) => `<link rel="modulepreload" href="${folder}assets/${name}">`);
  const words = {
    title: page.title,
    api: `${folder}../${page.api}`,
    apiName: page.api,
    preload: preload.join('\n'),
  };
  const html = readFileSync(join(here, 'index.html'), 'utf8');
  return html.replace(/\{\{(.+?)\}\}/g, (_, name) =>
    name === 'script' ? link(page.script) : (words[name] ?? link(name)),
  );
}

// Returns { assets: [{path, type, immutable, raw}], inputs: [absolute path] }, sorted by path.
export async function buildAssets() {
  const results = [
    await bundle('esm', { app: 'src/main.ts', clones: 'src/clones.ts', style: 'css/main.css' }),
    await bundle('iife', { theme: 'src/theme-early.ts', feedback: 'src/feedback.ts' }),
  ];
  const files = new Map(); // name without hash -> name with hash
  const assets = [];
  for (const file of results.flatMap((r) => r.outputFiles)) {
    const name = basename(file.path);
    files.set(name.replace(/-[A-Z0-9]{8}\./, '.'), name);
    if (name.startsWith('feedback-')) assets.push(asset('/static/feedback.js', file.contents, false));
    else assets.push(asset(ASSETS + name, file.contents, true));
  }
  assets.push(asset(`${ASSETS}licences.txt`, licences(), false));
  const icon = readFileSync(join(here, 'icon.svg'));
  const iconName = `icon-${sha256(icon).slice(0, 8)}.svg`;
  files.set('icon.svg', iconName);
  assets.push(asset(ASSETS + iconName, icon, true));

  const imported = importsOf(results[0].metafile);
  for (const page of PAGES) assets.push(asset(page.path, fillIn(page, files, imported), false));
  assets.sort((a, b) => (a.path < b.path ? -1 : 1));

  const sources = [
    'index.html',
    'icon.svg',
    'build.mjs',
    'package-lock.json',
    ...results.flatMap((r) => Object.keys(r.metafile.inputs)),
  ];
  return { assets, inputs: sources.map((f) => join(here, f)).sort() };
}

// A byte-for-byte C string. Three-digit octal escapes cannot run into the next character, and an
// escaped question mark makes no trigraph.
function cString(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 96) {
    let line = '';
    for (const b of bytes.subarray(at, at + 96)) {
      const plain = b >= 0x20 && b < 0x7f && b !== 0x22 && b !== 0x5c && b !== 0x3f;
      line += plain ? String.fromCharCode(b) : `\\${b.toString(8).padStart(3, '0')}`;
    }
    lines.push(`        "${line}"`);
  }
  return lines.join('\n') || '        ""';
}

const bytesMember = (name, bytes) =>
  bytes
    ? `        .${name} = (const unsigned char *)\n${cString(bytes)},\n        .${name}_len = ${bytes.length},\n`
    : '';

// Text that shrinks by more than a tenth is carried compressed too; fonts are compressed already.
function gzip(raw) {
  const packed = gzipSync(raw, { level: 9 });
  packed[9] = 255; // the header's "made on" byte: unknown, on every machine
  return packed.length < raw.length * 0.9 ? packed : null;
}

export function toC(assets) {
  const entry = (a) => `    {
        .path = "${a.path}",
        .type = "${a.type}",
        .etag = "\\"${sha256(a.raw).slice(0, 32)}\\"",
        .immutable = ${a.immutable},
        .embeddable = ${a.path.startsWith('/static/')},
${bytesMember('raw', a.raw)}${bytesMember('gzip', gzip(a.raw))}    },`;
  return `/* Generated by static/build.mjs from the files in static/. */
#include "static/assets.h"

const struct ts_asset ts_asset_table[] = {
${assets.map(entry).join('\n')}
};
const size_t ts_asset_count = sizeof ts_asset_table / sizeof ts_asset_table[0];
`;
}

async function main(args) {
  const value = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
  const out = value('--out');
  if (!out) throw new Error('usage: node build.mjs --out FILE.c [--depfile FILE.d]');
  ensurePackages();
  const { assets, inputs } = await buildAssets();
  mkdirSync(dirname(resolve(out)), { recursive: true });
  writeFileSync(out, toC(assets));
  const depfile = value('--depfile');
  if (depfile) writeFileSync(depfile, `${out}: ${inputs.map((f) => f.replace(/ /g, '\\ ')).join(' ')}\n`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  main(process.argv.slice(2)).catch((error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
}
