// touchstone report: the API's figures as a page, for a window and a slice.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { root, runToEnd, startTouchstone } from '../harness/touchstone.mjs';

const DAY = 86_400_000;

// Two models of one task, 40 calls each, and a third one with 4; ratings for the first.
async function start(t) {
  const server = await startTouchstone(t);
  const now = Date.now();
  const rows = [];
  for (let i = 0; i < 40; i++) {
    rows.push({ id: `a${i}`, messageId: `a${i}`, model: 'a|b:7b', provider: 'ollama', taskType: 'coding', success: i !== 0, responseTimeMs: 1000 + 10 * i, costUsd: 0.002, tags: { project: 'apollo' } });
    rows.push({ id: `b${i}`, model: 'slow', provider: 'vllm', taskType: 'coding', success: i % 2 === 0, responseTimeMs: 9000 + 10 * i });
  }
  for (let i = 0; i < 4; i++) rows.push({ id: `c${i}`, model: 'rare', provider: 'vllm', taskType: 'chat', success: true, responseTimeMs: 5.25, userId: 'ada' });
  for (const [i, row] of rows.entries()) row.timestamp = new Date(now - (i + 1) * 60_000).toISOString();
  rows.push({ id: 'old', model: 'ancient', taskType: 'chat', success: true, timestamp: new Date(now - 40 * DAY).toISOString() });
  assert.equal((await server.post('/api/analytics/models/outcomes', rows)).status, 200);
  for (let i = 0; i < 8; i++) await server.post('/api/analytics/models/feedback', { messageId: `a${i}`, rating: i < 6 ? 1 : -1 });
  return { server, now, report: (...args) => runToEnd(t, ['report', '--db', server.db, ...args], { folder: server.folder }) };
}

// The table below a heading, as objects by column.
function table(markdown, heading) {
  const lines = markdown.slice(markdown.indexOf(`## ${heading}\n`)).split('\n').filter((line) => line.startsWith('|'));
  const cells = (line) => line.split(/(?<!\\)\|/).slice(1, -1).map((c) => c.trim());
  const end = lines.findIndex((line, i) => i > 1 && line.length !== lines[0].length);
  const names = cells(lines[0]);
  return (end < 0 ? lines : lines.slice(0, end)).slice(2).map((line) => Object.fromEntries(cells(line).map((c, i) => [names[i], c])));
}

const number = (text) => Number(text.replaceAll(',', '').split(' ')[0]);

test('the table says what the API says', async (t) => {
  const { server, report } = await start(t);
  const out = await report();
  assert.equal(out.code, 0, out.stderr);
  const { byModel, bestByTask } = (await server.get('/api/analytics/models?days=30')).json;
  const rows = table(out.stdout, 'Models');
  assert.deepEqual(rows.map((r) => r.Model), byModel.map((m) => m.model.replace('|', '\\|')));
  for (const [i, m] of byModel.entries()) {
    const row = rows[i];
    assert.equal(row.Provider, m.provider);
    assert.equal(number(row.Calls), m.totalCalls);
    assert.ok(Math.abs(number(row['Average (ms)']) - m.avgResponseTime) <= 0.5);
    assert.ok(Math.abs(number(row['p95 (ms)']) - m.p95ResponseTime) <= 0.5);
    assert.ok(Math.abs(number(row['Success (95 %)']) - m.successRate) <= 0.051);
  }
  assert.equal(rows[0]['Success (95 %)'], '97.5 % (87.1–99.6)');
  assert.equal(rows[0]['Liked (95 %)'], '75.0 % (40.9–92.9)');
  assert.equal(rows[0]['USD a call'], '0.002000');
  assert.equal(rows[1]['USD a call'], '–');
  assert.match(rows[2].Notes, /^provisional \(effective sample [34]\.\d\)$/);
  for (const row of table(out.stdout, 'By task')) {
    const best = bestByTask.find((b) => b.taskType === row.Task);
    assert.equal(row.Verdict, best.verdict);
    if (best.basis === 'data') assert.equal(row['Leading model'], `${best.model} (${best.provider})`.replace('|', '\\|'));
    else assert.equal(row['Leading model'], '–');
  }
  assert.match(out.stdout, /- Hardware of the host touchstone runs on: CPU .+, cores \d+, memory [\d.]+ GiB, GPU /);
  assert.match(out.stdout, /- a\\\|b:7b is \d\.\dx faster than slow for coding tasks/);
});

