#!/usr/bin/python3
"""scripts/lint/functions.py: no function is longer than 80 lines.

The exceptions stand in scripts/lint/long-functions.txt as `FILE FUNCTION LINES`. They only shrink: the test fails when
a listed function grew, when it shrank and its line still says more, and when it is no longer over the limit.
"""
import ast
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import house

LIMIT = 80
LIST = "scripts/lint/long-functions.txt"
NAME = re.compile(r"(\w+)\s*\(")


def c_functions(text):
    """(name, first line, lines) of each function. In our format only a function has its braces in column 0."""
    lines, start = text.splitlines(), None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
            while start > 0 and lines[start - 1].strip() and not lines[start - 1].rstrip().endswith((";", "}", "*/")):
                start -= 1
        elif line == "}" and start is not None:
            head = NAME.search(" ".join(lines[start:number]))
            yield head.group(1) if head else "?", start + 1, number - start + 1
            start = None


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            yield node.name, node.lineno, node.end_lineno - node.lineno + 1


def check(root, exceptions):
    """exceptions: the text of the list."""
    listed = {}
    for line in exceptions.splitlines():
        if line.strip() and not line.startswith("#"):
            path, name, lines = line.split()
            listed[path, name] = int(lines)
    problems, seen = [], set()
    for path in house.files(root, ["src", "include", "test", "scripts"], (".c", ".h", ".py")):
        find = python_functions if path.endswith(".py") else c_functions
        for name, number, lines in find(house.read(root, path)):
            if lines <= LIMIT:
                continue
            before = listed.get((path, name))
            seen.add((path, name))
            if before is None:
                problems.append(f"{path}:{number}: {name} has {lines} lines, more than {LIMIT}")
            elif lines > before:
                problems.append(f"{path}:{number}: {name} grew from {before} to {lines} lines")
            elif lines < before:
                problems.append(f"{LIST}: {name} has {lines} lines now, not {before}: write that down")
    problems += [f"{LIST}: {name} of {path} is not over the limit any more: take it out"
                 for path, name in sorted(set(listed) - seen)]
    return problems


if __name__ == "__main__":
    house.finish(check(house.ROOT, house.read(house.ROOT, LIST)), "Split it into steps with names.")
