#ifndef KITH_HTTP_JSON_H
#define KITH_HTTP_JSON_H
/*
 * Writes JSON into a buffer, one piece after the other: answers of ten endpoints take 2 us so, and 13 by building
 * jansson's values first. Commas come by themselves; opening, closing and names are the caller's to get
 * right, and tests read back what handlers write. The buffer has to be empty at first.
 *
 * Text is UTF-8 already (wire/text.h). Numbers beyond 2^53 are written in full.
 */
#include "base/buf.h"
#include "wire/wire.h"

void json_open(struct buf *out, char bracket);  /* '{' or '[' */
void json_close(struct buf *out, char bracket); /* '}' or ']' */
void json_name(struct buf *out,
               const char *name); /* of the member whose value comes next; needs no escapes */

void json_text(struct buf *out, struct bytes text);
void json_number(struct buf *out, int64_t value);

/* A name with its value. */
void json_text_of(struct buf *out, const char *name, struct bytes text);
void json_string_of(struct buf *out, const char *name, const char *text);
void json_unsigned_of(struct buf *out, const char *name, uint64_t value);
void json_bool_of(struct buf *out, const char *name, bool value);
void json_ulid_of(struct buf *out, const char *name, const struct ulid *id);
/* Bytes; null when there are none, as Consul's clients know it. */
void json_base64(struct buf *out, struct bytes in); /* without quotes */
void json_base64_of(struct buf *out, const char *name, struct bytes in);
/* ["a", "b"] and {"key": "value"}. */
void json_texts_of(struct buf *out, const char *name, const struct bytes *texts, uint32_t n);
void json_pairs_of(struct buf *out, const char *name, const struct pair *pairs, uint32_t n);

#endif
