#!/usr/bin/python3
"""Topics through real daemons: publish and subscribe, values of load, and a flood that harms nobody."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, story, wait  # noqa: E402
from flood import Flood, round_trips  # noqa: E402

PEERS = 5
FLOOD_RATE = 100000
FLOOD_S = 5


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

    def text(self):
        with open(self.path, encoding="utf-8") as file:
            return file.read()

    def end(self):
        self.process.terminate()
        self.process.wait(10)
        self.out.close()


def subscriptions(peer):
    """Of clients: one is of the peer's own HTTP, which lists the events of Consul's API."""
    return peer.ask("info")["counters"]["topic.subscriptions"] - 1


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


def a_flood_harms_nobody():
    """One client publishes all it can: the surplus is dropped at its peer and told, nobody's probes wait for it."""
    with Cluster(PEERS, net="127.1.22") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        subscriber = Subscriber(cluster.peers[1], "flood")
        wait("the subscription", lambda: subscriptions(cluster.peers[1]) == 1, 20)
        source, others = cluster.peers[0], cluster.peers[2:]
        wait("the publisher to know", lambda: known_to(source, "flood", 1), 20)
        wait("probes to be measured", lambda: len(round_trips(others)) == len(others) * (PEERS - 1), 20)
        flood = Flood(source, others, "flood", FLOOD_RATE, FLOOD_S).run()
        delay, longest = flood.delay_ms()
        print("%d messages/s offered, %s; nine in ten probes of others took %.1f ms longer, the longest %.1f ms"
              % (flood.offered_a_second(), flood.published, delay, longest))
        if flood.unaccounted() != 0:
            raise Failed("%d messages are not accounted for" % flood.unaccounted())
        if delay > 50:
            raise Failed("the flood delays others' probes")
        if flood.disturbed:
            raise Failed("the flood disturbed membership: %s" % flood.disturbed)
        wait("what was accepted", lambda: received(cluster.peers[1]) >= flood.published["accepted"] * 9 // 10, 30)
        wait("some of it", subscriber.messages, 30)  # the client may be too slow for all, and is told
        subscriber.end()


def a_subscriber_outlives_its_daemon():
    """It says that it waits, subscribes again when the daemon is back, and hears what is published then."""
    with Cluster(1, net="127.1.24") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        peer = cluster.peers[0]
        subscriber = Subscriber(peer, "news")
        wait("the subscription", lambda: subscriptions(peer) == 1, 20)
        peer.kill()
        wait("its word", lambda: "the peer has gone" in subscriber.text(), 20)
        peer.start()
        wait("it to be back", lambda: "subscribed again" in subscriber.text(), 60)
        peer.kith("publish", "news", "after")
        wait("what is new", lambda: [m["payload"] for m in subscriber.messages()] == ["after"], 20)
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
    sys.exit(story(messages_reach_their_subscribers, a_flood_harms_nobody, a_subscriber_outlives_its_daemon, hosts_report_their_load))
