#include "base/arena.h"

#include "test.h"

#include <stdalign.h>
#include <string.h>

static void test_memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    struct arena a = {0};

    for (size_t size = 0; size < 300; size++) {
        uint8_t *p = arena_alloc(&a, size);

        assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, size);
    }
    arena_deinit(&a);
    assert_null(a.head);
}

static void test_larger_than_a_block(void **state)
{
    (void)state;
    struct arena a = {0};
    uint64_t *items = arena_array(&a, 100000, sizeof(*items));

    items[99999] = 1;
    assert_int_equal(a.used_bytes, 800000);
    arena_deinit(&a);
}

static void test_reserved_room_is_one_block_of_its_size(void **state)
{
    (void)state;
    struct arena a = {0};

    arena_reserve(&a, ARENA_ROOM(24) + ARENA_ROOM(100));
    struct arena_block *block = a.head;
    assert_non_null(block);
    arena_alloc(&a, 24);
    arena_alloc(&a, 100);
    assert_ptr_equal(a.head, block);
    arena_alloc(&a, 1);
    assert_ptr_not_equal(a.head, block);
    arena_deinit(&a);
}

static void test_reset_gives_zeroed_memory_again(void **state)
{
    (void)state;
    struct arena a = {0};
    uint8_t *first = arena_alloc(&a, 64);

    memset(first, 0xff, 64);
    for (int i = 0; i < 100; i++)
        arena_alloc(&a, 1000);
    arena_reset(&a);
    assert_int_equal(a.used_bytes, 0);

    uint8_t *again = arena_alloc(&a, 64);

    for (int i = 0; i < 64; i++)
        assert_int_equal(again[i], 0);
    arena_reset(&a);
    arena_reset(&a);
    arena_deinit(&a);
    arena_reset(&a);
}

static void test_copies(void **state)
{
    (void)state;
    struct arena a = {0};
    char text[] = "kith";
    struct bytes copy = arena_bytes(&a, bytes_str(text));
    char *str = arena_str(&a, bytes_str(text));

    text[0] = 'X';
    assert_true(bytes_equal_str(copy, "kith"));
    assert_string_equal(str, "kith");
    assert_string_equal(arena_str(&a, (struct bytes){0}), "");
    assert_null(arena_bytes(&a, (struct bytes){0}).data);
    assert_string_equal(arena_printf(&a, "%s/%d", "a", 12), "a/12");
    arena_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_zeroed_and_aligned),
        cmocka_unit_test(test_larger_than_a_block),
        cmocka_unit_test(test_reserved_room_is_one_block_of_its_size),
        cmocka_unit_test(test_reset_gives_zeroed_memory_again),
        cmocka_unit_test(test_copies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
