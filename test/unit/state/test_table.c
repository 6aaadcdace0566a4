#include "state/table.h"

#include "rows.h"
#include "state/merge.h"
#include "test.h"

#include <stdlib.h>

/* More than may wait unordered, so that both ways into the order are taken. */
#define ROWS (TABLE_FRESH_MAX + 4000u)

static struct ulid service_of(uint32_t number)
{
    struct ulid id = {{(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                       (uint8_t)number}};

    return id;
}

/* A count's row of this service, as content; `version` tells one from another. */
static struct content *content_new(struct blocks *blocks, uint32_t key, uint32_t version)
{
    struct ulid id = service_of(key);
    struct record record = {.namespace = bytes_str(STATE_NAMESPACE),
                            .table = TABLE_ID_COUNT,
                            .key = ulid_bytes(&id),
                            .value = count_value(version),
                            .version = {.minor = 1},
                            .origin = id_of(1)};
    struct ulid cluster = id_of(200);
    struct buf encoded = {0};
    struct arena mem = {0};
    struct row row;

    record_encode(&encoded, &record);
    assert_int_equal(row_read(&row, buf_bytes(&encoded), &cluster, &mem), 0);
    struct content *c = content_take(/* shared= */ NULL, blocks, &row);
    arena_deinit(&mem);
    buf_deinit(&encoded);
    return c;
}

static struct content *find(const struct table *t, uint32_t key)
{
    struct ulid id = service_of(key);

    return table_find(t, TABLE_ID_COUNT, bytes_str(STATE_NAMESPACE), ulid_bytes(&id));
}

/* What is held, as the walk tells it: rising keys, and all that a plain array says is there. */
static void check_walk(const struct table *t, struct content *const *held, uint32_t n)
{
    struct table_walk walk;
    struct content *c = table_walk(&walk, t, TABLE_ID_COUNT);

    for (uint32_t key = 0; key < n; key++) {
        if (!held[key])
            continue;
        assert_ptr_equal(c, held[key]);
        c = table_walk_on(&walk);
    }
    assert_null(c);
}

static void new_rows_are_found_at_once_and_walked_in_order(void **unused)
{
    (void)unused;
    static struct content *held[ROWS];
    struct blocks *blocks = blocks_new();
    struct table t = {0};

    for (uint32_t i = 0; i < ROWS; i++) {
        uint32_t key = (uint32_t)((uint64_t)i * 7919u % ROWS); /* all of them, mixed */

        held[key] = content_new(blocks, key, 1);
        table_put(&t, held[key], NULL);
        assert_ptr_equal(find(&t, key), held[key]);
    }
    check_walk(&t, held, ROWS);
    assert_ptr_equal(table_next(&t, held[5]), held[6]);
    table_deinit(&t);
    blocks_free(blocks);
}

static void rows_that_come_change_and_go_between_walks_keep_the_order(void **unused)
{
    (void)unused;
    enum { KEYS = 300 };
    static struct content *held[KEYS];
    struct blocks *blocks = blocks_new();
    struct table t = {0};
    struct rng rng;

    rng_seed(&rng, 20261122);
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t key = (uint32_t)rng_below(&rng, KEYS);

        if (held[key] && rng_below(&rng, 3) == 0) {
            table_drop(&t, held[key]);
            held[key] = NULL;
        } else {
            struct content *now = content_new(blocks, key, i);

            table_put(&t, now, held[key]);
            held[key] = now;
        }
        assert_ptr_equal(find(&t, key), held[key]);
        if (rng_below(&rng, 50) == 0) {
            check_walk(&t, held, KEYS);
            table_bury(&t);
        }
    }
    check_walk(&t, held, KEYS);
    table_deinit(&t);
    blocks_free(blocks);
}

static void rows_that_nobody_walked_are_let_go_of_too(void **unused)
{
    (void)unused;
    struct blocks *blocks = blocks_new();
    struct table t = {0};
    struct content *c = content_new(blocks, 7, 1);

    content_reference(c);
    table_put(&t, c, NULL);
    assert_int_equal(content_references(c), 2);
    table_deinit(&t);
    assert_int_equal(content_references(c), 1);
    content_release(c);
    blocks_free(blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_rows_are_found_at_once_and_walked_in_order),
        cmocka_unit_test(rows_that_come_change_and_go_between_walks_keep_the_order),
        cmocka_unit_test(rows_that_nobody_walked_are_let_go_of_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
