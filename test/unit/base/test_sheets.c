#include "base/sheets.h"

#include "base/rng.h"
#include "test.h"

#include <stdbool.h>
#include <stdlib.h>

#define COUNT 5000u

static uint64_t items[COUNT];

static int compare(const void *element, const void *key)
{
    const uint64_t *a = element, *b = key;

    return (*a > *b) - (*a < *b);
}

static uint64_t number(const void *element)
{
    const uint64_t *a = element;

    return *a * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t order(const void *element)
{
    return *(const uint64_t *)element;
}

static const struct sheets_rule by_comparison = {.compare = compare, .number = number};
static const struct sheets_rule by_order = {.number = number, .order = order};
static struct sheets_rule rule; /* each test runs with both */

static void put(struct sheets *s, uint64_t *item)
{
    sheets_put(s, &rule, sheets_from(s, &rule, item), item);
}

static uint64_t sum_of(const struct sheets *s, uint64_t from, uint64_t to, size_t *ret_count)
{
    return sheets_sum(s, &rule, sheets_from(s, &rule, &from), sheets_from(s, &rule, &to),
                      ret_count);
}

/* A plain array that does the same, to compare with. */
struct plain {
    bool in[COUNT];
};

static void check(const struct sheets *s, const struct plain *p)
{
    struct sheets_place at = {0};
    uint64_t sum = 0;
    size_t n = 0, count;

    for (uint32_t i = 0; i < COUNT; i++) {
        if (!p->in[i])
            continue;
        assert_ptr_equal(sheets_at(s, at), &items[i]);
        at = sheets_next(s, at);
        sum ^= number(&items[i]);
        n++;
    }
    assert_null(sheets_at(s, at));
    assert_int_equal(s->count, n);
    assert_true(sum_of(s, 0, UINT64_MAX, &count) == sum);
    assert_int_equal(count, n);
}

static void holds_what_a_plain_array_holds(void **unused)
{
    (void)unused;
    struct sheets s = {0};
    struct plain p = {0};
    struct rng rng;

    rng_seed(&rng, 7);
    for (uint32_t i = 0; i < COUNT; i++)
        items[i] = 2 * (uint64_t)i;
    for (uint32_t step = 0; step < 60000; step++) {
        /* Grows, is churned, shrinks to nearly nothing. */
        bool put_it = rng_below(&rng, 10) < (step < 20000 ? 8u : step < 40000 ? 5u : 1u);
        uint32_t i = (uint32_t)rng_below(&rng, COUNT);

        if (put_it && !p.in[i])
            put(&s, &items[i]);
        else if (!put_it && p.in[i])
            sheets_take(&s, &rule, sheets_from(&s, &rule, &items[i]));
        else
            continue;
        p.in[i] = put_it;
        if (step % 1000 == 0)
            check(&s, &p);
    }
    check(&s, &p);
    sheets_deinit(&s);
}

static void sums_any_range(void **unused)
{
    (void)unused;
    struct sheets s = {0};
    struct rng rng;

    rng_seed(&rng, 8);
    for (uint32_t i = 0; i < COUNT; i++) {
        items[i] = 2 * (uint64_t)i;
        put(&s, &items[i]);
    }
    for (int k = 0; k < 500; k++) {
        uint64_t from = rng_below(&rng, 2 * COUNT), to = from + rng_below(&rng, 2 * COUNT - from);
        uint64_t sum = 0;
        size_t n = 0, count;

        for (uint32_t i = 0; i < COUNT; i++) {
            if (items[i] >= from && items[i] < to) {
                sum ^= number(&items[i]);
                n++;
            }
        }
        assert_true(sum_of(&s, from, to, &count) == sum);
        assert_int_equal(count, n);
    }
    sheets_deinit(&s);
}

static void what_comes_in_order_fills_its_sheets(void **unused)
{
    (void)unused;
    struct sheets s = {0};

    for (uint32_t i = 0; i < COUNT; i++) {
        items[i] = i;
        put(&s, &items[i]);
    }
    assert_true(s.n <= COUNT / SHEETS_MAX + 1);
    sheets_deinit(&s);
}

static void what_is_left_of_many_takes_few_sheets(void **unused)
{
    (void)unused;
    struct sheets s = {0};

    for (uint32_t i = 0; i < COUNT; i++) {
        items[i] = i;
        put(&s, &items[i]);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        if (i % 50 != 0)
            sheets_take(&s, &rule, sheets_from(&s, &rule, &items[i]));
    }
    assert_int_equal(s.count, COUNT / 50);
    assert_true(s.n <= 8); /* a hundred, of which sixteen or more are in each but the first */
    sheets_deinit(&s);
}

static void one_is_replaced_where_it_stands(void **unused)
{
    (void)unused;
    struct sheets s = {0};
    uint64_t other = 40;
    size_t count;

    for (uint32_t i = 0; i < 100; i++) {
        items[i] = i;
        put(&s, &items[i]);
    }
    sheets_replace(&s, &rule, sheets_from(&s, &rule, &other), &other);
    assert_ptr_equal(sheets_at(&s, sheets_from(&s, &rule, &other)), &other);
    (void)sum_of(&s, 0, 100, &count);
    assert_int_equal(count, 100);
    sheets_deinit(&s);
}

/* Of a hundred numbers, each many times: what the number leaves open is decided by comparing. */
struct tied {
    uint64_t order, value;
};

static int compare_tied(const void *element, const void *key)
{
    const struct tied *a = element, *b = key;

    return (a->value > b->value) - (a->value < b->value);
}

static void those_of_one_number_are_ordered_by_comparing(void **unused)
{
    (void)unused;
    static const struct sheets_rule by_both = {.compare = compare_tied, .order = order};
    static struct tied all[COUNT];
    struct sheets s = {0};
    struct rng rng;

    rng_seed(&rng, 3);
    for (uint32_t i = 0; i < COUNT; i++) {
        all[i] = (struct tied){.order = rng_below(&rng, 100), .value = i * UINT64_C(2654435761)};
        sheets_put(&s, &by_both, sheets_from(&s, &by_both, &all[i]), &all[i]);
    }
    struct sheets_place at = {0};

    for (const struct tied *x, *last = NULL; (x = sheets_at(&s, at)) != NULL; last = x) {
        assert_true(!last || last->order < x->order ||
                    (last->order == x->order && last->value < x->value));
        at = sheets_next(&s, at);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        at = sheets_from(&s, &by_both, &all[i]);
        assert_ptr_equal(sheets_at(&s, at), &all[i]);
        sheets_take(&s, &by_both, at);
    }
    assert_int_equal(s.count, 0);
    sheets_deinit(&s);
}

static int set_comparison(void **unused)
{
    (void)unused;
    rule = by_comparison;
    return 0;
}

static int set_order(void **unused)
{
    (void)unused;
    rule = by_order;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(holds_what_a_plain_array_holds, set_comparison),
        cmocka_unit_test_setup(holds_what_a_plain_array_holds, set_order),
        cmocka_unit_test_setup(sums_any_range, set_comparison),
        cmocka_unit_test_setup(sums_any_range, set_order),
        cmocka_unit_test_setup(what_comes_in_order_fills_its_sheets, set_comparison),
        cmocka_unit_test_setup(what_comes_in_order_fills_its_sheets, set_order),
        cmocka_unit_test_setup(what_is_left_of_many_takes_few_sheets, set_comparison),
        cmocka_unit_test_setup(what_is_left_of_many_takes_few_sheets, set_order),
        cmocka_unit_test_setup(one_is_replaced_where_it_stands, set_comparison),
        cmocka_unit_test_setup(one_is_replaced_where_it_stands, set_order),
        cmocka_unit_test(those_of_one_number_are_ordered_by_comparing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
