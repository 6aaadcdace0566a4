#include "pipes.h"

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes uri_of(uint8_t number)
{
    static char uri[16];

    snprintf(uri, sizeof(uri), "peer:%u", number);
    return bytes_str(uri);
}

static struct peer_box *box(struct pipes *p, uint8_t number)
{
    assert_true(number >= 1 && number <= p->count);
    return &p->peers[number - 1];
}

struct state *peer(struct pipes *p, uint8_t number)
{
    return box(p, number)->state;
}

static void box_init(struct pipes *p, uint8_t number)
{
    struct peer_box *b = box(p, number);

    b->state = node_new(number);
    b->members = members_new();
    b->sync = sync_new(b->members);
    b->stores = true;
    rng_seed(&b->rng, number + rng_u64(&p->rng));
    b->post = (struct post){.cluster = id_of(200), .self = id_of(number), .boot = id_of(9)};
    b->turn = (struct turn){
        .rng = &b->rng,
        .ulids = &b->ulids,
        .state = b->state,
        .out = &b->out,
        .post = &b->post,
    };
}

static void put_member(struct pipes *p, uint8_t number)
{
    struct ulid id = id_of(number);
    struct buf value = {0};
    struct member_addr addr = {.role = ADDR_ROLE_BULK, .uri = uri_of(number)};
    struct member_row row = {
        .name = bytes_str("x"), .boot = id_of(9), .addrs = &addr, .addrs_n = 1};

    member_row_encode(&value, &row);
    assert_int_equal(
        state_put(peer(p, number), TABLE_ID_MEMBER, id_key(&id), buf_bytes(&value), 0, 0), 0);
    buf_deinit(&value);
}

void pipes_init(struct pipes *p, uint8_t count, uint64_t seed)
{
    *p = (struct pipes){.count = count, .now_us = KITH_SEC, .delay_us = KITH_MS};
    rng_seed(&p->rng, seed);
    for (uint8_t i = 1; i <= count; i++)
        box_init(p, i);
    for (uint8_t i = 1; i <= count; i++) {
        put_member(p, i);
        for (uint8_t j = 1; j <= count; j++) {
            if (j != i)
                copy_all(peer(p, i), peer(p, j));
        }
    }
}

void pipes_deinit(struct pipes *p)
{
    for (uint8_t i = 1; i <= p->count; i++) {
        struct peer_box *b = box(p, i);

        sync_free(b->sync);
        members_free(b->members);
        state_free(b->state);
        effects_deinit(&b->out);
    }
    for (size_t i = 0; i < p->parcels_n; i++)
        free(p->parcels[i].frame);
    free(p->parcels);
}

/* ---- the pipes ---- */

static void put_parcel(struct pipes *p, uint8_t from, uint8_t to, bool reply, struct bytes frame)
{
    if (p->parcels_n == p->parcels_cap) {
        p->parcels_cap = p->parcels_cap ? 2 * p->parcels_cap : 64;
        p->parcels = realloc(p->parcels, p->parcels_cap * sizeof(*p->parcels));
    }
    struct parcel *parcel = &p->parcels[p->parcels_n++];

    *parcel = (struct parcel){.from = from, .to = to, .reply = reply, .len = frame.len};
    parcel->at_us = p->now_us + rng_between(&p->rng, 1, p->delay_us);
    parcel->frame = malloc(frame.len);
    memcpy(parcel->frame, frame.data, frame.len);
    if (p->parcels_n > p->under_way_most)
        p->under_way_most = p->parcels_n;
}

static void carry(struct pipes *p, uint8_t from, uint8_t to, bool reply, struct bytes frame)
{
    p->frames++;
    p->bytes += frame.len;
    if (frame.len > p->longest)
        p->longest = frame.len;
    if (rng_below(&p->rng, 100) >= p->loss_percent)
        put_parcel(p, from, to, reply, frame);
    if (rng_below(&p->rng, 100) < p->double_percent)
        put_parcel(p, from, to, reply, frame);
}

/* What src/peer does at the end of a step. */
static void end_step(struct pipes *p, uint8_t number)
{
    struct peer_box *b = box(p, number);
    const struct row *const *changes;
    struct member before;
    struct effects store = {0};
    size_t n = state_take_changes(b->state, &changes);

    for (size_t i = 0; i < n; i++)
        members_changed(b->members, changes[i], WALL, &before);
    if (b->stores && state_take_batch(b->state, &store))
        state_stored(b->state, store.items[0].store.token);
    effects_deinit(&store);
    for (size_t i = 0; i < b->out.count; i++) {
        const struct effect *e = &b->out.items[i];

        if (e->kind == EFFECT_SEND)
            carry(p, number, (uint8_t)(e->send.uri.data[5] - '0'), false, e->send.frame);
        else if (e->kind == EFFECT_REPLY)
            carry(p, number, (uint8_t)e->reply.route, true, e->reply.frame);
    }
    effects_reset(&b->out);
}

