#include "base/mem.h"
#include "sim/net_inside.h"
#include "state/hash.h"

#include <stdlib.h>

static int conn_compare(const struct conn *a, const struct conn *b)
{
    if (a->uri_hash != b->uri_hash)
        return a->uri_hash < b->uri_hash ? -1 : 1;
    return bytes_compare(a->uri, b->uri);
}
TREE_FUNCTIONS(conn_tree, conn, by_uri, conn_compare)

static void conns_add(struct conns *list, struct conn *c)
{
    if (list->n == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 8;
        list->list = mem_grow(list->list, list->cap, sizeof(struct conn *));
    }
    list->list[list->n++] = c;
}

void net_schedule(struct net *n, enum sim_kind kind, const struct conn *c, kith_time at,
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

static void set_up(struct net *n, struct conn *c, bool up)
{
    if (c->up != up && n->measure)
        measure_connection(n->measure, c->from, c->to, c->role, up);
    c->up = up;
}

static void attempt(struct net *n, struct conn *c, kith_time now)
{
    if (c->connecting || c->up || c->to == NET_NOBODY)
        return;
    c->connecting = true;
    net_schedule(n, SIM_CONNECT, c, now + NET_HANDSHAKE_TRIPS * net_rtt(n, c) + 200, false,
                 (struct bytes){0});
}

struct conn *net_connection(struct net *n, uint32_t from, struct bytes uri, kith_time now)
{
    struct conn key = {.uri = uri, .uri_hash = hash64(uri)};
    struct conn *c = TREE_FIND(conn_tree, &n->ends[from].out, &key);
    if (!c) {
        c = mem_alloc(sizeof(*c));
        c->from = from;
        c->uri = bytes_of(mem_copy(uri.data, uri.len), uri.len);
        c->uri_hash = key.uri_hash;
        c->to = net_resolve(n, uri, &c->role, &c->way);
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

void net_break(struct net *n, struct conn *c, bool tell, kith_time now)
{
    bool was_up = c->up;
    set_up(n, c, false);
    c->connecting = false;
    c->epoch++;
    net_set_stalled(n, c, 0);
    c->last_us[0] = c->last_us[1] = 0;
    net_drop_held(c);
    if (was_up && tell)
        link_event(n, c, false, now + net_rtt(n, c) / 2);
    if (c->wanted) {
        c->connecting = true;
        net_schedule(n, SIM_CONNECT, c, now + c->retry_us, false, (struct bytes){0});
    }
}

void net_subscribe(struct net *n, uint32_t from, struct bytes uri, bool on, kith_time now_us)
{
    struct conn *c = net_connection(n, from, uri, now_us);
    c->wanted = on;
    if (!on && c->to != NET_NOBODY) {
        net_break(n, c, false, now_us);
    }
}

static int by_index(const void *a, const void *b)
{
    const struct conn *x = *(struct conn *const *)a, *y = *(struct conn *const *)b;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* All connections that a host has a part in, in the order they were made. The caller frees the list. */
struct conns net_all_of(const struct net *n, uint32_t host)
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

void net_connected(struct net *n, struct conn *c, kith_time now)
{
    c->connecting = false;
    if (!c->wanted || c->up)
        return;
    const struct net_host *to = &n->hosts[c->to];
    bool reached = net_goes(n, c, c->from, c->to) && net_goes(n, c, c->to, c->from) &&
                   !to->paused && to->listens;
    if (!reached) {
        net_count_cut(n, c, c->from, c->to);
        c->connecting = true;
        kith_time wait = c->retry_us;
        c->retry_us = kith_time_min(c->retry_us * 2, NET_RETRY_MAX);
        net_schedule(n, SIM_CONNECT, c, now + wait, false, (struct bytes){0});
        return;
    }
    set_up(n, c, true);
    c->retry_us = NET_RETRY_MIN;
    link_event(n, c, true, now);
    if (c->role != NET_PUB)
        net_schedule(n, SIM_IDLE, c, now + NET_IDLE, false, (struct bytes){0});
    net_release_held(n, c, now);
}

void net_maybe_idle(struct net *n, struct conn *c, kith_time now)
{
    if (!c->up)
        return;
    if (now - c->used_us < NET_IDLE) {
        net_schedule(n, SIM_IDLE, c, c->used_us + NET_IDLE, false, (struct bytes){0});
        return;
    }
    c->wanted = false;
    net_break(n, c, false, now);
}
