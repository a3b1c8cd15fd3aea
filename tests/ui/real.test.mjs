// The page of the real binary: headers, the way from an empty server to figures, every answer of the
// API in the shape that the page reads.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { startTouchstone } from '../harness/touchstone.mjs';
import { violations } from './axe.mjs';
import { openPage, startBrowser } from './browser.mjs';

let browser;
before(async () => (browser = await startBrowser()));
after(() => browser?.close());

async function open(t, server, options) {
  const page = await openPage(browser, `${server.url}/analytics/models`, options);
  t.after(() => page.done());
  return page;
}

// Calls made elsewhere: two models, two tasks, a week.
function outcomes(count) {
  return Array.from({ length: count }, (_, i) => ({
    id: `ui-${i}`,
    model: i % 3 ? 'llama3.2:7b' : 'qwen2.5:14b',
    provider: 'ollama',
    taskType: i % 2 ? 'coding' : 'analysis',
    success: i % 11 !== 0,
    responseTimeMs: 800 + ((i * 137) % 4000),
    ttftMs: 90 + ((i * 31) % 300),
    inputTokens: 200 + i,
    outputTokens: 100 + i,
    messageId: `m-${i}`,
    timestamp: new Date(Date.now() - ((i * 3_600_000) % (7 * 86_400_000)) - 5000).toISOString(),
  }));
}

async function filled(t, options) {
  const server = await startTouchstone(t, options);
  const stored = await server.post('/api/analytics/models/outcomes', outcomes(120));
  assert.equal(stored.status, 200, stored.text);
  return server;
}

test('assets come with their headers, revalidate and unpack', async (t) => {
  const server = await startTouchstone(t);
  const page = await fetch(`${server.url}/analytics/models`);
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-type'), /^text\/html/);
  assert.match(
    page.headers.get('content-security-policy'),
    /default-src 'none'.*require-trusted-types-for 'script'/,
  );
  assert.match(page.headers.get('cache-control'), /no-cache/);
  const again = await fetch(`${server.url}/analytics/models`, {
    headers: { 'If-None-Match': page.headers.get('etag') },
  });
  assert.equal(again.status, 304);
  for (const [, link] of (await page.text()).matchAll(/(?:href|src)="(assets\/[^"]+)"/g)) {
    const asset = await fetch(`${server.url}/analytics/${link}`);
    assert.equal(asset.status, 200, link);
    assert.match(asset.headers.get('cache-control'), /immutable/, link);
    const plain = await fetch(`${server.url}/analytics/${link}`, {
      headers: { 'Accept-Encoding': 'identity' },
    });
    assert.equal(plain.headers.get('content-encoding'), null, link);
    assert.ok(
      Buffer.from(await plain.arrayBuffer()).equals(Buffer.from(await asset.arrayBuffer())),
      `${link} unpacked`,
    );
  }
  assert.equal((await fetch(`${server.url}/analytics/nothing-here`)).status, 404);
});

test('the root leads to the page', async (t) => {
  const server = await startTouchstone(t);
  const answer = await fetch(`${server.url}/`);
  assert.equal(new URL(answer.url).pathname, '/analytics/models');
});

test('an empty server shows the guide and turns into the dashboard at the first call', async (t) => {
  const server = await startTouchstone(t);
  const page = await open(t, server);
  await page.waitForSelector('.setup');
  assert.ok((await page.locator('.recipes code').first().innerText()).includes(`${server.url}/api/generate`));
  assert.deepEqual(page.complaints, []);
  assert.equal((await server.post('/api/analytics/models/outcomes', outcomes(1))).status, 200);
  await page.waitForSelector('.uplot', { timeout: 10_000 });
  assert.match(
    (await page.locator('.lead').innerText()).replace(/[\u00a0\u202f]/g, ' '),
    /^1 call to 1 model/,
  );
  assert.deepEqual(page.complaints, []);
});

for (const theme of ['dark', 'light'])
  for (const width of [1366, 390]) {
    test(`real figures are drawn and accessible: ${theme}, ${width} px`, async (t) => {
      const page = await open(t, await filled(t), { theme, width });
      await page.waitForSelector('.uplot');
      assert.equal(await page.locator('.perf tbody tr').count(), 2);
      assert.equal(await page.locator('.tasktable tbody tr').count(), 2);
      assert.doesNotMatch(await page.locator('main').innerText(), /undefined|NaN|Invalid|null/);
      assert.deepEqual(page.complaints, []);
      assert.deepEqual(await violations(page), []);
    });
  }

