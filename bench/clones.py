"""Measures website clones: an attempt with fifty files stored over HTTP, and every statistic over 100,000 attempts.

The attempts are written straight into the file (a server would take minutes), in two databases: over 1,000 sites, and
each on a site of its own. Every statistic is compared with what SQL over the raw rows gives, before and after a tenth
of the attempts was deleted over HTTP: a value that differs makes the run fail. Results go to the terminal and into the
section of bench/RESULTS.md.
"""

import argparse
import http.client
import json
import random
import shutil
import sqlite3
import sys
import tempfile
import time

import report
import servers

ATTEMPTS = 100_000
MODELS = [(p, f"{m}:{s}b") for p in ("ollama", "vllm", "lmstudio", "openai") for m in ("a", "b") for s in (7, 13, 70)]
FILES = 50
FILE_BYTES = 2048
SEED = 20261128
ROUTES = {
    "stats of a model": "/api/clones/stats?model=ollama/a:7b",
    "stats of all": "/api/clones/stats",
    "summary": "/api/clones/summary",
    "complexity": "/api/clones/complexity",
    "providers": "/api/clones/providers",
    "monthly": "/api/clones/monthly",
    "the older alias, stats": "/api/local-models-analytics?action=stats",
    "newest attempts": "/api/clones",
    "newest attempts of a model": "/api/clones?model=ollama/a:7b",
    "newest sites": "/api/websites",
}
LISTS = ("newest",)
SUMS = """count(*), count(CASE WHEN status = 'success' THEN 1 END), avg(generation_time_ms), avg(code_size_bytes)"""


def progress(text):
    print(f"{text} ...", file=sys.stderr, flush=True)


class Client:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, method, path, body=None):
        """Milliseconds and the answer's JSON."""
        started = time.perf_counter()
        self.connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = self.connection.getresponse()
        data = answer.read()
        took = (time.perf_counter() - started) * 1000
        if answer.status not in (200, 201):
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:300]!r}")
        return took, json.loads(data)

    def times(self, count, method, path, body=None):
        self.ask(method, path, body)
        return sorted(self.ask(method, path, body)[0] for _ in range(count))


