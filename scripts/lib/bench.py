"""The benchmarks of scripts/bench: each row is measured here and now, by the release build."""
import argparse
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import procfs  # noqa: E402
import up  # noqa: E402
from bench_dns import dns  # noqa: E402
from bench_http import http  # noqa: E402
from bench_keys import keys  # noqa: E402
from bench_lookup import INSTANCES, lookup  # noqa: E402
from bench_membership import IDLE_S, PARTS, PAUSES_S, SIZES, membership  # noqa: E402
from bench_rows import Rows  # noqa: E402
from bench_register import register  # noqa: E402
from bench_sync import sync  # noqa: E402
from bench_transport import transport  # noqa: E402
from cluster import Cluster, Failed, Skipped  # noqa: E402


def failover(rows, rounds):
    """From SIGKILL of a host to what its survivors know and run."""
    for _ in range(rounds):
        with Cluster(3) as cluster:
            up.start(cluster)
            noticed, healthy = up.fail_over(cluster)
            rows.add("3 peers, kill redis's host", "known by all", "s", noticed, 3)
            rows.add("3 peers, kill redis's host", "all healthy again", "s", healthy, 5)
            up.stop(cluster)


def idle(rows, rounds, seconds=20):
    """A cluster that runs the shop and is left alone."""
    with Cluster(3) as cluster:
        up.start(cluster)
        for _ in range(rounds):
            before = {p.name: procfs.cpu_seconds(p.pid) for p in cluster.peers}
            begin = time.monotonic()
            time.sleep(seconds)  # what is measured is doing nothing for a while
            took = time.monotonic() - begin
            for p in cluster.peers:
                rows.add("3 peers, shop running", "kithd processor", "%", 100 * (procfs.cpu_seconds(p.pid) - before[p.name]) / took, 1)
                rows.add("3 peers, shop running", "kithd resident", "MiB", procfs.memory_mib(p.pid, "Rss"), 20)
                rows.add("3 peers, shop running", "kithd proportional", "MiB", procfs.memory_mib(p.pid, "Pss"))
        up.stop(cluster)


def of_kith(run, rounds):
    """A benchmark of kithd alone, as all of them are called: options -> rows."""
    def bench(options):
        rows = Rows(options.name)
        run(rows, options.rounds or rounds)
        return rows
    return bench


def compare_membership(options):
    options.rounds = options.rounds or 5
    return membership(options, lambda text: print("==> " + text, flush=True))


BENCHES = {"failover": of_kith(failover, 5), "membership": compare_membership, "idle": of_kith(idle, 3),
           "lookup": lookup, "register": register, "sync": sync, "transport": transport, "dns": dns,
           "http": http, "keys": keys}


def words(known):
    """A list of known words, separated by commas."""
    def read(text):
        wanted = text.split(",")
        for word in wanted:
            if word not in known:
                raise argparse.ArgumentTypeError("%s is none of %s" % (word, ", ".join(known)))
        return wanted
    return read


def sizes(text):
    wanted = [int(word) for word in text.split(",")]
    if min(wanted) < 3 or max(wanted) > 200:
        raise argparse.ArgumentTypeError("from 3 to 200 processes")
    return wanted


def instances(text):
    wanted = [int(word) for word in text.split(",")]
    if min(wanted) < 10 or max(wanted) > 1000000:
        raise argparse.ArgumentTypeError("from 10 to 1000000 instances")
    return wanted


def options_of(arguments):
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("name", choices=BENCHES)
    parser.add_argument("-o", choices=["table", "json"], default="table", dest="format")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--n", type=sizes, default=list(SIZES))
    parser.add_argument("--rows", type=words(PARTS), default=list(PARTS))
    parser.add_argument("--sides", type=words(("serf", "kith")), default=["serf", "kith"])
    parser.add_argument("--seconds", type=float, default=IDLE_S)
    parser.add_argument("--pause-seconds", type=float, default=PAUSES_S)
    parser.add_argument("--instances", type=instances, default=list(INSTANCES))
    parser.add_argument("--alone", action="store_true")
    return parser.parse_args(arguments)


def ended(*_):
    """SIGTERM ends as Ctrl-C does, by way of everything that cleans up."""
    raise KeyboardInterrupt


def main():
    options = options_of(None)
    signal.signal(signal.SIGTERM, ended)
    out = os.dup(1)
    os.dup2(2, 1)  # what the cluster says while it is measured goes to standard error
    try:
        rows = BENCHES[options.name](options)
    except (Failed, Skipped) as e:
        print("scripts/bench: %s" % e, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        sys.stdout.flush()
        os.dup2(out, 1)
    return 0 if rows.print(options.format == "json") else 1


if __name__ == "__main__":
    sys.exit(main())
