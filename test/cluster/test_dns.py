#!/usr/bin/python3
"""DNS of real daemons, asked by what people have: dig, kdig, HAProxy, nginx and Prometheus; and by what nobody should send."""
import functools
import http.server
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, Skipped, expect, on, story, wait  # noqa: E402
from foreign import NOBODY, Foreign, program, scraped, shown  # noqa: E402
from web import has_ipv6, metric, put  # noqa: E402

NET = "127.8.5"
PORT = 5487
ANY_PORT = 15487
SILENCED_S = 3.5  # until no peer tells of what runs on a host that was silenced, beside what this machine is late
LATE_S = 2
TARGET_S = 10     # until Prometheus has dropped its targets
STREAMS = 1500    # connections that say nothing: three times as many as a peer holds
LIMIT = 50        # answers a second of the peer that limits
WEB_PORT = 20080
UNBOUND = "127.8.5.90"

# What docs/how-to leaves to the host: to stay in the foreground, and in the folder of the test.
NGINX_OWN = "daemon off;\npid {folder}/pid;\nerror_log stderr warn;\n"
NGINX_PATHS = "".join("    %s_temp_path {folder}/%s;\n" % (word, word) for word in ("proxy", "fastcgi", "uwsgi", "scgi")) + \
    "    client_body_temp_path {folder}/body;\n"
UNBOUND_OWN = """    interface: {unbound}
    port: 5487
    access-control: 127.0.0.0/8 allow
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    module-config: "validator iterator"
"""


def run(*words):
    if not shutil.which(words[0]):
        raise Skipped("no %s: scripts/setup test installs it" % words[0])
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        raise Failed("%s: %s" % (" ".join(words), (done.stdout + done.stderr).strip()))
    return done.stdout


def dig(peer, *words):
    return run("dig", "@" + peer.addr, "-p", str(PORT), "+time=2", "+tries=2", *words)


def short(peer, *words):
    return sorted(dig(peer, "+short", *words).split("\n")[:-1])


def status(text):
    return re.search(r"status: (\w+)", text).group(1)


def flags(text):
    return re.search(r"flags: ([a-z ]*);", text).group(1).split()


def register(peer, name, address, port, number=0, **more):
    body = {"Name": name, "ID": "%s-%d" % (name, number), "Address": address, "Port": port, **more}
    expect("registered", put(peer, "/v1/agent/service/register", json.dumps(body))[0], 200)


def deregister(peer, name, number):
    expect("deregistered", put(peer, "/v1/agent/service/deregister/%s-%d" % (name, number))[0], 200)


def hex_of(address):
    return "%02x%02x%02x%02x.addr.kith." % tuple(map(int, address.split(".")))


# ---- names ----

def services_are_found_on_every_peer(cluster):
    """dig finds a service by name, tag and RFC 2782, as A, SRV and TXT, on a peer that it is not registered with."""
    register(cluster.peers[0], "db", "10.1.2.3", 5432, 1, Tags=["main"])
    register(cluster.peers[0], "db", "10.1.2.4", 5433, 2, Tags=["spare"])
    for peer in cluster.peers:
        wait("both at %s" % peer.name, lambda p=peer: short(p, "db.service.kith", "A") == ["10.1.2.3", "10.1.2.4"], 10)
    there = cluster.peers[1]
    expect("SRV", short(there, "_db._tcp.service.kith", "SRV"),
           ["1 100 5432 " + hex_of("10.1.2.3"), "1 100 5433 " + hex_of("10.1.2.4")])
    expect("by tag", short(there, "main.db.service.kith", "SRV"), ["1 100 5432 " + hex_of("10.1.2.3")])
    expect("by RFC 2782", short(there, "_db._spare.service.kith", "SRV"), ["1 100 5433 " + hex_of("10.1.2.4")])
    expect("a target", short(there, hex_of("10.1.2.4"), "A"), ["10.1.2.4"])
    text = dig(there, "DB.Service.kItH", "SRV")
    if "DB.Service.kItH.\t" not in text or "ADDITIONAL: 3" not in text or hex_of("10.1.2.3") + "\t" not in text:
        raise Failed("no letter for letter, or no addresses: " + text)
    expect("flags", flags(text), ["qr", "aa", "rd"])
    if '"tag=main"' not in dig(there, "main.db.service.kith", "TXT"):
        raise Failed("no TXT")
    text = run("kdig", "@" + there.addr, "-p", str(PORT), "+tcp", "+json", "main.db.service.kith", "SRV")
    expect("kdig by TCP", json.loads(text)["answerRRs"][0]["rdataSRV"], "1 100 5432 " + hex_of("10.1.2.3"))
    deregister(cluster.peers[0], "db", 2)
    wait("one at every peer", lambda: all(short(p, "db.service.kith", "A") == ["10.1.2.3"] for p in cluster.peers), 10)


