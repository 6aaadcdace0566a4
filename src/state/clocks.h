#ifndef KITH_STATE_CLOCKS_H
#define KITH_STATE_CLOCKS_H
/*
 * Is this host's clock ahead of most others'? Then what it stamps would be refused by them, or worse,
 * would win over later writes: so it writes no stamped rows until its clock is mended. Judged by what
 * others said their clocks showed, lately. A clock that is behind harms nobody. Internal to src/state.
 */
#include "base/time.h"
#include "base/ulid.h"

/* Peers remembered; the one heard of longest ago gives way. More than anybody's observers. */
#define CLOCKS_MAX 32
/* What was heard longer ago, by the own clock, is no evidence: one of the two was set since. */
#define CLOCKS_FRESH (10 * KITH_SEC)

struct clock_seen {
    struct ulid node;
    kith_time own_wall_us, their_wall_us; /* at the same moment, less the time on the way */
    uint64_t order;
};

struct clocks { /* a zeroed one is valid and empty */
    struct clock_seen seen[CLOCKS_MAX];
    size_t count;
    uint64_t order;
};

void clocks_saw(struct clocks *c, const struct ulid *node, int64_t their_wall_ms,
                kith_time own_wall_us);
/* Ahead of more than half of those heard of lately by more than HLC_MAX_AHEAD. */
bool clocks_ahead(const struct clocks *c, kith_time own_wall_us);
/* Within HLC_MAX_AHEAD, either way, of more than half of those heard of lately: it is right. */
bool clocks_agree(const struct clocks *c, kith_time own_wall_us);

#endif
