#ifndef KITH_SPEC_UNITS_H
#define KITH_SPEC_UNITS_H
/*
 * Numbers with units, as people write them: 1.5s, 64MiB, 0.5, 30%. Digits, at most three decimals,
 * the unit without a blank; computed in integers.
 */
#include "base/bytes.h"

enum {
    UNITS_BAD = 1,     /* no number */
    UNITS_NO_UNIT = 2, /* a number alone, where that is ambiguous; 0 needs none */
    UNITS_UNKNOWN = 3, /* a unit that is not known here */
    UNITS_RANGE = 4,   /* too large, or finer than can be kept */
};

int units_whole(struct bytes text, uint64_t *ret);      /* 3 */
int units_duration_us(struct bytes text, int64_t *ret); /* us ms s m h d */
int units_size_bytes(struct bytes text, uint64_t *ret); /* B kB MB GB TB KiB MiB GiB TiB */
int units_millis(struct bytes text, uint64_t *ret);     /* 0.5: 500 */
int units_share_ppm(struct bytes text, uint32_t *ret);  /* 30%: 300000; 0% to 100% */

#endif
