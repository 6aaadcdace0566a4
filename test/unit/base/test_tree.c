#include "base/mem.h"
#include "base/rng.h"
#include "base/tree.h"

#include "test.h"

struct item {
    int key;
    TREE_ENTRY(item) by_key;
};

static int compare_key(const struct item *a, const struct item *b)
{
    return (a->key > b->key) - (a->key < b->key);
}

TREE_DEFINE(items, item, by_key, compare_key)

#define COUNT 1000

static void test_keeps_order_whatever_the_order_of_arrival(void **state)
{
    (void)state;
    static struct item all[COUNT];
    struct items tree = {0};
    struct item *item;
    struct rng rng;

    rng_seed(&rng, 1);
    assert_true(TREE_EMPTY(&tree));
    for (int i = 0; i < COUNT; i++) {
        all[i].key = i * 2;
    }
    for (size_t left = COUNT; left; left--) { /* insert in random order, keys stay in place */
        size_t pick = (size_t)rng_below(&rng, left);
        int key = all[pick].key;

        all[pick].key = all[left - 1].key;
        all[left - 1].key = key;
        assert_null(TREE_INSERT(items, &tree, &all[left - 1]));
    }

    int expected = 0;

    TREE_FOREACH (item, items, &tree) {
        assert_int_equal(item->key, expected);
        expected += 2;
    }
    assert_int_equal(expected, 2 * COUNT);
    assert_int_equal(TREE_FIRST(items, &tree)->key, 0);
    assert_int_equal(TREE_LAST(items, &tree)->key, 2 * COUNT - 2);
}

static void test_finds_exactly_and_from(void **state)
{
    (void)state;
    struct item a = {.key = 10}, b = {.key = 20}, twin = {.key = 20};
    struct items tree = {0};
    struct item *item;
    int seen = 0;

    TREE_INSERT(items, &tree, &b);
    TREE_INSERT(items, &tree, &a);
    assert_ptr_equal(TREE_INSERT(items, &tree, &twin), &b);

    assert_ptr_equal(TREE_FIND(items, &tree, &(struct item){.key = 10}), &a);
    assert_null(TREE_FIND(items, &tree, &(struct item){.key = 15}));
    assert_ptr_equal(TREE_FROM(items, &tree, &(struct item){.key = 15}), &b);
    assert_null(TREE_FROM(items, &tree, &(struct item){.key = 21}));
    assert_ptr_equal(TREE_NEXT(items, &tree, &a), &b);
    assert_ptr_equal(TREE_PREV(items, &tree, &b), &a);

    item = TREE_FROM(items, &tree, &(struct item){.key = 11});
    TREE_FOREACH_FROM(item, items, item)
    seen++;
    assert_int_equal(seen, 1);
}

static void test_removes_while_walking(void **state)
{
    (void)state;
    struct items tree = {0};
    struct item *item, *next;

    for (int i = 0; i < 100; i++) {
        item = mem_alloc(sizeof(*item));
        item->key = i;
        TREE_INSERT(items, &tree, item);
    }
    TREE_FOREACH_SAFE(item, items, &tree, next)
    {
        TREE_REMOVE(items, &tree, item);
        mem_free(item);
    }
    assert_true(TREE_EMPTY(&tree));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_order_whatever_the_order_of_arrival),
        cmocka_unit_test(test_finds_exactly_and_from),
        cmocka_unit_test(test_removes_while_walking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
