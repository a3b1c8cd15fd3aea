#!/usr/bin/env python3
"""Checks that includes point only downwards through the house, and that each outside library stays
in its room. Prints every line that breaks the order and exits 1 if there is one.

The order is DOWN below: a folder may include itself and what is named there. tests, bench and tools
may include anything; nothing includes them.
"""
import pathlib
import re
import subprocess
import sys

DOWN = {
    "base": [],
    "schema": [],
    "static": [],
    "analytics": ["base"],
    "db": ["analytics", "schema", "base"],
    "proxy": ["base"],
    "handlers": ["proxy", "analytics", "db", "static", "schema", "base"],
    "server": ["handlers", "proxy", "analytics", "db", "static", "schema", "base"],
}

# Library header -> the only places that may include it.
ROOMS = {
    r"sqlite3\.h": ["db/"],
    r"curl/.*": ["proxy/upstream"],
    r"microhttpd\.h": ["server/"],
    r"sys/epoll\.h": ["base/poller"],
    r"sys/event\.h": ["base/poller"],
    r"ini\.h": ["server/"],
    r"tree_sitter/.*": ["analytics/code_tree"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def sources(root):
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.c", "*.h"],
        cwd=root, check=True, capture_output=True, text=True).stdout.split()
    return [name for name in listed if name.split("/")[0] in DOWN and (root / name).exists()]


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1) == '"', match.group(2)


def faults(root, name):
    folder = name.split("/")[0]
    own = name[:-2] + ".h"
    first_quoted = None
    for number, quoted, target in includes(root / name):
        at = f"{name}:{number}"
        if quoted:
            first_quoted = first_quoted or target
            to = target.split("/")[0]
            if "/" not in target:
                yield f'{at}: "{target}" has no folder; write "{folder}/{target}"'
            elif to != folder and to not in DOWN[folder]:
                yield f"{at}: {folder}/ must not include {to}/ ({target})"
            if target.endswith(".c"):
                yield f"{at}: a .c file is included"
        for pattern, rooms in ROOMS.items():
            if re.fullmatch(pattern, target) and not name.startswith(tuple(rooms)):
                yield f"{at}: <{target}> belongs to {' '.join(rooms)} only"
    if name.endswith(".c") and (root / own).exists() and first_quoted != own:
        yield f"{name}:1: includes its own header {own} first"


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    names = sources(root)
    bad = [fault for name in names for fault in faults(root, name)]
    print("\n".join(bad + [f"layers: {len(names)} files, {len(bad)} faults"]))
    return 1 if bad or not names else 0


if __name__ == "__main__":
    sys.exit(main())
