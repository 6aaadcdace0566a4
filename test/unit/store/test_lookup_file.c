#include "store/lookup_file.h"

#include "folder.h"
#include "lookups.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void what_is_put_is_found(void **state)
{
    (void)state;
    struct folder dir;

    folder_make(&dir);
    struct lookup_file *f = lookups_file(dir.path);

    lookups_put(f, "api", 3, 7);
    lookups_put(f, "idle", 0, 1);
    assert_int_equal(lookup_file_publish(f), 0);
    struct lookup_map map = lookups_map(dir.path);
    struct lookups_seen api = lookups_see(&map, "api");

    assert_int_equal(api.problem, 0);
    assert_true(api.whole);
    assert_int_equal(api.endpoints, 3);
    assert_int_equal(api.round, 7);
    assert_int_equal(lookups_see(&map, "idle").endpoints, 0);
    assert_int_equal(lookups_see(&map, "nobody").problem, LOOKUP_NONE);
    lookups_put(f, "api", 1, 8);
    assert_int_equal(lookups_see(&map, "api").round, 8);
    lookups_remove(f, "api");
    assert_true(lookups_see(&map, "api").gone);
    assert_int_equal(lookup_map_verify(&map), 0);
    lookup_map_close(&map);
    lookup_file_close(f);
    folder_remove(&dir);
}

static void the_same_again_changes_nothing(void **state)
{
    (void)state;
    struct folder dir;

    folder_make(&dir);
    struct lookup_file *f = lookups_file(dir.path);

    lookups_put(f, "api", 3, 7);
    lookups_put(f, "web", 3, 7);
    assert_int_equal(lookup_file_publish(f), 0);
    struct lookup_map map = lookups_map(dir.path);
    uint64_t api = lookups_see(&map, "api").index, web = lookups_see(&map, "web").index;

    lookups_put(f, "api", 3, 7);
    assert_true(lookups_see(&map, "api").index == api);
    lookups_put(f, "api", 3, 9);
    assert_true(lookups_see(&map, "api").index > web);
    assert_true(lookups_see(&map, "web").index == web);
    lookup_map_close(&map);
    lookup_file_close(f);
    folder_remove(&dir);
}

static void rows_that_change_size_do_not_grow_the_file(void **state)
{
    (void)state;
    struct folder dir;

    folder_make(&dir);
    struct lookup_file *f = lookups_file(dir.path);
    uint64_t generation = 0;

    assert_int_equal(lookup_file_publish(f), 0);
    for (uint32_t round = 0; round < 20000; round++) {
        char name[16];

        snprintf(name, sizeof(name), "s%u", round % 50);
        lookups_put(f, name, round % 13, round);
        if (round == 10000)
            generation = lookup_file_table(f)->map.generation;
    }
    assert_true(lookup_file_table(f)->map.generation == generation);
    lookup_file_close(f);
    folder_remove(&dir);
}

/* A reader of the former file goes on reading, is told, and finds all in the new one. */
static void growth_is_a_new_generation(void **state)
{
    (void)state;
    struct folder dir;
    char name[16];

    folder_make(&dir);
    struct lookup_file *f = lookups_file(dir.path);

    lookups_put(f, "first", 2, 1);
    assert_int_equal(lookup_file_publish(f), 0);
    struct lookup_map before = lookups_map(dir.path);

    assert_false(lookup_map_retired(&before));
    for (uint32_t i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        lookups_put(f, name, 4, i);
    }
    assert_true(lookup_map_retired(&before));
    assert_true(lookup_map_replaced(&before, folder_file(&dir, LOOKUP_FILE_NAME)));
    assert_true(lookups_see(&before, "first").whole);
    struct lookup_map after = lookups_map(dir.path);

    assert_false(lookup_map_retired(&after));
    assert_true(after.generation > before.generation);
    assert_true(lookups_see(&after, "first").index == lookups_see(&before, "first").index);
    for (uint32_t i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        assert_true(lookups_see(&after, name).whole);
        assert_int_equal(lookups_see(&after, name).round, i);
    }
    assert_int_equal(lookup_map_verify(&after), 0);
    lookup_map_close(&before);
    lookup_map_close(&after);
    lookup_file_close(f);
    folder_remove(&dir);
}

