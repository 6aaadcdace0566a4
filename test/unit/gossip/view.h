#ifndef KITH_TEST_GOSSIP_VIEW_H
#define KITH_TEST_GOSSIP_VIEW_H
/*
 * One peer and its neighbours, without a cluster: members 1 to VIEW_MEMBERS, of which this peer is `self`; those that
 * view_link() names are its neighbours. What it sends is looked at, not delivered.
 */
#include "gossip/spread.h"

#define VIEW_MEMBERS 9

struct view {
    struct core core;
    struct neighbours links;
    struct tree tree;
    struct spread *spread;
    struct state *state;
    struct members *members;
    struct rng rng;
    struct effects out;
    struct post post;
    struct turn turn;
    struct buf payload;
};

struct ulid view_id(unsigned member);
void view_init(struct view *v, unsigned self);
void view_deinit(struct view *v);
/* Takes this member for a neighbour, this far away. Returns the slot. */
int view_link(struct view *v, unsigned member, kith_time rtt_us);
/* So many members in all; 250 at most. */
void view_crowd(struct view *v, unsigned members);
void view_unlink(struct view *v, int slot);
void view_dies(struct view *v, unsigned member);

/* What a neighbour or another member sends. Returns whether there was something new in it. */
void view_beacon(struct view *v, unsigned from, unsigned root, uint64_t round, uint64_t distance_us,
                 unsigned parent);
/* The same with all that a beacon says; nothing is added to the round. */
void view_tell(struct view *v, unsigned from, const struct beacon *b);
/* Where a member is (coord.h): on a line, in microseconds. This peer itself: measures so. */
void view_place(struct view *v, unsigned member, int64_t x_us);
bool view_cast(struct view *v, unsigned from, unsigned origin, uint64_t seq, uint8_t hops);
void view_have(struct view *v, unsigned from, unsigned origin, uint64_t seq);
void view_graft(struct view *v, unsigned from, unsigned origin, uint64_t seq);
void view_ping(struct view *v, unsigned from);
/* Time passes. */
void view_wait(struct view *v, kith_time for_us);

/* Frames of a kind since the last look: to this member's address, or published (member 0), or replied. */
size_t view_sent(const struct view *v, unsigned to, enum wire_kind kind);
size_t view_replied(const struct view *v, enum wire_kind kind);
void view_forget(struct view *v); /* the look is over */

#endif
