#include "state/digest.h"

#include "base/rng.h"
#include "state/hash.h"
#include "test.h"

#include <stdlib.h>

#define ITEMS 3000

static struct digest_item *items_new(uint64_t seed)
{
    struct digest_item *items = calloc(ITEMS, sizeof(*items));
    struct rng rng;

    rng_seed(&rng, seed);
    for (size_t i = 0; i < ITEMS; i++)
        items[i] = (struct digest_item){.key_hash = rng_u64(&rng), .hash = rng_u64(&rng)};
    return items;
}

static void equal_sets_have_equal_digests_in_any_order(void **unused)
{
    (void)unused;
    struct digest_item *forth = items_new(1), *back = items_new(1);
    struct digest a = {0}, b = {0};

    for (size_t i = 0; i < ITEMS; i++) {
        digest_add(&a, &forth[i]);
        digest_add(&b, &back[ITEMS - 1 - i]);
    }
    assert_true(digest_sum(&a, 0, 0).digest == digest_sum(&b, 0, 0).digest);
    digest_remove(&b, &back[17]);
    assert_true(digest_sum(&a, 0, 0).digest != digest_sum(&b, 0, 0).digest);
    assert_int_equal(digest_sum(&b, 0, 0).count, ITEMS - 1);
    digest_deinit(&a);
    digest_deinit(&b);
    free(forth);
    free(back);
}

static void a_node_is_the_sum_of_its_children_however_deep_the_tree_is(void **unused)
{
    (void)unused;
    struct digest_item *items = items_new(2);
    struct digest d = {0};
    struct digest_sum child[DIGEST_FANOUT];

    for (size_t i = 0; i < ITEMS; i++)
        digest_add(&d, &items[i]);
    uint64_t prefix = 0;
    for (uint32_t depth = 0; depth < DIGEST_DEPTH_MAX; depth++) {
        struct digest_sum node = digest_sum(&d, depth, prefix), sum = {0};

        assert_true(digest_is_node(depth, prefix));
        digest_children(&d, depth, prefix, child);
        for (uint32_t i = 0; i < DIGEST_FANOUT; i++) {
            sum.digest ^= child[i].digest;
            sum.count += child[i].count;
        }
        assert_true(sum.digest == node.digest && sum.count == node.count);
        prefix = digest_child(depth, prefix, 3);
    }
    digest_deinit(&d);
    free(items);
}

static void items_are_found_and_walked_by_key_hash(void **unused)
{
    (void)unused;
    struct digest_item *items = items_new(3);
    struct digest d = {0};

    for (size_t i = 0; i < ITEMS; i++)
        digest_add(&d, &items[i]);
    for (size_t i = 0; i < ITEMS; i++)
        assert_ptr_equal(digest_find(&d, items[i].key_hash, NULL), &items[i]);
    assert_null(digest_find(&d, items[0].key_hash + 1, NULL));

    size_t n = 0;
    uint64_t from = 0;
    for (struct digest_item *at; (at = digest_from(&d, from, NULL)) != NULL; n++) {
        assert_true(at->key_hash >= from);
        if (at->key_hash == UINT64_MAX)
            break;
        from = at->key_hash + 1;
    }
    assert_int_equal(n, ITEMS);
    digest_deinit(&d);
    free(items);
}

static void rows_of_one_key_hash_stand_side_by_side(void **unused)
{
    (void)unused;
    struct digest_item items[100];
    struct digest d = {0};

    for (size_t i = 0; i < 100; i++) {
        items[i] = (struct digest_item){.key_hash = 42, .hash = 1000 + i};
        digest_add(&d, &items[i]);
    }
    assert_int_equal(digest_sum(&d, DIGEST_DEPTH_MAX, 42).count, 100);
    size_t n = 0;
    struct digest_walk walk;
    for (struct digest_item *at = digest_find(&d, 42, &walk); at; at = digest_next(&walk))
        n++;
    assert_int_equal(n, 100);
    for (size_t i = 0; i < 100; i++)
        digest_remove(&d, &items[i]);
    assert_null(digest_from(&d, 0, NULL));
    assert_int_equal(digest_sum(&d, 0, 0).digest, 0);
    digest_deinit(&d);
}

static void names_of_nodes_are_checked(void **unused)
{
    (void)unused;
    assert_true(digest_is_node(0, 0));
    assert_false(digest_is_node(0, 1));
    assert_true(digest_is_node(1, UINT64_C(0xf) << 60));
    assert_false(digest_is_node(1, UINT64_C(0xff) << 56));
    assert_true(digest_is_node(16, UINT64_MAX));
    assert_false(digest_is_node(17, 0));
    assert_true(digest_last(0, 0) == UINT64_MAX);
    assert_true(digest_last(16, 7) == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_sets_have_equal_digests_in_any_order),
        cmocka_unit_test(a_node_is_the_sum_of_its_children_however_deep_the_tree_is),
        cmocka_unit_test(items_are_found_and_walked_by_key_hash),
        cmocka_unit_test(rows_of_one_key_hash_stand_side_by_side),
        cmocka_unit_test(names_of_nodes_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
