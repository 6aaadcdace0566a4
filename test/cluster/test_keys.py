#!/usr/bin/python3
"""Keys, locks and sessions of real daemons, by Consul's HTTP API: python3-consul and curl."""
import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, expect, on, story, wait  # noqa: E402
from web import consul_of, curl, get, put, url  # noqa: E402

RACERS = 6
RACE_S = 4
VALUE_MAX = 65536


def value_at(client, key):
    found = client.kv.get(key)[1]
    return found["Value"] if found else None


# ---- keys ----

def what_is_put_is_found_at_once_and_everywhere(cluster):
    """python3-consul puts, gets, lists and deletes; the peer that took a change shows it at once."""
    here, there = consul_of(cluster.peers[0]), consul_of(cluster.peers[1])
    for i in range(50):
        expect("put", here.kv.put("app/n", str(i), flags=i), True)
        found = here.kv.get("app/n")[1]
        expect("read here", (found["Value"], found["Flags"]), (str(i).encode(), i))
    wait("there", lambda: value_at(there, "app/n") == b"49", 10)
    here.kv.put("app/dir/a", b"\x00\xff")
    here.kv.put("app/dir/b", None)
    wait("all there", lambda: len(there.kv.get("app/", recurse=True)[1] or []) == 3, 10)
    expect("bytes", value_at(there, "app/dir/a"), b"\x00\xff")
    expect("names", there.kv.get("app/", keys=True)[1], ["app/dir/a", "app/dir/b", "app/n"])
    expect("folded", there.kv.get("app/", keys=True, separator="/")[1], ["app/dir/", "app/n"])
    expect("raw", curl(url(cluster.peers[1], "/v1/kv/app/n?raw"))[2], "49")
    expect("delete", there.kv.delete("app/", recurse=True), True)
    expect("gone here", there.kv.get("app/", recurse=True)[1], None)
    wait("gone there", lambda: value_at(here, "app/n") is None, 10)


def what_is_too_much_is_refused(cluster):
    """Values and names have bounds, and what is no request is told so."""
    peer = cluster.peers[0]
    largest = os.path.join(cluster.folder, "value")
    for size, wanted in ((VALUE_MAX, 200), (VALUE_MAX + 1, 413)):
        with open(largest, "wb") as f:
            f.write(b"x" * size)
        expect("%d bytes" % size, put(peer, "/v1/kv/large", "@" + largest)[0], wanted)
    expect("read back", len(curl(url(peer, "/v1/kv/large?raw"))[2]), VALUE_MAX)
    expect("name", put(peer, "/v1/kv/" + "k" * 256)[0], 400)
    expect("no name", put(peer, "/v1/kv/")[0], 400)
    expect("two conditions", put(peer, "/v1/kv/a?cas=0&acquire=x")[0], 400)
    expect("no session", put(peer, "/v1/kv/a?acquire=00000000-0000-0000-0000-000000000001")[0], 500)
    expect("nothing there", curl(url(peer, "/v1/kv/nothing"))[0], 404)
    expect("deleted", curl("-X", "DELETE", url(peer, "/v1/kv/large"))[2], "true")


class Wait(threading.Thread):
    """A blocking query on keys, and when it ended."""

    def __init__(self, peer, key, index, **options):
        super().__init__()
        self.client, self.key, self.index, self.options = consul_of(peer), key, index, options
        self.ended = self.answer = None
        self.start()

    def run(self):
        self.answer = self.client.kv.get(self.key, index=self.index, wait="30s", **self.options)
        self.ended = time.monotonic()


