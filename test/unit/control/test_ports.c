#include "control/ports.h"

#include "test.h"

static const struct ulid one = {.b = {1}}, two = {.b = {2}};

static void test_no_port_is_given_twice(void **state)
{
    (void)state;
    struct ports p;
    bool seen[10] = {false};

    ports_init(&p, 20000, 20009);
    for (unsigned k = 0; k < 10; k++) {
        uint16_t port = ports_take(&p, k % 2 ? &one : &two, 0);

        assert_in_range(port, 20000, 20009);
        assert_false(seen[port - 20000]);
        seen[port - 20000] = true;
    }
    assert_int_equal(ports_take(&p, &one, 0), 0);
    ports_release(&p, &one);
    assert_int_not_equal(ports_take(&p, &one, 0), 0);
    ports_deinit(&p);
}

static void test_a_port_just_released_comes_last(void **state)
{
    (void)state;
    struct ports p;

    ports_init(&p, 20000, 20002);
    assert_int_equal(ports_take(&p, &one, 0), 20000);
    ports_release(&p, &one);
    assert_int_equal(ports_take(&p, &one, 0), 20001);
    ports_deinit(&p);
}

static void test_one_that_others_have_is_passed_over_for_a_while(void **state)
{
    (void)state;
    struct ports p;

    ports_init(&p, 20000, 20000);
    assert_int_equal(ports_take(&p, &one, 0), 20000);
    ports_avoid(&p, 20000, 0);
    ports_avoid(&p, 20001, 0); /* nobody's: nothing */
    assert_false(ports_hold(&p, 20000, &one, 0));
    assert_int_equal(ports_take(&p, &two, PORT_AVOID - 1), 0);
    assert_int_equal(ports_take(&p, &two, PORT_AVOID), 20000);
    ports_deinit(&p);
}

static void test_a_fixed_port_belongs_to_one(void **state)
{
    (void)state;
    struct ports p;

    ports_init(&p, 20000, 20009);
    assert_true(ports_hold(&p, 80, &one, 0));
    assert_true(ports_hold(&p, 80, &one, 0));
    assert_false(ports_hold(&p, 80, &two, 0));
    ports_release(&p, &one);
    assert_true(ports_hold(&p, 80, &two, 0));
    ports_deinit(&p);
}

static void test_without_a_range_there_is_none(void **state)
{
    (void)state;
    struct ports p;

    ports_init(&p, 0, 0);
    assert_int_equal(ports_take(&p, &one, 0), 0);
    ports_deinit(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_port_is_given_twice),
        cmocka_unit_test(test_a_port_just_released_comes_last),
        cmocka_unit_test(test_one_that_others_have_is_passed_over_for_a_while),
        cmocka_unit_test(test_a_fixed_port_belongs_to_one),
        cmocka_unit_test(test_without_a_range_there_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
