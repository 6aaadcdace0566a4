#include "gossip/origins.h"

#include "base/mem.h"

/* So many numbers below the highest are told apart; what is older counts as seen. */
#define WINDOW 64

struct origin {
    struct ulid id;
    uint64_t top;                  /* highest number seen */
    uint64_t seen;                 /* bit i: top - i was */
    struct origin *before, *after; /* who spoke last before it did, and after */
    TREE_ENTRY(origin) by_id;
};

static int compare_origin(const struct origin *a, const struct origin *b)
{
    return ulid_compare(&a->id, &b->id);
}

TREE_FUNCTIONS(origin_tree, origin, by_id, compare_origin)

static struct origin *find_origin(const struct origins *s, const struct ulid *id)
{
    struct origin search = {.id = *id};
    struct origin_tree tree = s->tree;
    return TREE_FIND(origin_tree, &tree, &search);
}

static void take_out(struct origins *s, struct origin *o)
{
    *(o->before ? &o->before->after : &s->quietest) = o->after;
    *(o->after ? &o->after->before : &s->latest) = o->before;
}

static void put_last(struct origins *s, struct origin *o)
{
    o->before = s->latest;
    o->after = NULL;
    *(s->latest ? &s->latest->after : &s->quietest) = o;
    s->latest = o;
}

static void give_up_quietest(struct origins *s)
{
    struct origin *o = s->quietest;
    take_out(s, o);
    TREE_REMOVE(origin_tree, &s->tree, o);
    mem_free(o);
    s->n--;
}

static struct origin *add_origin(struct origins *s, const struct cast_id *first)
{
    if (s->n == ORIGINS_MAX)
        give_up_quietest(s);
    struct origin *o = mem_alloc(sizeof(*o));
    *o = (struct origin){.id = first->origin, .top = first->seq, .seen = UINT64_MAX};
    TREE_INSERT(origin_tree, &s->tree, o);
    put_last(s, o);
    s->n++;
    return o;
}

bool origins_seen(const struct origins *s, const struct cast_id *id)
{
    const struct origin *o = find_origin(s, &id->origin);
    if (!o || id->seq > o->top)
        return false;
    return o->top - id->seq >= WINDOW || (o->seen >> (o->top - id->seq) & 1);
}

/* Nothing is missed before the first that is heard of an origin, and of an incarnation all is. */
void origins_mark(struct origins *s, const struct cast_id *id)
{
    struct origin *o = find_origin(s, &id->origin);
    if (!o) {
        o = add_origin(s, id);
    } else if (id->seq > o->top) {
        uint64_t up = id->seq - o->top;
        if (id->seq >> 32 != o->top >> 32) { /* it was started again and counts from 1 */
            uint64_t count = id->seq & UINT32_MAX;
            o->seen = count >= WINDOW ? 0 : UINT64_MAX << count;
        } else {
            o->seen = up >= WINDOW ? 0 : o->seen << up;
        }
        o->seen |= 1;
        o->top = id->seq;
    } else if (o->top - id->seq < WINDOW) {
        o->seen |= UINT64_C(1) << (o->top - id->seq);
    }
    take_out(s, o);
    put_last(s, o);
}

void origins_deinit(struct origins *s)
{
    struct origin *o, *next;
    TREE_FOREACH_SAFE(o, origin_tree, &s->tree, next)
    {
        TREE_REMOVE(origin_tree, &s->tree, o);
        mem_free(o);
    }
    *s = (struct origins){0};
}
