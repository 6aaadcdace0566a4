#include "state/state.h"

#include "rows.h"
#include "test.h"

#include <string.h>

static struct bytes none;

static uint32_t count_held(const struct state *s, const struct ulid *service)
{
    const struct row *row = state_get(s, TABLE_ID_COUNT, id_key(service));
    struct count_row count;
    struct wire_error err;
    struct arena mem = {0};

    assert_non_null(row);
    assert_int_equal(count_row_decode(&count, row->value, &mem, &err), 0);
    arena_deinit(&mem);
    return count.count;
}

static int put_count(struct state *s, const struct ulid *service, uint32_t count)
{
    return state_put(s, TABLE_ID_COUNT, id_key(service), count_value(count), 0, 0);
}

/* ---- one writer ---- */

static void a_write_is_read_changed_stored_and_pushed_once(void **unused)
{
    (void)unused;
    struct state *s = node_new(1);
    struct effects out = {0};
    struct ulid service = id_of(50);
    const struct row *const *changes;

    assert_int_equal(put_count(s, &service, 3), 0);
    assert_int_equal(put_count(s, &service, 4), 0);
    assert_int_equal(count_held(s, &service), 4);

    assert_int_equal(state_take_changes(s, &changes), 1);
    assert_true(bytes_equal(changes[0]->key, id_key(&service)));
    assert_int_equal(state_take_changes(s, &changes), 0);

    uint64_t token = state_token(s);
    effects_wait(&out, 77);
    assert_true(state_take_batch(s, &out));
    assert_false(state_take_batch(s, &out));
    assert_int_equal(out.count, 1);
    assert_int_equal(out.items[0].kind, EFFECT_STORE);
    assert_int_equal(out.items[0].wait, 0);
    assert_int_equal(out.items[0].store.token, token);
    assert_int_equal(out.items[0].store.writes_n, 1);
    assert_int_equal(out.items[0].store.writes[0].key.len, 2 + 7 + 16);
    assert_int_equal(state_token(s), token + 1);

    assert_int_equal(push_to(s, NULL), 1);
    assert_int_equal(push_to(s, NULL), 0);
    effects_deinit(&out);
    state_free(s);
}

static struct version based_on(const struct row *row)
{
    struct record record;
    struct wire_error err;
    struct arena mem = {0};

    assert_int_equal(record_decode(&record, row->record, &mem, &err), 0);
    arena_deinit(&mem);
    return record.based_on;
}

static void own_rows_count_from_one_in_each_incarnation(void **unused)
{
    (void)unused;
    struct state *s = node_new(1);
    struct ulid self = id_of(1), other = id_of(2);

    assert_int_equal(state_put(s, TABLE_ID_MEMBER, id_key(&self), member_value("a"), 0, 0), 0);
    const struct row *row = state_get(s, TABLE_ID_MEMBER, id_key(&self));
    assert_true(row->version.major == 1 && row->version.minor == 1);
    assert_int_equal(state_put(s, TABLE_ID_MEMBER, id_key(&self), member_value("b"), 0, 0), 0);
    row = state_get(s, TABLE_ID_MEMBER, id_key(&self));
    assert_true(row->version.major == 1 && row->version.minor == 2);
    assert_true(based_on(row).major == 1 && based_on(row).minor == 1);

    state_set_incarnation(s, 5);
    state_set_incarnation(s, 4); /* never lower */
    assert_int_equal(state_incarnation(s), 5);
    assert_int_equal(state_put(s, TABLE_ID_MEMBER, id_key(&self), member_value("c"), 0, 0), 0);
    row = state_get(s, TABLE_ID_MEMBER, id_key(&self));
    assert_true(row->version.major == 5 && row->version.minor == 1);

    assert_int_equal(state_put(s, TABLE_ID_MEMBER, id_key(&other), member_value("x"), 0, 0),
                     STATE_NOT_OWNER);
    state_free(s);
}

static void a_sequence_that_was_stored_is_not_used_again(void **unused)
{
    (void)unused;
    struct state *s = node_new(1), *again = node_new(1);
    struct ulid self = id_of(1);

    assert_int_equal(state_put(s, TABLE_ID_MEMBER, id_key(&self), member_value("a"), 0, 0), 0);
    assert_int_equal(state_put(s, TABLE_ID_MEMBER, id_key(&self), member_value("b"), 0, 0), 0);
    const struct row *row = state_get(s, TABLE_ID_MEMBER, id_key(&self));
    assert_int_equal(state_load(again, row->record), 0);
    assert_int_equal(state_put(again, TABLE_ID_MEMBER, id_key(&self), member_value("c"), 0, 0), 0);
    assert_int_equal(state_get(again, TABLE_ID_MEMBER, id_key(&self))->version.minor, 3);
    state_free(s);
    state_free(again);
}

