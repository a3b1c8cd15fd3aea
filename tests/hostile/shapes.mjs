// Requests as no decent client writes them, each with the statuses that are right for it.
//
// 0 stands for "closed without an answer": right where what came is not HTTP at all, or where the
// library below rejects a line before anybody could answer. Where the library mends something
// harmless by itself (bare LF, blank lines in front), the mended request may be served: 200.
// LATE marks what to the library is a request that has not ended yet: it falls to the deadlines.

const H = 'Host: 127.0.0.1\r\n';
const C = 'Connection: close\r\n';
const J = 'Content-Type: application/json\r\n';
const BODY = '{"model":"m","prompt":"p"}';
const SMUGGLED = `GET /api/version HTTP/1.1\r\n${H}\r\n`;

const get = (target, headers = H + C, version = 'HTTP/1.1') => `GET ${target} ${version}\r\n${headers}\r\n`;
const post = (headers, body = '', path = '/api/generate') => `POST ${path} HTTP/1.1\r\n${H}${J}${headers}\r\n${body}`;
const chunked = (chunks, te = 'Transfer-Encoding: chunked\r\n') => post(C + te, chunks);
const length = (value, body = BODY) => post(`${C}Content-Length: ${value}\r\n`, body);

export const LATE = { timeoutMs: 31_500 }; // TS_BODY_DEADLINE_MS and a little

const bad = [400];
const mended = [200, 400];

