#include "control/checkroll.h"

#include "control/lookups.h"
#include "wire/effect.h"
#include "world.h"

#include "test.h"

#include <stdio.h>

/* -- asking the first node -- */

static void ask(struct world *w, enum wire_kind kind, struct buf *payload)
{
    world_request(w, 0, kind, buf_bytes(payload));
    buf_deinit(payload);
}

static struct endpoint_check a_check(const char *id, uint32_t ttl_ms)
{
    return (struct endpoint_check){
        .id = bytes_str(id), .ttl_ms = ttl_ms, .health = ENDPOINT_HEALTH_PASSING};
}

/* `name` of db; `add`: as Consul's clients register. */
static void ask_register(struct world *w, const char *name, const struct endpoint_check *checks,
                         uint32_t n, bool add)
{
    struct register_endpoint request = {.service = bytes_str("db"),
                                        .name = bytes_str(name),
                                        .checks = checks,
                                        .checks_n = n,
                                        .add = add};
    struct buf payload = {0};

    register_endpoint_encode(&payload, &request);
    ask(w, WIRE_REGISTER_ENDPOINT, &payload);
}

/* db-1 with two checks. */
static void begin(struct world *w)
{
    struct endpoint_check checks[] = {a_check("disk", 2000), a_check("memory", 5000)};

    checks[0].reap_ms = 4000;
    ask_register(w, "db-1", checks, 2, /* add= */ true);
    assert_int_equal(w->reply_kind, WIRE_REGISTERED);
}

static bool report(struct world *w, const char *check, enum endpoint_health health,
                   const char *output)
{
    struct report_endpoint request = {
        .check = bytes_str(check), .health = health, .output = bytes_str(output)};
    struct buf payload = {0};

    report_endpoint_encode(&payload, &request);
    ask(w, WIRE_REPORT_ENDPOINT, &payload);
    return w->reply_kind == WIRE_REGISTERED;
}

static bool passes(struct world *w, const char *check)
{
    return report(w, check, ENDPOINT_HEALTH_PASSING, "");
}

static bool give(struct world *w, const char *name, const char *check, uint32_t ttl_ms)
{
    struct check_endpoint request = {.name = bytes_str(name),
                                     .check = bytes_str(check),
                                     .ttl_ms = ttl_ms,
                                     .health = ENDPOINT_HEALTH_PASSING};
    struct buf payload = {0};

    check_endpoint_encode(&payload, &request);
    ask(w, WIRE_CHECK_ENDPOINT, &payload);
    return w->reply_kind == WIRE_REGISTERED;
}

/* -- what there is -- */

/* "critical: disk=critical(full) memory=passing", as that node has it in its rows; "" when nothing is registered. */
static const char *says(struct world *w, unsigned node, const char *name)
{
    static char text[256];
    struct arena mem = {0};
    struct buf out = {0};
    struct row row = {0};
    struct registration_row r;
    struct wire_error err;

    while (state_walk(w->nodes[node].state, TABLE_ID_REGISTRATION, &row)) {
        if (row.flags & ROW_TOMBSTONE || registration_row_decode(&r, row.value, &mem, &err) ||
            !bytes_equal_str(r.name, name))
            continue;
        buf_printf(&out, "%s:", endpoint_health_name(r.health));
        for (uint32_t i = 0; i < r.checks_n; i++) {
            buf_printf(&out, " " BYTES_FMT "=%s", BYTES_ARG(r.checks[i].id),
                       endpoint_health_name(r.checks[i].health));
            if (r.checks[i].output.len)
                buf_printf(&out, "(" BYTES_FMT ")", BYTES_ARG(r.checks[i].output));
        }
    }
    snprintf(text, sizeof(text), "%s", buf_cstr(&out));
    buf_deinit(&out);
    arena_deinit(&mem);
    return text;
}

