#include "gossip/nearby.h"
#include "test.h"

static struct ulid id(unsigned n)
{
    struct ulid u = {{0}};
    u.b[15] = (uint8_t)n;
    return u;
}

static void the_nearest_that_was_measured_is_the_best(void **unused)
{
    (void)unused;
    struct nearby n = {0};
    struct ulid one = id(1), two = id(2), three = id(3);
    assert_null(nearby_best(&n, NULL, 0, 0));
    nearby_learn(&n, &one, 5000);
    nearby_learn(&n, &two, 9000);
    nearby_learn(&n, &two, 3000);
    nearby_learn(&n, &two, 7000); /* a slow packet makes nobody far */
    nearby_learn(&n, &three, 0);
    assert_true(ulid_equal(&nearby_best(&n, NULL, 0, 0)->id, &two));
    assert_int_equal(nearby_best(&n, NULL, 0, 0)->rtt_us, 3000);
    assert_true(ulid_equal(&nearby_best(&n, &two, 1, 0)->id, &one));
    nearby_not_until(&n, &two, 100);
    assert_true(ulid_equal(&nearby_best(&n, NULL, 0, 99)->id, &one));
    assert_true(ulid_equal(&nearby_best(&n, NULL, 0, 100)->id, &two));
    nearby_forget(&n, &two);
    assert_true(ulid_equal(&nearby_best(&n, NULL, 0, 100)->id, &one));
}

static void the_farthest_gives_way(void **unused)
{
    (void)unused;
    struct nearby n = {0};
    for (unsigned i = 1; i <= NEARBY_MAX; i++) {
        struct ulid u = id(i);
        nearby_learn(&n, &u, 1000 * (kith_time)i);
    }
    struct ulid far = id(100), near = id(101), heard_of = id(102), all[NEARBY_MAX];
    nearby_learn(&n, &far, 1000 * (NEARBY_MAX + 1));
    for (unsigned i = 0; i < NEARBY_MAX; i++)
        all[i] = id(i + 1);
    assert_null(nearby_best(&n, all, NEARBY_MAX, 0));
    nearby_learn(&n, &near, 10);
    assert_true(ulid_equal(&nearby_best(&n, NULL, 0, 0)->id, &near));
    nearby_learn(&n, &heard_of, 0); /* may be nearer still */
    assert_true(ulid_equal(&nearby_to_measure(&n, NULL, 0)->id, &heard_of));
}

static void who_does_not_answer_is_forgotten(void **unused)
{
    (void)unused;
    struct nearby n = {0};
    struct ulid silent = id(1);
    nearby_learn(&n, &silent, 0);
    for (int i = 0; i < NEARBY_PINGS_MAX; i++)
        assert_non_null(nearby_to_measure(&n, NULL, 0));
    assert_null(nearby_to_measure(&n, NULL, 0));
    assert_null(nearby_to_measure(&n, NULL, 0));
    nearby_learn(&n, &silent, 0);
    assert_non_null(nearby_to_measure(&n, NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_that_was_measured_is_the_best),
        cmocka_unit_test(the_farthest_gives_way),
        cmocka_unit_test(who_does_not_answer_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
