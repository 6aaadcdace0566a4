#include "sim/measure.h"

#include "base/mem.h"
#include "wire/frame.h"

#include "test.h"

#include <string.h>

#define HOSTS 4

/* Four hosts that believe what they are told, one members table and one state each. */
struct world {
    struct rng rng;
    struct queue queue;
    struct fault_counts counts;
    struct net *net;
    struct measure *m;
    struct measure_result result;
    struct ulid nodes[HOSTS];
    struct state *states[HOSTS];
    struct members *members[HOSTS];
};

static void tell(struct world *w, uint32_t host, kith_time now_us)
{
    struct effects effects = {0};
    const struct row *const *rows;
    struct member before;
    size_t n = state_take_changes(w->states[host], &rows);

    for (size_t i = 0; i < n; i++)
        members_changed(w->members[host], rows[i], now_us, &before);
    (void)state_take_batch(w->states[host], &effects);
    measure_step(w->m, host, &effects, w->members[host], now_us);
    effects_deinit(&effects);
}

static void put_member(struct world *w, uint32_t host)
{
    struct member_row row = {.name = bytes_str("h")};
    struct buf value = {0};

    member_row_encode(&value, &row);
    assert_int_equal(state_put(w->states[host], TABLE_ID_MEMBER, ulid_bytes(&w->nodes[host]),
                               buf_bytes(&value), 0, 0),
                     0);
    buf_deinit(&value);
}

/* `host` writes that `about` is dead. */
static void accuse(struct world *w, uint32_t host, uint32_t about, kith_time now_us)
{
    struct verdict_row row = {.observers_n = 0};
    struct buf value = {0};

    verdict_row_encode(&value, &row);
    assert_int_equal(state_put(w->states[host], TABLE_ID_VERDICT, ulid_bytes(&w->nodes[about]),
                               buf_bytes(&value), 1, 0),
                     0);
    buf_deinit(&value);
    tell(w, host, now_us);
}

static void pass_on(struct world *w, uint32_t from, uint32_t to, enum table_id table,
                    uint32_t about, kith_time now_us)
{
    const struct row *row = state_get(w->states[from], table, ulid_bytes(&w->nodes[about]));

    assert_non_null(row);
    assert_int_equal(state_merge(w->states[to], row->record), 0);
    tell(w, to, now_us);
}

static void world_init(struct world *w)
{
    *w = (struct world){0};
    rng_seed(&w->rng, 1);
    w->net = net_new(HOSTS, /* map= */ NULL, &w->rng, &w->queue, &w->counts);
    w->m = measure_new(HOSTS, w->net, /* from_us= */ 0);
    for (uint32_t i = 0; i < HOSTS; i++) {
        w->nodes[i].b[15] = (uint8_t)(i + 1);
        struct state_config config = {.self = w->nodes[i], .incarnation = 1};
        w->states[i] = state_new(&config);
        w->members[i] = members_new();
        state_clock(w->states[i], KITH_SEC);
        measure_host(w->m, i, &w->nodes[i]);
        measure_runs(w->m, i, true, 0);
        put_member(w, i);
    }
    for (uint32_t i = 0; i < HOSTS; i++) {
        tell(w, i, 0);
        for (uint32_t j = 0; j < HOSTS; j++) {
            if (i != j)
                pass_on(w, j, i, TABLE_ID_MEMBER, j, 0);
        }
    }
}

static void world_deinit(struct world *w)
{
    for (uint32_t i = 0; i < HOSTS; i++) {
        members_free(w->members[i]);
        state_free(w->states[i]);
    }
    measure_result_deinit(&w->result);
    measure_free(w->m);
    net_free(w->net);
    queue_deinit(&w->queue);
}

static const struct measure_row *row_of(struct world *w, const char *name)
{
    for (size_t i = 0; i < w->result.rows_n; i++) {
        if (strcmp(w->result.rows[i].name, name) == 0)
            return &w->result.rows[i];
    }
    return NULL;
}

static uint64_t value_of(struct world *w, const char *name)
{
    const struct measure_row *row = row_of(w, name);

    assert_non_null(row);
    return (uint64_t)row->max;
}

static void a_death_is_known_when_the_last_survivor_knows(void **unused)
{
    (void)unused;
    struct world w;

    world_init(&w);
    measure_runs(w.m, 3, false, 10 * KITH_SEC);
    accuse(&w, 0, 3, 11 * KITH_SEC);
    pass_on(&w, 0, 1, TABLE_ID_VERDICT, 3, 12 * KITH_SEC);
    measure_finish(w.m, 20 * KITH_SEC, &w.result);
    assert_int_equal(row_of(&w, "death_known")->n, 2);
    assert_int_equal(row_of(&w, "death_known")->missing, 1); /* the third never heard of it */
    assert_int_equal(value_of(&w, "death_known"), 2000);
    assert_int_equal(value_of(&w, "verdict_spread"), 1000);
    assert_int_equal(value_of(&w, "false_verdicts"), 0);
    world_deinit(&w);
}

