#!/usr/bin/python3
"""Kith's own HTTP API beside the command line: the same verbs, the same answers; and what HTTP has beside them."""
import concurrent.futures
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, Skipped, expect, on, story, wait  # noqa: E402
from web import PORT, metric  # noqa: E402
from websocket import CLOSE, PING, PONG, TEXT, WebSocket  # noqa: E402

try:
    import jsonschema
    import yaml
except ImportError:
    jsonschema = None  # answers are not held against the document then

DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/openapi.yaml")
API = "/api/v1"
UNTIL_S = 30  # until a stream tells what it is to tell
WEB = """
service: web
count: 3
ports: {http: auto}
run: {exec: [/bin/sh, -c, "echo started; exec sleep 1000"]}
tags: [v1]
meta: {version: "7"}
---
service: db
run: {exec: [/bin/sleep, "1000"]}
check: {exec: [/bin/true]}
wants: [web]
"""
MOVING = {"rtt_ms", "rtt_estimate_ms", "load", "uptime_ms", "counters", "topics", "load_age_ms", "latency_ms"}


class Document:
    """docs/openapi.yaml: what each answer is held against, and what was asked at all."""

    def __init__(self):
        self.asked = set()
        if jsonschema:
            with open(DOCUMENT, encoding="utf-8") as f:
                self.says = yaml.safe_load(f)
            self.resolver = jsonschema.RefResolver("", self.says)

    def operation(self, method, path):
        """Its name and what is said of it; the path with the fewest parameters that fits."""
        found = [p for p, item in self.says["paths"].items() if method.lower() in item and
                 re.fullmatch(re.sub(r"\{topic\}", ".+", re.sub(r"\{(?!topic)\w+\}", "[^/]+", p)), path.split("?")[0])]
        if not found:
            raise Failed("%s: says nothing of %s %s" % (DOCUMENT, method, path))
        best = min(found, key=lambda p: p.count("{"))
        return "%s %s" % (method, best), self.says["paths"][best][method.lower()]

    def check(self, method, path, status, headers, body):
        """Holds one answer against the document."""
        if not jsonschema:
            return
        name, operation = self.operation(method, path)
        self.asked.add(name)
        answer = operation["responses"].get(str(status)) or operation["responses"]["default"]
        if "$ref" in answer:
            answer = self.resolver.resolve(answer["$ref"])[1]
        for header in answer.get("headers", {}):
            if header not in headers:
                raise Failed("%s: no header %s" % (name, header))
        if "content" not in answer:
            return expect("%s: a body" % name, body, "")
        media = answer["content"].get(headers.get_content_type())
        if not media:
            raise Failed("%s: an answer of type %s" % (name, headers.get_content_type()))
        if headers.get_content_type() != "application/json" or "fields=" in path:
            return None
        try:
            jsonschema.Draft202012Validator(media["schema"], resolver=self.resolver).validate(body)
        except jsonschema.ValidationError as e:
            raise Failed("%s %d: %s at %s" % (name, status, e.message, list(e.absolute_path))) from e
        return None

    def check_schema(self, name, value):
        if jsonschema:
            jsonschema.Draft202012Validator({"$ref": "#/components/schemas/" + name}, resolver=self.resolver).validate(value)

    def unasked(self):
        """What nobody has tried."""
        return {"%s %s" % (m.upper(), p) for p, item in self.says["paths"].items() for m in item if m != "parameters"} - self.asked


document = Document()


class Stream:
    """Server-sent events of one request."""

    def __init__(self, peer, path, last=None):
        request = urllib.request.Request("http://%s:%d%s%s" % (peer.addr, PORT, API, path), headers={"Last-Event-ID": last} if last else {})
        self.answer = urllib.request.urlopen(request, timeout=20)
        self.last = last
        self.schema = "StreamData"
        document.check("GET", path, self.answer.status, self.answer.headers, "")

    def next(self):
        """Name and data of the next event; None: it has ended."""
        event = {}
        while True:
            try:
                line = self.answer.readline().decode()
            except OSError as e:
                raise Failed("no event: %s" % e) from e
            if not line:
                return None
            if line == ":\n":
                raise Failed("nothing but a comment came")
            if line == "\n" and event:
                break
            if ": " in line:
                name, _, value = line.rstrip("\n").partition(": ")
                event[name] = value
        self.last = event.get("id", self.last)
        data = json.loads(event["data"])
        document.check_schema(self.schema, data)
        return event["event"], data

    def until(self, name, good=lambda data: True):
        end = time.monotonic() + UNTIL_S
        while True:
            if time.monotonic() > end:
                raise Failed("no %s in %d s" % (name, UNTIL_S))
            event = self.next()
            if not event:
                raise Failed("the stream ended before %s" % name)
            if event[0] == name and good(event[1]):
                return event[1]


