#ifndef KITH_STATE_RESTORE_H
#define KITH_STATE_RESTORE_H
/*
 * A backup comes back (`kithd --restore FILE`), without raising the dead. A backup knows rows that were deleted after it was made,
 * and in a cluster that goes on the tombstones of those may be gone by now; so what becomes of it depends on who is there:
 *
 * - Others live, and their rows have arrived here (a comparison was finished, and nothing new came for RESTORE_QUIET):
 *   what they hold decides. Of a row that they hold, the backup's wins where it is the newer one, as by any merge; it reaches them by the
 *   next comparison. A row of which they hold nothing, not even a tombstone, stays out: it was deleted, and that is
 *   forgotten, or it got lost, which cannot be told apart.
 * - Nobody else lives for RESTORE_ALONE, or those who do hold no service and no command of the last thirty days and never
 *   collected a tombstone, so that the cluster is as new as this peer: the backup is the registry, and is merged into
 *   what is here.
 *
 * Never believed, in either case, is what hosts say about themselves: members, instances, registrations, interests,
 * places, what they confirmed. Whoever lives says it again; what ran then does not run because a backup says so.
 * Placements come back and are decided anew where their hosts are not there.
 *
 * One backup is taken once: its digest is kept in a local row, so that a --restore which is left in the command line does
 * not bring back what is deleted from then on.
 */
#include "state/members.h"
#include "state/turn.h"

#define RESTORE_QUIET (3 * KITH_SEC)
#define RESTORE_ALONE (10 * KITH_SEC)

struct restore;

struct restore *restore_new(const struct members *members);
void restore_free(struct restore *r);

/* Copies the records. `done`: the local row of an earlier time, RESTORE_LOCAL, or len 0. */
#define RESTORE_LOCAL "node/restored"
void restore_start(struct restore *r, struct turn *t, const struct event_start *start,
                   struct bytes done);
/* `compared`: a comparison with another peer has been finished since the start. */
void restore_time(struct restore *r, struct turn *t, bool compared);
kith_time restore_deadline(const struct restore *r); /* KITH_NEVER: there is nothing to restore */

#endif
