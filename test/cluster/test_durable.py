#!/usr/bin/python3
"""What was acknowledged survives: all peers killed at once right after it; and a sync stands before every answer."""
import os
import re
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, Skipped, story, wait  # noqa: E402

ROUNDS = int(os.environ.get("KITH_ROUNDS", "3"))  # scripts/soak runs fifty

SERVICE = """
service: %s
count: 1
run: {exec: [/usr/bin/sleep, "1000"]}
"""


def killed_right_after_the_answer():
    """Every round: apply is acknowledged, all peers die at once, start again: the service is there and runs."""
    with Cluster(3, net="127.3.1") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        for number in range(ROUNDS):
            name = "round%d" % number
            path = os.path.join(cluster.folder, name + ".yaml")
            with open(path, "w") as f:
                f.write(SERVICE % name)
            cluster.peers[number % 3].kith("apply", path)
            for peer in cluster.peers:
                os.kill(peer.pid, signal.SIGKILL)
            for peer in cluster.peers:
                peer.kill_host()
            cluster.start()
            cluster.wait_alive(60)
            cluster.wait_healthy(60, services=["round%d" % n for n in range(max(0, number - 2), number + 1)])
        found = {s["name"] for s in cluster.peers[0].ask("services")}
        lost = [n for n in range(ROUNDS) if "round%d" % n not in found]
        if lost:
            raise Failed("lost: %s" % lost)


def lines_of(path):
    with open(path, errors="replace") as f:
        return f.read().splitlines()


def synced_before_answer(lines):
    """In one command's system calls: a sync to disk had ended before the last frame, the answer, left. Nothing else is
    sent meanwhile: the peer is alone and has nobody to probe."""
    syncs = [n for n, line in enumerate(lines) if re.search(r"(fdatasync|fsync|msync)(\(.*| resumed.*)= 0$", line)]
    sends = [n for n, line in enumerate(lines) if re.search(r"(sendto|sendmsg|write)\(.*", line)]
    return bool(syncs and sends and syncs[0] < sends[-1])


def sync_before_answer():
    """strace: between a command's arrival and its answer the daemon syncs its store to disk."""
    if not shutil.which("strace"):
        raise Skipped("no strace")
    with Cluster(1, net="127.3.2") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        peer = cluster.peers[0]
        path, said = os.path.join(cluster.folder, "trace"), os.path.join(cluster.folder, "strace.txt")
        with open(said, "w") as err:
            tracer = subprocess.Popen(["strace", "-f", "-e", "trace=fdatasync,fsync,msync,sendto,sendmsg", "-s", "16", "-o", path,
                                       "-p", str(peer.pid)], stderr=err)
        wait("strace to attach", lambda: "attached" in "".join(lines_of(said)) or tracer.poll() is not None, 30)
        if tracer.poll() is not None:
            raise Skipped("strace may not attach: %s" % lines_of(said))
        text = os.path.join(cluster.folder, "s.yaml")
        with open(text, "w") as f:
            f.write(SERVICE % "traced")
        without = []
        for words in (["apply", text], ["scale", "traced", "2"], ["restart", "traced"], ["stop", "traced"], ["start", "traced"]):
            before = len(lines_of(path))
            peer.kith(*words)
            if not wait("the trace", lambda: synced_before_answer(lines_of(path)[before:]), 5):
                without.append(words[0])
        tracer.kill()  # its own way of ending waits for a process that is just being spawned, and may never end
        tracer.wait(10)
        if without:
            raise Failed("acknowledged without a sync: %s" % without)


if __name__ == "__main__":
    sys.exit(story(killed_right_after_the_answer, sync_before_answer))
