#!/usr/bin/python3
"""Commands that are acknowledged when others have them too: --ack, --wait converged, and what is said when they do not."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, story, wait  # noqa: E402

SERVICE = "service: %s\nrun: {exec: [/bin/sleep, '1000']}\n"


def write(cluster, name):
    path = os.path.join(cluster.folder, name + ".yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(SERVICE % name)
    return path


def names(peer):
    return {s["name"] for s in peer.ask("services")}


def on_the_disks_of_others():
    """Acknowledged with --ack all, the command outlives the peer that took it and a kill of all others."""
    with Cluster(3, net="127.3.3") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        first, *others = cluster.peers
        for number, ack in enumerate((["--ack", "all"], ["--ack", "3"], ["--wait", "converged"])):
            first.kith("apply", write(cluster, "s%d" % number), *ack)
            if "--ack" in ack:
                for peer in cluster.peers:
                    os.kill(peer.pid, signal.SIGKILL)
            else:
                lacking = [p.name for p in others if "s%d" % number not in names(p)]
                if lacking:
                    raise Failed("converged, but %s know nothing of it" % lacking)
                os.kill(first.pid, signal.SIGKILL)
            for peer in cluster.peers:
                if not peer.process or peer.process.poll() is not None or "--ack" in ack:
                    peer.kill_host()
            for peer in others:
                if not peer.process:
                    peer.start()
            cluster.wait_alive(60, peers=others)
            lost = [p.name for p in others if "s%d" % number not in names(p)]
            if lost:
                raise Failed("%s: %s lost it" % (" ".join(ack), lost))
            first.start()
            cluster.wait_alive(60)


def who_is_missing():
    """A stopped peer is named after --timeout; a majority does without it; and it hears of all when it goes on."""
    with Cluster(3, net="127.3.4") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        first, _, stopped = cluster.peers
        os.kill(stopped.pid, signal.SIGSTOP)
        done = first.kith("apply", write(cluster, "one"), "--ack", "all", "--timeout", "1s", check=False)
        if done.returncode != 1 or "missing: h3" not in done.stderr:
            raise Failed("--ack all with a stopped peer: %d, %s" % (done.returncode, done.stderr))
        first.kith("apply", write(cluster, "two"), "--ack", "majority")
        done = first.kith("apply", write(cluster, "three"), "--ack", "9", "--timeout", "1s", check=False)
        if done.returncode != 1 or "of 9" not in done.stderr:
            raise Failed("--ack 9 of three: %d, %s" % (done.returncode, done.stderr))
        os.kill(stopped.pid, signal.SIGCONT)
        wait("the stopped peer knows all three", lambda: {"one", "two", "three"} <= names(stopped), 60)


def known(peer):
    return {m["name"] for m in peer.ask("members")}


def who_is_forgotten():
    """kith forget --ack: on the disks of all who live; a stopped peer is named, and the command stays done."""
    with Cluster(5, net="127.3.5") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        first, _, third = living = cluster.peers[:3]
        for peer in cluster.peers[3:]:
            peer.kill_host()
        cluster.wait_alive(60, peers=living)
        os.kill(third.pid, signal.SIGSTOP)
        done = first.kith("forget", "h4", "--ack", "3", "--timeout", "1s", check=False)
        if done.returncode != 1 or "missing: h3" not in done.stderr:
            raise Failed("forget --ack 3 with a stopped peer: %d, %s" % (done.returncode, done.stderr))
        os.kill(third.pid, signal.SIGCONT)
        cluster.wait_alive(60, peers=living)
        first.kith("forget", "h5", "--ack", "all", "--timeout", "5s")
        for peer in living:
            peer.kill_host()
        for peer in living[1:]:
            peer.start()
        cluster.wait_alive(60, peers=living[1:])
        for peer in living[1:]:
            if "h5" in known(peer):
                raise Failed("%s said that it has it on disk, and knows h5 after a kill" % peer.name)


if __name__ == "__main__":
    sys.exit(story(on_the_disks_of_others, who_is_missing, who_is_forgotten))
