"""The house as the lint tests see it: the rows of docs/architecture.md, and how a test reports."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIPPED = 77

# Row of each folder under src/. An include goes only to a lower row.
ROWS = {
    "base": 1,
    "wire": 2, "graph": 2, "balance": 2,
    "trust": 3, "state": 3,
    "gossip": 4, "control": 4,
    "store": 5, "spec": 5, "view": 5,
    "peer": 6,
    "shell": 7, "sim": 7, "client": 7,
    "http": 8, "dns": 8,
    "consul": 9, "native": 9,
    "cmd": 10,
}

# No socket, file, clock, sleep, thread, environment or randomness of its own: the machine.
PURE = {"base", "wire", "trust", "graph", "balance", "state", "gossip", "control", "peer"}


def files(root, folders, endings):
    """Every file below the folders whose name ends so, sorted, relative to root; build folders and .git left out."""
    found = []
    for folder in folders:
        for path, names, leaves in os.walk(os.path.join(root, folder)):
            names[:] = sorted(n for n in names if not re.match(r"build(-.*)?$|\.git$|__pycache__$", n))
            found += [os.path.relpath(os.path.join(path, leaf), root) for leaf in leaves if leaf.endswith(endings)]
    return sorted(set(found))


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def finish(problems, advice):
    """Prints the problems (`file:line: what is wrong`) and what to do; leaves with the status of a test."""
    for problem in problems:
        print(problem)
    if problems:
        print(advice)
    sys.exit(1 if problems else 0)
