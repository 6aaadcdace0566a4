"""scripts/bench http: a service's ten endpoints over HTTP, from one thread, at 10,000 instances in the registry.

By Consul's API and by Kith's own, beside nginx with one worker that serves the same bytes as a static file, and etcd, which
reads as many keys through its JSON gateway. wrk asks, with one thread and keep-alive. A round asks one side after the other, so that
a busy moment meets all; which begins changes with the round. Processor time of a request is told too: other load on the
machine changes it less. Half of what kithd did at full speed is asked of both by a client that sends each request at its time
(test/bench/bench_pace.c); it also tells how long its processor stood still meanwhile, and how long those requests took that met none of
that. Then thousands wait at one peer (scripts/lib/crowd.py), and at last its probes are watched under load.
"""
import base64
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import procfs
from bench_dns import PER_SERVICE, SERVICES, dnsperf, late_ms, queries_file, register
from bench_lookup import ETCD_ADDRESS, Running, answers
from bench_register import Etcd
from bench_rows import Rows
from cluster import ROOT, Cluster, Failed, wait
from crowd import WAYS, Crowd
from fetch import fetched
from web import PORT, get, metric, put, url

NGINX = "127.0.1.223"
NGINX_NAME, ETCD_NAME = "nginx 1.22", "etcd 3.4"
SERVICE = "s1"
PATHS = {"Consul's API": "/v1/health/service/%s?passing" % SERVICE, "own API": "/api/v1/services/%s/endpoints?passing" % SERVICE}
SECONDS = 3
CONNECTIONS = 32
HALF_CONNECTIONS = 64
BESIDE_NGINX = 1 / 0.9  # of the time for one request: at least 0.9 of its rate
HALF_P99_US = 1000
CROWDS = (5000, 9000)
CROWD_SERVICES = 500  # each is waited for by 10 or 18
HELD_KIB = 10
WOKEN_MS = 50
GONE_S = 5
LATE_MS = 50
WAKES = 20
PAUSE_S = 0.1

# Without sendfile: for files of this size two system calls less a request, and a tenth faster here.
NGINX_CONF = """
daemon off; master_process off; worker_processes 1; pid "%(folder)s/pid"; error_log stderr error;
events { worker_connections 2000; }
http {
  access_log off; sendfile off; tcp_nodelay on; open_file_cache max=100; default_type application/json;
  keepalive_requests 1000000000; keepalive_timeout 600;
  client_body_temp_path "%(folder)s/1"; proxy_temp_path "%(folder)s/2"; fastcgi_temp_path "%(folder)s/3";
  uwsgi_temp_path "%(folder)s/4"; scgi_temp_path "%(folder)s/5";
  server { listen %(addr)s:%(port)d; root "%(folder)s/files"; }
}
"""
ETCD_LUA = """
wrk.method = "POST"
wrk.body = '%s'
wrk.headers["Content-Type"] = "application/json"
"""


# ---- whom kithd stands beside ----

class Nginx:
    """One process that serves what kithd answered, as N.json."""

    def __init__(self, folder, bodies):
        os.makedirs(os.path.join(folder, "files"))
        os.chmod(os.path.dirname(folder), 0o755)  # its worker is nobody
        for i, body in enumerate(bodies):
            with open(os.path.join(folder, "files", "%d.json" % i), "wb") as f:
                f.write(body)
        conf = os.path.join(folder, "conf")
        with open(conf, "w") as f:
            f.write(NGINX_CONF % {"addr": NGINX, "port": PORT, "folder": folder})
        self.running = Running(fetched(["nginx"], "usr/sbin/nginx"), "-p", folder, "-c", conf)

    def __enter__(self):
        wait("nginx to answer", lambda: answers(socket.AF_INET, (NGINX, PORT)), 30)
        return self.running.process.pid

    def __exit__(self, *_):
        self.running.__exit__()


def coded(text):
    return base64.b64encode(text.encode()).decode()


def etcd_question():
    return {"key": coded(SERVICE + "/"), "range_end": coded(SERVICE + "0"), "serializable": True}


