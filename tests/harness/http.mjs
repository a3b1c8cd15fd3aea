// A small HTTP client that keeps what the tests look at: when each piece arrived, and the raw bytes.
import http from 'node:http';
import net from 'node:net';

// Sends one request on a connection of its own. `body` that is no string or buffer goes as JSON.
// `from` is the client's address, another one of this machine. `onHead` and `onChunk` see the answer while it arrives; `signal` gives up, as a client that leaves.
export function request(url, { method = 'GET', headers = {}, body, onHead, onChunk, signal, agent, from } = {}) {
  const plain = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
  const bytes = plain ? body : JSON.stringify(body);
  const all = { ...(plain ? {} : { 'content-type': 'application/json' }), ...headers };
  if (bytes !== undefined && !('transfer-encoding' in all)) all['content-length'] = Buffer.byteLength(bytes);
  return new Promise((resolve, reject) => {
    const sentAt = performance.now();
    const chunks = [];
    let head;
    const out = http.request(url, { method, headers: all, signal, agent: agent ?? false, localAddress: from }, (answer) => {
      head = { status: answer.statusCode, headers: answer.headers, sentAt, headAt: performance.now() };
      onHead?.(head);
      answer.on('data', (data) => {
        chunks.push({ at: performance.now(), data });
        onChunk?.(data.toString(), chunks);
      });
      answer.on('error', (error) => resolve(finish(head, chunks, error)));
      answer.on('end', () => resolve(finish(head, chunks)));
    });
    out.on('error', (error) => (head ? resolve(finish(head, chunks, error)) : reject(error)));
    out.end(bytes);
  });
}

function finish(head, chunks, error) {
  const text = Buffer.concat(chunks.map((c) => c.data)).toString();
  return {
    ...head, chunks, text, error, endAt: performance.now(),
    get json() { return JSON.parse(text); },
    get lines() { return text.split('\n').filter(Boolean).map((line) => JSON.parse(line)); },
    get events() { return sseEvents(text); },
  };
}

// The `data:` payloads of an event stream; comments are dropped, `[DONE]` stays a string.
export function sseEvents(text) {
  return text.split(/\r?\n\r?\n/)
    .map((event) => event.split(/\r?\n/).filter((l) => l.startsWith('data:')).map((l) => l.slice(5).trimStart()).join('\n'))
    .filter(Boolean)
    .map((data) => (data === '[DONE]' ? data : JSON.parse(data)));
}

// Sends raw bytes and reads until the server closes, `until` matches, nothing more came for `idleMs`
// after the first byte, or time is up.
export function raw(port, bytes, { until, idleMs, timeoutMs = 2000, halfClose = false, host = '127.0.0.1' } = {}) {
  return new Promise((resolve) => {
    const started = performance.now();
    const socket = net.connect(port, host);
    let data = Buffer.alloc(0);
    let idle;
    const done = (why) => {
      clearTimeout(timer);
      clearTimeout(idle);
      socket.destroy();
      resolve({ why, ms: performance.now() - started, ...parseAnswer(data) });
    };
    const timer = setTimeout(() => done('timeout'), timeoutMs);
    socket.on('data', (piece) => {
      data = Buffer.concat([data, piece]);
      if (idleMs) {
        clearTimeout(idle);
        idle = setTimeout(done, idleMs, 'idle');
      }
      if (until?.(data.toString('latin1'))) done('until');
    });
    socket.on('end', () => done('closed'));
    socket.on('error', (error) => done(error.code));
    if (halfClose) socket.end(bytes);
    else socket.write(bytes);
  });
}

// The first answer in the bytes; `rest` is what follows its head.
export function parseAnswer(data) {
  const text = data.toString('utf8');
  const head = /^HTTP\/1\.[01] (\d{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n/.exec(text);
  if (!head) return { status: 0, headers: {}, rest: text, text };
  const headers = {};
  for (const line of head[2].split('\r\n').filter(Boolean)) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { status: Number(head[1]), headers, rest: text.slice(head[0].length), text };
}

// The pieces of an answer that hold tokens (words() of upstream.mjs), which must have come one by one:
// how long after the upstream sent each of them it was here, in ms.
export function delays(got, sentAt, tokens) {
  const pieces = got.chunks.filter((c) => /w\d+ /.test(c.data));
  if (pieces.length !== tokens) throw new Error(`${pieces.length} pieces for ${tokens} tokens`);
  return pieces.map((piece, i) => piece.at - sentAt[i]);
}
