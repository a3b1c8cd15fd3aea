// A model server that does what a test tells it, down to the byte.
//
// It answers discovery as the given kind does; each generation runs the test's `reply(x)`, where x
// writes heads, chunks or raw bytes, sleeps, resets. What touchstone sent, and when it hung up, is
// kept in `calls`.
import { EventEmitter, once } from 'node:events';
import net from 'node:net';

import { cleanup } from './cleanup.mjs';

const KINDS = {
  ollama: { prefix: '', owner: 'library' },
  vllm: { prefix: '/v1', owner: 'vllm' },
  lmstudio: { prefix: '/v1', owner: 'organization_owner' },
  llamacpp: { prefix: '/v1', owner: 'llamacpp' },
  openai: { prefix: '/v1', owner: 'openai' },
  anthropic: { prefix: '/v1', owner: 'anthropic' },
};

// One request and the way to answer it.
class Call {
  constructor(socket, request) {
    Object.assign(this, request);
    this.socket = socket;
    this.sentAt = []; // of each chunk
    this.closedAt = undefined; // when the other side hung up before the answer's end
    this.over = new AbortController();
    this.closed = new Promise((resolve) => { this.noteClosed = resolve; });
  }

  get json() {
    return JSON.parse(this.body);
  }

  raw(bytes) {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  head(status, headers = {}) {
    const lines = Object.entries(headers).map(([k, v]) => `${k}: ${v}\r\n`).join('');
    this.raw(`HTTP/1.1 ${status} X\r\n${lines}\r\n`);
  }

  chunk(text) {
    this.sentAt.push(performance.now());
    this.raw(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
  }

  end() {
    this.raw('0\r\n\r\n');
  }

  send(status, body, headers = {}) {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    this.head(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text), ...headers });
    this.raw(text);
  }

  // Ends the connection: FIN after what was written, or RST.
  close() {
    this.socket.end();
  }

  reset() {
    this.socket.resetAndDestroy();
  }

  // Waits; less long if the other side hangs up.
  sleep(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.over.signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
    });
  }

  hungUp() {
    if (this.closedAt !== undefined) return;
    this.closedAt = performance.now();
    this.over.abort();
    this.noteClosed(this.closedAt);
  }
}

export class Upstream extends EventEmitter {
  calls = []; // generations
  probes = []; // "GET /path" of everything else
  connections = 0;

