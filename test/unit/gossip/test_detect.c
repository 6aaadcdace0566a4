#include "cluster.h"
#include "gossip/detect_inside.h"
#include "gossip/guests.h"
#include "test.h"

#include <stdio.h>

static struct cluster *running(size_t n)
{
    struct cluster *c = cluster_new(n);
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 10 * KITH_SEC));
    cluster_run(c, 5 * KITH_SEC);
    return c;
}

static void report(const char *what, size_t n, kith_time took_us)
{
    printf("%s of %zu: known to all after %lld ms\n", what, n, (long long)(took_us / KITH_MS));
}

static const size_t sizes[] = {2, 3, 5, 10, 20, 50};

static void a_killed_peer_is_found_within_a_second(void **unused)
{
    (void)unused;
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        struct cluster *c = running(sizes[s]);
        size_t victim = sizes[s] / 2;
        node_kill(c, victim);
        kith_time took_us = cluster_sees(c, victim, MEMBER_STATE_DEAD, 10 * KITH_SEC);
        report("kill", sizes[s], took_us);
        assert_in_range(took_us, 1, KITH_SEC);
        cluster_run(c, 10 * KITH_SEC);
        assert_true(cluster_agrees(c, 0)); /* and nobody else */
        cluster_free(c);
    }
}

static void a_silent_peer_is_found_within_three_and_a_half_seconds(void **unused)
{
    (void)unused;
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        struct cluster *c = running(sizes[s]);
        size_t victim = sizes[s] - 1;
        node_vanish(c, victim);
        kith_time took_us = cluster_sees(c, victim, MEMBER_STATE_DEAD, 10 * KITH_SEC);
        report("silence", sizes[s], took_us);
        assert_in_range(took_us, 500 * KITH_MS, 3500 * KITH_MS);
        cluster_run(c, 10 * KITH_SEC);
        assert_true(cluster_agrees(c, 0));
        cluster_free(c);
    }
}

static void a_verdict_lists_as_many_observers_as_it_takes(void **unused)
{
    (void)unused;
    static const size_t need[] = {1, 2, 4, 5, 5, 6};
    for (size_t s = 0; s < sizeof(need) / sizeof(need[0]); s++) {
        struct cluster *c = running(sizes[s]);
        node_vanish(c, 1);
        assert_true(cluster_sees(c, 1, MEMBER_STATE_DEAD, 10 * KITH_SEC) > 0);
        struct ulid id = node_id(c, 1);
        const struct row *row = state_get(node_state(c, 0), TABLE_ID_VERDICT, ulid_bytes(&id));
        struct verdict_row verdict;
        struct arena mem = {0};
        struct wire_error err;
        assert_int_equal(verdict_row_decode(&verdict, row->value, &mem, &err), 0);
        assert_int_equal(row->version.major, 1);
        assert_true(verdict.observers_n >= need[s]);
        arena_deinit(&mem);
        cluster_free(c);
    }
}

static void a_restarted_peer_is_back_everywhere_within_two_seconds(void **unused)
{
    (void)unused;
    struct cluster *c = running(20);
    node_kill(c, 7);
    assert_true(cluster_sees(c, 7, MEMBER_STATE_DEAD, 3 * KITH_SEC) > 0);
    cluster_run(c, 60 * KITH_SEC); /* long enough for all to have stopped listening */
    node_start(c, 7);
    kith_time took_us = cluster_sees(c, 7, MEMBER_STATE_ALIVE, 10 * KITH_SEC);
    report("restart", 20, took_us);
    assert_in_range(took_us, 1, 2 * KITH_SEC);
    assert_true(cluster_agrees(c, 2 * KITH_SEC));
    assert_int_equal(node_incarnation(c, 7), 2);
    assert_true(cluster_same_tables(c, 5 * KITH_SEC));
    cluster_free(c);
}