static void what_is_not_writable_is_refused(void **unused)
{
    (void)unused;
    struct state *s = node_new(1);
    struct ulid service = id_of(50);
    static const uint8_t long_key[STATE_KEY_MAX + 1];

    assert_int_equal(state_put(s, TABLE_ID_COUNT, bytes_str("x"), count_value(1), 0, 0), STATE_BAD);
    assert_int_equal(
        state_put(s, TABLE_ID_COUNT, bytes_of(long_key, sizeof(long_key)), count_value(1), 0, 0),
        STATE_BAD);
    assert_int_equal(state_put(s, TABLE_ID_COUNT, id_key(&service), bytes_str("x"), 0, 0),
                     STATE_BAD);
    assert_int_equal(state_put(s, (enum table_id)0, id_key(&service), count_value(1), 0, 0),
                     STATE_BAD);
    assert_int_equal(state_put(s, (enum table_id)99, id_key(&service), count_value(1), 0, 0),
                     STATE_BAD);
    assert_int_equal(state_delete(s, TABLE_ID_COUNT, id_key(&service), 0), STATE_OLD);
    assert_int_equal(state_count(s), 0);
    state_free(s);
}

static void deleted_rows_stay_as_tombstones_that_nobody_reads(void **unused)
{
    (void)unused;
    struct state *a = node_new(1), *b = node_new(2);
    struct ulid one = id_of(50), two = id_of(51);
    const struct row *const *changes;

    put_count(a, &one, 1);
    put_count(a, &two, 2);
    push_to(a, b);
    assert_int_equal(state_delete(a, TABLE_ID_COUNT, id_key(&one), 0), 0);
    assert_int_equal(state_delete(a, TABLE_ID_COUNT, id_key(&one), 0), STATE_OLD);
    state_take_changes(a, &changes);
    assert_true(changes[0]->flags & ROW_TOMBSTONE);
    assert_null(state_get(a, TABLE_ID_COUNT, id_key(&one)));
    assert_int_equal(state_count(a), 2);
    const struct row *row = state_first(a, TABLE_ID_COUNT, none);
    assert_true(bytes_equal(row->key, id_key(&two)));
    assert_null(state_next(a, row, none));

    copy_all(b, a); /* a stale copy does not bring it back */
    assert_null(state_get(a, TABLE_ID_COUNT, id_key(&one)));
    push_to(a, b);
    assert_null(state_get(b, TABLE_ID_COUNT, id_key(&one)));
    assert_int_equal(put_count(b, &one, 9), 0); /* a later write does */
    push_to(b, a);
    assert_int_equal(count_held(a, &one), 9);
    state_free(a);
    state_free(b);
}

static void rows_come_in_key_order_and_by_prefix(void **unused)
{
    (void)unused;
    struct state *s = node_new(1);
    uint8_t key[32] = {0};

    for (uint8_t i = 20; i > 0; i--) {
        key[15] = i % 2;
        key[31] = i;
        state_put(s, TABLE_ID_PLACEMENT, bytes_of(key, 32), placement_value(1), 1, 0);
    }
    size_t n = 0;
    struct bytes before = none;
    key[15] = 1;
    struct bytes prefix = bytes_of(key, 16);
    for (const struct row *r = state_first(s, TABLE_ID_PLACEMENT, prefix); r;
         r = state_next(s, r, prefix)) {
        assert_true(bytes_compare(before, r->key) < 0);
        before = r->key;
        n++;
    }
    assert_int_equal(n, 10);
    state_free(s);
}

static void a_row_stays_readable_until_the_next_step(void **unused)
{
    (void)unused;
    struct state *s = node_new(1);
    struct ulid service = id_of(50);
    const struct row *const *changes;

    put_count(s, &service, 1);
    assert_int_equal(state_take_changes(s, &changes), 1);
    const struct row *old = changes[0];
    put_count(s, &service, 2);
    assert_true(bytes_equal(old->value, count_value(1)));
    state_clock(s, WALL + 1); /* now it is gone */
    assert_int_equal(count_held(s, &service), 2);
    state_free(s);
}

/* ---- several writers ---- */

static void later_writes_win_everywhere_and_are_no_conflict(void **unused)
{
    (void)unused;
    struct state *a = node_new(1), *b = node_new(2);
    struct ulid service = id_of(50);
    const struct conflict *kept;

    put_count(a, &service, 1);
    push_to(a, b);
    put_count(b, &service, 2);
    push_to(b, a);
    put_count(a, &service, 3);
    put_count(a, &service, 4);
    push_to(a, b);
    assert_int_equal(count_held(b, &service), 4);
    assert_true(state_digest(a) == state_digest(b));
    assert_int_equal(state_conflicts(a, &kept), 0);
    assert_int_equal(state_conflicts(b, &kept), 0);
    state_free(a);
    state_free(b);
}

static struct bytes conflict_local(struct effects *out, struct bytes *ret_name)
{
    for (size_t i = 0; i < out->count; i++) {
        const struct effect *e = &out->items[i];

        for (uint32_t k = 0; e->kind == EFFECT_STORE && k < e->store.writes_n; k++) {
            if (e->store.writes[k].local) {
                *ret_name = e->store.writes[k].key;
                return e->store.writes[k].value;
            }
        }
    }
    return (struct bytes){0};
}

