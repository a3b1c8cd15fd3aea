// The clones' pages in Chromium, on a server whose answers the test chooses.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { violations } from './axe.mjs';
import { openPage, startBrowser } from './browser.mjs';
import { attempts } from './clones-sample.mjs';
import { startFake } from './fake-server.mjs';

let browser;
before(async () => (browser = await startBrowser()));
after(() => browser?.close());

async function open(t, { world = {}, path = '/analytics/clones', ready = '.attempt', ...options } = {}) {
  const fake = await startFake(world);
  t.after(() => fake.stop());
  const page = await openPage(browser, `${fake.url}${path}`, options);
  t.after(() => page.done());
  if (ready) await page.waitForSelector(ready);
  return { fake, page };
}

const clean = (page) => assert.deepEqual(page.complaints, []);
const text = (page, selector) =>
  page
    .locator(selector)
    .first()
    .innerText()
    .then((s) => s.replace(/[\u00a0\u202f]/g, ' '));
const lists = (fake) => fake.state.requests.filter((r) => r.startsWith('/api/clones?'));
const count = (page, n) => page.waitForFunction((n) => document.querySelectorAll('.attempt').length === n, n);

for (const theme of ['dark', 'light'])
  for (const width of [1366, 390]) {
    test(`the list is accessible: ${theme}, ${width} px`, async (t) => {
      const { page } = await open(t, { theme, width });
      clean(page);
      assert.deepEqual(await violations(page), []);
      await page.getByRole('button', { name: 'By month as a table' }).click();
      await page.keyboard.press('?');
      await page.waitForSelector('dialog[open]');
      assert.deepEqual(await violations(page), [], 'with the help');
    });
    test(`an attempt is accessible: ${theme}, ${width} px`, async (t) => {
      const { page } = await open(t, { theme, width, path: '/analytics/clones/60', ready: '.line' });
      clean(page);
      assert.deepEqual(await violations(page), []);
    });
    test(`the pages without clones are accessible: ${theme}, ${width} px`, async (t) => {
      const { fake, page } = await open(t, { theme, width, world: { clones: [] }, ready: '.notice' });
      assert.deepEqual(await violations(page), []);
      await page.goto(`${fake.url}/analytics/clones/12`);
      await page.waitForSelector('.notice');
      assert.deepEqual(await violations(page), []);
      clean(page);
    });
  }

for (const width of [1366, 768, 390, 320])
  test(`nothing makes the clones' pages scroll sideways at ${width} px`, async (t) => {
    const { fake, page } = await open(t, { width });
    const scrolls = () => page.evaluate(() => document.documentElement.scrollWidth);
    assert.equal(await scrolls(), width);
    await page.goto(`${fake.url}/analytics/clones/60?file=src%2Fapp.js`);
    await page.waitForSelector('.line');
    assert.equal(await scrolls(), width, 'an attempt');
    fake.state.clones = [];
    await page.goto(`${fake.url}/analytics/clones`);
    await page.waitForSelector('.notice');
    assert.equal(await scrolls(), width, 'without clones');
  });

test('the list has all its parts', async (t) => {
  const { page } = await open(t);
  assert.deepEqual(await page.locator('main h2').allInnerTexts(), [
    'Attempts',
    'By model',
    'By month',
    'By the size of the website',
    'By provider',
    'Benchmarks',
  ]);
  assert.equal(await text(page, '.lead'), '60 attempts at 4 websites by 4 models; 53 gave code.');
  assert.equal(await page.locator('.attempt').count(), 24);
  assert.equal(await page.locator('.models tbody tr').count(), 4);
  assert.equal(await page.locator('.bench tbody tr').count(), 4);
  assert.match(await text(page, '.bench'), /best choice for simple pages/);
  assert.doesNotMatch(await text(page, 'main'), /undefined|NaN|Invalid|null/);
  clean(page);
});

