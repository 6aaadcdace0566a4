/* The laws of merging, tried on random records of all tables that collide on purpose. */
#include "state/merge.h"

#include "rows.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

#define RECORDS 3000
#define CASES   1000000 /* of each law */

struct pool {
    struct buf bytes[RECORDS];
    struct row rows[RECORDS];
    struct arena mem;
};

static struct pool *pool_new(uint64_t seed)
{
    struct pool *p = calloc(1, sizeof(*p));
    struct ulid cluster = id_of(200);
    struct rng rng;

    rng_seed(&rng, seed);
    for (size_t i = 0; i < RECORDS; i++) {
        random_record(&p->bytes[i], &rng, WALL);
        assert_int_equal(row_read(&p->rows[i], buf_bytes(&p->bytes[i]), &cluster, &p->mem), 0);
    }
    return p;
}

static void pool_free(struct pool *p)
{
    for (size_t i = 0; i < RECORDS; i++)
        buf_deinit(&p->bytes[i]);
    arena_deinit(&p->mem);
    free(p);
}

static const struct row *any_like(const struct pool *p, const struct row *row, struct rng *rng)
{
    for (;;) {
        const struct row *r = &p->rows[rng_below(rng, RECORDS)];

        if (r->table == row->table && bytes_equal(r->key, row->key))
            return r;
    }
}

static const struct row *join(const struct row *a, const struct row *b, struct arena *mem)
{
    return row_order(a, b, mem) < 0 ? b : a;
}

static bool same(const struct row *a, const struct row *b)
{
    return bytes_equal(a->record, b->record);
}

static void merging_is_commutative_associative_and_idempotent(void **unused)
{
    (void)unused;
    struct pool *p = pool_new(4711);
    struct arena mem = {0};
    struct rng rng;

    rng_seed(&rng, 7);
    for (size_t i = 0; i < CASES; i++) {
        const struct row *a = &p->rows[i % RECORDS];
        const struct row *b = any_like(p, a, &rng), *c = any_like(p, a, &rng);

        assert_true(same(join(a, b, &mem), join(b, a, &mem)));
        assert_true(same(join(a, a, &mem), a));
        assert_true(same(join(join(a, b, &mem), c, &mem), join(a, join(b, c, &mem), &mem)));
        arena_reset(&mem);
    }
    arena_deinit(&mem);
    pool_free(p);
}

static void peers_that_heard_the_same_in_any_order_hold_the_same(void **unused)
{
    (void)unused;
    struct rng rng;

    rng_seed(&rng, 11);
    for (int round = 0; round < 300; round++) {
        struct buf records[24] = {{0}};
        struct state *a = node_new(101), *b = node_new(102);

        for (size_t i = 0; i < 24; i++) {
            random_record(&records[i], &rng, WALL);
            (void)state_merge(a, buf_bytes(&records[i]));
        }
        for (size_t i = 24; i-- > 0;) {
            (void)state_merge(b, buf_bytes(&records[i]));
            (void)state_merge(b, buf_bytes(&records[rng_below(&rng, 24 - i) + i]));
            buf_deinit(&records[i]);
        }
        assert_int_equal(state_count(a), state_count(b));
        assert_true(state_digest(a) == state_digest(b));
        state_free(a);
        state_free(b);
    }
}

/* Any record in anybody's name: of own tables, only what their owner wrote is one. */
static void only_the_owner_writes_whatever_the_record(void **unused)
{
    (void)unused;
    struct pool *p = pool_new(815);
    struct ulid cluster = id_of(200);
    struct arena mem = {0};
    struct buf out = {0};
    struct rng rng;
    size_t refused = 0;

    rng_seed(&rng, 9);
    for (size_t i = 0; i < CASES; i++) {
        const struct row *from = &p->rows[i % RECORDS];
        struct record r;
        struct row row;
        struct wire_error err;

        assert_int_equal(record_decode(&r, from->record, &mem, &err), 0);
        r.origin = id_of((uint8_t)(1 + rng_below(&rng, 5)));
        record_encode(&out, &r);
        bool foreign = table_rule(r.table) == RULE_OWN &&
                       memcmp(r.key.data, r.origin.b, sizeof(r.origin.b)) != 0;
        assert_int_equal(row_read(&row, buf_bytes(&out), &cluster, &mem),
                         foreign ? STATE_NOT_OWNER : 0);
        refused += foreign;
        buf_reset(&out);
        arena_reset(&mem);
    }
    assert_true(refused > CASES / 10);
    buf_deinit(&out);
    arena_deinit(&mem);
    pool_free(p);
}

