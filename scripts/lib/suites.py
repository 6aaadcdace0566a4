"""Runs the suites of scripts/test and adds up their results.

A test reports in one of three ways, looked for in this order:
- cmocka's summary lines (unit tests): each case counts;
- a last line `N passed, N failed, N skipped`;
- its exit status: 0 passed, 77 skipped, anything else failed.
"""
import concurrent.futures
import glob
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SUITES = ["unit", "lint", "sim", "cluster", "fuzz"]
SANITIZED = {"unit", "sim", "cluster"}  # these need build-test; lint and fuzz make what they need
IN_REAL_TIME = {"unit", "cluster"}  # these wait for clocks and processes: they go first, the others take what is left
COVERED = ["unit", "sim"]  # what --coverage runs
SKIPPED = 77
PATIENCE = 900  # a suite's program, by default: beside others and behind them it takes several times what it does alone
LONG = 30  # seconds from which on it is said how long a program took
FUZZ_SECONDS = 40  # for all targets together
FUZZ_SECONDS_EACH = 8
SANITIZED_SEEDS, SEEDS = 8, 50  # of scripts/sweep: the first 8 with sanitizers, the rest of 50 in the release build
CLUSTERS = 2  # of real processes at once: they mostly wait, each on addresses of its own
TALLY = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")
CMOCKA = re.compile(r"^\[  (PASSED|FAILED|SKIPPED) +\] (\d+) test", re.M)


class Tally:
    """How many cases passed, failed and were skipped."""

    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def tally_of(output, status):
    """The tally of one test program: see the top of this file."""
    cases = {"PASSED": 0, "FAILED": 0, "SKIPPED": 0}
    found = CMOCKA.findall(output)
    for word, count in found:
        cases[word] += int(count)
    if found:
        tally = Tally(cases["PASSED"], cases["FAILED"], cases["SKIPPED"])
    else:
        lines = output.strip().splitlines()
        match = TALLY.match(lines[-1].strip()) if lines else None
        if match:
            tally = Tally(*map(int, match.groups()))
        elif status == 0:
            return Tally(passed=1)
        elif status == SKIPPED:
            return Tally(skipped=1)
        else:
            return Tally(failed=1)
    if status != 0 and tally.failed == 0:
        tally.failed = 1  # a leak at the end, for instance: every case passed, the program did not
    return tally


running = {}  # {process id: process} of what run() waits for
said = threading.RLock()  # held while one speaks: suites run side by side


def say(text):
    with said:
        print(text, flush=True)


