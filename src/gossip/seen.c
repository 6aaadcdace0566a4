#include "gossip/seen.h"

#include "base/mem.h"
#include "base/tree.h"

#include <string.h>

struct origin {
    struct ulid id, boot;
    uint64_t newest;                 /* sequence number; the window ends here */
    uint64_t bits[SEEN_WINDOW / 64]; /* of seq at seq % SEEN_WINDOW */
    struct budget budget;
    uint64_t used;
    TREE_ENTRY(origin) by_id;
    TREE_ENTRY(origin) by_use;
};

static int compare_id(const struct origin *a, const struct origin *b)
{
    return ulid_compare(&a->id, &b->id);
}

static int compare_use(const struct origin *a, const struct origin *b)
{
    return (a->used > b->used) - (a->used < b->used);
}

TREE_DEFINE(origin_tree, origin, by_id, compare_id)
TREE_DEFINE(use_tree, origin, by_use, compare_use)

struct seen {
    struct origin_tree origins;
    struct use_tree uses;
    size_t count;
    uint64_t clock;
};

struct seen *seen_new(void)
{
    return mem_alloc(sizeof(struct seen));
}

static void drop(struct seen *s, struct origin *o)
{
    TREE_REMOVE(origin_tree, &s->origins, o);
    TREE_REMOVE(use_tree, &s->uses, o);
    s->count--;
    mem_free(o);
}

void seen_free(struct seen *s)
{
    struct origin *o, *next;
    TREE_FOREACH_SAFE(o, origin_tree, &s->origins, next)
    drop(s, o);
    mem_free(s);
}

static struct origin *get(struct seen *s, const struct ulid *id)
{
    struct origin search = {.id = *id};
    struct origin *o = TREE_FIND(origin_tree, &s->origins, &search);
    if (o) {
        TREE_REMOVE(use_tree, &s->uses, o);
    } else {
        if (s->count == SEEN_ORIGINS)
            drop(s, TREE_FIRST(use_tree, &s->uses));
        o = mem_alloc(sizeof(*o));
        o->id = *id;
        TREE_INSERT(origin_tree, &s->origins, o);
        s->count++;
    }
    o->used = ++s->clock;
    TREE_INSERT(use_tree, &s->uses, o);
    return o;
}

static uint64_t *word_of(struct origin *o, uint64_t seq)
{
    return &o->bits[seq % SEEN_WINDOW / 64];
}

static uint64_t bit_of(uint64_t seq)
{
    return UINT64_C(1) << (seq % 64);
}

/* Moves the window's end to seq: what it newly covers was not seen. */
static void advance(struct origin *o, uint64_t seq)
{
    if (seq - o->newest >= SEEN_WINDOW) {
        memset(o->bits, 0, sizeof(o->bits));
    } else {
        for (uint64_t i = o->newest + 1; i < seq; i++)
            *word_of(o, i) &= ~bit_of(i);
    }
    o->newest = seq;
    *word_of(o, seq) |= bit_of(seq);
}

static bool is_new(struct origin *o, uint64_t seq)
{
    if (seq > o->newest) {
        advance(o, seq);
        return true;
    }
    if (o->newest - seq >= SEEN_WINDOW || *word_of(o, seq) & bit_of(seq))
        return false;
    *word_of(o, seq) |= bit_of(seq);
    return true;
}

enum seen_result seen_take(struct seen *s, const struct ulid *origin, const struct ulid *boot,
                           uint64_t seq, struct budget_rate per_origin, kith_time now_us)
{
    struct origin *o = get(s, origin);
    int order = ulid_compare(boot, &o->boot);
    if (order < 0)
        return SEEN_STALE;
    if (order > 0) {
        o->boot = *boot;
        o->newest = 0;
        memset(o->bits, 0, sizeof(o->bits));
    }
    if (!is_new(o, seq))
        return SEEN_AGAIN;
    return budget_take(&o->budget, per_origin, now_us, 1, /* reserve_permille= */ 0)
               ? SEEN_NEW
               : SEEN_TOO_MANY;
}
