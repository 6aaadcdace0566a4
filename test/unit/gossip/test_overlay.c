#include "cluster.h"
#include "gossip/overlay.h"
#include "test.h"

#include <string.h>

static struct cluster *running(size_t n)
{
    struct cluster *c = cluster_new(n);
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 10 * KITH_SEC));
    cluster_run(c, 3 * KITH_SEC);
    return c;
}

/* A frame as node `from` would publish it. */
static void published(struct cluster *c, size_t to, size_t from, enum wire_kind kind,
                      struct bytes payload)
{
    char uri[64] = "tcp://127.0.0.1:5485";
    uri[14] = (char)('1' + (int)from);
    struct stranger who = {.id = node_id(c, from), .door = DOOR_SUB, .from = uri};
    who.boot = node_member(c, to, from)->row->boot;
    node_frame(c, to, &who, kind, payload);
}

static void rows_of(struct buf *payload, const struct record *record)
{
    struct buf encoded = {0};
    record_encode(&encoded, record);
    struct bytes bytes = buf_bytes(&encoded);
    struct rows rows = {.records = &bytes, .records_n = 1};
    buf_reset(payload);
    rows_encode(payload, &rows);
    buf_deinit(&encoded);
}

static void everybody_listens_to_the_living_and_for_a_while_to_the_dead(void **unused)
{
    (void)unused;
    struct cluster *c = running(5);
    assert_int_equal(node_subscriptions(c, 0), 4);
    node_kill(c, 4);
    cluster_run(c, 10 * KITH_SEC);
    assert_int_equal(node_subscriptions(c, 0), 4);
    cluster_run(c, 30 * KITH_SEC);
    assert_int_equal(node_subscriptions(c, 0), 3);
    node_start(c, 4);
    assert_true(cluster_agrees(c, 5 * KITH_SEC));
    cluster_run(c, KITH_SEC);
    assert_int_equal(node_subscriptions(c, 0), 4);
    cluster_free(c);
}

static void a_stumble_does_not_end_a_subscription(void **unused)
{
    (void)unused;
    struct cluster *c = running(3);
    for (int i = 0; i < 3; i++) {
        node_kill(c, 2);
        cluster_run(c, 5 * KITH_SEC);
        node_start(c, 2);
        cluster_run(c, 5 * KITH_SEC);
    }
    cluster_run(c, KITH_MIN);
    assert_int_equal(node_subscriptions(c, 0), 2);
    cluster_free(c);
}

static void bad_rows_are_refused_counted_and_named_once(void **unused)
{
    (void)unused;
    struct cluster *c = running(3);
    struct ulid one = node_id(c, 1), two = node_id(c, 2);
    struct buf payload = {0}, value = {0};

    /* Another's member row, in the own name. */
    member_row_encode(&value, node_member(c, 0, 1)->row);
    struct record record = {.namespace = bytes_str("default"),
                            .table = TABLE_ID_MEMBER,
                            .key = ulid_bytes(&one),
                            .value = buf_bytes(&value),
                            .version = {.major = 9, .minor = 1},
                            .origin = two};
    rows_of(&payload, &record);
    for (int i = 0; i < 20; i++)
        published(c, 0, 2, WIRE_ROWS, buf_bytes(&payload));
    assert_int_equal(node_count(c, 0, "refused_owner"), 20);
    assert_int_equal(node_logged(c, 0, "may not write"), 1);
    assert_int_equal(node_member(c, 0, 1)->incarnation, 1);

    /* No row at all. */
    struct bytes nonsense = bytes_str("nonsense");
    struct rows rows = {.records = &nonsense, .records_n = 1};
    buf_reset(&payload);
    rows_encode(&payload, &rows);
    published(c, 0, 2, WIRE_ROWS, buf_bytes(&payload));
    assert_int_equal(node_count(c, 0, "refused_row"), 1);

    /* A count from next year. */
    struct count_row count = {.count = 3};
    buf_reset(&value);
    count_row_encode(&value, &count);
    record.table = TABLE_ID_COUNT;
    record.value = buf_bytes(&value);
    record.version =
        (struct version){.minor = hlc_from_wall(cluster_wall(c) + 365 * 24 * KITH_HOUR)};
    rows_of(&payload, &record);
    published(c, 0, 2, WIRE_ROWS, buf_bytes(&payload));
    assert_int_equal(node_count(c, 0, "refused_ahead"), 1);

    /* Payloads that are none. */
    published(c, 0, 2, WIRE_ROWS, bytes_str("\xc1"));
    published(c, 0, 2, WIRE_PROBE, bytes_str("\xc1"));
    published(c, 0, 2, WIRE_PROBE_ACK, bytes_str("\xc1"));
    published(c, 0, 2, WIRE_MISS, bytes_str("\xc1"));
    published(c, 0, 2, WIRE_NEWS, bytes_str("\xc1"));
    assert_int_equal(node_count(c, 0, "refused_payload"), 5);
    assert_true(cluster_agrees(c, 0));
    buf_deinit(&payload);
    buf_deinit(&value);
    cluster_free(c);
}

