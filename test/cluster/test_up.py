#!/usr/bin/python3
"""The main job itself: scripts/up's run succeeds, and fails when it should."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
import up  # noqa: E402
from cluster import ROOT, Cluster, Failed, story  # noqa: E402

NET = "127.6.1"


def the_main_job():
    """Start, apply, serve, kill redis's host, mend, stop: every step is seen."""
    done = subprocess.run([sys.executable, os.path.join(ROOT, "scripts/lib/up.py"), "--once", "--net", NET], capture_output=True,
                          text=True, timeout=280, check=False)
    if done.returncode != 0 or "kill to all healthy" not in done.stdout:
        raise Failed("status %d\n%s\n%s" % (done.returncode, done.stdout[-3000:], done.stderr[-3000:]))


def without_replacement_it_fails():
    """The other hosts are gone too: nobody can take redis over, and the run says so instead of passing."""
    with Cluster(3, net=NET) as cluster:
        up.start(cluster)
        victim, redis, here = up.victim_of(cluster)
        others = [p for p in cluster.peers if p is not victim]
        for peer in others[1:]:
            peer.kill_host()
        up.FAILOVER_S, before = 6, up.FAILOVER_S
        cluster.peers = [victim, others[0]]
        others[0].kith("stop", "redis", "--cascade")
        try:
            up.fail_over(cluster)
        except Failed:
            return
        finally:
            up.FAILOVER_S = before
        raise Failed("a cluster that may not replace redis was called healthy: %s %s" % (redis, here))


if __name__ == "__main__":
    sys.exit(story(the_main_job, without_replacement_it_fails))
