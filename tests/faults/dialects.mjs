// How a client of each dialect asks, and what it takes for an answer and for an error. A dialect
// that is added here goes through every fault.
const lines = (got) => got.text.split('\n').filter(Boolean).map((line) => JSON.parse(line));

const ollama = (path, body, text) => ({
  path,
  body,
  kinds: ['ollama', 'vllm'],
  wholeText: (json) => text(json),
  streamText: (got) => lines(got).map((l) => text(l) ?? '').join(''),
  isComplete: (got) => lines(got).at(-1)?.done === true,
  isError: (json) => typeof json.error === 'string' && json.error.length > 0,
  lastIsError: (got) => typeof lines(got).at(-1)?.error === 'string',
});

const openai = (path, body, kinds, text) => ({
  path,
  body,
  kinds,
  wholeText: (json) => text(json.choices[0], 'message'),
  streamText: (got) => got.events.filter((e) => e.choices?.length).map((e) => text(e.choices[0], 'delta') ?? '').join(''),
  isComplete: (got) => got.events.at(-1) === '[DONE]',
  isError: (json) => typeof json.error?.message === 'string' && typeof json.error.type === 'string',
  lastIsError: (got) => typeof got.events.at(-1)?.error?.message === 'string',
  code: (json) => json.error.code,
});

const sent = (got) => got.events.filter((e) => e.type);

const anthropic = {
  path: '/v1/messages',
  body: (prompt) => ({ max_tokens: 100, messages: [{ role: 'user', content: prompt }] }),
  kinds: ['anthropic', 'vllm'],
  wholeText: (json) => json.content?.filter((c) => c.type === 'text').map((c) => c.text).join(''),
  streamText: (got) => sent(got).map((e) => e.delta?.text ?? '').join(''),
  isComplete: (got) => sent(got).at(-1)?.type === 'message_stop',
  isError: (json) => json.type === 'error' && typeof json.error?.message === 'string' && typeof json.error.type === 'string',
  lastIsError: (got) => sent(got).at(-1)?.type === 'error',
};

export const DIALECTS = {
  'ollama.generate': ollama('/api/generate', (prompt) => ({ prompt }), (x) => x.response),
  'ollama.chat': ollama('/api/chat', (prompt) => ({ messages: [{ role: 'user', content: prompt }] }), (x) => x.message?.content),
  'openai.chat': openai('/v1/chat/completions', (prompt) => ({ messages: [{ role: 'user', content: prompt }] }), ['vllm', 'ollama'], (c, part) => c[part]?.content),
  'openai.completions': openai('/v1/completions', (prompt) => ({ prompt }), ['vllm'], (c) => c.text),
  'anthropic.messages': anthropic,
};
