#include "state/clocks.h"

#include "base/hlc.h"

static struct clock_seen *place_for(struct clocks *c, const struct ulid *node)
{
    struct clock_seen *oldest = &c->seen[0];

    for (size_t i = 0; i < c->count; i++) {
        if (ulid_equal(&c->seen[i].node, node))
            return &c->seen[i];
        if (c->seen[i].order < oldest->order)
            oldest = &c->seen[i];
    }
    return c->count < CLOCKS_MAX ? &c->seen[c->count++] : oldest;
}

/* So far from any real time that only a mistake gets there; keeps the arithmetic in range. */
#define FAR_MS (INT64_MAX / KITH_MS / 4)

void clocks_saw(struct clocks *c, const struct ulid *node, int64_t their_wall_ms,
                kith_time own_wall_us)
{
    if (their_wall_ms < 0 || their_wall_ms > FAR_MS)
        return;
    *place_for(c, node) = (struct clock_seen){
        .node = *node,
        .own_wall_us = own_wall_us,
        .their_wall_us = their_wall_ms * KITH_MS,
        .order = ++c->order,
    };
}

/* Counts those heard of lately, and of them those that this clock is ahead of and behind by too much. */
static size_t count_fresh(const struct clocks *c, kith_time own_wall_us, size_t *ret_ahead,
                          size_t *ret_behind)
{
    size_t fresh = 0;

    *ret_ahead = *ret_behind = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct clock_seen *s = &c->seen[i];
        kith_time age = own_wall_us - s->own_wall_us;

        if (age < 0 || age > CLOCKS_FRESH)
            continue;
        fresh++;
        *ret_ahead += s->own_wall_us - s->their_wall_us > HLC_MAX_AHEAD;
        *ret_behind += s->their_wall_us - s->own_wall_us > HLC_MAX_AHEAD;
    }
    return fresh;
}

bool clocks_ahead(const struct clocks *c, kith_time own_wall_us)
{
    size_t ahead, behind, fresh = count_fresh(c, own_wall_us, &ahead, &behind);

    return 2 * ahead > fresh;
}

bool clocks_agree(const struct clocks *c, kith_time own_wall_us)
{
    size_t ahead, behind, fresh = count_fresh(c, own_wall_us, &ahead, &behind);

    return 2 * (ahead + behind) < fresh;
}
