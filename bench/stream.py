"""Measures the streaming path: the mock model server directly, through nginx, through touchstone.

The three take turns within each round, so that what else the machine does hits all of them; every
figure is given for each and, where one is promised, as a ratio of the rounds: median, lowest and
highest. nginx does not record anything, touchstone records each call and holds the end of each
stream for the commit. Results go to the terminal and to bench/RESULTS.md.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time

import report
import servers

STATIC_PATH = "/version"
IDLE_S = 2
TOKEN_GAP_US = 1500  # with one client: a first token is a first token only where the others follow later


class Plan:
    """How much is measured."""

    def __init__(self, quick):
        # Many short rounds: what else the machine does then hits neighbours alike.
        self.rounds = 3 if quick else 8
        self.big_rounds = 1 if quick else 4
        self.requests = 300 if quick else 500
        self.window_ms = 2000 if quick else 3000
        self.big_window_ms = 4000 if quick else 8000
        self.big_streams = 5000
        self.flat_tokens = 4000
        self.leavers = 200 if quick else 400


class Figures:
    """Values by figure and path, one per round."""

    def __init__(self):
        self.values = {}

    def add(self, figure, path, value):
        self.values.setdefault(figure, {}).setdefault(path, []).append(value)

    def of(self, figure, path):
        return self.values.get(figure, {}).get(path, [])

    def median(self, figure, path):
        values = self.of(figure, path)
        return statistics.median(values) if values else None


class Bench:
    def __init__(self, plan, paths, folder):
        self.plan, self.paths, self.folder = plan, paths, folder
        self.figures = Figures()
        self.running = {}

    # -- processes ----------------------------------------------------------------------------

    def start(self, path):
        mock = self.running.get("direct")
        if path == "nginx":
            body = '{"name":"nginx","note":"as long as the answer that it is compared with"}'
            if "touchstone" in self.running:
                body = servers.get(self.running["touchstone"].port, STATIC_PATH)[1].decode().strip()
            self.running[path] = servers.start_nginx(self.folder, mock.port, STATIC_PATH, body)
        elif path == "touchstone":
            self.running[path] = servers.start_touchstone(self.folder, mock.port)
        else:
            self.running[path] = servers.start_mock(self.folder)

    def restart(self, path):
        if path != "direct":
            self.running.pop(path).stop()
            self.start(path)

    def stop_all(self):
        for server in self.running.values():
            server.stop()

    def load(self, mode, path, on_line=None, cores=servers.REST_CORES, **options):
        """Runs the load generator; returns its last line."""
        return servers.run_load(mode, self.running[path].port, on_line, cores, **options)

    def rounds(self, count, measure):
        for _ in range(count):
            for path in self.paths:
                measure(path)
                time.sleep(0.2)

    # -- measurements -------------------------------------------------------------------------

    def first_token(self, path):
        server, n = self.running[path], self.plan.requests
        before = server.cpu_s()
        result = self.load("seq", path, requests=n, tokens=3, interval_us=TOKEN_GAP_US)
        self.figures.add("ttft_p50_us", path, result["ttft_us"]["p50"])
        self.figures.add("ttft_p99_us", path, result["ttft_us"]["p99"])
        self.figures.add("cpu_us_per_call", path, (server.cpu_s() - before) * 1e6 / n)

    def first_token_one_core(self, path):
        """The same without a wake-up of another core in it: what is left is the work itself."""
        server = self.running[path]
        server.pin(servers.REST_CORES)
        result = self.load("seq", path, requests=self.plan.requests, tokens=3, interval_us=TOKEN_GAP_US)
        if path != "direct":
            server.pin(servers.TEST_CORES)
        self.figures.add("ttft_one_core_p50_us", path, result["ttft_us"]["p50"])
        self.figures.add("ttft_one_core_p99_us", path, result["ttft_us"]["p99"])

    def hold(self, path):
        result = self.load("seq", path, requests=self.plan.requests // 2, tokens=3, interval_us=TOKEN_GAP_US)
        self.figures.add("last_p50_us", path, result["last_us"]["p50"])
        self.figures.add("last_p99_us", path, result["last_us"]["p99"])

    def paced(self, path, name, streams, interval_us, ramp_ms, window_ms, **request):
        server, seen = self.running[path], {}
        idle_kib, idle_cpu = server.rss_kib(), server.cpu_s()

        def on_line(line):
            seen[line["at"]] = (server.cpu_s(), line["tokens"], server.rss_kib())

        tokens = 2 + (ramp_ms + window_ms) * 1000 // interval_us + 1
        result = self.load("streams", path, on_line, streams=streams, interval_us=interval_us, ramp_ms=ramp_ms,
                           window_ms=window_ms, tokens=tokens, **request)
        steady = (seen["end"][0] - seen["begin"][0]) / (seen["end"][1] - seen["begin"][1])
        self.figures.add(f"{name}_cpu_s_per_million", path, steady * 1e6)
        self.figures.add(f"{name}_whole_cpu_s", path, seen["done"][0] - idle_cpu)
        self.figures.add(f"{name}_delay_p50_us", path, result["delay_us"]["p50"])
        self.figures.add(f"{name}_delay_p99_us", path, result["delay_us"]["p99"])
        self.figures.add(f"{name}_kib_per_stream", path, (seen["end"][2] - idle_kib) / streams)

    def paced_400(self, path):
        self.paced(path, "p400", 400, 20000, 1000, self.plan.window_ms)

    def paced_translated(self, path):
        """The upstream speaks OpenAI's dialect; touchstone's client speaks Ollama's, the others' the upstream's."""
        target = "/api/generate" if path == "touchstone" else "/v1/chat/completions"
        self.paced(path, "p400_translated", 400, 20000, 1000, self.plan.window_ms, target=target, model="mock-sse")

    def paced_5000(self, path):
        self.restart(path)
        time.sleep(IDLE_S)
        self.figures.add("idle_rss_mib", path, self.running[path].rss_kib() / 1024)
        self.load("seq", path, requests=100, tokens=3)  # what the first calls touch is no stream's memory
        self.paced(path, "p5000", self.plan.big_streams, 1000000, 4000, self.plan.big_window_ms)

    def flat_out(self, path):
        server = self.running[path]
        before = server.cpu_s()
        result = self.load("streams", path, streams=50, tokens=self.plan.flat_tokens, interval_us=0, ramp_ms=0,
                           window_ms=servers.RUN_LIMIT_S * 1000)
        self.figures.add("flat_tokens_per_s", path, result["tokens"] / result["whole_s"])
        self.figures.add("flat_cpu_s_per_million", path, (server.cpu_s() - before) / result["tokens"] * 1e6)

    def static(self, path):
        server = self.running[path]
        before = server.cpu_s()
        url = "/api/version" if path == "direct" else STATIC_PATH
        result = self.load("rate", path, target=url, streams=32, window_ms=1000)
        self.figures.add("static_per_s", path, result["per_s"])
        self.figures.add("static_cpu_us", path, (server.cpu_s() - before) * 1e6 / result["requests"])

    def leave(self, path):
        result = self.load("cancel", path, requests=self.plan.leavers, streams=20, tokens=1000, delay_us=60000,
                           interval_us=20000, mock_port=self.running["direct"].port)
        if result["not_closed"] > 0:
            raise RuntimeError(f"{path}: {result['not_closed']} upstream streams stayed open")
        for phase in ("before_first_token_us", "mid_stream_us"):
            for q in ("p50", "p99", "max"):
                self.figures.add(f"leave_{phase[:-3]}_{q}_us", path, result[phase][q])

    def start_to_ready(self, path):
        self.restart(path)
        if path != "direct":
            self.figures.add("ready_ms", path, self.running[path].ready_s * 1000)

    def run(self):
        plan = self.plan
        self.start("direct")
        for path in ("touchstone", "nginx"):
            if path in self.paths:
                self.start(path)
        steps = [
            ("first token, one client", plan.rounds, self.first_token),
            ("first token, everything on one core", plan.rounds, self.first_token_one_core),
            ("end of the stream, one client", plan.rounds, self.hold),
            ("400 streams at 20 ms", plan.rounds, self.paced_400),
            ("400 streams at 20 ms, translated", plan.big_rounds, self.paced_translated),
            ("flat out, 50 streams", plan.big_rounds, self.flat_out),
            ("static JSON, 32 connections", plan.rounds, self.static),
            ("clients that leave", plan.big_rounds, self.leave),
            ("5,000 streams at 1 s", plan.big_rounds, self.paced_5000),
            ("start to ready", 5, self.start_to_ready),
        ]
        for title, count, measure in steps:
            print(f"{title} ...", file=sys.stderr, flush=True)
            self.rounds(count, measure)


