#ifndef KITH_GOSSIP_COURIER_H
#define KITH_GOSSIP_COURIER_H
/*
 * How messages leave for the peers that have subscribers: along which way, and on which connection. It does not
 * decide whether they may (storm.h).
 *
 * Ways. When COURIER_DENSE of the live peers or more have subscribers of a topic, its messages go to all: in full
 * view the own PUB reaches everybody, else they travel along the overlay's tree (tree.h), each peer passing on to
 * whoever is next there. So they take connections that stand, and few of them. For fewer subscribers they go
 * straight to those (fanout.h), and nobody else carries any.
 *
 * Load reports (load/NAME) come every second from every host that has an endpoint: they take few connections and
 * more hops (FANOUT_SPARING).
 *
 * Connections. Messages have a lane of their own with connections of its own, so that a flood of them delays
 * nothing else. A single message would have to wait until one is made, several round trips and the work of a
 * handshake at both ends. So a batch that is small goes by express: over the overlay's link to that peer, or the
 * PUB, where one stands. That is held to COURIER_EXPRESS_BYTES a second, too little to delay anybody; what is
 * beyond takes its own lane, and for PARCEL_WARM after that all to the same peer does, so nothing overtakes.
 *
 * A peer that came or went less than COURIER_SETTLE ago may not hear every PUB yet: until then none is used.
 */
#include "gossip/fanout.h"
#include "gossip/interest.h"
#include "gossip/overlay.h"
#include "gossip/parcel.h"

#define COURIER_DENSE_PERMILLE  750
#define COURIER_HOPS            8  /* of a message to few, unless its publisher says otherwise */
#define COURIER_SPARING_HOPS    16 /* of a load report: two ways at each */
#define COURIER_TREE_HOPS       64 /* of one to all: the tree is deeper than a fan-out */
#define COURIER_EXPRESS_BYTES   (64u << 10)
#define COURIER_EXPRESS_LARGEST 4096
#define COURIER_SETTLE          (3 * KITH_SEC)

struct courier;

/* Whether a peer is suspected: such a one is not relied on to pass messages on. */
typedef bool courier_suspect(void *arg, const struct ulid *id);

/* All is borrowed for the courier's life. */
struct courier *courier_new(struct core *core, struct overlay *overlay, struct interest *interest,
                            courier_suspect *suspect, void *arg);
void courier_free(struct courier *c);

struct route { /* whom this peer sends a message to */
    struct fanout to[FANOUT_MAX];
    size_t n;      /* 0: to nobody; a PUB counts once */
    size_t copies; /* that leave this peer, a PUB counting for everybody who hears it */
    uint8_t hops;  /* of those copies */
    bool tree;     /* along it; `before` says nothing */
    bool ended;    /* there would be more to serve, but it was passed on too often */
};

/* Of messages published here. `hops`: how often they may be passed on; 0: as is usual. `words` is `topic`, split. */
void courier_route(struct courier *c, kith_time now_us, struct bytes topic,
                   const struct topic *words, uint8_t hops, struct route *ret);
/* Of a message that came from this peer. */
void courier_route_on(struct courier *c, struct bytes topic, const struct topic *words,
                      const struct topic_item *item, const struct ulid *from, struct route *ret);

/* Queues a message; `urgent` ones do not wait for others. */
void courier_send(struct courier *c, struct turn *t, const struct route *route,
                  struct bytes message, bool urgent);

/* The items of a topic_batch or topic_express, in mem. COURIER_OTHER: another kind. WIRE_BAD and *err: it is bad. */
enum { COURIER_OTHER = WIRE_BAD + 1 };
int courier_open(struct topic_batch *ret, const struct incoming *in, struct arena *mem,
                 struct wire_error *err);

/* Some member died, left or came back. */
void courier_members_changed(struct courier *c, kith_time now_us);

/* Sends what is due. At the end of each step, and at the deadline. */
void courier_flush(struct courier *c, struct turn *t);
kith_time courier_deadline(const struct courier *c);

struct courier_counts {
    uint64_t express, along_tree; /* frames that went so; publish requests that went to all */
};
const struct courier_counts *courier_counts(const struct courier *c);
const struct parcel_counts *courier_parcels(const struct courier *c);

#endif