/* Names that come and go leave nothing behind: the file is as large as what there is. */
static void names_that_went_are_dropped(void **state)
{
    (void)state;
    struct folder dir;
    char name[16];

    folder_make(&dir);
    struct lookup_file *f = lookups_file(dir.path);

    assert_int_equal(lookup_file_publish(f), 0);
    for (uint32_t i = 0; i < 20000; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        lookups_put(f, name, 1, i);
        lookups_remove(f, name);
    }
    assert_true(lookup_file_table(f)->map.slots <= 2048);
    struct lookup_map map = lookups_map(dir.path);

    assert_int_equal(lookup_get(&map.words[LOOKUP_AT_SERVICES]), 0);
    lookup_map_close(&map);
    lookup_file_close(f);
    folder_remove(&dir);
}

/* The former run's file stays until all is told; what says the same keeps its index. */
static void a_restart_shows_the_former_file_until_it_is_whole(void **state)
{
    (void)state;
    struct folder dir;

    folder_make(&dir);
    struct lookup_file *f = lookups_file(dir.path);

    lookups_put(f, "same", 2, 1);
    lookups_put(f, "other", 2, 1);
    assert_int_equal(lookup_file_publish(f), 0);
    lookup_file_close(f);
    struct lookup_map before = lookups_map(dir.path);
    struct lookups_seen same = lookups_see(&before, "same"), other = lookups_see(&before, "other");

    f = lookups_file(dir.path);
    lookups_put(f, "same", 2, 1);
    assert_false(lookup_map_replaced(&before, folder_file(&dir, LOOKUP_FILE_NAME)));
    lookups_put(f, "other", 2, 5);
    assert_int_equal(lookup_file_publish(f), 0);
    assert_true(lookup_map_retired(&before));
    struct lookup_map after = lookups_map(dir.path);

    assert_true(lookups_see(&after, "same").index == same.index);
    assert_true(lookups_see(&after, "other").index > other.index);
    assert_true(lookups_see(&before, "other").round == 1);
    lookup_map_close(&before);
    lookup_map_close(&after);
    lookup_file_close(f);
    folder_remove(&dir);
}

static void a_folder_has_one_writer(void **state)
{
    (void)state;
    struct folder dir;
    struct lookup_file *second;
    struct buf why = {0};

    folder_make(&dir);
    struct lookup_file *f = lookups_file(dir.path);
    struct lookup_file_config config = {.folder = dir.path};

    assert_int_not_equal(lookup_file_open(&second, &config, &why), 0);
    assert_null(second);
    assert_non_null(strstr(buf_cstr(&why), "another kithd"));
    buf_deinit(&why);
    lookup_file_close(f);
    folder_remove(&dir);
}

static void anybody_or_a_group_may_read(void **state)
{
    (void)state;
    struct folder dir;
    struct buf why = {0};
    struct stat st;

    folder_make(&dir);
    struct lookup_file *f = lookups_file(dir.path);

    assert_int_equal(lookup_file_publish(f), 0);
    assert_int_equal(stat(folder_file(&dir, LOOKUP_FILE_NAME), &st), 0);
    assert_int_equal(st.st_mode & 07777, LOOKUP_FILE_MODE);
    lookup_file_close(f);
    struct lookup_file_config config = {.folder = dir.path, .group = "no-such-group-here"};

    assert_int_not_equal(lookup_file_open(&f, &config, &why), 0);
    assert_non_null(strstr(buf_cstr(&why), "no group"));
    config.group = "root";
    if (geteuid() == 0) {
        assert_int_equal(lookup_file_open(&f, &config, &why), 0);
        assert_int_equal(lookup_file_begin(f), 0);
        assert_int_equal(lookup_file_publish(f), 0);
        assert_int_equal(stat(folder_file(&dir, LOOKUP_FILE_NAME), &st), 0);
        assert_int_equal(st.st_mode & 07777, LOOKUP_GROUP_MODE);
        lookup_file_close(f);
    }
    buf_deinit(&why);
    folder_remove(&dir);
}

