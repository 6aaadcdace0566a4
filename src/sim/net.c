#include "sim/net.h"

#include "base/mem.h"
#include "base/tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct held {
    struct held *next;
    bool answer;
    struct bytes frame;
};

struct conn {
    TREE_ENTRY(conn) by_key;
    uint32_t from;
    uint32_t to; /* NET_NOBODY: no host has this address */
    enum net_role role;
    char *uri;
    uint64_t index;
    bool up, wanted, connecting;
    uint32_t epoch;       /* grows when it breaks: what was under way then is lost */
    kith_time last_us[2]; /* arrival of the newest frame, by direction: order is kept */
    kith_time stalled_us; /* since when something could not get through; 0: nothing is held up */
    kith_time retry_us;
    struct held *held, **held_end; /* waiting for the connection, or for a cut to end */
    size_t held_count;
};

static int conn_compare(const struct conn *a, const struct conn *b)
{
    if (a->from != b->from)
        return a->from < b->from ? -1 : 1;
    return strcmp(a->uri, b->uri);
}
TREE_DEFINE(conn_tree, conn, by_key, conn_compare)

struct net {
    uint32_t hosts_n;
    struct net_host *hosts;
    struct bytes *names;
    uint8_t *cuts;         /* [from * hosts_n + to] */
    kith_time *latency_us; /* one way, symmetric */
    struct conn **conns;
    size_t conns_n, conns_cap;
    struct conn_tree tree;
    struct rng *rng;
    struct queue *queue;
    struct fault_counts *counts;
};

struct net *net_new(uint32_t hosts, struct rng *rng, struct queue *queue,
                    struct fault_counts *counts)
{
    struct net *n = mem_alloc(sizeof(*n));
    n->hosts_n = hosts;
    n->hosts = mem_alloc(hosts * sizeof(*n->hosts));
    n->names = mem_alloc(hosts * sizeof(*n->names));
    n->cuts = mem_alloc((size_t)hosts * hosts);
    n->latency_us = mem_alloc((size_t)hosts * hosts * sizeof(*n->latency_us));
    n->rng = rng;
    n->queue = queue;
    n->counts = counts;
    /* Each seed is a site of its own: one rack, a campus, or several cities. */
    static const kith_time far_us[] = {300, 3000, 40000};
    kith_time far = far_us[rng_below(rng, 3)];
    for (uint32_t i = 0; i < hosts; i++) {
        for (uint32_t j = 0; j < i; j++) {
            kith_time us = 50 + (kith_time)rng_below(rng, (uint64_t)far);
            n->latency_us[i * hosts + j] = n->latency_us[j * hosts + i] = us;
        }
    }
    return n;
}

static void drop_held(struct conn *c)
{
    while (c->held) {
        struct held *h = c->held;
        c->held = h->next;
        mem_free((void *)(uintptr_t)h->frame.data);
        mem_free(h);
    }
    c->held_end = &c->held;
    c->held_count = 0;
}

void net_free(struct net *n)
{
    for (size_t i = 0; i < n->conns_n; i++) {
        drop_held(n->conns[i]);
        mem_free(n->conns[i]->uri);
        mem_free(n->conns[i]);
    }
    for (uint32_t i = 0; i < n->hosts_n; i++)
        mem_free((void *)(uintptr_t)n->names[i].data);
    mem_free(n->conns);
    mem_free(n->names);
    mem_free(n->hosts);
    mem_free(n->cuts);
    mem_free(n->latency_us);
    mem_free(n);
}

struct net_host *net_host(struct net *n, uint32_t host)
{
    return &n->hosts[host];
}

void net_name(struct net *n, uint32_t host, struct bytes addr)
{
    n->names[host] = bytes_of(mem_copy(addr.data, addr.len), addr.len);
}

struct bytes net_uri(const struct net *n, uint64_t conn)
{
    return bytes_str(n->conns[conn]->uri);
}

void net_cut(struct net *n, uint32_t from, uint32_t to, bool on)
{
    n->cuts[from * n->hosts_n + to] = on;
}

