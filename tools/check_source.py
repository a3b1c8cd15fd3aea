#!/usr/bin/env python3
"""Checks the rules of HACKING.md that no compiler knows: banned calls, sizes of files and functions,
header guards, SQL kept out of C, unfinished work, lock files without addresses.

A line that has to break the ban on a call says why: `/* allowed: reason */` on that line.
With --symbols BUILD_DIR it checks instead that every symbol our libraries export begins with ts_.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PRODUCT = ("base", "schema", "static", "analytics", "db", "proxy", "handlers", "server")

BANNED = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|strtok|strtok_r|atoi|atol|atoll|sscanf|gets"
                    r"|alloca|localtime|gmtime|strerror|rand|srand|system|popen)\s*\(")
UNFINISHED = re.compile(r"\b(TODO|XXX|HACK|FIXME(?!\(#\d+\))|not implemented|unimplemented)\b")
SQL = re.compile(r'"\s*(SELECT|INSERT (INTO|OR)|UPDATE \w+ SET|DELETE FROM|CREATE (TABLE|INDEX|VIEW)'
                 r"|ALTER TABLE|DROP (TABLE|VIEW))\b")
MARKUP = re.compile(r"\.(innerHTML|outerHTML|insertAdjacentHTML)\b")

MAX_FILE_LINES = 700
MAX_HEADER_LINES = 200
MAX_FUNCTION_LINES = 80
MAX_PARAMETERS = 6


def tracked(*patterns):
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return [name for name in listed if (ROOT / name).is_file()]


def without_comments_and_strings(text):
    """The same text with the insides of comments and literals blanked, line for line."""
    token = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return token.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def split_parameters(head):
    """How many parameters the definition whose text is @head takes."""
    depth = commas = 0
    inside = head[head.index("("):]
    for c in inside:
        depth += (c == "(") - (c == ")")
        commas += c == "," and depth == 1
        if depth == 0:
            break
    return 0 if re.match(r"\(\s*(void)?\s*\)", inside) else commas + 1


def functions(lines):
    """(name, first line, length, head) of each definition: clang-format puts its braces alone at
    the margin."""
    start = head_from = None
    for i, line in enumerate(lines):
        if line.startswith("{"):
            start, head_from = i, i
            while head_from > 0 and lines[head_from - 1].strip() and \
                    not lines[head_from - 1].rstrip().endswith((";", "}")) and \
                    not lines[head_from - 1].startswith("#"):
                head_from -= 1
        elif line.startswith("}") and start is not None:
            head = " ".join(lines[head_from:start])
            match = re.search(r"(\w+)\s*\(", head)
            if match and not line.startswith("};"):
                yield match.group(1), start + 1, i - start + 1, head[match.start():]
            start = None


def code_faults(name, text):
    lines = text.splitlines()
    code = without_comments_and_strings(text).splitlines()
    product = name.split("/")[0] in PRODUCT
    for number, (line, bare) in enumerate(zip(lines, code), 1):
        call = BANNED.search(bare)
        if call and "/* allowed: " not in line:
            yield f"{name}:{number}: {call.group(1)}() is banned (HACKING.md names what to use)"
        if product and SQL.search(line) and "/* allowed: " not in line:
            yield f"{name}:{number}: SQL text belongs into schema/"
    for function, number, length, head in functions(code):
        if length > MAX_FUNCTION_LINES:
            yield f"{name}:{number}: {function}() has {length} lines; the stop is {MAX_FUNCTION_LINES}"
        given = "struct MHD_Connection *" in head  # libmicrohttpd's callbacks have the shape that it gives them
        if split_parameters(head) > MAX_PARAMETERS and not given:
            yield f"{name}:{number}: {function}() takes more than {MAX_PARAMETERS} parameters"
    if name.endswith(".h"):
        yield from header_faults(name, lines)


def header_faults(name, lines):
    guard = "TS_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
    if f"#ifndef {guard}" not in lines:
        yield f"{name}:1: the include guard is not {guard}"
    if len(lines) > MAX_HEADER_LINES:
        yield f"{name}:1: {len(lines)} lines; a header is a contract of at most {MAX_HEADER_LINES}"


def text_faults(name, text):
    for number, line in enumerate(text.splitlines(), 1):
        mark = UNFINISHED.search(line)
        if mark and "/* allowed: " not in line:
            yield f"{name}:{number}: unfinished work: {mark.group(1)}"
        if name.endswith(".ts") and MARKUP.search(line):
            yield f"{name}:{number}: text becomes markup here; use textContent"
    if text.count("\n") > MAX_FILE_LINES:
        yield f"{name}:1: {text.count(chr(10))} lines; the stop is {MAX_FILE_LINES}"


def check_source():
    bad, count = [], 0
    for name in tracked("*.c", "*.h", "*.ts", "*.mjs", "*.py", "*.sql", "*.css", "tools/*"):
        if name == "tools/check_source.py":
            continue
        text = (ROOT / name).read_text()
        count += 1
        bad += text_faults(name, text)
        if name.endswith((".c", ".h")):
            bad += code_faults(name, text)
    for name in tracked("*package-lock.json"):
        if '"resolved"' in (ROOT / name).read_text():
            bad.append(f"{name}:1: records download addresses (omit-lockfile-registry-resolved)")
    print("\n".join(bad + [f"source: {count} files, {len(bad)} faults"]))
    return 1 if bad or not count else 0


def check_symbols(build_dir):
    archives = [str(p) for p in pathlib.Path(build_dir).glob("*/*.a") if p.parent.name in PRODUCT]
    table = subprocess.run(["nm", "--defined-only", "--extern-only", *archives],
                           check=True, capture_output=True, text=True).stdout
    names = {fields[2] for line in table.splitlines() if len(fields := line.split()) == 3}
    bad = sorted(n for n in names if not n.startswith(("ts_", "__odr_asan", "__")))
    print("\n".join([f"{n}: an exported symbol begins with ts_" for n in bad] +
                    [f"symbols: {len(names)} in {len(archives)} libraries, {len(bad)} faults"]))
    return 1 if bad or not names else 0


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--symbols":
        sys.exit(check_symbols(sys.argv[2]))
    sys.exit(check_source())