static void a_verdict_against_one_that_runs_is_false(void **unused)
{
    (void)unused;
    struct world w;

    world_init(&w);
    measure_pauses(w.m, 2, true, 5 * KITH_SEC);
    measure_pauses(w.m, 2, false, 8 * KITH_SEC);
    accuse(&w, 0, 2, 10 * KITH_SEC);
    pass_on(&w, 0, 1, TABLE_ID_VERDICT, 2, 11 * KITH_SEC);
    measure_finish(w.m, 20 * KITH_SEC, &w.result);
    assert_int_equal(value_of(&w, "false_verdicts"), 1);
    assert_int_equal(value_of(&w, "false_verdicts_late"), 1);
    assert_int_equal(value_of(&w, "false_verdicts_held"), 1);
    assert_int_equal(value_of(&w, "flaps"), 1);
    assert_int_equal(w.result.wrong_n, 1);
    assert_int_equal(w.result.wrong[0].subject, 2);
    assert_int_equal(w.result.wrong[0].resumed_us, 2 * KITH_SEC);
    world_deinit(&w);
}

static void who_stands_still_or_is_cut_off_or_odd_is_rightly_accused(void **unused)
{
    (void)unused;
    struct world w;

    world_init(&w);
    measure_pauses(w.m, 1, true, 5 * KITH_SEC);
    accuse(&w, 0, 1, 6 * KITH_SEC);
    net_cut(w.net, 0, 2, true);
    net_cut(w.net, 2, 0, true);
    accuse(&w, 0, 2, 7 * KITH_SEC);
    net_host(w.net, 3)->deaf = true;
    accuse(&w, 0, 3, 8 * KITH_SEC);
    measure_finish(w.m, 20 * KITH_SEC, &w.result);
    assert_int_equal(value_of(&w, "verdicts"), 3);
    assert_int_equal(value_of(&w, "false_verdicts"), 0);
    world_deinit(&w);
}

static void a_change_is_timed_to_each_peer_and_its_copies_counted(void **unused)
{
    (void)unused;
    struct world w;
    struct buf key = {0};

    world_init(&w);
    state_storage_key(&key, TABLE_ID_MEMBER, bytes_str(STATE_NAMESPACE), ulid_bytes(&w.nodes[0]));
    measure_write(w.m, 0, buf_bytes(&key), 10 * KITH_SEC);
    put_member(&w, 0);
    tell(&w, 0, 10 * KITH_SEC + 5 * KITH_MS);
    struct bytes record = state_get(w.states[0], TABLE_ID_MEMBER, ulid_bytes(&w.nodes[0]))->record;
    measure_received(w.m, 1, record, 10 * KITH_SEC + 50 * KITH_MS);
    measure_received(w.m, 1, record, 10 * KITH_SEC + 60 * KITH_MS);
    measure_received(w.m, 2, bytes_of(record.data, record.len - 1), 10 * KITH_SEC + 60 * KITH_MS);
    pass_on(&w, 0, 1, TABLE_ID_MEMBER, 0, 10 * KITH_SEC + 50 * KITH_MS);
    measure_finish(w.m, 20 * KITH_SEC, &w.result);
    assert_int_equal(row_of(&w, "write_held")->n, 1);
    assert_int_equal(row_of(&w, "write_held")->missing, 2);
    assert_int_equal(value_of(&w, "write_held"), 50);
    assert_int_equal(value_of(&w, "write_copies"), 2);
    buf_deinit(&key);
    world_deinit(&w);
}

static void one_view_is_when_the_last_agrees(void **unused)
{
    (void)unused;
    struct world w;

    world_init(&w);
    measure_runs(w.m, 3, false, 10 * KITH_SEC);
    measure_mark(w.m, "heal", 10 * KITH_SEC);
    accuse(&w, 0, 3, 11 * KITH_SEC);
    pass_on(&w, 0, 1, TABLE_ID_VERDICT, 3, 12 * KITH_SEC);
    pass_on(&w, 0, 2, TABLE_ID_VERDICT, 3, 13 * KITH_SEC);
    measure_finish(w.m, 20 * KITH_SEC, &w.result);
    assert_int_equal(value_of(&w, "one_view_after_heal"), 3000);
    assert_int_equal(value_of(&w, "wrong_at_end"), 0);
    world_deinit(&w);
}

