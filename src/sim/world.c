#include "sim/world.h"

#include "base/mem.h"
#include "sim/converge.h"
#include "sim/rival.h"
#include "sim/script.h"

#include <stdlib.h>

/* An honest run takes far fewer; more means two hosts answer each other forever. */
#define STEPS_PER_PEER_SECOND_MAX 20000
#define LOOK_EVERY                (250 * KITH_MS)

struct world {
    struct site_world common;
    struct rng rng;
    struct queue queue;
    struct fault_counts counts;
    struct load *load;
    struct plan *plan;
    struct race *race; /* NULL: none */
    struct disk_base base;
    struct measure_result measured;
    size_t heap_bytes;
    const struct world_options *options;
    bool healed, done;
    kith_time healed_us;
    struct buf why;
};

static void at(struct world *w, enum sim_kind kind, uint32_t host, kith_time at_us)
{
    struct sim_item item = {.at_us = at_us, .kind = kind, .host = host};
    queue_add(&w->queue, &item);
}

/* Numbered from 1 in item.a: what a scenario says; 0: what the seed draws. */
static void at_number(struct world *w, enum sim_kind kind, uint64_t number, kith_time at_us)
{
    struct sim_item item = {.at_us = at_us, .kind = kind, .a = number};
    queue_add(&w->queue, &item);
}

static void schedule_load(struct world *w, const struct world_options *o)
{
    if (o->applies_n == 0 && !(o->scenario && o->scenario->services == SCENARIO_OFF))
        at(w, SIM_LOAD, 0, 3 * KITH_SEC);
    for (size_t i = 0; i < o->applies_n; i++)
        at_number(w, SIM_LOAD, i + 1, o->applies[i].at_us);
}

/* The clients begin when all hosts have started. */
static void schedule_race(struct world *w, const struct world_options *o)
{
    if (!o->race && !o->counters && !(o->scenario && o->scenario->race))
        return;
    w->race = race_new(&w->common, o->counters);
    for (uint32_t i = 0; i < o->peers; i++)
        at(w, SIM_RACE, i, 3 * KITH_SEC + rng_between(&w->rng, 0, KITH_SEC));
}

static void reply(void *operator, uint32_t host, uint64_t route, struct bytes frame,
                  kith_time now_us)
{
    struct world *w = operator;
    if (route & RACE_ROUTE)
        race_reply(w->race, host, route & ~SITE_OPERATOR, frame, now_us);
    else
        load_reply(w->load, host, route, frame, now_us);
}

static void schedule_faults(struct world *w, const struct world_options *o)
{
    if (!o->scenario && !o->calm)
        at(w, SIM_FAULT, 0, 5 * KITH_SEC + plan_gap(w->plan));
    for (uint32_t i = 0; o->scenario && i < o->scenario->faults_n; i++)
        at_number(w, SIM_FAULT, i + 1, o->scenario->faults[i].at_us);
}

static int by_key(const void *a, const void *b)
{
    return bytes_compare(((const struct disk_record *)a)->key,
                         ((const struct disk_record *)b)->key);
}

/* Everybody's member row, which everybody starts with. */
static void foresee(struct world *w)
{
    struct site_world *c = &w->common;
    struct buf key = {0}, value = {0};
    w->base.records = mem_alloc(c->sites_n * sizeof(*w->base.records));
    for (uint32_t i = 0; i < c->sites_n; i++) {
        buf_reset(&key);
        buf_reset(&value);
        site_foresee(c->sites[i], &key, &value);
        w->base.records[w->base.count++] =
            (struct disk_record){.key = bytes_of(mem_copy(key.data, key.len), key.len),
                                 .value = bytes_of(mem_copy(value.data, value.len), value.len)};
    }
    qsort(w->base.records, w->base.count, sizeof(*w->base.records), by_key);
    c->base = &w->base;
    buf_deinit(&key);
    buf_deinit(&value);
}

static void make_keys(struct world *w)
{
    struct site_world *c = &w->common;
    struct key32 seed;
    struct ulid_source ulids = {0};
    ulid_next(&ulids, &c->cluster, SITE_WALL_START, &w->rng);
    rng_bytes(&w->rng, seed.b, sizeof(seed.b));
    keys_sign_pair(&c->issuer, &seed);
    rng_bytes(&w->rng, seed.b, sizeof(seed.b));
    keys_curve_pair_from_secret(&c->ring, &seed);
}

static void make_sites(struct world *w, const struct world_options *o)
{
    struct site_world *c = &w->common;
    const struct scenario *s = o->scenario;
    c->contents = contents_new();
    c->net = net_new(o->peers, o->map, &w->rng, &w->queue, &w->counts);
    c->check = check_new(o->peers, s && s->check == SCENARIO_OFF);
    c->measure = measure_new(o->peers, c->net, s ? s->measure_us : 0);
    net_measure(c->net, c->measure);
    c->warm = s && s->warm;
    c->ways = s && s->ways > 0 ? s->ways : 1;
    c->sites_n = o->peers;
    c->sites = mem_alloc(o->peers * sizeof(struct site *));
    for (uint32_t i = 0; i < o->peers; i++) {
        c->sites[i] = site_new(c, i);
        net_host(c->net, i)->power = true;
        at(w, SIM_BOOT, i, c->warm ? 0 : rng_between(&w->rng, 0, KITH_SEC));
    }
}

