"""Many clients that wait at one peer, all in this process: of test/cluster and scripts/bench."""
import re
import resource
import select
import socket
import time

from cluster import Failed, wait
from web import PORT, get, metric

FILL_S = 60  # the longest until all wait
FULL = 65536
WAYS = ("wait", "streams", "sockets")  # of waiting
UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
PING, PONG, TEXT = b"\x89\0", b"\x8a\x80\0\0\0\0", b"\x81"  # frames of a WebSocket: two whole ones, and how a message begins


def question(path, headers=""):
    return ("GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n" % (path, headers)).encode()


def ask(client, line):
    """Sends it, and reads an answer that comes at once."""
    client.sendall(line)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += read(client)
    head, _, body = answer.partition(b"\r\n\r\n")
    wanted = int(re.search(rb"Content-Length: ([0-9]+)", head).group(1))
    while len(body) < wanted:
        body += read(client)


def read_until(client, words):
    found = b""
    while words not in found:
        found += read(client)


def read(client):
    data = client.recv(FULL)
    if not data:
        raise Failed("a client was sent away")
    return data


class Crowd:
    """`count` clients, of which each waits for a change of one of the services, in turn: by blocking queries, by
    server-sent events, or by WebSocket (WAYS). Use as a context."""

    def __init__(self, peer, services, count, how="wait"):
        self.peer, self.count, self.how = peer, count, how
        self.questions = [(service, *self.lines(service)) for service in services]
        self.clients = {}  # (service, socket) by descriptor
        self.set = None

    def lines(self, service):
        """What such a client asks first, and what it waits by."""
        path = "/v1/health/service/%s?passing" % service
        if self.how != "wait":
            return question(path), question("/api/v1/changes?service=" + service, UPGRADE if self.how == "sockets" else "")
        return question(path), question("%s&index=%s&wait=10m" % (path, get(self.peer, path)[1]["X-Consul-Index"]))

    def __enter__(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        before = metric(self.peer, "kith_http_waiting")
        self.set = select.epoll()
        for i in range(self.count):
            service, first, then = self.questions[i % len(self.questions)]
            client = socket.create_connection((self.peer.addr, PORT), 20)
            ask(client, first)  # as clients do: what is there, and then what changes
            client.sendall(then)
            if self.how != "wait":
                read_until(client, b"event: whole" if self.how == "streams" else b'"event":"whole"')
            self.clients[client.fileno()] = service, client
            self.set.register(client.fileno(), select.EPOLLIN | select.EPOLLET)
        wait("%d requests to wait" % self.count, lambda: metric(self.peer, "kith_http_waiting") == before + self.count, FILL_S)
        return self

    def waiting_for(self, service):
        return sum(name == service for name, _ in self.clients.values())

    def is_news(self, client, data):
        """Whether it tells of a change, and not only that the peer lives."""
        if self.how == "sockets" and data.startswith(PING):
            client.sendall(PONG)
            data = data[len(PING):]
        return self.how == "wait" or (b"event:" in data if self.how == "streams" else data.startswith(TEXT))

    def woken(self, seconds, enough=None):
        """Who was answered within so many seconds, or until it is enough: pairs of the service and the time."""
        found = []
        end = time.monotonic() + seconds
        while time.monotonic() < end and (enough is None or len(found) < enough):
            for descriptor, _ in self.set.poll(max(0, end - time.monotonic())):
                now = time.monotonic()
                service, client = self.clients[descriptor]
                if self.is_news(client, read(client)):
                    found.append((service, now))
        return found

    def leave(self, reset_every=2):
        """All go without a word, some of them by a reset."""
        for i, (_, client) in enumerate(self.clients.values()):
            if i % reset_every == 0:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
        self.clients = {}

    def __exit__(self, *_):
        self.leave()
        self.set.close()
