#include "test.h"

#include "rig.h"
#include "shell/rundir.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void files_are_replaced_as_a_whole_and_cleaned(void **state)
{
    (void)state;
    char *dir = rig_folder();
    struct arena mem = {0};
    struct run_exit e = {.status = -9, .ended_ms = 5}, got;
    struct buf out = {0};
    run_exit_encode(&out, &e);
    assert_false(rundir_exit(dir, &got));
    assert_int_equal(rundir_write(dir, "exit", bytes_str("cut of"), true), 0);
    assert_false(rundir_exit(dir, &got));
    assert_int_equal(rundir_write(dir, "exit", buf_bytes(&out), true), 0);
    assert_true(rundir_exit(dir, &got));
    assert_int_equal(got.status, -9);
    rundir_clean(dir);
    assert_false(rundir_exit(dir, &got));
    assert_int_equal(rundir_read(dir, "exit", &mem).len, 0);
    rundir_remove(dir);
    assert_int_equal(access(dir, F_OK), -1);
    buf_deinit(&out);
    arena_deinit(&mem);
    free(dir);
}

static void one_holds_the_lock(void **state)
{
    (void)state;
    char *dir = rig_folder();
    int fd = rundir_lock(dir);
    assert_true(fd >= 0);
    assert_int_equal(rundir_lock(dir), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    close(fd);
    fd = rundir_lock(dir);
    assert_true(fd >= 0);
    close(fd);
    rig_remove(dir);
    free(dir);
}

static void a_path_too_long_is_refused(void **state)
{
    (void)state;
    static char dir[RUNDIR_PATH_MAX];
    char out[RUNDIR_PATH_MAX];
    memset(dir, 'x', sizeof dir - 1);
    assert_false(rundir_path(out, dir, "intent", NULL));
    assert_int_equal(rundir_write(dir, "intent", bytes_str("x"), false), 1);
    assert_int_equal(rundir_lock(dir), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_replaced_as_a_whole_and_cleaned),
        cmocka_unit_test(one_holds_the_lock),
        cmocka_unit_test(a_path_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