static void setup(struct world *w, const struct world_options *o)
{
    struct site_world *c = &w->common;
    struct sim_item mark = {.at_us = KITH_SEC, .kind = SIM_MARK, .a = SIM_MARK_START};
    w->options = o;
    rng_seed(&w->rng, o->seed);
    *c = (struct site_world){
        .rng = &w->rng, .queue = &w->queue, .counts = &w->counts, .trace = o->trace};
    make_keys(w);
    make_sites(w, o);
    if (c->warm)
        foresee(w);
    queue_add(&w->queue, &mark); /* the last of the cold ones has started */
    w->load = load_new(c);
    c->operator= w->load;
    c->replied = w;
    c->on_reply = reply;
    w->plan = plan_new(c, o->crashes);
    at(w, SIM_HEAL, 0, o->until_us);
    schedule_load(w, o);
    schedule_faults(w, o);
    schedule_race(w, o);
}

static void teardown(struct world *w)
{
    load_free(w->load);
    race_free(w->race);
    plan_free(w->plan);
    for (uint32_t i = 0; i < w->common.sites_n; i++)
        site_free(w->common.sites[i]);
    mem_free(w->common.sites);
    contents_free(w->common.contents);
    for (size_t i = 0; i < w->base.count; i++) {
        mem_free((void *)(uintptr_t)w->base.records[i].key.data);
        mem_free((void *)(uintptr_t)w->base.records[i].value.data);
    }
    mem_free(w->base.records);
    net_free(w->common.net);
    measure_free(w->common.measure);
    check_free(w->common.check);
    queue_deinit(&w->queue);
    effects_deinit(&w->common.effects);
    arena_deinit(&w->common.mem);
    buf_deinit(&w->why);
}

static void fault(struct world *w, const struct sim_item *item)
{
    struct plan_fault f;
    if (w->healed)
        return;
    if (item->a > 0) {
        script_play(&w->common, &w->options->scenario->faults[item->a - 1], item->at_us);
        return;
    }
    plan_draw(w->plan, &f);
    plan_begin(w->plan, &f, item->at_us);
    at(w, SIM_FAULT, 0, item->at_us + plan_gap(w->plan));
}

static void load_now(struct world *w, const struct sim_item *item)
{
    kith_time now_us = item->at_us;
    if (w->healed)
        return;
    if (item->a > 0) {
        const struct world_apply *apply = &w->options->applies[item->a - 1];
        load_use(w->load, apply->specs, apply->specs_n);
        load_act(w->load, true, now_us);
        return;
    }
    load_act(w->load, false, now_us);
    at(w, SIM_LOAD, 0, now_us + rng_between(&w->rng, 500 * KITH_MS, 6 * KITH_SEC));
}

static void heal(struct world *w, kith_time now_us)
{
    w->healed = true;
    w->healed_us = now_us;
    if (w->race)
        race_heal(w->race);
    w->heap_bytes = w->options->heap ? w->options->heap() : 0;
    measure_finish(w->common.measure, now_us, &w->measured);
    if (w->options->scenario && w->options->scenario->converge == SCENARIO_OFF) {
        w->done = true;
        return;
    }
    w->common.pauses++;
    plan_heal(w->plan, now_us);
    at(w, SIM_LOOK, 0, now_us + LOOK_EVERY);
}

static void look(struct world *w, kith_time now_us)
{
    buf_reset(&w->why);
    if ((!w->race || race_is_over(w->race, &w->why)) && converge_look(&w->common, &w->why)) {
        w->done = true;
        if (w->race)
            race_final(w->race, 0, now_us);
        for (uint32_t i = 0; i < w->common.sites_n; i++)
            check_final(w->common.check, i, now_us, peer_state(site_peer(w->common.sites[i])));
    } else if (now_us - w->healed_us < WORLD_CONVERGE_LIMIT) {
        at(w, SIM_LOOK, 0, now_us + LOOK_EVERY);
    } else {
        w->done = true;
    }
}

/* What concerns a daemon. Those of an earlier run are stale, those of a paused one wait. */
static void for_site(struct world *w, const struct sim_item *item)
{
    struct site *s = w->common.sites[item->host];
    struct event event = {.kind = EVENT_TIME};
    if (item->run != 0 && item->run != site_run(s))
        return;
    switch (item->kind) {
    case SIM_WAKE:
        if (!site_wakes(s, item->at_us))
            return;
        break;
    case SIM_DISK:
        event.kind = disk_done(site_disk(s), &event.token);
        break;
    case SIM_LINK:
        event.kind = EVENT_LINK;
        event.link =
            (struct event_link){.uri = net_uri(w->common.net, item->a), .up = item->b != 0};
        break;
    case SIM_LOG_READ:
        event.kind = EVENT_LOG_READ;
        event.log_read = (struct event_log_read){.request = item->a, .data = bytes_str("output")};
        break;
    case SIM_COUNTED:
        event.kind = EVENT_COUNTED;
        event.counted = (struct event_counted){0};
        break;
    default:
        arena_reset(&w->common.mem);
        if (!procs_item(site_procs(s), item, &event, &w->common.mem))
            return;
        break;
    }
    site_event(s, &event, item->at_us);
}

