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

bool clocks_ahead(const struct clocks *c, kith_time own_wall_us)
{
    size_t fresh = 0, ahead = 0;

    for (size_t i = 0; i < c->count; i++) {
        const struct clock_seen *s = &c->seen[i];
        kith_time age = own_wall_us - s->own_wall_us;

        if (age < 0 || age > CLOCKS_FRESH)
            continue;
        fresh++;
        if (s->own_wall_us - s->their_wall_us > HLC_MAX_AHEAD)
            ahead++;
    }
    return 2 * ahead > fresh;
}
