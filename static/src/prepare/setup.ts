// The set-up guide: commands that work as they stand, with this server's address.

import type { Provider } from '../api';

export interface Recipe {
  title: string;
  note: string;
  command: string;
}

export interface SetupView {
  model: string | null; // a model that was found, for the commands
  providers: { name: string; state: string; models: number }[];
  recipes: Recipe[];
}

const quoted = (text: string): string => `'${text.replace(/'/g, `'\\''`)}'`;

/** Names of the models in an answer of GET api/tags. */
export function tagNames(tags: unknown): string[] {
  const list = (tags as { models?: unknown } | null)?.models;
  if (!Array.isArray(list)) return [];
  return list
    .map((m: unknown) => (m as { name?: unknown } | null)?.name)
    .filter((name): name is string => typeof name === 'string' && name !== '');
}

// A model made for embeddings cannot answer a prompt.
const answers = (name: string): boolean => !/embed|bge-|minilm|rerank/i.test(name);

/** `address` without a slash at its end, as the browser reached it. */
export function setup(address: string, names: string[], providers: Provider[], withKey: boolean): SetupView {
  const model = names.find(answers) ?? null;
  const shown = model ?? 'MODEL';
  const auth = withKey ? ' -H "Authorization: Bearer $TOUCHSTONE_API_KEY"' : '';
  const secret = withKey ? '$TOUCHSTONE_API_KEY' : 'unused';
  const body = quoted(JSON.stringify({ model: shown, prompt: 'Why is the sky blue?' }));
  return {
    model,
    providers: providers.map((p) => ({
      name: p.name,
      state: p.state ?? 'unknown',
      models: Array.isArray(p.models) ? p.models.length : 0,
    })),
    recipes: [
      {
        title: 'Try one call',
        note: model
          ? 'Tokens stream in, and this page turns into the dashboard.'
          : 'Put the name of one of your models in place of MODEL.',
        command: `curl ${address}/api/generate${auth} -d ${body}`,
      },
      {
        title: 'OpenAI clients',
        note: 'Every SDK and tool that reads these variables.',
        command: `export OPENAI_BASE_URL=${address}/v1\nexport OPENAI_API_KEY=${secret}`,
      },
      {
        title: 'Ollama clients',
        note: 'The ollama command and its libraries.',
        command: `export OLLAMA_HOST=${address}`,
      },
      {
        title: 'Anthropic clients',
        note: 'The Anthropic SDKs and the tools built on them.',
        command: `export ANTHROPIC_BASE_URL=${address}\nexport ANTHROPIC_API_KEY=${secret}`,
      },
      {
        title: 'Just looking?',
        note: 'Starts a second server with simulated models and sample data; nothing of it is kept.',
        command: 'touchstone demo',
      },
    ],
  };
}
