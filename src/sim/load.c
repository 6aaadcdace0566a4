#include "sim/load.h"

#include "base/mem.h"
#include "wire/frame.h"

#include <stdio.h>
#include <string.h>

struct load {
    struct site_world *w;
    struct arena mem;
    struct service_spec *specs;
    size_t specs_n;
    struct ulid id, boot;
    struct ulid_source ulids;
    uint64_t sent, failed, seq;
    bool applied;
};

/* s0 .. s5: each needs up to two of those before it, so that together they have layers. */
static void make_spec(struct load *l, size_t i)
{
    struct service_spec *s = &l->specs[i];
    struct rng *rng = l->w->rng;
    static const uint32_t backoff[] = {300, 1000, 2000};
    struct bytes *argv = arena_array(&l->mem, 2, sizeof(*argv));
    argv[0] = bytes_str("/usr/bin/example");
    argv[1] = bytes_str("${addr}:${port.main}");
    struct port_spec *port = arena_array(&l->mem, 1, sizeof(*port));
    port->name = bytes_str("main");
    struct bytes *needs = arena_array(&l->mem, 2, sizeof(*needs));
    struct pair *env = arena_array(&l->mem, 2, sizeof(*env));
    uint32_t needs_n = 0;
    for (size_t k = 0; k < 2 && i > 0; k++) {
        size_t to = rng_below(rng, i + 1);
        if (to == i || (needs_n == 1 && bytes_equal(needs[0], l->specs[to].name)))
            continue;
        env[needs_n].key = bytes_str(k ? "B" : "A");
        env[needs_n].value = bytes_str(arena_printf(&l->mem, "${endpoint.s%u}", (unsigned)to));
        needs[needs_n++] = l->specs[to].name;
    }
    *s = (struct service_spec){
        .name = bytes_str(arena_printf(&l->mem, "s%u", (unsigned)i)),
        .count = 1 + (uint32_t)rng_below(rng, 3),
        .argv = argv,
        .argv_n = 2,
        .ports = port,
        .ports_n = 1,
        .needs = needs,
        .needs_n = needs_n,
        .check = {.kind = CHECK_KIND_TCP,
                  .port = bytes_str("main"),
                  .every_ms = 500,
                  .timeout_ms = 300,
                  .fail = 2,
                  .pass = 1},
        .resources = {.cpu_millis = 100, .memory_bytes = 1 << 20},
        .restart = {.backoff_ms = backoff, .backoff_ms_n = 3, .max = 0, .per_ms = 60000},
        .stop = {.signal = 15, .grace_ms = 2000},
        .env = env,
        .env_n = needs_n,
    };
}

struct load *load_new(struct site_world *w)
{
    struct load *l = mem_alloc(sizeof(*l));
    l->w = w;
    l->specs_n = LOAD_SERVICES;
    l->specs = arena_array(&l->mem, l->specs_n, sizeof(*l->specs));
    for (size_t i = 0; i < l->specs_n; i++)
        make_spec(l, i);
    ulid_next(&l->ulids, &l->id, SITE_WALL_START, w->rng);
    ulid_next(&l->ulids, &l->boot, SITE_WALL_START, w->rng);
    return l;
}

void load_free(struct load *l)
{
    arena_deinit(&l->mem);
    mem_free(l);
}

void load_use(struct load *l, const struct service_spec *specs, size_t n)
{
    l->specs_n = n;
    l->specs = arena_array(&l->mem, n + 1, sizeof(*l->specs));
    for (size_t i = 0; i < n; i++) {
        struct buf bytes = {0};
        struct wire_error err;
        service_spec_encode(&bytes, &specs[i]);
        service_spec_decode(&l->specs[i], arena_bytes(&l->mem, buf_bytes(&bytes)), &l->mem, &err);
        buf_deinit(&bytes);
    }
}

uint64_t load_sent(const struct load *l)
{
    return l->sent;
}

uint64_t load_failed(const struct load *l)
{
    return l->failed;
}

static struct site *any_site(struct load *l)
{
    uint32_t start = (uint32_t)rng_below(l->w->rng, l->w->sites_n);
    for (uint32_t i = 0; i < l->w->sites_n; i++) {
        struct site *s = l->w->sites[(start + i) % l->w->sites_n];
        kith_time until;
        if (site_runs(s) && !site_paused(s, &until))
            return s;
    }
    return NULL;
}

static void send(struct load *l, struct site *to, enum wire_kind kind, struct bytes payload,
                 kith_time now_us)
{
    struct envelope envelope = {.format = FRAME_FORMAT,
                                .cluster = l->w->cluster,
                                .sender = l->id,
                                .boot = l->boot,
                                .proto_min = FRAME_PROTO_MIN,
                                .proto_max = FRAME_PROTO_MAX,
                                .lane = WIRE_LANE_CLIENT,
                                .kind = (uint16_t)kind,
                                .seq = ++l->seq,
                                .correlation = l->seq};
    struct buf frame = {0};
    frame_pack(&frame, &envelope, payload);
    l->sent++;
    site_request(to, l->seq, buf_bytes(&frame), now_us);
    buf_deinit(&frame);
}

