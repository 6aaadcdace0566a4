#ifndef KITH_GOSSIP_ATLAS_H
#define KITH_GOSSIP_ATLAS_H
/*
 * Where this peer and the others are, in the space of round trips (coord.h).
 *
 * Measures by the probes that are sent anyway: some carry the prober's place and the round trip as it
 * measures it, and their answers the other's place; so both ends learn from one probe. The first
 * ATLAS_EAGER probes to a peer do, later one in ATLAS_EVERY. Of the latest round trips to a peer the median
 * counts: a packet that was lost and sent again says nothing about distance (Ledlie, Gardner and Seltzer,
 * 2007).
 *
 * Tells the others by a row of its own in table coord, only when its place has moved so far that estimates
 * by the former ones are off by a quarter (an eighth at each end), and at growing distances of time that follow the
 * size of the cluster: all of them write a row each ATLAS_ROWS_APART between them at most, the first ones too, a
 * small cluster one for each member in ATLAS_ROWS_SPREAD, and a quiet cluster none.
 */
#include "gossip/coord.h"
#include "state/turn.h"

#define ATLAS_EAGER   8
#define ATLAS_EVERY   8
#define ATLAS_SAMPLES 5 /* round trips of one peer that the median is of */
/* Measurements before the place is worth telling. */
#define ATLAS_SETTLED 16
/* Between two rows: doubles with each. */
#define ATLAS_ROW_FIRST KITH_MIN
#define ATLAS_ROW_MAX   (16 * KITH_MIN)
/* Of all peers together: a row costs each of them some 800 bytes where the cluster is large (spread.h). */
#define ATLAS_ROWS_APART (1500 * KITH_MS)
/* Where packets are lost, so much seldomer: the rows of a thousand would hold up all else that is spread. */
#define ATLAS_ROWS_LOSS 8
/* A row wakes each peer some ten times and its disk; nobody waits for places in a cluster where all probe many. */
#define ATLAS_ROWS_SPREAD (2 * KITH_MIN)
/* A move that is no news, however near the others are. */
#define ATLAS_MOVE_MIN_US 200
/* A peer that was not measured for so long is no neighbour any more. */
#define ATLAS_FORGET (2 * KITH_MIN)

struct atlas;

struct atlas *atlas_new(const struct ulid *self); /* borrowed */
void atlas_free(struct atlas *a);

/* A probe is about to go to a peer: adds what it is to carry. */
void atlas_probe(struct atlas *a, struct turn *t, const struct ulid *to, struct probe *p);
/* It was answered after rtt_us (> 0). */
void atlas_answered(struct atlas *a, struct turn *t, const struct ulid *from,
                    const struct probe_ack *ack, kith_time rtt_us);
/* A peer's probe came: adds what its answer is to carry. */
void atlas_probed(struct atlas *a, struct turn *t, const struct ulid *from, const struct probe *p,
                  struct probe_ack *ack);

/* Writes the own row when it is due. alive: how many live members there are. loss: packets are lost, see
 * core_sees_loss(). */
void atlas_time(struct atlas *a, struct turn *t, size_t alive, bool loss);
kith_time atlas_deadline(const struct atlas *a);

/* The estimate for any two peers, this one among them or not; 0: not known. */
uint64_t atlas_rtt_us(const struct atlas *a, const struct state *state, const struct ulid *from,
                      const struct ulid *to);
/* Peers that told their place with a probe lately, in order of id: some twenty, and as random as the rings are. At
 * most ATLAS_PEERS_MAX; returns how many. */
#define ATLAS_PEERS_MAX 32
struct atlas_peer {
    struct ulid id;
    struct coord place;
};
size_t atlas_peers(const struct atlas *a, struct atlas_peer ret[ATLAS_PEERS_MAX]);
/* The place of a peer as it is known here. */
struct coord atlas_place(const struct atlas *a, const struct state *state, const struct ulid *id);

#endif
