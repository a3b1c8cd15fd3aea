"""The check scripts must find what they are there for: each rule is broken once in a scratch tree."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

HEADER = "#ifndef TS_DB_GOOD_H\n#define TS_DB_GOOD_H\n\nint ts_good(int a);\n\n#endif\n"
LONG = "int ts_long(void)\n{\n" + "    ;\n" * 90 + "}\n"

# (file, text, script, what it must say; "" where all is well)
CASES = [
    ("db/good.h", HEADER, "check_source.py", ""),
    ("db/good.c", '#include "db/good.h"\n\n#include "base/err.h"\n', "check_layers.py", ""),
    ("base/up.c", '#include "proxy/relay.h"\n', "check_layers.py", "base/ must not include proxy/"),
    ("proxy/side.c", '#include "db/store.h"\n', "check_layers.py", "proxy/ must not include db/"),
    ("handlers/raw.c", "#include <sqlite3.h>\n", "check_layers.py", "belongs to db/ only"),
    ("proxy/relay.c", "#include <curl/curl.h>\n", "check_layers.py", "belongs to proxy/upstream"),
    ("handlers/x.c", "#include <microhttpd.h>\n", "check_layers.py", "belongs to server/ only"),
    ("base/bare.c", '#include "err.h"\n', "check_layers.py", "has no folder"),
    ("base/call.c", "void f(char *a)\n{\n    strcpy(a, a);\n}\n", "check_source.py", "strcpy() is banned"),
    ("base/say.c", "void f(char *a)\n{\n    strcpy(a, a); /* allowed: test */\n}\n", "check_source.py", ""),
    ("base/word.c", '/* strcpy(a, b) */\nconst char *ts_s = "strcpy(";\n', "check_source.py", ""),
    ("base/long.c", LONG, "check_source.py", "ts_long() has 92 lines"),
    ("base/wide.c", "int ts_w(int a, int b, int c, int d, int e, int f, int g)\n{\n}\n",
     "check_source.py", "more than 6 parameters"),
    ("base/big.c", "\n" * 701, "check_source.py", "701 lines"),
    ("base/guard.h", "#ifndef GUARD_H\n#endif\n", "check_source.py", "the include guard is not TS_BASE_GUARD_H"),
    ("db/text.c", 'const char *ts_q = "SELECT 1";\n', "check_source.py", "SQL text belongs into schema/"),
    ("base/todo.c", "/* TO" "DO: later */\n", "check_source.py", "unfinished work"),
    ("static/page.ts", "node.inner" "HTML = text;\n", "check_source.py", "text becomes markup"),
    ("tests/package-lock.json", '{"resolved": "x"}\n', "check_source.py", "download addresses"),
]


def said(name, text, script):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "tools").mkdir()
        shutil.copy(ROOT / "tools" / script, root / "tools")
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
        subprocess.run(["git", "init", "-q"], cwd=root, check=True)
        done = subprocess.run([sys.executable, f"tools/{script}"], cwd=root, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr


def main():
    passed = failed = 0
    for name, text, script, expected in CASES:
        code, output = said(name, text, script)
        # a lock file alone leaves the script without sources; it must fail for the right reason
        good = (code == 0 and not expected) or (code == 1 and expected and expected in output)
        passed, failed = passed + bool(good), failed + (not good)
        if not good:
            print(f"{script} on {name}: wanted {expected or 'nothing'!r}, got ({code}):\n{output}")
    print(f"checks: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