static uint32_t found(struct world *w, unsigned node)
{
    struct get_endpoints request = {.service = bytes_str("db")};
    struct arena mem = {0};
    struct buf payload = {0};
    struct endpoints e = {0};
    struct wire_error err;

    get_endpoints_encode(&payload, &request);
    world_request(w, node, WIRE_GET_ENDPOINTS, buf_bytes(&payload));
    buf_deinit(&payload);
    if (w->reply_kind == WIRE_ENDPOINTS)
        assert_int_equal(endpoints_decode(&e, buf_bytes(&w->reply), &mem, &err), 0);
    arena_deinit(&mem);
    return e.endpoints_n;
}

/* -- stories -- */

static void one_bad_check_takes_it_out_everywhere(void **state)
{
    (void)state;
    struct world *w = world_new(2);

    begin(w);
    world_until(w, found(w, 1) == 1, 1 * KITH_SEC);
    assert_true(report(w, "memory", ENDPOINT_HEALTH_CRITICAL, "full"));
    assert_true(w->reply_wait > 0); /* on disk before it is answered */
    world_until(w, found(w, 1) == 0, 1 * KITH_SEC);
    assert_string_equal(says(w, 1, "db-1"), "critical: disk=passing memory=critical(full)");
    world_pass(w, LOOKUPS_GATHER);
    assert_true(world_logged(w, "failing db 1: full@b", 0) >
                0); /* applications and DNS see it so */
    assert_true(report(w, "disk", ENDPOINT_HEALTH_WARNING, "old"));
    assert_int_equal(found(w, 0), 0);
    assert_true(passes(w, "memory"));
    assert_string_equal(says(w, 0, "db-1"), "warning: disk=warning(old) memory=passing");
    world_until(w, found(w, 1) == 1, 1 * KITH_SEC);
    assert_false(passes(w, "none"));
    world_free(w);
}

static void each_has_its_own_time(void **state)
{
    (void)state;
    struct world *w = world_new(2);

    begin(w);
    world_pass(w, 1500 * KITH_MS);
    assert_true(passes(w, "memory")); /* renews itself, and not the other */
    world_pass(w, 700 * KITH_MS);
    assert_string_equal(says(w, 1, "db-1"), "critical: disk=critical(TTL expired) memory=passing");
    assert_true(passes(w, "disk"));
    for (unsigned k = 0; k < 3; k++) {
        world_pass(w, 1500 * KITH_MS);
        assert_true(passes(w, "disk"));
    }
    assert_string_equal(says(w, 0, "db-1"), "critical: disk=passing memory=critical(TTL expired)");
    world_free(w);
}

static void critical_for_too_long_it_ends(void **state)
{
    (void)state;
    struct world *w = world_new(1);

    begin(w);
    assert_true(report(w, "disk", ENDPOINT_HEALTH_CRITICAL, "full"));
    for (unsigned k = 0; k < 3; k++) { /* 4 s from the first time on, whatever is said again */
        world_pass(w, 1300 * KITH_MS);
        assert_true(passes(w, "memory"));
        assert_true(report(w, "disk", ENDPOINT_HEALTH_CRITICAL, "still"));
    }
    world_pass(w, 200 * KITH_MS);
    assert_string_equal(says(w, 0, "db-1"), "");
    assert_false(passes(w, "memory"));
    world_pass(w, 10 * KITH_SEC); /* and nothing of it is due any more */
    world_free(w);
}

