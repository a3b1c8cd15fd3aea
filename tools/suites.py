"""The test suites and the order they run in; started by tools/test.

A suite is a command. Its output goes to build/test-logs/NAME.log; shown are its runner's own summary
and, if it failed, the end of the log. What passed and failed is read from that summary, so that the
total is the runners' word and not ours; a suite that ran nothing has failed.

Suites that measure time are `quiet`: they run alone, after the others.
"""
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "test-logs"
CORES = os.cpu_count() or 1

SANITIZE = {
    # leave no report without a failing exit code, and make API tests able to tell it
    "ASAN_OPTIONS": "exitcode=99:detect_leaks=1:abort_on_error=0:strict_string_checks=1"
                    ":detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "halt_on_error=1:exitcode=99:print_stacktrace=1",
    "TSAN_OPTIONS": "exitcode=99:halt_on_error=0:second_deadlock_stack=1",
}


@dataclasses.dataclass
class Suite:
    name: str
    command: list
    env: dict = dataclasses.field(default_factory=dict)
    needs: tuple = ()  # suites that must have passed: builds
    quiet: bool = False  # runs alone
    counts: bool = True  # builds do not count as tests
    only_all: bool = False
    only_asked: bool = False
    minutes: int = 15
    # filled by the run
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    summary: list = dataclasses.field(default_factory=list)
    done: threading.Event = dataclasses.field(default_factory=threading.Event)


def sh(text):
    return ["bash", "-euo", "pipefail", "-c", text]


def build(name, compiler, options):
    """A build directory build/NAME with warnings as errors."""
    folder = f"build/{name}"
    return Suite(f"build-{name}", sh(
        f"[ -f {folder}/build.ninja ] || CC={compiler} meson setup {folder} --werror {options} "
        f"> {LOGS}/setup-{name}.log || {{ cat {LOGS}/setup-{name}.log; exit 1; }}\n"
        f"ninja -C {folder} --quiet"), counts=False, minutes=20)


def unit(name):
    return Suite(f"unit-{name}", sh(f"meson test -C build/{name} --suite unit --suite fuzz --print-errorlogs "
                                    f"--num-processes {CORES} --timeout-multiplier 4"),
                 needs=(f"build-{name}",), env=SANITIZE)


def fuzz(name, seconds, **more):
    """Each libFuzzer target for some seconds, from the corpus of the tree; finds go to the log folder."""
    return Suite(name, sh(f"""
        passed=0 failed=0
        for target in build/fuzz/tests/fuzz/fuzz_*; do
            [ -x "$target" ] && [ -f "$target" ] || continue
            seeds=tests/fuzz/corpus/${{target##*/fuzz_}} found=build/fuzz/found-${{target##*/fuzz_}}
            mkdir -p "$found"
            if "$target" -max_total_time={seconds} -timeout=5 -rss_limit_mb=2048 -print_final_stats=1 \
                -artifact_prefix={LOGS}/ "$found" "$seeds"; then passed=$((passed + 1))
            else failed=$((failed + 1)); fi
        done
        echo "fuzz: $passed passed, $failed failed"
        [ $failed = 0 ]"""), needs=("build-fuzz",), env=SANITIZE, **more)


def node(name, files, build_name="", slack=1, **more):
    """Node's test runner on the real binary. TS_SLACK stretches the time limits of the tests."""
    needs = (f"build-{build_name}",) if build_name else ()
    binary = ROOT / "build" / build_name / "touchstone"
    return Suite(name, sh(f"tools/node --test --test-concurrency={more.pop('jobs', 1)} "
                          f"--test-timeout={more.pop('test_seconds', 120) * slack}000 --test-reporter=spec {files}"),
                 env=SANITIZE | {"TS_BIN": str(binary), "TS_SLACK": str(slack)} | more.pop("env", {}),
                 needs=needs, **more)


