#!/usr/bin/python3
"""Topics through real daemons: publish and subscribe, values of load, and a flood that harms nobody."""
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, story, wait  # noqa: E402

PEERS = 5


class Subscriber:
    """`kith subscribe` as it runs; its messages are read from a file, so it is never held back."""

    def __init__(self, peer, *patterns, flags=()):
        self.path = os.path.join(peer.data, "subscriber-%d" % id(self))
        self.out = open(self.path, "wb")
        self.process = subprocess.Popen(
            [peer.cluster.program("kith"), "-a", peer.socket, "-o", "json", "subscribe", *flags, *patterns],
            stdout=self.out, stderr=subprocess.STDOUT)

    def messages(self):
        with open(self.path, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.startswith("{") and line.endswith("\n")]

    def end(self):
        self.process.terminate()
        self.process.wait(10)
        self.out.close()


def subscriptions(peer):
    return peer.ask("info")["counters"]["topic.subscriptions"]


def received(peer):
    return peer.ask("info")["counters"]["topic.received"]


def known_to(peer, topic, peers, local=0):
    """Whether this peer knows of so many others with subscribers; a message is the question."""
    got = peer.ask("publish", topic, "probe")
    return got["peers"] == peers and got["local"] == local


def lines_go_out_as_they_come(publisher, subscriber):
    """`kith publish --lines` behind a pipe that stays open."""
    program = publisher.cluster.program("kith")
    process = subprocess.Popen([program, "-a", publisher.socket, "publish", "other", "--lines"], stdin=subprocess.PIPE)
    process.stdin.write(b"first\nsec")
    process.stdin.flush()
    wait("the first line", lambda: subscriber.messages()[-1]["payload"] == "first", 20)
    process.stdin.write(b"ond")
    process.stdin.close()
    wait("the second", lambda: subscriber.messages()[-1]["payload"] == "second", 20)
    if process.wait(10) != 0:
        raise Failed("publishing lines fails")


def messages_reach_their_subscribers():
    """Patterns with * and # choose; the publisher learns how many peers hear it; dead clients vanish."""
    with Cluster(PEERS, net="127.1.21") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        first, second = cluster.peers[1], cluster.peers[2]
        stars, hashes = Subscriber(first, "deploy.*.web", "other"), Subscriber(second, "deploy.#")
        wait("both to be subscribed", lambda: subscriptions(first) == 1 and subscriptions(second) == 1, 20)
        publisher = cluster.peers[0]
        wait("the publisher to know both", lambda: known_to(publisher, "deploy/eu/web", 2), 20)
        for topic, payload in (("deploy.eu.web", "one"), ("deploy.eu", "two"), ("elsewhere", "three")):
            publisher.kith("publish", topic, payload)
        wait("the messages", lambda: [m["payload"] for m in hashes.messages()][-2:] == ["one", "two"], 20)
        wait("the other", lambda: [m["payload"] for m in stars.messages()][-1:] == ["one"], 20)
        message = stars.messages()[-1]
        if message["topic"] != "deploy.eu.web" or message["origin_name"] != publisher.name:
            raise Failed("a message says where it is from: %s" % message)
        lines_go_out_as_they_come(publisher, stars)
        topics = {t["topic"]: t for t in second.ask("info")["topics"]}
        if topics["deploy.eu"]["received"] != 1 or topics["deploy.eu"]["delivered"] != 1:
            raise Failed("the peer counts what it got: %s" % topics)
        stars.process.kill()
        hashes.end()
        wait("dead clients to vanish", lambda: subscriptions(first) == 0 and subscriptions(second) == 0, 40)


def round_trips(peers):
    """What these peers' probes took last, in ms."""
    return [m["rtt_ms"] for p in peers for m in p.ask("members") if m.get("rtt_ms")]


def most_of(values):
    """What nine in ten of them do not exceed: the machine may be busy with something else for a moment."""
    return sorted(values)[len(values) * 9 // 10]


def a_flood_harms_nobody():
    """One client publishes all it can: the surplus is dropped at its peer and told, nobody's probes wait for it."""
    messages = 500000
    with Cluster(PEERS, net="127.1.22") as cluster, tempfile.TemporaryFile() as lines:
        cluster.start()
        cluster.wait_alive(60)
        subscriber = Subscriber(cluster.peers[1], "flood")
        wait("the subscription", lambda: subscriptions(cluster.peers[1]) == 1, 20)
        source, others = cluster.peers[0], cluster.peers[2:]
        wait("the publisher to know", lambda: known_to(source, "flood", 1), 20)
        wait("probes to be measured", lambda: len(round_trips(others)) == len(others) * (PEERS - 1), 20)
        before, calm = [p.ask("info")["counters"] for p in cluster.peers], round_trips(others)
        lines.write(b"".join(b"message %d\n" % i for i in range(messages)))
        lines.seek(0)
        began, during = time.monotonic(), []
        flood = subprocess.Popen([cluster.program("kith"), "-a", source.socket, "-o", "json", "publish", "flood", "--lines"],
                                 stdin=lines, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while flood.poll() is None:
            during += round_trips(others)
        took = time.monotonic() - began
        out, err = flood.communicate()
        if flood.returncode != 1 or b"dropped" not in err:
            raise Failed("the publisher is told of its surplus: %s" % err)
        got = json.loads(out)
        if got["accepted"] + got["dropped"] != messages:
            raise Failed("each message is accounted for: %s" % got)
        after = [p.ask("info")["counters"] for p in cluster.peers]
        print("%d messages/s offered, %d accepted, %d dropped; probes of others took %.1f ms before, %.1f meanwhile, %.1f at most"
              % (messages / took, got["accepted"], got["dropped"], most_of(calm), most_of(during), max(during)))
        if most_of(during) > most_of(calm) + 50:
            raise Failed("the flood delays others' probes")
        for name in ("gossip.probes_missed", "gossip.suspicions", "gossip.verdicts_written"):
            if any(a[name] != b[name] for a, b in zip(after, before)):
                raise Failed("the flood disturbed membership: %s" % name)
        wait("what was accepted", lambda: received(cluster.peers[1]) >= got["accepted"] * 9 // 10, 30)
        wait("some of it", subscriber.messages, 30)  # the client may be too slow for all, and is told
        subscriber.end()


def hosts_report_their_load():
    """Everybody knows how busy everybody is, and how old that is."""
    with Cluster(3, net="127.1.23") as cluster:
        cluster.start()
        cluster.wait_alive(60)

        def look():
            return all(m.get("load") and m["load"]["age_ms"] < 15000 and m["load"]["memory_permille"] > 0
                       for p in cluster.peers for m in p.ask("members"))
        wait("the load of all at all", look, 30)


if __name__ == "__main__":
    sys.exit(story(messages_reach_their_subscribers, a_flood_harms_nobody, hosts_report_their_load))
