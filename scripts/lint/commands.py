#!/usr/bin/python3
"""scripts/lint/commands.py: every script explains itself with --help, and a shell script stops at the first error."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import house


def check(root):
    problems = []
    folder = os.path.join(root, "scripts")
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if not os.path.isfile(path) or not os.access(path, os.X_OK):
            continue
        text = house.read(root, f"scripts/{name}")
        first = text.splitlines()[0]
        if first not in ("#!/bin/sh", "#!/usr/bin/python3"):
            problems.append(f"scripts/{name}:1: starts with {first}, not /bin/sh or /usr/bin/python3")
        if first == "#!/bin/sh" and "\nset -eu\n" not in text:
            problems.append(f"scripts/{name}: no `set -eu`")
        said = subprocess.run([path, "--help"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=20, check=False)
        begins = said.stdout.decode(errors="replace").removeprefix("usage: ").removeprefix("scripts/")
        if said.returncode != 0 or not begins.startswith(name):
            problems.append(f"scripts/{name}: --help does not begin with how it is called (status {said.returncode})")
    return problems


if __name__ == "__main__":
    house.finish(check(house.ROOT), "See scripts/build for how it is done.")
