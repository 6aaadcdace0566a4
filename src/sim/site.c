#include "sim/site.h"

#include "base/mem.h"
#include "state/hash.h"
#include "trust/token.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct site {
    struct site_world *w;
    uint32_t index;
    char name[16];
    char host[24];
    char uris[3 * NET_WAYS][48]; /* by way, then role */
    struct ulid node;
    struct sign_pair sign;
    struct curve_pair curve;
    struct buf token;
    struct ulid_source ulids;
    struct disk *disk;
    struct procs *procs;
    struct peer *peer;
    uint32_t run;
    struct ulid boot; /* of the run */
    bool paused;
    kith_time paused_until_us;
    kith_time mono_offset_us; /* of this boot of the host */
    kith_time wall_offset_us;
    kith_time wake_us; /* the earliest SIM_WAKE that is scheduled */
    kith_time sampled_us;
};

static void make_token(struct site *s)
{
    struct site_world *w = s->w;
    struct key32 seed = {0};
    rng_bytes(w->rng, seed.b, sizeof(seed.b));
    struct bytes seeds[3];
    uint32_t seeds_n = 0;
    struct token_request request = {
        .issuer = &w->issuer,
        .cluster = w->cluster,
        .seed = seed,
        .kind = PRINCIPAL_KIND_NODE,
        .issued_ms = SITE_WALL_START / KITH_MS,
        .expires_ms = (SITE_WALL_START + 24 * KITH_HOUR) / KITH_MS,
        .ring_public = w->ring.public_key,
        .seeds = seeds,
        .seeds_n = seeds_n,
    };
    if (s->index == 0)
        request.ring_secret = w->ring.secret;
    ulid_next(&s->ulids, &request.id, SITE_WALL_START, w->rng);
    token_make(&s->token, &request);
}

struct site *site_new(struct site_world *w, uint32_t index)
{
    static const char ports[] = {'4', '5', '8'};
    static const char *const schemes[NET_WAYS] = {"tcp", "ws", "ipc"};
    struct site *s = mem_alloc(sizeof(*s));
    struct key32 seed;
    s->w = w;
    s->index = index;
    snprintf(s->name, sizeof(s->name), "h%u", index + 1);
    snprintf(s->host, sizeof(s->host), "10.0.%u.%u", index / 250, index % 250 + 1);
    for (size_t i = 0; i < 3 * (size_t)w->ways; i++)
        snprintf(s->uris[i], sizeof(s->uris[i]), "%s://%s:548%c", schemes[i / 3], s->host,
                 ports[i % 3]);
    net_name(w->net, index, bytes_str(s->host));
    ulid_next(&s->ulids, &s->node, SITE_WALL_START, w->rng);
    rng_bytes(w->rng, seed.b, sizeof(seed.b));
    keys_sign_pair(&s->sign, &seed);
    keys_curve_pair(&s->curve, &s->sign);
    s->disk = disk_new(index, w->rng, w->queue, w->counts);
    s->procs = procs_new(index, w->rng, w->queue, w->counts);
    s->wall_offset_us = rng_between(w->rng, -300 * KITH_MS, 300 * KITH_MS);
    make_token(s);
    check_host(w->check, index, &s->node);
    measure_host(w->measure, index, &s->node);
    return s;
}

void site_free(struct site *s)
{
    if (s->peer)
        peer_free(s->peer);
    disk_free(s->disk);
    procs_free(s->procs);
    buf_deinit(&s->token);
    mem_free(s);
}

bool site_runs(const struct site *s)
{
    return s->peer != NULL;
}

bool site_paused(const struct site *s, kith_time *ret_until_us)
{
    *ret_until_us = s->paused_until_us;
    return s->paused;
}

uint32_t site_run(const struct site *s)
{
    return s->run;
}

struct disk *site_disk(struct site *s)
{
    return s->disk;
}

struct procs *site_procs(struct site *s)
{
    return s->procs;
}

