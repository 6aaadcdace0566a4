#!/usr/bin/python3
"""Peers that listen by tcp, WebSocket and ipc: one way is cut with nft, the others take over; and back."""
import contextlib
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, Skipped, story, wait  # noqa: E402

TABLE = "kith_test_transport"


def nft(*lines):
    done = subprocess.run(["nft", "-f", "-"], input="\n".join(lines), text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise Failed("nft: %s" % done.stderr.strip())


@contextlib.contextmanager
def cut(addr, low, high):
    """Meanwhile everything to and from these ports of an address is dropped, without a word to anybody."""
    nft("table ip %s {" % TABLE,
        "chain cut { type filter hook input priority 0;",
        "ip daddr %s tcp dport %d-%d drop" % (addr, low, high),
        "ip saddr %s tcp sport %d-%d drop" % (addr, low, high), "}", "}")
    try:
        yield
    finally:
        heal()


def heal():
    if not shutil.which("nft"):
        return  # nothing was cut either
    subprocess.run(["nft", "delete", "table", "ip", TABLE], capture_output=True, check=False)


def talks_by(peer, name, scheme):
    """The last thing that a daemon said about how it talks to another."""
    with open(peer.log, errors="replace") as log:
        said = [line for line in log if "%s is talked to by" % name in line]
    return bool(said) and "by %s://" % scheme in said[-1]


@contextlib.contextmanager
def listening_by_three_ways(peers, net):
    """A cluster whose peers are bound by tcp, WebSocket and ipc, and all alive."""
    if os.geteuid() != 0 or not shutil.which("nft"):
        raise Skipped("needs root and nft")
    with Cluster(peers, net=net) as cluster:
        for p in cluster.peers:
            p.start("--bind", "ws://%s" % p.addr, "--bind", "ipc://%s/peer" % p.data)
        cluster.wait_alive(60)
        yield cluster


def falls_over_and_goes_back():
    """tcp of one peer is cut: all others use its WebSocket; nobody calls it dead; healed, they use tcp again."""
    with listening_by_three_ways(4, "127.1.31") as cluster:
        victim, others = cluster.peers[1], [p for p in cluster.peers if p is not cluster.peers[1]]
        if len(next(m for m in others[0].ask("members") if m["name"] == victim.name)["addr"]) == 0:
            raise Failed("no address is shown")
        with cut(victim.addr, 5484, 5488):
            wait("all to use its WebSocket", lambda: all(talks_by(p, victim.name, "ws") for p in others), 10)
            cluster.wait_alive(10)
            cluster.kith("probe", "ws://%s:5498" % victim.addr)
            if any(e["what"] == "member-dead" for p in others for e in p.ask("events")):
                raise Failed("it was called dead meanwhile")
        wait("all to use tcp again", lambda: all(talks_by(p, victim.name, "tcp") for p in others), 60)
        cluster.wait_alive(10)


def two_ways_down():
    """tcp and WebSocket are cut: peers on one host still have ipc."""
    with listening_by_three_ways(3, "127.1.32") as cluster:
        victim, others = cluster.peers[2], cluster.peers[:2]
        with cut(victim.addr, 5484, 5498):
            wait("all to use its ipc sockets", lambda: all(talks_by(p, victim.name, "ipc") for p in others), 10)
            cluster.wait_alive(10)
            others[0].kith("validate", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/examples/shop.yaml"))


def websocket_alone():
    """A cluster in which only WebSocket is bound: joins, sees a death, takes the dead back."""
    with Cluster(3, net="127.1.33") as cluster:
        for p in cluster.peers:
            cluster.token(p.number)
        for p in cluster.peers:
            start_by_websocket(p)
        cluster.wait_alive(60)
        cluster.peers[2].kill()
        wait("the others to see it dead", lambda: all(
            next(m["state"] for m in p.ask("members") if m["name"] == "h3") == "dead" for p in cluster.running()), 30)
        start_by_websocket(cluster.peers[2])
        cluster.wait_alive(60)


def start_by_websocket(peer):
    """As Peer.start(), but nothing listens by tcp."""
    os.makedirs(peer.data, mode=0o755, exist_ok=True)
    command = [peer.cluster.program("kithd"), "--data", peer.data, "--name", peer.name, "--bind", "ws://%s" % peer.addr,
               "--token", peer.cluster.token(peer.number)]
    for seed in peer.cluster.seeds():
        command += ["--seed", "ws://%s:5494" % seed]
    with open(peer.log, "ab") as log:
        peer.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


if __name__ == "__main__":
    heal()
    sys.exit(story(falls_over_and_goes_back, two_ways_down, websocket_alone))