static void what_lost_outlives_a_restart_and_goes_when_its_time_is_up(void **unused)
{
    (void)unused;
    struct state *a = node_new(1), *b = node_new(2), *again = node_new(2);
    struct ulid service = id_of(50);
    struct effects out = {0};
    const struct conflict *kept;
    struct bytes name;

    assert_int_equal(state_put(a, TABLE_ID_COUNT, id_key(&service), count_value(10), 0, 0), 0);
    state_clock(b, WALL + KITH_SEC);
    assert_int_equal(state_put(b, TABLE_ID_COUNT, id_key(&service), count_value(20), 0, 0), 0);
    push_to(a, b);
    assert_int_equal(state_conflicts(b, &kept), 1);
    assert_int_equal(kept[0].kept_ms, (WALL + KITH_SEC) / KITH_MS);
    assert_true(state_take_batch(b, &out));
    struct bytes value = conflict_local(&out, &name);
    assert_true(state_load_conflict(again, name, value));
    assert_false(state_load_conflict(again, bytes_str("node/incarnation"), value));
    assert_true(state_load_conflict(again, name, bytes_str("junk")));
    assert_int_equal(state_conflicts(again, &kept), 1);
    assert_true(bytes_equal(kept[0].row->value, count_value(10)));

    kith_time end = WALL + KITH_SEC + STATE_CONFLICTS_KEEP;
    assert_in_range(state_deadline_wall(again), end, end + KITH_SEC);
    state_clock(again, end);
    state_time(again);
    assert_int_equal(state_conflicts(again, &kept), 1);
    state_clock(again, end + KITH_SEC);
    state_time(again);
    assert_int_equal(state_conflicts(again, &kept), 0);
    effects_reset(&out);
    assert_true(state_take_batch(again, &out));
    assert_int_equal(conflict_local(&out, &name).len, 0); /* and from the disk */
    effects_deinit(&out);
    state_free(a);
    state_free(b);
    state_free(again);
}

static void concurrent_writes_settle_and_the_loser_is_kept(void **unused)
{
    (void)unused;
    struct state *a = node_new(1), *b = node_new(2);
    struct ulid service = id_of(50);
    const struct conflict *kept;

    put_count(a, &service, 1);
    push_to(a, b);
    put_count(a, &service, 10);
    put_count(b, &service, 20);
    put_count(b, &service, 21); /* two writes on this side: 10 was known to neither */
    copy_all(a, b);
    copy_all(b, a);
    assert_true(state_digest(a) == state_digest(b));
    assert_int_equal(count_held(a, &service), 21);

    assert_int_equal(state_conflicts(a, &kept), 1);
    assert_true(bytes_equal(kept[0].row->value, count_value(10)));
    assert_int_equal(state_conflicts(b, &kept), 1);
    assert_true(bytes_equal(kept[0].row->value, count_value(10)));
    copy_all(b, a);
    const struct row *lost = kept[0].row;
    assert_int_equal(state_merge(b, lost->record), STATE_OLD); /* and is kept once */
    assert_int_equal(state_conflicts(b, &kept), 1);
    state_free(a);
    state_free(b);
}

static void a_writer_three_hands_away_is_still_known(void **unused)
{
    (void)unused;
    struct state *nodes[4];
    struct ulid service = id_of(50);
    const struct conflict *kept;

    for (uint8_t i = 0; i < 4; i++)
        nodes[i] = node_new((uint8_t)(i + 1));
    struct state *late = node_new(9);
    put_count(nodes[0], &service, 0);
    copy_all(nodes[0], late);
    for (uint32_t i = 1; i < 4; i++) {
        copy_all(nodes[i - 1], nodes[i]);
        put_count(nodes[i], &service, i);
    }
    copy_all(nodes[3], late); /* it missed two writes between: not a conflict */
    assert_int_equal(count_held(late, &service), 3);
    assert_int_equal(state_conflicts(late, &kept), 0);
    copy_all(nodes[1], late);
    assert_int_equal(state_conflicts(late, &kept), 0);
    for (uint8_t i = 0; i < 4; i++)
        state_free(nodes[i]);
    state_free(late);
}

static void conflicts_are_bounded_and_the_newest_stay(void **unused)
{
    (void)unused;
    struct state *a = node_new(1), *b = node_new(2);
    struct ulid service = id_of(50);
    const struct conflict *kept;

    for (uint32_t i = 0; i < STATE_CONFLICTS_MAX + 10; i++) {
        service.b[0] = (uint8_t)(i / 256);
        service.b[1] = (uint8_t)(i % 256);
        put_count(a, &service, 1);
        put_count(b, &service, 2);
    }
    copy_all(a, b);
    assert_int_equal(state_conflicts(b, &kept), STATE_CONFLICTS_MAX);
    assert_true(bytes_equal(kept[0].row->key, id_key(&service)));
    state_clock(b, WALL + 1);
    state_free(a);
    state_free(b);
}

