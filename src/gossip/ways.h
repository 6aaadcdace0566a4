#ifndef KITH_GOSSIP_WAYS_H
#define KITH_GOSSIP_WAYS_H
/*
 * By which of its addresses a member is talked to. A member row may list several ways (tcp, ws, ipc), the
 * most wanted first; the n-th addresses of all roles are one way, and a way is judged by its probes.
 *
 * A probe that is not answered by the way in use within WAYS_PATIENCE, or a connection that closed, makes
 * this peer ask by all other ways at once; the first that answers is used from then on, for all roles. So
 * a way that is cut is left within two probe periods, and before anybody calls the member suspect for
 * good. The more wanted ways are then tried at a slow rate, and used again when they answer; each time a
 * way fails again soon, the pauses double.
 * A dead member is tried by one way after another.
 *
 * What is in use stands with the member (members_use_way()), so that all who send to it follow.
 */
#include "state/members.h"
#include "state/turn.h"

#define WAYS_PATIENCE_LAN (500 * KITH_MS)
#define WAYS_PATIENCE_WAN (2000 * KITH_MS)
/* Between two tries of the more wanted ways: the first pause, and the longest. */
#define WAYS_PAUSE     (3 * KITH_SEC)
#define WAYS_PAUSE_MAX (96 * KITH_SEC)
/* A way that was left so long ago has not failed again "soon". */
#define WAYS_FORGIVEN (5 * KITH_MIN)
/* Answers to this many of the latest probes by other ways are known as such. */
#define WAYS_NONCES 16

struct ways;

struct ways *ways_new(struct members *members); /* borrowed */
void ways_free(struct ways *w);

/* A probe went to a member by the way in use. */
void ways_asked(struct ways *w, const struct turn *t, const struct ulid *id);
/* A member answered a probe. True: one that was sent from here. */
bool ways_answered(struct ways *w, struct turn *t, const struct incoming *in,
                   const struct probe_ack *ack);
void ways_link(struct ways *w, struct turn *t, const struct event_link *link);

/* A member that is talked to by another way now; false: no more. To be asked after each of the above. */
bool ways_take_moved(struct ways *w, struct ulid *ret);

void ways_time(struct ways *w, struct turn *t, bool wan);
kith_time ways_deadline(const struct ways *w, bool wan);

#endif
