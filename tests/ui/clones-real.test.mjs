// The clones' pages of the real binary: every answer of the API in the shape that the pages read.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTouchstone } from '../harness/touchstone.mjs';
import { violations } from './axe.mjs';
import { openPage, startBrowser } from './browser.mjs';

let browser;
before(async () => (browser = await startBrowser()));
after(() => browser?.close());

async function open(t, server, path = '/analytics/clones', options) {
  const page = await openPage(browser, server.url + path, options);
  t.after(() => page.done());
  return page;
}

const text = (page, selector) =>
  page
    .locator(selector)
    .first()
    .innerText()
    .then((s) => s.replace(/[\u00a0\u202f]/g, ' '));

const PAGE =
  '<!doctype html><link rel="stylesheet" href="css/a.css"><h1>Payments</h1><img src="a.png"><script src="app.js"></script>';
const FILES = [
  { path: 'index.html', content: PAGE },
  { path: 'css/a.css', content: 'h1 { color: rgb(1, 2, 3) }\n' },
  { path: 'app.js', content: 'document.body.append("from its script")\n' },
  { path: 'README.md', content: '# Payments\n' },
];

async function filled(t, options) {
  const server = await startTouchstone(t, options);
  const ids = [];
  for (let i = 0; i < 30; i++) {
    const failed = i % 5 === 4;
    const stored = await server.post('/api/clones', {
      url: `https://site${i % 3}.example/shop`,
      model: i % 2 ? 'ollama/llama3.2:7b' : 'vllm/CodeLlama-7b',
      status: failed ? 'error' : 'success',
      ...(failed ? { errorMessage: 'It ran out of tokens.' } : { files: FILES }),
      generationTimeMs: 3000 + i,
    });
    assert.equal(stored.status, 201, stored.text);
    ids.push(stored.json.id);
  }
  return { server, ids };
}

for (const theme of ['dark', 'light'])
  test(`real attempts are listed, filtered and accessible: ${theme}`, async (t) => {
    const { server } = await filled(t);
    const page = await open(t, server, '/analytics/clones', { theme });
    await page.waitForSelector('.attempt');
    assert.equal(await text(page, '.lead'), '30 attempts at 3 websites by 2 models; 24 gave code.');
    assert.equal(await page.locator('.attempt').count(), 24);
    assert.equal(await page.locator('.models tbody tr').count(), 2);
    assert.doesNotMatch(await page.locator('main').innerText(), /undefined|NaN|Invalid|null/);
    assert.deepEqual(await violations(page), []);
    await page.getByLabel('Model', { exact: true }).selectOption('ollama/llama3.2:7b');
    await page.waitForFunction(() => document.querySelectorAll('.attempt').length === 15);
    await page.getByLabel('Status', { exact: true }).selectOption('error');
    await page.waitForFunction(() => document.querySelectorAll('.attempt').length === 3);
    await page.getByLabel('Website', { exact: true }).selectOption({ index: 1 });
    await page.waitForFunction(() => document.querySelectorAll('.attempt').length === 1);
    assert.deepEqual(page.complaints, []);
  });

