#!/usr/bin/python3
"""All that python3-consul can call, against real daemons: what works, and what is refused with words."""
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import Cluster, Failed, story, wait  # noqa: E402
from test_http import consul_of, curl, expect, get, url  # noqa: E402


class Asked(threading.Thread):
    """A call that waits, and what it returned."""

    def __init__(self, call):
        super().__init__()
        self.call, self.answer = call, None
        self.start()

    def run(self):
        self.answer = self.call()


def refused(what, call):
    """The text that python3-consul raises."""
    from consul import ConsulException
    try:
        answer = call()
    except ConsulException as e:
        return str(e)
    raise Failed("%s: %r, not refused" % (what, answer))


# ---- events ----

def events_reach_all_who_are_there(cluster):
    """What is fired at one peer is listed at all, and wakes who waits for that name and nobody else."""
    here, there = consul_of(cluster.peers[0]), consul_of(cluster.peers[1])

    def all_hear():
        here.event.fire("hello")
        return all(consul_of(p).event.list("hello")[1] for p in cluster.peers)

    wait("everybody is known to listen", all_hear, 20)  # each event is told once: who has just started may miss some
    index = int(there.event.list("deploy")[0])
    other = int(there.event.list("restart")[0])
    deploy = Asked(lambda: there.event.list("deploy", index=index, wait="30s"))
    restart = Asked(lambda: there.event.list("restart", index=other, wait="30s"))
    fired = here.event.fire("deploy", "1.2.3")
    deploy.join(10)
    expect("woken", [(e["Name"], e["Payload"], e["ID"]) for e in deploy.answer[1]], [("deploy", b"1.2.3", fired["ID"])])
    expect("nobody else", restart.answer, None)
    for peer in cluster.peers:
        wait("listed", lambda p=peer: [e["ID"] for e in consul_of(p).event.list("deploy")[1]] == [fired["ID"]], 10)
    here.event.fire("restart", "", node="^h2$")
    restart.join(10)
    expect("for h2 alone", len(restart.answer[1]), 1)
    expect("not for h1", here.event.list("restart")[1], [])
    text = refused("a regular expression", lambda: here.event.fire("restart", "", node="h[12]"))
    if "regular expressions" not in text:
        raise Failed(text)


def main():
    with Cluster(3, net="127.8.4", secure=False) as cluster:
        def on(step):
            def run():
                step(cluster)
            run.__doc__ = step.__doc__
            run.__name__ = step.__name__
            return run

        cluster.start("--insecure")
        cluster.wait_alive(60)
        wait("HTTP", lambda: all(len(get(p, "/api/v1/members")[0]) == 3 for p in cluster.peers), 20)
        return story(*map(on, (
            events_reach_all_who_are_there,
        )))


if __name__ == "__main__":
    sys.exit(main())
