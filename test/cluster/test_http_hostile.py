#!/usr/bin/python3
"""HTTP of a real daemon against clients that are slow, silent, broken, or far too many: refused or bounded, and others are served."""
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
import procfs  # noqa: E402
from cluster import Cluster, Failed, expect, on, story, wait  # noqa: E402
from crowd import WAYS, Crowd  # noqa: E402
from web import PORT, get, metric, put, url  # noqa: E402

NET = "127.8.11"
ATTEMPTS = 100000
AT_ONCE = 11000       # more than may be connected
SERVED_S = 2          # the longest that an honest request takes meanwhile, on a machine that has other things to do
GROWN_MIB = 200       # what the daemon may have grown by: 10,000 connections of 9 KiB, and what the allocator keeps
WAITING = 3000
GONE_S = 5
IDLE_S = 30           # until who sends no whole request is sent away
LARGE = 1000          # instances in the answer that nobody takes
SLOW = 200
HEALTH = "/v1/health/service/web"


def descriptors(peer):
    return len(os.listdir("/proc/%d/fd" % peer.pid))


def connected(peer):
    return socket.create_connection((peer.addr, PORT), 20)


class Honest(threading.Thread):
    """A client that asks on a new connection, again and again, until it is told to end; how long it had to wait at most."""

    def __init__(self, peer):
        super().__init__()
        self.peer, self.ending, self.longest, self.count, self.failed = peer, threading.Event(), 0, 0, None

    def __enter__(self):
        self.start()
        return self

    def run(self):
        while not self.ending.wait(0.02):
            begun = time.monotonic()
            try:
                get(self.peer, HEALTH)
            except Failed as e:
                self.failed = e
            self.longest = max(self.longest, time.monotonic() - begun)
            self.count += 1

    def __exit__(self, kind, *_):
        self.ending.set()
        self.join()
        if kind:
            return
        print("others meanwhile: %d requests, the longest %.0f ms" % (self.count, 1e3 * self.longest))
        if self.failed or not self.count or self.longest > SERVED_S:
            raise Failed("others were not served: %d requests, the longest %.2f s, %s" % (self.count, self.longest, self.failed))


def attempt(peer, number):
    """A connection that says nothing, from one of many addresses: ports are few."""
    client = socket.socket()
    client.setblocking(False)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.bind(("127.9.%d.1" % (number % 200), 0))
    client.connect_ex((peer.addr, PORT))
    return client


def connections_that_say_nothing_keep_nobody_out(cluster):
    """100,000 connection attempts, 11,000 of them open at a time: others are served, memory is bounded, and descriptors come back."""
    peer = cluster.peers[0]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < AT_ONCE + 1000:
        raise Failed("this needs %d open files" % (AT_ONCE + 1000))
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    files, before = descriptors(peer), procfs.memory_mib(peer.pid, "Rss")
    clients = [None] * AT_ONCE
    with Honest(peer):
        for number in range(ATTEMPTS):
            place = number % AT_ONCE
            if clients[place]:
                clients[place].close()
            clients[place] = attempt(peer, number)
        grown = procfs.memory_mib(peer.pid, "Rss") - before
        print("%d attempts: grown by %.0f MiB, %d connections were turned away or closed" %
              (ATTEMPTS, grown, metric(peer, "kith_http_connections_closed_total")))
        for client in clients:
            client.close()
    if grown > GROWN_MIB:
        raise Failed("the daemon has grown by %.0f MiB" % grown)
    wait("descriptors are back", lambda: descriptors(peer) <= files + 3, GONE_S)


def register(peer, name, port):
    expect("registered", put(peer, "/v1/agent/service/register", json.dumps({"Name": name, "Port": port}))[0], 200)
    wait("%s is known" % name, lambda: [n["Service"]["Port"] for n in get(peer, "/v1/health/service/" + name)[0]] == [port], 10)


