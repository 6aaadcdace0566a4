"""scripts/bench gossip: membership and dissemination in the simulator, against what each case must show.

The table shows each case's figures: the median and the worst of its seeds. With --results every run is kept as well, whole: a
line of JSON for each, with count, mean, 50th, 99th and 99.9th percentile and maximum of all that was measured.
"""
import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = "test/sim/measure"

# (metric of kith-sim's result, field of it, unit, at most). The worst seed counts. A metric that is missing fails.
KNOWN = [("death_known", "max", "ms", 3500), ("death_known", "missing", "", 0), ("false_verdicts", "max", "", 0)]
NO_DEATH = [("verdicts", "max", "", 0)]
ODD = [("false_verdicts_held", "max", "", 0), ("flaps", "max", "", 2)]
HEALED = [("split_known", "max", "ms", None), ("split_unseen", "max", "", 0), ("false_verdicts", "max", "", 0),
          ("one_view_after_heal", "max", "ms", 10000), ("one_view_after_heal", "missing", "", 0), ("wrong_at_end", "max", "", 0)]


def change(held_ms, copies):
    return [("write_held", "p999", "ms", held_ms), ("write_held", "missing", "", 0), ("write_copies", "mean", "", copies)]


# case: (scenario, peers; None: the scenario's own, rows)
CASES = {
    "silent": ("silent", None, KNOWN + [("verdict_spread", "p999", "ms", 400)]),
    "silent-loss-10": ("silent-loss-10", None, KNOWN + [("verdict_spread", "p999", "ms", 500)]),
    "silent-loss": ("silent-loss", None, KNOWN + [("verdict_spread", "p999", "ms", 700)]),
    "tenth": ("tenth", None, KNOWN),
    "tenth-loss": ("tenth-loss", None, KNOWN),
    "loss-10": ("loss-10", None, NO_DEATH),
    "loss-30": ("loss-30", None, NO_DEATH),
    "change": ("change", None, change(600, 1.05)),
    "change-fresh": ("change-fresh", None, change(600, 1.05)),
    "change-loss-10": ("change-loss-10", None, change(1800, 1.25)),
    "change-loss-30": ("change-loss-30", None, change(3000, 1.7)),
    "change-5000": ("change", 5000, change(600, 1.05)),
    "change-loss-10-5000": ("change-loss-10", 5000, change(1800, 1.25)),
    "change-loss-30-5000": ("change-loss-30", 5000, change(3000, 1.7)),
    "idle": ("idle", None, [("sent_without_load", "max", "B/s", 4000), ("sent", "max", "B/s", 8000),
                           ("sent_load", "max", "B/s", 4000), ("load_age", "max", "ms", 15000),
                           ("connections", "max", "", 60)]),
    "load": ("load", None, [("load_age", "max", "ms", 15000), ("load_age", "missing", "", 0),
                            ("load_age_needed", "max", "ms", 2000), ("load_age_needed", "missing", "", 0)]),
    "pauses": ("pauses", None, [("false_verdicts_late", "max", "", 0), ("false_verdicts", "max", "", None)]),
    "odd-loss": ("odd-loss", None, ODD),
    "odd-deaf": ("odd-deaf", None, ODD),
    "odd-dumb": ("odd-dumb", None, ODD),
    "halves": ("halves", None, HEALED),
    "halves-long": ("halves-long", None, HEALED),
    "halves-day": ("halves-day", None, HEALED),
    "restart-all": ("restart-all", None, [("one_view_after_bounce", "max", "ms", 20000), ("one_view_after_bounce", "missing", "", 0),
                                          ("wrong_at_end", "max", "", 0)]),
}


# A thousand peers are looked at in turns, and each look is elsewhere in memory: a quarter less time in large pages.
HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", **os.environ}


class Failed(Exception):
    pass


def play(build, scenario, peers, seed, limit_s, until_s=None, rival=None):
    """The result of one run; None when the data it needs is absent."""
    command = [os.path.join(build, "kith-sim"), "--scenario", f"{FOLDER}/{scenario}.yaml", "--seed", str(seed), "-o", "json"]
    if peers:
        command += ["--peers", str(peers)]
    if rival:
        command += ["--rival", rival]
    if until_s:
        command += ["--until", str(until_s)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit_s, check=False, env=HUGE_PAGES)
    except subprocess.TimeoutExpired as e:
        raise Failed(f"not done after {limit_s:.0f} s: {' '.join(command)}") from e
    if done.returncode == 77:
        print(done.stderr, end="", file=sys.stderr)
        return None
    try:
        result = json.loads(done.stdout)
    except ValueError as e:
        raise Failed(f"exit status {done.returncode}: {' '.join(command)}: {done.stdout}{done.stderr}") from e
    if result["violations"]:
        raise Failed(f"{' '.join(command)}: {'; '.join(result['violations'])}")
    return result


def value_of(result, metric, field):
    """A figure; None when it was not measured: nobody died, or nobody ever knew."""
    row = result["measured"].get(metric)
    if row is None or (row["n"] == 0 and field != "missing"):
        return None
    return row[field]


RSS = "rss_bytes_per_peer"  # the process at its largest, by the number of its peers
HEAP = "heap_bytes_per_peer"  # what is allocated in the end; in builds with sanitizers the one that says something


