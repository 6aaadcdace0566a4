#!/usr/bin/python3
"""What was acknowledged survives: all peers killed at once right after it; and a sync stands before every answer."""
import os
import re
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, story, wait  # noqa: E402

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


def sync_before_answer():
    """strace: between a command's arrival and its answer the daemon syncs its store to disk."""
    if not shutil.which("strace"):
        print("skipped: no strace")
        return
    with Cluster(1, net="127.3.2") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        peer = cluster.peers[0]
        path = os.path.join(cluster.folder, "trace")
        tracer = subprocess.Popen(["strace", "-f", "-tt", "-e", "trace=fdatasync,fsync,msync,sendto,sendmsg,write", "-s", "64",
                                   "-o", path, "-p", str(peer.pid)], stderr=subprocess.PIPE)
        wait("strace to attach", lambda: os.path.exists(path) and os.path.getsize(path) > 0, 30)
        text = os.path.join(cluster.folder, "s.yaml")
        with open(text, "w") as f:
            f.write(SERVICE % "traced")
        commands = []
        for words in (["apply", text], ["scale", "traced", "2"], ["restart", "traced"], ["stop", "traced"]):
            with open(path) as f:
                before = f.read().count("\n")
            peer.kith(*words)
            with open(path) as f:
                lines = f.read().splitlines()[before:]
            commands.append((words[0], any(re.search(r"(fdatasync|fsync|msync)\(.*= 0|(fdatasync|fsync|msync) resumed", line)
                                           for line in lines)))
        tracer.send_signal(signal.SIGINT)
        tracer.wait(10)
        without = [name for name, synced in commands if not synced]
        if without:
            raise Failed("acknowledged without a sync: %s" % without)


if __name__ == "__main__":
    sys.exit(story(killed_right_after_the_answer, sync_before_answer))
