#include "gossip/fanout.h"

struct ring { /* a stretch of the sorted list, which goes on at its beginning */
    const struct ulid *peers;
    size_t n, from, count;
};

static const struct ulid *at(const struct ring *r, size_t i)
{
    return &r->peers[(r->from + i) % r->n];
}

/* How many of the peers are below the id, or also equal to it. */
static size_t below(const struct ulid *peers, size_t n, const struct ulid *id, bool or_equal)
{
    size_t low = 0;
    while (low < n) {
        size_t middle = low + (n - low) / 2;
        if (ulid_compare(&peers[middle], id) < (or_equal ? 1 : 0))
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}

static struct ring between(const struct ulid *peers, size_t n, const struct ulid *self,
                           const struct ulid *before)
{
    size_t from = below(peers, n, self, /* or_equal= */ true);
    size_t end = below(peers, n, before, /* or_equal= */ false);
    size_t count = ulid_compare(self, before) < 0 ? end - from : n - from + end;
    return (struct ring){peers, n, from, count};
}

/* The part from..to of the ring; what follows it begins at `before`. */
static size_t part(const struct ring *r, size_t from, size_t to, const struct ulid *before,
                   const struct fanout_plan *plan, struct fanout *ret)
{
    size_t n = 0;
    while (n < FANOUT_AVOID && from + 1 < to && plan->avoid && plan->avoid(plan->arg, at(r, from)))
        ret[n++] = (struct fanout){.to = *at(r, from++)};
    ret[n] = (struct fanout){.to = *at(r, from)};
    if (from + 1 < to)
        ret[n].before = *before;
    return n + 1;
}

size_t fanout_direct(bool sparing)
{
    return sparing ? FANOUT_SPARING : FANOUT_DIRECT;
}

size_t fanout(const struct ulid *peers, size_t n, const struct ulid *self,
              const struct ulid *before, const struct fanout_plan *plan,
              struct fanout ret[FANOUT_MAX], size_t *ret_served)
{
    struct ring r = between(peers, n, self, before);
    size_t parts = plan->sparing ? FANOUT_SPARING : FANOUT_PARTS, out = 0;
    *ret_served = r.count;
    if (r.count <= fanout_direct(plan->sparing)) {
        for (; out < r.count; out++)
            ret[out] = (struct fanout){.to = *at(&r, out)};
        return out;
    }
    for (size_t i = 0; i < parts; i++) {
        size_t from = r.count * i / parts, to = r.count * (i + 1) / parts;
        const struct ulid *next = i + 1 < parts ? at(&r, to) : before;
        out += part(&r, from, to, next, plan, ret + out);
    }
    return out;
}