class Socket(WebSocket):
    """A stream by WebSocket; its messages are as docs/openapi.yaml says."""

    def __init__(self, peer, path, *headers, schema="StreamData"):
        self.schema = schema
        super().__init__(socket.create_connection((peer.addr, PORT), 20), API + path, *headers)

    def next(self):
        """Name and data of the next message; the code and reason of the close."""
        opcode, payload = self.frame()
        if opcode == CLOSE:
            return int.from_bytes(payload[:2], "big"), payload[2:].decode()
        message = json.loads(payload)
        document.check_schema(self.schema, message["data"])
        return message["event"], message["data"]

    def until(self, name, good=lambda data: True):
        end = time.monotonic() + UNTIL_S
        while True:
            if time.monotonic() > end:
                raise Failed("no %s in %d s" % (name, UNTIL_S))
            event, data = self.next()
            if event == name and good(data):
                return data


def call(peer, method, path, body=None, headers=None):
    """Status, headers and body (as JSON where it is some) of one request; as docs/openapi.yaml says."""
    status, answered, value = ask(peer, method, path, body, headers)
    document.check(method, path, status, answered, value)
    return status, answered, value


def ask(peer, method, path, body, headers):
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request("http://%s:%d%s%s" % (peer.addr, PORT, API, path), data, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, read(answer)
    except urllib.error.HTTPError as e:
        return e.code, e.headers, read(e)
    except OSError as e:
        raise Failed("%s %s: %s" % (method, path, e)) from e


def read(answer):
    text = answer.read()
    return json.loads(text) if text and answer.headers.get_content_type() == "application/json" else text.decode()


def get(peer, path, **headers):
    status, _, body = call(peer, "GET", path, headers=headers)
    if status != 200:
        raise Failed("GET %s: %d %s" % (path, status, body))
    return body


def still(value):
    """Without what is another at each moment."""
    if isinstance(value, list):
        return [still(v) for v in value]
    if isinstance(value, dict):
        return {k: still(v) for k, v in value.items() if k not in MOVING}
    return value


def by_name(items):
    return {i["name"]: i for i in items}


# ---- the same as kith ----

def a_service_file_is_applied_by_put(cluster):
    """PUT of a service file starts it; its ULID given again does nothing more; errors have lines."""
    peer = cluster.peers[0]
    ulid = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    status, _, answer = call(peer, "POST", "/validate", WEB)
    expect("validated", (status, answer), (200, {"services": ["web", "db"]}))
    for _ in range(2):
        status, _, answer = call(peer, "PUT", "/services?ack=majority&id=" + ulid, WEB)
        expect("applied", (status, answer["command"]), (202, ulid))
    expect("once", [c["id"] for c in get(peer, "/commands") if c["kind"] == "apply"], [ulid])
    cluster.wait_healthy(60)
    status, _, answer = call(peer, "PUT", "/services", "service: x\nrun: 3\n")
    expect("refused", status, 400)
    if "body:2:" not in answer["error"]["text"]:
        raise Failed("no line: %s" % answer)


def reads_are_what_kith_prints(cluster):
    """Each verb that looks has the same answer over HTTP as `kith -o json`, on another peer."""
    peer = cluster.peers[1]
    first = peer.ask("instances")[0]
    command = peer.ask("commands")[0]["id"]
    for path, verb in (("/info", ["info"]), ("/instances", ["instances"]), ("/instances?service=web&all", ["instances", "web", "--all"]),
                       ("/instances/" + first["id"], None), ("/graph", ["graph"]),
                       ("/commands", ["commands"]), ("/commands/" + command, ["commands", command]),
                       ("/why/" + first["id"], ["why", first["id"]]), ("/conflicts", ["conflicts"])):
        wanted = peer.ask(*verb) if verb else first
        expect(path, still(get(peer, path)), still(wanted))
    expect("graph as DOT", get(peer, "/graph?dot"), peer.kith("graph", "--dot"))
    shown = by_name(get(peer, "/services"))
    for service in peer.ask("services"):
        expect("service", {k: shown[service["name"]].get(k) for k in service}, service)
        one, wanted = get(peer, "/services/" + service["name"]), peer.ask("service", service["name"])
        expect("one service", {k: one.get(k) for k in wanted}, wanted)
    members = by_name(peer.ask("members"))
    for member in get(peer, "/members"):
        wanted = members[member["name"]]
        expect("member", member, {**{k: wanted.get(k) for k in member}, "addr": wanted["addr"].rsplit(":", 1)[0]})
    expect("one member", still(get(peer, "/members/h3")), still(members["h3"]))
    expect("not found", call(peer, "GET", "/members/h9")[0], 404)
    expect("round trips", sorted(r["to_name"] for r in get(peer, "/members/h2/rtt")), ["h1", "h3"])
    endpoints = [e["instance"] for e in get(peer, "/services/web/endpoints?passing")]
    expect("endpoints", sorted(endpoints), sorted(e["instance"] for e in peer.ask("endpoints", "web")))
    if get(peer, "/metrics").keys() != peer.ask("info")["counters"].keys():
        raise Failed("the counters are others")
    expect("events", [e["what"] for e in get(peer, "/events?limit=3")], [e["what"] for e in peer.ask("events", "--limit", "3")])


def logs_come_from_wherever_they_are(cluster):
    """Any peer shows what an instance on another host printed."""
    for instance in cluster.peers[0].ask("instances", "web"):
        log = get(cluster.peers[0], "/instances/%s/logs" % instance["id"])
        expect("its log", (log["instance"], log["text"]), (instance["id"], "started\n"))
        expect("raw", get(cluster.peers[2], "/instances/%s/logs?raw&tail=3" % instance["id"]), "ed\n")


def checks_are_run_at_once(cluster):
    """A check of an instance, and those of a service, are run from any peer; what has none says so."""
    instance = cluster.peers[0].ask("instances", "db")[0]["id"]
    for peer in cluster.peers:
        status, _, answer = call(peer, "POST", "/instances/%s/check" % instance)
        expect("its check", (status, answer["instance"], answer["ok"], answer["output"]), (200, instance, True, "exit status 0"))
        expect("by the service", [c["instance"] for c in call(peer, "POST", "/services/db/check")[2]], [instance])
        status, _, answer = call(peer, "POST", "/services/web/check")
        expect("no check", (status, answer["error"]["code"]), (409, "rejected"))
    expect("no service", call(peer, "POST", "/services/none/check")[0], 404)


def changes_are_those_of_kith(cluster):
    """Scale, stop, start, restart, submit and remove; each is a command in the history."""
    peer = cluster.peers[2]

    def web():
        return by_name(peer.ask("services"))["web"]

    expect("scaled", call(peer, "POST", "/services/web/scale", {"count": 2})[0], 202)
    wait("2 instances", lambda: web()["healthy"] == 2, 30)
    expect("no such service", call(peer, "POST", "/services/none/scale", {"count": 2})[0], 404)
    expect("stopped", call(peer, "POST", "/services/web/stop", {"cascade": True})[0], 202)
    wait("none", lambda: web()["running"] == 0, 30)
    expect("started", call(peer, "POST", "/services/web/start")[0], 202)
    wait("2 again", lambda: web()["healthy"] == 2, 30)
    expect("restarted", call(peer, "POST", "/services/web/restart?ack=all")[0], 202)
    expect("submitted", call(peer, "POST", "/commands", {"kind": "scale", "service": "web", "count": 1})[0], 202)
    wait("1 instance", lambda: web()["healthy"] == 1 and web()["running"] == 1, 30)
    expect("removed", call(peer, "DELETE", "/services/db")[0], 202)
    wait("gone", lambda: "db" not in by_name(peer.ask("services")), 30)
    kinds = [c["kind"] for c in get(cluster.peers[0], "/commands")]
    for kind in ("scale", "stop", "start", "restart", "rm"):
        if kind not in kinds:
            raise Failed("no command %s in %s" % (kind, kinds))
    expect("undo of nothing", call(peer, "POST", "/conflicts/0123456789abcdef/undo")[0], 404)


def endpoints_are_registered_and_report(cluster):
    """A registration by name is found on every peer, reports its health, and ends."""
    here, there = cluster.peers[:2]
    body = {"service": "mail", "addr": "10.9.9.9", "ports": {"smtp": 25}, "tags": ["main"], "ttl_ms": 60000, "keep": True}
    status, _, answer = call(here, "PUT", "/registrations/mail-1", body)
    expect("registered", (status, answer["name"]), (200, "mail-1"))
    wait("it is found elsewhere", lambda: call(there, "GET", "/services/mail/endpoints")[0] == 200, 10)
    one = get(there, "/services/mail")
    expect("registered only", {k: v for k, v in one.items() if k != "index"}, {
        "name": "mail", "registered": 1, "endpoints": 1, "failing": 0, "tags": []})  # those of its own
    expect("as in the list", by_name(get(there, "/services"))["mail"], one)
    expect("as kith tells", there.ask("service", "mail")["registered"], 1)
    found = get(there, "/services/mail/endpoints")[0]
    expect("endpoint", (found["addr"], found["port"], found["tags"], found["registration"]), ("10.9.9.9", 25, ["main"], "mail-1"))
    expect("listed", by_name(get(there, "/services"))["mail"]["endpoints"], 1)
    expect("reported", call(here, "PUT", "/registrations/mail-1/health", {"health": "critical", "output": "full"})[0], 200)
    wait("failing", lambda: by_name(get(there, "/services"))["mail"]["failing"] == 1, 10)
    expect("ended", call(here, "DELETE", "/registrations/mail-1")[0], 200)
    expect("ended twice", call(here, "DELETE", "/registrations/mail-1")[0], 404)
    wait("gone", lambda: "mail" not in by_name(get(there, "/services")), 10)


def messages_are_published(cluster):
    """POST to a topic reaches `kith subscribe` on another peer."""
    reader = subprocess.Popen([cluster.program("kith"), "-a", cluster.peers[1].socket, "-o", "json", "--timeout", "20s", "subscribe",
                               "--count", "1", "news.#"], stdout=subprocess.PIPE, text=True)
    wait("it is taken", lambda: call(cluster.peers[0], "POST", "/topics/news/today", "a word")[2]["peers"] == 1, 15)
    out, _ = reader.communicate(timeout=30)
    expect("message", json.loads(out.splitlines()[0])["payload"], "a word")


def a_backup_is_written(cluster):
    """POST of a path writes the registry there."""
    path = os.path.join(cluster.folder, "copy")
    status, _, answer = call(cluster.peers[0], "POST", "/backup", {"path": path})
    expect("backup", (status, answer["bytes"]), (200, os.path.getsize(path)))


def lists_are_filtered_and_paged(cluster):
    """Parts of a list: by state, labels, zone and version, in pages, and some of its members."""
    peer = cluster.peers[0]
    call(peer, "POST", "/services/web/scale", {"count": 3})
    wait("3 instances", lambda: len(get(peer, "/instances?service=web&state=running")) == 3, 30)
    expect("of this version", len(get(peer, "/instances?version=7&state=running")), 3)
    expect("of none", get(peer, "/instances?version=8"), [])
    expect("by tag", [s["name"] for s in get(peer, "/services?label=v1")], ["web"])
    expect("in a zone", [m["name"] for m in get(peer, "/members?zone=eu")], ["h1"])
    here = [m["id"] for m in get(peer, "/members") if m["name"] == "h1"]
    expect("endpoints in a zone", {e["node"] for e in get(peer, "/services/web/endpoints?zone=eu")}, set(here))
    seen, cursor = [], ""
    while True:
        status, headers, part = call(peer, "GET", "/instances?all&limit=2&fields=id" + cursor)
        expect("a page", (status, [list(i) for i in part]), (200, [["id"]] * len(part)))
        seen += [i["id"] for i in part]
        if "X-Kith-Cursor" not in headers:
            break
        expect("its size", len(part), 2)
        cursor = "&cursor=" + headers["X-Kith-Cursor"]
    expect("all pages", seen, sorted(i["id"] for i in get(peer, "/instances?all")))
    newest = get(peer, "/commands?limit=2")
    expect("the newest", newest, get(peer, "/commands")[:2])


def settled(peer, path):
    """The headers of an answer that has stayed the same for a while."""
    def look():
        first = call(peer, "GET", path)[1]
        later = call(peer, "GET", "%s?wait=700ms&index=%s" % (path, first["X-Kith-Index"]))[1]
        return later if later["ETag"] == first["ETag"] else None
    return wait("%s stays as it is" % path, look, 30)


def what_is_known_is_not_sent_again(cluster):
    """If-None-Match is answered with 304 until something has changed; index and wait tell when it does."""
    here, there, leaver = cluster.peers
    counts = itertools.cycle(("2", "3"))
    for path in ("/members", "/services/web/endpoints", "/services/web", "/graph", "/commands"):
        headers = settled(there, path)
        expect("known " + path, call(there, "GET", path, headers={"If-None-Match": headers["ETag"]})[0], 304)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(call, there, "GET", "%s?wait=30s&index=%s" % (path, headers["X-Kith-Index"]))
            if path == "/members":
                leaver.kill()
                leaver.start("--insecure")
            else:
                here.kith("scale", "web", next(counts))
            status, later, _ = waiting.result(60)
            expect("changed " + path, (status, later["ETag"] != headers["ETag"]), (200, True))
    cluster.wait_alive(60)


def a_command_is_waited_for(cluster):
    """With `wait` the answer about a command comes when it is over."""
    peer = cluster.peers[0]
    command = call(peer, "POST", "/services/web/scale", {"count": 1})[2]["command"]
    expect("over", call(peer, "GET", "/commands/%s?wait=30s" % command)[2]["state"], "done")


def changes_are_streamed_and_resumed(cluster):
    """Server-sent events tell all, then what changes; who comes again hears what he missed, and only of what he follows."""
    here, there = cluster.peers[:2]
    stream, quiet = Stream(there, "/changes"), Stream(there, "/changes?service=nobody&after=now")
    expect("begin", stream.next()[0], "begin")
    expect("members", len(stream.next()[1]["members"]), 3)
    stream.until("whole")
    for n in (1, 2):
        call(here, "PUT", "/registrations/s-1", {"service": "streamed", "ports": {"a": n}})
        stream.until("service", lambda d, n=n: d["service"] == "streamed" and [e["port"] for e in d["endpoints"]] == [n])
    stream.answer.close()
    call(here, "PUT", "/registrations/s-1", {"service": "streamed", "ports": {"a": 3}})
    call(here, "DELETE", "/registrations/s-1")
    wait("it has gone", lambda: call(there, "GET", "/services/streamed/endpoints")[0] == 404, 10)
    again = Stream(there, "/changes", last=stream.last)
    expect("what was missed", again.until("service", lambda d: d["service"] == "streamed")["endpoints"], [])
    call(here, "PUT", "/registrations/n-1", {"service": "nobody"})
    expect("its own", quiet.next()[1]["service"], "nobody")
    call(here, "DELETE", "/registrations/n-1")
    last = Stream(cluster.peers[2], "/changes?after=now&members")
    cluster.peers[2].signal(signal.SIGTERM)
    expect("the end", last.until("end")["text"], "this peer is stopping: ask another one")
    expect("nothing more", last.next(), None)
    cluster.peers[2].wait_end(20)
    cluster.peers[2].start("--insecure")
    cluster.wait_alive(60)


def changes_come_over_websocket(cluster):
    """The same by WebSocket: messages, pings, the client's close, the peer's reason; no page of another site opens one."""
    here, there = cluster.peers[:2]
    ws = Socket(there, "/changes?service=socketed")
    expect("RFC 6455's own example", (ws.status, ws.headers["Sec-WebSocket-Accept"]), (101, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
    expect("begin", ws.next()[0], "begin")
    expect("not there yet", ws.next()[1]["endpoints"], [])
    expect("whole", ws.next()[0], "whole")
    for n in (1, 2):
        call(here, "PUT", "/registrations/w-1", {"service": "socketed", "ports": {"a": n}})
        ws.until("service", lambda d, n=n: [e["port"] for e in d["endpoints"]] == [n])
    ws.send(PING, b"there?")
    expect("pong", ws.control(PONG), b"there?")
    big = [{"service": "socketed", "name": "w-%d" % n, "ports": {"a": n}, "tags": ["t" * 100]} for n in range(2, 502)]
    call(here, "POST", "/registrations", big)
    ws.until("service", lambda d: len(d["endpoints"]) == 501)
    ws.send(CLOSE, b"\x03\xe8")
    expect("close", ws.control(CLOSE), b"\x03\xe8")
    expect("and the end", ws.frame(), None)
    before = metric(there, "kith_http_connections")
    socks = [Socket(there, "/changes?after=now") for _ in range(20)]
    wait("they are there", lambda: metric(there, "kith_http_connections") >= before + 20, 10)
    for s in socks:
        s.close()
    wait("those that vanish give their connections back", lambda: metric(there, "kith_http_connections") <= before + 1, 10)
    expect("another version", Socket(there, "/changes", "Sec-WebSocket-Version: 8").status, 400)
    expect("a page of another site", Socket(there, "/changes", "Sec-WebSocket-Version: 13", "Origin: http://evil.example").status, 403)
    expect("no stream", Socket(there, "/members").status, 200)
    rude = Socket(there, "/changes?after=now")
    rude.connection.sendall(b"\x81\x05hello")  # without a mask
    expect("no frame", int.from_bytes(rude.control(CLOSE)[:2], "big"), 1002)
    last = Socket(cluster.peers[2], "/changes?after=now")
    cluster.peers[2].signal(signal.SIGTERM)
    expect("the end", last.until("end"), {"text": "this peer is stopping: ask another one"})
    expect("its close", last.next()[0], 1001)
    cluster.peers[2].wait_end(20)
    cluster.peers[2].start("--insecure")
    cluster.wait_alive(60)


def frames_of_a_websocket_come_in_pieces(cluster):
    """A client's frames byte by byte, many at once, and messages in several of them: each is answered, and the stream goes on."""
    here, there = cluster.peers[:2]
    ws = Socket(there, "/changes?service=pieces&after=now")
    for byte in ws.packed(PING, b"slowly"):
        ws.connection.sendall(bytes([byte]))
        get(there, "/members?limit=1")  # so it was read before the next one
    expect("byte by byte", ws.control(PONG), b"slowly")
    ws.connection.sendall(b"".join(ws.packed(PING, b"%d" % n) for n in range(10)) + ws.packed(TEXT, b"x" * 200) + ws.packed(PING, b"")[:3])
    expect("many at once", [ws.control(PONG) for _ in range(10)], [b"%d" % n for n in range(10)])
    ws.connection.sendall(ws.packed(PING, b"")[3:])
    expect("the rest", ws.control(PONG), b"")
    ws.send(TEXT, b"begun", last=False)
    ws.send(PING, b"between")
    expect("between them", ws.control(PONG), b"between")
    ws.send(0, b"more", last=False)
    call(here, "PUT", "/registrations/p-1", {"service": "pieces", "ports": {"a": 1}})
    ws.until("service", lambda d: [e["port"] for e in d["endpoints"]] == [1])
    ws.send(0, b"ended")
    ws.send(PING, b"behind")
    expect("behind them", ws.control(PONG), b"behind")
    ws.send(0, b"of nothing")
    expect("more of a message that is none", int.from_bytes(ws.control(CLOSE)[:2], "big"), 1002)


def messages_are_streamed(cluster):
    """Subscribers by server-sent events and by WebSocket hear what matches their patterns, published at another peer."""
    here, there = cluster.peers[:2]
    stream, ws = Stream(there, "/messages?pattern=deploy.%23"), Socket(there, "/messages?pattern=deploy.*.web&pattern=x", schema="MessageData")
    stream.schema = "MessageData"
    wait("both are known", lambda: call(here, "POST", "/topics/deploy/eu/web", "first")[2]["peers"] == 1, 15)
    for one in (stream, ws):
        one.until("message", lambda d: d["payload"] == "first" and d["topic"] == "deploy/eu/web")
    here.kith("publish", "deploy.eu.db", "second")
    here.kith("publish", "deploy.us.web", "third")
    expect("the second", stream.until("message", lambda d: d["payload"] == "second")["origin_name"], "h1")
    ws.until("message", lambda d: d["payload"] == "third")
    for n in range(3000):  # three windows of the peer
        if n % 250 == 0:
            subprocess.run([cluster.program("kith"), "-a", here.socket, "publish", "--lines", "deploy.x"], check=True, text=True,
                           input="".join("%d\n" % k for k in range(n, n + 250)))
    seen = [stream.until("message", lambda d: d["topic"] == "deploy.x")["payload"] for _ in range(3000)]
    expect("all of them", sorted(map(int, seen)), list(range(3000)))
    expect("no pattern", call(there, "GET", "/messages")[0], 400)


def what_goes_on_is_waited_for(cluster):
    """Events and logs are followed from where they were read last."""
    peer = cluster.peers[0]
    last = get(peer, "/events")[-1]["position"]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(get, peer, "/events?wait=30s&after=%d" % last)
        call(peer, "POST", "/services/web/restart")
        later = waiting.result(40)
    if not later or later[0]["position"] <= last:
        raise Failed("events after %d: %s" % (last, later))
    cluster.wait_healthy(60, services=["web"])
    one = peer.ask("instances", "web")[0]["id"]
    log = wait("it says something", lambda: get(peer, "/instances/%s/logs" % one), 10)
    expect("no more of it", get(peer, "/instances/%s/logs?wait=300ms&offset=%d" % (one, log["next"]))["text"], "")


def many_are_registered_at_once(cluster):
    """A list is registered as one: all of it, or with the reason none."""
    here, there = cluster.peers[:2]
    many = [{"service": "bulk", "name": "bulk-%d" % n, "addr": "10.8.0.%d" % (n % 250), "ports": {"a": n}} for n in range(1, 501)]
    status, _, answer = call(here, "POST", "/registrations?ack=all", many)
    expect("registered", (status, len(answer)), (200, 500))
    wait("all are found", lambda: len(get(there, "/services/bulk/endpoints")) == 500, 20)
    status, _, answer = call(here, "POST", "/registrations", [{"service": "ghost"}, {"service": "ghost", "name": "g", "ttl_ms": 1}])
    expect("refused", status, 400)
    expect("none of them", call(here, "GET", "/services/ghost/endpoints")[0], 404)


def the_rest_of_the_document_was_asked(cluster):
    """Every operation that docs/openapi.yaml has was asked here."""
    if not jsonschema:
        raise Skipped("no python3-jsonschema and python3-yaml: scripts/setup test installs them")
    peer = cluster.peers[0]
    expect("targets", call(peer, "GET", "/prometheus?service=web")[0], 200)
    expect("joined", call(peer, "POST", "/join", {"addr": "127.8.7.1"})[0], 200)
    expect("all stopped", call(peer, "POST", "/stop", {"daemons": False})[0], 202)
    expect("not asked", document.unasked(), {"DELETE /members/{node}", "POST /leave"})


def hosts_leave_and_are_forgotten(cluster):
    """Leave ends the daemon; a dead member is forgotten, one that lives is not."""
    first, second, third = cluster.peers
    expect("left", call(third, "POST", "/leave")[0], 200)
    expect("its daemon's end", third.wait_end(30), 0)
    second.kill_host()
    wait("it is dead", lambda: by_name(get(first, "/members"))["h2"]["state"] == "dead", 30)
    expect("alive", call(first, "DELETE", "/members/h1")[0], 409)
    expect("forgotten", call(first, "DELETE", "/members/h2")[0], 202)
    wait("gone", lambda: "h2" not in by_name(get(first, "/members")), 20)


def main():
    with Cluster(3, net="127.8.7", secure=False) as cluster:
        for peer in cluster.peers:
            peer.start("--insecure", *(["--tag", "zone=eu"] if peer.number == 1 else []))
        cluster.wait_alive(60)
        wait("HTTP", lambda: all(len(get(p, "/members")) == 3 for p in cluster.peers), 20)
        return story(*on(
            cluster,
            a_service_file_is_applied_by_put,
            reads_are_what_kith_prints,
            logs_come_from_wherever_they_are,
            checks_are_run_at_once,
            changes_are_those_of_kith,
            endpoints_are_registered_and_report,
            messages_are_published,
            lists_are_filtered_and_paged,
            what_is_known_is_not_sent_again,
            a_command_is_waited_for,
            many_are_registered_at_once,
            changes_are_streamed_and_resumed,
            changes_come_over_websocket,
            frames_of_a_websocket_come_in_pieces,
            messages_are_streamed,
            what_goes_on_is_waited_for,
            a_backup_is_written,
            the_rest_of_the_document_was_asked,
            hosts_leave_and_are_forgotten,
        ))


if __name__ == "__main__":
    sys.exit(main())
