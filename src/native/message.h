#ifndef KITH_NATIVE_MESSAGE_H
#define KITH_NATIVE_MESSAGE_H
/*
 * Reads a client's message out of JSON by the message's table, so that what proto/ defines can be said over HTTP under
 * the names that it has there, and nothing else can. Pure but for the memory that jansson takes.
 *
 * An object's members are the message's fields. A list of structs with two fields, the first of them a text (tags, ports),
 * is an object; ULIDs and values of enums are texts. `ack` is "majority", "all", "converged" or a number of peers, as
 * `kith --ack` takes it. Numbers and bools may also be texts ("3", "true", "" for true), as a query's parameters are. null
 * is as good as absent. Bounds are checked last, by the table (wire_check()).
 */
#include "base/arena.h"
#include "base/buf.h"
#include "wire/value.h"

#include <jansson.h>

/* *ret, of the type's size, is set where the object says something, and keeps what it has elsewhere. Texts and lists are
 * copied into mem. 0, or 1 and *why says what is wrong. */
int message_read(void *ret, const struct wire_struct *type, const json_t *object, struct arena *mem,
                 struct buf *why);

#endif
