#include "gossip/reap.h"

#include "state/journal.h"
#include "wire/frame.h"

#include "test.h"

/* One peer that holds rows of others, written by their own states. */
struct bench {
    struct state *state;
    struct members *members;
    struct core core;
    struct turn turn;
    struct effects out;
    struct reaper reaper;
};

static const struct ulid self = {"a self"}, gone = {"b gone"}, well = {"c well"};

static void hear(struct bench *b)
{
    const struct row *const *rows;
    struct member before;
    size_t n = state_take_changes(b->state, &rows);
    for (size_t i = 0; i < n; i++)
        members_changed(b->members, rows[i], b->turn.wall_us, &before);
    (void)state_take_batch(b->state, &b->out);
    effects_reset(&b->out);
}

static void put_member(struct state *s, const struct ulid *id, bool left)
{
    struct member_row row = {.name = bytes_str("h"), .left = left};
    struct buf value = {0};
    member_row_encode(&value, &row);
    assert_int_equal(state_put(s, TABLE_ID_MEMBER, ulid_bytes(id), buf_bytes(&value), 0, 0), 0);
    buf_deinit(&value);
}

/* Another writes its own row, and this peer hears of it. */
static void tell(struct bench *b, const struct ulid *id, bool left)
{
    struct state_config config = {.self = *id, .incarnation = 1};
    struct state *other = state_new(&config);
    state_clock(other, b->turn.wall_us / KITH_MS);
    put_member(other, id, left);
    assert_int_equal(
        state_merge(b->state, state_get(other, TABLE_ID_MEMBER, ulid_bytes(id))->record), 0);
    state_free(other);
    hear(b);
}

static void set_up(struct bench *b, const struct ulid *id)
{
    struct state_config config = {.self = *id, .incarnation = 1};
    *b = (struct bench){.state = state_new(&config), .members = members_new()};
    b->core = (struct core){.members = b->members, .self = *id, .member = true};
    b->turn = (struct turn){.state = b->state, .out = &b->out, .wall_us = 1000 * KITH_HOUR};
    state_clock(b->state, b->turn.wall_us / KITH_MS);
    put_member(b->state, id, false);
    hear(b);
}

static void tear_down(struct bench *b)
{
    members_free(b->members);
    state_free(b->state);
    effects_deinit(&b->out);
}

static void pass(struct bench *b, kith_time time_us)
{
    b->turn.now_us += time_us;
    b->turn.wall_us += time_us;
    state_clock(b->state, b->turn.wall_us / KITH_MS);
    reap_time(&b->reaper, &b->core, &b->turn);
    hear(b);
}

static void call_dead(struct bench *b, const struct ulid *id)
{
    struct verdict_row row = {.observers_n = 0};
    struct buf value = {0};
    verdict_row_encode(&value, &row);
    assert_int_equal(state_put(b->state, TABLE_ID_VERDICT, ulid_bytes(id), buf_bytes(&value), 1, 0),
                     0);
    buf_deinit(&value);
    hear(b);
}

static bool is_forgotten(const struct bench *b, const struct ulid *id)
{
    return members_get(b->members, id)->forgotten;
}

static void who_left_is_forgotten_after_a_day(void **unused)
{
    (void)unused;
    struct bench b;
    set_up(&b, &self);
    tell(&b, &well, false);
    tell(&b, &gone, true);
    pass(&b, 23 * KITH_HOUR);
    assert_false(is_forgotten(&b, &gone));
    pass(&b, 2 * KITH_HOUR);
    assert_true(is_forgotten(&b, &gone));
    assert_false(is_forgotten(&b, &well));
    tear_down(&b);
}

static void the_dead_are_kept_for_a_month(void **unused)
{
    (void)unused;
    struct bench b;
    set_up(&b, &self);
    tell(&b, &gone, false);
    call_dead(&b, &gone);
    pass(&b, 29 * 24 * KITH_HOUR);
    assert_false(is_forgotten(&b, &gone));
    pass(&b, 25 * KITH_HOUR);
    assert_true(is_forgotten(&b, &gone));
    tear_down(&b);
}

static void the_horizon_can_be_another(void **unused)
{
    (void)unused;
    struct bench b;
    set_up(&b, &self);
    b.reaper.dead_us = 2 * KITH_MIN;
    tell(&b, &gone, false);
    tell(&b, &well, false);
    call_dead(&b, &gone);
    reap_time(&b.reaper, &b.core, &b.turn);
    assert_int_equal(reap_deadline(&b.reaper), b.turn.now_us + 2 * KITH_MIN);
    pass(&b, KITH_MIN);
    assert_false(is_forgotten(&b, &gone));
    pass(&b, 2 * KITH_MIN);
    assert_true(is_forgotten(&b, &gone));
    assert_false(is_forgotten(&b, &well));
    tear_down(&b);
}

static void one_of_them_does_it_for_all(void **unused)
{
    (void)unused;
    struct bench b;
    set_up(&b, &well); /* not the lowest id that is alive */
    tell(&b, &self, false);
    tell(&b, &gone, true);
    pass(&b, 48 * KITH_HOUR);
    assert_false(is_forgotten(&b, &gone));
    call_dead(&b, &self); /* now it is */
    pass(&b, KITH_HOUR);
    assert_true(is_forgotten(&b, &gone));
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_left_is_forgotten_after_a_day),
        cmocka_unit_test(the_dead_are_kept_for_a_month),
        cmocka_unit_test(the_horizon_can_be_another),
        cmocka_unit_test(one_of_them_does_it_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
