#!/usr/bin/python3
"""Two who change one thing without knowing of each other: one value wins everywhere, the other is listed and can be taken back."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, story, wait  # noqa: E402

SERVICE = "service: web\ncount: 1\nrun: {exec: [/bin/sleep, '1000']}\n"


def count(peer):
    return next((s["count"] for s in peer.ask("services") if s["name"] == "web"), None)


def change_alone(cluster, peer, number):
    """With nobody else up, so that the others know nothing of it until they meet."""
    for other in cluster.running():
        other.kill_host()
    peer.start()
    wait("%s to answer with what it holds" % peer.name, lambda: count(peer) is not None, 20)
    peer.kith("scale", "web", str(number))


def listed_and_undone():
    """Both values were acknowledged: one is in effect on all peers, `kith conflicts` shows the other, `kith undo` brings it back."""
    with Cluster(2, net="127.3.9") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        first, second = cluster.peers
        path = os.path.join(cluster.folder, "web.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(SERVICE)
        first.kith("apply", path, "--ack", "all")
        change_alone(cluster, first, 2)
        change_alone(cluster, second, 3)
        first.start()
        cluster.wait_alive(60)
        wait("both to hold the same", lambda: len({p.ask("info")["digest"] for p in cluster.peers}) == 1, 60)
        if {count(p) for p in cluster.peers} != {3}:
            raise Failed("the later one is not in effect: %s" % [count(p) for p in cluster.peers])

        who, lost = next(((p, c) for p in cluster.peers for c in p.ask("conflicts")), (None, None))
        if not lost:
            raise Failed("nobody lists the value that was overwritten")
        who.kith("undo", lost["id"], "--ack", "all")
        if {count(p) for p in cluster.peers} != {2}:
            raise Failed("after undo the counts are %s" % [count(p) for p in cluster.peers])
        if len([c for c in who.ask("conflicts") if c["id"] != lost["id"]]) > 0:
            raise Failed("taking it back was a conflict itself")


if __name__ == "__main__":
    sys.exit(story(listed_and_undone))
