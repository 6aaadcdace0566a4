"""scripts/bench membership: kithd beside serf, in one run on this machine.

Both sides run with their LAN defaults, both encrypted (kithd with keys and tokens as users run it, serf with
-encrypt). What a process knows is read from what it logs, by the time at which the line arrives here, for both alike;
serf's event handlers would hear about a second later, since its agent coalesces. Rounds take turns of victims.
"""
import os
import random
import signal
import subprocess
import time

import procfs
from bench_rows import Rows
from cluster import Failed, wait
from flood import Flood
from hosts import Loopback, Namespaces
from sides import Kith, Serf

SIZES = (3, 10, 20, 30, 60)
START_S = 120   # the longest that anything may take: far beyond what is measured
NOTICE_S = 120
QUIET_S = 6     # after a start, before idling counts or somebody dies: first exchanges are over on both sides, and
                # kithd, which tells of deaths that follow each other within 4 s as one change, tells of each for itself
IDLE_S = 30
PAUSES_S = 120
PAUSE_SHARE = 0.05
PAUSE_RANGE_S = (0.2, 30)
PAUSE_GRACE_S = 1  # a verdict against one that has been running again for so long is false
PAUSE_SEED = 3

FLOOD_RATE = 100000  # messages a second that are offered
FLOOD_S = 5
FLOOD_DELAY_S = 0.05

# At most this ratio kith / serf, by row; at N = 30 or at any N but 20.
MUST_30 = {"start": 0.6, "event": 0.05, "cpu": 1.0, "pss": 1.0}
MUST_ANY = {"kill": 0.2, "silent": 0.4}
# Twenty are measured for what kithd promises by itself: at most so many seconds.
ALONE = 20
MUST_ALONE = {"start": 5, "kill": 3, "restart": 5}


def must(row, count):
    """(at most; None: it is only shown, whether that is said of kith's own figure)"""
    if count == ALONE:
        return MUST_ALONE.get(row), True
    return MUST_ANY.get(row, MUST_30.get(row) if count == 30 else None), False


