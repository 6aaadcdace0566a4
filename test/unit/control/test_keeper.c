#include "control/keeper.h"

#include "world.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

/* ---- asking ---- */

static void ask(struct world *w, unsigned node, const struct key_op *ops, uint32_t n)
{
    struct change_keys request = {.ops = ops, .ops_n = n};
    struct buf payload = {0};

    change_keys_encode(&payload, &request);
    world_request(w, node, WIRE_CHANGE_KEYS, buf_bytes(&payload));
    buf_deinit(&payload);
}

/* The answer, its texts until the next. */
static struct keys_changed answer(struct world *w)
{
    struct keys_changed changed;
    struct wire_error err;

    if (w->reply_kind != WIRE_KEYS_CHANGED)
        world_complain(w, "an answer to change_keys");
    assert_int_equal(w->reply_kind, WIRE_KEYS_CHANGED);
    assert_int_equal(keys_changed_decode(&changed, buf_bytes(&w->reply), &w->says, &err), 0);
    return changed;
}

/* Whether it was done. */
static bool change(struct world *w, unsigned node, const struct key_op *ops, uint32_t n)
{
    ask(w, node, ops, n);
    world_until(w, w->reply_kind != 0, 10 * KITH_SEC);
    return answer(w).done;
}

static struct key_op op(enum key_op_kind kind, const char *key, const char *value, uint64_t index)
{
    return (struct key_op){
        .kind = kind, .key = bytes_str(key), .value = bytes_str(value), .index = index};
}

static bool change_one(struct world *w, unsigned node, enum key_op_kind kind, const char *key,
                       const char *value, uint64_t index)
{
    struct key_op one = op(kind, key, value, index);

    return change(w, node, &one, 1);
}

static const struct row *row_at(struct world *w, unsigned node, const char *key)
{
    return state_get(w->nodes[node].state, TABLE_ID_KEY, bytes_str(key));
}

static void assert_value(struct world *w, unsigned node, const char *key, const char *value)
{
    const struct row *row = row_at(w, node, key);
    struct key_row says;
    struct wire_error err;

    assert_non_null(row);
    assert_int_equal(key_row_decode(&says, row->value, &w->says, &err), 0);
    assert_true(bytes_equal_str(says.value, value));
}

static uint64_t index_at(struct world *w, unsigned node, const char *key)
{
    return row_at(w, node, key)->version.minor;
}

/* Neither rows nor messages pass between the first `n` and the others; nobody has noticed yet. */
static void cut(struct world *w, unsigned n, bool on)
{
    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = n; k < w->nodes_n; k++)
            w->nodes[i].cut_from[k] = w->nodes[k].cut_from[i] = on;
    }
}

static void notice(struct world *w, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = n; k < w->nodes_n; k++) {
            world_dead(w, k, i);
            world_dead(w, i, k);
        }
    }
    world_pass(w, 100 * KITH_MS);
}

/* ---- plain ---- */

static void a_plain_write_is_a_row_that_everybody_gets(void **state)
{
    (void)state;
    struct world *w = world_new(3);

    assert_true(change_one(w, 0, KEY_OP_KIND_SET, "a/b", "one", 0));
    world_until(w, row_at(w, 2, "a/b"), 1 * KITH_SEC);
    assert_value(w, 2, "a/b", "one");
    uint64_t first = index_at(w, 0, "a/b");

    assert_true(change_one(w, 1, KEY_OP_KIND_SET, "a/b", "two", 0));
    struct key_info now = answer(w).results[0];

    assert_true(now.index > first && now.created == first);
    assert_true(change_one(w, 2, KEY_OP_KIND_DELETE_TREE, "a/", "", 0));
    assert_true(change_one(w, 2, KEY_OP_KIND_DELETE, "a/b", "", 0)); /* it is not there any more */
    world_until(w, !row_at(w, 0, "a/b") && !row_at(w, 1, "a/b"), 1 * KITH_SEC);
    assert_int_equal(w->nodes[0].control->keeper.decisions + w->nodes[1].control->keeper.decisions +
                         w->nodes[2].control->keeper.decisions,
                     0);
    world_free(w);
}

static void what_is_no_key_is_refused(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    static uint8_t big[KEY_OP_VALUE_MAX];
    struct key_op large[5];
    struct key_op none = op(KEY_OP_KIND_SET, "", "", 0);
    struct key_op inside = op(KEY_OP_KIND_END_LOCK, "a", "", 0);

    ask(w, 0, &none, 1);
    assert_true(world_refused(w, "1 to 255 bytes"));
    ask(w, 0, &inside, 1);
    assert_true(world_refused(w, "no such operation"));
    for (unsigned i = 0; i < 5; i++) {
        large[i] = op(KEY_OP_KIND_SET, "a", "", 0);
        large[i].value = bytes_of(big, sizeof(big));
    }
    ask(w, 0, large, 5);
    assert_true(world_refused(w, "256 KiB"));
    world_free(w);
}

