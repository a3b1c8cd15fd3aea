#!/usr/bin/env python3
"""Writes a tiny language model with random weights as a GGUF file, so that the tests can run a real
llama.cpp server without fetching anybody's weights.

    make_gguf.py OUT.gguf

The file (GGUF version 3, llama architecture, 32-bit floats, about 600 KB) is the same for the same
program: the weights come from a fixed seed. It speaks word salad; tests look at framing, counts and
finish reasons, never at the text.

How a reply comes to an end: nothing writes to dimension 0 of the residual stream, so it is the same
for every token, and the first column of the output matrix acts as a bias for each token. Words are
likely, raw bytes and control tokens are not, and the end token comes after some tens of tokens.
"""
import random
import struct
import sys

WIDTH, LAYERS, HEADS, HIDDEN, CONTEXT = 64, 2, 4, 128, 2048
CONSTANT = 5.0  # dimension 0 of every embedding
AFTER_NORM = 4.3  # what the final norm makes of it, roughly
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6

WORDS = """stone gold streak test touch river mountain bridge lantern harvest winter silver quiet steady
ancient modern stream token model server client buffer socket query table index the of and to in is that it
with from by on not but at this have are which one all when who will more no if out so said what up about into
than them can only other new some time these two may then do first any my now such like over even most made
after also many before must through back years where much way well down because each just those people how too
little state good very make world still own see here between both life being under never day same another
know while last might us great year off come since against go right used take three é ü ß Ω → 日本 мир 🙂""".split()

TEMPLATE = ("{% if tools %}<|turn|>system\n{% for t in tools %}{{ t | tojson }}\n{% endfor %}<|end|>\n{% endif %}"
            "{% for m in messages %}<|turn|>{{ m.role }}\n{{ m.content }}<|end|>\n{% endfor %}"
            "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}")


def vocabulary():
    """(text, kind, bias, spread): the bias says how likely the token is."""
    tokens = [("<unk>", UNKNOWN, -30, 0), ("<s>", CONTROL, -30, 0), ("</s>", CONTROL, -30, 0)]
    tokens += [(f"<0x{b:02X}>", BYTE, -14, 0.3) for b in range(256)]
    tokens += [("<|turn|>", CONTROL, -30, 0), ("<|end|>", CONTROL, 2.5, 0.2)]
    tokens += [("\u2581" + word, NORMAL, 0, 1) for word in dict.fromkeys(WORDS)]
    tokens += [("\u2581", NORMAL, -6, 1)] + [(chr(c), NORMAL, -4, 0.6) for c in range(33, 127)]
    return tokens


def weights(tokens):
    """name -> (shape, values)."""
    r = random.Random(1)
    gauss = lambda n, spread: [r.gauss(0, spread) for _ in range(n)]
    scale = WIDTH ** -0.5
    ones = [1.0] * WIDTH
    keep_constant = lambda columns, spread: [0.0] * columns + gauss(columns * (WIDTH - 1), spread)
    out = {"token_embd.weight": ((WIDTH, len(tokens)),
                                 [x for _ in tokens for x in [CONSTANT] + gauss(WIDTH - 1, 1.0)])}
    for layer in range(LAYERS):
        name = f"blk.{layer}."
        out[name + "attn_norm.weight"] = (WIDTH,), ones
        for part in "qkv":
            out[f"{name}attn_{part}.weight"] = (WIDTH, WIDTH), gauss(WIDTH * WIDTH, scale * 1.5)
        out[name + "attn_output.weight"] = (WIDTH, WIDTH), keep_constant(WIDTH, scale * 0.4)
        out[name + "ffn_norm.weight"] = (WIDTH,), ones
        out[name + "ffn_gate.weight"] = (WIDTH, HIDDEN), gauss(WIDTH * HIDDEN, scale)
        out[name + "ffn_up.weight"] = (WIDTH, HIDDEN), gauss(WIDTH * HIDDEN, scale)
        out[name + "ffn_down.weight"] = (HIDDEN, WIDTH), keep_constant(HIDDEN, 0.5 * HIDDEN ** -0.5)
    out["output_norm.weight"] = (WIDTH,), ones
    out["output.weight"] = (WIDTH, len(tokens)), [
        x for _, _, bias, spread in tokens for x in [bias / AFTER_NORM] + gauss(WIDTH - 1, 0.28 * spread)]
    return out


def string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


# The value types of GGUF that are used here: number in the file, and how one is written.
U32, F32, BOOL, TEXT, LIST, I32 = 4, 6, 7, 8, 9, 5
WRITE = {U32: lambda v: struct.pack("<I", v), F32: lambda v: struct.pack("<f", v),
         BOOL: lambda v: struct.pack("<B", v), I32: lambda v: struct.pack("<i", v), TEXT: string}


def entry(key, kind, value, of=None):
    if kind == LIST:
        body = struct.pack("<IQ", of, len(value)) + b"".join(WRITE[of](v) for v in value)
    else:
        body = WRITE[kind](value)
    return string(key) + struct.pack("<I", kind) + body


def metadata(tokens):
    texts = [t[0] for t in tokens]
    return [
        entry("general.architecture", TEXT, "llama"), entry("general.name", TEXT, "tiny-random"),
        entry("general.file_type", U32, 0),
        entry("llama.context_length", U32, CONTEXT), entry("llama.embedding_length", U32, WIDTH),
        entry("llama.block_count", U32, LAYERS), entry("llama.feed_forward_length", U32, HIDDEN),
        entry("llama.attention.head_count", U32, HEADS), entry("llama.attention.head_count_kv", U32, HEADS),
        entry("llama.rope.dimension_count", U32, WIDTH // HEADS),
        entry("llama.attention.layer_norm_rms_epsilon", F32, 1e-5), entry("llama.vocab_size", U32, len(tokens)),
        entry("tokenizer.ggml.model", TEXT, "llama"), entry("tokenizer.ggml.pre", TEXT, "default"),
        entry("tokenizer.ggml.tokens", LIST, texts, TEXT),
        entry("tokenizer.ggml.scores", LIST, [-float(i) for i in range(len(tokens))], F32),
        entry("tokenizer.ggml.token_type", LIST, [t[1] for t in tokens], I32),
        entry("tokenizer.ggml.bos_token_id", U32, texts.index("<s>")),
        entry("tokenizer.ggml.eos_token_id", U32, texts.index("<|end|>")),
        entry("tokenizer.ggml.unknown_token_id", U32, texts.index("<unk>")),
        entry("tokenizer.ggml.add_bos_token", BOOL, 1), entry("tokenizer.ggml.add_eos_token", BOOL, 0),
        entry("tokenizer.ggml.add_space_prefix", BOOL, 0),
        entry("tokenizer.chat_template", TEXT, TEMPLATE),
    ]


def pad(n, to=32):
    return b"\0" * (-n % to)


def write(path):
    tokens = vocabulary()
    tensors, entries = weights(tokens), metadata(tokens)
    directory, data = b"", bytearray()
    for name, (shape, values) in tensors.items():
        data += pad(len(data))
        directory += string(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        directory += struct.pack("<IQ", 0, len(data))
        data += struct.pack(f"<{len(values)}f", *values)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries)) + b"".join(entries) + directory
    with open(path, "wb") as out:
        out.write(head + pad(len(head)) + data)


if __name__ == "__main__":
    write(sys.argv[1])
