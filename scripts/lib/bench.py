"""The benchmarks of scripts/bench: each row is measured here and now, by the release build."""
import argparse
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import up  # noqa: E402
from cluster import Cluster, Failed, wait  # noqa: E402


class Rows:
    """Samples by name, printed as a table or as one JSON line each."""

    def __init__(self, bench):
        self.bench = bench
        self.rows = {}

    def add(self, case, metric, unit, value, must=None):
        self.rows.setdefault((case, metric, unit, must), []).append(value)

    def print(self, as_json):
        """True when every row is what it must be: its median is."""
        good = True
        if not as_json:
            print("%-34s %-22s %-4s %4s %9s %9s %9s  %s" % ("case", "metric", "unit", "n", "p50", "p99", "must", "ok"))
        for (case, metric, unit, must), values in self.rows.items():
            values = sorted(values)
            p50, p99 = values[len(values) // 2], values[min(len(values) - 1, int(len(values) * 0.99))]
            ok = must is None or p50 <= must
            good = good and ok
            if as_json:
                print(json.dumps({"bench": self.bench, "case": case, "metric": metric, "unit": unit, "kith": round(p50, 4),
                                  "peer": None, "peer_value": None, "ratio": None, "n": len(values), "p50": round(p50, 4),
                                  "p99": round(p99, 4), "must": must, "ok": ok}))
            else:
                print("%-34s %-22s %-4s %4d %9.3f %9.3f %9s  %s" % (case, metric, unit, len(values), p50, p99,
                                                                   "-" if must is None else "< %g" % must, "yes" if ok else "NO"))
        return good


def failover(rows, rounds):
    """From SIGKILL of a host to what its survivors know and run."""
    for _ in range(rounds):
        with Cluster(3) as cluster:
            up.start(cluster)
            noticed, healthy = up.fail_over(cluster)
            rows.add("3 peers, kill redis's host", "known by all", "s", noticed, 3)
            rows.add("3 peers, kill redis's host", "all healthy again", "s", healthy, 5)
            up.stop(cluster)


def events_of(peer, what):
    return [e for e in peer.ask("events") if e["what"] == what]


def last_time(cluster, what, subject, since):
    """Wall time at which the last of the running peers saw it happen after `since`; None while one has not."""
    latest = 0
    for peer in cluster.running():
        if peer.name == subject:
            continue
        seen = [when(e) for e in events_of(peer, what) if subject in (e["subject"], e["text"].split(" ")[0]) and when(e) >= since]
        if not seen:
            return None
        latest = max(latest, seen[0])
    return latest


def when(event):
    """Seconds since 1970 of an event's RFC 3339 time."""
    text = event["at"].replace("Z", "+00:00")
    import datetime
    return datetime.datetime.fromisoformat(text).timestamp()


def membership(rows, rounds, peers=20):
    """Detection and return, read from each peer's own events (to the millisecond, by one clock)."""
    with Cluster(peers, net="127.0.1") as cluster:
        cluster.start()
        begin = time.time()
        cluster.wait_alive(60)
        joined = max(when(e) for p in cluster.running() for e in events_of(p, "member-alive"))
        rows.add("%d peers" % peers, "last start to all alive", "s", max(0.0, joined - begin), 5)
        for number in range(rounds):
            victim = cluster.peers[1 + number % (peers - 1)]
            begin = time.time()
            victim.kill()
            dead = wait("all to know the death", lambda: last_time(cluster, "member-dead", victim.name, begin), 60)
            rows.add("%d peers" % peers, "kill -9 to known by all", "s", dead - begin, 3)
            begin = time.time()
            victim.start()
            alive = wait("all to see it back", lambda: last_time(cluster, "member-alive", victim.name, begin), 60)
            cluster.wait_alive(60)
            rows.add("%d peers" % peers, "restart to alive everywhere", "s", alive - begin, 5)


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid, field):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return sum(int(line.split()[1]) for line in f if line.startswith(field + ":")) / 1024


def idle(rows, rounds, seconds=20):
    """A cluster that runs the shop and is left alone."""
    with Cluster(3) as cluster:
        up.start(cluster)
        for _ in range(rounds):
            before = {p.name: cpu_seconds(p.pid) for p in cluster.peers}
            begin = time.monotonic()
            time.sleep(seconds)  # what is measured is doing nothing for a while
            took = time.monotonic() - begin
            for p in cluster.peers:
                rows.add("3 peers, shop running", "kithd processor", "%", 100 * (cpu_seconds(p.pid) - before[p.name]) / took, 1)
                rows.add("3 peers, shop running", "kithd resident", "MiB", memory_mib(p.pid, "Rss"), 20)
                rows.add("3 peers, shop running", "kithd proportional", "MiB", memory_mib(p.pid, "Pss"))
        up.stop(cluster)


BENCHES = {"failover": (failover, 5), "membership": (membership, 5), "idle": (idle, 3)}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("name", choices=BENCHES)
    parser.add_argument("-o", choices=["table", "json"], default="table", dest="format")
    parser.add_argument("--rounds", type=int)
    options = parser.parse_args()
    run, rounds = BENCHES[options.name]
    rows = Rows(options.name)
    out = os.dup(1)
    os.dup2(2, 1)  # what the cluster says while it is measured goes to standard error
    try:
        run(rows, options.rounds or rounds)
    except Failed as e:
        print("scripts/bench: %s" % e, file=sys.stderr)
        return 1
    finally:
        sys.stdout.flush()
        os.dup2(out, 1)
    return 0 if rows.print(options.format == "json") else 1


if __name__ == "__main__":
    sys.exit(main())
