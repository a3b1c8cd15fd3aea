"""Measures `touchstone sync`: how long a copy in DuckDB takes beside a running server, and what streams feel of it.

A million calls from the beginning, then a thousand new ones, a thousand ratings and nothing at all, several times;
through DuckDB's library and by files. Sums over the copy are compared with SQLite's: a difference makes the run fail.
Meanwhile one client after the other streams: its time to the first token with and without a sync, in turns.
Results go to the terminal and into the section of bench/RESULTS.md.
"""

import argparse
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

import exact
import report
import servers
from analytics import BOTH, Client, Database, progress

NEW = 1000
SUMS = """SELECT count(*) AS n, count(DISTINCT call_id) AS ids, sum(total_us) AS us, sum(ttft_us) AS ttft, sum(tokens_used) AS tokens,
  sum(success) AS good, sum(rating) AS thumbs, sum(cost_nano_usd) AS cost, (SELECT count(*) FROM {attempts}) AS attempts FROM calls"""


class Bench:
    def __init__(self, folder, rows, quick):
        self.folder, self.rows = folder, rows
        self.rounds = 3 if quick else 7
        self.requests = 300 if quick else 1000
        self.figures = {}
        self.differing = []
        self.library = exact.install()
        self.mock = servers.start_mock(folder)
        self.server = None

    def add(self, name, *values):
        self.figures.setdefault(name, []).extend(values)
        for value in values:
            print(f"  {name} {value:.2f}", file=sys.stderr, flush=True)

    def stop(self):
        for server in (self.server, self.mock):
            if server is not None:
                server.stop()

    def sync(self, way, *options):
        """Seconds of the whole command."""
        command = [os.path.join(report.BUILD, "touchstone"), "sync", "--db", self.path, "--duckdb", f"{self.folder}/{way}.duckdb",
                   "--library", self.library, *(["--files"] if way == "files" else []), *options]
        started = time.monotonic()
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       preexec_fn=lambda: os.sched_setaffinity(0, BOTH))
        return time.monotonic() - started

    # -- the same sums ------------------------------------------------------------------------

    def duckdb(self, way, query=None):
        """Loads what waits, or asks; by the DuckDB of bench/package.json."""
        script = ["--load", f"{self.folder}/{way}.duckdb.load.sql"] if query is None else ["--ask", query]
        done = subprocess.run([os.path.join(report.ROOT, "tools", "node"), os.path.join(exact.HERE, "duckdb_file.mjs"),
                               f"{self.folder}/{way}.duckdb", *script], check=True, capture_output=True, text=True)
        return json.loads(done.stdout)

    def compare(self, way):
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True) as db:
            db.row_factory = sqlite3.Row
            wanted = dict(db.execute(SUMS.format(attempts="attempt")).fetchone())
        got = self.duckdb(way, SUMS.format(attempts="attempts"))
        if got != wanted:
            self.differing.append(f"{way}: {got} instead of {wanted}")

    # -- times --------------------------------------------------------------------------------

    def report_calls(self, client, count):
        now = time.time()
        calls = [{"taskType": "coding", "model": "sync", "provider": "bench", "success": True, "responseTimeMs": random.randrange(5000),
                  "inputTokens": 100, "outputTokens": 50, "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - i))}
                 for i in range(count)]
        client.ask("POST", "/api/analytics/models/outcomes", json.dumps(calls))

    def rate_calls(self, client, count):
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True) as db:
            ids = [row[0] for row in db.execute("SELECT id FROM calls WHERE model = 'sync' ORDER BY call_id DESC LIMIT ?", (count,))]
        for one in ids:
            client.ask("POST", "/api/analytics/models/feedback", json.dumps({"requestId": one, "rating": random.choice([-1, 1])}))

    def times(self, client, way):
        progress(f"{self.rows:,} calls by {way}")
        self.add(f"{way}_first_s", self.sync(way))
        if way == "files":
            started = time.monotonic()
            self.duckdb(way)
            self.add("files_load_s", time.monotonic() - started)
        for _ in range(self.rounds):
            self.report_calls(client, NEW)
            self.add(f"{way}_new_s", self.sync(way))
            self.rate_calls(client, NEW)
            self.add(f"{way}_rated_s", self.sync(way))
            self.add(f"{way}_nothing_s", self.sync(way))
        if way == "files":
            self.duckdb(way)
        self.compare(way)

    # -- streams meanwhile --------------------------------------------------------------------

    def first_token(self, port):
        return servers.run_load("seq", port, requests=self.requests, tokens=3, interval_us=1500)["ttft_us"]["p50"]

    def streams(self):
        """In turns, so that what else the machine does hits both alike."""
        progress("first tokens, with and without a sync")
        for _ in range(self.rounds):
            alone = {name: self.first_token(server.port) for name, server in (("direct", self.mock), ("ours", self.server))}
            over = threading.Event()
            done = threading.Thread(target=self.sync_until, args=(over,))
            done.start()
            time.sleep(0.3)
            beside = {name: self.first_token(server.port) for name, server in (("direct", self.mock), ("ours", self.server))}
            over.set()
            done.join()
            for name in ("direct", "ours"):
                self.add(f"ttft_{name}_us", alone[name])
                self.add(f"ttft_{name}_sync_us", beside[name])
            self.add("ttft_ratio", beside["ours"] / alone["ours"])
            self.add("ttft_direct_ratio", beside["direct"] / alone["direct"])

    def sync_until(self, over):
        while not over.is_set():
            self.sync("library", "--full")

    def run(self):
        progress(f"seeding {self.rows:,} calls")
        database = Database(self.folder, self.rows, int(time.time() * 1000))
        self.path = database.path
        self.server = servers.start_touchstone(self.folder, self.mock.port, self.path, servers.TEST_CORES,
                                               {"TOUCHSTONE_RETENTION_DAYS": "0"})
        client = Client(self.server.port)
        self.add("sqlite_bytes_per_call", os.path.getsize(self.path) / self.rows)
        for way in ("library", "files"):
            self.times(client, way)
        self.add("duckdb_bytes_per_call", os.path.getsize(f"{self.folder}/library.duckdb") / self.rows)
        self.streams()
        self.sync("library")
        self.compare("library")


