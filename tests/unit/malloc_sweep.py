"""Runs every unit test program with each of its allocations failing in turn.

    malloc_sweep.py BUILD_DIR [SECONDS]

"Each" means each distinct call stack (tests/unit/malloc_fail.c): once with only that allocation
failing and once with all from there on. Tests may fail then, and a test that uses what it did not
check may even fall; what must not happen is a crash or a sanitizer report in the code under test, or
a hang. Needs a build with AddressSanitizer. A program that would need more than SECONDS is sampled
evenly, and its line says so.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RUN_SECONDS = 240


def needs(program):
    """What tests/unit/meson.build sets for every test."""
    return {"TS_FIXTURES": str(ROOT / "tests/fixtures"), "TS_FAKE_GPU": str(pathlib.Path(program).parent / "fakegpu.so")}


def run(program, env):
    # Leaks are not judged here: a failed assertion leaves its test by a jump. malloc_torture() does.
    # Signals go to the sanitizer, which says where it was, and not to cmocka, which does not.
    quiet = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") +
             ":detect_leaks=0:handle_segv=2:handle_abort=2:handle_sigfpe=2:exitcode=99"}
    try:
        done = subprocess.run([program], capture_output=True, timeout=RUN_SECONDS, cwd=ROOT,
                              env=os.environ | needs(program) | quiet | env)
        return done.returncode, done.stderr.decode(errors="replace")
    except subprocess.TimeoutExpired:
        return None, "hangs"


def count_stacks(program):
    with tempfile.NamedTemporaryFile() as out:
        code, text = run(program, {"TS_MALLOC_COUNT": out.name})
        if code != 0:
            return 0, [f"fails without any failing allocation:\n{text[-2000:]}"]
        return int(out.read() or 0), []


FRAME = re.compile(r"^\s*#\d+ 0x\w+ in .* \S*?(?:\.\./\.\./)([a-z]+/\S+):\d+", re.M)


def is_bad(code, text):
    """A hang, a death that nobody explains, or a report whose innermost frame of ours belongs to the
    product. (cmocka exits with the number of failed tests.)"""
    if code is None or code < 0:
        return True
    if code != 99:
        return False
    frame = next((f for f in FRAME.findall(text) if not f.startswith("tests/unit/malloc_fail")), "")
    return not frame.startswith(("tests/", "bench/"))


def sweep(program, seconds):
    started = time.monotonic()
    stacks, faults = count_stacks(program)
    affordable = max(1, int(seconds / (time.monotonic() - started) / 2))
    step = max(1, -(-stacks // affordable))
    plans = [f"{n}{mode}" for n in range(1, stacks + 1, step) for mode in ("", "+")]
    for plan in plans:
        code, text = run(program, {"TS_MALLOC_FAIL": plan})
        if is_bad(code, text):
            faults.append(f"TS_MALLOC_FAIL={plan}: exit {code}\n{text[-2000:]}")
    return stacks, len(plans), faults


def main(build_dir, seconds=20):
    programs = sorted(p for p in pathlib.Path(build_dir, "tests/unit").glob("test_*") if p.is_file())
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(sweep, str(p.resolve()), float(seconds)) for p in programs]
        for program, job in zip(programs, jobs):
            stacks, runs, faults = job.result()
            sampled = " (sampled)" if runs < 2 * stacks else ""
            print(f"{program.name}: {stacks} call stacks, {runs} runs{sampled}, {len(faults)} faults")
            for fault in faults[:3]:
                print("  " + fault.replace("\n", "\n  "))
            passed, failed = passed + runs - min(runs, len(faults)), failed + len(faults)
    print(f"malloc: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
