#include "state/content.h"

#include "rows.h"
#include "state/members.h"
#include "state/merge.h"
#include "test.h"

#include <string.h>

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

static void assert_same(const struct row *a, const struct row *b)
{
    assert_int_equal(a->table, b->table);
    assert_int_equal(a->flags, b->flags);
    assert_true(bytes_equal(a->ns, b->ns) && bytes_equal(a->key, b->key));
    assert_true(bytes_equal(a->value, b->value) && bytes_equal(a->record, b->record));
    assert_true(a->version.major == b->version.major && a->version.minor == b->version.minor);
    assert_true(ulid_equal(&a->origin, &b->origin));
    assert_true(a->expires_ms == b->expires_ms && a->hash == b->hash);
}

/* Takes the record in and reads it back: as when it was read the first time. */
static void check(struct bytes record)
{
    struct ulid cluster = id_of(250);
    struct arena mem = {0};
    struct row row, back;

    assert_int_equal(row_read(&row, record, &cluster, &mem), 0);
    struct blocks *blocks = blocks_new();
    struct content *c = content_take(/* shared= */ NULL, blocks, &row);
    content_read(c, &back);
    assert_same(&row, &back);
    assert_ptr_equal(back.content, c);
    content_release(c);
    blocks_free(blocks);
    arena_deinit(&mem);
}

static void a_content_says_what_its_record_says(void **unused)
{
    (void)unused;
    struct buf record = {0};
    struct rng rng;

    rng_seed(&rng, 5);
    for (int i = 0; i < 2000; i++) {
        buf_reset(&record);
        random_record(&record, &rng, WALL);
        check(buf_bytes(&record));
    }
    buf_deinit(&record);
}

static void large_rows_and_others_fields_are_read_as_well(void **unused)
{
    (void)unused;
    static const struct seen_version seen[] = {{.origin = {{1}}, .version = {0, 7}}};
    struct buf encoded = {0}, value = {0};
    char argument[4000] = {0};
    struct bytes argv = bytes_of(argument, sizeof(argument));
    struct record r = {.cluster = id_of(250),
                       .namespace = bytes_str(STATE_NAMESPACE),
                       .table = TABLE_ID_SPEC,
                       .key = bytes_of("0123456789abcdef0123456789abcdef", 32),
                       .version = {0, hlc_from_wall(WALL)},
                       .based_on = {0, 99},
                       .based_on_origin = id_of(3),
                       .origin = id_of(2),
                       .expires_ms = INT64_C(1) << 41,
                       .seen = seen,
                       .seen_n = 1};

    memset(argument, 'x', sizeof(argument));
    struct bytes many[20];
    for (size_t n = 1; n <= 20; n += 19) { /* 4 KB, and more than a compact content notes: 80 KB */
        for (size_t i = 0; i < n; i++)
            many[i] = argv;
        buf_reset(&value);
        buf_reset(&encoded);
        spec_row_encode(
            &value, &(struct spec_row){
                        .spec = {.name = bytes_str("web"), .argv = many, .argv_n = (uint32_t)n}});
        r.value = buf_bytes(&value);
        record_encode(&encoded, &r);
        check(buf_bytes(&encoded));
    }
    buf_deinit(&encoded);
    buf_deinit(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_that_share_hold_one_content_of_a_row),
        cmocka_unit_test(a_state_that_shares_nothing_has_contents_of_its_own),
        cmocka_unit_test(a_row_is_decoded_once_for_all_who_share_it),
        cmocka_unit_test(a_dropped_row_is_told_as_deleted_to_its_own_state_alone),
        cmocka_unit_test(a_content_says_what_its_record_says),
        cmocka_unit_test(large_rows_and_others_fields_are_read_as_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
