// The pages of escape-cases.mjs where nothing holds them: they must get out, or that they stay inside
// elsewhere proves nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { found, startEscape, startOpen } from './escape.mjs';
import { CASES } from './escape-cases.mjs';

test('there are at least 40 cases', () => assert.ok(CASES.length >= 40, `${CASES.length}`));

test('where nothing holds them the pages do get out', async (t) => {
  const escape = await startEscape();
  t.after(escape.stop);
  const open = await startOpen(escape.pages);
  t.after(open.stop);
  const outcomes = await escape.playAll((n) => `${open.url}/${n}`, open.url);
  const tame = CASES.filter((c, n) => c.bites !== null && !found[c.bites](outcomes[n]));
  assert.deepEqual(
    tame.map((c) => c.name),
    [],
  );
});