static void registered_again_it_keeps_what_was_reported(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct endpoint_check other = a_check("cpu", 3000);

    begin(w);
    report(w, "disk", ENDPOINT_HEALTH_WARNING, "old");
    world_pass(w, 1500 * KITH_MS);
    begin(w); /* renews both */
    world_pass(w, 1500 * KITH_MS);
    assert_string_equal(says(w, 0, "db-1"), "warning: disk=warning(old) memory=passing");
    ask_register(w, "db-1", &other, 1, /* add= */ true); /* beside them */
    assert_string_equal(says(w, 0, "db-1"),
                        "warning: cpu=passing disk=warning(old) memory=passing");
    ask_register(w, "db-1", NULL, 0, /* add= */ true);
    assert_string_equal(says(w, 0, "db-1"),
                        "warning: cpu=passing disk=warning(old) memory=passing");
    ask_register(w, "db-1", &other, 1, /* add= */ false); /* in their place */
    assert_string_equal(says(w, 0, "db-1"), "passing: cpu=passing");
    assert_false(passes(w, "disk"));
    world_pass(w, 2500 * KITH_MS);
    assert_string_equal(says(w, 0, "db-1"), "passing: cpu=passing");
    world_pass(w, 1 * KITH_SEC);
    assert_string_equal(says(w, 0, "db-1"), "critical: cpu=critical(TTL expired)");
    world_free(w);
}

static void checks_come_and_go_one_by_one(void **state)
{
    (void)state;
    struct world *w = world_new(1);

    ask_register(w, "db-1", NULL, 0, /* add= */ true);
    assert_true(give(w, "db-1", "", 5000)); /* its own: a plain row */
    assert_string_equal(says(w, 0, "db-1"), "passing:");
    assert_true(report(w, "service:db-1", ENDPOINT_HEALTH_WARNING, "slow"));
    assert_string_equal(says(w, 0, "db-1"), "warning:");
    assert_true(give(w, "db-1", "disk", 2000));
    assert_string_equal(says(w, 0, "db-1"), "warning: service:db-1=warning(slow) disk=passing");
    assert_true(give(w, "", "service:db-1", 0)); /* away, by its ID alone */
    assert_string_equal(says(w, 0, "db-1"), "passing: disk=passing");
    assert_false(give(w, "db-1", "none", 0));
    world_pass(w, 3 * KITH_SEC);
    assert_string_equal(says(w, 0, "db-1"), "critical: disk=critical(TTL expired)");
    assert_true(give(w, "", "disk", 0));
    assert_string_equal(says(w, 0, "db-1"), "passing:");
    world_pass(w, 10 * KITH_SEC);
    assert_string_equal(says(w, 0, "db-1"), "passing:"); /* without a TTL */
    world_free(w);
}

static void an_id_is_one_of_a_kind_at_its_peer(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct endpoint_check own = a_check("disk", 2000), twice[] = {own, own};
    struct endpoint_check others = a_check("service:db-2", 2000), quick = a_check("quick", 100);

    begin(w);
    ask_register(w, "db-2", &own, 1, /* add= */ false);
    assert_true(world_refused(w, "another registration has a check of that id"));
    ask_register(w, "db-3", twice, 2, /* add= */ false);
    assert_true(world_refused(w, "another registration has a check of that id"));
    twice[0].id = twice[1].id = bytes_str("net");
    ask_register(w, "db-3", twice, 2, /* add= */ false);
    assert_true(world_refused(w, "two checks have the same id"));
    ask_register(w, "db-3", &quick, 1, /* add= */ false);
    assert_true(world_refused(w, "TTL below 500 ms"));
    quick = a_check("", 1000);
    ask_register(w, "db-3", &quick, 1, /* add= */ false);
    assert_true(world_refused(w, "needs an id"));
    ask_register(w, "db-2", NULL, 0, /* add= */ false);
    ask_register(w, "db-3", &others, 1, /* add= */ false);
    assert_true(world_refused(w, "another registration has a check of that id"));
    assert_false(give(w, "db-2", "disk", 2000));
    world_free(w);
}

