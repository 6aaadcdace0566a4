#include "state/sync.h"

#include "pipes.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

static struct ulid service_id(uint32_t i)
{
    struct ulid id = {{0}};

    id.b[12] = 1;
    id.b[13] = (uint8_t)(i >> 16);
    id.b[14] = (uint8_t)(i >> 8);
    id.b[15] = (uint8_t)i;
    return id;
}

static void put(struct state *s, uint32_t service, uint32_t count)
{
    struct ulid id = service_id(service);

    assert_int_equal(state_put(s, TABLE_ID_COUNT, id_key(&id), count_value(count), 0, 0), 0);
}

static void fill(struct state *s, uint32_t from, uint32_t n)
{
    for (uint32_t i = from; i < from + n; i++)
        put(s, i, i);
}

static void equal_peers_say_so_in_two_small_frames(void **unused)
{
    (void)unused;
    struct pipes p;

    pipes_init(&p, 2, 1);
    fill(peer(&p, 1), 0, 500);
    copy_all(peer(&p, 1), peer(&p, 2));
    ask_peer(&p, 1, 2);
    run_for(&p, KITH_SEC / 10);
    assert_int_equal(p.frames, 2);
    assert_true(p.bytes < 400);
    assert_int_equal(sync_counts(p.peers[0].sync)->finished, 1);
    pipes_deinit(&p);
}

static void an_empty_peer_gets_a_snapshot_in_bounded_frames(void **unused)
{
    (void)unused;
    struct pipes p;

    pipes_init(&p, 2, 2);
    fill(peer(&p, 1), 0, 20000);
    ask_peer(&p, 2, 1);
    assert_true(run_until_equal(&p, 20 * KITH_SEC));
    assert_true(p.longest <= SYNC_FRAME_BYTES + 500);
    assert_true(p.under_way_most <= 2 * SYNC_CREDIT + 2);
    assert_true(sync_counts(p.peers[1].sync)->rows_in < 20200); /* each once */
    pipes_deinit(&p);
}

static void an_empty_peer_that_is_asked_is_filled_too(void **unused)
{
    (void)unused;
    struct pipes p;

    pipes_init(&p, 2, 3);
    fill(peer(&p, 1), 0, 5000);
    ask_peer(&p, 1, 2);
    assert_true(run_until_equal(&p, 20 * KITH_SEC));
    assert_true(p.longest <= SYNC_FRAME_BYTES + 500);
    pipes_deinit(&p);
}

static void two_that_ask_each_other_carry_each_row_once(void **unused)
{
    (void)unused;
    struct pipes p;

    pipes_init(&p, 2, 18);
    fill(peer(&p, 1), 0, 5000);
    fill(peer(&p, 2), 10000, 3000);
    ask_peer(&p, 1, 2);
    ask_peer(&p, 2, 1);
    assert_true(run_until_equal(&p, 20 * KITH_SEC));
    uint64_t carried =
        sync_counts(p.peers[0].sync)->rows_in + sync_counts(p.peers[1].sync)->rows_in;
    assert_in_range(carried, 8000, 8000 + 40); /* the members' own rows, too */
    pipes_deinit(&p);
}

static void one_that_is_nearly_empty_asks_when_it_is_asked(void **unused)
{
    (void)unused;
    struct pipes p;

    pipes_init(&p, 2, 19);
    fill(peer(&p, 1), 0, 100);
    copy_all(peer(&p, 1), peer(&p, 2));
    fill(peer(&p, 1), 100, 4900);
    ask_peer(&p, 1, 2);
    run_for(&p, KITH_SEC / 2);
    assert_int_equal(sync_counts(p.peers[1].sync)->started, 1);
    assert_int_equal(sync_counts(p.peers[0].sync)->rows_in, 0);
    assert_true(all_equal(&p));
    pipes_deinit(&p);
}

