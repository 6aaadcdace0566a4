#include "state/restore.h"

#include "rows.h"
#include "state/journal.h"
#include "test.h"
#include "wire/post.h"

#define SELF  1
#define OTHER 2
#define LOST  3 /* wrote what is in the backup */
#define GONE  5 /* a service that was deleted after that */
#define KEPT  6

/* A peer that restores, and one other member that lives. */
struct house {
    struct state *state;
    struct members *members;
    struct journal *journal;
    struct restore *restore;
    struct post post;
    struct effects out;
    struct turn turn;
};

static void hear(struct house *h)
{
    const struct row *const *rows;
    struct member before;
    size_t n = state_take_changes(h->state, &rows);

    for (size_t i = 0; i < n; i++)
        members_changed(h->members, rows[i], h->turn.wall_us, &before);
}

static int put(struct state *s, enum table_id table, uint8_t key, struct bytes value)
{
    struct ulid id = id_of(key);

    return state_put(s, table, ulid_bytes(&id), value, /* major= */ 0, /* expires_ms= */ 0);
}

static bool has(const struct house *h, uint8_t service)
{
    struct ulid id = id_of(service);

    return state_get(h->state, TABLE_ID_SERVICE, ulid_bytes(&id)) != NULL;
}

static void set_up(struct house *h)
{
    struct state *other = node_new(OTHER);

    *h = (struct house){.state = node_new(SELF), .members = members_new()};
    h->journal = journal_new();
    h->post.cluster = id_of(200);
    h->turn = (struct turn){.state = h->state,
                            .journal = h->journal,
                            .post = &h->post,
                            .out = &h->out,
                            .now_us = KITH_SEC,
                            .wall_us = WALL};
    h->restore = restore_new(h->members);
    assert_int_equal(put(h->state, TABLE_ID_MEMBER, SELF, member_value("self")), 0);
    assert_int_equal(put(other, TABLE_ID_MEMBER, OTHER, member_value("other")), 0);
    copy_all(other, h->state);
    hear(h);
    assert_int_equal(members_alive(h->members), 2);
    state_free(other);
}

static void tear_down(struct house *h)
{
    restore_free(h->restore);
    journal_free(h->journal);
    members_free(h->members);
    state_free(h->state);
    effects_deinit(&h->out);
}

/* Of a backup with service GONE. */
static void restore_service(struct house *h)
{
    struct state *lost = node_new(LOST);
    struct ulid id = id_of(GONE);
    struct event_start start = {.restored_n = 1};

    assert_int_equal(put(lost, TABLE_ID_SERVICE, GONE, service_value("gone", 9)), 0);
    struct bytes record = state_get(lost, TABLE_ID_SERVICE, ulid_bytes(&id))->record;
    start.restored = &record;
    restore_start(h->restore, &h->turn, &start, (struct bytes){0});
    state_free(lost);
    for (kith_time end_us = h->turn.now_us + 2 * RESTORE_QUIET; h->turn.now_us < end_us;
         h->turn.now_us += KITH_SEC / 2)
        restore_time(h->restore, &h->turn, /* compared= */ true);
    assert_int_equal(restore_deadline(h->restore), KITH_NEVER); /* it is dealt with */
}

/* The cluster had the service, deleted it, and nobody holds the tombstone any more. */
static void delete_and_forget(struct house *h)
{
    struct ulid id = id_of(GONE);

    assert_int_equal(put(h->state, TABLE_ID_SERVICE, GONE, service_value("gone", 9)), 0);
    assert_int_equal(state_delete(h->state, TABLE_ID_SERVICE, ulid_bytes(&id), 0), 0);
    assert_true(state_collect(h->state, INT64_MAX / 2) >= 1);
    assert_null(state_held(h->state, TABLE_ID_SERVICE, ulid_bytes(&id)));
}

/* What another member says it knows to be gone. */
static void tell_collected(struct house *h, int64_t collected_ms)
{
    struct state *other = node_new(OTHER);
    struct buf value = {0};

    confirm_row_encode(&value, &(struct confirm_row){.collected_ms = collected_ms});
    assert_int_equal(put(other, TABLE_ID_CONFIRM, OTHER, buf_bytes(&value)), 0);
    copy_all(other, h->state);
    buf_deinit(&value);
    state_free(other);
}

static void what_was_deleted_and_forgotten_stays_out(void **unused)
{
    (void)unused;
    struct house h;
    set_up(&h);
    assert_int_equal(put(h.state, TABLE_ID_SERVICE, KEPT, service_value("kept", 9)), 0);
    delete_and_forget(&h);
    restore_service(&h);
    assert_false(has(&h, GONE));
    assert_true(has(&h, KEPT));
    tear_down(&h);
}

/* No service is left and no command is remembered, but tombstones were collected: it goes on, for long. */
static void a_cluster_that_deleted_all_it_had_is_no_new_one(void **unused)
{
    (void)unused;
    struct house h;
    set_up(&h);
    tell_collected(&h, WALL / KITH_MS);
    restore_service(&h);
    assert_false(has(&h, GONE));
    tear_down(&h);
}

static void into_a_new_cluster_everything_comes(void **unused)
{
    (void)unused;
    struct house h;
    set_up(&h);
    tell_collected(&h, 0); /* it confirmed, and nothing went so far */
    restore_service(&h);
    assert_true(has(&h, GONE));
    tear_down(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_deleted_and_forgotten_stays_out),
        cmocka_unit_test(a_cluster_that_deleted_all_it_had_is_no_new_one),
        cmocka_unit_test(into_a_new_cluster_everything_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
