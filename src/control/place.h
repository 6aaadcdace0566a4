#ifndef KITH_CONTROL_PLACE_H
#define KITH_CONTROL_PLACE_H
/*
 * Where instances go. For each service one live member decides: its coordinator, the first of the live
 * members by rendezvous hashing (rank.h); when that one goes the next is it, without a message. It keeps
 * every slot of the service filled, as far as a host fits, withdraws the surplus, highest slots first,
 * and clears up after a removed service. A decision is one row per slot with an epoch one higher than the
 * one before, so that of two coordinators' decisions one is left by merge.
 *
 * A slot is filled again at once when its host is dead, left or was forgotten, refuses it, gives it up,
 * or has failed with it. What runs stays where it is: nobody moves because a host came back.
 *
 * Right after somebody became alive, which this peer coming to others looks like too, and when services
 * arrive that a host created which is believed dead, it may lack rows that others have: slots that look empty are
 * then left alone for PLACE_HOLD, unless the service is younger.
 *
 * Who is held for dead, and knows it, decides nothing as long as others live, and does what they decide.
 * Members may differ for a while about who is alive, and so about who decides. What another decided less than
 * PLACE_CONTEST ago is let be, whatever this peer thinks of the host: else two of them answer each other as fast
 * as rows travel, with a new instance each time.
 */
#include "control/catalog.h"
#include "state/turn.h"

struct control;

#define PLACE_HOLD     (1 * KITH_SEC)
#define PLACE_HOLD_MAX (5 * KITH_SEC) /* while members keep coming */
#define PLACE_CONTEST  (1 * KITH_SEC) /* by the wall clock of the one that decided */
#define PLACE_RETRY    (1 * KITH_SEC) /* slots for which no host fits are looked at again */

/* A host that refused a slot, or failed with it, is not asked again for a while, which doubles. */
#define AVOID_REFUSED (1 * KITH_SEC)
#define AVOID_FAILED  (60 * KITH_SEC)
#define AVOID_LONGEST (10 * KITH_MIN)
#define AVOIDS_MAX    4096

struct avoid {
    struct ulid service, node, instance; /* the instance that was refused or failed */
    struct slot slot;
    kith_time until_us;
    uint32_t tries;
};

struct place { /* a zeroed one is valid */
    struct avoid *avoids;
    size_t count;
    kith_time at_us; /* when services that were left alone are looked at again */
};

void place_deinit(struct place *p);
/* Decides for the services that were touched. Returns when to come again. */
kith_time place_settle(struct control *c, struct turn *t);

/* Who decides for a service: false: nobody is alive. */
bool place_coordinator(const struct catalog *c, const struct ulid *service, struct ulid *ret);
/* Whether it is this peer. Most find one that is before them after a few: not all members are looked at. */
bool place_coordinates(const struct catalog *c, const struct ulid *service);

#endif