test('every range and filter of the page is understood by the server', async (t) => {
  const server = await filled(t);
  for (const search of [
    '?range=1h',
    '?range=24h',
    '?range=7d',
    '?range=90d',
    '?model=qwen2.5%3A14b',
    '?task=coding',
    '?provider=ollama',
    '?from=2026-01-01T00:00:00.000Z&to=2026-01-02T00:00:00.000Z',
  ]) {
    const page = await openPage(browser, `${server.url}/analytics/models${search}`, {
      timezoneId: 'Europe/Berlin',
    });
    await page.waitForFunction(() => document.querySelector('main')?.getAttribute('aria-busy') === 'false');
    assert.doesNotMatch(await page.locator('main').innerText(), /No figures just now/, search);
    assert.deepEqual(page.complaints, [], search);
    await page.done();
  }
});

test('it works below a base path', async (t) => {
  const page = await open(t, await filled(t, { basePath: '/ai' }));
  await page.waitForSelector('.uplot');
  assert.match(page.url(), /\/ai\/analytics\/models$/);
  assert.deepEqual(page.complaints, []);
});

test('a vote by <ts-feedback> shows up as satisfaction', async (t) => {
  const server = await filled(t);
  const page = await open(t, server);
  await page.waitForSelector('.uplot');
  const said = await page.evaluate(async () => {
    const script = document.createElement('script');
    const policy = globalThis.trustedTypes?.createPolicy('test', { createScriptURL: (url) => url });
    const url = new URL('../static/feedback.js', location.href).href;
    script.src = policy ? policy.createScriptURL(url) : url;
    const loaded = new Promise((done) => script.addEventListener('load', done));
    document.body.append(script);
    await loaded;
    const vote = document.createElement('ts-feedback');
    vote.setAttribute('message-id', 'm-3');
    document.body.append(vote);
    const heard = new Promise((done) => vote.addEventListener('feedback', (e) => done(e.detail)));
    vote.shadowRoot.querySelector('button').click();
    return heard;
  });
  assert.equal(said.rating, 1);
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.waitForFunction(() => /1\/1/.test(document.querySelectorAll('.kpi')[3]?.innerText ?? ''));
});

// An application of someone else's, on an origin of its own.
async function otherSite(t, markup) {
  const site = createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' });
    response.end(markup());
  });
  await new Promise((done) => site.listen(0, '127.0.0.1', done));
  t.after(() => new Promise((done) => (site.closeAllConnections(), site.close(done))));
  return `http://localhost:${site.address().port}`;
}

test('<ts-feedback> works in an application of another origin, once that is allowed', async (t) => {
  let server;
  const site = await otherSite(
    t,
    () =>
      `<title>app</title><script src="${server.url}/static/feedback.js"></script><ts-feedback message-id="m-5"></ts-feedback>`,
  );
  const vote = async () => {
    const page = await openPage(browser, site);
    t.after(() => page.done());
    await page.getByRole('button', { name: 'Bad answer' }).click();
    const said = page.locator('ts-feedback output');
    await page.waitForFunction(
      () => document.querySelector('ts-feedback').shadowRoot.querySelector('output').textContent !== '',
    );
    return said.innerText();
  };
  server = await filled(t);
  assert.equal(await vote(), 'Not stored. Try again.', 'no origin is allowed by default');
  server = await filled(t, { env: { TOUCHSTONE_CORS_ORIGINS: site } });
  assert.equal(await vote(), 'Thank you');
});

test('a server with a key asks the page for it', async (t) => {
  const key = 'correct-horse-battery-staple-0123456789';
  const server = await startTouchstone(t, { env: { TOUCHSTONE_API_KEY: key } });
  const page = await open(t, server);
  await page.getByLabel('Key', { exact: true }).fill('wrong');
  await page.getByRole('button', { name: 'Use it' }).click();
  await page.getByText('The key was not accepted').waitFor();
  await page.getByLabel('Key', { exact: true }).fill(key);
  await page.getByRole('button', { name: 'Use it' }).click();
  await page.waitForSelector('.setup');
  assert.match(
    await page.locator('.recipes code').first().innerText(),
    /Authorization: Bearer \$TOUCHSTONE_API_KEY/,
  );
  assert.deepEqual(page.complaints, []);
});

test('without a database the page says what goes on and what will come back', async (t) => {
  const server = await startTouchstone(t, { db: '/proc/no-such-folder/touchstone.db' });
  const page = await open(t, server);
  await page.waitForSelector('.notice');
  assert.match(await page.locator('.notice').innerText(), /figures come back with the database/);
  assert.deepEqual(await violations(page), []);
});
