#ifndef KITH_GOSSIP_ROSTER_H
#define KITH_GOSSIP_ROSTER_H
/*
 * The members in an order that all peers who know the same ones have in common, so that a host can be named by
 * its place instead of by its hash. A digest tells whether two peers mean the same order.
 *
 * The order before the present one is kept: what was sent while a member came or went is still understood.
 */
#include "state/members.h"

struct roster_order {
    uint32_t *keys; /* the hosts' parts of loads_host_key(), rising; two hosts may have one */
    size_t n;
    uint32_t digest; /* 0 while there is no member */
};

struct roster {
    struct roster_order now, before;
    bool stale;
};

void roster_init(struct roster *r); /* to be filled by the first roster_look() */
void roster_deinit(struct roster *r);

/* Some member came, or was forgotten; what else happens to one changes nothing. */
void roster_changed(struct roster *r);
/* Looks at the members, if they changed. */
void roster_look(struct roster *r, const struct members *members);

/* The order with this digest; NULL: neither the present one nor the one before. */
const struct roster_order *roster_find(const struct roster *r, uint32_t digest);
/* The place of a host; order->n: it has none. */
size_t roster_place(const struct roster_order *order, uint32_t key);

#endif