/* Everybody sees everybody all the while: it never was down for long enough to be called dead. */
static void who_restarts_is_in_view_when_all_heard_of_its_new_start(void **unused)
{
    (void)unused;
    struct world w;

    world_init(&w);
    measure_bounces(w.m, 3, 10 * KITH_SEC);
    measure_mark(w.m, "bounce", 10 * KITH_SEC); /* too early: it still runs as it did before */
    measure_runs(w.m, 3, false, 11 * KITH_SEC);
    measure_runs(w.m, 3, true, 12 * KITH_SEC);
    state_set_incarnation(w.states[3], 2);
    put_member(&w, 3);
    tell(&w, 3, 12 * KITH_SEC);
    measure_view(w.m, 3, w.members[3], 12 * KITH_SEC);
    for (uint32_t i = 0; i < 3; i++)
        pass_on(&w, 3, i, TABLE_ID_MEMBER, 3, (13 + i) * KITH_SEC);
    measure_finish(w.m, 20 * KITH_SEC, &w.result);
    assert_int_equal(value_of(&w, "one_view_after_bounce"), 5000);
    assert_int_equal(value_of(&w, "wrong_at_end"), 0);
    world_deinit(&w);
}

static void who_was_to_restart_and_did_not_is_missing(void **unused)
{
    (void)unused;
    struct world w;

    world_init(&w);
    measure_bounces(w.m, 3, 10 * KITH_SEC);
    measure_mark(w.m, "bounce", 10 * KITH_SEC);
    measure_finish(w.m, 20 * KITH_SEC, &w.result);
    assert_int_equal(row_of(&w, "one_view_after_bounce")->missing, 1);
    world_deinit(&w);
}

static void frames_are_counted_by_lane_and_kind(void **unused)
{
    (void)unused;
    struct world w;
    struct envelope envelope = {.format = FRAME_FORMAT,
                                .cluster = {{1}},
                                .sender = {{2}},
                                .boot = {{3}},
                                .proto_min = FRAME_PROTO_MIN,
                                .proto_max = FRAME_PROTO_MAX,
                                .lane = WIRE_LANE_MEMBER,
                                .kind = WIRE_PROBE,
                                .seq = 7};
    struct buf frame = {0};

    world_init(&w);
    frame_pack(&frame, &envelope, bytes_str("x"));
    for (int i = 0; i < 10; i++)
        measure_sent(w.m, 0, 1, buf_bytes(&frame), KITH_SEC);
    measure_finish(w.m, 10 * KITH_SEC, &w.result);
    assert_int_equal(value_of(&w, "sent"), frame.len);
    assert_int_equal(value_of(&w, "sent_lane_member"), frame.len);
    assert_non_null(row_of(&w, "sent_kind_probe"));
    assert_null(row_of(&w, "sent_kind_?"));
    buf_deinit(&frame);
    world_deinit(&w);
}

static void ages_of_loads_are_those_of_other_hosts_that_run(void **unused)
{
    (void)unused;
    struct world w;
    struct loads *loads = loads_new();
    struct load_value v = {.value = 1, .taken_us = 8 * KITH_SEC};

    world_init(&w);
    for (uint32_t i = 1; i < HOSTS; i++)
        loads_put(loads, loads_host_key(&w.nodes[i]), &v, 0, 9 * KITH_SEC);
    measure_runs(w.m, 3, false, 9 * KITH_SEC);
    measure_loads(w.m, 0, loads, w.states[0], 20 * KITH_SEC, 10 * KITH_SEC);
    measure_loads(w.m, 0, loads, w.states[0], 21 * KITH_SEC, 99 * KITH_SEC); /* too early */
    measure_loads(w.m, 1, loads, w.states[1], 20 * KITH_SEC,
                  10 * KITH_SEC); /* of 0 it knows none */
    measure_finish(w.m, 30 * KITH_SEC, &w.result);
    assert_int_equal(value_of(&w, "load_age"), 2050);
    assert_int_equal(row_of(&w, "load_age")->n, 2 * (HOSTS - 2) - 1);
    assert_int_equal(row_of(&w, "load_age")->missing, 1);
    assert_null(row_of(&w, "load_age_needed"));
    loads_free(loads);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_death_is_known_when_the_last_survivor_knows),
        cmocka_unit_test(a_verdict_against_one_that_runs_is_false),
        cmocka_unit_test(who_stands_still_or_is_cut_off_or_odd_is_rightly_accused),
        cmocka_unit_test(a_change_is_timed_to_each_peer_and_its_copies_counted),
        cmocka_unit_test(one_view_is_when_the_last_agrees),
        cmocka_unit_test(who_restarts_is_in_view_when_all_heard_of_its_new_start),
        cmocka_unit_test(who_was_to_restart_and_did_not_is_missing),
        cmocka_unit_test(frames_are_counted_by_lane_and_kind),
        cmocka_unit_test(ages_of_loads_are_those_of_other_hosts_that_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
