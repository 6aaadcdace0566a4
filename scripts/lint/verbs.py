#!/usr/bin/python3
"""scripts/lint/verbs.py: every verb of `kith` has its way over HTTP, or a reason for having none, and the other way round."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import house

VERBS = "src/cmd/kith_verbs.c"
WAYS = "src/native/verbs.c"


def check(root):
    verbs = set(re.findall(r'^    \{"([a-z -]+)", "', house.read(root, VERBS), re.M))
    ways = set(re.findall(r'(?:\{|NOT_HERE\()"([a-z -]+)"', house.read(root, WAYS)))
    problems = []
    if not verbs or not ways:
        problems.append(f"{VERBS}, {WAYS}: no verbs were found, this test cannot read them any more")
    problems += [f"{WAYS}: no way over HTTP for `kith {v}`, and no reason why not" for v in sorted(verbs - ways)]
    problems += [f"{WAYS}: there is no `kith {v}`" for v in sorted(ways - verbs)]
    return problems


if __name__ == "__main__":
    house.finish(check(house.ROOT), "Whatever `kith` can do, HTTP can do: see src/native/verbs.h.")
