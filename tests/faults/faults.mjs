// Everything that a model server, or the way to it, can do wrong.
//
// `when`: before the first content (then another server may help), after it (then nothing may), or
// never: libcurl and we see no fault in it. `act` gets the call; `url` makes the address out of the
// server's own; one that `stops` does so once it was discovered, one that is `unseen` never was. `status` and `code` are what the client is told where no other server helps;
// `outcome` is what is recorded.
import { errorEvent, piece, sse, streamHead } from '../harness/upstream.mjs';

const ndjson = (call) => call.path.startsWith('/api/');
const type = (call) => `Content-Type: ${ndjson(call) ? 'application/x-ndjson' : 'text/event-stream'}\r\n`;

export const TEXT = 'begun ';
export const WHOLE = 'all of it';

const before = (act, status, code, outcome, more = {}) => ({ when: 'before', act, status, code, outcome, ...more });
const after = (act, status, code, outcome) => ({
  when: 'after', status, code, outcome,
  act: async (call, good) => {
    streamHead(call);
    call.chunk(piece(call.path, call.json.model, TEXT));
    await call.sleep(30); // on its own, so that it has arrived
    await act(call, good);
  },
});
const never = (act) => ({ when: 'never', act, outcome: 'done' });

// A body with a framing of its own: one piece of text, then `end`.
const framed = (headers, end) => async (call) => {
  const first = piece(call.path, call.json.model, TEXT);
  call.raw(`HTTP/1.1 200 OK\r\n${type(call)}${headers(first.length)}\r\n${first}`);
  await call.sleep(30);
  end(call);
};

// A good answer whose bytes are counted, under other headers than usual.
const disguised = (headers) => (call, good) => {
  const body = good(call).join('');
  call.raw(`HTTP/1.1 200 OK\r\n${type(call)}${headers(body)}\r\n`);
  call.raw(body);
  call.close();
};
const chunked = (body) => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

const cut = ['upstream_interrupted', 'upstream_cut'];
const invalid = ['upstream_invalid', 'upstream_error'];
const late = ['upstream_timeout', 'timeout'];
const far = ['upstream_unreachable', 'upstream_error'];

export const FAULTS = {
  'refuses the connection': before(null, 502, ...far, { stops: true }),
  'has no such name': before(null, 502, ...far, { url: () => 'http://no-such-host.invalid:1', unseen: true }),
  'speaks no TLS where it should': before(null, 502, ...far, { url: (port) => `https://127.0.0.1:${port}`, unseen: true }),
  'resets before the head': before((c) => c.reset(), 502, ...cut, { headless: true }),
  'closes before the head': before((c) => c.close(), 502, ...cut, { headless: true }),
  'says nothing': before((c) => c.sleep(60_000), 504, ...late),
  'sends a head and then nothing': before(async (c) => { streamHead(c); await c.sleep(60_000); }, 504, ...late),
  'drips a byte now and then': before(async (c) => {
    streamHead(c);
    for (const byte of piece(c.path, 'm', TEXT.repeat(50))) {
      if (c.over.signal.aborted) return;
      c.chunk(byte);
      await c.sleep(100);
    }
  }, 504, ...late),
  'talks garbage': before((c) => { c.raw('SSH-2.0-OpenSSH_9.2\r\n\r\n'); c.close(); }, 502, ...invalid, { headless: true }),
  'talks HTTP/0.9': before((c) => { c.raw('<html>hello</html>'); c.close(); }, 502, ...invalid, { headless: true }),
  'sends a header line of 200 KB': before((c) => { c.raw(`HTTP/1.1 200 OK\r\nX-Big: ${'a'.repeat(200_000)}\r\n\r\n`); c.close(); }, 502, ...invalid),
  'sends 400 KB of headers': before((c) => { c.raw(`HTTP/1.1 200 OK\r\n${`X-Many: ${'a'.repeat(990)}\r\n`.repeat(400)}\r\n`); c.close(); }, 502, ...invalid),
  'sends a NUL in a header': before((c) => { c.raw('HTTP/1.1 200 OK\r\nX-Nul: a\0b\r\n\r\n'); c.close(); }, 502, ...invalid),
  'redirects': before((c) => c.send(302, '', { Location: 'http://127.0.0.1:1/' }), 502, ...invalid),
  'answers 429': before((c) => c.send(429, { error: 'slow down' }, { 'Retry-After': '60' }), 429, 'upstream_rate_limited', 'upstream_error'),
  'answers 500': before((c) => c.send(500, { error: 'CUDA out of memory' }), 502, ...invalid),
  'answers 503': before((c) => c.send(503, { error: 'loading' }), 502, ...invalid),
  'answers HTML': before((c) => c.send(200, '<html>login</html>', { 'Content-Type': 'text/html' }), 502, ...cut, { codes: ['upstream_invalid'] }),
  'begins with an error event, as an overloaded server does': before((c) => {
    streamHead(c);
    const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
    c.chunk(ndjson(c) ? '{"error":"overloaded"}\n' : `event: error\n${sse(error)}`);
    c.end();
  }, 502, ...invalid),
  'ends before it has said anything': before((c) => { streamHead(c); c.end(); }, 502, ...cut),

  'resets in mid-stream': after((c) => c.reset(), 502, ...cut),
  'closes in mid-chunk': after((c) => { c.raw('ff\r\nhalf'); c.close(); }, 502, ...cut),
  'sends a bad chunk size': after((c) => { c.raw('zz\r\nhello\r\n'); }, 502, ...cut, ),
  'stalls in mid-stream': after((c) => c.sleep(60_000), 504, ...late),
  'ends without its end mark': after((c) => c.end(), 502, ...cut),
  'sends an error event in mid-stream': after((c) => { c.chunk(errorEvent(c.path, 'out of memory')); c.end(); }, 502, ...invalid),
  'promises more than it sends': { ...after(null, 502, ...cut), act: framed((n) => `Content-Length: ${n + 100}\r\n`, (c) => c.close()) },
  'promises less than it sends': { ...after(null, 502, ...cut), act: framed((n) => `Content-Length: ${n}\r\n`, (c) => { c.raw(piece(c.path, 'm', 'lost')); c.close(); }) },
  'is cut in a body that ends with the connection': { ...after(null, 502, ...cut), act: framed(() => 'Connection: close\r\n', (c) => c.close()) },

  'says "100 Continue" a thousand times': never(async (c, good) => {
    c.raw('HTTP/1.1 100 Continue\r\n\r\n'.repeat(1000));
    streamHead(c);
    good(c).forEach((part) => c.chunk(part));
    c.end();
  }),
  'claims that plain text is gzip': never(disguised((body) => `Content-Encoding: gzip\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`)),
  'sends its length twice': never(disguised((body) => `Content-Length: ${Buffer.byteLength(body)}\r\n`.repeat(2))),
  'sends both a length and chunks': never((c, good) => {
    const body = good(c).join('');
    c.raw(`HTTP/1.1 200 OK\r\n${type(c)}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(body)}`);
  }),
};
