#include "base/mem.h"

#include "test.h"

#include <string.h>

static void test_alloc_is_zeroed_and_never_null(void **state)
{
    (void)state;
    char *p = mem_alloc(64);
    char *nothing = mem_alloc(0);

    for (int i = 0; i < 64; i++)
        assert_int_equal(p[i], 0);
    assert_non_null(nothing);
    mem_free(p);
    mem_free(nothing);
    mem_free(NULL);
}

static void test_grow_keeps_what_was_there(void **state)
{
    (void)state;
    int *items = mem_grow(NULL, 1, sizeof(*items));

    items[0] = 42;
    items = mem_grow(items, 1000, sizeof(*items));
    assert_int_equal(items[0], 42);
    items[999] = 1;
    items = mem_grow(items, 0, sizeof(*items));
    assert_non_null(items);
    mem_free(items);
}

static void test_copies(void **state)
{
    (void)state;
    char *s = mem_str("kith");
    char *part = mem_copy("abcdef", 3);

    assert_string_equal(s, "kith");
    assert_memory_equal(part, "abc", 3);
    assert_null(mem_copy("", 0));
    mem_free(s);
    mem_free(part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_is_zeroed_and_never_null),
        cmocka_unit_test(test_grow_keeps_what_was_there),
        cmocka_unit_test(test_copies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
