#include "base/mem.h"
#include "sim/rival.h"
#include "sim/swim.h"

#include "test.h"

#include <string.h>

#define MEMBERS 10

/* One member; the test is all the others. */
struct lone {
    struct rng rng;
    struct swim *swim;
    struct swim_out out;
    kith_time now_us;
};

static struct lone *lone_new(bool lifeguard)
{
    struct lone *l = mem_alloc(sizeof(*l));
    rng_seed(&l->rng, 7);
    l->swim = swim_new(0, MEMBERS, lifeguard, &l->rng);
    return l;
}

static void lone_free(struct lone *l)
{
    swim_free(l->swim);
    swim_out_deinit(&l->out);
    mem_free(l);
}

static void hear(struct lone *l, uint32_t kind, uint32_t from, uint32_t number,
                 const struct swim_update *news)
{
    struct swim_frame f = {.kind = kind, .from = from, .number = number, .updates_n = news != NULL};
    if (news)
        f.updates[0] = *news;
    swim_receive(l->swim, &f, l->now_us, &l->out);
}

/* Runs for a while; whoever is pinged answers, but `silent`. Returns the frames of this kind. */
static size_t run(struct lone *l, kith_time for_us, uint32_t silent, uint32_t kind)
{
    kith_time end_us = l->now_us + for_us;
    size_t n = 0;
    while (swim_deadline(l->swim) <= end_us) {
        l->now_us = swim_deadline(l->swim);
        swim_time(l->swim, l->now_us, &l->out);
        for (size_t i = 0; i < l->out.letters_n; i++) {
            struct swim_letter letter = l->out.letters[i];
            n += letter.frame.kind == kind;
            if (letter.frame.kind == SWIM_PING && letter.to != silent)
                hear(l, SWIM_ACK, letter.to, letter.frame.number, NULL);
        }
        l->out.letters_n = 0;
    }
    l->now_us = end_us;
    return n;
}

static bool holds_for_dead(const struct lone *l, uint32_t member)
{
    bool dead = false;
    for (size_t i = 0; i < l->out.views_n; i++) {
        if (l->out.views[i].member == member)
            dead = !l->out.views[i].alive;
    }
    return dead;
}

static void who_answers_nobody_is_asked_for_then_suspected_then_dead(void **unused)
{
    (void)unused;
    struct lone *l = lone_new(false);
    size_t asked = 0;
    for (int i = 0; i < MEMBERS && asked == 0; i++)
        asked = run(l, KITH_SEC, 3, SWIM_PING_FOR);
    assert_int_equal(asked, SWIM_INDIRECT);
    run(l, 3 * KITH_SEC, 3, SWIM_PING);
    assert_false(holds_for_dead(l, 3));
    run(l, 3 * KITH_SEC, 3, SWIM_PING); /* four periods for ten members */
    assert_true(holds_for_dead(l, 3));
    assert_int_equal(l->out.views_n, 1);
    struct swim_update alive = {.member = 3, .incarnation = 1, .state = SWIM_ALIVE, .by = 3};
    hear(l, SWIM_NEWS, 5, 0, &alive);
    assert_false(holds_for_dead(l, 3));
    lone_free(l);
}

static void lifeguard_waits_longer_until_others_confirm(void **unused)
{
    (void)unused;
    struct lone *l = lone_new(true);
    struct swim_update suspect = {.member = 4, .state = SWIM_SUSPECT, .by = 5};
    hear(l, SWIM_NEWS, 5, 0, &suspect);
    run(l, 20 * KITH_SEC, MEMBERS, SWIM_PING);
    assert_false(holds_for_dead(l, 4)); /* 24 s while only one says so */
    for (suspect.by = 6; suspect.by < 8; suspect.by++)
        hear(l, SWIM_NEWS, 6, 0, &suspect);
    run(l, KITH_SEC, MEMBERS, SWIM_PING);
    assert_true(holds_for_dead(l, 4));
    lone_free(l);
}

static void who_is_suspected_says_that_it_lives(void **unused)
{
    (void)unused;
    struct lone *l = lone_new(false);
    struct swim_update suspect = {.member = 0, .incarnation = 6, .state = SWIM_SUSPECT, .by = 5};
    hear(l, SWIM_PING, 5, 1, &suspect);
    assert_int_equal(l->out.letters_n, 1);
    const struct swim_frame *answer = &l->out.letters[0].frame;
    assert_int_equal(answer->kind, SWIM_ACK);
    assert_int_equal(answer->updates_n, 1);
    assert_int_equal(answer->updates[0].state, SWIM_ALIVE);
    assert_int_equal(answer->updates[0].incarnation, 7);
    lone_free(l);
}

/* Sixty of them in the virtual network, one without power: all know, by the rules ours are measured by. */
static void a_cluster_of_them_finds_a_death(void **unused)
{
    (void)unused;
    const struct scenario_range victim = {17, 17};
    const struct scenario_fault power = {
        .at_us = 5 * KITH_SEC, .kind = SCENARIO_POWER, .who = {.list = &victim, .list_n = 1}};
    const struct scenario scenario = {.faults = &power, .faults_n = 1};
    for (int way = 0; way < 4; way++) {
        struct world_options o = {.rival = way & 1 ? WORLD_SWIM : WORLD_LIFEGUARD,
                                  .datagrams = way & 2,
                                  .peers = 60,
                                  .seed = 3,
                                  .until_us = 40 * KITH_SEC,
                                  .scenario = &scenario};
        struct world_result result;
        rival_run(&o, &result);
        for (size_t i = 0; i < result.measured.rows_n; i++) {
            const struct measure_row *row = &result.measured.rows[i];
            if (strcmp(row->name, "death_known") != 0)
                continue;
            assert_int_equal(row->n, 59);
            assert_int_equal(row->missing, 0);
            assert_true(row->max > 4000);
        }
        assert_int_equal(result.violations_n, 0);
        world_result_deinit(&result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_answers_nobody_is_asked_for_then_suspected_then_dead),
        cmocka_unit_test(lifeguard_waits_longer_until_others_confirm),
        cmocka_unit_test(who_is_suspected_says_that_it_lives),
        cmocka_unit_test(a_cluster_of_them_finds_a_death),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
