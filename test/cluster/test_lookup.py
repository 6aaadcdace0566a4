#!/usr/bin/python3
"""Applications look up from the file that a real daemon keeps: while it is killed and started, and whatever they do."""
import bisect
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import POLL_S, Cluster, Failed, Skipped, story, wait  # noqa: E402

SECONDS = float(os.environ.get("KITH_SECONDS", "8"))  # scripts/soak: a minute
AGE_RIGHT_S = 1.0
EDGE_S = 0.1      # how late this test may be to see a new file, or a reader to write down the time
NEW_FILE_S = 30
NOBODY = "65534"
SEED = 7

SERVICES = """
service: api
count: 3
run: {exec: [/usr/bin/sleep, "1000"]}
ports: {http: auto}
---
service: noise
count: 1
run: {exec: [/usr/bin/sleep, "1000"]}
ports: {http: auto}
"""


class Reader:
    """The program lookup-reader on one service, perhaps run by way of another command."""

    def __init__(self, cluster, *by, service="api", threads=2, nap_us=200):
        self.cluster = cluster
        command = [cluster.program("test/lookup-reader"), folder_of(cluster), service, str(threads), str(nap_us)]
        self.process = subprocess.Popen([*by, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        if self.process.stdout.readline().strip() != "ready":
            self.__exit__()
            raise Failed("a reader finds nothing")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def finish(self):
        """Its last words; each look-up must have been a good one."""
        words, _ = self.process.communicate(timeout=60)
        if self.process.returncode != 0:
            raise Failed("a reader ended with status %d" % self.process.returncode)
        seen = json.loads(words)
        if seen["failed"] or seen["strange"] or seen["fewer"] or not seen["looked"]:
            raise Failed("look-ups: " + ", ".join("%d %s" % (n, what) for what, n in seen.items() if what != "samples"))
        return seen


def folder_of(cluster):
    return os.path.join(cluster.peers[0].data, "lookup")


def file_of(cluster):
    """Which file has the name, by number."""
    try:
        return os.stat(os.path.join(folder_of(cluster), "services")).st_ino
    except FileNotFoundError:
        return None


def look_up(cluster, service):
    """What `kith lookup` says."""
    return json.loads(cluster.kith("-o", "json", "lookup", service, "--lookup", folder_of(cluster)))


def running(cluster):
    """Starts the cluster and the services."""
    cluster.start()
    cluster.wait_alive(60)
    path = os.path.join(cluster.folder, "services.yaml")
    with open(path, "w") as f:
        f.write(SERVICES)
    cluster.peers[0].kith("apply", path)
    cluster.wait_healthy(60, services=["api", "noise"])
    wait("look-ups", lambda: len(look_up(cluster, "api")) == 3, 30)


class Background:
    """What goes on in a thread of its own as long as the with block runs."""

    def __init__(self):
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.go_on)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


class Noise(Background):
    """Rows that change all the time, in the background, as far as the daemon answers."""

    def __init__(self, cluster):
        super().__init__()
        self.cluster = cluster
        self.changes = 0

    def go_on(self):
        while not self.ended.wait(POLL_S):
            done = self.cluster.kith("scale", "noise", str(1 + self.changes % 3), "--timeout", "1s",
                                     addr=self.cluster.peers[0].socket, check=False)
            self.changes += done.returncode == 0


class Beats(Background):
    """When the daemon last said that all is so, as the file with the name has it, in the background."""

    def __init__(self, cluster):
        super().__init__()
        self.path = os.path.join(folder_of(cluster), "services")
        self.seen = []  # (looked at, the last beat), by monotonic time

    def go_on(self):
        while not self.ended.wait(POLL_S):
            with open(self.path, "rb") as f:
                f.seek(16 * 8)
                beat = int.from_bytes(f.read(8), sys.byteorder) / 1e6
            awake, now = time.clock_gettime(time.CLOCK_BOOTTIME), time.monotonic()
            self.seen.append((now, beat - awake + now))

    def error(self, at, age):
        """How wrong an age was, by what was seen at about that time: a reader takes some milliseconds to a new file."""
        begin, end = (bisect.bisect(self.seen, (at + s,)) for s in (-EDGE_S, EDGE_S))
        return min(abs(age - (at - beat)) for _, beat in self.seen[max(0, begin - 1):end + 1])


def check_ages(samples, spans, beats):
    """Each age is what the file says, and none is younger than the daemon's death; the most wrong one in seconds."""
    worst = 0
    for at_us, age_us in samples:
        at, age = at_us / 1e6, age_us / 1e6
        worst = max(worst, beats.error(at, age))
        for killed, shown in spans:
            if killed < at < shown - EDGE_S and age < at - killed - EDGE_S:
                raise Failed("%.3f s after the daemon's death an age is %.3f s" % (at - killed, age))
    if worst > AGE_RIGHT_S:
        raise Failed("an age is wrong by %.3f s" % worst)
    return worst


def new_file(cluster, former, seconds):
    """When another file than the former had the name; None: not within so long."""
    try:
        return wait("a new look-up file", lambda: file_of(cluster) != former and time.monotonic(), seconds)
    except Failed:
        return None


def kill_once(cluster, dice):
    """Kills the daemon, and starts it until there is a new file, at times killing it before; yields the spans: (killed, a
    new file was there), by monotonic time."""
    peer = cluster.peers[0]
    killed, former = time.monotonic(), file_of(cluster)
    peer.kill()
    for last in [False] * dice.randrange(3) + [True]:
        time.sleep(dice.uniform(0, 1.5))
        peer.start()
        shown = new_file(cluster, former, NEW_FILE_S if last else dice.uniform(0, 0.2))
        if last:
            if not shown:
                raise Failed("no new look-up file in %g s" % NEW_FILE_S)
            yield killed, shown
            return
        again = time.monotonic()
        peer.kill()
        if file_of(cluster) != former:
            yield killed, shown or again
            killed, former = again, file_of(cluster)


def kill_for(cluster, seconds):
    """Kills and starts the daemon in a loop; the spans of kill_once()."""
    dice, spans = random.Random(SEED), []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(dice.uniform(0.1, 1.5))  # it lives for a while
        spans += kill_once(cluster, dice)
    return spans


def killed_in_a_loop():
    """The daemon is SIGKILLed and restarted all the time: no look-up fails or is torn, and each age is right."""
    with Cluster(1, net="127.7.1") as cluster:
        running(cluster)
        with Beats(cluster) as beats, Reader(cluster) as reader, Noise(cluster) as noise:
            spans = kill_for(cluster, SECONDS)
            seen = reader.finish()
        worst = check_ages(seen["samples"], spans, beats)
        print("%d look-ups, %d restarts, %d other changes; %d ages, the most wrong one by %.3f s"
              % (seen["looked"], len(spans), noise.changes, len(seen["samples"]), worst))
        if not noise.changes:
            raise Failed("nothing was written meanwhile")


def held(cluster):
    """What a daemon holds that readers might make grow."""
    peer, folder = cluster.peers[0], folder_of(cluster)
    with open("/proc/%d/status" % peer.pid) as f:
        resident = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
    return {"files": sorted(os.listdir(folder)), "bytes": os.stat(os.path.join(folder, "services")).st_size,
            "descriptors": len(os.listdir("/proc/%d/fd" % peer.pid)), "resident": resident}


def readers_harm_nobody():
    """Readers are stopped, and killed in look-ups, while rows change: the daemon and others go on, nothing grows."""
    with Cluster(1, net="127.7.2") as cluster:
        running(cluster)
        with Reader(cluster) as good, Reader(cluster) as stopped, Noise(cluster) as noise:
            wait("changes", lambda: noise.changes > 5, 30)
            stopped.process.send_signal(signal.SIGSTOP)
            before = held(cluster)
            for _ in range(20):  # all that they do is look up, so that is what they are killed in
                with Reader(cluster, nap_us=0) as victim:
                    victim.process.kill()
            changes = noise.changes
            wait("changes after that", lambda: noise.changes > changes + 5, 30)
            after = held(cluster)
            stopped.process.send_signal(signal.SIGCONT)
            stopped.finish()
            good.finish()
        if before["files"] != after["files"] or before["bytes"] != after["bytes"]:
            raise Failed("the files grew: %s, %s" % (before, after))
        if after["descriptors"] > before["descriptors"] + 5 or after["resident"] > before["resident"] + 4096:
            raise Failed("the daemon grew: %s, %s" % (before, after))


def from_elsewhere():
    """Another user, in a PID namespace of its own, looks up while the daemon is killed and started."""
    if os.getuid() != 0:
        raise Skipped("needs root")
    by = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "setpriv", "--reuid", NOBODY, "--regid", NOBODY,
          "--clear-groups"]
    if subprocess.run([*by, "true"], check=False, capture_output=True).returncode != 0:
        raise Skipped("no PID namespaces here")
    with Cluster(1, net="127.7.3") as cluster:
        running(cluster)
        with Beats(cluster) as beats, Reader(cluster, *by) as reader:
            spans = kill_for(cluster, min(SECONDS, 4))
            seen = reader.finish()
        check_ages(seen["samples"], spans, beats)


