#include "base/mem.h"
#include "sim/net_inside.h"

#include <string.h>

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
    net_place_hosts(n);
    return n;
}

void net_measure(struct net *n, struct measure *m)
{
    n->measure = m;
}

static bool is_cut_to(const struct net *n, uint32_t from, uint32_t to)
{
    size_t bit = (size_t)from * n->hosts_n + to;
    return n->cuts[bit / 64] >> (bit % 64) & 1 || n->hosts[from].dumb || n->hosts[to].deaf;
}

bool net_is_cut(const struct net *n, uint32_t a, uint32_t b)
{
    return is_cut_to(n, a, b) || is_cut_to(n, b, a);
}

void net_free(struct net *n)
{
    for (size_t i = 0; i < n->conns.n; i++) {
        net_drop_held(n->conns.list[i]);
        mem_free((void *)(uintptr_t)n->conns.list[i]->uri.data);
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

struct bytes net_uri(const struct net *n, uint64_t conn)
{
    return n->conns.list[conn]->uri;
}

void net_cut(struct net *n, uint32_t from, uint32_t to, bool on)
{
    size_t bit = (size_t)from * n->hosts_n + to;
    uint64_t mask = UINT64_C(1) << (bit % 64);
    n->cuts[bit / 64] = on ? n->cuts[bit / 64] | mask : n->cuts[bit / 64] & ~mask;
}

static bool passes(const struct net *n, uint32_t from, uint32_t to)
{
    return !is_cut_to(n, from, to) && n->hosts[from].power && n->hosts[to].power;
}

bool net_goes(const struct net *n, const struct conn *c, uint32_t from, uint32_t to)
{
    return passes(n, from, to) && !(n->hosts[c->to].closed_ways >> c->way & 1);
}

void net_count_cut(struct net *n, const struct conn *c, uint32_t from, uint32_t to)
{
    n->counts->n[FAULT_CLOSE_WAY] += n->hosts[c->to].closed_ways >> c->way & 1;
    if (is_cut_to(n, from, to))
        n->counts->n[is_cut_to(n, to, from) ? FAULT_CUT : FAULT_CUT_ONE_WAY]++;
}

void net_changed(struct net *n, kith_time now_us)
{
    for (size_t i = 0; n->stalled_n > 0 && i < n->conns.n; i++) {
        struct conn *c = n->conns.list[i];
        if (!c->up || c->stalled_us == 0 || !net_goes(n, c, c->from, c->to) ||
            !net_goes(n, c, c->to, c->from))
            continue;
        /* The next retransmission finds the way open: time-outs doubled since the first one. */
        kith_time rto = NET_RTO_MIN, at = c->stalled_us + rto;
        while (at < now_us) {
            rto *= 2;
            at += rto;
        }
        net_set_stalled(n, c, 0);
        c->last_us[0] = c->last_us[1] = at;
        net_release_held(n, c, at);
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

void net_drop_host(struct net *n, uint32_t host, bool silent, kith_time now_us)
{
    struct conns all = net_all_of(n, host);
    for (size_t i = 0; i < all.n; i++) {
        struct conn *c = all.list[i];
        if (c->from == host) {
            c->wanted = false;
            if (c->to != NET_NOBODY)
                net_break(n, c, false, now_us);
        } else if (c->up && !silent) {
            net_break(n, c, true, now_us);
        }
    }
    mem_free(all.list);
}

void net_break_some(struct net *n, uint32_t host, kith_time now_us)
{
    struct conns all = net_all_of(n, host);
    for (size_t i = 0; i < all.n; i++) {
        struct conn *c = all.list[i];
        if (c->up && rng_below(n->rng, 2) == 0) {
            n->counts->n[FAULT_BREAK]++;
            net_break(n, c, true, now_us);
        }
    }
    mem_free(all.list);
}

bool net_item(struct net *n, const struct sim_item *item, struct net_arrival *ret)
{
    struct conn *c = n->conns.list[item->a];
    if (item->b != c->epoch)
        return false;
    switch (item->kind) {
    case SIM_CONNECT:
        net_connected(n, c, item->at_us);
        return false;
    case SIM_STALLED:
        if (c->up && c->stalled_us != 0 && item->at_us - c->stalled_us >= NET_STALL)
            net_break(n, c, true, item->at_us);
        return false;
    case SIM_IDLE:
        net_maybe_idle(n, c, item->at_us);
        return false;
    default:
        return net_deliver(n, c, item, ret);
    }
}
