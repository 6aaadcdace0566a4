#include "test.h"

#include "shell/procenv.h"
#include <string.h>

static void the_data_folder_is_put_in_wherever_it_is_named(void **state)
{
    (void)state;
    struct arena mem = {0};
    struct bytes b = procenv_resolve(&mem, bytes_str("--dir=${data}/x:${data}${dat"), "/d");
    assert_true(bytes_equal_str(b, "--dir=/d/x:/d${dat"));
    arena_deinit(&mem);
}

static void names_that_climb_are_no_folders(void **state)
{
    (void)state;
    struct arena mem = {0};
    struct bytes ok = bytes_str("api"), slot = bytes_str("0");
    assert_string_equal(procenv_data_dir(&mem, "/d", ok, slot), "/d/data/api/0");
    assert_null(procenv_data_dir(&mem, "/d", bytes_str("../etc"), slot));
    assert_null(procenv_data_dir(&mem, "/d", ok, bytes_str("..")));
    assert_null(procenv_data_dir(&mem, "/d", ok, bytes_str("")));
    assert_null(procenv_data_dir(&mem, "/d", bytes_str("a/b"), slot));
    arena_deinit(&mem);
}

static void a_process_gets_its_own_values_and_the_marker(void **state)
{
    (void)state;
    struct arena mem = {0};
    struct bytes argv[] = {bytes_str("run"), bytes_str("${data}")};
    struct pair env[] = {{bytes_str("PATH"), bytes_str("/mine")},
                         {bytes_str("KITH_INSTANCE"), bytes_str("forged")}};
    struct run_intent in = {.instance = {{1}}, .data_dir = bytes_str("/d")};
    procenv_fill(&in, &mem, argv, 2, env, 2);
    assert_true(bytes_equal_str(in.argv[1], "/d"));
    int markers = 0, paths = 0;
    for (uint32_t i = 0; i < in.env_n; i++) {
        if (bytes_equal_str(in.env[i].key, "KITH_INSTANCE")) {
            markers++;
            assert_true(bytes_equal_str(in.env[i].value, ulid_text(&in.instance).s));
        }
        if (bytes_equal_str(in.env[i].key, "PATH")) {
            paths++;
            assert_true(bytes_equal_str(in.env[i].value, "/mine"));
        }
    }
    assert_int_equal(markers, 1);
    assert_int_equal(paths, 1);
    arena_deinit(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_data_folder_is_put_in_wherever_it_is_named),
        cmocka_unit_test(names_that_climb_are_no_folders),
        cmocka_unit_test(a_process_gets_its_own_values_and_the_marker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
