#ifndef KITH_SPEC_YAML_H
#define KITH_SPEC_YAML_H
/*
 * YAML to a tree of nodes that know where they stand. The parser is libfyaml's, by events; the tree
 * is ours, because every use here wants the same bounds and refusals:
 *
 * - UTF-8 only, no control characters; at most YAML_MAX_BYTES, YAML_MAX_NODES, YAML_MAX_DEPTH.
 * - A key is text and stands once in its map.
 * - No anchors, aliases and tags: nobody needs them in files this small, and an alias is how a page
 * of text becomes a gigabyte of values.
 *
 * Scalars stay text, whether quoted or not: 1.10 is "1.10" until a schema asks for a number. Only a
 * plain nothing, ~ or null is YAML_NULL.
 */
#include "spec/errors.h"

#define YAML_MAX_BYTES (1024 * 1024)
#define YAML_MAX_NODES 100000
#define YAML_MAX_ITEMS 1024 /* in one map or list; looking for repeated keys costs its square */
#define YAML_MAX_DEPTH 16

enum yaml_kind { YAML_NULL, YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    struct spec_at at;
    struct bytes text; /* YAML_TEXT: without NUL bytes */
    bool block;        /* YAML_TEXT: over several lines, so that columns inside mean nothing */
    struct bytes key;  /* in a map: the key that this is the value of */
    struct spec_at key_at;
    struct yaml_node *items; /* of a map or list, in the order of the text */
    struct yaml_node *next;  /* in the parent's items, or the next document */
    uint32_t count;          /* of items */
};

/* Its documents in a row (NULL when there is none, as in an empty file), in `mem`. 0, or SPEC_BAD:
 * the errors say why. */
int yaml_parse(struct yaml_node **ret, struct bytes text, struct arena *mem,
               struct spec_errors *errors);

const char *yaml_kind_name(enum yaml_kind kind); /* "text", "a list", ... */

/* The value of a key; NULL when it is not there. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

#endif
