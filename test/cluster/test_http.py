#!/usr/bin/python3
"""HTTP of real daemons, asked by the clients that people have: curl, python3-consul, promtool and Prometheus."""
import http.client
import json
import os
import re
import select
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import ROOT, Cluster, Failed, expect, on, story, wait  # noqa: E402
from foreign import Foreign, program, scraped, shown  # noqa: E402
from web import PORT, consul_of, curl, get, has_ipv6, metric, url  # noqa: E402

DEPLOY = os.path.join(ROOT, "deploy")
DOCS = os.path.join(ROOT, "docs")
READ_S = 30         # for a whole request
GONE_S = 5          # until a client that vanished has given its descriptor back
SILENCED_S = 3.5    # until no peer lists what runs on a host that was silenced, beside what this machine is late
LATE_S = 2
WOKEN_S = 1         # the longest that a wake may take while other tests run here; scripts/bench has the real figure
TARGET_S = 10       # until Prometheus has dropped its targets
WAKES = 20
PARKED = 200
CUT_OFF = (55, 56)  # curl could not send on, or read: the answer came before the end of its body, and the connection's end
INSTANCES = 50


def passing(client, name):
    return sorted(n["Service"]["ID"] for n in client.health.service(name, passing=True)[1])


# ---- what anybody can see ----

def requests_are_answered_or_refused_with_words(cluster):
    """curl reads, and what cannot be answered has a status and words."""
    peer = cluster.peers[0]
    status, headers, body = curl(url(peer, "/api/v1/members"))
    expect("status", status, 200)
    expect("members", sorted(m["name"] for m in json.loads(body)), ["h1", "h2", "h3"])
    if int(headers["x-kith-age-ms"]) > 2000:
        raise Failed("the answer is %s ms old" % headers["x-kith-age-ms"])
    expect("nothing there", curl(url(peer, "/api/v1/nothing"))[0], 404)
    status, headers, _ = curl("-X", "DELETE", url(peer, "/api/v1/members"))
    expect("not this method", (status, headers["allow"]), (405, "GET, HEAD"))
    expect("HEAD", curl("-I", url(peer, "/api/v1/members"))[0], 200)
    expect("no path", curl(url(peer, "/%zz"))[0], 400)
    expect("not JSON", curl("-X", "PUT", "-d", "{", url(peer, "/v1/agent/service/register"))[0], 400)
    expect("a script", curl("-X", "PUT", "-d", '{"Name":"a","Check":{"Args":["/bin/true"],"Interval":"1s"}}',
                            url(peer, "/v1/agent/service/register"))[0], 400)
    status, _, body = curl("-X", "PUT", "-H", "Sec-Fetch-Site: cross-site", url(peer, "/v1/agent/check/pass/service:a"))
    expect("from a page of another site", status, 403)


