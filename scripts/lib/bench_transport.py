"""scripts/bench transport: what a frame costs by each transport that a peer can be bound to."""
import json
import os
import subprocess

from bench_rows import Rows
from cluster import ROOT, Failed

BASE = ("tcp", False)  # what the others are compared with
METRICS = (("throughput", "1/s", "per_s"), ("round trip, median", "us", "p50_us"), ("round trip, 99 %", "us", "p99_us"))


def measure(seconds):
    """One run of the program: {(transport, curve, bytes): figures}."""
    program = os.path.join(os.environ.get("KITH_BUILD") or os.path.join(ROOT, "build"), "test/bench/bench-transport")
    done = subprocess.run([program, "%g" % seconds], stdout=subprocess.PIPE, text=True, check=False, timeout=300)
    if done.returncode != 0:
        raise Failed("%s ended with status %d" % (program, done.returncode))
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {(line["transport"], line["curve"], line["bytes"]): line for line in lines}


def transport(options):
    """Each figure beside that of tcp without keys in the same run."""
    rows = Rows(options.name, "tcp, no keys")
    for _ in range(options.rounds or 3):
        found = measure(0.4)
        for (name, curve, size), figures in found.items():
            case = "%s, %d B%s" % (name, size, ", CURVE" if curve else "")
            for metric, unit, field in METRICS:
                row = rows.row("%s" % case, metric, unit, versus=True)
                row.kith_values.append(figures[field])
                row.peer_values.append(found[(*BASE, size)][field])
    return rows