static void network(struct world *w, const struct sim_item *item)
{
    struct net_arrival arrival;
    if (net_item(w->common.net, item, &arrival))
        site_frame(w->common.sites[arrival.host], &arrival, item->data, item->at_us);
}

/* A daemon that stands still hears what happened when it goes on. */
static bool put_off(struct world *w, const struct sim_item *item)
{
    kith_time until;
    bool concerns = item->kind == SIM_DELIVER ||
                    (item->kind >= SIM_LINK && item->kind <= SIM_COUNTED) || item->kind == SIM_WAKE;
    if (!concerns || !site_paused(w->common.sites[item->host], &until) || until <= item->at_us)
        return false;
    struct sim_item again = *item;
    again.at_us = until;
    queue_add(&w->queue, &again);
    return true;
}

static void race_now(struct world *w, const struct sim_item *item)
{
    kith_time next_us = race_act(w->race, item->host, item->at_us);
    if (next_us == KITH_NEVER && !w->healed)
        return;
    at(w, SIM_RACE, item->host, next_us == KITH_NEVER ? item->at_us + KITH_SEC : next_us);
}

static void dispatch(struct world *w, const struct sim_item *item)
{
    struct site *s = w->common.sites[item->host];
    switch (item->kind) {
    case SIM_DELIVER:
    case SIM_CONNECT:
    case SIM_STALLED:
    case SIM_IDLE:
        network(w, item);
        break;
    case SIM_BOOT:
        site_power(s, true);
        if (!site_runs(s))
            site_boot(s, item->at_us);
        break;
    case SIM_RESUME:
        site_pause(s, false, item->at_us, 0);
        break;
    case SIM_PAUSE:
        script_pause(&w->common, item);
        break;
    case SIM_BOUNCE:
        script_bounce(&w->common, item);
        break;
    case SIM_MARK:
        measure_mark(w->common.measure, item->a == SIM_MARK_START ? "start" : "bounce",
                     item->at_us);
        break;
    case SIM_FAULT:
        fault(w, item);
        break;
    case SIM_FAULT_END:
        if (!w->healed)
            plan_end(w->plan, item);
        break;
    case SIM_LOAD:
        load_now(w, item);
        break;
    case SIM_RACE:
        race_now(w, item);
        break;
    case SIM_HEAL:
        heal(w, item->at_us);
        break;
    case SIM_LOOK:
        look(w, item->at_us);
        break;
    default:
        for_site(w, item);
        break;
    }
}

static void report(struct world *w, kith_time now_us, struct world_result *ret)
{
    const char *const *violations;
    size_t n = check_violations(w->common.check, &violations);
    *ret = (struct world_result){.converged = w->why.len == 0 && w->done,
                                 .converged_us = now_us - w->healed_us,
                                 .virtual_us = now_us,
                                 .steps = w->common.steps,
                                 .hash = w->common.hash,
                                 .requests = load_sent(w->load),
                                 .refused = load_failed(w->load),
                                 .acknowledged = check_acknowledged_count(w->common.check),
                                 .heap_bytes = w->heap_bytes,
                                 .faults = w->counts,
                                 .measured = w->measured};
    if (w->race)
        ret->race = race_counts(w->race);
    ret->not_asked = w->options->scenario && w->options->scenario->converge == SCENARIO_OFF;
    if (!ret->converged)
        ret->why = mem_str(w->why.len > 0 ? buf_cstr(&w->why)
                                          : "the hosts never come to rest: too many steps");
    for (size_t i = 0; i < n; i++)
        ret->violations[ret->violations_n++] = mem_str(violations[i]);
}

void world_run(const struct world_options *options, struct world_result *ret)
{
    struct world w = {0};
    struct sim_item item;
    kith_time now_us = 0;
    if (options->rival != WORLD_KITH) {
        rival_run(options, ret);
        return;
    }
    setup(&w, options);
    uint64_t limit = (uint64_t)((options->until_us + WORLD_CONVERGE_LIMIT) / KITH_SEC) *
                     options->peers * STEPS_PER_PEER_SECOND_MAX;
    while (!w.done && w.common.steps < limit && queue_pop(&w.queue, &item)) {
        now_us = item.at_us;
        if (!put_off(&w, &item))
            dispatch(&w, &item);
        mem_free((void *)(uintptr_t)item.data.data);
    }
    report(&w, now_us, ret);
    teardown(&w);
}

void world_result_deinit(struct world_result *r)
{
    for (size_t i = 0; i < r->violations_n; i++)
        mem_free(r->violations[i]);
    measure_result_deinit(&r->measured);
    mem_free(r->why);
}
