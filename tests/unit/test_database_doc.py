"""docs/database.md names every table, view, column, index and function, and no other; the names that people rely on
(tests/fixtures/sql_names.json) are those of the schema."""
import json
import pathlib
import re
import sqlite3
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def schema():
    db = sqlite3.connect(":memory:")
    for path in sorted((ROOT / "schema/migrations").glob("*.sql")):
        db.executescript(path.read_text())
    return db


def columns(db, table):
    return [row[1] for row in db.execute("SELECT * FROM pragma_table_xinfo(?)", (table,))]


def main():
    db = schema()
    doc = (ROOT / "docs/database.md").read_text()
    sections = dict(re.findall(r"^### `(\w+)`[^\n]*\n(.*?)(?=^#|\Z)", doc, re.M | re.S))
    views = {name: line for line in re.findall(r"^\| (`\w+`.*)$", doc[doc.index("## Views"):], re.M)
             for name in re.findall(r"`(\w+)`", line.split("|")[0])}
    faults = []
    for kind, name in db.execute("SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"):
        if kind == "table":
            documented = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| ([^|]*) \|", sections.get(name, ""), re.M))))
            if documented != set(columns(db, name)):
                faults.append(f"table {name}: {sorted(documented ^ set(columns(db, name)))}")
        elif kind == "index" and f"`{name}`" not in doc:
            faults.append(f"index {name} is missing")
        elif kind == "view" and name not in views:
            faults.append(f"view {name} is missing")
        elif kind == "view" and name.startswith(("model_", "llm_", "best_")):
            documented = re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", views[name].split("|")[1]))
            if documented != columns(db, name):
                faults.append(f"view {name}: {documented} instead of {columns(db, name)}")
    for name, promised in json.loads((ROOT / "tests/fixtures/sql_names.json").read_text()).items():
        function = name.split("(")[0]
        if "(" not in name and promised != columns(db, name):
            faults.append(f"{name}: {promised} instead of {columns(db, name)}")
        row = re.search(rf"^\| `{function}\([^)]*\)` \|(.*)$", doc, re.M)
        missing = set(promised) - set(re.findall(r"`(\w+)`", row[1] if row else ""))
        if "(" in name and missing:
            faults.append(f"function {function}: {sorted(missing)}")
    for name in sections:
        if not columns(db, name):
            faults.append(f"there is no table {name}")
    print("\n".join(faults) or "docs/database.md: agrees with the schema")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
