#ifndef KITH_GOSSIP_LOAD_BATCH_H
#define KITH_GOSSIP_LOAD_BATCH_H
/*
 * The table of loads to message load_batch and back: what is news here, and what a neighbour's news changes.
 */
#include "gossip/roster.h"
#include "state/loads.h"
#include "wire/gen/topic.h"

#define LOAD_BATCH_OWN 255 /* not a source: only what is measured at this peer itself */

/* Where news go, and what may be said of hosts there. */
struct load_target {
    uint8_t not_from;            /* a source that knows them already */
    bool all;                    /* also what is no news: the receiver heard none of it from here */
    const struct roster *roster; /* the own one */
    uint32_t
        theirs; /* digest of the receivers' order, 0: unknown; hosts are named by place when it is ours */
};

/* Appends the news for this target. False: there is none. An endpoint goes with its host's entry, without which it means
 * nothing. What does not fit (2,048 hosts in each of the two ways) is left out. */
bool load_batch_write(struct buf *out, const struct loads *loads, const struct load_target *target,
                      kith_time now_us);

struct load_read {
    uint32_t news, old; /* entries */
    uint32_t unknown;   /* entries by place of an order that is not known here: not taken */
    uint32_t roster;    /* the sender's */
};

/* 0, or WIRE_BAD and *err: nothing was taken. */
int load_batch_read(struct load_read *ret, struct loads *loads, const struct roster *roster,
                    struct bytes payload, uint8_t source, kith_time now_us, struct wire_error *err);

#endif
