// Reads and loads a DuckDB file as its owner would: with the real DuckDB from npm, in this process.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { DuckDBInstance } from '@duckdb/node-api';

import { cleanup } from './cleanup.mjs';

// The same library as touchstone can use it.
const require = createRequire(import.meta.url);
export const library = join(dirname(require.resolve(`@duckdb/node-bindings-${process.platform}-${process.arch}/package.json`)), 'libduckdb.so');

export async function openDuckdb(file, options = {}) {
  const instance = await DuckDBInstance.create(file, options);
  const connection = await instance.connect();
  return { connection, close: () => { connection.closeSync(); instance.closeSync(); } };
}

// Runs a query on the file, which is closed after it. What SQLite's shell says as JSON: numbers, texts, null.
export async function duckdb(file, query) {
  const { connection, close } = await openDuckdb(file, { access_mode: 'READ_ONLY' });
  try {
    const reader = await connection.runAndReadAll(query);
    return reader.getRowObjectsJS().map((row) => Object.fromEntries(Object.entries(row).map(([k, v]) => [k, plain(v)])));
  } finally {
    close();
  }
}

function plain(value) {
  if (typeof value === 'bigint') return Number(value);
  return value instanceof Date ? value.toISOString() : value;
}

// What `duckdb FILE < SCRIPT` does: one statement after the other.
export async function load(file, script) {
  const { connection, close } = await openDuckdb(file);
  try {
    const statements = await connection.extractStatements(script);
    for (let i = 0; i < statements.count; i++) await (await statements.prepare(i)).run();
  } finally {
    close();
  }
}

// Keeps the file open for writing until the test ends.
export async function holdDuckdb(t, file) {
  const { close } = await openDuckdb(file);
  cleanup(t, close);
}

export const haveLibrary = existsSync(library);