def who_waits_is_woken_by_his_own_key(cluster):
    """A key, a tree and a list of names each wake for their own change, put at another peer."""
    here, there = consul_of(cluster.peers[0]), consul_of(cluster.peers[1])
    here.kv.put("w/a", "1")
    here.kv.put("other", "1")
    wait("both are there", lambda: value_at(there, "w/a") and value_at(there, "other"), 10)
    peer = cluster.peers[1]
    key = Wait(peer, "w/a", there.kv.get("w/a")[0])
    tree = Wait(peer, "w/", there.kv.get("w/", recurse=True)[0], recurse=True)
    names = Wait(peer, "w/", there.kv.get("w/", keys=True)[0], keys=True)
    missing = Wait(peer, "none", there.kv.get("none")[0])
    here.kv.put("other", "2")
    wait("the other is there", lambda: value_at(there, "other") == b"2", 10)
    expect("nobody woke", [w.ended for w in (key, tree, names, missing)], [None] * 4)
    here.kv.put("w/a", "2")
    key.join(10), tree.join(10)
    expect("woken", (key.answer[1]["Value"], tree.answer[1][0]["Value"]), (b"2", b"2"))
    expect("the list is the same", names.ended, None)
    here.kv.put("w/b", "1")
    here.kv.put("none", "1")
    names.join(10), missing.join(10)
    expect("names", names.answer[1], ["w/a", "w/b"])
    expect("what was not there", missing.answer[1]["Value"], b"1")


# ---- conditions ----

def one_of_two_wins(cluster):
    """cas by python3-consul at two peers: once true, once false, on the index that both saw."""
    here, there = consul_of(cluster.peers[0]), consul_of(cluster.peers[1])
    expect("created", here.kv.put("c", "1", cas=0), True)
    expect("not again", there.kv.put("c", "2", cas=0), False)
    index = here.kv.get("c")[1]["ModifyIndex"]
    wait("the same index", lambda: there.kv.get("c")[1]["ModifyIndex"] == index, 10)
    expect("one", there.kv.put("c", "2", cas=index), True)
    expect("who asked has it", value_at(there, "c"), b"2")
    expect("the other", here.kv.put("c", "3", cas=index), False)
    expect("not deleted", here.kv.delete("c", cas=index), False)
    expect("consistent", get(cluster.peers[2], "/v1/kv/c?consistent")[0][0]["Value"], "Mg==")


class Racer(threading.Thread):
    """Counts a key up by cas, until the time is over."""

    def __init__(self, peer, until):
        super().__init__()
        self.client, self.until = consul_of(peer), until
        self.won = self.lost = 0
        self.start()

    def run(self):
        while time.monotonic() < self.until:
            found = self.client.kv.get("race")[1]
            index, value = (found["ModifyIndex"], int(found["Value"])) if found else (0, 0)
            if self.client.kv.put("race", str(value + 1), cas=index):
                self.won += 1
            else:
                self.lost += 1


def nobody_counts_twice(cluster):
    """Clients at all peers race by cas: the key is at as many as were told that they won."""
    until = time.monotonic() + RACE_S
    racers = [Racer(cluster.peers[i % 3], until) for i in range(RACERS)]
    for r in racers:
        r.join()
    won = sum(r.won for r in racers)
    print("%d clients at 3 peers, %d s: %d won, %d lost" % (RACERS, RACE_S, won, sum(r.lost for r in racers)))
    if won == 0:
        raise Failed("nobody won")
    wait("every peer has them all", lambda: {value_at(consul_of(p), "race") for p in cluster.peers} == {b"%d" % won}, 20)


