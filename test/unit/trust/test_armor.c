#include "trust/armor.h"

#include "test.h"

#include <string.h>

static struct bytes filler(uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(i * 7);
    return bytes_of(data, len);
}

static void every_length_comes_back(void **state)
{
    (void)state;
    uint8_t data[200];

    for (size_t len = 0; len <= sizeof(data); len++) {
        struct buf text = {0}, back = {0};
        struct bytes content = filler(data, len);

        armor_write(&text, "KITH TOKEN", content);
        assert_int_equal(armor_read(&back, "KITH TOKEN", buf_bytes(&text)), 0);
        assert_true(bytes_equal(buf_bytes(&back), content));
        buf_deinit(&text);
        buf_deinit(&back);
    }
}

static void lines_are_short_and_words_around_do_not_matter(void **state)
{
    (void)state;
    uint8_t data[100];
    struct buf text = {0}, back = {0};
    struct bytes content = filler(data, sizeof(data));

    buf_str(&text, "A token, valid for an hour.\r\n\r\n");
    armor_write(&text, "KITH TOKEN", content);
    buf_str(&text, "that was it\n");
    for (char *line = strtok((char *)(uintptr_t)buf_cstr(&text), "\n"); line;
         line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 64);
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] == '\0')
            text.data[i] = '\n';
    assert_int_equal(armor_read(&back, "KITH TOKEN", buf_bytes(&text)), 0);
    assert_true(bytes_equal(buf_bytes(&back), content));
    buf_deinit(&text);
    buf_deinit(&back);
}

static int read_of(const char *text)
{
    struct buf out = {0};
    int r = armor_read(&out, "KITH TOKEN", bytes_str(text));

    assert_true(r == 0 || out.len == 0);
    buf_deinit(&out);
    return r;
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    assert_int_equal(read_of(""), ARMOR_MISSING);
    assert_int_equal(read_of("-----BEGIN KITH KEY-----\nAAAA\n-----END KITH KEY-----\n"),
                     ARMOR_MISSING);
    assert_int_equal(read_of("-----BEGIN KITH TOKEN-----"), ARMOR_CUT);
    assert_int_equal(read_of("-----BEGIN KITH TOKEN-----\nAAAA\n"), ARMOR_CUT);
    assert_int_equal(read_of("-----BEGIN KITH TOKEN-----\nAA!A\n-----END KITH TOKEN-----"),
                     ARMOR_BAD);
    assert_int_equal(read_of("-----BEGIN KITH TOKEN-----\nAAA\n-----END KITH TOKEN-----"),
                     ARMOR_BAD);
    assert_int_equal(read_of("-----BEGIN KITH TOKEN-----\nAAAA\n-----END KITH TOKEN-----"), 0);
}

static void is_bounded(void **state)
{
    (void)state;
    struct buf text = {0}, out = {0};

    buf_str(&text, "-----BEGIN X-----\n");
    for (int i = 0; i < ARMOR_MAX_BYTES / 3 + 1; i++)
        buf_str(&text, "AAAA");
    size_t content_end = text.len;

    buf_str(&text, "-----END X-----\n");
    assert_int_equal(armor_read(&out, "X", buf_bytes(&text)), ARMOR_LONG);
    text.len = content_end;
    for (int i = 0; i < ARMOR_MAX_BYTES / 4; i++)
        buf_str(&text, "AAAA");
    buf_str(&text, "-----END X-----\n");
    assert_int_equal(armor_read(&out, "X", buf_bytes(&text)), ARMOR_LONG);
    buf_deinit(&text);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_comes_back),
        cmocka_unit_test(lines_are_short_and_words_around_do_not_matter),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
