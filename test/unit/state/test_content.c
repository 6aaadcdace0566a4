#include "state/content.h"

#include "rows.h"
#include "state/members.h"
#include "test.h"

static struct state *sharing(unsigned id, struct contents *shared)
{
    struct state_config config = {
        .cluster = id_of(250), .self = id_of((uint8_t)id), .incarnation = 1, .shared = shared};
    struct state *s = state_new(&config);

    state_clock(s, WALL);
    return s;
}

/* The one writes its member row, the other takes it in. Returns what the first holds. */
static const struct row *tell(struct state *a, struct state *b, const struct ulid *id)
{
    assert_int_equal(state_put(a, TABLE_ID_MEMBER, id_key(id), member_value("a"), 0, 0), 0);
    const struct row *row = state_get(a, TABLE_ID_MEMBER, id_key(id));
    assert_int_equal(state_merge(b, row->record), 0);
    return row;
}

static void states_that_share_hold_one_content_of_a_row(void **unused)
{
    (void)unused;
    struct contents *shared = contents_new();
    struct state *a = sharing(1, shared), *b = sharing(2, shared);
    struct ulid id = id_of(1);

    const struct row *there = tell(a, b, &id);
    assert_ptr_equal(state_get(b, TABLE_ID_MEMBER, id_key(&id)), there);
    assert_int_equal(contents_count(shared), 1);
    assert_true(state_digest(a) == state_digest(b));

    /* The first writes anew: the second keeps what it has, until it hears of it. */
    assert_int_equal(state_put(a, TABLE_ID_MEMBER, id_key(&id), member_value("b"), 0, 0), 0);
    assert_ptr_equal(state_get(b, TABLE_ID_MEMBER, id_key(&id)), there);
    assert_int_equal(contents_count(shared), 2);
    assert_int_equal(state_merge(b, state_get(a, TABLE_ID_MEMBER, id_key(&id))->record), 0);
    state_free(a);
    state_free(b);
    assert_int_equal(contents_count(shared), 0);
    contents_free(shared);
}

static void a_state_that_shares_nothing_has_contents_of_its_own(void **unused)
{
    (void)unused;
    struct state *a = sharing(1, NULL), *b = sharing(2, NULL);
    struct ulid id = id_of(1);

    const struct row *there = tell(a, b, &id);
    assert_ptr_not_equal(state_get(b, TABLE_ID_MEMBER, id_key(&id)), there);
    state_free(a);
    state_free(b);
}

static void take_changes(struct state *s, struct members *members)
{
    const struct row *const *rows;
    struct member before;
    size_t n = state_take_changes(s, &rows);

    for (size_t i = 0; i < n; i++)
        members_changed(members, rows[i], WALL, &before);
}

static void a_row_is_decoded_once_for_all_who_share_it(void **unused)
{
    (void)unused;
    struct contents *shared = contents_new();
    struct state *a = sharing(1, shared), *b = sharing(2, shared);
    struct members *of_a = members_new(), *of_b = members_new();
    struct ulid id = id_of(1);

    assert_int_equal(state_put(a, TABLE_ID_MEMBER, id_key(&id), member_value("a"), 0, 0), 0);
    assert_int_equal(state_merge(b, state_get(a, TABLE_ID_MEMBER, id_key(&id))->record), 0);
    take_changes(a, of_a);
    take_changes(b, of_b);
    const struct member_row *row = members_get(of_b, &id)->row;
    assert_ptr_equal(members_get(of_a, &id)->row, row);

    /* It stays for whoever still holds it, whatever becomes of the states. */
    state_free(a);
    state_free(b);
    members_free(of_a);
    assert_true(bytes_equal_str(row->name, "a"));
    members_free(of_b);
    assert_int_equal(contents_count(shared), 0);
    contents_free(shared);
}

static void a_dropped_row_is_told_as_deleted_to_its_own_state_alone(void **unused)
{
    (void)unused;
    struct contents *shared = contents_new();
    struct state *a = sharing(1, shared), *b = sharing(2, shared);
    struct ulid id = id_of(1);
    const struct row *const *rows;
    int64_t expires_ms = WALL / KITH_MS + 1000;

    assert_int_equal(state_put(a, TABLE_ID_MEMBER, id_key(&id), member_value("a"), 0, expires_ms),
                     0);
    assert_int_equal(state_merge(b, state_get(a, TABLE_ID_MEMBER, id_key(&id))->record), 0);
    (void)state_take_changes(a, &rows);
    state_clock(a, WALL + 2 * KITH_SEC);
    state_time(a);
    assert_int_equal(state_take_changes(a, &rows), 1);
    assert_true(rows[0]->flags & ROW_TOMBSTONE);
    assert_null(state_get(a, TABLE_ID_MEMBER, id_key(&id)));
    assert_non_null(state_get(b, TABLE_ID_MEMBER, id_key(&id)));
    state_free(a);
    state_free(b);
    contents_free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_that_share_hold_one_content_of_a_row),
        cmocka_unit_test(a_state_that_shares_nothing_has_contents_of_its_own),
        cmocka_unit_test(a_row_is_decoded_once_for_all_who_share_it),
        cmocka_unit_test(a_dropped_row_is_told_as_deleted_to_its_own_state_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
