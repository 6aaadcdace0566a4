#include "cluster.h"

#include "base/mem.h"
#include "state/journal.h"
#include "state/loads.h"
#include "test.h"
#include "wire/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALL_AT_START (INT64_C(1790000000) * KITH_SEC)
#define STORE_TAKES   KITH_MS
#define RETRANSMIT    (200 * KITH_MS)
#define LINES_MAX     4096
#define DOORS         3

struct stored {
    struct buf key, value;
    bool local;
};

struct disk {
    struct stored *rows;
    size_t n;
};

enum flight_kind { FLIGHT_FRAME, FLIGHT_STORED, FLIGHT_LINK };

struct flight {
    kith_time at_us;
    uint64_t order;
    enum flight_kind kind;
    size_t to;
    uint64_t life; /* of the node it was meant for; 0: any */
    size_t from;   /* of a frame */
    enum door door;
    uint64_t route;
    struct key32 key;
    struct buf uri, frame;
    uint64_t token;
    bool up;
};

struct node {
    bool up, paused, bound;
    uint64_t life; /* starts, counted */
    struct ulid id, boot;
    struct sign_pair sign;
    struct curve_pair curve;
    struct buf token;
    char seeds[64];
    struct pair tag;
    struct disk disk;
    struct effects batches; /* on their way to the disk */
    struct gossip *gossip;
    struct sync *sync;
    struct members *members;
    struct state *state;
    struct journal *journal;
    struct loads *loads;
    struct post post;
    struct rng rng;
    struct ulid_source ulids;
    uint64_t stored;
    kith_time deadline_us;
    uint64_t wakes;      /* for a deadline */
    struct effects held; /* effects that wait */
    bool subscribed[CLUSTER_MAX], connected[CLUSTER_MAX], admitted[CLUSTER_MAX];
    /* Arrival of the last frame to each, by connection: TCP keeps the order. Answers go the other way on
     * a connection that the other made. */
    kith_time last_us[DOORS][2][CLUSTER_MAX];
    size_t subscribed_way[CLUSTER_MAX];
    struct ulid write; /* the service whose count the next step writes; zero: none */
    char *lines[LINES_MAX];
    size_t lines_n;
    struct buf answer;
    size_t answers;
    struct buf delivered; /* messages for subscribers: lines TOPIC=PAYLOAD */
    size_t delivered_n;
    uint64_t delivered_dropped;
    bool topic_sent[CLUSTER_MAX]; /* topic frames went to these */
};

static void step(struct cluster *c, size_t i, struct event *event);

kith_time cluster_wall(const struct cluster *c)
{
    return WALL_AT_START + c->now_us;
}

/* ---- flights ---- */

