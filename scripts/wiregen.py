#!/usr/bin/python3
"""Turn proto/*.toml into C structs, codec tables and docs/protocol.md.

    wiregen.py --out DIR PROTO_DIR [NAME...]   write DIR/NAME.h, DIR/NAME.c, DIR/kinds.h, DIR/kinds.c
    wiregen.py --doc FILE PROTO_DIR            write the reference page
    wiregen.py --check FILE PROTO_DIR          fail if the reference page is not current
    wiregen.py --list PROTO_DIR                print what each file defines

With NAMEs, they must be exactly the files in PROTO_DIR: the build lists its outputs by hand.
The schema language is described in CONTRIBUTING.md.
Output depends on the input only: the same files give the same bytes.
"""

import argparse
import pathlib
import re
import sys
import tomllib

INTS = {
    "u8": ("uint8_t", 0, 2**8 - 1),
    "u16": ("uint16_t", 0, 2**16 - 1),
    "u32": ("uint32_t", 0, 2**32 - 1),
    "u64": ("uint64_t", 0, 2**64 - 1),
    "i64": ("int64_t", -(2**63), 2**63 - 1),
}
PLAIN = {
    "bool": "bool",
    "ulid": "struct ulid",
    "key32": "struct key32",
    "str": "struct bytes",
    "bytes": "struct bytes",
}
C_WORDS = set(
    """auto bool break case char const continue default do double else enum extern false float for goto if inline int
    long register restrict return short signed sizeof static struct switch true typedef union unsigned void volatile
    while""".split()
)
MAX_KEY = 64  # the decoder keeps one bit per known field
MAX_KIND = 65535
LANES = "wire_lane"  # the enum that gives the lanes their numbers

ITEM_KEYS = {
    "enum": {"name", "doc", "values"},
    "struct": {"name", "doc", "layout", "fields"},
    "message": {"name", "doc", "kind", "lane", "fields", "since"},
}
VALUE_KEYS = {"id", "name", "doc", "since"}
FIELD_KEYS = {
    "id", "name", "type", "doc", "since", "required", "optional", "secret", "max", "max_items", "min", "max_value",
}


class Bad(Exception):
    """A mistake in a schema file; the text names file and item."""


class Field:
    """One field of a struct or message, checked."""

    def __init__(self, owner, raw):
        self.owner = owner
        self.name = raw.get("name", "?")
        self.where = f"{owner.where}.{self.name}"
        need_keys(self.where, raw, FIELD_KEYS, {"id", "name", "type"})
        check_name(self.where, self.name)
        self.id = need_int(self.where, raw, "id", 1, MAX_KEY)
        self.doc = raw.get("doc", "")
        self.since = raw.get("since", 1)
        self.required = flag(self.where, raw, "required")
        self.optional = flag(self.where, raw, "optional")
        self.secret = flag(self.where, raw, "secret")
        self.list = raw["type"].startswith("list:")
        self.type = raw["type"].removeprefix("list:")
        self.ref = None
        if self.type.startswith(("enum:", "struct:")):
            self.type, self.ref = self.type.split(":", 1)
        elif self.type not in INTS and self.type not in PLAIN:
            raise Bad(f"{self.where}: unknown type {raw['type']!r}")
        self.max = self.bound(raw, "max", self.type in ("str", "bytes"))
        self.max_items = self.bound(raw, "max_items", self.list)
        self.range(raw)
        if self.optional and (self.type != "struct" or self.list or self.required):
            raise Bad(f"{self.where}: optional is for a single struct:NAME that is not required")

    def bound(self, raw, key, wanted):
        if wanted and key not in raw:
            raise Bad(f"{self.where}: {raw['type']} needs a bound, {key} = ...")
        if not wanted and key in raw:
            raise Bad(f"{self.where}: {key} means nothing for {raw['type']}")
        return need_int(self.where, raw, key, 1, 2**26) if wanted else 0

    def range(self, raw):
        low, high = (INTS[self.type][1:]) if self.type in INTS else (0, 0)
        for key in ("min", "max_value"):
            if key in raw and self.type not in INTS:
                raise Bad(f"{self.where}: {key} means nothing for {raw['type']}")
        self.min = need_int(self.where, raw, "min", low, high) if "min" in raw else low
        self.max_value = need_int(self.where, raw, "max_value", low, high) if "max_value" in raw else high
        if self.min > self.max_value:
            raise Bad(f"{self.where}: min is larger than max_value")

    def c_type(self):
        if self.type in INTS:
            return INTS[self.type][0]
        if self.ref:
            return f"{self.type} {self.ref}"
        return PLAIN[self.type]

    def text(self):
        """The type as the reference page writes it."""
        one = self.ref if self.ref else self.type
        if self.max:
            one += f" <= {self.max} B"
        if self.type in INTS and (self.min, self.max_value) != INTS[self.type][1:]:
            one += f" {self.min}..{self.max_value}"
        return f"list of {one}, <= {self.max_items}" if self.list else one