test('filters go into the address and to the server, chips take them back', async (t) => {
  const { fake, page } = await open(t);
  await page.getByLabel('Model', { exact: true }).selectOption('llamacpp/phi-4');
  await count(page, 15);
  await page.getByLabel('Status', { exact: true }).selectOption('error');
  await count(page, 2);
  assert.equal(new URL(page.url()).search, '?model=llamacpp%2Fphi-4&status=error');
  assert.equal(lists(fake).at(-1), '/api/clones?model=llamacpp%2Fphi-4&status=error&limit=24');
  const sums = fake.state.requests.filter((r) => r.startsWith('/api/clones/summary'));
  assert.equal(sums.length, 1, 'a choice asks for the list only');
  await page.getByRole('button', { name: 'Remove filter model = phi-4' }).click();
  await count(page, 7);
  await page.goBack();
  await count(page, 2);
  clean(page);
});

test('a shared address shows the same list', async (t) => {
  const { page } = await open(t, { path: '/analytics/clones?site=https%3A%2F%2Fexample.com&status=success' });
  assert.equal(await page.getByLabel('Website', { exact: true }).inputValue(), 'https://example.com');
  assert.equal(await page.locator('.chip').count(), 2);
  assert.match(await text(page, '.attempt .site'), /^example\.com$/);
});

test('pages go older and back to the newest', async (t) => {
  const { fake, page } = await open(t);
  const first = await page.locator('.attempt a').first().getAttribute('href');
  await page.getByRole('button', { name: 'Older' }).click();
  await page.waitForFunction((href) => !document.querySelector('.attempt a').href.endsWith(href), first.slice(-3));
  assert.equal(new URL(page.url()).search, '?cursor=37');
  await page.getByRole('button', { name: 'Older' }).click();
  await count(page, 12);
  assert.equal(await page.getByRole('button', { name: 'Older' }).count(), 0);
  await page.getByRole('button', { name: 'Newest' }).click();
  await count(page, 24);
  assert.equal(await page.locator('.attempt a').first().getAttribute('href'), first);
  assert.equal(lists(fake).at(-1), '/api/clones?limit=24');
});

test('a choice that leaves nothing names itself and can be taken back', async (t) => {
  const { page } = await open(t, { path: '/analytics/clones?model=x%2Fgone', ready: '.grid .lead' });
  assert.equal(await text(page, '.grid .lead'), 'No attempt with model = x/gone.');
  await page.getByRole('button', { name: 'Show all attempts' }).click();
  await count(page, 24);
  assert.equal(new URL(page.url()).search, '');
});

test('a model in the table narrows the list to it', async (t) => {
  const { page } = await open(t);
  await page.locator('.models .link', { hasText: 'CodeLlama-7b' }).click();
  await count(page, 15);
  assert.equal(new URL(page.url()).search, '?model=vllm%2FCodeLlama-7b');
});

test('an empty server shows how to begin, and the sample data come and go by one press', async (t) => {
  const { fake, page } = await open(t, { world: { clones: [] }, ready: '.notice' });
  assert.match(await text(page, '.notice'), /No clones yet/);
  assert.match(await text(page, '.command code'), new RegExp(`${fake.url}/api/clones`));
  await page.getByRole('button', { name: 'Load the sample data' }).click();
  await page.waitForSelector('.attempt');
  await page.getByRole('button', { name: 'Remove the sample data' }).click();
  await page.waitForFunction(() => document.querySelector('.samples').childElementCount === 0);
  assert.match(await text(page, '.lead'), /^54 attempts/);
  clean(page);
});

test('a server that fails is told of, and the page comes back by itself', async (t) => {
  const { fake, page } = await open(t, { world: { fail: 503 }, ready: '.notice' });
  assert.match(await text(page, '.notice'), /Failing with 503/);
  assert.deepEqual(await violations(page), []);
  fake.state.fail = 0;
  await page.getByRole('button', { name: 'Ask again' }).click();
  await page.waitForSelector('.attempt');
  fake.state.fail = 500;
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.waitForSelector('.stale');
  assert.equal(await page.locator('.attempt').count(), 24, 'the old list stays in view');
});

test('a key is asked for, and used', async (t) => {
  const { page } = await open(t, { world: { key: 'secret' }, ready: '.notice' });
  await page.getByLabel('Key', { exact: true }).fill('secret');
  await page.getByRole('button', { name: 'Use it' }).click();
  await page.waitForSelector('.attempt');
});

