// The page in Chromium, on a server whose answers the test chooses.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { violations } from './axe.mjs';
import { openPage, startBrowser } from './browser.mjs';
import { startFake } from './fake-server.mjs';

let browser;
before(async () => (browser = await startBrowser()));
after(() => browser?.close());

/** A fake server and a page on it, both gone after the test; nothing may have been complained of. */
async function open(t, { world = {}, search = '', ready = '.uplot', ...options } = {}) {
  const fake = await startFake(world);
  t.after(() => fake.stop());
  const page = await openPage(browser, `${fake.url}/analytics/models${search}`, options);
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
const asked = (fake) => fake.state.requests.filter((r) => r.startsWith('/api/analytics/models'));

for (const theme of ['dark', 'light'])
  for (const width of [1366, 390]) {
    test(`the overview is accessible: ${theme}, ${width} px`, async (t) => {
      const { page } = await open(t, { theme, width });
      clean(page);
      assert.deepEqual(await violations(page), []);
      await page.keyboard.press('t');
      await page.waitForSelector('.times table');
      assert.deepEqual(await violations(page), [], 'as tables');
      await page.keyboard.press('?');
      await page.waitForSelector('dialog[open]');
      assert.deepEqual(await violations(page), [], 'with the help');
    });
    test(`the guide is accessible: ${theme}, ${width} px`, async (t) => {
      const { page } = await open(t, { theme, width, world: { empty: true }, ready: '.setup .found' });
      clean(page);
      assert.deepEqual(await violations(page), []);
    });
  }

for (const width of [1366, 768, 390, 320]) {
  test(`nothing makes the page scroll sideways at ${width} px`, async (t) => {
    const { fake, page } = await open(t, { width });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
    await page.keyboard.press('t');
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, 'as tables');
    fake.state.empty = true;
    await page.reload();
    await page.waitForSelector('.setup .found');
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, 'the guide');
  });
}

test('every part of the specification is on the page', async (t) => {
  const { page } = await open(t);
  const headings = await page.locator('h2').allInnerTexts();
  for (const part of [
    'Response time by model',
    'Success rate by model',
    'Response time over time',
    'Satisfaction',
    'Best model per task',
    'Insights',
    'Task types',
    'All models',
  ])
    assert.ok(headings.includes(part), part);
  assert.equal(await page.locator('.kpi').count(), 6);
  assert.match(await text(page, '.lead'), /^18 722 calls to 7 models in the last 30 days/);
  assert.equal(await page.locator('.perf tbody tr').count(), 7);
  assert.match(await text(page, 'footer'), /18 722 calls · answered in .* · data to \d\d:\d\d:\d\d UTC/);
  clean(page);
});

test('one refresh is one request', async (t) => {
  const { fake, page } = await open(t);
  assert.equal(asked(fake).length, 1);
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.waitForTimeout(300);
  assert.equal(asked(fake).length, 2);
  assert.equal(asked(fake)[0], '/api/analytics/models?days=30&bucket=day');
});

test('a choice goes into the address and to the server; a chip takes it back', async (t) => {
  const { fake, page } = await open(t);
  await page.getByRole('button', { name: '24h' }).click();
  await page.getByLabel('Model', { exact: true }).selectOption('qwen2.5:14b');
  await page.waitForSelector('.chip');
  assert.equal(new URL(page.url()).search, '?range=24h&model=qwen2.5%3A14b');
  await page.waitForFunction(() => document.querySelectorAll('.perf tbody tr').length === 1);
  assert.equal(asked(fake).at(-1), '/api/analytics/models?days=1&model=qwen2.5%3A14b&bucket=hour');
  await page.locator('.chip').click();
  await page.waitForFunction(() => document.querySelectorAll('.perf tbody tr').length === 7);
  assert.equal(new URL(page.url()).search, '?range=24h');
  await page.goBack();
  await page.waitForSelector('.chip');
  assert.equal(new URL(page.url()).search, '?range=24h&model=qwen2.5%3A14b');
  clean(page);
});

