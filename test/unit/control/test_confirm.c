#include "control/confirm.h"

#include "world.h"

#include "test.h"

/* Asks node a to scale api, answered when `kind` is so. */
static void scale(struct world *w, uint32_t count, enum ack_kind kind, uint32_t peers)
{
    struct change request = {.kind = COMMAND_KIND_SCALE,
                             .service = bytes_str("api"),
                             .count = count,
                             .ack = {.kind = kind, .count = peers}};
    struct buf payload = {0};

    change_encode(&payload, &request);
    world_request(w, 0, WIRE_CHANGE, buf_bytes(&payload));
    buf_deinit(&payload);
}

static struct world *three_with_api(void)
{
    struct world *w = world_new(3);
    struct service_spec spec = world_spec("api", 1, NULL);

    world_apply(w, 0, &spec, 1);
    world_until(w, world_healthy(w, 2, "api") == 1, 5 * KITH_SEC);
    return w;
}

/* Neither rows nor messages pass, and nobody has noticed yet. */
static void cut_quietly(struct world *w, unsigned node, bool cut)
{
    for (unsigned k = 0; k < 3; k++)
        w->nodes[k].cut_from[node] = w->nodes[node].cut_from[k] = cut && k != node;
}

static uint32_t count_at(struct world *w, unsigned node)
{
    return world_service(w, node, "api")->count.count;
}

static void the_answer_waits_for_the_others(void **state)
{
    (void)state;
    static const struct {
        enum ack_kind kind;
        uint32_t peers;
    } acks[] = {
        {ACK_KIND_COUNT, 3}, {ACK_KIND_MAJORITY, 0}, {ACK_KIND_ALL, 0}, {ACK_KIND_CONVERGED, 0}};
    struct world *w = three_with_api();

    for (uint32_t k = 0; k < sizeof(acks) / sizeof(acks[0]); k++) {
        scale(w, k + 2, acks[k].kind, acks[k].peers);
        assert_int_equal(w->reply_kind, 0);
        world_until(w, w->reply_kind != 0, 1 * KITH_SEC);
        assert_true(world_done(w));
        assert_true(count_at(w, 1) == k + 2 || count_at(w, 2) == k + 2);
        if (acks[k].kind != ACK_KIND_MAJORITY)
            assert_true(count_at(w, 1) == k + 2 && count_at(w, 2) == k + 2);
    }
    scale(w, 1, ACK_KIND_COUNT, 1); /* this peer is one */
    assert_true(world_done(w));
    world_free(w);
}

static void who_is_missing_is_named(void **state)
{
    (void)state;
    struct world *w = three_with_api();

    cut_quietly(w, 2, true);
    scale(w, 2, ACK_KIND_ALL, 0);
    world_pass(w, CONFIRM_TIME - 10 * KITH_MS);
    assert_int_equal(w->reply_kind, 0);
    world_pass(w, 20 * KITH_MS);
    assert_true(world_refused(w, "only 2 of 3"));
    assert_true(world_refused(w, "missing: c."));
    assert_int_equal(count_at(w, 0), 2); /* done here all the same */
    scale(w, 3, ACK_KIND_MAJORITY, 0);
    world_until(w, w->reply_kind != 0, 1 * KITH_SEC);
    assert_true(world_done(w));
    world_free(w);
}

/* It is asked again until the time is over, so a short cut delays the answer only. */
static void a_cut_that_heals_in_time_costs_time_only(void **state)
{
    (void)state;
    struct world *w = three_with_api();

    cut_quietly(w, 2, true);
    scale(w, 2, ACK_KIND_ALL, 0);
    world_pass(w, 1 * KITH_SEC);
    assert_int_equal(w->reply_kind, 0);
    cut_quietly(w, 2, false);
    world_until(w, w->reply_kind != 0, 2 * CONFIRM_RETRY);
    assert_true(world_done(w));
    assert_int_equal(count_at(w, 2), 2);
    world_free(w);
}

/* All means those that live; a majority is one of all that are known, so that a lonely peer has none. */
static void the_dead_count_for_a_majority_only(void **state)
{
    (void)state;
    struct world *w = three_with_api();

    world_kill(w, 1);
    world_kill(w, 2);
    world_pass(w, 100 * KITH_MS);
    scale(w, 2, ACK_KIND_ALL, 0);
    world_until(w, w->reply_kind != 0, 1 * KITH_SEC);
    assert_true(world_done(w));
    scale(w, 3, ACK_KIND_MAJORITY, 0);
    world_until(w, w->reply_kind != 0, 2 * CONFIRM_TIME);
    assert_true(world_refused(w, "only 1 of 2"));
    assert_true(world_refused(w, "b (dead), c (dead)"));
    world_free(w);
}

static void a_member_that_dies_is_not_waited_for(void **state)
{
    (void)state;
    struct world *w = three_with_api();

    cut_quietly(w, 2, true);
    scale(w, 2, ACK_KIND_CONVERGED, 0);
    world_pass(w, 1 * KITH_SEC);
    assert_int_equal(w->reply_kind, 0);
    world_crash(w, 2);
    world_dead(w, 2, 0);
    world_until(w, w->reply_kind != 0, 1 * KITH_SEC);
    assert_true(world_done(w));
    world_free(w);
}

/* The client asks again by the same id: it waits for the same. */
static void a_command_that_is_known_is_confirmed_again(void **state)
{
    (void)state;
    struct world *w = three_with_api();
    struct service_spec spec = world_spec("db", 1, NULL);
    struct apply request = {
        .id = {.b = {1, 2, 3}}, .specs = &spec, .specs_n = 1, .ack = {.kind = ACK_KIND_ALL}};
    struct buf payload = {0};

    apply_encode(&payload, &request);
    cut_quietly(w, 2, true);
    world_request(w, 0, WIRE_APPLY, buf_bytes(&payload));
    world_until(w, w->reply_kind != 0, 2 * CONFIRM_TIME);
    assert_true(world_refused(w, "missing: c"));
    cut_quietly(w, 2, false);
    assert_null(world_service(w, 2, "db"));
    world_request(w, 0, WIRE_APPLY, buf_bytes(&payload));
    world_until(w, w->reply_kind != 0, 2 * CONFIRM_TIME);
    assert_true(world_done(w));
    assert_non_null(world_service(w, 2, "db"));
    buf_deinit(&payload);
    world_free(w);
}

static void only_peers_may_ask_peers(void **state)
{
    (void)state;
    struct world *w = world_new(1);

    world_request(w, 0, WIRE_CONFIRM_ASK, bytes_str("\x80"));
    assert_true(world_refused(w, "may not"));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_waits_for_the_others),
        cmocka_unit_test(who_is_missing_is_named),
        cmocka_unit_test(a_cut_that_heals_in_time_costs_time_only),
        cmocka_unit_test(the_dead_count_for_a_majority_only),
        cmocka_unit_test(a_member_that_dies_is_not_waited_for),
        cmocka_unit_test(a_command_that_is_known_is_confirmed_again),
        cmocka_unit_test(only_peers_may_ask_peers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
