"""A flood of messages at one peer, and what the others' failure detectors notice of it."""
import json
import subprocess
import threading
import time

from cluster import Failed

TICK_S = 0.01
QUIET_COUNTERS = ("gossip.probes_missed", "gossip.suspicions", "gossip.verdicts_written")


def round_trips(peers):
    """What these peers' probes took last, in ms."""
    return [m["rtt_ms"] for p in peers for m in p.ask("members") if m.get("rtt_ms")]


def most_of(values):
    """What nine in ten of them do not exceed: the machine may be busy with something else for a moment."""
    return sorted(values)[len(values) * 9 // 10]


class Flood:
    """`kith publish --lines` at `source`, fed `rate` lines a second, while `others` are asked about their probes."""

    def __init__(self, source, others, topic, rate, seconds):
        self.source = source
        self.others = others
        self.topic = topic
        self.rate = rate
        self.seconds = seconds
        self.offered = 0
        self.fed_s = self.took = 0.0  # until all was offered; until all was answered
        self.calm = self.during = self.published = None
        self.missed = 0  # probes of others
        self.disturbed = []  # counters of others' failure detectors that moved

    def feed(self, pipe):
        """What is late is made up for, so that the rate holds on the whole."""
        line = b"message of a flood\n"
        began = time.monotonic()
        while time.monotonic() - began < self.seconds:
            due = int((time.monotonic() - began) * self.rate) - self.offered
            pipe.write(line * due)
            pipe.flush()
            self.offered += due
            time.sleep(TICK_S)
        self.fed_s = time.monotonic() - began
        pipe.close()

    def counters(self):
        return [p.ask("info")["counters"] for p in self.others]

    def run(self):
        self.calm, before = round_trips(self.others), self.counters()
        self.during = []
        command = [self.source.cluster.program("kith"), "-a", self.source.socket, "-o", "json", "publish", self.topic, "--lines"]
        began = time.monotonic()
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        feeder = threading.Thread(target=self.feed, args=(client.stdin,))
        feeder.start()
        while client.poll() is None:
            self.during += round_trips(self.others)
        feeder.join()
        self.took = time.monotonic() - began
        self.published = json.loads(client.stdout.read())
        words = client.stderr.read()
        if client.returncode != 1 or b"dropped" not in words:
            raise Failed("the publisher is told of its surplus: %s" % words)
        after = self.counters()
        self.missed = sum(a["gossip.probes_missed"] - b["gossip.probes_missed"] for a, b in zip(after, before))
        self.disturbed = [name for name in QUIET_COUNTERS for a, b in zip(after, before) if a[name] != b[name]]
        return self

    def offered_a_second(self):
        return self.offered / self.fed_s

    def unaccounted(self):
        """Messages that were neither accepted nor dropped."""
        return self.offered - self.published["accepted"] - self.published["dropped"]

    def delay_ms(self):
        """How much longer most probes of others took meanwhile; and the longest of all."""
        return most_of(self.during) - most_of(self.calm), max(self.during)
