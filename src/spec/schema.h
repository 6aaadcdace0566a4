#ifndef KITH_SPEC_SCHEMA_H
#define KITH_SPEC_SCHEMA_H
/*
 * From nodes to a C struct by a table of keys. A table names each key's type, its field and bounds,
 * and an example that error messages show; whatever a key needs beyond its type is a function in
 * the table or a check after the table was read.
 *
 * All errors of a map are reported, not the first. A map with errors leaves its struct half filled:
 * whoever reads a text drops everything when errors->count is not 0.
 */
#include "spec/yaml.h"

enum schema_type {
    SCHEMA_TEXT,         /* struct bytes, 1 to max bytes */
    SCHEMA_NAME,         /* struct bytes, as schema_is_name() says */
    SCHEMA_BOOL,         /* bool: true or false */
    SCHEMA_U32,          /* uint32_t, min to max */
    SCHEMA_U64,          /* uint64_t, min to max */
    SCHEMA_DURATION_MS,  /* uint32_t, min to max */
    SCHEMA_DURATION_US,  /* kith_time, min to max */
    SCHEMA_SIZE,         /* uint64_t bytes */
    SCHEMA_MILLIS,       /* uint64_t: 0.5 is 500 */
    SCHEMA_CHOICE,       /* an enum, from `choices` */
    SCHEMA_TEXTS,        /* const struct bytes *, and how many: a list of SCHEMA_TEXT */
    SCHEMA_NAMES,        /* the same of SCHEMA_NAME, none twice */
    SCHEMA_DURATIONS_MS, /* const uint32_t *, and how many */
    SCHEMA_PAIRS,        /* const struct pair *, and how many: a map of any keys */
    SCHEMA_MAP,          /* a nested struct, by `sub` */
    SCHEMA_CUSTOM,       /* by `read` */
    SCHEMA_LATER,        /* known, and refused as not available yet */
};

struct schema_context {
    struct arena *mem; /* what the structs point to; texts are copied there by yaml.h */
    struct spec_errors *errors;
    const char *prefix; /* of the map that is being read, set by schema_read() */
};

struct schema_choice {
    const char *name;
    uint32_t value;
    bool later; /* known, and refused as not available yet */
};

struct schema_key {
    const char *name;
    const char *example; /* what to write instead, key and all: "count: 3" */
    enum schema_type type;
    uint32_t max_items;                  /* of a list or of pairs */
    size_t offset;                       /* of the field */
    size_t offset_n;                     /* of a list's length, uint32_t */
    uint64_t min;                        /* of numbers */
    uint64_t max;                        /* of numbers; bytes of a text; 0: none */
    const struct schema_choice *choices; /* ends with a NULL name */
    const struct schema *sub;
    /* Reads `node` into `field`; reports what is wrong. */
    void (*read)(struct schema_context *c, const struct schema_key *key,
                 const struct yaml_node *node, void *field);
    bool required;
};

struct schema {
    const char *what;   /* of messages: "a service" */
    const char *prefix; /* of keys in messages: "check.", or "" */
    const struct schema_key *keys;
    size_t count;
};

#define SCHEMA_COUNT(keys) (sizeof(keys) / sizeof(*(keys)))

/* What the keys of a map say goes into the struct at `ret`; the others keep what is there. */
void schema_read(struct schema_context *c, const struct schema *schema, const struct yaml_node *map,
                 void *ret);

/* For `read`: reports "KEY: WHAT; write EXAMPLE". */
void schema_refuse(struct schema_context *c, const struct schema_key *key, struct spec_at at,
                   const char *format, ...) __attribute__((format(printf, 4, 5), nonnull(4)));

/* For `read`: a node of this kind? If not, that is reported. */
bool schema_expect(struct schema_context *c, const struct schema_key *key,
                   const struct yaml_node *node, enum yaml_kind kind);

/* For `read`: one value of another key's type, as if it stood there. */
void schema_read_value(struct schema_context *c, const struct schema_key *key,
                       const struct yaml_node *node, void *ret);

/* Lower case letters, digits and inner hyphens, 1 to 63 of them: a DNS label (RFC 1123), so that
 * every name works in NAME.service.DOMAIN. */
bool schema_is_name(struct bytes text);

#endif
