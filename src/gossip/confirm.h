#ifndef KITH_GOSSIP_CONFIRM_H
#define KITH_GOSSIP_CONFIRM_H
/*
 * When tombstones go. A tombstone keeps a stale copy of its row from coming back, so it stays until every member that is
 * not forgotten, dead or alive, has confirmed that it holds it. Then nobody holds a stale copy any more.
 *
 * Time is cut into periods by the wall clock. A member that holds tombstones older than the last full period says so in a
 * row of its own: up to when, and the digest of all of those. Once the rows of all members say the same, all hold the same
 * tombstones, and each drops them; its row then says up to when they are gone, so that who was slower, or has just joined,
 * drops them too and nobody takes them from another again. Whoever has confirmed a period writes no tombstone into it any
 * more, whatever its clock shows.
 *
 * Bounded: a member that is away holds all tombstones back until it confirms or is forgotten (reap.h: a month); a forgotten one
 * that returns starts anew. A cluster in which nothing is deleted writes nothing here. A peer whose clock is off waits
 * with its confirmation until it is right.
 */
#include "gossip/core.h"

/* Tombstones stay for one to two of these when all members are there: far longer than any frame is under way. */
#define CONFIRM_PERIOD KITH_HOUR
#define CONFIRM_LOOKS  60 /* in a period */
/* One that comes after it was collected, over a stale row that was under way even longer, is taken by that peer alone, and the digests
 * of the others' never match its own. It is dropped when nothing was collected for so many periods. */
#define CONFIRM_LATE 2

struct confirm {
    struct core *core;
    kith_time period_us;
    kith_time look_us;
};

/* period_us: 0 for the default. */
void confirm_start(struct confirm *c, struct core *core, struct turn *t, kith_time period_us);
void confirm_time(struct confirm *c, struct turn *t);
kith_time confirm_deadline(const struct confirm *c);

#endif
