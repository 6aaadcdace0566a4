#ifndef KITH_TEST_WIRE_RANDOM_H
#define KITH_TEST_WIRE_RANDOM_H
/* Random values of any generated struct, within its bounds, and comparing two of them by their
 * tables. */
#include "base/rng.h"
#include "wire/codec.h"

/* Lists have up to 3 items, texts up to 12 bytes; a third of what may be absent is. */
void wire_random(void *ret, const struct wire_struct *type, struct rng *rng, struct arena *mem);

bool wire_same(const struct wire_struct *type, const void *a, const void *b);

#endif