test('a shared address shows the same view', async (t) => {
  const { page } = await open(t, {
    search: '?range=7d&task=coding&sort=p95&view=table',
    ready: '.times table',
  });
  assert.equal(await page.getByLabel('Task', { exact: true }).inputValue(), 'coding');
  assert.equal(await page.getByRole('button', { name: '7d' }).getAttribute('aria-pressed'), 'true');
  assert.equal(await page.locator('.perf [aria-sort]').getAttribute('aria-sort'), 'ascending');
  assert.ok(await page.locator('.times table').isVisible());
  clean(page);
});

test('a superseded question is dropped', async (t) => {
  const { fake, page } = await open(t);
  fake.state.delayMs = 400;
  await page.getByRole('button', { name: '1h', exact: true }).click();
  await page.waitForTimeout(60);
  fake.state.delayMs = 0;
  await page.getByRole('button', { name: '7d' }).click();
  await page.waitForFunction(() => document.querySelector('.lead').textContent.includes('7 days'));
  await page.waitForTimeout(600);
  assert.match(await text(page, '.lead'), /7 days/);
  clean(page);
});

test('the keyboard reaches tables, filters, range, theme and help', async (t) => {
  const { page } = await open(t);
  assert.ok(!(await page.locator('.times table').isVisible()));
  await page.keyboard.press('t');
  assert.ok(await page.locator('.times table').isVisible());
  assert.equal(new URL(page.url()).search, '?view=table');
  await page.keyboard.press('t');
  assert.ok(!(await page.locator('.times table').isVisible()));
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Model');
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('r');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), '30d');
  await page.keyboard.press('d');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light');
  await page.keyboard.press('?');
  assert.ok(await page.locator('dialog.help').isVisible());
  await page.keyboard.press('Escape');
  assert.ok(!(await page.locator('dialog.help').isVisible()));
  clean(page);
});

test('single-key shortcuts can be switched off, and stay off', async (t) => {
  const { page } = await open(t);
  await page.keyboard.press('?');
  await page.getByLabel('Single-key shortcuts').uncheck();
  await page.keyboard.press('Escape');
  await page.keyboard.press('t');
  assert.equal(new URL(page.url()).search, '');
  await page.reload();
  await page.waitForSelector('.uplot');
  await page.keyboard.press('t');
  assert.equal(new URL(page.url()).search, '');
});

test('a figure has its own table, and its button keeps the focus', async (t) => {
  const { page } = await open(t);
  const toggle = page.getByRole('button', { name: 'Success rate by model as a table' });
  await toggle.focus();
  await page.keyboard.press('Enter');
  assert.equal(await toggle.getAttribute('aria-pressed'), 'true');
  assert.ok(await page.locator('.success table').isVisible());
  assert.ok(!(await page.locator('.times table').isVisible()));
  assert.ok(await toggle.evaluate((el) => el === document.activeElement));
});

test('the trend is read bucket by bucket with the arrow keys', async (t) => {
  const { page } = await open(t);
  await page.locator('.uhost').focus();
  await page.keyboard.press('ArrowLeft');
  const last = await text(page, '.readout');
  assert.match(last, /^\d+ \w+: median .*, p95 .*, \d+ calls?$/);
  await page.keyboard.press('ArrowLeft');
  assert.notEqual(await text(page, '.readout'), last);
  await page.keyboard.press('ArrowRight');
  assert.equal(await text(page, '.readout'), last);
});

test('a header sorts, says so, and keeps the focus', async (t) => {
  const { page } = await open(t);
  const header = page.locator('.perf [data-key=sort-p95]');
  await header.focus();
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('.perf [aria-sort]').getAttribute('aria-sort'), 'descending');
  assert.match(await text(page, '.perf tbody th'), /^mistral-small/);
  assert.equal(await page.evaluate(() => document.activeElement.dataset.key), 'sort-p95');
  await page.keyboard.press('Enter');
  assert.match(await text(page, '.perf tbody th'), /^llama3\.2/);
});

