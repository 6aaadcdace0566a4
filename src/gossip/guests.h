#ifndef KITH_GOSSIP_GUESTS_H
#define KITH_GOSSIP_GUESTS_H
/*
 * Those that this peer has let in lately: they hear from it, on the connection that they said hello on, whatever
 * it learns about members, until they have connections of their own.
 *
 * When many start at once each of them would otherwise make a dozen connections before it knows who there is, and
 * all of them at the same time: handshakes are most of what a start costs. So a newcomer waits (GUESTS_SETTLE),
 * and this is how it, and through it the others, hear of everybody meanwhile (docs/decisions/0031).
 *
 * Bounded: the latest GUESTS_MAX; who was dropped hears a little later, from its neighbours.
 */
#include "state/turn.h"

#define GUESTS_MAX 128
/* A guest hears for so long: it has settled, and what came meanwhile was compared. */
#define GUESTS_STAY (5 * KITH_SEC)
/* A newcomer makes no connections that are to stand before this time has passed. */
#define GUESTS_SETTLE (400 * KITH_MS)

struct guests {
    struct {
        uint64_t route;
        uint64_t token; /* of the batch that its welcome waits for: nothing may come before it */
        kith_time until_us;
    } list[GUESTS_MAX]; /* the oldest first */
    uint32_t n;
};

/* Whoever is at this route was let in. `token`: what the welcome waits for. */
void guests_add(struct guests *g, kith_time now_us, uint64_t route, uint64_t token);
/* Are there any? Lets go of those whose time is over. */
bool guests_any(struct guests *g, kith_time now_us);
/* Sends `news` to all of them once this peer's own rows among it are on disk, and to who let this peer in
 * itself just now; len 0: nobody did. */
void guests_tell(const struct guests *g, struct turn *t, struct bytes news, struct bytes host_uri);

#endif
