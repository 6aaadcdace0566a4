#!/usr/bin/python3
"""scripts/lint/symbols.py: the pure folders call nothing that reaches outside.

Reads the undefined symbols (nm -u) of the release build's pure archives. One is allowed when another pure archive
defines it, or when scripts/lint/allowed-symbols.txt lists it with its reason. An entry that nothing needs any more is
an error too, so that the list stays the truth.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import house

LIST = "scripts/lint/allowed-symbols.txt"


def allowed(text):
    """{symbol: (folders or None for all, reason)} of the list; raises ValueError for a line without a reason."""
    entries = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split(None, 2)
        if len(words) < 3:
            raise ValueError(f"{LIST}:{number}: SYMBOL FOLDER[,FOLDER]|* REASON")
        entries[words[0]] = (None if words[1] == "*" else set(words[1].split(",")), words[2])
    return entries


def symbols(archive, flag):
    """The archive's undefined (-u) or externally defined (--defined-only -g) symbols."""
    out = subprocess.run(["nm", *flag, "--format=posix", archive], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    found = {line.split()[0] for line in out.stdout.decode().splitlines() if len(line.split()) >= 2}
    return found - {"_GLOBAL_OFFSET_TABLE_"}  # the linker's own


def check(archives, entries):
    """archives: {folder: path}."""
    own = set().union(*(symbols(path, ["--defined-only", "-g"]) for path in archives.values())) if archives else set()
    problems, used = [], set()
    for folder, path in sorted(archives.items()):
        for symbol in sorted(symbols(path, ["-u"]) - own):
            folders, _ = entries.get(symbol, (set(), ""))
            if folders is None or folder in folders:
                used.add((symbol, None if folders is None else folder))
            else:
                problems.append(f"src/{folder} calls {symbol}, which {LIST} does not allow it")
    for symbol, (folders, _) in sorted(entries.items()):
        for folder in sorted(folders or ()):
            if folder in archives and (symbol, folder) not in used:
                problems.append(f"{LIST}: {symbol} is not called by src/{folder} any more")
        if folders is None and (symbol, None) not in used:
            problems.append(f"{LIST}: {symbol} is not called any more")
    return problems


def release_archives(root):
    """Builds the pure archives of the release: {folder: path}."""
    pure = [f for f in sorted(house.PURE) if os.path.exists(os.path.join(root, "src", f, "meson.build"))]
    names = {folder: f"src/{folder}/libkith_{folder}.a" for folder in pure}
    subprocess.run([os.path.join(root, "scripts/build"), *names.values()], check=True)
    return {folder: os.path.join(root, "build", name) for folder, name in names.items()}


if __name__ == "__main__":
    house.finish(check(release_archives(house.ROOT), allowed(house.read(house.ROOT, LIST))),
                 f"A pure folder reaches nothing outside. What is harmless goes into {LIST}, with its reason.")
