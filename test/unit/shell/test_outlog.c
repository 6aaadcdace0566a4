#include "test.h"

#include "rig.h"
#include "shell/outlog.h"
#include <stdlib.h>
#include <string.h>

struct where {
    uint64_t offset, next;
};

static struct where read_at(const char *dir, uint64_t offset, uint64_t tail, struct buf *out)
{
    struct where w = {0};
    buf_reset(out);
    assert_int_equal(outlog_read(dir, offset, tail, out, &w.offset, &w.next), 0);
    return w;
}

static void what_was_written_is_read_by_its_place(void **state)
{
    (void)state;
    char *dir = rig_folder();
    struct buf out = {0};
    struct outlog *o = outlog_open(dir, 10, 100);
    outlog_write(o, "0123456789abcdefghijABCDE", 25);
    struct where w = read_at(dir, 0, 0, &out);
    assert_int_equal(w.offset, 0);
    assert_int_equal(w.next, 25);
    assert_true(bytes_equal_str(buf_bytes(&out), "0123456789abcdefghijABCDE"));
    w = read_at(dir, 8, 0, &out);
    assert_int_equal(w.offset, 8);
    assert_true(bytes_equal_str(buf_bytes(&out), "89abcdefghijABCDE"));
    w = read_at(dir, 0, 3, &out);
    assert_int_equal(w.offset, 22);
    assert_true(bytes_equal_str(buf_bytes(&out), "CDE"));
    w = read_at(dir, 25, 0, &out);
    assert_int_equal(w.offset, 25);
    assert_int_equal(w.next, 25);
    outlog_close(o);
    buf_deinit(&out);
    rig_remove(dir);
    free(dir);
}

static void old_files_go_and_reading_goes_on_behind_them(void **state)
{
    (void)state;
    char *dir = rig_folder();
    struct buf out = {0};
    struct outlog *o = outlog_open(dir, 10, 2);
    outlog_write(o, "0123456789abcdefghijABCDE", 25);
    struct where w = read_at(dir, 3, 0, &out);
    assert_int_equal(w.offset, 10);
    assert_int_equal(w.next, 25);
    assert_true(bytes_equal_str(buf_bytes(&out), "abcdefghijABCDE"));
    outlog_close(o);

    /* A restarted process goes on where the former one stopped. */
    o = outlog_open(dir, 10, 2);
    outlog_write(o, "!", 1);
    w = read_at(dir, 24, 0, &out);
    assert_true(bytes_equal_str(buf_bytes(&out), "E!"));
    assert_int_equal(w.next, 26);
    outlog_close(o);
    buf_deinit(&out);
    rig_remove(dir);
    free(dir);
}

static void one_answer_is_bounded(void **state)
{
    (void)state;
    char *dir = rig_folder();
    struct buf out = {0};
    char *much = calloc(1, 1 << 20);
    struct outlog *o = outlog_open(dir, 100000, 100);
    outlog_write(o, much, 1 << 20);
    struct where w = read_at(dir, 1, 0, &out);
    assert_int_equal(w.next - w.offset, OUTLOG_READ_MAX);
    w = read_at(dir, 0, 1 << 20, &out);
    assert_int_equal(w.next, 1 << 20);
    assert_int_equal(out.len, OUTLOG_READ_MAX);
    outlog_close(o);
    free(much);
    buf_deinit(&out);
    rig_remove(dir);
    free(dir);
}

static void no_output_is_told(void **state)
{
    (void)state;
    char *dir = rig_folder();
    struct buf out = {0};
    uint64_t offset, next;
    assert_int_equal(outlog_read(dir, 0, 0, &out, &offset, &next), 1);
    assert_int_equal(outlog_read("/no/such/folder", 0, 0, &out, &offset, &next), 1);
    assert_null(outlog_open("/no/such/folder", 10, 2));
    rig_remove(dir);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_by_its_place),
        cmocka_unit_test(old_files_go_and_reading_goes_on_behind_them),
        cmocka_unit_test(one_answer_is_bounded),
        cmocka_unit_test(no_output_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