static void few_differences_among_many_rows_cost_little(void **unused)
{
    (void)unused;
    struct pipes p;

    pipes_init(&p, 2, 4);
    fill(peer(&p, 1), 0, 50000);
    copy_all(peer(&p, 1), peer(&p, 2));
    for (uint32_t i = 0; i < 5; i++) {
        put(peer(&p, 1), 7919 * i, 1);      /* newer here */
        put(peer(&p, 2), 7919 * i + 77, 2); /* newer there */
        put(peer(&p, 1), 100000 + i, 3);    /* missing there */
        put(peer(&p, 2), 200000 + i, 4);    /* missing here */
    }
    ask_peer(&p, 1, 2);
    assert_true(run_until_equal(&p, 20 * KITH_SEC));
    assert_true(p.bytes < 65536);
    assert_int_equal(sync_counts(p.peers[0].sync)->refused, 0);
    pipes_deinit(&p);
}

static void tombstones_travel_and_stale_rows_do_not_come_back(void **unused)
{
    (void)unused;
    struct pipes p;

    pipes_init(&p, 2, 5);
    fill(peer(&p, 1), 0, 100);
    copy_all(peer(&p, 1), peer(&p, 2));
    for (uint32_t i = 0; i < 50; i++) {
        struct ulid id = service_id(i);
        assert_int_equal(state_delete(peer(&p, 1), TABLE_ID_COUNT, id_key(&id), 0), 0);
    }
    ask_peer(&p, 2, 1);
    assert_true(run_until_equal(&p, 5 * KITH_SEC));
    struct ulid id = service_id(7);
    assert_null(state_get(peer(&p, 2), TABLE_ID_COUNT, id_key(&id)));
    pipes_deinit(&p);
}

static void regular_comparisons_repair_by_themselves(void **unused)
{
    (void)unused;
    struct pipes p;

    pipes_init(&p, 5, 6);
    for (uint8_t i = 1; i <= 5; i++)
        fill(peer(&p, i), 1000u * i, 300);
    run_for(&p, 1); /* everybody starts its time */
    assert_true(run_until_equal(&p, 60 * KITH_SEC));
    assert_int_equal(state_count(peer(&p, 1)), 5 + 5 * 300);
    pipes_deinit(&p);
}

static void peers_settle_under_loss_reordering_and_doubles(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct pipes p;

        pipes_init(&p, (uint8_t)(2 + seed % 4), 100 + seed);
        p.loss_percent = 20;
        p.double_percent = 20;
        p.delay_us = 300 * KITH_MS;
        for (uint8_t i = 1; i <= p.count; i++)
            fill(peer(&p, i), 400u * i, 700); /* overlapping: the same keys by several writers */
        run_for(&p, 10 * KITH_SEC);
        for (uint8_t i = 1; i <= p.count; i++)
            fill(peer(&p, i), 300u * i, 200); /* and they go on writing */
        p.loss_percent = 5;
        assert_true(run_until_equal(&p, 300 * KITH_SEC));
        pipes_deinit(&p);
    }
}

static void random_tables_settle(void **unused)
{
    (void)unused;
    struct pipes p;
    struct rng rng;

    rng_seed(&rng, 77);
    pipes_init(&p, 3, 8);
    for (int i = 0; i < 3000; i++) {
        struct buf record = {0};

        random_record(&record, &rng, WALL);
        (void)state_merge(peer(&p, (uint8_t)(1 + rng_below(&rng, 3))), buf_bytes(&record));
        buf_deinit(&record);
    }
    run_for(&p, 1);
    assert_true(run_until_equal(&p, 120 * KITH_SEC));
    pipes_deinit(&p);
}

static void a_snapshot_that_was_cut_off_goes_on_later(void **unused)
{
    (void)unused;
    struct pipes p;

    pipes_init(&p, 2, 9);
    p.delay_us = 20 * KITH_MS;
    fill(peer(&p, 1), 0, 20000);
    ask_peer(&p, 2, 1);
    run_for(&p, 100 * KITH_MS);
    size_t half = state_count(peer(&p, 2));
    assert_true(half > 1000 && half < 19000);
    p.peers[1].deaf = true;
    run_for(&p, SYNC_TRIES * SYNC_TIMEOUT + 3 * KITH_SEC);
    assert_true(sync_counts(p.peers[1].sync)->given_up >= 1);
    p.peers[1].deaf = false;
    size_t before = state_count(peer(&p, 2));
    uint64_t rows = sync_counts(p.peers[1].sync)->rows_in;
    assert_true(run_until_equal(&p, 60 * KITH_SEC));
    /* Both may repair at once, so some rows come twice; but the first part does not come again. */
    assert_true(sync_counts(p.peers[1].sync)->rows_in - rows < 2 * (20000 - before));
    pipes_deinit(&p);
}

