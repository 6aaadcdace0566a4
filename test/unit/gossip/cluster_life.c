#include "cluster_inside.h"

#include "base/mem.h"
#include "test.h"
#include "wire/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALL_AT_START (INT64_C(1790000000) * KITH_SEC)

kith_time cluster_wall(const struct cluster *c)
{
    return WALL_AT_START + c->now_us;
}

/* ---- life ---- */

static struct key32 draw_key(struct rng *rng)
{
    struct key32 k;
    rng_bytes(rng, k.b, sizeof(k.b));
    return k;
}

void cluster_token(struct cluster *c, struct buf *out, enum principal_kind kind, bool founder,
                   const struct sign_pair *issuer, kith_time expires_wall_us)
{
    struct token_request r = {
        .issuer = issuer,
        .cluster = c->cluster,
        .seed = draw_key(&c->rng),
        .kind = kind,
        .issued_ms = WALL_AT_START / KITH_MS,
        .expires_ms = expires_wall_us / KITH_MS,
        .ring_public = c->ring.public_key,
        .ring_secret = founder ? c->ring.secret : (struct key32){{0}},
    };
    rng_bytes(&c->rng, r.id.b, sizeof(r.id.b));
    token_make(out, &r);
}

void node_token_raw(struct cluster *c, size_t i, struct bytes token)
{
    buf_reset(&c->nodes[i]->token);
    buf_append(&c->nodes[i]->token, token.data, token.len);
}

void node_token(struct cluster *c, size_t i, bool founder, kith_time expires_wall_us)
{
    struct buf token = {0};
    cluster_token(c, &token, PRINCIPAL_KIND_NODE, founder, &c->issuer, expires_wall_us);
    node_token_raw(c, i, buf_bytes(&token));
    buf_deinit(&token);
}

void node_no_token(struct cluster *c, size_t i)
{
    buf_reset(&c->nodes[i]->token);
}

void node_seeds(struct cluster *c, size_t i, const char *seeds)
{
    snprintf(c->nodes[i]->seeds, sizeof(c->nodes[i]->seeds), "%s", seeds);
}

void node_tags(struct cluster *c, size_t i, const char *key, const char *value)
{
    c->nodes[i]->tag = (struct pair){.key = bytes_str(key), .value = bytes_str(value)};
}

static void draw_identity(struct cluster *c, struct node *n)
{
    struct key32 seed = draw_key(&c->rng);
    keys_sign_pair(&n->sign, &seed);
    keys_curve_pair(&n->curve, &n->sign);
    rng_bytes(&c->rng, n->id.b, sizeof(n->id.b));
}

struct cluster *cluster_new(size_t n)
{
    struct cluster *c = mem_alloc(sizeof(*c));
    c->now_us = 1000 * KITH_SEC;
    c->n = n;
    c->ways = 1;
    c->delay_us = 300;
    const char *seed = getenv("KITH_TEST_SEED");
    rng_seed(&c->rng, seed ? strtoull(seed, NULL, 10) : 7);
    struct key32 issuer = draw_key(&c->rng), person = draw_key(&c->rng), ring = draw_key(&c->rng);
    keys_sign_pair(&c->issuer, &issuer);
    keys_sign_pair(&c->operator_pair, &person);
    keys_curve_pair_from_secret(&c->ring, &ring);
    rng_bytes(&c->rng, c->cluster.b, sizeof(c->cluster.b));
    for (size_t i = 0; i < n; i++) {
        c->nodes[i] = mem_alloc(sizeof(struct node));
        draw_identity(c, c->nodes[i]);
        node_seeds(c, i, "0 1 2");
        node_token(c, i, /* founder= */ i == 0, cluster_wall(c) + KITH_HOUR);
    }
    return c;
}

static void stop(struct node *n)
{
    if (!n->up)
        return;
    n->up = n->bound = n->paused = false;
    gossip_free(n->gossip);
    sync_free(n->sync);
    members_free(n->members);
    state_free(n->state);
    journal_free(n->journal);
    loads_free(n->loads);
    effects_deinit(&n->held);
    effects_deinit(&n->batches);
    n->held = n->batches = (struct effects){0};
}