/* Every TTL begins anew with its peer, and what was critical is so still. */
static void they_are_there_after_a_start(void **state)
{
    (void)state;
    struct world *w = world_new(2);

    begin(w);
    report(w, "memory", ENDPOINT_HEALTH_CRITICAL, "full");
    world_until(w, found(w, 1) == 0, 1 * KITH_SEC);
    world_kill(w, 0);
    world_pass(w, 10 * KITH_SEC);
    world_restart(w, 0);
    world_pass(w, 1 * KITH_SEC);
    assert_string_equal(says(w, 0, "db-1"), "critical: disk=passing memory=critical(full)");
    assert_true(passes(w, "memory"));
    world_pass(w, 2 * KITH_SEC);
    assert_string_equal(says(w, 0, "db-1"), "critical: disk=critical(TTL expired) memory=passing");
    world_free(w);
}

/* What answers on the host is as bad as the host; what answers elsewhere is not. */
static void a_check_of_the_host_is_one_of_all_that_runs_there(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    static const struct pair elsewhere = {{(const uint8_t *)"kith-host", 9},
                                          {(const uint8_t *)"attic", 5}};
    struct register_endpoint printer = {
        .service = bytes_str("db"), .name = bytes_str("attic/db"), .meta = &elsewhere, .meta_n = 1};
    struct buf payload = {0};

    begin(w);
    register_endpoint_encode(&payload, &printer);
    ask(w, WIRE_REGISTER_ENDPOINT, &payload);
    world_until(w, found(w, 1) == 2, 1 * KITH_SEC);
    assert_true(give(w, "", "power", 2000));
    assert_true(w->reply_wait > 0);
    assert_false(give(w, "", "disk", 2000)); /* which db-1 has */
    assert_true(report(w, "power", ENDPOINT_HEALTH_WARNING, "one line"));
    world_pass(w, 500 * KITH_MS);
    assert_string_equal(says(w, 1, ""), "warning: power=warning(one line)");
    assert_int_equal(found(w, 1), 2);
    assert_true(report(w, "power", ENDPOINT_HEALTH_CRITICAL, "out"));
    world_until(w, found(w, 1) == 1, 1 * KITH_SEC);
    world_pass(w, LOOKUPS_GATHER);
    assert_true(world_logged(w, "failing db 1: @b", 0) >
                0); /* its own checks have nothing to say */
    assert_string_equal(says(w, 1, "db-1"), "passing: disk=passing memory=passing");
    assert_true(passes(w, "power"));
    world_until(w, found(w, 1) == 2, 1 * KITH_SEC);
    world_pass(w, 2500 * KITH_MS);
    assert_string_equal(says(w, 0, ""), "critical: power=critical(TTL expired)");
    assert_int_equal(found(w, 0), 1);
    assert_true(give(w, "", "power", 0));
    assert_string_equal(says(w, 0, ""), "");
    world_free(w);
}

static void instances_that_kith_runs_are_as_bad_as_their_host(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct service_spec specs[] = {world_spec("db", 1, NULL)};

    world_apply(w, 0, specs, 1);
    world_until(w, found(w, 0) == 1, 5 * KITH_SEC);
    assert_true(give(w, "", "power", 60000));
    assert_true(report(w, "power", ENDPOINT_HEALTH_CRITICAL, "out"));
    assert_int_equal(found(w, 0), 0);
    world_pass(w, LOOKUPS_GATHER);
    assert_true(world_logged(w, "failing db 1: @a", 0) > 0);
    assert_true(passes(w, "power"));
    assert_int_equal(found(w, 0), 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_bad_check_takes_it_out_everywhere),
        cmocka_unit_test(each_has_its_own_time),
        cmocka_unit_test(critical_for_too_long_it_ends),
        cmocka_unit_test(registered_again_it_keeps_what_was_reported),
        cmocka_unit_test(checks_come_and_go_one_by_one),
        cmocka_unit_test(an_id_is_one_of_a_kind_at_its_peer),
        cmocka_unit_test(they_are_there_after_a_start),
        cmocka_unit_test(a_check_of_the_host_is_one_of_all_that_runs_there),
        cmocka_unit_test(instances_that_kith_runs_are_as_bad_as_their_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
