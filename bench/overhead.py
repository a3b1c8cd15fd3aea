"""Measures what the gateway's features cost: touchstone as it comes beside touchstone with everything switched on.

On: a key that every call has to bring, texts captured, labels, tags and a trace of the caller's, a fallback list, a
reader of live events and somebody who scrapes the metrics as often as Prometheus does. Both take turns on the same core, on the same
model server. Results go to the terminal and into the section of bench/RESULTS.md.
"""

import argparse
import http.client
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time

import report
import servers

KEY = "bench-0123456789abcdef0123456789abcdef"
STREAMS = 200
INTERVAL_US = 20000
SCRAPE_S = 15
LABELS = (f"Authorization: Bearer {KEY}\r\n"
          "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
          "X-Touchstone-Task-Type: coding\r\nX-Touchstone-Complexity: medium\r\nX-Touchstone-User-Id: bench\r\n"
          "X-Touchstone-User-Segment: all\r\nX-Touchstone-Conversation-Id: c-1\r\nX-Touchstone-Tags: project=bench,team=stone\r\n"
          "X-Touchstone-Fallback: vllm/mock:1b\r\n")
ON = {"TOUCHSTONE_API_KEY": KEY, "TOUCHSTONE_CAPTURE": "full", "TOUCHSTONE_FALLBACK": "vllm/mock:1b,ollama/mock:1b"}


class Company:
    """Somebody who reads the live events and scrapes the metrics of a server."""

    def __init__(self, port):
        self.port, self.over = port, threading.Event()
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.watch, self.scrape)]
        for thread in self.threads:
            thread.start()

    def open(self, path, timeout):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        connection.request("GET", path, headers={"Authorization": f"Bearer {KEY}"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"GET {path}: {answer.status}")
        return connection, answer

    def watch(self):
        _, answer = self.open("/api/events", 60)
        try:
            while not self.over.is_set():
                answer.read1(65536)
        except (OSError, http.client.HTTPException):
            pass

    def scrape(self):
        while not self.over.wait(SCRAPE_S):
            connection, answer = self.open("/metrics", 10)
            answer.read()
            connection.close()


class Bench:
    def __init__(self, folder, quick):
        self.folder = folder
        self.rounds = 3 if quick else 10
        self.requests = 200 if quick else 500
        self.window_ms = 2000 if quick else 4000
        self.figures = {}

    def add(self, figure, name, value):
        self.figures.setdefault(figure, {}).setdefault(name, []).append(value)
        print(f"  {figure} {name} {value:.2f}", file=sys.stderr, flush=True)

    def one_client(self, name, server, options):
        before = server.cpu_s()
        ttft = servers.run_load("seq", server.port, requests=self.requests, tokens=3, interval_us=1500, **options)["ttft_us"]
        self.add("first token, p50, us", name, ttft["p50"])
        self.add("CPU of a call of 3 tokens, us", name, (server.cpu_s() - before) * 1e6 / self.requests)

    def many(self, name, server, options):
        seen = {}

        def on_line(line):
            seen[line["at"]] = (server.cpu_s(), line["tokens"])

        tokens = 2 + (500 + self.window_ms) * 1000 // INTERVAL_US + 1
        delay = servers.run_load("streams", server.port, on_line, streams=STREAMS, interval_us=INTERVAL_US, ramp_ms=500,
                                 window_ms=self.window_ms, tokens=tokens, **options)["delay_us"]
        cpu = (seen["end"][0] - seen["begin"][0]) / (seen["end"][1] - seen["begin"][1])
        self.add("CPU per million tokens, s", name, cpu * 1e6)
        self.add("delay of a token, p50, us", name, delay["p50"])

    def start(self, name, upstream, settings):
        folder = f"{self.folder}/{name}"
        os.makedirs(folder)
        return servers.start_touchstone(folder, upstream, settings=settings)

    def run(self):
        mock = servers.start_mock(self.folder)
        running = {}
        try:
            running["plain"] = self.start("plain", mock.port, {})
            running["on"] = self.start("on", mock.port, ON)
            company = Company(running["on"].port)
            paths = [("plain", running["plain"], {}), ("on", running["on"], {"headers": LABELS})]
            for _, server, options in paths:
                servers.run_load("seq", server.port, requests=100, tokens=3, **options)
            for measure in (self.one_client, self.many):
                for i in range(self.rounds):
                    for name, server, options in paths if i % 2 == 0 else reversed(paths):
                        measure(name, server, options)
            company.over.set()
        finally:
            for server in (*running.values(), mock):
                server.stop()


def targets(bench):
    rows = []
    for figure, values in bench.figures.items():
        ratio = [on / plain for on, plain in zip(values["on"], values["plain"])]
        promised = (None, None) if figure.startswith("delay") else (1.1, max)
        rows.append((f"{figure.rsplit(',', 1)[0]}: everything on, of as it comes", ratio, "x", *promised))
    return rows


def section(bench, facts):
    lines = ["# Everything on, measured", "", "Written by `tools/bench overhead`.", ""]
    lines += [f"- {fact}" for fact in facts]
    lines += ["", "Median of the rounds, lowest and highest in brackets.", "", *report.targets_table(targets(bench)), "",
              "| | as it comes | everything on |", "|---|---|---|"]
    lines += [f"| {figure} | {statistics.median(values['plain']):.2f} | {statistics.median(values['on']):.2f} |"
              for figure, values in bench.figures.items()]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="tools/bench overhead", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--output", default=report.PAGE, help="where the section is written")
    args = parser.parse_args()
    report.build()
    facts = [report.machine(),
             f"{report.versions('libmicrohttpd', 'libcurl', 'sqlite3')}; release build of commit {report.commit()}; {'quick' if args.quick else 'full'} run.",
             f"One client, one call of three tokens after the other; {STREAMS} streams, a token every 20 ms each."]
    folder = tempfile.mkdtemp(prefix="overhead-", dir=report.BUILD)
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
