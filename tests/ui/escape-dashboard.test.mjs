// Generated pages that try to get out of their preview, in the dashboard, on the real server:
// nothing may leave, open, ask or be reached.
import { test } from 'node:test';
import { assertHeld, serveAttempts, startEscape } from './escape.mjs';
import { CASES } from './escape-cases.mjs';

test('in the dashboard', async (t) => {
  const escape = await startEscape();
  t.after(escape.stop);
  const { server, ids } = await serveAttempts(t, escape.pages);
  const outcomes = await escape.playAll((n) => `${server.url}/analytics/clones/${ids[n]}`, server.url);
  for (const [n, c] of CASES.entries()) await t.test(`${c.name} is held`, () => assertHeld(outcomes[n], c));
});
