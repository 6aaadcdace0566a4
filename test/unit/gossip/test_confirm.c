/* When deleted rows may be forgotten: three peers, and pushes that reach whom they should or not. */
#include "gossip/confirm.h"

#include "wire/frame.h"

#include "test.h"

#define PEERS 3
#define START (100000 * KITH_HOUR)

struct house {
    struct ulid id;
    struct state *state;
    struct members *members;
    struct core core;
    struct turn turn;
    struct effects out;
    struct confirm confirm;
    bool away;
};

struct street {
    struct house houses[PEERS];
    kith_time now_us;
};

static const struct ulid service = {"s the service"};

static void tell(struct street *s, struct house *from, struct bytes rows)
{
    bool ok;

    for (int i = 0; i < PEERS && !from->away; i++) {
        if (&s->houses[i] != from && !s->houses[i].away)
            (void)state_merge_rows(s->houses[i].state, rows, &ok);
    }
}

/* What was written goes to all that are there; members are kept up to date. */
static void settle(struct street *s)
{
    const struct row *const *rows;
    struct member before;

    for (int i = 0; i < PEERS; i++) {
        struct house *h = &s->houses[i];
        struct buf push = {0};

        while (state_take_push(h->state, &push))
            tell(s, h, buf_bytes(&push));
        (void)state_take_batch(h->state, &h->out);
        effects_reset(&h->out);
        buf_deinit(&push);
    }
    for (int i = 0; i < PEERS; i++) {
        struct house *h = &s->houses[i];
        size_t n = state_take_changes(h->state, &rows);

        for (size_t k = 0; k < n; k++)
            members_changed(h->members, rows[k], h->turn.wall_us, &before);
    }
}

static void pass(struct street *s, kith_time time_us)
{
    for (kith_time end_us = s->now_us + time_us; s->now_us < end_us;) {
        s->now_us += CONFIRM_PERIOD / CONFIRM_LOOKS;
        for (int i = 0; i < PEERS; i++) {
            struct house *h = &s->houses[i];

            h->turn.now_us = s->now_us;
            h->turn.wall_us = START + s->now_us;
            state_clock(h->state, h->turn.wall_us);
            confirm_time(&h->confirm, &h->turn);
        }
        settle(s);
    }
}

static void set_up(struct street *s)
{
    struct member_row row = {.name = bytes_str("h")};

    *s = (struct street){0};
    for (int i = 0; i < PEERS; i++) {
        struct house *h = &s->houses[i];
        struct buf value = {0};

        h->id = (struct ulid){{'h', (uint8_t)('a' + i)}};
        struct state_config config = {.self = h->id, .incarnation = 1};
        h->state = state_new(&config);
        h->members = members_new();
        h->core = (struct core){.members = h->members, .self = h->id, .member = true};
        h->turn = (struct turn){.state = h->state, .out = &h->out, .wall_us = START};
        state_clock(h->state, START);
        confirm_start(&h->confirm, &h->core, &h->turn, 0);
        member_row_encode(&value, &row);
        assert_int_equal(
            state_put(h->state, TABLE_ID_MEMBER, ulid_bytes(&h->id), buf_bytes(&value), 0, 0), 0);
        buf_deinit(&value);
    }
    settle(s);
}

static void tear_down(struct street *s)
{
    for (int i = 0; i < PEERS; i++) {
        members_free(s->houses[i].members);
        state_free(s->houses[i].state);
        effects_deinit(&s->houses[i].out);
    }
}

static void put_count(struct house *h)
{
    struct buf value = {0};

    count_row_encode(&value, &(struct count_row){.count = 3});
    assert_int_equal(
        state_put(h->state, TABLE_ID_COUNT, ulid_bytes(&service), buf_bytes(&value), 0, 0), 0);
    buf_deinit(&value);
}

static void delete_count(struct house *h)
{
    assert_int_equal(state_delete(h->state, TABLE_ID_COUNT, ulid_bytes(&service), 0), 0);
}

/* Everything that one holds reaches another, as repair brings it. */
static void repair(struct street *s, int from, int to)
{
    static const enum table_id tables[] = {TABLE_ID_MEMBER, TABLE_ID_COUNT, TABLE_ID_CONFIRM,
                                           TABLE_ID_VERDICT};
    struct bytes all = {0};

    for (size_t k = 0; k < sizeof(tables) / sizeof(tables[0]); k++) {
        const struct row *row = state_first(s->houses[from].state, tables[k], all);

        for (; row; row = state_next(s->houses[from].state, row, all))
            (void)state_merge(s->houses[to].state, row->record);
    }
    settle(s);
}

