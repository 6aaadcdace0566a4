#include "gossip/coord.h"

#include "data.h"
#include "test.h"

#define HOSTS_MAX  500
#define NEIGHBOURS 20 /* ten that a peer observes, ten that observe it */

struct world {
    size_t n;
    double *rtt_us; /* n x n, symmetric; 0: not measured */
    struct coord_self at[HOSTS_MAX];
    struct rng rng;
};

static double *rtt(const struct world *w, size_t i, size_t j)
{
    return &w->rtt_us[i * w->n + j];
}

static void settle_in(struct world *w)
{
    rng_seed(&w->rng, 7);
    for (size_t i = 0; i < w->n; i++)
        coord_init(&w->at[i]);
}

/* A round trip as it is measured: up to a tenth more than the shortest. Both ends learn from it. */
static void measure(struct world *w, size_t i, size_t j)
{
    double us = *rtt(w, i, j);
    if (us <= 0)
        return;
    kith_time measured_us = (kith_time)(us * (1 + (double)rng_below(&w->rng, 100) / 1000));
    struct coord there = coord_told(&w->at[j]);
    coord_update(&w->at[i], &there, measured_us, &w->rng);
    there = coord_told(&w->at[i]);
    coord_update(&w->at[j], &there, measured_us, &w->rng);
}