static void a_restart_at_once_is_seen_as_one(void **unused)
{
    (void)unused;
    struct cluster *c = running(5);
    node_kill(c, 2);
    cluster_run(c, 30 * KITH_MS);
    node_start(c, 2);
    cluster_run(c, 3 * KITH_SEC);
    assert_true(cluster_agrees(c, 0));
    assert_true(node_member(c, 0, 2)->incarnation >= 2);
    cluster_free(c);
}

static void loss_as_delay_kills_nobody(void **unused)
{
    (void)unused;
    struct cluster *c = running(20);
    c->loss_permille = 100;
    cluster_run(c, 3 * KITH_MIN);
    assert_int_equal(cluster_count(c, "verdicts_written"), 0);
    printf("10 %% loss: %llu suspicions, %llu refutations\n",
           (unsigned long long)cluster_count(c, "suspicions"),
           (unsigned long long)cluster_count(c, "refutations"));
    cluster_free(c);
}

static void a_paused_peer_accuses_nobody_and_comes_back(void **unused)
{
    (void)unused;
    struct cluster *c = running(10);
    uint64_t verdicts = cluster_count(c, "verdicts_written");
    node_pause(c, 4);
    assert_true(cluster_sees(c, 4, MEMBER_STATE_DEAD, 4 * KITH_SEC) > 0);
    cluster_run(c, 20 * KITH_SEC);
    uint64_t theirs = cluster_count(c, "verdicts_written");
    assert_true(theirs > verdicts);
    node_resume(c, 4);
    assert_true(cluster_agrees(c, 5 * KITH_SEC));
    cluster_run(c, 10 * KITH_SEC);
    assert_int_equal(node_count(c, 4, "verdicts_written"), 0);
    assert_int_equal(cluster_count(c, "verdicts_written"), theirs);
    assert_true(node_count(c, 4, "pauses") >= 1);
    assert_true(node_count(c, 4, "refutations") >= 1);
    assert_true(cluster_agrees(c, 0));
    cluster_free(c);
}

static void short_pauses_are_survived(void **unused)
{
    (void)unused;
    struct cluster *c = running(10);
    for (size_t i = 0; i < 10; i++) {
        node_pause(c, i);
        cluster_run(c, 700 * KITH_MS);
        node_resume(c, i);
        cluster_run(c, 2 * KITH_SEC);
    }
    assert_int_equal(cluster_count(c, "verdicts_written"), 0);
    cluster_free(c);
}

static void halves_see_each_other_dead_and_merge_again(void **unused)
{
    (void)unused;
    static const size_t split_n[] = {4, 10, 20};
    for (size_t s = 0; s < 3; s++) {
        size_t n = split_n[s];
        struct cluster *c = running(n);
        cluster_split(c, n / 2, true);
        cluster_run(c, 30 * KITH_SEC);
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < n; k++)
                assert_int_equal(node_sees(c, i, k), (i < n / 2) == (k < n / 2)
                                                         ? MEMBER_STATE_ALIVE
                                                         : MEMBER_STATE_DEAD);
        }
        cluster_split(c, n / 2, false);
        kith_time from = c->now_us;
        assert_true(cluster_agrees(c, 10 * KITH_SEC));
        report("merge", n, c->now_us - from);
        assert_true(cluster_same_tables(c, 10 * KITH_SEC));
        cluster_free(c);
    }
}

static void a_minority_of_two_sees_the_others_dead(void **unused)
{
    (void)unused;
    struct cluster *c = running(10);
    cluster_split(c, 2, true);
    cluster_run(c, 30 * KITH_SEC);
    for (size_t k = 2; k < 10; k++) {
        assert_int_equal(node_sees(c, 0, k), MEMBER_STATE_DEAD);
        assert_int_equal(node_sees(c, k, 0), MEMBER_STATE_DEAD);
    }
    assert_int_equal(node_sees(c, 0, 1), MEMBER_STATE_ALIVE);
    cluster_split(c, 2, false);
    assert_true(cluster_agrees(c, 10 * KITH_SEC));
    cluster_free(c);
}