const struct peer *site_peer(const struct site *s)
{
    return s->peer;
}

const struct ulid *site_node(const struct site *s)
{
    return &s->node;
}

kith_time site_wall(const struct site *s, kith_time now_us)
{
    return SITE_WALL_START + now_us + s->wall_offset_us;
}

void site_step_clock(struct site *s, kith_time by_us)
{
    s->wall_offset_us += by_us;
}

void site_mend(struct site *s)
{
    s->wall_offset_us = rng_between(s->w->rng, -300 * KITH_MS, 300 * KITH_MS);
    disk_set(s->disk, false, false);
}

void site_pause(struct site *s, bool on, kith_time now_us, kith_time until_us)
{
    if (on != s->paused)
        measure_pauses(s->w->measure, s->index, on, now_us);
    s->paused = on;
    s->paused_until_us = until_us;
    net_host(s->w->net, s->index)->paused = on;
}

void site_power(struct site *s, bool on)
{
    net_host(s->w->net, s->index)->power = on;
}

/* Of nearly all effects the frame is what they are about, and most of what they say. */
static uint64_t hash_of_effect(const struct effect *e)
{
    struct buf bytes = {0};
    switch (e->kind) {
    case EFFECT_SEND:
        return hash64_pair(e->send.uri, e->send.frame);
    case EFFECT_REPLY:
        return hash64_pair(bytes_of(&e->reply.route, sizeof(e->reply.route)), e->reply.frame);
    case EFFECT_PUBLISH:
        return hash64(e->publish);
    default:
        break;
    }
    effect_encode(&bytes, e);
    uint64_t hash = hash64(buf_bytes(&bytes));
    buf_deinit(&bytes);
    return hash;
}

static void trace_effect(struct site_world *w, const struct effect *e)
{
    uint64_t all[4] = {w->hash, e->kind, e->wait, hash_of_effect(e)};
    w->hash = hash64(bytes_of(all, sizeof(all)));
    if (w->trace) {
        buf_str(w->trace, "    ");
        effect_print(w->trace, e);
        buf_str(w->trace, "\n");
    }
}

static void execute_ring(struct site *s, kith_time now_us)
{
    struct net_host *h = net_host(s->w->net, s->index);
    h->listens = true;
    net_changed(s->w->net, now_us);
}

static void end_daemon(struct site *s, kith_time now_us)
{
    check_crash(s->w->check, s->index, disk_crash(s->disk, false));
    net_host(s->w->net, s->index)->listens = false;
    net_drop_host(s->w->net, s->index, false, now_us);
    peer_free(s->peer);
    s->peer = NULL;
    s->run++;
    measure_runs(s->w->measure, s->index, false, now_us);
}

static void execute_reply(struct site *s, const struct effect_reply *reply, kith_time now_us)
{
    if (reply->route & SITE_OPERATOR)
        s->w->on_reply(s->w->replied, s->index, reply->route, reply->frame, now_us);
    else
        net_reply(s->w->net, s->index, reply->route, reply->frame, now_us);
}

static void execute_log_read(struct site *s, const struct effect_read_log *read, kith_time now_us)
{
    struct sim_item item = {.at_us = now_us + 1000,
                            .kind = SIM_LOG_READ,
                            .host = s->index,
                            .run = s->run,
                            .a = read->request};
    queue_add(s->w->queue, &item);
}

