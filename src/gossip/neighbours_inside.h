#ifndef KITH_GOSSIP_NEIGHBOURS_INSIDE_H
#define KITH_GOSSIP_NEIGHBOURS_INSIDE_H
/*
 * How the neighbours are divided: neighbours.c has the places, whom to ask, and time; neighbours_frames.c has what
 * others say. Internal to these two.
 */
#include "gossip/neighbours.h"

/* A request that is not answered by then is given up. */
#define NEIGHBOURS_ASK_TAKES (4 * KITH_SEC)

size_t neighbours_near(const struct neighbours *n);  /* how many are near ones */
int neighbours_farthest(const struct neighbours *n); /* of the near ones; -1: none */
/* One of the others, if possible not in use; -1: there is none. */
int neighbours_random(const struct neighbours *n, struct turn *t);

/* There is a free place. rtt_us 0: not measured. */
void neighbours_add(struct neighbours *n, struct turn *t, const struct ulid *id, bool near,
                    kith_time rtt_us);
/* Takes it out; `end` tells it, too. */
void neighbours_empty(struct neighbours *n, int slot);
void neighbours_end(struct neighbours *n, struct turn *t, int slot);
void neighbours_send_end(const struct neighbours *n, struct turn *t, const struct ulid *id);
/* There may be more near ones than places: the farthest becomes a random one, or goes. And the random ones
 * that kept the places for near ones go. */
void neighbours_settle(struct neighbours *n, struct turn *t);

/* The peer is woken then, at the latest. */
void neighbours_look_by(struct neighbours *n, kith_time at_us);
void neighbours_measured(struct neighbour *s, kith_time rtt_us);
struct link_request *neighbours_asked(struct neighbours *n, const struct ulid *id); /* NULL */

#endif
