#include "gossip/courier.h"

#include "base/mem.h"
#include "gossip/budget.h"

/* The envelope of a frame, about. */
#define ENVELOPE_BYTES 90

static const struct budget_rate express_rate = {COURIER_EXPRESS_BYTES, COURIER_EXPRESS_BYTES};
/* The destination that stands for all who hear the own PUB. */
static const struct ulid everybody;

struct courier {
    struct core *core;
    struct overlay *overlay;
    struct interest *interest;
    courier_suspect *suspect;
    void *suspect_arg;
    struct parcels *parcels;
    struct budget express;
    kith_time settled_us; /* all hear all PUBs from then on */
    struct courier_counts counts;
};

/* ---- connections ---- */

static bool by_express(struct courier *c, const struct turn *t, struct bytes batch, size_t copies)
{
    size_t bytes = (batch.len + ENVELOPE_BYTES) * copies;
    if (batch.len > COURIER_EXPRESS_LARGEST || bytes > COURIER_EXPRESS_BYTES ||
        !budget_take(&c->express, express_rate, t->now_us, (uint32_t)bytes,
                     /* reserve_permille= */ 0))
        return false;
    c->counts.express++;
    return true;
}

static void send_lane(struct courier *c, struct turn *t, const struct ulid *to, struct bytes batch)
{
    struct bytes uri = core_uri(c->core, to, ADDR_ROLE_BULK);
    if (uri.len > 0)
        post_send(t->post, t->out, uri, WIRE_TOPIC_BATCH, batch, /* correlation= */ 0);
}

static void send_express(struct courier *c, struct turn *t, const struct ulid *to,
                         struct bytes batch)
{
    struct buf payload = {0};
    topic_express_encode(&payload, &(struct topic_express){.batch = batch});
    if (ulid_equal(to, &everybody))
        post_publish(t->post, t->out, WIRE_TOPIC_EXPRESS, buf_bytes(&payload));
    else
        overlay_send(c->overlay, t, to, WIRE_TOPIC_EXPRESS, buf_bytes(&payload));
    buf_deinit(&payload);
}

/* Of full view; before it was left, what was meant for a PUB still goes to each. */
static bool send_everybody(struct courier *c, struct turn *t, struct bytes batch, bool warm)
{
    size_t others = core_others(c->core);
    if (!warm && overlay_is_full(c->overlay) && by_express(c, t, batch, others)) {
        send_express(c, t, &everybody, batch);
        return false;
    }
    const struct member *m = members_first(c->core->members);
    for (; m; m = members_next(c->core->members, m)) {
        if (core_alive(c->core, &m->id) && !ulid_equal(&m->id, &c->core->self))
            send_lane(c, t, &m->id, batch);
    }
    return true;
}

static bool send(void *arg, struct turn *t, const struct ulid *to, struct bytes batch, bool warm)
{
    struct courier *c = arg;
    if (ulid_equal(to, &everybody))
        return send_everybody(c, t, batch, warm);
    if (!warm && overlay_stands(c->overlay, to) && by_express(c, t, batch, 1)) {
        send_express(c, t, to, batch);
        return false;
    }
    send_lane(c, t, to, batch);
    return true;
}

/* ---- life ---- */

struct courier *courier_new(struct core *core, struct overlay *overlay, struct interest *interest,
                            courier_suspect *suspect, void *arg)
{
    struct courier *c = mem_alloc(sizeof(*c));
    c->core = core;
    c->overlay = overlay;
    c->interest = interest;
    c->suspect = suspect;
    c->suspect_arg = arg;
    c->parcels = parcels_new(send, c);
    return c;
}

void courier_free(struct courier *c)
{
    parcels_free(c->parcels);
    mem_free(c);
}

void courier_members_changed(struct courier *c, kith_time now_us)
{
    c->settled_us = now_us + COURIER_SETTLE;
}

/* ---- ways ---- */

struct peers { /* that have subscribers of a topic */
    const struct ulid *ids;
    size_t n;
    bool steady; /* something is sent to them all the time, by many */
};

static bool avoid(void *arg, const struct ulid *id)
{
    const struct courier *c = arg;
    return c->suspect(c->suspect_arg, id);
}

