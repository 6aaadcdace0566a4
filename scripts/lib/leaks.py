"""valgrind's leak check of real daemons: two that join, one of which is under valgrind, run a service and stop."""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cluster import Cluster, Failed, story, wait  # noqa: E402

SERVICE = "service: sleeper\ncount: 2\nrun: {exec: [/usr/bin/sleep, '1000']}\n"


def clean_at_the_end():
    """kithd under valgrind: nothing lost, no invalid access, after a join, a service and SIGTERM."""
    with Cluster(2, net="127.5.1") as cluster:
        first, second = cluster.peers
        wrapper = os.path.join(cluster.folder, "kithd")
        report = os.path.join(cluster.folder, "valgrind.txt")
        with open(wrapper, "w") as f:
            f.write("#!/bin/sh\nexec valgrind --leak-check=full --show-leak-kinds=definite,possible --errors-for-leak-kinds=definite "
                    "--error-exitcode=99 --log-file=%s %s \"$@\"\n" % (report, cluster.program("kithd")))
        os.chmod(wrapper, 0o755)
        second.start()
        real, cluster.program = cluster.program, lambda name: wrapper if name == "kithd" else real(name)
        first.start()
        cluster.program = real
        cluster.wait_alive(120)
        path = os.path.join(cluster.folder, "s.yaml")
        with open(path, "w") as f:
            f.write(SERVICE)
        first.kith("apply", path)
        cluster.wait_healthy(60)
        first.signal(signal.SIGTERM)
        status = first.wait_end(60)
        with open(report) as f:
            text = f.read()
        if status != 0:
            raise Failed("status %d\n%s" % (status, text[-4000:]))
        wait("valgrind's summary", lambda: "ERROR SUMMARY: 0 errors" in text, 1)
        print("\n".join(line for line in text.splitlines() if "lost" in line or "SUMMARY" in line or "no leaks" in line))


if __name__ == "__main__":
    if subprocess.run(["which", "valgrind"], capture_output=True, check=False).returncode != 0:
        print("no valgrind: run scripts/setup test")
        sys.exit(2)
    sys.exit(story(clean_at_the_end))
