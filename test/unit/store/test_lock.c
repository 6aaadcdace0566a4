#include "store/lock.h"

#include "folder.h"
#include "test.h"

#include <errno.h>
#include <unistd.h>

static void one_holder_at_a_time(void **state)
{
    (void)state;
    struct folder f;
    int fd = -1, other = -1;
    long pid = 0;

    folder_make(&f);
    const char *path = folder_file(&f, "pid");

    assert_int_equal(lock_take(&fd, path, &pid), 0);
    assert_int_equal(lock_take(&other, path, &pid), LOCK_HELD);
    assert_int_equal(pid, getpid());
    close(fd);
    assert_int_equal(lock_take(&other, path, &pid), 0);
    close(other);
    folder_remove(&f);
}

static void a_missing_folder_is_an_error(void **state)
{
    (void)state;
    int fd;
    long pid;

    assert_int_equal(lock_take(&fd, "/nonexistent/pid", &pid), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_holder_at_a_time),
        cmocka_unit_test(a_missing_folder_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
