"""A real cluster on this machine: kithd processes on loopback addresses, asked and changed through kith.

Used by scripts/up, test/cluster and scripts/bench. Nothing sleeps to wait for something: wait() polls for
the thing itself until a deadline. What was started here is stopped here, by pid.
"""
import functools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
POLL_S = 0.02
# What a daemon frees is given out again soon, so that one built with AddressSanitizer grows only when it leaks.
SANITIZER = "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"


class Failed(Exception):
    """Something did not happen, or `kith` said no."""


class Skipped(Exception):
    """This machine lacks what the test needs."""


def wait(what, look, seconds, poll_s=POLL_S):
    """Polls look() until it returns something true, which is returned; Failed after `seconds`."""
    end = time.monotonic() + seconds
    last = None
    while True:
        try:
            found = look()
            if found:
                return found
        except Failed as e:
            last = e
        if time.monotonic() > end:
            raise Failed("waited %g s in vain for: %s%s" % (seconds, what, " (%s)" % last if last else ""))
        time.sleep(poll_s)


def expect(what, found, wanted):
    """Failed when it was not."""
    if found != wanted:
        raise Failed("%s: %r, not %r" % (what, found, wanted))


class Peer:
    """One kithd: its folder, its address, its process while it runs."""

    def __init__(self, cluster, number):
        self.cluster = cluster
        self.number = number
        self.name = "h%d" % number
        self.addr = cluster.address(number)
        self.data = os.path.join(cluster.folder, self.name)
        self.log = os.path.join(cluster.folder, self.name + ".log")
        self.process = None

    @property
    def socket(self):
        return os.path.join(self.data, "kithd.sock")

    @property
    def pid(self):
        return self.process.pid if self.process else None

    def command(self, *flags):
        """The program and its arguments."""
        command = [self.cluster.program("kithd"), "--data", self.data, "--name", self.name, "--bind", self.addr]
        for seed in self.cluster.seeds():
            command += ["--seed", seed]
        token = self.cluster.token(self.number)
        if token and "--insecure" not in flags:
            command += ["--token", token]
        return command + list(flags)

    def start(self, *flags):
        os.makedirs(self.data, mode=0o755, exist_ok=True)
        env = {"ASAN_OPTIONS": SANITIZER, **os.environ}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(*flags), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env,
                                            start_new_session=True)  # a Ctrl-C at the terminal is for the caller
        return self

    def signal(self, number):
        if self.process:
            self.process.send_signal(number)

    def wait_end(self, seconds):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired as e:
            raise Failed("%s still runs after %g s" % (self.name, seconds)) from e

    def kill(self):
        """SIGKILL to the daemon alone."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def runners(self):
        """Pids of this peer's kith-run processes, found by the run folder in their command line."""
        found = []
        mark = os.path.join(self.data, "run").encode()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    line = f.read()
            except OSError:
                continue
            if mark in line and b"kith-run" in line.split(b"\0")[0]:
                found.append(int(pid))
        return found

    def kill_host(self, pids=()):
        """SIGKILL to the daemon and all that runs on its host: kith-run takes its services with it."""
        for pid in [self.pid, *self.runners(), *pids]:
            if pid:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        if self.process:
            self.process.wait()
            self.process = None

    def kith(self, *words, timeout=30, **options):
        return self.cluster.kith(*words, addr=self.socket, timeout=timeout, **options)

    def ask(self, *words):
        """A kith verb's answer as Python values."""
        return json.loads(self.kith("-o", "json", *words))


