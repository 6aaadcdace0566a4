#ifndef KITH_GOSSIP_TREE_H
#define KITH_GOSSIP_TREE_H
/*
 * Which links of the overlay a payload travels along: one spanning tree for all, of shortest ways from a root,
 * so that a payload reaches each peer once.
 *
 * Each TREE_ROUND the root publishes a beacon with the number of the round and the distance 0; whoever hears of a
 * new round chooses the neighbour through which the root is nearest (half its smallest round trip added to what it
 * told) for its parent and publishes a beacon of its own, which names the parent. So a parent learns its children,
 * and a link is eager when it leads to the parent or to a child. Within a round a peer only ever moves to a parent
 * that is nearer to the root than the peer itself said it was; so parents never form a ring (Perkins and Bhagwat,
 * 1994: DSDV; Garcia-Luna-Aceves, 1993). A new round through another than the parent waits a moment for the
 * parent, so that a delayed beacon moves nothing.
 *
 * Whoever loses its parent and has no such neighbour says so (TREE_FAR) to those below, who may have one. Until the
 * next round it hangs on to any neighbour that seems to have a way: payloads pass there, distances do not.
 *
 * Who is the root: at first, and when the root is lost, the live member with the lowest id. A root near the middle
 * makes short ways, so a root looks for a member that is nearer to the others (centre.h) and names it its heir in
 * a beacon; the heir begins rounds with the next term. Of two roots the one with the higher term counts, at the
 * same one that with the lower id.
 *
 * Plumtree (Leitao, Pereira, Rodrigues, 2007) grows the tree out of the payloads themselves; why not here:
 * docs/decisions/0020. Its lazy links and pulls (spread.h) carry on wherever the tree is broken.
 *
 * While no beacon was heard yet all links are eager.
 */
#include "gossip/neighbours.h"

#define TREE_ROUND (5 * KITH_SEC)
/* The root is lost after so long without a new round, and any other will do until the next. */
#define TREE_LOST (16 * KITH_SEC)
/* The distance of whoever has no way. */
#define TREE_FAR UINT64_MAX
/* What each hop counts beside its way: where packets are lost every hop may cost a retransmission. */
#define TREE_HOP (10 * KITH_MS)
/* A root looks for a better one in each round; one that was named as better, in one of so many rounds, since the
 * whole tree changes. */
#define TREE_SEARCH_EVERY 60

/* What a neighbour told last. */
struct tree_hop {
    struct ulid root, heir;
    uint32_t term;
    uint64_t round, distance_us;
    bool child; /* it chose this peer for its parent */
};

struct tree {
    struct core *core;
    const struct neighbours *links; /* borrowed */
    struct tree_hop hops[NEIGHBOURS_MAX];
    struct ulid root; /* zero: none is known */
    struct ulid heir; /* that the root named; zero */
    uint32_t term;
    uint64_t round;
    uint64_t distance_us; /* TREE_FAR: there is no way, `parent` is for payloads only */
    uint64_t told_us;     /* the smallest distance that was published in this round */
    bool named;           /* it is root because the former one said so */
    uint32_t begun;       /* rounds as root, in a row */
    int parent;           /* slot; -1: this peer is the root, or none is known */
    kith_time round_us;   /* when the newest round was heard of */
    kith_time choose_us;  /* a new round waits for the parent until then; KITH_NEVER */
    kith_time beacon_us;  /* next round, or next look whether this peer is the root */
    kith_time publish_us; /* KITH_NEVER: nothing new to tell */
};

void tree_init(struct tree *tr, struct core *core, const struct neighbours *links);
void tree_start(struct tree *tr, struct turn *t);
void tree_stop(struct tree *tr);

/* A slot's neighbour went, or another came. */
void tree_gone(struct tree *tr, struct turn *t, int slot);
void tree_made(struct tree *tr, struct turn *t, int slot);

/* beacon and prune of the neighbour in this slot. False: another kind. */
bool tree_receive(struct tree *tr, struct turn *t, const struct incoming *in, int slot);

uint32_t tree_eager(const struct tree *tr); /* slots, as bits */

void tree_time(struct tree *tr, struct turn *t);
kith_time tree_deadline(const struct tree *tr);

#endif
