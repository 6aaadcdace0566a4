#!/usr/bin/python3
"""kith backup while peers write, and kithd --restore: of a cluster that is lost, and into one that lives, where the dead stay dead."""
import glob
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, story, wait  # noqa: E402
from test_crash import Load, registered  # noqa: E402

SERVICE = "service: %s\ncount: %d\nrun: {exec: [/bin/sleep, '1000']}\n"


def apply(cluster, peer, name, count=1):
    path = os.path.join(cluster.folder, name + ".yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(SERVICE % (name, count))
    peer.kith("apply", path)


def counts(peer):
    return {s["name"]: s["count"] for s in peer.ask("services")}


def log_of(peer):
    with open(peer.log, encoding="utf-8", errors="replace") as file:
        return file.read()


def forget_registry(peer):
    """The host lost its disk, but for the identity."""
    for path in glob.glob(os.path.join(peer.data, "registry.*")):
        os.remove(path)


def of_a_lost_cluster():
    """Backed up under load, everything lost, restored on new hosts: services run again, what hosts had said is not believed."""
    with Cluster(2, net="127.3.6") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        first = cluster.peers[0]
        apply(cluster, first, "api", 2)
        apply(cluster, first, "gone")
        first.kith("rm", "gone")
        wait("gone is gone", lambda: "gone" not in counts(first), 60)
        load = Load(cluster, first, "written")
        wait("a load of writes", lambda: registered(first, "written"), 30)
        before = registered(first, "written")
        backup = os.path.join(cluster.folder, "backup")
        first.kith("backup", backup)
        second = os.path.join(cluster.folder, "backup2")
        first.kith("backup", second)
        apply(cluster, first, "later")
        if not registered(first, "written") > before:
            raise Failed("writing stood still while the backup was made")
        refused = first.kith("backup", "/proc/none/backup", check=False)
        if refused.returncode != 1 or "/proc/none" not in refused.stderr:
            raise Failed("a backup that cannot be written: %s" % refused.stderr)
        for peer in cluster.peers:
            peer.kill_host()
            shutil.rmtree(peer.data)
        load.acknowledged()
        first.start("--restore", backup)
        cluster.peers[1].start()
        wait("api is restored", lambda: counts(cluster.peers[1]) == {"api": 2}, 60)
        cluster.wait_healthy(60, services=["api"])
        if registered(first, "written"):
            raise Failed("registrations with a host that is lost are shown")
        if {m["name"] for m in first.ask("members") if m["state"] == "alive"} - {"h1", "h2"}:
            raise Failed("hosts that are lost are held for alive")


def into_a_living_cluster():
    """A peer comes back with an old backup: what was deleted stays deleted, what was changed stays changed."""
    with Cluster(3, net="127.3.7") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        first, second, third = cluster.peers
        apply(cluster, first, "kept", 1)
        apply(cluster, first, "removed", 1)
        cluster.wait_healthy(60)
        backup = os.path.join(cluster.folder, "backup")
        first.kith("backup", backup)
        first.kith("rm", "removed")
        first.kith("scale", "kept", "2")
        apply(cluster, second, "new", 1)
        wait("removed is gone", lambda: set(counts(third)) == {"kept", "new"}, 60)
        first.kill_host()
        forget_registry(first)
        first.start("--restore", backup)
        wait("the backup is dealt with", lambda: "others live, and what they hold decides" in log_of(first), 60)
        cluster.wait_alive(60)
        wait("all peers hold the same", lambda: len({p.ask("info")["digest"] for p in cluster.peers}) == 1, 60)
        for peer in cluster.peers:
            if counts(peer) != {"kept": 2, "new": 1}:
                raise Failed("%s has %s" % (peer.name, counts(peer)))
        cluster.wait_healthy(60)
        first.kill()
        first.start("--restore", backup)
        wait("the same backup again is refused", lambda: "restored here before" in log_of(first), 60)


if __name__ == "__main__":
    sys.exit(story(of_a_lost_cluster, into_a_living_cluster))