# -- the report -------------------------------------------------------------------------------


def added(figures, figure, base, path):
    """Per round: what `path` adds to the direct connection's `base`."""
    return [max(v - d, 0.1) for v, d in zip(figures.of(figure, path), figures.of(base, "direct"))]


def ratios(figures, figure, base=None):
    """Per round: touchstone's figure over nginx's, what a direct connection takes subtracted first."""
    if base is not None:
        ours, theirs = (added(figures, figure, base, p) for p in ("touchstone", "nginx"))
    else:
        ours, theirs = figures.of(figure, "touchstone"), figures.of(figure, "nginx")
    return [a / b for a, b in zip(ours, theirs) if b > 0]


def targets(f):
    """Rows for report.targets_table()."""
    ours = lambda figure, scale=1.0: [v * scale for v in f.of(figure, "touchstone")]
    held = [v / 1000 for v in added(f, "last_p50_us", "last_p50_us", "touchstone")]
    left = [v / 1000 for phase in ("before_first_token", "mid_stream") for v in f.of(f"leave_{phase}_max_us", "touchstone")]
    return [
        ("added time to first token, p50, of nginx's", ratios(f, "ttft_p50_us", "ttft_p50_us"), "x", 1.6, max),
        ("the same, everything on one core", ratios(f, "ttft_one_core_p50_us", "ttft_one_core_p50_us"), "x", 1.6, max),
        ("CPU per million tokens, 400 streams at 20 ms, of nginx's", ratios(f, "p400_cpu_s_per_million"), "x", 1.25, max),
        ("CPU per million tokens, 5,000 streams at 1 s, of nginx's", ratios(f, "p5000_cpu_s_per_million"), "x", 1.15, max),
        ("added delay per token, p99, 400 streams, of nginx's", ratios(f, "p400_delay_p99_us", "p400_delay_p50_us"), "x", 1.5, max),
        ("memory per open stream at 5,000", ours("p5000_kib_per_stream"), "KiB", 32, max),
        ("idle process", ours("idle_rss_mib"), "MiB", 12, max),
        ("static JSON requests/s, of nginx's", ratios(f, "static_per_s"), "x", 0.9, min),
        ("client leaves -> upstream closed, longest", left, "ms", 20, max),
        ("end of a stream held for its commit, p50", held, "ms", 1, max),
        ("start to ready, empty database", ours("ready_ms"), "ms", 100, max),
    ]


