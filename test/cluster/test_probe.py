#!/usr/bin/python3
"""kith probe tells apart what can be wrong with an address, and where peers differ: each case with real daemons."""
import json
import os
import signal
import socket
import struct
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, story, wait  # noqa: E402


def probe(cluster, *words, status=1):
    """The report of `kith probe`, which has to end with this status."""
    done = cluster.kith("-o", "json", "probe", *words, check=False, timeout=60)
    if done.returncode != status:
        raise Failed("kith probe %s: status %d, not %d: %s%s" % (" ".join(words), done.returncode, status, done.stdout, done.stderr))
    return json.loads(done.stdout)


def expect(report, addr, result, **more):
    peer = next(p for p in report["peers"] if p["addr"] == addr)
    if peer["result"] != result:
        raise Failed("%s is called %s, not %s (%s)" % (addr, peer["result"], result, peer["why"]))
    if result != "ok" and not peer["todo"]:
        raise Failed("%s: %s, and no word of what to do" % (addr, result))
    for name, value in more.items():
        if peer[name] != value:
            raise Failed("%s: %s is %r, not %r" % (addr, name, peer[name], value))
    return peer


def peers_that_are_well():
    """Three peers: who they are, round trips, clocks, and that they see the same."""
    with Cluster(3, net="127.1.11") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        addrs = [p.addr for p in cluster.peers]
        report = probe(cluster, *addrs, status=0)
        for p in cluster.peers:
            found = expect(report, p.addr, "ok", name=p.name, proto_min=1, handshake=True, admitted=True, members_alive=3)
            if not 0 < found["rtt_p50_ms"] <= found["rtt_p99_ms"] or found["pings"] < 10:
                raise Failed("strange round trips: %s" % found)
            if found["queues"]["member"]["queued"] > 100 or found["queues"]["bulk"]["dropped_full"] != 0:
                raise Failed("strange queues of a quiet peer: %s" % found["queues"])
            if abs(found["clock_ahead_ms"]) > found["clock_error_ms"] + 1:
                raise Failed("one host, and two clocks: %s" % found)
        if report["differences"] or len({p["cluster"] for p in report["peers"]}) != 1:
            raise Failed("they differ: %s" % report)
        expect(probe(cluster, cluster.peers[1].socket, status=0), cluster.peers[1].socket, "ok")
        text = cluster.kith("probe", *addrs)
        if "round trip" not in text or "same state" not in text or "frames waiting" not in text:
            raise Failed("people are told: %s" % text)


def what_is_no_peer():
    """Nothing there, something that is no ZeroMQ, something that accepts and says nothing, no address at all."""
    with Cluster(1, net="127.1.12") as cluster, socket.socket() as server:
        server.bind(("127.1.12.7", 0))
        server.listen()
        web = "127.1.12.7:%d" % server.getsockname()[1]
        served = threading.Thread(target=serve, args=(server,), daemon=True)
        served.start()
        report = probe(cluster, "127.1.12.9", web, "127.1.12.9:1")
        expect(report, "127.1.12.9", "unreachable", reached=False)
        expect(report, web, "no-zeromq", reached=True, handshake=False)
        server.shutdown(socket.SHUT_RDWR)
        served.join(10)
        if cluster.kith("probe", "a b", check=False).returncode != 2:
            raise Failed("`kith probe 'a b'` is no usage error")
        expect(probe(cluster, os.path.join(cluster.folder, "none.sock")), os.path.join(cluster.folder, "none.sock"), "unreachable")


def serve(server):
    """Answers every connection as a web server would one that it does not understand."""
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" * 2)
            connection.settimeout(5)
            try:
                while connection.recv(4096):
                    pass
            except OSError:
                pass


class Played:
    """Something that is played instead of a daemon: listens, and talk()s to one connection after the other."""

    def __init__(self, host):
        self.server = socket.socket()
        self.server.bind((host, 0))
        self.server.listen()
        self.addr = "%s:%d" % self.server.getsockname()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            with connection:
                try:
                    self.talk(connection)
                except (OSError, struct.error):
                    pass

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()


class ForeignPeer(Played):
    """Shakes hands as ZeroMQ does without keys, and gives each frame back as a peer of protocol 7 to 9 would; or nothing."""
    PROTO_AT = 1 + 1 + 3 * 18  # in the envelope, behind the array's head, format, cluster, sender and boot

    def __init__(self, host, answers):
        self.answers = answers
        super().__init__(host)

    def talk(self, connection):
        stream = connection.makefile("rb")
        connection.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32))
        stream.read(64)
        ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", 6) + b"ROUTER"
        connection.sendall(bytes([4, len(ready)]) + ready)
        while True:
            flags, = struct.unpack("B", stream.read(1))
            size, = struct.unpack(*((">Q", stream.read(8)) if flags & 2 else ("B", stream.read(1))))
            body = stream.read(size)
            if flags & 4 or not self.answers:
                continue
            at = self.PROTO_AT
            if body[at:at + 4] != b"\x01\xcd\xff\xff":
                raise Failed("the probe does not claim all versions: %r" % body[:80])
            reply = body[:at] + b"\x07\x09" + body[at + 4:]
            connection.sendall(bytes([0, len(reply)]) + reply)


