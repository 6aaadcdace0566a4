#include "store/redo.h"

#include "base/mem.h"
#include "folder.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE_ID 77u

struct log {
    struct folder folder;
    struct redo redo;
};

static void log_make(struct log *l)
{
    folder_make(&l->folder);
    assert_int_equal(redo_open(&l->redo, folder_file(&l->folder, "redo")), 0);
}

static void log_remove(struct log *l)
{
    redo_close(&l->redo);
    folder_remove(&l->folder);
}

static int append(struct log *l, uint64_t number, const char *key, const char *value)
{
    struct store_write w = {.key = bytes_str(key), .value = bytes_str(value)};
    struct effect_store batch = {.writes = &w, .writes_n = 1};
    const struct effect_store *batches[] = {&batch};

    return redo_append(&l->redo, STORE_ID, number, batches, 1);
}

/* "a=1 b=2": what is read beyond `after`. */
static const char *content(struct log *l, uint64_t after)
{
    static char text[4096];
    struct redo_content c;
    size_t at = 0;

    assert_int_equal(redo_read(&l->redo, STORE_ID, after, &c), 0);
    text[0] = '\0';
    for (size_t i = 0; i < c.writes_n; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s" BYTES_FMT "=" BYTES_FMT,
                               i ? " " : "", BYTES_ARG(c.writes[i].key),
                               BYTES_ARG(c.writes[i].value));
    redo_content_deinit(&c);
    return text;
}

static void entries_are_read_in_order_beyond_a_number(void **state)
{
    (void)state;
    struct log l;

    log_make(&l);
    assert_string_equal(content(&l, 0), "");
    assert_int_equal(append(&l, 5, "a", "1"), 0);
    assert_int_equal(append(&l, 6, "b", "2"), 0);
    assert_int_equal(append(&l, 7, "a", "3"), 0);
    assert_string_equal(content(&l, 0), "a=1 b=2 a=3");
    assert_string_equal(content(&l, 6), "a=3");
    assert_string_equal(content(&l, 7), "");
    log_remove(&l);
}

/* Shorter entries over longer ones: what stands behind them is of the former use. */
static void what_the_file_held_before_is_not_read_again(void **state)
{
    (void)state;
    struct log l;
    char key[16];

    log_make(&l);
    for (uint64_t n = 1; n <= 50; n++) {
        snprintf(key, sizeof(key), "old%u", (unsigned)n);
        assert_int_equal(append(&l, n, key, "a value of some length"), 0);
    }
    redo_rewind(&l.redo);
    assert_int_equal(append(&l, 51, "x", "1"), 0);
    assert_int_equal(append(&l, 52, "y", "2"), 0);
    assert_string_equal(content(&l, 0), "x=1 y=2");
    log_remove(&l);
}

/* Every byte of the last entry wrong in turn, and every length that it could have been cut to. */
static void a_torn_entry_is_none(void **state)
{
    (void)state;
    struct log l;

    log_make(&l);
    assert_int_equal(append(&l, 1, "a", "first"), 0);
    uint64_t from = l.redo.end;
    const char *path = folder_file(&l.folder, "redo");

    assert_int_equal(append(&l, 2, "b", "second"), 0);
    uint64_t len =
        4 * sizeof(uint64_t) + 9 + 1 + 6; /* head, row's head, key, value; then only filling */
    int fd = open(path, O_RDWR);

    for (uint64_t at = from; at < from + len; at++) {
        uint8_t byte, wrong;

        assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
        wrong = byte ^ 0x40;
        assert_int_equal(pwrite(fd, &wrong, 1, (off_t)at), 1);
        assert_string_equal(content(&l, 0), "a=first");
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    }
    assert_string_equal(content(&l, 0), "a=first b=second");
    for (uint64_t at = from; at < from + len; at++) {
        assert_int_equal(ftruncate(fd, (off_t)(from + len)), 0);
        assert_int_equal(ftruncate(fd, (off_t)at), 0);
        assert_string_equal(content(&l, 0), "a=first");
        assert_int_equal(ftruncate(fd, (off_t)(from + len)), 0);
    }
    close(fd);
    log_remove(&l);
}

static void entries_of_another_store_are_not_read(void **state)
{
    (void)state;
    struct log l;
    struct redo_content c;

    log_make(&l);
    assert_int_equal(append(&l, 1, "a", "1"), 0);
    assert_int_equal(redo_read(&l.redo, STORE_ID + 1, 0, &c), 0);
    assert_int_equal(c.writes_n, 0);
    assert_int_equal(c.last, 0);
    redo_content_deinit(&c);
    log_remove(&l);
}

static void a_gap_in_the_numbers_ends_the_reading(void **state)
{
    (void)state;
    struct log l;

    log_make(&l);
    assert_int_equal(append(&l, 1, "a", "1"), 0);
    assert_int_equal(append(&l, 3, "b", "2"), 0);
    assert_string_equal(content(&l, 0), "a=1");
    log_remove(&l);
}

static void sorted_each_key_stands_once_with_its_last_value(void **state)
{
    (void)state;
    struct store_write one[] = {{.key = bytes_str("b"), .value = bytes_str("1")},
                                {.local = true, .key = bytes_str("a"), .value = bytes_str("2")},
                                {.key = bytes_str("ab"), .value = bytes_str("3")},
                                {.key = bytes_str("a"), .value = bytes_str("4")}};
    struct store_write two[] = {{.key = bytes_str("b"), .value = {0}},
                                {.key = bytes_str("a"), .value = bytes_str("5")}};
    struct redo_content contents[] = {{.writes = one, .writes_n = 4},
                                      {.writes = two, .writes_n = 2}};
    struct store_write *sorted;

    assert_int_equal(redo_sorted(contents, 2, &sorted), 4);
    assert_true(bytes_equal_str(sorted[0].key, "a") && bytes_equal_str(sorted[0].value, "5"));
    assert_true(bytes_equal_str(sorted[1].key, "ab"));
    assert_true(bytes_equal_str(sorted[2].key, "b") && sorted[2].value.len == 0);
    assert_true(sorted[3].local);
    mem_free(sorted);
}

/* A file that was used before costs a sync no change of its length. */
static void the_file_grows_in_steps(void **state)
{
    (void)state;
    struct log l;
    struct stat st;

    log_make(&l);
    for (uint64_t n = 1; n <= 100; n++)
        assert_int_equal(append(&l, n, "key", "value"), 0);
    assert_int_equal(fstat(l.redo.fd, &st), 0);
    assert_int_equal(st.st_size, REDO_STEP);
    log_remove(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_read_in_order_beyond_a_number),
        cmocka_unit_test(what_the_file_held_before_is_not_read_again),
        cmocka_unit_test(a_torn_entry_is_none),
        cmocka_unit_test(entries_of_another_store_are_not_read),
        cmocka_unit_test(a_gap_in_the_numbers_ends_the_reading),
        cmocka_unit_test(sorted_each_key_stands_once_with_its_last_value),
        cmocka_unit_test(the_file_grows_in_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
