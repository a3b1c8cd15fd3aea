// Computes the dashboard's answer the plain way, with DuckDB from the raw rows: what the server's answer
// is compared with, and how long that takes.
//
// One JSON object a line on standard input, one back: {"load": {"calls", "attempts"}} reads the text that
// bench-seed wrote; {"answer": {"from", "to", "filters"}} gives {"ms", "groups"}, a row a group.
import { createInterface } from 'node:readline';

import { DuckDBInstance } from '@duckdb/node-api';

const [, , file, threads] = process.argv;
const instance = await DuckDBInstance.create(file, { threads });
const db = await instance.connect();

const CALLS = `ms BIGINT, provider VARCHAR, model VARCHAR, task_type VARCHAR, complexity VARCHAR, user_segment VARCHAR,
  outcome VARCHAR, rating TINYINT, total_us BIGINT, ttft_us BIGINT, decode_us BIGINT, input_tokens BIGINT, output_tokens BIGINT,
  unsplit_tokens BIGINT, cost_nano_usd BIGINT`;
const ATTEMPTS = 'ms BIGINT, provider VARCHAR, model VARCHAR, task_type VARCHAR, complexity VARCHAR, user_segment VARCHAR';

async function load({ calls, attempts }) {
  for (const [table, columns, path] of [['calls', CALLS, calls], ['attempts', ATTEMPTS, attempts]]) {
    await db.run(`CREATE TABLE ${table}(${columns})`);
    await db.run(`COPY ${table} FROM '${path}' (FORMAT csv, HEADER false)`);
  }
  const reader = await db.runAndReadAll('SELECT count(*) AS calls, (SELECT count(*) FROM attempts) AS attempts FROM calls');
  return Object.fromEntries(Object.entries(reader.getRowObjects()[0]).map(([k, v]) => [k, Number(v)]));
}

const FILTERS = ['model', 'provider', 'task_type', 'complexity', 'user_segment'];

function where({ from, to, filters }) {
  const quoted = (text) => `'${String(text).replaceAll("'", "''")}'`;
  return [`ms >= ${Number(from)} AND ms < ${Number(to)}`,
    ...FILTERS.filter((name) => filters?.[name] !== undefined).map((name) => `${name} = ${quoted(filters[name])}`)].join(' AND ');
}

// All groups of the page in one pass over the rows: everything, models, tasks, providers, days, models by task.
const GROUPS = `GROUPING SETS ((), (provider, model), (task_type), (provider), (day), (provider, model, task_type))`;
const KEY = `grouping(provider, model, task_type, day) AS grouped, provider, model, task_type, day`;

// Cancelled calls are among the calls and nowhere else. Sums are whole numbers, so they are exact.
async function answer(question) {
  const started = performance.now();
  const rows = await db.runAndReadAll(`
    WITH slice AS (SELECT *, ms // 86400000 AS day, outcome <> 'cancelled' AS counted,
      CASE WHEN outcome <> 'cancelled' THEN total_us END AS t,
      CASE WHEN outcome <> 'cancelled' THEN ttft_us END AS first,
      CASE WHEN outcome <> 'cancelled' AND coalesce(input_tokens, output_tokens, unsplit_tokens) IS NOT NULL
        THEN coalesce(input_tokens, 0) + coalesce(output_tokens, 0) + coalesce(unsplit_tokens, 0) END AS tokens
      FROM calls WHERE ${where(question)})
    SELECT ${KEY}, count(*) AS totalCalls, max(ms) AS lastUsed,
      count(*) FILTER (outcome = 'done') AS successes, count(*) FILTER (outcome = 'cancelled') AS cancelled,
      count(*) FILTER (outcome = 'timeout') AS timeouts,
      count(*) FILTER (counted AND rating = 1) AS up, count(*) FILTER (counted AND rating = -1) AS down,
      count(t) AS timed, sum(t) AS timeSum, min(t) AS timeMin, max(t) AS timeMax, quantile_disc(t, [0.5, 0.95, 0.99]) AS times,
      quantile_disc(first, [0.5, 0.95]) AS firsts,
      sum(input_tokens) FILTER (counted) AS inputTokens, sum(output_tokens) FILTER (counted) AS outputTokens,
      count(tokens) AS tokenCalls, sum(tokens) AS totalTokens, sum(cost_nano_usd) FILTER (counted) AS cost,
      sum(output_tokens) FILTER (counted AND decode_us > 0) AS pacedTokens,
      sum(decode_us) FILTER (counted AND decode_us > 0 AND output_tokens IS NOT NULL) AS pacedUs
    FROM slice GROUP BY ${GROUPS}`);
  const attempts = await db.runAndReadAll(`
    WITH slice AS (SELECT *, ms // 86400000 AS day FROM attempts WHERE ${where(question)})
    SELECT ${KEY}, count(*) AS failedAttempts FROM slice GROUP BY ${GROUPS}`);
  const ms = performance.now() - started;
  return { ms, groups: rows.getRowObjects(), attempts: attempts.getRowObjects() };
}

// DuckDB's 64 and 128 bit numbers and lists as JSON's.
const plain = (key, value) => (typeof value === 'bigint' ? Number(value) : Array.isArray(value?.items) ? value.items : value);

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  const got = command.load ? await load(command.load) : await answer(command.answer);
  process.stdout.write(`${JSON.stringify(got, plain)}\n`);
}
