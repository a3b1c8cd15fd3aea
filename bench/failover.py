"""Measures what a dead model server costs the calls that are meant for it, once its breaker is open.

Two servers have the same model. Calls that name the first and may fall back to the second are compared with calls
that name the second, in turns: while both are well, right after the first was killed (its breaker opens, discovery
does not know yet), when discovery knows, and with a first server that accepts connections and says nothing.
Results go to the terminal and into the section of bench/RESULTS.md.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time

import report
import servers

MODEL = "mock:1b"
BREAKER_CALLS = 30  # more than its breaker needs to open
NOTICED_S = 13  # a round of discovery and the time after which it gives up on a server
CONFIG = """[provider.a]
kind = ollama
base_url = http://127.0.0.1:{a}

[provider.b]
kind = ollama
base_url = http://127.0.0.1:{b}
"""


class Bench:
    def __init__(self, folder, quick):
        self.folder = folder
        self.rounds = 2 if quick else 6
        self.requests = 200 if quick else 500
        self.figures = {}

    def add(self, name, *values):
        self.figures.setdefault(name, []).extend(values)
        for value in values:
            print(f"  {name} {value:.2f}", file=sys.stderr, flush=True)

    def load(self, server, provider, requests):
        return servers.run_load("seq", server.port, requests=requests, tokens=3, interval_us=1500, model=f"{provider}/{MODEL}",
                                headers=f"X-Touchstone-Fallback: b/{MODEL}\r\n")["ttft_us"]

    def compare(self, server, phase):
        """In turns, so that what else the machine does hits both alike."""
        for _ in range(self.rounds):
            well, meant = (self.load(server, provider, self.requests) for provider in ("b", "a"))
            for q in ("p50", "p99"):
                self.add(f"{phase}_well_{q}_us", well[q])
                self.add(f"{phase}_meant_{q}_us", meant[q])
                self.add(f"{phase}_added_{q}_ms", (meant[q] - well[q]) / 1000)

    def server(self, first, second):
        config = f"{self.folder}/touchstone.ini"
        with open(config, "w", encoding="utf-8") as f:
            f.write(CONFIG.format(a=first.port, b=second.port))
        return servers.start_touchstone(self.folder, second.port, settings={
            "OLLAMA_ENABLED": "off", "VLLM_ENABLED": "off", "TOUCHSTONE_CONFIG": config, "TOUCHSTONE_LOG": "error"})

    def phases(self, first, second, server):
        print("both are well ...", file=sys.stderr, flush=True)
        self.compare(server, "both")
        print("the first is dead ...", file=sys.stderr, flush=True)
        first.process.kill()
        first.process.wait()
        opening = self.load(server, "a", BREAKER_CALLS)
        self.add("opening_max_us", opening["max"])
        self.compare(server, "dead")
        print("discovery knows ...", file=sys.stderr, flush=True)
        time.sleep(NOTICED_S)
        self.compare(server, "known")

    def mute(self, second):
        print("the first is mute ...", file=sys.stderr, flush=True)
        first = servers.start_mock(self.folder)
        server = self.server(first, second)
        try:
            self.load(server, "a", 10)
            os.kill(first.process.pid, signal.SIGSTOP)
            time.sleep(NOTICED_S)
            self.compare(server, "mute")
        finally:
            server.stop()
            first.process.kill()
            first.process.wait()

    def run(self):
        first, second = servers.start_mock(self.folder), servers.start_mock(self.folder)
        server = self.server(first, second)
        try:
            self.phases(first, second, server)
            server.stop()
            self.mute(second)
        finally:
            for process in (server, first, second):
                process.stop()


def targets(bench):
    f = lambda name: bench.figures.get(name, [])
    rows = [("longest first token while the breaker opens", [v / 1000 for v in f("opening_max_us")], "ms", None, None)]
    for phase, what in (("both", "while both are well"), ("dead", "with the breaker open"), ("known", "when discovery knows it too"),
                        ("mute", "with a server that says nothing, when discovery knows it")):
        promised = (1, max) if phase != "both" else (None, None)
        rows += [(f"added to the first token {what}, {q}", f(f"{phase}_added_{q}_ms"), "ms", *promised) for q in ("p50", "p99")]
    return rows


def section(bench, facts):
    lines = ["# A dead server, measured", "", "Written by `tools/bench failover`.", ""]
    lines += [f"- {fact}" for fact in facts]
    lines += ["", "Median of the rounds, lowest and highest in brackets.", "", *report.targets_table(targets(bench)), "",
              "## Every figure of the dead server", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {report.spread(values)} |" for name, values in bench.figures.items()]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="tools/bench failover", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--output", default=report.PAGE, help="where the section is written")
    args = parser.parse_args()
    report.build()
    facts = [report.machine(),
             f"{report.versions('libmicrohttpd', 'libcurl')}; release build of commit {report.commit()}; {'quick' if args.quick else 'full'} run.",
             "One client, one call of three tokens after the other."]
    folder = tempfile.mkdtemp(prefix="failover-", dir=report.BUILD)
    bench = Bench(folder, args.quick)
    try:
        bench.run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = section(bench, facts)
    report.write_section(args.output, text)
    print(text)


if __name__ == "__main__":
    main()