class Item:
    """An enum, struct or message of one file."""

    def __init__(self, file, what, raw):
        self.file = file
        self.what = what
        self.name = raw.get("name", "?")
        self.where = f"{file}.toml: {what} {self.name}"
        self.doc = raw.get("doc", "")
        need_keys(self.where, raw, ITEM_KEYS[what], {"name"})
        check_name(self.where, self.name)


class Enum(Item):
    def __init__(self, file, raw):
        super().__init__(file, "enum", raw)
        self.values = raw.get("values", [])
        if not self.values:
            raise Bad(f"{self.where}: no values")
        for value in self.values:
            where = f"{self.where}.{value.get('name', '?')}"
            need_keys(where, value, VALUE_KEYS, {"id", "name"})
            check_name(where, value["name"], word=True)
            need_int(where, value, "id", 0, 2**31 - 1)
        unique(self.where, "id", [v["id"] for v in self.values])
        unique(self.where, "name", [v["name"] for v in self.values])
        self.values = sorted(self.values, key=lambda v: v["id"])

    def constant(self, value):
        return f"{self.name}_{value['name']}".upper()


class Struct(Item):
    def __init__(self, file, what, raw):
        super().__init__(file, what, raw)
        self.array = raw.get("layout", "map") == "array"
        if raw.get("layout", "map") not in ("map", "array"):
            raise Bad(f"{self.where}: layout is map or array, not {raw['layout']!r}")
        self.kind = need_int(self.where, raw, "kind", 1, MAX_KIND) if what == "message" else 0
        self.lane = raw.get("lane")
        self.since = raw.get("since", 1)
        if what == "message" and not self.lane:
            raise Bad(f"{self.where}: a message needs a lane")
        self.fields = sorted((Field(self, f) for f in raw.get("fields", [])), key=lambda f: f.id)
        if not self.fields and not what == "message":
            raise Bad(f"{self.where}: no fields")
        unique(self.where, "id", [f.id for f in self.fields])
        unique(self.where, "field name", [f.name for f in self.fields])
        if self.array:
            self.check_array()

    def check_array(self):
        if [f.id for f in self.fields] != list(range(1, len(self.fields) + 1)):
            raise Bad(f"{self.where}: the ids of an array are 1, 2, 3, ...")
        required = [f.required for f in self.fields]
        if required != sorted(required, reverse=True):
            raise Bad(f"{self.where}: the required fields of an array come first")


def need_keys(where, raw, known, needed):
    for key in raw:
        if key not in known:
            raise Bad(f"{where}: unknown key {key!r}")
    for key in sorted(needed):
        if key not in raw:
            raise Bad(f"{where}: {key} is missing")


def need_int(where, raw, key, low, high):
    value = raw.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise Bad(f"{where}: {key} must be a number from {low} to {high}, not {value!r}")
    return value


def flag(where, raw, key):
    if not isinstance(raw.get(key, False), bool):
        raise Bad(f"{where}: {key} is true or false")
    return raw.get(key, False)


def check_name(where, name, word=False):
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise Bad(f"{where}: names are lower case letters, digits and _")
    if name in C_WORDS and not word:
        raise Bad(f"{where}: {name} is a word of C")


def unique(where, what, values):
    for value in values:
        if values.count(value) > 1:
            raise Bad(f"{where}: {what} {value} is given twice")


