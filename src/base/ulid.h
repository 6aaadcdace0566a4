#ifndef KITH_BASE_ULID_H
#define KITH_BASE_ULID_H
/*
 * ULID: 48 bits of milliseconds since 1970, 80 random bits, 26 characters of Crockford base32.
 * Source: the ULID specification (ulid/spec). Parsing takes upper and lower case and nothing else:
 * no hyphens, no I, L, O or U. The first character is at most '7'.
 */
#include "base/bytes.h"
#include "base/rng.h"
#include "base/time.h"

#define ULID_TEXT_LEN 26

struct ulid {
    uint8_t b[16];
};

struct ulid_text { /* a value, for printing: ulid_text(&id).s */
    char s[ULID_TEXT_LEN + 1];
};

enum { ULID_OVERFLOW = 1, ULID_BAD = 2 };

int ulid_compare(const struct ulid *a, const struct ulid *b); /* as memcmp */
bool ulid_equal(const struct ulid *a, const struct ulid *b);
bool ulid_is_zero(const struct ulid *u);
int64_t ulid_ms(const struct ulid *u); /* the time part, ms since 1970 */
struct ulid_text ulid_text(const struct ulid *u);
struct bytes ulid_bytes(const struct ulid *u); /* borrowed: the 16 bytes of *u */

/* 0, or ULID_BAD: wrong length, a character outside the alphabet, or over 2^128 - 1. */
int ulid_parse(struct ulid *ret, struct bytes text);

/* Monotonic source: within a millisecond, and when the clock goes back, the last ULID plus one. */
struct ulid_source {
    struct ulid last;
};

/* 0, or ULID_OVERFLOW: the random part is full in this millisecond (or wall_us is outside the
 * 48 bits); *ret is untouched, try again in the next millisecond. */
int ulid_next(struct ulid_source *s, struct ulid *ret, kith_time wall_us, struct rng *rng);

#endif