def run(command, timeout=PATIENCE, **more):
    """Runs a command; its output (both streams) and exit status. After the time-out all that it started is killed."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               stdin=subprocess.DEVNULL, start_new_session=True, **more)
    running[process.pid] = process
    try:
        output, _ = process.communicate(timeout=timeout)
        return output.decode(errors="replace"), process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return output.decode(errors="replace") + f"\nstopped after {timeout} s\n", 1
    finally:
        del running[process.pid]


def stop_all():
    """Ctrl-C does not reach sessions of their own."""
    for process in list(running.values()):
        try:
            os.killpg(process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass


def report(name, tally, output):
    """Shows what failed in full, and the reason of what was skipped."""
    if tally.failed:
        say(f"--- {name} FAILED\n{output.rstrip()}\n---")
    elif tally.skipped:
        for line in output.splitlines():
            if "skip" in line.lower() and "[" not in line and not TALLY.match(line):
                say(f"    {name}: {line.strip()}")


def run_program(name, command, **more):
    start = time.monotonic()
    output, status = run(command, **more)
    took = time.monotonic() - start
    if took >= LONG:
        say(f"    {name}: {took:.0f} s")
    tally = tally_of(output, status)
    report(name, tally, output)
    return tally


def test_programs(folder, build, at_once=1):
    """Runs all test_* of a folder. One that cannot be executed has failed: it would never be run, and nobody would know."""
    def one(path):
        name = os.path.basename(path)
        if not os.access(path, os.X_OK):
            report(name, Tally(failed=1), "not executable: chmod +x " + path)
            return Tally(failed=1)
        return run_program(name, [path], env={**os.environ, "KITH_BUILD": os.path.join(ROOT, build),
                                              "KITH_RELEASE": os.path.join(ROOT, "build")})

    total = Tally()
    paths = [p for p in sorted(glob.glob(os.path.join(ROOT, folder, "test_*"))) if os.path.isfile(p)]
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for tally in pool.map(one, paths):
            total.add(tally)
    return total


def meson_suite(build, suite):
    """Runs one suite of the build folder's registered tests; there may be none."""
    run(["meson", "test", "-C", build, "--no-rebuild", "--suite", suite, "--num-processes", "2", "--timeout-multiplier", "3"])
    total = Tally()
    log = os.path.join(ROOT, build, "meson-logs", "testlog.json")
    if not os.path.exists(log):
        return total
    with open(log, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            test = json.loads(line)
            if test["result"] == "SKIP":
                status = SKIPPED
            else:
                status = 0 if test["result"] in ("OK", "EXPECTEDFAIL") else 1
            output = (test.get("stdout") or "") + (test.get("stderr") or "")
            tally = tally_of(output, status)
            report(test["name"], tally, f"{test['result']}\n{output}")
            total.add(tally)
    os.remove(log)
    return total


def suite_unit(build):
    return meson_suite(build, "unit")


def suite_lint(_build):
    total = Tally()
    for path in sorted(glob.glob(os.path.join(ROOT, "scripts/lint/*"))):
        name = os.path.basename(path)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            total.add(run_program(f"lint {name}", [path]))
    return total


def suite_sim(build):
    """With sanitizers what every seed goes through; what is found in numbers of seeds or peers in the release build."""
    total = run_program("build kith-sim", ["scripts/build", "kith-sim"])
    total.add(test_programs("test/sim", build))
    total.add(run_program("sweep", ["scripts/sweep", "--build", build, "--seeds", str(SANITIZED_SEEDS)]))
    total.add(run_program("sweep", ["scripts/sweep", "--build", "build", "--from", str(SANITIZED_SEEDS + 1),
                                    "--seeds", str(SEEDS - SANITIZED_SEEDS)]))
    total.add(run_program("sweep --planted", ["scripts/sweep", "--planted"]))
    return total


def suite_cluster(build):
    return test_programs("test/cluster", build, CLUSTERS)


def suite_fuzz(_build):
    names, _ = run(["scripts/fuzz", "--list"])
    targets = names.split()
    if not targets:
        return Tally()
    seconds = min(FUZZ_SECONDS_EACH, max(2, FUZZ_SECONDS // len(targets)))
    output, status = run(["scripts/fuzz", "--quick", "--seconds", str(seconds)])
    good = len(re.findall(r"^fuzz \S+: ok", output, re.M))
    tally = Tally(passed=good, failed=len(targets) - good if status != 0 else 0)
    report("fuzz", tally, output)
    return tally


def one_after_another(names, build):
    total = Tally()
    for name in names:
        start = time.monotonic()
        tally = globals()["suite_" + name](build)
        say(f"{name}: {tally} ({time.monotonic() - start:.0f} s)")
        total.add(tally)
    return total


def behind(names, build):
    os.nice(19)  # Linux: of this thread, and of what it starts
    return one_after_another(names, build)


def run_suites(names, build):
    """Those in real time one after another, the others beside them and with what of the processors they leave."""
    total = Tally()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        sides = [pool.submit(behind, [n for n in names if n not in IN_REAL_TIME], build),
                 pool.submit(one_after_another, [n for n in names if n in IN_REAL_TIME], build)]
        try:
            for side in sides:
                total.add(side.result())
        except KeyboardInterrupt:
            stop_all()
            os._exit(130)  # the threads would go on with the next suite
    return total


def build_or_say(options):
    """True when scripts/build did its work; otherwise its words are shown."""
    start = time.monotonic()
    output, status = run(["scripts/build", *options])
    if status != 0:
        print(output.rstrip())
    elif time.monotonic() - start >= 1:
        say(f"build: done ({time.monotonic() - start:.0f} s)")
    return status == 0


def main(arguments):
    coverage = "--coverage" in arguments
    names = [a for a in arguments if a != "--coverage"]
    for name in names:
        if name not in SUITES:
            print(f"scripts/test: no suite {name}; there are: {' '.join(SUITES)}", file=sys.stderr)
            return 2
    names = names or (COVERED if coverage else SUITES)
    needed = coverage or SANITIZED & set(names)
    if needed and not build_or_say(["--coverage" if coverage else "--sanitize"]):
        total = Tally(failed=1)
    elif coverage:
        sys.path.insert(0, os.path.join(ROOT, "scripts/lib"))
        import coverage as rows  # scripts/lib/coverage.py
        rows.forget(ROOT, os.path.join(ROOT, "build-coverage"))
        total = run_suites(names, "build-coverage")
        total.add(Tally(*rows.table(ROOT, os.path.join(ROOT, "build-coverage")), 0))
    else:
        total = run_suites(names, "build-test")
    if total.passed + total.failed == 0:
        print("nothing was run")
        total.failed = 1
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