void cluster_free(struct cluster *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct node *n = c->nodes[i];
        stop(n);
        disk_free(&n->disk);
        buf_deinit(&n->token);
        buf_deinit(&n->answer);
        buf_deinit(&n->delivered);
        for (size_t k = 0; k < n->lines_n; k++)
            mem_free(n->lines[k]);
        mem_free(n);
    }
    for (size_t k = 0; k < c->flights_n; k++)
        flight_free(&c->flights[k]);
    mem_free(c->flights);
    mem_free(c);
}

/* The stored rows as a start event lists them; the incarnation as src/peer raises it. */
static void load_disk(struct node *n, struct event_start *s, struct arena *mem, uint64_t *ret_last)
{
    struct bytes *records = arena_array(mem, n->disk.n + 1, sizeof(*records));
    struct local_row *locals = arena_array(mem, n->disk.n + 1, sizeof(*locals));
    for (size_t i = 0; i < n->disk.n; i++) {
        struct bytes value = buf_bytes(&n->disk.rows[i].value);
        struct bytes key = buf_bytes(&n->disk.rows[i].key);
        if (value.len == 0)
            continue;
        if (!n->disk.rows[i].local) {
            records[s->records_n++] = value;
            continue;
        }
        if (bytes_equal_str(key, "node/incarnation"))
            memcpy(ret_last, value.data, sizeof(*ret_last));
        locals[s->locals_n++] = (struct local_row){.name = key, .value = value};
    }
    s->records = records;
    s->locals = locals;
}

static void new_machine(struct cluster *c, struct node *n, const struct event_start *s,
                        uint64_t incarnation)
{
    struct state_config config = {.cluster = s->cluster, .self = n->id, .incarnation = incarnation};
    n->state = state_new(&config);
    n->members = members_new();
    n->sync = sync_new(n->members);
    n->gossip = gossip_new(n->members, n->sync);
    n->journal = journal_new();
    n->loads = loads_new();
    n->post = (struct post){.cluster = s->cluster, .self = n->id, .boot = n->boot};
    n->stored = 0;
    rng_seed(&n->rng, s->seed);
    memset(n->subscribed, 0, sizeof(n->subscribed));
    memset(n->connected, 0, sizeof(n->connected));
    memset(n->admitted, 0, sizeof(n->admitted));
    memset(n->last_us, 0, sizeof(n->last_us));
    state_clock(n->state, cluster_wall(c));
    for (size_t i = 0; i < s->records_n; i++)
        assert_int_equal(state_load(n->state, s->records[i]), 0);
    static const enum table_id tables[] = {TABLE_ID_MEMBER, TABLE_ID_VERDICT};
    for (size_t i = 0; i < 2; i++) {
        struct member before;
        const struct row *row = state_first(n->state, tables[i], (struct bytes){0});
        for (; row; row = state_next(n->state, row, (struct bytes){0}))
            members_changed(n->members, row, cluster_wall(c), &before);
    }
    state_put_local(n->state, bytes_str("node/incarnation"),
                    bytes_of(&incarnation, sizeof(incarnation)));
}