/* Executes one effect. True: the daemon is gone. */
static bool execute(struct site *s, const struct effect *e, kith_time now_us)
{
    struct net *net = s->w->net;
    const char *wrong;
    switch (e->kind) {
    case EFFECT_SEND:
        net_send(net, s->index, e->send.uri, e->send.frame, now_us);
        break;
    case EFFECT_REPLY:
        execute_reply(s, &e->reply, now_us);
        break;
    case EFFECT_PUBLISH:
        net_publish(net, s->index, e->publish, now_us);
        break;
    case EFFECT_SUBSCRIBE:
        net_subscribe(net, s->index, e->subscribe.uri, e->subscribe.on, now_us);
        break;
    case EFFECT_RING:
        execute_ring(s, now_us);
        break;
    case EFFECT_STORE:
        disk_store(s->disk, &e->store, s->run, now_us);
        break;
    case EFFECT_CLAIM:
        procs_claim(s->procs, &e->claim, s->run, now_us);
        break;
    case EFFECT_START:
        wrong = procs_start(s->procs, &e->start, s->run, now_us, site_wall(s, now_us));
        if (wrong)
            check_violation(s->w->check, s->index, now_us, "%s", wrong);
        break;
    case EFFECT_SIGNAL:
        procs_signal(s->procs, &e->signal, now_us);
        break;
    case EFFECT_CLEAN:
        procs_clean(s->procs, &e->clean);
        break;
    case EFFECT_CHECK:
        procs_check(s->procs, &e->check, s->run, now_us);
        break;
    case EFFECT_READ_LOG:
        execute_log_read(s, &e->read_log, now_us);
        break;
    case EFFECT_BACKUP: /* nobody asks for one */
    case EFFECT_COUNT:
        queue_add(s->w->queue,
                  &(struct sim_item){
                      .at_us = now_us, .kind = SIM_COUNTED, .host = s->index, .run = s->run});
        break;
    case EFFECT_EXIT:
        end_daemon(s, now_us);
        if (e->again)
            queue_add(
                s->w->queue,
                &(struct sim_item){.at_us = now_us + KITH_SEC, .kind = SIM_BOOT, .host = s->index});
        return true;
    case EFFECT_EXPORT: /* nobody reads it there */
        s->w->counts->n[FAULT_ANEW]++;
        break;
    case EFFECT_ADMIT:  /* the virtual PUB lets everybody in */
    case EFFECT_LOOKUP: /* no applications there */
    case EFFECT_KEYS:
    case EFFECT_LOG:
        break;
    }
    return false;
}

static void wake_later(struct site *s, kith_time now_us)
{
    kith_time at = peer_deadline(s->peer);
    if (at == KITH_NEVER)
        return;
    at -= s->mono_offset_us;
    if (at <= now_us)
        at = now_us + 1;
    if (s->wake_us > now_us && s->wake_us <= at)
        return;
    s->wake_us = at;
    struct sim_item item = {.at_us = at, .kind = SIM_WAKE, .host = s->index, .run = s->run};
    queue_add(s->w->queue, &item);
}

bool site_wakes(struct site *s, kith_time now_us)
{
    if (!s->peer || peer_deadline(s->peer) - s->mono_offset_us <= now_us)
        return true;
    wake_later(s, now_us);
    return false;
}

static void trace_step(struct site *s, const struct event *event, kith_time now_us)
{
    struct site_world *w = s->w;
    w->steps++;
    uint64_t head[4] = {w->hash, (uint64_t)now_us, s->index, event->kind};
    w->hash = hash64(bytes_of(head, sizeof(head)));
    if (w->trace) {
        buf_printf(w->trace, "%lld.%06lld %s: ", (long long)(now_us / KITH_SEC),
                   (long long)(now_us % KITH_SEC), s->name);
        event_print(w->trace, event);
        buf_str(w->trace, "\n");
    }
}

/* The host is measured about once a second, as the shell does it: when the daemon is awake anyway. */
static void sample(struct site *s, kith_time now_us)
{
    struct event event = {.kind = EVENT_SAMPLE};
    uint32_t busy = (uint32_t)(now_us / KITH_SEC) * 7 + s->index * 13;
    s->sampled_us = now_us;
    event.sample = (struct event_sample){.cpu_permille = (uint16_t)(busy % 1000),
                                         .memory_permille = (uint16_t)(busy % 700)};
    site_event(s, &event, now_us);
    if (s->peer)
        measure_loads(s->w->measure, s->index, peer_loads(s->peer), peer_state(s->peer), now_us,
                      now_us + s->mono_offset_us);
}