class Schema:
    """All files of a folder, with references resolved."""

    def __init__(self, folder):
        self.docs = {}
        self.items = {}  # name -> Item, all files
        paths = sorted(pathlib.Path(folder).glob("*.toml"))
        if not paths:
            raise Bad(f"{folder}: no .toml file")
        for path in paths:
            self.load(path)
        for struct in self.structs():
            for field in struct.fields:
                self.resolve(field)
        self.check_kinds()
        self.order = {file: self.sorted_items(file) for file in self.docs}
        self.includes = {file: self.needs(file) for file in self.docs}
        for file in self.docs:
            self.check_cycle(file, [])

    def load(self, path):
        file = path.stem
        check_name(f"{path.name}", file)
        if file == "kinds":
            raise Bad(f"{path.name}: kinds is the name of a generated file")
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise Bad(f"{path.name}: {error}") from error
        need_keys(path.name, raw, {"doc", "enum", "struct", "message"}, {"doc"})
        self.docs[file] = raw["doc"]
        made = [Enum(file, r) for r in raw.get("enum", [])]
        made += [Struct(file, "struct", r) for r in raw.get("struct", [])]
        made += [Struct(file, "message", r) for r in raw.get("message", [])]
        for item in made:
            if item.name in self.items:
                other = self.items[item.name]
                raise Bad(f"{item.where}: the name is given twice, see {other.where}")
            self.items[item.name] = item

    def structs(self, file=None):
        return [i for i in self.items.values() if isinstance(i, Struct) and file in (None, i.file)]

    def messages(self):
        return sorted((s for s in self.structs() if s.what == "message"), key=lambda s: s.kind)

    def resolve(self, field):
        if not field.ref:
            return
        target = self.items.get(field.ref)
        wanted = Enum if field.type == "enum" else Struct
        if not isinstance(target, wanted):
            raise Bad(f"{field.where}: unknown type {field.type}:{field.ref}")
        field.target = target

    def check_kinds(self):
        unique("kinds of all files", "kind", [m.kind for m in self.messages()])
        lanes = self.items.get(LANES)
        if not isinstance(lanes, Enum):
            raise Bad(f"enum {LANES} is missing: it numbers the lanes")
        names = [v["name"] for v in lanes.values]
        for message in self.messages():
            if message.lane not in names:
                raise Bad(f"{message.where}: unknown lane {message.lane!r}")

    def sorted_items(self, file):
        """Structs after what they embed."""
        done, ret = set(), []

        def visit(struct, path):
            if struct.name in path:
                raise Bad(f"{struct.where}: contains itself: {' -> '.join([*path, struct.name])}")
            if struct.name in done or struct.file != file:
                return
            for field in struct.fields:
                if field.type == "struct" and not field.list and not field.optional:
                    visit(field.target, [*path, struct.name])
            done.add(struct.name)
            ret.append(struct)

        for struct in self.structs(file):
            visit(struct, [])
        return ret

    def needs(self, file):
        refs = {f.target.file for s in self.structs(file) for f in s.fields if f.ref}
        return sorted(refs - {file})

    def check_cycle(self, file, path):
        if file in path:
            raise Bad(f"{file}.toml: files refer to each other: {' -> '.join([*path, file])}")
        for other in self.includes[file]:
            self.check_cycle(other, [*path, file])


def wrapped(text, width=92):
    """The words of a text in lines."""
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line] if line else lines


def comment(text, indent=""):
    lines = wrapped(text.replace("*/", "* /").replace("/*", "/ *"))
    if not lines:
        return ""
    if len(lines) == 1:
        return f"{indent}/* {lines[0]} */\n"
    body = "".join(f"{indent} * {line}\n" for line in lines)
    return f"{indent}/*\n{body}{indent} */\n"


def banner(file):
    source = f"proto/{file}.toml" if file else "all of proto/"
    return f"/* Generated by scripts/wiregen.py from {source}: change that, not this. */\n"


def enum_h(enum):
    out = comment(enum.doc) + f"enum {enum.name} {{\n"
    for value in enum.values:
        doc = f" /* {value['doc']} */" if value.get("doc") else ""
        out += f"    {enum.constant(value)} = {value['id']},{doc}\n"
    out += "};\n\n"
    out += f"extern const struct wire_enum {enum.name}_enum;\n"
    out += f"const char *{enum.name}_name(enum {enum.name} v); /* \"?\" for a number without a name */\n\n"
    return out