/* tcp://HOST:PORT -> whose it is, and by the port's last digit which socket. */
static uint32_t resolve(const struct net *n, struct bytes uri, enum net_role *role)
{
    static const char scheme[] = "tcp://";
    const size_t skip = sizeof(scheme) - 1;
    if (uri.len < skip + 6 || memcmp(uri.data, scheme, skip) != 0)
        return NET_NOBODY;
    switch (uri.data[uri.len - 1]) {
    case '4':
        *role = NET_PROBE;
        break;
    case '5':
        *role = NET_PUB;
        break;
    default:
        *role = NET_BULK;
        break;
    }
    struct bytes host = bytes_of(uri.data + skip, uri.len - skip - 5);
    for (uint32_t i = 0; i < n->hosts_n; i++) {
        if (bytes_equal(n->names[i], host))
            return i;
    }
    return NET_NOBODY;
}

static kith_time rtt(const struct net *n, const struct conn *c)
{
    return 2 * n->latency_us[c->from * n->hosts_n + c->to] + n->hosts[c->from].extra_us +
           n->hosts[c->to].extra_us;
}

static bool passes(const struct net *n, uint32_t from, uint32_t to)
{
    return !n->cuts[from * n->hosts_n + to] && n->hosts[from].power && n->hosts[to].power;
}

static void schedule(struct net *n, enum sim_kind kind, const struct conn *c, kith_time at,
                     bool answer, struct bytes data)
{
    struct sim_item item = {.at_us = at,
                            .kind = kind,
                            .host = answer ? c->from : c->to,
                            .a = c->index,
                            .b = c->epoch,
                            .c = answer,
                            .data = data};
    queue_add(n->queue, &item);
}

static void link_event(struct net *n, const struct conn *c, bool up, kith_time at)
{
    struct sim_item item = {.at_us = at, .kind = SIM_LINK, .host = c->from, .a = c->index, .b = up};
    queue_add(n->queue, &item);
}

static void hold(struct conn *c, bool answer, struct bytes frame)
{
    if (c->held_count >= NET_QUEUE_MAX)
        return;
    struct held *h = mem_alloc(sizeof(*h));
    h->answer = answer;
    h->frame = bytes_of(mem_copy(frame.data, frame.len), frame.len);
    *c->held_end = h;
    c->held_end = &h->next;
    c->held_count++;
}

static void stall(struct net *n, struct conn *c, bool answer, struct bytes frame, kith_time now)
{
    hold(c, answer, frame);
    if (c->stalled_us == 0) {
        c->stalled_us = now;
        schedule(n, SIM_STALLED, c, now + NET_STALL, answer, (struct bytes){0});
    }
}

/* When a frame sent now arrives, its losses included. */
static kith_time arrival(struct net *n, struct conn *c, bool answer, kith_time now)
{
    uint32_t from = answer ? c->to : c->from, to = answer ? c->from : c->to;
    kith_time base = n->latency_us[from * n->hosts_n + to];
    kith_time at = now + base + n->hosts[from].extra_us +
                   (kith_time)rng_below(n->rng, (uint64_t)base / 4 + 20);
    if (n->hosts[from].extra_us > 0)
        n->counts->n[FAULT_LATENCY]++;
    uint64_t loss = n->hosts[from].loss_ppm + n->hosts[to].loss_ppm;
    kith_time rto = 2 * rtt(n, c);
    if (rto < NET_RTO_MIN)
        rto = NET_RTO_MIN;
    for (int tries = 0; tries < 6 && loss > 0 && rng_below(n->rng, 1000000) < loss; tries++) {
        at += rto;
        rto *= 2;
        n->counts->n[FAULT_LOSS]++;
    }
    if (at <= c->last_us[answer])
        at = c->last_us[answer] + 1;
    c->last_us[answer] = at;
    return at;
}

static void count_cut(struct net *n, uint32_t from, uint32_t to)
{
    if (n->cuts[from * n->hosts_n + to])
        n->counts->n[n->cuts[to * n->hosts_n + from] ? FAULT_CUT : FAULT_CUT_ONE_WAY]++;
}

