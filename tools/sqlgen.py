#!/usr/bin/env python3
"""Compiles the SQL of schema/ into C: one enum and one table, so that no C file holds SQL text.

    sqlgen.py OUT.h OUT.c FILE.sql...

  queries/<role>.sql        blocks that start with `-- name: call_insert`; one statement each.
                            The role (writer, reader) says which connections prepare it.
  migrations/NNNN_name.sql  numbered 1, 2, 3 without gaps; each sets its own user_version.
  pragmas/<name>.sql        a script that is run as it is when a connection opens.
  duckdb.sql                blocks for another database, of one statement or several.

A double name, a block with no or two statements, a gap in the migrations: the build fails.
"""
import pathlib
import re
import sqlite3
import sys

NAME = re.compile(r"^-- name: ([a-z][a-z0-9_]*)[ \t]*\n", re.M)


class Bad(Exception):
    pass


def statements(sql):
    """Splits at the semicolons that end a statement (not those in strings, comments, triggers)."""
    found, text = [], ""
    for piece in re.split(r"(?<=;)", sql):
        text += piece
        if sqlite3.complete_statement(text):
            found.append(text)
            text = ""
    if without_comments(text):
        raise Bad("a statement does not end with a semicolon")
    return [s for s in found if without_comments(s) not in ("", ";")]


def without_comments(sql):
    return re.sub(r"/\*.*?\*/|--[^\n]*", "", sql, flags=re.S).strip()


def queries(path, sql):
    parts = NAME.split(sql)
    if statements(parts[0]):
        raise Bad(f"{path}: SQL before the first `-- name:`")
    for name, body in zip(parts[1::2], parts[2::2]):
        try:
            found = statements(body)
        except Bad as e:
            raise Bad(f"{path}: {name}: {e}") from e
        if len(found) != 1:
            raise Bad(f"{path}: {name}: {len(found)} statements instead of one")
        yield name, body.strip()


def blocks(path, sql):
    parts = NAME.split(sql)
    if statements(parts[0]):
        raise Bad(f"{path}: SQL before the first `-- name:`")
    for name, body in zip(parts[1::2], parts[2::2]):
        try:
            if not statements(body):
                raise Bad("no statement")
        except Bad as e:
            raise Bad(f"{path}: {name}: {e}") from e
        yield name, body.strip()


def migration(path, sql):
    match = re.fullmatch(r"(\d{4})_([a-z0-9_]+)", path.stem)
    if not match:
        raise Bad(f"{path}: a migration is called NNNN_name.sql")
    version = int(match[1])
    if re.findall(r"PRAGMA user_version = (\d+);", sql) != [str(version)]:
        raise Bad(f"{path}: must say `PRAGMA user_version = {version};` once")
    return version, match[2], sql


def literal(text):
    """A C string literal, one source line per line of SQL."""
    lines = []
    for line in text.splitlines(keepends=True):
        escaped = line.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
        if not escaped.isascii():
            escaped = "".join(c if c.isascii() else "".join(f"\\{b:03o}" for b in c.encode()) for c in escaped)
        lines.append('    "' + escaped.replace("\n", "\\n") + '"')
    return "\n".join(lines)


def collect(files):
    found = {"queries": [], "migrations": [], "pragmas": [], "duckdb": []}
    seen = {}
    for path in map(pathlib.Path, files):
        sql = path.read_text(encoding="utf-8")
        kind = path.parent.name
        if kind == "queries":
            for name, text in queries(path, sql):
                if name in seen:
                    raise Bad(f"{path}: {name} is in {seen[name]} as well")
                seen[name] = path
                found[kind].append((name, path.stem, text))
        elif kind == "migrations":
            found[kind].append(migration(path, sql))
        elif kind == "pragmas":
            found[kind].append((path.stem, sql))
        elif path.name == "duckdb.sql":
            found["duckdb"] += blocks(path, sql)
        else:
            raise Bad(f"{path}: not in queries/, migrations/ or pragmas/")
    found["migrations"].sort()
    if [m[0] for m in found["migrations"]] != list(range(1, len(found["migrations"]) + 1)):
        raise Bad("the migrations are not numbered 1, 2, 3 without gaps")
    return found


HEADER = """/* Made by tools/sqlgen.py from schema/: do not edit. */
#ifndef TS_SCHEMA_SQL_H
#define TS_SCHEMA_SQL_H

enum ts_sql {{
{names}
    TS_SQL_COUNT_
}};

enum ts_sql_role {{ {roles} }};

struct ts_sql_query {{
    const char *name;
    enum ts_sql_role role;
    const char *text;
}};
extern const struct ts_sql_query ts_sql_queries[TS_SQL_COUNT_];

struct ts_sql_migration {{
    int version;
    const char *name;
    const char *text;
}};
enum {{ TS_SQL_VERSION = {version} }};
extern const struct ts_sql_migration ts_sql_migrations[TS_SQL_VERSION];

{pragmas}

{duckdb}

#endif
"""


def write(found, header, source):
    roles = sorted({role for _, role, _ in found["queries"]})
    names = "\n".join(f"    TS_SQL_{name.upper()}," for name, _, _ in found["queries"])
    pathlib.Path(header).write_text(HEADER.format(
        names=names,
        roles=", ".join(f"TS_SQL_{r.upper()}" for r in roles),
        version=len(found["migrations"]),
        pragmas="\n".join(f"extern const char ts_sql_pragmas_{name}[];" for name, _ in found["pragmas"]),
        duckdb="\n".join(f"extern const char ts_duckdb_{name}[];" for name, _ in found["duckdb"])))
    out = ['/* Made by tools/sqlgen.py from schema/: do not edit. */\n#include "schema/sql.h"\n',
           "const struct ts_sql_query ts_sql_queries[TS_SQL_COUNT_] = {"]
    out += [f'    [TS_SQL_{n.upper()}] = {{"{n}", TS_SQL_{r.upper()},\n{literal(t)}}},' for n, r, t in found["queries"]]
    out += ["};\n", "const struct ts_sql_migration ts_sql_migrations[TS_SQL_VERSION] = {"]
    out += [f'    {{{v}, "{n}",\n{literal(t)}}},' for v, n, t in found["migrations"]]
    out += ["};\n"]
    out += [f"const char ts_sql_pragmas_{n}[] =\n{literal(t)};\n" for n, t in found["pragmas"]]
    out += [f"const char ts_duckdb_{n}[] =\n{literal(t)};\n" for n, t in found["duckdb"]]
    pathlib.Path(source).write_text("\n".join(out))


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    try:
        write(collect(sys.argv[3:]), sys.argv[1], sys.argv[2])
    except Bad as e:
        sys.exit(f"sqlgen: {e}")


if __name__ == "__main__":
    main()
