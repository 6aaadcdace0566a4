#!/usr/bin/python3
"""kill -9 at random moments under a load of writes: nothing acknowledged is lost, the file always opens, all peers end up with the same."""
import json
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, story, wait  # noqa: E402

KILLS = int(os.environ.get("KITH_KILLS", "12"))  # scripts/soak: three hundred
SEED = int(os.environ.get("KITH_SEED", "1"))
CONNECTIONS = 4
LONGEST_S = 0.4  # of a load, before the kill
FOLD = "64KiB"  # as many folds as kills can be: else the log of 16 MiB is never full


class Load:
    """Registrations of one service with one peer, on several connections, until the peer is killed."""

    def __init__(self, cluster, peer, service):
        self.service = service
        self.process = subprocess.Popen([cluster.program("test/register-load"), peer.socket, service, str(CONNECTIONS)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def acknowledged(self):
        """The names that were, once the peer is gone."""
        words, _ = self.process.communicate(timeout=30)
        return {line for line in words.split("\n")[:-1]}


def registered(peer, service):
    done = peer.kith("-o", "json", "endpoints", service, check=False)
    if done.returncode != 0:
        if "no service" in done.stderr:
            return set()
        raise Failed(done.stderr)
    return {e["registration"] for e in json.loads(done.stdout)}


def info(peer):
    return peer.ask("info")


def killed_at_random_moments():
    """Each time one of three peers is killed while it takes registrations, and started again."""
    rng = random.Random(SEED)
    told = {}  # service -> the names that were acknowledged
    with Cluster(3, net="127.3.5") as cluster:
        cluster.start("--fold", FOLD)
        cluster.wait_alive(60)
        folds = 0
        for number in range(KILLS):
            peer = rng.choice(cluster.peers)
            service = "kill%d" % number
            load = Load(cluster, peer, service)
            time.sleep(rng.uniform(0, LONGEST_S))  # the moment is what is tested
            folds += info(peer)["counters"]["store.folds"]
            peer.kill()
            told[service] = load.acknowledged()
            peer.start("--fold", FOLD)
            wait("%s answers after kill %d" % (peer.name, number), lambda: info(peer), 60)
            lost = told[service] - registered(peer, service)
            if lost:
                raise Failed("seed %d, kill %d: %d of %d acknowledged are lost, such as %s"
                             % (SEED, number, len(lost), len(told[service]), sorted(lost)[0]))
        cluster.wait_alive(60)
        wait("all peers hold the same", lambda: len({info(p)["digest"] for p in cluster.peers}) == 1, 60)
        for service, names in told.items():
            lost = names - registered(cluster.peers[0], service)
            if lost:
                raise Failed("seed %d: %s of %s are lost in the end" % (SEED, len(lost), service))
    if folds < KILLS // 4:
        raise Failed("only %d folds in the lives that %d kills ended: the test says nothing about folding" % (folds, KILLS))
    print("%d kills, %d registrations acknowledged, %d folds, seed %d" % (KILLS, sum(map(len, told.values())), folds, SEED), flush=True)


if __name__ == "__main__":
    sys.exit(story(killed_at_random_moments))
