#ifndef KITH_SIM_SITE_H
#define KITH_SIM_SITE_H
/*
 * One virtual host: its keys, disk, processes and clocks, and the daemon that runs on it or not. Turns
 * what happens into events and effects into what happens; decides nothing.
 */
#include "peer/peer.h"
#include "sim/check.h"
#include "sim/disk.h"
#include "sim/measure.h"
#include "sim/net.h"
#include "sim/procs.h"
#include "trust/keys.h"

/* Virtual wall clocks start here: 2026-01-01. */
#define SITE_WALL_START (1767225600 * KITH_SEC)
/* Tombstones are collected so often, unless a cluster is warm: what is measured is as in a day's work. Longer than faults
 * hold frames up. */
#define SITE_TOMBSTONES (20 * KITH_SEC)

struct site;

/* What a site has in common with the others. */
struct site_world {
    struct rng *rng;
    struct queue *queue;
    struct net *net;
    struct check *check;
    struct measure *measure;
    struct contents *contents; /* each record once, however many hosts hold it */
    uint32_t ways;             /* by which each host listens: tcp, ws, ipc */
    bool warm;                 /* without keys, and everybody starts with everybody's member row */
    const struct disk_base *base;
    uint64_t pauses; /* generation of random pauses: older ones have ended */
    struct fault_counts *counts;
    uint32_t sites_n;
    struct site **sites;
    struct ulid cluster;
    struct sign_pair issuer;
    struct curve_pair ring;
    struct buf *trace; /* every step as text; NULL: none is kept */
    uint64_t hash;     /* of all events and effects so far */
    uint64_t steps;
    struct arena mem; /* of one step */
    struct effects effects;
    /* A reply to the operator: a route with SITE_OPERATOR in it. */
    void *operator; /* a struct load */
    void *replied;
    void (*on_reply)(void *replied, uint32_t host, uint64_t route, struct bytes frame,
                     kith_time now_us);
};

#define SITE_OPERATOR (1ull << 63)

struct site *site_new(struct site_world *w, uint32_t index);
void site_free(struct site *s);

/* Before a warm start: the member row that this host will write at its first start, as a store would hold
 * it. key and value are appended. */
void site_foresee(struct site *s, struct buf *ret_key, struct buf *ret_value);
void site_boot(struct site *s, kith_time now_us); /* the daemon starts */
void site_kill(struct site *s, bool power,
               kith_time now_us); /* the daemon dies, or all of the host */
void site_power(struct site *s, bool on);
void site_pause(struct site *s, bool on, kith_time now_us, kith_time until_us);
void site_step_clock(struct site *s, kith_time by_us);
void site_mend(struct site *s); /* clock and disk are right again */

bool site_runs(const struct site *s);
bool site_paused(const struct site *s, kith_time *ret_until_us);
uint32_t site_run(const struct site *s);
kith_time site_wall(const struct site *s, kith_time now_us);
struct disk *site_disk(struct site *s);
struct procs *site_procs(struct site *s);
const struct peer *site_peer(const struct site *s); /* NULL: no daemon */
const struct ulid *site_node(const struct site *s);

/* It was to be woken now. False: it has no need of it any more, and will be when it does. */
bool site_wakes(struct site *s, kith_time now_us);

/* Hands an event to the daemon and executes what comes of it. now and wall are filled in here. */
void site_event(struct site *s, struct event *event, kith_time now_us);
void site_frame(struct site *s, const struct net_arrival *a, struct bytes frame, kith_time now_us);
void site_request(struct site *s, uint64_t route, struct bytes frame,
                  kith_time now_us); /* from the operator */

#endif
