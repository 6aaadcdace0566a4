#!/usr/bin/python3
"""scripts/lint/selftest.py: each lint test fails on a planted violation, and is content without it."""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import house

import commands
import determinism
import docs
import exports
import functions
import includes
import openapi
import protocol
import static
import symbols
import verbs

CASES = []


def case(test):
    CASES.append(test)
    return test


def plant(root, path, text):
    """Writes one file of a planted tree."""
    path = os.path.join(root, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def only(problems, *words):
    """Asserts that there is exactly one problem and that it names all the words."""
    assert len(problems) == 1, problems
    for word in words:
        assert word in problems[0], (word, problems[0])


@case
def include_that_climbs(root):
    plant(root, "src/gossip/gossip.h", "")
    plant(root, "src/wire/a.c", '#include "gossip/gossip.h"\n')
    only(includes.check(root), "src/wire/a.c:1", "row 4")


@case
def include_between_folders_of_a_row(root):
    plant(root, "src/balance/pick.h", "")
    plant(root, "src/graph/a.c", '#include "balance/pick.h"\n')
    only(includes.check(root), "src/graph/a.c:1", "row 2")


@case
def include_of_the_store_by_the_machine(root):
    plant(root, "src/store/store.h", "")
    plant(root, "src/peer/a.c", '#include "store/store.h"\n')
    only(includes.check(root), "src/peer/a.c:1", "pure")


@case
def include_of_a_missing_module(root):
    plant(root, "src/graph/a.c", '#include "base/nothing.h"\n')
    only(includes.check(root), "no src/base/nothing.h")


@case
def include_of_a_strange_library(root):
    plant(root, "src/state/a.c", "#include <stdint.h>\n#include <sodium.h>\n#include <msgpack.h>\n")
    only(includes.check(root), "src/state/a.c:3", "msgpack.h")


@case
def include_of_a_clock_in_a_pure_folder(root):
    plant(root, "src/gossip/a.c", "#include <time.h>\n")
    plant(root, "src/shell/a.c", "#include <time.h>\n#include <sys/socket.h>\n")
    only(includes.check(root), "src/gossip/a.c:1", "time.h")


@case
def include_in_no_row(root):
    plant(root, "src/util/a.c", "")
    only(includes.check(root), "src/util", "no row")


@case
def include_downwards_is_right(root):
    plant(root, "src/base/ulid.h", "#include <stdint.h>\n")
    plant(root, "src/peer/a.c", '#include "base/ulid.h"\n#include "wire/gen/member.h"\n#include <uthash.h>\n')
    assert includes.check(root) == []


@case
def what_differs_from_run_to_run(root):
    plant(root, "src/gossip/a.c", '/* a double\n miss */\nint f(void); // float\nstatic const char s[] = "float";\n')
    plant(root, "src/shell/a.c", "double f(void);\n")
    assert determinism.check(root) == []
    plant(root, "src/gossip/a.c", "int i;\ndouble f(void);\n")
    only(determinism.check(root), "src/gossip/a.c:2", "integers")
    plant(root, "src/gossip/a.c", "HASH_ITER(hh, all, one, next)\n")
    only(determinism.check(root), "src/gossip/a.c:1", "hash table")
    plant(root, "src/gossip/a.c", 'buf_printf(out, "at %p", here);\n')
    only(determinism.check(root), "src/gossip/a.c:1", "address")


def archive(root, text):
    source = plant(root, "a.c", text)
    subprocess.run(["cc", "-c", "-O2", source, "-o", f"{source}.o"], check=True)
    subprocess.run(["ar", "rcs", f"{source}.a", f"{source}.o"], check=True)
    return f"{source}.a"


@case
def symbol_not_allowed(root):
    path = archive(root, "int socket(int, int, int);\nint f(void);\nint f(void) { return socket(1, 1, 0); }\n")
    only(symbols.check({"gossip": path}, {}), "src/gossip", "socket")


@case
def symbol_allowed_to_another_folder(root):
    path = archive(root, "char *getenv(const char *);\nchar *f(void);\nchar *f(void) { return getenv(\"A\"); }\n")
    entries = symbols.allowed("getenv base reads nothing\n")
    only(symbols.check({"gossip": path}, entries), "src/gossip", "getenv")
    assert symbols.check({"base": path}, entries) == []


@case
def symbol_not_called_any_more(root):
    path = archive(root, "int f(void);\nint f(void) { return 1; }\n")
    only(symbols.check({"base": path}, symbols.allowed("malloc base memory\n")), "malloc", "any more")


@case
def symbol_without_a_reason(_root):
    try:
        symbols.allowed("malloc base\n")
    except ValueError:
        return
    raise AssertionError("accepted")


def function(lines):
    return "int f(void)\n{\n" + "    g();\n" * (lines - 3) + "}\n"


@case
def function_too_long(root):
    plant(root, "src/base/a.c", function(80) + "\nstatic " + function(81))
    only(functions.check(root, ""), "src/base/a.c:82", "81 lines")


@case
def function_in_python_too_long(root):
    plant(root, "scripts/lib/a.py", "def f():\n" + "    pass\n" * 80)
    only(functions.check(root, ""), "scripts/lib/a.py:1", "81 lines")


@case
def function_ratchet_only_shrinks(root):
    plant(root, "src/base/a.c", function(90))
    assert functions.check(root, "src/base/a.c f 90\n") == []
    only(functions.check(root, "src/base/a.c f 85\n"), "grew from 85 to 90")
    only(functions.check(root, "src/base/a.c f 95\n"), "90 lines now")
    plant(root, "src/base/a.c", function(70))
    only(functions.check(root, "src/base/a.c f 90\n"), "take it out")


@case
def format_wrong(root):
    shutil.copy(os.path.join(house.ROOT, ".clang-format"), root)
    good = plant(root, "src/base/good.c", "int f(void)\n{\n    return 1;\n}\n")
    bad = plant(root, "src/base/bad.c", "int f(void) { return 1; }\n")
    command = [os.path.join(house.ROOT, "scripts/format"), "--check"]
    assert subprocess.run([*command, good], capture_output=True, check=False).returncode == 0
    done = subprocess.run([*command, good, bad], capture_output=True, check=False)
    assert done.returncode == 1 and b"bad.c" in done.stdout and b"good.c" not in done.stdout, done


@case
def document_names_a_missing_file(root):
    plant(root, "src/base/a.c", "")
    plant(root, "README.md", "See `src/base/a.c`, `src/base/b.c` and `src/FOLDER/MODULE.c`.\n")
    only(docs.check(root), "README.md:1", "src/base/b.c")


@case
def document_names_a_missing_file_in_a_code_block(root):
    plant(root, "README.md", "```\nscripts/nothing --fast\n```\n")
    assert any("scripts/nothing does not exist" in p for p in docs.check(root))


@case
def document_names_a_missing_program(root):
    plant(root, "README.md", "Run `build/kithd`, then `build/kitty`.\n")
    only(docs.check(root), "build/kitty")


@case
def document_links_nowhere(root):
    plant(root, "docs/a.md", "[this](a.md), [that](b.md), [web](https://example.org/x)\n")
    only(docs.check(root), "b.md")


@case
def document_names_a_missing_flag(root):
    plant(root, "src/cmd/kithd.c", '{"seed", required_argument, NULL, 1}\n')
    plant(root, "scripts/sweep", "--seeds\n")
    plant(root, "README.md", "Run `kithd --seed A --speed 3` and `scripts/sweep --seeds 3`; `git --version` is another's.\n")
    only(docs.check(root), "kithd knows no --speed")


@case
def document_with_another_table_of_rows(root):
    table = "".join(f"| {row} | src/{folder} | x |\n" for folder, row in house.ROWS.items())
    plant(root, "docs/architecture.md", table)
    assert docs.check(root) == []
    plant(root, "docs/architecture.md", table.replace("| 3 | src/state", "| 4 | src/state"))
    only(docs.check(root), "src/state", "row 4")


@case
def command_without_help(root):
    path = plant(root, "scripts/x", "#!/bin/sh\nset -eu\necho hello\n")
    os.chmod(path, 0o755)
    only(commands.check(root), "scripts/x", "--help")


@case
def command_that_ignores_errors(root):
    path = plant(root, "scripts/x", "#!/bin/sh\necho scripts/x\n")
    os.chmod(path, 0o755)
    only(commands.check(root), "scripts/x", "set -eu")


@case
def protocol_page_not_current(root):
    shutil.copytree(os.path.join(house.ROOT, "proto"), os.path.join(root, "proto"))
    page = os.path.join(root, "protocol.md")
    shutil.copy(os.path.join(house.ROOT, "docs/protocol.md"), page)
    assert protocol.check(root, page) == []
    with open(page, "a", encoding="utf-8") as file:
        file.write("by hand\n")
    assert len(protocol.check(root, page)) == 1


FAULTY = """#include <stdlib.h>
int f(int n);
int f(int n)
{
    int *p = malloc(sizeof *p);
    int table[4] = {0};
    table[0] = n;
    free(p);
    return table[4] + *p;
}
"""


@case
def export_that_nobody_uses(root):
    plant(root, "src/base/a.h", "/* gone() was here */\nint a_one(int x); /* for b.c */\nint a_two(void);\nstruct a *a_three(void);\n")
    plant(root, "src/base/a.c", "int a_one(int x)\n{\n    return a_two() + x;\n}\n\nstruct a *a_three(void)\n{\n}\n")
    plant(root, "src/base/b.c", "void b(void)\n{\n    a_one(1);\n}\n")
    plant(root, "test/unit/base/test_a.c", "    assert_non_null(a_three());\n")
    only(exports.check(root), "src/base/a.h:3", "a_two")


@case
def verb_without_a_way_over_http(root):
    plant(root, verbs.VERBS, '    {"members", "",\n    {"token new", "",\n    {"dance", "",\n')
    plant(root, verbs.WAYS, '    {"members", METHOD_GET, NULL},\n    NOT_HERE("token new", "a secret"),\n')
    only(verbs.check(root), "kith dance")


@case
def way_over_http_without_a_verb(root):
    plant(root, verbs.VERBS, '    {"members", "",\n')
    plant(root, verbs.WAYS, '    {"members", METHOD_GET, NULL},\n    {"dance", METHOD_GET, NULL},\n')
    only(verbs.check(root), "kith dance")


@case
def route_without_documentation(root):
    plant(root, openapi.ROUTES, '{METHOD_GET | METHOD_PUT, ROUTE_READS, "/api/v1/a/:", h},\n{METHOD_GET, ROUTE_READS, "/v1/b", h}')
    plant(root, openapi.DOCUMENT, "paths: {'/a/{x}': {parameters: [{name: x, in: path}], get: {}}}")
    only(openapi.check(root), "PUT /api/v1/a/:")


@case
def documentation_without_a_route(root):
    plant(root, openapi.ROUTES, '{METHOD_POST, ROUTE_CHANGES, "/api/v1/t/*", h}')
    plant(root, openapi.DOCUMENT, "paths: {'/t/{topic}': {parameters: [{name: topic, in: path}], post: {}}, /b: {get: {}}}")
    only(openapi.check(root), "no GET /api/v1/b")


@case
def clang_tidy_finds_a_fault(root):
    shutil.copy(os.path.join(house.ROOT, ".clang-tidy"), root)
    plant(root, "src/base/a.c", FAULTY)
    plant(root, "compile_commands.json", f'[{{"directory": "{root}", "file": "src/base/a.c", "command": "cc -c src/base/a.c"}}]')
    assert "clang-analyzer" in dict(static.tidy(root, root, ["src/base/a.c"]))["src/base/a.c"]


@case
def cppcheck_finds_a_fault(root):
    plant(root, "src/base/a.c", FAULTY)
    assert "arrayIndexOutOfBounds" in static.cppcheck(root, root, ["src/base/a.c"])


def main():
    failed = 0
    for test in CASES:
        with tempfile.TemporaryDirectory() as root:
            try:
                test(root)
            except Exception as error:  # pylint: disable=broad-except # every kind of failure is one
                failed += 1
                print(f"{test.__name__}: {type(error).__name__}: {error}")
    print(f"{len(CASES) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