test('the theme is kept and is there before the first paint', async (t) => {
  const { page } = await open(t);
  await page.keyboard.press('d');
  await page.reload({ waitUntil: 'commit' });
  await page.waitForSelector('body', { state: 'attached' });
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light');
  clean(page);
});

test('an empty server shows the guide, with this address and a model that answers', async (t) => {
  const { fake, page } = await open(t, { world: { empty: true }, ready: '.setup .found' });
  const command = await text(page, '.recipes code');
  assert.equal(
    command,
    `curl ${fake.url}/api/generate -d '{"model":"llama3.2:latest","prompt":"Why is the sky blue?"}'`,
  );
  assert.match(await page.locator('.recipes').innerText(), new RegExp(`OPENAI_BASE_URL=${fake.url}/v1`));
  assert.match(await page.locator('.recipes').innerText(), /touchstone demo/);
  clean(page);
});

test('the guide turns into the dashboard when the first call has come', async (t) => {
  const { fake, page } = await open(t, { world: { empty: true }, ready: '.setup' });
  assert.match(await text(page, '.waiting'), /Waiting for the first call/);
  fake.state.empty = false;
  await page.waitForSelector('.uplot', { timeout: 8000 });
  assert.equal(await page.locator('.setup').count(), 0);
  assert.equal(await page.locator('.kpi').count(), 6);
  clean(page);
});

test('without a model server the guide says so and fills in nothing', async (t) => {
  const { page } = await open(t, {
    world: { empty: true, models: [], providers: [] },
    ready: '.setup .none',
  });
  assert.match(await text(page, '.providers'), /No model server found yet/);
  assert.match(await text(page, '.recipes code'), /"model":"MODEL"/);
});

test('filters that leave nothing are named and can be taken away', async (t) => {
  const { page } = await open(t, { search: '?task=sewing&model=qwen2.5%3A14b', ready: '.notice' });
  assert.match(
    await text(page, '.notice'),
    /No call in the last 30 days with model = qwen2\.5:14b and task = sewing\./,
  );
  assert.deepEqual(await violations(page), []);
  await page.getByRole('button', { name: 'Remove task = sewing' }).click();
  await page.waitForSelector('.uplot');
  assert.equal(new URL(page.url()).search, '?model=qwen2.5%3A14b');
});

test('a range without calls on a used server is no first call', async (t) => {
  const fake = await startFake({ quiet: true });
  t.after(() => fake.stop());
  const page = await openPage(browser, `${fake.url}/analytics/models?range=1h`);
  t.after(() => page.done());
  await page.waitForSelector('.notice');
  assert.match(await text(page, '.notice'), /No call in the last hour\./);
});

test('the demo says on the page that its figures are simulated', async (t) => {
  const { page } = await open(t, { world: { demo: true } });
  await page.waitForSelector('.banner:visible');
  assert.match(await text(page, '.banner'), /Simulated figures/);
  const { page: real } = await open(t);
  assert.equal(await real.locator('.banner').isVisible(), false);
});

test('an error is told with its remedy, and the page recovers', async (t) => {
  const { fake, page } = await open(t, { world: { fail: 503 }, ready: '.notice' });
  assert.match(await text(page, '.notice'), /Failing with 503\.[\s\S]*come back with the database/);
  assert.deepEqual(await violations(page), []);
  fake.state.fail = 0;
  await page.getByRole('button', { name: 'Ask again' }).click();
  await page.waitForSelector('.uplot');
  clean(page);
});

test('a page in trouble asks again by itself, also when it is not live', async (t) => {
  const { fake, page } = await open(t, { world: { fail: 500 }, ready: '.notice' });
  await page.keyboard.press('l');
  fake.state.fail = 0;
  await page.waitForSelector('.uplot', { timeout: 15_000 });
});