def a_connection_serves_many_requests(cluster):
    """Keep-alive: a hundred requests on one connection; a long one is cut off at its limit."""
    peer = cluster.peers[0]
    connection = http.client.HTTPConnection(peer.addr, PORT, timeout=20)
    connection.connect()
    local = connection.sock.getsockname()
    for _ in range(100):
        connection.request("GET", "/v1/catalog/services")
        connection.getresponse().read()
        expect("the connection", connection.sock.getsockname(), local)
    connection.close()
    big = os.path.join(cluster.folder, "big")
    with open(big, "wb") as f:
        f.truncate(100 << 20)
    refused = subprocess.run(["curl", "-s", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT", "-T", big, "-H",
                              "Expect:", url(peer, "/v1/agent/service/register")], capture_output=True, text=True, check=False)
    if refused.stdout != "413" and refused.returncode not in CUT_OFF:
        raise Failed("100 MiB: status %s, exit status %d" % (refused.stdout, refused.returncode))
    with socket.create_connection((peer.addr, PORT), 20) as s:
        s.sendall(b"GET /" + b"a" * 60000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = s.recv(100)
    if not answer.startswith((b"HTTP/1.1 414", b"HTTP/1.1 431")):
        raise Failed("a target of 60,000 bytes: %r" % answer)
    expect("others meanwhile", curl(url(peer, "/v1/catalog/services"))[0], 200)


def descriptors(peer):
    return len(os.listdir("/proc/%d/fd" % peer.pid))


# ---- python3-consul ----

def python_registers_and_every_peer_finds_it(cluster):
    """python3-consul registers with a TTL, reports, and deregisters; another peer finds the service while it is well."""
    here, there = consul_of(cluster.peers[0]), consul_of(cluster.peers[1])
    from consul import Check
    expect("registered", here.agent.service.register("db", "db-1", address="10.1.2.3", port=5432, tags=["main"],
                                                     check=Check.ttl("60s")), True)
    wait("critical elsewhere", lambda: [n["Checks"][1]["Status"] for n in there.health.service("db")[1]] == ["critical"], 10)
    expect("passing", passing(there, "db"), [])
    expect("pass", here.agent.check.ttl_pass("service:db-1", "all is well"), True)
    wait("passing elsewhere", lambda: passing(there, "db") == ["db-1"], 10)
    node = there.health.service("db", tag="main")[1][0]
    expect("service", {k: node["Service"][k] for k in ("Service", "Address", "Port", "Tags")},
           {"Service": "db", "Address": "10.1.2.3", "Port": 5432, "Tags": ["main"]})
    expect("its node", (node["Node"]["Node"], node["Node"]["Address"]), ("h1", cluster.peers[0].addr))
    expect("output", node["Checks"][1]["Output"], "all is well")
    expect("catalog", there.catalog.services()[1].get("db"), ["main"])
    expect("in the catalog", [s["ServiceID"] for s in there.catalog.service("db")[1]], ["db-1"])
    expect("own services", sorted(here.agent.services()), ["db-1"])
    expect("nodes", sorted(n["Node"] for n in there.catalog.nodes()[1]), ["h1", "h2", "h3"])
    expect("members", sorted(m["Name"] for m in there.agent.members()), ["h1", "h2", "h3"])
    expect("a node", list(there.catalog.node("h1")[1]["Services"]), ["db-1"])
    expect("its checks", [c["Status"] for c in there.health.node("h1")[1]], ["passing", "passing"])
    expect("self", there.agent.self()["Config"]["NodeName"], "h2")
    expect("leader", there.status.leader(), "%s:%d" % (cluster.peers[1].addr, PORT))
    expect("peers", len(there.status.peers()), 3)
    here.agent.check.ttl_warn("service:db-1", "slow")
    wait("warning", lambda: [n["Checks"][1]["Status"] for n in there.health.service("db")[1]] == ["warning"], 10)
    here.agent.check.ttl_fail("service:db-1", "disk full")
    wait("kith sees it too", lambda: json.loads(cluster.peers[2].kith("-o", "json", "endpoints", "db")) == [], 10)
    expect("deregistered", here.agent.service.deregister("db-1"), True)
    wait("gone elsewhere", lambda: there.health.service("db")[1] == [] and "db" not in there.catalog.services()[1], 10)


def a_ttl_that_passes_makes_it_critical_and_then_gone(cluster):
    """Not renewed it is critical, and deregistered after the time that was asked for."""
    peer, there = cluster.peers[0], consul_of(cluster.peers[1])
    body = {"Name": "job", "Port": 1, "Check": {"TTL": "1s", "Status": "passing", "DeregisterCriticalServiceAfter": "2s"}}
    expect("registered", curl("-X", "PUT", "-d", json.dumps(body), url(peer, "/v1/agent/service/register"))[0], 200)
    wait("passing", lambda: passing(there, "job") == ["job"], 10)
    wait("critical", lambda: [n["Checks"][1]["Output"] for n in there.health.service("job")[1]] == ["TTL expired"], 10)
    wait("gone", lambda: there.health.service("job")[1] == [], 10)


class Wait(threading.Thread):
    """A blocking query of python3-consul, and when it ended."""

    def __init__(self, peer, name, index, span="30s"):
        super().__init__()
        self.client, self.name_, self.index, self.span = consul_of(peer), name, index, span
        self.ended = self.answer = None
        self.start()

    def run(self):
        self.answer = self.client.health.service(self.name_, index=self.index, wait=self.span)
        self.ended = time.monotonic()


def blocking_queries_wake_for_their_own_service_only(cluster):
    """A change on one peer wakes who waits for it on another, and never who waits for something else."""
    here, there = consul_of(cluster.peers[0]), consul_of(cluster.peers[1])
    for name in ("hot", "cold"):
        here.agent.service.register(name, port=1)
    wait("both are known", lambda: passing(there, "hot") and passing(there, "cold"), 10)
    cold = Wait(cluster.peers[1], "cold", there.health.service("cold")[0])
    took = []
    for i in range(WAKES):
        index, _ = there.health.service("hot")
        hot = Wait(cluster.peers[1], "hot", index)
        wait("it waits", lambda: metric(cluster.peers[1], "kith_http_waiting") == 2, 10)
        begun = time.monotonic()
        here.agent.service.register("hot", port=2 + i)
        hot.join(30)
        if not hot.ended or hot.answer[1][0]["Service"]["Port"] != 2 + i or hot.answer[0] <= index:
            raise Failed("change %d woke nobody, or with an old answer" % i)
        took.append(hot.ended - begun)
    if cold.ended:
        raise Failed("who waits for another service was woken")
    here.agent.service.register("cold", port=9)
    cold.join(10)
    expect("the other wakes for its own", cold.answer[1][0]["Service"]["Port"], 9)
    print("from before the change on one peer to the answer on another, ms: median %.1f, longest %.1f, n %d" %
          (statistics.median(took) * 1e3, max(took) * 1e3, len(took)))
    if statistics.median(took) > WOKEN_S:
        raise Failed("a wake takes %.2f s" % statistics.median(took))
    index, _ = there.health.service("hot")
    begun = time.monotonic()
    same, _ = there.health.service("hot", index=index, wait="1s")
    if same != index or time.monotonic() - begun < 0.9:
        raise Failed("nothing changed, and the query did not wait")


def clients_that_vanish_give_their_descriptors_back(cluster):
    """Two hundred requests wait, and their clients go without a word: their descriptors are back within 5 s."""
    peer = cluster.peers[2]
    _, headers = get(peer, "/v1/health/service/ghost")
    before = descriptors(peer)
    line = "GET /v1/health/service/ghost?index=%s&wait=10m HTTP/1.1\r\nHost: x\r\n\r\n" % headers["X-Consul-Index"]
    clients = []
    for _ in range(PARKED):
        clients.append(socket.create_connection((peer.addr, PORT), 20))
        clients[-1].sendall(line.encode())
    wait("all wait", lambda: metric(peer, "kith_http_waiting") == PARKED, 20)
    for i, client in enumerate(clients):
        if i % 2:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset
        client.close()
    few = PARKED // 10  # peers open some among themselves meanwhile
    wait("descriptors are back", lambda: descriptors(peer) <= before + few and metric(peer, "kith_http_waiting") == 0, GONE_S)


class Dripper(threading.Thread):
    """A client that sends one byte of its request a second, for ever; and how long it was let."""

    def __init__(self, peer):
        super().__init__(daemon=True)
        self.socket = socket.create_connection((peer.addr, PORT), 20)
        self.begun, self.took = time.monotonic(), None
        self.start()

    def run(self):
        try:
            while time.monotonic() < self.begun + 3 * READ_S:
                self.socket.sendall(b"G" if time.monotonic() < self.begun + 1 else b"a")
                if select.select([self.socket], [], [], 1)[0] and not self.socket.recv(100):
                    break
        except OSError:
            pass
        self.took = time.monotonic() - self.begun


# ---- Prometheus ----

def metrics_are_as_prometheus_wants_them(cluster):
    """promtool check metrics has nothing to say."""
    text = urllib.request.urlopen(url(cluster.peers[0], "/metrics"), timeout=20).read()
    done = subprocess.run([program(["prometheus"], "usr/bin/promtool"), "check", "metrics"], input=text, capture_output=True, check=False)
    if done.returncode != 0 or done.stderr or done.stdout:
        raise Failed((done.stderr + done.stdout).decode())


def metrics_are_those_of_the_documentation(cluster):
    """What /metrics shows stands in docs/metrics.md, or comes by its rule from docs/info.md; and the reverse."""
    text = urllib.request.urlopen(url(cluster.peers[0], "/metrics"), timeout=20).read().decode()
    shown_here = set(re.findall(r"^# TYPE (\S+)", text, re.M))
    with open(os.path.join(DOCS, "metrics.md"), encoding="utf-8") as f:
        named = set(re.findall(r"`((?:kith|process)_[a-z_]*[a-z])`", "".join(line for line in f if line.startswith("| `"))))
    with open(os.path.join(DOCS, "info.md"), encoding="utf-8") as f:
        lines = [line for line in f if line.startswith("| `")]
    by_rule = set()
    for line in lines:
        for name in re.findall(r"`([^`]+)`", line.split(" | ")[0]):
            family = "kith_" + name.replace(".L.", "_").replace(".", "_")
            for ending in ("", "_total"):
                by_rule.add((family[:-3] + "_seconds" if family.endswith("_us") else family) + ending)
    expect("not documented", sorted(shown_here - named - by_rule), [])
    expect("documented, and not there", sorted(named - shown_here), [])
    if len(named) < 30 or len(shown_here & by_rule) < 80:
        raise Failed("the pages were not read: %d and %d names" % (len(named), len(shown_here & by_rule)))


def what_deploy_shows_exists(cluster):
    """Each metric that the dashboard and the alert rules name is one of this peer's, and Prometheus understands each expression."""
    text = urllib.request.urlopen(url(cluster.peers[0], "/metrics"), timeout=20).read().decode()
    there = set(re.findall(r"^([a-z0-9_]+)[{ ]", text, re.M))
    rules = os.path.join(DEPLOY, "prometheus", "kith-alerts.yml")
    with open(os.path.join(DEPLOY, "grafana", "kith.json"), encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    shown = [t["expr"] for p in panels for t in p.get("targets", [])]
    with open(rules, encoding="utf-8") as file:
        named = re.findall(r"\b(?:kith|process)_[a-z0-9_]+", file.read() + " ".join(shown))
    if len(shown) < 20 or len(named) < len(shown):
        raise Failed("the dashboard or the rules were not read: %d expressions, %d names" % (len(shown), len(named)))
    expect("metrics that are not there", sorted(set(named) - there), [])
    as_rules = os.path.join(cluster.folder, "shown.yml")
    with open(as_rules, "w", encoding="utf-8") as file:
        json.dump({"groups": [{"name": "shown", "rules": [
            {"record": "shown:%d" % n, "expr": e} for n, e in enumerate(shown)]}]}, file)
    done = subprocess.run([program(["prometheus"], "usr/bin/promtool"), "check", "rules", rules, as_rules], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(done.stdout + done.stderr)


def alerts_fire_and_clear(_):
    """promtool test rules: what test/cluster/alerts.yml says of the alert rules."""
    rules = os.path.join(os.path.dirname(os.path.abspath(__file__)), "alerts.yml")
    done = subprocess.run([program(["prometheus"], "usr/bin/promtool"), "test", "rules", rules], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(done.stdout + done.stderr)


class Prometheus(Foreign):
    """Prometheus of Debian, which finds the targets of the service web through a peer."""

    def __init__(self, cluster, peer):
        folder = os.path.join(cluster.folder, "prometheus")
        self.listen = "%s:19090" % peer.addr
        os.makedirs(folder)
        path = os.path.join(folder, "prometheus.yml")
        with open(path, "w") as f:
            conf = shown("prometheus.md", "global: {scrape_interval: 1s, scrape_timeout: 900ms}", "http_sd_configs")
            f.write(conf.replace("127.0.0.1", peer.addr))
        super().__init__(cluster, "prometheus", [
            program(["prometheus"], "usr/bin/prometheus"), "--config.file", path, "--storage.tsdb.path", os.path.join(folder, "data"),
            "--web.listen-address", self.listen], unprivileged=False)

    def targets(self):
        """How many there are, by the node that they were found on."""
        count = {}
        for target in scraped(self.listen):
            node = target["discoveredLabels"]["__meta_kith_node"]
            count[node] = count.get(node, 0) + 1
        return count


def prometheus_follows_what_comes_and_goes(cluster):
    """Prometheus (http_sd_configs: Debian builds it without those for Consul) finds 50 instances; those of a silenced host go within 10 s, and come back with it.

    Meanwhile a client that drips its request is cut off.
    """
    program(["prometheus"], "usr/bin/prometheus")
    here, silenced = cluster.peers[0], cluster.peers[2]
    dripper = Dripper(here)
    share = {"h1": INSTANCES // 2, "h3": INSTANCES - INSTANCES // 2}
    for peer in (here, silenced):
        client = consul_of(peer)
        for i in range(share[peer.name]):
            client.agent.service.register("web", "web-%s-%d" % (peer.name, i), address=here.addr, port=20000 + 100 * peer.number + i)
    with Prometheus(cluster, here) as prometheus:
        wait("all targets", lambda: prometheus.targets() == share, 60)
        silenced.signal(signal.SIGSTOP)
        begun = time.monotonic()
        try:
            wait("endpoints are gone on every peer",
                 lambda: all({n["Node"]["Node"] for n in get(p, "/v1/health/service/web")[0]} == {"h1"}
                             for p in cluster.peers[:2]), SILENCED_S + LATE_S)
            gone = time.monotonic() - begun
            wait("targets are gone", lambda: "h3" not in prometheus.targets(), TARGET_S)
            print("silenced host: gone from every living peer's answers after %.2f s, from Prometheus after %.2f s" %
                  (gone, time.monotonic() - begun))
        finally:
            silenced.signal(signal.SIGCONT)
        wait("all targets are back", lambda: prometheus.targets() == share, 60)
    dripper.join(READ_S + 20)
    if not dripper.took or not READ_S - 1 < dripper.took < READ_S + 10:
        raise Failed("a client that drips its request was let for %s s" % dripper.took)


# ---- rights, and the end ----

def changes_need_the_token_of_the_peer():
    """With keys: reads are open, a change needs the token that lies in the data folder, and is durable."""
    with Cluster(1, net="127.8.2") as cluster:
        six = has_ipv6()
        peer = cluster.peers[0].start("--http", "127.8.2.1:5486", *(("--http", "[::1]:15486") if six else ()))
        cluster.wait_alive(60)
        body = ["-X", "PUT", "-d", '{"Name":"db","Port":1}', url(peer, "/v1/agent/service/register")]
        wait("reads are open", lambda: curl(url(peer, "/v1/catalog/nodes"))[0] == 200, 20)
        if six:
            expect("by IPv6", curl("http://[::1]:15486/v1/agent/self")[0], 200)
        expect("no token", curl(*body)[0], 403)
        expect("a wrong one", curl("-H", "X-Consul-Token: nonsense", *body)[0], 403)
        path = os.path.join(peer.data, "http.token")
        expect("its mode", os.stat(path).st_mode & 0o777, 0o600)
        with open(path) as f:
            token = f.read().strip()
        expect("as Consul's clients send it", curl("-H", "X-Consul-Token: " + token, *body)[0], 200)
        expect("as a bearer token", curl("-H", "Authorization: Bearer " + token, *body)[0], 200)
        peer.kill()
        peer.start()
        wait("it is still registered", lambda: len(get(peer, "/v1/health/service/db")[0]) == 1, 30)
        peer.signal(signal.SIGTERM)
        expect("the daemon's end", peer.wait_end(20), 0)


def who_waits_is_answered_when_the_peer_ends(cluster):
    """A peer that stops answers those who wait with what there is, and ends at once."""
    peer = cluster.peers[1]
    _, headers = get(peer, "/v1/health/service/ghost")
    path = "/v1/health/service/ghost?index=%s&wait=5m" % headers["X-Consul-Index"]
    answers = []
    asking = threading.Thread(target=lambda: answers.append(curl(url(peer, path))))
    asking.start()
    wait("it waits", lambda: metric(peer, "kith_http_waiting") == 1, 20)
    peer.signal(signal.SIGTERM)
    expect("the daemon's end", peer.wait_end(20), 0)
    asking.join(20)
    expect("its answer", (answers[0][0], answers[0][2]), (200, "[]"))


def main():
    with Cluster(3, net="127.8.1", secure=False) as cluster:
        cluster.start("--insecure")
        cluster.wait_alive(60)
        wait("HTTP", lambda: all(len(get(p, "/api/v1/members")[0]) == 3 for p in cluster.peers), 20)
        return story(*on(
            cluster,
            requests_are_answered_or_refused_with_words,
            a_connection_serves_many_requests,
            python_registers_and_every_peer_finds_it,
            a_ttl_that_passes_makes_it_critical_and_then_gone,
            blocking_queries_wake_for_their_own_service_only,
            clients_that_vanish_give_their_descriptors_back,
            metrics_are_as_prometheus_wants_them,
            metrics_are_those_of_the_documentation,
            what_deploy_shows_exists,
            alerts_fire_and_clear,
            prometheus_follows_what_comes_and_goes,
            who_waits_is_answered_when_the_peer_ends,
        ), changes_need_the_token_of_the_peer)


if __name__ == "__main__":
    sys.exit(main())