static void two_that_do_not_see_each_other_are_both_alive(void **unused)
{
    (void)unused;
    static const size_t cut_n[] = {3, 10};
    for (size_t s = 0; s < 2; s++) {
        struct cluster *c = running(cut_n[s]);
        cluster_cut(c, 0, 1, true);
        cluster_run(c, 20 * KITH_SEC);
        assert_int_equal(cluster_count(c, "verdicts_written"), 0);
        cluster_free(c);
    }
}

static void a_deaf_peer_keeps_its_view_to_itself(void **unused)
{
    (void)unused;
    struct cluster *c = running(10);
    for (size_t i = 0; i < 10; i++)
        c->cut[i][3] = true; /* it speaks, and hears nothing */
    cluster_run(c, 30 * KITH_SEC);
    for (size_t i = 0; i < 10; i++) {
        for (size_t k = 0; k < 10; k++) {
            if (i != 3 && k != 3)
                assert_int_equal(node_sees(c, i, k), MEMBER_STATE_ALIVE);
        }
    }
    assert_int_equal(node_sees(c, 3, 0), MEMBER_STATE_DEAD);
    for (size_t i = 0; i < 10; i++)
        c->cut[i][3] = false;
    cluster_run(c, 200 * KITH_MS);
    for (size_t k = 0; k < 10; k++) {
        if (k != 3)
            assert_int_equal(node_sees(c, 0, k), MEMBER_STATE_ALIVE);
    }
    assert_true(cluster_agrees(c, 10 * KITH_SEC));
    assert_true(node_count(c, 3, "verdicts_withdrawn") > 0);
    cluster_free(c);
}

static void one_who_loses_most_of_its_packets_does_not_flap(void **unused)
{
    (void)unused;
    struct cluster *c = running(12);
    size_t odd = 5, falls = 0;
    bool dead = false;
    c->loss_of[odd] = 800;
    for (int i = 0; i < 5 * 60 * 4; i++) {
        cluster_run(c, 250 * KITH_MS);
        bool now = node_sees(c, 0, odd) == MEMBER_STATE_DEAD;
        falls += now && !dead;
        dead = now;
        for (size_t k = 1; k < 12; k++)
            assert_true(k == odd || node_sees(c, 0, k) == MEMBER_STATE_ALIVE);
    }
    assert_in_range(falls, 1, 2);
    c->loss_of[odd] = 0;
    assert_true(cluster_agrees(c, 30 * KITH_SEC)); /* it is well, and need not wait for minutes */
    cluster_free(c);
}

static size_t accuse(struct cluster *c, size_t who, uint64_t incarnation)
{
    struct stranger by = {.id = node_id(c, 1), .boot = {"b"}, .door = DOOR_PROBE, .route = 1};
    struct probe p = {.nonce = 1, .about = node_id(c, who), .incarnation = incarnation};
    struct buf payload = {0};
    p.dead = true;
    by.from = "127.0.0.2";
    probe_encode(&payload, &p);
    size_t answers = node_frame(c, who, &by, WIRE_PROBE, buf_bytes(&payload));
    buf_deinit(&payload);
    return answers;
}

static void a_wrong_accusation_is_refuted_and_an_absurd_one_refused(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(3);
    c->insecure = true;
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 10 * KITH_SEC));
    uint64_t before = node_incarnation(c, 0);
    int64_t refutations = node_count(c, 0, "refutations");
    assert_int_equal(accuse(c, 0, before + 3), 1);
    assert_int_equal(node_incarnation(c, 0), before + 4);
    assert_int_equal(node_count(c, 0, "refutations"), refutations + 1);
    assert_int_equal(accuse(c, 0, UINT64_C(1) << 47), 1);
    assert_int_equal(node_incarnation(c, 0), before + 4);
    assert_int_equal(node_count(c, 0, "refused_row"), 1);
    cluster_run(c, KITH_SEC);
    assert_true(cluster_agrees(c, 0));
    cluster_free(c);
}