def memory_limit(metric, peers):
    """Bytes for each simulated peer: a fixed part, and what it holds of each member. 5,000 peers take 20 GiB at most, of which
    14 GiB are allocated in the end (docs/decisions/0014)."""
    return (512 << 10) + 500 * peers if metric == HEAP else (1 << 20) + 640 * peers


def row_of_memory(case, metric, results):
    worst, must = max(r[metric] for r in results), memory_limit(metric, results[0]["peers"])
    return {"bench": "gossip", "case": case, "metric": metric, "unit": "B", "kith": worst, "peer": None, "peer_value": None,
            "ratio": None, "n": len(results), "p50": sorted(r[metric] for r in results)[len(results) // 2], "p99": worst,
            "must": must, "ok": worst <= must, "peers": results[0]["peers"], "seeds": [r["seed"] for r in results],
            "wall_s": round(sum(r["wall_s"] for r in results), 1), "rss_bytes_per_peer": max(r[RSS] for r in results)}


def rows_of(case, results):
    """One row per figure: the worst of all seeds, and their median; then what the simulator took for it."""
    for metric, field, unit, must in CASES[case][2]:
        values = [value_of(r, metric, field) for r in results]
        measured = sorted(v for v in values if v is not None)
        worst = measured[-1] if measured else None
        ok = len(measured) == len(values) and (must is None or worst <= must)
        yield {"bench": "gossip", "case": case, "metric": metric + ("" if field == "max" else "_" + field), "unit": unit,
               "kith": worst, "peer": None, "peer_value": None, "ratio": None, "n": len(measured),
               "p50": measured[len(measured) // 2] if measured else None, "p99": worst, "must": must, "ok": ok,
               "peers": results[0]["peers"], "seeds": [r["seed"] for r in results],
               "wall_s": round(sum(r["wall_s"] for r in results), 1),
               "rss_bytes_per_peer": max(r["rss_bytes_per_peer"] for r in results)}
    for metric in (RSS, HEAP):
        yield row_of_memory(case, metric, results)


def show(row):
    def text(v):
        return "-" if v is None else "%.3f" % v if isinstance(v, float) else str(v)

    print("%-20s %6d %-26s %-4s %3d %12s %12s %9s  %s" % (row["case"], row["peers"], row["metric"], row["unit"], row["n"],
                                                       text(row["p50"]), text(row["kith"]), text(row["must"]),
                                                       "yes" if row["ok"] else "NO"), flush=True)


def parse(argv):
    parser = argparse.ArgumentParser(prog="scripts/bench gossip", description="The worst of some seeds for each case.")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="of " + ", ".join(CASES) + " (default: all)")
    parser.add_argument("-o", dest="format", choices=["table", "json"], default="table")
    parser.add_argument("--seeds", type=int, default=1, help="how many, from --seed on (default 1; what is claimed is of 10: hours)")
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    parser.add_argument("--peers", type=int, help="instead of each case's own number")
    parser.add_argument("--until", type=int, help="virtual seconds, instead of each case's own number")
    parser.add_argument("--rival", choices=["swim", "lifeguard", "swim-udp", "lifeguard-udp"],
                        help="these members instead of ours, on the same connections or on datagrams")
    parser.add_argument("--limit", type=float, default=3600, help="seconds for one run (default 3600)")
    parser.add_argument("--jobs", type=int, default=1, help="seeds played at the same time (default 1; 5,000 peers take 8 GB each)")
    parser.add_argument("--results", metavar="FILE", help="append each run's whole result, a line of JSON, with percentiles")
    parser.add_argument("--build", default="build", help="folder with kith-sim")
    options = parser.parse_args(argv)
    for case in options.cases:
        if case not in CASES:
            parser.error(f"no case {case}")
    return options


def play_all(options, case):
    """The results of a case's seeds, in their order; None: the data they need is absent."""
    scenario, peers, _ = CASES[case]
    with concurrent.futures.ThreadPoolExecutor(max_workers=options.jobs) as pool:
        results = list(pool.map(lambda seed: play(options.build, scenario, options.peers or peers, seed, options.limit, options.until,
                                                  options.rival),
                                range(options.seed, options.seed + options.seeds)))
    if None in results:
        return None
    if options.results:
        with open(options.results, "a", encoding="utf-8") as file:
            for result in results:
                file.write(json.dumps({"case": case, **result}) + "\n")
    return results


def main(argv):
    options = parse(argv)
    good = True
    began = time.monotonic()
    if options.format == "table":
        print("%-20s %6s %-26s %-4s %3s %12s %12s %9s  %s" % ("case", "peers", "metric", "unit", "n", "median", "worst", "must", "ok"))
    for case in options.cases or CASES:
        try:
            results = play_all(options, case)
        except Failed as e:
            print(f"{case}: {e}", file=sys.stderr)
            good = False
            continue
        if results is None:
            return 77
        for row in rows_of(case, results):
            good = good and row["ok"]
            if options.format == "json":
                print(json.dumps(row), flush=True)
            else:
                show(row)
    print("%d cases, %d seeds each: %.0f s" % (len(options.cases or CASES), options.seeds, time.monotonic() - began),
          file=sys.stderr if options.format == "json" else sys.stdout)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