def field_h(field):
    doc = " ".join([field.doc, *bounds(field)]).strip()
    out = comment(doc, "    ")
    if field.list:
        return out + f"    const {field.c_type()} *{field.name};\n    uint32_t {field.name}_n;\n"
    if field.optional:
        return out + f"    const {field.c_type()} *{field.name}; /* NULL when absent */\n"
    return out + f"    {field.c_type()} {field.name};\n"


def bounds(field):
    if field.type in INTS and (field.min, field.max_value) != INTS[field.type][1:]:
        yield f"({field.min} to {field.max_value})"
    if field.max:
        yield f"(at most {field.max} bytes)"
    if field.list:
        yield f"(at most {field.max_items})"


def struct_h(struct):
    out = ""
    for field in struct.fields:
        prefix = f"{struct.name}_{field.name}".upper()
        if field.max:
            out += f"#define {prefix}_MAX {field.max}\n"
        if field.list:
            out += f"#define {prefix}_MAX_ITEMS {field.max_items}\n"
    out += "\n" if out else ""
    out += comment(struct.doc) + f"struct {struct.name} {{\n"
    out += "".join(field_h(f) for f in struct.fields) or "    char nothing; /* a message without fields */\n"
    n = struct.name
    return out + f"""}};

extern const struct wire_struct {n}_struct;
void {n}_encode(struct buf *out, const struct {n} *v);
int {n}_decode(struct {n} *ret, struct bytes in, struct arena *mem, struct wire_error *err);
void {n}_print(struct buf *out, const struct {n} *v);
void {n}_copy(struct arena *mem, struct {n} *ret, const struct {n} *v); /* shares nothing with v */

"""


def header(schema, file):
    guard = f"KITH_WIRE_GEN_{file.upper()}_H"
    doc = comment(schema.docs[file])
    out = banner(file) + f"#ifndef {guard}\n#define {guard}\n{doc}"
    out += '#include "wire/codec.h"\n'
    out += "".join(f'#include "wire/gen/{other}.h"\n' for other in schema.includes[file]) + "\n"
    out += "".join(enum_h(i) for i in schema.items.values() if isinstance(i, Enum) and i.file == file)
    structs = schema.order[file]
    out += "".join(struct_h(s) for s in structs)
    return out + "#endif\n"


def enum_c(enum):
    values = "".join(f'    {{{v["id"]}, "{v["name"]}"}},\n' for v in enum.values)
    return f"""static const struct wire_enum_value {enum.name}_values[] = {{
{values}}};
const struct wire_enum {enum.name}_enum = {{"{enum.name}", {enum.name}_values, {len(enum.values)}}};

const char *{enum.name}_name(enum {enum.name} v)
{{
    return wire_enum_name(&{enum.name}_enum, (uint32_t)v);
}}

"""


def number(value):
    """An integer as C writes it."""
    if value == -(2**63):
        return "INT64_MIN"
    return f"{value}u" if 2**31 <= value < 2**32 else (f"UINT64_C({value})" if value > 2**31 - 1 else f"{value}")


def field_c(struct, field):
    owner = f"struct {struct.name}"
    parts = [
        f'.name = "{field.name}"',
        f'.path = "{struct.name}.{field.name}"',
        f".id = {field.id}",
        f".type = WIRE_T_{field.type.upper()}",
        f".offset = offsetof({owner}, {field.name})",
    ]
    if field.list:
        parts += [".list = true", f".offset_n = offsetof({owner}, {field.name}_n)", f".max_items = {field.max_items}"]
        parts += [f".item_size = sizeof({field.c_type()})"]
    parts += [".required = true"] if field.required else []
    parts += [".optional = true"] if field.optional else []
    parts += [".secret = true"] if field.secret else []
    parts += [f".max = {field.max}"] if field.max else []
    if field.type in INTS:
        parts += [f".min = {number(field.min)}", f".max_value = {number(field.max_value)}"]
    if field.type == "struct":
        parts += [f".sub = &{field.ref}_struct"]
    if field.type == "enum":
        parts += [f".names = &{field.ref}_enum"]
    return "    {" + ",\n     ".join(parts) + "},\n"


