#ifndef KITH_GOSSIP_SENSES_H
#define KITH_GOSSIP_SENSES_H
/*
 * Whether what this peer does not hear is its own fault.
 *
 * Pause: a peer that did not run for a while (stopped, swapped out, a sleeping laptop) has a backlog of
 * answers to read. Until it has had time for that, nothing counts as missed.
 * Doubt: one that misses most of those it probes stretches its time-outs, as Lifeguard does (Dadgar,
 * Phillips and Currey, 2017), up to SENSES_DOUBT_MAX times.
 */
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>

/* Later than this after the deadline it asked for, it did not run. */
#define SENSES_PAUSE (500 * KITH_MS)
/* Time to drain a backlog. */
#define SENSES_GRACE KITH_SEC
/* More would find a cut into halves too late. */
#define SENSES_DOUBT_MAX 2

struct senses { /* a zeroed one is valid */
    kith_time grace_until_us;
    unsigned doubt; /* 0: none */
};

/* At the start of each step; `due_us` is what it asked to be run for. True: there was a pause, and
 * misses are to be forgotten. */
bool senses_wake(struct senses *s, kith_time now_us, kith_time due_us);
bool senses_in_grace(const struct senses *s, kith_time now_us);

/* Once each round: how many it probes, and how many of those it misses. */
void senses_round(struct senses *s, size_t probed, size_t missed);
kith_time senses_stretch(const struct senses *s, kith_time patience_us);

#endif
