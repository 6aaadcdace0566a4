#include "sim/disk.h"

#include "base/mem.h"

#include "test.h"

struct bench {
    struct rng rng;
    struct queue queue;
    struct fault_counts counts;
    struct disk *disk;
};

static void bench_init(struct bench *b, uint64_t seed)
{
    *b = (struct bench){0};
    rng_seed(&b->rng, seed);
    b->disk = disk_new(0, &b->rng, &b->queue, &b->counts);
}

static void bench_deinit(struct bench *b)
{
    disk_free(b->disk);
    queue_deinit(&b->queue);
}

/* Batch `token` sets the row "last" to its own number, and adds a row of that name. */
static void store(struct bench *b, uint64_t token)
{
    char name = (char)('0' + token);
    struct store_write writes[] = {
        {.key = bytes_str("last"), .value = bytes_of(&name, 1)},
        {.key = bytes_of(&name, 1), .value = bytes_of(&name, 1)},
    };
    disk_store(b->disk, &(struct effect_store){.token = token, .writes = writes, .writes_n = 2},
               /* run= */ 1, /* now_us= */ 0);
}

static void assert_prefix(struct bench *b, uint64_t kept)
{
    for (uint64_t token = 1; token <= 5; token++) {
        char name = (char)('0' + token);
        assert_int_equal(disk_has(b->disk, bytes_of(&name, 1)), token <= kept);
    }
    struct event_start start = {0};
    struct arena mem = {0};
    disk_load(b->disk, &start, &mem);
    assert_int_equal(start.records_n, kept > 0 ? kept + 1 : 0);
    if (kept > 0) { /* the newest content of the row that all write */
        char last = (char)('0' + kept);
        assert_true(bytes_equal(start.records[kept], bytes_of(&last, 1)));
    }
    arena_deinit(&mem);
}

static void batches_are_done_in_order_and_are_durable_from_then_on(void **unused)
{
    (void)unused;
    struct bench b;
    uint64_t token;

    bench_init(&b, 1);
    store(&b, 1);
    store(&b, 2);
    assert_int_equal(disk_durable(b.disk), 0);
    assert_prefix(&b, 0);
    assert_int_equal(disk_done(b.disk, &token), EVENT_STORED);
    assert_int_equal(token, 1);
    assert_int_equal(disk_durable(b.disk), 1);
    assert_prefix(&b, 1);
    bench_deinit(&b);
}

static void a_killed_daemon_loses_nothing_that_it_gave_to_the_kernel(void **unused)
{
    (void)unused;
    struct bench b;

    bench_init(&b, 1);
    for (uint64_t token = 1; token <= 5; token++)
        store(&b, token);
    assert_int_equal(disk_crash(b.disk, /* power_lost= */ false), 5);
    assert_prefix(&b, 5);
    assert_int_equal(b.counts.n[FAULT_LOST_WRITES], 0);
    bench_deinit(&b);
}

static void a_power_cut_loses_the_newest_whole_batches_never_one_in_between(void **unused)
{
    (void)unused;
    bool lost_some = false, kept_some = false;

    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct bench b;
        uint64_t token;
        bench_init(&b, seed);
        for (uint64_t i = 1; i <= 5; i++)
            store(&b, i);
        disk_done(b.disk, &token);
        uint64_t kept = disk_crash(b.disk, /* power_lost= */ true);
        assert_true(kept >= 1); /* what was synced stays */
        assert_prefix(&b, kept);
        assert_int_equal(b.counts.n[FAULT_LOST_WRITES], kept < 5);
        lost_some |= kept < 5;
        kept_some |= kept > 1;
        bench_deinit(&b);
    }
    assert_true(lost_some && kept_some);
}

static void a_full_disk_fails_all_that_is_under_way(void **unused)
{
    (void)unused;
    struct bench b;
    uint64_t token;

    bench_init(&b, 1);
    store(&b, 1);
    store(&b, 2);
    disk_set(b.disk, /* slow= */ false, /* full= */ true);
    assert_int_equal(disk_done(b.disk, &token), EVENT_STORE_FAILED);
    assert_int_equal(token, 1);
    assert_prefix(&b, 0);
    disk_set(b.disk, false, false);
    store(&b, 3);
    assert_int_equal(disk_done(b.disk, &token), EVENT_STORED);
    assert_int_equal(disk_durable(b.disk), 3);
    bench_deinit(&b);
}

static struct bytes value_on(struct bench *b, size_t i, size_t *ret_n)
{
    struct event_start start = {0};
    static struct arena mem;

    disk_load(b->disk, &start, &mem);
    *ret_n = start.records_n;
    struct bytes value = i < start.records_n ? start.records[i] : (struct bytes){0};
    arena_deinit(&mem);
    return value;
}

static void what_was_there_before_the_run_can_be_replaced_and_removed(void **unused)
{
    (void)unused;
    struct bench b;
    uint64_t token;
    size_t n;
    struct disk_record records[] = {{bytes_str("a"), bytes_str("A")},
                                    {bytes_str("b"), bytes_str("B")},
                                    {bytes_str("c"), bytes_str("C")}};
    struct disk_base base = {.records = records, .count = 3};
    struct store_write writes[] = {{.key = bytes_str("b"), .value = bytes_str("new")},
                                   {.key = bytes_str("a")},
                                   {.key = bytes_str("bb"), .value = bytes_str("between")}};

    bench_init(&b, 1);
    disk_set_base(b.disk, &base);
    assert_true(bytes_equal_str(value_on(&b, 1, &n), "B"));
    assert_int_equal(n, 3);
    disk_store(b.disk, &(struct effect_store){.token = 1, .writes = writes, .writes_n = 3},
               /* run= */ 1, /* now_us= */ 0);
    assert_int_equal(disk_done(b.disk, &token), EVENT_STORED);
    assert_false(disk_has(b.disk, bytes_str("a")));
    assert_true(disk_has(b.disk, bytes_str("c")));
    assert_true(bytes_equal_str(value_on(&b, 0, &n), "new"));
    assert_true(bytes_equal_str(value_on(&b, 1, &n), "between"));
    assert_true(bytes_equal_str(value_on(&b, 2, &n), "C"));
    assert_int_equal(n, 3);
    bench_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_are_done_in_order_and_are_durable_from_then_on),
        cmocka_unit_test(a_killed_daemon_loses_nothing_that_it_gave_to_the_kernel),
        cmocka_unit_test(a_power_cut_loses_the_newest_whole_batches_never_one_in_between),
        cmocka_unit_test(a_full_disk_fails_all_that_is_under_way),
        cmocka_unit_test(what_was_there_before_the_run_can_be_replaced_and_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
