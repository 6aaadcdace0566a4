#ifndef KITH_TEST_STATE_PIPES_H
#define KITH_TEST_STATE_PIPES_H
/* Peers that have nothing but a state and sync, joined by pipes in memory that may lose, double and
 * reorder frames. */
#include "rows.h"
#include "state/sync.h"

#define PEERS_MAX 8

struct peer_box {
    struct state *state;
    struct members *members;
    struct sync *sync;
    struct rng rng;
    struct ulid_source ulids;
    struct post post;
    struct effects out;
    struct turn turn;
    bool stores; /* batches are stored at once */
    bool deaf;   /* frames to it are lost */
};

struct parcel {
    kith_time at_us;
    uint8_t from, to;
    bool reply;
    uint8_t *frame;
    size_t len;
};

struct pipes {
    struct peer_box peers[PEERS_MAX];
    uint8_t count;
    kith_time now_us;
    struct rng rng;
    struct parcel *parcels;
    size_t parcels_n, parcels_cap;
    uint32_t loss_percent, double_percent; /* of frames */
    kith_time delay_us;                    /* at most; different delays reorder */
    size_t frames, bytes, longest;         /* sent */
    size_t under_way_most;
};

/* Peers 1 to count, which know each other as live members. */
void pipes_init(struct pipes *p, uint8_t count, uint64_t seed);
void pipes_deinit(struct pipes *p);

struct state *peer(struct pipes *p, uint8_t number);
struct bytes uri_of(uint8_t number); /* "peer:N" */
/* sync_with(), of one with another. */
void ask_peer(struct pipes *p, uint8_t number, uint8_t other);
/* A frame from nowhere: kind, payload and sender as one likes. */
void deliver(struct pipes *p, uint8_t to, enum principal_kind who, uint32_t kind,
             struct bytes payload, uint64_t correlation);
void run_for(struct pipes *p, kith_time time_us);
/* True: all hold the same; false: not within the time. */
bool run_until_equal(struct pipes *p, kith_time time_us);
bool all_equal(struct pipes *p);

#endif