static void transmit(struct net *n, struct conn *c, bool answer, struct bytes frame, kith_time now)
{
    uint32_t from = answer ? c->to : c->from, to = answer ? c->from : c->to;
    if (c->stalled_us != 0 || !passes(n, from, to)) {
        count_cut(n, from, to);
        stall(n, c, answer, frame, now);
        return;
    }
    schedule(n, SIM_DELIVER, c, arrival(n, c, answer, now), answer, frame);
}

/* What waited for the connection, or for the way to be open, goes out in its order. */
static void release_held(struct net *n, struct conn *c, kith_time at)
{
    struct held *list = c->held;
    c->held = NULL;
    c->held_end = &c->held;
    c->held_count = 0;
    while (list) {
        struct held *h = list;
        list = h->next;
        transmit(n, c, h->answer, h->frame, at);
        mem_free((void *)(uintptr_t)h->frame.data);
        mem_free(h);
    }
}

static void attempt(struct net *n, struct conn *c, kith_time now)
{
    if (c->connecting || c->up || c->to == NET_NOBODY)
        return;
    c->connecting = true;
    schedule(n, SIM_CONNECT, c, now + NET_HANDSHAKE_TRIPS * rtt(n, c) + 200, false,
             (struct bytes){0});
}

static struct conn *connection(struct net *n, uint32_t from, struct bytes uri, kith_time now)
{
    char *text = bytes_to_str(uri);
    struct conn key = {.from = from, .uri = text};
    struct conn *c = TREE_FIND(conn_tree, &n->tree, &key);
    if (c) {
        mem_free(text);
    } else {
        c = mem_alloc(sizeof(*c));
        c->from = from;
        c->uri = text;
        c->to = resolve(n, uri, &c->role);
        c->index = n->conns_n;
        c->epoch = 1;
        c->held_end = &c->held;
        c->retry_us = NET_RETRY_MIN;
        if (n->conns_n == n->conns_cap) {
            n->conns_cap = n->conns_cap ? n->conns_cap * 2 : 64;
            n->conns = mem_grow(n->conns, n->conns_cap, sizeof(struct conn *));
        }
        n->conns[n->conns_n++] = c;
        TREE_INSERT(conn_tree, &n->tree, c);
    }
    c->wanted = true;
    attempt(n, c, now);
    return c;
}

static void break_conn(struct net *n, struct conn *c, bool tell, kith_time now)
{
    bool was_up = c->up;
    c->up = false;
    c->connecting = false;
    c->epoch++;
    c->stalled_us = 0;
    c->last_us[0] = c->last_us[1] = 0;
    drop_held(c);
    if (was_up && tell)
        link_event(n, c, false, now + rtt(n, c) / 2);
    if (c->wanted) {
        c->connecting = true;
        schedule(n, SIM_CONNECT, c, now + c->retry_us, false, (struct bytes){0});
    }
}

void net_send(struct net *n, uint32_t from, struct bytes uri, struct bytes frame, kith_time now_us)
{
    struct conn *c = connection(n, from, uri, now_us);
    if (c->to == NET_NOBODY)
        return;
    if (c->up)
        transmit(n, c, false, frame, now_us);
    else
        hold(c, false, frame);
}

void net_reply(struct net *n, uint32_t from, uint64_t route, struct bytes frame, kith_time now_us)
{
    uint64_t index = (route & UINT32_MAX) - 1;
    if (index >= n->conns_n)
        return;
    struct conn *c = n->conns[index];
    if (c->up && c->to == from && c->epoch == (uint32_t)(route >> 32))
        transmit(n, c, true, frame, now_us);
}

void net_publish(struct net *n, uint32_t from, struct bytes frame, kith_time now_us)
{
    for (size_t i = 0; i < n->conns_n; i++) {
        struct conn *c = n->conns[i];
        if (c->role == NET_PUB && c->to == from && c->up && c->wanted)
            transmit(n, c, true, frame, now_us);
    }
}

void net_subscribe(struct net *n, uint32_t from, struct bytes uri, bool on, kith_time now_us)
{
    struct conn *c = connection(n, from, uri, now_us);
    c->wanted = on;
    if (!on && c->to != NET_NOBODY) {
        break_conn(n, c, false, now_us);
    }
}

