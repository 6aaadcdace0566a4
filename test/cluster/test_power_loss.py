#!/usr/bin/python3
"""A power cut at any moment: the store opens, and holds all that was acknowledged and nothing half.

A program writes through kithd's own writer thread and store (power_writer.c) while a preload writes down each of its system
calls (record_writes.c). Out of that come the folders that a power cut could have left: everything that was synced, and of what was
not any 512-byte sectors, any changes of a length. Each is opened by the store again.
"""
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from cluster import ROOT, Failed, story  # noqa: E402

CASES = int(os.environ.get("KITH_CASES", "50"))  # scripts/soak runs a thousand
SEED = int(os.environ.get("KITH_SEED", "1"))
BATCHES = 1500
FOLD_BYTES = 60000  # many folds in a short run
SECTOR = 512
AT_A_TIME = 25
NAME, WRITE, LENGTH, SYNC = range(4)
HEAD = struct.Struct("=5Q")


def program(name):
    path = os.path.join(os.environ.get("KITH_BUILD") or os.path.join(ROOT, "build"), "test", name)
    if not os.path.exists(path):
        raise Failed("no %s: run scripts/build" % path)
    return path


def record(folder):
    """Runs the writer; its calls in order: (what, file name, offset or length, bytes, synced by itself)."""
    data, trace = os.path.join(folder, "data"), os.path.join(folder, "trace")
    os.mkdir(data)
    env = {**os.environ, "LD_PRELOAD": program("record-writes.so"), "KITH_RECORD": trace, "KITH_RECORD_DIR": data,
           "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")}
    done = subprocess.run([program("power-writer"), "write", data, str(BATCHES), str(FOLD_BYTES)], env=env, timeout=300, check=False,
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed("power-writer ended with status %d: %s" % (done.returncode, done.stderr))
    with open(trace, "rb") as file:
        text = file.read()
    calls, names, at = [], {}, 0
    while at < len(text):
        what, number, offset, length, synced = HEAD.unpack_from(text, at)
        body = text[at + HEAD.size:at + HEAD.size + length]
        at += HEAD.size + length
        if what == NAME:
            names[number] = body.decode()
        else:
            calls.append((what, names[number], offset, body, synced))
    return calls


class File:
    """What is surely there, and what was written since the last sync, in order."""

    def __init__(self):
        self.sure = bytearray()
        self.pending = []

    def write(self, offset, body):
        put(self.sure, offset, body)

    def call(self, what, offset, body, synced):
        if what == SYNC:
            for change in self.pending:
                apply(self.sure, *change)
            self.pending = []
        elif what == WRITE and synced:  # O_DSYNC: its own bytes, and nothing that was written before by others
            put(self.sure, offset, body)
        elif what == WRITE:
            end = offset + len(body)
            while offset < end:  # by the sectors that it touches
                cut = min(end, offset - offset % SECTOR + SECTOR)
                self.pending.append((WRITE, offset, body[len(body) - (end - offset):len(body) - (end - cut)]))
                offset = cut
        else:
            self.pending.append((LENGTH, offset, b""))

    def left(self, rng):
        """One of the contents that a power cut can leave: each sector and each length got there or did not."""
        left = bytearray(self.sure)
        share = rng.choice((0, 0.1, 0.5, 0.9, 1))
        for change in self.pending:
            if rng.random() < share:
                apply(left, *change)
        return left


def put(content, offset, body):
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset:offset + len(body)] = body


def apply(content, what, offset, body):
    if what == WRITE:
        put(content, offset, body)
    elif len(content) > offset:
        del content[offset:]
    else:
        content.extend(bytes(offset - len(content)))


def last_number(content):
    return struct.unpack("=I", content[-4:])[0] if len(content) >= 4 else 0


def lay_out(folder, files, rng):
    """The files in a folder; what was acknowledged until then. LMDB's lock file is of the run that ended."""
    os.mkdir(folder)
    acknowledged = 0
    for name, file in files.items():
        if name == "acknowledged":
            for change in file.pending:
                apply(file.sure, *change)
            file.pending = []
            acknowledged = last_number(file.sure)
        elif not name.endswith("-lock") and not name.endswith(".pid"):
            with open(os.path.join(folder, name), "wb") as out:
                out.write(file.left(rng))
    return acknowledged


def judge(folders):
    """Opens them all. [(folder, what is wrong)]"""
    done = subprocess.run([program("power-writer"), "check", *folders], capture_output=True, text=True, timeout=300, check=False)
    lines = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    wrong = []
    for folder, acknowledged in folders.items():
        said = lines.get(folder, "bad: the checker ended with status %d: %s" % (done.returncode, done.stderr[-300:]))
        if said.startswith("bad"):
            wrong.append((folder, said))
        elif int(said) < acknowledged:
            wrong.append((folder, "%d were acknowledged, %s are there" % (acknowledged, said)))
    return wrong


def nothing_acknowledged_is_lost():
    """Power cuts at random moments of the store's life, any unsynced sectors lost."""
    rng = random.Random(SEED)
    top = tempfile.mkdtemp(prefix="kith-power-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    try:
        calls = record(top)
        if not {WRITE, LENGTH, SYNC} <= {c[0] for c in calls} or not any(c[4] for c in calls):
            raise Failed("the preload does not see the store's calls")
        # The file of the first start is made by the installation, not by what is tested: cuts come after it.
        begin = next(k for k, c in enumerate(calls) if c[1] == "acknowledged")
        cuts = sorted(rng.randrange(begin, len(calls) + 1) for _ in range(CASES))
        files, at, folders = {}, 0, {}
        for number, cut in enumerate(cuts):
            for what, name, offset, body, synced in calls[at:cut]:
                files.setdefault(name, File()).call(what, offset, body, synced)
            at = cut
            folder = os.path.join(top, "case%d" % number)
            folders[folder] = lay_out(folder, files, rng)
            if len(folders) == AT_A_TIME or number + 1 == len(cuts):
                wrong = judge(folders)
                if wrong:
                    raise Failed("seed %d: %s (and %d more of %d)" % (SEED, wrong[0], len(wrong) - 1, len(folders)))
                for done in folders:
                    shutil.rmtree(done)
                folders = {}
        print("%d cuts in %d calls of %d batches, seed %d" % (CASES, len(calls), BATCHES, SEED), flush=True)
    except BaseException:
        print("kept: %s" % top, flush=True)
        raise
    shutil.rmtree(top)


if __name__ == "__main__":
    sys.exit(story(nothing_acknowledged_is_lost))
