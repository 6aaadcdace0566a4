"""scripts/bench sync: a peer that joins a full registry, and two that repair what differs, with real kithd processes.

The registry lies in the first peer's store before it starts (test/bench/bench_sync.c): services of ten instances on hosts
that never were, so nobody acts on them, as many bytes a row as kithd's own have. A second peer then joins over loopback
with nothing in its folder. Repair: that peer is stopped, some of its rows are made one version older, it starts again.
Bytes are what the second peer took in and gave out on all lanes between peers, from its start to the moment in which
both have one digest. Times include the start of the process.

Beside the join stands etcd: as many keys of as many bytes, a second member that is added and started with an empty folder,
until it can count all keys itself. etcd has no repair of single rows to compare with: a member that misses entries of the
log gets those, or a snapshot of everything.
"""
import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

import procfs
from bench_lookup import Running, answers
from bench_rows import Rows
from cluster import Cluster, Failed, wait
from fetch import fetched

INSTANCES = 172000
PER_SERVICE = 10
DIFFERING = (1, 10, 100, 10000)
JOIN_S, REPAIR_S = 120, 60   # the longest that is waited for
QUIET_S = 3                  # in which a peer gives back what the join took
JOIN_POLL_S = 0.1            # asking costs both of them and this machine a few milliseconds
LANES = ("state", "bulk")    # rows travel on these
MUST_JOIN_S, MUST_LATE_MS, MUST_REPAIR_KIB, MUST_BYTES = 5, 100, 64, 400
ETCD = ("127.0.1.211", "127.0.1.212")
ETCD_TXN = 20                # puts in one: so many transactions that a newcomer gets a snapshot, not the log


