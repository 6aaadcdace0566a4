#include "sim/plan.h"

#include "base/mem.h"

#include <string.h>

struct plan {
    struct site_world *w;
    uint32_t weights[FAULT_KINDS];
    uint32_t weights_sum;
    kith_time gap_us; /* mean */
};

/* Half of the kinds are left out, each time other ones. Lost writes come with power cuts; ways are several,
 * and hosts forgotten, in scenarios only. */
static void weigh_all(struct plan *p)
{
    for (int i = 0; i < FAULT_KINDS; i++)
        p->weights[i] = i == FAULT_LOST_WRITES || i == FAULT_CLOSE_WAY || i == FAULT_ANEW ||
                                rng_below(p->w->rng, 2)
                            ? 0
                            : 1 + (uint32_t)rng_below(p->w->rng, 5);
}

static void weigh_crashes(struct plan *p)
{
    p->weights[FAULT_KILL] = 2;
    p->weights[FAULT_POWER] = 4;
    p->weights[FAULT_DISK_SLOW] = 2;
    p->weights[FAULT_DISK_FULL] = 1;
}

struct plan *plan_new(struct site_world *w, bool crashes)
{
    struct plan *p = mem_alloc(sizeof(*p));
    p->w = w;
    if (crashes)
        weigh_crashes(p);
    else
        weigh_all(p);
    for (int i = 0; i < FAULT_KINDS; i++)
        p->weights_sum += p->weights[i];
    if (p->weights_sum == 0)
        p->weights[FAULT_KILL] = p->weights_sum = 1;
    p->gap_us = rng_between(w->rng, KITH_SEC, (crashes ? 3 : 8) * KITH_SEC);
    return p;
}

void plan_free(struct plan *p)
{
    mem_free(p);
}

kith_time plan_gap(struct plan *p)
{
    return rng_between(p->w->rng, p->gap_us / 4, p->gap_us * 2);
}

void plan_draw(struct plan *p, struct plan_fault *ret)
{
    struct rng *rng = p->w->rng;
    uint64_t pick = rng_below(rng, p->weights_sum);
    int kind = 0;
    while (pick >= p->weights[kind])
        pick -= p->weights[kind++];
    *ret = (struct plan_fault){.kind = (enum fault)kind,
                               .who = (uint32_t)rng_below(rng, p->w->sites_n),
                               .lasts_us = rng_between(rng, 500 * KITH_MS, 15 * KITH_SEC)};
    ret->to = ret->who + 1 + (uint32_t)rng_below(rng, p->w->sites_n);
    switch (ret->kind) {
    case FAULT_LOSS:
        ret->value = rng_between(rng, 50000, 300000);
        break;
    case FAULT_LATENCY:
        ret->value = rng_between(rng, 10 * KITH_MS, 300 * KITH_MS);
        break;
    case FAULT_CLOCK:
        /* Mostly what a bad time server does, sometimes a wrong hour. */
        ret->value = rng_below(rng, 4) ? rng_between(rng, -25 * KITH_SEC, 25 * KITH_SEC)
                                       : rng_between(rng, -KITH_HOUR, KITH_HOUR);
        break;
    default:
        break;
    }
}

static void cut(struct plan *p, const struct plan_fault *f, bool on)
{
    uint32_t n = p->w->sites_n;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < n; j++) {
            bool i_in = (i + n - f->who) % n < f->to - f->who,
                 j_in = (j + n - f->who) % n < f->to - f->who;
            if (i_in && !j_in) {
                net_cut(p->w->net, i, j, on);
                if (f->kind == FAULT_CUT)
                    net_cut(p->w->net, j, i, on);
            }
        }
    }
}

static void later(struct plan *p, enum sim_kind kind, const struct plan_fault *f, kith_time at_us)
{
    struct sim_item item = {
        .at_us = at_us, .kind = kind, .host = f->who, .data = bytes_of(f, sizeof(*f))};
    queue_add(p->w->queue, &item);
}

