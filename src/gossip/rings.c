/*
 * A ring is an array sorted by (hash, id). Finding is a binary search, a change moves the tail: for
 * 5,000 members that is 120 kB, less than what walking a tree costs in cache misses. Who comes in waits in a small
 * sorted list until somebody asks, or it is full: 5,000 who come in one after the other, as at the start, would else
 * move 150 MB.
 *
 * Who observes S is found by walking both rings from S. Each walk skips whom the other has taken, at
 * most K of them, so an observer follows S within 2 K places on one of
 * the rings. That bounds where one's subjects can stand, and makes the inverse cheap.
 */
#include "gossip/rings.h"

#include "base/mem.h"

#include <string.h>

/* More would do as well, but half of a member's observers would then have no connection to the other
 * half. */
#define RINGS_N 1

struct place {
    uint64_t hash;
    struct ulid id;
};

#define FRESH_MAX 128

struct rings {
    struct place *ring[RINGS_N];
    size_t count, cap;
    struct place
        *fresh[RINGS_N]; /* of FRESH_MAX: came in, and are not on the rings yet. NULL: none are */
    size_t fresh_n;
};

struct rings *rings_new(void)
{
    return mem_alloc(sizeof(struct rings));
}

void rings_free(struct rings *r)
{
    for (int i = 0; i < RINGS_N; i++)
        mem_free(r->ring[i]);
    for (int i = 0; i < RINGS_N; i++)
        mem_free(r->fresh[i]);
    mem_free(r);
}

/* The finalizer of splitmix64: each bit of the input changes half of the output's. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t big_endian(const uint8_t b[8])
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | b[i];
    return v;
}

static struct place place_of(const struct ulid *id, int ring)
{
    uint64_t h = mix(big_endian(id->b) + (uint64_t)(ring + 1) * UINT64_C(0x9e3779b97f4a7c15));
    return (struct place){.hash = mix(h ^ big_endian(id->b + 8)), .id = *id};
}

static bool before(const struct place *a, const struct place *b)
{
    return a->hash != b->hash ? a->hash < b->hash : ulid_compare(&a->id, &b->id) < 0;
}

/* Where the place is among n, or would be put. */
static size_t find_among(const struct place *places, size_t n, const struct place *p)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (before(&places[middle], p))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t find(const struct rings *r, int ring, const struct place *p)
{
    return find_among(r->ring[ring], r->count, p);
}

static bool has_among(const struct place *places, size_t n, const struct place *p)
{
    size_t i = find_among(places, n, p);
    return i < n && ulid_equal(&places[i].id, &p->id);
}

static bool has(const struct rings *r, const struct ulid *id)
{
    struct place p = place_of(id, 0);
    return has_among(r->ring[0], r->count, &p) || has_among(r->fresh[0], r->fresh_n, &p);
}

/* From the last one on, so that nothing is in the way. */
static void merge(struct place *places, size_t n, const struct place *fresh, size_t fresh_n)
{
    while (fresh_n > 0) {
        bool old = n > 0 && before(&fresh[fresh_n - 1], &places[n - 1]);
        places[n + fresh_n - 1] = old ? places[n - 1] : fresh[fresh_n - 1];
        n -= old;
        fresh_n -= !old;
    }
}

/* All who came in take their places. To whoever asks, the rings are the same before and after. */
static void settle(struct rings *r)
{
    size_t need = r->count + r->fresh_n;
    if (r->fresh_n == 0)
        return;
    if (need > r->cap)
        r->cap = need + need / 4 + 16;
    for (int i = 0; i < RINGS_N; i++) {
        r->ring[i] = mem_grow(r->ring[i], r->cap, sizeof(*r->ring[i]));
        merge(r->ring[i], r->count, r->fresh[i], r->fresh_n);
        mem_free(r->fresh[i]);
        r->fresh[i] = NULL;
    }
    r->count = need;
    r->fresh_n = 0;
}

