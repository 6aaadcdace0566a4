#include "gossip/guests.h"

#include "state/state.h"
#include "test.h"

/* A peer that has let some in. */
struct house {
    struct guests guests;
    struct effects out;
    struct post post;
    struct turn turn;
};

static void house_init(struct house *h)
{
    *h = (struct house){.post = {.cluster = {{7}}, .self = {{1}}, .boot = {{1}}}};
    struct state_config config = {
        .cluster = h->post.cluster, .self = h->post.self, .incarnation = 1};
    h->turn = (struct turn){.now_us = KITH_HOUR,
                            .wall_us = KITH_HOUR,
                            .out = &h->out,
                            .post = &h->post,
                            .state = state_new(&config)};
    state_clock(h->turn.state, h->turn.wall_us);
}

static void house_deinit(struct house *h)
{
    state_free(h->turn.state);
    effects_deinit(&h->out);
}

static void who_was_let_in_hears_until_its_time_is_over(void **unused)
{
    (void)unused;
    struct house h;
    house_init(&h);
    assert_false(guests_any(&h.guests, KITH_HOUR));
    guests_add(&h.guests, KITH_HOUR, /* route= */ 5, /* token= */ 0);
    guests_add(&h.guests, KITH_HOUR + KITH_SEC, /* route= */ 6, /* token= */ 3);
    assert_true(guests_any(&h.guests, KITH_HOUR + KITH_SEC));
    guests_tell(&h.guests, &h.turn, bytes_str("news"), (struct bytes){0});

    assert_int_equal(h.out.count, 2);
    assert_int_equal(h.out.items[0].kind, EFFECT_REPLY);
    assert_int_equal(h.out.items[0].reply.route, 5);
    assert_int_equal(h.out.items[0].wait, 0);
    assert_int_equal(h.out.items[1].reply.route, 6);
    assert_int_equal(h.out.items[1].wait, 3); /* not before its welcome */
    assert_int_equal(h.out.wait, 0);

    assert_true(guests_any(&h.guests, KITH_HOUR + GUESTS_STAY));
    assert_int_equal(h.guests.n, 1);
    assert_false(guests_any(&h.guests, KITH_HOUR + KITH_SEC + GUESTS_STAY));
    house_deinit(&h);
}

static void own_rows_are_told_when_they_are_on_disk_to_the_host_as_well(void **unused)
{
    (void)unused;
    struct house h;
    house_init(&h);
    state_put_local(h.turn.state, bytes_str("name"), bytes_str("value"));
    uint64_t token = state_unstored(h.turn.state);
    assert_true(token > 0);
    guests_add(&h.guests, KITH_HOUR, /* route= */ 5, /* token= */ 0);
    guests_tell(&h.guests, &h.turn, bytes_str("news"), bytes_str("tcp://10.0.0.1:5484"));
    assert_int_equal(h.out.count, 2);
    assert_int_equal(h.out.items[0].kind, EFFECT_SEND);
    assert_int_equal(h.out.items[0].send.lane, WIRE_LANE_MEMBER);
    assert_int_equal(h.out.items[0].wait, token);
    assert_int_equal(h.out.items[1].kind, EFFECT_REPLY);
    assert_int_equal(h.out.items[1].wait, token);
    house_deinit(&h);
}

static void the_oldest_makes_room_and_who_asks_twice_is_told_once(void **unused)
{
    (void)unused;
    struct guests g = {0};
    guests_add(&g, KITH_HOUR, /* route= */ 1, 0);
    guests_add(&g, KITH_HOUR, /* route= */ 1, 0);
    assert_int_equal(g.n, 1);
    for (uint64_t route = 2; route <= GUESTS_MAX + 1; route++)
        guests_add(&g, KITH_HOUR, route, 0);
    assert_int_equal(g.n, GUESTS_MAX);
    assert_int_equal(g.list[0].route, 2);
    assert_int_equal(g.list[GUESTS_MAX - 1].route, GUESTS_MAX + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_was_let_in_hears_until_its_time_is_over),
        cmocka_unit_test(own_rows_are_told_when_they_are_on_disk_to_the_host_as_well),
        cmocka_unit_test(the_oldest_makes_room_and_who_asks_twice_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
