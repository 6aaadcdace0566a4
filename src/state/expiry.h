#ifndef KITH_STATE_EXPIRY_H
#define KITH_STATE_EXPIRY_H
/* Which rows end when: only rows that expire cost anything here. Internal to src/state. */
#include "state/table.h"

struct lease;
TREE_HEAD(lease_tree, lease);

struct expiry { /* a zeroed one is valid and empty */
    struct lease_tree leases;
};

void expiry_deinit(struct expiry *x);
/* Called when a row enters the table, and when it leaves it; rows that never expire are passed over. */
void expiry_add(struct expiry *x, struct entry *e);
void expiry_remove(struct expiry *x, const struct entry *e);
/* The row that ends first, if it has ended by then; NULL when none has. */
struct entry *expiry_due(const struct expiry *x, kith_time wall_us);
kith_time expiry_next(const struct expiry *x); /* wall clock; KITH_NEVER */

#endif