test('when a refresh fails the old figures stay, marked as old', async (t) => {
  const { fake, page } = await open(t);
  fake.state.fail = 503;
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.waitForSelector('.stale');
  assert.equal(await page.locator('.kpi').count(), 6);
  fake.state.fail = 0;
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.waitForSelector('.stale', { state: 'detached' });
});

test('while an answer is awaited the old figures keep their own headline', async (t) => {
  const { fake, page } = await open(t);
  fake.state.delayMs = 500;
  await page.getByRole('button', { name: '7d' }).click();
  assert.match(await text(page, '.lead'), /18 722 calls to 7 models in the last 30 days/);
  await page.waitForFunction(() => /7 days/.test(document.querySelector('.lead').textContent));
});

test('figures of one choice are never shown under another', async (t) => {
  const { fake, page } = await open(t);
  fake.state.fail = 500;
  await page.getByRole('button', { name: '7d' }).click();
  await page.waitForSelector('.notice');
  assert.equal(await page.locator('.kpi').count(), 0);
});

test('a server with keys asks for one, uses it, and forgets it with the tab', async (t) => {
  const { page } = await open(t, { world: { key: 'tsk-right' }, ready: '.keyform' });
  assert.deepEqual(await violations(page), []);
  await page.getByLabel('Key', { exact: true }).fill('tsk-wrong');
  await page.getByRole('button', { name: 'Use it' }).click();
  await page.getByText('The key was not accepted').waitFor();
  await page.getByLabel('Key', { exact: true }).fill('tsk-right');
  await page.getByRole('button', { name: 'Use it' }).click();
  await page.waitForSelector('.uplot');
  assert.equal(await page.evaluate(() => JSON.stringify(localStorage).includes('tsk-')), false);
  clean(page);
});

test('it works below any base path', async (t) => {
  const { fake, page } = await open(t, { world: { base: '/ai/box' } });
  assert.ok(page.url().includes('/ai/box/analytics/models'));
  assert.ok(asked(fake).length >= 1);
  assert.equal(await page.locator('.logo').getAttribute('href'), `${fake.url}/analytics/models`);
  clean(page);
});

test('names from outside are text, whatever they look like', async (t) => {
  const name = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
  const { page } = await open(t, { world: { rename: name } });
  assert.equal(await page.title(), 'Models · touchstone');
  assert.equal(await page.locator('main img').count(), 0);
  assert.ok((await page.locator('.perf').innerText()).includes(name));
  clean(page);
});

test('a page that is not seen asks nothing', async (t) => {
  const { fake, page } = await open(t, { world: { empty: true }, ready: '.setup .found' });
  const hide = (hidden) =>
    page.evaluate((h) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => h });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  await hide(true);
  await page.waitForTimeout(300);
  const before = asked(fake).length;
  await page.waitForTimeout(3000);
  assert.equal(asked(fake).length, before);
  await hide(false);
  await page.waitForTimeout(500);
  assert.ok(asked(fake).length > before);
});

test('the page is drawn within its time budget', async (t) => {
  const { page } = await open(t);
  await page.reload();
  await page.waitForSelector('.uplot');
  const paint = await page.evaluate(
    () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
  );
  assert.ok(
    paint > 0 && paint <= 200 * Number(process.env.TS_SLACK ?? 1) * 3,
    `first paint after ${Math.round(paint)} ms`,
  );
});

test('motion stops for those who asked for it', async (t) => {
  const { page } = await open(t, { world: { empty: true }, ready: '.setup', reducedMotion: 'reduce' });
  assert.equal(await page.locator('.pulse').evaluate((el) => getComputedStyle(el).animationName), 'none');
});

test('forced colours keep the page readable', async (t) => {
  const { page } = await open(t, { forcedColors: 'active' });
  assert.equal(
    await page
      .locator('.card')
      .first()
      .evaluate((el) => getComputedStyle(el).borderTopStyle),
    'solid',
  );
  clean(page);
});