class Bench:
    """One side at one size, adding to the rows."""

    def __init__(self, rows, options, count):
        self.rows = rows
        self.options = options
        self.count = count
        self.case = "N = %d" % count

    def add(self, side, name, metric, unit, value):
        at_most, own = must(name, self.count)
        row = self.rows.row(self.case, metric, unit, at_most, versus=True, own=own)
        (row.kith_values if side.title == "kith" else row.peer_values).append(value)

    def show(self, metric, unit, value, limit=None):
        """Of kith alone. limit: at most."""
        self.rows.add(self.case, metric, unit, value, limit)

    # ---- parts that rows are made of ----

    def bring_up(self, side):
        """Starts the first, waits for it, then all others at once. (time of the last start, time when all knew all)"""
        begin = time.time()
        side.start(1)
        side.known_by_all("alive", side.name(1), begin, {1}, START_S)
        for number in side.numbers[1:]:
            side.start(number)
        last = time.time()
        return last, side.all_alive(begin, START_S)

    def bring_back(self, side, number):
        since = time.time()
        side.start(number)
        side.wait_settled(since, START_S, number)

    def survivors(self, side, victim):
        return set(side.numbers) - {victim}

    def victim(self, round_number):
        """Never the first, which newcomers join by."""
        return 2 + round_number % (self.count - 1)

    def noticed(self, side, name, metric, victim, since):
        times = side.known_by_all("dead", side.name(victim), since, self.survivors(side, victim), NOTICE_S)
        self.add(side, name, metric + ": last survivor knows", "s", max(times) - since)
        self.add(side, name + " first", metric + ": first survivor knows", "s", min(times) - since)

    # ---- rows ----

    def start(self, kind, hosts):
        for _ in range(self.options.rounds):
            with kind(self.count, hosts) as side:
                last, done = self.bring_up(side)
                self.add(side, "start", "last start to all alive", "s", max(0.0, done - last))

    def kill(self, side):
        for round_number in range(self.options.rounds):
            victim = self.victim(round_number)
            time.sleep(QUIET_S)
            since = time.time()
            side.kill(victim)
            self.noticed(side, "kill", "kill -9", victim, since)
            self.bring_back(side, victim)

    def restart(self, side):
        """Of kithd alone: serf's agents remember nobody."""
        if side.title != "kith":
            return
        for _ in range(self.options.rounds):
            time.sleep(QUIET_S)
            last, done = side.restart_all(START_S)
            self.add(side, "restart", "all killed and started: last start to all alive", "s", done - last)

    def silent(self, side):
        """The victim's own view is not asked. It is killed while nobody hears it and comes back after the cut."""
        for round_number in range(self.options.rounds):
            victim = self.victim(round_number)
            time.sleep(QUIET_S)
            since = time.time()
            side.hosts.silence(victim)
            try:
                self.noticed(side, "silent", "gone silently", victim, since)
                side.kill(victim)
            finally:
                side.hosts.heal(victim)
            self.bring_back(side, victim)

    def event(self, side):
        """From the start of the command that sends it, at the first peer, to the last peer that hears of it."""
        side.follow_events()
        for round_number in range(self.options.rounds):
            name = "e%d" % round_number
            since = time.time()
            command = side.publish(2 + round_number % (self.count - 1), name)
            times = side.known_by_all("event", name, since, set(side.numbers), NOTICE_S)
            if command.wait() != 0:
                raise Failed("%s could not send an event" % side.title)
            self.add(side, "event", "user event of 200 B to last peer", "s", max(times) - since)
            self.add(side, "event", "... to its daemon, as serf logs it", "s", side.last_daemon(name, max(times)) - since)
        side.end_followers()

    def flood(self, side):
        """kithd alone: one peer is offered far more messages than it may send, a second one is subscribed. What others'
        probes took before and meanwhile is asked of all but the first."""
        if side.title != "kith":
            return
        peers = side.cluster.peers
        metric = "flood of %d messages/s at one peer: " % FLOOD_RATE
        listener = side.subscribe(2, "flood")
        try:
            wait("the subscription", lambda: peers[0].ask("publish", "flood", "?")["peers"] == 1, NOTICE_S)
            for _ in range(self.options.rounds):
                flood = Flood(peers[0], peers[1:], "flood", FLOOD_RATE, FLOOD_S).run()
                delay, longest = flood.delay_ms()
                self.show(metric + "offered", "n/s", flood.offered_a_second())
                self.show(metric + "accepted", "n/s", flood.published["accepted"] / flood.took)
                self.show(metric + "dropped at the origin and told", "n/s", flood.published["dropped"] / flood.took)
                self.show(metric + "not accounted for", "n", flood.unaccounted(), 0)
                self.show(metric + "others' probes, nine in ten later by", "s", delay / 1000, FLOOD_DELAY_S)
                self.show(metric + "others' longest probe", "s", longest / 1000)
                self.show(metric + "others' probes missed", "n", flood.missed, 0)
        finally:
            listener.kill()
            listener.wait()

    def idle(self, side):
        """Every process is a sample of its own."""
        time.sleep(QUIET_S)  # what is measured is doing nothing for a while
        pids = [side.pid(n) for n in side.numbers]
        before = [procfs.cpu_seconds(p) for p in pids]
        begin = time.monotonic()
        time.sleep(self.options.seconds)
        took = time.monotonic() - begin
        for pid, cpu in zip(pids, before):
            self.add(side, "cpu", "idle processor", "%", 100 * (procfs.cpu_seconds(pid) - cpu) / took)
            self.add(side, "pss", "memory, proportional", "MiB", procfs.memory_mib(pid, "Pss"))
            self.add(side, "rss", "memory, resident", "MiB", procfs.memory_mib(pid, "Rss"))

    def sent(self, side):
        """As idle, on hosts whose interfaces count."""
        time.sleep(QUIET_S)
        pids = [side.pid(n) for n in side.numbers]
        before = [procfs.sent_bytes(p) for p in pids]
        begin = time.monotonic()
        time.sleep(self.options.seconds)
        took = time.monotonic() - begin
        for pid, sent in zip(pids, before):
            self.add(side, "sent", "idle, sent with headers", "B/s", (procfs.sent_bytes(pid) - sent) / took)

    def pauses(self, side):
        plan = Pauses(side, self.options.pause_seconds)
        plan.run()
        false, fair = plan.verdicts()
        metric = "%d processes pause, %g s" % (plan.victims, self.options.pause_seconds)
        self.add(side, "pauses", metric + ": false verdicts", "n", false)
        self.add(side, "paused", metric + ": all verdicts", "n", false + fair)


