"""Measures touchstone beside gateways that a package manager installs here: the same mock server, the same load.

Each runs alone on one core, in its own defaults but for what the comparison needs: one process, no caching, no
logging of requests. touchstone records every call and holds its end for the commit; of the others none records
anything here. Figures go to the terminal and into the section of bench/RESULTS.md.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import report
import servers
import stream

FOLDER = os.path.join(report.ROOT, "bench", "gateways")
LITELLM = "1.108.7"
LITELLM_KEY = "sk-bench-0123456789abcdef0123456789"
SLOW_START_S = 90
TARGET = "/v1/chat/completions"
STREAMS = 100
INTERVAL_US = 20000


class Plan:
    def __init__(self, quick):
        self.rounds = 2 if quick else 5
        self.requests = 200 if quick else 400
        self.window_ms = 2000 if quick else 4000


def install_portkey():
    """The command that starts it, or the reason why there is none."""
    script = os.path.join(FOLDER, "node_modules", "@portkey-ai", "gateway", "build", "start-server.js")
    if not os.path.exists(script):
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=FOLDER, check=True)
    return ["node", script, "--headless"]


def install_litellm():
    home = os.path.join(report.BUILD, "litellm")
    command = os.path.join(home, "bin", "litellm")
    if not os.path.exists(command):
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run([os.path.join(home, "bin", "pip"), "install", "--quiet", f"litellm[proxy]=={LITELLM}"], check=True)
    return [command]


class Gateway(servers.Server):
    """A gateway, ready when a whole stream has come through it."""

    def __init__(self, name, command, port, folder, env, headers=""):
        super().__init__(name, command, port, f"{folder}/{name}.log", servers.TEST_CORES, os.environ | env, folder)
        self.headers = headers

    def wait_for_stream(self):
        while time.monotonic() - self.started < SLOW_START_S:
            if self.process.poll() is not None:
                break
            if ask(self, requests=1, tokens=3).returncode == 0:
                self.ready_s = time.monotonic() - self.started
                return self
            time.sleep(0.05)
        with open(self.log, encoding="utf-8", errors="replace") as f:
            raise RuntimeError(f"{self.name} did not become ready:\n{f.read()[-2000:]}")


def ask(server, **options):
    command = [os.path.join(report.BUILD, "bench", "bench-load"), "seq", f"port={server.port}", f"target={TARGET}",
               "model=mock-sse", f"headers={getattr(server, 'headers', '')}"]
    command += [f"{name}={value}" for name, value in options.items()]
    return subprocess.run(command, capture_output=True, check=False, timeout=30)


def start_portkey(folder, upstream):
    port = servers.free_port()
    headers = (f"x-portkey-provider: openai\r\nx-portkey-custom-host: http://127.0.0.1:{upstream}/v1\r\n"
               "Authorization: Bearer none\r\n")
    return Gateway("portkey", [*install_portkey(), f"--port={port}"], port, folder, {}, headers).wait_for_stream()


def start_litellm(folder, upstream):
    port = servers.free_port()
    config = f"{folder}/litellm.yaml"
    with open(config, "w", encoding="utf-8") as f:
        f.write("model_list:\n  - model_name: mock-sse\n    litellm_params:\n      model: openai/mock-sse\n"
                f"      api_base: http://127.0.0.1:{upstream}/v1\n      api_key: none\n")
    env = {"LITELLM_MASTER_KEY": LITELLM_KEY, "LITELLM_TELEMETRY": "False", "LITELLM_LOCAL_MODEL_COST_MAP": "True",
           "LITELLM_LOG": "ERROR"}
    command = [*install_litellm(), "--config", config, "--host", "127.0.0.1", "--port", str(port)]
    return Gateway("litellm", command, port, folder, env, f"Authorization: Bearer {LITELLM_KEY}\r\n").wait_for_stream()


class Bench(stream.Bench):
    """The streaming benchmark's rounds, on the route that all of them have."""

    def start(self, path):
        starters = {"portkey": start_portkey, "litellm": start_litellm}
        if path not in starters:
            super().start(path)
            return
        self.running[path] = starters[path](self.folder, self.running["direct"].port)

    def request(self, path):
        return {"target": TARGET, "model": "mock-sse", "headers": getattr(self.running[path], "headers", "")}

    def first_token(self, path):
        server, n = self.running[path], self.plan.requests
        before = server.cpu_s()
        result = self.load("seq", path, requests=n, tokens=3, interval_us=stream.TOKEN_GAP_US, **self.request(path))
        self.figures.add("first token, p50, us", path, result["ttft_us"]["p50"])
        self.figures.add("first token, p99, us", path, result["ttft_us"]["p99"])
        self.figures.add("CPU of a call of 3 tokens, us", path, (server.cpu_s() - before) * 1e6 / n)

    def many(self, path):
        server, seen = self.running[path], {}

        def on_line(line):
            seen[line["at"]] = (server.cpu_s(), line["tokens"], server.rss_kib())

        tokens = 2 + (1000 + self.plan.window_ms) * 1000 // INTERVAL_US + 1
        result = self.load("streams", path, on_line, streams=STREAMS, interval_us=INTERVAL_US, ramp_ms=1000,
                           window_ms=self.plan.window_ms, tokens=tokens, **self.request(path))
        cpu = (seen["end"][0] - seen["begin"][0]) / (seen["end"][1] - seen["begin"][1])
        self.figures.add("CPU per million tokens, s", path, cpu * 1e6)
        self.figures.add("delay of a token, p50, us", path, result["delay_us"]["p50"])
        self.figures.add("delay of a token, p99, us", path, result["delay_us"]["p99"])
        self.figures.add("memory with all streams open, MiB", path, seen["end"][2] / 1024)

    def run(self):
        self.start("direct")
        for path in self.paths[1:]:
            print(f"starting {path} ...", file=sys.stderr, flush=True)
            self.start(path)
            time.sleep(stream.IDLE_S)
            self.figures.add("start to ready, s", path, self.running[path].ready_s)
            self.figures.add("memory when idle, MiB", path, self.running[path].rss_kib() / 1024)
        for path in self.paths:  # what is compiled or fetched at the first calls is no call's
            ask(self.running[path], requests=100, tokens=3)
        for title, measure in [("one client", self.first_token), (f"{STREAMS} streams at 20 ms", self.many)]:
            print(f"{title} ...", file=sys.stderr, flush=True)
            self.rounds(self.plan.rounds, measure)