def members_and_the_zone_are_found(cluster):
    """Members by name and address, SOA and NS, and what is not there."""
    peer = cluster.peers[0]
    wait("h3", lambda: short(peer, "h3.node.kith", "A") == [cluster.peers[2].addr], 10)
    expect("reverse", short(peer, "-x", cluster.peers[2].addr), ["h3.node.kith."])
    expect("NS", short(peer, "kith", "NS"), ["ns.kith."])
    expect("its address", short(peer, "ns.kith", "A"), [peer.addr])
    expect("SOA", short(peer, "kith", "SOA")[0].split()[:2], ["ns.kith.", "hostmaster.kith."])
    text = dig(peer, "nothing.service.kith", "A")
    expect("no such service", (status(text), "SOA" in text), ("NXDOMAIN", True))
    text = dig(peer, "db.service.kith", "AAAA")
    expect("nothing of that type", (status(text), "SOA" in text), ("NOERROR", True))
    text = dig(peer, "debian.org", "A")
    expect("elsewhere", (status(text), "ra" in flags(text)), ("REFUSED", False))
    expect("ANY", "RFC8482" in dig(peer, "+notcp", "db.service.kith", "ANY"), True)
    expect("consul is another domain", status(dig(peer, "db.service.consul", "A")), "REFUSED")
    expect("where it was asked for", short(cluster.peers[2], "db.service.consul", "A"), ["10.1.2.3"])


def answers_that_are_too_long_come_by_tcp(cluster):
    """Sixty endpoints: cut with TC by UDP, whole by TCP, to where dig goes by itself; each answer begins with another."""
    peer = cluster.peers[0]
    for i in range(60):
        register(cluster.peers[1], "many", "10.2.0.%d" % (i + 1), 80, i)
    wait("all", lambda: len(short(peer, "many.service.kith", "SRV")) == 60, 20)
    for words, least, most in ((["+noedns"], 10, 14), (["+bufsize=1232"], 28, 34)):
        text = dig(peer, "+ignore", *words, "many.service.kith", "SRV")
        count = int(re.search(r"ANSWER: (\d+)", text).group(1))
        if "tc" not in flags(text) or not least <= count <= most:
            raise Failed("%s: %d records, flags %s" % (words, count, flags(text)))
    firsts = {dig(peer, "+short", "+tcp", "many.service.kith", "SRV").split("\n")[0] for _ in range(5)}
    expect("answers that begin differently", len(firsts), 5)


def answers_leave_from_the_address_that_was_asked(cluster):
    """A socket that is bound to all addresses answers from the one that was asked: dig takes no other; by IPv6, too."""
    answered = ["127.8.5.77"] + (["::1"] if has_ipv6() else [])
    for address in answered:
        for words in ([], ["+tcp"]):
            expect(address, run("dig", "@" + address, "-p", str(ANY_PORT), "+short", "+time=2", *words, "db.service.kith", "A").split(),
                   ["10.1.2.3"])


# ---- other people's programs ----