static void changes_that_come_late_are_counted(void **unused)
{
    (void)unused;
    static const kith_time ages_us[] = {KITH_SEC, 5 * KITH_SEC - KITH_MS, 6 * KITH_SEC, KITH_MIN};
    struct cluster *c = running(3);
    struct ulid one = node_id(c, 1);
    struct buf payload = {0}, value = {0};
    int64_t before = node_count(c, 0, "convergence_rows");

    count_row_encode(&value, &(struct count_row){.count = 3});
    for (unsigned i = 0; i < sizeof(ages_us) / sizeof(ages_us[0]); i++) {
        one.b[0] ^= (uint8_t)(i + 1); /* each a service of its own */
        struct record record = {.namespace = bytes_str("default"),
                                .table = TABLE_ID_COUNT,
                                .key = ulid_bytes(&one),
                                .value = buf_bytes(&value),
                                .version = {.minor = hlc_from_wall(cluster_wall(c) - ages_us[i])},
                                .origin = node_id(c, 2)};

        rows_of(&payload, &record);
        published(c, 0, 2, WIRE_ROWS, buf_bytes(&payload));
    }
    assert_int_equal(node_count(c, 0, "convergence_rows"), before + 4);
    assert_int_equal(node_count(c, 0, "convergence_late"), 2);
    buf_deinit(&payload);
    buf_deinit(&value);
    cluster_free(c);
}

static void is_refuted_when_it_comes_as(enum wire_kind kind)
{
    struct cluster *c = running(5);
    struct ulid one = node_id(c, 1), two = node_id(c, 2);
    struct buf payload = {0}, value = {0};
    struct verdict_row verdict = {.observers = &two, .observers_n = 1};
    verdict_row_encode(&value, &verdict);
    struct record record = {.namespace = bytes_str("default"),
                            .table = TABLE_ID_VERDICT,
                            .key = ulid_bytes(&one),
                            .value = buf_bytes(&value),
                            .version = {.major = 1, .minor = hlc_from_wall(cluster_wall(c))},
                            .origin = two};
    rows_of(&payload, &record);
    published(c, 0, 2, kind, buf_bytes(&payload)); /* both kinds are a list of records */
    assert_int_equal(node_sees(c, 0, 1), MEMBER_STATE_DEAD);
    assert_true(cluster_sees(c, 1, MEMBER_STATE_ALIVE, 5 * KITH_SEC) >= 0);
    cluster_run(c, 5 * KITH_SEC);
    assert_true(cluster_agrees(c, 0));
    assert_int_equal(node_incarnation(c, 1), 2);
    assert_int_equal(node_count(c, 1, "refutations"), 1);
    assert_int_equal(node_count(c, 0, "verdicts_refuted"), 1);
    buf_deinit(&payload);
    buf_deinit(&value);
    cluster_free(c);
}

static void a_wrong_verdict_is_refuted(void **unused)
{
    (void)unused;
    is_refuted_when_it_comes_as(WIRE_ROWS);
    is_refuted_when_it_comes_as(WIRE_NEWS);
}

/* A member's address went to another host: the one is found dead, and the other is not mistaken for it. */
static void a_re_used_address_is_named(void **unused)
{
    (void)unused;
    struct cluster *c = running(4);
    struct ulid former = node_id(c, 3);
    node_vanish(c, 3);
    node_wipe(c, 3);
    node_start(c, 3);
    cluster_run(c, 20 * KITH_SEC);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(node_sees(c, i, 3), MEMBER_STATE_ALIVE);
        for (size_t k = 0; k < 3; k++)
            assert_int_equal(node_sees(c, i, k), MEMBER_STATE_ALIVE);
    }
    struct ulid now = node_id(c, 3);
    assert_false(ulid_equal(&former, &now));
    assert_non_null(state_get(node_state(c, 0), TABLE_ID_VERDICT, ulid_bytes(&former)));
    assert_true(node_logged(c, 0, "re-used") + node_logged(c, 1, "re-used") +
                    node_logged(c, 2, "re-used") >
                0);
    assert_int_equal(node_subscriptions(c, 0), 3);
    cluster_free(c);
}

/* The host is set up anew only when all have given its former member up. */
static void an_address_that_is_re_used_later_is_named_too(void **unused)
{
    (void)unused;
    struct cluster *c = running(4);
    struct ulid former = node_id(c, 3);
    node_kill(c, 3);
    cluster_run(c, KITH_MIN);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(node_sees(c, i, 3), MEMBER_STATE_DEAD);
    node_wipe(c, 3);
    node_start(c, 3);
    cluster_run(c, 20 * KITH_SEC);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(node_sees(c, i, 3), MEMBER_STATE_ALIVE);
        assert_int_equal(node_logged(c, i, "re-used"), 1);
        assert_int_equal(node_logged(c, i, ulid_text(&former).s), 1);
    }
    cluster_free(c);
}