def targets(bench):
    f = lambda name: bench.figures.get(name, [])
    rows = []
    for way, what in (("library", "through DuckDB's library"), ("files", "by files, without their loading")):
        rows += [
            (f"{bench.rows:,} calls from the beginning, {what}", f(f"{way}_first_s"), "s", 60, max),
            (f"{NEW:,} new ones, {what}", f(f"{way}_new_s"), "s", 1, max),
            (f"{NEW:,} ratings, {what}", f(f"{way}_rated_s"), "s", 1, max),
            (f"nothing new, {what}", f(f"{way}_nothing_s"), "s", None, None),
        ]
    return rows + [
        ("what DuckDB then takes to load the first files", f("files_load_s"), "s", None, None),
        ("sums that differ from SQLite's", [len(bench.differing)], "", 0, max),
        ("time to first token while a sync runs, of that without one", f("ttft_ratio"), "x", 1.1, max),
        ("the same of a direct connection to the model server", f("ttft_direct_ratio"), "x", None, None),
        ("bytes a call in SQLite, with roll-ups", f("sqlite_bytes_per_call"), "B", None, None),
        ("bytes a call in DuckDB", f("duckdb_bytes_per_call"), "B", None, None),
    ]


def section(bench, facts):
    lines = ["# Sync, measured", "", "Written by `tools/bench sync`.", ""]
    lines += [f"- {fact}" for fact in facts]
    lines += ["", "Median of the rounds, lowest and highest in brackets.", "", *report.targets_table(targets(bench)), "",
              "## Every figure of the sync", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {report.spread(values, 3)} |" for name, values in bench.figures.items()]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="tools/bench sync", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 calls and few rounds")
    parser.add_argument("--rows", type=int, help="calls (1,000,000)")
    parser.add_argument("--output", default=report.PAGE, help="where the section is written")
    args = parser.parse_args()
    rows = args.rows or (100_000 if args.quick else 1_000_000)
    report.build()
    facts = [report.machine(),
             f"{report.versions('sqlite3')}; release build of commit {report.commit()}; {'quick' if args.quick else 'full'} run.",
             f"The server ran on core {min(servers.TEST_CORES)}, the mock model server and the load generator on core "
             f"{min(servers.REST_CORES)}, the sync where there was room."]
    folder = tempfile.mkdtemp(prefix="sync-", dir=report.BUILD)  # on the disk of the source tree, not in memory
    bench = Bench(folder, rows, args.quick)
    try:
        bench.run()
    finally:
        bench.stop()
        shutil.rmtree(folder, ignore_errors=True)
    text = section(bench, facts)
    report.write_section(args.output, text)
    print(text)
    for difference in bench.differing:
        print(difference, file=sys.stderr)
    return 1 if bench.differing else 0


if __name__ == "__main__":
    sys.exit(main())
