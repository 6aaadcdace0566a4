#include "sim/net.h"

#include "base/mem.h"
#include "base/tree.h"
#include "sim/measure.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct held {
    struct held *next;
    bool answer;
    struct bytes frame;
};

struct conn {
    TREE_ENTRY(conn) by_uri;
    uint32_t from;
    uint32_t to; /* NET_NOBODY: no host has this address */
    enum net_role role;
    uint32_t way; /* enum net_way */
    char *uri;
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

static int conn_compare(const struct conn *a, const struct conn *b)
{
    return strcmp(a->uri, b->uri);
}
TREE_DEFINE(conn_tree, conn, by_uri, conn_compare)

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

static int end_compare(const struct end *a, const struct end *b)
{
    return bytes_compare(a->name, b->name);
}
TREE_DEFINE(end_tree, end, by_name, end_compare)

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

/* Each seed is a site of its own: one rack, a campus, or several cities. */
static void draw_latency(struct net *n)
{
    static const kith_time far_us[] = {300, 3000, 40000};
    kith_time far = far_us[rng_below(n->rng, 3)];
    size_t hosts = n->hosts_n;
    n->latency_us = mem_alloc(hosts * hosts * sizeof(*n->latency_us));
    for (size_t i = 0; i < hosts; i++) {
        for (size_t j = 0; j < i; j++) {
            uint32_t us = 50 + (uint32_t)rng_below(n->rng, (uint64_t)far);
            n->latency_us[i * hosts + j] = n->latency_us[j * hosts + i] = us;
        }
    }
}

static void draw_places(struct net *n)
{
    uint32_t places = n->map->places, *order = mem_alloc(places * sizeof(*order));
    for (uint32_t i = 0; i < places; i++)
        order[i] = i;
    for (uint32_t i = places - 1; i > 0; i--) {
        uint32_t j = (uint32_t)rng_below(n->rng, i + 1), former = order[i];
        order[i] = order[j];
        order[j] = former;
    }
    for (uint32_t i = 0; i < n->hosts_n; i++) {
        n->ends[i].place = order[i % places];
        n->ends[i].last_mile_us = (uint32_t)rng_between(n->rng, 50, 1000);
    }
    mem_free(order);
}

struct net *net_new(uint32_t hosts, const struct net_map *map, struct rng *rng, struct queue *queue,
                    struct fault_counts *counts)
{
    struct net *n = mem_alloc(sizeof(*n));
    n->hosts_n = hosts;
    n->hosts = mem_alloc(hosts * sizeof(*n->hosts));
    n->ends = mem_alloc(hosts * sizeof(*n->ends));
    n->cuts = mem_alloc(((size_t)hosts * hosts / 64 + 1) * sizeof(*n->cuts));
    n->map = map;
    n->rng = rng;
    n->queue = queue;
    n->counts = counts;
    for (uint32_t i = 0; i < hosts; i++)
        n->ends[i].host = i;
    if (map)
        draw_places(n);
    else
        draw_latency(n);
    return n;
}

void net_measure(struct net *n, struct measure *m)
{
    n->measure = m;
}

kith_time net_one_way(const struct net *n, uint32_t a, uint32_t b)
{
    if (!n->map)
        return n->latency_us[(size_t)a * n->hosts_n + b];
    const struct end *from = &n->ends[a], *to = &n->ends[b];
    return n->map->rtt_us[(size_t)from->place * n->map->places + to->place] / 2 +
           from->last_mile_us + to->last_mile_us;
}

static bool is_cut(const struct net *n, uint32_t from, uint32_t to)
{
    size_t bit = (size_t)from * n->hosts_n + to;
    return n->cuts[bit / 64] >> (bit % 64) & 1 || n->hosts[from].dumb || n->hosts[to].deaf;
}

bool net_is_cut(const struct net *n, uint32_t a, uint32_t b)
{
    return is_cut(n, a, b) || is_cut(n, b, a);
}

static void conns_add(struct conns *list, struct conn *c)
{
    if (list->n == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 8;
        list->list = mem_grow(list->list, list->cap, sizeof(struct conn *));
    }
    list->list[list->n++] = c;
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
    for (size_t i = 0; i < n->conns.n; i++) {
        drop_held(n->conns.list[i]);
        mem_free(n->conns.list[i]->uri);
        mem_free(n->conns.list[i]);
    }
    for (uint32_t i = 0; i < n->hosts_n; i++) {
        mem_free((void *)(uintptr_t)n->ends[i].name.data);
        mem_free(n->ends[i].made.list);
        mem_free(n->ends[i].pub.list);
        mem_free(n->ends[i].in.list);
    }
    mem_free(n->conns.list);
    mem_free(n->ends);
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
    struct end *e = &n->ends[host];
    e->name = bytes_of(mem_copy(addr.data, addr.len), addr.len);
    TREE_INSERT(end_tree, &n->names, e);
}

struct bytes net_uri(const struct net *n, uint64_t conn)
{
    return bytes_str(n->conns.list[conn]->uri);
}

void net_cut(struct net *n, uint32_t from, uint32_t to, bool on)
{
    size_t bit = (size_t)from * n->hosts_n + to;
    uint64_t mask = UINT64_C(1) << (bit % 64);
    n->cuts[bit / 64] = on ? n->cuts[bit / 64] | mask : n->cuts[bit / 64] & ~mask;
}

static const char *const schemes[NET_WAYS] = {"tcp://", "ws://", "ipc://"};

/* SCHEME://HOST:PORT -> whose it is, and by the port's last digit which socket. */
static uint32_t resolve(struct net *n, struct bytes uri, enum net_role *role, uint32_t *ret_way)
{
    size_t skip = 0;
    for (*ret_way = 0; *ret_way < NET_WAYS; ++*ret_way) {
        skip = strlen(schemes[*ret_way]);
        if (uri.len >= skip + 6 && memcmp(uri.data, schemes[*ret_way], skip) == 0)
            break;
    }
    if (*ret_way == NET_WAYS)
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
    struct end key = {.name = bytes_of(uri.data + skip, uri.len - skip - 5)};
    const struct end *e = TREE_FIND(end_tree, &n->names, &key);
    return e ? e->host : NET_NOBODY;
}

static kith_time rtt(const struct net *n, const struct conn *c)
{
    return 2 * net_one_way(n, c->from, c->to) + n->hosts[c->from].extra_us +
           n->hosts[c->to].extra_us;
}

static bool passes(const struct net *n, uint32_t from, uint32_t to)
{
    return !is_cut(n, from, to) && n->hosts[from].power && n->hosts[to].power;
}

/* Not only between the hosts, but also by what this connection was made to. */
static bool goes(const struct net *n, const struct conn *c, uint32_t from, uint32_t to)
{
    return passes(n, from, to) && !(n->hosts[c->to].closed_ways >> c->way & 1);
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

static void set_stalled(struct net *n, struct conn *c, kith_time at_us)
{
    if (c->stalled_us != 0)
        n->stalled_n--;
    c->stalled_us = at_us;
    if (at_us != 0)
        n->stalled_n++;
}

static void set_up(struct net *n, struct conn *c, bool up)
{
    if (c->up != up && n->measure)
        measure_connection(n->measure, c->from, c->to, c->role, up);
    c->up = up;
}

static void stall(struct net *n, struct conn *c, bool answer, struct bytes frame, kith_time now)
{
    hold(c, answer, frame);
    if (c->stalled_us == 0) {
        set_stalled(n, c, now);
        schedule(n, SIM_STALLED, c, now + NET_STALL, answer, (struct bytes){0});
    }
}

/* When a frame sent now arrives, its losses included. */
static kith_time arrival(struct net *n, struct conn *c, bool answer, kith_time now)
{
    uint32_t from = answer ? c->to : c->from, to = answer ? c->from : c->to;
    kith_time base = net_one_way(n, from, to);
    kith_time at = now + base + n->hosts[from].extra_us +
                   (kith_time)rng_below(n->rng, (uint64_t)base / 4 + 20);
    if (n->hosts[from].extra_us > 0)
        n->counts->n[FAULT_LATENCY]++;
    uint64_t loss = n->hosts[from].loss_ppm + n->hosts[to].loss_ppm;
    kith_time rto = rtt(n, c) + NET_RTO_MIN;
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

static void count_cut(struct net *n, const struct conn *c, uint32_t from, uint32_t to)
{
    n->counts->n[FAULT_CLOSE_WAY] += n->hosts[c->to].closed_ways >> c->way & 1;
    if (is_cut(n, from, to))
        n->counts->n[is_cut(n, to, from) ? FAULT_CUT : FAULT_CUT_ONE_WAY]++;
}

static void transmit(struct net *n, struct conn *c, bool answer, struct bytes frame, kith_time now)
{
    uint32_t from = answer ? c->to : c->from, to = answer ? c->from : c->to;
    if (c->stalled_us != 0 || !goes(n, c, from, to)) {
        count_cut(n, c, from, to);
        stall(n, c, answer, frame, now);
        return;
    }
    if (n->measure)
        measure_sent(n->measure, from, to, frame, now);
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
    struct conn key = {.uri = text};
    struct conn *c = TREE_FIND(conn_tree, &n->ends[from].out, &key);
    if (c) {
        mem_free(text);
    } else {
        c = mem_alloc(sizeof(*c));
        c->from = from;
        c->uri = text;
        c->to = resolve(n, uri, &c->role, &c->way);
        c->index = n->conns.n;
        c->epoch = 1;
        c->held_end = &c->held;
        c->retry_us = NET_RETRY_MIN;
        conns_add(&n->conns, c);
        conns_add(&n->ends[from].made, c);
        if (c->to != NET_NOBODY)
            conns_add(c->role == NET_PUB ? &n->ends[c->to].pub : &n->ends[c->to].in, c);
        TREE_INSERT(conn_tree, &n->ends[from].out, c);
    }
    c->wanted = true;
    attempt(n, c, now);
    return c;
}

static void break_conn(struct net *n, struct conn *c, bool tell, kith_time now)
{
    bool was_up = c->up;
    set_up(n, c, false);
    c->connecting = false;
    c->epoch++;
    set_stalled(n, c, 0);
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
    c->used_us = now_us;
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
    if (index >= n->conns.n)
        return;
    struct conn *c = n->conns.list[index];
    if (c->up && c->to == from && c->epoch == (uint32_t)(route >> 32))
        transmit(n, c, true, frame, now_us);
}

void net_publish(struct net *n, uint32_t from, struct bytes frame, kith_time now_us)
{
    const struct conns *subscribers = &n->ends[from].pub;
    for (size_t i = 0; i < subscribers->n; i++) {
        struct conn *c = subscribers->list[i];
        if (c->up && c->wanted)
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
    for (size_t i = 0; n->stalled_n > 0 && i < n->conns.n; i++) {
        struct conn *c = n->conns.list[i];
        if (!c->up || c->stalled_us == 0 || !goes(n, c, c->from, c->to) ||
            !goes(n, c, c->to, c->from))
            continue;
        /* The next retransmission finds the way open: time-outs doubled since the first one. */
        kith_time rto = NET_RTO_MIN, at = c->stalled_us + rto;
        while (at < now_us) {
            rto *= 2;
            at += rto;
        }
        set_stalled(n, c, 0);
        c->last_us[0] = c->last_us[1] = at;
        release_held(n, c, at);
    }
}

void net_heal(struct net *n, kith_time now_us)
{
    memset(n->cuts, 0, ((size_t)n->hosts_n * n->hosts_n / 64 + 1) * sizeof(*n->cuts));
    for (uint32_t i = 0; i < n->hosts_n; i++) {
        n->hosts[i].extra_us = 0;
        n->hosts[i].loss_ppm = 0;
        n->hosts[i].deaf = n->hosts[i].dumb = false;
        n->hosts[i].closed_ways = 0;
    }
    net_changed(n, now_us);
}

static int by_index(const void *a, const void *b)
{
    const struct conn *x = *(struct conn *const *)a, *y = *(struct conn *const *)b;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* All connections that a host has a part in, in the order they were made. The caller frees the list. */
static struct conns all_of(const struct net *n, uint32_t host)
{
    const struct end *e = &n->ends[host];
    const struct conns *parts[] = {&e->made, &e->pub, &e->in};
    struct conns all = {0};
    for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]); p++) {
        for (size_t i = 0; i < parts[p]->n; i++) {
            if (p == 0 || parts[p]->list[i]->from != host)
                conns_add(&all, parts[p]->list[i]);
        }
    }
    if (all.n > 0)
        qsort(all.list, all.n, sizeof(struct conn *), by_index);
    return all;
}

void net_drop_host(struct net *n, uint32_t host, bool silent, kith_time now_us)
{
    struct conns all = all_of(n, host);
    for (size_t i = 0; i < all.n; i++) {
        struct conn *c = all.list[i];
        if (c->from == host) {
            c->wanted = false;
            if (c->to != NET_NOBODY)
                break_conn(n, c, false, now_us);
        } else if (c->up && !silent) {
            break_conn(n, c, true, now_us);
        }
    }
    mem_free(all.list);
}

void net_break_some(struct net *n, uint32_t host, kith_time now_us)
{
    struct conns all = all_of(n, host);
    for (size_t i = 0; i < all.n; i++) {
        struct conn *c = all.list[i];
        if (c->up && rng_below(n->rng, 2) == 0) {
            n->counts->n[FAULT_BREAK]++;
            break_conn(n, c, true, now_us);
        }
    }
    mem_free(all.list);
}

static void connected(struct net *n, struct conn *c, kith_time now)
{
    c->connecting = false;
    if (!c->wanted || c->up)
        return;
    const struct net_host *to = &n->hosts[c->to];
    bool reached =
        goes(n, c, c->from, c->to) && goes(n, c, c->to, c->from) && !to->paused && to->listens;
    if (!reached) {
        count_cut(n, c, c->from, c->to);
        c->connecting = true;
        kith_time wait = c->retry_us;
        c->retry_us = kith_time_min(c->retry_us * 2, NET_RETRY_MAX);
        schedule(n, SIM_CONNECT, c, now + wait, false, (struct bytes){0});
        return;
    }
    set_up(n, c, true);
    c->retry_us = NET_RETRY_MIN;
    link_event(n, c, true, now);
    if (c->role != NET_PUB)
        schedule(n, SIM_IDLE, c, now + NET_IDLE, false, (struct bytes){0});
    release_held(n, c, now);
}

static void maybe_idle(struct net *n, struct conn *c, kith_time now)
{
    if (!c->up)
        return;
    if (now - c->used_us < NET_IDLE) {
        schedule(n, SIM_IDLE, c, c->used_us + NET_IDLE, false, (struct bytes){0});
        return;
    }
    c->wanted = false;
    break_conn(n, c, false, now);
}

static bool deliver(struct net *n, struct conn *c, const struct sim_item *item,
                    struct net_arrival *ret)
{
    bool answer = item->c != 0;
    uint32_t from = answer ? c->to : c->from, to = answer ? c->from : c->to;
    if (c->stalled_us != 0 || !goes(n, c, from, to)) {
        count_cut(n, c, from, to);
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
    struct conn *c = n->conns.list[item->a];
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
    case SIM_IDLE:
        maybe_idle(n, c, item->at_us);
        return false;
    default:
        return deliver(n, c, item, ret);
    }
}