class HangsUpFirst(Played):
    """Greets with keys; of who tells another mechanism it is rid before its own is heard, as by a connection reset."""
    HEAD = b"\xff" + bytes(8) + b"\x7f\x03"

    def talk(self, connection):
        connection.sendall(self.HEAD)
        connection.settimeout(0.3)
        heard = b""
        try:
            while len(heard) <= len(self.HEAD):
                more = connection.recv(64)
                if not more:
                    return
                heard += more
        except TimeoutError:
            connection.sendall(b"\0" + b"CURVE".ljust(20, b"\0") + bytes(32))


def a_version_that_does_not_fit_and_one_that_never_answers():
    """No daemon of another version exists yet: one is played, down to the bytes."""
    with Cluster(1, net="127.1.18", secure=False) as cluster:
        newer, mute = ForeignPeer("127.1.18.7", answers=True), ForeignPeer("127.1.18.8", answers=False)
        report = probe(cluster, newer.addr, mute.addr, "--insecure", "--timeout", "2s")
        expect(report, newer.addr, "version", reached=True, handshake=True, proto_min=7, proto_max=9)
        expect(report, mute.addr, "mute", reached=True, handshake=True, proto_min=None)
        newer.close()
        mute.close()


def keys_that_do_not_fit():
    """Another cluster's key, no key, keys on one side, and a key whose token is over."""
    with Cluster(1, net="127.1.13") as cluster, tempfile.TemporaryDirectory() as folder:
        addr = cluster.start().peers[0].addr
        cluster.wait_alive(60)
        other, late = os.path.join(folder, "other"), os.path.join(folder, "late")
        cluster.kith("cluster", "init", "--dir", other)
        expect(probe(cluster, addr, "--dir", other), addr, "foreign-ring", reached=True, handshake=False)
        expect(probe(cluster, addr, "--dir", os.path.join(folder, "none")), addr, "no-key-here")
        expect(probe(cluster, addr, "--insecure"), addr, "keys-on-one-side", reached=True)

        rude = HangsUpFirst("127.1.13.7")
        expect(probe(cluster, rude.addr, "--insecure", "--timeout", "2s"), rude.addr, "keys-on-one-side", reached=True)
        rude.close()

        token = os.path.join(folder, "token")
        cluster.kith("token", "new", "--kind", "operator", "--expires", "1s", "--out", token)
        cluster.kith("key", "new", token, "--dir", late)
        expires = time.monotonic() + 1.5  # of the token's own clock: nobody tells when it is over
        wait("the token to be over", lambda: time.monotonic() > expires, 10)
        found = expect(probe(cluster, addr, "--dir", late), addr, "not-admitted", reached=True, handshake=True)
        if "over" not in found["why"] and "expired" not in found["why"]:
            raise Failed("not told that it is the token: %s" % found["why"])


def one_that_is_stopped_alone_or_not_in():
    """A stopped daemon is silent; the survivor of others says that it is alone; a host that has not joined answers."""
    with Cluster(3, net="127.1.14") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        first, second, third = cluster.peers
        second.signal(signal.SIGSTOP)
        report = probe(cluster, first.addr, second.addr, "--timeout", "2s")
        expect(report, first.addr, "ok")
        expect(report, second.addr, "silent", reached=True, handshake=False)
        second.kill()
        third.kill()
        wait("the survivor to be alone", lambda: expect(probe(cluster, first.addr, status=0), first.addr, "ok")["members_alive"] == 1, 60)
        if "it is alone" not in cluster.kith("probe", first.addr):
            raise Failed("not told that it is alone")
    with Cluster(2, net="127.1.15") as cluster:
        late = cluster.peers[1].start()  # its seed is not there
        wait("its socket", lambda: late.kith("info"), 30)
        expect(probe(cluster, late.socket, status=0), late.socket, "ok", members_alive=0)


def two_that_see_different_members():
    """Two clusters without keys that never met: each member is unknown to the other."""
    with Cluster(1, net="127.1.16", secure=False) as one, Cluster(1, net="127.1.17", secure=False) as two:
        one.start("--insecure")
        two.start("--insecure")
        one.wait_alive(60)
        two.wait_alive(60)
        a, b = one.peers[0].addr, two.peers[0].addr
        report = probe(one, a, b, "--insecure")
        expect(report, a, "ok")
        expect(report, b, "ok")
        saw = [d["saw"] for d in report["differences"] if d["what"].startswith("member h1")]
        if len(saw) != 2 or any(sorted(s.values()) != ["alive", "unknown"] for s in saw):
            raise Failed("the difference is not told: %s" % report["differences"])


if __name__ == "__main__":
    sys.exit(story(peers_that_are_well, what_is_no_peer, a_version_that_does_not_fit_and_one_that_never_answers, keys_that_do_not_fit,
                   one_that_is_stopped_alone_or_not_in, two_that_see_different_members))