void net_changed(struct net *n, kith_time now_us)
{
    for (size_t i = 0; i < n->conns_n; i++) {
        struct conn *c = n->conns[i];
        if (!c->up || c->stalled_us == 0 || !passes(n, c->from, c->to) ||
            !passes(n, c->to, c->from))
            continue;
        /* The next retransmission finds the way open: time-outs doubled since the first one. */
        kith_time rto = NET_RTO_MIN, at = c->stalled_us + rto;
        while (at < now_us) {
            rto *= 2;
            at += rto;
        }
        c->stalled_us = 0;
        c->last_us[0] = c->last_us[1] = at;
        release_held(n, c, at);
    }
}

void net_heal(struct net *n, kith_time now_us)
{
    memset(n->cuts, 0, (size_t)n->hosts_n * n->hosts_n);
    for (uint32_t i = 0; i < n->hosts_n; i++) {
        n->hosts[i].extra_us = 0;
        n->hosts[i].loss_ppm = 0;
    }
    net_changed(n, now_us);
}

void net_drop_host(struct net *n, uint32_t host, bool silent, kith_time now_us)
{
    for (size_t i = 0; i < n->conns_n; i++) {
        struct conn *c = n->conns[i];
        if (c->from == host) {
            c->wanted = false;
            if (c->to != NET_NOBODY)
                break_conn(n, c, false, now_us);
        } else if (c->to == host && c->up && !silent) {
            break_conn(n, c, true, now_us);
        }
    }
}

void net_break_some(struct net *n, uint32_t host, kith_time now_us)
{
    for (size_t i = 0; i < n->conns_n; i++) {
        struct conn *c = n->conns[i];
        if (c->up && (c->from == host || c->to == host) && rng_below(n->rng, 2) == 0) {
            n->counts->n[FAULT_BREAK]++;
            break_conn(n, c, true, now_us);
        }
    }
}

static void connected(struct net *n, struct conn *c, kith_time now)
{
    c->connecting = false;
    if (!c->wanted || c->up)
        return;
    const struct net_host *to = &n->hosts[c->to];
    bool reached =
        passes(n, c->from, c->to) && passes(n, c->to, c->from) && !to->paused && to->listens;
    if (!reached) {
        count_cut(n, c->from, c->to);
        c->connecting = true;
        kith_time wait = c->retry_us;
        c->retry_us = kith_time_min(c->retry_us * 2, NET_RETRY_MAX);
        schedule(n, SIM_CONNECT, c, now + wait, false, (struct bytes){0});
        return;
    }
    c->up = true;
    c->retry_us = NET_RETRY_MIN;
    link_event(n, c, true, now);
    release_held(n, c, now);
}

static bool deliver(struct net *n, struct conn *c, const struct sim_item *item,
                    struct net_arrival *ret)
{
    bool answer = item->c != 0;
    uint32_t from = answer ? c->to : c->from, to = answer ? c->from : c->to;
    if (c->stalled_us != 0 || !passes(n, from, to)) {
        count_cut(n, from, to);
        stall(n, c, answer, item->data, item->at_us);
        return false;
    }
    *ret = (struct net_arrival){.sender = from,
                                .host = to,
                                .role = c->role,
                                .answer = answer,
                                .route = answer ? 0 : ((uint64_t)c->epoch << 32) | (c->index + 1),
                                .uri = bytes_str(c->uri)};
    return true;
}

bool net_item(struct net *n, const struct sim_item *item, struct net_arrival *ret)
{
    struct conn *c = n->conns[item->a];
    if (item->b != c->epoch)
        return false;
    switch (item->kind) {
    case SIM_CONNECT:
        connected(n, c, item->at_us);
        return false;
    case SIM_STALLED:
        if (c->up && c->stalled_us != 0 && item->at_us - c->stalled_us >= NET_STALL)
            break_conn(n, c, true, item->at_us);
        return false;
    default:
        return deliver(n, c, item, ret);
    }
}
