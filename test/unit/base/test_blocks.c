#include "base/blocks.h"

#include "base/rng.h"
#include "test.h"

#include <stdint.h>
#include <string.h>

#define MANY 4000

struct taken {
    uint8_t *at;
    size_t size;
    uint8_t filled;
};

static void take(struct blocks *b, struct taken *t, size_t size, uint8_t fill)
{
    t->at = blocks_take(b, size);
    t->size = size;
    t->filled = fill;
    assert_true((uintptr_t)t->at % 8 == 0);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(t->at[i], 0);
    memset(t->at, fill, size);
}

static void give(struct taken *t)
{
    for (size_t i = 0; i < t->size; i++)
        assert_int_equal(t->at[i], t->filled); /* nobody else has written there */
    blocks_give(t->at, t->size);
    t->at = NULL;
}

/* Blocks of all sizes come and go; each is zeroed, and none lies over another. */
static void blocks_do_not_overlap(void **state)
{
    (void)state;
    static struct taken all[MANY];
    struct blocks *b = blocks_new();
    struct rng rng;

    rng_seed(&rng, 1);
    for (int round = 0; round < 20 * MANY; round++) {
        struct taken *t = &all[rng_below(&rng, MANY)];

        if (t->at)
            give(t);
        else
            take(b, t, 1 + rng_below(&rng, BLOCKS_MAX + 100), (uint8_t)round);
    }
    for (size_t i = 0; i < MANY; i++) {
        if (all[i].at)
            give(&all[i]);
    }
    assert_true(blocks_pages(b) <= BLOCKS_MAX / 8); /* one of each size is kept */
    blocks_free(b);
}

/* A page of 16 KiB holds as many of 200 bytes as go into it, beside 48 of its own. */
static void they_lie_close_together(void **state)
{
    (void)state;
    static struct taken all[MANY];
    struct blocks *b = blocks_new();

    for (size_t i = 0; i < MANY; i++)
        take(b, &all[i], 193 + i % 8, 7);
    if (blocks_pages(b) > 0) /* with the address sanitizer there are none */
        assert_int_equal(blocks_pages(b), (MANY + 80) / 81);
    for (size_t i = 0; i < MANY; i++)
        give(&all[i]);
    assert_true(blocks_pages(b) <= 1);
    blocks_free(b);
}

static void a_block_may_outlive_its_pool(void **state)
{
    (void)state;
    struct blocks *b = blocks_new();
    struct taken one, two;

    take(b, &one, 40, 1);
    take(b, &two, 40, 2);
    void *beside = blocks_take_beside(one.at, 40, 24), *large = blocks_take_beside(one.at, 40, 600);

    blocks_give_beside(one.at, 40, beside, 24);
    blocks_give_beside(one.at, 40, large, 600);
    give(&one);
    blocks_free(b);
    give(&two); /* the last one: the sanitizer's leak check sees whether all has gone */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_do_not_overlap),
        cmocka_unit_test(they_lie_close_together),
        cmocka_unit_test(a_block_may_outlive_its_pool),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
