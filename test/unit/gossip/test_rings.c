#include "gossip/rings.h"

#include "test.h"

#include <string.h>

static struct ulid id_of(unsigned n)
{
    struct ulid id = {{0}};
    id.b[0] = 1;
    id.b[14] = (uint8_t)(n >> 8);
    id.b[15] = (uint8_t)n;
    return id;
}

static struct rings *rings_of(unsigned n)
{
    struct rings *r = rings_new();
    for (unsigned i = 0; i < n; i++) {
        struct ulid id = id_of(i);
        assert_true(rings_set(r, &id, true));
    }
    return r;
}

static bool among(const struct ulid *ids, size_t n, const struct ulid *id)
{
    for (size_t i = 0; i < n; i++) {
        if (ulid_equal(&ids[i], id))
            return true;
    }
    return false;
}

static void everybody_has_as_many_observers_as_there_can_be_all_distinct(void **unused)
{
    (void)unused;
    static const unsigned sizes[] = {1, 2, 3, 4, 5, 10, 39, 40, 50, 79, 80, 300};
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        unsigned n = sizes[s];
        struct rings *r = rings_of(n);
        for (unsigned i = 0; i < n; i++) {
            struct ulid id = id_of(i), observers[RINGS_OBSERVERS];
            size_t found = rings_observers(r, &id, observers);
            assert_int_equal(found, n - 1 < rings_wanted(n) ? n - 1 : rings_wanted(n));
            for (size_t k = 0; k < found; k++) {
                assert_false(ulid_equal(&observers[k], &id));
                assert_false(among(observers, k, &observers[k]));
            }
        }
        rings_free(r);
    }
}

static void
few_observe_each_in_a_small_cluster_and_no_member_more_changes_that_by_more_than_one(void **unused)
{
    (void)unused;
    assert_int_equal(rings_wanted(1), RINGS_OBSERVERS_LEAST);
    assert_int_equal(rings_wanted(30), RINGS_OBSERVERS_LEAST);
    assert_int_equal(rings_wanted(60), 7);
    assert_int_equal(rings_wanted(5000), RINGS_OBSERVERS);
    for (size_t n = 1; n < 200; n++) {
        assert_true(rings_wanted(n + 1) >= rings_wanted(n));
        assert_true(rings_wanted(n + 1) <= rings_wanted(n) + 1);
    }
}

static void subjects_of(unsigned n)
{
    struct rings *r = rings_of(n);
    size_t total = 0;
    for (unsigned i = 0; i < n; i++) {
        struct ulid id = id_of(i), subjects[RINGS_SUBJECTS];
        size_t found = rings_subjects(r, &id, subjects);
        total += found;
        for (unsigned k = 0; k < n; k++) {
            struct ulid other = id_of(k), observers[RINGS_OBSERVERS];
            size_t m = rings_observers(r, &other, observers);
            assert_int_equal(among(observers, m, &id), among(subjects, found, &other));
        }
    }
    assert_int_equal(total, n * rings_wanted(n));
    rings_free(r);
}

static void subjects_are_those_that_one_observes(void **unused)
{
    (void)unused;
    subjects_of(20);
    subjects_of(50);
    subjects_of(120);
}

static void the_order_of_arrival_does_not_matter(void **unused)
{
    (void)unused;
    struct rings *a = rings_of(40), *b = rings_new();
    for (unsigned i = 60; i-- > 0;) {
        struct ulid id = id_of(i);
        rings_set(b, &id, true);
    }
    for (unsigned i = 40; i < 60; i++) {
        struct ulid id = id_of(i);
        assert_true(rings_set(b, &id, false));
        assert_false(rings_set(b, &id, false));
    }
    for (unsigned i = 0; i < 60; i++) {
        struct ulid id = id_of(i), in_a[RINGS_OBSERVERS], in_b[RINGS_OBSERVERS];
        size_t n = rings_observers(a, &id, in_a);
        assert_int_equal(n, rings_wanted(40));
        assert_int_equal(rings_observers(b, &id, in_b), n);
        assert_memory_equal(in_a, in_b, n * sizeof(*in_a));
    }
    rings_free(a);
    rings_free(b);
}

static void a_member_that_goes_is_replaced_and_the_other_observers_stay(void **unused)
{
    (void)unused;
    struct rings *r = rings_of(100);
    struct ulid id = id_of(7), before[RINGS_OBSERVERS], after[RINGS_OBSERVERS];
    rings_observers(r, &id, before);
    assert_true(rings_set(r, &before[3], false));
    assert_int_equal(rings_observers(r, &id, after), RINGS_OBSERVERS);
    size_t stayed = 0;
    for (size_t i = 0; i < RINGS_OBSERVERS; i++)
        stayed += among(after, RINGS_OBSERVERS, &before[i]);
    assert_int_equal(stayed, RINGS_OBSERVERS - 1);
    rings_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_has_as_many_observers_as_there_can_be_all_distinct),
        cmocka_unit_test(
            few_observe_each_in_a_small_cluster_and_no_member_more_changes_that_by_more_than_one),
        cmocka_unit_test(subjects_are_those_that_one_observes),
        cmocka_unit_test(the_order_of_arrival_does_not_matter),
        cmocka_unit_test(a_member_that_goes_is_replaced_and_the_other_observers_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
