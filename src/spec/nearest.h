#ifndef KITH_SPEC_NEAREST_H
#define KITH_SPEC_NEAREST_H
/*
 * "Did you mean": the word of a list that a mistyped one is nearest to, by edit distance (insert,
 * delete, replace, or swap two neighbours).
 */
#include "base/bytes.h"

/* The nearest of `count` words, the first of several; NULL when all are too far: more than a third
 * of the letters differ, or more than two. */
const char *nearest(struct bytes word, const char *const *words, size_t count);

#endif
