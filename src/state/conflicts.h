#ifndef KITH_STATE_CONFLICTS_H
#define KITH_STATE_CONFLICTS_H
/*
 * What lost to a write that did not know it, newest first. Kept for a time that is configured, and
 * STATE_CONFLICTS_MAX at most: the oldest gives way. Each is a local row of the store, so that a restart
 * keeps them. Internal to src/state.
 */
#include "state/batch.h"
#include "state/table.h"

#define CONFLICTS_PREFIX                                                                           \
    "conflict/" /* of the local rows' names; the record's hash in hex follows */

struct conflicts { /* a zeroed one is valid and empty */
    struct conflict *items;
    size_t count;
};

void conflicts_deinit(struct conflicts *c);
/* Keeps a copy; one that is kept already is not kept twice. What gives way goes to t's morgue. */
void conflicts_keep(struct conflicts *c, struct table *t, struct batch *b, const struct row *loser,
                    int64_t now_ms);
/* From a stored local row. */
void conflicts_load(struct conflicts *c, const struct row *loser, int64_t kept_ms);
/* Drops those that were kept before this time. */
void conflicts_end(struct conflicts *c, struct table *t, struct batch *b, int64_t before_ms);

/* Of a stored one: when it was kept, then the record. False: no such value. */
bool conflicts_read_value(struct bytes value, struct bytes *ret_record, int64_t *ret_kept_ms);

#endif
