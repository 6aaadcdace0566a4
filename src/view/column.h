#ifndef KITH_VIEW_COLUMN_H
#define KITH_VIEW_COLUMN_H
/*
 * What people see of one field of a reply: one definition for its place in JSON and in a table. A
 * value is made once, as JSON; the cell of a table is that JSON, written for people.
 */
#include "base/buf.h"
#include "wire/value.h"

#include <jansson.h>

enum column_as {
    COLUMN_PLAIN,    /* by the field's type; a struct or a list of structs field by field */
    COLUMN_TIME,     /* ms since 1970 -> RFC 3339; null for 0 */
    COLUMN_US_AS_MS, /* microseconds -> milliseconds with a fraction; null for 0 */
    COLUMN_HEX,      /* a number that is a hash */
    COLUMN_MAP,      /* a list of structs with two fields -> object, first field: second field */
    COLUMN_ROWS,     /* a list of structs, each by the columns of .rows; not in tables */
    COLUMN_MADE,     /* by .make */
};

struct columns;

struct column {
    const char *name;  /* in JSON; NULL: in tables only */
    const char *title; /* of the table's column; NULL: in JSON only */
    size_t width;      /* of the table's column, at least: for rows that are followed */
    const char *field; /* of the struct; for COLUMN_MADE none */
    enum column_as as;
    bool wide; /* in wide tables only */
    const struct columns *rows;
    json_t *(*make)(const void *item); /* a new reference */
};

struct columns { /* of one struct */
    const struct wire_struct *type;
    const struct column *items;
    size_t n;
};

/* The value of one column; a new reference, NULL when it is left out (an optional struct). */
json_t *column_value(const struct column *c, const struct wire_struct *type, const void *item);

/* The whole item as an object, in the columns' order; a new reference. */
json_t *columns_object(const struct columns *c, const void *item);

/* A field of a struct by name; asserts that there is one. */
const struct wire_field *column_field(const struct wire_struct *type, const char *name);

/* As a cell: strings as they are, "-" for nothing, lists and objects as a,b and k=v,k=v. */
void column_cell(struct buf *out, const json_t *value);

#endif
