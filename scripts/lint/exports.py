#!/usr/bin/python3
"""scripts/lint/exports.py: a function that a header of src/ declares is used by another file than the one that has it.

A test counts as a user, and so does a generator that writes calls. What only its own file calls is static there.
"""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import house

# In our format a declaration begins in column 0; a comment, a macro and a typedef do not count.
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
DECLARED = re.compile(r"^(?!static\b|typedef\b)[a-z][\w \t]*[ *]+(\w+)\(", re.M)
# The program's own stand before libsodium's of the same name: the dynamic linker is their user (shell/handshake.h).
FROM_OUTSIDE = {"sodium_malloc", "sodium_allocarray", "sodium_free"}


def check(root):
    texts = {path: COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), house.read(root, path))
             for path in house.files(root, ["src", "include", "test", "scripts"], (".c", ".h", ".py"))}
    users = {}
    for path, text in texts.items():
        for word in set(re.findall(r"\w+", text)):
            users.setdefault(word, set()).add(path)
    problems = []
    for path, text in texts.items():
        if not path.startswith("src/") or not path.endswith(".h"):
            continue
        for found in DECLARED.finditer(text):
            name = found.group(1)
            if len(users[name] - {path}) < 2 and name not in FROM_OUTSIDE:
                number = text.count("\n", 0, found.start()) + 1
                problems.append(f"{path}:{number}: {name} is used by no other file: make it static, or remove it")
    return problems


if __name__ == "__main__":
    house.finish(check(house.ROOT), "What a header declares is for others.")