/* ---- compare and set ---- */

static void a_write_on_condition_is_done_once(void **state)
{
    (void)state;
    struct world *w = world_new(5);

    assert_true(change_one(w, 3, KEY_OP_KIND_CAS, "n", "1", 0));
    assert_value(w, 3, "n", "1"); /* whoever asked has it before the client is told */
    assert_false(change_one(w, 1, KEY_OP_KIND_CAS, "n", "1", 0));
    assert_true(strstr((const char *)answer(w).errors[0].text.data, "index"));
    world_until(w, row_at(w, 2, "n"), 1 * KITH_SEC);
    uint64_t index = index_at(w, 2, "n");

    assert_true(change_one(w, 2, KEY_OP_KIND_CAS, "n", "2", index));
    assert_false(change_one(w, 4, KEY_OP_KIND_CAS, "n", "3", index));
    assert_false(change_one(w, 4, KEY_OP_KIND_DELETE_CAS, "n", "", index));
    world_until(w, world_agree(w), 1 * KITH_SEC);
    assert_value(w, 0, "n", "2");
    world_free(w);
}

/* Who knows less than the others decides by what they know: its rows have not come, its answers have. */
static void what_only_others_know_counts(void **state)
{
    (void)state;
    struct world *w = world_new(3);

    assert_true(change_one(w, 0, KEY_OP_KIND_SET, "n", "1", 0));
    for (size_t i = 0; i < w->pending_n; i++) { /* every row that is under way is lost */
        if (w->pending[i].kind == PENDING_ROWS && w->pending[i].node != 1)
            w->pending[i].boots = UINT64_MAX;
    }
    world_until(w, row_at(w, 1, "n"), 1 * KITH_SEC);
    assert_null(row_at(w, 2, "n"));
    assert_false(change_one(w, 2, KEY_OP_KIND_CAS, "n", "2", 0));
    world_free(w);
}

static void a_side_without_a_majority_refuses(void **state)
{
    (void)state;
    struct world *w = world_new(5);
    struct key_op one = op(KEY_OP_KIND_CAS, "n", "1", 0);

    cut(w, 2, true);
    ask(w, 0, &one, 1); /* nobody has noticed that the others are gone */
    world_until(w, w->reply_kind != 0, HANDOVER_TIME + KITH_SEC);
    assert_int_equal(w->reply_kind, WIRE_FAILED);
    notice(w, 2);
    for (unsigned node = 0; node < 2; node++) {
        ask(w, node, &one, 1);
        world_until(w, w->reply_kind != 0, 1 * KITH_SEC);
        assert_true(world_refused(w, "2 of 5 known members"));
        assert_null(row_at(w, node, "n"));
    }
    assert_true(change(w, 4, &one, 1)); /* the other side has one */
    assert_null(row_at(w, 0, "n"));
    world_free(w);
}

static void half_is_no_majority(void **state)
{
    (void)state;
    struct world *w = world_new(4);
    struct key_op one = op(KEY_OP_KIND_CAS, "n", "1", 0);

    cut(w, 2, true);
    notice(w, 2);
    for (unsigned node = 0; node < 4; node += 2) {
        ask(w, node, &one, 1);
        world_until(w, w->reply_kind != 0, 1 * KITH_SEC);
        assert_true(world_refused(w, "2 of 4 known members"));
    }
    world_free(w);
}

/* ---- keepers that are lost on the way ---- */

static struct keeper *keeper_at(struct world *w, unsigned node)
{
    return &w->nodes[node].control->keeper;
}

/* The node that decides, found by letting it decide. */
static unsigned find_keeper(struct world *w)
{
    unsigned node = 0;

    (void)change_one(w, 0, KEY_OP_KIND_CAS, "who", "", 0);
    while (keeper_at(w, node)->decisions == 0)
        node++;
    return node;
}

/* Members hold it, nobody was told that it is decided: the next keeper finishes it before anything else, and whole. */
static void what_a_lost_keeper_left_is_finished(void **state)
{
    (void)state;
    struct world *w = world_new(5);
    unsigned keeper = find_keeper(w), other = (keeper + 1) % 5;
    struct key_op both[] = {op(KEY_OP_KIND_CAS, "a", "1", 0), op(KEY_OP_KIND_CAS, "b", "1", 0)};

    world_until(w, world_agree(w) && keeper_at(w, keeper)->phase == KEEPER_IDLE, 1 * KITH_SEC);
    ask(w, keeper, both, 2);
    world_until(w, w->nodes[other].control->holder.records_n == 2, 1 * KITH_SEC);
    assert_null(row_at(w, other, "a")); /* held, and shown to nobody */
    world_kill(w, keeper);
    world_pass(w, 100 * KITH_MS);
    assert_true(change_one(w, other, KEY_OP_KIND_CAS, "c", "1", 0));
    world_until(w, row_at(w, other, "a") && row_at(w, other, "b"), 1 * KITH_SEC);
    assert_false(change_one(w, other, KEY_OP_KIND_CAS, "a", "2", 0));
    world_free(w);
}