class Web:
    """An HTTP server that tells its own name, at one address."""

    def __init__(self, address, port=WEB_PORT):
        name = "%s:%d" % (address, port)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(name)))
                self.end_headers()
                self.wfile.write(name.encode())

            def log_message(self, *_):
                pass

        self.address, self.port, self.name = address, port, name
        self.server = http.server.ThreadingHTTPServer((address, port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def written(cluster, name, text):
    """The path of a configuration of docs/how-to, with the first peer's address in place of 127.0.0.1."""
    folder = os.path.join(cluster.folder, name)
    os.makedirs(folder, exist_ok=True)
    if os.getuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    path = os.path.join(folder, "conf")
    with open(path, "w") as f:
        f.write(text.replace("127.0.0.1", cluster.peers[0].addr).replace("{folder}", folder).replace("{unbound}", UNBOUND))
    return path


def served(address, tries=12):
    """Who answers, in so many requests; raises Failed when one is not answered."""
    names = set()
    for _ in range(tries):
        try:
            with urllib.request.urlopen("http://%s/" % address, timeout=5) as answer:
                names.add(answer.read().decode())
        except OSError as e:
            raise Failed("%s: %s" % (address, e)) from e
    return names


def is_served_by(address, webs):
    def look():
        try:
            return served(address) == {w.name for w in webs}
        except Failed:
            return False
    return look


def follows(cluster, webs, address):
    """Who serves at an address follows two endpoints that come and go."""
    peer = cluster.peers[1]
    register(peer, "web", webs[0].address, webs[0].port, 0)
    wait("the first", is_served_by(address, webs[:1]), 20)
    register(peer, "web", webs[1].address, webs[1].port, 1)
    wait("both", is_served_by(address, webs[:2]), 20)
    deregister(peer, "web", 0)
    wait("the second", is_served_by(address, webs[1:2]), 20)
    deregister(peer, "web", 1)


def haproxy_follows_srv_records(cluster, webs):
    """HAProxy's server-template is filled by SRV records, and follows what comes and goes."""
    command = [program(["haproxy"], "usr/sbin/haproxy"), "-db", "-f", written(cluster, "haproxy", shown("haproxy.md", "global"))]
    with Foreign(cluster, "haproxy", command):
        follows(cluster, webs, "%s:18080" % cluster.peers[0].addr)


def nginx_follows_addresses(cluster, webs):
    """nginx's resolver finds who serves, and follows it when that changes."""
    conf = NGINX_OWN + shown("nginx.md", "events {}").replace("http {\n", "http {\n" + NGINX_PATHS)
    path = written(cluster, "nginx", conf)
    command = [program(["nginx"], "usr/sbin/nginx"), "-e", "stderr", "-c", path, "-p", os.path.dirname(path)]
    with Foreign(cluster, "nginx", command):
        follows(cluster, webs, "%s:18081" % cluster.peers[0].addr)


def targets(listen):
    """Prometheus' targets that it could scrape or not, by address."""
    return {t["discoveredLabels"]["__address__"]: t["health"] for t in scraped(listen)}


def prometheus_follows_srv_records(cluster, webs):
    """Prometheus (dns_sd_configs, SRV) scrapes what DNS tells of; a silenced host's target goes within 10 s, and comes back."""
    if os.getuid() != 0:
        raise Skipped("only root can give Prometheus a resolv.conf of its own")
    alone = ["unshare", "-m", "--propagation", "private"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode != 0:
        raise Skipped("no mount namespace of its own can be had here, as in a chroot")
    here, silenced = cluster.peers[0], cluster.peers[1]
    binary = program(["prometheus"], "usr/bin/prometheus")
    conf = shown("prometheus.md", "global: {scrape_interval: 1s, scrape_timeout: 900ms}", "dns_sd_configs")
    path = written(cluster, "prometheus", conf)
    resolv = os.path.join(os.path.dirname(path), "resolv.conf")
    with open(resolv, "w") as f:
        f.write("nameserver %s\n" % here.addr)
    listen = "%s:19091" % here.addr
    shell = "mount --bind %s /etc/resolv.conf && exec %s --config.file %s --storage.tsdb.path %s/data --web.listen-address %s" % (
        resolv, binary, path, os.path.dirname(path), listen)
    register(here, "web", webs[0].address, webs[0].port, 0)
    register(silenced, "web", webs[1].address, webs[1].port, 1)
    names = ["%s:%d" % (hex_of(w.address).rstrip("."), w.port) for w in webs[:2]]
    dotted = ["%s:%d" % (hex_of(w.address), w.port) for w in webs[:2]]

    def found():
        return sorted(a.replace(".:", ":") for a in targets(listen))

    with Foreign(cluster, "prometheus", [*alone, "sh", "-c", shell], unprivileged=False):
        wait("both targets", lambda: found() == sorted(names), 60)
        # What serves here has no metrics; that the answer cannot be read says that its name was found and it was reached.
        wait("they are scraped", lambda: "unknown" not in targets(listen).values(), 20)
        silenced.signal(signal.SIGSTOP)
        begun = time.monotonic()
        try:
            wait("it is gone from DNS", lambda: short(here, "web.service.kith", "A") == [webs[0].address], SILENCED_S + LATE_S)
            gone = time.monotonic() - begun
            wait("its target is gone", lambda: found() == names[:1], TARGET_S)
            print("silenced host: gone from DNS after %.2f s, from Prometheus after %.2f s (%s)" %
                  (gone, time.monotonic() - begun, dotted[1]))
        finally:
            silenced.signal(signal.SIGCONT)
        wait("it is back", lambda: found() == sorted(names), 60)
    deregister(here, "web", 0)
    deregister(silenced, "web", 1)


def unbound_resolves_for_a_host(cluster):
    """unbound, told of the domain as a stub zone, answers it for those who know only unbound."""
    conf = shown("resolvers.md", "server:").replace("server:\n", "server:\n" + UNBOUND_OWN)
    command = [program(["unbound"], "usr/sbin/unbound"), "-d", "-c", written(cluster, "unbound", conf)]
    with Foreign(cluster, "unbound", command):
        def asked(*words):
            return sorted(run("dig", "@" + UNBOUND, "-p", str(PORT), "+short", "+time=1", "+tries=1", *words).split())

        wait("it answers", lambda: asked("db.service.kith", "A") == ["10.1.2.3"], 20)
        expect("SRV", asked("_db._tcp.service.kith", "SRV"), sorted(("1 100 5432 " + hex_of("10.1.2.3")).split()))
        expect("a member, not a service", asked("h3.node.kith", "A"), [cluster.peers[2].addr])


# ---- limits ----

def what_is_elsewhere_is_sent_on(cluster):
    """A peer with another domain sends names of kith on to the first, by UDP and TCP; a server that is not there is passed over."""
    with Cluster(1, net="127.8.6", secure=False) as other:
        peer = other.peers[0].start("--insecure", "--dns-domain", "other", "--dns-forward", "127.8.6.99:9", "--dns-forward",
                                    "%s:%d" % (cluster.peers[0].addr, PORT))
        other.wait_alive(60)
        wait("an answer", lambda: short(peer, "db.service.kith", "A") == ["10.1.2.3"], 20)
        text = dig(peer, "+tcp", "db.service.kith", "SRV")
        expect("by TCP", ("ra" in flags(text), hex_of("10.1.2.3") in text), (True, True))
        expect("all of many", len(short(peer, "many.service.kith", "SRV")), 60)
        expect("only when wanted", status(dig(peer, "+norecurse", "db.service.kith", "A")), "REFUSED")
        expect("its own name", status(dig(peer, "db.service.other", "A")), "NXDOMAIN")
        if metric(peer, "kith_dns_forwarded_total") < 4:
            raise Failed("nothing was counted")


def one_network_gets_its_share(cluster):
    """Beyond its rate a network gets nothing, or an empty answer with TC; dig comes by TCP and has all."""
    peer = cluster.peers[2]
    question = b"\0\1\1\0\0\1\0\0\0\0\0\0\2db\7service\4kith\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((peer.addr, PORT))
        s.settimeout(0.5)
        for _ in range(10 * LIMIT):
            s.send(question)
        whole = cut = 0
        try:
            while True:
                answer = s.recv(2000)
                cut += answer[2] & 2 != 0
                whole += answer[7] > 0
        except TimeoutError:
            pass
    if not LIMIT <= whole <= 3 * LIMIT or not 3 * LIMIT <= cut <= 5 * LIMIT:
        raise Failed("%d answers, %d with TC, of %d" % (whole, cut, 10 * LIMIT))
    expect("by TCP", short(peer, "+tcp", "db.service.kith", "A"), ["10.1.2.3"])
    if metric(peer, "kith_dns_slipped_total") < cut or metric(peer, "kith_dns_limited_total") == 0:
        raise Failed("the limit is not counted")


def nonsense_holds_nobody_up(cluster):
    """Messages of all kinds of nonsense, and connections that say nothing or drip: others are answered meanwhile."""
    peer = cluster.peers[0]
    draw = random.Random(5)
    good = b"\0\1\1\0\0\1\0\0\0\0\0\1\2db\7service\4kith\0\0\1\0\1\0\0\x29\4\xd0\0\0\0\0\0\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for _ in range(5000):
            message = bytearray(good)
            for _ in range(draw.randrange(1, 8)):
                message[draw.randrange(len(message))] = draw.randrange(256)
            s.sendto(bytes(message[:draw.randrange(len(message) + 1)]), (peer.addr, PORT))
        s.sendto(draw.randbytes(60000), (peer.addr, PORT))
    expect("meanwhile", short(peer, "db.service.kith", "A"), ["10.1.2.3"])
    streams = []
    try:
        for i in range(STREAMS):
            streams.append(socket.create_connection((peer.addr, PORT), 20))
            streams[-1].sendall(b"\0\x20\0" if i % 2 else b"\xff\xff" + draw.randbytes(100))
            if i % 500 == 499:
                expect("by TCP meanwhile", short(peer, "+tcp", "db.service.kith", "A"), ["10.1.2.3"])
        if metric(peer, "kith_dns_connections") > 512:
            raise Failed("more connections than there may be")
        wait("who said nothing was closed", lambda: metric(peer, "kith_dns_connections") == 0, 30)
    finally:
        for s in streams:
            s.close()
    expect("afterwards", short(peer, "+tcp", "db.service.kith", "A"), ["10.1.2.3"])


def a_peer_that_is_cut_off_flags_its_answers(cluster):
    """With the two others silent a peer answers from what it knows, and says that it may be old; and no more when they are back."""
    peer = cluster.peers[0]
    for other in cluster.peers[1:]:
        other.signal(signal.SIGSTOP)
    try:
        wait("answers are flagged", lambda: "EDE: 3" in dig(peer, "db.service.kith", "A"), 20)
        text = dig(peer, "h1.node.kith", "A")
        expect("and given", (status(text), peer.addr in text), ("NOERROR", True))
    finally:
        for other in cluster.peers[1:]:
            other.signal(signal.SIGCONT)
    wait("not flagged any more", lambda: "EDE" not in dig(peer, "db.service.kith", "A"), 30)


def main():
    webs = []
    with Cluster(3, net=NET, secure=False) as cluster:
        root = os.getuid() == 0
        flags_of = [["--dns", NET + ".1:5487"] + (["--dns", NET + ".1:53"] if root else []),
                    ["--dns", NET + ".2:5487", "--dns", "0.0.0.0:%d" % ANY_PORT] +
                    (["--dns", "[::]:%d" % ANY_PORT] if has_ipv6() else []),
                    ["--dns-consul", "--dns-rate", str(LIMIT)]]
        for peer, more in zip(cluster.peers, flags_of):
            peer.start("--insecure", *more)
        cluster.wait_alive(60)
        wait("HTTP", lambda: all(metric(p, "kith_dns_connections") == 0 for p in cluster.peers), 20)
        webs += [Web("%s.%d" % (NET, 101 + i)) for i in range(2)]
        try:
            return story(*on(
                cluster,
                services_are_found_on_every_peer,
                members_and_the_zone_are_found,
                answers_that_are_too_long_come_by_tcp,
                answers_leave_from_the_address_that_was_asked,
                functools.partial(haproxy_follows_srv_records, webs=webs),
                functools.partial(nginx_follows_addresses, webs=webs),
                functools.partial(prometheus_follows_srv_records, webs=webs),
                unbound_resolves_for_a_host,
                what_is_elsewhere_is_sent_on,
                one_network_gets_its_share,
                nonsense_holds_nobody_up,
                a_peer_that_is_cut_off_flags_its_answers,
            ))
        finally:
            for web in webs:
                web.close()


if __name__ == "__main__":
    sys.exit(main())
