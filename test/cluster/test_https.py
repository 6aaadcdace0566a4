#!/usr/bin/python3
"""HTTP and streams of a real daemon by TLS, its access log, and the age of its answers."""
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, expect, on, story, wait  # noqa: E402
from web import curl, get, has_ipv6, metric, put, url  # noqa: E402
from websocket import CLOSE, PING, PONG, TEXT, WebSocket  # noqa: E402

NET = "127.8.14"
TLS_PORT = 5496
OLD_MS = 2000
WEBSOCKETS = 10000 // 16  # at most
LINE = re.compile(r'^(\S+) - (\S+) \[[^]]+\] "(\S+) (\S+) HTTP/1\.1" (\d+) (\d+) \d+\.\d{6}$')


def certificate(cluster, name):
    """Makes a key and a certificate that signs itself, in place of those that were there."""
    done = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
         "/CN=" + name, "-addext", "subjectAltName=IP:%s,IP:::1" % cluster.peers[0].addr, "-keyout", path(cluster, "key"), "-out",
         path(cluster, "pem")], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed("openssl: %s" % done.stderr)


def path(cluster, name):
    return os.path.join(cluster.folder, "http." + name)


def secure(cluster, where):
    return "https://%s:%d%s" % (cluster.peers[0].addr, TLS_PORT, where)


