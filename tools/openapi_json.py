#!/usr/bin/env python3
"""Turns schema/openapi.yaml into a C file that holds it as JSON: openapi_json.py IN.yaml OUT.c

Fails on a $ref that leads nowhere: a description with a hole is worse than none.
"""
import json
import pathlib
import sys

import yaml


def refs(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from refs(value)


def lookup(document, ref):
    node = document
    for part in ref.removeprefix("#/").split("/"):
        node = node[part]
    return node


def c_string(data):
    """String literals of at most 100 bytes; octal escapes, so that nothing can swallow a digit."""
    for start in range(0, len(data), 100):
        text = "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}"
                       for b in data[start:start + 100])
        yield f'    "{text}"'


def main():
    source, target = map(pathlib.Path, sys.argv[1:])
    document = yaml.safe_load(source.read_text())
    for ref in refs(document):
        try:
            lookup(document, ref)
        except KeyError:
            sys.exit(f"{source}: $ref to {ref}, which is not there")
    data = json.dumps(document, separators=(",", ":"), ensure_ascii=True).encode()
    target.write_text('#include "schema/openapi.h"\n\nconst char ts_openapi_json[] =\n'
                      + "\n".join(c_string(data)) + ";\n\n"
                      + "const size_t ts_openapi_json_len = sizeof(ts_openapi_json) - 1;\n")


if __name__ == "__main__":
    main()
