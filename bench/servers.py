"""The processes of a benchmark: the mock model server, nginx, touchstone; all on 127.0.0.1."""

import http.client
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import time

import report

START_LIMIT_S = 10
RUN_LIMIT_S = 180

# The server under test has a core to itself, the mock server and the load generator share another: else it is chance
# whether two neighbours share a core, which moves a round trip more than anything that is measured here.
CORES = sorted(os.sched_getaffinity(0))
TEST_CORES = set(CORES[-1:])
REST_CORES = set(CORES[:1])

NGINX_CONF = """
daemon off;
worker_processes 1;
worker_rlimit_nofile {files};
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
{user}
events {{ worker_connections {connections}; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 100000000;
  upstream models {{ server 127.0.0.1:{upstream}; keepalive 8192; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = {static_path} {{ default_type application/json; return 200 '{static_body}'; }}
    location / {{
      proxy_pass http://models;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 600s;
    }}
  }}
}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(port, path):
    """Status and body of a GET."""
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        c.request("GET", path)
        answer = c.getresponse()
        return answer.status, answer.read()
    finally:
        c.close()


class Server:
    """A process with a port, stopped by its own pid; figures are summed over its children."""

    def __init__(self, name, command, port, log, cores, env=None, cwd=None):
        self.name, self.port = name, port
        self.started = time.monotonic()
        with open(log, "ab") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if port == 0 else out,
                                            stderr=out, env=env, cwd=cwd, preexec_fn=lambda: os.sched_setaffinity(0, cores))
        self.log = log
        if port == 0:  # the mock tells its own
            self.port = int(self.process.stdout.readline())

    def pids(self):
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [pid, *map(int, f.read().split())]

    def pin(self, cores):
        """Moves every thread; new ones inherit it."""
        for pid in self.pids():
            for thread in os.listdir(f"/proc/{pid}/task"):
                os.sched_setaffinity(int(thread), cores)

    def cpu_s(self):
        """User and system time of all threads so far, by each process's CPU clock (clock_getcpuclockid)."""
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in self.pids())

    def rss_kib(self):
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
                total += next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
        return total

    def wait_ready(self, path):
        """Seconds from the start of the process to a 200 on `path`."""
        while time.monotonic() - self.started < START_LIMIT_S:
            try:
                if get(self.port, path)[0] == 200:
                    return time.monotonic() - self.started
            except (OSError, http.client.HTTPException):
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.0005)
        with open(self.log, encoding="utf-8", errors="replace") as f:
            raise RuntimeError(f"{self.name} did not become ready:\n{f.read()[-2000:]}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def run_load(mode, port, on_line=None, cores=REST_CORES, **options):
    """Runs the load generator; returns its last line."""
    command = [os.path.join(report.BUILD, "bench", "bench-load"), mode, f"port={port}"]
    command += [f"{name}={value}" for name, value in options.items()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                               preexec_fn=lambda: os.sched_setaffinity(0, cores))
    deadline = time.monotonic() + RUN_LIMIT_S
    last = None
    try:
        for line in process.stdout:
            last = json.loads(line)
            if on_line is not None:
                on_line(last)
            if time.monotonic() > deadline:
                raise RuntimeError(f"{mode} at port {port} takes too long")
        process.wait(10)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if last is None or last.get("failed", 0) > 0:
        raise RuntimeError(f"{mode} at port {port} failed: {last}, status {process.returncode}")
    return last


def start_mock(folder):
    return Server("mock", [os.path.join(report.BUILD, "bench", "bench-mock"), "0"], 0, f"{folder}/mock.log", REST_CORES)


def start_nginx(folder, upstream, static_path, static_body):
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        raise RuntimeError("nginx is needed for the comparison: apt-get install nginx-light")
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    home = f"{folder}/nginx"
    os.makedirs(home, exist_ok=True)
    port = free_port()
    conf = NGINX_CONF.format(folder=home, port=port, upstream=upstream, files=files, connections=min(files, 65536),
                             user="user root;" if os.geteuid() == 0 else "", static_path=static_path, static_body=static_body)
    with open(f"{home}/nginx.conf", "w", encoding="utf-8") as f:
        f.write(conf)
    server = Server("nginx", [program, "-p", home, "-c", f"{home}/nginx.conf"], port, f"{home}/log", TEST_CORES)
    server.ready_s = server.wait_ready(static_path)
    return server


def start_touchstone(folder, upstream, db=None, cores=frozenset(TEST_CORES), settings=None):
    """Recording on, full durability: the defaults. Without `db` on an empty database in `folder`."""
    home = f"{folder}/touchstone"
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(home)
    port = free_port()
    env = {
        "PATH": os.environ.get("PATH", ""), "HOME": home,
        "TOUCHSTONE_LISTEN": f"127.0.0.1:{port}", "TOUCHSTONE_DB": db or f"{home}/touchstone.db",
        "TOUCHSTONE_LOG": "warn",
        "OLLAMA_ENABLED": "on", "OLLAMA_BASE_URL": f"http://127.0.0.1:{upstream}",
        "VLLM_ENABLED": "on", "VLLM_BASE_URL": f"http://127.0.0.1:{upstream}",
        **(settings or {}),
    }
    binary = os.path.join(report.BUILD, "touchstone")
    server = Server("touchstone", [binary, "serve"], port, f"{folder}/touchstone.log", cores, env, home)
    server.ready_s = server.wait_ready("/readyz")
    return server