def answers(text):
    """All values in a text of JSON; the last one may not be there to its end."""
    while text:
        try:
            value, end = json.JSONDecoder().raw_decode(text)
        except json.JSONDecodeError:
            return
        yield value
        text = text[end:].lstrip()


def watched():
    """`kith watch service` tells what is there, and again when it changes, also by way of a restart; not before."""
    with Cluster(1, net="127.7.4") as cluster:
        running(cluster)
        peer = cluster.peers[0]
        path = os.path.join(cluster.folder, "watched")
        with open(path, "w") as out, subprocess.Popen(
                [cluster.program("kith"), "-o", "json", "watch", "service", "api", "--lookup", folder_of(cluster)],
                stdout=out, stderr=subprocess.DEVNULL) as watch:
            try:
                def told():
                    with open(path) as f:
                        return [len(answer) for answer in answers(f.read())]

                wait("what is there", lambda: told() == [3], 30)
                peer.kith("scale", "noise", "2")
                wait("two of noise", lambda: len(look_up(cluster, "noise")) == 2, 30)
                peer.kith("scale", "api", "4")
                wait("all four", lambda: told()[-1] == 4, 30)
                before = told()
                at = file_of(cluster)
                peer.kill()
                peer.start()
                wait("a new look-up file", lambda: file_of(cluster) != at, NEW_FILE_S)
                peer.kith("scale", "api", "5")
                wait("all five", lambda: told()[-1] == 5, 30)
                if before[0] != 3 or before[-1] != 4:
                    raise Failed("it told %s" % told())
            finally:
                watch.kill()


def of_another_version():
    """A file of another version is refused with what to do; the daemon says so, and replaces it."""
    with Cluster(1, net="127.7.5") as cluster:
        running(cluster)
        peer = cluster.peers[0]
        peer.kill()
        with open(os.path.join(folder_of(cluster), "services"), "r+b") as f:
            f.seek(8)
            version = int.from_bytes(f.read(8), sys.byteorder) + 1
            f.seek(8)
            f.write(version.to_bytes(8, sys.byteorder))
        refused = cluster.kith("lookup", "api", "--lookup", folder_of(cluster), check=False)
        if refused.returncode == 0 or "another version" not in refused.stderr:
            raise Failed("kith lookup says %s" % refused)
        at = file_of(cluster)
        peer.start()
        wait("a new look-up file", lambda: file_of(cluster) != at, NEW_FILE_S)
        if len(look_up(cluster, "api")) != 3:
            raise Failed("the new file is not whole")
        with open(peer.log) as f:
            if "of another version of kithd" not in f.read():
                raise Failed("the daemon says nothing of it")


if __name__ == "__main__":
    sys.exit(story(killed_in_a_loop, readers_harm_nobody, from_elsewhere, watched, of_another_version))
