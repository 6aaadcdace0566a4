#include "sim/script.h"

#include "base/mem.h"
#include "sim/load.h"

bool *script_pick(struct rng *rng, uint32_t hosts, const struct scenario_peers *peers)
{
    bool *ret = mem_alloc(hosts * sizeof(*ret));
    uint64_t left = ((uint64_t)hosts * peers->share_ppm + 999999) / 1000000;
    for (uint32_t host = 0; peers->all && host < hosts; host++)
        ret[host] = true;
    for (uint32_t i = 0; i < peers->list_n; i++) {
        for (uint32_t host = peers->list[i].first; host <= peers->list[i].last && host < hosts;
             host++)
            ret[host] = true;
    }
    while (left > 0) {
        uint32_t host = (uint32_t)rng_below(rng, hosts);
        left -= !ret[host];
        ret[host] = true;
    }
    return ret;
}

static bool *pick(struct site_world *w, const struct scenario_peers *peers)
{
    return script_pick(w->rng, w->sites_n, peers);
}

static void cut(struct site_world *w, const struct scenario_fault *f)
{
    bool *who = pick(w, &f->who), *to = pick(w, &f->to);
    for (uint32_t i = 0; i < w->sites_n; i++) {
        for (uint32_t j = 0; j < w->sites_n; j++) {
            if (i == j || !who[i] || !to[j])
                continue;
            net_cut(w->net, i, j, true);
            if (f->kind == SCENARIO_CUT)
                net_cut(w->net, j, i, true);
        }
    }
    mem_free(who);
    mem_free(to);
}

/* Standing still for a while begins after a while, and then again, until all heals. */
static void pause_now_and_then(struct site_world *w, const struct scenario_fault *f, uint32_t host,
                               kith_time now_us)
{
    struct sim_item item = {.at_us = now_us + rng_between(w->rng, f->min_us, f->max_us),
                            .kind = SIM_PAUSE,
                            .host = host,
                            .a = (uint64_t)f->min_us,
                            .b = (uint64_t)f->max_us,
                            .c = w->pauses};
    queue_add(w->queue, &item);
}

void script_pause(struct site_world *w, const struct sim_item *item)
{
    struct site *s = w->sites[item->host];
    kith_time low = (kith_time)item->a, high = (kith_time)item->b, until;
    if (item->c != w->pauses)
        return;
    kith_time goes_on = item->at_us + rng_between(w->rng, low, high);
    if (site_runs(s) && !site_paused(s, &until)) {
        w->counts->n[FAULT_PAUSE]++;
        site_pause(s, true, item->at_us, goes_on);
        struct sim_item resume = {.at_us = goes_on, .kind = SIM_RESUME, .host = item->host};
        queue_add(w->queue, &resume);
    }
    struct sim_item again = *item;
    again.at_us = goes_on + rng_between(w->rng, low, high);
    queue_add(w->queue, &again);
}

/* A daemon that is killed is up again so long after. */
#define BOUNCE_DOWN (200 * KITH_MS)

static void bounce(struct site_world *w, const struct scenario_fault *f, uint32_t host,
                   kith_time now_us)
{
    kith_time within = f->value > BOUNCE_DOWN ? f->value - BOUNCE_DOWN : 1;
    kith_time at_us = now_us + (kith_time)rng_below(w->rng, (uint64_t)within);
    struct sim_item down = {.at_us = at_us, .kind = SIM_BOUNCE, .host = host};
    struct sim_item up = {.at_us = at_us + BOUNCE_DOWN, .kind = SIM_BOOT, .host = host};
    queue_add(w->queue, &down);
    queue_add(w->queue, &up);
    measure_bounces(w->measure, host, now_us);
}

void script_bounce(struct site_world *w, const struct sim_item *item)
{
    struct site *s = w->sites[item->host];
    w->counts->n[FAULT_KILL] += site_runs(s);
    site_kill(s, false, item->at_us);
}

static void leave(struct site *s, kith_time now_us)
{
    struct event event = {.kind = EVENT_STOP, .leave = true};
    site_event(s, &event, now_us);
}

