// One clone attempt: what is known of it, its preview, its files, its score, the call that made it.

import type { AttemptWhole, Call } from '../clones-api';
import { BASE, type ApiError } from '../api';
import { type Child, h, place } from '../dom';
import { drawCode, drawFiles } from '../parts/code';
import { card } from '../parts/figure';
import { meter } from '../parts/meter';
import { preview } from '../parts/preview';
import { pageUrl } from '../parts/shell';
import * as prepare from '../prepare/clone';

export interface CloneView {
  attempt: AttemptWhole;
  file: string | null; // chosen
  content: string | ApiError | null; // of it; null: on its way
  call: Call | ApiError | null;
  zone: string;
}

function drawFacts(facts: prepare.Fact[]): Child[] {
  return facts.flatMap((f) => [
    h('dt', {}, f.label),
    h(
      'dd',
      {},
      f.href !== undefined
        ? h('a', { href: f.href, rel: 'noopener noreferrer', target: '_blank' }, f.value)
        : f.value,
    ),
  ]);
}

function drawQuality(q: prepare.QualityView): Child[] {
  const head = q.score
    ? h(
        'p',
        { class: `score ${q.score.tone}` },
        h('b', {}, q.score.text),
        h('small', {}, `of 100 · ${q.score.word}`),
        meter(q.score.percent, q.score.tone),
      )
    : h('p', { class: 'lead' }, q.absent);
  const parts = q.parts.map((p) =>
    h(
      'li',
      {},
      h('span', { class: 'name' }, h('b', {}, p.name), h('small', {}, p.finding)),
      h('span', { class: 'taken' }, h('b', {}, p.taken), h('small', {}, p.most)),
      meter(p.percent, 'bad'),
    ),
  );
  return [head, parts.length > 0 && h('ul', { class: 'parts' }, ...parts)];
}

function drawCall(v: { requestId: string | null; call: Call | null; trouble: string | null }): Child[] {
  if (v.requestId === null) return [h('p', { class: 'aside' }, 'No recorded call is known to have made it.')];
  const url = new URL(`api/requests/${encodeURIComponent(v.requestId)}`, BASE).href;
  return [
    v.trouble !== null ? h('p', { class: 'aside' }, v.trouble) : null,
    v.call !== null ? h('dl', { class: 'facts' }, ...drawFacts(prepare.callFacts(v.call))) : null,
    h('p', { class: 'row' }, h('a', { href: url }, 'The call as JSON'), h('code', {}, v.requestId)),
  ];
}

function skeleton(id: number) {
  const title = h('h1', {}, `Clone ${id}`);
  const back = h('p', { class: 'lead' }, h('a', { href: pageUrl('clones') }, '◂ All attempts'));
  const facts = card('about', 'Attempt');
  const quality = card('quality', 'Quality of the code');
  const shown = card('shown', 'Preview');
  const files = card('code', 'Files');
  const call = card('call', 'Recorded call');
  const list = h('nav', { 'aria-label': 'Files' });
  const text = h('div', { class: 'text', 'aria-live': 'off' });
  files.body.append(h('div', { class: 'browser' }, list, text));
  const cells = [facts, quality, shown, files, call].map((c) => c.root);
  const root = h('div', { class: 'overview clone' }, title, back, ...cells);
  return { root, title, facts, quality, shown, files, call, list, text };
}

export function createClone(id: number, pickFile: (path: string) => void): {
  root: HTMLElement;
  update(view: CloneView): void;
} {
  const page = skeleton(id);
  let previewPath = ''; // another one at each answer: no reason to load the page anew
  const put = {
    facts: place(page.facts.body, (f: prepare.Fact[]): Child[] => [h('dl', { class: 'facts' }, ...drawFacts(f))]),
    quality: place(page.quality.body, drawQuality),
    shown: place(page.shown.body, (v: { title: string; none: string | null }): Child[] =>
      v.none === null
        ? [preview(() => previewPath, v.title)]
        : [h('p', { class: 'lead' }, v.none)],
    ),
    list: place(page.list, (v: { rows: prepare.FileRow[]; chosen: string | null }) =>
      drawFiles(v.rows, v.chosen, pickFile),
    ),
    text: place(page.text, (v: { path: string; content: string | null; trouble: string | null }): Child[] =>
      v.trouble !== null
        ? [h('p', { class: 'lead', role: 'alert' }, v.trouble)]
        : v.content === null
          ? [h('p', { class: 'aside', role: 'status' }, 'Loading')]
          : drawCode(v.path, v.content),
    ),
    call: place(page.call.body, drawCall),
  };

  function update({ attempt: a, file, content, call, zone }: CloneView): void {
    const troubleOf = (v: unknown): string | null => (v instanceof Error ? v.message : null);
    page.title.textContent = prepare.cloneTitle(a);
    put.facts(prepare.cloneFacts(a, zone));
    put.quality(prepare.qualityView(a.qualityScore, a.quality));
    previewPath = a.previewPath ?? '';
    put.shown({ title: prepare.cloneTitle(a), none: prepare.whyNoPreview(a) });
    page.files.root.hidden = a.files.length === 0;
    put.list({ rows: prepare.fileRows(a.files), chosen: file });
    put.text({
      path: file ?? '',
      content: typeof content === 'string' ? content : null,
      trouble: troubleOf(content),
    });
    put.call({
      requestId: a.requestId,
      call: call instanceof Error ? null : call,
      trouble: troubleOf(call),
    });
  }

  return { root: page.root, update };
}
