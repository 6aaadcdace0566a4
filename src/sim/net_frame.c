#include "base/mem.h"
#include "sim/net_inside.h"

void net_drop_held(struct conn *c)
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

/* Until the connection stands. */
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

void net_set_stalled(struct net *n, struct conn *c, kith_time at_us)
{
    if (c->stalled_us != 0)
        n->stalled_n--;
    c->stalled_us = at_us;
    if (at_us != 0)
        n->stalled_n++;
}

static void stall(struct net *n, struct conn *c, bool answer, struct bytes frame, kith_time now)
{
    hold(c, answer, frame);
    if (c->stalled_us == 0) {
        net_set_stalled(n, c, now);
        net_schedule(n, SIM_STALLED, c, now + NET_STALL, answer, (struct bytes){0});
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
    kith_time rto = net_rtt(n, c) + NET_RTO_MIN;
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

static void transmit(struct net *n, struct conn *c, bool answer, struct bytes frame, kith_time now)
{
    uint32_t from = answer ? c->to : c->from, to = answer ? c->from : c->to;
    if (c->stalled_us != 0 || !net_goes(n, c, from, to)) {
        net_count_cut(n, c, from, to);
        stall(n, c, answer, frame, now);
        return;
    }
    if (n->measure)
        measure_sent(n->measure, from, to, frame, now);
    net_schedule(n, SIM_DELIVER, c, arrival(n, c, answer, now), answer, frame);
}

/* What waited for the connection, or for the way to be open, goes out in its order. */
void net_release_held(struct net *n, struct conn *c, kith_time at)
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

void net_send(struct net *n, uint32_t from, struct bytes uri, struct bytes frame, kith_time now_us)
{
    struct conn *c = net_connection(n, from, uri, now_us);
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

bool net_deliver(struct net *n, struct conn *c, const struct sim_item *item,
                 struct net_arrival *ret)
{
    bool answer = item->c != 0;
    uint32_t from = answer ? c->to : c->from, to = answer ? c->from : c->to;
    if (c->stalled_us != 0 || !net_goes(n, c, from, to)) {
        net_count_cut(n, c, from, to);
        stall(n, c, answer, item->data, item->at_us);
        return false;
    }
    *ret = (struct net_arrival){.sender = from,
                                .host = to,
                                .role = c->role,
                                .answer = answer,
                                .route = answer ? 0 : ((uint64_t)c->epoch << 32) | (c->index + 1),
                                .uri = c->uri};
    return true;
}