static void a_placement_goes_by_its_epoch(void **unused)
{
    (void)unused;
    struct state *a = node_new(1), *b = node_new(2);
    uint8_t key[20] = {1};
    struct bytes slot = bytes_of(key, 20);

    assert_int_equal(state_put(a, TABLE_ID_PLACEMENT, slot, placement_value(1), 4, 0), 0);
    state_clock(b, WALL + KITH_SEC);
    assert_int_equal(state_put(b, TABLE_ID_PLACEMENT, slot, placement_value(2), 3, 0), 0);
    copy_all(b, a);
    copy_all(a, b);
    assert_int_equal(state_get(b, TABLE_ID_PLACEMENT, slot)->version.major, 4);
    assert_true(state_digest(a) == state_digest(b));
    assert_int_equal(state_put(b, TABLE_ID_PLACEMENT, slot, placement_value(2), 3, 0), STATE_OLD);
    assert_int_equal(state_put(b, TABLE_ID_PLACEMENT, slot, placement_value(2), 4, 0), 0);
    assert_int_equal(
        state_put(b, TABLE_ID_PLACEMENT, slot, placement_value(2), (UINT64_C(1) << 48) + 1, 0),
        STATE_BAD);
    state_free(a);
    state_free(b);
}

static void what_is_frozen_never_changes_and_the_first_write_wins(void **unused)
{
    (void)unused;
    struct state *a = node_new(1), *b = node_new(2);
    uint8_t key[32] = {1};
    struct bytes spec = bytes_of(key, 32);
    const struct conflict *kept;

    assert_int_equal(state_put(a, TABLE_ID_SPEC, spec, spec_value("one"), 0, 0), 0);
    assert_int_equal(state_put(a, TABLE_ID_SPEC, spec, spec_value("one"), 0, 0), STATE_OLD);
    assert_int_equal(state_put(a, TABLE_ID_SPEC, spec, spec_value("two"), 0, 0), STATE_FROZEN);
    state_clock(b, WALL + KITH_SEC);
    assert_int_equal(state_put(b, TABLE_ID_SPEC, spec, spec_value("two"), 0, 0), 0);
    struct bytes later = state_get(b, TABLE_ID_SPEC, spec)->record;
    assert_int_equal(state_merge(a, later), STATE_FROZEN);
    copy_all(a, b);
    assert_true(state_digest(a) == state_digest(b));
    assert_true(bytes_equal(state_get(b, TABLE_ID_SPEC, spec)->value, spec_value("one")));
    assert_int_equal(state_conflicts(a, &kept), 1);
    assert_int_equal(state_conflicts(b, &kept), 1);
    assert_int_equal(state_delete(a, TABLE_ID_SPEC, spec, 0), 0);
    assert_int_equal(state_put(a, TABLE_ID_SPEC, spec, spec_value("one"), 0, 0), STATE_FROZEN);
    state_free(a);
    state_free(b);
}

static void the_lowest_service_has_the_name_until_it_is_given_up(void **unused)
{
    (void)unused;
    struct state *a = node_new(1), *b = node_new(2);
    struct bytes web = bytes_str("web");
    const struct conflict *kept;

    assert_int_equal(state_put(a, TABLE_ID_NAME, web, name_value(3), 0, 0), 0);
    state_clock(b, WALL + KITH_SEC);
    assert_int_equal(state_put(b, TABLE_ID_NAME, web, name_value(7), 0, 0),
                     0); /* later, but higher */
    copy_all(a, b);
    copy_all(b, a);
    assert_true(bytes_equal(state_get(b, TABLE_ID_NAME, web)->value, name_value(3)));
    assert_true(state_digest(a) == state_digest(b));
    assert_int_equal(state_conflicts(b, &kept), 1);
    assert_true(bytes_equal(kept[0].row->value, name_value(7)));
    assert_int_equal(state_put(b, TABLE_ID_NAME, web, name_value(7), 0, 0), STATE_OLD);

    assert_int_equal(state_delete(a, TABLE_ID_NAME, web, 0), 0);
    assert_int_equal(state_put(a, TABLE_ID_NAME, web, name_value(9), 0, 0), 0);
    assert_int_equal(state_get(a, TABLE_ID_NAME, web)->version.major, 1);
    copy_all(a, b);
    assert_true(bytes_equal(state_get(b, TABLE_ID_NAME, web)->value, name_value(9)));
    state_free(a);
    state_free(b);
}

