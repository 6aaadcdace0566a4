#ifndef KITH_GOSSIP_RINGS_H
#define KITH_GOSSIP_RINGS_H
/*
 * Who watches whom. Every peer computes the same answer from the same list of live members.
 *
 * The members stand on a ring in a pseudo-random order (a hash of the id). A member's observers are the
 * rings_wanted() that follow it, or all there are. So of any two observers of one member one observes
 * the other too: the connection on which they tell each other what they miss stands already, and
 * whether one of them is silent is known without asking (docs/decisions/0016).
 * Few observe each other in a small cluster, where each connection and each probe is a larger part of what a
 * peer costs; RINGS_OBSERVERS do from RINGS_OBSERVERS * RINGS_PER_OBSERVER members on (docs/decisions/0031).
 * Source: Rapid (Suresh et al., 2018) for observers on rings; design section 3 for the rest.
 */
#include "base/ulid.h"

/* K, at most. Chosen with the agreement of 7 in 10 by the figures in docs/decisions/0018. */
#define RINGS_OBSERVERS 10
/* K, at least: fewer agree on wrong deaths where packets are lost (docs/decisions/0031). */
#define RINGS_OBSERVERS_LEAST 5
/* In between there is one for each so many members: K changes by one when the cluster grows or shrinks by that,
 * which gives or takes each member one observer. */
#define RINGS_PER_OBSERVER 8

struct rings;

struct rings *rings_new(void);
void rings_free(struct rings *r);

/* K for so many members; fewer observe each where there are no more others. */
size_t rings_wanted(size_t members);

/* Takes a member in or out; doing so twice changes nothing. True: it did. */
bool rings_set(struct rings *r, const struct ulid *id, bool in);

/* The observers of a member, whether or not it is on the rings itself; itself never among them. In the
 * order of the rings. Returns how many: min(rings_wanted(), others on the rings). */
size_t rings_observers(struct rings *r, const struct ulid *id, struct ulid ret[RINGS_OBSERVERS]);

/* The members that `id` observes, itself on the rings. At most RINGS_SUBJECTS, ordered by the rings. */
#define RINGS_SUBJECTS (4 * RINGS_OBSERVERS)
size_t rings_subjects(struct rings *r, const struct ulid *id, struct ulid ret[RINGS_SUBJECTS]);

#endif