/* To all who are next on the tree but `from`. False: there is no way to all. */
static bool to_all(struct courier *c, kith_time now_us, const struct ulid *from, uint8_t hops,
                   struct route *ret)
{
    struct ulid next[FANOUT_MAX];
    ret->tree = true;
    ret->hops = hops;
    if (overlay_is_full(c->overlay)) {
        bool own = ulid_equal(from, &c->core->self);
        ret->n = own ? 1 : 0;
        ret->to[0] = (struct fanout){.to = everybody};
        ret->copies = own ? core_others(c->core) : 0;
        return now_us >= c->settled_us;
    }
    size_t n = overlay_eager(c->overlay, next, FANOUT_MAX);
    for (size_t i = 0; i < n; i++) {
        if (!ulid_equal(&next[i], from))
            ret->to[ret->n++] = (struct fanout){.to = next[i]};
    }
    ret->copies = ret->n;
    return n > 0;
}

/* Load reports: every host with an endpoint sends each second. */
static bool is_steady(const struct topic *words)
{
    return words->words_n == 2 && bytes_equal_str(words->words[0], "load");
}

static void to_some(struct courier *c, const struct peers *peers, const struct ulid *before,
                    uint8_t hops, struct route *ret)
{
    const struct fanout_plan plan = {.sparing = peers->steady, .avoid = avoid, .arg = c};
    size_t served;
    ret->tree = false;
    ret->n = fanout(peers->ids, peers->n, &c->core->self, before, &plan, ret->to, &served);
    ret->ended = hops == 0 && served > fanout_direct(plan.sparing);
    if (ret->ended)
        ret->n = 0;
    ret->copies = ret->n;
    ret->hops = hops > 0 ? (uint8_t)(hops - 1) : 0;
}

static bool dense(const struct courier *c, size_t peers)
{
    size_t others = core_others(c->core);
    return peers > 0 && peers * 1000 >= others * COURIER_DENSE_PERMILLE;
}

void courier_route(struct courier *c, kith_time now_us, struct bytes topic,
                   const struct topic *words, uint8_t hops, struct route *ret)
{
    struct peers peers = {.steady = is_steady(words)};
    peers.n = interest_peers(c->interest, topic, words, &peers.ids);
    const struct ulid *self = &c->core->self;
    uint8_t few_hops = peers.steady ? COURIER_SPARING_HOPS : COURIER_HOPS;
    *ret = (struct route){0};
    if (dense(c, peers.n) && to_all(c, now_us, self, hops ? hops : COURIER_TREE_HOPS, ret))
        c->counts.along_tree++;
    else
        to_some(c, &peers, self, hops ? hops : few_hops, ret);
}

void courier_route_on(struct courier *c, struct bytes topic, const struct topic *words,
                      const struct topic_item *item, const struct ulid *from, struct route *ret)
{
    struct peers peers = {.steady = is_steady(words)};
    *ret = (struct route){0};
    if (item->tree && item->hops > 0) {
        to_all(c, /* now_us= */ 0, from, (uint8_t)(item->hops - 1), ret);
    } else if (item->tree) {
        ret->ended = true;
    } else if (!ulid_is_zero(&item->before)) {
        peers.n = interest_peers(c->interest, topic, words, &peers.ids);
        to_some(c, &peers, &item->before, item->hops, ret);
    }
}

void courier_send(struct courier *c, struct turn *t, const struct route *route,
                  struct bytes message, bool urgent)
{
    for (size_t i = 0; i < route->n; i++) {
        const struct fanout *f = &route->to[i];
        bool serves = route->tree || !ulid_is_zero(&f->before);
        struct topic_item item = {.message = message,
                                  .hops = serves ? route->hops : 0,
                                  .before = f->before,
                                  .tree = route->tree};
        parcels_add(c->parcels, t, &f->to, &item, urgent);
    }
}

/* ---- in, and time ---- */

int courier_open(struct topic_batch *ret, const struct incoming *in, struct arena *mem,
                 struct wire_error *err)
{
    struct topic_express express;
    switch (in->envelope->kind) {
    case WIRE_TOPIC_BATCH:
        return parcel_open(ret, in->payload, mem, err);
    case WIRE_TOPIC_EXPRESS:
        *ret = (struct topic_batch){0};
        if (topic_express_decode(&express, in->payload, mem, err) != 0)
            return WIRE_BAD;
        return parcel_open(ret, express.batch, mem, err);
    default:
        return COURIER_OTHER;
    }
}

void courier_flush(struct courier *c, struct turn *t)
{
    parcels_flush(c->parcels, t);
}

kith_time courier_deadline(const struct courier *c)
{
    return parcels_deadline(c->parcels);
}

const struct courier_counts *courier_counts(const struct courier *c)
{
    return &c->counts;
}

const struct parcel_counts *courier_parcels(const struct courier *c)
{
    return parcels_counts(c->parcels);
}
