#include "control/sessions.h"

#include "world.h"

#include <string.h>

#include "test.h"

/* ---- asking ---- */

static struct ulid open_session(struct world *w, unsigned node, const struct session_row *row)
{
    struct open_session request = {.session = *row};
    struct session_told told;
    struct wire_error err;
    struct buf payload = {0};

    open_session_encode(&payload, &request);
    world_request(w, node, WIRE_OPEN_SESSION, buf_bytes(&payload));
    buf_deinit(&payload);
    if (w->reply_kind != WIRE_SESSION_TOLD)
        world_complain(w, "a session");
    assert_int_equal(w->reply_kind, WIRE_SESSION_TOLD);
    assert_int_equal(session_told_decode(&told, buf_bytes(&w->reply), &w->says, &err), 0);
    return told.id;
}

static bool renew(struct world *w, unsigned node, const struct ulid *id)
{
    struct renew_session request = {.id = *id};
    struct buf payload = {0};

    renew_session_encode(&payload, &request);
    world_request(w, node, WIRE_RENEW_SESSION, buf_bytes(&payload));
    buf_deinit(&payload);
    world_until(w, w->reply_kind != 0, 10 * KITH_SEC);
    return w->reply_kind == WIRE_SESSION_TOLD;
}

static bool end_session(struct world *w, unsigned node, const struct ulid *id)
{
    struct end_session request = {.id = *id};
    struct buf payload = {0};

    end_session_encode(&payload, &request);
    world_request(w, node, WIRE_END_SESSION, buf_bytes(&payload));
    buf_deinit(&payload);
    world_until(w, w->reply_kind != 0, 10 * KITH_SEC);
    return w->reply_kind == WIRE_SESSION_TOLD;
}

static struct keys_changed change(struct world *w, unsigned node, const struct key_op *ops,
                                  uint32_t n)
{
    struct change_keys request = {.ops = ops, .ops_n = n};
    struct keys_changed changed;
    struct wire_error err;
    struct buf payload = {0};

    change_keys_encode(&payload, &request);
    world_request(w, node, WIRE_CHANGE_KEYS, buf_bytes(&payload));
    buf_deinit(&payload);
    world_until(w, w->reply_kind != 0, 10 * KITH_SEC);
    if (w->reply_kind != WIRE_KEYS_CHANGED)
        world_complain(w, "an answer to change_keys");
    assert_int_equal(w->reply_kind, WIRE_KEYS_CHANGED);
    assert_int_equal(keys_changed_decode(&changed, buf_bytes(&w->reply), &w->says, &err), 0);
    return changed;
}

static bool lock(struct world *w, unsigned node, enum key_op_kind kind, const struct ulid *session)
{
    struct key_op op = {
        .kind = kind, .key = bytes_str("leader"), .value = bytes_str("me"), .session = *session};

    return change(w, node, &op, 1).done;
}

/* Who has the lock, as that node sees it; zero: nobody. */
static struct ulid holder(struct world *w, unsigned node)
{
    const struct row *row = state_get(w->nodes[node].state, TABLE_ID_LOCK, bytes_str("leader"));
    struct lock_row says = {0};
    struct wire_error err;

    if (row)
        assert_int_equal(lock_row_decode(&says, row->value, &w->says, &err), 0);
    return says.session;
}

static bool is_free(struct world *w, unsigned node)
{
    struct ulid session = holder(w, node);

    return ulid_is_zero(&session);
}

static bool has_key(struct world *w, unsigned node)
{
    return state_get(w->nodes[node].state, TABLE_ID_KEY, bytes_str("leader")) != NULL;
}

/* ---- locks ---- */

static void one_of_two_sessions_gets_a_lock(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    struct ulid a = open_session(w, 0, &(struct session_row){0});
    struct ulid b = open_session(w, 1, &(struct session_row){0});

    assert_true(
        lock(w, 0, KEY_OP_KIND_LOCK, &a)); /* at once, though others may not know the session yet */
    assert_false(lock(w, 1, KEY_OP_KIND_LOCK, &b));
    assert_true(lock(w, 2, KEY_OP_KIND_LOCK, &a)); /* who has it has it */
    assert_false(lock(w, 1, KEY_OP_KIND_UNLOCK, &b));
    assert_true(lock(w, 0, KEY_OP_KIND_UNLOCK, &a));
    assert_true(lock(w, 1, KEY_OP_KIND_LOCK, &b)); /* given back, it is free at once */
    world_free(w);
}