def p50(values):
    return values[(len(values) + 1) // 2 - 1]


def fill(path, sites):
    """100,000 attempts of two years, each with code of 1 KiB."""
    draw = random.Random(SEED)
    db = sqlite3.connect(path)
    db.execute("PRAGMA synchronous = OFF")
    db.executemany("INSERT INTO websites(id, url, domain, status, word_count, scraped_at) VALUES (?, ?, ?, 'cloned', ?, '2026-01-01T00:00:00.000Z')",
                   ((i, f"https://s{i}.example", f"s{i}.example", draw.choice([None, *[draw.randrange(5000)] * 9])) for i in range(1, sites + 1)))
    now = time.time()

    def rows():
        for i in range(ATTEMPTS):
            provider, model = draw.choice(MODELS)
            at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now - draw.random() * 720 * 86400))
            good = draw.random() < 0.9
            yield (1 + i % sites, provider, model, "success" if good else "error", draw.choice([None, draw.randrange(500, 20000)]),
                   draw.randrange(100, 90000) if good else None, at, "x" * 1024)

    db.executemany("INSERT INTO clone_attempts(website_id, provider, model_name, status, generation_time_ms, code_size_bytes, created_at, "
                   "generated_code) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows())
    db.commit()
    db.close()


def same(got, raw):
    """Whether figures of the API are those of (attempts, successes, average time, average size)."""
    n, good, ms, size = raw
    near = lambda a, b: a is None and b is None or a is not None and b is not None and abs(a - b) < 0.006
    return (got["totalAttempts"], got["successfulAttempts"]) == (n, good) and near(got["avgGenerationTimeMs"], ms) and \
        near(got["avgCodeSizeBytes"], size) and near(got["successRate"], 100 * good / n if n else None)


def differing(client, path):
    """Statistics that are not what the raw rows say."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    raw = lambda where="1", *values: db.execute(f"SELECT {SUMS} FROM clone_attempts WHERE {where}", values).fetchone()
    found = []
    check = lambda what, got, want: found.append(what) if not same(got, want) else None
    summary = client.ask("GET", "/api/clones/summary")[1]
    check("all", summary["summary"], raw())
    for m in summary["models"]:
        check(m["model"], m, raw("provider = ? AND model_name = ?", m["provider"], m["model"]))
    for p in client.ask("GET", "/api/clones/providers")[1]["providers"]:
        check(p["provider"], p, raw("provider = ?", p["provider"]))
    for m in client.ask("GET", "/api/clones/monthly?months=36")[1]["months"]:
        check(m["month"], m, raw("provider = ? AND substr(created_at, 1, 7) = ?", m["provider"], m["month"]))
    words = {"simple": "< 500", "medium": "BETWEEN 500 AND 1999", "complex": ">= 2000", None: "IS NULL"}
    for c in client.ask("GET", "/api/clones/complexity")[1]["complexity"]:
        check(c["complexity"], c, raw(f"website_id IN (SELECT id FROM websites WHERE word_count {words[c['complexity']]})"))
    db.close()
    return found


class Bench:
    def __init__(self, folder, quick):
        self.folder, self.count = folder, 20 if quick else 200
        self.figures, self.wrong = {}, []
        self.mock = servers.start_mock(folder)

    def add(self, name, *values):
        self.figures.setdefault(name, []).extend(values)
        for value in values:
            print(f"  {name} {value:.2f}", file=sys.stderr, flush=True)

    def start(self, db):
        return servers.start_touchstone(self.folder, self.mock.port, db=db, settings={"TOUCHSTONE_CLONE_RETENTION_DAYS": "0"})

    def statistics(self, sites):
        db = f"{self.folder}/clones-{sites}.db"
        self.start(db).stop()  # makes the tables
        progress(f"{ATTEMPTS} attempts on {sites} sites")
        fill(db, sites)
        server = self.start(db)
        try:
            client = Client(server.port)
            for name, path in ROUTES.items():
                self.add(f"{name}, {sites} sites", p50(client.times(self.count, "GET", path)))
            self.wrong += differing(client, db)
            progress("deleting what is older than 648 days")
            took, gone = client.ask("DELETE", "/api/clones?older_than_days=648")
            self.add(f"deleting {gone['deleted']['attempts']} attempts, {sites} sites, s", took / 1000)
            self.wrong += differing(client, db)
            self.add(f"attempt with {FILES} files, beside {sites} sites", p50(client.times(self.count, "POST", "/api/clones", self.attempt())))
        finally:
            server.stop()

    def attempt(self):
        # text, which is judged in no time: what is measured is the storing
        files = [{"path": f"src/part-{i}.txt", "content": "word " * (FILE_BYTES // 5)} for i in range(FILES)]
        return json.dumps({"url": "https://new.example", "model": "ollama/new:7b", "status": "success", "generationTimeMs": 3500, "files": files})

    def code(self):
        body = "export function Part{i}(props) {{\n  return <section><h2>{{props.title}}</h2><p>{{props.text}}</p></section>;\n}}\n"
        files = [{"path": f"src/Part{i}.jsx", "content": (body.format(i=i)) * (FILE_BYTES // len(body))} for i in range(FILES)]
        return json.dumps({"url": "https://new.example", "model": "ollama/new:7b", "status": "success", "generationTimeMs": 3500, "files": files})

    def stored(self):
        server = self.start(f"{self.folder}/stored.db")
        try:
            client = Client(server.port)
            self.add(f"attempt with {FILES} files", p50(client.times(self.count, "POST", "/api/clones", self.attempt())))
            times = []
            for _ in range(self.count // 2):  # one after the other is judged
                times.append(client.ask("POST", "/api/clones", self.code())[0])
                time.sleep(0.15)
            self.add(f"attempt with {FILES} files of code", p50(sorted(times)))
        finally:
            server.stop()

    def run(self):
        progress("storing")
        self.stored()
        for sites in (1000, ATTEMPTS):
            self.statistics(sites)


def targets(bench):
    rows = []
    for name, values in bench.figures.items():
        if name.startswith("attempt"):
            rows.append((f"{name} of {FILE_BYTES // 1024} KiB, stored, p50", values, "ms", 5, max))
        elif name.startswith(LISTS) or "s" == name[-1] and name.startswith("deleting"):
            rows.append((f"{name}, p50" if name.startswith(LISTS) else name, values, "ms" if name.startswith(LISTS) else "", None, None))
        else:
            rows.append((f"{name}, p50", values, "ms", 20, max))
    rows.append(("values that differ from the raw rows'", [len(bench.wrong)], "", 0, max))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the questions")
    parser.add_argument("--no-page", action="store_true", help="leave bench/RESULTS.md alone")
    options = parser.parse_args()
    facts = [report.machine(), f"touchstone {report.commit()}; SQLite {report.output('pkg-config', '--modversion', 'sqlite3')}; durability full."]
    report.build()
    folder = tempfile.mkdtemp(prefix="touchstone-clones-")
    bench = Bench(folder, options.quick)
    try:
        bench.run()
    finally:
        bench.mock.stop()
        shutil.rmtree(folder, ignore_errors=True)
    lines = ["# Website clones, measured", "", "Written by `tools/bench clones`; the figures are this machine's.", "",
             *[f"- {fact}" for fact in facts],
             f"- {ATTEMPTS:,} attempts of {len(MODELS)} models in two years, each with 1 KiB of code; the client on another core, one kept connection.",
             "", *report.targets_table(targets(bench))]
    print("\n".join(lines))
    if not options.no_page:
        report.write_section(report.PAGE, "\n".join(lines) + "\n")
    if bench.wrong:
        sys.exit(f"wrong: {bench.wrong}")


if __name__ == "__main__":
    main()