def suites():
    plain = "-Dbuildtype=debugoptimized"
    clang = "-Db_lundef=false -Dbuildtype=debugoptimized"
    api = "'tests/api/**/*.test.mjs'"
    return [
        Suite("format", sh("git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror"
                           " && echo format: clean")),
        Suite("layers", ["python3", "tools/check_layers.py"]),
        Suite("source", ["python3", "tools/check_source.py"]),
        Suite("checks", ["python3", "tests/tools/test_checks.py"]),
        build("gcc", "gcc", plain),
        build("asan", "clang", f"{clang} -Db_sanitize=address,undefined"),
        build("fuzz", "clang", f"{clang} -Dfuzz=true -Db_sanitize=address,undefined "
              "-Dc_args=-fsanitize=fuzzer-no-link"),
        build("tsan", "clang", f"{clang} -Db_sanitize=thread"),
        Suite("symbols", ["python3", "tools/check_source.py", "--symbols", "build/gcc"],
              needs=("build-gcc",)),
        unit("gcc"),
        unit("asan"),
        unit("tsan"),
        Suite("malloc", ["python3", "tests/unit/malloc_sweep.py", "build/asan"],
              needs=("build-asan",), env=SANITIZE, minutes=20),
        fuzz("fuzz", 15),
        Suite("tidy", sh("run-clang-tidy -quiet -p build/asan -j 2 "
                         "'^(?!.*/(tests|bench|build|grammars)/).*\\.c$' 2>&1 | grep -v 'warnings generated'"
                         " && echo tidy: clean"), needs=("build-asan",), minutes=30),
        node("api-asan", api, "asan", 4, jobs=2, minutes=20),
        node("api-tsan", api, "tsan", 8, jobs=2, minutes=20),
        node("faults-asan", "'tests/faults/**/*.test.mjs'", "asan", 4, minutes=20),
        node("hostile-asan", "'tests/hostile/**/*.test.mjs'", "asan", 4),
        node("ui", "'tests/ui/**/*.test.mjs'"),
        node("api", api, quiet=True),
        node("hostile", "'tests/hostile/**/*.test.mjs'", quiet=True),
        node("faults", "'tests/faults/**/*.test.mjs'", quiet=True),
        node("sdk", "'tests/sdk/**/*.test.mjs'", quiet=True),
        node("proxy", "'tests/proxy/**/*.test.mjs'", quiet=True),
        node("docs", "'tests/docs/**/*.test.mjs'", quiet=True),
        node("storage", "'tests/storage/**/*.test.mjs'", quiet=True),
        node("crash", "'tests/crash/**/*.test.mjs'", quiet=True, test_seconds=800, env={"TS_KILL_ROUNDS": "200"}),
        # on demand
        fuzz("fuzz-all", 600, only_all=True, minutes=90),
        Suite("malloc-all", ["python3", "tests/unit/malloc_sweep.py", "build/asan", "600"],
              needs=("build-asan",), env=SANITIZE, only_all=True, minutes=120),
        node("ledger-10000", "'tests/faults/ledger.test.mjs'", quiet=True, only_all=True,
             test_seconds=600, env={"TS_LEDGER_CALLS": "10000"}),
        node("crash-1000", "'tests/crash/**/*.test.mjs'", quiet=True, only_all=True, minutes=45,
             test_seconds=2400, env={"TS_KILL_ROUNDS": "1000"}),
        Suite("valgrind", sh("meson test -C build/gcc --suite unit --print-errorlogs "
                             "--timeout-multiplier 20 --wrapper 'valgrind -q --error-exitcode=99 "
                             "--leak-check=full --errors-for-leak-kinds=definite'"),
              needs=("build-gcc",), only_all=True, minutes=60),
        node("real", "'tests/real/**/*.test.mjs'", quiet=True, test_seconds=3000, only_asked=True, minutes=60),
    ]


# What the runners print: node's test runner, meson, and our own scripts.
COUNTERS = [
    (re.compile(r"^[#ℹ] pass (\d+)$"), "passed"),
    (re.compile(r"^[#ℹ] (?:fail|cancelled) (\d+)$"), "failed"),
    (re.compile(r"^[#ℹ] skipped (\d+)$"), "skipped"),
    (re.compile(r"^Ok: +(\d+)"), "passed"),
    (re.compile(r"^(?:Fail|Timeout|Unexpected Pass): +(\d+)"), "failed"),
    (re.compile(r"^Skipped: +(\d+)"), "skipped"),
]
OWN = re.compile(r"^(\w+): (\d+) passed, (\d+) failed$")
CHECK = re.compile(r"^(format|layers|source|symbols|tidy): .*$")