static void a_session_that_never_was_gets_nothing(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct key_op op = {
        .kind = KEY_OP_KIND_LOCK, .key = bytes_str("leader"), .session = {{1, 2, 3}}};
    struct keys_changed changed = change(w, 0, &op, 1);

    assert_false(changed.done);
    assert_true(changed.errors[0].no_session);
    assert_false(renew(w, 0, &op.session));
    world_free(w);
}

/* A plain write of one that does not know of the lock leaves it where it is. */
static void plain_writes_leave_locks_alone(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    struct ulid a = open_session(w, 0, &(struct session_row){0});
    struct key_op set = {
        .kind = KEY_OP_KIND_SET, .key = bytes_str("leader"), .value = bytes_str("other")};
    struct key_op erase = {.kind = KEY_OP_KIND_DELETE, .key = bytes_str("leader")};

    assert_true(lock(w, 0, KEY_OP_KIND_LOCK, &a));
    assert_true(change(w, 1, &set, 1).done);
    world_pass(w, 1 * KITH_SEC);
    struct ulid now = holder(w, 1);

    assert_true(ulid_equal(&now, &a));
    assert_true(change(w, 2, &erase, 1).done); /* the lock goes with its key */
    world_pass(w, 1 * KITH_SEC);
    assert_true(is_free(w, 0) && !has_key(w, 0));
    world_free(w);
}

/* ---- ends ---- */

static void a_session_that_is_not_renewed_ends(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    struct ulid a = open_session(w, 0, &(struct session_row){.ttl_ms = 2000, .delay_ms = 1000});
    struct ulid b = open_session(w, 1, &(struct session_row){0});

    assert_true(lock(w, 0, KEY_OP_KIND_LOCK, &a));
    for (int i = 0; i < 4; i++) {
        world_pass(w, 1500 * KITH_MS);
        assert_true(renew(w, 2, &a)); /* asked of another, which hands it on */
    }
    assert_false(is_free(w, 2));
    world_pass(w, 2500 * KITH_MS);
    assert_true(is_free(w, 2) && has_key(w, 2));
    assert_false(renew(w, 0, &a));
    assert_false(lock(w, 1, KEY_OP_KIND_LOCK, &b)); /* not yet: LockDelay */
    world_pass(w, 1 * KITH_SEC);
    assert_true(lock(w, 1, KEY_OP_KIND_LOCK, &b));
    world_free(w);
}

static void keys_are_deleted_with_a_session_that_says_so(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    struct ulid a = open_session(w, 0, &(struct session_row){.deletes = true});

    assert_true(lock(w, 0, KEY_OP_KIND_LOCK, &a));
    world_pass(w, 100 * KITH_MS);
    assert_true(has_key(w, 2));
    assert_true(end_session(w, 1, &a));
    world_until(w, !has_key(w, 2) && is_free(w, 2), 2 * KITH_SEC);
    assert_true(lock(w, 0, KEY_OP_KIND_UNLOCK, &a) == false);
    world_free(w);
}

static void a_session_ends_with_its_node(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    struct ulid a = open_session(w, 0, &(struct session_row){0});
    struct ulid b = open_session(w, 1, &(struct session_row){0});
    struct ulid alone = open_session(w, 0, &(struct session_row){.unwatched = true});
    struct key_op other = {.kind = KEY_OP_KIND_LOCK, .key = bytes_str("kept"), .session = alone};

    assert_true(lock(w, 0, KEY_OP_KIND_LOCK, &a));
    assert_true(change(w, 0, &other, 1).done);
    world_pass(w, 100 * KITH_MS);
    world_kill(w, 0);
    world_until(w, is_free(w, 1), 3 * KITH_SEC);
    assert_true(lock(w, 1, KEY_OP_KIND_LOCK, &b));
    other.session = b;
    assert_false(change(w, 1, &other, 1).done); /* one that does not hang on its node goes on */
    world_free(w);
}