test('real pages go older and back', async (t) => {
  const { server } = await filled(t);
  const page = await open(t, server);
  await page.getByRole('button', { name: 'Older' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.attempt').length === 6);
  await page.getByRole('button', { name: 'Newest' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.attempt').length === 24);
});

test('a real attempt has its preview, files, score and facts', async (t) => {
  const { server, ids } = await filled(t);
  for (let waited = 0; (await server.get(`/api/clones/${ids[0]}`)).json.quality === null; waited++) {
    assert.ok(waited < 200, 'the code is judged');
    await new Promise((done) => setTimeout(done, 50));
  }
  const page = await open(t, server, `/analytics/clones/${ids[0]}?file=css%2Fa.css`);
  await page.waitForSelector('.line');
  assert.match(await text(page, '.line'), /rgb\(1, 2, 3\)/);
  assert.match(await text(page, '.about'), /CodeLlama-7b[\s\S]*vllm[\s\S]*3\.00 s/);
  assert.match(await text(page, '.quality'), /of 100[\s\S]*Texts and labels[\s\S]*−/);
  assert.equal(await page.locator('.files button').count(), 4);
  const shown = page.frameLocator('iframe').frameLocator('iframe');
  await shown.getByText('from its script').waitFor();
  assert.equal(await shown.locator('h1').evaluate((h) => getComputedStyle(h).color), 'rgb(1, 2, 3)');
  await page.locator('.files button', { hasText: 'README.md' }).click();
  await page.waitForFunction(() => document.querySelector('.line')?.textContent.startsWith('# Payments'));
  assert.deepEqual(await violations(page), []);
});

test('the real sample data come and go by one press', async (t) => {
  const server = await startTouchstone(t);
  const page = await open(t, server);
  await page.getByRole('button', { name: 'Load the sample data' }).click();
  await page.waitForSelector('.attempt');
  assert.ok((await page.locator('.bench tbody tr').count()) >= 4);
  assert.match(await text(page, '.bench'), /Good balance of speed\/quality/);
  assert.doesNotMatch(await page.locator('main').innerText(), /undefined|NaN|Invalid|null/);
  await page.getByRole('button', { name: 'Remove the sample data' }).click();
  await page.waitForSelector('.notice');
  assert.match(await text(page, '.notice'), /No clones yet/);
  assert.deepEqual(page.complaints, []);
});

test('an attempt of a recorded call shows the call', async (t) => {
  const server = await startTouchstone(t);
  const outcome = { id: 'ui-1', model: 'm', taskType: 'coding', success: true, responseTimeMs: 3500, ttftMs: 212, outputTokens: 900 };
  assert.equal((await server.post('/api/analytics/models/outcomes', [outcome])).status, 200);
  const [call] = (await server.get('/api/requests')).json.requests;
  const stored = await server.post('/api/clones', {
    url: 'https://a.example',
    model: 'm',
    status: 'success',
    requestId: call.id,
    code: '```html\n<h1>a</h1>\n```',
  });
  assert.equal(stored.status, 201, stored.text);
  const page = await open(t, server, `/analytics/clones/${stored.json.id}`);
  await page.waitForSelector('.call .facts');
  assert.match(await text(page, '.call'), /Outcome[\s\S]*done[\s\S]*212 ms[\s\S]*3\.50 s/);
});

test('an unknown attempt is told of, also below a base path', async (t) => {
  const server = await startTouchstone(t, { basePath: '/ai' });
  const page = await open(t, server, '/analytics/clones/77');
  await page.waitForSelector('.notice');
  assert.match(await text(page, '.notice'), /There is no clone attempt 77/);
  await page.getByRole('link', { name: 'All attempts' }).click();
  await page.waitForSelector('.command');
  assert.match(page.url(), /\/ai\/analytics\/clones$/);
});

test('behind a key the preview is shown all the same, by its ticket', async (t) => {
  const server = await startTouchstone(t, { env: { TOUCHSTONE_API_KEY: 'sesame' } });
  const stored = await server.post(
    '/api/clones',
    { url: 'https://a.example', model: 'm', status: 'success', files: FILES },
    { headers: { authorization: 'Bearer sesame' } },
  );
  assert.equal(stored.status, 201, stored.text);
  const page = await open(t, server, `/analytics/clones/${stored.json.id}`);
  await page.getByLabel('Key', { exact: true }).fill('sesame');
  await page.getByRole('button', { name: 'Use it' }).click();
  const shown = page.frameLocator('iframe').frameLocator('iframe');
  await shown.getByText('from its script').waitFor();
  await page.getByRole('button', { name: 'Reload' }).click();
  await shown.getByText('from its script').waitFor();
});
