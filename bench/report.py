"""What the benchmarks share: the build that is measured, the machine it ran on, the page of results."""

import os
import platform
import re
import statistics
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build-bench")
PAGE = os.path.join(ROOT, "bench", "RESULTS.md")


def build():
    if not os.path.exists(os.path.join(BUILD, "build.ninja")):
        subprocess.run(["meson", "setup", BUILD, "--buildtype=release", "-Dbench=true", "-Dtests=false"], cwd=ROOT,
                       check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", BUILD, "--quiet"], check=True, stdout=subprocess.DEVNULL)


def output(*command):
    """The first line that a program prints, or "unknown"."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        return (done.stdout + done.stderr).strip().splitlines()[0]
    except (OSError, IndexError):
        return "unknown"


def machine():
    """The processor, its memory, the system and how busy it was before."""
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        cpu = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB; Linux {platform.release()}; "
            f"load average at the start {os.getloadavg()[0]:.1f}.")


def versions(*libraries):
    return ", ".join(f"{name} {output('pkg-config', '--modversion', name)}" for name in libraries)


def commit():
    return output("git", "-C", ROOT, "rev-parse", "--short", "HEAD")


def spread(values, digits=2):
    """Median (lowest-highest)."""
    if not values:
        return "-"
    text = f"{statistics.median(values):.{digits}f}"
    return text if len(values) == 1 else f"{text} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def targets_table(rows):
    """Rows of (what, values, unit, limit, side): `side` max where the limit is an upper one, min where a lower one,
    None where nothing was promised."""
    lines = ["| | measured | to reach | |", "|---|---|---|---|"]
    for what, values, unit, limit, side in rows:
        if side is None:
            promise, verdict = "-", ""
        else:
            promise = f"{'<=' if side is max else '>='} {limit:g} {unit}"
            median = statistics.median(values) if values else None
            kept = values and (median <= limit if side is max else median >= limit)
            verdict = "not measured" if not values else "reached" if kept else "**missed**"
        digits = 3 if limit is not None and 0 < limit < 0.1 else 2
        lines.append(f"| {what} | {spread(values, digits)} {unit if values else ''} | {promise} | {verdict} |")
    return lines


def write_section(path, text):
    """Puts a section that begins with "# TITLE" in the place of the one of that title, or at the end."""
    title = text.split("\n", 1)[0]
    try:
        with open(path, encoding="utf-8") as f:
            page = f.read()
    except FileNotFoundError:
        page = ""
    sections = [s for s in re.split(r"(?m)^(?=# )", page) if s.strip()]
    titles = [s.split("\n", 1)[0] for s in sections]
    if title in titles:
        sections[titles.index(title)] = text
    else:
        sections.append(text)
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(s.rstrip("\n") + "\n" for s in sections))