  constructor(options) {
    super();
    Object.assign(this, { kind: 'ollama', models: ['llama3.2:7b'], ...options });
    this.sockets = new Set();
    this.server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.serve(socket));
  }

  async listen(port = 0) {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}`;
    return this;
  }

  // Stops listening and cuts what is open; `listen(port)` starts it again.
  async stop() {
    for (const socket of this.sockets) socket.destroy();
    if (this.server.listening) await new Promise((done) => this.server.close(done));
  }

  // The n-th generation, counted from 0; waits until it is there.
  async call(n = 0) {
    while (this.calls.length <= n) await once(this, 'call');
    return this.calls[n];
  }

  async serve(socket) {
    this.connections++;
    this.sockets.add(socket);
    let current;
    let buffered = Buffer.alloc(0);
    let wake = () => {};
    let ended = false;
    const gone = () => { ended = true; current?.hungUp(); wake(); };
    socket.on('data', (piece) => { buffered = Buffer.concat([buffered, piece]); wake(); });
    socket.on('end', () => { gone(); socket.end(); });
    socket.on('error', gone);
    socket.on('close', () => { this.sockets.delete(socket); gone(); });
    while (!ended || buffered.length) {
      const [request, used] = parseRequest(buffered);
      if (!request) {
        if (ended) return;
        await new Promise((resolve) => { wake = resolve; });
        continue;
      }
      buffered = buffered.subarray(used);
      current = new Call(socket, request);
      if (ended) current.hungUp();
      await this.answer(current);
      current = undefined;
      if (socket.writableEnded || socket.destroyed) return;
    }
  }

  async answer(call) {
    const probe = this.discovery(call);
    if (probe !== undefined) {
      this.probes.push(`${call.method} ${call.path}`);
      return this.onProbe ? this.onProbe(call, probe) : call.send(probe === null ? 404 : 200, probe ?? { error: 'not found' });
    }
    this.calls.push(call);
    this.emit('call', call);
    await this.reply(call);
  }

  // The body for a discovery route, null for one this kind lacks, undefined for a generation.
  discovery({ method, path }) {
    if (method !== 'GET' && method !== 'HEAD' && path !== '/api/show') return undefined;
    const { owner } = KINDS[this.kind];
    const ollama = this.kind === 'ollama';
    switch (path) {
      case '/': return ollama ? 'Ollama is running' : null;
      case '/api/version': return ollama ? { version: '0.5.1' } : null;
      case '/api/tags': return ollama ? { models: this.models.map(ollamaModel) } : null;
      case '/api/ps': return ollama ? { models: [] } : null;
      case '/api/v0/models': return this.kind === 'lmstudio' ? { object: 'list', data: this.models.map(lmstudioModel) } : null;
      case '/health': return this.kind === 'llamacpp' ? { status: 'ok' } : null;
      case '/v1/models': return { object: 'list', data: this.models.map((id) => ({ id, object: 'model', created: 1, owned_by: owner })) };
      default: return null;
    }
  }
}

function ollamaModel(name) {
  return {
    name, model: name, modified_at: '2026-01-02T03:04:05.000000Z', size: 4_000_000_000, digest: 'a'.repeat(64),
    details: { format: 'gguf', family: 'llama', families: ['llama'], parameter_size: '7B', quantization_level: 'Q4_K_M' },
  };
}

function lmstudioModel(id) {
  return { id, object: 'model', type: 'llm', publisher: 'x', arch: 'llama', compatibility_type: 'gguf', quantization: 'Q4_K_M', state: 'loaded', max_context_length: 8192 };
}

function parseRequest(data) {
  const end = data.indexOf('\r\n\r\n');
  if (end < 0) return [null, 0];
  const [line, ...rest] = data.subarray(0, end).toString('latin1').split('\r\n');
  const [method, path] = line.split(' ');
  const headers = Object.fromEntries(rest.map((l) => [l.slice(0, l.indexOf(':')).toLowerCase(), l.slice(l.indexOf(':') + 1).trim()]));
  const start = end + 4;
  if (/chunked/i.test(headers['transfer-encoding'] ?? '')) return parseChunked(data, start, { method, path, headers });
  const length = Number(headers['content-length'] ?? 0);
  if (data.length < start + length) return [null, 0];
  return [{ method, path, headers, body: data.subarray(start, start + length).toString() }, start + length];
}

function parseChunked(data, start, request) {
  let body = '';
  for (let at = start; ;) {
    const line = data.indexOf('\r\n', at);
    if (line < 0) return [null, 0];
    const size = parseInt(data.subarray(at, line).toString(), 16);
    if (data.length < line + 2 + size + 2) return [null, 0];
    body += data.subarray(line + 2, line + 2 + size).toString();
    at = line + 2 + size + 2;
    if (size === 0) return [{ ...request, body }, at];
  }
}

export async function startUpstream(t, options = {}) {
  const upstream = await new Upstream({ ...options, reply: options.reply ?? answer() }).listen();
  cleanup(t, () => upstream.stop());
  return upstream;
}

// -- answers ------------------------------------------------------------------------------------

const NDJSON = { 'Content-Type': 'application/x-ndjson', 'Transfer-Encoding': 'chunked' };
const SSE = { 'Content-Type': 'text/event-stream', 'Transfer-Encoding': 'chunked' };

export const words = (n) => Array.from({ length: n }, (_, i) => `w${i} `);

// One piece of text as the server on that route streams it.
export function piece(path, model, text) {
  const created_at = '2026-01-02T03:04:05.678901Z';
  if (path === '/api/generate') return JSON.stringify({ model, created_at, response: text, done: false }) + '\n';
  if (path === '/api/chat') return JSON.stringify({ model, created_at, message: { role: 'assistant', content: text }, done: false }) + '\n';
  if (path === '/v1/messages') return named('content_block_delta', { index: 0, delta: { type: 'text_delta', text } });
  const choice = path.endsWith('/chat/completions') ? { index: 0, delta: { content: text }, finish_reason: null }
    : { index: 0, text, finish_reason: null };
  return sse({ id: 'x', object: 'chat.completion.chunk', created: 1, model, choices: [choice] });
}

export const sse = (event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`;

// An event as Anthropic names it.
const named = (type, members = {}) => `event: ${type}\ndata: ${JSON.stringify({ type, ...members })}\n\n`;

