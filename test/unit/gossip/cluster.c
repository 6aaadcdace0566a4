#include "cluster_inside.h"

#include "base/mem.h"
#include "test.h"
#include "wire/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- effects ---- */

void disk_write(struct disk *d, const struct store_write *w)
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

void disk_free(struct disk *d)
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
    net_uri(uri, i, door, way);
    if (!c->way_cut[i][way])
        net_send(c, i, to, door, /* route= */ 0, uri, e->frame);
}

static void do_effect(struct cluster *c, size_t i, const struct effect *e)
{
    struct node *n = c->nodes[i];
    size_t to, way;
    enum door door;
    switch (e->kind) {
    case EFFECT_SEND:
        if (net_parse_uri(c, e->send.uri, &to, &door, &way) && door != DOOR_SUB &&
            c->nodes[to]->bound && !c->way_cut[to][way]) {
            n->connected[to] = true;
            uint64_t route = (uint64_t)(1 + way) << 16 | (uint64_t)i << 8 | (uint64_t)door;
            char from[64];
            snprintf(from, sizeof(from), "127.0.0.%zu", i + 1);
            n->topic_sent[to] = n->topic_sent[to] || e->send.lane == WIRE_LANE_TOPIC;
            net_send(c, i, to, door, route, from, e->send.frame);
        }
        break;
    case EFFECT_REPLY:
        reply_effect(c, i, &e->reply);
        break;
    case EFFECT_PUBLISH:
        net_publish(c, i, e->publish);
        break;
    case EFFECT_SUBSCRIBE:
        if (!net_parse_uri(c, e->subscribe.uri, &to, &door, &way))
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
            flight_add(c, (struct flight){.kind = FLIGHT_STORED,
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
            disk_write(&n->disk, &s->writes[w]);
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
    struct ack ack;
    struct bytes changed;
    if (!gossip_identify(n->gossip, t, e, &frame.envelope, &in.who))
        return;
    if (!gossip_receive(n->gossip, t, &in))
        sync_receive(n->sync, t, &in);
    else if (gossip_done(n->gossip, &ack, &changed)) /* in a peer, control answers */
        turn_reply(t, &in, WIRE_CHANGED, changed, state_unstored(t->state));
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

void node_step(struct cluster *c, size_t i, struct event *event)
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
        flight_add(c, *f);
        return;
    }
    if (f->kind == FLIGHT_STORED) {
        stored(c, f->to, f->token);
    } else if (f->kind == FLIGHT_LINK) {
        event.kind = EVENT_LINK;
        event.link = (struct event_link){.uri = buf_bytes(&f->uri), .up = f->up};
        node_step(c, f->to, &event);
    } else {
        event.kind = EVENT_FRAME;
        event.frame = (struct event_frame){.door = f->door,
                                           .route = f->route,
                                           .key = f->key,
                                           .from = buf_bytes(&f->uri),
                                           .frame = buf_bytes(&f->frame)};
        node_step(c, f->to, &event);
    }
    flight_free(f);
}

static kith_time deadline(const struct node *n)
{
    return n->up && !n->paused ? n->deadline_us : KITH_NEVER;
}

bool cluster_advance(struct cluster *c, kith_time until)
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
        node_step(c, who, &(struct event){.kind = EVENT_TIME});
    } else {
        struct flight f = flight_next(c);
        arrive(c, &f);
    }
    return true;
}

void cluster_run(struct cluster *c, kith_time for_us)
{
    kith_time until = c->now_us + for_us;
    while (cluster_advance(c, until))
        continue;
}
