#include "native/verbs.h"

#include "native/routes.h"

#include "test.h"

#include <string.h>

/* The table that the server dispatches from and the table of ways hold each other. */

static bool is_route(const struct native_verb *v)
{
    for (size_t i = 0; i < native_routes.n; i++) {
        if (strcmp(native_routes.routes[i].path, v->path) == 0 &&
            native_routes.routes[i].methods & v->method)
            return true;
    }
    return false;
}

static void each_way_is_a_route(void **state)
{
    (void)state;
    for (size_t i = 0; i < native_verbs_n; i++) {
        const struct native_verb *v = &native_verbs[i];

        if (v->method && !is_route(v))
            fail_msg("there is no route %s", v->path);
        assert_int_equal(v->why != NULL, !v->verb || !v->method);
    }
}

static bool is_way(const struct route *r)
{
    for (size_t i = 0; i < native_verbs_n; i++) {
        const struct native_verb *v = &native_verbs[i];

        if (v->method == r->methods && strcmp(v->path, r->path) == 0)
            return true;
    }
    return false;
}

static void each_route_is_a_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < native_routes.n; i++) {
        if (strncmp(native_routes.routes[i].path, "/api/v1/", 8) == 0 &&
            !is_way(&native_routes.routes[i]))
            fail_msg("%s is of no verb of kith, and has no reason", native_routes.routes[i].path);
    }
}

/* A page that is merely opened, or a program that follows links, changes nothing. */
static void what_is_got_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < native_routes.n; i++) {
        if (strncmp(native_routes.routes[i].path, "/api/v1/", 8) == 0)
            assert_int_equal(native_routes.routes[i].effect != ROUTE_CHANGES,
                             native_routes.routes[i].methods == METHOD_GET);
    }
}

/* The daemon's socket is its owner's alone, a port of loopback is everybody's on the host. */
static void what_programs_print_and_are_given_needs_the_token(void **state)
{
    (void)state;
    static const char *const paths[] = {"/api/v1/instances/:/logs", "/api/v1/services/:"};
    unsigned n = 0;
    for (size_t i = 0; i < native_routes.n; i++) {
        for (size_t k = 0; k < sizeof(paths) / sizeof(paths[0]); k++) {
            if (strcmp(native_routes.routes[i].path, paths[k]) != 0 ||
                native_routes.routes[i].methods != METHOD_GET)
                continue;
            assert_int_equal(native_routes.routes[i].effect, ROUTE_SECRETS);
            n++;
        }
    }
    assert_int_equal(n, sizeof(paths) / sizeof(paths[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_is_a_route),
        cmocka_unit_test(each_route_is_a_way),
        cmocka_unit_test(what_is_got_changes_nothing),
        cmocka_unit_test(what_programs_print_and_are_given_needs_the_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
