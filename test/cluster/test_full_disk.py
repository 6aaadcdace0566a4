#!/usr/bin/python3
"""A disk that is full: nothing is acknowledged that is not on it, and nothing is lost when there is room again."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, Skipped, story, wait  # noqa: E402

SERVICE = "service: %s\nrun: {exec: [/bin/sleep, '1000']}\n"


def names(peer):
    return sorted(s["name"] for s in peer.ask("services"))


def apply(cluster, peer, name, *flags):
    path = os.path.join(cluster.folder, name + ".yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(SERVICE % name)
    return peer.kith("apply", path, *flags, check=False)


def fill(folder):
    path = os.path.join(folder, "filler")
    try:
        with open(path, "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
    except OSError:
        return path


def full_and_roomy_again():
    """Changes are refused with the reason while the disk is full; after that they work, and survive a kill."""
    with Cluster(1, net="127.2.41") as cluster:
        peer = cluster.peers[0]
        os.makedirs(peer.data, exist_ok=True)
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m,mode=755", "kith-test", peer.data],
                               capture_output=True, check=False)
        if mount.returncode != 0:
            raise Skipped("no small disk can be mounted here (needs root)")
        try:
            on_the_small_disk(cluster, peer)
        finally:
            cluster.stop_hard()
            subprocess.run(["umount", "--lazy", peer.data], check=False)


def on_the_small_disk(cluster, peer):
    peer.start()
    cluster.wait_alive(60)
    if apply(cluster, peer, "before").returncode != 0:
        raise Failed("apply on a disk with room")
    filler = fill(peer.data)

    def refused():
        done = apply(cluster, peer, "during", "--timeout", "1s")
        return done.returncode == 1 and "takes no writes" in done.stderr

    wait("a change is refused because of the disk", refused, 60)
    if "before" not in names(peer):
        raise Failed("a peer with a full disk does not answer")
    os.remove(filler)
    wait("a change is taken again", lambda: apply(cluster, peer, "after", "--timeout", "1s").returncode == 0, 60)
    with open(peer.log, encoding="utf-8") as file:
        log = file.read()
    if log.count("cannot store") != 1 or "takes writes again" not in log:
        raise Failed("the log does not say it once: " + log)
    peer.kill()
    peer.start()
    cluster.wait_alive(60)
    if "before" not in names(peer) or "after" not in names(peer):
        raise Failed("lost: only %s are there" % names(peer))


if __name__ == "__main__":
    sys.exit(story(full_and_roomy_again))