def read_summary(suite, text):
    for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines():
        hit = False
        for pattern, field in COUNTERS:
            match = pattern.match(line)
            if match:
                setattr(suite, field, getattr(suite, field) + int(match.group(1)))
                hit = True
        match = OWN.match(line)
        if match:
            suite.passed += int(match.group(2))
            suite.failed += int(match.group(3))
            hit = True
        elif CHECK.match(line):
            hit = True
        if hit:
            suite.summary.append(line)


def judge(suite, code, text):
    read_summary(suite, text)
    is_check = any(CHECK.match(line) and not OWN.match(line) for line in suite.summary)
    if is_check and code == 0:
        suite.passed += 1
    if code != 0 and suite.failed == 0:
        suite.failed = 1
        suite.summary.append(f"exit code {code}")
    if code == 0 and suite.counts and suite.passed + suite.skipped == 0:
        suite.failed = 1
        suite.summary.append("ran nothing")


def run(suite, by_name, lock):
    for name in suite.needs:
        if name in by_name:
            by_name[name].done.wait()
            if by_name[name].failed:
                suite.failed, suite.summary = 1, [f"not run: {name} failed"]
                return show(suite, "", lock)
    started = time.monotonic()
    log = LOGS / f"{suite.name}.log"
    env = {k: v for k, v in os.environ.items() if not k.startswith(("TOUCHSTONE_", "XDG_"))}
    with log.open("w") as out:
        try:
            code = subprocess.run(suite.command, cwd=ROOT, env=env | suite.env, stdout=out,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                  timeout=suite.minutes * 60).returncode
        except subprocess.TimeoutExpired:
            code = 124
    suite.seconds = time.monotonic() - started
    text = log.read_text(errors="replace")
    judge(suite, code, text)
    show(suite, text, lock)


def show(suite, text, lock):
    with lock:
        word = "FAILED" if suite.failed else "ok"
        print(f"== {suite.name}: {word}, {suite.seconds:.0f} s", flush=True)
        if suite.failed:
            print("\n".join("   | " + line for line in text.splitlines()[-80:]))
        for line in suite.summary:
            print("   " + line, flush=True)
    suite.done.set()


def choose(every, asked):
    """The suites to run for the command line, with the builds they need, in table order."""
    if not asked or asked == ["all"]:
        wanted = {s.name for s in every if not s.only_asked and (asked or not s.only_all)}
        if asked:
            wanted -= {"crash", "malloc", "fuzz"}
    else:
        wanted = set()
        for name in asked:
            hits = {s.name for s in every if s.name == name
                    or (s.name.startswith(name + "-") and not s.only_all)}
            if not hits:
                sys.exit(f"tools/test: no suite {name}; see tools/test --list")
            wanted |= hits
    wanted |= {need for s in every if s.name in wanted for need in s.needs}
    return [s for s in every if s.name in wanted]


def write_results(chosen, total):
    lines = ["# The last run of `tools/test all`", "",
             f"{time.strftime('%Y-%m-%d', time.gmtime())}, {CORES} cores, {os.uname().machine}, "
             f"Linux {os.uname().release}.", "",
             "| suite | passed | failed | skipped | seconds |", "|---|---|---|---|---|"]
    lines += [f"| {s.name} | {s.passed} | {s.failed} | {s.skipped} | {s.seconds:.0f} |"
              for s in chosen if s.counts]
    (ROOT / "tests" / "RESULTS.md").write_text("\n".join(lines + ["", total, ""]))


def main(arguments):
    every = suites()
    if arguments == ["--list"]:
        print("\n".join(s.name for s in every if s.counts))
        return 0
    chosen = choose(every, arguments)
    LOGS.mkdir(parents=True, exist_ok=True)
    by_name, lock = {s.name: s for s in chosen}, threading.Lock()
    # Waiting inside a worker cannot deadlock: what a suite needs stands before it in the table.
    with concurrent.futures.ThreadPoolExecutor(max(2, CORES)) as pool:
        for result in [pool.submit(run, s, by_name, lock) for s in chosen if not s.quiet]:
            result.result()
    for suite in chosen:
        if suite.quiet:
            run(suite, by_name, lock)
    passed, failed = sum(s.passed for s in chosen), sum(s.failed for s in chosen)
    skipped = sum(s.skipped for s in chosen)
    total = f"{passed} passed, {failed} failed"
    if arguments == ["all"]:
        write_results(chosen, total)
    if skipped:
        print(f"({skipped} skipped; each says why in build/test-logs)")
    print(total)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
