#include "test.h"

#include "shell/routes.h"

static struct bytes id_of(uint32_t *n)
{
    return bytes_of(n, sizeof *n);
}

static void a_connection_keeps_its_number(void **state)
{
    (void)state;
    struct routes *r = routes_new();
    uint32_t a = 1, b = 2, door;
    uint64_t first = routes_number(r, 0, id_of(&a), 0);
    uint64_t second = routes_number(r, 0, id_of(&b), 0);
    uint64_t other_door = routes_number(r, 1, id_of(&a), 0);
    assert_true(first != 0 && first != second && other_door != first && other_door != second);
    assert_int_equal(routes_number(r, 0, id_of(&a), 5), first);
    struct bytes id;
    assert_true(routes_find(r, other_door, &door, &id));
    assert_int_equal(door, 1);
    assert_true(bytes_equal(id, id_of(&a)));
    assert_false(routes_find(r, 999, &door, &id));
    routes_free(r);
}

static void idle_ways_back_are_forgotten(void **state)
{
    (void)state;
    struct routes *r = routes_new();
    uint32_t a = 1, b = 2, door;
    struct bytes id;
    uint64_t first = routes_number(r, 0, id_of(&a), 0);
    uint64_t second = routes_number(r, 0, id_of(&b), 0);
    routes_number(r, 0, id_of(&a), ROUTES_IDLE_US);
    routes_expire(r, ROUTES_IDLE_US + 1);
    assert_true(routes_find(r, first, &door, &id));
    assert_false(routes_find(r, second, &door, &id));
    assert_int_equal(routes_count(r), 1);
    routes_free(r);
}

static void the_table_is_bounded_and_forgets_the_least_used(void **state)
{
    (void)state;
    struct routes *r = routes_new();
    uint32_t n = 0, door;
    struct bytes id;
    uint64_t kept = routes_number(r, 0, id_of(&n), 0);
    uint64_t lost = 0;
    for (n = 1; n <= ROUTES_MAX; n++) {
        uint64_t number = routes_number(r, 0, id_of(&n), 0);
        lost = lost == 0 ? number : lost;
        uint32_t zero = 0;
        routes_number(r, 0, id_of(&zero), 0);
    }
    assert_int_equal(routes_count(r), ROUTES_MAX);
    assert_true(routes_find(r, kept, &door, &id));
    assert_false(routes_find(r, lost, &door, &id));
    routes_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_keeps_its_number),
        cmocka_unit_test(idle_ways_back_are_forgotten),
        cmocka_unit_test(the_table_is_bounded_and_forgets_the_least_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