/* What is done to one host's daemon or power. */
static void act_on(struct site_world *w, const struct scenario_fault *f, uint32_t host,
                   kith_time now_us)
{
    struct site *s = w->sites[host];
    switch (f->kind) {
    case SCENARIO_KILL:
    case SCENARIO_POWER:
        w->counts->n[f->kind == SCENARIO_KILL ? FAULT_KILL : FAULT_POWER] += site_runs(s);
        site_kill(s, f->kind == SCENARIO_POWER, now_us);
        break;
    case SCENARIO_RESTART:
        site_power(s, true);
        if (!site_runs(s))
            site_boot(s, now_us);
        break;
    case SCENARIO_PAUSE:
        w->counts->n[FAULT_PAUSE] += site_runs(s);
        site_pause(s, site_runs(s), now_us, KITH_NEVER);
        break;
    case SCENARIO_RESUME:
        site_pause(s, false, now_us, now_us);
        break;
    case SCENARIO_LEAVE:
        leave(s, now_us);
        break;
    default:
        break;
    }
}

/* What is done to the world around one host. */
static void act_around(struct site_world *w, const struct scenario_fault *f, uint32_t host,
                       kith_time now_us)
{
    struct site *s = w->sites[host];
    struct net_host *h = net_host(w->net, host);
    switch (f->kind) {
    case SCENARIO_LOSS:
        h->loss_ppm = (uint32_t)f->value;
        break;
    case SCENARIO_LATENCY:
        h->extra_us = f->value;
        break;
    case SCENARIO_DEAF:
        h->deaf = true;
        break;
    case SCENARIO_DUMB:
        h->dumb = true;
        break;
    case SCENARIO_CLOSE_WAY:
        h->closed_ways |= 1u << f->way;
        break;
    case SCENARIO_PAUSES:
        pause_now_and_then(w, f, host, now_us);
        break;
    case SCENARIO_BOUNCE:
        bounce(w, f, host, now_us);
        break;
    case SCENARIO_WRITE:
        load_write(w->operator, host, now_us);
        break;
    case SCENARIO_FORGET:
        load_forget(w->operator, host, now_us);
        break;
    case SCENARIO_BREAK:
        net_break_some(w->net, host, now_us);
        break;
    case SCENARIO_CLOCK:
        w->counts->n[FAULT_CLOCK]++;
        site_step_clock(s, f->value);
        break;
    case SCENARIO_DISK_SLOW:
    case SCENARIO_DISK_FULL:
        disk_set(site_disk(s), f->kind == SCENARIO_DISK_SLOW, f->kind == SCENARIO_DISK_FULL);
        break;
    case SCENARIO_EXIT:
    case SCENARIO_SICK:
        procs_fail_one(site_procs(s), f->kind == SCENARIO_SICK, now_us);
        break;
    case SCENARIO_PORT_TAKEN:
        procs_take_port(site_procs(s));
        break;
    case SCENARIO_HEAL:
        disk_set(site_disk(s), false, false);
        break;
    default:
        break;
    }
}

void script_play(struct site_world *w, const struct scenario_fault *f, kith_time now_us)
{
    if (f->kind == SCENARIO_CUT || f->kind == SCENARIO_CUT_ONE_WAY) {
        measure_cut(w->measure, now_us);
        cut(w, f);
        return;
    }
    if (f->kind == SCENARIO_HEAL) {
        measure_heals(w->measure);
        net_heal(w->net, now_us);
        w->pauses++;
        measure_mark(w->measure, "heal", now_us);
    }
    if (f->kind == SCENARIO_BOUNCE) {
        struct sim_item mark = {.at_us = now_us + f->value, .kind = SIM_MARK, .a = SIM_MARK_BOUNCE};
        queue_add(w->queue, &mark);
    }
    bool *who = f->kind == SCENARIO_HEAL ? NULL : pick(w, &f->who);
    for (uint32_t host = 0; host < w->sites_n; host++) {
        if (who && !who[host])
            continue;
        act_on(w, f, host, now_us);
        act_around(w, f, host, now_us);
    }
    mem_free(who);
    net_changed(w->net, now_us);
}
