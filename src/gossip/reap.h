#ifndef KITH_GOSSIP_REAP_H
#define KITH_GOSSIP_REAP_H
/*
 * Members that are gone for good are forgotten by themselves, as `kith forget` does it, so that a cluster whose
 * hosts come and go does not list and try all it ever had: who left, after a day; who is dead, after the horizon, a
 * month unless `kithd --horizon` says otherwise. What only such a one may write goes with it. A dead one may be cut
 * off with half of the cluster, and is tried until then: a horizon is longer than any partition may last.
 *
 * The live member with the lowest id does it for all, by its own horizon. It counts from when its own process saw them go: after its
 * restart it waits anew. One that comes back all the same is a member again, above the row that forgot it.
 */
#include "gossip/core.h"

#define REAP_LEFT  (24 * KITH_HOUR)
#define REAP_DEAD  (30 * 24 * KITH_HOUR) /* the horizon where none is given */
#define REAP_EVERY (10 * KITH_MIN)

struct reaper {        /* a zeroed one is valid */
    kith_time dead_us; /* the horizon; 0: REAP_DEAD */
    kith_time look_us;
};

void reap_time(struct reaper *r, struct core *core, struct turn *t);
kith_time reap_deadline(const struct reaper *r);

#endif