def struct_c(struct):
    n = struct.name
    fields = "".join(field_c(struct, f) for f in struct.fields)
    table = f"static const struct wire_field {n}_fields[] = {{\n{fields}}};\n" if fields else ""
    checks = "".join(
        f"_Static_assert(sizeof({f.c_type()}) == 4, \"enums are 32 bits\");\n"
        for f in struct.fields if f.type == "enum"
    )
    return f"""{table}{checks}const struct wire_struct {n}_struct = {{
    .name = "{n}",
    .size = sizeof(struct {n}),
    .fields = {n + "_fields" if fields else "NULL"},
    .fields_n = {len(struct.fields)},
    .array = {"true" if struct.array else "false"},
}};

void {n}_encode(struct buf *out, const struct {n} *v)
{{
    wire_encode(out, &{n}_struct, v);
}}

int {n}_decode(struct {n} *ret, struct bytes in, struct arena *mem, struct wire_error *err)
{{
    return wire_decode(ret, &{n}_struct, in, mem, err);
}}

void {n}_print(struct buf *out, const struct {n} *v)
{{
    wire_print(out, &{n}_struct, v);
}}

void {n}_copy(struct arena *mem, struct {n} *ret, const struct {n} *v)
{{
    wire_copy(mem, &{n}_struct, ret, v);
}}

"""


def source(schema, file):
    out = banner(file) + f'#include "wire/gen/{file}.h"\n\n#include "wire/print.h"\n\n#include <stddef.h>\n\n'
    out += "".join(enum_c(i) for i in schema.items.values() if isinstance(i, Enum) and i.file == file)
    return out + "".join(struct_c(s) for s in schema.order[file])


SIZES = {"bool": 1, "u8": 2, "u16": 3, "u32": 5, "u64": 9, "i64": 9, "ulid": 18, "key32": 34, "enum": 5}
HUGE = 2**30
FRAME_MAX = 4 * 2**20  # FRAME_MAX_BYTES of src/wire/frame.h


def largest(struct, path=()):
    """Bytes of a struct with every field at its bounds; HUGE at most, also for one that contains itself."""
    if struct.name in path:
        return HUGE
    total = 3
    for f in struct.fields:
        one = SIZES.get(f.type) or (largest(f.target, (*path, struct.name)) if f.type == "struct" else f.max + 5)
        total += 2 + (one * f.max_items + 5 if f.list else one)
    return min(total, HUGE)


def room(struct):
    """The limit of a payload: later versions may add as much again, and at least a little."""
    return 2 * largest(struct) + 1024


def kinds_h(schema):
    lanes = schema.items[LANES]
    kinds = ""
    for message in schema.messages():
        kinds += comment(message.doc, "    ") + f"    WIRE_{message.name.upper()} = {message.kind},\n"
    return f"""{banner("")}#ifndef KITH_WIRE_GEN_KINDS_H
#define KITH_WIRE_GEN_KINDS_H
/*
 * What a frame can carry: the number in the envelope, its lane and the table of its payload. With it
 * any payload can be checked and printed by number (wire_payload_check() and wire_payload_print()).
 */
#include "wire/codec.h"
#include "wire/gen/{lanes.file}.h"

enum wire_kind {{
{kinds}}};

struct wire_kind_info {{
    enum wire_kind kind;
    enum wire_lane lane;
    const struct wire_struct *type;
    uint32_t max_bytes; /* of the payload: all fields at their bounds, and room for later ones */
}};

/* All messages, by ascending kind. */
extern const struct wire_kind_info wire_kinds[];
extern const uint32_t wire_kinds_n;

/* All structs and messages of all files, for tests and fuzz targets. */
extern const struct wire_struct *const wire_structs[];
extern const uint32_t wire_structs_n;

#endif
"""


def kinds_c(schema):
    files = sorted({m.file for m in schema.structs()})
    rows = "".join(
        f"    {{WIRE_{m.name.upper()}, {LANES.upper()}_{m.lane.upper()}, &{m.name}_struct, {number(room(m))}}},\n"
        for m in schema.messages()
    )
    structs = sorted(schema.structs(), key=lambda s: s.name)
    return f"""{banner("")}#include "wire/gen/kinds.h"

{"".join(f'#include "wire/gen/{f}.h"' + chr(10) for f in files)}
const struct wire_kind_info wire_kinds[] = {{
{rows}}};
const uint32_t wire_kinds_n = {len(schema.messages())};

const struct wire_struct *const wire_structs[] = {{
{"".join(f"    &{s.name}_struct,{chr(10)}" for s in structs)}}};
const uint32_t wire_structs_n = {len(structs)};
"""


