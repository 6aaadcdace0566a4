#include "wire/text.h"

#include "test.h"

#include <string.h>

static bool ok(const char *text)
{
    return wire_text_ok(bytes_str(text));
}

static void utf8_is_text(void **state)
{
    (void)state;
    assert_true(ok(""));
    assert_true(ok("redis"));
    assert_true(ok("Zürich 漢字 🍺"));
    assert_true(ok("\xed\x9f\xbf"));     /* U+D7FF, the last before the surrogates */
    assert_true(ok("\xee\x80\x80"));     /* U+E000, the first after them */
    assert_true(ok("\xf4\x8f\xbf\xbf")); /* U+10FFFF */
}

static void everything_else_is_not(void **state)
{
    (void)state;
    assert_false(ok("\x80"));             /* a continuation without a start */
    assert_false(ok("\xc0\xaf"));         /* '/' in two bytes */
    assert_false(ok("\xe0\x80\xaf"));     /* in three */
    assert_false(ok("\xf0\x80\x80\xaf")); /* in four */
    assert_false(ok("\xed\xa0\x80"));     /* a surrogate */
    assert_false(ok("\xf4\x90\x80\x80")); /* over U+10FFFF */
    assert_false(ok("\xf5\x80\x80\x80"));
    assert_false(ok("\xff"));
    assert_false(ok("\xc3"));
    assert_false(ok("\xe6\xbc"));
    assert_false(ok("\xf0\x9f\x8d"));
    assert_false(ok("a\xc3z"));
    assert_false(ok("\xe6z\x80"));
    assert_false(wire_text_ok(bytes_of("a\0b", 3)));
}

static void one_wrong_byte_anywhere_is_seen(void **state)
{
    (void)state;
    char text[] = "twenty-three bytes long";

    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        char right = text[i];

        assert_true(wire_text_ok(bytes_of(text, sizeof(text) - 1)));
        text[i] = '\0';
        assert_false(wire_text_ok(bytes_of(text, sizeof(text) - 1)));
        text[i] = '\x80';
        assert_false(wire_text_ok(bytes_of(text, sizeof(text) - 1)));
        text[i] = '\x7f';
        assert_true(wire_text_ok(bytes_of(text, sizeof(text) - 1)));
        text[i] = right;
    }
}

static void clipping_keeps_characters_whole(void **state)
{
    (void)state;
    struct bytes beer = bytes_str("a🍺");

    assert_int_equal(wire_text_clip(beer, 100).len, 5);
    assert_int_equal(wire_text_clip(beer, 5).len, 5);
    assert_int_equal(wire_text_clip(beer, 4).len, 1);
    assert_int_equal(wire_text_clip(beer, 1).len, 1);
    assert_int_equal(wire_text_clip(beer, 0).len, 0);
}

static void any_bytes_become_text(void **state)
{
    (void)state;
    struct arena mem = {0};
    uint8_t all[256];

    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    assert_true(wire_text_ok(wire_text_make(&mem, bytes_of(all, 256), 10000)));
    struct bytes made = wire_text_make(&mem, bytes_str("ok \xff!"), 100);
    assert_true(bytes_equal_str(made, "ok \xef\xbf\xbd!"));
    assert_true(bytes_equal_str(wire_text_make(&mem, bytes_str("ok \xff!"), 5), "ok "));
    assert_true(bytes_equal_str(wire_text_make(&mem, bytes_str("漢字"), 5), "漢"));
    arena_deinit(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_text),
        cmocka_unit_test(everything_else_is_not),
        cmocka_unit_test(one_wrong_byte_anywhere_is_seen),
        cmocka_unit_test(clipping_keeps_characters_whole),
        cmocka_unit_test(any_bytes_become_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
