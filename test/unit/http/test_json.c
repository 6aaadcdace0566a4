#include "http/json.h"

#include "test.h"

#include <jansson.h>

static void commas_come_by_themselves(void **state)
{
    (void)state;
    struct buf out = {0};
    const struct bytes texts[] = {bytes_str("x"), bytes_str("y")};
    const struct pair pairs[] = {{bytes_str("k"), bytes_str("v")},
                                 {bytes_str("l"), bytes_str("w")}};

    json_open(&out, '{');
    json_unsigned_of(&out, "big", UINT64_MAX);
    json_name(&out, "less");
    json_number(&out, INT64_MIN);
    json_bool_of(&out, "yes", true);
    json_texts_of(&out, "none", NULL, 0);
    json_texts_of(&out, "two", texts, 2);
    json_pairs_of(&out, "map", pairs, 2);
    json_name(&out, "list");
    json_open(&out, '[');
    json_open(&out, '{');
    json_close(&out, '}');
    json_open(&out, '[');
    json_close(&out, ']');
    json_text(&out, bytes_str("{"));
    json_text(&out, bytes_str(","));
    json_close(&out, ']');
    json_close(&out, '}');
    assert_string_equal(buf_cstr(&out),
                        "{\"big\":18446744073709551615,\"less\":-9223372036854775808,\"yes\":true,"
                        "\"none\":[],\"two\":[\"x\",\"y\"],\"map\":{\"k\":\"v\",\"l\":\"w\"},"
                        "\"list\":[{},[],\"{\",\",\"]}");
    buf_deinit(&out);
}

/* What jansson reads back is what was written. */
static void every_character_survives(void **state)
{
    (void)state;
    struct buf text = {0}, out = {0};

    for (unsigned c = 1; c < 0x80; c++)
        buf_byte(&text, (uint8_t)c);
    buf_str(&text, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x99");
    json_text(&out, buf_bytes(&text));
    json_t *back = json_loadb((const char *)out.data, out.len, JSON_DECODE_ANY, NULL);

    assert_non_null(back);
    assert_int_equal(json_string_length(back), text.len);
    assert_memory_equal(json_string_value(back), text.data, text.len);
    for (size_t i = 0; i < out.len; i++)
        assert_true(out.data[i] >= 0x20);
    json_decref(back);
    buf_deinit(&text);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_come_by_themselves),
        cmocka_unit_test(every_character_survives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