test('window and filters narrow it down and stand in the head', async (t) => {
  const { now, report } = await start(t);
  const models = async (...args) => {
    const out = await report(...args);
    assert.equal(out.code, 0, out.stderr);
    return table(out.stdout, 'Models').map((r) => r.Model);
  };
  assert.deepEqual(await models('--days', '60'), ['a\\|b:7b', 'slow', 'rare', 'ancient']);
  assert.deepEqual(await models('--from', new Date(now - 50 * DAY).toISOString(), '--to', new Date(now - 30 * DAY).toISOString()), ['ancient']);
  assert.deepEqual(await models('--provider', 'vllm'), ['slow', 'rare']);
  assert.deepEqual(await models('--task-type', 'chat'), ['rare']);
  assert.deepEqual(await models('--tag', 'project=apollo'), ['a\\|b:7b']);
  const out = await report('--user', 'ada', '--task-type', 'chat');
  assert.match(out.stdout, /- Only: task type chat, user ada\n/);
  assert.match((await report('--model', 'nobody')).stdout, /There were no calls in this window\./);
});

test('the HTML page stands alone, in the colours of the dashboard', async (t) => {
  const { report } = await start(t);
  const { stdout: html, code } = await report('--format=html');
  assert.equal(code, 0);
  assert.match(html, /^<!doctype html>\n<html lang="en">/);
  assert.match(html, /<td>a\|b:7b<\/td>/);
  assert.doesNotMatch(html, /<script|<link|src=|url\(|https?:/);
  const tokens = readFileSync(join(root, 'static/css/tokens.css'), 'utf8');
  const colours = [...html.split('@media print')[0].matchAll(/(--\w+):(#[0-9a-f]+)/g)];
  assert.ok(colours.length > 15);
  for (const [, name, value] of colours) assert.ok(tokens.includes(`${name}: ${value};`), `${name}: ${value}`);
});

test('wrong usage is named with 64', async (t) => {
  const { report } = await start(t);
  for (const [args, says] of [
    [['--format', 'pdf'], /md\|html/], [['--days', '0'], /--days needs a number from 1/], [['--days', 'x'], /--days/], [['--from', 'yesterday'], /--from needs a time/],
    [['--days', '3', '--from', '2026-01-01'], /exclude each other/], [['--from', '2026-02-01', '--to', '2026-01-01'], /the window is empty/],
    [['--complexity', 'hard'], /simple\|medium\|complex/], [['--tag', 'x'], /KEY=VALUE/], [['words'], /does not know what to do with "words"/]]) {
    const out = await report(...args);
    assert.equal(out.code, 64, args.join(' '));
    assert.match(out.stderr, says);
    assert.equal(out.stdout, '');
  }
});

test('it works without a server', async (t) => {
  const { server, report } = await start(t);
  await server.stop();
  const out = await report();
  assert.equal(out.code, 0);
  assert.match(out.stdout, /^# Model benchmark\n/);
});

test('the export route gives the same report', async (t) => {
  const { server, report } = await start(t);
  const path = '/api/analytics/models/export?what=report';
  const strip = (text) => text.split('\n').filter((line) => !/^(- |<li>)(Window|Made by)/.test(line)).join('\n');
  const md = await server.get(`${path}&task_type=coding`);
  assert.equal(md.status, 200);
  assert.match(md.headers['content-type'], /^text\/markdown/);
  assert.match(md.headers['content-disposition'], /filename="touchstone-report-\d{4}-\d\d-\d\d\.md"/);
  assert.equal(strip(md.text), strip((await report('--task-type', 'coding')).stdout));
  const html = await server.get(`${path}&format=html&days=7`);
  assert.match(html.headers['content-type'], /^text\/html/);
  assert.match(html.headers['content-security-policy'], /default-src 'none'/);
  assert.equal(strip(html.text), strip((await report('-f', 'html', '-d', '7')).stdout));
  for (const [query, param] of [['&format=csv', 'format'], ['&days=0', 'days'], ['&min_samples=3', 'min_samples']]) {
    const bad = await server.get(path + query);
    assert.equal(bad.status, 400);
    assert.equal(bad.json.error.param, param);
  }
});
