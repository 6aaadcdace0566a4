#!/usr/bin/python3
"""Real daemons run real programs: order, failover, adoption, restarts, scale, stop."""
import concurrent.futures
import json
import os
import signal
import sys
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, expect, story, wait  # noqa: E402

CHAIN = """
service: store
count: 1
run: {exec: [/usr/bin/python3, -m, http.server, --bind, "${addr}", "${port.http}"]}
ports: {http: auto}
check: {http: /, port: http, every: 500ms, timeout: 2s, fail: 2, pass: 1}
---
service: front
count: 2
run: {exec: [/usr/bin/python3, -m, http.server, --bind, "${addr}", "${port.http}"]}
ports: {http: auto}
needs: [store]
env: {STORE: "${endpoint.store}"}
check: {http: /, port: http, every: 500ms, timeout: 2s, fail: 2, pass: 1}
restart: {backoff: [200ms, 500ms], max: 5, per: 1m}
"""

# Nobody looks for ten minutes, unless he is asked to.
SICK = """
service: well
count: 2
run: {exec: [/bin/sleep, "1000"]}
check: {exec: [/bin/sh, -c, "sleep 0.3; test ! -e %s"], every: 10m, timeout: 2s, fail: 1, pass: 1}
---
service: plain
run: {exec: [/bin/sleep, "1000"]}
"""


def applied(cluster, text=CHAIN, services=("store", "front")):
    path = os.path.join(cluster.folder, "services.yaml")
    with open(path, "w") as f:
        f.write(text)
    cluster.peers[0].kith("apply", path)
    cluster.wait_healthy(90, services=list(services))


def instances(peer, service):
    return [i for i in peer.ask("instances", service) if i["state"] == "running"]


def environment(pid):
    """What a process was started with; nothing when it has just ended."""
    try:
        with open("/proc/%d/environ" % pid, "rb") as f:
            return dict(v.split("=", 1) for v in f.read().decode().split("\0") if "=" in v)
    except (FileNotFoundError, ProcessLookupError):
        return {}


def one_dies_and_others_take_over():
    """The host of a needed service dies: it comes up elsewhere, its users get the new address, one at a time."""
    with Cluster(3, net="127.2.1") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        applied(cluster)
        store = instances(cluster.peers[0], "store")[0]
        members = {m["id"]: m["name"] for m in cluster.peers[0].ask("members")}
        victim = next(p for p in cluster.peers if p.name == members[store["node"]])
        watcher = next(p for p in cluster.peers if p is not victim)
        victim.kill_host([i["pid"] for i in watcher.ask("instances") if i["node"] == store["node"]])

        def mended():
            found = instances(watcher, "store")
            if len(found) != 1 or found[0]["node"] == store["node"]:
                return False
            where = "%s:%d" % (found[0]["addr"], found[0]["ports"]["http"])
            fronts = instances(watcher, "front")
            return len(fronts) == 2 and all(environment(i["pid"]).get("STORE") == where for i in fronts)

        wait("store elsewhere and fronts with its new address", mended, 90)
        before = {i["pid"] for p in cluster.running() for i in p.ask("instances")}
        victim.start()
        cluster.wait_alive(60)
        cluster.wait_healthy(60, peer=watcher)
        after = {i["pid"] for i in watcher.ask("instances") if i["state"] == "running"}
        if not after <= before:
            raise Failed("a host came back and %d instances moved" % len(after - before))


def killed_daemon_adopts():
    """kithd is killed and started again: same pids; what ended meanwhile is known with its exit status."""
    with Cluster(1, net="127.2.2") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        applied(cluster)
        peer = cluster.peers[0]
        before = {i["id"]: i["pid"] for i in peer.ask("instances")}
        peer.kill()
        ended = instances_pid(before)
        os.kill(ended, signal.SIGTERM)
        peer.start()
        cluster.wait_alive(60)
        cluster.wait_healthy(60)
        after = {i["id"]: i["pid"] for i in peer.ask("instances")}
        same = [i for i in before if after.get(i) == before[i]]
        if len(same) != len(before) - 1:
            raise Failed("%d of %d kept their pid: %s, %s" % (len(same), len(before), before, after))
        what = [i for i, pid in before.items() if pid == ended][0]
        why = peer.kith("why", what) + peer.kith("events")
        if "15" not in why and "TERM" not in why:
            raise Failed("nobody knows how it ended: " + why)


def instances_pid(table):
    return sorted(table.values())[-1]


