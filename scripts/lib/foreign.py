"""Servers of other people that the tests start beside a cluster: HAProxy, nginx, Prometheus."""
import json
import os
import shutil
import subprocess
import urllib.request

from cluster import Failed, Skipped
from fetch import fetched

NOBODY = 65534


class Foreign:
    """A server of somebody else's with its own configuration, as an unprivileged user where that can be chosen."""

    def __init__(self, cluster, name, command, unprivileged=True):
        self.log = os.path.join(cluster.folder, name + ".log")
        user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if unprivileged and os.getuid() == 0 else {}
        if user:  # who may not look into the checkout
            folder = os.path.join(cluster.folder, name)
            os.makedirs(folder, exist_ok=True)
            command = [shutil.copy(command[0], folder), *command[1:]]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **user)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def program(packages, path):
    """Where an installed or unpacked program lies; Skipped where there is none."""
    name = os.path.basename(path)
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    try:
        return found or fetched(packages, path)
    except Failed as e:
        raise Skipped(str(e)) from e


def scraped(listen):
    """What a Prometheus at `listen` scrapes now, as its API tells it."""
    try:
        with urllib.request.urlopen("http://%s/api/v1/targets?state=active" % listen, timeout=20) as answer:
            return json.load(answer)["data"]["activeTargets"]
    except OSError as e:
        raise Failed(str(e)) from e
