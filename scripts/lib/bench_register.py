"""scripts/bench register: durable registrations through a peer beside etcd's put with fsync, on the same disk in one run.

Each of so many clients has a connection of its own and makes one registration after another, each of a new endpoint; on both
sides by the leanest blocking client (test/bench/bench_register.c), with the same words. Both begin each round empty. A round is one
side and then the other, so that a busy moment meets both; which side begins changes with the round.
"""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

from bench_lookup import ETCD_ADDRESS, Running, answers
from bench_rows import Rows
from cluster import ROOT, Cluster, Failed, wait
from fetch import fetched

CLIENTS = (1, 100, 1000)
SECONDS = 3
# clients: at least so many times etcd's puts a second, at most this share of its p50, and the longest wait beside the own p50
MUSTS = {1: (None, 0.8, None), 100: (1 / 2.5, 0.5, None), 1000: (None, None, 20)}


def program():
    return os.path.join(os.environ.get("KITH_BUILD") or os.path.join(ROOT, "build"), "test/bench/bench-register")


def run(kind, where, clients):
    """The program's figures; it fails when one registration does."""
    done = subprocess.run([program(), kind, where, str(clients), str(SECONDS)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True, check=False, timeout=60 + 10 * SECONDS)
    if done.returncode != 0:
        raise Failed("bench-register %s %d ended with status %d" % (kind, clients, done.returncode))
    return json.loads(done.stdout)


class Etcd:
    """One etcd that syncs each put, as it does by itself, in a folder beside the peers'."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="kith-bench-")
        url = "http://%s:%%d" % ETCD_ADDRESS
        self.server = Running(fetched(["etcd-server"], "usr/bin/etcd"), "--data-dir", self.folder,
                              "--listen-client-urls", url % 2379, "--advertise-client-urls", url % 2379,
                              "--listen-peer-urls", url % 2380, "--log-level", "error")
        wait("etcd to answer", lambda: answers(socket.AF_INET, (ETCD_ADDRESS, 2379)), 30)
        time.sleep(1)  # etcd takes connections a little before it has elected itself
        return self

    def __exit__(self, *_):
        self.server.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)


def add(rows, clients, kith, etcd):
    case = "%d client%s" % (clients, "s" * (clients > 1))
    rate, p50, longest = MUSTS[clients]
    for metric, unit, key, must in (("p50", "us", "p50_us", p50), ("p99", "us", "p99_us", None)):
        row = rows.row(case, metric, unit, must, versus=True)
        row.kith_values.append(kith[key])
        row.peer_values.append(etcd[key])
    # Rows demand "at most": what is to be large is told by its inverse.
    row = rows.row(case, "time of one, all clients together", "us", rate, versus=True)
    row.kith_values.append(1e6 / kith["per_s"])
    row.peer_values.append(1e6 / etcd["per_s"])
    rows.add(case, "registrations a second", "1/s", kith["per_s"])
    rows.row(case, "etcd's puts a second", "1/s").kith_values.append(etcd["per_s"])
    rows.add(case, "the longest wait beside the p50", "x", kith["max_us"] / kith["p50_us"], longest)


def both(clients, first):
    """Figures of both, each beginning empty: a peer takes 262,144 registrations at most."""
    with Etcd(), Cluster(1, net="127.0.1", secure=False) as cluster:
        cluster.start("--insecure")
        cluster.wait_alive(60)
        where = {"kith": cluster.peers[0].socket, "etcd": ETCD_ADDRESS}
        return {kind: run(kind, where[kind], clients) for kind in sorted(where, key=lambda kind: kind != first)}


def register(options):
    rows = Rows(options.name, "etcd")
    for clients in CLIENTS:
        for number in range(options.rounds or 5):
            figures = both(clients, ("kith", "etcd")[number % 2])
            add(rows, clients, figures["kith"], figures["etcd"])
    return rows
