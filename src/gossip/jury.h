#ifndef KITH_GOSSIP_JURY_H
#define KITH_GOSSIP_JURY_H
/*
 * The observers of one member agree on its death.
 *
 * Each tells the others when it begins to miss and when it no longer does, on connections that stand; and who
 * told it the same lately, so that a lost packet holds up one of two ways only.
 * Of O observers H = 0.7 O rounded up must agree, and all of JURY_ALL or fewer (2 of 2, 5 of 5, 6 of 8, 7 of 10):
 * where packets are lost two or three wait for one at any time. Those that are silent
 * are not asked, or a host whose observers died with it, or are cut off with it, would never be found: O
 * is how many of them are left. The same holds for those that took the place of one that died, for their first
 * seconds. Where there were more than JURY_ALL, all of JURY_LEFT that are left must agree and 0.7 of more (5 of 6 and
 * of 7): each of those asked may be the one whose probe waits for a lost packet, and the rest of them are silent too.
 * But never is one enough while anybody else is heard.
 * Then one verdict row is written, by the first of those that agree; the others wait a moment for it.
 *
 * A peer that hears nobody at all may be the one that is cut off. Its verdicts are its own: the overlay
 * publishes nothing meanwhile, and when it hears again it withdraws them before anything else.
 */
#include "gossip/core.h"
#include "gossip/watch.h"

/* Deaths of which this peer is the only witness, kept to withdraw them. */
#define JURY_PRIVATE_MAX 256
/* So many or fewer have to agree all: docs/decisions/0031. */
#define JURY_ALL 6
/* The same of more than JURY_ALL of which some are left out: docs/decisions/0070. */
#define JURY_LEFT 5

struct jury {
    struct core *core;
    struct rings *rings;
    struct watch_tree *watches;
    struct {
        struct ulid id;
        uint64_t incarnation;
    } alone[JURY_PRIVATE_MAX];
    uint32_t alone_n;
    unsigned mistaken; /* how often it withdrew; until its senses were well for a minute */
};

/* H where `left` of a member's observers can know; all of them, or fewer. */
size_t jury_quorum(size_t observers, size_t left);

/* To one that is watched, on a connection that stands: the own one to a subject, the other's one to this peer. */
void jury_send(const struct jury *j, struct turn *t, const struct watch *w, enum wire_kind kind,
               struct bytes payload);
/* Tells the other observers that it is missed, or no longer. */
void jury_tell(struct jury *j, struct turn *t, struct watch *w, bool missing);
/* Another observer told: keeps it. */
void jury_note(struct jury *j, struct turn *t, const struct incoming *in, const struct miss *m,
               struct watch *w);
/* How many others say that they miss it. */
size_t jury_doubts(const struct watch *w, kith_time now_us);
/* Enough agree: how long this one waits for another to write the verdict, else -1. */
kith_time jury_weigh(const struct jury *j, const struct turn *t, const struct watch *w);
/* Writes it. */
void jury_rule(struct jury *j, struct turn *t, const struct watch *w);

/* Somebody is heard: withdraws what was decided alone, unless the dead one's connection had closed. */
void jury_hears(struct jury *j, struct turn *t);
bool jury_is_alone(const struct jury *j); /* holds verdicts that nobody else saw */

#endif
