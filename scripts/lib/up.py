"""The main job: see scripts/up."""
import argparse
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cluster import ROOT, Cluster, Failed, wait  # noqa: E402
from fetch import fetched  # noqa: E402

EXAMPLE = os.path.join(ROOT, "deploy/examples")
START_S = 60
FAILOVER_S = 30


def say(text):
    print("==> " + text, flush=True)


def stage(cluster):
    """The example's files where services may read them, whoever they run as."""
    folder = os.path.join(cluster.folder, "example")
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    shutil.copy(os.path.realpath(fetched(["redis-server", "redis-tools"], "usr/bin/redis-server")), os.path.join(folder, "shop/redis-server"))
    for path, folders, files in os.walk(folder):
        for name in folders + files:
            os.chmod(os.path.join(path, name), 0o755)
    os.chmod(folder, 0o755)
    return os.path.join(folder, "shop.yaml")


def get(endpoint, path):
    """GET over HTTP from outside the cluster; None when there is no good answer."""
    try:
        with urllib.request.urlopen("http://%s:%d%s" % (endpoint["addr"], endpoint["port"], path), timeout=1) as answer:
            return answer.read().decode()
    except (urllib.error.URLError, OSError, ValueError):
        return None


def count_once(peer, service="api"):
    """Asks an instance of the API to count; its answer, or None."""
    for endpoint in peer.ask("endpoints", service):
        text = get(endpoint, "/count")
        if text:
            return json.loads(text)
    return None


def show(peer):
    for verb in (["members"], ["services"], ["instances"]):
        print("\n$ kith " + " ".join(verb))
        print(peer.kith(*verb), end="")
    for name in ("redis", "api", "web"):
        print("\n$ kith endpoints " + name)
        print(peer.kith("endpoints", name), end="")
    print(flush=True)


def start(cluster):
    say("three peers on %s, started from a seed list" % ", ".join(p.addr for p in cluster.peers))
    cluster.start()
    cluster.wait_alive(START_S)
    shop = stage(cluster)
    say("kith apply shop.yaml")
    first = cluster.peers[0]
    print(first.kith("apply", shop), end="")
    cluster.wait_healthy(START_S, services=["redis", "api", "web"])
    show(first)
    first_count = wait("the API to count", lambda: count_once(first), 10)
    second = wait("the API to count on", lambda: count_once(first), 10)
    if second["count"] <= first_count["count"]:
        raise Failed("the counter stands still: %s, %s" % (first_count, second))
    page = wait("the web front", lambda: any("visitor" in (get(e, "/") or "") for e in first.ask("endpoints", "web")), 10)
    say("the API counts (%d, %d) and the front shows it: %s" % (first_count["count"], second["count"], bool(page)))


def victim_of(cluster):
    """The peer that hosts redis; it must host an API instance too."""
    instances = cluster.peers[0].ask("instances")
    members = {m["id"]: m["name"] for m in cluster.peers[0].ask("members")}
    redis = [i for i in instances if i["service"] == "redis" and i["state"] == "running"]
    if len(redis) != 1:
        raise Failed("expected one running redis: %s" % redis)
    here = [i for i in instances if i["node"] == redis[0]["node"]]
    if not any(i["service"] == "api" for i in here):
        raise Failed("redis's host runs no API instance")
    name = members[redis[0]["node"]]
    return next(p for p in cluster.peers if p.name == name), redis[0], here


def services_mended(peer, old_redis):
    """redis elsewhere, everybody at its count, every API instance started with the new address."""
    services = {s["name"]: s for s in peer.ask("services")}
    if any(services[n]["healthy"] != services[n]["count"] for n in ("redis", "api", "web")):
        return None
    endpoints = peer.ask("endpoints", "redis")
    if len(endpoints) != 1 or endpoints[0]["node"] == old_redis["node"]:
        return None
    where = "%s:%d" % (endpoints[0]["addr"], endpoints[0]["port"])
    answers = [json.loads(get(e, "/count") or "{}") for e in peer.ask("endpoints", "api")]
    if len(answers) != services["api"]["count"] or any(a.get("redis") != where for a in answers):
        return None
    if not all("visitor" in (get(e, "/") or "") for e in peer.ask("endpoints", "web")):
        return None
    return answers


def fail_over(cluster):
    """Kills redis's host; returns the seconds until the cluster was seen to know, and until all was healthy."""
    victim, redis, here = victim_of(cluster)
    watcher = next(p for p in cluster.peers if p is not victim)
    say("kill -9: %s (pid %d) with all that it runs: %s" % (
        victim.name, victim.pid, ", ".join("%s (pid %d)" % (i["service"], i["pid"]) for i in here)))
    begin = time.monotonic()
    victim.kill_host([i["pid"] for i in here if i["pid"]])

    def dead():
        return all(any(m["name"] == victim.name and m["state"] == "dead" for m in p.ask("members")) for p in cluster.running())

    wait("the others to notice that %s is dead" % victim.name, dead, FAILOVER_S)
    noticed = time.monotonic() - begin
    say("all others know after %.2f s" % noticed)
    answers = wait("all to be healthy again", lambda: services_mended(watcher, redis), FAILOVER_S)
    healthy = time.monotonic() - begin
    show(watcher)
    say("redis is at %s now; asked over HTTP the API counts %s" % (answers[0]["redis"], [a["count"] for a in answers]))
    return noticed, healthy


def stop(cluster):
    """One command stops the whole cluster; the daemons' ends are seen."""
    peers = cluster.running()
    if not peers:
        return
    say("kith stop --all")
    print(peers[0].kith("stop", "--all", timeout=90), end="", flush=True)
    for peer in peers:
        status = peer.wait_end(30)
        if status != 0:
            raise Failed("%s ended with status %d" % (peer.name, status))
    left = [pid for peer in cluster.peers for pid in peer.runners()]
    if left:
        raise Failed("still running: %s" % left)
    say("all services and daemons have stopped")


def stay(cluster):
    first = cluster.peers[0]
    print("Look further:\n  export KITH_ADDR=%s\n  build/kith services      build/kith why api      build/kith events\n"
          "  curl http://$(build/kith -o json endpoints web | jq -r '.[0] | \"\\(.addr):\\(.port)\"')/\n"
          "Ctrl-C stops the whole cluster." % first.socket, flush=True)
    signal.pause()


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(prog="scripts/up")
    parser.add_argument("--once", action="store_true", help="kill redis's host, watch the cluster mend itself, stop")
    parser.add_argument("--keep", action="store_true", help="leave the cluster's folder behind")
    parser.add_argument("--net", default="127.0.0", help="the first three bytes of the peers' addresses")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupted)
    cluster = Cluster(3, keep=options.keep, net=options.net)
    try:
        with cluster:
            try:
                start(cluster)
                if options.once:
                    noticed, healthy = fail_over(cluster)
                    stop(cluster)
                    print("kill to all known: %.2f s, kill to all healthy: %.2f s" % (noticed, healthy), flush=True)
                else:
                    stay(cluster)
            except KeyboardInterrupt:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                stop(cluster)
    except Failed as e:
        print("scripts/up: %s" % e, file=sys.stderr)
        print("scripts/up: logs are in %s" % cluster.folder, file=sys.stderr)
        return 1
    if options.keep:
        print("kept: " + cluster.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