static void apply(struct load *l, struct site *to, size_t from, size_t n, kith_time now_us)
{
    struct buf payload = {0};
    struct apply apply = {.specs = &l->specs[from], .specs_n = (uint32_t)n};
    ulid_next(&l->ulids, &apply.id, site_wall(to, now_us), l->w->rng);
    apply_encode(&payload, &apply);
    send(l, to, WIRE_APPLY, buf_bytes(&payload), now_us);
    buf_deinit(&payload);
}

static void change(struct load *l, struct site *to, kith_time now_us)
{
    static const enum command_kind kinds[] = {
        COMMAND_KIND_SCALE,   COMMAND_KIND_SCALE,   COMMAND_KIND_SCALE,
        COMMAND_KIND_RESTART, COMMAND_KIND_RESTART, COMMAND_KIND_STOP,
        COMMAND_KIND_START,   COMMAND_KIND_START,   COMMAND_KIND_RM};
    struct buf payload = {0};
    struct rng *rng = l->w->rng;
    struct change change = {.kind = kinds[rng_below(rng, sizeof(kinds) / sizeof(kinds[0]))],
                            .service = l->specs[rng_below(rng, l->specs_n)].name,
                            .count = 1 + (uint32_t)rng_below(rng, 4)};
    change.cascade = change.kind == COMMAND_KIND_STOP && rng_below(rng, 2) == 0;
    ulid_next(&l->ulids, &change.id, site_wall(to, now_us), rng);
    change_encode(&payload, &change);
    send(l, to, WIRE_CHANGE, buf_bytes(&payload), now_us);
    buf_deinit(&payload);
}

void load_act(struct load *l, bool first, kith_time now_us)
{
    struct site *to = any_site(l);
    if (!to)
        return;
    if (first || !l->applied) {
        apply(l, to, 0, l->specs_n, now_us);
    } else if (rng_below(l->w->rng, 4) == 0) {
        size_t i = rng_below(l->w->rng, l->specs_n);
        l->specs[i].count = 1 + (uint32_t)rng_below(l->w->rng, 4);
        l->specs[i].stop.grace_ms = 1000 + (uint32_t)rng_below(l->w->rng, 2000);
        apply(l, to, i, 1, now_us);
    } else {
        change(l, to, now_us);
    }
}

void load_write(struct load *l, uint32_t host, kith_time now_us)
{
    struct site *to = l->w->sites[host];
    struct buf payload = {0}, key = {0};
    struct apply apply = {.specs_n = 0};
    if (!site_runs(to))
        return;
    ulid_next(&l->ulids, &apply.id, site_wall(to, now_us), l->w->rng);
    state_storage_key(&key, TABLE_ID_COMMAND, bytes_str(STATE_NAMESPACE), ulid_bytes(&apply.id));
    measure_write(l->w->measure, host, buf_bytes(&key), now_us);
    apply_encode(&payload, &apply);
    send(l, to, WIRE_APPLY, buf_bytes(&payload), now_us);
    buf_deinit(&payload);
    buf_deinit(&key);
}

static struct site *who_misses(const struct load *l, const struct ulid *node)
{
    for (uint32_t i = 0; i < l->w->sites_n; i++) {
        struct site *s = l->w->sites[i];
        const struct member *m =
            site_runs(s) ? members_get(peer_members(site_peer(s)), node) : NULL;
        if (m && m->state == MEMBER_STATE_DEAD && !ulid_equal(site_node(s), node))
            return s;
    }
    return NULL;
}

void load_forget(struct load *l, uint32_t host, kith_time now_us)
{
    const struct ulid *node = site_node(l->w->sites[host]);
    struct site *to = who_misses(l, node);
    struct buf payload = {0};
    struct forget forget = {.node = bytes_str(ulid_text(node).s)};
    if (!to)
        return;
    ulid_next(&l->ulids, &forget.id, site_wall(to, now_us), l->w->rng);
    forget_encode(&payload, &forget);
    send(l, to, WIRE_FORGET, buf_bytes(&payload), now_us);
    buf_deinit(&payload);
}

void load_reply(void *load, uint32_t host, uint64_t route, struct bytes frame, kith_time now_us)
{
    struct load *l = load;
    struct frame f;
    struct changed changed;
    struct wire_error err;
    struct arena mem = {0};
    (void)route;
    if (frame_unpack(&f, frame, &l->w->cluster, &err) != 0) {
        check_violation(l->w->check, host, now_us, "answers a client with garbage: %s", err.why);
    } else if (f.envelope.kind == WIRE_CHANGED &&
               changed_decode(&changed, f.payload, &mem, &err) == 0) {
        l->applied = true;
        check_acknowledged(l->w->check, host, now_us, &changed.command,
                           site_disk(l->w->sites[host]));
    } else {
        l->failed++;
    }
    arena_deinit(&mem);
}
