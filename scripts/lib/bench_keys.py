"""scripts/bench keys: what a decision about a key costs (docs/decisions/0075).

In the simulator at 5, 50 and 300 peers: one client counts a key up by compare and set, one after the other; what all peers sent
with it less what they sent without, for each that was answered, and how long it took in virtual time. By real processes at five
peers, by HTTP, beside five members of etcd: keys that are made only where there are none (cas=0, a txn that compares), each a
decision that a majority has on disk, one after the other and 32 at a time. wrk asks, with one thread and keep-alive.
"""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

from bench_http import Side, wrk
from bench_lookup import Running, answers
from bench_rows import Rows
from cluster import ROOT, Cluster, Failed, wait
from fetch import fetched
from web import PORT, curl, get, put, url

PEERS = (5, 50, 300)
SEEDS = {5: 5, 50: 3, 300: 1}
UNTIL_S = {5: 60, 50: 30, 300: 15}
CONNECTIONS = (1, 32)
MEMBERS = 5
ETCD_NET, ETCD_FIRST = "127.0.1", 230
ETCD_NAME = "etcd 3.4"

# Names are of base64 digits in groups of four, so that etcd reads them as they are.
KITH_LUA = """
local n = 0
function request()
  n = n + 1
  return wrk.format("PUT", string.format("/v1/kv/%s%%08d?cas=0", n), nil, "x")
end
"""
ETCD_LUA = """
local n = 0
local headers = {["Content-Type"] = "application/json"}
function request()
  n = n + 1
  local key = string.format("%s%%08d", n)
  local body = '{"compare":[{"target":"CREATE","result":"EQUAL","key":"' .. key .. '","create_revision":"0"}],' ..
    '"success":[{"requestPut":{"key":"' .. key .. '","value":"eAAA"}}]}'
  return wrk.format("POST", "/v3/kv/txn", headers, body)
end
"""


# ---- the simulator ----

def simulated(peers, seed, *more):
    done = subprocess.run([os.path.join(ROOT, "build/kith-sim"), "--calm", "--measure", "--peers", str(peers), "--seed", str(seed),
                           "--until", str(UNTIL_S[peers]), "-o", "json", *more], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed("kith-sim: %s" % (done.stdout[-300:] + done.stderr[-300:]))
    return json.loads(done.stdout)


def sent(result, what):
    return result["measured"][what]["mean"] * result["peers"] * UNTIL_S[result["peers"]]


def in_simulator(rows):
    for peers in PEERS:
        case = "%d peers, simulated" % peers
        for seed in range(1, 1 + SEEDS[peers]):
            without, counted = simulated(peers, seed), simulated(peers, seed, "--count", "1")
            decided = counted["race"]["counted"] + counted["race"]["told_false"]
            for metric, unit, what in (("messages of one decision", "", "sent_frames"), ("bytes of one decision", "B", "sent")):
                rows.add(case, metric, unit, (sent(counted, what) - sent(without, what)) / decided)
            rows.add(case, "virtual time, p50", "ms", counted["race"]["p50_us"] / 1e3)
            rows.add(case, "virtual time, p99", "ms", counted["race"]["p99_us"] / 1e3)


# ---- real processes ----

class EtcdMembers:
    """Five members of one etcd, each of which syncs as it does by itself."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="kith-bench-")
        self.addresses = ["%s.%d" % (ETCD_NET, ETCD_FIRST + i) for i in range(MEMBERS)]
        program = fetched(["etcd-server"], "usr/bin/etcd")
        everybody = ",".join("m%d=http://%s:2380" % (i, a) for i, a in enumerate(self.addresses))
        self.servers = [Running(program, "--name", "m%d" % i, "--data-dir", os.path.join(self.folder, str(i)),
                                "--listen-client-urls", "http://%s:2379" % a, "--advertise-client-urls", "http://%s:2379" % a,
                                "--listen-peer-urls", "http://%s:2380" % a, "--initial-advertise-peer-urls", "http://%s:2380" % a,
                                "--initial-cluster", everybody, "--log-level", "error") for i, a in enumerate(self.addresses)]
        for a in self.addresses:
            wait("etcd to answer", lambda a=a: answers(socket.AF_INET, (a, 2379)), 30)
        wait("etcd to have a leader", self.has_leader, 30)
        return self

    def ask(self, path, words):
        request = urllib.request.Request("http://%s:2379%s" % (self.addresses[0], path), json.dumps(words).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def has_leader(self):
        try:
            return int(self.ask("/v3/maintenance/status", {}).get("leader", 0)) > 0
        except OSError:
            return False

    def __exit__(self, *_):
        for server in self.servers:
            server.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)


def by_processes(rows, rounds):
    with EtcdMembers() as etcd, Cluster(MEMBERS, net="127.0.1", secure=False) as cluster:
        cluster.start("--insecure")
        cluster.wait_alive(60)
        here = cluster.peers[0]
        wait("a decision", lambda: put(here, "/v1/kv/first?cas=0", "x") == (200, "true"), 30)
        sides = [Side("kith", "http://%s:%d" % (here.addr, PORT), here.pid),
                 Side("etcd", "http://%s:2379" % etcd.addresses[0], etcd.servers[0].process.pid)]
        for connections in CONNECTIONS:
            case = "%d peers, %d at a time" % (MEMBERS, connections)
            for number in range(rounds):
                prefix = "k%03d" % number
                scripts = {"kith": KITH_LUA % prefix, "etcd": ETCD_LUA % ("%s%03d" % ("e", number))}
                order = sides if number % 2 == 0 else sides[::-1]
                f = {side.name: wrk(side, connections, scripts[side.name]) for side in order}
                made = len(get(here, "/v1/kv/%s?keys" % prefix)[0])
                if made < 0.9 * 3 * f["kith"].per_s:
                    raise Failed("%d keys were made, at %.0f a second" % (made, f["kith"].per_s))
                curl("-X", "DELETE", url(here, "/v1/kv/%s?recurse" % prefix))
                for metric, what in (("p50", "p50_us"), ("p99", "p99_us")):
                    row = rows.row(case, metric, "us", versus=ETCD_NAME)
                    row.kith_values.append(getattr(f["kith"], what))
                    row.peer_values.append(getattr(f["etcd"], what))
                row = rows.row(case, "decisions a second", "1/s", versus=ETCD_NAME)
                row.kith_values.append(f["kith"].per_s)
                row.peer_values.append(f["etcd"].per_s)
                time.sleep(1)  # what was deleted is told


def keys(options):
    rows = Rows(options.name, "etcd")
    in_simulator(rows)
    by_processes(rows, options.rounds or 5)
    return rows