void node_start(struct cluster *c, size_t i)
{
    struct node *n = c->nodes[i];
    struct arena mem = {0};
    struct member_addr addrs[3 * CLUSTER_WAYS];
    uint32_t addrs_n = 0;
    static const enum addr_role roles[] = {ADDR_ROLE_PROBE, ADDR_ROLE_BULK, ADDR_ROLE_PUB};
    char uris[3 * CLUSTER_WAYS][64], name[16];
    for (size_t way = 0; way < c->ways; way++) {
        for (int k = 0; k < 3; k++, addrs_n++) {
            net_uri(uris[addrs_n], i, (enum door)k, way);
            addrs[addrs_n] =
                (struct member_addr){.role = roles[k], .uri = bytes_str(uris[addrs_n])};
        }
    }
    struct bytes *seeds = arena_array(&mem, CLUSTER_MAX, sizeof(*seeds));
    uint32_t seeds_n = 0;
    for (char *at = n->seeds, *end; strtoul(at, &end, 10), end != at; at = end) {
        char *uri = arena_alloc(&mem, 64);
        net_uri(uri, strtoul(at, NULL, 10), DOOR_PROBE, /* way= */ 0);
        seeds[seeds_n++] = bytes_str(uri);
    }
    snprintf(name, sizeof(name), "n%zu", i);
    n->up = true;
    n->life++;
    n->bound = c->insecure;
    ulid_next(&n->ulids, &n->boot, cluster_wall(c), &c->rng);
    struct event event = {.kind = EVENT_START};
    struct event_start *s = &event.start;
    *s = (struct event_start){.seed = rng_u64(&c->rng),
                              .node = n->id,
                              .boot = n->boot,
                              .name = bytes_str(name),
                              .host = bytes_str("127.0.0.1"),
                              .addrs = addrs,
                              .addrs_n = addrs_n,
                              .seeds = seeds,
                              .seeds_n = seeds_n,
                              .tags = &n->tag,
                              .tags_n = n->tag.key.len > 0,
                              .wan = c->wan,
                              .insecure = c->insecure,
                              .sign_public = n->sign.public_key};
    memcpy(s->sign_secret, n->sign.secret, sizeof(s->sign_secret));
    if (!c->insecure)
        s->token = buf_bytes(&n->token);
    uint64_t last = 0;
    load_disk(n, s, &mem, &last);
    new_machine(c, n, s, last + 1);
    node_step(c, i, &event);
    if (n->up && n->deadline_us == 0) /* it is a member already, and becomes active at once */
        node_step(c, i, &(struct event){.kind = EVENT_TIME});
    for (size_t k = 0; k < c->n; k++) {
        if (c->nodes[k]->up && c->nodes[k]->connected[i])
            net_link(c, k, i, /* way= */ 0, true, 50 * KITH_MS);
    }
    arena_deinit(&mem);
}

void cluster_start_all(struct cluster *c)
{
    for (size_t i = 0; i < c->n; i++)
        node_start(c, i);
}

void node_vanish(struct cluster *c, size_t i)
{
    stop(c->nodes[i]);
}

void node_kill(struct cluster *c, size_t i)
{
    for (size_t k = 0; k < c->n; k++) {
        if (k != i && c->nodes[k]->up && c->nodes[k]->connected[i])
            net_link(c, k, i, /* way= */ 0, false, c->delay_us);
    }
    stop(c->nodes[i]);
}

void node_pause(struct cluster *c, size_t i)
{
    c->nodes[i]->paused = true;
}

void node_resume(struct cluster *c, size_t i)
{
    c->nodes[i]->paused = false;
}

void node_leave(struct cluster *c, size_t i)
{
    struct event event = {.kind = EVENT_STOP, .leave = true};
    node_step(c, i, &event);
}

void node_write(struct cluster *c, size_t i, const char *service)
{
    struct ulid *id = &c->nodes[i]->write;
    memcpy(id->b, service, strlen(service) < sizeof(id->b) ? strlen(service) : sizeof(id->b));
    node_step(c, i, &(struct event){.kind = EVENT_TIME});
}

void node_clone(struct cluster *c, size_t i, size_t copy)
{
    struct node *from = c->nodes[i], *to = c->nodes[copy];
    disk_free(&to->disk);
    for (size_t k = 0; k < from->disk.n; k++) {
        const struct stored *s = &from->disk.rows[k];
        disk_write(&to->disk, &(struct store_write){.local = s->local,
                                                    .key = buf_bytes(&s->key),
                                                    .value = buf_bytes(&s->value)});
    }
    to->id = from->id;
    to->sign = from->sign;
    to->curve = from->curve;
    node_start(c, copy);
}

void node_wipe(struct cluster *c, size_t i)
{
    disk_free(&c->nodes[i]->disk);
    draw_identity(c, c->nodes[i]);
}

void cluster_cut(struct cluster *c, size_t from, size_t to, bool cut)
{
    c->cut[from][to] = c->cut[to][from] = cut;
}

void cluster_split(struct cluster *c, size_t first, bool cut)
{
    for (size_t i = 0; i < first; i++) {
        for (size_t k = first; k < c->n; k++)
            cluster_cut(c, i, k, cut);
    }
}
