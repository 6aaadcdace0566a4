#include "client/held.h"

#include "store/lookup_clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define NONE UINT32_MAX

struct counter { /* of the calls that are inside a mapping */
    _Alignas(64) uint32_t inside;
};

struct shared { /* wiped by fork() */
    struct counter counters[HELD_MAPS][HELD_SHARDS];
    uint32_t replacing; /* somebody is at it */
};

struct held {
    char *path;
    struct shared *shared;
    uint32_t current;      /* place of the mapping that is read; NONE: there is none */
    int problem;           /* why */
    int64_t look_at_us[2]; /* while the mapping is only old, and while it is retired */
    bool taken[HELD_MAPS]; /* changed by whoever is replacing, as are the mappings */
    struct lookup_map maps[HELD_MAPS];
};

struct held *held_new(const char *path)
{
    struct held *h = calloc(1, sizeof(*h));
    void *shared =
        /* cppcheck-suppress invalidFunctionArg ; it is -1 when there is no file */
        mmap(NULL, sizeof(*h->shared), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (shared != MAP_FAILED)
        madvise(shared, sizeof(*h->shared), MADV_WIPEONFORK);
    if (!h || shared == MAP_FAILED || !(h->path = strdup(path))) {
        if (shared != MAP_FAILED)
            munmap(shared, sizeof(*h->shared));
        free(h);
        return NULL;
    }
    h->shared = shared;
    h->current = NONE;
    h->problem = LOOKUP_ABSENT;
    return h;
}

void held_free(struct held *h)
{
    if (!h)
        return;
    for (unsigned i = 0; i < HELD_MAPS; i++) {
        if (h->taken[i])
            lookup_map_close(&h->maps[i]);
    }
    munmap(h->shared, sizeof(*h->shared));
    free(h->path);
    free(h);
}

/* ---- replacing ---- */

static bool in_use(const struct held *h, unsigned place)
{
    for (unsigned i = 0; i < HELD_SHARDS; i++) {
        if (__atomic_load_n(&h->shared->counters[place][i].inside, __ATOMIC_SEQ_CST))
            return true;
    }
    return false;
}

/* Removes mappings that nobody reads any more. Whoever counts himself in after this has looked sees that the
 * place is not the current one, and leaves without having read. */
static void sweep(struct held *h)
{
    for (unsigned i = 0; i < HELD_MAPS; i++) {
        if (!h->taken[i] || i == __atomic_load_n(&h->current, __ATOMIC_SEQ_CST) || in_use(h, i))
            continue;
        h->taken[i] =
            false; /* first: a fork() in between then leaks it, and does not unmap it twice */
        lookup_map_close(&h->maps[i]);
    }
}

static unsigned free_place(const struct held *h)
{
    for (unsigned i = 0; i < HELD_MAPS; i++) {
        if (!h->taken[i])
            return i;
    }
    return NONE;
}

/* False: it cannot be had now. */
static bool map_anew(struct held *h)
{
    struct lookup_map map;
    unsigned place = free_place(h);

    if (place == NONE)
        return false;
    int problem = lookup_map_open(&map, h->path);

    if (problem) {
        __atomic_store_n(&h->problem, problem, __ATOMIC_RELAXED);
        return false;
    }
    h->maps[place] = map;
    h->taken[place] = true;
    __atomic_store_n(&h->current, place, __ATOMIC_SEQ_CST);
    return true;
}

/* Looks whether the path leads to another file, and takes that. Only one at a time, and nobody waits. */
static void replace(struct held *h, bool retired, int64_t now_us)
{
    if (__atomic_exchange_n(&h->shared->replacing, 1, __ATOMIC_ACQUIRE))
        return;
    uint32_t current = h->current;
    bool found = false;

    sweep(h);
    if (current == NONE || lookup_map_replaced(&h->maps[current], h->path))
        found = map_anew(h);
    sweep(h);
    if (!found)
        __atomic_store_n(&h->look_at_us[retired], now_us + (retired ? HELD_SOON_US : HELD_LOOK_US),
                         __ATOMIC_RELAXED);
    __atomic_store_n(&h->shared->replacing, 0, __ATOMIC_RELEASE);
}

/* ---- calls ---- */

/* Threads have their stacks apart. */
static unsigned shard_of(const void *on_stack)
{
    return (unsigned)((((uintptr_t)on_stack >> 14) * UINT64_C(0x9e3779b97f4a7c15)) >> 60);
}

/* Counts the caller into the current mapping. False: there is none. */
static bool count_in(struct held *h, struct held_use *ret)
{
    ret->shard = shard_of(ret) % HELD_SHARDS;
    for (;;) {
        ret->place = __atomic_load_n(&h->current, __ATOMIC_SEQ_CST);
        if (ret->place == NONE)
            return false;
        __atomic_fetch_add(&h->shared->counters[ret->place][ret->shard].inside, 1,
                           __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&h->current, __ATOMIC_SEQ_CST) == ret->place)
            break;
        held_leave(h, ret);
    }
    ret->map = &h->maps[ret->place];
    return true;
}

void held_leave(struct held *h, const struct held_use *use)
{
    __atomic_fetch_sub(&h->shared->counters[use->place][use->shard].inside, 1, __ATOMIC_RELEASE);
}

void held_look(struct held *h)
{
    __atomic_store_n(&h->look_at_us[0], 0, __ATOMIC_RELAXED);
    __atomic_store_n(&h->look_at_us[1], 0, __ATOMIC_RELAXED);
}

int held_enter(struct held *h, uint64_t hash, struct held_use *ret)
{
    bool is_in = count_in(h, ret), retired = false;

    if (is_in) {
        lookup_fetch(ret->map, hash);
        ret->age_us = lookup_map_age_us(ret->map);
        retired = lookup_map_retired(ret->map);
        if (ret->age_us < HELD_STALE_US && !retired)
            return 0;
    }
    int64_t now_us = lookup_boot_us();

    if (now_us >= __atomic_load_n(&h->look_at_us[retired], __ATOMIC_RELAXED)) {
        if (is_in)
            held_leave(h, ret);
        replace(h, retired, now_us);
        is_in = count_in(h, ret);
    }
    if (!is_in)
        return __atomic_load_n(&h->problem, __ATOMIC_RELAXED);
    ret->age_us = lookup_map_age_us(ret->map);
    return 0;
}