static void one_session_for_each_neighbour_and_not_too_many(void **unused)
{
    (void)unused;
    struct pipes p;

    pipes_init(&p, 8, 10);
    put(peer(&p, 1), 1, 1);
    for (uint8_t i = 2; i <= 8; i++) {
        ask_peer(&p, 1, i);
        ask_peer(&p, 1, i);
    }
    assert_int_equal(sync_counts(p.peers[0].sync)->started, SYNC_SESSIONS);
    sync_with(p.peers[0].sync, &p.peers[0].turn, (struct bytes){0});
    assert_int_equal(sync_counts(p.peers[0].sync)->started, SYNC_SESSIONS);
    pipes_deinit(&p);
}

static void a_silent_peer_is_asked_three_times(void **unused)
{
    (void)unused;
    struct pipes p;

    pipes_init(&p, 2, 11);
    p.peers[1].deaf = true;
    ask_peer(&p, 1, 2);
    size_t asked = p.frames;
    run_for(&p, SYNC_TIMEOUT - KITH_MS);
    assert_int_equal(asked, 1);
    run_for(&p, 3 * SYNC_TIMEOUT);
    assert_true(sync_counts(p.peers[0].sync)->repeated >= 2);
    assert_true(sync_counts(p.peers[0].sync)->given_up >= 1);
    pipes_deinit(&p);
}

static void rows_that_are_not_on_disk_are_not_told(void **unused)
{
    (void)unused;
    struct pipes p;
    struct buf payload = {0};

    pipes_init(&p, 2, 12);
    run_for(&p, 1);
    p.peers[0].stores = false;
    put(peer(&p, 1), 1, 1);
    uint64_t token = state_token(peer(&p, 1));
    sync_range_encode(&payload, &(struct sync_range){0});
    struct envelope envelope = {.kind = WIRE_SYNC_RANGE, .correlation = 5};
    struct incoming in = {.who = {.kind = PRINCIPAL_KIND_NODE},
                          .envelope = &envelope,
                          .payload = buf_bytes(&payload),
                          .route = 2};
    assert_true(sync_receive(p.peers[0].sync, &p.peers[0].turn, &in));
    assert_int_equal(p.peers[0].out.count, 1);
    assert_int_equal(p.peers[0].out.items[0].wait, token);
    assert_int_equal(p.peers[0].out.wait, 0);
    effects_reset(&p.peers[0].out);

    assert_true(state_take_batch(peer(&p, 1), &p.peers[0].out));
    effects_reset(&p.peers[0].out);
    assert_true(sync_receive(p.peers[0].sync, &p.peers[0].turn, &in));
    assert_int_equal(p.peers[0].out.items[0].wait, token); /* under way is not stored */
    effects_reset(&p.peers[0].out);
    state_stored(peer(&p, 1), token);
    assert_true(sync_receive(p.peers[0].sync, &p.peers[0].turn, &in));
    assert_int_equal(p.peers[0].out.items[0].wait, 0);
    buf_deinit(&payload);
    pipes_deinit(&p);
}

/* A row of node 1 that node 9 wrote. */
static void forge(struct buf *out)
{
    struct ulid owner = id_of(1);
    struct record r = {
        .namespace = bytes_str("default"),
        .table = TABLE_ID_MEMBER,
        .key = id_key(&owner),
        .value = member_value("eve"),
        .version = {1000, 1},
        .origin = id_of(9),
    };

    record_encode(out, &r);
}

/* Answers every question that peer 1 has sent with the forged row. */
static void answer_forged(struct pipes *p, struct bytes forged)
{
    struct ulid cluster = id_of(200);
    struct wire_error err;
    size_t n = p->parcels_n;

    for (size_t i = 0; i < n; i++) {
        struct buf page = {0};
        struct frame frame;
        struct bytes records[] = {forged};

        assert_int_equal(
            frame_unpack(&frame, bytes_of(p->parcels[i].frame, p->parcels[i].len), &cluster, &err),
            0);
        if (frame.envelope.kind != WIRE_SYNC_RANGE)
            continue;
        sync_page_encode(&page,
                         &(struct sync_page){.end = true, .records = records, .records_n = 1});
        deliver(p, 1, PRINCIPAL_KIND_NODE, WIRE_SYNC_PAGE, buf_bytes(&page),
                frame.envelope.correlation);
        buf_deinit(&page);
    }
}

