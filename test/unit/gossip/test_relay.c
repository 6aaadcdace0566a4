#include "gossip/relay.h"

#include "test.h"
#include "view.h"

struct bench {
    struct view view;
    struct detect *detect;
    struct relay *relay;
};

/* Peer 5 with the neighbours 6, 7 and 8, which have pinged it. */
static void bench_open(struct bench *b)
{
    struct view *v = &b->view;
    view_init(v, 5);
    for (unsigned i = 6; i <= 8; i++) {
        view_link(v, i, 20 * KITH_MS);
        view_ping(v, i);
    }
    b->detect = detect_new(&v->core);
    b->relay = relay_new(&v->core, &v->links, b->detect, v->spread);
    view_forget(v);
}

static void bench_close(struct bench *b)
{
    relay_free(b->relay);
    detect_free(b->detect);
    view_deinit(&b->view);
}

static void changed(struct bench *b, enum table_id table, unsigned about)
{
    struct view *v = &b->view;
    struct ulid key = view_id(about);
    struct record r = {.namespace = bytes_str(STATE_NAMESPACE),
                       .table = table,
                       .key = ulid_bytes(&key),
                       .value = bytes_str("what it says does not matter here"),
                       .version = {.major = 1, .minor = 1},
                       .origin = view_id(6)};
    struct buf record = {0};
    record_encode(&record, &r);
    struct row row = {.table = table, .origin = r.origin, .record = buf_bytes(&record)};
    relay_changed(b->relay, &v->turn, &row, /* moved= */ true, /* partial= */ true);
    buf_deinit(&record);
}

/* News come, and what was gathered is passed on. */
static void pass_on(struct bench *b)
{
    struct view *v = &b->view;
    view_forget(v);
    v->turn.now_us += KITH_SEC;
    relay_time(b->relay, &v->turn, /* partial= */ true);
}

static void loses(struct bench *b)
{
    for (int i = 0; i < 100; i++)
        core_saw_delay(&b->view.core, i % 2 == 0); /* as under 30 % loss */
}

static void verdicts_are_published(void **unused)
{
    (void)unused;
    struct bench b;
    bench_open(&b);
    for (unsigned about = 1; about <= 4; about++) {
        changed(&b, TABLE_ID_VERDICT, about);
        pass_on(&b);
        assert_int_equal(view_sent(&b.view, 0, WIRE_ROWS), 1);
        assert_int_equal(view_sent(&b.view, 6, WIRE_NEWS), 0);
        assert_int_equal(view_replied(&b.view, WIRE_NEWS), 0);
    }
    bench_close(&b);
}

/* A lost one holds up only what goes the same way. */
static void where_packets_are_lost_each_verdict_goes_another_way(void **unused)
{
    (void)unused;
    struct bench b;
    bench_open(&b);
    loses(&b);
    for (unsigned about = 1; about <= 4; about++) {
        changed(&b, TABLE_ID_VERDICT, about);
        pass_on(&b);
        assert_int_equal(view_sent(&b.view, 0, WIRE_ROWS), about == 1 || about == 4);
        for (unsigned i = 6; i <= 8; i++)
            assert_int_equal(view_sent(&b.view, i, WIRE_NEWS), about == 2);
        assert_int_equal(view_replied(&b.view, WIRE_NEWS), about == 3 ? 3 : 0);
    }
    bench_close(&b);
}

static void other_rows_about_members_are_published_all_the_same(void **unused)
{
    (void)unused;
    struct bench b;
    bench_open(&b);
    loses(&b);
    for (unsigned about = 1; about <= 3; about++) {
        changed(&b, TABLE_ID_VERDICT, about);
        changed(&b, TABLE_ID_MEMBER, about);
        pass_on(&b);
        assert_int_equal(view_sent(&b.view, 0, WIRE_ROWS), 1);
        assert_int_equal(view_sent(&b.view, 7, WIRE_NEWS), about == 2);
    }
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_published),
        cmocka_unit_test(where_packets_are_lost_each_verdict_goes_another_way),
        cmocka_unit_test(other_rows_about_members_are_published_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
