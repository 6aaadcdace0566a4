#ifndef KITH_SIM_RACE_H
#define KITH_SIM_RACE_H
/*
 * Clients that race for one key and one lock, one at each host, asking that host's peer: each counts the key up by compare and set
 * on what its own peer shows, and opens a session, takes the lock, holds it for a while and gives it back. Whatever
 * happens meanwhile:
 *
 *     of all who were told that they counted up, no two counted to the same number, and in the end the key is at least
 *     at how many there are, and at most at that and those who were never told what became of theirs;
 *     no two were ever told that they have the lock by the same turn (LockIndex).
 *
 * After healing every client has to succeed once more; then it rests.
 */
#include "sim/site.h"

#define RACE_ROUTE (1ull << 62)

struct race;

/* `counters`: only the clients of so many hosts, the first ones, and they count and take no locks, one count after the
 * other; 0: all race. */
struct race *race_new(struct site_world *w, uint32_t counters);
void race_free(struct race *r); /* may be given NULL */

/* The client of this host does something. Returns when it wants to do more; KITH_NEVER: it rests. */
kith_time race_act(struct race *r, uint32_t host, kith_time now_us);
void race_reply(struct race *r, uint32_t host, uint64_t route, struct bytes frame,
                kith_time now_us);

/* Faults have ended. */
void race_heal(struct race *r);
/* Everybody has succeeded since; else *why says who has not. */
bool race_is_over(const struct race *r, struct buf *why);
/* What the key is at in the end, as this host has it. */
void race_final(struct race *r, uint32_t host, kith_time now_us);

struct race_counts {
    uint64_t counted, locked;     /* told true */
    uint64_t told_false, refused; /* told false; an error, and nothing was changed */
    uint64_t unknown;             /* an error or none, and it may have happened */
    kith_time p50_us, p99_us;     /* from a count to its answer, false ones too */
};

struct race_counts race_counts(const struct race *r);

#endif
