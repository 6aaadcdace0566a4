#!/usr/bin/python3
"""scripts/lint/docs.py: what README.md, CONTRIBUTING.md and docs/ quote exists.

- Paths in `code`, in code blocks and in links exist in the tree; a path in build/ is a program or library of the build.
  An UPPER CASE part of a path stands for anything (`test/unit/FOLDER/test_MODULE.c`).
- A --flag beside one of our programs or scripts appears in its source.
- The table of rows in docs/architecture.md is the one of scripts/lib/house.py.
"""
import glob
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import house

TOP = "src|include|proto|test|scripts|deploy|docs|.ci"
PATH = re.compile(rf"(?<![\w./-])((?:{TOP})/[\w./*-]*[\w*/])".replace(".ci", r"\.ci"))
BUILT = re.compile(r"(?<![\w./-])build/([\w.-]+)")
PROGRAMS = {"kithd", "kith", "kith-sim", "kith-run"}
MADE = PROGRAMS | {"src", "libkith.a", "libkith.so"}  # what a visitor finds at the top of build/
BARE = re.compile(r"`([\w-]+\.(?:md|c|h|py|sh|txt|toml|yaml|build))`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
CODE = re.compile(r"`([^`]+)`")
TOOL = re.compile(r"(?<![\w-])(scripts/(?:lint/)?[\w-]+(?:\.py)?|kithd|kith-sim|kith-run|kith)(?![\w-])")
FLAG = re.compile(r"(?<![\w-])--([a-z][a-z0-9-]*)")
ROW = re.compile(r"^\|\s*(\d+)\s*\|\s*`?src/(\w+)`?\s*\|", re.M)


def spans(text):
    """(line number, text, is code) of each line; code within a line is cut out as spans of their own."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield number, line, True
        else:
            yield number, line, False
            for code in CODE.findall(line):
                yield number, code, True


def exists(root, path):
    """Whether the path, an UPPER CASE part standing for anything, is in the tree."""
    pattern = "/".join(re.sub(r"\b[A-Z]{2,}\b|(?<=_)[A-Z]{2,}|[A-Z]{2,}(?=\.)", "*", part) if not os.path.exists(
        os.path.join(root, path)) else part for part in path.rstrip("/").split("/"))
    return bool(glob.glob(os.path.join(root, pattern)))


def wrong_paths(root, where, text, names):
    for path in PATH.findall(text):
        if not exists(root, path):
            yield f"{where}: {path} does not exist"
    for name in BUILT.findall(text):
        if name.rstrip(".") not in MADE:
            yield f"{where}: the build makes no build/{name}"
    for name in BARE.findall(text):
        if name not in names:
            yield f"{where}: no file is called {name}"


def wrong_links(root, where, document, text):
    for target in LINK.findall(text):
        if not os.path.exists(os.path.join(root, os.path.dirname(document), target)):
            yield f"{where}: the link to {target} leads nowhere"


def flag_known(root, tool, flag, sources):
    if tool.startswith("scripts/"):
        text = house.read(root, tool) if os.path.isfile(os.path.join(root, tool)) else ""
        if "/lib/suites.py" in text:
            text += house.read(root, "scripts/lib/suites.py")
    else:
        text = sources
    return flag == "help" or f"--{flag}" in text or f'"{flag}"' in text


def wrong_flags(root, where, text, sources):
    tool = None
    for match in re.finditer(f"{TOOL.pattern}|{FLAG.pattern}", text):
        if match.group(1):
            tool = match.group(1)
        elif tool and not flag_known(root, tool, match.group(2), sources):
            yield f"{where}: {tool} knows no --{match.group(2)}"


def wrong_rows(text):
    """The row table of docs/architecture.md against scripts/lib/house.py."""
    table = {folder: int(row) for row, folder in ROW.findall(text)}
    for folder, row in house.ROWS.items():
        if table.get(folder) != row:
            yield f"docs/architecture.md: src/{folder} is in row {table.get(folder)}, and in scripts/lib/house.py in row {row}"


def check(root):
    documents = [p for p in ("README.md", "CONTRIBUTING.md") if os.path.exists(os.path.join(root, p))]
    documents += house.files(root, ["docs"], (".md",))
    names = {os.path.basename(p) for p in house.files(root, ["."], ("",))}
    sources = "".join(house.read(root, p) for p in house.files(root, ["src"], (".c", ".h")))
    problems = []
    for document in documents:
        text = house.read(root, document)
        for number, span, code in spans(text):
            where = f"{document}:{number}"
            if code:
                problems += wrong_paths(root, where, span, set())
                problems += wrong_flags(root, where, span, sources)
            else:
                problems += wrong_links(root, where, document, span)
                problems += [f"{where}: no file is called {n}" for n in BARE.findall(span) if n not in names]
        if document == "docs/architecture.md":
            problems += wrong_rows(text)
    return problems


if __name__ == "__main__":
    house.finish(check(house.ROOT), "Mend the document, or what it speaks of.")
