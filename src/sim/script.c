#include "sim/script.h"

static bool among(const struct scenario_peers *peers, uint32_t host)
{
    bool found = peers->all;
    for (uint32_t i = 0; i < peers->list_n && !found; i++)
        found = peers->list[i] == host;
    return found;
}

static void cut(struct site_world *w, const struct scenario_fault *f)
{
    for (uint32_t i = 0; i < w->sites_n; i++) {
        for (uint32_t j = 0; j < w->sites_n; j++) {
            if (i == j || !among(&f->who, i) || !among(&f->to, j))
                continue;
            net_cut(w->net, i, j, true);
            if (f->kind == SCENARIO_CUT)
                net_cut(w->net, j, i, true);
        }
    }
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
        site_pause(s, site_runs(s), KITH_NEVER);
        break;
    case SCENARIO_RESUME:
        site_pause(s, false, now_us);
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
        cut(w, f);
        return;
    }
    if (f->kind == SCENARIO_HEAL)
        net_heal(w->net, now_us);
    for (uint32_t host = 0; host < w->sites_n; host++) {
        if (f->kind != SCENARIO_HEAL && !among(&f->who, host))
            continue;
        act_on(w, f, host, now_us);
        act_around(w, f, host, now_us);
    }
    net_changed(w->net, now_us);
}
