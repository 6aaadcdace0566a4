#ifndef KITH_GOSSIP_NOTES_H
#define KITH_GOSSIP_NOTES_H
/*
 * What people are told of members that come and go: `kith events` and the log.
 *
 * Hosts that share a switch go together, and a split takes half of the cluster: that is one thing that
 * happened, not fifty. The first NOTES_ALONE deaths are told at once, each for itself; those that follow, each within
 * NOTES_QUIET of the one before, are told as one when no more come, with all of their number: "members-lost", or
 * "cluster-split" when they are NOTES_SPLIT_PERCENT or more of those that were alive. Likewise members that were dead
 * and are back: "members-back". Who is back before its death was told is not told of: when halves meet again each
 * hears of the other's verdicts against its own members, which rise above them at once. Goodbyes and new members
 * are told one by one. Source for several failures as one change: Rapid (Suresh et al., 2018).
 */
#include "gossip/core.h"

#define NOTES_ALONE         2
#define NOTES_QUIET         (4 * KITH_SEC) /* deaths are found within 2 to 4 s */
#define NOTES_SPLIT_PERCENT 40
/* So many are named; the others are counted. */
#define NOTES_NAMED 8

/* Deaths, or returns, that belong together. */
struct notes_burst {
    struct notes_one {
        struct ulid id;
        bool told;
    } * list; /* in the order in which they came */
    size_t n, cap;
    size_t told; /* one by one */
    kith_time last_us;
};

struct notes { /* a zeroed one is valid */
    struct notes_burst lost, back;
};

void notes_deinit(struct notes *n);
/* A member's state changed from `before`. */
void notes_member(struct notes *n, const struct core *core, struct turn *t,
                  const struct member *before, const struct member *now);
void notes_time(struct notes *n, const struct core *core, struct turn *t);
kith_time notes_deadline(const struct notes *n);

#endif
