#ifndef KITH_GOSSIP_HELLO_H
#define KITH_GOSSIP_HELLO_H
/*
 * The answer to a hello: is the certificate good, and what does its holder get. Part of admit.h, which
 * knows the keys that are in already.
 */
#include "gossip/core.h"
#include "gossip/limit.h"
#include "trust/certificate.h"

/* Keys share a bucket when their first bytes are alike: a table of fixed size, and at worst a wait. */
#define HELLO_BUCKETS 256
/* Of rows in one answer; what is more comes by repair. */
#define HELLO_ROWS_BYTES (2u << 20)
#define HELLO_ROWS_MAX   4096

/* What the cluster is, to one who asks to be let in. */
struct hello_house {
    struct core *core;
    struct certificate_trust trust;
    struct key32 ring_public, ring_secret;
    struct limit all, by_key[HELLO_BUCKETS];
};

/* What is known of the one who asks, from the frame. */
struct hello_door {
    struct key32 key;
    bool admitted; /* for this very id */
    bool
        person; /* admitted, and not a node: says hello whenever it connects, wants only to hear yes */
    bool revoked;
};

void hello_receive(struct hello_house *h, const struct hello_door *door, struct turn *t,
                   const struct incoming *in);

/* Writes an admission row. 0, or as state_put(). */
int hello_admit(struct turn *t, const struct key32 *curve, const struct admission_row *row);

#endif
