#ifndef KITH_TEST_GOSSIP_CLUSTER_INSIDE_H
#define KITH_TEST_GOSSIP_CLUSTER_INSIDE_H
/*
 * What the files of the unit tests' cluster share: cluster_net.c (frames on their way), cluster.c (effects, one step,
 * time), cluster_life.c (starts, stops, faults) and cluster_see.c (what is asked of it).
 */
#include "cluster.h"
#include "state/journal.h"
#include "state/loads.h"

#define STORE_TAKES KITH_MS
#define LINES_MAX   4096
#define DOORS       3

struct stored {
    struct buf key, value;
    bool local;
};

struct disk {
    struct stored *rows;
    size_t n;
};

enum flight_kind { FLIGHT_FRAME, FLIGHT_STORED, FLIGHT_LINK };

struct flight {
    kith_time at_us;
    uint64_t order;
    enum flight_kind kind;
    size_t to;
    uint64_t life; /* of the node it was meant for; 0: any */
    size_t from;   /* of a frame */
    enum door door;
    uint64_t route;
    struct key32 key;
    struct buf uri, frame;
    uint64_t token;
    bool up;
};

struct node {
    bool up, paused, bound;
    uint64_t life; /* starts, counted */
    struct ulid id, boot;
    struct sign_pair sign;
    struct curve_pair curve;
    struct buf token;
    char seeds[64];
    struct pair tag;
    struct disk disk;
    struct effects batches; /* on their way to the disk */
    struct gossip *gossip;
    struct sync *sync;
    struct members *members;
    struct state *state;
    struct journal *journal;
    struct loads *loads;
    struct post post;
    struct rng rng;
    struct ulid_source ulids;
    uint64_t stored;
    kith_time deadline_us;
    uint64_t wakes;      /* for a deadline */
    struct effects held; /* effects that wait */
    bool subscribed[CLUSTER_MAX], connected[CLUSTER_MAX], admitted[CLUSTER_MAX];
    /* Arrival of the last frame to each, by connection: TCP keeps the order. Answers go the other way on
     * a connection that the other made. */
    kith_time last_us[DOORS][2][CLUSTER_MAX];
    size_t subscribed_way[CLUSTER_MAX];
    struct ulid write; /* the service whose count the next step writes; zero: none */
    char *lines[LINES_MAX];
    size_t lines_n;
    struct buf answer;
    size_t answers;
    struct buf delivered; /* messages for subscribers: lines TOPIC=PAYLOAD */
    size_t delivered_n;
    uint64_t delivered_dropped;
    bool topic_sent[CLUSTER_MAX]; /* topic frames went to these */
};

/* ---- cluster_net.c ---- */

/* A frame, a completion or a link's news on its way; owns its buffers until flight_free(). */
void flight_add(struct cluster *c, struct flight f);
struct flight flight_next(struct cluster *c);
void flight_free(struct flight *f);
/* tcp://127.0.0.I+1:PORT and the like, by `way`. */
void net_uri(char ret[64], size_t i, enum door door, size_t way);
bool net_parse_uri(const struct cluster *c, struct bytes uri, size_t *ret_i, enum door *ret_door,
                   size_t *ret_way);
/* route 0: by PUB, or an answer, on a connection that `to` made. */
void net_send(struct cluster *c, size_t from, size_t to, enum door door, uint64_t route,
              const char *uri, struct bytes frame);
void net_link(struct cluster *c, size_t to, size_t about, size_t way, bool up, kith_time in_us);
void net_publish(struct cluster *c, size_t from, struct bytes frame);

/* ---- cluster.c ---- */

void disk_write(struct disk *d, const struct store_write *w);
void disk_free(struct disk *d);
/* One step of its machine, and what it asks for is done. */
void node_step(struct cluster *c, size_t i, struct event *event);
/* The next thing that happens, if it does before `until`. */
bool cluster_advance(struct cluster *c, kith_time until);

#endif
