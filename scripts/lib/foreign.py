"""Servers of other people that the tests start beside a cluster: HAProxy, nginx, Prometheus."""
import itertools
import json
import os
import re
import shutil
import subprocess
import textwrap
import urllib.request

from cluster import ROOT, Failed, Skipped
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
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=cluster.folder, **user)  # HAProxy wants to come back to where it began

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


def shown(page, begin, has=""):
    """The configuration on a page of docs/how-to: the first indented block whose first line is `begin`, with the word `has` in it."""
    with open(os.path.join(ROOT, "docs", "how-to", page), encoding="utf-8") as f:
        text = f.read()
    for at in (m.start() for m in re.finditer(re.escape("\n\n    %s\n" % begin), text)):
        lines = itertools.takewhile(lambda line: not line or line.startswith("    "), text[at + 2:].split("\n"))
        block = textwrap.dedent("\n".join(lines)).strip() + "\n"
        if has in block:
            return block
    raise Failed("%s shows no such configuration: %s %s" % (page, begin, has))


def scraped(listen):
    """What a Prometheus at `listen` scrapes now, as its API tells it."""
    try:
        with urllib.request.urlopen("http://%s/api/v1/targets?state=active" % listen, timeout=20) as answer:
            return json.load(answer)["data"]["activeTargets"]
    except OSError as e:
        raise Failed(str(e)) from e
