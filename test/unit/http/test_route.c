#include "http/route.h"

#include "test.h"

static void one(struct exchange *x)
{
    (void)x;
}

static void two(struct exchange *x)
{
    (void)x;
}

static const struct route routes[] = {
    {METHOD_GET, ROUTE_READS, "/v1/kv/:/x/:", one},
    {METHOD_GET, ROUTE_READS, "/v1/kv/all", two},
    {METHOD_PUT | METHOD_DELETE, ROUTE_READS, "/v1/kv/:", one},
};

static const struct route_table first = {routes, 2},
                                second = {routes + 2, 1}, *const tables[] = {&first, &second, NULL};

static int find(struct route_match *m, const char *method, const char *path)
{
    struct arena mem = {0};
    struct target t;

    assert_int_equal(target_parse(&t, bytes_str(path), &mem), 0);
    int r = route_find(m, tables, route_method(method), &t);

    assert_int_equal(m->route != NULL, r == 0);
    arena_deinit(&mem); /* nothing is looked at after this but counts and pointers */
    return r;
}

static void the_first_that_fits_in_path_and_method_is_taken(void **state)
{
    (void)state;
    struct route_match m;

    assert_int_equal(find(&m, "GET", "/v1/kv/a/x/b"), 0);
    assert_true(m.route->handle == one);
    assert_int_equal(m.args_n, 2);
    assert_int_equal(find(&m, "HEAD", "/v1/kv/all"), 0);
    assert_true(m.route->handle == two);
    assert_int_equal(m.args_n, 0);
    assert_int_equal(find(&m, "DELETE", "/v1/kv/all"), 0);
    assert_int_equal(m.args_n, 1);
}

static void others_are_unknown(void **state)
{
    (void)state;
    struct route_match m;

    assert_int_equal(find(&m, "GET", "/"), ROUTE_UNKNOWN);
    assert_int_equal(find(&m, "GET", "/v1/kv"), ROUTE_UNKNOWN);
    assert_int_equal(find(&m, "GET", "/v1/kv//x/b"), ROUTE_UNKNOWN); /* nothing is no name */
    assert_int_equal(find(&m, "GET", "/v1/kv/a/x/b/c"), ROUTE_UNKNOWN);
}

static void a_wrong_method_is_told_the_right_ones(void **state)
{
    (void)state;
    struct route_match m;
    struct buf allow = {0};

    assert_int_equal(find(&m, "POST", "/v1/kv/all"), ROUTE_METHOD);
    route_allow(&allow, m.methods);
    assert_string_equal(buf_cstr(&allow), "GET, HEAD, PUT, DELETE");
    assert_int_equal(find(&m, "BREW", "/v1/kv/all"), ROUTE_METHOD);
    buf_deinit(&allow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_that_fits_in_path_and_method_is_taken),
        cmocka_unit_test(others_are_unknown),
        cmocka_unit_test(a_wrong_method_is_told_the_right_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
