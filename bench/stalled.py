"""Measures what clients that stop reading cost: memory, the others' tokens, and the time that a stop takes.

A thousand clients ask for long answers and read nothing. Meanwhile one client reads a stream of a token every
20 ms, as it did before they came. Then the server is told to stop, with a drain limit of three seconds. Results go to
the terminal and into the section of bench/RESULTS.md.
"""

import argparse
import shutil
import sqlite3
import sys
import tempfile
import threading
import time

import report
import servers

DRAIN_S = 3
INTERVAL_US = 20000
TOKENS = 4000  # of an answer: some hundred kilobytes, more than all buffers on the way have room for
LIFE_MS = 40_000  # of a client: longer than a round takes. What was closed behind full buffers it does not see
FILL_S = 15  # after half a minute without a byte taken the server cuts a client
WARM = 100


def socket_kib():
    """What the kernel has in its TCP buffers, of all processes."""
    with open("/proc/net/sockstat", encoding="ascii") as f:
        words = next(line.split() for line in f if line.startswith("TCP:"))
    return int(words[words.index("mem") + 1]) * 4


class Bench:
    def __init__(self, folder, streams, quick):
        self.folder, self.streams = folder, streams
        self.rounds = 1 if quick else 3
        self.window_ms = 3000 if quick else 5000
        self.figures = {}

    def add(self, name, *values):
        self.figures.setdefault(name, []).extend(values)
        for value in values:
            print(f"  {name} {value:.2f}", file=sys.stderr, flush=True)

    def other(self, server, when):
        """The delay of another client's tokens, from the model server's write to its read."""
        delay = servers.run_load("streams", server.port, streams=1, interval_us=INTERVAL_US, ramp_ms=0, window_ms=self.window_ms,
                                 tokens=2 + self.window_ms * 1000 // INTERVAL_US + 1)["delay_us"]
        for q in ("p50", "p99", "max"):
            self.add(f"other_{when}_{q}_us", delay[q])

    def settle(self, *processes):
        """Seconds until every buffer on the way is full and nobody has anything to do."""
        started = time.monotonic()
        while time.monotonic() - started < FILL_S:
            before = [p.cpu_s() for p in processes]
            time.sleep(0.5)
            if all(p.cpu_s() - b < 0.02 for p, b in zip(processes, before)):
                break
        return time.monotonic() - started

    def round(self):
        mock = servers.start_mock(self.folder)
        server = servers.start_touchstone(self.folder, mock.port, settings={"TOUCHSTONE_DRAIN_TIMEOUT_MS": str(DRAIN_S * 1000)})
        db = f"{self.folder}/touchstone/touchstone.db"
        try:
            servers.run_load("seq", server.port, requests=WARM, tokens=3)  # what the first calls touch is no stalled reader's
            self.other(server, "before")
            idle_kib, idle_socket_kib = server.rss_kib(), socket_kib()
            begun = threading.Event()
            stalled = threading.Thread(target=servers.run_load, args=("stall", server.port, lambda line: begun.set()), kwargs={
                "streams": self.streams, "tokens": TOKENS, "interval_us": 0, "ramp_ms": self.streams, "window_ms": LIFE_MS})
            stalled.start()
            begun.wait(servers.START_LIMIT_S)
            self.add("filling_s", self.settle(mock, server))
            self.other(server, "during")
            self.add("kib_per_reader", (server.rss_kib() - idle_kib) / self.streams)
            self.add("socket_kib_per_reader", (socket_kib() - idle_socket_kib) / self.streams)
            started = time.monotonic()
            server.process.terminate()
            server.process.wait(30)
            self.add("stop_s", time.monotonic() - started)
            self.add("exit_status", server.process.returncode)
            stalled.join()
            with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as rows:
                counted = rows.execute("SELECT count(*) FROM call").fetchone()[0]
            self.add("rows_missing", WARM + 2 + self.streams - counted)
        finally:
            server.stop()
            mock.stop()

    def run(self):
        for i in range(self.rounds):
            print(f"round {i + 1} ...", file=sys.stderr, flush=True)
            self.round()


def targets(bench):
    f = lambda name: bench.figures.get(name, [])
    added = [(d - b) / 1000 for b, d in zip(f("other_before_p99_us"), f("other_during_p99_us"))]
    return [
        ("memory of a reader that stopped", f("kib_per_reader"), "KiB", 128, max),
        ("the same in the kernel, at both ends and the model server's", f("socket_kib_per_reader"), "KiB", None, None),
        ("another client's token, p50, before", f("other_before_p50_us"), "us", None, None),
        ("the same while they do not read", f("other_during_p50_us"), "us", None, None),
        ("added to another client's token, p99", added, "ms", 5, max),
        (f"the stop, with {DRAIN_S} s for running answers", f("stop_s"), "s", DRAIN_S + 1, max),
        ("exit status", f("exit_status"), "", 0, max),
        ("calls without their row", f("rows_missing"), "", 0, max),
    ]


def section(bench, facts):
    lines = ["# Stalled readers, measured", "", "Written by `tools/bench stalled`.", ""]
    lines += [f"- {fact}" for fact in facts]
    lines += ["", "Median of the rounds, lowest and highest in brackets.", "", *report.targets_table(targets(bench)), "",
              "## Every figure of the stalled readers", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {report.spread(values)} |" for name, values in bench.figures.items()]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="tools/bench stalled", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--streams", type=int, default=1000, help="clients that do not read")
    parser.add_argument("--output", default=report.PAGE, help="where the section is written")
    args = parser.parse_args()
    report.build()
    facts = [report.machine(),
             f"{report.versions('libmicrohttpd', 'libcurl')}; release build of commit {report.commit()}; {'quick' if args.quick else 'full'} run.",
             f"{args.streams:,} clients with a receive buffer of 4 KiB."]
    folder = tempfile.mkdtemp(prefix="stalled-", dir=report.BUILD)
    bench = Bench(folder, args.streams, args.quick)
    try:
        bench.run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = section(bench, facts)
    report.write_section(args.output, text)
    print(text)


if __name__ == "__main__":
    main()
