#include "control/catalog.h"

#include "world.h"

#include "test.h"

static void test_circles_made_apart_are_held_out_alike(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec specs[] = {world_spec("a", 1, NULL), world_spec("b", 1, NULL)};
    struct service_spec one = world_spec("a", 1, "b"), two = world_spec("b", 1, "a");

    world_apply(w, 0, specs, 2);
    world_until(w, world_healthy(w, 0, "a") == 1 && world_healthy(w, 1, "b") == 1, 5 * KITH_SEC);
    world_cut(w, 0, 1);
    world_apply(w, 0, &one, 1);
    assert_true(world_done(w));
    world_run(w, 50 * KITH_MS);
    world_apply(w, 1, &two, 1);
    assert_true(world_done(w));
    world_revive(w, 0);
    world_revive(w, 1);
    world_heal(w, 0, 1);
    world_run(w, 20 * KITH_SEC);
    for (unsigned k = 0; k < 2; k++) {
        const struct graph *g = w->nodes[k].control->catalog.graph;
        struct ulid a = world_service(w, k, "a")->id, b = world_service(w, k, "b")->id;

        assert_int_equal(graph_edge_state(g, &a, &b), 0); /* the older one */
        assert_int_equal(graph_edge_state(g, &b, &a), GRAPH_HELD);
    }
    /* both run, the one held out is not waited for, and it is shown */
    world_until(w, world_healthy(w, 0, "a") == 1 && world_healthy(w, 0, "b") == 1, 30 * KITH_SEC);
    struct get_services request = {.service = bytes_str("b")};
    struct buf payload = {0};
    struct arena mem = {0};
    struct services services;
    struct wire_error err;

    get_services_encode(&payload, &request);
    world_request(w, 0, WIRE_GET_SERVICES, buf_bytes(&payload));
    assert_int_equal(services_decode(&services, buf_bytes(&w->reply), &mem, &err), 0);
    assert_int_equal(services.services[0].held_n, 1);
    arena_deinit(&mem);
    buf_deinit(&payload);
    world_free(w);
}

/* Rows arrive in any order; the catalog is the same in the end. */
static void test_the_order_of_arrival_does_not_matter(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct service_spec specs[] = {world_spec("redis", 1, NULL), world_spec("api", 2, "redis")};
    static const enum table_id backwards[] = {TABLE_ID_INSTANCE, TABLE_ID_PLACEMENT, TABLE_ID_COUNT,
                                              TABLE_ID_SPEC,     TABLE_ID_SERVICE,   TABLE_ID_NAME};
    struct bytes all = {0};
    struct catalog c;

    world_apply(w, 0, specs, 2);
    world_until(w, world_healthy(w, 0, "api") == 2, 5 * KITH_SEC);
    catalog_init(&c, w->nodes[0].members, /* lookups= */ NULL);
    c.self = w->nodes[0].id;
    for (size_t k = 0; k < sizeof(backwards) / sizeof(backwards[0]); k++) {
        for (const struct row *row = state_first(w->nodes[0].state, backwards[k], all); row;
             row = state_next(w->nodes[0].state, row, all))
            catalog_row(&c, w->nodes[0].state, row, 0);
    }
    const struct service *api = catalog_find(&c, bytes_str("api"));

    assert_non_null(api);
    assert_int_equal(service_serving(&c, api), 2);
    assert_true(service_needs(&c, api, catalog_find(&c, bytes_str("redis"))));
    assert_int_equal(slot_number(&service_placements(api)->slot), 0);
    catalog_deinit(&c);
    world_free(w);
}

static void test_rows_of_no_sense_are_passed_over(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct catalog *c = &w->nodes[0].control->catalog;
    static const enum table_id tables[] = {TABLE_ID_SERVICE,   TABLE_ID_SPEC,     TABLE_ID_COUNT,
                                           TABLE_ID_PLACEMENT, TABLE_ID_INSTANCE, TABLE_ID_NAME,
                                           TABLE_ID_COMMAND};
    const uint8_t key[40] = {1};

    for (size_t k = 0; k < sizeof(tables) / sizeof(tables[0]); k++) {
        for (size_t len = 0; len <= sizeof(key); len += 4) {
            struct row row = {
                .table = tables[k], .key = bytes_of(key, len), .value = bytes_str("\xc1")};

            catalog_row(c, w->nodes[0].state, &row, 0);
            row.flags = ROW_TOMBSTONE;
            catalog_row(c, w->nodes[0].state, &row, 0);
        }
    }
    assert_int_equal(c->services.count, 0);
    world_free(w);
}

static void test_slots_are_numbers_or_hosts(void **state)
{
    (void)state;
    struct slot slot = slot_ordinal(258), other;
    struct ulid node = {.b = {1, 2, 3}};
    struct buf text = {0};

    assert_int_equal(slot_number(&slot), 258);
    assert_true(slot_from(&other, slot_bytes(&slot)));
    assert_int_equal(slot_compare(&slot, &other), 0);
    slot_print(&text, &slot);
    assert_string_equal(buf_cstr(&text), "258");
    slot = slot_node(&node);
    assert_int_equal(slot_number(&slot), UINT32_MAX);
    buf_reset(&text);
    slot_print(&text, &slot);
    assert_string_equal(buf_cstr(&text), ulid_text(&node).s);
    assert_false(slot_from(&other, bytes_str("123")));
    buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_circles_made_apart_are_held_out_alike),
        cmocka_unit_test(test_the_order_of_arrival_does_not_matter),
        cmocka_unit_test(test_rows_of_no_sense_are_passed_over),
        cmocka_unit_test(test_slots_are_numbers_or_hosts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
