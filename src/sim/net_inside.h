#ifndef KITH_SIM_NET_INSIDE_H
#define KITH_SIM_NET_INSIDE_H
/*
 * What the parts of the virtual network share. net.c has the hosts and what the world does to them; net_place.c where they
 * stand and whose an address is; net_conn.c when a connection stands, breaks and is made again; net_frame.c when what is sent on
 * one arrives.
 */
#include "base/tree.h"
#include "sim/measure.h"
#include "sim/net.h"

struct held {
    struct held *next;
    bool answer;
    struct bytes frame;
};

struct conn {
    TREE_ENTRY(conn) by_uri;
    uint64_t uri_hash;
    uint32_t from;
    uint32_t to; /* NET_NOBODY: no host has this address */
    enum net_role role;
    uint32_t way;     /* enum net_way */
    struct bytes uri; /* owned */
    uint64_t index;
    bool up, wanted, connecting;
    uint32_t epoch;       /* grows when it breaks: what was under way then is lost */
    kith_time last_us[2]; /* arrival of the newest frame, by direction: order is kept */
    kith_time stalled_us; /* since when something could not get through; 0: nothing is held up */
    kith_time retry_us;
    kith_time used_us;             /* when its maker sent last */
    struct held *held, **held_end; /* waiting for the connection, or for a cut to end */
    size_t held_count;
};

TREE_HEAD(conn_tree, conn);

struct conns { /* in the order they were made */
    struct conn **list;
    size_t n, cap;
};

/* What the network knows of a host beside what the world tells it. */
struct end {
    TREE_ENTRY(end) by_name;
    uint32_t host;
    struct bytes name;
    struct conn_tree out; /* connections it makes, by URI */
    struct conns made;    /* the same, in order */
    struct conns pub;     /* to its PUB */
    struct conns in;      /* to its ROUTERs */
    uint32_t place;
    uint32_t last_mile_us;
};

TREE_HEAD(end_tree, end);

struct net {
    uint32_t hosts_n;
    struct net_host *hosts;
    struct end *ends;
    struct end_tree names;
    uint64_t *cuts; /* a bit for [from * hosts_n + to] */
    const struct net_map *map;
    uint32_t *latency_us; /* one way, symmetric, [i * hosts_n + j]; NULL with a map */
    struct conns conns;
    size_t stalled_n; /* connections with stalled_us */
    struct measure *measure;
    struct rng *rng;
    struct queue *queue;
    struct fault_counts *counts;
};

/* ---- net_place.c ---- */

/* Draws where the hosts stand. */
void net_place_hosts(struct net *n);
/* SCHEME://HOST:PORT: whose it is, by the port's last digit which socket, and by which way. NET_NOBODY: nobody's. */
uint32_t net_resolve(struct net *n, struct bytes uri, enum net_role *ret_role, uint32_t *ret_way);
kith_time net_rtt(const struct net *n, const struct conn *c);

/* ---- net.c ---- */

/* Not only between the hosts, but also by what this connection was made to. */
bool net_goes(const struct net *n, const struct conn *c, uint32_t from, uint32_t to);
void net_count_cut(struct net *n, const struct conn *c, uint32_t from, uint32_t to);

/* ---- net_conn.c ---- */

/* The connection to this address, which is wanted from now on: the one there is, or a new one. */
struct conn *net_connection(struct net *n, uint32_t from, struct bytes uri, kith_time now);
/* What is under way on it is lost. Made again, when it is wanted. tell: its maker hears of it. */
void net_break(struct net *n, struct conn *c, bool tell, kith_time now);
void net_connected(struct net *n, struct conn *c, kith_time now); /* an attempt ends */
void net_maybe_idle(struct net *n, struct conn *c, kith_time now);
void net_schedule(struct net *n, enum sim_kind kind, const struct conn *c, kith_time at,
                  bool answer, struct bytes data);
/* All connections that a host has a part in, in the order they were made. The caller frees the list. */
struct conns net_all_of(const struct net *n, uint32_t host);

/* ---- net_frame.c ---- */

void net_drop_held(struct conn *c);
/* Since when something could not get through; 0: nothing is held up. */
void net_set_stalled(struct net *n, struct conn *c, kith_time at_us);
/* What waited for the connection, or for the way to be open, goes out in its order. */
void net_release_held(struct net *n, struct conn *c, kith_time at);
bool net_deliver(struct net *n, struct conn *c, const struct sim_item *item,
                 struct net_arrival *ret);

#endif
