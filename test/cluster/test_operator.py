#!/usr/bin/python3
"""People elsewhere: operators and applications with keys of their own, what they may, following, leaving, stopping."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, story, wait  # noqa: E402

TICKER = """
service: ticker
run: {exec: [/bin/sh, -c, "while :; do echo tick; sleep 0.2; done"]}
"""


def must(what, condition):
    if not condition:
        raise Failed(what)


def key_of(cluster, kind, name):
    """The folder of a person's own key, made from a token of that kind."""
    token = os.path.join(cluster.folder, name + ".token")
    folder = os.path.join(cluster.folder, name)
    cluster.kith("token", "new", "--dir", cluster.operator, "--kind", kind, "--out", token)
    cluster.kith("key", "new", token, "--dir", folder, "--name", name)
    return folder


def kith(cluster, peer, folder, *words):
    """The finished process of kith over TCP with the key in that folder."""
    return cluster.kith("--dir", folder, *words, addr=peer.addr, check=False)


def write(cluster, text):
    path = os.path.join(cluster.folder, "services.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def keys_decide_what_is_allowed():
    """An operator with a key of her own changes things from elsewhere; an application's key reads; all are named."""
    with Cluster(2, net="127.2.31") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        ada, shop = key_of(cluster, "operator", "ada"), key_of(cluster, "client", "shop")
        path = write(cluster, TICKER)
        applied = kith(cluster, cluster.peers[1], ada, "apply", path, "--wait")
        must("ada may not apply: " + applied.stderr, applied.returncode == 0)
        commands = cluster.peers[0].ask("commands")
        must("the author is not ada: %s" % commands, "ada" in commands[0]["author"])
        read = kith(cluster, cluster.peers[0], shop, "services", "-o", "json")
        must("shop may not read: " + read.stderr, read.returncode == 0 and json.loads(read.stdout)[0]["name"] == "ticker")
        for words in (("apply", path), ("stop", "ticker"), ("stop", "--all"), ("leave",), ("logs", "ticker"),
                      ("forget", "h2"), ("join", "127.0.0.1")):
            refused = kith(cluster, cluster.peers[0], shop, *words)
            must("shop may %s: %s" % (words, refused.stdout), refused.returncode == 1 and "client may not" in refused.stderr)
        for _ in range(10):  # an admitted key is not slowed down
            must("ada is not let in again", kith(cluster, cluster.peers[0], ada, "info", "--timeout", "2s").returncode == 0)


def followers_hear_what_comes():
    """events --follow and logs --follow go on as more comes."""
    with Cluster(1, net="127.2.32") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        peer = cluster.peers[0]
        peer.kith("apply", write(cluster, TICKER), "--wait")
        command = [cluster.program("kith"), "-a", peer.socket]
        with subprocess.Popen(command + ["logs", "ticker", "--follow"], stdout=subprocess.PIPE, text=True) as logs:
            try:
                for _ in range(5):
                    must("no tick in the log", logs.stdout.readline() == "tick\n")
            finally:
                logs.kill()
        with subprocess.Popen(command + ["-o", "json", "events", "--follow"], stdout=subprocess.PIPE, text=True) as events:
            try:
                peer.kith("stop", "ticker")
                while json.loads(events.stdout.readline() or "null")["what"] != "instance-stopped":
                    pass
            finally:
                events.kill()


def leaving_and_stopping():
    """kith leave ends when the daemon has; stop --all over TCP ends when every daemon has."""
    with Cluster(3, net="127.2.33") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        last = cluster.peers[2]
        last.kith("leave", timeout=60)
        last.wait_end(10)
        wait("h3 has left", lambda: "left" in [m["state"] for m in cluster.peers[0].ask("members", "--all")], 30)
        stopped = cluster.kith("stop", "--all", addr=cluster.peers[0].addr, timeout=90, check=False)
        must("stop --all: " + stopped.stderr, stopped.returncode == 0 and "every daemon has ended" in stopped.stderr)
        for peer in cluster.peers[:2]:
            peer.wait_end(10)
        gone = cluster.kith("members", addr=cluster.peers[0].socket, check=False)
        must("who answers there? " + gone.stdout, gone.returncode == 1 and "is kithd running" in gone.stderr)


def forgotten_and_revoked():
    """A dead member is forgotten, and its key is not admitted again."""
    with Cluster(3, net="127.2.34") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        first, lost = cluster.peers[0], cluster.peers[2]
        lost.kill()
        wait("h3 is dead", lambda: "dead" in [m["state"] for m in first.ask("members")], 60)
        first.kith("forget", lost.name, "--revoke")
        wait("h3 is not listed", lambda: lost.name not in [m["name"] for m in first.ask("members")], 30)
        lost.start()

        def refused():
            with open(first.log, encoding="utf-8") as one, open(cluster.peers[1].log, encoding="utf-8") as other:
                return "revoked" in one.read() + other.read()

        wait("the revoked key is named in a log", refused, 30)
        must("h3 is back", lost.name not in [m["name"] for m in first.ask("members")])


if __name__ == "__main__":
    sys.exit(story(keys_decide_what_is_allowed, followers_hear_what_comes, leaving_and_stopping, forgotten_and_revoked))