class Pauses:
    """SIGSTOP and SIGCONT by one seeded plan for both sides: 5 % of the processes at any time, 0.2 to 30 s each."""

    def __init__(self, side, seconds):
        self.side = side
        self.seconds = seconds
        self.victims = max(1, round(PAUSE_SHARE * side.count))
        self.random = random.Random(PAUSE_SEED)
        self.begin = 0.0
        self.history = []  # (time, name, running)

    def plan(self):
        """(begin, end, number), in seconds from the start: as many lanes of pauses as may be paused at once."""
        found = []
        for lane in range(self.victims):
            at = self.random.uniform(0, 2)
            while at < self.seconds:
                length = self.random.uniform(*PAUSE_RANGE_S)
                # Lanes have numbers of their own, so that no process is stopped twice at once.
                choices = range(2 + lane, self.side.count + 1, self.victims)
                found.append((at, min(at + length, self.seconds), self.random.choice(choices)))
                at += length + self.random.uniform(0.5, 3)
        return found

    def run(self):
        """Ends with everybody running, and a while for verdicts that are under way."""
        planned = self.plan()
        steps = sorted([(b, n, signal.SIGSTOP) for b, _, n in planned] + [(e, n, signal.SIGCONT) for _, e, n in planned])
        self.begin = time.time()
        for at, number, what in steps:
            time.sleep(max(0.0, self.begin + at - time.time()))
            os.kill(self.side.pid(number), what)
            self.history.append((time.time(), self.side.name(number), what == signal.SIGCONT))
        time.sleep(15)

    def verdicts(self):
        """(false, fair): pairs of observer and verdict. False: against one that had been running again for a second."""
        false = fair = 0
        for line in self.side.listener.lines:
            if line.what == "dead" and line.at >= self.begin:
                if self.was_running(line.about, line.at):
                    false += 1
                else:
                    fair += 1
        return false, fair

    def was_running(self, name, at):
        """At that time, and in the whole second before it."""
        for when, who, running in reversed(self.history):
            if who == name and when <= at:
                return running and at - when > PAUSE_GRACE_S
        return True


PARTS = ("start", "idle", "event", "flood", "kill", "restart", "pauses", "sent", "silent")
ON_HOSTS = ("sent", "silent")  # these need a network that can be cut and counted


def run_kind(bench, kind, parts, hosts):
    """The parts of one side that share one set of processes."""
    if "start" in parts:
        bench.start(kind, hosts)
    rest = [p for p in parts if p != "start"]
    if not rest:
        return
    with kind(bench.count, hosts) as side:
        bench.bring_up(side)
        for part in rest:
            getattr(bench, part)(side)


def membership(options, say):
    """The rows, both sides measured size by size. options: n, rows, rounds, seconds, pause_seconds, sides."""
    rows = Rows("membership", Serf.version())
    kinds = [k for k in (Serf, Kith) if k.title in options.sides]
    for count in options.n:
        bench = Bench(rows, options, count)
        parts = [p for p in PARTS if p in options.rows and (p in MUST_ALONE if count == ALONE else p != "restart")]
        near = [p for p in parts if p not in ON_HOSTS]
        far = [p for p in parts if p in ON_HOSTS]
        for kind in kinds:
            if near:
                say("N = %d on loopback: %s: %s" % (count, kind.title, ", ".join(near)))
                with Loopback() as hosts:
                    run_kind(bench, kind, near, hosts)
        for kind in kinds:
            if far:
                say("N = %d in namespaces: %s: %s" % (count, kind.title, ", ".join(far)))
                with Namespaces(count) as hosts:
                    run_kind(bench, kind, far, hosts)
    return rows
