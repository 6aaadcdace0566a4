#ifndef KITH_WIRE_VALUE_H
#define KITH_WIRE_VALUE_H
/*
 * Structs described by tables, so that one piece of code writes, reads, checks, copies and prints
 * all of them. scripts/wiregen.py makes the tables of proto/; effect.c and event.c have their own.
 */
#include "base/arena.h"
#include "base/ulid.h"

/* A public key, or a hash of that size. */
struct key32 {
    uint8_t b[32];
};

int key32_compare(const struct key32 *a, const struct key32 *b); /* as memcmp */
bool key32_is_zero(const struct key32 *k);

/* Why something was refused: "probe.seq" and a few words, both static. */
struct wire_error {
    const char *field;
    const char *why;
};

enum { WIRE_BAD = 1 };

struct wire_enum_value {
    uint32_t id;
    const char *name;
};

struct wire_enum {
    const char *name;
    const struct wire_enum_value *values;
    uint32_t values_n;
};

enum wire_type {
    WIRE_T_BOOL,
    WIRE_T_U8,
    WIRE_T_U16,
    WIRE_T_U32,
    WIRE_T_U64,
    WIRE_T_I64,
    WIRE_T_ULID,
    WIRE_T_KEY32,
    WIRE_T_STR,
    WIRE_T_BYTES,
    WIRE_T_ENUM,
    WIRE_T_STRUCT,
};

/* One field, as its schema file defines it. */
struct wire_field {
    const char *name;
    const char *path; /* STRUCT.NAME */
    uint8_t id;       /* key in a map, place (from 1) in an array */
    enum wire_type type;
    bool list;
    bool required;      /* always written, refused when missing */
    bool optional;      /* a pointer, NULL when absent */
    bool secret;        /* never printed */
    size_t offset;      /* in the C struct */
    size_t offset_n;    /* of a list's length */
    size_t item_size;   /* of a list's items */
    uint32_t max;       /* bytes, of str and bytes */
    uint32_t max_items; /* of a list */
    int64_t min;        /* of integers that are present */
    uint64_t max_value; /* of integers that are present */
    const struct wire_struct *sub;
    const struct wire_enum *names;
};

/* A struct or message. A struct whose bytes are all zero is a valid, empty value of each. */
struct wire_struct {
    const char *name;
    size_t size;
    const struct wire_field *fields; /* by ascending id */
    uint32_t fields_n;
    bool array; /* a MessagePack array by place, else a map by id */
};

/* The name of a number, "?" when it has none. */
const char *wire_enum_name(const struct wire_enum *e, uint32_t id);

/* 0, or WIRE_BAD and *err says which field breaks its bounds. */
int wire_check(const struct wire_struct *type, const void *v, struct wire_error *err);

/* The same for the one value at p (an item, if f is a list); not for structs. */
int wire_check_value(const struct wire_field *f, const void *p, struct wire_error *err);

/*
 * A copy of the struct v in *ret that shares nothing with it: bytes, lists and optional structs are
 * copied into mem. ret and v have the type's size and may be the same.
 */
void wire_copy(struct arena *mem, const struct wire_struct *type, void *ret, const void *v);

/* Whether every field is at its zero value, which is then not written. */
bool wire_is_zero(const struct wire_struct *type, const void *v);
bool wire_field_is_zero(const struct wire_field *f, const void *v); /* v: the struct */

/* For those who walk a struct by its table, as codecs, printing and views do; v is the struct. */
struct wire_list {
    const uint8_t *items; /* item_size apart */
    uint32_t n;
};

struct wire_list wire_load_list(const struct wire_field *f, const void *v);
const void *wire_field_at(const struct wire_field *f, const void *v); /* NULL: optional, absent */
uint64_t wire_load(const struct wire_field *f, const void *p);        /* an unsigned or enum at p */
void wire_store(const struct wire_field *f, void *p, uint64_t v);     /* likewise, into p */
int64_t wire_load_i64(const void *p);
struct bytes wire_load_bytes(const void *p);

#endif
