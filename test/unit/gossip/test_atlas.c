#include "gossip/atlas.h"

#include "cluster.h"
#include "test.h"

#include <string.h>

/* What a node's registry says of another's place. */
static struct coord told(struct cluster *c, size_t by, size_t i)
{
    struct coord place = {0};
    struct wire_error err;
    struct ulid id = node_id(c, i);
    const struct row *row = state_get(node_state(c, by), TABLE_ID_COORD, ulid_bytes(&id));
    if (row)
        assert_int_equal(coord_decode(&place, row->value, NULL, &err), 0);
    return place;
}

static size_t rows_of_coord(struct cluster *c, size_t by)
{
    size_t n = 0;
    const struct row *row = state_first(node_state(c, by), TABLE_ID_COORD, (struct bytes){0});
    for (; row; row = state_next(node_state(c, by), row, (struct bytes){0}))
        n++;
    return n;
}

static void everybody_learns_everybodys_place_by_probes(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(8);
    c->delay_us = 5 * KITH_MS;
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 5 * KITH_SEC));
    cluster_run(c, 150 * KITH_SEC);
    for (size_t by = 0; by < c->n; by++) {
        assert_int_equal(rows_of_coord(c, by), c->n);
        for (size_t i = 0; i < c->n; i++) {
            for (size_t j = 0; j < i; j++) {
                struct coord a = told(c, by, i), b = told(c, by, j);
                assert_in_range(coord_rtt_us(&a, &b), 7 * KITH_MS, 13 * KITH_MS);
            }
        }
    }
    cluster_free(c);
}

static void a_quiet_cluster_writes_no_more_rows(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(5);
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 5 * KITH_SEC));
    cluster_run(c, 180 * KITH_SEC);
    uint64_t digest = state_digest(node_state(c, 0));
    cluster_run(c, 600 * KITH_SEC);
    assert_true(digest == state_digest(node_state(c, 0)));
    cluster_free(c);
}

struct bench {
    struct ulid self, other;
    struct rng rng;
    struct turn turn;
    struct atlas *atlas;
};

static void bench_open(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    rng_seed(&b->rng, 5);
    b->self.b[0] = 1;
    b->other.b[0] = 2;
    b->turn = (struct turn){.now_us = KITH_SEC, .rng = &b->rng};
    b->atlas = atlas_new(&b->self);
}

static struct probe next_probe(struct bench *b)
{
    struct probe p = {0};
    atlas_probe(b->atlas, &b->turn, &b->other, &p);
    return p;
}

static void later_probes_seldom_carry_a_place(void **unused)
{
    (void)unused;
    struct bench b;
    bench_open(&b);
    for (int i = 0; i < ATLAS_EAGER; i++) {
        struct probe p = next_probe(&b);
        assert_true(coord_is_known(&p.coord));
    }
    int carried = 0;
    for (int i = 0; i < 10 * ATLAS_EVERY; i++) {
        struct probe p = next_probe(&b);
        carried += coord_is_known(&p.coord);
    }
    assert_int_equal(carried, 10);
    atlas_free(b.atlas);
}

static void a_retransmission_does_not_count(void **unused)
{
    (void)unused;
    struct bench b;
    bench_open(&b);
    struct probe_ack ack = {.coord = {.height = 500, .error = 100}};
    static const kith_time rtts_us[] = {1000, 900, 201000, 1100, 950};
    for (size_t i = 0; i < 5; i++)
        atlas_answered(b.atlas, &b.turn, &b.other, &ack, rtts_us[i]);
    assert_int_equal(next_probe(&b).rtt_us, 1000);
    atlas_free(b.atlas);
}

static void the_probed_learns_from_the_probe_and_answers_with_its_place(void **unused)
{
    (void)unused;
    struct bench b;
    bench_open(&b);
    assert_false(coord_is_known(&(struct coord){0}));
    struct probe_ack ack = {0};
    atlas_probed(b.atlas, &b.turn, &b.other, &(struct probe){.nonce = 1}, &ack);
    assert_false(coord_is_known(&ack.coord)); /* not asked for */

    struct probe p = {.coord = {.x = 1000, .height = 500, .error = 100}, .rtt_us = 4000};
    for (int i = 0; i < 50; i++)
        atlas_probed(b.atlas, &b.turn, &b.other, &p, &ack);
    assert_true(coord_is_known(&ack.coord));
    assert_in_range(coord_rtt_us(&p.coord, &ack.coord), 3600, 4400);

    struct coord before = ack.coord;
    p.rtt_us = UINT64_MAX; /* no round trip takes that long */
    atlas_probed(b.atlas, &b.turn, &b.other, &p, &ack);
    assert_int_equal(coord_moved_us(&before, &ack.coord), 0);
    atlas_free(b.atlas);
}

/* Of 80 peers that measured their place for the first time in a cluster of so many: how many write it when it is due. */
static int writers(size_t alive, bool loss)
{
    int written = 0;
    for (uint64_t seed = 1; seed <= 80; seed++) {
        struct bench b;
        bench_open(&b);
        rng_seed(&b.rng, seed);
        b.turn.state = state_new(&(struct state_config){.self = b.self, .incarnation = 1});
        state_clock(b.turn.state, KITH_SEC);
        struct probe_ack ack = {.coord = {.height = 500, .error = 100}};
        for (int i = 0; i < ATLAS_SETTLED; i++)
            atlas_answered(b.atlas, &b.turn, &b.other, &ack, 20 * KITH_MS);
        atlas_time(b.atlas, &b.turn, alive, loss); /* draws when */
        b.turn.now_us = atlas_deadline(b.atlas);
        atlas_time(b.atlas, &b.turn, alive, loss);
        written += state_get(b.turn.state, TABLE_ID_COORD, ulid_bytes(&b.self)) != NULL;
        state_free(b.turn.state);
        atlas_free(b.atlas);
    }
    return written;
}

static void a_large_cluster_that_loses_packets_writes_few_rows(void **unused)
{
    (void)unused;
    assert_int_equal(writers(1000, /* loss= */ false), 80);
    assert_in_range(writers(1000, /* loss= */ true), 1, 25);
    assert_int_equal(writers(20, /* loss= */ true), 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_learns_everybodys_place_by_probes),
        cmocka_unit_test(a_quiet_cluster_writes_no_more_rows),
        cmocka_unit_test(later_probes_seldom_carry_a_place),
        cmocka_unit_test(a_retransmission_does_not_count),
        cmocka_unit_test(a_large_cluster_that_loses_packets_writes_few_rows),
        cmocka_unit_test(the_probed_learns_from_the_probe_and_answers_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
