// Plays pages that try to get out (escape-cases.mjs) in Chromium and says what happened: what left,
// opened, asked, was reached. A trap listens where they try to go.
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { slack, startTouchstone } from '../harness/touchstone.mjs';
import { startBrowser } from './browser.mjs';
import { CASES } from './escape-cases.mjs';

const HOST = 'elsewhere.example'; // Chromium is told that it is the trap
const AT_ONCE = 6;
const CALM_MS = 400 * Math.min(slack, 3); // after the last thing that happens

// Listens on TCP and UDP and counts; what a request asked for names its case.
async function startTrap() {
  const seen = { requests: [], udp: 0 };
  const server = createServer((request, response) => {
    seen.requests.push(request.url);
    response.writeHead(200, { 'Access-Control-Allow-Origin': '*', 'Content-Type': 'text/plain' });
    response.end('x');
  });
  server.on('upgrade', (request, socket) => (seen.requests.push(request.url), socket.destroy()));
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  const udp = dgram.createSocket('udp4');
  udp.on('message', () => seen.udp++);
  await new Promise((done) => udp.bind(port, '127.0.0.1', done));
  const stop = () => new Promise((done) => (udp.close(), server.closeAllConnections(), server.close(done)));
  return { seen, stop, url: (n) => `http://${HOST}:${port}/case${n}` };
}

