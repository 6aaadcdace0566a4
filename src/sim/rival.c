#include "sim/rival.h"

#include "base/mem.h"
#include "sim/script.h"
#include "sim/swim.h"

#include <stdio.h>
#include <string.h>

struct host {
    struct swim *swim; /* NULL: it is gone */
    bool paused;
    kith_time until_us;
    char uri[64];
};

struct rival {
    const struct world_options *options;
    struct rng rng;
    struct queue queue;
    struct fault_counts counts;
    struct net *net;
    struct measure *measure;
    struct host *hosts;
    struct swim_out out;
    uint64_t pauses; /* generation */
    uint64_t steps;
    char *unknown; /* a fault that is not played */
};

static void at(struct rival *r, enum sim_kind kind, uint32_t host, kith_time at_us, uint64_t a)
{
    struct sim_item item = {.at_us = at_us, .kind = kind, .host = host, .a = a};
    queue_add(&r->queue, &item);
}

static void setup(struct rival *r, const struct world_options *o)
{
    char name[40];
    r->options = o;
    rng_seed(&r->rng, o->seed);
    r->net = net_new(o->peers, o->map, &r->rng, &r->queue, &r->counts);
    r->measure = measure_new(o->peers, r->net, o->scenario->measure_us);
    net_measure(r->net, r->measure);
    r->hosts = mem_alloc(o->peers * sizeof(*r->hosts));
    for (uint32_t i = 0; i < o->peers; i++) {
        struct host *h = &r->hosts[i];
        struct ulid node = {.b = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
        snprintf(name, sizeof(name), "10.0.%u.%u", i / 250, i % 250 + 1);
        snprintf(h->uri, sizeof(h->uri), "tcp://%s:5484", name);
        net_name(r->net, i, bytes_str(name));
        net_host(r->net, i)->power = net_host(r->net, i)->listens = true;
        h->swim = swim_new(i, o->peers, o->rival == WORLD_LIFEGUARD, &r->rng);
        measure_host(r->measure, i, &node);
        measure_runs(r->measure, i, true, 0);
        at(r, SIM_WAKE, i, swim_deadline(h->swim), 0);
    }
    for (uint32_t i = 0; i < o->peers; i++) {
        for (uint32_t k = 0; k < o->peers; k++) {
            if (i != k)
                measure_belief(r->measure, i, k, true, 0, 0);
        }
    }
    for (uint32_t i = 0; i < o->scenario->faults_n; i++)
        at(r, SIM_FAULT, 0, o->scenario->faults[i].at_us, i);
    at(r, SIM_HEAL, 0, o->until_us, 0);
}

static void teardown(struct rival *r)
{
    for (uint32_t i = 0; i < r->options->peers; i++) {
        if (r->hosts[i].swim)
            swim_free(r->hosts[i].swim);
    }
    mem_free(r->hosts);
    net_free(r->net);
    measure_free(r->measure);
    queue_deinit(&r->queue);
    swim_out_deinit(&r->out);
}

/* ---- frames ---- */

static bool arrives(struct rival *r, uint32_t from, uint32_t to)
{
    const struct net_host *a = net_host(r->net, from), *b = net_host(r->net, to);
    uint64_t loss = a->loss_ppm + b->loss_ppm;
    if (a->dumb || b->deaf || !b->listens || net_is_cut(r->net, from, to))
        return false;
    bool lost = loss > 0 && rng_below(&r->rng, 1000000) < loss;
    r->counts.n[FAULT_LOSS] += lost;
    return !lost;
}

static void datagram(struct rival *r, uint32_t from, uint32_t to, struct bytes frame,
                     kith_time now_us)
{
    kith_time way = net_one_way(r->net, from, to);
    measure_sent(r->measure, from, to, frame, now_us);
    if (!arrives(r, from, to))
        return;
    way += (kith_time)rng_below(&r->rng, (uint64_t)way / 4 + 20);
    struct sim_item item = {.at_us = now_us + way, .kind = SIM_DELIVER, .host = to, .data = frame};
    queue_add(&r->queue, &item);
}

/* What came of a host's step. */
static void act(struct rival *r, uint32_t host, kith_time now_us)
{
    struct swim_out *out = &r->out;
    r->steps++;
    for (size_t i = 0; i < out->views_n; i++)
        measure_belief(r->measure, host, out->views[i].member, out->views[i].alive,
                       out->views[i].incarnation, now_us);
    for (size_t i = 0; i < out->letters_n; i++) {
        const struct swim_letter *l = &out->letters[i];
        struct bytes frame = bytes_of(&l->frame, swim_frame_size(&l->frame));
        if (r->options->datagrams)
            datagram(r, host, l->to, frame, now_us);
        else
            net_send(r->net, host, bytes_str(r->hosts[l->to].uri), frame, now_us);
    }
    out->views_n = out->letters_n = 0;
}

static void receive(struct rival *r, uint32_t host, struct bytes data, kith_time now_us)
{
    struct swim_frame frame = {0};
    if (!r->hosts[host].swim)
        return;
    memcpy(&frame, data.data, data.len);
    swim_receive(r->hosts[host].swim, &frame, now_us, &r->out);
    act(r, host, now_us);
}

static void deliver(struct rival *r, const struct sim_item *item)
{
    struct net_arrival arrival;
    if (r->options->datagrams)
        receive(r, item->host, item->data, item->at_us);
    else if (net_item(r->net, item, &arrival))
        receive(r, arrival.host, item->data, item->at_us);
}

static void wake(struct rival *r, const struct sim_item *item)
{
    struct swim *swim = r->hosts[item->host].swim;
    if (!swim)
        return;
    swim_time(swim, item->at_us, &r->out);
    act(r, item->host, item->at_us);
    kith_time next_us = swim_deadline(swim);
    at(r, SIM_WAKE, item->host, next_us > item->at_us ? next_us : item->at_us + 1, 0);
}

/* ---- faults ---- */

static void stop(struct rival *r, uint32_t host, bool power, kith_time now_us)
{
    struct host *h = &r->hosts[host];
    if (!h->swim)
        return;
    swim_free(h->swim);
    h->swim = NULL;
    r->counts.n[power ? FAULT_POWER : FAULT_KILL]++;
    measure_runs(r->measure, host, false, now_us);
    net_host(r->net, host)->listens = false;
    net_drop_host(r->net, host, power, now_us);
    net_host(r->net, host)->power = !power;
}

static void set_paused(struct rival *r, uint32_t host, bool on, kith_time now_us,
                       kith_time until_us)
{
    struct host *h = &r->hosts[host];
    if (h->paused != on)
        measure_pauses(r->measure, host, on, now_us);
    r->counts.n[FAULT_PAUSE] += on;
    h->paused = on;
    h->until_us = until_us;
    net_host(r->net, host)->paused = on;
}

/* As script_pause() does it. */
static void pause_again(struct rival *r, const struct sim_item *item)
{
    const struct scenario_fault *f = &r->options->scenario->faults[item->a];
    if (item->b != r->pauses)
        return;
    kith_time goes_on = item->at_us + rng_between(&r->rng, f->min_us, f->max_us);
    if (r->hosts[item->host].swim) {
        set_paused(r, item->host, true, item->at_us, goes_on);
        at(r, SIM_RESUME, item->host, goes_on, 0);
    }
    struct sim_item again = *item;
    again.at_us = goes_on + rng_between(&r->rng, f->min_us, f->max_us);
    queue_add(&r->queue, &again);
}

static void hit(struct rival *r, const struct scenario_fault *f, uint32_t host, kith_time now_us)
{
    struct net_host *h = net_host(r->net, host);
    struct sim_item first = {.kind = SIM_PAUSE, .host = host, .b = r->pauses};
    switch (f->kind) {
    case SCENARIO_KILL:
    case SCENARIO_POWER:
        stop(r, host, f->kind == SCENARIO_POWER, now_us);
        break;
    case SCENARIO_LOSS:
        h->loss_ppm = (uint32_t)f->value;
        break;
    case SCENARIO_DEAF:
    case SCENARIO_DUMB:
        *(f->kind == SCENARIO_DEAF ? &h->deaf : &h->dumb) = true;
        break;
    case SCENARIO_PAUSE:
    case SCENARIO_RESUME:
        set_paused(r, host, f->kind == SCENARIO_PAUSE, now_us,
                   f->kind == SCENARIO_PAUSE ? KITH_NEVER : now_us);
        break;
    case SCENARIO_PAUSES:
        first.a = (uint64_t)(f - r->options->scenario->faults);
        first.at_us = now_us + rng_between(&r->rng, f->min_us, f->max_us);
        queue_add(&r->queue, &first);
        break;
    default:
        if (!r->unknown)
            r->unknown = mem_str(scenario_kind_name(f->kind));
        break;
    }
}

static void cut(struct rival *r, const bool *who, const bool *to, kith_time now_us)
{
    measure_cut(r->measure, now_us);
    for (uint32_t i = 0; i < r->options->peers; i++) {
        for (uint32_t k = 0; k < r->options->peers; k++) {
            if (i == k || !who[i] || !to[k])
                continue;
            net_cut(r->net, i, k, true);
            net_cut(r->net, k, i, true);
        }
    }
}

static void play(struct rival *r, const struct scenario_fault *f, kith_time now_us)
{
    if (f->kind == SCENARIO_HEAL) {
        measure_heals(r->measure);
        net_heal(r->net, now_us);
        r->pauses++;
        measure_mark(r->measure, "heal", now_us);
        return;
    }
    bool *who = script_pick(&r->rng, r->options->peers, &f->who);
    bool *to = script_pick(&r->rng, r->options->peers, &f->to);
    if (f->kind == SCENARIO_CUT)
        cut(r, who, to, now_us);
    for (uint32_t i = 0; f->kind != SCENARIO_CUT && i < r->options->peers; i++) {
        if (who[i])
            hit(r, f, i, now_us);
    }
    mem_free(who);
    mem_free(to);
    net_changed(r->net, now_us);
}

/* ---- the run ---- */

/* A host that stands still hears what happened when it goes on. */
static bool put_off(struct rival *r, const struct sim_item *item)
{
    const struct host *h = &r->hosts[item->host];
    if ((item->kind != SIM_WAKE && item->kind != SIM_DELIVER) || !h->paused ||
        h->until_us <= item->at_us)
        return false;
    struct sim_item again = *item;
    again.at_us = h->until_us;
    queue_add(&r->queue, &again);
    return true;
}

static void dispatch(struct rival *r, const struct sim_item *item)
{
    switch (item->kind) {
    case SIM_WAKE:
        wake(r, item);
        break;
    case SIM_DELIVER:
    case SIM_CONNECT:
    case SIM_STALLED:
    case SIM_IDLE:
        deliver(r, item);
        break;
    case SIM_FAULT:
        play(r, &r->options->scenario->faults[item->a], item->at_us);
        break;
    case SIM_PAUSE:
        pause_again(r, item);
        break;
    case SIM_RESUME:
        set_paused(r, item->host, false, item->at_us, 0);
        break;
    default: /* connections that open and close: it does not look */
        break;
    }
}

void rival_run(const struct world_options *options, struct world_result *ret)
{
    struct rival r = {0};
    struct sim_item item = {0};
    bool done = false;
    setup(&r, options);
    while (!done && queue_pop(&r.queue, &item)) {
        done = item.kind == SIM_HEAL;
        if (!done && !put_off(&r, &item))
            dispatch(&r, &item);
        mem_free((void *)(uintptr_t)item.data.data);
    }
    *ret = (struct world_result){.converged = true, .not_asked = true, .virtual_us = item.at_us};
    ret->steps = r.steps;
    ret->faults = r.counts;
    if (r.unknown)
        ret->violations[ret->violations_n++] = r.unknown;
    measure_finish(r.measure, item.at_us, &ret->measured);
    teardown(&r);
}
