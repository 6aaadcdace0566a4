#include "control/vet.h"

#include "world.h"

#include "test.h"

/* Applying this is refused with that text, and leaves nothing behind. */
static void refused(struct world *w, const struct service_spec *specs, uint32_t n, const char *part)
{
    size_t rows;
    struct bytes all = {0};

    world_apply(w, 0, specs, n);
    assert_true(world_refused(w, part));
    rows = 0;
    for (const struct row *row = state_first(w->nodes[0].state, TABLE_ID_SPEC, all); row;
         row = state_next(w->nodes[0].state, row, all))
        rows++;
    assert_int_equal(rows, 2); /* a and b */
}

static struct world *a_and_b(void)
{
    struct world *w = world_new(1);
    struct service_spec specs[] = {world_spec("a", 0, NULL), world_spec("b", 0, "a")};

    world_apply(w, 0, specs, 2);
    assert_true(world_done(w));
    return w;
}

static void test_needs_must_be_there(void **state)
{
    (void)state;
    struct world *w = a_and_b();
    struct service_spec specs[] = {world_spec("c", 1, "nowhere"), world_spec("d", 1, NULL)};

    refused(w, specs, 2, "c: it needs nowhere");
    world_free(w);
}

static void test_circles_are_refused_with_their_path(void **state)
{
    (void)state;
    struct world *w = a_and_b();
    struct service_spec closes = world_spec("a", 1, "b");
    struct service_spec pair[] = {world_spec("x", 1, "y"), world_spec("y", 1, "x")};
    struct service_spec self = world_spec("z", 1, "z");

    refused(w, &closes, 1, "a needs b needs a");
    refused(w, pair, 2, "circle");
    refused(w, &self, 1, "needs itself");
    world_free(w);
}

static void test_turning_an_edge_round_is_no_circle(void **state)
{
    (void)state;
    struct world *w = a_and_b();
    struct service_spec specs[] = {world_spec("a", 0, "b"), world_spec("b", 0, NULL)};

    world_apply(w, 0, specs, 2);
    assert_true(world_done(w));
    world_free(w);
}

static void test_a_specification_is_looked_at_from_all_sides(void **state)
{
    (void)state;
    struct world *w = a_and_b();
    struct service_spec good = world_spec("good", 1, NULL), s;
    struct service_spec twice[] = {good, good};
    struct port_spec same[] = {{.name = bytes_str("p")}, {.name = bytes_str("p")}};
    struct bytes unknown[] = {bytes_str("run"), bytes_str("${port.q}")};
    struct bytes open[] = {bytes_str("run"), bytes_str("${addr")};
    struct bytes stranger[] = {bytes_str("run"), bytes_str("${endpoint.a}")};
    struct bytes nothing[] = {bytes_str("")};

    refused(w, twice, 2, "there twice");
    s = good, s.name = bytes_str("Upper");
    refused(w, &s, 1, "lower case");
    s = good, s.name = bytes_str("-x");
    refused(w, &s, 1, "lower case");
    s = good, s.argv = nothing, s.argv_n = 1;
    refused(w, &s, 1, "nothing to run");
    s = good, s.count = VET_COUNT_MAX + 1;
    refused(w, &s, 1, "is over");
    s = good, s.stop.signal = 99;
    refused(w, &s, 1, "no signal");
    s = good, s.ports = same, s.ports_n = 2;
    refused(w, &s, 1, "port p is there twice");
    s = good, s.check.port = bytes_str("q");
    refused(w, &s, 1, "its check wants port q");
    s = good, s.check = (struct check_spec){.kind = CHECK_KIND_EXEC};
    refused(w, &s, 1, "nothing to execute");
    s = good, s.argv = unknown;
    refused(w, &s, 1, "${port.q} is not known");
    s = good, s.argv = open;
    refused(w, &s, 1, "${addr is not known");
    s = good, s.argv = stranger;
    refused(w, &s, 1, "${endpoint.a} is not known");
    s = good, s.check.kind = CHECK_KIND_EXEC, s.check.argv = unknown, s.check.argv_n = 2;
    refused(w, &s, 1, "not known");
    world_free(w);
}

static void test_an_unchanged_service_stays_as_it_is(void **state)
{
    (void)state;
    struct world *w = a_and_b();
    struct service_spec a = world_spec("a", 0, NULL);
    struct ulid spec = world_service(w, 0, "a")->row.spec;

    world_apply(w, 0, &a, 1);
    assert_true(world_done(w));
    assert_true(ulid_equal(&world_service(w, 0, "a")->row.spec, &spec));
    /* a count that was scaled meanwhile is set back to what the file says */
    world_change(w, 0, COMMAND_KIND_SCALE, "a", 2, false);
    world_until(w, world_healthy(w, 0, "a") == 2, 5 * KITH_SEC);
    world_apply(w, 0, &a, 1);
    world_until(w, world_running(w, "a") == 0, 5 * KITH_SEC);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_needs_must_be_there),
        cmocka_unit_test(test_circles_are_refused_with_their_path),
        cmocka_unit_test(test_turning_an_edge_round_is_no_circle),
        cmocka_unit_test(test_a_specification_is_looked_at_from_all_sides),
        cmocka_unit_test(test_an_unchanged_service_stays_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
