#ifndef KITH_STATE_CONFLICTS_H
#define KITH_STATE_CONFLICTS_H
/*
 * What lost to a write that did not know it, newest first; the oldest gives way. Kept in memory
 * only. Internal to src/state.
 */
#include "state/table.h"

struct conflicts {
    const struct row *items[STATE_CONFLICTS_MAX];
    size_t count;
};

void conflicts_deinit(struct conflicts *c);
/* Keeps a copy; one that is kept already is not kept twice. What gives way goes to t's morgue. */
void conflicts_keep(struct conflicts *c, struct table *t, const struct row *loser);

#endif
