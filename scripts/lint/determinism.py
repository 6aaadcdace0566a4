#!/usr/bin/python3
"""scripts/lint/determinism.py: the pure folders use nothing whose result may differ from run to run.

No floating point, no iteration over a hash table (its order is that of insertion and growth), no printed address.
"""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import house

TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
FORBIDDEN = [
    (re.compile(r"\b(float|double|_Complex)\b"), "floating point: compute in integers"),
    (re.compile(r"\b(HASH_ITER|HASH_SORT|HASH_SELECT)\b|\bhh\.(next|prev)\b"), "iteration over a hash table: use base/tree.h"),
]
ADDRESS = re.compile(r'"(?:\\.|[^"\\\n])*%p')


def blank(match):
    """A comment or string, emptied but for its line ends."""
    return re.sub(r"[^\n]", " ", match.group())


def check(root):
    problems = []
    for path in house.files(root, ["src"], (".c", ".h")):
        if path.split("/")[1] not in house.PURE:
            continue
        text = house.read(root, path)
        for number, line in enumerate(TEXT.sub(blank, text).splitlines(), 1):
            problems += [f"{path}:{number}: {why}" for pattern, why in FORBIDDEN if pattern.search(line)]
        problems += [f"{path}:{number}: a printed address" for number, line in enumerate(text.splitlines(), 1)
                     if ADDRESS.search(line)]
    return problems


if __name__ == "__main__":
    house.finish(check(house.ROOT), "The same events give the same effects, bit for bit: docs/architecture.md.")
