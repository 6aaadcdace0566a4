#include "base/buf.h"

#include "test.h"

static void test_grows_by_every_kind_of_append(void **state)
{
    (void)state;
    struct buf b = {0};

    buf_append(&b, "ab", 2);
    buf_append(&b, NULL, 0);
    buf_byte(&b, 'c');
    buf_str(&b, "def");
    buf_printf(&b, "%d-%s", 7, "x");
    assert_string_equal(buf_cstr(&b), "abcdef7-x");
    assert_int_equal(b.len, 9); /* the NUL does not count */
    assert_true(bytes_equal_str(buf_bytes(&b), "abcdef7-x"));
    buf_deinit(&b);
    assert_null(b.data);
}

static void test_long_content(void **state)
{
    (void)state;
    struct buf b = {0};

    for (int i = 0; i < 10000; i++)
        buf_printf(&b, "%04d", i);
    assert_int_equal(b.len, 40000);
    assert_memory_equal(b.data + 4 * 1234, "1234", 4);
    buf_deinit(&b);
}

static void test_reset_keeps_the_memory(void **state)
{
    (void)state;
    struct buf b = {0};

    buf_reserve(&b, 1000);
    uint8_t *data = b.data;

    buf_str(&b, "old");
    buf_reset(&b);
    buf_str(&b, "new");
    assert_ptr_equal(b.data, data);
    assert_string_equal(buf_cstr(&b), "new");
    buf_deinit(&b);
}

static void test_empty(void **state)
{
    (void)state;
    struct buf b = {0};

    assert_int_equal(buf_bytes(&b).len, 0);
    assert_string_equal(buf_cstr(&b), "");
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_by_every_kind_of_append),
        cmocka_unit_test(test_long_content),
        cmocka_unit_test(test_reset_keeps_the_memory),
        cmocka_unit_test(test_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
