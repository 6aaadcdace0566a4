"""The two sides of a membership benchmark, handled alike: N processes, what their logs tell, how they are ended."""
import datetime
import json
import os
import re
import shutil
import signal
import subprocess
import time

from cluster import Cluster, Failed
from listen import Listener

EVENT_BYTES = 200
READY_TRIALS = 40  # to see whether all subscribers are known to all
READY_S = 0.5


class Side:
    """Processes 1..n at `hosts` (hosts.py). A side's subclass says how one is started and what its log means."""

    title = None  # of the program

    def __init__(self, count, hosts):
        self.count = count
        self.hosts = hosts
        self.numbers = range(1, count + 1)
        self.processes = {}
        self.listener = Listener(self.parse)

    def __enter__(self):
        self.listener.__enter__()
        return self

    def __exit__(self, kind, *_):
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait()
        self.listener.__exit__()
        if kind is not None and issubclass(kind, Failed):
            self.show_tails()

    def show_tails(self):
        for number in self.numbers:
            print("--- %s %s\n%s" % (self.title, self.name(number), "\n".join(self.listener.tails.get(number, []))))

    def name(self, number):
        return "h%d" % number

    def names(self):
        return {self.name(n) for n in self.numbers}

    def pid(self, number):
        return self.processes[number].pid

    def start(self, number):
        """nsenter and the kernel's exec keep the pid: it is the program's own."""
        pipe = self.listener.pipe(number)
        try:
            self.processes[number] = subprocess.Popen(
                self.hosts.command(number, self.argv(number)), stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe,
                start_new_session=True)  # a Ctrl-C at the terminal is for the caller, who ends them
        finally:
            os.close(pipe)

    def kill(self, number):
        self.processes[number].send_signal(signal.SIGKILL)
        self.processes[number].wait()

    def known_by_all(self, what, about, since, among, seconds):
        """Waits until all of `among` said so; the times at which they did."""
        title = "%s of %s at all %d" % (what, about, len(among))

        def look():
            seen = {who: at for (who, _), at in self.listener.first(what, since, about).items() if who in among}
            return list(seen.values()) if len(seen) == len(among) else None

        return self.listener.wait(title, look, seconds)

    def all_alive(self, since, seconds):
        """Waits until everybody said of everybody, itself as well, that it is alive; the last such time."""
        wanted = self.count * self.count

        def look():
            seen = self.listener.first("alive", since)
            return max(seen.values()) if len(seen) == wanted else None

        return self.listener.wait("%d processes see each other" % self.count, look, seconds)


