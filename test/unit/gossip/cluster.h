#ifndef KITH_TEST_GOSSIP_CLUSTER_H
#define KITH_TEST_GOSSIP_CLUSTER_H
/*
 * A small cluster in memory and in virtual time: real gossip, state, sync and frames; a network of
 * delays, loss (as retransmission), cuts and closed connections; disks that take a millisecond; kills,
 * pauses, restarts. Everything is drawn from one seed. Nodes are numbered; node N is at 127.0.0.(N+1).
 *
 *     struct cluster *c = cluster_new(5);          founders' tokens for all, seeds 0, 1 and 2
 *     cluster_start_all(c);
 *     assert_true(cluster_agrees(c, 5 * KITH_SEC));
 */
#include "gossip/gossip.h"
#include "trust/certificate.h"

#define CLUSTER_MAX  128
#define CLUSTER_WAYS 3

struct node;

struct cluster {
    kith_time now_us;
    size_t n;
    kith_time delay_us;                 /* one way */
    unsigned loss_permille;             /* of frames, each then 200 ms late, again and again */
    unsigned loss_of[CLUSTER_MAX];      /* the same for what one sends and hears, on top */
    bool cut[CLUSTER_MAX][CLUSTER_MAX]; /* from, to: frames wait for the cut to end, as TCP does */
    bool insecure, wan;
    size_t ways; /* that each node advertises: tcp, ws, ipc; 1 at first */
    bool way_cut[CLUSTER_MAX][CLUSTER_WAYS]; /* what a node listens on by it is lost */
    struct sign_pair issuer, operator_pair;
    struct curve_pair ring;
    struct ulid cluster;
    struct node *nodes[CLUSTER_MAX];
    struct rng rng;
    struct flight *flights; /* a heap by (time, order) */
    size_t flights_n, flights_cap;
    uint64_t order;
};

struct cluster *cluster_new(size_t n);
void cluster_free(struct cluster *c);

/* How a node starts; the defaults are what cluster_new() says. Before its first start. */
void node_seeds(struct cluster *c, size_t i, const char *seeds); /* numbers, "0 1 2"; "" none */
void node_token(struct cluster *c, size_t i, bool founder, kith_time expires_wall_us);
void node_no_token(struct cluster *c, size_t i);
void node_token_raw(struct cluster *c, size_t i, struct bytes token);
void node_tags(struct cluster *c, size_t i, const char *key, const char *value);

void node_start(struct cluster *c, size_t i);
void cluster_start_all(struct cluster *c);
void node_kill(struct cluster *c,
               size_t i); /* as SIGKILL: connections close, what is on disk stays */
void node_vanish(struct cluster *c, size_t i); /* as power off: nobody is told */
void node_pause(struct cluster *c, size_t i);
void node_resume(struct cluster *c, size_t i);
void node_leave(struct cluster *c, size_t i);
/* Starts node `copy` from a copy of the data folder of `i`: the same id, another address. */
void node_clone(struct cluster *c, size_t i, size_t copy);
void node_write(struct cluster *c, size_t i,
                const char *service); /* the count of a service by this name, a row for everybody */
void node_wipe(struct cluster *c, size_t i); /* its data folder is emptied; its id is a new one */
void cluster_cut(struct cluster *c, size_t from, size_t to, bool cut); /* both ways */
void cluster_split(struct cluster *c, size_t first, bool cut); /* 0..first-1 from the rest */

/* Node i's sockets of a way close, or open again. */
void node_way(struct cluster *c, size_t i, size_t way, bool open);
/* By which way node `by` talks to `i`. */
size_t node_uses(struct cluster *c, size_t by, size_t i);

void cluster_run(struct cluster *c, kith_time for_us);
/* Runs until all running nodes see exactly the running ones alive. */
bool cluster_agrees(struct cluster *c, kith_time within_us);
/* Runs until all running nodes (not `i` itself) see `i` in a state. Returns how long; -1: not in time. */
kith_time cluster_sees(struct cluster *c, size_t i, enum member_state state, kith_time within_us);
bool cluster_same_tables(struct cluster *c, kith_time within_us);
/* How node `by` sees `i` now. */
enum member_state node_sees(struct cluster *c, size_t by, size_t i);
const struct member *node_member(struct cluster *c, size_t by, size_t i);

bool node_runs(const struct cluster *c, size_t i);
uint64_t node_wakes(const struct cluster *c, size_t i); /* how often for a deadline */
uint64_t node_incarnation(const struct cluster *c, size_t i);
int64_t node_count(const struct cluster *c, size_t i, const char *counter);
uint64_t cluster_count(const struct cluster *c, const char *counter); /* of all that run */
size_t node_logged(const struct cluster *c, size_t i,
                   const char *part); /* lines with this in them */
struct ulid node_id(const struct cluster *c, size_t i);
struct state *node_state(const struct cluster *c, size_t i);
size_t node_subscriptions(const struct cluster *c, size_t i);

/* A request by the daemon's ipc socket; the answer's payload lives until the next call. */
struct bytes node_ask(struct cluster *c, size_t i, enum wire_kind kind, struct bytes payload,
                      enum wire_kind *ret_kind);
/* A frame as it comes to a node. `key` NULL: none. Returns how many answers it got. */
struct stranger {
    struct ulid id, boot, cluster; /* cluster zero: the right one */
    const struct key32 *key;
    enum door door;
    uint64_t route;
    const char *from;
};
size_t node_frame(struct cluster *c, size_t i, const struct stranger *who, enum wire_kind kind,
                  struct bytes payload);
void node_garbage(struct cluster *c, size_t i, const char *from);
/* The last answer to node_frame(). */
enum wire_kind node_answer(struct cluster *c, size_t i, struct bytes *ret_payload);

/* What subscribers at the node got, lines TOPIC=PAYLOAD; how many messages, and how many they were told of as
 * dropped; to how many others it sent on the topic lane. */
const char *node_delivered(struct cluster *c, size_t i);
size_t node_delivered_n(const struct cluster *c, size_t i, uint64_t *ret_dropped);
void node_delivered_reset(struct cluster *c, size_t i);
size_t node_topic_links(const struct cluster *c, size_t i);

/* The host is measured; a check of an instance on it succeeds; what the node knows of others' load. */
void node_sample(struct cluster *c, size_t i, uint16_t cpu_permille, uint16_t memory_permille);
void node_checked(struct cluster *c, size_t i, const struct ulid *instance, kith_time took_us);
const struct loads *node_loads(const struct cluster *c, size_t i);

/* A token of this cluster. */
void cluster_token(struct cluster *c, struct buf *out, enum principal_kind kind, bool founder,
                   const struct sign_pair *issuer, kith_time expires_wall_us);
kith_time cluster_wall(const struct cluster *c);

#endif
