#ifndef KITH_VIEW_YAML_H
#define KITH_VIEW_YAML_H
/*
 * JSON values as YAML 1.2: blocks for objects and arrays, and every text in double quotes with
 * JSON's escapes, which YAML reads alike. So there is no text that turns into something else.
 */
#include "base/buf.h"

#include <jansson.h>

/* indent: blanks before each line. Ends with a newline. */
void yaml_write(struct buf *out, const json_t *value, size_t indent);

/* A value as JSON text, safe for a terminal; flags as of jansson. */
void json_write(struct buf *out, const json_t *value, size_t flags);

#endif