def served(cluster):
    """Whom the daemon's certificate names."""
    done = subprocess.run(["openssl", "s_client", "-connect", "%s:%d" % (cluster.peers[0].addr, TLS_PORT)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=20, check=False)
    found = re.search(r"subject=CN = (\S+)", done.stdout)
    return found and found.group(1)


def lines(cluster, name="log"):
    """The access log's, taken apart."""
    with open(path(cluster, name), encoding="utf-8") as f:
        found = [LINE.match(line) for line in f.read().splitlines()]
    if not all(found):
        raise Failed("a line of the access log is none")
    return [match.groups() for match in found]


def tls_shows_the_given_certificate(cluster):
    """curl --cacert is answered by TLS 1.3 and 1.2, whoever does not trust the certificate is not, and older versions are refused."""
    peer, words = cluster.peers[0], ["--cacert", path(cluster, "pem")]
    for version in ("--tlsv1.3", "--tls-max=1.2"):
        status, headers, body = curl(*words, *version.split("="), secure(cluster, "/api/v1/members"))
        expect("members by TLS", (status, '"name":"h1"' in body), (200, True))
        if not 0 < int(headers["x-kith-age-ms"]) <= OLD_MS:
            raise Failed("the answer is %s ms old" % headers["x-kith-age-ms"])
    expect("plain, beside it", curl(url(peer, "/api/v1/members"))[0], 200)
    for why, bad in (("does not trust it", []), ("speaks TLS 1.1", [*words, "--tls-max", "1.1"])):
        done = subprocess.run(["curl", "-s", "-m", "20", *bad, secure(cluster, "/v1/status/leader")], capture_output=True, check=False)
        if done.returncode == 0:
            raise Failed("who %s is answered" % why)
    if has_ipv6():
        expect("by IPv6", curl(*words, "https://[::1]:%d/v1/agent/self" % (TLS_PORT + 10000))[0], 200)


def changes_and_waiting_work_by_tls(cluster):
    """A registration needs the token by TLS too; a request that waits is woken."""
    peer, words = cluster.peers[0], ["--cacert", path(cluster, "pem")]
    body = ["-X", "PUT", "-d", '{"Name":"db","Port":1}', secure(cluster, "/v1/agent/service/register")]
    expect("no token", curl(*words, *body)[0], 403)
    with open(os.path.join(peer.data, "http.token"), encoding="utf-8") as f:
        token = f.read().strip()
    _, headers, _ = curl(*words, secure(cluster, "/v1/health/service/db"))
    question = "/v1/health/service/db?index=%s&wait=30s" % headers["x-consul-index"]
    with subprocess.Popen(["curl", "-s", *words, secure(cluster, question)], stdout=subprocess.PIPE, text=True) as asking:
        expect("with the token", curl(*words, "-H", "X-Consul-Token: " + token, *body)[0], 200)
        answer = asking.communicate(timeout=20)[0]
    if '"Service":"db"' not in answer:
        raise Failed("who waited was answered with %r" % answer)


def trust(cluster):
    return ssl.create_default_context(cafile=path(cluster, "pem"))


class Events:
    """Server-sent events by TLS."""

    def __init__(self, cluster, where):
        self.answer = urllib.request.urlopen(secure(cluster, where), timeout=20, context=trust(cluster))

    def next(self):
        """Name and data; None: the stream has ended."""
        event = {}
        while not event or line != "\n":
            line = self.answer.readline().decode()
            if not line:
                return None
            name, _, value = line.rstrip("\n").partition(": ")
            if value:
                event[name] = value
        return event["event"], json.loads(event["data"])

    def close(self):
        self.answer.close()


class Messages(WebSocket):
    """The same by WebSocket."""

    def __init__(self, cluster, where, behind=b""):
        plain = socket.create_connection((cluster.peers[0].addr, TLS_PORT), 20)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or its request waits for the handshake's acknowledgement, 40 ms
        super().__init__(trust(cluster).wrap_socket(plain, server_hostname=cluster.peers[0].addr), where, behind=behind)

    def next(self):
        opcode, payload = self.frame()
        if opcode == CLOSE:
            return int.from_bytes(payload[:2], "big"), payload[2:].decode()
        message = json.loads(payload)
        return message["event"], message["data"]


def until(stream, good):
    """The next event that is good."""
    while True:
        event = stream.next()
        if not event or event[0] == "end":
            raise Failed("the stream has ended: %s" % (event,))
        if good(*event):
            return event


def registered(cluster, service, count):
    """So many endpoints of a service, of 300 B each, at once."""
    with open(os.path.join(cluster.peers[0].data, "http.token"), encoding="utf-8") as f:
        token = f.read().strip()
    body = [{"service": service, "name": "%s-%d" % (service, n), "ports": {"a": n + 1}, "tags": ["t" * 100]} for n in range(count)]
    request = urllib.request.Request(url(cluster.peers[0], "/api/v1/registrations"), json.dumps(body).encode(),
                                     {"Authorization": "Bearer " + token})
    with urllib.request.urlopen(request, timeout=20) as answer:
        expect("registered", answer.status, 200)


def descriptors(cluster):
    return len(os.listdir("/proc/%d/fd" % cluster.peers[0].pid))


def streams_come_by_tls(cluster, kind, service):
    """What is there, a change, one of 300 KB; and those that vanish give their descriptors back."""
    stream = kind(cluster, "/api/v1/changes?service=" + service)
    expect("all there is", [stream.next()[0] for _ in range(3)], ["begin", "service", "whole"])
    registered(cluster, service, 1)
    until(stream, lambda name, data: name == "service" and len(data["endpoints"]) == 1)
    registered(cluster, service, 1000)
    until(stream, lambda name, data: name == "service" and len(data["endpoints"]) == 1000)
    again = kind(cluster, "/api/v1/changes?service=" + service)
    expect("large from the begin", [len(again.next()[1].get("endpoints", [])) for _ in range(3)], [0, 1000, 0])
    again.close()
    stream.close()
    wait("they have gone", lambda: metric(cluster.peers[0], "kith_http_waiting") == 0, 10)
    files = descriptors(cluster)
    crowd = [kind(cluster, "/api/v1/changes?after=now&service=" + service) for _ in range(30)]
    wait("they wait", lambda: metric(cluster.peers[0], "kith_http_waiting") == 30, 10)
    for one in crowd:
        one.close()
    wait("descriptors are back", lambda: descriptors(cluster) <= files, 10)
    expect("waiting", metric(cluster.peers[0], "kith_http_waiting"), 0)


def events_come_by_tls(cluster):
    """Server-sent events by TLS: what is there, a change, a large one; who vanishes is noticed."""
    streams_come_by_tls(cluster, Events, "events")


def websockets_come_by_tls(cluster):
    """The same by WebSocket; its client's frames, the first one right behind the request; its close."""
    streams_come_by_tls(cluster, Messages, "sockets")
    ws = Messages(cluster, "/api/v1/changes?after=now", behind=WebSocket.packed(PING, b"early"))
    expect("a WebSocket", ws.status, 101)
    expect("behind the request", ws.control(PONG), b"early")
    ws.connection.sendall(b"".join(ws.packed(PING, b"%d" % n) for n in range(1000)))
    expect("many", [ws.control(PONG) for _ in range(1000)], [b"%d" % n for n in range(1000)])
    ws.send(TEXT, b"x" * 3000)
    ws.send(CLOSE, b"\x03\xe8")
    expect("close", ws.control(CLOSE), b"\x03\xe8")
    expect("and the end", ws.frame(), None)


def websockets_by_tls_are_bounded(cluster):
    """Each has three descriptors: beyond a sixteenth of all connections they are refused, until some have gone."""
    crowd = []
    while len(crowd) <= WEBSOCKETS and (not crowd or crowd[-1].status == 101):
        crowd.append(Messages(cluster, "/api/v1/changes?after=now"))
    expect("one too many (%d)" % len(crowd), crowd.pop().status, 429)
    expect("waiting", metric(cluster.peers[0], "kith_http_waiting"), len(crowd))
    expect("others", curl("--cacert", path(cluster, "pem"), secure(cluster, "/api/v1/members"))[0], 200)
    for one in crowd:
        one.close()
    wait("they have gone", lambda: metric(cluster.peers[0], "kith_http_waiting") == 0, 10)
    expect("again", Messages(cluster, "/api/v1/changes?after=now").status, 101)


def the_access_log_tells_of_each_request(cluster):
    """Who, what, status, bytes and time; a token as a word; and it goes on in a new file after SIGHUP."""
    peer = cluster.peers[0]
    for _ in range(3):
        _, _, body = curl(url(peer, "/v1/status/peers"))
    curl("-I", url(peer, "/v1/status/leader"))
    curl("-H", "X-Consul-Token: nonsense", url(peer, "/v1/status/leader?token=secret"))
    curl("-X", "DELETE", url(peer, "/api/v1/members"))
    wait("its lines", lambda: lines(cluster)[-1][2] == "DELETE", 10)
    found = lines(cluster)[-6:]
    expect("reads", found[:3], 3 * [("127.0.0.1", "-", "GET", "/v1/status/peers", "200", str(len(body)))])
    expect("without a body", found[3][2:], ("HEAD", "/v1/status/leader", "200", "0"))
    expect("with a token", found[4][1:5], ("token", "GET", "/v1/status/leader?token=-", "200"))
    expect("refused", found[5][2:5], ("DELETE", "/api/v1/members", "405"))
    os.rename(path(cluster, "log"), path(cluster, "log.before"))
    peer.signal(signal.SIGHUP)
    wait("a new file", lambda: os.path.exists(path(cluster, "log")), 10)
    get(peer, "/v1/status/peers")
    wait("its line", lambda: [line[3] for line in lines(cluster)] == ["/v1/status/peers"], 10)
    expect("the former one", len(lines(cluster, "log.before")) >= 6, True)


def a_renewed_certificate_is_taken(cluster):
    """After SIGHUP the new one is shown, and streams go on; one that is broken is refused, and the former one stays. Streams hear of
    the daemon's end."""
    peer = cluster.peers[0]
    expect("before", served(cluster), "first")
    streams = [kind(cluster, "/api/v1/changes?after=now") for kind in (Events, Messages)]
    certificate(cluster, "second")
    peer.signal(signal.SIGHUP)
    wait("the new one", lambda: served(cluster) == "second", 10)
    with open(path(cluster, "pem"), "w", encoding="utf-8") as f:
        f.write("nonsense\n")
    peer.signal(signal.SIGHUP)
    with open(peer.log, encoding="utf-8") as log:
        wait("a word about it", lambda: "goes on with its former certificate" in log.read(), 10)
    expect("the former one", served(cluster), "second")
    registered(cluster, "renewed", 1)
    for stream in streams:
        until(stream, lambda name, data: name == "service" and data["service"] == "renewed")
    peer.signal(signal.SIGTERM)
    for stream in streams:
        expect("the end", stream.next(), ("end", {"text": "this peer is stopping: ask another one"}))
    expect("of the events", streams[0].next(), None)
    expect("of the WebSocket", streams[1].next()[0], 1001)
    expect("the daemon's end", peer.wait_end(20), 0)


def a_missing_certificate_is_told(cluster):
    """Flags that do not fit, and files that are not there, are said before anything starts."""
    def start(*flags):
        done = subprocess.run(cluster.peers[0].command(*flags), capture_output=True, text=True, timeout=20, check=False)
        return done.returncode, done.stderr
    code, words = start("--http", "https://127.8.14.1:1")
    expect("no certificate", (code, "--http-cert" in words), (2, True))
    code, words = start("--http-cert", "/nowhere.pem", "--http-key", "/nowhere.key", "--http", "https://127.8.14.1:%d" % TLS_PORT)
    expect("no such file", (code, "/nowhere.pem" in words), (1, True))


def main():
    with Cluster(1, net=NET) as cluster:
        certificate(cluster, "first")
        peer = cluster.peers[0]
        six = ("--http", "https://[::1]:%d" % (TLS_PORT + 10000)) if has_ipv6() else ()
        peer.start("--http", "%s:5486" % peer.addr, "--http", "https://%s:%d" % (peer.addr, TLS_PORT), *six, "--http-cert",
                   path(cluster, "pem"), "--http-key", path(cluster, "key"), "--http-log", path(cluster, "log"))
        cluster.wait_alive(60)
        wait("HTTP", lambda: get(peer, "/api/v1/members"), 20)
        return story(*on(cluster, tls_shows_the_given_certificate, changes_and_waiting_work_by_tls, events_come_by_tls,
                         websockets_come_by_tls, websockets_by_tls_are_bounded, the_access_log_tells_of_each_request, a_renewed_certificate_is_taken, a_missing_certificate_is_told))


if __name__ == "__main__":
    sys.exit(main())