// An error in the middle of a stream, as the server on that route tells it.
export function errorEvent(path, message) {
  if (path.startsWith('/api/')) return JSON.stringify({ error: message }) + '\n';
  return path === '/v1/messages' ? named('error', { error: { type: 'api_error', message } }) : sse({ error: { message } });
}

// What stands before the first piece of text.
export function opening(path, model, { input = 11 } = {}) {
  if (path !== '/v1/messages') return '';
  const usage = { input_tokens: input, cache_read_input_tokens: 0, output_tokens: 1 };
  return named('message_start', { message: { id: 'msg_x', type: 'message', role: 'assistant', model, content: [], stop_reason: null, stop_sequence: null, usage } })
    + named('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) + named('ping');
}

const STOP_REASONS = { stop: 'end_turn', length: 'max_tokens', tool_calls: 'tool_use' };

// The last lines of a good answer.
export function finale(path, model, { input, output, reason = 'stop', usage = true } = {}) {
  if (path.startsWith('/api/')) {
    const body = path === '/api/chat' ? { message: { role: 'assistant', content: '' } } : { response: '' };
    return JSON.stringify({
      model, created_at: '2026-01-02T03:04:06.678901Z', ...body, done: true, done_reason: reason,
      total_duration: 500_000_000, load_duration: 1_000_000, prompt_eval_count: input,
      prompt_eval_duration: 50_000_000, eval_count: output, eval_duration: 400_000_000,
    }) + '\n';
  }
  if (path === '/v1/messages') {
    return named('content_block_stop', { index: 0 })
      + named('message_delta', { delta: { stop_reason: STOP_REASONS[reason], stop_sequence: null }, usage: { output_tokens: output } }) + named('message_stop');
  }
  const choice = path.endsWith('/chat/completions') ? { index: 0, delta: {}, finish_reason: reason } : { index: 0, text: '', finish_reason: reason };
  const counts = { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
  return sse({ id: 'x', object: 'chat.completion.chunk', created: 1, model, choices: [choice] })
    + (usage ? sse({ id: 'x', object: 'chat.completion.chunk', created: 1, model, choices: [], usage: counts }) : '')
    + sse('[DONE]');
}

export function streamHead(call) {
  call.head(200, call.path.startsWith('/api/') ? NDJSON : SSE);
}

// A good answer: tokens `gapMs` apart, the first after `firstMs`; in whatever dialect was asked.
export function answer({ tokens = words(5), gapMs = 0, firstMs = 0, input = 11, output = tokens.length, reason = 'stop' } = {}) {
  return async (call) => {
    const { model, stream } = call.json;
    if (stream === false) return call.send(200, whole(call.path, model, tokens.join(''), { input, output, reason }));
    await call.sleep(firstMs);
    streamHead(call);
    if (opening(call.path)) call.chunk(opening(call.path, model, { input }));
    for (const [i, token] of tokens.entries()) {
      if (i && gapMs) await call.sleep(gapMs);
      call.chunk(piece(call.path, model, token));
    }
    const usage = call.json.stream_options?.include_usage === true;
    call.chunk(finale(call.path, model, { input, output, reason, usage }));
    call.end();
  };
}

function whole(path, model, text, { input, output, reason }) {
  if (path.startsWith('/api/')) {
    const last = JSON.parse(finale(path, model, { input, output, reason }));
    return path === '/api/chat' ? { ...last, message: { role: 'assistant', content: text } } : { ...last, response: text };
  }
  if (path === '/v1/messages') {
    return {
      id: 'msg_x', type: 'message', role: 'assistant', model, content: [{ type: 'text', text }], stop_reason: STOP_REASONS[reason], stop_sequence: null,
      usage: { input_tokens: input, output_tokens: output },
    };
  }
  const choice = path.endsWith('/chat/completions') ? { index: 0, message: { role: 'assistant', content: text } } : { index: 0, text };
  return {
    id: 'x', object: 'chat.completion', created: 1, model, choices: [{ ...choice, finish_reason: reason }],
    usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output },
  };
}

// Vectors [i, 0.5, -0.25, ...] of the given length for each text, as the server on that route answers.
export function vectors({ length = 3, input = 4 } = {}) {
  return (call) => {
    const { model, prompt, input: texts = prompt, encoding_format } = call.json;
    const all = [texts].flat().map((_, i) => Array.from({ length }, (__, k) => (k ? (-0.5) ** k : i + 0.1)));
    const base64 = (v) => Buffer.from(new Float32Array(v).buffer).toString('base64');
    if (call.path === '/api/embeddings') return call.send(200, { embedding: all[0] });
    if (call.path === '/api/embed') return call.send(200, { model, embeddings: all, total_duration: 5_000_000, load_duration: 1_000_000, prompt_eval_count: input });
    const data = all.map((v, index) => ({ object: 'embedding', embedding: encoding_format === 'base64' ? base64(v) : v, index }));
    return call.send(200, { object: 'list', data, model, usage: { prompt_tokens: input, total_tokens: input } });
  };
}

// A chat in which the model thinks, says something and calls tools, as servers of that kind stream
// it: parts are {thought}, {text} and {call: {id, name, input}}.
export function chat(parts, { input = 11, output = parts.length, kind = 'llamacpp' } = {}) {
  return async (call) => {
    const { model } = call.json;
    const called = parts.some((p) => p.call);
    streamHead(call);
    if (call.path === '/v1/messages') {
      call.chunk(blocks(model, parts, { input, output }));
      return call.end();
    }
    let number = 0;
    const chunk = (delta) => call.chunk(sse({ id: 'x', object: 'chat.completion.chunk', created: 1, model, choices: [{ index: 0, delta, finish_reason: null }] }));
    if (call.path !== '/api/chat') chunk({ role: 'assistant', content: null });
    for (const part of parts) {
      if (call.path === '/api/chat') call.chunk(ollamaPart(model, part));
      else openaiDeltas(part, kind, part.call ? number++ : 0).forEach(chunk);
    }
    const reason = called && call.path !== '/api/chat' ? 'tool_calls' : 'stop';
    call.chunk(finale(call.path, model, { input, output, reason, usage: call.json.stream_options?.include_usage === true }));
    call.end();
  };
}

function blocks(model, parts, { input, output }) {
  const begin = ({ thought, call }) => (thought ? { type: 'thinking', thinking: '', signature: '' } : call ? { type: 'tool_use', id: call.id, name: call.name, input: {} } : { type: 'text', text: '' });
  const deltas = ({ thought, text, call }) => (thought ? [{ type: 'thinking_delta', thinking: thought }, { type: 'signature_delta', signature: `sig-${thought}` }]
    : call ? [JSON.stringify(call.input).slice(0, 3), JSON.stringify(call.input).slice(3)].map((partial_json) => ({ type: 'input_json_delta', partial_json })) : [{ type: 'text_delta', text }]);
  const start = { id: 'msg_x', type: 'message', role: 'assistant', model, content: [], stop_reason: null, stop_sequence: null, usage: { input_tokens: input, output_tokens: 1 } };
  return named('message_start', { message: start })
    + parts.map((part, index) => named('content_block_start', { index, content_block: begin(part) })
      + deltas(part).map((delta) => named('content_block_delta', { index, delta })).join('') + named('content_block_stop', { index })).join('')
    + named('message_delta', { delta: { stop_reason: parts.some((p) => p.call) ? 'tool_use' : 'end_turn', stop_sequence: null }, usage: { output_tokens: output } }) + named('message_stop');
}

function ollamaPart(model, { thought, text = '', call }) {
  const message = { role: 'assistant', content: text };
  if (thought) message.thinking = thought;
  if (call) message.tool_calls = [{ function: { name: call.name, arguments: call.input } }];
  return JSON.stringify({ model, created_at: '2026-01-02T03:04:05.678901Z', message, done: false }) + '\n';
}

function openaiDeltas({ thought, text, call }, kind, index) {
  if (thought) return [{ [kind === 'vllm' ? 'reasoning' : 'reasoning_content']: thought }];
  if (!call) return [{ content: text }];
  const json = JSON.stringify(call.input);
  const pieces = [json.slice(0, 3), json.slice(3)];
  return [{ tool_calls: [{ index, id: call.id, type: 'function', function: { name: call.name, arguments: '' } }] },
    ...pieces.map((x) => ({ tool_calls: [{ index, function: { arguments: x } }] }))];
}

// Tokens, then the given trouble in the middle of the stream.
export function trouble(tokens, act) {
  return async (call) => {
    streamHead(call);
    if (opening(call.path)) call.chunk(opening(call.path, call.json.model));
    for (const token of tokens) call.chunk(piece(call.path, call.json.model, token));
    await call.sleep(30); // let what was written arrive on its own
    await act(call);
  };
}