// The pages as any server would give them: nothing holds them here.
async function startOpen(pages) {
  const server = createServer((request, response) => {
    const n = /^\/(\d+)$/.exec(request.url);
    const type = request.url.endsWith('.js') ? 'text/javascript' : 'text/html; charset=utf-8';
    response.writeHead(200, { 'Content-Type': type });
    response.end(n ? pages[Number(n[1])] : '');
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const stop = () => new Promise((done) => (server.closeAllConnections(), server.close(done)));
  return { stop, url: `http://127.0.0.1:${server.address().port}` };
}

/** Halves of the cases: files of tests have a time limit. */
export const FIRST = (n) => n < CASES.length / 2;
export const SECOND = (n) => !FIRST(n);

// A browser that takes the trap for all of the world. `stop` it.
async function startEscape() {
  const trap = await startTrap();
  const browser = await startBrowser([`--host-resolver-rules=MAP ${HOST} 127.0.0.1`]);
  const pages = CASES.map((c, n) => c.page(trap.url(n)));
  return {
    pages,
    playAll: (where, origin, keep) => playAll({ browser, trap }, where, origin, keep),
    stop: async () => (await browser.close(), await trap.stop()),
  };
}

// Opens one address and says what happened until it was calm.
async function play(browser, url, origin) {
  const context = await browser.newContext({
    acceptDownloads: false,
    reducedMotion: 'reduce',
    viewport: { width: 700, height: 500 }, // what is not drawn costs nothing
  });
  await context.addCookies([{ name: 'session', value: 'secret', url: origin }]);
  await context.addInitScript(() => {
    if (self === top && self.origin !== 'null') localStorage.setItem('secret', 'secret');
  });
  const page = await context.newPage();
  const seen = { dialogs: 0, pages: 0, downloads: 0, moved: [], got: [], crashed: false };
  // Chromium 156 ends a page that wants a peer connection where none is allowed: held, if roughly.
  page.on('crash', () => (seen.crashed = true));
  const wait = (ms) => page.waitForTimeout(ms).catch(() => undefined);
  context.on('page', () => seen.pages++);
  page.on('dialog', (d) => (seen.dialogs++, d.dismiss().catch(() => undefined)));
  page.on('download', () => seen.downloads++);
  page.on('framenavigated', (f) => {
    if (!f.parentFrame() && f.url() !== url) seen.moved.push(f.url());
  });
  await page.goto(url, { waitUntil: 'load' }).catch(() => undefined); // it may be gone already
  await wait(CALM_MS);
  if (!seen.crashed) await pressInside(page);
  await wait(CALM_MS);
  for (const frame of page.frames()) {
    const got = frame.evaluate(() => self.__got);
    const value = await Promise.race([got, wait(1000)]).catch(() => undefined);
    if (value !== undefined && value !== null && value !== '') seen.got.push(value);
  }
  await context.close();
  return seen;
}

// A press in the middle of the page, or of the frame that it stands in.
async function pressInside(page) {
  const box = await page
    .locator('iframe[sandbox]')
    .first()
    .boundingBox({ timeout: 200 })
    .catch(() => null);
  const inFrame = box !== null && box.height > 100;
  if (inFrame) await page.locator('iframe[sandbox]').first().scrollIntoViewIfNeeded().catch(() => undefined);
  const at = inFrame ? await page.locator('iframe[sandbox]').first().boundingBox() : { x: 0, y: 0, width: 700, height: 500 };
  await page.mouse.click(at.x + at.width / 2, at.y + at.height / 2).catch(() => undefined);
}

/** Plays the cases that `keep` takes at the addresses that `where` gives; what happened, by number. */
async function playAll({ browser, trap }, where, origin, keep) {
  const outcomes = [];
  const waiting = CASES.map((c, n) => ({ c, n })).filter(({ n }) => keep(n));
  const alone = waiting.filter(({ c }) => c.bites === 'udp'); // packets do not say whose they are
  const one = async ({ n }) => {
    const packets = trap.seen.udp;
    const seen = await play(browser, where(n), origin);
    outcomes[n] = {
      ...seen,
      requests: trap.seen.requests.filter((u) => new RegExp(`^/case${n}(\\W|$)`).test(u)),
      udp: trap.seen.udp - packets,
    };
  };
  const rest = waiting.filter((w) => !alone.includes(w));
  const worker = async () => {
    for (let next = rest.shift(); next; next = rest.shift()) await one(next);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  for (const w of alone) await one(w);
  return outcomes;
}

// Whether what a case is after has happened.
const found = {
  request: (o) => o.requests.length > 0,
  udp: (o) => o.udp > 0,
  dialog: (o) => o.dialogs > 0,
  download: (o) => o.downloads > 0,
  got: (o) => o.got.length > 0,
};

// Nothing of all that has happened.
function assertHeld(outcome, { bites }) {
  assert.deepEqual(outcome.requests, [], 'a request left');
  assert.equal(outcome.dialogs, 0, 'a dialog was shown');
  assert.equal(outcome.pages, 0, 'a window opened');
  assert.equal(outcome.downloads, 0, 'a download began');
  assert.deepEqual(outcome.moved, [], 'the page was led away');
  assert.deepEqual(outcome.got, [], 'something was reached');
  if (bites === 'udp') assert.equal(outcome.udp, 0, 'a packet left');
  else assert.ok(!outcome.crashed, 'the page fell');
}

// The real server with an attempt for each page; their ids in the same order.
async function serveAttempts(t, pages) {
  const server = await startTouchstone(t);
  const ids = [];
  for (const [n, content] of pages.entries()) {
    const stored = await server.post('/api/clones', {
      url: `https://site${n}.example`,
      model: 'escapist',
      status: 'success',
      files: [{ path: 'index.html', content }],
    });
    assert.equal(stored.status, 201, stored.text);
    ids.push(stored.json.id);
  }
  return { server, ids };
}

/** Where nothing holds them they must get out, or that they stay inside elsewhere proves nothing. */
export function letOut(keep) {
  test('there are at least 40 cases', () => assert.ok(CASES.length >= 40, `${CASES.length}`));
  test('where nothing holds them the pages do get out', async (t) => {
    const escape = await startEscape();
    t.after(escape.stop);
    const open = await startOpen(escape.pages);
    t.after(open.stop);
    const outcomes = await escape.playAll((n) => `${open.url}/${n}`, open.url, keep);
    const tame = CASES.filter((c, n) => keep(n) && c.bites !== null && !found[c.bites](outcomes[n]));
    assert.deepEqual(
      tame.map((c) => c.name),
      [],
    );
  });
}

/** On the real server, at the address that `where` gives: nothing may leave, open, ask or be reached. */
export function holdIn(title, where, keep) {
  test(title, async (t) => {
    const escape = await startEscape();
    t.after(escape.stop);
    const { server, ids } = await serveAttempts(t, escape.pages);
    const outcomes = await escape.playAll((n) => where(server.url, ids[n]), server.url, keep);
    for (const [n, c] of CASES.entries())
      if (keep(n)) await t.test(`${c.name} is held`, () => assertHeld(outcomes[n], c));
  });
}
