// What a server without calls shows: how to make the first one.

import { get, type Provider, storedKey } from '../api';
import { type Child, h, place } from '../dom';
import * as fmt from '../fmt';
import { copyButton } from '../parts/figure';
import { setup, type SetupView, tagNames } from '../prepare/setup';

export interface Setup {
  root: HTMLElement;
  /** Looks for models and providers anew. */
  refresh(): void;
}

function drawProviders(v: SetupView): Child[] {
  const found = v.providers.filter((p) => p.models > 0);
  if (found.length === 0) {
    return [
      h(
        'p',
        { class: 'found none' },
        h('span', { 'aria-hidden': 'true' }, '○ '),
        'No model server found yet.',
      ),
      h(
        'p',
        { class: 'aside' },
        'Start Ollama, vLLM, LM Studio or llama.cpp on its usual port and it appears here within ten seconds; elsewhere, name its address, for example with OLLAMA_BASE_URL.',
      ),
    ];
  }
  return found.map((p) =>
    h(
      'p',
      { class: 'found' },
      h('span', { 'aria-hidden': 'true' }, '✓ '),
      h('b', {}, p.name),
      ` is ${p.state} with ${fmt.plural(p.models, 'model')}`,
    ),
  );
}

function drawRecipes(v: SetupView): Child[] {
  return v.recipes.map((r) =>
    h(
      'li',
      {},
      h('h2', {}, r.title),
      h('p', {}, r.note),
      h(
        'div',
        { class: 'command' },
        h('code', { tabindex: 0 }, r.command),
        copyButton(() => r.command, 'Copy', `Copy: ${r.title}`),
      ),
    ),
  );
}

export function createSetup(address: string): Setup {
  const providers = h('div', { class: 'providers' });
  const recipes = h('ol', { class: 'recipes' });
  const putProviders = place<SetupView>(providers, drawProviders);
  const putRecipes = place<SetupView['recipes']>(recipes, () => drawRecipes(view));
  let view = setup(address, [], [], storedKey() !== null);

  const root = h(
    'section',
    { class: 'setup' },
    h('h1', {}, 'Ready for the first call'),
    h(
      'p',
      { class: 'lead' },
      'touchstone stands between your applications and your models. Point a client at it, and every call is timed, counted and judged.',
    ),
    h(
      'p',
      { class: 'waiting', role: 'status' },
      h('span', { class: 'pulse', 'aria-hidden': 'true' }),
      'Waiting for the first call…',
    ),
    providers,
    recipes,
  );

  function show(): void {
    putProviders(view);
    putRecipes(view.recipes);
  }

  // Neither answer is needed for the guide; it only gets more exact with them.
  async function look(): Promise<void> {
    const [tags, list] = await Promise.allSettled([
      get<unknown>('api/tags'),
      get<{ providers?: Provider[] }>('api/providers'),
    ]);
    const names = tags.status === 'fulfilled' ? tagNames(tags.value) : [];
    const found =
      list.status === 'fulfilled' && Array.isArray(list.value.providers) ? list.value.providers : [];
    view = setup(address, names, found, storedKey() !== null);
    show();
  }

  show();
  return { root, refresh: () => void look() };
}