/* Others may have given its locks away meanwhile: it is not to come back as if nothing had been. */
static void who_was_held_for_dead_ends_its_sessions(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    struct ulid a = open_session(w, 0, &(struct session_row){0});

    assert_true(lock(w, 0, KEY_OP_KIND_LOCK, &a));
    world_pass(w, 100 * KITH_MS);
    world_dead(w, 0, 1);
    world_pass(w, 100 * KITH_MS);
    world_revive(w, 0);
    world_pass(w, 2 * KITH_SEC);
    assert_false(renew(w, 0, &a));
    assert_true(is_free(w, 0) && is_free(w, 2));
    world_free(w);
}

static void a_restart_that_nobody_notices_ends_nothing(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct ulid a = open_session(w, 0, &(struct session_row){.ttl_ms = 2000});

    assert_true(lock(w, 0, KEY_OP_KIND_LOCK, &a));
    world_crash(w, 0);
    world_restart(w, 0);
    assert_true(renew(w, 0, &a));
    struct ulid now = holder(w, 0);

    assert_true(ulid_equal(&now, &a));
    world_pass(w, 3 * KITH_SEC); /* its TTL counts on */
    assert_true(is_free(w, 0));
    world_free(w);
}

/* ---- transactions ---- */

static void a_transaction_is_done_or_not(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    struct ulid a = open_session(w, 0, &(struct session_row){0});
    struct key_op ops[] = {
        {.kind = KEY_OP_KIND_CHECK_NOT_EXISTS, .key = bytes_str("x")},
        {.kind = KEY_OP_KIND_SET, .key = bytes_str("x"), .value = bytes_str("1")},
        {.kind = KEY_OP_KIND_LOCK, .key = bytes_str("leader"), .session = a},
        {.kind = KEY_OP_KIND_GET, .key = bytes_str("x")},
    };
    struct keys_changed changed = change(w, 1, ops, 4);

    assert_true(changed.done);
    assert_int_equal(changed.results_n, 3);
    assert_true(bytes_equal_str(changed.results[2].value, "1"));
    uint64_t index = changed.results[2].index;
    struct key_op wrong[] = {
        {.kind = KEY_OP_KIND_DELETE, .key = bytes_str("x")},
        {.kind = KEY_OP_KIND_CHECK_SESSION, .key = bytes_str("leader"), .session = {{9}}},
    };

    changed = change(w, 2, wrong, 2);
    assert_false(changed.done);
    assert_int_equal(changed.errors[0].op, 1);
    struct key_op tree[] = {
        {.kind = KEY_OP_KIND_CHECK_INDEX, .key = bytes_str("x"), .index = index},
        {.kind = KEY_OP_KIND_CHECK_SESSION, .key = bytes_str("leader"), .session = a},
        {.kind = KEY_OP_KIND_GET_TREE},
        {.kind = KEY_OP_KIND_DELETE_TREE},
        {.kind = KEY_OP_KIND_GET_OR_EMPTY, .key = bytes_str("x")},
    };

    changed = change(w, 2, tree, 5);
    assert_true(changed.done);
    assert_int_equal(changed.results_n, 4);
    world_pass(w, 1 * KITH_SEC);
    assert_false(has_key(w, 0) || !is_free(w, 1));
    world_free(w);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_two_sessions_gets_a_lock),
        cmocka_unit_test(a_session_that_never_was_gets_nothing),
        cmocka_unit_test(plain_writes_leave_locks_alone),
        cmocka_unit_test(a_session_that_is_not_renewed_ends),
        cmocka_unit_test(keys_are_deleted_with_a_session_that_says_so),
        cmocka_unit_test(a_session_ends_with_its_node),
        cmocka_unit_test(who_was_held_for_dead_ends_its_sessions),
        cmocka_unit_test(a_restart_that_nobody_notices_ends_nothing),
        cmocka_unit_test(a_transaction_is_done_or_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