static void a_forgotten_node_is_dropped_until_it_starts_anew(void **unused)
{
    (void)unused;
    struct state *a = node_new(1), *b = node_new(2);
    struct ulid self = id_of(1);
    uint8_t key[32] = {0};
    const struct row *const *changes;

    key[15] = 1;
    state_put(a, TABLE_ID_MEMBER, id_key(&self), member_value("a"), 0, 0);
    state_put(a, TABLE_ID_INSTANCE, bytes_of(key, 32), instance_value(7), 0, 0);
    copy_all(a, b);
    state_take_changes(b, &changes);
    assert_int_equal(state_put(b, TABLE_ID_VERDICT, id_key(&self), verdict_value(true), 1, 0), 0);
    assert_null(state_get(b, TABLE_ID_MEMBER, id_key(&self)));
    assert_null(state_get(b, TABLE_ID_INSTANCE, bytes_of(key, 32)));
    assert_int_equal(state_take_changes(b, &changes), 3);
    assert_int_equal(changes[1]->flags, ROW_TOMBSTONE);
    struct bytes old = state_get(a, TABLE_ID_MEMBER, id_key(&self))->record;
    assert_int_equal(state_merge(b, old), STATE_OLD);
    copy_all(b, a);
    assert_true(state_digest(a) == state_digest(b));

    state_set_incarnation(a, 2);
    state_put(a, TABLE_ID_MEMBER, id_key(&self), member_value("a"), 0, 0);
    copy_all(a, b);
    assert_non_null(state_get(b, TABLE_ID_MEMBER, id_key(&self)));
    state_free(a);
    state_free(b);
}

/* What nobody could rise above would end a member for good. */
static void a_verdict_at_an_absurd_incarnation_is_refused(void **unused)
{
    (void)unused;
    struct state *a = node_new(1), *liar = node_new(2);
    struct ulid self = id_of(1);
    struct bytes verdict = verdict_value(false);
    uint64_t highest = 1 + STATE_INCARNATION_LEAP;

    state_put(a, TABLE_ID_MEMBER, id_key(&self), member_value("a"), 0, 0);
    assert_int_equal(
        state_put(liar, TABLE_ID_VERDICT, id_key(&self), verdict, UINT64_C(1) << 47, 0), 0);
    struct bytes row = state_get(liar, TABLE_ID_VERDICT, id_key(&self))->record;
    assert_int_equal(state_merge(a, row), STATE_BAD);
    state_free(liar);

    liar = node_new(2);
    assert_int_equal(state_put(liar, TABLE_ID_VERDICT, id_key(&self), verdict, highest + 1, 0), 0);
    row = state_get(liar, TABLE_ID_VERDICT, id_key(&self))->record;
    assert_int_equal(state_merge(a, row), STATE_BAD);
    state_free(liar);

    liar = node_new(2);
    assert_int_equal(state_put(liar, TABLE_ID_VERDICT, id_key(&self), verdict, highest, 0), 0);
    row = state_get(liar, TABLE_ID_VERDICT, id_key(&self))->record;
    assert_int_equal(state_merge(a, row), STATE_DONE);
    state_free(liar);
    state_free(a);
}

/* ---- clocks ---- */

static void a_stamp_from_the_future_is_refused(void **unused)
{
    (void)unused;
    struct state *a = node_new(1), *b = node_new(2);
    struct ulid service = id_of(50), self = id_of(1);

    state_clock(a, WALL + 10 * KITH_SEC);
    put_count(a, &service, 1);
    struct bytes near = state_get(a, TABLE_ID_COUNT, id_key(&service))->record;
    assert_int_equal(state_merge(b, near), 0);
    assert_int_equal(put_count(b, &service, 2), 0); /* still newer than what it saw */
    assert_int_equal(count_held(b, &service), 2);

    state_clock(a, WALL + KITH_HOUR);
    put_count(a, &service, 3);
    struct bytes far = state_get(a, TABLE_ID_COUNT, id_key(&service))->record;
    assert_int_equal(state_merge(b, far), STATE_AHEAD);
    assert_int_equal(count_held(b, &service), 2);
    assert_int_equal(state_merged(b, STATE_AHEAD), 1);
    state_put(a, TABLE_ID_MEMBER, id_key(&self), member_value("a"), 0, 0);
    struct bytes own = state_get(a, TABLE_ID_MEMBER, id_key(&self))->record;
    assert_int_equal(state_merge(b, own), 0); /* its own rows know no clock */
    state_clock(b, WALL + KITH_HOUR);
    assert_int_equal(state_merge(b, far), 0);
    state_free(a);
    state_free(b);
}

static void what_a_wrong_clock_stamped_is_stamped_anew_once_it_is_right(void **unused)
{
    (void)unused;
    struct state *a = node_new(1), *b = node_new(2);
    struct ulid service = id_of(50), peer = id_of(2);

    state_clock(a, WALL + KITH_HOUR);
    put_count(a, &service, 3);
    struct bytes far = state_get(a, TABLE_ID_COUNT, id_key(&service))->record;
    assert_int_equal(state_merge(b, far), STATE_AHEAD);

    state_clock(a, WALL);
    state_time(a); /* nobody says yet which of the two times is right */
    assert_int_equal(state_merge(b, state_get(a, TABLE_ID_COUNT, id_key(&service))->record),
                     STATE_AHEAD);
    state_saw_clock(a, &peer, WALL / KITH_MS);
    state_time(a);
    assert_int_equal(count_held(a, &service), 3);
    assert_int_equal(state_merge(b, state_get(a, TABLE_ID_COUNT, id_key(&service))->record), 0);
    assert_int_equal(count_held(b, &service), 3);
    put_count(a, &service, 4); /* and later stamps follow the right time */
    assert_int_equal(state_merge(b, state_get(a, TABLE_ID_COUNT, id_key(&service))->record), 0);
    state_free(a);
    state_free(b);
}