static void a_wide_network_is_given_more_time(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(5);
    c->wan = true;
    c->delay_us = 150 * KITH_MS;
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 20 * KITH_SEC));
    cluster_run(c, 10 * KITH_SEC);
    node_pause(c, 2); /* in one site that would be a death */
    cluster_run(c, 3 * KITH_SEC);
    node_resume(c, 2);
    cluster_run(c, 5 * KITH_SEC);
    assert_int_equal(cluster_count(c, "verdicts_written"), 0);
    assert_true(cluster_agrees(c, 0));
    node_vanish(c, 2);
    assert_in_range(cluster_sees(c, 2, MEMBER_STATE_DEAD, 30 * KITH_SEC), 4 * KITH_SEC,
                    12 * KITH_SEC);
    cluster_free(c);
}

/* What one member keeps saying of another is one voice: the others look for themselves. */
static void one_who_reports_all_others_silent_kills_nobody(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(8);
    c->insecure = true;
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 10 * KITH_SEC));
    struct stranger liar = {.id = node_id(c, 7), .boot = {"b"}, .door = DOOR_PROBE, .route = 1};
    liar.from = "127.0.0.8";
    for (int i = 0; i < 100; i++) {
        for (size_t to = 0; to < 7; to++) {
            struct miss m = {.about = node_id(c, (to + 1 + (size_t)i % 6) % 7),
                             .incarnation = 1,
                             .missing = true};
            struct buf payload = {0};
            miss_encode(&payload, &m);
            node_frame(c, to, &liar, WIRE_MISS, buf_bytes(&payload));
            buf_deinit(&payload);
        }
        cluster_run(c, 100 * KITH_MS);
        assert_true(cluster_agrees(c, 0));
    }
    assert_true(cluster_count(c, "reports_received") >= 700);
    assert_int_equal(cluster_count(c, "verdicts_written"), 0);
    cluster_free(c);
}

/* Answers are stamped: an old one says nothing about now. */
static void replayed_answers_keep_nobody_alive(void **unused)
{
    (void)unused;
    struct cluster *c = running(5);
    struct stranger ghost = {.id = node_id(c, 2), .door = DOOR_PROBE};
    struct probe_ack ack = {.nonce = 7, .incarnation = node_incarnation(c, 2)};
    struct buf payload = {0};
    ghost.from = "tcp://127.0.0.3:5484";
    ghost.boot = node_member(c, 0, 2)->row->boot;
    probe_ack_encode(&payload, &ack);
    node_vanish(c, 2);
    kith_time died_us = c->now_us;
    while (c->now_us - died_us < 3500 * KITH_MS) {
        for (size_t i = 0; i < 5; i++) {
            if (i != 2)
                node_frame(c, i, &ghost, WIRE_PROBE_ACK, buf_bytes(&payload));
        }
        cluster_run(c, 50 * KITH_MS);
    }
    for (size_t i = 0; i < 5; i++)
        assert_true(i == 2 || node_sees(c, i, 2) == MEMBER_STATE_DEAD);
    buf_deinit(&payload);
    cluster_free(c);
}

/* Node `at` gets a verdict against node `who` that node `by` wrote, from nobody in particular. */
static void condemn(struct cluster *c, size_t at, size_t by, size_t who, uint64_t incarnation)
{
    struct ulid about = node_id(c, who);
    struct verdict_row verdict = {0};
    struct buf value = {0}, record = {0};
    verdict_row_encode(&value, &verdict);
    record_encode(&record, &(struct record){.namespace = bytes_str(STATE_NAMESPACE),
                                            .table = TABLE_ID_VERDICT,
                                            .key = ulid_bytes(&about),
                                            .value = buf_bytes(&value),
                                            .version = {.major = incarnation,
                                                        .minor = hlc_from_wall(cluster_wall(c))},
                                            .origin = node_id(c, by)});
    assert_int_equal(state_merge(node_state(c, at), buf_bytes(&record)), 0);
    buf_deinit(&value);
    buf_deinit(&record);
}

