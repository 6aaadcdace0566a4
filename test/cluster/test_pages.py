#!/usr/bin/python3
"""What docs/http.md and README.md show with curl, run as it stands, line by line, against a real peer."""
import os
import re
import subprocess
import sys
import textwrap

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import ROOT, Cluster, Failed, expect, on, story, wait  # noqa: E402
from web import PORT, get  # noqa: E402

WEB = """
service: web
run: {exec: [/bin/sleep, "1000"]}
ports: {http: auto}
check: {exec: [/bin/true], every: 10m}
"""
ULID = "01M8..."  # how the pages write one
CURL = """curl() { command curl -sS -m 20 -w '%{stderr}status %{http_code}\\n' "$@"; }
follow() { command curl -sS -m 2 "$@"; }
"""


def lines_of(page):
    """The requests of a page and what is set for them: the lines of its indented blocks, each with what continues it."""
    with open(os.path.join(ROOT, page), encoding="utf-8") as f:
        blocks = re.findall(r"(?:^    .*\n)+", f.read(), re.M)
    text = "".join(map(textwrap.dedent, blocks)).replace("\\\n", " ")
    return [line for line in map(lambda each: each.removeprefix("$ "), text.splitlines()) if re.match(r"curl |[A-Z]=", line)]


class Shell:
    """A bash that is given one line after another."""

    def __init__(self, folder):
        self.told = open(os.path.join(folder, "told"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.told, text=True, cwd=folder)
        self.run(CURL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)
        self.told.close()

    def run(self, line):
        """What it prints, and what its requests and errors are."""
        at = self.told.seek(0, os.SEEK_END)
        self.process.stdin.write(line + "\necho; echo '@@ end'\n")
        self.process.stdin.flush()
        printed = "".join(iter(self.process.stdout.readline, "@@ end\n"))
        self.told.seek(at)
        return printed.strip(), self.told.read()


class Page:
    """A page's lines on their way: what the peer said stands in later lines for what the page shows."""

    def __init__(self, peer, shell):
        self.peer, self.shell = peer, shell
        self.shown = {"127.0.0.1:%d" % PORT: "%s:%d" % (peer.addr, PORT), "/var/lib/kith/": peer.data + "/"}
        self.requests = 0

    def real(self, line):
        for shown, found in self.shown.items():
            line = line.replace(shown, found)
        return line

    def follow(self, line):
        printed, _ = self.shell.run(self.real(line).replace("curl", "follow", 1))
        if "event: whole\n" not in printed:
            raise Failed("%s: %s" % (line, printed))

    def ask(self, line):
        """Reads are asked again until there is something: what a line before has begun takes its time."""
        printed, told = self.shell.run(self.real(line))
        if re.sub(r"^status 20[0-2]\n", "", told, flags=re.M):
            raise Failed("%s: %s %s" % (line, told, printed))
        self.requests += told.count("status ")
        return None if printed == "[]" and "-X" not in line else (printed,)

    def compare(self, line, printed):
        """Answers that the page shows, whole or a member of them."""
        told = line.partition("  # ")[2].strip()
        member = re.fullmatch(r"(\w+): (\d+)", told)
        if told.startswith("{"):
            found = re.fullmatch(re.escape(told).replace(re.escape(ULID), "(01[0-9A-Z]{24})"), printed)
            if not found:
                raise Failed("%s: the peer says %s" % (line, printed))
            self.shown[ULID] = found.group(1)
        elif member:
            found = re.search(r'"%s": ?(\d+)' % member.group(1), printed)
            if not found:
                raise Failed("%s: the peer says %s" % (line, printed))
            self.shown[member.group(2)] = found.group(1)

    def run(self, line):
        if re.match(r"curl -N ", line):
            self.follow(line)
            self.requests += 1
            return
        printed = wait(line, lambda: self.ask(line), 30)[0]
        if printed in ("[]", "false"):
            raise Failed("%s: %s" % (line, printed))
        self.compare(line, printed)


def run(cluster, page, least):
    with Shell(cluster.folder) as shell:
        told = Page(cluster.peers[0], shell)
        for line in lines_of(page):
            told.run(line)
    if told.requests < least:
        raise Failed("%s has %d requests: it was not read" % (page, told.requests))


def what_the_page_on_http_shows(cluster):
    """Every curl of docs/http.md is answered with 200 to 202, and with what the page says."""
    run(cluster, "docs/http.md", 17)
    expect("scaled", cluster.peers[0].ask("service", "web")["count"], 3)


def what_the_readme_shows(cluster):
    """The same of README.md."""
    run(cluster, "README.md", 4)


def main():
    with Cluster(1, net="127.8.16") as cluster:
        cluster.start()
        cluster.wait_alive(60)
        wait("HTTP", lambda: get(cluster.peers[0], "/api/v1/members")[0], 20)
        with open(os.path.join(cluster.folder, "web.yaml"), "w", encoding="utf-8") as f:
            f.write(WEB)
        return story(*on(cluster, what_the_page_on_http_shows, what_the_readme_shows))


if __name__ == "__main__":
    sys.exit(main())