static void insert(struct rings *r, int ring, const struct ulid *id)
{
    struct place p = place_of(id, ring);
    if (!r->fresh[ring])
        r->fresh[ring] = mem_grow(NULL, FRESH_MAX, sizeof(p));
    struct place *fresh = r->fresh[ring];
    size_t i = find_among(fresh, r->fresh_n, &p);
    memmove(fresh + i + 1, fresh + i, (r->fresh_n - i) * sizeof(p));
    fresh[i] = p;
}

static void take_out(struct rings *r, int ring, const struct ulid *id)
{
    struct place p = place_of(id, ring);
    size_t i = find(r, ring, &p);
    struct place *places = r->ring[ring];
    memmove(places + i, places + i + 1, (r->count - i - 1) * sizeof(*places));
}

bool rings_set(struct rings *r, const struct ulid *id, bool in)
{
    if (has(r, id) == in)
        return false;
    if (!in || r->fresh_n == FRESH_MAX)
        settle(r);
    for (int i = 0; i < RINGS_N; i++) {
        if (in)
            insert(r, i, id);
        else
            take_out(r, i, id);
    }
    if (in)
        r->fresh_n++;
    else
        r->count--;
    return true;
}

size_t rings_wanted(size_t members)
{
    size_t k = members / RINGS_PER_OBSERVER;
    if (k < RINGS_OBSERVERS_LEAST)
        return RINGS_OBSERVERS_LEAST;
    return k < RINGS_OBSERVERS ? k : RINGS_OBSERVERS;
}

static bool among(const struct ulid *ids, size_t n, const struct ulid *id)
{
    for (size_t i = 0; i < n; i++) {
        if (ulid_equal(&ids[i], id))
            return true;
    }
    return false;
}

/* A walk along a ring: yields each member once, from the one after the start on. */
struct walk {
    const struct place *places;
    size_t next, left, count;
};

static struct walk walk_from(const struct rings *r, int ring, const struct ulid *id)
{
    struct place p = place_of(id, ring);
    return (struct walk){
        .places = r->ring[ring], .next = find(r, ring, &p), .left = r->count, .count = r->count};
}

static bool walk_next(struct walk *w, const struct ulid *self, const struct ulid *taken,
                      size_t taken_n, struct ulid *ret)
{
    while (w->left > 0) {
        const struct ulid *id = &w->places[w->next % w->count].id;
        w->next++;
        w->left--;
        if (ulid_equal(id, self) || among(taken, taken_n, id))
            continue;
        *ret = *id;
        return true;
    }
    return false;
}

size_t rings_observers(struct rings *r, const struct ulid *id, struct ulid ret[RINGS_OBSERVERS])
{
    struct walk walks[RINGS_N];
    size_t n = 0;
    settle(r);
    size_t wanted = rings_wanted(r->count);
    for (int i = 0; i < RINGS_N; i++)
        walks[i] = walk_from(r, i, id);
    for (int i = 0; n < wanted; i = (i + 1) % RINGS_N) {
        if (!walk_next(&walks[i], id, ret, n, &ret[n]))
            break; /* both rings hold the same members: nobody is left on the other one either */
        n++;
    }
    return n;
}

size_t rings_subjects(struct rings *r, const struct ulid *id, struct ulid ret[RINGS_SUBJECTS])
{
    struct ulid observers[RINGS_OBSERVERS];
    size_t n = 0;
    settle(r);
    size_t wanted = rings_wanted(r->count);
    size_t steps = r->count < 2 * wanted ? r->count : 2 * wanted;

    for (int ring = 0; ring < RINGS_N; ring++) {
        struct place p = place_of(id, ring);
        size_t own = find(r, ring, &p);
        for (size_t i = 1; i <= steps; i++) {
            const struct ulid *s = &r->ring[ring][(own + r->count - i) % r->count].id;
            if (ulid_equal(s, id) || among(ret, n, s) || n == RINGS_SUBJECTS)
                continue;
            if (among(observers, rings_observers(r, s, observers), id))
                ret[n++] = *s;
        }
    }
    return n;
}