static void what_all_have_deleted_goes_and_does_not_come_back(void **unused)
{
    (void)unused;
    struct street s;

    set_up(&s);
    put_count(&s.houses[0]);
    settle(&s);
    size_t rows = state_count(s.houses[2].state);
    struct bytes stale = state_get(s.houses[1].state, TABLE_ID_COUNT, ulid_bytes(&service))->record;
    struct buf record = {0}; /* as of one who kept it */
    buf_append(&record, stale.data, stale.len);
    delete_count(&s.houses[1]);
    settle(&s);
    assert_int_equal(state_tombstones(s.houses[2].state), 1);
    assert_int_equal(state_merge(s.houses[2].state, buf_bytes(&record)), STATE_OLD);
    pass(&s, CONFIRM_PERIOD / 2);
    assert_int_equal(state_tombstones(s.houses[2].state), 1); /* not that early */
    pass(&s, 2 * CONFIRM_PERIOD);
    for (int i = 0; i < PEERS; i++) {
        assert_int_equal(state_tombstones(s.houses[i].state), 0);
        assert_int_equal(state_count(s.houses[i].state), rows - 1 + PEERS); /* confirm rows */
        assert_true(state_digest(s.houses[i].state) == state_digest(s.houses[0].state));
    }
    buf_deinit(&record);
    tear_down(&s);
}

static void one_that_is_away_holds_them_back_until_it_has_confirmed(void **unused)
{
    (void)unused;
    struct street s;

    set_up(&s);
    put_count(&s.houses[0]);
    settle(&s);
    s.houses[2].away = true;
    delete_count(&s.houses[1]);
    pass(&s, 30 * CONFIRM_PERIOD);
    assert_int_equal(state_tombstones(s.houses[0].state), 1);
    s.houses[2].away = false;
    /* it returns with its stale row, which loses to the tombstone that was kept for it */
    repair(&s, 2, 0);
    assert_true(state_is_deleted(s.houses[0].state, TABLE_ID_COUNT, ulid_bytes(&service)));
    const struct row *const *rows;
    (void)state_take_changes(s.houses[0].state, &rows);
    s.houses[2].away = false;
    put_count(&s.houses[0]); /* a push of another version, so that the key is told once more */
    delete_count(&s.houses[0]);
    repair(&s, 0, 2);
    pass(&s, 3 * CONFIRM_PERIOD);
    for (int i = 0; i < PEERS; i++)
        assert_int_equal(state_tombstones(s.houses[i].state), 0);
    tear_down(&s);
}

static void who_is_forgotten_is_not_waited_for(void **unused)
{
    (void)unused;
    struct street s;
    struct buf value = {0};

    set_up(&s);
    put_count(&s.houses[0]);
    settle(&s);
    s.houses[2].away = true;
    delete_count(&s.houses[1]);
    pass(&s, 3 * CONFIRM_PERIOD);
    assert_int_equal(state_tombstones(s.houses[0].state), 1);
    verdict_row_encode(&value, &(struct verdict_row){.forgotten = true});
    assert_int_equal(state_put(s.houses[0].state, TABLE_ID_VERDICT, ulid_bytes(&s.houses[2].id),
                               buf_bytes(&value), 1, 0),
                     0);
    pass(&s, 3 * CONFIRM_PERIOD);
    assert_int_equal(state_tombstones(s.houses[0].state), 0);
    assert_int_equal(state_tombstones(s.houses[1].state), 0);
    buf_deinit(&value);
    tear_down(&s);
}

static void nobody_deletes_in_a_time_that_it_has_confirmed(void **unused)
{
    (void)unused;
    struct street s;
    struct house *h = &s.houses[1];
    uint64_t n;

    set_up(&s);
    put_count(&s.houses[0]);
    settle(&s);
    delete_count(&s.houses[0]);
    s.houses[2].away = true; /* so that they wait */
    pass(&s, 3 * CONFIRM_PERIOD);
    s.houses[2].away = false;
    const struct row *row = state_get(h->state, TABLE_ID_CONFIRM, ulid_bytes(&h->id));
    struct confirm_row said;
    struct wire_error err;
    assert_non_null(row);
    assert_int_equal(confirm_row_decode(&said, row->value, NULL, &err), 0);
    assert_int_equal(said.count, 1);
    put_count(h);
    state_clock(h->state, START); /* its clock falls back to before all of it */
    delete_count(h);
    (void)state_tombstones_until(h->state, said.until_ms, &n);
    assert_int_equal(n, 0); /* the new one replaced that which was confirmed, and is later */
    assert_int_equal(state_tombstones(h->state), 1);
    tear_down(&s);
}