/* How long until all hold a row that node `by` writes; -1: not in time. */
static kith_time change_reaches_all(struct cluster *c, size_t by, const char *key)
{
    kith_time from = c->now_us;
    node_write(c, by, key);
    return cluster_same_tables(c, 10 * KITH_SEC) ? c->now_us - from : -1;
}

/* Payloads that came more than once. Others write rows of their own meanwhile, so the first ones are no fixed number. */
static uint64_t copies(struct cluster *c)
{
    return cluster_count(c, "payloads_received") - cluster_count(c, "payloads_new");
}

/* Above the limit everybody has a few neighbours, and what one writes reaches all, once. */
static void a_large_cluster_hears_through_neighbours(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(66);
    c->insecure = true;
    c->delay_us = 5 * KITH_MS;
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 10 * KITH_SEC));
    cluster_run(c, 20 * KITH_SEC); /* links settle, the root has looked for an heir */
    for (size_t i = 0; i < 66; i++) {
        assert_in_range(node_count(c, i, "neighbours"), 3, 8);
        assert_in_range(node_subscriptions(c, i), 3, 10);
    }
    assert_true(cluster_same_tables(c, 10 * KITH_SEC));

    /* What somebody said while all started and some missed is pulled when it speaks again. */
    assert_true(change_reaches_all(c, 7, "hello of 7") >= 0);
    assert_true(change_reaches_all(c, 60, "hello of 60") >= 0);
    assert_true(change_reaches_all(c, 9, "hello of 9") >= 0);
    assert_true(change_reaches_all(c, 33, "hello of 33") >= 0);
    cluster_run(c, KITH_SEC);

    uint64_t before = copies(c), firsts;
    assert_in_range(change_reaches_all(c, 7, "one"), 0, 300 * KITH_MS);
    assert_in_range(change_reaches_all(c, 60, "two"), 0, 300 * KITH_MS);
    cluster_run(c, KITH_SEC);
    assert_in_range(copies(c) - before, 0, 8);

    /* Where frames are lost they are pulled, and the copies stay few. */
    c->loss_permille = 100;
    before = copies(c);
    firsts = cluster_count(c, "payloads_new");
    assert_in_range(change_reaches_all(c, 9, "three"), 0, 1800 * KITH_MS);
    assert_in_range(change_reaches_all(c, 33, "four"), 0, 1800 * KITH_MS);
    cluster_run(c, KITH_SEC);
    firsts = cluster_count(c, "payloads_new") - firsts;
    assert_true(firsts >= UINT64_C(2) * 65);
    assert_in_range(copies(c) - before, 0, firsts / 4);
    c->loss_permille = 0;

    /* Neighbours that die are replaced. */
    for (size_t i = 10; i < 30; i++)
        node_kill(c, i);
    assert_true(cluster_agrees(c, 10 * KITH_SEC));
    cluster_run(c, 10 * KITH_SEC);
    for (size_t i = 30; i < 66; i++)
        assert_in_range(node_count(c, i, "neighbours"), 3, 8);
    cluster_free(c);
}

static void when_few_are_left_everybody_hears_everybody_again(void **unused)
{
    (void)unused;
    const size_t n = OVERLAY_FULL_MAX + 1;
    struct cluster *c = running(n);
    for (size_t i = 0; i < n; i++)
        assert_in_range(node_count(c, i, "neighbours"), 2, 8);
    for (size_t i = OVERLAY_FULL_AGAIN; i < n; i++)
        node_kill(c, i);
    assert_true(cluster_agrees(c, 5 * KITH_SEC));
    cluster_run(c, KITH_SEC);
    for (size_t i = 0; i < OVERLAY_FULL_AGAIN; i++) {
        assert_int_equal(node_count(c, i, "neighbours"), 0);
        assert_true(node_subscriptions(c, i) >= OVERLAY_FULL_AGAIN - 1);
    }
    cluster_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_listens_to_the_living_and_for_a_while_to_the_dead),
        cmocka_unit_test(a_stumble_does_not_end_a_subscription),
        cmocka_unit_test(bad_rows_are_refused_counted_and_named_once),
        cmocka_unit_test(changes_that_come_late_are_counted),
        cmocka_unit_test(a_wrong_verdict_is_refuted),
        cmocka_unit_test(a_re_used_address_is_named),
        cmocka_unit_test(an_address_that_is_re_used_later_is_named_too),
        cmocka_unit_test(a_large_cluster_hears_through_neighbours),
        cmocka_unit_test(when_few_are_left_everybody_hears_everybody_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
