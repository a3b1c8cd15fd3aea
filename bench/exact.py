"""The same answers computed the plain way (bench/duckdb.mjs), and whether the server's are equal to them."""

import datetime
import glob
import json
import math
import os
import subprocess
import time

import report

HERE = os.path.join(report.ROOT, "bench")
PERCENTILE_ERROR = 0.0055
# As duckdb.mjs tells which columns a row is not grouped by: provider, model, task type, day, from the highest bit.
ALL, BY_MODEL, BY_TASK, BY_PROVIDER, BY_DAY, BY_MODEL_AND_TASK = 15, 3, 13, 7, 14, 1


def install():
    """DuckDB from npm; the path of its library."""
    if not os.path.exists(os.path.join(HERE, "node_modules", "@duckdb")):
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=HERE, check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return glob.glob(os.path.join(HERE, "node_modules", "@duckdb", "node-bindings-*", "libduckdb.so"))[0]


class Exact:
    """DuckDB in a process of its own."""

    def __init__(self, threads):
        install()
        command = [os.path.join(report.ROOT, "tools", "node"), os.path.join(HERE, "duckdb.mjs"), ":memory:", str(threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def cpu_s(self):
        return time.clock_gettime((~self.process.pid << 3) | 2)  # clock_getcpuclockid

    def ask(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"bench/duckdb.mjs ended with status {self.process.wait()}")
        return json.loads(line)

    def answer(self, start, end, filters=None):
        """Milliseconds, and the groups by (what they are grouped by, provider, model, task type, day)."""
        got = self.ask(answer={"from": start, "to": end, "filters": filters or {}})
        key = lambda row: (row["grouped"], row["provider"], row["model"], row["task_type"], row["day"])
        groups = {key(row): row for row in got["groups"]}
        for row in got["attempts"]:
            if key(row) in groups:
                groups[key(row)]["failedAttempts"] = row["failedAttempts"]
        return got["ms"], groups

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def share(part, whole, scale=100):
    return scale * part / whole if whole and part is not None else None


def wilson_width(good, n):
    """Of the 95 % interval of a rate."""
    z, p = 1.959963984540054, good / n
    return 2 * z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)


def scores(row, counted, average):
    """The interface's quality score, speed score and confidence."""
    speed = None if average is None else max(0, 100 - min(100, average / 100))
    rated = row["up"] + row["down"]
    parts = [(0.4, share(row["successes"], counted)), (0.4, share(row["up"], rated)), (0.2, speed)]
    weight = sum(w for w, part in parts if part is not None)
    quality = sum(w * part for w, part in parts if part is not None) / weight if weight else None
    sure = 0.5 * min(1, counted / 100)
    if counted:
        sure += 0.3 * (1 - wilson_width(row["successes"], counted))
    if rated:
        sure += 0.2 * (1 - wilson_width(row["up"], rated))
    return {"qualityScore": (quality, 0.00501), "speedScore": (speed, 0.00501), "confidence": (100 * sure, 0.00501)}


def expected(row, full):
    """The fields of a group: its value and by how much the answer's may differ (its rounding, or a percentile's bound)."""
    counted = row["totalCalls"] - row["cancelled"]
    ms = lambda us: None if us is None else us / 1000
    near = lambda us: (ms(us), None if us is None else PERCENTILE_ERROR * us / 1000 + 0.00051)
    times, firsts = row["times"] or [None] * 3, row["firsts"] or [None] * 2
    average = share(row["timeSum"], row["timed"], 0.001)
    fields = {
        "totalCalls": (row["totalCalls"], 0), "failures": (counted - row["successes"], 0), "timeouts": (row["timeouts"], 0),
        "cancelled": (row["cancelled"], 0), "failedAttempts": (row.get("failedAttempts", 0), 0),
        "avgResponseTime": (average, 0.00051), "successRate": (share(row["successes"], counted), 0.00501),
        "satisfactionRate": (share(row["up"], row["up"] + row["down"]), 0.00501),
        "avgTokens": (share(row["totalTokens"], row["tokenCalls"], 1), 0.00501), "totalTokens": (row["totalTokens"], 0),
        "totalCost": (None if row["cost"] is None else row["cost"] / 1e9, 1e-9),
        "tokensPerSecond": (share(row["pacedTokens"], row["pacedUs"], 1e6), 0.00501),
        "medianResponseTime": near(times[0]), "p95ResponseTime": near(times[1]), "p99ResponseTime": near(times[2]),
        "medianTtft": near(firsts[0]), "p95Ttft": near(firsts[1]),
    }
    if full:
        fields |= {"minResponseTime": (ms(row["timeMin"]), 1e-9), "maxResponseTime": (ms(row["timeMax"]), 1e-9),
                   "inputTokens": (row["inputTokens"], 0), "outputTokens": (row["outputTokens"], 0),
                   **scores(row, counted, average)}
    return fields


def differences(got, row, full, where):
    for field, (value, allowed) in expected(row, full).items():
        told = got[field]
        if (told is None) != (value is None) or (value is not None and abs(told - value) > allowed):
            yield f"{where} {field}: the server says {told}, the rows say {value}"
    if got["ratings"] != {"up": row["up"], "down": row["down"]}:
        yield f"{where} ratings: the server says {got['ratings']}, the rows say {row['up']}, {row['down']}"
    if full:
        used = datetime.datetime.fromisoformat(got["lastUsed"]).timestamp() * 1000
        if round(used) != row["lastUsed"]:
            yield f"{where} lastUsed: the server says {got['lastUsed']}, the rows say {row['lastUsed']}"


def compare(answer, groups):
    """Every value of a whole answer (with group_by=model,task_type); returns how many, and the ones that differ."""
    lists = [("byModel", BY_MODEL), ("byTaskType", BY_TASK), ("byProvider", BY_PROVIDER), ("groups", BY_MODEL_AND_TASK)]
    found, compared, seen = [], 0, set()

    def check(got, key, full, where):
        nonlocal compared
        seen.add(key)
        if key not in groups:
            found.append(f"{where}: the rows have no such group")
            return
        compared += len(expected(groups[key], full)) + 1 + full
        found.extend(differences(got, groups[key], full, where))

    if groups.get((ALL, None, None, None, None), {"totalCalls": 0})["totalCalls"] > 0:
        check(answer["summary"], (ALL, None, None, None, None), False, "summary")
    for name, grouped in lists:
        for got in answer[name]:
            key = (grouped, got.get("provider"), got.get("model"), got.get("taskType"), None)
            check(got, key, True, f"{name} {key[1:4]}")
    for got in answer["trends"]:
        day = (datetime.date.fromisoformat(got["date"]) - datetime.date(1970, 1, 1)).days
        if got["totalCalls"] > 0 or (BY_DAY, None, None, None, day) in groups:
            check(got, (BY_DAY, None, None, None, day), False, f"trends {got['date']}")
    found += [f"{key}: missing in the answer" for key, row in groups.items() if key not in seen and row["totalCalls"] > 0]
    return compared, found
