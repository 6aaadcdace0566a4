#!/usr/bin/python3
"""A peer that was forgotten while it was away: it exports what it wrote, begins anew, and raises nothing from the dead."""
import glob
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, story, wait  # noqa: E402

SERVICE = """
service: %s
count: 1
run: {exec: [/usr/bin/sleep, "1000"]}
"""


def apply(cluster, peer, name):
    path = os.path.join(cluster.folder, name + ".yaml")
    with open(path, "w") as f:
        f.write(SERVICE % name)
    peer.kith("apply", path)


def services(peer):
    return {s["name"] for s in peer.ask("services")}


def state_of(peer, name, everybody=()):
    return next((m["state"] for m in peer.ask("members", *everybody) if m["name"] == name), None)


def forgotten_and_back():
    """What it wrote alone is in a file, it holds what the others hold, and says so in its log and its events."""
    with Cluster(3, net="127.3.8") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        first, second, third = cluster.peers
        apply(cluster, first, "common")
        wait("all to hold it", lambda: all("common" in services(p) for p in cluster.peers), 20)
        for peer in cluster.peers:
            peer.kill_host()
        third.start()  # alone: what it writes now reaches nobody
        wait("the third to answer", lambda: "common" in services(third), 20)
        apply(cluster, third, "alone")
        third.kill_host()
        first.start()
        second.start()
        wait("the third to be held for dead", lambda: state_of(first, "h3") == "dead", 60)
        first.kith("forget", "h3")
        first.kith("rm", "common")
        wait("the service to go", lambda: "common" not in services(second), 30)
        third.start()
        wait("it to be a member again", lambda: state_of(first, "h3") == "alive" and state_of(third, "h1") == "alive", 60)
        wait("all to hold the same", lambda: len({p.ask("info")["digest"] for p in cluster.peers}) == 1, 60)
        if services(first) & {"common", "alone"} or services(third) & {"common", "alone"}:
            raise Failed("what was deleted or forgotten is back: %s, %s" % (services(first), services(third)))
        files = glob.glob(os.path.join(third.data, "unsent-*.txt"))
        if len(files) != 1 or "alone" not in open(files[0], errors="replace").read():
            raise Failed("no export of what it wrote: %s" % files)
        if "begins anew" not in open(third.log, errors="replace").read():
            raise Failed("its log does not say so")
        if not any(e["what"] == "began-anew" for e in third.ask("events")):
            raise Failed("its events do not say so")


if __name__ == "__main__":
    sys.exit(story(forgotten_and_back))