static void its_age_begins_with_the_last_beat(void **state)
{
    (void)state;
    struct folder dir;

    folder_make(&dir);
    struct lookup_file *f = lookups_file(dir.path);

    assert_int_equal(lookup_file_publish(f), 0);
    struct lookup_map map = lookups_map(dir.path);
    uint64_t *words = lookup_file_table(f)->words;

    assert_in_range(lookup_map_age_us(&map), 0, 1000000);
    words[LOOKUP_AT_BEAT_MONO_US] -= 1500000;
    assert_in_range(lookup_map_age_us(&map), 1400000, 1999999);
    words[LOOKUP_AT_BEAT_MONO_US] -= 1500000; /* and the host has slept since */
    words[LOOKUP_AT_BEAT_BOOT_US] -= 90000000;
    assert_in_range(lookup_map_age_us(&map), 90000000, 91000000);
    words[LOOKUP_AT_BEAT_WALL_US] -= 7000000;
    map.by_wall = true;
    assert_in_range(lookup_map_age_us(&map), 7000000, 8000000);
    lookup_file_beat(f);
    assert_in_range(lookup_map_age_us(&map), 0, 1000000);
    lookup_map_close(&map);
    lookup_file_close(f);
    folder_remove(&dir);
}

/* Where it cannot be read it says nothing of what is, and indices begin above any of its. */
static void a_file_of_another_version_is_replaced(void **state)
{
    (void)state;
    struct folder dir;
    struct lookup_map map;

    folder_make(&dir);
    struct lookup_file *f = lookups_file(dir.path);

    assert_int_equal(lookup_file_former_problem(f), LOOKUP_ABSENT);
    lookups_put(f, "api", 2, 1);
    assert_int_equal(lookup_file_publish(f), 0);
    struct lookup_map before = lookups_map(dir.path);
    uint64_t index = lookups_see(&before, "api").index;

    lookup_file_table(f)->words[LOOKUP_AT_VERSION] = LOOKUP_VERSION + 1;
    lookup_file_close(f);
    assert_int_equal(lookup_map_open(&map, folder_file(&dir, LOOKUP_FILE_NAME)), LOOKUP_VERSION_);
    f = lookups_file(dir.path);
    assert_int_equal(lookup_file_former_problem(f), LOOKUP_VERSION_);
    lookups_put(f, "api", 2, 1);
    assert_int_equal(lookup_map_open(&map, folder_file(&dir, LOOKUP_FILE_NAME)), LOOKUP_VERSION_);
    assert_int_equal(lookup_file_publish(f), 0);
    map = lookups_map(dir.path);
    assert_true(lookups_see(&map, "api").whole);
    assert_true(lookups_see(&map, "api").index > index);
    lookup_map_close(&map);
    lookup_map_close(&before);
    lookup_file_close(f);
    f = lookups_file(dir.path);
    assert_int_equal(lookup_file_former_problem(f), 0);
    lookup_file_close(f);
    folder_remove(&dir);
}

/* docs/lookup-file.md tells it to readers in other languages. */
static void the_hash_is_the_documented_one(void **state)
{
    (void)state;
    assert_true(lookup_hash("default", 7, "api", 3) == UINT64_C(0x8559fa4f3ab39794));
    assert_true(lookup_hash("", 0, "ab", 2) != lookup_hash("a", 1, "b", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_found),
        cmocka_unit_test(the_same_again_changes_nothing),
        cmocka_unit_test(rows_that_change_size_do_not_grow_the_file),
        cmocka_unit_test(growth_is_a_new_generation),
        cmocka_unit_test(names_that_went_are_dropped),
        cmocka_unit_test(a_restart_shows_the_former_file_until_it_is_whole),
        cmocka_unit_test(a_folder_has_one_writer),
        cmocka_unit_test(anybody_or_a_group_may_read),
        cmocka_unit_test(a_file_of_another_version_is_replaced),
        cmocka_unit_test(the_hash_is_the_documented_one),
        cmocka_unit_test(its_age_begins_with_the_last_beat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
