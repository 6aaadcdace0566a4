#ifndef KITH_GOSSIP_LOAD_BATCH_H
#define KITH_GOSSIP_LOAD_BATCH_H
/*
 * The table of loads to message load_batch and back: what is news here, and what a neighbour's news changes.
 */
#include "state/loads.h"
#include "wire/gen/topic.h"

#define LOAD_BATCH_OWN 255 /* not a source: only what is measured at this peer itself */

/* Appends the news that did not come from this source. False: there is none. An endpoint goes with its host's entry,
 * without which it means nothing. What does not fit (2,048 hosts) is left out. */
bool load_batch_write(struct buf *out, const struct loads *loads, uint8_t not_from,
                      kith_time now_us);

struct load_read {
    uint32_t news, old; /* entries */
};

/* 0, or WIRE_BAD and *err: nothing was taken. */
int load_batch_read(struct load_read *ret, struct loads *loads, struct bytes payload,
                    uint8_t source, kith_time now_us, struct wire_error *err);

#endif