test('loading is shown as such', async (t) => {
  const { page } = await open(t, { world: { delayMs: 500 }, ready: '.loading' });
  assert.equal(await page.locator('main').getAttribute('aria-busy'), 'true');
  await page.waitForSelector('.attempt');
  assert.equal(await page.locator('main').getAttribute('aria-busy'), 'false');
});

test('an attempt shows its facts, its score in parts, its files and its call', async (t) => {
  const { page } = await open(t, { path: '/analytics/clones/60', ready: '.line' });
  assert.equal(await page.title(), 'Example Domain · touchstone');
  assert.match(await text(page, '.about'), /llama3\.2:7b[\s\S]*26\.0 KiB in 3 files/);
  assert.match(await text(page, '.quality'), /92[\s\S]*Parse errors[\s\S]*−10[\s\S]*of 40/);
  assert.match(await text(page, '.call'), /done[\s\S]*212 ms/);
  assert.equal(await page.locator('.files button').count(), 3);
  assert.match(await text(page, '.line'), /<!doctype html>/);
  await page.locator('.files button', { hasText: 'app.js' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.line').length === 60);
  assert.equal(new URL(page.url()).search, '?file=src%2Fapp.js');
  await page.reload();
  await page.waitForFunction(() => document.querySelectorAll('.line').length === 60);
  clean(page);
});

test('the preview runs in a frame that is shut off', async (t) => {
  const { fake, page } = await open(t, { path: '/analytics/clones/60', ready: 'iframe' });
  const frame = page.locator('iframe');
  assert.equal(await frame.getAttribute('sandbox'), 'allow-scripts');
  assert.equal(await frame.getAttribute('src'), `${fake.url}/api/previews/60.ticket`);
  await page.frameLocator('iframe').getByText('from its script').waitFor();
  assert.equal(await page.frameLocator('iframe').locator('body').evaluate(() => self.origin), 'null');
  await page.getByRole('button', { name: '390' }).click();
  assert.equal(await frame.evaluate((f) => f.clientWidth), 390);
});

test('an attempt that failed says why, without a preview', async (t) => {
  const failed = attempts().find((a) => a.status === 'error');
  const { page } = await open(t, { path: `/analytics/clones/${failed.id}`, ready: '.shown .lead' });
  assert.match(await text(page, '.shown'), /No code was made: The model ran into its token limit/);
  assert.equal(await page.locator('iframe').count(), 0);
  assert.ok(!(await page.locator('section.code').isVisible()));
  clean(page);
});

test('texts of models stay texts', async (t) => {
  const evil = '<img src=x onerror=alert(1)>';
  const clones = [{ ...attempts()[0], title: evil, model: evil, errorMessage: evil, status: 'error' }];
  const { page } = await open(t, { world: { clones } });
  assert.equal(await text(page, '.attempt h3'), evil);
  assert.equal(await page.locator('.attempt img').count(), 0);
  clean(page);
});

test('an unknown attempt leads back to the list', async (t) => {
  const { page } = await open(t, { path: '/analytics/clones/999', ready: '.notice' });
  assert.match(await text(page, '.notice'), /There is no clone attempt 999/);
  await page.getByRole('link', { name: 'All attempts' }).click();
  await page.waitForSelector('.attempt');
});

test('what goes wrong beside an attempt is told in its place', async (t) => {
  const clones = [{ ...attempts()[0], requestId: 'gone' }];
  const { page } = await open(t, { world: { clones }, path: '/analytics/clones/60', ready: '.line' });
  assert.match(await text(page, '.call'), /No such route/);
  assert.match(await text(page, '.about'), /llama3\.2:7b/);
});

test('the keyboard goes from page to page', async (t) => {
  const { page } = await open(t);
  assert.equal(await page.locator('nav [aria-current=page]').innerText(), 'Clones');
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Website');
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('g');
  await page.keyboard.press('m');
  await page.waitForSelector('.uplot');
  assert.match(page.url(), /\/analytics\/models$/);
  await page.keyboard.press('g');
  await page.keyboard.press('w');
  await page.waitForSelector('.attempt');
  await page.locator('.attempt a').first().focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('.line');
  await page.keyboard.press('d');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light');
  clean(page);
});