static void a_clock_that_is_behind_moves_no_stamps(void **unused)
{
    (void)unused;
    struct state *s = node_new(1);
    struct ulid service = id_of(50), peer = id_of(2);

    state_clock(s, WALL + KITH_HOUR);
    put_count(s, &service, 3);
    uint64_t stamp = state_get(s, TABLE_ID_COUNT, id_key(&service))->version.minor;
    state_clock(s, WALL);
    state_saw_clock(s, &peer, (WALL + KITH_HOUR) / KITH_MS);
    state_time(s);
    assert_int_equal(state_get(s, TABLE_ID_COUNT, id_key(&service))->version.minor, stamp);
    state_free(s);
}

static void who_is_ahead_of_most_others_does_not_stamp(void **unused)
{
    (void)unused;
    struct state *s = node_new(1);
    struct ulid service = id_of(50), self = id_of(1), b = id_of(2), c = id_of(3), d = id_of(4);
    int64_t wall_ms = WALL / KITH_MS;

    state_saw_clock(s, &b, wall_ms - 3600000);
    assert_true(state_clock_ahead(s));
    state_saw_clock(s, &c, wall_ms);
    assert_false(state_clock_ahead(s)); /* one against one */
    state_saw_clock(s, &d, wall_ms - 60000);
    assert_true(state_clock_ahead(s));
    assert_int_equal(put_count(s, &service, 1), STATE_AHEAD);
    assert_int_equal(state_put(s, TABLE_ID_MEMBER, id_key(&self), member_value("a"), 0, 0), 0);

    state_clock(s, WALL - KITH_HOUR); /* mended: what was heard before says nothing now */
    assert_false(state_clock_ahead(s));
    assert_int_equal(put_count(s, &service, 1), 0);
    state_free(s);
}

static void a_clock_that_was_set_back_does_not_lose_writes(void **unused)
{
    (void)unused;
    struct state *s = node_new(1);
    struct ulid service = id_of(50);

    put_count(s, &service, 1);
    struct state *again = node_new(1);
    state_clock(again, WALL - KITH_HOUR);
    assert_int_equal(state_load(again, state_get(s, TABLE_ID_COUNT, id_key(&service))->record), 0);
    assert_int_equal(put_count(again, &service, 2), 0);
    copy_all(again, s);
    assert_int_equal(count_held(s, &service), 2);
    state_free(again);
    state_free(s);
}

static void rows_end_everywhere_at_their_time(void **unused)
{
    (void)unused;
    struct state *a = node_new(1), *b = node_new(2);
    struct ulid service = id_of(50), other = id_of(51);
    int64_t end_ms = WALL / KITH_MS + 5000;
    struct effects out = {0};
    const struct row *const *changes;

    state_put(a, TABLE_ID_COUNT, id_key(&service), count_value(1), 0, end_ms);
    state_put(a, TABLE_ID_COUNT, id_key(&other), count_value(1), 0, end_ms + 1000);
    state_delete(a, TABLE_ID_COUNT, id_key(&other), 0); /* the tombstone ends then, too */
    copy_all(a, b);
    struct bytes record = state_get(a, TABLE_ID_COUNT, id_key(&service))->record;
    assert_int_equal(state_deadline_wall(b), end_ms * KITH_MS);
    state_time(b);
    assert_int_equal(state_count(b), 2);
    state_take_changes(b, &changes);
    state_take_batch(b, &out);
    effects_reset(&out);

    state_clock(b, end_ms * KITH_MS);
    state_time(b);
    assert_int_equal(state_count(b), 1);
    assert_int_equal(state_take_changes(b, &changes), 1);
    assert_int_equal(changes[0]->flags, ROW_TOMBSTONE);
    assert_true(state_take_batch(b, &out));
    assert_int_equal(out.items[0].store.writes[0].value.len, 0);
    assert_int_equal(state_merge(b, record), STATE_OLD);

    state_clock(b, (end_ms + 1000) * KITH_MS);
    state_time(b);
    assert_int_equal(state_count(b), 0);
    assert_true(state_digest(b) == 0);
    assert_true(state_deadline_wall(b) == KITH_NEVER);
    effects_deinit(&out);
    state_free(a);
    state_free(b);
}

/* ---- storing and telling ---- */

