#ifndef KITH_GOSSIP_NEARBY_H
#define KITH_GOSSIP_NEARBY_H
/*
 * Members that may be near: candidates for the near places among the neighbours (neighbours.h), with the
 * smallest round trip that was measured to each. A value; of NEARBY_MAX candidates the farthest gives way
 * to one that is nearer or not measured yet.
 */
#include "base/time.h"
#include "base/ulid.h"

#include <stdbool.h>

#define NEARBY_MAX 32
/* One that did not answer so many pings is forgotten. */
#define NEARBY_PINGS_MAX 4

struct nearby_entry {
    struct ulid id;      /* zero: free */
    kith_time rtt_us;    /* the smallest; 0: not measured */
    kith_time not_until; /* it refused, or was asked just now */
    uint32_t pings;
};

struct nearby { /* a zeroed one is valid and empty */
    struct nearby_entry entries[NEARBY_MAX];
};

/* Heard of (rtt_us 0), or measured. */
void nearby_learn(struct nearby *n, const struct ulid *id, kith_time rtt_us);
/* It was measured, and still is a candidate. */
bool nearby_knows(const struct nearby *n, const struct ulid *id);
void nearby_forget(struct nearby *n, const struct ulid *id);
/* Not to be asked before. */
void nearby_not_until(struct nearby *n, const struct ulid *id, kith_time until_us);

/* The nearest that is measured and none of these; NULL: there is none. */
const struct nearby_entry *nearby_best(const struct nearby *n, const struct ulid *except,
                                       size_t except_n, kith_time now_us);
/* One that is not measured and none of these, to be pinged now: counted. NULL: there is none. */
const struct nearby_entry *nearby_to_measure(struct nearby *n, const struct ulid *except,
                                             size_t except_n);

#endif