static void begin_step(struct pipes *p, uint8_t number)
{
    struct peer_box *b = box(p, number);

    end_step(p, number); /* what the test wrote itself */
    state_clock(b->state, WALL + p->now_us);
    b->turn.now_us = p->now_us;
    b->turn.wall_us = WALL + p->now_us;
}

void ask_peer(struct pipes *p, uint8_t number, uint8_t other)
{
    begin_step(p, number);
    sync_with(box(p, number)->sync, &box(p, number)->turn, uri_of(other));
    end_step(p, number);
}

void deliver(struct pipes *p, uint8_t to, enum principal_kind who, uint32_t kind,
             struct bytes payload, uint64_t correlation)
{
    struct envelope envelope = {.kind = (uint16_t)kind, .correlation = correlation};
    struct incoming in = {
        .who = {.kind = who}, .envelope = &envelope, .payload = payload, .route = 1};

    begin_step(p, to);
    sync_receive(box(p, to)->sync, &box(p, to)->turn, &in);
    end_step(p, to);
}

static void open_parcel(struct pipes *p, const struct parcel *parcel)
{
    struct peer_box *b = box(p, parcel->to);
    struct ulid cluster = id_of(200);
    struct wire_error err;
    struct frame frame;

    assert_int_equal(frame_unpack(&frame, bytes_of(parcel->frame, parcel->len), &cluster, &err), 0);
    struct incoming in = {
        .who = {.kind = PRINCIPAL_KIND_NODE, .id = id_of(parcel->from)},
        .envelope = &frame.envelope,
        .payload = frame.payload,
        .door = DOOR_BULK,
        .route = parcel->reply ? 0 : parcel->from,
    };
    begin_step(p, parcel->to);
    assert_true(sync_receive(b->sync, &b->turn, &in));
    end_step(p, parcel->to);
}

static size_t first_parcel(const struct pipes *p)
{
    size_t first = 0;

    for (size_t i = 1; i < p->parcels_n; i++) {
        if (p->parcels[i].at_us < p->parcels[first].at_us)
            first = i;
    }
    return first;
}

static kith_time next_time(struct pipes *p)
{
    kith_time next = p->parcels_n > 0 ? p->parcels[first_parcel(p)].at_us : KITH_NEVER;

    for (uint8_t i = 1; i <= p->count; i++)
        next = kith_time_min(next, sync_deadline(box(p, i)->sync));
    return next > p->now_us ? next : p->now_us;
}

static void step(struct pipes *p)
{
    if (p->parcels_n > 0 && p->parcels[first_parcel(p)].at_us <= p->now_us) {
        size_t i = first_parcel(p);
        struct parcel parcel = p->parcels[i];

        p->parcels[i] = p->parcels[--p->parcels_n];
        if (!box(p, parcel.to)->deaf)
            open_parcel(p, &parcel);
        free(parcel.frame);
        return;
    }
    for (uint8_t i = 1; i <= p->count; i++) {
        if (sync_deadline(box(p, i)->sync) > p->now_us)
            continue;
        begin_step(p, i);
        sync_time(box(p, i)->sync, &box(p, i)->turn);
        end_step(p, i);
    }
}

void run_for(struct pipes *p, kith_time time_us)
{
    kith_time end = p->now_us + time_us;

    for (;;) {
        kith_time next = next_time(p);

        if (next > end)
            break;
        p->now_us = next;
        step(p);
    }
    p->now_us = end;
}

bool all_equal(struct pipes *p)
{
    for (uint8_t i = 2; i <= p->count; i++) {
        if (state_digest(peer(p, i)) != state_digest(peer(p, 1)) ||
            state_count(peer(p, i)) != state_count(peer(p, 1)))
            return false;
    }
    return true;
}

bool run_until_equal(struct pipes *p, kith_time time_us)
{
    kith_time end = p->now_us + time_us;

    while (!all_equal(p)) {
        kith_time next = next_time(p);

        if (next > end)
            return false;
        p->now_us = next;
        step(p);
    }
    return true;
}
