#!/usr/bin/python3
"""scripts/lint/includes.py: includes go only downwards in the table of rows, and a folder sees only its libraries."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import house

# Libraries whose headers a folder may include, beyond libc. Every folder may use the ordered tree and the hash table.
EVERYWHERE = {"uthash", "bsd"}
LIBRARIES = {
    "base": set(),
    "wire": {"msgpack"}, "trust": {"sodium"}, "graph": set(), "balance": set(),
    "state": {"sodium"},
    "gossip": {"zstd"}, "control": set(),
    "store": {"lmdb"}, "spec": {"libfyaml"}, "view": {"jansson"},
    "peer": set(),
    "shell": {"czmq", "zmq", "curl", "hwloc"}, "sim": set(), "client": {"zmq"},
    "http": {"czmq", "zmq", "microhttpd", "gnutls", "wslay", "sha1", "jansson"},
    "dns": {"czmq", "zmq", "ldns"},
    "consul": {"jansson"}, "native": {"jansson"},
    "cmd": {"czmq", "zmq", "sodium", "lmdb", "libfyaml", "jansson", "curl", "systemd"},
}
# Folders that a row below would allow, and the design does not: the machine never reads the store.
FORBIDDEN = {"peer": {"store", "spec", "view"}}

ISO_C = {"assert", "ctype", "errno", "inttypes", "limits", "stdalign", "stdarg", "stdbool", "stddef", "stdint",
         "stdio", "stdlib", "stdnoreturn", "string"}
# What rows that touch the world may take from libc beyond that (with sys/, linux/, net/, netinet/, arpa/).
POSIX = {"dirent", "dlfcn", "endian", "fcntl", "fnmatch", "getopt", "glob", "grp", "libgen", "locale", "malloc", "math",
         "netdb",
         "poll", "pthread", "pwd", "regex", "sched", "setjmp", "signal", "spawn", "stdatomic", "strings", "syslog",
         "termios", "threads", "time", "unistd", "utmp", "wchar", "wordexp"}
SYSTEM_FOLDERS = {"sys", "linux", "net", "netinet", "arpa", "asm"}

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')


def wrong_own(folder, target, root):
    """What is wrong with `#include "target"` in src/folder, or None."""
    other = target.split("/")[0]
    if other == "kith":
        return None if folder in ("client", "cmd") else "public headers are for src/client and src/cmd"
    if other not in house.ROWS or "/" not in target:
        return 'write it as "FOLDER/module.h"'
    if target.startswith("wire/gen/"):
        target = None  # made by the build
    if target and not os.path.exists(os.path.join(root, "src", target)):
        return f"there is no src/{target}"
    if other == folder:
        return None
    if other in FORBIDDEN.get(folder, ()):
        return f"src/{folder} is pure and may not see src/{other}"
    if house.ROWS[other] >= house.ROWS[folder]:
        return f"src/{other} (row {house.ROWS[other]}) is not below src/{folder} (row {house.ROWS[folder]})"
    return None


def wrong_system(folder, target):
    """What is wrong with `#include <target>` in src/folder, or None."""
    first = target.split("/")[0].removesuffix(".h")
    if "/" not in target and first in ISO_C:
        return None
    if first in EVERYWHERE or first in LIBRARIES[folder]:
        return None
    if folder not in house.PURE and (first in SYSTEM_FOLDERS if "/" in target else first in POSIX):
        return None
    why = "is pure" if folder in house.PURE else "may not see that library"
    return f"src/{folder} {why}: its table in scripts/lint/includes.py has no <{target}>"


def check(root):
    problems = []
    for path in house.files(root, ["src"], (".c", ".h")):
        folder = path.split("/")[1]
        if folder not in house.ROWS:
            problems.append(f"{path}:1: src/{folder} is in no row of scripts/lib/house.py")
            continue
        for number, line in enumerate(house.read(root, path).splitlines(), 1):
            match = INCLUDE.match(line)
            if match:
                own, target = match.group(1) == '"', match.group(2)
                wrong = wrong_own(folder, target, root) if own else wrong_system(folder, target)
                if wrong:
                    problems.append(f"{path}:{number}: {line.strip()}: {wrong}")
    return problems


if __name__ == "__main__":
    house.finish(check(house.ROOT), "The rows are in docs/architecture.md.")
