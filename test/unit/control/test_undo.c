/* What people on both sides of a cut write is not lost: it is shown, and can be brought back. */
#include "control/undo.h"

#include "test.h"
#include "world.h"

/* The conflicts that one node shows; in mem. */
static struct conflict_list shown(struct world *w, unsigned node, struct arena *mem)
{
    struct conflict_list list = {0};
    struct wire_error err;

    world_request(w, node, WIRE_GET_CONFLICTS, (struct bytes){0});
    assert_int_equal(w->reply_kind, WIRE_CONFLICT_LIST);
    assert_int_equal(conflict_list_decode(&list, arena_bytes(mem, buf_bytes(&w->reply)), mem, &err),
                     0);
    return list;
}

/* Answered when `ack` is so. */
static void take_back(struct world *w, unsigned node, uint64_t conflict, enum ack_kind ack)
{
    struct change change = {.kind = COMMAND_KIND_UNDO, .conflict = conflict, .ack = {.kind = ack}};
    struct buf payload = {0};

    change_encode(&payload, &change);
    world_request(w, node, WIRE_CHANGE, buf_bytes(&payload));
    buf_deinit(&payload);
}

static uint32_t count_of(struct world *w, unsigned node, const char *service)
{
    const struct service *s = world_service(w, node, service);

    return s && s->counted ? s->count.count : 0;
}

/* Two counts for one service, written apart. Returns the node that keeps the one that lost. */
static unsigned write_apart(struct world *w)
{
    struct service_spec spec = world_spec("redis", 1, NULL);
    struct arena mem = {0};

    world_apply(w, 0, &spec, 1);
    world_until(w, count_of(w, 1, "redis") == 1, 5 * KITH_SEC);
    world_cut(w, 0, 1);
    world_change(w, 0, COMMAND_KIND_SCALE, "redis", 3, false);
    assert_true(world_done(w));
    world_run(w, KITH_SEC);
    world_change(w, 1, COMMAND_KIND_SCALE, "redis", 2, false);
    assert_true(world_done(w));
    world_heal(w, 0, 1);
    world_until(w, count_of(w, 0, "redis") == 2 && count_of(w, 1, "redis") == 2, 10 * KITH_SEC);
    world_run(w, KITH_SEC); /* each hears of the other's */
    unsigned node = shown(w, 0, &mem).conflicts_n > 0 ? 0 : 1;
    arena_deinit(&mem);
    return node;
}

static void what_lost_is_shown_and_can_be_brought_back(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct arena mem = {0};
    unsigned node = write_apart(w);
    struct conflict_list list = shown(w, node, &mem);

    assert_int_equal(list.conflicts_n, 1);
    const struct conflict_info *one = &list.conflicts[0];
    assert_true(bytes_equal_str(one->about, "redis"));
    assert_true(bytes_equal_str(one->lost, "count 3"));
    assert_true(bytes_equal_str(one->held, "count 2"));
    assert_true(one->can_undo && one->lost_ms < one->held_ms && one->lost_ms <= one->kept_ms);

    uint32_t others = shown(w, 1 - node, &mem).conflicts_n;
    take_back(w, node, one->id, ACK_KIND_HERE);
    assert_true(world_done(w));
    world_until(w, count_of(w, 0, "redis") == 3 && count_of(w, 1, "redis") == 3, 10 * KITH_SEC);
    world_run(w, KITH_SEC);
    assert_int_equal(shown(w, node, &mem).conflicts_n, 1); /* done knowingly: no other conflict */
    assert_int_equal(shown(w, 1 - node, &mem).conflicts_n, others);
    arena_deinit(&mem);
    world_free(w);
}

static void the_answer_waits_for_others_if_that_is_asked(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct arena mem = {0};
    unsigned node = write_apart(w);
    struct conflict_list list = shown(w, node, &mem);

    world_revive(w, 0);
    world_revive(w, 1);
    world_run(w, KITH_SEC); /* both are alive again */
    take_back(w, node, list.conflicts[0].id, ACK_KIND_ALL);
    assert_int_equal(w->reply_kind, 0);
    world_until(w, w->reply_kind != 0, KITH_SEC);
    assert_true(world_done(w));
    assert_int_equal(count_of(w, 1 - node, "redis"), 3);
    arena_deinit(&mem);
    world_free(w);
}

static void what_cannot_be_brought_back_says_so(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    struct arena mem = {0};
    struct service_spec spec = world_spec("redis", 1, NULL);

    take_back(w, 0, 4711, ACK_KIND_HERE);
    assert_true(world_refused(w, "keeps no conflict 0000000000001267"));

    world_cut(w, 0, 1);
    world_apply(w, 0, &spec, 1);
    world_run(w, KITH_SEC);
    world_apply(w, 1, &spec, 1); /* another creation of the same name */
    world_heal(w, 0, 1);
    world_run(w, 5 * KITH_SEC);
    unsigned node = shown(w, 0, &mem).conflicts_n > 0 ? 0 : 1;
    struct conflict_list list = shown(w, node, &mem);
    assert_true(list.conflicts_n >= 1);
    assert_int_equal(list.conflicts[0].table, TABLE_ID_NAME);
    assert_false(list.conflicts[0].can_undo);
    take_back(w, node, list.conflicts[0].id, ACK_KIND_HERE);
    assert_true(world_refused(w, "cannot be brought back"));
    arena_deinit(&mem);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_lost_is_shown_and_can_be_brought_back),
        cmocka_unit_test(the_answer_waits_for_others_if_that_is_asked),
        cmocka_unit_test(what_cannot_be_brought_back_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
