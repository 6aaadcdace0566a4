#include "gossip/parcel.h"
#include "test.h"
#include "wire/post.h"

struct desk { /* a peer that sends */
    struct post post;
    struct effects out;
    struct turn t;
    struct parcels *parcels;
    bool express; /* not on the connection that is for them */
    uint32_t warm;
};

static const struct ulid to = {{4, 2}};

static bool send(void *arg, struct turn *t, const struct ulid *id, struct bytes batch, bool warm)
{
    struct desk *d = arg;
    d->warm += warm;
    if (ulid_equal(id, &to))
        post_send(t->post, t->out, bytes_str("tcp://127.0.0.2:5488"), WIRE_TOPIC_BATCH, batch,
                  /* correlation= */ 0);
    return !d->express;
}

static void open_desk(struct desk *d)
{
    *d = (struct desk){.post = {.cluster = {{1}}}};
    d->t = (struct turn){.now_us = KITH_SEC, .post = &d->post, .out = &d->out};
    d->parcels = parcels_new(send, d);
}

static void close_desk(struct desk *d)
{
    parcels_free(d->parcels);
    effects_deinit(&d->out);
}

static void add(struct desk *d, const struct ulid *id, size_t bytes, bool urgent)
{
    static const uint8_t text[40000] = {7};
    struct topic_item item = {.message = bytes_of(text, bytes)};
    parcels_add(d->parcels, &d->t, id, &item, urgent);
}

/* Of the frame that was sent as this one. */
static uint32_t items_of(struct desk *d, size_t frame)
{
    struct frame f;
    struct topic_batch batch;
    struct arena mem = {0};
    struct wire_error err;
    assert_true(frame < d->out.count);
    assert_int_equal(frame_unpack(&f, d->out.items[frame].send.frame, &d->post.cluster, &err), 0);
    assert_int_equal(parcel_open(&batch, f.payload, &mem, &err), 0);
    arena_deinit(&mem);
    return batch.items_n;
}

static void the_first_leaves_at_once_and_more_wait_for_the_gap(void **unused)
{
    (void)unused;
    struct desk d;
    open_desk(&d);
    add(&d, &to, 10, false);
    parcels_flush(d.parcels, &d.t);
    add(&d, &to, 10, false);
    add(&d, &to, 10, false);
    parcels_flush(d.parcels, &d.t);
    assert_int_equal(d.out.count, 1);
    assert_int_equal(parcels_deadline(d.parcels), KITH_SEC + PARCEL_GAP);
    d.t.now_us += PARCEL_GAP;
    parcels_flush(d.parcels, &d.t);
    assert_int_equal(d.out.count, 2);
    assert_int_equal(items_of(&d, 1), 2);
    add(&d, &to, 10, true);
    parcels_flush(d.parcels, &d.t);
    assert_int_equal(d.out.count, 3);
    close_desk(&d);
}

/* However many come within a step, and within a gap. */
static void a_full_frame_leaves_by_itself(void **unused)
{
    (void)unused;
    struct desk d;
    uint32_t items = 0;
    open_desk(&d);
    for (int i = 0; i < 3 * PARCEL_ITEMS; i++)
        add(&d, &to, 30, false);
    assert_int_equal(d.out.count, 3);
    for (int i = 0; i < 7; i++)
        add(&d, &to, 40000, false); /* two are a frame */
    assert_int_equal(d.out.count, 6);
    d.t.now_us += PARCEL_GAP;
    parcels_flush(d.parcels, &d.t);
    for (size_t i = 0; i < d.out.count; i++)
        items += items_of(&d, i);
    assert_int_equal(items, 3 * PARCEL_ITEMS + 7);
    assert_int_equal(parcels_counts(d.parcels)->messages, items);
    close_desk(&d);
}

/* Whoever sends is told whether the connection for it was used lately. */
static void a_connection_is_warm_for_a_while(void **unused)
{
    (void)unused;
    struct desk d;
    open_desk(&d);
    d.express = true;
    for (int i = 0; i < 3; i++, d.t.now_us += KITH_SEC) {
        add(&d, &to, 10, true);
        parcels_flush(d.parcels, &d.t);
    }
    assert_int_equal(d.warm, 0);
    d.express = false;
    for (int i = 0; i < 3; i++, d.t.now_us += KITH_SEC) {
        add(&d, &to, 10, true);
        parcels_flush(d.parcels, &d.t);
    }
    assert_int_equal(d.warm, 2);
    d.t.now_us += PARCEL_WARM;
    add(&d, &to, 10, true);
    parcels_flush(d.parcels, &d.t);
    assert_int_equal(d.warm, 2);
    assert_int_equal(d.out.count, 7);
    close_desk(&d);
}

static void what_nobody_can_be_sent_is_thrown_away(void **unused)
{
    (void)unused;
    struct desk d;
    const struct ulid nowhere = {{9}};
    open_desk(&d);
    for (int i = 0; i < 2 * PARCEL_ITEMS + 1; i++)
        add(&d, &nowhere, 30, false);
    d.t.now_us += PARCEL_GAP;
    parcels_flush(d.parcels, &d.t);
    assert_int_equal(d.out.count, 0);
    assert_int_equal(parcels_deadline(d.parcels), KITH_NEVER);
    close_desk(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_leaves_at_once_and_more_wait_for_the_gap),
        cmocka_unit_test(a_full_frame_leaves_by_itself),
        cmocka_unit_test(a_connection_is_warm_for_a_while),
        cmocka_unit_test(what_nobody_can_be_sent_is_thrown_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
