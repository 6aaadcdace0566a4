"""HTTP of a real peer as the tests ask it: with urllib, with curl and with python3-consul."""
import json
import socket
import subprocess
import urllib.request

from cluster import Failed, Skipped

PORT = 5486


def url(peer, path):
    return "http://%s:%d%s" % (peer.addr, PORT, path)


def get(peer, path):
    """The answer's JSON, and its headers."""
    try:
        with urllib.request.urlopen(url(peer, path), timeout=30) as answer:
            return json.load(answer), answer.headers
    except OSError as e:
        raise Failed("%s: %s" % (url(peer, path), e)) from e


def curl(*words):
    """Status, headers (by lower-case name) and body of one request by curl."""
    done = subprocess.run(["curl", "-s", "-i", "-m", "20", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed("curl %s: exit status %d" % (" ".join(words), done.returncode))
    head, _, body = done.stdout.replace("\r", "").partition("\n\n")
    while head.startswith("HTTP/1.1 100"):
        head, _, body = body.partition("\n\n")
    lines = head.split("\n")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
    return int(lines[0].split()[1]), headers, body


def put(peer, path, value=""):
    """Status and body."""
    status, _, body = curl("-X", "PUT", "--data-binary", value, url(peer, path))
    return status, body


def metric(peer, name):
    """The value of one that has no labels."""
    try:
        with urllib.request.urlopen(url(peer, "/metrics"), timeout=20) as answer:
            text = answer.read().decode()
    except OSError as e:
        raise Failed(str(e)) from e
    for line in text.splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    raise Failed("no metric %s" % name)


def consul_of(peer):
    """A client of python3-consul."""
    try:
        import consul
    except ImportError as e:
        raise Skipped("no python3-consul: scripts/setup test installs it") from e
    return consul.Consul(host=peer.addr, port=PORT)


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False