def ask_etcd(path, words):
    request = urllib.request.Request("http://%s:2379%s" % (ETCD_ADDRESS, path), json.dumps(words).encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def fill_etcd(endpoints):
    """As many keys as there are instances, with what kithd says of one service's."""
    for service in range(SERVICES):
        ask_etcd("/v3/kv/txn", {"success": [
            {"requestPut": {"key": coded("s%d/%d" % (service, i)), "value": coded(json.dumps(endpoints[i]))}}
            for i in range(PER_SERVICE)]})
    found = len(ask_etcd("/v3/kv/range", etcd_question())["kvs"])
    if found != PER_SERVICE:
        raise Failed("etcd finds %d keys" % found)


# ---- asking ----

class Side:
    """Who is asked: a URL, the process that answers, and what wrk has to send when it is no GET."""

    def __init__(self, name, where, pid, script=None):
        self.name, self.where, self.pid, self.script = name, where, pid, script


def in_us(text):
    number, unit = re.fullmatch(r"([0-9.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}[unit]


class Figures:
    """What wrk and the kernel say of one run; every answer must have been good."""

    def __init__(self, text, cpu_s):
        if "Non-2xx" in text or "Socket errors" in text:
            raise Failed("not all answers were good: %s" % text)
        self.per_s = float(re.search(r"^Requests/sec: +([0-9.]+)$", text, re.M).group(1))
        self.cpu_us = 1e6 * cpu_s / int(re.search(r"^ +([0-9]+) requests in", text, re.M).group(1))
        self.p50_us, self.p99_us = (in_us(re.search(r"^ +%d%% +(\S+)$" % q, text, re.M).group(1)) for q in (50, 99))


def wrk(side, connections):
    """One run."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(side.script or "")
        file.flush()
        words = ["-s", file.name] if side.script else []
        before = procfs.cpu_seconds(side.pid)
        done = subprocess.run(["wrk", "-t", "1", "-c", str(connections), "-d", "%ds" % SECONDS, "--latency", *words, side.where],
                              capture_output=True, text=True, check=False, timeout=60)
        took = procfs.cpu_seconds(side.pid) - before
    if done.returncode != 0:
        raise Failed("wrk: %s" % (done.stdout + done.stderr))
    return Figures(done.stdout, took)


def paced(*words):
    """What the paced client says; it fails when an answer is no good one."""
    program = os.path.join(os.environ.get("KITH_BUILD") or os.path.join(ROOT, "build"), "test/bench/bench-pace")
    done = subprocess.run([program, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False, timeout=60)
    if done.returncode != 0:
        raise Failed("bench-pace %s ended with status %d" % (" ".join(map(str, words)), done.returncode))
    return json.loads(done.stdout)


def pace(side, per_s):
    where = urllib.parse.urlsplit(side.where)
    return paced(where.hostname, where.port, where._replace(scheme="", netloc="").geturl(), per_s, SECONDS, HALF_CONNECTIONS)


def round_of(sides, number, ask):
    """All sides once, beginning with another one each time; their figures by name."""
    first = number % len(sides)
    return {side.name: ask(side) for side in sides[first:] + sides[:first]}


def beside(rows, case, metric, unit, mine, theirs, **words):
    row = rows.row(case, metric, unit, **words)
    row.kith_values.append(mine)
    row.peer_values.append(theirs)


def at_full(rows, case, sides, rounds):
    """All sides at full speed; kith's median rate."""
    for number in range(rounds):
        f = round_of(sides, number, lambda side: wrk(side, CONNECTIONS))
        for name, must in ((NGINX_NAME, BESIDE_NGINX), (ETCD_NAME, None)):
            if name in f:  # rows demand "at most": what is to be large is told by its inverse
                beside(rows, case, "time of one, beside " + name.split()[0], "us", 1e6 / f["kith"].per_s, 1e6 / f[name].per_s,
                       must=must, versus=name)
        beside(rows, case, "processor time of one", "us", f["kith"].cpu_us, f[NGINX_NAME].cpu_us, versus=NGINX_NAME)
        beside(rows, case, "full speed, p50", "us", f["kith"].p50_us, f[NGINX_NAME].p50_us, versus=NGINX_NAME)
        beside(rows, case, "full speed, p99", "us", f["kith"].p99_us, f[NGINX_NAME].p99_us, versus=NGINX_NAME)
        for name, figures in f.items():
            rows.row(case, "%s, requests a second" % name, "1/s").kith_values.append(figures.per_s)
    return statistics.median(rows.row(case, "kith, requests a second", "1/s").kith_values)


def let_run_on(pid, processors):
    for thread in os.listdir("/proc/%d/task" % pid):
        os.sched_setaffinity(int(thread), processors)


def pace_apart(side, per_s):
    """The last processor is the client's, which never sleeps: who answers stays off it."""
    processors = os.sched_getaffinity(side.pid)
    let_run_on(side.pid, processors - {max(processors)} or processors)
    try:
        return pace(side, per_s)
    finally:
        let_run_on(side.pid, processors)


def at_half(rows, case, sides, rounds, per_s):
    """kith and nginx at half of the rate that kith had."""
    for number in range(rounds):
        alone = paced("stalls", 1)
        f = round_of(sides, number, lambda side: pace_apart(side, per_s / 2))
        rows.add(case, "half load, share of full rate", "%", 100 * f["kith"]["per_s"] / per_s)
        for metric, key, must in (("p50", "p50_us", None), ("p99", "p99_us", HALF_P99_US), ("p99 of who met no stall", "calm_p99_us", None)):
            if f["kith"][key] and f[NGINX_NAME][key]:  # who always met one has none
                beside(rows, case, "half load, " + metric, "us", f["kith"][key], f[NGINX_NAME][key], versus=NGINX_NAME, own=True, must=must)
        beside(rows, case, "half load, client stood still", "%", f["kith"]["still_percent"], f[NGINX_NAME]["still_percent"],
               versus=NGINX_NAME, own=True)
        rows.add(case, "machine alone stood still", "%", alone["still_percent"])
        rows.add(case, "machine alone, longest", "us", alone["longest_still_us"])


def speed(rows, here, folder, rounds):
    """Both APIs, with nobody who waits and with thousands; the KiB that the peer held before these came: what is freed
    stays with it."""
    bodies = []
    for path in PATHS.values():
        with urllib.request.urlopen(url(here, path), timeout=30) as answer:
            bodies.append(answer.read())
    with Nginx(os.path.join(folder, "nginx"), bodies) as nginx, Etcd() as etcd:
        fill_etcd(json.loads(bodies[0]))
        asked = []
        for i, (api, path) in enumerate(PATHS.items()):
            sides = [Side("kith", url(here, path), here.pid), Side(NGINX_NAME, "http://%s:%d/%d.json" % (NGINX, PORT, i), nginx)]
            third = Side(ETCD_NAME, "http://%s:2379/v3/kv/range" % ETCD_ADDRESS, etcd.server.process.pid,
                         ETCD_LUA % json.dumps(etcd_question()))
            case = "%s, %d B" % (api, len(bodies[i]))
            per_s = at_full(rows, case, sides + [third] * (i == 0), rounds)
            at_half(rows, case, sides, rounds, per_s)
            asked.append((case, sides, per_s))
        kib = resident_kib(here)
        with Crowd(here, ["s%d" % i for i in range(10, 10 + CROWD_SERVICES)], CROWDS[0]):
            for case, sides, per_s in asked:
                at_half(rows, "%s, %d wait" % (case.split(",")[0], CROWDS[0]), sides, rounds, per_s)
    return kib


# ---- many who wait ----

def descriptors(peer):
    return len(os.listdir("/proc/%d/fd" % peer.pid))


def register_again(peer, service, port):
    body = json.dumps({"Name": service, "ID": "%s-0" % service, "Port": port})
    if put(peer, "/v1/agent/service/register", body)[0] != 200:
        raise Failed("%s was not registered" % service)


def wake(rows, case, there, crowd):
    """Changes at one peer, and who is answered for them at the other. (A port that was there before would be no change.)"""
    took = []
    for i in range(2 * WAKES):
        alone = i % 2 == 0
        if alone:
            time.sleep(PAUSE_S)  # a pause is what is asked for: a change right behind another one is told with a delay
        service = "s%d" % (10 + i)
        wanted = crowd.waiting_for(service)
        begun = time.monotonic()
        register_again(there, service, crowd.count + 100 * WAYS.index(crowd.how) + i)
        found = crowd.woken(10, wanted)
        if [name for name, _ in found] != wanted * [service]:
            raise Failed("%s changed, and of %d who waited for it these were woken: %s" % (service, wanted, found))
        took.append(1e3 * (max(at for _, at in found) - begun))
        rows.add(case, "change elsewhere to %s answer" % ("the last" if alone else "last, behind another"), "ms", took[-1])
    rows.add(case, "the slowest of them", "ms", max(took), WOKEN_MS)
    rows.add(case, "answers to who waits for another", "", len(crowd.woken(1)), 0)


def resident_kib(peer):
    return 1024 * procfs.memory_mib(peer.pid, "Rss")


def crowds(rows, here, there, kib):
    """So many wait at one peer: what each costs beyond `kib`, whom a change wakes, and what is left when they vanish."""
    for count, how in [(count, "wait") for count in CROWDS] + [(CROWDS[-1], how) for how in WAYS[1:]]:
        case = "%d %s" % (count, how)
        wait("those before to be gone", lambda: metric(here, "kith_http_waiting") == 0, 10 * GONE_S)
        files = descriptors(here)
        with Crowd(here, ["s%d" % i for i in range(10, 10 + CROWD_SERVICES)], count, how) as crowd:
            rows.add(case, "resident memory of each", "KiB", (resident_kib(here) - kib) / count, HELD_KIB)
            wake(rows, case, there, crowd)
            begun = time.monotonic()
            crowd.leave()
            wait("descriptors to come back", lambda: descriptors(here) <= files + 2, 10 * GONE_S)
            rows.add(case, "they vanish: descriptors are back", "s", time.monotonic() - begun, GONE_S)


# ---- gossip ----

def gossip(rows, queries, rounds):
    """Three peers, one of them asked by HTTP and DNS as fast as it answers: its probes go out in time."""
    for _ in range(rounds):
        with Cluster(3, net="127.0.1", secure=False) as cluster:
            cluster.start("--insecure")
            cluster.wait_alive(60)
            peer = cluster.peers[0]
            register_again(peer, SERVICE, 1)
            wait("HTTP", lambda: len(get(peer, PATHS["own API"])[0]) == 1, 30)
            before = late_ms(peer)
            asking = threading.Thread(target=dnsperf, args=(peer.addr, queries, "-l", SECONDS, "-q", "200"))
            asking.start()
            wrk(Side("kith", url(peer, PATHS["own API"]), peer.pid), CONNECTIONS)
            asking.join()
            rows.add("3 peers, probes late by at most", "at rest, from the start", "ms", before)
            rows.add("3 peers, probes late by at most", "full load of HTTP and DNS", "ms", late_ms(peer), LATE_MS)


def http(options):
    rows = Rows(options.name)
    rounds = options.rounds or 5
    folder = tempfile.mkdtemp(prefix="kith-bench-")
    try:
        with Cluster(2, net="127.0.1", secure=False) as cluster:
            cluster.start("--insecure")
            cluster.wait_alive(60)
            here, there = cluster.peers
            register(there)
            last = "/v1/health/service/s%d" % (SERVICES - 1)
            wait("all endpoints", lambda: len(get(here, last)[0]) == PER_SERVICE, 60)
            crowds(rows, here, there, speed(rows, here, folder, rounds))
        gossip(rows, queries_file(folder), rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return rows
