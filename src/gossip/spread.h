#ifndef KITH_GOSSIP_SPREAD_H
#define KITH_GOSSIP_SPREAD_H
/*
 * Brings a payload to everybody in a large cluster, once, and soon also where frames are lost.
 *
 * A broadcast has an id: its origin and a number that counts up there. Whoever gets one for the first time
 * takes its rows in, sends it on at once over its eager links (tree.h) except where it came from and where
 * it is known to be, and announces its id on the own PUB, which only neighbours hear. An announced broadcast
 * that does not come is pulled, on the connection of the pulling side. How long to wait: an eager neighbour
 * announces and sends at the same time on two connections, so when its word has come and the payload has not, the
 * payload was lost, and TCP sends it again after 200 ms and a round trip: only when that was lost too, SPREAD_SOON
 * and five quarters of a round trip later, it is pulled, from the nearest that announced it. When no eager
 * neighbour has announced it, the fault lies further up, and all below it miss the same: each draws how long it
 * waits, SPREAD_LATE to SPREAD_LATE_MAX, and the first to pull sends it on to the others.
 * The first hops go to all neighbours, eager or not, until a SPREAD_SEEDS-th of all members has it: from so many
 * places in the tree the ways to all others are shorter, and when the tree changes just then, no part of it is
 * left out. Each such seed costs about one copy. Where probes come back late, as they do when packets are lost,
 * it is a SPREAD_SEEDS_LOSS-th (core_sees_loss()).
 * A gap in an origin's numbers is pulled from whoever sent the next one.
 *
 * Source: Plumtree (Leitao, Pereira, Rodrigues, 2007) for eager and lazy links, announcements and grafts; a
 * graft here pulls a payload and leaves the tree to its beacons.
 *
 * Ends loops and replays by the numbers seen of each origin (origins.h). Hops end at SPREAD_HOPS_MAX.
 * Bounded: SPREAD_KEEP broadcasts of SPREAD_KEEP_BYTES in all for SPREAD_KEEP_US, to answer pulls; SPREAD_LACKING
 * announced ones. What falls out is left to repair.
 */
#include "gossip/limit.h"
#include "gossip/tree.h"

#define SPREAD_KEEP       256
#define SPREAD_KEEP_BYTES (1u << 20)
#define SPREAD_KEEP_US    (20 * KITH_SEC)
#define SPREAD_LACKING    256
#define SPREAD_HOPS_MAX   64
#define SPREAD_SEEDS      50
#define SPREAD_SEEDS_LOSS 10
#define SPREAD_SOON       (230 * KITH_MS)
#define SPREAD_LATE       (150 * KITH_MS)
#define SPREAD_LATE_MAX   (600 * KITH_MS)
/* Announcements go at once after a quiet time, and else gathered so long: under loss each frame on a connection
 * holds up those behind it, and pulls wait longer than this anyway. */
#define SPREAD_GATHER (50 * KITH_MS)
/* Pulled broadcasts that are sent a second, and at once after a quiet time. */
#define SPREAD_PULLS       500
#define SPREAD_PULLS_BURST 1000

struct spread;

struct spread *spread_new(struct core *core, const struct neighbours *links, struct tree *tree);
void spread_free(struct spread *s);
/* Forgets what is under way: the cluster is large from now on, or is not any more. */
void spread_start(struct spread *s, struct turn *t);
void spread_stop(struct spread *s);

/* Rows of this peer, to all. Effects carry the wait token that is set. */
void spread_say(struct spread *s, struct turn *t, const struct bytes *records, uint32_t records_n);

/* cast: *ret_rows are the rows to be taken in, none when it came before; they live in `mem`. have, graft: as
 * they are. False: another kind. */
bool spread_receive(struct spread *s, struct turn *t, const struct incoming *in, struct arena *mem,
                    struct cast *ret_new);

void spread_gone(struct spread *s, int slot);
/* Another neighbour: told what is fresh. */
void spread_made(struct spread *s, struct turn *t, int slot);

void spread_time(struct spread *s, struct turn *t);
kith_time spread_deadline(const struct spread *s);

#endif