static void owners_hold_whichever_way_a_row_comes(void **unused)
{
    (void)unused;
    struct pipes p;
    struct buf forged = {0}, payload = {0};
    bool ok;

    pipes_init(&p, 2, 20);
    forge(&forged);
    struct bytes records[] = {buf_bytes(&forged)};
    struct ulid owner = id_of(1);

    /* pushed as a change */
    rows_encode(&payload, &(struct rows){.records = records, .records_n = 1});
    assert_int_equal(state_merge_rows(peer(&p, 1), buf_bytes(&payload), &ok), 0);
    assert_int_equal(state_merged(peer(&p, 1), STATE_NOT_OWNER), 1);
    /* pushed by repair */
    buf_reset(&payload);
    sync_push_encode(&payload, &(struct sync_push){.records = records, .records_n = 1});
    deliver(&p, 1, PRINCIPAL_KIND_NODE, WIRE_SYNC_PUSH, buf_bytes(&payload), 7);
    assert_int_equal(state_merged(peer(&p, 1), STATE_NOT_OWNER), 2);
    /* in a snapshot */
    fill(peer(&p, 2), 0, 500);
    ask_peer(&p, 1, 2);
    for (int i = 0; i < 20 && state_merged(peer(&p, 1), STATE_NOT_OWNER) == 2; i++) {
        answer_forged(&p, buf_bytes(&forged));
        run_for(&p, KITH_MS);
    }
    assert_true(state_merged(peer(&p, 1), STATE_NOT_OWNER) > 2);
    /* from the disk */
    assert_int_equal(state_load(peer(&p, 1), buf_bytes(&forged)), STATE_BAD);
    const struct row *row = state_get(peer(&p, 1), TABLE_ID_MEMBER, id_key(&owner));
    assert_true(row && ulid_equal(&row->origin, &owner));
    buf_deinit(&forged);
    buf_deinit(&payload);
    pipes_deinit(&p);
}

static void large_records_go_alone(void **unused)
{
    (void)unused;
    struct pipes p;
    struct pair *meta = calloc(40, sizeof(*meta));
    char *text = calloc(1, 4097);
    struct buf value = {0};
    struct spec_row row = {.spec = {.name = bytes_str("big"), .meta = meta, .meta_n = 40}};

    memset(text, 'x', 4096);
    for (uint32_t i = 0; i < 40; i++)
        meta[i] = (struct pair){.key = bytes_str("k"), .value = bytes_str(text)};
    spec_row_encode(&value, &row);
    pipes_init(&p, 2, 13);
    for (uint8_t i = 0; i < 5; i++) {
        uint8_t key[32] = {i};
        assert_int_equal(
            state_put(peer(&p, 1), TABLE_ID_SPEC, bytes_of(key, 32), buf_bytes(&value), 0, 0), 0);
    }
    ask_peer(&p, 2, 1);
    assert_true(run_until_equal(&p, 5 * KITH_SEC));
    assert_true(p.longest > 160000 && p.longest < 170000);
    buf_deinit(&value);
    free(text);
    free(meta);
    pipes_deinit(&p);
}

/* ---- frames that make no sense ---- */