static bool earlier(const struct flight *a, const struct flight *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void fly(struct cluster *c, struct flight f)
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

static struct flight land(struct cluster *c)
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

static void flight_free(struct flight *f)
{
    buf_deinit(&f->uri);
    buf_deinit(&f->frame);
}

/* ---- the network ---- */

static const int ports[] = {[DOOR_PROBE] = 5484, [DOOR_BULK] = 5488, [DOOR_SUB] = 5485};

static const char *const schemes[CLUSTER_WAYS] = {"tcp", "ws", "ipc"};

static void uri_of(char ret[64], size_t i, enum door door, size_t way)
{
    snprintf(ret, 64, "%s://127.0.0.%zu:%d", schemes[way], i + 1, ports[door]);
}

static bool parse_uri(const struct cluster *c, struct bytes uri, size_t *ret_i, enum door *ret_door,
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

static void send_frame(struct cluster *c, size_t from, size_t to, enum door door, uint64_t route,
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
    fly(c, f);
}

static void link_event(struct cluster *c, size_t to, size_t about, size_t way, bool up,
                       kith_time in_us)
{
    char uri[64];
    struct flight f = {.kind = FLIGHT_LINK,
                       .to = to,
                       .at_us = c->now_us + in_us,
                       .up = up,
                       .life = c->nodes[to]->life};
    uri_of(uri, about, DOOR_PROBE, way);
    buf_str(&f.uri, uri);
    fly(c, f);
}

static void publish(struct cluster *c, size_t from, struct bytes frame)
{
    char uri[64];
    for (size_t i = 0; i < c->n; i++) {
        struct node *n = c->nodes[i];
        size_t way = n->subscribed_way[from];
        uri_of(uri, from, DOOR_SUB, way);
        if (n->up && n->subscribed[from] && !c->way_cut[from][way] &&
            (c->insecure || c->nodes[from]->admitted[i]))
            send_frame(c, from, i, DOOR_SUB, 0, uri, frame);
    }
}

/* ---- effects ---- */

static void write_disk(struct disk *d, const struct store_write *w)
{
    struct stored *s = NULL;
    for (size_t i = 0; i < d->n && !s; i++) {
        if (d->rows[i].local == w->local && bytes_equal(buf_bytes(&d->rows[i].key), w->key))
            s = &d->rows[i];
    }
    if (!s) {
        d->rows = mem_grow(d->rows, d->n + 1, sizeof(*d->rows));
        s = &d->rows[d->n++];
        *s = (struct stored){.local = w->local};
        buf_append(&s->key, w->key.data, w->key.len);
    }
    buf_reset(&s->value);
    buf_append(&s->value, w->value.data, w->value.len);
}

static void disk_free(struct disk *d)
{
    for (size_t i = 0; i < d->n; i++) {
        buf_deinit(&d->rows[i].key);
        buf_deinit(&d->rows[i].value);
    }
    mem_free(d->rows);
    *d = (struct disk){0};
}

static void admit_effect(struct cluster *c, struct node *n, const struct effect_admit *e)
{
    for (size_t i = 0; i < c->n; i++) {
        if (keys_equal(&c->nodes[i]->curve.public_key, &e->key))
            n->admitted[i] = e->on;
    }
}

static void log_effect(struct cluster *c, size_t i, const struct effect_log *log)
{
    struct node *n = c->nodes[i];
    if (n->lines_n < LINES_MAX)
        n->lines[n->lines_n++] = bytes_to_str(log->text);
    if (getenv("KITH_TEST_LOG"))
        fprintf(stderr, "%9.3f %zu " BYTES_FMT "\n", (double)c->now_us / 1e6, i,
                BYTES_ARG(log->text));
}

/* What comes unasked: messages for a subscriber. False: it is an answer. */
static bool delivery_effect(struct node *n, struct bytes bytes)
{
    struct frame frame;
    struct wire_error err;
    struct delivery d;
    struct arena mem = {0};
    if (frame_unpack(&frame, bytes, &n->post.cluster, &err) != 0 ||
        frame.envelope.kind != WIRE_DELIVERY)
        return false;
    assert_int_equal(delivery_decode(&d, frame.payload, &mem, &err), 0);
    for (uint32_t i = 0; i < d.messages_n; i++) {
        buf_append(&n->delivered, d.messages[i].topic.data, d.messages[i].topic.len);
        buf_byte(&n->delivered, '=');
        buf_append(&n->delivered, d.messages[i].payload.data, d.messages[i].payload.len);
        buf_byte(&n->delivered, '\n');
    }
    n->delivered_n += d.messages_n;
    n->delivered_dropped = d.dropped;
    arena_deinit(&mem);
    return true;
}

static void reply_effect(struct cluster *c, size_t i, const struct effect_reply *e)
{
    struct node *n = c->nodes[i];
    size_t to = (e->route >> 8) & 0xff, way = (e->route >> 16) - 1;
    enum door door = (enum door)(e->route & 0xff);
    char uri[64];
    if (e->route >> 16 == 0 && delivery_effect(n, e->frame))
        return;
    if (e->route >> 16 == 0) { /* of a stranger, or the ipc socket */
        n->answers++;
        buf_reset(&n->answer);
        buf_append(&n->answer, e->frame.data, e->frame.len);
        return;
    }
    uri_of(uri, i, door, way);
    if (!c->way_cut[i][way])
        send_frame(c, i, to, door, /* route= */ 0, uri, e->frame);
}

static void do_effect(struct cluster *c, size_t i, const struct effect *e)
{
    struct node *n = c->nodes[i];
    size_t to, way;
    enum door door;
    switch (e->kind) {
    case EFFECT_SEND:
        if (parse_uri(c, e->send.uri, &to, &door, &way) && door != DOOR_SUB &&
            c->nodes[to]->bound && !c->way_cut[to][way]) {
            n->connected[to] = true;
            uint64_t route = (uint64_t)(1 + way) << 16 | (uint64_t)i << 8 | (uint64_t)door;
            char from[64];
            snprintf(from, sizeof(from), "127.0.0.%zu", i + 1);
            n->topic_sent[to] = n->topic_sent[to] || e->send.lane == WIRE_LANE_TOPIC;
            send_frame(c, i, to, door, route, from, e->send.frame);
        }
        break;
    case EFFECT_REPLY:
        reply_effect(c, i, &e->reply);
        break;
    case EFFECT_PUBLISH:
        publish(c, i, e->publish);
        break;
    case EFFECT_SUBSCRIBE:
        if (!parse_uri(c, e->subscribe.uri, &to, &door, &way))
            break;
        if (e->subscribe.on || n->subscribed_way[to] == way)
            n->subscribed[to] = e->subscribe.on;
        if (e->subscribe.on)
            n->subscribed_way[to] = way;
        break;
    case EFFECT_RING:
        n->bound = n->bound || !key32_is_zero(&e->ring.ring_secret);
        break;
    case EFFECT_ADMIT:
        admit_effect(c, n, &e->admit);
        break;
    case EFFECT_EXPORT:
    case EFFECT_LOG:
        log_effect(c, i, &e->log);
        break;
    default:
        break;
    }
}

/* What is due happens; what waits is held; a batch goes to the disk. */
static bool do_effects(struct cluster *c, size_t i, const struct effects *out)
{
    struct node *n = c->nodes[i];
    bool exits = false;
    for (size_t k = 0; k < out->count; k++) {
        const struct effect *e = &out->items[k];
        if (e->kind == EFFECT_EXIT) {
            exits = true;
        } else if (e->kind == EFFECT_STORE) {
            effects_add(&n->batches, e);
            fly(c, (struct flight){.kind = FLIGHT_STORED,
                                   .to = i,
                                   .life = n->life,
                                   .at_us = c->now_us + STORE_TAKES,
                                   .token = e->store.token});
        } else if (e->wait > n->stored) {
            effects_add(&n->held, e);
        } else {
            do_effect(c, i, e);
        }
    }
    return exits;
}

static void stored(struct cluster *c, size_t i, uint64_t token)
{
    struct node *n = c->nodes[i];
    struct effects keep = {0};
    n->stored = token;
    for (size_t k = 0; k < n->batches.count; k++) {
        const struct effect_store *s = &n->batches.items[k].store;
        for (uint32_t w = 0; s->token == token && w < s->writes_n; w++)
            write_disk(&n->disk, &s->writes[w]);
    }
    for (size_t k = 0; k < n->held.count; k++) {
        if (n->held.items[k].wait <= token)
            do_effect(c, i, &n->held.items[k]);
        else
            effects_add(&keep, &n->held.items[k]);
    }
    effects_deinit(&n->held);
    n->held = keep;
}

/* ---- one step, as src/peer does it ---- */

static void settle(struct node *n, struct turn *t)
{
    const struct row *const *rows;
    size_t count;
    struct arena mem = {0};
    int rounds = 0;
    while ((count = state_take_changes(n->state, &rows)) > 0) {
        assert_true(rounds++ < 64);
        const struct row **mine = arena_array(&mem, count, sizeof(struct row *));
        for (size_t k = 0; k < count; k++)
            mine[k] = rows[k];
        for (size_t k = 0; k < count; k++) {
            struct member before;
            bool moved = members_changed(n->members, mine[k], t->wall_us, &before);
            gossip_changed(n->gossip, t, mine[k], moved ? &before : NULL);
        }
    }
    arena_deinit(&mem);
}

static void frame_event(struct node *n, struct turn *t, const struct event_frame *e)
{
    struct frame frame;
    struct wire_error err;
    if (frame_unpack(&frame, e->frame, &n->post.cluster, &err) != 0) {
        gossip_garbage(n->gossip, t, e, err.why);
        return;
    }
    struct incoming in = {.envelope = &frame.envelope,
                          .payload = frame.payload,
                          .door = e->door,
                          .route = e->route,
                          .from = e->from};
    if (gossip_identify(n->gossip, t, e, &frame.envelope, &in.who) &&
        !gossip_receive(n->gossip, t, &in))
        sync_receive(n->sync, t, &in);
}

static void write_count(struct node *n, struct turn *t)
{
    struct count_row count = {.count = 3};
    struct buf value = {0};
    if (ulid_is_zero(&n->write))
        return;
    count_row_encode(&value, &count);
    assert_int_equal(
        state_put(t->state, TABLE_ID_COUNT, ulid_bytes(&n->write), buf_bytes(&value), 0, 0), 0);
    n->write = (struct ulid){{0}};
    buf_deinit(&value);
}

static void step(struct cluster *c, size_t i, struct event *event)
{
    struct node *n = c->nodes[i];
    struct effects out = {0};
    event->now_us = c->now_us;
    event->wall_us = cluster_wall(c);
    struct turn t = {.now_us = event->now_us,
                     .wall_us = event->wall_us,
                     .rng = &n->rng,
                     .ulids = &n->ulids,
                     .state = n->state,
                     .journal = n->journal,
                     .loads = n->loads,
                     .out = &out,
                     .post = &n->post};
    state_clock(n->state, event->wall_us);
    if (event->kind == EVENT_START)
        gossip_start(n->gossip, &t, &event->start);
    else if (event->kind == EVENT_FRAME)
        frame_event(n, &t, &event->frame);
    else if (event->kind == EVENT_LINK)
        gossip_link(n->gossip, &t, &event->link);
    else if (event->kind == EVENT_STOP)
        gossip_leave(n->gossip, &t);
    else if (event->kind == EVENT_SAMPLE)
        gossip_sample(n->gossip, &t, &event->sample);
    else if (event->kind == EVENT_CHECKED)
        gossip_checked(n->gossip, &t, &event->checked);
    else {
        gossip_time(n->gossip, &t);
        sync_time(n->sync, &t);
    }
    write_count(n, &t);
    settle(n, &t);
    struct buf rows = {0};
    uint64_t before = effects_wait(&out, state_token(n->state));
    while (state_take_push(n->state, &rows)) {
        gossip_broadcast(n->gossip, &t, buf_bytes(&rows));
        buf_reset(&rows);
    }
    effects_wait(&out, before);
    buf_deinit(&rows);
    state_take_batch(n->state, &out);
    n->deadline_us = kith_time_min(gossip_deadline(n->gossip), sync_deadline(n->sync));
    bool exits = do_effects(c, i, &out);
    effects_deinit(&out);
    if (exits)
        node_kill(c, i);
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
            uri_of(uris[addrs_n], i, (enum door)k, way);
            addrs[addrs_n] =
                (struct member_addr){.role = roles[k], .uri = bytes_str(uris[addrs_n])};
        }
    }
    struct bytes *seeds = arena_array(&mem, CLUSTER_MAX, sizeof(*seeds));
    uint32_t seeds_n = 0;
    for (char *at = n->seeds, *end; strtoul(at, &end, 10), end != at; at = end) {
        char *uri = arena_alloc(&mem, 64);
        uri_of(uri, strtoul(at, NULL, 10), DOOR_PROBE, /* way= */ 0);
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
    step(c, i, &event);
    for (size_t k = 0; k < c->n; k++) {
        if (c->nodes[k]->up && c->nodes[k]->connected[i])
            link_event(c, k, i, /* way= */ 0, true, 50 * KITH_MS);
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
            link_event(c, k, i, /* way= */ 0, false, c->delay_us);
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
    step(c, i, &event);
}

void node_write(struct cluster *c, size_t i, const char *service)
{
    struct ulid *id = &c->nodes[i]->write;
    memcpy(id->b, service, strlen(service) < sizeof(id->b) ? strlen(service) : sizeof(id->b));
    step(c, i, &(struct event){.kind = EVENT_TIME});
}

void node_clone(struct cluster *c, size_t i, size_t copy)
{
    struct node *from = c->nodes[i], *to = c->nodes[copy];
    disk_free(&to->disk);
    for (size_t k = 0; k < from->disk.n; k++) {
        const struct stored *s = &from->disk.rows[k];
        write_disk(&to->disk, &(struct store_write){.local = s->local,
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

/* ---- time ---- */

static void arrive(struct cluster *c, struct flight *f)
{
    struct node *n = c->nodes[f->to];
    struct event event = {0};
    if (!n->up || (f->life != 0 && f->life != n->life)) {
        flight_free(f);
        return;
    }
    bool held = f->kind == FLIGHT_FRAME && c->cut[f->from][f->to];
    if (held || n->paused) {
        f->at_us = c->now_us + 50 * KITH_MS; /* it is there when the cut or the pause ends */
        fly(c, *f);
        return;
    }
    if (f->kind == FLIGHT_STORED) {
        stored(c, f->to, f->token);
    } else if (f->kind == FLIGHT_LINK) {
        event.kind = EVENT_LINK;
        event.link = (struct event_link){.uri = buf_bytes(&f->uri), .up = f->up};
        step(c, f->to, &event);
    } else {
        event.kind = EVENT_FRAME;
        event.frame = (struct event_frame){.door = f->door,
                                           .route = f->route,
                                           .key = f->key,
                                           .from = buf_bytes(&f->uri),
                                           .frame = buf_bytes(&f->frame)};
        step(c, f->to, &event);
    }
    flight_free(f);
}

static kith_time deadline(const struct node *n)
{
    return n->up && !n->paused ? n->deadline_us : KITH_NEVER;
}

/* The next thing that happens, if it does before `until`. */
static bool advance(struct cluster *c, kith_time until)
{
    kith_time at = c->flights_n > 0 ? c->flights[0].at_us : KITH_NEVER;
    size_t who = c->n;
    for (size_t i = 0; i < c->n; i++) {
        kith_time d = deadline(c->nodes[i]);
        if (d < at) {
            at = d;
            who = i;
        }
    }
    if (at > until) {
        c->now_us = until;
        return false;
    }
    if (at > c->now_us)
        c->now_us = at;
    if (who < c->n) {
        c->nodes[who]->wakes++;
        step(c, who, &(struct event){.kind = EVENT_TIME});
    } else {
        struct flight f = land(c);
        arrive(c, &f);
    }
    return true;
}

void cluster_run(struct cluster *c, kith_time for_us)
{
    kith_time until = c->now_us + for_us;
    while (advance(c, until))
        continue;
}

/* ---- what they see ---- */

uint64_t node_wakes(const struct cluster *c, size_t i)
{
    return c->nodes[i]->wakes;
}

bool node_runs(const struct cluster *c, size_t i)
{
    return c->nodes[i]->up;
}

const struct member *node_member(struct cluster *c, size_t by, size_t i)
{
    return members_get(c->nodes[by]->members, &c->nodes[i]->id);
}

enum member_state node_sees(struct cluster *c, size_t by, size_t i)
{
    const struct member *m = node_member(c, by, i);
    return m ? m->state : MEMBER_STATE_UNKNOWN;
}

static bool agreed(struct cluster *c)
{
    size_t up = 0;
    for (size_t i = 0; i < c->n; i++)
        up += c->nodes[i]->up;
    for (size_t i = 0; i < c->n; i++) {
        if (!c->nodes[i]->up)
            continue;
        if (members_alive(c->nodes[i]->members) != up)
            return false;
        for (size_t k = 0; k < c->n; k++) {
            if (c->nodes[k]->up && node_sees(c, i, k) != MEMBER_STATE_ALIVE)
                return false;
        }
    }
    return true;
}

bool cluster_agrees(struct cluster *c, kith_time within_us)
{
    kith_time until = c->now_us + within_us;
    while (!agreed(c)) {
        if (!advance(c, until))
            return agreed(c);
    }
    return true;
}

static bool all_see(struct cluster *c, size_t i, enum member_state state)
{
    for (size_t k = 0; k < c->n; k++) {
        if (k != i && c->nodes[k]->up && node_sees(c, k, i) != state)
            return false;
    }
    return true;
}

kith_time cluster_sees(struct cluster *c, size_t i, enum member_state state, kith_time within_us)
{
    kith_time from = c->now_us;
    while (!all_see(c, i, state)) {
        if (!advance(c, from + within_us))
            return -1;
    }
    return c->now_us - from;
}

static bool same(struct cluster *c)
{
    uint64_t digest = 0;
    bool first = true;
    for (size_t i = 0; i < c->n; i++) {
        if (!c->nodes[i]->up)
            continue;
        uint64_t d = state_digest(c->nodes[i]->state);
        if (!first && d != digest)
            return false;
        digest = d;
        first = false;
    }
    return true;
}

bool cluster_same_tables(struct cluster *c, kith_time within_us)
{
    kith_time until = c->now_us + within_us;
    while (!same(c)) {
        if (!advance(c, until))
            return same(c);
    }
    return true;
}

uint64_t node_incarnation(const struct cluster *c, size_t i)
{
    return state_incarnation(c->nodes[i]->state);
}

int64_t node_count(const struct cluster *c, size_t i, const char *counter)
{
    struct arena mem = {0};
    struct info info = {0};
    int64_t value = -1;
    gossip_counters(c->nodes[i]->gossip, &info, &mem);
    for (uint32_t k = 0; k < info.counters_n; k++) {
        struct bytes name = info.counters[k].name;
        if (bytes_equal_str(name, counter) ||
            (name.len > 7 && bytes_equal_str(bytes_of(name.data + 7, name.len - 7), counter)))
            value = info.counters[k].value;
    }
    arena_deinit(&mem);
    assert_true(value >= 0); /* there is such a counter */
    return value;
}

uint64_t cluster_count(const struct cluster *c, const char *counter)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (c->nodes[i]->up)
            sum += (uint64_t)node_count(c, i, counter);
    }
    return sum;
}

size_t node_logged(const struct cluster *c, size_t i, const char *part)
{
    size_t n = 0;
    for (size_t k = 0; k < c->nodes[i]->lines_n; k++)
        n += strstr(c->nodes[i]->lines[k], part) != NULL;
    return n;
}

struct ulid node_id(const struct cluster *c, size_t i)
{
    return c->nodes[i]->id;
}

struct state *node_state(const struct cluster *c, size_t i)
{
    return c->nodes[i]->state;
}

void node_way(struct cluster *c, size_t i, size_t way, bool open)
{
    c->way_cut[i][way] = !open;
}

size_t node_uses(struct cluster *c, size_t by, size_t i)
{
    return node_member(c, by, i)->way;
}

size_t node_subscriptions(const struct cluster *c, size_t i)
{
    size_t n = 0;
    for (size_t k = 0; k < c->n; k++)
        n += c->nodes[i]->subscribed[k];
    return n;
}

const char *node_delivered(struct cluster *c, size_t i)
{
    return buf_cstr(&c->nodes[i]->delivered);
}

size_t node_delivered_n(const struct cluster *c, size_t i, uint64_t *ret_dropped)
{
    if (ret_dropped)
        *ret_dropped = c->nodes[i]->delivered_dropped;
    return c->nodes[i]->delivered_n;
}

void node_delivered_reset(struct cluster *c, size_t i)
{
    buf_reset(&c->nodes[i]->delivered);
    c->nodes[i]->delivered_n = 0;
}

size_t node_topic_links(const struct cluster *c, size_t i)
{
    size_t n = 0;
    for (size_t k = 0; k < c->n; k++)
        n += c->nodes[i]->topic_sent[k];
    return n;
}

void node_sample(struct cluster *c, size_t i, uint16_t cpu_permille, uint16_t memory_permille)
{
    struct event event = {.kind = EVENT_SAMPLE};
    event.sample = (struct event_sample){cpu_permille, memory_permille};
    if (c->nodes[i]->up && !c->nodes[i]->paused)
        step(c, i, &event);
}

void node_checked(struct cluster *c, size_t i, const struct ulid *instance, kith_time took_us)
{
    struct event event = {.kind = EVENT_CHECKED};
    event.checked = (struct event_checked){.instance = *instance, .ok = true, .took_us = took_us};
    step(c, i, &event);
}

const struct loads *node_loads(const struct cluster *c, size_t i)
{
    return c->nodes[i]->loads;
}

/* ---- strangers and people ---- */

size_t node_frame(struct cluster *c, size_t i, const struct stranger *who, enum wire_kind kind,
                  struct bytes payload)
{
    struct node *n = c->nodes[i];
    struct buf frame = {0};
    struct envelope e = {
        .format = FRAME_FORMAT,
        .cluster = ulid_is_zero(&who->cluster) ? n->post.cluster : who->cluster,
        .sender = who->id,
        .boot = who->boot,
        .proto_min = FRAME_PROTO_MIN,
        .proto_max = FRAME_PROTO_MAX,
        .lane = frame_kind(kind)->lane,
        .kind = (uint16_t)kind,
        .seq = 1,
        .correlation = 99,
    };
    frame_pack(&frame, &e, payload);
    struct event event = {.kind = EVENT_FRAME};
    event.frame = (struct event_frame){.door = who->door,
                                       .route = who->route,
                                       .from = bytes_str(who->from),
                                       .frame = buf_bytes(&frame)};
    if (who->key)
        event.frame.key = *who->key;
    n->answers = 0;
    step(c, i, &event);
    cluster_run(c, 3 * STORE_TAKES);
    buf_deinit(&frame);
    return n->answers;
}

void node_garbage(struct cluster *c, size_t i, const char *from)
{
    struct event event = {.kind = EVENT_FRAME};
    event.frame = (struct event_frame){
        .route = 1, .from = bytes_str(from), .frame = bytes_str("GET / HTTP/1.1")};
    step(c, i, &event);
}

enum wire_kind node_answer(struct cluster *c, size_t i, struct bytes *ret_payload)
{
    struct frame frame;
    struct wire_error err;
    assert_int_equal(frame_unpack(&frame, buf_bytes(&c->nodes[i]->answer), &c->cluster, &err) &
                         ~FRAME_CLUSTER,
                     0);
    *ret_payload = frame.payload;
    return (enum wire_kind)frame.envelope.kind;
}

struct bytes node_ask(struct cluster *c, size_t i, enum wire_kind kind, struct bytes payload,
                      enum wire_kind *ret_kind)
{
    struct bytes answer;
    struct stranger local = {.id = {"kith"}, .boot = {"kith"}, .door = DOOR_LOCAL, .route = 1};
    local.from = "ipc";
    assert_int_equal(node_frame(c, i, &local, kind, payload), 1);
    *ret_kind = node_answer(c, i, &answer);
    return answer;
}