/* There is nobody left to whom it could go on and off, so it waits for no answers. */
static void who_is_alone_rises_again_at_once(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(2);
    c->insecure = true;
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 10 * KITH_SEC));
    accuse(c, 0, node_incarnation(c, 0)); /* it rose lately */
    node_vanish(c, 1);
    assert_true(cluster_sees(c, 1, MEMBER_STATE_DEAD, 5 * KITH_SEC) > 0);
    uint64_t before = node_incarnation(c, 0);
    condemn(c, 0, 1, 0, before);
    cluster_run(c, 500 * KITH_MS);
    assert_int_equal(node_incarnation(c, 0), before + 1);
    assert_int_equal(node_sees(c, 0, 0), MEMBER_STATE_ALIVE);
    cluster_free(c);
}

/* The one holds it for dead, and it does not know: it goes on asking, and is told. */
static void who_speaks_though_held_for_dead_is_told_and_rises(void **unused)
{
    (void)unused;
    struct cluster *c = running(4);
    cluster_run(c, GUESTS_STAY); /* nobody is a guest who would hear of it */
    uint64_t before = node_incarnation(c, 2);
    condemn(c, 0, 1, 2, before);
    cluster_run(c, 2 * KITH_SEC);
    assert_in_range(node_count(c, 0, "accusations"), 1, 20);
    assert_int_equal(node_incarnation(c, 2), before + 1);
    assert_true(cluster_agrees(c, KITH_SEC));
    cluster_free(c);
}

/* What was not on the disk when it died is as if it had never been, for others too. */
static void nobody_hears_of_an_incarnation_that_is_not_on_disk(void **unused)
{
    (void)unused;
    struct cluster *c = running(3);
    uint64_t before = node_incarnation(c, 0);
    condemn(c, 0, 1, 0, before + 7);
    for (int i = 0; i < 50000 && node_incarnation(c, 0) == before; i++)
        cluster_run(c, 100);
    assert_int_equal(node_incarnation(c, 0), before + 8);
    node_kill(c, 0);
    cluster_run(c, 5 * KITH_SEC);
    for (size_t i = 1; i < 3; i++)
        assert_int_equal(node_member(c, i, 0)->incarnation, before);
    node_start(c, 0);
    assert_true(cluster_agrees(c, 5 * KITH_SEC));

    before = node_incarnation(c, 0);
    condemn(c, 0, 1, 0, before + 7);
    cluster_run(c, 5 * KITH_SEC); /* it rises, and that is on the disk */
    node_kill(c, 0);
    node_start(c, 0);
    assert_true(node_incarnation(c, 0) > before + 8);
    cluster_free(c);
}

/* For ever, but not by more than a few probes a minute, however many they are. */
static void the_dead_are_tried_within_a_budget(void **unused)
{
    (void)unused;
    struct cluster *c = running(12);
    for (size_t i = 1; i < 12; i++)
        node_vanish(c, i);
    cluster_run(c, KITH_MIN);
    int64_t before = node_count(c, 0, "probes_sent");
    cluster_run(c, 20 * KITH_MIN);
    assert_in_range(node_count(c, 0, "probes_sent") - before, 60, 20 * 60);
    node_start(c, 7);
    assert_true(cluster_sees(c, 7, MEMBER_STATE_ALIVE, 10 * KITH_SEC) >= 0);
    cluster_free(c);
}

static void all_but_one_may_die_together(void **unused)
{
    (void)unused;
    struct cluster *c = running(5);
    for (size_t i = 1; i < 5; i++)
        node_kill(c, i);
    cluster_run(c, 15 * KITH_SEC);
    assert_true(cluster_agrees(c, 0));
    node_start(c, 2);
    cluster_run(c, 10 * KITH_SEC);
    assert_true(cluster_agrees(c, 0));
    cluster_free(c);
}