class Serf(Side):
    """serf agents with LAN defaults, encrypted as kithd is. Each joins the first one, which is up by then."""

    title = "serf"
    pattern = re.compile(r"serf: EventMember(Join|Failed): (\S+)|serf: messageUserEventType: (\S+)")
    key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

    @staticmethod
    def version():
        done = subprocess.run(["dpkg-query", "-W", "-f=${Version}", "serf"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed("serf is not installed: scripts/setup bench")
        return "serf " + done.stdout.split("~")[0].split("-")[0]

    def parse(self, text):
        m = self.pattern.search(text)
        if not m:
            return None
        if m.group(3):
            return "event", m.group(3)
        return ("alive" if m.group(1) == "Join" else "dead"), m.group(2)

    def rpc(self, number):
        return self.hosts.address(number) + ":7373"

    def argv(self, number):
        join = [] if number == 1 else ["-join", self.hosts.address(1)]
        return ["serf", "agent", "-node", self.name(number), "-bind", self.hosts.address(number) + ":7946",
                "-rpc-addr", self.rpc(number), "-log-level", "debug", "-encrypt", self.key] + join

    def publish(self, number, name):
        command = ["serf", "event", "-rpc-addr=" + self.rpc(number), name, "x" * EVENT_BYTES]
        return subprocess.Popen(self.hosts.command(number, command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def follow_events(self):
        """Its agents log what they receive: nothing to start."""

    def end_followers(self):
        """Nothing was started."""

    def last_daemon(self, name, last_heard):
        """When the last daemon had an event: its agents' logs are what was listened to."""
        return last_heard

    def wait_settled(self, since, seconds, again):
        """`again` was restarted: it has to see all, and all have to see it."""
        self.known_by_all("alive", self.name(again), since, set(self.numbers), seconds)
        names = {(again, name) for name in self.names()}
        self.listener.wait("%s sees all" % self.name(again),
                           lambda: names <= self.listener.first("alive", since).keys(), seconds)


class Kith(Side):
    """kithd with keys and a token each, as users run it."""

    title = "kith"
    pattern = re.compile(r'Z info +(\S+) is (alive|dead)$|"payload": ?"(\w+) x')

    def __init__(self, count, hosts):
        super().__init__(count, hosts)
        self.cluster = At(hosts, count)
        self.followers = []
        self.heard = {}  # by event: what the subscribers printed

    def __enter__(self):
        self.cluster.__enter__()
        for number in self.numbers:
            self.cluster.token(number)
        return super().__enter__()

    def __exit__(self, kind, *rest):
        self.end_followers()
        super().__exit__(kind, *rest)
        shutil.rmtree(self.cluster.folder, ignore_errors=True)

    def parse(self, text):
        m = self.pattern.search(text)
        if not m:
            return None
        if m.group(2):
            return m.group(2), m.group(1)
        self.heard.setdefault(m.group(3), []).append(text)
        return "event", m.group(3)

    def last_daemon(self, name, last_heard):
        """Its stamp and how long it took from there, by the daemons' own clock, which is everybody's here."""
        messages = [json.loads(text) for text in self.heard[name]]
        stamp = datetime.datetime.fromisoformat(messages[0]["at"].replace("Z", "+00:00")).timestamp()
        # The stamp is cut to whole milliseconds: the later end counts.
        return stamp + 0.001 + max(m["latency_ms"] or 0 for m in messages) / 1000

    def argv(self, number):
        return self.cluster.peers[number - 1].command()

    def publish(self, number, name):
        command = [self.cluster.program("kith"), "-a", self.cluster.peers[number - 1].socket, "publish", "bench/event",
                   name + " " + "x" * EVENT_BYTES]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def subscribe(self, number, pattern, out=subprocess.DEVNULL):
        command = [self.cluster.program("kith"), "-a", self.cluster.peers[number - 1].socket, "-o", "json", "subscribe", pattern]
        return subprocess.Popen(self.hosts.command(number, command), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                start_new_session=True)

    def follow_events(self):
        """An application at every peer, subscribed. Ready when what somebody publishes reaches all of them."""
        for number in self.numbers:
            pipe = self.listener.pipe(number)
            try:
                self.followers.append(self.subscribe(number, "bench/#", pipe))
            finally:
                os.close(pipe)
        for trial in range(READY_TRIALS):
            name, since = "ready%d" % trial, time.time()
            self.publish(1, name).wait()
            try:
                self.known_by_all("event", name, since, set(self.numbers), READY_S)
                return
            except Failed:
                continue
        raise Failed("not all %d subscribers hear what is published" % self.count)

    def end_followers(self):
        for process in self.followers:
            process.kill()
            process.wait()
        self.followers = []

    def start(self, number):
        os.makedirs(self.cluster.peers[number - 1].data, mode=0o755, exist_ok=True)
        super().start(number)
        self.cluster.peers[number - 1].process = self.processes[number]

    def restart_all(self, seconds):
        """Ends all at once, starts all again, waits until all see all anew. When the last was started, and when
        that was seen: at most what asking all of them once takes later than it was so."""
        before = self.cluster.incarnations()
        for number in self.numbers:
            self.processes[number].kill()
        for number in self.numbers:
            self.processes[number].wait()
        for number in self.numbers:
            self.start(number)
        last = time.time()
        self.cluster.wait_restarted(seconds, before)
        return last, time.time()

    def wait_settled(self, since, seconds, again):
        """It read the others from its disk, which is no news to log, so it is asked."""
        self.known_by_all("alive", self.name(again), since, set(self.numbers) - {again}, seconds)
        self.cluster.wait_alive(seconds, [self.cluster.peers[again - 1]], self.names())


class At(Cluster):
    """The cluster's folder, tokens and client, for processes that run elsewhere than on plain loopback."""

    def __init__(self, hosts, count):
        self.hosts = hosts
        super().__init__(count)

    def address(self, number):
        return self.hosts.address(number)

    def seeds(self):
        """All join the first, which is up by then, as serf's do."""
        return [self.address(1)]
