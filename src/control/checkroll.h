#ifndef KITH_CONTROL_CHECKROLL_H
#define KITH_CONTROL_CHECKROLL_H
/*
 * The checks with a TTL that stand in lists of this peer's registrations (checklist.h): which registration has the one of an ID, and
 * when each is due. One that is not reported within its TTL becomes critical; one that was critical for its reap_ms in a row
 * ends its registration. After a start of the peer all times begin anew.
 *
 * A registration with one plain check is not in here: it costs nothing more than its row (registration.h keeps its time).
 */
#include "base/tree.h"
#include "state/turn.h"
#include "wire/gen/service.h"

struct checkroll_entry;
struct control;

TREE_HEAD(checkroll_ids, checkroll_entry);
TREE_HEAD(checkroll_times, checkroll_entry);

struct checkroll { /* a zeroed one is valid and empty */
    struct checkroll_ids ids;
    struct checkroll_times times; /* those that are due at some time */
};

void checkroll_deinit(struct checkroll *r);

/* One of this peer's registrations has these checks in place of those; either may be NULL: it has none. What is not new keeps its
 * time. */
void checkroll_take(struct control *c, const struct turn *t, const struct ulid *registration,
                    const struct registration_row *was, const struct registration_row *is);
/* The check was reported, or registered once more: its TTL begins anew, unless it is critical. */
void checkroll_renew(struct control *c, const struct turn *t, const struct endpoint_check *check);
/* Whose check it is; NULL: there is none of that ID in a list. */
const struct ulid *checkroll_find(const struct control *c, struct bytes id);

/* Does what is due. Returns when the next is. */
kith_time checkroll_settle(struct control *c, struct turn *t);

#endif
