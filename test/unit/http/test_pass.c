#include "http/pass.h"

#include "store/file.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void a_token_is_made_once_and_is_the_owners_alone(void **state)
{
    (void)state;
    char folder[] = "/tmp/kith-pass-XXXXXX", path[64];
    struct buf first = {0}, again = {0}, why = {0};
    struct stat st;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/" PASS_FILE, folder);
    assert_int_equal(pass_open(folder, &first, &why), 0);
    assert_int_equal(first.len, 2 * PASS_BYTES);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(pass_open(folder, &again, &why), 0);
    assert_true(bytes_equal(buf_bytes(&first), buf_bytes(&again)));
    buf_reset(&again);
    assert_int_equal(file_write(path, bytes_str("short\n"), 0600), 0);
    assert_int_equal(pass_open(folder, &again, &why), 1);
    assert_non_null(strstr(buf_cstr(&why), "16 to 1024"));
    buf_reset(&again);
    assert_int_equal(file_write(path, bytes_str("a token of my own\n"), 0600), 0);
    assert_int_equal(pass_open(folder, &again, &why), 1); /* a blank is no part of one */
    buf_reset(&again);
    assert_int_equal(file_write(path, bytes_str("a-token-of-my-own\n"), 0600), 0);
    assert_int_equal(pass_open(folder, &again, &why), 0);
    assert_true(bytes_equal_str(buf_bytes(&again), "a-token-of-my-own"));
    unlink(path);
    rmdir(folder);
    buf_deinit(&first);
    buf_deinit(&again);
    buf_deinit(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_made_once_and_is_the_owners_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