def thousands_wait_and_a_change_wakes_its_own(peer, how):
    port = 1 + 10 * WAYS.index(how)
    for name in ("hot", "cold"):
        register(peer, name, port)
    files = descriptors(peer)
    with Crowd(peer, ["hot"] + 9 * ["cold"], WAITING, how) as crowd:
        register(peer, "hot", port + 1)
        found = crowd.woken(10, WAITING // 10) + crowd.woken(0.5)
        expect("woken", [name for name, _ in found], WAITING // 10 * ["hot"])
        crowd.leave()
        wait("descriptors are back", lambda: descriptors(peer) <= files + 3, GONE_S)
        expect("waiting", metric(peer, "kith_http_waiting"), 0)


def thousands_of_queries_wait(cluster):
    """3,000 requests wait; a change wakes those who wait for it and no others, and when they vanish their descriptors are back within 5 s."""
    thousands_wait_and_a_change_wakes_its_own(cluster.peers[0], "wait")


def thousands_of_streams_wait(cluster):
    """The same of 3,000 streams of events."""
    thousands_wait_and_a_change_wakes_its_own(cluster.peers[0], "streams")


def thousands_of_sockets_wait(cluster):
    """And of 3,000 streams by WebSocket."""
    thousands_wait_and_a_change_wakes_its_own(cluster.peers[0], "sockets")


def refused(client, words):
    """Such a request is answered with an error, or its connection is closed: at once, or when nothing more comes."""
    client.settimeout(IDLE_S + 10)
    try:
        client.sendall(words)
        if not select.select([client], [], [], 1)[0]:
            client.shutdown(socket.SHUT_WR)  # it may have been no whole request
        answer = client.recv(65536)
    except TimeoutError as e:
        raise Failed("a connection stays open after %r" % words[:40]) from e
    except OSError:
        return  # it was closed meanwhile
    if answer and not answer[9:12].startswith((b"4", b"5")):
        raise Failed("%r is answered with %r" % (words[:40], answer[:60]))


MALFORMED = [
    b"\r\n" * 5000, b"\0" * 9000, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost x\r\n\r\n", b"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\3\1\2\0\1\0\1\xfc\3\3" + bytes(500),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /v1/kv/%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 100000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"".join(b"H%d: x\r\n" % i for i in range(20000)) + b"\r\n",
    b"GET /" + b"a/" * 50000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    b"PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    b"PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
]


def what_is_no_http_is_refused(cluster):
    """Malformed requests and header bombs are answered with a 4xx or closed, and others are served."""
    peer = cluster.peers[0]
    with Honest(peer):
        for words in MALFORMED:
            with connected(peer) as client:
                refused(client, words)


def large_bodies_are_cut_off(cluster):
    """100 MB with their length told, and in chunks: 413 or the connection's end; memory does not follow them."""
    peer = cluster.peers[0]
    before = procfs.memory_mib(peer.pid, "Rss")
    big = os.path.join(cluster.folder, "big")
    with open(big, "wb") as f:
        f.truncate(100 << 20)
    with Honest(peer):
        for header in ("Expect:", "Transfer-Encoding: chunked"):
            done = subprocess.run(["curl", "-s", "-m", "60", "-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT", "-T", big, "-H",
                                   header, "-H", "Expect:", url(peer, "/v1/kv/big")], capture_output=True, text=True, check=False)
            if done.stdout != "413" and done.returncode not in (55, 56):
                raise Failed("%s: status %s, exit status %d" % (header, done.stdout, done.returncode))
    if procfs.memory_mib(peer.pid, "Rss") - before > 20:
        raise Failed("the daemon has grown by %.0f MiB" % (procfs.memory_mib(peer.pid, "Rss") - before))


def who_closes_his_side_has_his_answers(cluster):
    """Clients that send what they ask, and then close their side: all is answered, and the connection ends at once."""
    peer = cluster.peers[0]
    for path in ("/metrics", "/api/v1/members", "/api/v1/info", HEALTH, HEALTH + "?index=1&wait=20s"):
        for count in (1, 3):
            with connected(peer) as client:
                get(peer, HEALTH)  # it is accepted
                peer.signal(signal.SIGSTOP)  # so that all of it is there when the daemon looks
                client.sendall(count * (b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode()))
                client.shutdown(socket.SHUT_WR)
                peer.signal(signal.SIGCONT)
                begun, answers = time.monotonic(), b""
                for part in iter(lambda: client.recv(65536), b""):
                    answers += part
                took = time.monotonic() - begun
            expect(path, answers.count(b"HTTP/1.1 200 "), count)
            if took > SERVED_S:
                raise Failed("%s: its end came after %.1f s" % (path, took))


def who_takes_no_answer_holds_up_nobody(cluster):
    """Clients that ask for large answers and take none of them: memory is bounded, and others are served."""
    peer = cluster.peers[0]
    for i in range(LARGE // 100):
        body = [{"Name": "many", "ID": "many-%d" % n, "Port": n + 1, "Meta": {"text": "x" * 400}} for n in range(100 * i, 100 * i + 100)]
        for one in body:
            expect("registered", put(peer, "/v1/agent/service/register", json.dumps(one))[0], 200)
    wait("all are known", lambda: len(get(peer, "/v1/health/service/many")[0]) == LARGE, 20)
    before, clients = procfs.memory_mib(peer.pid, "Rss"), []
    with Honest(peer):
        for _ in range(SLOW):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect((peer.addr, PORT))
            client.sendall(10 * b"GET /v1/health/service/many HTTP/1.1\r\nHost: x\r\n\r\n")
            clients.append(client)
        time.sleep(1)  # what is asked for is that nothing happens to others in a while
    grown = procfs.memory_mib(peer.pid, "Rss") - before
    print("%d clients that take no answer: grown by %.0f MiB" % (SLOW, grown))
    for client in clients:
        client.close()
    if grown > 300:
        raise Failed("the daemon has grown by %.0f MiB" % grown)


def main():
    with Cluster(1, net=NET, secure=False) as cluster:
        cluster.start("--insecure")
        cluster.wait_alive(60)
        wait("HTTP", lambda: get(cluster.peers[0], HEALTH), 20)
        return story(*on(cluster, what_is_no_http_is_refused, large_bodies_are_cut_off, who_closes_his_side_has_his_answers,
                         thousands_of_queries_wait, thousands_of_streams_wait,
                         thousands_of_sockets_wait, connections_that_say_nothing_keep_nobody_out, who_takes_no_answer_holds_up_nobody))


if __name__ == "__main__":
    sys.exit(main())
