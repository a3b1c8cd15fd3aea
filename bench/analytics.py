"""Measures the analytics: a database of many calls, seeded through the product's own store, asked over HTTP.

Every value of the answers is compared with what DuckDB computes from the same raw rows, and how long DuckDB takes
for that stands beside how long the server took: roll-ups against raw rows, each doing what it does. A value that
differs makes the run fail. Results go to the terminal and into the section of bench/RESULTS.md.
"""

import argparse
import contextlib
import glob
import http.client
import json
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import exact
import report
import servers

DAY_MS = 86_400_000
DAYS = 90
KEEP_DAYS = 81  # in the end, so that retention deletes a tenth of the calls
SEED = 20261128
MODEL = "ollama-1"
TASKS = ["general_chat", "coding", "analysis", "reasoning", "creative", "file_processing", "function_calling", "other"]
PARTS = ["classifier", "start", "answers", "values", "writes", "retention"]
KEPT_S = 10  # the server closes connections on which nothing happens for longer
PATIENCE_S = 15  # for one question, many times
BOTH = frozenset(servers.CORES)
# 64 clients, one generation after the other: ten tokens, one every 10 ms.
GENERATIONS = {"streams": 64, "tokens": 10, "interval_us": 10000, "ramp_ms": 500, "again": 1}


def progress(text):
    print(f"{text} ...", file=sys.stderr, flush=True)


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[max(1, (len(ordered) * percent + 99) // 100) - 1]


class Client:
    """One kept connection."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.used = time.monotonic()

    def ask(self, method, path, body=None):
        """Milliseconds and body of an answer that must be a 200."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if time.monotonic() - self.used > KEPT_S:
            self.connection.close()  # the next request opens it again
        self.used = time.monotonic()
        started = time.perf_counter()
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        data = answer.read()
        took = (time.perf_counter() - started) * 1000
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:300]!r}")
        return took, data

    def times(self, path, count, patience_s=PATIENCE_S):
        """Of `count` answers, or as many as there is patience for (three at least); the first ones do not count."""
        self.ask("GET", path)
        taken, until = [], time.monotonic() + patience_s
        while len(taken) < count and (len(taken) < 3 or time.monotonic() < until):
            taken.append(self.ask("GET", path)[0])
        return taken


class Database:
    """A seeded file with the text that tells what is in it."""

    FILES = ("seeded.db", "calls.csv", "attempts.csv")

    def __init__(self, folder, rows, end_ms, kept=None):
        """With `kept`, a folder, seeded there unless it was before, and copied from there."""
        self.rows = rows
        self.folder = f"{folder}/{rows}"
        seeded_in = f"{kept}/{rows}" if kept else self.folder
        if not os.path.exists(f"{seeded_in}/seeded.json"):
            self.seed(seeded_in, end_ms)
        if kept:
            shutil.copytree(seeded_in, self.folder)
        os.sync()  # what is measured is not to wait for the writing of this
        with open(f"{self.folder}/seeded.json", encoding="utf-8") as f:
            self.seeded = json.load(f)
        self.end_ms = self.seeded["end_ms"]
        self.path, self.calls, self.attempts = (f"{self.folder}/{name}" for name in self.FILES)

    def seed(self, folder, end_ms):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        path, *texts = (f"{folder}/{name}" for name in self.FILES)
        program = os.path.join(report.BUILD, "bench", "bench-seed")
        command = [program, path, self.rows, end_ms - DAYS * DAY_MS, DAYS * DAY_MS, SEED, *texts]
        done = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
        with open(f"{folder}/seeded.json", "w", encoding="utf-8") as f:
            json.dump({**json.loads(done.stdout), "end_ms": end_ms}, f)

    def oldest_ms(self):
        with self.look() as db:
            return db.execute("SELECT min(id) >> 20 FROM call").fetchone()[0]

    def look(self):
        """A connection that is closed in the end: else the server could not put its log away when it stops, and would
        check the whole file at its next start."""
        return contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True))

    def bytes_per_call(self):
        return os.path.getsize(self.path) / self.rows

    def bytes_by_table(self):
        """Bytes a call in each table and index, the largest first."""
        with self.look() as db:
            try:
                sizes = db.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC").fetchall()
            except sqlite3.Error:  # a library without that table
                return {}
        return {name: size / self.rows for name, size in sizes if size / self.rows >= 0.1}


