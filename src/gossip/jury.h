#ifndef KITH_GOSSIP_JURY_H
#define KITH_GOSSIP_JURY_H
/*
 * The observers of one member agree on its death.
 *
 * Each tells the others, and the suspect, what it misses; each answers with what it sees itself. With O
 * observers, H = 0.7 O rounded up must agree (1 of 1, 2 of 2, 3 of 4, 7 of 10). Observers that cannot
 * be reached count as agreeing, or a host whose observers died with it would never be found; but then
 * two must really agree, and where these are few the others must have been silent for longer.
 * Then one verdict row is written, by the first of those that agree; the others wait a moment for it.
 *
 * A peer that hears nobody at all may be the one that is cut off. Its verdicts are its own: the overlay
 * publishes nothing meanwhile, and when it hears again it withdraws them before anything else.
 */
#include "gossip/core.h"
#include "gossip/watch.h"

/* Deaths of which this peer is the only witness, kept to withdraw them. */
#define JURY_PRIVATE_MAX 256

struct jury {
    struct core *core;
    const struct rings *rings;
    struct {
        struct ulid id;
        uint64_t incarnation;
    } alone[JURY_PRIVATE_MAX];
    uint32_t alone_n;
};

/* H for O observers. */
size_t jury_quorum(size_t observers);

/* After this time without a word from others, weigh again. */
kith_time jury_patience(const struct jury *j);

/* Tells the other observers and the suspect that it is missed, or no longer. */
void jury_tell(struct jury *j, struct turn *t, struct watch *w, bool missing);
/* Another observer told: keeps it, and answers with what is seen here. */
void jury_note(struct jury *j, struct turn *t, const struct incoming *in, const struct miss *m,
               struct watch *w);
/* A frame of a member came. */
void jury_heard(struct watch *w, const struct ulid *from, kith_time now_us);

/* Enough agree: how long this one waits for another to write the verdict, else -1. */
kith_time jury_weigh(const struct jury *j, const struct turn *t, const struct watch *w);
/* Writes it. */
void jury_rule(struct jury *j, struct turn *t, const struct watch *w);

/* Somebody is heard: withdraws what was decided alone, unless the dead one's connection had closed. */
void jury_hears(struct jury *j, struct turn *t);
bool jury_is_alone(const struct jury *j); /* holds verdicts that nobody else saw */

#endif