void site_event(struct site *s, struct event *event, kith_time now_us)
{
    struct site_world *w = s->w;
    if (s->peer && event->kind == EVENT_TIME && now_us - s->sampled_us >= KITH_SEC)
        sample(s, now_us);
    if (!s->peer)
        return;
    event->now_us = now_us + s->mono_offset_us;
    event->wall_us = site_wall(s, now_us);
    effects_reset(&w->effects);
    trace_step(s, event, now_us);
    if (peer_step(s->peer, event, &w->effects) != 0)
        check_violation(w->check, s->index, now_us, "peer_step failed");
    check_step(w->check, s->index, now_us, &w->effects, peer_state(s->peer), peer_members(s->peer),
               s->disk);
    measure_step(w->measure, s->index, &w->effects, peer_members(s->peer), now_us);
    for (size_t i = 0; i < w->effects.count; i++) {
        trace_effect(w, &w->effects.items[i]);
        if (execute(s, &w->effects.items[i], now_us))
            return;
    }
    wake_later(s, now_us);
}

void site_frame(struct site *s, const struct net_arrival *a, struct bytes frame, kith_time now_us)
{
    static const enum door doors[] = {DOOR_PROBE, DOOR_BULK, DOOR_SUB};
    struct event event = {.kind = EVENT_FRAME};
    event.frame = (struct event_frame){
        .door = doors[a->role], .route = a->route, .from = a->uri, .frame = frame};
    if (!a->answer) {
        event.frame.key = s->w->sites[a->sender]->curve.public_key;
        event.frame.from = bytes_str(s->w->sites[a->sender]->host);
    }
    if (s->peer)
        measure_received(s->w->measure, s->index, frame, now_us);
    site_event(s, &event, now_us);
}

void site_request(struct site *s, uint64_t route, struct bytes frame, kith_time now_us)
{
    struct event event = {.kind = EVENT_FRAME};
    event.frame = (struct event_frame){.door = DOOR_LOCAL,
                                       .route = route | SITE_OPERATOR,
                                       .from = bytes_str("local"),
                                       .frame = frame};
    site_event(s, &event, now_us);
}

/* The addresses and seeds of a start event. */
struct start_lists {
    struct member_addr addrs[3 * NET_WAYS];
    struct bytes seeds[3];
};

static void make_start(struct site *s, struct event *ret, struct start_lists *lists)
{
    static const enum addr_role roles[] = {ADDR_ROLE_PROBE, ADDR_ROLE_PUB, ADDR_ROLE_BULK};
    struct site_world *w = s->w;
    uint32_t seeds_n = 0;
    for (size_t i = 0; i < 3 * (size_t)w->ways; i++)
        lists->addrs[i] = (struct member_addr){.role = roles[i % 3], .uri = bytes_str(s->uris[i])};
    for (uint32_t i = 0; i < w->sites_n && i < 3; i++)
        lists->seeds[seeds_n++] = bytes_str(w->sites[i]->uris[0]);
    *ret = (struct event){.kind = EVENT_START};
    ret->start = (struct event_start){
        .node = s->node,
        .boot = s->boot,
        .name = bytes_str(s->name),
        .host = bytes_str(s->host),
        .addrs = lists->addrs,
        .addrs_n = 3 * w->ways,
        .seeds = lists->seeds,
        .seeds_n = seeds_n,
        .capacity = {.cpu_millis = 64000, .memory_bytes = 64ull << 30, .disk_bytes = 1ull << 40},
        .port_low = 20000,
        .port_high = 20200,
        .sign_public = s->sign.public_key,
        .version = bytes_str("sim"),
        .tombstones_us = w->warm ? 0 : SITE_TOMBSTONES,
    };
    memcpy(ret->start.sign_secret, s->sign.secret, sizeof(ret->start.sign_secret));
    if (w->warm) {
        ret->start.insecure = true;
        ret->start.cluster = w->cluster;
    } else {
        ret->start.token = buf_bytes(&s->token);
    }
}

