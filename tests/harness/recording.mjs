// The recorded answers of a real llama.cpp server (tests/fixtures/llamacpp/README.md).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { root } from './touchstone.mjs';

// What each recv() of the recording held, as on the wire: head and chunk sizes included.
export function recording(name) {
  const text = readFileSync(join(root, 'tests/fixtures/llamacpp', name), 'latin1');
  const lines = text.slice(text.indexOf('# response')).split('\n');
  return lines.filter((l) => /^\[\+ *[\d.]+\] (?!<peer closed>)/.test(l)).map((l) => unescape(l.slice(l.indexOf(']') + 2)));
}

// Undoes a Python bytes literal.
function unescape(text) {
  const plain = { r: '\r', n: '\n', t: '\t', '\\': '\\', "'": "'" };
  return Buffer.from(text.replace(/\\(?:x([0-9a-f]{2})|([rnt\\']))/g, (_, hex, c) => (hex ? String.fromCharCode(parseInt(hex, 16)) : plain[c])), 'latin1');
}

// The body of a recording with its chunk sizes undone.
export function body(name) {
  const wire = Buffer.concat(recording(name));
  let at = wire.indexOf('\r\n\r\n') + 4;
  const parts = [];
  for (let size = -1; size !== 0;) {
    const line = wire.indexOf('\r\n', at);
    size = parseInt(wire.subarray(at, line).toString(), 16);
    parts.push(wire.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
  return Buffer.concat(parts).toString();
}

// Answers a call with the recording: the same bytes in the same pieces, or all of them in pieces of `cut`.
export function replay(name, cut) {
  return async (call) => {
    let pieces = recording(name);
    if (cut) {
      const all = Buffer.concat(pieces);
      pieces = Array.from({ length: Math.ceil(all.length / cut) }, (_, i) => all.subarray(i * cut, (i + 1) * cut));
    }
    for (const piece of pieces) {
      call.raw(piece);
      if (pieces.length < 500) await sleep(1);
    }
    call.close();
  };
}
