// Chromium for the tests: the system's, headless, silent on the network.
import { chromium } from 'playwright-core';

export const startBrowser = (more = []) =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...more,
    ],
  });

/** A page that collects what must not happen: script errors and Content-Security-Policy messages. */
export async function openPage(
  browser,
  url,
  { width = 1366, height = 900, theme = 'dark', ...context } = {},
) {
  const session = await browser.newContext({
    viewport: { width, height },
    timezoneId: 'UTC',
    locale: 'en-GB',
    ...context,
  });
  const page = await session.newPage();
  page.complaints = [];
  page.on('pageerror', (error) => page.complaints.push(String(error)));
  page.on('console', (message) => {
    if (/content security policy|trusted type/i.test(message.text())) page.complaints.push(message.text());
  });
  await page.addInitScript(
    // frames within the page may have no storage at all
    (t) => self === top && (localStorage.getItem('ts-theme') ?? localStorage.setItem('ts-theme', t)),
    theme,
  );
  await page.goto(url);
  page.done = () => session.close();
  return page;
}
