#!/usr/bin/python3
"""Real daemons find each other, notice a death, take the dead back. Generous deadlines: scripts/bench has the figures."""
import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, story, wait  # noqa: E402

PEERS = 8


def state_of(peer, name):
    return next((m["state"] for m in peer.ask("members", "--all") if m["name"] == name), None)


def joins_dies_and_returns():
    """Eight peers join from seeds, one is killed and known dead, comes back alive with a higher incarnation, leaves."""
    with Cluster(PEERS, net="127.1.1") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        victim = cluster.peers[4]
        before = next(m for m in cluster.peers[0].ask("members") if m["name"] == victim.name)
        victim.kill()
        wait("all to know the death", lambda: all(state_of(p, victim.name) == "dead" for p in cluster.running()), 30)
        victim.start()
        cluster.wait_alive(60)
        after = next(m for m in cluster.peers[0].ask("members") if m["name"] == victim.name)
        if after["id"] != before["id"] or after["incarnation"] <= before["incarnation"]:
            raise Failed("back as another, or with an old incarnation: %s, %s" % (before, after))
        victim.signal(signal.SIGINT)
        if victim.wait_end(60) != 0:
            raise Failed("a leave ends with status %s" % victim.process.returncode)
        wait("all to know the leave", lambda: all(state_of(p, victim.name) == "left" for p in cluster.running()), 30)


def all_seeds_are_down_for_a_while():
    """A peer whose seeds are all down goes on trying, and joins when one comes."""
    with Cluster(3, net="127.1.2") as cluster:
        late = cluster.peers[2].start()
        wait("its socket", lambda: late.kith("info"), 30)
        cluster.peers[0].start()
        cluster.wait_alive(60)
        cluster.peers[1].start()
        cluster.wait_alive(60)


def paused_peer_accuses_nobody():
    """A peer stopped for some seconds and resumed is alive again, and so are all others in its eyes."""
    with Cluster(5, net="127.1.3") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        sleeper = cluster.peers[3]
        sleeper.signal(signal.SIGSTOP)
        others = [p for p in cluster.peers if p is not sleeper]
        wait("the others to miss it", lambda: all(state_of(p, sleeper.name) == "dead" for p in others), 60)
        sleeper.signal(signal.SIGCONT)
        cluster.wait_alive(60)


def named(peers, text):
    """In the log of which of them."""
    found = []
    for peer in peers:
        with open(peer.log, encoding="utf-8", errors="replace") as log:
            if text in log.read():
                found.append(peer)
    return found


def copied_folder_is_refused():
    """A peer started from a copy of another's data folder is named and ends; the one that had the id first goes on."""
    with Cluster(4, net="127.1.4") as cluster:
        first = cluster.peers[:3]
        for peer in first:
            peer.start()
        cluster.wait_alive(60, peers=first)
        original, copy = cluster.peers[2], cluster.peers[3]
        original.kill()
        shutil.copytree(original.data, copy.data, ignore=shutil.ignore_patterns("*.sock", "run"))
        original.start()
        cluster.wait_alive(60, peers=first)
        before = next(m for m in first[0].ask("members") if m["name"] == original.name)
        copy.start()
        copy.wait_end(60)
        if not named([copy], "had it first"):
            raise Failed("it does not say why it ended")
        said = ("another live peer has this node's id", "two live peers have the id",
                "another process wrote this peer's member row")  # by how far the second gets before it ends
        wait("a peer that goes on to name it", lambda: any(named(first, text) for text in said), 30)
        cluster.wait_alive(60, peers=first)
        after = next(m for m in first[0].ask("members") if m["name"] == original.name)
        if (after["id"], after["addr"]) != (before["id"], before["addr"]):
            raise Failed("the original is another now: %s, %s" % (before, after))


def address_is_used_again():
    """A host that is set up anew at its old address is another member; the old one is named, dead, and can be forgotten."""
    with Cluster(4, net="127.1.5") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        again, others = cluster.peers[3], cluster.peers[:3]
        before = next(m for m in others[0].ask("members") if m["name"] == again.name)["id"]
        again.kill()
        shutil.rmtree(again.data)
        cluster.tokens.pop(again.number)
        again.start()

        def states(peer):
            return {m["id"]: m["state"] for m in peer.ask("members", "--all") if m["name"] == again.name}

        def both(peer):
            seen = states(peer)
            return len(seen) == 2 and seen.get(before) == "dead" and sorted(seen.values()) == ["alive", "dead"]

        wait("the old one dead and the new one alive", lambda: all(both(p) for p in cluster.running()), 60)
        wait("a peer to name the address", lambda: named(others, "it is re-used"), 30)
        others[1].kith("forget", before)
        wait("the old one is not listed", lambda: all(before not in [m["id"] for m in p.ask("members")]
                                                      for p in cluster.running()), 30)
        cluster.wait_alive(30)


if __name__ == "__main__":
    sys.exit(story(copied_folder_is_refused, address_is_used_again, joins_dies_and_returns, all_seeds_are_down_for_a_while, paused_peer_accuses_nobody))