static void what_could_not_be_stored_is_stored_again(void **unused)
{
    (void)unused;
    struct state *s = node_new(1);
    struct effects out = {0};
    struct ulid one = id_of(50), two = id_of(51);

    put_count(s, &one, 1);
    state_take_batch(s, &out);
    state_stored(s, out.items[0].store.token);
    put_count(s, &two, 2);
    state_put_local(s, bytes_str("node/incarnation"), bytes_str("5"));
    state_take_batch(s, &out);
    state_put_local(s, bytes_str("host/x"), bytes_str("6"));
    state_take_batch(s, &out);
    uint64_t failed = out.items[1].store.token;
    effects_reset(&out);

    state_store_failed(s, failed);
    state_store_failed(s, failed + 1);
    assert_false(state_take_batch(s, &out)); /* not at once: a full disk stays full for a while */
    assert_true(state_deadline_wall(s) == WALL + KITH_SEC);
    state_clock(s, WALL + KITH_SEC);
    assert_true(state_take_batch(s, &out));
    assert_int_equal(out.items[0].store.writes_n, 3);
    assert_int_equal(out.items[0].store.token, failed + 2);
    state_stored(s, failed + 2);
    state_store_failed(s, failed + 3); /* nothing was in it */
    state_clock(s, WALL + 2 * KITH_SEC);
    effects_reset(&out);
    state_take_batch(s, &out);
    assert_int_equal(out.items[0].store.writes_n, 0);
    effects_deinit(&out);
    state_free(s);
}

static void a_new_write_takes_along_what_failed(void **unused)
{
    (void)unused;
    struct state *s = node_new(1);
    struct effects out = {0};
    struct ulid one = id_of(50), two = id_of(51);

    put_count(s, &one, 1);
    state_take_batch(s, &out);
    state_store_failed(s, out.items[0].store.token);
    put_count(s, &two, 2);
    effects_reset(&out);
    assert_true(state_take_batch(s, &out));
    assert_int_equal(out.items[0].store.writes_n, 2);
    effects_deinit(&out);
    state_free(s);
}

static void the_last_local_value_is_stored(void **unused)
{
    (void)unused;
    struct state *s = node_new(1);
    struct effects out = {0};

    state_put_local(s, bytes_str("b"), bytes_str("1"));
    state_put_local(s, bytes_str("a"), bytes_str("2"));
    state_put_local(s, bytes_str("b"), none);
    assert_true(state_take_batch(s, &out));
    const struct effect_store *store = &out.items[0].store;
    assert_int_equal(store->writes_n, 2);
    assert_true(store->writes[0].local && bytes_equal_str(store->writes[0].key, "a"));
    assert_true(bytes_equal_str(store->writes[1].key, "b") && store->writes[1].value.len == 0);
    effects_deinit(&out);
    state_free(s);
}

static void pushes_are_bounded_and_complete(void **unused)
{
    (void)unused;
    struct state *a = node_new(1), *b = node_new(2);
    struct buf payload = {0};
    struct ulid service = id_of(50);
    size_t pushes = 0;
    bool ok;

    for (uint32_t i = 0; i < 2000; i++) {
        service.b[0] = (uint8_t)(i / 256);
        service.b[1] = (uint8_t)(i % 256);
        put_count(a, &service, i);
    }
    while (state_take_push(a, &payload)) {
        pushes++;
        assert_true(payload.len <= 66000);
        state_merge_rows(b, buf_bytes(&payload), &ok);
    }
    assert_true(pushes > 1);
    assert_true(state_digest(a) == state_digest(b));
    assert_int_equal(push_to(b, NULL), 0); /* what came from others is not pushed on */
    assert_int_equal(state_merge_rows(b, bytes_str("junk"), &ok), 0);
    assert_false(ok);
    buf_deinit(&payload);
    state_free(a);
    state_free(b);
}

static void a_restart_loads_what_was_stored(void **unused)
{
    (void)unused;
    struct state *s = node_new(1), *again = node_new(1);
    struct effects out = {0};
    const struct row *const *changes;

    for (uint8_t i = 1; i < 100; i++) {
        struct ulid service = id_of(i);
        put_count(s, &service, i);
    }
    state_take_batch(s, &out);
    const struct effect_store *store = &out.items[0].store;
    for (uint32_t i = 0; i < store->writes_n; i++)
        assert_int_equal(state_load(again, store->writes[i].value), 0);
    assert_int_equal(state_load(again, store->writes[0].value), 0);
    assert_int_equal(state_load(again, bytes_str("junk")), STATE_BAD);
    assert_true(state_digest(s) == state_digest(again));
    assert_int_equal(state_take_changes(again, &changes), 0);
    assert_int_equal(push_to(again, NULL), 0);
    effects_reset(&out);
    assert_false(state_take_batch(again, &out));
    effects_deinit(&out);
    state_free(s);
    state_free(again);
}

static void records_of_another_cluster_are_refused(void **unused)
{
    (void)unused;
    struct state *s = node_new(1);
    struct ulid ours = id_of(200), theirs = id_of(201), service = id_of(50);
    struct record r = {
        .cluster = theirs,
        .namespace = bytes_str(STATE_NAMESPACE),
        .table = TABLE_ID_COUNT,
        .key = id_key(&service),
        .value = count_value(1),
        .version = {0, hlc_from_wall(WALL)},
        .origin = id_of(2),
    };
    struct buf record = {0};

    record_encode(&record, &r);
    assert_int_equal(state_merge(s, buf_bytes(&record)), STATE_BAD);
    state_set_cluster(s, &theirs);
    assert_int_equal(state_merge(s, buf_bytes(&record)), 0);
    state_set_cluster(s, &ours);
    buf_deinit(&record);
    state_free(s);
}

/* ---- drafts ---- */

