#include "cluster_inside.h"

#include "base/mem.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

#define RETRANSMIT (200 * KITH_MS)

/* ---- flights ---- */

static bool earlier(const struct flight *a, const struct flight *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void flight_add(struct cluster *c, struct flight f)
{
    if (c->flights_n == c->flights_cap) {
        c->flights_cap = c->flights_cap ? 2 * c->flights_cap : 64;
        c->flights = mem_grow(c->flights, c->flights_cap, sizeof(*c->flights));
    }
    f.order = c->order++;
    size_t i = c->flights_n++;
    while (i > 0 && earlier(&f, &c->flights[(i - 1) / 2])) {
        c->flights[i] = c->flights[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    c->flights[i] = f;
}

struct flight flight_next(struct cluster *c)
{
    struct flight first = c->flights[0], last = c->flights[--c->flights_n];
    size_t i = 0;
    for (size_t child = 1; child < c->flights_n; child = 2 * i + 1) {
        if (child + 1 < c->flights_n && earlier(&c->flights[child + 1], &c->flights[child]))
            child++;
        if (!earlier(&c->flights[child], &last))
            break;
        c->flights[i] = c->flights[child];
        i = child;
    }
    if (c->flights_n > 0)
        c->flights[i] = last;
    return first;
}

void flight_free(struct flight *f)
{
    buf_deinit(&f->uri);
    buf_deinit(&f->frame);
}

/* ---- the network ---- */

static const int ports[] = {[DOOR_PROBE] = 5484, [DOOR_BULK] = 5488, [DOOR_SUB] = 5485};

static const char *const schemes[CLUSTER_WAYS] = {"tcp", "ws", "ipc"};

void net_uri(char ret[64], size_t i, enum door door, size_t way)
{
    snprintf(ret, 64, "%s://127.0.0.%zu:%d", schemes[way], i + 1, ports[door]);
}

bool net_parse_uri(const struct cluster *c, struct bytes uri, size_t *ret_i, enum door *ret_door,
                   size_t *ret_way)
{
    char text[64], scheme[8];
    size_t number = 0;
    int port = 0;
    snprintf(text, sizeof(text), BYTES_FMT, BYTES_ARG(uri));
    if (sscanf(text, "%7[^:]://127.0.0.%zu:%d", scheme, &number, &port) != 3 || number < 1 ||
        number > c->n)
        return false;
    for (*ret_way = 0; strcmp(schemes[*ret_way], scheme) != 0;)
        assert_true(++*ret_way < CLUSTER_WAYS);
    *ret_i = number - 1;
    *ret_door = port == ports[DOOR_PROBE]  ? DOOR_PROBE
                : port == ports[DOOR_BULK] ? DOOR_BULK
                                           : DOOR_SUB;
    return true;
}

static kith_time arrival(struct cluster *c, size_t from, size_t to, enum door door, bool answer)
{
    kith_time at = c->now_us + c->delay_us;
    kith_time again = RETRANSMIT;
    for (int tries = 0; tries < 6 && rng_below(&c->rng, 1000) <
                                         c->loss_permille + c->loss_of[from] + c->loss_of[to];
         tries++) {
        at += again;
        again *= 2;
    }
    kith_time *last = &c->nodes[from]->last_us[door][answer][to];
    if (at <= *last)
        at = *last + 1;
    return *last = at;
}

void net_send(struct cluster *c, size_t from, size_t to, enum door door, uint64_t route,
              const char *uri, struct bytes frame)
{
    struct flight f = {.at_us = arrival(c, from, to, door, route == 0),
                       .to = to,
                       .from = from,
                       .door = door,
                       .route = route,
                       .life = c->nodes[to]->life};
    if (!c->nodes[to]->up)
        return;
    if (door != DOOR_SUB && route != 0 && !c->insecure)
        f.key = c->nodes[from]->curve.public_key;
    buf_str(&f.uri, uri);
    buf_append(&f.frame, frame.data, frame.len);
    flight_add(c, f);
}

void net_link(struct cluster *c, size_t to, size_t about, size_t way, bool up, kith_time in_us)
{
    char uri[64];
    struct flight f = {.kind = FLIGHT_LINK,
                       .to = to,
                       .at_us = c->now_us + in_us,
                       .up = up,
                       .life = c->nodes[to]->life};
    net_uri(uri, about, DOOR_PROBE, way);
    buf_str(&f.uri, uri);
    flight_add(c, f);
}

void net_publish(struct cluster *c, size_t from, struct bytes frame)
{
    char uri[64];
    for (size_t i = 0; i < c->n; i++) {
        struct node *n = c->nodes[i];
        size_t way = n->subscribed_way[from];
        net_uri(uri, from, DOOR_SUB, way);
        if (n->up && n->subscribed[from] && !c->way_cut[from][way] &&
            (c->insecure || c->nodes[from]->admitted[i]))
            net_send(c, from, i, DOOR_SUB, 0, uri, frame);
    }
}
