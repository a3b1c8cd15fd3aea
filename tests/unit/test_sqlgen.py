"""The generator of SQL must refuse what would go wrong later: each rule is broken once."""
import pathlib
import subprocess
import sys
import tempfile

TOOL = pathlib.Path(__file__).resolve().parent.parent.parent / "tools" / "sqlgen.py"

GOOD = {
    "queries/reader.sql": "-- about\n\n-- name: one\nSELECT ';' /* ; */; -- end; really\n-- name: two\nSELECT 2;\n",
    "migrations/0001_first.sql": "CREATE TABLE t(a); -- why?\nPRAGMA user_version = 1;\n",
    "pragmas/reader.sql": "PRAGMA query_only = ON;\n",
    "duckdb.sql": "-- name: load\nBEGIN;\nCOPY t FROM @FILE@;\n",
}

# (what is changed, what the generator must say; "" where all is well)
CASES = [
    ({}, ""),
    ({"queries/writer.sql": "-- name: three\nINSERT INTO t VALUES ('a\\n??/');\n"}, ""),
    ({"queries/writer.sql": "-- name: one\nSELECT 1;\n"}, "one is in"),
    ({"queries/writer.sql": "-- name: three\nSELECT 1; SELECT 2;\n"}, "2 statements instead of one"),
    ({"queries/writer.sql": "-- name: three\n-- nothing\n"}, "0 statements instead of one"),
    ({"queries/writer.sql": "-- name: three\nSELECT 1\n"}, "does not end with a semicolon"),
    ({"queries/writer.sql": "SELECT 1;\n-- name: three\nSELECT 1;\n"}, "SQL before the first"),
    ({"migrations/0003_third.sql": "PRAGMA user_version = 3;\n"}, "without gaps"),
    ({"migrations/0002_second.sql": "PRAGMA user_version = 3;\n"}, "must say `PRAGMA user_version = 2;`"),
    ({"migrations/0002_second.sql": "CREATE TABLE u(a);\n"}, "must say `PRAGMA user_version = 2;`"),
    ({"migrations/second.sql": "PRAGMA user_version = 2;\n"}, "is called NNNN_name.sql"),
    ({"duckdb.sql": "SELECT 1;\n-- name: load\nBEGIN;\n"}, "SQL before the first"),
    ({"duckdb.sql": "-- name: load\n-- nothing\n"}, "no statement"),
    ({"duckdb.sql": "-- name: load\nBEGIN\n"}, "does not end with a semicolon"),
    ({"views/v.sql": "SELECT 1;\n"}, "not in queries/, migrations/ or pragmas/"),
]


def generate(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return subprocess.run([sys.executable, TOOL, folder / "sql.h", folder / "sql.c"] +
                          [folder / name for name in files], capture_output=True, text=True)


def compiled(folder):
    """What the C compiler makes of the literals is what the files say."""
    (folder / "schema").mkdir()
    (folder / "sql.h").rename(folder / "schema" / "sql.h")
    (folder / "main.c").write_text('#include <stdio.h>\n#include "sql.c"\nint main(void)\n{\n'
                                   "for (int i = 0; i < TS_SQL_COUNT_; i++) puts(ts_sql_queries[i].text);\n"
                                   "puts(ts_sql_migrations[0].text);\nputs(ts_sql_pragmas_reader);\nputs(ts_duckdb_load);\nreturn 0;\n}\n")
    subprocess.run(["cc", "-I", folder, "-o", folder / "main", folder / "main.c"], check=True)
    return subprocess.run([folder / "main"], capture_output=True, text=True, check=True).stdout


def main():
    failed = 0
    for change, expected in CASES:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            done = generate(folder, GOOD | change)
            if (done.returncode == 0) != (not expected) or expected not in done.stderr:
                failed += 1
                print(f"{change}: wanted {expected or 'no complaint'!r}, got ({done.returncode}) {done.stderr}")
            elif not expected:
                text = compiled(folder)
                for sql in ("SELECT ';' /* ; */;", "SELECT 2;", "-- why?\n", "PRAGMA query_only = ON;",
                            "BEGIN;\nCOPY t FROM @FILE@;") + (
                        ("INSERT INTO t VALUES ('a\\n??/');",) if change else ()):
                    if sql not in text:
                        failed += 1
                        print(f"{sql!r} came out as {text!r}")
    print(f"sqlgen: {len(CASES)} cases, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
