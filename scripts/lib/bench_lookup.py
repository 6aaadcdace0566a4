"""scripts/bench lookup: libkith beside LMDB, redis and etcd, one look-up after another, in one run on this machine.

All hold the same rows: services of ten instances, each row in the words of the look-up file. LMDB is read in the same
process, with a snapshot renewed for each look-up, as one of this moment needs it; redis answers GET on a unix socket and
etcd its fastest read (serializable) on loopback, each to a client that does nothing else (test/bench/bench_sockets.c).
With a writer, each of them is written to at the same rate as the look-up file is, or as fast as it can.
"""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

from bench_rows import Rows
from cluster import ROOT, Failed, wait
from fetch import fetched

INSTANCES = (1000, 10000, 172000)
PER_SERVICE = 10
THREADS = (1, 2, 8)
WRITER_ROWS_S = 5000
SECONDS = 0.5    # of each figure
FILL_S = 300     # the longest that anything may take
ETCD_ADDRESS = "127.0.1.210"
LARGEST = 172000

CLOCK = "nothing"  # what a look-up that does nothing seems to take: it is in all other figures

# ratio kith / rival at p50, at most
RIVALS = {"lmdb": ("LMDB get", None), "lmdb-copy": ("LMDB get and copy", None),
          "redis": ("redis GET", 1 / 60), "etcd": ("etcd get", 1 / 300)}


def program():
    return os.path.join(os.environ.get("KITH_BUILD") or os.path.join(ROOT, "build"), "test/bench/bench-lookup")


def run(*words):
    """The program's last line, if it prints any."""
    done = subprocess.run([program(), *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False,
                          timeout=FILL_S)
    if done.returncode != 0:
        raise Failed("bench-lookup %s ended with status %d" % (" ".join(map(str, words)), done.returncode))
    return json.loads(done.stdout) if done.stdout else None


class Running:
    """A program of ours or a server, until the end of the context."""

    def __init__(self, *command):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, start_new_session=True)

    def __enter__(self):
        return self

    def finish(self):
        """Ends its standard input, and waits for its last words."""
        words, _ = self.process.communicate(timeout=FILL_S)
        return json.loads(words)

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def answers(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as s:
        return s.connect_ex(address) == 0


class Stores:
    """The rivals, filled with so many services; where each one is found."""

    def __init__(self, services):
        self.services = services
        self.folder = tempfile.mkdtemp(prefix="kith-bench-")
        self.where = {"kith": os.path.join(self.folder, "kith"), "lmdb": os.path.join(self.folder, "lmdb"),
                      "redis": os.path.join(self.folder, "redis.sock"), "etcd": ETCD_ADDRESS}
        self.where["lmdb-copy"] = self.where["lmdb"]
        self.where[CLOCK] = "-"
        self.running = []

    def __enter__(self):
        os.mkdir(self.where["lmdb"])
        redis = fetched(["redis-server", "redis-tools"], "usr/bin/redis-server")
        self.server(redis, "--port", 0, "--unixsocket", self.where["redis"], "--save", "", "--appendonly", "no")
        url = "http://%s:%%d" % ETCD_ADDRESS
        self.server(fetched(["etcd-server"], "usr/bin/etcd"), "--data-dir", os.path.join(self.folder, "etcd"),
                    "--listen-client-urls", url % 2379, "--advertise-client-urls", url % 2379,
                    "--listen-peer-urls", url % 2380, "--log-level", "error")
        wait("redis to answer", lambda: answers(socket.AF_UNIX, self.where["redis"]), 30)
        wait("etcd to answer", lambda: answers(socket.AF_INET, (ETCD_ADDRESS, 2379)), 30)
        time.sleep(1)  # etcd takes connections a little before it has elected itself
        for kind in ("lmdb", "redis", "etcd"):
            run("fill", kind, self.where[kind], self.services)
        return self

    def __exit__(self, *_):
        for server in self.running:
            server.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)

    def server(self, *command):
        self.running.append(Running(*command))

    def writer(self, kind, rows_s):
        """Writes to one of them until it is told to finish. To the look-up file there always is one: it beats."""
        if kind != "kith":
            return Running(program(), "write", kind.split("-")[0], self.where[kind], self.services, rows_s)
        writing = Running(program(), "serve", self.where[kind], self.services, rows_s)
        if writing.process.stdout.readline().strip() != "ready":
            raise Failed("bench-lookup serve does not serve")
        return writing

    def read(self, kind, threads, rows_s):
        """Figures of one run; the writer must have kept its pace when it is kith's."""
        if kind == CLOCK or kind != "kith" and not rows_s:
            return run("read", kind, self.where[kind], self.services, threads, SECONDS)
        with self.writer(kind, rows_s) as writer:
            figures = run("read", kind, self.where[kind], self.services, threads, SECONDS)
            figures["written_s"] = per_second(writer.finish())
        return figures


def per_second(written):
    return written["rows"] / written["seconds"]


def musts(instances, threads, rows_s):
    """What the look-up's p50 and p99 may be, in us, and its ratio to a bare LMDB get."""
    if instances == LARGEST and threads == 1 and not rows_s:
        return 0.5, 2, 1
    return None, 5 if instances == LARGEST and threads > 1 and rows_s else None, None


def add(rows, case, kind, figures, must):
    """One way's figures: kith's own rows come first."""
    if figures["failed"]:
        raise Failed("%s: %d look-ups of %s failed" % (case, figures["failed"], kind))
    if kind == "kith":
        rows.add(case, "p50", "us", figures["p50_us"], must[0])
        rows.add(case, "p99", "us", figures["p99_us"], must[1])
        rows.add(case, "look-ups a second", "1/s", figures["per_s"])
        if "written_s" in figures and figures["written_s"]:
            rows.add(case, "rows written a second", "1/s", figures["written_s"])
        return
    if kind == CLOCK:
        rows.add(case, "of this, reading the clock", "us", figures["p50_us"])
        return
    title, most = RIVALS[kind]
    row = rows.row(case, "p50 beside " + title, "us", must[2] if kind == "lmdb" else most, versus=title)
    row.peer_values.append(figures["p50_us"])
    row.kith_values.append(rows.row(case, "p50", "us").kith_values[-1])


def lookup(options):
    """Rounds are innermost: the ways take turns within a round, so that a busy moment meets all of them."""
    rows = Rows(options.name)
    for instances in options.instances:
        with Stores(instances // PER_SERVICE) as stores:
            for threads in THREADS:
                for rows_s in (0, WRITER_ROWS_S):
                    case = "%d, %d thread%s%s" % (instances, threads, "s" * (threads > 1), ", writer" if rows_s else "")
                    for _ in range(options.rounds or 3):
                        for kind in ("kith", CLOCK, *RIVALS):
                            add(rows, case, kind, stores.read(kind, threads, rows_s), musts(instances, threads, rows_s))
    return rows
