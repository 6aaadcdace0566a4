#ifndef KITH_CONTROL_MAINTENANCE_H
#define KITH_CONTROL_MAINTENANCE_H
/*
 * What is not to be used for a while, though it runs: an instance or a registration, or all of a host (Consul's maintenance
 * mode). Marks are own rows of the peer that answers for them (table maintenance), durable and told to everybody; each peer shows
 * what is marked as critical, so look-ups do not find it. Nothing is started, stopped or placed because of it, and what a
 * registrant reports meanwhile counts again when the mark goes.
 *
 * A mark goes with what it is on. MAINTENANCE_MAX of them at one peer.
 */
#include "base/tree.h"
#include "state/turn.h"

#define MAINTENANCE_MAX 1024u

struct control;
struct lookup_endpoint;
struct maintenance_mark;
struct row;

TREE_HEAD(maintenance_tree, maintenance_mark);

struct maintenance { /* a zeroed one is valid and empty */
    struct maintenance_tree marks;
    uint32_t here; /* of this peer */
};

void maintenance_deinit(struct maintenance *m);

/* A row of table maintenance changed, or is there at start. */
void maintenance_row(struct control *c, const struct row *row);

/* Why this is not to be used, or its host; NULL: it may be. Borrowed until a row changes. */
const struct bytes *maintenance_of(const struct control *c, const struct ulid *node,
                                   const struct ulid *id);
/* Calls the endpoint critical if it is marked. */
void maintenance_shade(const struct control *c, struct lookup_endpoint *e, struct arena *mem);

/* Ends this peer's marks on what is gone. */
void maintenance_settle(struct control *c, struct turn *t);

/* Message `maintain`. */
void maintenance_answer(struct control *c, struct turn *t, const struct incoming *in);

#endif