def tool(cluster, *words):
    """What bench-sync prints."""
    done = subprocess.run([cluster.program("test/bench/bench-sync"), *map(str, words)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True, check=False, timeout=JOIN_S)
    if done.returncode != 0:
        raise Failed("bench-sync %s ended with status %d" % (" ".join(map(str, words)), done.returncode))
    return int(done.stdout)


def info(peer):
    """None while it does not answer."""
    try:
        return peer.ask("info")
    except Failed:
        return None


def same(one, other):
    """Both answer, with one digest: the other's info."""
    here, there = info(one), info(other)
    return here and there and here["digest"] == there["digest"] and here["rows"] == there["rows"] and there


def stop(peer):
    peer.signal(signal.SIGTERM)
    peer.wait_end(30)
    peer.process = None


def bytes_of(told):
    counters = told["counters"]
    return sum(counters["lane.%s.bytes_%s" % (lane, way)] for lane in LANES for way in ("in", "out"))


def late_ms(peer):
    """How late a second's probes were sent, at most since it started."""
    return info(peer)["counters"]["gossip.probe_late_us"] / 1000


def resident(peer):
    """Bytes of memory that are no file's."""
    return procfs.memory_mib(peer.pid, "Anonymous") * 1024 * 1024


def start_full(cluster, rows, instances):
    """The first peer with the registry in its store, started: how many rows that is, and what an empty one takes."""
    first = cluster.peers[0].start()
    wait("the first peer to answer", lambda: info(first), 10)
    empty = resident(first)
    stop(first)
    made = tool(cluster, "fill", first.data, instances)
    begin = time.monotonic()
    first.start()
    wait("the first peer to load its store", lambda: (info(first) or {}).get("rows", 0) >= made, JOIN_S)
    case = case_of(instances)
    rows.add(case, "start with them in the store", "s", time.monotonic() - begin)
    rows.add(case, "memory an instance, after a start", "B", (resident(first) - empty) / instances, MUST_BYTES)
    return made, empty


def case_of(instances):
    return "%d instances" % instances


def join(cluster, rows, instances, empty):
    """The second peer joins; what both have to show then."""
    first, second = cluster.peers
    case = case_of(instances)
    before = procfs.cpu_seconds(first.pid)
    begin = time.monotonic()
    second.start()
    told = wait("the second peer to hold all", lambda: same(first, second), JOIN_S, JOIN_POLL_S)
    took = time.monotonic() - begin
    rows.add(case, "join", "s", took, MUST_JOIN_S)
    rows.row(case, "join beside etcd", "s", versus=True).kith_values.append(took)
    rows.add(case, "join: processor, sender", "s", procfs.cpu_seconds(first.pid) - before)
    rows.add(case, "join: processor, joiner", "s", procfs.cpu_seconds(second.pid))
    rows.add(case, "join: exchanged", "MiB", bytes_of(told) / 1024 / 1024)
    rows.add(case, "join: sender's probes late by", "ms", late_ms(first), MUST_LATE_MS)
    wait("the joiner's disk", lambda: info(second)["counters"]["store_unstored"] == 0, JOIN_S)
    rows.add(case, "join: all on the joiner's disk", "s", time.monotonic() - begin)
    time.sleep(QUIET_S)
    rows.add(case, "memory an instance, after a join", "B", (resident(second) - empty) / instances, MUST_BYTES)


def repair(cluster, rows, instances, differing):
    """The second peer comes back with some rows as they were before."""
    first, second = cluster.peers
    stop(second)
    tool(cluster, "age", second.data, instances, differing)
    second.start()
    wait("the second peer to load its store", lambda: (info(second) or {}).get("rows", 0) > instances, JOIN_S)
    begin = time.monotonic()
    told = wait("%d rows to be repaired" % differing, lambda: same(first, second), REPAIR_S)
    case = "%d of %d differ" % (differing, instances)
    rows.add(case, "repair: exchanged", "KiB", bytes_of(told) / 1024, MUST_REPAIR_KIB if differing == 10 else None)
    rows.add(case, "repair: after it had started", "s", time.monotonic() - begin)
    rows.add(case, "repair: probes of either late by", "ms", max(late_ms(first), late_ms(second)), MUST_LATE_MS)


# ---- etcd ----

def ask_etcd(member, path, **words):
    request = urllib.request.Request("http://%s:2379/v3/%s" % (ETCD[member], path), data=json.dumps(words).encode())
    with urllib.request.urlopen(request, timeout=JOIN_S) as answer:
        return json.load(answer)


def count_etcd(member):
    """Keys that this member itself holds."""
    try:
        every = base64.b64encode(b"\0").decode()
        return int(ask_etcd(member, "kv/range", key=every, range_end=every, count_only=True, serializable=True).get("count", 0))
    except OSError:
        return -1


def fill_etcd(keys, size):
    text = "v" * size
    for first in range(0, keys, ETCD_TXN):
        puts = [{"requestPut": {"key": base64.b64encode(b"key-%032d" % k).decode(), "value": base64.b64encode(text.encode()).decode()}}
                for k in range(first, min(first + ETCD_TXN, keys))]
        ask_etcd(0, "kv/txn", success=puts)


def start_etcd(folder, member, cluster):
    url = "http://%s:%%d" % ETCD[member]
    return Running(fetched(["etcd-server"], "usr/bin/etcd"), "--name", "m%d" % member, "--data-dir", os.path.join(folder, "m%d" % member),
                   "--listen-client-urls", url % 2379, "--advertise-client-urls", url % 2379, "--listen-peer-urls", url % 2380,
                   "--initial-advertise-peer-urls", url % 2380, "--initial-cluster", cluster, "--snapshot-count", "1000",
                   "--initial-cluster-state", "existing" if member else "new", "--log-level", "error")


def join_etcd(rows, case, keys, size):
    folder = tempfile.mkdtemp(prefix="kith-bench-")
    name = ["m%d=http://%s:2380" % pair for pair in enumerate(ETCD)]
    row = rows.row(case, "join beside etcd", "s", versus=True)
    try:
        with start_etcd(folder, 0, name[0]):
            wait("etcd to answer", lambda: answers(socket.AF_INET, (ETCD[0], 2379)) and count_etcd(0) == 0, 30)
            fill_etcd(keys, size)
            ask_etcd(0, "cluster/member/add", peerURLs=["http://%s:2380" % ETCD[1]])
            begin = time.monotonic()
            with start_etcd(folder, 1, ",".join(name)):
                wait("etcd's second member to hold all", lambda: count_etcd(1) == keys, JOIN_S)
                row.peer_values.append(time.monotonic() - begin)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def registered(rows, instances):
    """The same instances as registrations alone: what a peer takes for each."""
    with Cluster(1, net="127.0.1") as cluster:
        peer = cluster.peers[0].start()
        wait("the peer to answer", lambda: info(peer), 10)
        empty = resident(peer)
        stop(peer)
        made = tool(cluster, "register", peer.data, instances)
        peer.start()
        wait("the peer to load its store", lambda: (info(peer) or {}).get("rows", 0) >= made, JOIN_S)
        rows.add("%d registrations" % instances, "memory an instance, after a start", "B",
                 (resident(peer) - empty) / instances, MUST_BYTES)


def once(rows, instances, differing, with_etcd):
    registered(rows, instances)
    with Cluster(2, net="127.0.1") as cluster:
        made, empty = start_full(cluster, rows, instances)
        rows.add(case_of(instances), "rows", "1", made)
        join(cluster, rows, instances, empty)
        for n in differing:
            repair(cluster, rows, instances, n)
    if with_etcd:
        exchanged = rows.row(case_of(instances), "join: exchanged", "MiB").kith_values[-1]
        join_etcd(rows, case_of(instances), made, int(exchanged * 1024 * 1024 / made))


def sync(options):
    rows = Rows("sync", "etcd 3.4.23")
    instances = options.instances[-1]
    for _ in range(options.rounds or 3):
        once(rows, instances, [n for n in DIFFERING if n <= instances], not options.alone)
    return rows