export const SHAPES = {
  // a sound request first: the others mean little without it
  'a sound GET': [get('/healthz'), [200]],
  'a sound POST': [length(BODY.length), [200]],
  'a sound chunked POST': [chunked(`${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`), [200]],

  // Host
  'no Host': [get('/healthz', C), bad, 'bad_host'],
  'two Hosts': [get('/healthz', H + H + C), bad],
  'two different Hosts': [get('/healthz', `${H}Host: evil\r\n${C}`), bad],
  'an empty Host': [get('/healthz', `Host: \r\n${C}`), bad],
  'a Host with a space': [get('/healthz', `Host: 127.0.0.1 evil\r\n${C}`), bad],
  'a Host with a user': [get('/healthz', `Host: a@127.0.0.1\r\n${C}`), bad],
  'a Host with a path': [get('/healthz', `Host: 127.0.0.1/x\r\n${C}`), bad],
  'a Host with a bad port': [get('/healthz', `Host: 127.0.0.1:99x\r\n${C}`), bad],
  'a foreign Host': [get('/healthz', `Host: evil.example\r\n${C}`), [421]],
  'a foreign Host on an Ollama route': [get('/api/tags', `Host: evil.example\r\n${C}`), [403]],

  // versions
  'HTTP/1.0': [get('/healthz', H, 'HTTP/1.0'), [200]],
  'HTTP/1.0 without a Host': [get('/healthz', '', 'HTTP/1.0'), [200]],
  'HTTP/0.9': ['GET /healthz\r\n\r\n', [0, 400, 505]],
  'HTTP/2.0 in words': [get('/healthz', H + C, 'HTTP/2.0'), [505]],
  'HTTP/1.2': [get('/healthz', H + C, 'HTTP/1.2'), [505]],
  'HTTP/9.9': [get('/healthz', H + C, 'HTTP/9.9'), [505, 400]],
  'a junk version': [get('/healthz', H + C, 'JUNK'), [400, 505, 0]],
  'a lower-case version': [get('/healthz', H + C, 'http/1.1'), [400, 505, 0]],
  'the HTTP/2 preface': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 501, 505, 0]],
  'h2c': [get('/healthz', `${H}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n`), [200]],

  // lines and headers
  'bare LF': [get('/healthz').replaceAll('\r\n', '\n'), mended],
  'bare CR': [get('/healthz').replaceAll('\r\n', '\r'), [400, 0, 408], undefined, LATE],
  'one blank line in front': [`\r\n${get('/healthz')}`, [200]],
  'twenty blank lines in front': ['\r\n'.repeat(20) + get('/healthz'), [200, 400, 0]],
  'a space before the colon': [get('/healthz', `${H}X-A : b\r\n${C}`), bad],
  'a space before the colon of Transfer-Encoding': [post(`${C}Transfer-Encoding : chunked\r\nContent-Length: 5\r\n`, '0\r\n\r\n'), bad],
  'no colon': [get('/healthz', `${H}nonsense\r\n${C}`), bad],
  'an empty name': [get('/healthz', `${H}: x\r\n${C}`), mended],
  'a folded header': [get('/healthz', `${H}X-A: b\r\n c\r\n${C}`), mended],
  'a folded name that becomes Host': [get('/healthz', `Hos: evil\r\n t\r\n${C}`), [400, 421]],
  'a folded name that becomes Content-Length': [post(`${C}Content-Lengt: 3\r\n h\r\n`, 'abc'), [400, 411]],
  'a first header that is indented': [get('/healthz', ` X-A: b\r\n${H}${C}`), [400, 200, 0]],
  'NUL in a value': [get('/healthz', `${H}X-A: a\0b\r\n${C}`), mended],
  'NUL in a name': [get('/healthz', `${H}X\0A: b\r\n${C}`), bad],
  'NUL in the target': [get('/heal\0thz'), [400, 404]],
  'a control character in a value': [get('/healthz', `${H}X-A: a\x07b\r\n${C}`), bad],
  'DEL in a value': [get('/healthz', `${H}X-A: a\x7fb\r\n${C}`), bad],
  'a name with brackets': [get('/healthz', `${H}X(A): b\r\n${C}`), bad],
  'a name beyond ASCII': [get('/healthz', `${H}X-Ä: b\r\n${C}`), bad],
  'two Authorizations': [get('/healthz', `${H}Authorization: Bearer a\r\nAuthorization: Bearer b\r\n${C}`), bad],
  'two Origins': [get('/healthz', `${H}Origin: a\r\nOrigin: b\r\n${C}`), [400, 403]],
  'two Content-Types': [length(BODY.length).replace(J, J + J), bad],
  '101 headers': [get('/healthz', H + C + Array.from({ length: 100 }, (_, i) => `X-${i}: a\r\n`).join('')), [431]],
  '1000 headers': [get('/healthz', H + C + Array.from({ length: 1000 }, (_, i) => `X-${i}: a\r\n`).join('')), [431]],
  'a header of 13 KB': [get('/healthz', `${H}X-A: ${'a'.repeat(13_000)}\r\n${C}`), [431]],
  'a header of 40 KB': [get('/healthz', `${H}X-A: ${'a'.repeat(40_000)}\r\n${C}`), [431, 0]],
  'a header of 1 MB': [get('/healthz', `${H}X-A: ${'a'.repeat(1_000_000)}\r\n${C}`), [431, 0]],

  // targets
  'an absolute target': [get('http://127.0.0.1/healthz'), bad],
  'a foreign absolute target': [get('http://evil.example/healthz'), bad],
  'a star': [get('*'), bad],
  'dots': [get('/api/../healthz'), bad],
  'encoded dots': [get('/api/%2e%2e/healthz'), [400, 404]],
  'two slashes': [get('//healthz'), bad],
  'no slash': [get('healthz'), bad],
  '%00': [get('/healthz%00'), [400, 404]],
  'a bad escape': [get('/health%zz'), [400, 404]],
  'half an escape': [get('/healthz%4'), [400, 404]],
  'raw UTF-8': [get('/hëalthz'), bad],
  'raw Latin-1': [Buffer.from(get('/h\xe9althz'), 'latin1'), bad],
  'a space in the target': [get('/heal thz'), [400, 505, 404]],
  'two spaces': [`GET  /healthz HTTP/1.1\r\n${H}${C}\r\n`, [400, 200]],
  'a tab for a space': [`GET\t/healthz HTTP/1.1\r\n${H}${C}\r\n`, [400, 501, 0]],
  'a backslash': [get('/api\\..\\healthz'), [400, 404]],
  'a fragment': [get('/healthz#x'), [400, 404, 200]],
  'a target of 9 KB': [get(`/healthz?${'a'.repeat(9_000)}`), [414, 431]],
  'a target of 40 KB': [get(`/${'a'.repeat(40_000)}`), [414, 431, 0]],
  '65 arguments': [get(`/healthz?${Array.from({ length: 65 }, (_, i) => `a${i}=1`).join('&')}`), [400, 414, 431, 200]],
  '1500 arguments': [get(`/api/requests?${Array.from({ length: 1500 }, () => 'a=1').join('&')}`), [400, 408, 414, 431, 0], undefined, LATE],

  // methods
  'an unknown method': [`FROB /healthz HTTP/1.1\r\n${H}${C}\r\n`, [501]],
  'a lower-case method': [`get /healthz HTTP/1.1\r\n${H}${C}\r\n`, [501, 400]],
  'a method of 10 KB': [`${'A'.repeat(10_000)} /healthz HTTP/1.1\r\n${H}${C}\r\n`, [400, 414, 431, 501, 0]],
  'CONNECT': [`CONNECT 127.0.0.1:80 HTTP/1.1\r\n${H}${C}\r\n`, [400, 405, 501]],
  'TRACE': [`TRACE /healthz HTTP/1.1\r\n${H}${C}\r\n`, [405, 501]],
  'PUT on a route that has none': [`PUT /healthz HTTP/1.1\r\n${H}${C}Content-Length: 0\r\n\r\n`, [405]],

  // lengths
  'two equal Content-Lengths': [post(`${C}Content-Length: ${BODY.length}\r\nContent-Length: ${BODY.length}\r\n`, BODY), bad],
  'two Content-Lengths, small first': [post(`Content-Length: 2\r\nContent-Length: ${BODY.length}\r\n`, `{}${SMUGGLED}`), bad],
  'two Content-Lengths, large first': [post(`Content-Length: ${BODY.length}\r\nContent-Length: 2\r\n`, `{}${SMUGGLED}`), bad],
  'a list of Content-Lengths': [length('5, 5', 'abcde'), bad],
  'two numbers': [length('5 6', 'abcde'), bad],
  'a negative length': [length('-1'), bad],
  'a length with a plus': [length('+5', 'abcde'), bad],
  'a length in hex': [length('0x5', 'abcde'), bad],
  'a length in words': [length('abc'), bad],
  'an empty length': [length(''), [400, 411]],
  'a length of 2^64': [length('18446744073709551616'), [400, 413]],
  'a length of 2^63': [length('9223372036854775808'), [400, 413]],
  'no length at all': [post(C, BODY), [411]],
  'GET with a body': [get('/healthz', `${H}${C}Content-Length: 5\r\n`) + 'abcde', [200, 400]],

  // chunks
  'length and chunks': [post(`Content-Length: 5\r\nTransfer-Encoding: chunked\r\n`, `0\r\n\r\n${SMUGGLED}`), bad],
  'chunks and length': [post(`Transfer-Encoding: chunked\r\nContent-Length: 5\r\n`, `0\r\n\r\n${SMUGGLED}`), bad],
  'chunked twice': [chunked('0\r\n\r\n', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'), [400, 501]],
  'chunked, then identity': [chunked('0\r\n\r\n', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n'), [400, 501]],
  'gzip, chunked': [chunked('0\r\n\r\n', 'Transfer-Encoding: gzip, chunked\r\n'), [501]],
  'xchunked': [chunked('0\r\n\r\n', 'Transfer-Encoding: xchunked\r\n'), [501]],
  'identity': [chunked('0\r\n\r\n', 'Transfer-Encoding: identity\r\n'), [501]],
  'Chunked with a capital': [chunked(`${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`, 'Transfer-Encoding: Chunked\r\n'), [200, 501]],
  'chunks in HTTP/1.0': [`POST /api/generate HTTP/1.0\r\n${H}${J}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, bad],
  'a chunk with an extension': [chunked(`${BODY.length.toString(16)};a=b\r\n${BODY}\r\n0\r\n\r\n`), [200, 400]],
  'chunks with LF only': [chunked(`${BODY.length.toString(16)}\n${BODY}\n0\n\n`), [200, 400, 0]],
  'a negative chunk': [chunked('-1\r\nabc\r\n0\r\n\r\n'), [400, 0]],
  'a chunk of 0x5': [chunked('0x5\r\nabcde\r\n0\r\n\r\n'), [400, 0]],
  'a chunk of 2^64-1': [chunked('ffffffffffffffff\r\nabc\r\n0\r\n\r\n'), [400, 408, 413, 0], undefined, LATE],
  'a chunk of 2^72': [chunked('1000000000000000000\r\nabc\r\n0\r\n\r\n'), [400, 413, 0]],
  'a junk chunk': [chunked('zz\r\nabc\r\n0\r\n\r\n'), [400, 0]],
  'a chunk without its end': [chunked('3\r\nabcdef\r\n0\r\n\r\n'), [400, 0]],
  'trailers': [chunked(`${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\nX-A: b\r\n\r\n`), [200, 400]],
  'a space after the size': [chunked(`${BODY.length.toString(16)} \r\n${BODY}\r\n0\r\n\r\n`), [200, 400, 0]],

  // Expect
  'Expect: 100-continue': [length(BODY.length).replace(C, `${C}Expect: 100-continue\r\n`), [100, 200]],
  'another Expect': [length(BODY.length).replace(C, `${C}Expect: 200-ok\r\n`), [417]],

  // no HTTP at all
  'a TLS hello': [Buffer.from('16030100b8010000b40303', 'hex'), [400, 0], undefined, { halfClose: true }],
  'garbage': [Buffer.from(Array.from({ length: 500 }, (_, i) => (i * 73) % 256)), [400, 501, 505, 0], undefined, { halfClose: true }],
  'nothing': ['', [0], undefined, { halfClose: true }],
  'only line ends': ['\r\n\r\n\r\n', [0, 400], undefined, { halfClose: true }],
  'half a request': ['GET /healthz HT', [0, 400, 408], undefined, { ...LATE, halfClose: true }],
  'half a body': [length(1000, '{"mod'), [0, 400, 408], undefined, { ...LATE, halfClose: true }],
};
