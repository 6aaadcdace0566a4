#ifndef KITH_WIRE_CODEC_H
#define KITH_WIRE_CODEC_H
/*
 * The runtime of the generated codecs. scripts/wiregen.py turns proto/NAME.toml into C structs and
 * the tables below; this module writes, reads and checks any struct by its table, over msgpack-c.
 * docs/protocol.md has the rules of the encoding and every message.
 *
 * Canonical: equal structs give equal bytes. Reading allocates only after skim() has bounded it,
 * by at most 48 times the input's size for a moment, and lists in the caller's arena for as long as
 * the caller wants. Bytes and texts of a decoded struct point into the input.
 */
#include "base/buf.h"
#include "wire/skim.h"
#include "wire/value.h"

/* Keys in one map: far more than a version will define, few enough to look for repeated ones. */
#define WIRE_MAX_KEYS 256

/*
 * Appends v. Its values must be ones that wire_decode() takes: that is asserted, so whoever lets
 * values in from outside by another way than a decoder asks wire_check() first.
 */
void wire_encode(struct buf *out, const struct wire_struct *type, const void *v);

/* The same without the question: for traces and hashes, which nobody decodes. */
void wire_write(struct buf *out, const struct wire_struct *type, const void *v);

/*
 * in is exactly one value of this type. 0, or WIRE_BAD: *err says why, *ret is zeroed.
 * *ret points into in and into mem.
 */
int wire_decode(void *ret, const struct wire_struct *type, struct bytes in, struct arena *mem,
                struct wire_error *err);

/* The same, but more may follow: *ret_len is the length of the value. */
int wire_decode_first(void *ret, const struct wire_struct *type, struct bytes in, size_t *ret_len,
                      struct arena *mem, struct wire_error *err);

/*
 * What wire_decode() of this type took before, once more: neither its bounds nor its texts are looked at again, which is
 * most of what reading costs. Only for bytes that are held since, never for what comes from outside.
 */
void wire_decode_again(void *ret, const struct wire_struct *type, struct bytes in,
                       struct arena *mem);

#endif
