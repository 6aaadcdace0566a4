"""scripts/bench dns: SRV queries over UDP against kithd, unbound and knot, each with one thread and the same records.

1,000 services of ten instances each: ten SRV records and the ten addresses of their targets in each answer. kithd has them as
registrations; the others as a zone of the same records, which unbound answers as an authority (auth-zone). dnsperf asks for
all services in turn. A round asks one side after the other, so that a busy moment meets all; which begins changes with the round.
"""
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import urllib.request

from bench_lookup import Running
from bench_rows import Rows, quantile
from cluster import Cluster, Failed, wait
from fetch import fetched

SERVICES = 1000
PER_SERVICE = 10
SECONDS = 3
HALF_SECONDS = 2
SIDES = ("kith", "unbound", "knot")
MUSTS = {"unbound": 1.0, "knot": 1 / 0.9}  # of the time for one query: at least so many times its rate
UNBOUND, KNOT, PORT = "127.0.1.221", "127.0.1.222", 5487
TTL = 1
LATE_MS = 50

UNBOUND_CONF = """
server:
  interface: %(addr)s@%(port)d
  num-threads: 1
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "%(folder)s"
  pidfile: ""
  use-syslog: no
  verbosity: 0
  access-control: 127.0.0.0/8 allow
  so-reuseport: no
  minimal-responses: no
  module-config: "iterator"
auth-zone:
  name: kith.
  zonefile: "%(zone)s"
  for-downstream: yes
  for-upstream: no
"""
KNOT_CONF = """
server:
    listen: %(addr)s@%(port)d
    rundir: %(folder)s
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: %(folder)s
log:
  - target: stderr
    any: error
zone:
  - domain: kith.
    file: %(zone)s
    zonefile-load: whole
"""


def address(service, i):
    number = service * PER_SERVICE + i
    return "10.%d.%d.%d" % (number >> 16, number >> 8 & 255, number & 255)


def register(peer):
    """All endpoints, one after another on one connection."""
    client = http.client.HTTPConnection(peer.addr, 5486, timeout=60)
    for service in range(SERVICES):
        for i in range(PER_SERVICE):
            client.request("PUT", "/v1/agent/service/register", json.dumps(
                {"Name": "s%d" % service, "ID": "s%d-%d" % (service, i), "Address": address(service, i), "Port": 8000 + i}))
            answer = client.getresponse()
            answer.read()
            if answer.status != 200:
                raise Failed("registering s%d-%d: %d" % (service, i, answer.status))


def zone_file(folder):
    path = os.path.join(folder, "zone")
    with open(path, "w") as f:
        f.write("$ORIGIN kith.\n$TTL %d\n@ SOA ns hostmaster 1 3600 600 86400 1\n@ NS ns\nns A 127.0.1.1\n" % TTL)
        for service in range(SERVICES):
            for i in range(PER_SERVICE):
                name = "%02x%02x%02x%02x.addr" % tuple(map(int, address(service, i).split(".")))
                f.write("s%d.service SRV 1 100 %d %s\n%s A %s\n" % (service, 8000 + i, name, name, address(service, i)))
    return path


def queries_file(folder):
    path = os.path.join(folder, "queries")
    with open(path, "w") as f:
        for service in range(SERVICES):
            f.write("s%d.service.kith SRV\n" % (service * 7 % SERVICES))
    return path


def answer_bytes(addr):
    """How long an answer is, and how many records of each section it has."""
    question = b"\x12\x34\1\0\0\1\0\0\0\0\0\1" + b"\2s1\7service\4kith\0\0\x21\0\1" + b"\0\0\x29\4\xd0\0\0\0\0\0\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        s.sendto(question, (addr, PORT))
        try:
            answer = s.recv(4096)
        except OSError as e:
            raise Failed("%s does not answer: %s" % (addr, e)) from e
    return len(answer), answer[7], answer[11]


def full(addr):
    return answer_bytes(addr)[1:] == (PER_SERVICE, PER_SERVICE + 1)


class Server:
    """unbound or knot, from a configuration of its own."""

    def __init__(self, name, program, words, conf, folder, addr):
        folder = os.path.join(folder, name)
        os.mkdir(folder)
        path = os.path.join(folder, "conf")
        with open(path, "w") as f:
            f.write(conf % {"addr": addr, "port": PORT, "folder": folder, "zone": os.path.join(os.path.dirname(folder), "zone")})
        self.running = Running(fetched([name], program), *words, path)
        self.name, self.addr = name, addr

    def __enter__(self):
        try:
            wait("%s to answer" % self.name, lambda: full(self.addr), 30)
        except Failed:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.running.__exit__()