static void junk_from_nodes_and_anything_from_others_is_refused(void **unused)
{
    (void)unused;
    struct pipes p;
    struct buf payload = {0};
    struct sync_node node = {.depth = 1, .prefix = 5};

    pipes_init(&p, 2, 14);
    const struct sync_counts *counts = sync_counts(p.peers[0].sync);
    for (uint32_t kind = WIRE_SYNC_COMPARE; kind <= WIRE_SYNC_TAKEN; kind++)
        deliver(&p, 1, PRINCIPAL_KIND_NODE, kind, bytes_str("\xc1"), 3);
    assert_int_equal(counts->refused, 4); /* the questions; answers to nothing are late ones */
    deliver(&p, 1, PRINCIPAL_KIND_OPERATOR, WIRE_SYNC_TAKEN, bytes_str("\x80"), 3);
    assert_int_equal(counts->refused, 5);

    sync_compare_encode(&payload, &(struct sync_compare){.nodes = &node, .nodes_n = 1});
    deliver(&p, 1, PRINCIPAL_KIND_NODE, WIRE_SYNC_COMPARE, buf_bytes(&payload), 3);
    assert_int_equal(counts->refused, 6); /* no such node */
    buf_reset(&payload);
    sync_range_encode(&payload, &(struct sync_range){.depth = 1, .prefix = 5});
    deliver(&p, 1, PRINCIPAL_KIND_NODE, WIRE_SYNC_RANGE, buf_bytes(&payload), 3);
    assert_int_equal(counts->refused, 7);
    assert_int_equal(p.frames, 0);

    struct envelope envelope = {.kind = WIRE_PROBE};
    struct incoming in = {.envelope = &envelope};
    assert_false(sync_receive(p.peers[0].sync, &p.peers[0].turn, &in));
    buf_deinit(&payload);
    pipes_deinit(&p);
}

/* The question that peer 1 has just sent, decoded as far as its envelope. */
static uint64_t question_of(struct pipes *p)
{
    struct ulid cluster = id_of(200);
    struct wire_error err;
    struct frame frame;
    struct parcel *parcel = &p->parcels[p->parcels_n - 1];

    assert_int_equal(frame_unpack(&frame, bytes_of(parcel->frame, parcel->len), &cluster, &err), 0);
    return frame.envelope.correlation;
}

static void given_up_after(struct pipes *p, enum wire_kind kind, struct buf *payload)
{
    const struct sync_counts *counts = sync_counts(p->peers[0].sync);
    uint64_t before = counts->given_up;

    deliver(p, 1, PRINCIPAL_KIND_NODE, kind, buf_bytes(payload), question_of(p));
    assert_int_equal(counts->given_up, before + 1);
    buf_reset(payload);
}

static void answers_that_make_no_sense_end_the_session(void **unused)
{
    (void)unused;
    struct pipes p;
    struct buf payload = {0};
    uint64_t sixteen[16] = {1};

    pipes_init(&p, 2, 15);
    ask_peer(&p, 1, 2);
    buf_str(&payload, "\xc1");
    given_up_after(&p, WIRE_SYNC_DIFF, &payload);

    ask_peer(&p, 1, 2);
    buf_str(&payload, "\x80");
    given_up_after(&p, WIRE_SYNC_TAKEN, &payload); /* not what was asked */

    ask_peer(&p, 1, 2);
    struct sync_split split = {
        .depth = 1, .digests = sixteen, .digests_n = 16, .counts = sixteen, .counts_n = 16};
    sync_diff_encode(&payload, &(struct sync_diff){.splits = &split, .splits_n = 1});
    given_up_after(&p, WIRE_SYNC_DIFF, &payload); /* that node was not asked for */

    ask_peer(&p, 1, 2);
    split.depth = 0;
    split.counts_n = 15;
    sync_diff_encode(&payload, &(struct sync_diff){.splits = &split, .splits_n = 1});
    given_up_after(&p, WIRE_SYNC_DIFF, &payload);

    ask_peer(&p, 1, 2);
    struct sync_leaf leaf = {.keys = sixteen, .keys_n = 2, .hashes = sixteen, .hashes_n = 1};
    sync_diff_encode(&payload, &(struct sync_diff){.leaves = &leaf, .leaves_n = 1});
    given_up_after(&p, WIRE_SYNC_DIFF, &payload);
    buf_deinit(&payload);
    pipes_deinit(&p);
}

/* Peer 1 asks peer 2, is told of a row that it lacks, and so asks for it. */
static void wants_a_row(struct pipes *p)
{
    struct buf payload = {0};
    uint64_t key = 42, hash = 43;
    struct sync_leaf leaf = {.keys = &key, .keys_n = 1, .hashes = &hash, .hashes_n = 1};

    ask_peer(p, 1, 2);
    sync_diff_encode(&payload, &(struct sync_diff){.leaves = &leaf, .leaves_n = 1});
    deliver(p, 1, PRINCIPAL_KIND_NODE, WIRE_SYNC_DIFF, buf_bytes(&payload), question_of(p));
    buf_deinit(&payload);
}

