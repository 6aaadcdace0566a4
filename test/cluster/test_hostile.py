#!/usr/bin/python3
"""Bad guests: garbage on every port, a foreign ring, another cluster's operator, an expired token, a wrong file."""
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, story, wait  # noqa: E402

ROUNDS = int(os.environ.get("KITH_ROUNDS", "20"))  # scripts/soak runs 200
PORTS = (5484, 5485, 5488)
SPARE = 16  # descriptors of connections that the two peers make to each other meanwhile; a leak would be 3 a round
GROWTH_KIB = 2048  # allocators keep some of what a burst took; a leak of one message a round would be far more


def resident_kib(pid):
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def throw(address, port, data):
    try:
        with socket.create_connection((address, port), timeout=2) as s:
            s.settimeout(2)
            s.sendall(data)
    except OSError:
        pass  # being thrown out is right


def garbage_changes_nothing():
    """Random bytes on every port: no crash, no growth, named in the log once."""
    with Cluster(2, net="127.4.1") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        peer = cluster.peers[0]
        junk = os.urandom(1 << 20)
        quiet = descriptors(peer.pid)
        for port in PORTS:
            throw(peer.addr, port, junk)
        wait("descriptors to be given back", lambda: descriptors(peer.pid) <= quiet + SPARE, 60)
        before = resident_kib(peer.pid)
        for _ in range(ROUNDS):
            for port in PORTS:
                throw(peer.addr, port, junk)
        wait("descriptors to be given back", lambda: descriptors(peer.pid) <= quiet + SPARE, 60)
        grown = resident_kib(peer.pid) - before
        if grown > GROWTH_KIB:
            raise Failed("%d KiB more after %d rounds" % (grown, ROUNDS))
        cluster.wait_alive(30)

        def named():
            with open(peer.log, errors="replace") as f:
                return [line for line in f if "no connection with 127." in line and "not ZeroMQ" in line]

        wait("the log to name the guest", named, 30)
        if len(named()) > len(PORTS):
            raise Failed("named %d times in the log" % len(named()))


def strangers_stay_outside():
    """A peer of another ring and one with an expired token join nothing, and the log says why."""
    with Cluster(1, net="127.4.2") as cluster, Cluster(1, net="127.4.3") as other:
        cluster.start()
        cluster.wait_alive(60)
        home = cluster.peers[0]
        stranger = other.peers[0]
        stranger.start("--seed", home.addr)
        wait("the stranger's daemon", lambda: stranger.ask("info"), 60)
        late = os.path.join(cluster.folder, "late.token")
        with open(late, "w") as f:
            f.write(cluster.kith("token", "new", "--dir", cluster.operator, "--expires", "1s", "--seed", home.addr))
        second = Cluster(1, net="127.4.4", secure=False)
        guest = second.peers[0]
        wait("the token to expire", lambda: os.path.getmtime(late) + 2 < __import__("time").time(), 10)
        with second:
            guest.start("--seed", home.addr, "--token", late)

            def named():
                with open(home.log, errors="replace") as f:
                    mine = f.read()
                with open(guest.log, errors="replace") as f:
                    return "expired" in mine or "expired" in f.read()

            wait("somebody to say that the token has expired", named, 60)
        members = home.ask("members", "--all")
        if [m["name"] for m in members] != [home.name]:
            raise Failed("strangers got in: %s" % members)


def wrong_files_are_refused():
    """Typing errors in a service file: place and advice, and nothing of the file is applied."""
    with Cluster(1, net="127.4.5") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        path = os.path.join(cluster.folder, "bad.yaml")
        for text, word in (("service: a\nrun: {exec: [/bin/true]}\ncuont: 3\n", "count"),
                           ("service: a\nrun: {exec: [/bin/true]}\nneeds: [b]\n---\nservice: b\nrun: {exec: [/bin/true]}\nneeds: [a]\n",
                            "cycle"),
                           ("service: a\nrun: {exec: [/bin/true]}\nresources: {memory: 64Mob}\n", "MiB")):
            with open(path, "w") as f:
                f.write("service: good\nrun: {exec: [/usr/bin/sleep, '1000']}\n---\n" + text)
            done = cluster.peers[0].kith("apply", path, check=False)
            if done.returncode != 1 or word not in done.stderr or "bad.yaml:" not in done.stderr:
                raise Failed("%r: %s" % (word, done))
        if cluster.peers[0].ask("services"):
            raise Failed("part of a refused file was applied")


if __name__ == "__main__":
    sys.exit(story(garbage_changes_nothing, strangers_stay_outside, wrong_files_are_refused))
