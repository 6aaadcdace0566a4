/* ./program in a service file is the one beside it. */
#include "cmd/kith_beside.h"

#include "test.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void programs_lie_beside_their_file(void **state)
{
    struct arena mem = {0};
    char root[PATH_MAX];
    const struct bytes near[] = {bytes_str("./bin/x"), bytes_str("./not-a-program")};
    const struct bytes up[] = {bytes_str("../y")};
    const struct bytes far[] = {bytes_str("/usr/bin/sleep")};
    struct service_spec specs[] = {{.argv = near, .argv_n = 2, .check = {.argv = up, .argv_n = 1}},
                                   {.argv = far, .argv_n = 1}};
    struct service_file file = {.specs = specs, .count = 2};
    (void)state;

    assert_non_null(realpath(KITH_SOURCE_ROOT "/deploy/examples", root));
    beside_resolve(&file, KITH_SOURCE_ROOT "/deploy/examples/shop.yaml", &mem);
    assert_true(bytes_equal_str(file.specs[0].argv[0], arena_printf(&mem, "%s/bin/x", root)));
    assert_true(bytes_equal_str(file.specs[0].argv[1], "./not-a-program"));
    assert_true(bytes_equal_str(file.specs[0].check.argv[0], arena_printf(&mem, "%s/../y", root)));
    assert_true(bytes_equal_str(file.specs[1].argv[0], "/usr/bin/sleep"));
    assert_true(bytes_equal_str(specs[0].argv[0], "./bin/x"));
    arena_deinit(&mem);
}

static void a_folder_that_is_not_there_changes_nothing(void **state)
{
    struct arena mem = {0};
    const struct bytes argv[] = {bytes_str("./x")};
    struct service_spec specs[] = {{.argv = argv, .argv_n = 1}};
    struct service_file file = {.specs = specs, .count = 1};
    (void)state;
    beside_resolve(&file, "/no/such/folder/x.yaml", &mem);
    assert_true(bytes_equal_str(file.specs[0].argv[0], "./x"));
    arena_deinit(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_lie_beside_their_file),
        cmocka_unit_test(a_folder_that_is_not_there_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