class Cluster:
    """Peers 1..n on 127.NET.SUB.number. Use as a context: everything is stopped at its end."""

    def __init__(self, peers, build=None, net="127.0.0", secure=True, keep=False):
        self.build = build or os.environ.get("KITH_BUILD") or os.path.join(ROOT, "build")
        self.net = net
        self.secure = secure
        self.keep = keep
        self.folder = tempfile.mkdtemp(prefix="kith-")
        os.chmod(self.folder, 0o755)  # services may run as another user
        self.operator = os.path.join(self.folder, "operator")
        self.tokens = {}
        self.peers = [Peer(self, n) for n in range(1, peers + 1)]

    def __enter__(self):
        if self.secure:
            self.kith("cluster", "init", "--dir", self.operator)
        return self

    def __exit__(self, kind, *_):
        self.stop_hard()
        if kind is None and not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        elif kind is not None:
            self.show_logs()

    def show_logs(self, lines=15):
        for peer in self.peers:
            if os.path.exists(peer.log):
                with open(peer.log, errors="replace") as f:
                    print("--- %s\n%s" % (peer.log, "".join(f.readlines()[-lines:])), flush=True)

    def program(self, name):
        path = os.path.join(self.build, name)
        if not os.path.exists(path):
            raise Failed("no %s: run scripts/build" % path)
        return path

    def address(self, number):
        return "%s.%d" % (self.net, number)

    def seeds(self):
        return [self.address(n) for n in range(1, min(3, len(self.peers)) + 1)]

    def token(self, number):
        """The token's file; the first peer gets a founder's."""
        if not self.secure:
            return None
        if number not in self.tokens:
            path = os.path.join(self.folder, "token.%d" % number)
            words = ["token", "new", "--dir", self.operator, "--expires", "1h"]
            if number == 1:
                words.append("--founder")
            for seed in self.seeds():
                words += ["--seed", seed]
            text = self.kith(*words)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
                f.write(text)
            self.tokens[number] = path
        return self.tokens[number]

    def kith(self, *words, addr=None, timeout=30, check=True):
        """Runs kith; its standard output. Failed with its own words when it does not exit with 0."""
        command = [self.program("kith")]
        if addr:
            command += ["-a", addr]
        env = {**os.environ, "KITH_DIR": self.operator}
        env.pop("KITH_ADDR", None)
        try:
            done = subprocess.run(command + list(words), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=timeout, env=env, check=False)
        except subprocess.TimeoutExpired as e:
            raise Failed("kith %s: no end after %g s" % (" ".join(words), timeout)) from e
        if check and done.returncode != 0:
            raise Failed("kith %s: %s" % (" ".join(words), (done.stderr or done.stdout).strip()))
        return done.stdout if check else done

    def start(self, *flags):
        for peer in self.peers:
            peer.start(*flags)
        return self

    def running(self):
        return [p for p in self.peers if p.process and p.process.poll() is None]

    def wait_alive(self, seconds, peers=None, names=None):
        """Every one of `peers` (the running ones) sees exactly those of `names` (the same ones) alive."""
        peers = peers or self.running()
        names = names or {p.name for p in peers}

        def look():
            for peer in peers:
                seen = {m["name"] for m in peer.ask("members") if m["state"] == "alive"}
                if seen != names:
                    return False
            return True

        wait("%d peers see each other alive" % len(peers), look, seconds)

    def wait_restarted(self, seconds, before):
        """Every peer sees all alive, each as it was started after `before` (incarnations()) was taken."""
        def look():
            now = self.incarnations()
            for peer in self.peers:
                seen = {m["name"]: m["incarnation"] for m in peer.ask("members") if m["state"] == "alive"}
                if seen != now or any(seen[name] <= before[name] for name in before):
                    return False
            return True

        wait("%d peers see each other's new start" % len(self.peers), look, seconds)

    def incarnations(self):
        """Each running peer's, by name, as it knows itself."""
        return {p.name: m["incarnation"] for p in self.running() for m in p.ask("members") if m["name"] == p.name}

    def wait_healthy(self, seconds, peer=None, services=None):
        """Every service (or those named) has its count of healthy instances, seen by one peer."""
        peer = peer or self.running()[0]

        def look():
            found = {s["name"]: s for s in peer.ask("services")}
            names = services or list(found)
            return found and all(n in found and found[n]["healthy"] == found[n]["count"] for n in names)

        wait("all services are healthy", look, seconds)

    def stop_hard(self):
        """Ends whatever still runs, without asking it."""
        for peer in self.peers:
            peer.kill_host()


def on(cluster, *steps):
    """Test functions of a cluster as story() takes them."""
    return [functools.partial(step, cluster) for step in steps]


def story(*steps):
    """Runs test functions one after another and prints the closing line that scripts/test reads. Exit status."""
    passed = failed = skipped = 0
    for step in steps:
        told = getattr(step, "func", step)  # of a functools.partial: the function itself
        try:
            step()
            passed += 1
            print("ok: %s" % (told.__doc__ or told.__name__).strip().splitlines()[0], flush=True)
        except Skipped as e:
            skipped += 1
            print("skipped: %s: %s" % (told.__name__, e), flush=True)
        except Failed as e:
            failed += 1
            print("FAILED: %s: %s" % (told.__name__, e), flush=True)
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed else 0