static void a_draft_is_a_row_when_it_enters(void **unused)
{
    (void)unused;
    struct state *s = node_new(1), *other = node_new(2);
    struct ulid service = id_of(50);
    struct buf first = {0}, second = {0}, gone = {0};

    assert_int_equal(put_count(s, &service, 3), 0);
    (void)push_to(s, other);
    assert_int_equal(state_draft(s, TABLE_ID_COUNT, id_key(&service), count_value(4), &first), 0);
    assert_int_equal(state_draft(s, TABLE_ID_COUNT, id_key(&service), count_value(5), &second), 0);
    assert_int_equal(count_held(s, &service), 3);
    assert_int_equal(push_to(s, NULL), 0);
    assert_int_equal(state_enter(other, buf_bytes(&second)), 0);
    assert_int_equal(push_to(other, s), 1); /* whoever drafted it */
    assert_int_equal(count_held(s, &service), 5);
    assert_int_equal(state_enter(s, buf_bytes(&first)),
                     STATE_OLD); /* its stamp is the earlier one */
    assert_int_equal(state_draft(s, TABLE_ID_COUNT, id_key(&service), none, &gone), 0);
    assert_int_equal(state_enter(s, buf_bytes(&gone)), 0);
    assert_true(state_is_deleted(s, TABLE_ID_COUNT, id_key(&service)));
    buf_reset(&gone);
    assert_int_equal(state_draft(s, TABLE_ID_COUNT, id_key(&service), none, &gone), STATE_OLD);
    buf_deinit(&first);
    buf_deinit(&second);
    buf_deinit(&gone);
    state_free(s);
    state_free(other);
}

/* What it drafted could not enter: nobody is to decide it. */
static void a_clock_that_was_set_back_drafts_nothing(void **unused)
{
    (void)unused;
    struct state *s = node_new(1);
    struct ulid service = id_of(50);
    struct buf draft = {0};

    assert_int_equal(put_count(s, &service, 3), 0);
    assert_int_equal(state_draft(s, TABLE_ID_COUNT, id_key(&service), count_value(4), &draft), 0);
    assert_false(state_is_ahead(s, buf_bytes(&draft)));
    state_clock(s, WALL - KITH_MIN);
    assert_true(state_is_ahead(s, buf_bytes(&draft)));
    assert_int_equal(state_enter(s, buf_bytes(&draft)), STATE_AHEAD);
    buf_reset(&draft);
    assert_int_equal(state_draft(s, TABLE_ID_COUNT, id_key(&service), count_value(4), &draft),
                     STATE_AHEAD);
    buf_deinit(&draft);
    state_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_is_read_changed_stored_and_pushed_once),
        cmocka_unit_test(own_rows_count_from_one_in_each_incarnation),
        cmocka_unit_test(a_sequence_that_was_stored_is_not_used_again),
        cmocka_unit_test(what_is_not_writable_is_refused),
        cmocka_unit_test(deleted_rows_stay_as_tombstones_that_nobody_reads),
        cmocka_unit_test(rows_come_in_key_order_and_by_prefix),
        cmocka_unit_test(a_row_stays_readable_until_the_next_step),
        cmocka_unit_test(later_writes_win_everywhere_and_are_no_conflict),
        cmocka_unit_test(what_lost_outlives_a_restart_and_goes_when_its_time_is_up),
        cmocka_unit_test(concurrent_writes_settle_and_the_loser_is_kept),
        cmocka_unit_test(a_writer_three_hands_away_is_still_known),
        cmocka_unit_test(conflicts_are_bounded_and_the_newest_stay),
        cmocka_unit_test(a_placement_goes_by_its_epoch),
        cmocka_unit_test(what_is_frozen_never_changes_and_the_first_write_wins),
        cmocka_unit_test(the_lowest_service_has_the_name_until_it_is_given_up),
        cmocka_unit_test(a_forgotten_node_is_dropped_until_it_starts_anew),
        cmocka_unit_test(a_verdict_at_an_absurd_incarnation_is_refused),
        cmocka_unit_test(a_stamp_from_the_future_is_refused),
        cmocka_unit_test(what_a_wrong_clock_stamped_is_stamped_anew_once_it_is_right),
        cmocka_unit_test(a_clock_that_is_behind_moves_no_stamps),
        cmocka_unit_test(who_is_ahead_of_most_others_does_not_stamp),
        cmocka_unit_test(a_clock_that_was_set_back_does_not_lose_writes),
        cmocka_unit_test(rows_end_everywhere_at_their_time),
        cmocka_unit_test(what_could_not_be_stored_is_stored_again),
        cmocka_unit_test(a_new_write_takes_along_what_failed),
        cmocka_unit_test(the_last_local_value_is_stored),
        cmocka_unit_test(pushes_are_bounded_and_complete),
        cmocka_unit_test(a_restart_loads_what_was_stored),
        cmocka_unit_test(records_of_another_cluster_are_refused),
        cmocka_unit_test(a_draft_is_a_row_when_it_enters),
        cmocka_unit_test(a_clock_that_was_set_back_drafts_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
