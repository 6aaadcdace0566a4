#ifndef KITH_BASE_ARENA_H
#define KITH_BASE_ARENA_H
/*
 * Memory that is freed all at once: what a decoded frame points to, the effects of one step.
 * A zeroed struct arena is a valid empty one.
 */
#include "base/bytes.h"

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *head;
    size_t used_bytes; /* in all blocks, for bounds and tests */
};

void arena_deinit(struct arena *a);
void arena_reset(struct arena *a); /* keeps one block for the next use */
/* Makes room for exactly so much, for an arena of known size that is kept: a block is larger else. */
void arena_reserve(struct arena *a, size_t size);
/* What an allocation of this size takes. */
#define ARENA_ROOM(size) (((size) + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1))
void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned for any type */
void *arena_array(struct arena *a, size_t count, size_t item_size); /* checks overflow */
struct bytes arena_bytes(struct arena *a, struct bytes b);          /* a copy */
char *arena_str(struct arena *a, struct bytes b);                   /* a copy with NUL */
char *arena_printf(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));

#endif
