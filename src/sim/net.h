#ifndef KITH_SIM_NET_H
#define KITH_SIM_NET_H
/*
 * The virtual network: connections, not messages, as TCP and ZeroMQ make them.
 *
 * - A connection is made on demand and takes NET_HANDSHAKE_TRIPS round trips (TCP, ZMTP, CURVE).
 * - Frames arrive in order. A lost packet delays its frame, and those behind it, by a
 * retransmission time-out of a round trip and 200 ms, as Linux has it, that doubles with every further
 *   loss.
 * - A cut holds frames back. A connection that could not get anything through for NET_STALL (the
 *   transport's heartbeat) breaks: what was under way is lost, and it is made again with back-off.
 * - A connection to a ROUTER on which its maker has sent nothing for NET_IDLE is closed (the transport does so).
 * - A killed daemon's kernel resets its connections, so the other side hears of it; a host without
 * power says nothing.
 * - Frames for a host that stands still wait for it.
 *
 * How far hosts are from each other is drawn from the seed (a rack, a campus, several cities), or taken
 * from round trips measured between real hosts: host i stands at one of those, each seed in another
 * order, i modulo their number, and has a last mile of its own of 50 to 1,000 us each way. So 5,000 hosts
 * on 490 measured ones are ten or eleven in each place.
 *
 * Cuts are looked at when a frame is sent and again when it arrives.
 */
#include "base/rng.h"
#include "sim/faults.h"
#include "sim/queue.h"
#include "wire/effect.h"

#define NET_HANDSHAKE_TRIPS 3
#define NET_STALL           (12 * KITH_SEC)
#define NET_RETRY_MIN       (100 * KITH_MS)
#define NET_RETRY_MAX       (2 * KITH_SEC)
#define NET_RTO_MIN         (200 * KITH_MS)
#define NET_IDLE            (20 * KITH_SEC)
#define NET_QUEUE_MAX       256 /* frames a connection holds while it is not up; more are dropped */
#define NET_NOBODY          UINT32_MAX

enum net_role { NET_PROBE, NET_BULK, NET_PUB };

/* By a URI's scheme. They differ in nothing but that one can be cut and the others not. */
enum net_way { NET_TCP, NET_WS, NET_IPC, NET_WAYS };

struct net;

/* What the world tells the network about a host. */
struct net_host {
    bool deaf;    /* nothing reaches it */
    bool dumb;    /* nothing that it sends arrives */
    bool listens; /* a daemon runs and has bound its sockets */
    bool power;   /* the kernel answers: refuses connections when nobody listens */
    bool paused;
    kith_time extra_us;   /* added to everything it sends */
    uint32_t loss_ppm;    /* of its packets, in and out */
    unsigned closed_ways; /* a bit for each enum net_way: what others connect to by it is cut */
};

/* Round trips between places, in us: [a * places + b]. */
struct net_map {
    const uint32_t *rtt_us;
    uint32_t places;
};

struct measure;

/* map: NULL, or borrowed until net_free(). */
struct net *net_new(uint32_t hosts, const struct net_map *map, struct rng *rng, struct queue *queue,
                    struct fault_counts *counts);
void net_measure(struct net *n,
                 struct measure *m); /* is told of frames and connections; borrowed */
void net_free(struct net *n);

struct net_host *net_host(struct net *n,
                          uint32_t host); /* to be changed freely, then net_changed() */
void net_name(struct net *n, uint32_t host, struct bytes addr); /* host part of its URIs */
void net_cut(struct net *n, uint32_t from, uint32_t to, bool on);
bool net_is_cut(const struct net *n, uint32_t a, uint32_t b); /* in any direction */
kith_time net_one_way(const struct net *n, uint32_t a, uint32_t b);
void net_heal(struct net *n, kith_time now_us); /* all cuts, losses and delays end */
void net_changed(struct net *n,
                 kith_time now_us); /* after cuts or hosts changed: what waited goes on */
void net_drop_host(struct net *n, uint32_t host, bool silent,
                   kith_time now_us);                                /* its sockets close */
void net_break_some(struct net *n, uint32_t host, kith_time now_us); /* connections are reset */

void net_send(struct net *n, uint32_t from, struct bytes uri, struct bytes frame, kith_time now_us);
void net_reply(struct net *n, uint32_t from, uint64_t route, struct bytes frame, kith_time now_us);
void net_publish(struct net *n, uint32_t from, struct bytes frame, kith_time now_us);
void net_subscribe(struct net *n, uint32_t from, struct bytes uri, bool on, kith_time now_us);

/* The item is SIM_DELIVER, SIM_CONNECT, SIM_STALLED or SIM_IDLE. True: a frame is there for `*ret` to be
 * handed to the host item->host. */
struct net_arrival {
    uint32_t sender;
    uint32_t host;
    enum net_role role;
    bool answer;      /* on a connection that the host made itself */
    uint64_t route;   /* 0 for answers and PUB */
    struct bytes uri; /* of the connection's listening side */
};
bool net_item(struct net *n, const struct sim_item *item, struct net_arrival *ret);

/* For SIM_LINK items: the URI of the connection. */
struct bytes net_uri(const struct net *n, uint64_t conn);

#endif