static void several_may_vanish_together(void **unused)
{
    (void)unused;
    struct cluster *c = running(20);
    for (size_t i = 4; i < 12; i++)
        node_vanish(c, i);
    assert_true(cluster_agrees(c, 10 * KITH_SEC));
    cluster_free(c);
}

/* Half a dozen are probed each second, and each probe has a time-out. */
static void nobody_is_woken_for_what_was_answered(void **unused)
{
    (void)unused;
    struct cluster *c = running(8);
    uint64_t before = node_wakes(c, 0);
    int64_t probes = node_count(c, 0, "probes_sent");
    cluster_run(c, 10 * KITH_SEC);
    assert_in_range(node_count(c, 0, "probes_sent") - probes, 40, 130);
    assert_in_range(node_wakes(c, 0) - before, 10, 22); /* with the time-outs it would be 30 */
    cluster_free(c);
}

/* Its time-out was stretched while the own senses were in doubt; they are well again when others miss it too. */
static void a_doubt_that_is_over_does_not_make_one_wait(void **unused)
{
    (void)unused;
    struct core core = {0};
    struct turn t = {.now_us = 100 * KITH_SEC};
    struct detect *d = detect_new(&core);
    const struct ulid id = {"suspect"};
    struct watch *w = watch_get(&d->watches, &id);
    w->base_us = 100 * KITH_MS;
    w->owed_us = t.now_us - 2 * KITH_SEC;
    detect_arm(d, w, w->owed_us + 4 * KITH_SEC);
    assert_int_equal(timers_next(&d->timers), t.now_us + 2 * KITH_SEC);
    detect_hasten(d, &t, w);
    assert_int_equal(timers_next(&d->timers), t.now_us);
    detect_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_peer_is_found_within_a_second),
        cmocka_unit_test(a_silent_peer_is_found_within_three_and_a_half_seconds),
        cmocka_unit_test(a_verdict_lists_as_many_observers_as_it_takes),
        cmocka_unit_test(a_restarted_peer_is_back_everywhere_within_two_seconds),
        cmocka_unit_test(a_restart_at_once_is_seen_as_one),
        cmocka_unit_test(loss_as_delay_kills_nobody),
        cmocka_unit_test(a_paused_peer_accuses_nobody_and_comes_back),
        cmocka_unit_test(short_pauses_are_survived),
        cmocka_unit_test(halves_see_each_other_dead_and_merge_again),
        cmocka_unit_test(a_minority_of_two_sees_the_others_dead),
        cmocka_unit_test(two_that_do_not_see_each_other_are_both_alive),
        cmocka_unit_test(a_deaf_peer_keeps_its_view_to_itself),
        cmocka_unit_test(one_who_loses_most_of_its_packets_does_not_flap),
        cmocka_unit_test(a_wrong_accusation_is_refuted_and_an_absurd_one_refused),
        cmocka_unit_test(a_wide_network_is_given_more_time),
        cmocka_unit_test(one_who_reports_all_others_silent_kills_nobody),
        cmocka_unit_test(replayed_answers_keep_nobody_alive),
        cmocka_unit_test(who_speaks_though_held_for_dead_is_told_and_rises),
        cmocka_unit_test(nobody_hears_of_an_incarnation_that_is_not_on_disk),
        cmocka_unit_test(the_dead_are_tried_within_a_budget),
        cmocka_unit_test(who_is_alone_rises_again_at_once),
        cmocka_unit_test(all_but_one_may_die_together),
        cmocka_unit_test(several_may_vanish_together),
        cmocka_unit_test(nobody_is_woken_for_what_was_answered),
        cmocka_unit_test(a_doubt_that_is_over_does_not_make_one_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
