#!/usr/bin/python3
"""The generator refuses bad schemas, naming file and item, and gives the same output for the same input."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

GENERATOR = pathlib.Path(__file__).resolve().parents[3] / "scripts" / "wiregen.py"
GOOD = """
doc = "A sample."
[[enum]]
name = "wire_lane"
values = [{id=1, name="member"}]
[[struct]]
name = "leaf"
fields = [{id=1, name="id", type="ulid"}]
[[message]]
name = "ping"
kind = 1
lane = "member"
fields = [{id=1, name="leaves", type="list:struct:leaf", max_items=4}, {id=2, name="text", type="str", max=9}]
"""


def run(*args):
    return subprocess.run([sys.executable, GENERATOR, *args], capture_output=True, text=True, check=False)


class Folder:
    """A folder of schema files, and one for what is generated."""

    def __init__(self, **files):
        self.dir = tempfile.TemporaryDirectory()
        self.proto = pathlib.Path(self.dir.name, "proto")
        self.out = pathlib.Path(self.dir.name, "out")
        self.proto.mkdir()
        for name, text in files.items():
            (self.proto / f"{name}.toml").write_text(text)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.dir.cleanup()

    def generate(self, *names):
        return run("--out", str(self.out), str(self.proto), *names)

    def outputs(self):
        return {p.name: p.read_text() for p in self.out.iterdir()}


class Generator(unittest.TestCase):
    def refused(self, says, **files):
        with Folder(**files) as folder:
            result = folder.generate()
            self.assertEqual(result.returncode, 1, result.stdout)
            self.assertIn(says, result.stderr)

    def field(self, text, says):
        extra = f'[[struct]]\nname = "other"\nfields = [{text}]\n'
        self.refused(f"a.toml: struct other{says}", a=GOOD + extra)

    def test_same_input_same_output(self):
        with Folder(a=GOOD) as one, Folder(a=GOOD) as two:
            self.assertEqual(one.generate("a").returncode, 0)
            self.assertEqual(two.generate("a").returncode, 0)
            self.assertEqual(one.outputs(), two.outputs())
            self.assertEqual(sorted(one.outputs()), ["a.c", "a.h", "kinds.c", "kinds.h"])
            self.assertIn("WIRE_PING = 1", one.outputs()["kinds.h"])

    def test_unchanged_output_is_left_alone(self):
        with Folder(a=GOOD) as folder:
            folder.generate()
            before = (folder.out / "a.h").stat().st_mtime_ns
            folder.generate()
            self.assertEqual((folder.out / "a.h").stat().st_mtime_ns, before)

    def test_references_across_files_are_included(self):
        other = 'doc="x"\n[[struct]]\nname="twig"\nfields=[{id=1, name="leaf", type="struct:leaf"}]\n'
        with Folder(a=GOOD, b=other) as folder:
            self.assertEqual(folder.generate().returncode, 0)
            self.assertIn('#include "wire/gen/a.h"', folder.outputs()["b.h"])

    def test_files_that_refer_to_each_other(self):
        a = GOOD + '[[struct]]\nname="x"\nfields=[{id=1, name="y", type="struct:y", optional=true}]\n'
        b = 'doc="x"\n[[struct]]\nname="y"\nfields=[{id=1, name="x", type="struct:x", optional=true}]\n'
        self.refused("files refer to each other: a -> b -> a", a=a, b=b)

    def test_names_and_numbers_are_given_once(self):
        again = '[[struct]]\nname = "leaf"\nfields = [{id=1, name="id", type="ulid"}]\n'
        self.refused("a.toml: struct leaf: the name is given twice", a=GOOD + again)
        kind = '[[message]]\nname = "pong"\nkind = 1\nlane = "member"\nfields = []\n'
        self.refused("kind 1 is given twice", a=GOOD + kind)
        self.field('{id=1, name="x", type="u8"}, {id=1, name="y", type="u8"}', ": id 1 is given twice")
        self.field('{id=1, name="x", type="u8"}, {id=2, name="x", type="u8"}', ": field name x is given twice")

    def test_types_and_bounds(self):
        self.field('{id=1, name="x", type="u128"}', ".x: unknown type 'u128'")
        self.field('{id=1, name="x", type="struct:nope"}', ".x: unknown type struct:nope")
        self.field('{id=1, name="x", type="enum:leaf"}', ".x: unknown type enum:leaf")
        self.field('{id=1, name="x", type="str"}', ".x: str needs a bound, max")
        self.field('{id=1, name="x", type="bytes"}', ".x: bytes needs a bound, max")
        self.field('{id=1, name="x", type="list:u8"}', ".x: list:u8 needs a bound, max_items")
        self.field('{id=1, name="x", type="u8", max=3}', ".x: max means nothing for u8")
        self.field('{id=1, name="x", type="u8", max_value=256}', ".x: max_value must be a number from 0 to 255")
        self.field('{id=1, name="x", type="u8", min=5, max_value=4}', ".x: min is larger than max_value")
        self.field('{id=1, name="x", type="str", max=3, min=1}', ".x: min means nothing for str")
        self.field('{id=0, name="x", type="u8"}', ".x: id must be a number from 1 to 64")
        self.field('{id=1, name="x", type="u8", optional=true}', ".x: optional is for a single struct")
        self.field('{id=1, name="x", type="u8", requird=true}', ".x: unknown key 'requird'")
        self.field('{id=1, name="x"}', ".x: type is missing")
        self.field('{id=1, name="X", type="u8"}', ".X: names are lower case")
        self.field('{id=1, name="int", type="u8"}', ".int: int is a word of C")
        self.field('{id=1, name="x", type="struct:other"}', ": contains itself: other -> other")

    def test_structs(self):
        self.field("", ": no fields")
        array = '[[struct]]\nname = "row"\nlayout = "array"\nfields = [%s]\n'
        self.refused("a.toml: struct row: the ids of an array are 1, 2, 3",
                     a=GOOD + array % '{id=2, name="x", type="u8"}')
        self.refused("a.toml: struct row: the required fields of an array come first",
                     a=GOOD + array % '{id=1, name="x", type="u8"}, {id=2, name="y", type="u8", required=true}')
        self.refused("layout is map or array", a=GOOD + array.replace("array", "list") % '{id=1, name="x", type="u8"}')

    def test_enums_and_messages(self):
        self.refused("a.toml: enum e: no values", a=GOOD + '[[enum]]\nname = "e"\n')
        self.refused("a.toml: enum e: id 1 is given twice",
                     a=GOOD + '[[enum]]\nname = "e"\nvalues = [{id=1, name="a"}, {id=1, name="b"}]\n')
        self.refused("a.toml: message m: unknown lane 'fast'",
                     a=GOOD + '[[message]]\nname = "m"\nkind = 2\nlane = "fast"\n')
        self.refused("a.toml: message m: a message needs a lane", a=GOOD + '[[message]]\nname = "m"\nkind = 2\n')
        self.refused("enum wire_lane is missing", a='doc="x"\n[[enum]]\nname="e"\nvalues=[{id=1, name="a"}]\n')

    def test_files(self):
        self.refused("a.toml:", a="doc = ")
        self.refused("a.toml: doc is missing", a="")
        self.refused("no .toml file")
        with Folder(a=GOOD, b='doc="x"') as folder:
            self.assertIn("holds a b, the build lists a", folder.generate("a").stderr)

    def test_reference_page_is_checked(self):
        with Folder(a=GOOD) as folder:
            page = str(folder.proto / "page.md")
            self.assertEqual(run("--check", page, str(folder.proto)).returncode, 1)
            self.assertEqual(run("--doc", page, str(folder.proto)).returncode, 0)
            self.assertEqual(run("--check", page, str(folder.proto)).returncode, 0)


if __name__ == "__main__":
    unittest.main()
