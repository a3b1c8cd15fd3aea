// A DuckDB file, as its owner uses it: `FILE --load SCRIPT` runs a script, `FILE --ask QUERY` prints the first row as JSON.
import { readFileSync } from 'node:fs';

import { DuckDBInstance } from '@duckdb/node-api';

const [, , file, what, text] = process.argv;
const db = await (await DuckDBInstance.create(file)).connect();
const statements = await db.extractStatements(what === '--load' ? readFileSync(text, 'utf8') : text);
let last;
for (let i = 0; i < statements.count; i++) last = await (await statements.prepare(i)).runAndReadAll();
const [row] = last.getRowObjects();
process.stdout.write(`${JSON.stringify(row ?? {}, (key, value) => (typeof value === 'bigint' ? Number(value) : value))}\n`);