def section(figures, paths, plan_name):
    lines = ["# Gateways, measured", "",
             "Written by `tools/bench gateways`: the OpenAI route of each, the same mock server and load. Medians of the rounds.", "",
             f"- {report.machine()}",
             f"- portkey: @portkey-ai/gateway from npm (bench/gateways/package.json) on node {report.output('node', '--version')}; litellm {LITELLM} from PyPI, "
             f"one worker; release build of commit {report.commit()}; {plan_name} run.",
             "- Each gateway had one core, the mock model server and the load generator the other. touchstone wrote a row for each call, durably; the others wrote nothing.",
             "", "| | " + " | ".join(paths) + " |", "|---" * (len(paths) + 1) + "|"]
    for figure in figures.values:
        cells = [f"{statistics.median(v):.1f}" if (v := figures.of(figure, path)) else "-" for path in paths]
        lines.append(f"| {figure} | " + " | ".join(cells) + " |")
    lines += ["", f"The first three rows of load: one client, one call after the other; the rest: {STREAMS} streams, a token every 20 ms each."]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="tools/bench gateways", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--paths", default="direct,touchstone,portkey,litellm", help="what to measure; direct first")
    args = parser.parse_args()
    paths = args.paths.split(",")
    report.build()
    folder = tempfile.mkdtemp(prefix="run-", dir=report.BUILD)
    bench = Bench(Plan(args.quick), paths, folder)
    try:
        bench.run()
    finally:
        bench.stop_all()
        shutil.rmtree(folder, ignore_errors=True)
    text = section(bench.figures, paths, "quick" if args.quick else "full")
    report.write_section(report.PAGE, text)
    print(text)


if __name__ == "__main__":
    main()
