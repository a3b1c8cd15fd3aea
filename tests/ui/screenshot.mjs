// The picture of the README: tools/node tests/ui/screenshot.mjs [--url URL] FILE.png
// Without an address it is taken of the fake server's figures.
import { openPage, startBrowser } from './browser.mjs';
import { startFake } from './fake-server.mjs';

const args = process.argv.slice(2);
const at = args.indexOf('--url');
const url = at >= 0 ? args.splice(at, 2)[1] : undefined;
const [file] = args;
if (!file) {
  process.stderr.write('usage: tools/node tests/ui/screenshot.mjs [--url URL] FILE.png\n');
  process.exit(64);
}

const fake = url ? null : await startFake();
const browser = await startBrowser();
try {
  const page = await openPage(browser, `${url ?? fake.url}/analytics/models`, {
    height: 1820, // down to the best models and the insights
    reducedMotion: 'reduce',
  });
  await page.waitForSelector('.uplot');
  await page.evaluate(() => document.fonts.ready);
  await page.waitForTimeout(500);
  await page.screenshot({ path: file });
} finally {
  await browser.close();
  await fake?.stop();
}