def dnsperf(addr, queries, *words):
    done = subprocess.run(["dnsperf", "-s", addr, "-p", str(PORT), "-d", queries, "-e", "-T", "1", "-c", "4", *map(str, words)],
                          capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        raise Failed("dnsperf: %s" % done.stderr.strip())
    return done.stdout


def number(text, what):
    found = re.search(r"%s:\s+([0-9.]+)" % re.escape(what), text)
    if not found:
        raise Failed("dnsperf says nothing of %s" % what)
    return float(found.group(1))


def rate(addr, queries):
    """Answers a second, with up to 200 queries on their way; none may fail."""
    text = dnsperf(addr, queries, "-l", SECONDS, "-q", "200")
    if "NOERROR %d (100.00%%)" % number(text, "Queries completed") not in text:
        raise Failed("not all answers were good: %s" % text)
    return number(text, "Queries per second")


def latencies(addr, queries, per_second):
    """How long each of some queries took, in us, at this rate."""
    text = dnsperf(addr, queries, "-l", HALF_SECONDS, "-q", "200", "-Q", int(per_second), "-v")
    took = [float(m) * 1e6 for m in re.findall(r"^> NOERROR .* ([0-9.]+)$", text, re.M)]
    if not took:
        raise Failed("dnsperf tells of no query")
    return took


def measure(rows, sides, queries, rounds):
    names = {"unbound": "unbound 1.17", "knot": "knot 3.2"}
    rates = {side: [] for side in SIDES}
    for number_ in range(rounds):
        order = SIDES[number_ % len(SIDES):] + SIDES[:number_ % len(SIDES)]
        for side in order:
            rates[side].append(rate(sides[side], queries))
    for rival in SIDES[1:]:
        # Rows demand "at most": what is to be large is told by its inverse.
        row = rows.row("SRV, one thread, beside " + rival, "time of one, at full rate", "us", MUSTS[rival], versus=names[rival])
        row.kith_values += [1e6 / r for r in rates["kith"]]
        row.peer_values += [1e6 / r for r in rates[rival]]
    for side in SIDES:
        rows.row("SRV, one thread", "%s, queries a second" % side, "1/s").kith_values += rates[side]
    half = min(statistics.median(rates[side]) for side in SIDES) / 2
    for number_ in range(rounds):
        for side in SIDES[number_ % len(SIDES):] + SIDES[:number_ % len(SIDES)]:
            took = latencies(sides[side], queries, half)
            for what, q in (("p50", 0.5), ("p99", 0.99)):
                rows.row("SRV, %d a second" % half, "%s, %s" % (side, what), "us").kith_values.append(quantile(took, q))


def late_ms(peer):
    """The longest time by which this peer's probes were late, since it started."""
    with urllib.request.urlopen("http://%s:5486/metrics" % peer.addr, timeout=20) as answer:
        found = re.search(r"^kith_gossip_probe_late_seconds\S* ([0-9.]+)$", answer.read().decode(), re.M)
    if not found:
        raise Failed("no metric of late probes")
    return float(found.group(1)) * 1e3


def gossip(rows, queries, rounds):
    """Three peers, one of them asked as fast as it answers: its probes go out in time. (None of the names is there.)"""
    for _ in range(rounds):
        with Cluster(3, net="127.0.1", secure=False) as cluster:
            cluster.start("--insecure")
            cluster.wait_alive(60)
            peer = cluster.peers[0]
            wait("HTTP", lambda: late_ms(peer) >= 0, 30)
            before = late_ms(peer)
            dnsperf(peer.addr, queries, "-l", 2 * SECONDS, "-q", "200")
            rows.row("3 peers, probes late by at most", "at rest, from the start", "ms").kith_values.append(before)
            rows.add("3 peers, probes late by at most", "under full load of DNS", "ms", late_ms(peer), LATE_MS)


def dns(options):
    rows = Rows(options.name)
    folder = tempfile.mkdtemp(prefix="kith-bench-")
    try:
        zone_file(folder)
        queries = queries_file(folder)
        with Cluster(1, net="127.0.1", secure=False) as cluster:
            cluster.start("--insecure")
            cluster.wait_alive(60)
            peer = cluster.peers[0]
            register(peer)
            wait("all endpoints in DNS", lambda: full(peer.addr), 30)
            with Server("unbound", "usr/sbin/unbound", ["-d", "-c"], UNBOUND_CONF, folder, UNBOUND), \
                    Server("knot", "usr/sbin/knotd", ["-c"], KNOT_CONF, folder, KNOT):
                sides = {"kith": peer.addr, "unbound": UNBOUND, "knot": KNOT}
                for side in SIDES:
                    print("==> %s answers with %d bytes, %d records and %d more" % (side, *answer_bytes(sides[side])), flush=True)
                measure(rows, sides, queries, options.rounds or 5)
        gossip(rows, queries, options.rounds or 5)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return rows