def stopped_in_order():
    """stop --all: dependants end before what they need, then the daemons; nothing is left."""
    with Cluster(2, net="127.2.3") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        applied(cluster)
        peer = cluster.peers[0]
        pids = [i["pid"] for i in peer.ask("instances")]
        peer.kith("stop", "--all", timeout=90)
        for p in cluster.peers:
            if p.wait_end(60) != 0:
                raise Failed("%s ended with %s" % (p.name, p.process.returncode))
        left = [pid for pid in pids if os.path.exists("/proc/%d" % pid)]
        wait("processes to be gone", lambda: not [p for p in left if os.path.exists("/proc/%d" % p)], 10)


def changes():
    """scale up and down, restart, stop, start, rm; each does what it says."""
    with Cluster(2, net="127.2.4") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        applied(cluster)
        peer = cluster.peers[1]
        peer.kith("scale", "front", "4")
        wait("four fronts", lambda: len(instances(peer, "front")) == 4, 60)
        peer.kith("scale", "front", "1")
        wait("one front", lambda: len(instances(peer, "front")) == 1, 60)
        old = instances(peer, "front")[0]["pid"]
        peer.kith("restart", "front")
        wait("another process", lambda: [i for i in instances(peer, "front") if i["pid"] != old], 60)
        endpoint = peer.ask("endpoints", "front")[0]
        with urllib.request.urlopen("http://%s:%d/" % (endpoint["addr"], endpoint["port"]), timeout=5) as answer:
            if answer.status != 200:
                raise Failed("front answers %d" % answer.status)
        refused = peer.kith("rm", "store", check=False)
        if refused.returncode != 1 or "front" not in refused.stderr:
            raise Failed("rm of what is needed: %s" % refused)
        peer.kith("stop", "front")
        wait("no front", lambda: not instances(peer, "front"), 60)
        peer.kith("start", "front")
        wait("a front", lambda: instances(peer, "front"), 60)
        peer.kith("rm", "front")
        wait("front is gone", lambda: "front" not in [s["name"] for s in peer.ask("services")], 60)
        logs = peer.kith("logs", "store")
        if "GET / HTTP" not in logs:
            raise Failed("no output of store: " + logs)


def healthy(peer, service):
    return sorted(i["id"] for i in peer.ask("instances", service) if i["health"] == "healthy")


def refused(peer, words, what):
    done = peer.kith("check", what, check=False)
    if done.returncode != 1 or words not in done.stderr:
        raise Failed("check %s: %s" % (what, done))


def checked_at_once():
    """kith check: what it finds is the answer, at any peer, and all peers have the state at once."""
    with Cluster(2, net="127.2.5") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        sick = os.path.join(cluster.folder, "sick")
        applied(cluster, SICK % sick, ("well", "plain"))
        here, there = cluster.peers
        both = healthy(here, "well")
        expect("hosts", len({i["node"] for i in here.ask("instances", "well")}), 2)
        for peer in cluster.peers:
            open(sick, "w").close()
            expect("nobody has looked", healthy(peer, "well"), both)
            done = peer.kith("-o", "json", "check", "well", check=False)
            expect("status", done.returncode, 1)
            results = json.loads(done.stdout)
            expect("found", sorted((r["instance"], r["ok"], r["state"], r["output"]) for r in results),
                   [(i, False, "unhealthy", "exit status 1") for i in both])
            if not all(300 <= r["took_ms"] < 2000 for r in results):
                raise Failed("took: %s" % results)
            for p in cluster.peers:
                wait("%s knows" % p.name, lambda: not healthy(p, "well") and not p.ask("endpoints", "well"), 2)
            os.unlink(sick)
            for one in both:  # by its id
                expect("passes", [r["ok"] for r in peer.ask("check", one)], [True])
            for p in cluster.peers:
                wait("%s knows" % p.name, lambda: healthy(p, "well") == both, 2)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            begin = time.monotonic()
            answers = list(pool.map(lambda _: here.ask("check", both[0])[0], range(4)))
            took = time.monotonic() - begin
        expect("shared", sorted(a["shared"] for a in answers), [False, True, True, True])
        if took > 1:
            raise Failed("four who asked for one check waited %.1f s" % took)
        refused(here, "plain has no check", "plain")
        refused(there, "plain has no check", "plain")
        refused(here, "there is no service nothing", "nothing")
        here.kith("register", "db", "127.0.0.1:5432")
        refused(here, "db is registered", "db")
        gone = next(i for i in here.ask("instances", "well") if i["node"] == id_of(there))
        there.signal(signal.SIGSTOP)
        refused(here, "its host, %s, " % there.name, gone["id"])
        there.signal(signal.SIGCONT)


def id_of(peer):
    return peer.ask("info")["id"]


if __name__ == "__main__":
    sys.exit(story(one_dies_and_others_take_over, killed_daemon_adopts, stopped_in_order, changes, checked_at_once))