def locks_go_with_their_session(cluster):
    """A session takes a lock that another waits for; destroyed, or not renewed, it loses it, and LockDelay is kept."""
    here, there = consul_of(cluster.peers[0]), consul_of(cluster.peers[1])
    one = here.session.create("one", behavior="release", lock_delay=1)
    other = there.session.create("other", lock_delay=0)
    expect("locked", here.kv.put("lock", "one", acquire=one), True)
    expect("not both", there.kv.put("lock", "other", acquire=other), False)
    expect("whose", there.kv.get("lock")[1].get("Session"), one)
    expect("given back", here.kv.put("lock", "free", release=one), True)
    expect("taken", there.kv.put("lock", "other", acquire=other), True)
    wait("seen here", lambda: here.kv.get("lock")[1].get("Session") == other, 10)
    expect("listed", sorted(s["Name"] for s in there.session.list()[1]), ["one", "other"])
    expect("of its node", [s["ID"] for s in there.session.node("h2")[1]], [other])
    expect("info", there.session.info(one)[1]["LockDelay"], 1000000000)
    expect("renewed elsewhere", here.session.renew(other)["ID"], other)
    expect("destroyed", there.session.destroy(other), True)
    wait("free", lambda: "Session" not in here.kv.get("lock")[1], 10)
    expect("at once, without a delay", here.kv.put("lock", "one", acquire=one), True)
    expect("destroyed", here.session.destroy(one), True)
    wait("free", lambda: "Session" not in here.kv.get("lock")[1], 10)
    late = there.session.create("late")
    expect("not before its delay", there.kv.put("lock", "late", acquire=late), False)
    wait("after it", lambda: there.kv.put("lock", "late", acquire=late), 10)
    status, _, body = curl("-X", "PUT", "-d", '{"TTL": "1s", "Behavior": "delete", "LockDelay": "0s"}',
                           url(cluster.peers[0], "/v1/session/create"))
    short = json.loads(body)["ID"]
    expect("short", (status, here.kv.put("short", "x", acquire=short)), (200, True))
    wait("ended, and its key with it", lambda: here.kv.get("short")[1] is None, 10)
    expect("no more", here.session.info(short)[1], None)


def a_transaction_is_done_whole(cluster):
    """curl: several keys at once, all or none."""
    peer = cluster.peers[0]

    def txn(*ops):
        status, _, body = curl("-X", "PUT", "-d", json.dumps([{"KV": op} for op in ops]), url(peer, "/v1/txn"))
        return status, json.loads(body)
    status, answer = txn({"Verb": "check-not-exists", "Key": "t/a"}, {"Verb": "set", "Key": "t/a", "Value": "b25l"},
                         {"Verb": "set", "Key": "t/b", "Value": "dHdv"}, {"Verb": "get-tree", "Key": "t/"})
    expect("done", (status, answer["Errors"]), (200, None))
    expect("results", [r["KV"]["Key"] for r in answer["Results"]], ["t/a", "t/b", "t/a", "t/b"])
    expect("read", curl(url(peer, "/v1/kv/t/b?raw"))[2], "two")
    status, answer = txn({"Verb": "delete-tree", "Key": "t/"}, {"Verb": "get", "Key": "not/there"})
    expect("refused", (status, answer["Errors"][0]["OpIndex"]), (409, 1))
    expect("nothing was deleted", curl(url(peer, "/v1/kv/t/a?raw"))[2], "one")
    expect("no list", curl("-X", "PUT", "-d", "{}", url(peer, "/v1/txn"))[0], 400)


# ---- without a majority ----

def alone_a_peer_refuses(cluster):
    """Two of three die: the third takes plain writes, and refuses what is conditional with the reason; then they are back."""
    peer = cluster.peers[0]
    for p in cluster.peers[1:]:
        p.kill()
    wait("they are known to be dead", lambda: [m["state"] for m in get(peer, "/api/v1/members")[0]].count("dead") == 2, 20)
    status, body = put(peer, "/v1/kv/alone?cas=0", "1")
    expect("status", status, 500)
    if "1 of 3 known members" not in body:
        raise Failed("the reason: %r" % body)
    expect("nothing was written", curl(url(peer, "/v1/kv/alone"))[0], 404)
    expect("a plain write", put(peer, "/v1/kv/alone", "1"), (200, "true"))
    for p in cluster.peers[1:]:
        p.start("--insecure")
    wait("again", lambda: put(peer, "/v1/kv/again?cas=0", "1") == (200, "true") or None, 30)


def main():
    with Cluster(3, net="127.8.3", secure=False) as cluster:
        cluster.start("--insecure")
        cluster.wait_alive(60)
        wait("HTTP", lambda: all(len(get(p, "/api/v1/members")[0]) == 3 for p in cluster.peers), 20)
        return story(*on(
            cluster,
            what_is_put_is_found_at_once_and_everywhere,
            what_is_too_much_is_refused,
            who_waits_is_woken_by_his_own_key,
            one_of_two_wins,
            nobody_counts_twice,
            locks_go_with_their_session,
            a_transaction_is_done_whole,
            alone_a_peer_refuses,
        ))


if __name__ == "__main__":
    sys.exit(main())