class Bench:
    def __init__(self, folder, rows, quick, kept=None, parts=PARTS):
        self.folder, self.rows, self.quick, self.kept, self.parts = folder, rows, quick, kept, parts
        self.count = 100 if quick else 300
        self.rounds = 3 if quick else 7
        self.figures = {}  # name -> values of the rounds
        self.notes = []
        self.differing = []
        self.end_ms = int(time.time() * 1000)
        self.mock = servers.start_mock(folder)
        self.server = None

    def add(self, name, *values):
        self.figures.setdefault(name, []).extend(values)
        for value in values:
            print(f"  {name} {value:.2f}", file=sys.stderr, flush=True)

    def serve(self, database, **settings):
        settings = {"TOUCHSTONE_RETENTION_DAYS": "0", **settings}
        self.server = servers.start_touchstone(self.folder, self.mock.port, database.path, BOTH, settings)
        return Client(self.server.port)

    def stop(self):
        for server in (self.server, self.mock):
            if server is not None:
                server.stop()

    # -- reading ------------------------------------------------------------------------------

    def answers(self, client, size):
        """What the page asks for. No answer is kept by the server: each is computed."""
        for name, query in (("30d", "days=30"), ("24h", "days=1"), ("model", f"days=30&model={MODEL}")):
            for _ in range(self.rounds if name == "30d" else 3):
                before = self.server.cpu_s()
                taken = client.times(f"/api/analytics/models?{query}", self.count, PATIENCE_S / self.rounds)
                self.add(f"{size}_{name}_cpu", (self.server.cpu_s() - before) * 1000 / (len(taken) + 1))
                self.add(f"{size}_{name}_p50", percentile(taken, 50))
                self.add(f"{size}_{name}_p99", percentile(taken, 99))

    def against_duckdb(self, client, engine):
        """In turns, so that what else the machine does hits both."""
        start = self.end_ms - 30 * DAY_MS
        engine.answer(start, self.end_ms)
        for _ in range(self.rounds):
            ours_cpu, theirs_cpu = self.server.cpu_s(), engine.cpu_s()
            taken = client.times("/api/analytics/models?days=30", 20, 5)
            theirs = engine.answer(start, self.end_ms)[0]
            self.add("duckdb_ms", theirs)
            self.add("duckdb_ratio", percentile(taken, 50) / theirs)
            theirs_cpu = engine.cpu_s() - theirs_cpu
            self.add("duckdb_cpu", theirs_cpu * 1000)
            self.add("duckdb_cpu_ratio", (self.server.cpu_s() - ours_cpu) / (len(taken) + 1) / theirs_cpu)

    def windows(self):
        """Windows and filters whose answers are compared: edges within an hour and on days, parts that no cell knows."""
        chance, end = random.Random(SEED), self.end_ms
        whole_days = end - end % DAY_MS
        yield end - 30 * DAY_MS, end, {}
        yield end - DAY_MS, end, {}
        yield end - DAYS * DAY_MS, end + 1, {}
        yield whole_days - 7 * DAY_MS, whole_days, {}
        yield end - 30 * DAY_MS, end, {"model": MODEL}
        yield end - 30 * DAY_MS, end, {"provider": "vllm", "task_type": "coding"}
        yield end - 60 * DAY_MS, end, {"complexity": "complex"}
        yield end - 9 * DAY_MS, end, {"user_segment": "pro"}
        for _ in range(2 if self.quick else 5):
            start = end - chance.randrange(DAYS * DAY_MS)
            yield start, start + 1 + chance.randrange(end - start), {}

    def verify(self, client, engine):
        compared = 0
        for start, end, filters in self.windows():
            iso = [time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + f".{ms % 1000:03}Z" for ms in (start, end)]
            query = "&".join([f"from={iso[0]}", f"to={iso[1]}", "group_by=model,task_type",
                              *(f"{name}={value}" for name, value in filters.items())])
            answer = json.loads(client.ask("GET", f"/api/analytics/models?{query}")[1])
            count, found = exact.compare(answer, engine.answer(start, end, filters)[1])
            compared += count
            self.differing += [f"{query}: {difference}" for difference in found]
        self.add("values compared", compared)
        self.add("values that differ", len(self.differing))

    # -- writing ------------------------------------------------------------------------------

    def reports(self, count, salt):
        """Bodies of 1,000 reported calls each, of now."""
        chance = random.Random(salt)
        now = time.time()
        for _ in range(count):
            yield json.dumps([{
                "taskType": chance.choice(TASKS), "model": f"reported-{chance.randrange(20)}", "provider": "elsewhere",
                "success": chance.random() < 0.95, "responseTimeMs": round(chance.lognormvariate(7, 0.7), 1),
                "ttftMs": round(chance.lognormvariate(5, 0.5), 1), "inputTokens": chance.randrange(2000),
                "outputTokens": chance.randrange(500), "costUsd": chance.randrange(1000) / 1e6,
                "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - chance.randrange(60))),
            } for _ in range(1000)])

    def import_rate(self):
        """Four clients, so that the next request is read while the one before is committed."""
        per_client = 5 if self.quick else 25
        for salt in range(3):
            bodies = [list(self.reports(per_client, salt * 4 + n)) for n in range(4)]
            clients = [Client(self.server.port) for _ in bodies]

            def send(client, of):
                for body in of:
                    client.ask("POST", "/api/analytics/models/outcomes", body)

            threads = [threading.Thread(target=send, args=pair) for pair in zip(clients, bodies)]
            started = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.add("import_per_s", 4 * per_client * 1000 / (time.perf_counter() - started))

    def importing(self, until):
        bodies = list(self.reports(20, 99))
        client = Client(self.server.port)
        sent = 0
        while not until.is_set():
            client.ask("POST", "/api/analytics/models/outcomes", bodies[sent % len(bodies)])
            sent += 1
        self.add("import_meanwhile_calls", sent * 1000)

    def hold(self, port, **other):
        """Of the end of a generation, 64 at once: milliseconds, p50 and p99."""
        options = {"window_ms": 2000 if self.quick else 4000, **GENERATIONS, **other}
        got = servers.run_load("streams", port, **options)["last_us"]
        return got["p50"] / 1000, got["p99"] / 1000

    def holds(self, name, background=None):
        for _ in range(3):
            direct = self.hold(self.mock.port)
            until = threading.Event()
            worker = threading.Thread(target=background, args=(until,)) if background else None
            if worker:
                worker.start()
            try:
                through = self.hold(self.server.port)
            finally:
                until.set()
                if worker:
                    worker.join()
            self.add(f"{name}_p50", through[0] - direct[0])
            self.add(f"{name}_p99", through[1] - direct[1])

    def retention(self, database):
        """A tenth of the calls is past its time: how long the ends of generations wait meanwhile."""
        self.serve(database)
        for _ in range(3):
            self.add("retention_before_p99", self.hold(self.server.port, streams=8)[1])
        self.server.stop()
        oldest = database.oldest_ms()
        self.serve(database, TOUCHSTONE_RETENTION_DAYS=str(KEEP_DAYS))
        until = time.monotonic() + 30
        while database.oldest_ms() == oldest and time.monotonic() < until:
            time.sleep(0.1)
        for _ in range(3):
            first, started = database.oldest_ms(), time.monotonic()
            p99 = self.hold(self.server.port, streams=8)[1]
            gone = (database.oldest_ms() - first) / (DAYS * DAY_MS) * self.rows
            if gone <= 0:
                break  # nothing was left to delete, or nothing is deleted
            self.add("retention_p99", p99)
            self.add("retention_rows_per_s_meanwhile", gone / (time.monotonic() - started))
        before = self.figures["retention_before_p99"]
        self.add("retention_added_p99", *(max(0, p99 - statistics.median(before)) for p99 in self.figures.get("retention_p99", [])))
        self.server.stop()

    # -- all of it ----------------------------------------------------------------------------

    def start_to_ready(self, database):
        for _ in range(self.rounds):
            self.serve(database)
            self.add("ready_ms", self.server.ready_s * 1000)
            self.server.stop()

    def classifier(self):
        for _ in range(3):
            lines = subprocess.run([os.path.join(report.BUILD, "bench", "bench-classify")], check=True,
                                   capture_output=True, text=True).stdout.splitlines()
            self.add("classify_us", float(lines[-1].split("median ")[1].split(" us")[0]))

    def seeded(self, rows):
        progress(f"seeding {rows:,} calls")
        database = Database(self.folder, rows, self.end_ms, self.kept)
        self.end_ms = database.end_ms
        self.add(f"{rows}_seed_per_s", rows / database.seeded["seed_s"])
        return database

    def small(self):
        database = self.seeded(self.rows // 10)
        progress("answers of the small database")
        self.answers(self.serve(database), "small")
        self.server.stop()
        shutil.rmtree(database.folder)

    def large_answers(self, database):
        client = self.serve(database)
        progress("answers of the large database")
        self.answers(client, "large")
        for task in TASKS[:3]:
            self.add("recommend_p50", percentile(client.times(f"/api/analytics/models/recommend?task_type={task}", self.count, 4), 50))
        self.server.stop()

    def values(self, database):
        client = self.serve(database)
        engine = exact.Exact(len(BOTH))
        try:
            progress("DuckDB reads the rows")
            loaded = engine.ask(load={"calls": database.calls, "attempts": database.attempts})
            assert loaded["calls"] == self.rows, loaded
            progress("in turns with DuckDB")
            self.against_duckdb(client, engine)
            progress("every value")
            self.verify(client, engine)
        finally:
            engine.stop()
        self.server.stop()

    def writes(self, database):
        self.serve(database)
        progress("imports and generations")
        self.import_rate()
        self.holds("hold")
        self.holds("hold_import", self.importing)
        self.server.stop()

    def large(self):
        database = self.seeded(self.rows)
        self.add("bytes_per_call", database.bytes_per_call())
        self.notes.append("Bytes a call, by table: " + ", ".join(
            f"{name} {size:.1f}" for name, size in database.bytes_by_table().items()) + ".")
        for name, part in {"start": self.start_to_ready, "answers": self.large_answers, "values": self.values,
                           "writes": self.writes, "retention": self.retention}.items():
            if name in self.parts:
                progress(name)
                part(database)

    def run(self):
        if "classifier" in self.parts:
            progress("the classifier")
            self.classifier()
        if "answers" in self.parts:
            self.small()
        self.large()


# -- the report -------------------------------------------------------------------------------


def targets(bench):
    f = lambda name: bench.figures.get(name, [])
    ratio = [a / b for a, b in zip(f("large_30d_p50"), f("small_30d_p50"))]
    return [
        ("whole answer, 30 days, p50", f("large_30d_p50"), "ms", 15, max),
        ("the same, p99", f("large_30d_p99"), "ms", 40, max),
        ("the same, p50, of DuckDB's exact answer (roll-ups against raw rows)", f("duckdb_ratio"), "x", 0.03, max),
        ("the same in time on the processor", f("duckdb_cpu_ratio"), "x", None, None),
        ("whole answer, 30 days, time on the processor", f("large_30d_cpu"), "ms", None, None),
        ("whole answer, 24 hours, p50", f("large_24h_p50"), "ms", 5, max),
        ("whole answer, 30 days of one model, p50", f("large_model_p50"), "ms", 5, max),
        ("growth of the 30 days' p50 with ten times the calls", ratio, "x", 2.5, max),
        ("values that differ from the raw rows'", f("values that differ"), "", 0, max),
        ("`POST outcomes`, 1,000 each, durability full", f("import_per_s"), "calls/s", 30000, min),
        ("hold at 64 generations at once, p50", f("hold_p50"), "ms", 2, max),
        ("the same while an import runs, p50", f("hold_import_p50"), "ms", 2, max),
        ("bytes a call on disk", f("bytes_per_call"), "B", 150, max),
        ("added to the hold by retention of a tenth of the calls, 8 generations at once, p99", f("retention_added_p99"), "ms", 25, max),
        ("start to ready", f("ready_ms"), "ms", 300, max),
        ("classifier, 8 KiB", f("classify_us"), "us", 50, max),
        ("recommend, p50", f("recommend_p50"), "ms", 5, max),
    ]


def section(bench, facts):
    lines = ["# Analytics, measured", "",
             "Written by `tools/bench analytics`; the figures are this machine's, the ratios are what to compare.", ""]
    lines += [f"- {fact}" for fact in facts + bench.notes]
    lines += ["", "Median of the rounds, lowest and highest in brackets.", "", *report.targets_table(targets(bench)), "",
              "DuckDB computes the same answer from the raw rows in memory, with all cores, every time anew: it is the exact answer and the price of",
              "not keeping anything, not a race between equals. \"Hold\": from the model server's last write to the client's read, minus the same",
              "without touchstone between; 64 clients, ten tokens each at 10 ms, one generation after the other.", "",
              "## Every figure of the analytics", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {report.spread(values)} |" for name, values in bench.figures.items()]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="tools/bench analytics", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200,000 calls and few rounds: about a minute")
    parser.add_argument("--rows", type=int, help="calls in the large database (10,000,000); the small one has a tenth")
    parser.add_argument("--output", default=report.PAGE, help="where the section is written")
    parser.add_argument("--keep", metavar="FOLDER", help="seed into this folder, or take what was seeded there before")
    parser.add_argument("--only", metavar="PARTS", help=f"some of {','.join(PARTS)}; writes no section")
    args = parser.parse_args()
    parts = args.only.split(",") if args.only else PARTS
    if not set(parts) <= set(PARTS):
        parser.error(f"--only takes {','.join(PARTS)}")
    rows = args.rows or (200_000 if args.quick else 10_000_000)
    report.build()
    facts = [report.machine(),
             f"{report.versions('sqlite3', 'jansson')}; release build of commit {report.commit()}; {'quick' if args.quick else 'full'} run.",
             f"{rows:,} calls of 20 models on 4 providers, 8 tasks, 3 complexities, {DAYS} days; the small database has a tenth of them."]
    for left in glob.glob(f"{report.BUILD}/analytics-*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = tempfile.mkdtemp(prefix="analytics-", dir=report.BUILD)  # on the disk of the source tree, not in memory
    bench = Bench(folder, rows, args.quick, args.keep, parts)
    try:
        bench.run()
    finally:
        bench.stop()
        shutil.rmtree(folder, ignore_errors=True)
    text = section(bench, facts)
    if not args.only:
        report.write_section(args.output, text)
    print(text)
    for difference in bench.differing[:50]:
        print(difference, file=sys.stderr)
    return 1 if bench.differing else 0


if __name__ == "__main__":
    sys.exit(main())