void site_foresee(struct site *s, struct buf *ret_key, struct buf *ret_value)
{
    struct event event;
    struct start_lists lists;
    struct effects effects = {0};
    struct peer *peer = peer_new(s->w->contents);
    ulid_next(&s->ulids, &s->boot, site_wall(s, 0), s->w->rng);
    make_start(s, &event, &lists);
    event.wall_us = site_wall(s, 0);
    struct event active = {.kind = EVENT_TIME, .wall_us = event.wall_us};
    if (peer_step(peer, &event, &effects) != 0 || peer_step(peer, &active, &effects) != 0)
        check_violation(s->w->check, s->index, 0, "peer_step failed");
    for (size_t i = 0; i < effects.count; i++) {
        const struct effect *e = &effects.items[i];
        for (uint32_t k = 0; e->kind == EFFECT_STORE && k < e->store.writes_n; k++) {
            const struct store_write *w = &e->store.writes[k];
            if (w->local || w->key.data[0] != TABLE_ID_MEMBER)
                continue;
            buf_append(ret_key, w->key.data, w->key.len);
            buf_append(ret_value, w->value.data, w->value.len);
        }
    }
    effects_deinit(&effects);
    peer_free(peer);
}

/* All but the own row, which the host is about to write as everybody has it. */
static void load_base(struct site *s, struct event_start *ret, struct arena *mem)
{
    const struct disk_base *base = s->w->base;
    struct bytes *records = arena_array(mem, base->count, sizeof(*records));
    for (size_t i = 0; i < base->count; i++) {
        struct bytes key = base->records[i].key;
        if (memcmp(key.data + key.len - sizeof(s->node.b), s->node.b, sizeof(s->node.b)) != 0)
            records[ret->records_n++] = base->records[i].value;
    }
    ret->records = records;
}

void site_boot(struct site *s, kith_time now_us)
{
    struct site_world *w = s->w;
    struct start_lists lists;
    struct event event;
    bool first = s->run == 0;
    assert(!s->peer);
    s->run++;
    s->mono_offset_us = rng_between(w->rng, 0, 1000) * KITH_SEC;
    s->wake_us = 0;
    s->peer = peer_new(w->contents);
    check_boot(w->check, s->index);
    uint64_t seed = rng_u64(w->rng);
    if (!w->warm || !first)
        ulid_next(&s->ulids, &s->boot, site_wall(s, now_us), w->rng);
    make_start(s, &event, &lists);
    event.start.seed = seed;
    arena_reset(&w->mem);
    if (w->warm && first)
        load_base(s, &event.start, &w->mem);
    else
        disk_load(s->disk, &event.start, &w->mem);
    if (w->warm) {
        disk_set_base(s->disk, w->base);
        execute_ring(s, now_us);
    }
    procs_found(s->procs, &event.start, &w->mem);
    measure_runs(w->measure, s->index, true, now_us);
    site_event(s, &event, now_us);
    measure_view(w->measure, s->index, peer_members(s->peer), now_us);
}

void site_kill(struct site *s, bool power, kith_time now_us)
{
    struct net_host *h = net_host(s->w->net, s->index);
    if (s->peer) {
        peer_free(s->peer);
        s->peer = NULL;
        s->run++;
        measure_runs(s->w->measure, s->index, false, now_us);
    }
    check_crash(s->w->check, s->index, disk_crash(s->disk, power));
    h->listens = false;
    net_drop_host(s->w->net, s->index, power, now_us);
    if (power) {
        procs_power_off(s->procs);
        h->power = false;
    }
    site_pause(s, false, now_us, 0);
}
