#ifndef KITH_GOSSIP_PARCEL_H
#define KITH_GOSSIP_PARCEL_H
/*
 * Messages that leave for one peer, many in one frame. The first to a peer that was sent nothing lately leaves at
 * once; what follows within PARCEL_GAP waits for the rest of the gap, or until a frame is full. So a single
 * event is not late, and a flood costs few frames. A frame larger than PARCEL_PACK_FROM is packed by zstd, where
 * that makes it a tenth smaller or more.
 *
 * Nothing is held longer than the gap, and of one destination never more than a frame takes.
 */
#include "state/turn.h"

#define PARCEL_GAP   (2 * KITH_MS)
#define PARCEL_ITEMS 256
#define PARCEL_BYTES                                                                               \
    65536 /* of items; then it leaves: two of these stay below a topic_batch's bound */
#define PARCEL_PACK_FROM 1024
#define PARCEL_LEVEL     1 /* of zstd: what costs least time */
/* A connection that was used so lately stands: less than what the transport keeps an idle one for. An unused
 * destination is forgotten then. */
#define PARCEL_WARM (15 * KITH_SEC)

struct parcels;

struct parcel_counts {
    uint64_t frames, messages, bytes; /* sent; bytes of payloads as they leave */
    uint64_t packed, saved_bytes;     /* frames that zstd made smaller, and by how much */
};

/* Sends an encoded topic_batch. Returns whether it went on the connection that this lane has for the purpose; `warm`:
 * one did within PARCEL_WARM. */
typedef bool parcel_send(void *arg, struct turn *t, const struct ulid *to, struct bytes batch,
                         bool warm);

struct parcels *parcels_new(parcel_send *send, void *arg);
void parcels_free(struct parcels *p);

/* Copies. `urgent`: leaves with the next flush, whatever the gap says. What fills a frame leaves at once. */
void parcels_add(struct parcels *p, struct turn *t, const struct ulid *to,
                 const struct topic_item *item, bool urgent);

/* Sends what is due. At the end of each step, and at the deadline. */
void parcels_flush(struct parcels *p, struct turn *t);
kith_time parcels_deadline(const struct parcels *p);
const struct parcel_counts *parcels_counts(const struct parcels *p);

/* The items of a topic_batch, unpacked if need be, in mem. 0, or WIRE_BAD and *err. */
int parcel_open(struct topic_batch *ret, struct bytes payload, struct arena *mem,
                struct wire_error *err);

#endif
