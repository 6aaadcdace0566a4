#ifndef KITH_BASE_TIMERS_H
#define KITH_BASE_TIMERS_H
/*
 * Deadlines, kept in a binary heap ordered by (time, order of setting). Nothing is cancelled: a
 * timer carries what it was set for and a generation, and its owner ignores a stale one.
 */
#include "base/time.h"
#include "base/ulid.h"

struct timer {
    kith_time at_us;
    uint64_t order;      /* filled by timers_add: ties fire in the order they were set */
    uint32_t kind;       /* the owner's own enumeration */
    uint32_t generation; /* the owner compares it with what it holds */
    struct ulid key;     /* what it is about; zero when nothing */
};

struct timers { /* a zeroed one is valid and empty */
    struct timer *items;
    size_t count;
    size_t cap;
    uint64_t order;
};

void timers_deinit(struct timers *t);
void timers_add(struct timers *t, struct timer timer);
kith_time timers_next(const struct timers *t);            /* KITH_NEVER when empty */
const struct timer *timers_first(const struct timers *t); /* NULL when empty */
/* False: none is due. */
bool timers_pop(struct timers *t, kith_time now_us, struct timer *ret);

#endif