static int read_result(const struct record *r)
{
    struct buf out = {0};
    struct arena mem = {0};
    struct ulid cluster = id_of(200);
    struct row row;

    record_encode(&out, r);
    int res = row_read(&row, buf_bytes(&out), &cluster, &mem);
    buf_deinit(&out);
    arena_deinit(&mem);
    return res;
}

static struct record good_count(const struct ulid *service)
{
    return (struct record){
        .namespace = bytes_str("default"),
        .table = TABLE_ID_COUNT,
        .key = id_key(service),
        .value = count_value(3),
        .version = {0, hlc_from_wall(WALL)},
        .origin = id_of(1),
    };
}

#define REFUSED(change)                                                                            \
    do {                                                                                           \
        struct record r = good_count(&service);                                                    \
        r.change;                                                                                  \
        assert_int_equal(read_result(&r), STATE_BAD);                                              \
    } while (0)

static void what_breaks_the_form_is_refused(void **unused)
{
    (void)unused;
    struct ulid service = id_of(50), other = id_of(201), cluster = id_of(200);
    struct record ok = good_count(&service);

    assert_int_equal(read_result(&ok), 0);
    ok.cluster = cluster;
    assert_int_equal(read_result(&ok), 0);
    REFUSED(cluster = other);
    REFUSED(table = (enum table_id)0);
    REFUSED(namespace = bytes_str(""));
    REFUSED(key = bytes_str("short"));
    REFUSED(value = bytes_str("no count row"));
    REFUSED(value = bytes_str(""));
    REFUSED(flags = ROW_TOMBSTONE); /* with a value */
    REFUSED(origin = (struct ulid){{0}});
    REFUSED(version.minor = 0);
    REFUSED(version.major = 1);
    REFUSED(expires_ms = -1);

    struct arena mem = {0};
    struct row row;
    assert_int_equal(row_read(&row, bytes_str("garbage"), &cluster, &mem), STATE_BAD);
    arena_deinit(&mem);
}

static void rows_of_table_cluster_are_checked_by_their_key(void **unused)
{
    (void)unused;
    struct ulid service = id_of(50);
    struct record r = good_count(&service);

    r.table = TABLE_ID_CLUSTER;
    r.key = bytes_str("halt");
    assert_int_equal(read_result(&r), STATE_BAD); /* a count is no halt */
    r.key = bytes_str("later");
    assert_int_equal(read_result(&r), 0);
    r.value = bytes_str("\xc1");
    assert_int_equal(read_result(&r), STATE_BAD);
}

static void nobody_writes_rows_of_another_node(void **unused)
{
    (void)unused;
    struct ulid node = id_of(1);
    uint8_t long_key[36] = {0};
    struct record r = {
        .namespace = bytes_str("default"),
        .table = TABLE_ID_MEMBER,
        .key = id_key(&node),
        .value = member_value("ann"),
        .version = {1, 1},
        .origin = node,
    };

    long_key[15] = 1;
    assert_int_equal(read_result(&r), 0);
    r.origin = id_of(2);
    assert_int_equal(read_result(&r), STATE_NOT_OWNER);
    r.table = TABLE_ID_INSTANCE;
    r.key = bytes_of(long_key, 32);
    r.value = instance_value(7);
    assert_int_equal(read_result(&r), STATE_NOT_OWNER);
    r.table = TABLE_ID_COMMAND_EVENT;
    r.key = bytes_of(long_key, 36);
    r.flags = ROW_TOMBSTONE; /* nor deletes them */
    r.value = (struct bytes){0};
    assert_int_equal(read_result(&r), STATE_NOT_OWNER);
    r.origin = id_of(1);
    assert_int_equal(read_result(&r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merging_is_commutative_associative_and_idempotent),
        cmocka_unit_test(peers_that_heard_the_same_in_any_order_hold_the_same),
        cmocka_unit_test(only_the_owner_writes_whatever_the_record),
        cmocka_unit_test(what_breaks_the_form_is_refused),
        cmocka_unit_test(rows_of_table_cluster_are_checked_by_their_key),
        cmocka_unit_test(nobody_writes_rows_of_another_node),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