def facts(plan_name):
    libraries = report.versions("libmicrohttpd", "libcurl", "sqlite3", "jansson")
    nginx = report.output("nginx", "-v").replace("nginx version: ", "")
    return [
        report.machine(),
        f"{nginx}; {libraries}; release build of commit {report.commit()}; {plan_name} run.",
        f"The server under test ran on core {min(servers.TEST_CORES)}, the mock model server and the load generator on core {min(servers.REST_CORES)}.",
    ]


def section(figures, paths, facts_then):
    lines = ["# Streaming, measured", "", "Written by `tools/bench stream`; the figures are this machine's, the ratios are what to compare.", ""]
    lines += [f"- {fact}" for fact in facts_then]
    lines += ["", "Median of the rounds, lowest and highest in brackets.", "", *report.targets_table(targets(figures))]
    lines += ["", "\"Added\" is minus the direct connection's in the same round (for the delay per token: minus its median).", "",
              "## Every figure", "", "| | " + " | ".join(paths) + " |", "|---" * (len(paths) + 1) + "|"]
    for figure in figures.values:
        cells = [report.spread(figures.of(figure, path), 1) for path in paths]
        lines.append(f"| {figure} | " + " | ".join(cells) + " |")
    lines += ["", "`p400`: 400 streams, a token every 20 ms each (`translated`: from OpenAI's dialect to Ollama's); `p5000`: 5,000 streams, one a second. `cpu_s_per_million`: while all streams",
              "run; `whole_cpu_s`: with their opening, their end and, in touchstone, their rows. `cpu_us_per_call`: a call of 3 tokens,",
              "one after the other, each committed before its end is sent. Delays are from the model server's write to the client's read."]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="tools/bench stream", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: minutes become seconds, and the spread grows")
    parser.add_argument("--paths", default="direct,nginx,touchstone", help="what to measure, separated by commas (direct must be among them)")
    parser.add_argument("--output", default=report.PAGE, help="where the table is written")
    args = parser.parse_args()
    paths = args.paths.split(",")
    report.build()
    facts_then = facts("quick" if args.quick else "full")
    folder = tempfile.mkdtemp(prefix="run-", dir=report.BUILD)  # on the disk of the source tree, not in memory
    bench = Bench(Plan(args.quick), paths, folder)
    try:
        bench.run()
    finally:
        bench.stop_all()
        shutil.rmtree(folder, ignore_errors=True)
    text = section(bench.figures, paths, facts_then)
    report.write_section(args.output, text)
    print(text)


if __name__ == "__main__":
    main()
