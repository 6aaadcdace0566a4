#include "base/timers.h"

#include "base/mem.h"

#define TIMERS_FIRST 16

static bool before(const struct timer *a, const struct timer *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void timers_deinit(struct timers *t)
{
    mem_free(t->items);
    *t = (struct timers){0};
}

/* Both sifts move a hole instead of swapping: the timer is written once, where the hole ends. */
static void sift_up(struct timer *items, size_t hole, struct timer timer)
{
    while (hole > 0) {
        size_t parent = (hole - 1) / 2;

        if (!before(&timer, &items[parent]))
            break;
        items[hole] = items[parent];
        hole = parent;
    }
    items[hole] = timer;
}

static void sift_down(struct timer *items, size_t count, struct timer timer)
{
    size_t hole = 0;

    for (size_t child = 1; child < count; child = 2 * hole + 1) {
        if (child + 1 < count && before(&items[child + 1], &items[child]))
            child++;
        if (!before(&items[child], &timer))
            break;
        items[hole] = items[child];
        hole = child;
    }
    items[hole] = timer;
}

void timers_add(struct timers *t, struct timer timer)
{
    if (t->count == t->cap) {
        t->cap = t->cap ? 2 * t->cap : TIMERS_FIRST;
        t->items = mem_grow(t->items, t->cap, sizeof(*t->items));
    }
    timer.order = t->order++;
    sift_up(t->items, t->count++, timer);
}

kith_time timers_next(const struct timers *t)
{
    return t->count ? t->items[0].at_us : KITH_NEVER;
}

const struct timer *timers_first(const struct timers *t)
{
    return t->count ? &t->items[0] : NULL;
}

bool timers_pop(struct timers *t, kith_time now_us, struct timer *ret)
{
    if (!t->count || t->items[0].at_us > now_us)
        return false;
    *ret = t->items[0];
    struct timer last = t->items[--t->count];

    if (t->count)
        sift_down(t->items, t->count, last);
    return true;
}