static void a_newcomer_drops_what_the_others_have_dropped(void **unused)
{
    (void)unused;
    struct street s;

    set_up(&s);
    put_count(&s.houses[0]);
    settle(&s);
    delete_count(&s.houses[0]);
    settle(&s);
    const struct row *const *rows;
    struct buf tombstone = {0};
    (void)state_take_changes(s.houses[0].state, &rows);
    struct state_config config = {.self = {"late"}, .incarnation = 1};
    struct state *late = state_new(&config);
    /* the tombstone itself, as one would have sent it that was slower */
    struct house *h = &s.houses[1];
    pass(&s, 3 * CONFIRM_PERIOD);
    assert_int_equal(state_tombstones(h->state), 0);
    int64_t collected_ms = state_collected(h->state);
    assert_true(collected_ms > 0);
    struct record r = {.namespace = bytes_str("default"),
                       .table = TABLE_ID_COUNT,
                       .key = ulid_bytes(&service),
                       .version = {0, hlc_from_wall(START) + 9},
                       .origin = s.houses[0].id,
                       .flags = ROW_TOMBSTONE,
                       .deleted_ms = collected_ms};
    record_encode(&tombstone, &r);
    state_clock(late, START + s.now_us);
    assert_int_equal(state_merge(late, buf_bytes(&tombstone)), 0);
    assert_int_equal(state_merge(h->state, buf_bytes(&tombstone)), STATE_OLD); /* for good */
    assert_int_equal(state_collect(late, collected_ms), 1);
    assert_int_equal(state_count(late), 0);
    buf_deinit(&tombstone);
    state_free(late);
    tear_down(&s);
}

/* Whoever does not hold what a frame from long ago deletes does not take it. */
static void one_that_comes_after_all_were_dropped_holds_nothing_back(void **unused)
{
    (void)unused;
    struct street s;
    struct buf stale = {0}, tombstone = {0};
    struct house *h = &s.houses[2];

    set_up(&s);
    put_count(&s.houses[0]);
    settle(&s);
    struct bytes r = state_get(h->state, TABLE_ID_COUNT, ulid_bytes(&service))->record;
    buf_append(&stale, r.data, r.len);
    delete_count(&s.houses[0]);
    r = state_first_held(s.houses[0].state, TABLE_ID_COUNT, bytes_of(NULL, 0))->record;
    buf_append(&tombstone, r.data, r.len);
    settle(&s);
    pass(&s, 3 * CONFIRM_PERIOD);
    assert_int_equal(state_tombstones(h->state), 0);
    /* both in one frame that was under way all the while */
    assert_int_equal(state_merge(h->state, buf_bytes(&stale)), 0);
    assert_int_equal(state_merge(h->state, buf_bytes(&tombstone)), 0);
    assert_int_equal(state_tombstones(h->state), 1);
    repair(&s, 2, 0);
    assert_int_equal(state_tombstones(s.houses[0].state), 0);
    pass(&s, 3 * CONFIRM_PERIOD);
    for (int i = 0; i < PEERS; i++) {
        assert_int_equal(state_tombstones(s.houses[i].state), 0);
        assert_true(state_digest(s.houses[i].state) == state_digest(s.houses[0].state));
    }
    buf_deinit(&stale);
    buf_deinit(&tombstone);
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_all_have_deleted_goes_and_does_not_come_back),
        cmocka_unit_test(one_that_is_away_holds_them_back_until_it_has_confirmed),
        cmocka_unit_test(who_is_forgotten_is_not_waited_for),
        cmocka_unit_test(nobody_deletes_in_a_time_that_it_has_confirmed),
        cmocka_unit_test(a_newcomer_drops_what_the_others_have_dropped),
        cmocka_unit_test(one_that_comes_after_all_were_dropped_holds_nothing_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
