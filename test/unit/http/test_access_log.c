#include "http/access_log.h"

#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void a_line_has_no_token_and_is_one_line(void **state)
{
    (void)state;
    const struct access a = {.client = "127.0.0.1",
                             .method = "PUT",
                             .target = "/v1/x?token=secret&dc=a\"b\n&mytoken=1&token=more",
                             .status = 200,
                             .bytes = 12,
                             .took_us = 1000042};
    struct buf out = {0};

    access_log_line(&out, &a, 0);
    assert_string_equal(
        buf_cstr(&out),
        "127.0.0.1 - - [01/Jan/1970:00:00:00 +0000] "
        "\"PUT /v1/x?token=-&dc=a%22b%0A&mytoken=1&token=- HTTP/1.1\" 200 12 1.000042\n");
    buf_reset(&out);
    access_log_line(
        &out, &(struct access){.client = "::1", .method = "GET", .target = "/", .token = true}, 0);
    assert_int_equal(strncmp(buf_cstr(&out), "::1 - token [", 13), 0);
    buf_deinit(&out);
}

static void lines_are_appended_and_flushed(void **state)
{
    (void)state;
    char path[] = "/tmp/kith-access-XXXXXX", text[512] = "";
    const struct access a = {.client = "::1", .method = "GET", .target = "/", .status = 404};
    struct buf why = {0};
    int fd = mkstemp(path);

    assert_true(fd >= 0 && write(fd, "before\n", 7) == 7);
    struct access_log *l = access_log_open(path, &why);

    assert_non_null(l);
    access_log_add(l, &a);
    access_log_flush(l);
    assert_true(pread(fd, text, sizeof(text) - 1, 0) > 7);
    assert_int_equal(strncmp(text, "before\n::1 - - [", 16), 0);
    access_log_close(l);
    assert_null(access_log_open("/nowhere/at/all", &why));
    assert_non_null(strstr(buf_cstr(&why), "/nowhere/at/all"));
    buf_deinit(&why);
    close(fd);
    unlink(path);
}

static off_t size_of(const char *path)
{
    struct stat is;

    return stat(path, &is) == 0 ? is.st_size : -1;
}

static void the_file_is_bounded_and_opened_anew_when_told(void **state)
{
    (void)state;
    char folder[] = "/tmp/kith-access-XXXXXX", path[64], before[64], moved[64];
    const struct access a = {.client = "::1", .method = "GET", .target = "/", .status = 200};
    struct buf why = {0};

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/log", folder);
    snprintf(before, sizeof(before), "%s/log.1", folder);
    snprintf(moved, sizeof(moved), "%s/moved", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0 && ftruncate(fd, ACCESS_LOG_MAX - 1) == 0);
    close(fd);
    struct access_log *l = access_log_open(path, &why);

    access_log_add(l, &a);
    access_log_flush(l); /* over its bound */
    assert_true(size_of(before) > (off_t)ACCESS_LOG_MAX);
    assert_int_equal(size_of(path), 0);
    access_log_add(l, &a);
    assert_int_equal(rename(path, moved), 0);
    access_log_reopen(l);
    assert_true(size_of(moved) > 0); /* what was told before is there */
    assert_int_equal(size_of(path), 0);
    access_log_add(l, &a);
    access_log_close(l);
    assert_int_equal(size_of(path), size_of(moved));
    unlink(path);
    unlink(before);
    unlink(moved);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_no_token_and_is_one_line),
        cmocka_unit_test(lines_are_appended_and_flushed),
        cmocka_unit_test(the_file_is_bounded_and_opened_anew_when_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
