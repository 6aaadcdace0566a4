#ifndef KITH_GOSSIP_FANOUT_H
#define KITH_GOSSIP_FANOUT_H
/*
 * How a message gets to many peers: whom this one sends it to, and which part of the rest each of those serves.
 *
 * Peers stand on a ring by their ids. Whoever has a message serves the peers between its own id and `before`,
 * the origin all of them. Up to FANOUT_DIRECT it sends to each; more are cut into FANOUT_PARTS stretches, and the
 * first peer of each gets the message with the rest of its stretch to serve. So each peer gets one copy, the way is
 * log(n) long, stretches only get shorter (nothing goes round), who is near the front differs by origin, and a
 * peer without subscribers carries nothing. Peers' views of who is subscribed may differ: whoever serves a stretch
 * goes by its own, so a newcomer in it is found there.
 *
 * Of what many origins send all the time each way is a connection that stands. It is spared them: FANOUT_SPARING at once,
 * directly or by parts, and more hops.
 */
#include "base/ulid.h"

#define FANOUT_DIRECT  12
#define FANOUT_PARTS   8
#define FANOUT_SPARING 2 /* instead of both */
#define FANOUT_AVOID                                                                               \
    2 /* a part's first peers, when they are better avoided, get the message and nothing to do */
#define FANOUT_MAX (FANOUT_PARTS * (1 + FANOUT_AVOID))

struct fanout {
    struct ulid to;
    struct ulid before; /* it serves what is between itself and this; zero: nothing */
};

/* Whether a peer is better not relied on. */
typedef bool fanout_avoid(void *arg, const struct ulid *id);

struct fanout_plan {
    bool sparing;
    fanout_avoid *avoid; /* NULL: nobody is */
    void *arg;           /* of avoid */
};

/* So many or fewer are sent to directly. */
size_t fanout_direct(bool sparing);

/*
 * `peers` rise. Those strictly between `self` and `before` on the ring are served; with before equal to self, all
 * but self. Returns how many to send to, at most FANOUT_MAX, in ret. *ret_served: how many peers that covers.
 */
size_t fanout(const struct ulid *peers, size_t n, const struct ulid *self,
              const struct ulid *before, const struct fanout_plan *plan,
              struct fanout ret[FANOUT_MAX], size_t *ret_served);

#endif