static void run(struct world *w, int rounds)
{
    static size_t neighbours[HOSTS_MAX][NEIGHBOURS / 2];
    for (size_t i = 0; i < w->n; i++) {
        for (size_t k = 0; k < NEIGHBOURS / 2; k++) {
            do
                neighbours[i][k] = (size_t)rng_below(&w->rng, w->n);
            while (neighbours[i][k] == i);
        }
    }
    for (int round = 0; round < rounds; round++) {
        for (size_t i = 0; i < w->n; i++)
            measure(w, i, neighbours[i][(size_t)round % (NEIGHBOURS / 2)]);
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Relative errors of all pairs, sorted; to be freed. */
static double *errors(const struct world *w, size_t *ret_n)
{
    double *list = malloc(w->n * w->n * sizeof(*list));
    *ret_n = 0;
    for (size_t i = 0; i < w->n; i++) {
        for (size_t j = 0; j < i; j++) {
            double us = *rtt(w, i, j);
            struct coord a = coord_told(&w->at[i]), b = coord_told(&w->at[j]);
            double off = (double)coord_rtt_us(&a, &b) - us;
            if (us > 0)
                list[(*ret_n)++] = (off < 0 ? -off : off) / us;
        }
    }
    qsort(list, *ret_n, sizeof(*list), by_size);
    return list;
}

static void judge(const struct world *w, const char *name, double median_most, double p90_most)
{
    size_t n;
    double *list = errors(w, &n);
    double median = list[n / 2], p90 = list[n * 9 / 10];
    free(list);
    print_message("%s, %zu hosts: relative error median %.3f, p90 %.3f\n", name, w->n, median, p90);
    assert_true(median <= median_most);
    assert_true(p90 <= p90_most);
}

/* Numbers of a text, row by row; `scale` makes microseconds of them. Both directions count half. */
static void read_matrix(struct world *w, const char *text, double scale)
{
    char *end;
    for (size_t k = 0; k < w->n * w->n; k++, text = end) {
        double v = strtod(text, &end) * scale;
        size_t i = k / w->n, j = k % w->n;
        double there = *rtt(w, j, i);
        *rtt(w, i, j) = v;
        if (j < i)
            *rtt(w, i, j) = *rtt(w, j, i) = v > 0 && there > 0 ? (v + there) / 2 : v + there;
    }
}

static void planetlab_is_estimated_within_a_tenth_or_so(void **unused)
{
    (void)unused;
    char *text = test_data_unpacked("latency/PlanetLabData_1.gz");
    if (!text)
        skip();
    struct world w = {.n = 490};
    w.rtt_us = calloc(w.n * w.n, sizeof(double));
    read_matrix(&w, text, 1000);
    settle_in(&w);
    run(&w, 100);
    judge(&w, "PlanetLab, 10 measurements of each neighbour", 0.16, 1.2);
    run(&w, 500);
    judge(&w, "PlanetLab, more, and other neighbours", 0.12, 0.70);
    free(w.rtt_us);
    free(text);
}

static void seattle_is_no_space_and_still_half_of_it_is_estimated(void **unused)
{
    (void)unused;
    char *text = test_data("latency/SeattleData_1", NULL);
    if (!text)
        skip();
    struct world w = {.n = 99};
    w.rtt_us = calloc(w.n * w.n, sizeof(double));
    read_matrix(&w, text, 1e6);
    settle_in(&w);
    run(&w, 600);
    /* Connection times of people's own machines, from 10 ms to 9 s, once each: what is far from here may be
     * near from next door. No places can hold that; half the estimates are within a factor of two. */
    judge(&w, "Seattle", 0.50, 4.5);
    free(w.rtt_us);
    free(text);
}

static struct coord place(int64_t x, uint32_t height)
{
    return (struct coord){.x = x, .height = height, .error = 500};
}

static void a_place_that_is_not_known_teaches_nothing_and_is_nowhere(void **unused)
{
    (void)unused;
    struct rng rng;
    rng_seed(&rng, 1);
    struct coord_self self, before;
    coord_init(&self);
    before = self;
    struct coord none = {0}, beyond = place(COORD_AXIS_MAX + 1, 10), here = place(0, 10);
    coord_update(&self, &none, 1000, &rng);
    coord_update(&self, &beyond, 1000, &rng);
    assert_memory_equal(&self, &before, sizeof(self));
    assert_int_equal(coord_rtt_us(&none, &here), 0);
    assert_int_equal(coord_rtt_us(&here, &beyond), 0);
}

static void distance_is_flat_way_and_both_heights(void **unused)
{
    (void)unused;
    struct coord a = place(-1500, 100), b = place(2500, 50);
    b.y = 3000;
    assert_int_equal(coord_rtt_us(&a, &b), 5000 + 150);
    assert_int_equal(coord_rtt_us(&b, &a), 5000 + 150);
    assert_int_equal(coord_moved_us(&a, &b), 5000 + 50);
    struct coord zero = place(0, 0);
    assert_int_equal(coord_rtt_us(&zero, &zero), 1); /* never "not known" */
}

static void two_on_loopback_settle_at_what_is_measured(void **unused)
{
    (void)unused;
    struct rng rng;
    rng_seed(&rng, 2);
    struct coord_self a, b;
    coord_init(&a);
    coord_init(&b);
    for (int i = 0; i < 200; i++) {
        struct coord there = coord_told(&b);
        coord_update(&a, &there, 80, &rng);
        there = coord_told(&a);
        coord_update(&b, &there, 80, &rng);
    }
    struct coord at_a = coord_told(&a), at_b = coord_told(&b);
    assert_in_range(coord_rtt_us(&at_a, &at_b), 72, 88);
    for (int i = 0; i < 200; i++) { /* a clock too coarse to see them apart */
        struct coord there = coord_told(&b);
        coord_update(&a, &there, 0, &rng);
    }
    at_a = coord_told(&a);
    assert_in_range(coord_rtt_us(&at_a, &at_b), 1, 88);
}

/* Whatever is measured to wherever, a place stays in bounds; the sanitizer finds what overflows. */
static void nothing_throws_a_place_out_of_bounds(void **unused)
{
    (void)unused;
    struct rng rng;
    rng_seed(&rng, 3);
    struct coord_self self;
    coord_init(&self);
    static const kith_time rtts_us[] = {INT64_MIN,     -1,       0, 1, 100, KITH_SEC,
                                        COORD_RTT_MAX, INT64_MAX};
    for (int i = 0; i < 100000; i++) {
        bool far = rng_below(&rng, 2) == 0;
        int64_t edge = far ? COORD_AXIS_MAX : 100;
        struct coord there = {
            .x = rng_between(&rng, -edge, edge),
            .y = rng_between(&rng, -edge, edge),
            .z = far ? edge : -edge,
            .height = (uint32_t)rng_below(&rng, (uint64_t)edge),
            .error = 1 + (uint32_t)rng_below(&rng, 2000),
        };
        coord_update(&self, &there, rtts_us[rng_below(&rng, 8)], &rng);
        struct coord told = coord_told(&self);
        assert_true(coord_is_known(&told));
        assert_in_range(told.error, COORD_ERROR_MIN - 1, COORD_ERROR_MAX);
        assert_in_range(told.height, COORD_HEIGHT_MIN, COORD_AXIS_MAX);
        assert_true(coord_rtt_us(&told, &there) > 0);
    }
    static const struct coord worst = {.x = INT64_MIN, .y = INT64_MAX, .error = 1};
    coord_update(&self, &worst, 100, &rng);
    assert_int_equal(coord_rtt_us(&worst, &worst), 0);
}

/* Three hosts of which two are near each other and yet far apart by the third: no places hold all three.
 * None runs away, and each shows by its error that it is not to be trusted. */
static void a_broken_triangle_shows_as_error(void **unused)
{
    (void)unused;
    double rtts[9] = {0, 1000, 100000, 1000, 0, 10000, 100000, 10000, 0};
    struct world w = {.n = 3, .rtt_us = rtts};
    settle_in(&w);
    for (int i = 0; i < 2000; i++)
        measure(&w, (size_t)i % 3, (size_t)(i + 1 + i / 3 % 2) % 3);
    for (size_t i = 0; i < 3; i++) {
        struct coord at = coord_told(&w.at[i]);
        assert_true(at.error > 100);
        assert_in_range(coord_moved_us(&at, &(struct coord){0}), 0, 300000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planetlab_is_estimated_within_a_tenth_or_so),
        cmocka_unit_test(seattle_is_no_space_and_still_half_of_it_is_estimated),
        cmocka_unit_test(a_place_that_is_not_known_teaches_nothing_and_is_nowhere),
        cmocka_unit_test(distance_is_flat_way_and_both_heights),
        cmocka_unit_test(two_on_loopback_settle_at_what_is_measured),
        cmocka_unit_test(nothing_throws_a_place_out_of_bounds),
        cmocka_unit_test(a_broken_triangle_shows_as_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
