// <ts-feedback> in a page of its own, under the page's strict policy.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { violations } from './axe.mjs';
import { openPage, startBrowser } from './browser.mjs';
import { startFake } from './fake-server.mjs';

let browser;
before(async () => (browser = await startBrowser()));
after(() => browser?.close());

// The component on a page of the fake server.
async function open(t, attributes, { type = '', ...world } = {}) {
  const markup = `<!doctype html><html lang="en"><title>x</title><main><h1>x</h1><ts-feedback ${attributes}></ts-feedback></main><script ${type} src="SCRIPT"></script></html>`;
  const fake = await startFake({ page: markup, ...world });
  t.after(() => fake.stop());
  const page = await openPage(browser, `${fake.url}/host.html`);
  t.after(() => page.done());
  await page.evaluate(() =>
    document.addEventListener('feedback', (e) => (globalThis.heard ??= []).push(e.detail)),
  );
  return {
    fake,
    page,
    good: page.getByRole('button', { name: 'Good answer' }),
    bad: page.getByRole('button', { name: 'Bad answer' }),
  };
}

const pressed = (button) => button.getAttribute('aria-pressed');

for (const [attribute, field] of [
  ['request-id', 'requestId'],
  ['message-id', 'messageId'],
  ['conversation-id', 'conversationId'],
]) {
  test(`a press rates by ${attribute} and fires feedback`, async (t) => {
    const { fake, page, good } = await open(t, `${attribute}="id-7"`);
    await good.click();
    await page.getByText('Thank you').waitFor();
    assert.deepEqual(fake.state.votes, [{ [field]: 'id-7', rating: 1 }]);
    assert.deepEqual(await page.evaluate(() => globalThis.heard), [
      { requestId: 'req_1', rating: 1, previousRating: 0 },
    ]);
    assert.equal(await pressed(good), 'true');
    assert.deepEqual(page.complaints, []);
  });
}

test('the other button changes the vote, a second press takes it back', async (t) => {
  const { fake, page, good, bad } = await open(t, 'request-id="r"');
  await good.click();
  await page.getByText('Thank you').waitFor();
  await bad.focus();
  await page.keyboard.press('Space');
  await page.waitForFunction(() => globalThis.heard?.length === 2);
  assert.deepEqual([await pressed(good), await pressed(bad)], ['false', 'true']);
  await bad.click();
  await page.getByText('Vote taken back').waitFor();
  assert.deepEqual(
    fake.state.votes.map((v) => v.rating),
    [1, -1, 0],
  );
});

test('a vote that is not stored is undone and said', async (t) => {
  const { page, good } = await open(t, 'request-id="r"', { fail: 503 });
  await good.click();
  await page.getByText('Not stored').waitFor();
  assert.equal(await pressed(good), 'false');
  assert.equal(await page.evaluate(() => globalThis.heard), undefined);
});

test('without an id nothing is sent', async (t) => {
  const { fake, page, good } = await open(t, '');
  await good.click();
  await page.getByText('Not stored').waitFor();
  assert.deepEqual(fake.state.votes, []);
});

test('it works as a module and below a base path', async (t) => {
  const { fake, page, good } = await open(t, 'request-id="r"', { type: 'type="module"', base: '/ai' });
  await good.click();
  await page.getByText('Thank you').waitFor();
  assert.equal(fake.state.votes.length, 1);
});

test('the attribute server names another address', async (t) => {
  const { fake, page, good } = await open(t, 'request-id="r" server="/elsewhere"', { base: '' });
  await good.click();
  await page.getByText('Not stored').waitFor();
  assert.ok(
    fake.state.requests.includes('/elsewhere/api/analytics/models/feedback'),
    String(fake.state.requests),
  );
});

test('it is accessible', async (t) => {
  const { page } = await open(t, 'request-id="r"');
  assert.deepEqual(await violations(page), []);
});