/* Nobody asks for anything: it is finished all the same, since its client may have been told that it is done. */
static void what_a_lost_keeper_left_is_finished_unasked(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    unsigned keeper = find_keeper(w), other = (keeper + 1) % 3;
    struct key_op one = op(KEY_OP_KIND_CAS, "a", "1", 0);

    world_until(w, world_agree(w) && keeper_at(w, keeper)->phase == KEEPER_IDLE, 1 * KITH_SEC);
    ask(w, keeper, &one, 1);
    world_until(w, !w->nodes[other].control->holder.shown, 1 * KITH_SEC);
    world_kill(w, keeper);
    world_until(w, row_at(w, other, "a") && row_at(w, 3 - keeper - other, "a"), 10 * KITH_SEC);
    world_free(w);
}

/* It reached one member only, which is then away while others decide: it never was. */
static void what_reached_too_few_never_was(void **state)
{
    (void)state;
    struct world *w = world_new(5);
    unsigned keeper = find_keeper(w), one = (keeper + 1) % 5, other = (keeper + 2) % 5;
    struct key_op op_a = op(KEY_OP_KIND_CAS, "a", "lost", 0);

    world_until(w, world_agree(w) && keeper_at(w, keeper)->phase == KEEPER_IDLE, 1 * KITH_SEC);
    ask(w, keeper, &op_a, 1);
    world_until(w, keeper_at(w, keeper)->phase == KEEPER_HOLD, 1 * KITH_SEC);
    for (unsigned k = 0; k < 5; k++) {
        if (k != one && k != keeper)
            w->nodes[k].cut_from[keeper] = w->nodes[keeper].cut_from[k] = true;
    }
    for (size_t i = 0; i < w->pending_n; i++) { /* what is under way to the others is lost, too */
        if (w->pending[i].kind == PENDING_FRAME && w->pending[i].node != one)
            w->pending[i].boots = UINT64_MAX;
    }
    world_until(w, w->nodes[one].control->holder.records_n == 1, 1 * KITH_SEC);
    world_kill(w, keeper);
    for (unsigned k = 0; k < 5; k++)
        w->nodes[k].cut_from[one] = w->nodes[one].cut_from[k] = k != one;
    world_pass(w, 100 * KITH_MS);
    assert_true(change_one(w, other, KEY_OP_KIND_CAS, "a", "won", 0));
    for (unsigned k = 0; k < 5; k++)
        w->nodes[k].cut_from[one] = w->nodes[one].cut_from[k] = false;
    assert_true(change_one(w, other, KEY_OP_KIND_CAS, "b", "", 0));
    world_pass(w, 2 * KITH_SEC);
    assert_value(w, other, "a", "won");
    assert_value(w, one, "b", "");
    assert_false(change_one(w, one, KEY_OP_KIND_CAS, "a", "again", 0));
    world_free(w);
}

static void promises_outlast_a_restart(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    unsigned keeper = find_keeper(w), other = (keeper + 1) % 3;

    world_until(w, world_agree(w) && w->nodes[other].control->holder.shown, 1 * KITH_SEC);
    struct ballot promised = w->nodes[other].control->holder.promised;

    assert_true(ballot_compare(&promised, &keeper_at(w, keeper)->ballot) == 0);
    world_crash(w, other);
    world_restart(w, other);
    assert_true(ballot_compare(&promised, &w->nodes[other].control->holder.promised) == 0);
    assert_true(w->nodes[other].control->holder.shown);
    world_free(w);
}

/* ---- many at once ---- */

static void many_at_once_are_decided_together(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    unsigned keeper = find_keeper(w);
    char key[16];
    uint64_t before = keeper_at(w, keeper)->decisions;

    for (unsigned i = 0; i < 40; i++) {
        struct key_op one;

        snprintf(key, sizeof(key), "k%u", i % 20);
        one = op(KEY_OP_KIND_CAS, key, "", 0);
        ask(w, keeper, &one, 1);
    }
    world_pass(w, 1 * KITH_SEC);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        assert_non_null(row_at(w, keeper, key));
    }
    assert_true(keeper_at(w, keeper)->decisions - before <= 3);
    world_free(w);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_write_is_a_row_that_everybody_gets),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(a_write_on_condition_is_done_once),
        cmocka_unit_test(what_only_others_know_counts),
        cmocka_unit_test(a_side_without_a_majority_refuses),
        cmocka_unit_test(half_is_no_majority),
        cmocka_unit_test(what_a_lost_keeper_left_is_finished),
        cmocka_unit_test(what_a_lost_keeper_left_is_finished_unasked),
        cmocka_unit_test(what_reached_too_few_never_was),
        cmocka_unit_test(promises_outlast_a_restart),
        cmocka_unit_test(many_at_once_are_decided_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