DOC_HEAD = """<!-- Generated by scripts/wiregen.py from proto/*.toml: change that, not this. -->
# Protocol

A frame is an envelope, a MessagePack array (`envelope` below), followed at once by its payload, one of the messages
below: a MessagePack map with integer keys. Integers take their shortest form, keys ascend, and a field at its zero
value is left out unless it is marked required. ULIDs and keys are `bin` of 16 and 32 bytes. Unknown keys are skipped;
wrong types, repeated keys, sizes over the bounds, invalid UTF-8 in a `str`, an unknown number of an enum, more than
16 levels and trailing bytes refuse the whole frame. Elements at the end of an array that are at their zero value are
left out, ones in between may be nil; elements beyond those known are skipped. No frame is larger than 4 MiB.

A new field takes the next free number and is never required; a number is never used again.

"""


def cell(text):
    return " ".join(text.split()).replace("|", "\\|")


def doc_fields(struct):
    if not struct.fields:
        return "No fields.\n\n"
    out = "| key | field | type | since | what |\n| --- | --- | --- | --- | --- |\n"
    for f in struct.fields:
        mark = " (required)" if f.required else ""
        mark = " (may be absent)" if f.optional else mark
        out += f"| {f.id} | {f.name} | {f.text()}{mark} | {f.since} | {cell(f.doc)} |\n"
    return out + "\n"


def doc_page(schema):
    out = DOC_HEAD + "## Messages by kind\n\n"
    out += "| kind | message | lane | payload, at most | file |\n| --- | --- | --- | --- | --- |\n"
    for m in schema.messages():
        size = f"{room(m)} B" if room(m) < FRAME_MAX else "what a frame holds"
        out += f"| {m.kind} | {m.name} | {m.lane} | {size} | {m.file}.toml |\n"
    for file, doc in schema.docs.items():
        out += f"\n## {file}.toml\n\n{doc.strip()}\n\n"
        for item in schema.items.values():
            if item.file != file:
                continue
            extra = f" (kind {item.kind}, lane {item.lane})" if item.what == "message" else ""
            extra = " (array)" if item.what == "struct" and item.array else extra
            out += f"### {item.what} {item.name}{extra}\n\n"
            out += f"{item.doc.strip()}\n\n" if item.doc else ""
            if item.what == "enum":
                out += "| number | name | what |\n| --- | --- | --- |\n"
                out += "".join(f"| {v['id']} | {v['name']} | {cell(v.get('doc', ''))} |\n" for v in item.values) + "\n"
            else:
                out += doc_fields(item)
    return out.rstrip() + "\n"


def write(path, text):
    """Leaves an equal file alone, so that nothing is built again for nothing."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def generate(schema, out):
    out.mkdir(parents=True, exist_ok=True)
    for file in schema.docs:
        write(out / f"{file}.h", header(schema, file))
        write(out / f"{file}.c", source(schema, file))
    write(out / "kinds.h", kinds_h(schema))
    write(out / "kinds.c", kinds_c(schema))


def check_doc(schema, page):
    if not page.exists() or page.read_text(encoding="utf-8") != doc_page(schema):
        raise Bad(f"{page} is not current: run scripts/wiregen.py --doc docs/protocol.md proto")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--doc", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--check", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("folder", metavar="PROTO_DIR")
    parser.add_argument("names", metavar="NAME", nargs="*")
    args = parser.parse_args()
    try:
        schema = Schema(args.folder)
        if args.names and sorted(args.names) != list(schema.docs):
            raise Bad(f"{args.folder} holds {' '.join(schema.docs)}, the build lists {' '.join(args.names)}")
        if args.out:
            generate(schema, args.out)
        if args.doc:
            write(args.doc, doc_page(schema))
        if args.check:
            check_doc(schema, args.check)
        if args.list:
            for item in schema.items.values():
                print(item.file, item.what, item.name)
    except Bad as error:
        sys.exit(f"wiregen: {error}")


if __name__ == "__main__":
    main()
