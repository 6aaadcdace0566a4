#!/usr/bin/python3
"""scripts/lint/static.py [--deep]: clang-tidy (.clang-tidy) and cppcheck find nothing in src/.

clang-tidy's analyzer follows a bounded number of paths through a function; they are nine tenths of its time. By default the
bound is low, and the whole tree takes a minute or two on two cores. With --deep it is six times that, for three times the time.
A file that was clean is looked at again only when it, a header that it includes, or the configuration changed;
what is known is kept in build/.static/.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import house

PATHS, DEEP_PATHS = 5000, 30000  # how many steps of one function the analyzer looks at
TIDY = ["clang-tidy-14", "--quiet", "--extra-arg=-Wno-unknown-warning-option"]
CPPCHECK = ["cppcheck", "--quiet", "--enable=warning,performance,portability", "--inline-suppr", "--std=c17",
            "--error-exitcode=1", "--template={file}:{line}: {message} [{id}]", "-I", "src", "-I", "include",
            "--library=posix",
            "--suppress=missingIncludeSystem",
            "--suppress=readdirCalled", "--suppress=getpwnamCalled", "--suppress=getgrnamCalled",  # each is called by one thread; readdir_r is no better
            "--suppress=unknownMacro",         # the tree generators of <bsd/sys/tree.h>
            "--suppress=normalCheckLevelMaxBranches",
            "--suppress=nullPointerRedundantCheck:*/uthash.h"]


def run(command, root):
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout.decode(errors="replace")


def compiled(root, build):
    """{source: arguments} of every file under src/ that the build compiles, generated ones left out."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    found = {}
    for entry in entries:
        path = os.path.relpath(os.path.normpath(os.path.join(entry["directory"], entry["file"])), root)
        if path.startswith("src/"):
            found[path] = entry["command"]
    return found


def fingerprints(root, build, sources):
    """{source: hash} over the file, what it includes from the tree, its command and the configuration."""
    _, text = run(["ninja", "-C", build, "-t", "deps"], root)
    includes, current = {}, []
    for line in text.splitlines():
        if line.startswith("    "):
            path = os.path.normpath(os.path.join(build, line.strip()))
            if path.startswith(root):
                current.append(path)
        elif line.strip():
            current = includes.setdefault(len(includes), [])
    by_source = {os.path.relpath(paths[0], root): paths for paths in includes.values() if paths}
    with open(os.path.join(root, ".clang-tidy"), "rb") as file, open(os.path.abspath(__file__), "rb") as self:
        configuration = file.read() + self.read()
    prints = {}
    for source, command in sources.items():
        digest = hashlib.sha256(configuration + command.encode())
        for path in sorted(by_source.get(source, [os.path.join(root, source)])):
            with open(path, "rb") as file:
                digest.update(path.encode() + file.read())
        prints[source] = digest.hexdigest()
    return prints


def tidy(root, build, sources, paths=DEEP_PATHS):
    """Yields each source with what clang-tidy says of it: nothing when it is clean. One a core at a time."""
    bound = [f"--extra-arg={word}" for word in ("-Xclang", "-analyzer-config", "-Xclang", f"max-nodes={paths}")]

    def one(source):
        status, text = run([*TIDY, *bound, "-p", build, source], root)
        return source, "" if status == 0 else text

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(one, sources)


def cppcheck(root, build, paths):
    cache = os.path.join(build, ".static", "cppcheck")
    os.makedirs(cache, exist_ok=True)
    generated = os.path.join(build, "src")
    status, text = run([*CPPCHECK, "-I", generated, "-j", str(os.cpu_count()), f"--cppcheck-build-dir={cache}", *paths], root)
    return "" if status == 0 else text


def known_clean(path):
    """{source: hash} of the files that were clean when last looked at."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def check(root, build, deep):
    path = os.path.join(build, ".static", "clean-deep.json" if deep else "clean.json")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    prints = fingerprints(root, build, compiled(root, build))
    clean = {s: p for s, p in known_clean(path).items() if prints.get(s) == p}
    problems = []
    for source, said in tidy(root, build, sorted(set(prints) - set(clean)), DEEP_PATHS if deep else PATHS):
        if said:
            problems.append(said.strip())
            continue
        clean[source] = prints[source]
        with open(path, "w", encoding="utf-8") as file:  # at once: a run that is cut off is not lost
            json.dump(clean, file, indent=1, sort_keys=True)
    words = cppcheck(root, build, sorted(prints))
    return problems + ([words.strip()] if words else [])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deep", action="store_true", help="follow six times as many paths")
    options = parser.parse_args()
    # All of src/ is compiled for these, so that its includes are known; the release build's tests are not looked at.
    subprocess.run([os.path.join(house.ROOT, "scripts/build"), "kithd", "kith", "kith-run", "kith-sim"], check=True)
    house.finish(check(house.ROOT, os.path.join(house.ROOT, "build"), options.deep),
                 "Mend it, or say at the line why it is right (NOLINT, cppcheck-suppress).")