static void take_down(struct plan *p, const struct plan_fault *f, kith_time now_us)
{
    struct site *s = p->w->sites[f->who];
    if (!site_runs(s))
        return;
    p->w->counts->n[f->kind]++;
    site_kill(s, f->kind == FAULT_POWER, now_us);
    later(p, SIM_BOOT, f, now_us + f->lasts_us);
}

static void hold_up(struct plan *p, const struct plan_fault *f, kith_time now_us)
{
    struct site *s = p->w->sites[f->who];
    kith_time until;
    if (!site_runs(s) || site_paused(s, &until))
        return;
    p->w->counts->n[FAULT_PAUSE]++;
    site_pause(s, true, now_us, now_us + f->lasts_us);
    later(p, SIM_RESUME, f, now_us + f->lasts_us);
}

void plan_begin(struct plan *p, const struct plan_fault *f, kith_time now_us)
{
    struct site *s = p->w->sites[f->who];
    struct net_host *h = net_host(p->w->net, f->who);
    switch (f->kind) {
    case FAULT_KILL:
    case FAULT_POWER:
        take_down(p, f, now_us);
        return;
    case FAULT_PAUSE:
        hold_up(p, f, now_us);
        return;
    case FAULT_CUT:
    case FAULT_CUT_ONE_WAY:
        cut(p, f, true);
        break;
    case FAULT_LOSS:
        h->loss_ppm = (uint32_t)f->value;
        break;
    case FAULT_LATENCY:
        h->extra_us = f->value;
        break;
    case FAULT_BREAK:
        net_break_some(p->w->net, f->who, now_us);
        return;
    case FAULT_CLOCK:
        p->w->counts->n[FAULT_CLOCK]++;
        site_step_clock(s, f->value);
        break;
    case FAULT_DISK_SLOW:
    case FAULT_DISK_FULL:
        disk_set(site_disk(s), f->kind == FAULT_DISK_SLOW, f->kind == FAULT_DISK_FULL);
        break;
    case FAULT_EXIT:
    case FAULT_SICK:
        procs_fail_one(site_procs(s), f->kind == FAULT_SICK, now_us);
        return;
    case FAULT_PORT_TAKEN:
        procs_take_port(site_procs(s));
        return;
    case FAULT_LOST_WRITES:
    case FAULT_CLOSE_WAY:
    case FAULT_ANEW:
    case FAULT_KINDS:
        return;
    }
    later(p, SIM_FAULT_END, f, now_us + f->lasts_us);
}

void plan_end(struct plan *p, const struct sim_item *item)
{
    struct plan_fault f;
    memcpy(&f, item->data.data, sizeof(f));
    struct site *s = p->w->sites[f.who];
    switch (f.kind) {
    case FAULT_CUT:
    case FAULT_CUT_ONE_WAY:
        cut(p, &f, false);
        net_changed(p->w->net, item->at_us);
        break;
    case FAULT_LOSS:
        net_host(p->w->net, f.who)->loss_ppm = 0;
        break;
    case FAULT_LATENCY:
        net_host(p->w->net, f.who)->extra_us = 0;
        break;
    case FAULT_CLOCK:
        site_step_clock(s, -f.value);
        break;
    case FAULT_DISK_SLOW:
    case FAULT_DISK_FULL:
        disk_set(site_disk(s), false, false);
        break;
    default:
        break;
    }
}

void plan_heal(struct plan *p, kith_time now_us)
{
    net_heal(p->w->net, now_us);
    for (uint32_t i = 0; i < p->w->sites_n; i++) {
        struct site *s = p->w->sites[i];
        site_mend(s);
        site_pause(s, false, now_us, 0);
        site_power(s, true);
        if (!site_runs(s)) {
            struct sim_item item = {.at_us = now_us, .kind = SIM_BOOT, .host = i};
            queue_add(p->w->queue, &item);
        }
    }
    net_changed(p->w->net, now_us);
}
