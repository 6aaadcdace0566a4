"""Line coverage by row of the house, from gcovr: used by scripts/test --coverage."""
import glob
import json
import os
import subprocess

# The rows of docs/architecture.md; those that are pure must reach DEMANDED per cent.
ROWS = ["base", "wire", "trust", "graph", "balance", "state", "gossip", "control", "store", "spec", "view", "peer",
        "shell", "sim", "client", "cmd"]
PURE = {"base", "wire", "trust", "graph", "balance", "state", "gossip", "control", "peer"}
DEMANDED = 90.0


def forget(root, build):
    """Removes the counts of earlier runs, and what was compiled from sources that are gone."""
    for path in glob.glob(os.path.join(build, "**/*.gcda"), recursive=True):
        os.remove(path)
    for path in glob.glob(os.path.join(build, "src/*/*.p/*.gcno")):
        folder = os.path.relpath(os.path.dirname(os.path.dirname(path)), build)
        source = os.path.basename(path).removesuffix(".gcno")
        if "_" not in source and not os.path.exists(os.path.join(root, folder, source)):
            os.remove(path)


def measure(root, build):
    """{source file: (lines, covered)} of every file that the build compiled; generated code is left out."""
    # A relative search path: with an absolute one gcovr passes over the archives that nothing links.
    out = subprocess.run(["gcovr", "--root", root, "--filter", "src/", "--exclude", r".*/gen/.*", "--json-summary", "-",
                          "-j", "2", "--gcov-ignore-parse-errors", build],
                         cwd=root, stdout=subprocess.PIPE, check=True).stdout
    return {f["filename"]: (f["line_total"], f["line_covered"]) for f in json.loads(out)["files"]}


def percent(lines, covered):
    return 100.0 * covered / lines if lines else 100.0


def table(root, build):
    """Prints the table. How many pure folders reach what is demanded, and how many do not."""
    counts = measure(root, build)
    good = bad = 0
    for folder in ROWS:
        sources = sorted(os.path.relpath(p, root) for p in glob.glob(os.path.join(root, "src", folder, "*.c")))
        if not sources:
            continue
        rows = [(path, *counts.get(path, (0, 0))) for path in sources]
        rows += [(p, *counts[p]) for p in sorted(counts) if p.startswith(f"src/{folder}/") and p not in sources]
        unmeasured = [path for path, lines, _ in rows if lines == 0 and path.endswith(".c")]
        lines, covered = sum(r[1] for r in rows), sum(r[2] for r in rows)
        share = percent(lines, covered)
        note = ""
        if folder in PURE:
            low = share < DEMANDED or unmeasured
            note = f"  below {DEMANDED:.0f} %" if low else ""
            good, bad = good + (not low), bad + bool(low)
        print(f"{'src/' + folder:<32}{covered:>7}/{lines:<7}{share:6.1f} %{note}")
        for path, n, hit in rows:
            print(f"  {path:<30}{hit:>7}/{n:<7}" + ("   nothing counted" if n == 0 else f"{percent(n, hit):6.1f} %"))
    return good, bad
