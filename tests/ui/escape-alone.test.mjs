// Generated pages that try to get out of their preview, opened by itself, on the real server:
// nothing may leave, open, ask or be reached.
import { test } from 'node:test';
import { assertHeld, serveAttempts, startEscape } from './escape.mjs';
import { CASES } from './escape-cases.mjs';

test('opened by itself', async (t) => {
  const escape = await startEscape();
  t.after(escape.stop);
  const { server, ids } = await serveAttempts(t, escape.pages);
  const outcomes = await escape.playAll((n) => `${server.url}/api/clones/${ids[n]}/preview`, server.url);
  for (const [n, c] of CASES.entries()) await t.test(`${c.name} is held`, () => assertHeld(outcomes[n], c));
});