static void answers_that_make_no_progress_end_the_session(void **unused)
{
    (void)unused;
    struct pipes p;
    struct buf payload = {0};

    pipes_init(&p, 2, 16);
    wants_a_row(&p);
    sync_rows_encode(&payload, &(struct sync_rows){.done = 2});
    given_up_after(&p, WIRE_SYNC_ROWS, &payload);
    wants_a_row(&p);
    sync_rows_encode(&payload, &(struct sync_rows){.done = 0});
    given_up_after(&p, WIRE_SYNC_ROWS, &payload);

    ask_peer(&p, 1, 2);
    uint64_t digests[16] = {5}, counts[16] = {1000};
    struct sync_split split = {
        .digests = digests, .digests_n = 16, .counts = counts, .counts_n = 16};
    sync_diff_encode(&payload, &(struct sync_diff){.splits = &split, .splits_n = 1});
    deliver(&p, 1, PRINCIPAL_KIND_NODE, WIRE_SYNC_DIFF, buf_bytes(&payload), question_of(&p));
    buf_reset(&payload);
    /* Among the questions under way is now one for the first child as a stream. */
    sync_page_encode(&payload, &(struct sync_page){.next = 0});
    uint64_t given_up = sync_counts(p.peers[0].sync)->given_up;
    for (size_t i = 0; i < p.parcels_n; i++) {
        struct ulid cluster = id_of(200);
        struct wire_error err;
        struct frame frame;
        struct parcel *parcel = &p.parcels[i];

        assert_int_equal(frame_unpack(&frame, bytes_of(parcel->frame, parcel->len), &cluster, &err),
                         0);
        if (frame.envelope.kind == WIRE_SYNC_RANGE)
            deliver(&p, 1, PRINCIPAL_KIND_NODE, WIRE_SYNC_PAGE, buf_bytes(&payload),
                    frame.envelope.correlation);
    }
    assert_int_equal(sync_counts(p.peers[0].sync)->given_up, given_up + 1);
    buf_deinit(&payload);
    pipes_deinit(&p);
}

static void nobody_to_talk_to_is_no_trouble(void **unused)
{
    (void)unused;
    struct pipes p;

    pipes_init(&p, 1, 17);
    run_for(&p, 30 * KITH_SEC);
    assert_int_equal(p.frames, 0);
    sync_free(NULL);
    pipes_deinit(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_peers_say_so_in_two_small_frames),
        cmocka_unit_test(an_empty_peer_gets_a_snapshot_in_bounded_frames),
        cmocka_unit_test(an_empty_peer_that_is_asked_is_filled_too),
        cmocka_unit_test(two_that_ask_each_other_carry_each_row_once),
        cmocka_unit_test(one_that_is_nearly_empty_asks_when_it_is_asked),
        cmocka_unit_test(few_differences_among_many_rows_cost_little),
        cmocka_unit_test(tombstones_travel_and_stale_rows_do_not_come_back),
        cmocka_unit_test(regular_comparisons_repair_by_themselves),
        cmocka_unit_test(peers_settle_under_loss_reordering_and_doubles),
        cmocka_unit_test(random_tables_settle),
        cmocka_unit_test(a_snapshot_that_was_cut_off_goes_on_later),
        cmocka_unit_test(one_session_for_each_neighbour_and_not_too_many),
        cmocka_unit_test(a_silent_peer_is_asked_three_times),
        cmocka_unit_test(rows_that_are_not_on_disk_are_not_told),
        cmocka_unit_test(owners_hold_whichever_way_a_row_comes),
        cmocka_unit_test(large_records_go_alone),
        cmocka_unit_test(junk_from_nodes_and_anything_from_others_is_refused),
        cmocka_unit_test(answers_that_make_no_sense_end_the_session),
        cmocka_unit_test(answers_that_make_no_progress_end_the_session),
        cmocka_unit_test(nobody_to_talk_to_is_no_trouble),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
