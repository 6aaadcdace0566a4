#include "store/identity.h"

#include "folder.h"
#include "test.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW_MS INT64_C(1790000000000)

static void a_node_stays_who_it_is(void **state)
{
    (void)state;
    struct folder f;
    struct identity first, again;
    struct buf why = {0};
    struct stat st;

    folder_make(&f);
    assert_int_equal(identity_open(&first, folder_file(&f, "data"), NOW_MS, &why), 0);
    assert_true(ulid_ms(&first.id) == NOW_MS);
    assert_false(key32_is_zero(&first.seed));
    assert_int_equal(identity_open(&again, folder_file(&f, "data"), NOW_MS + 5, &why), 0);
    assert_true(ulid_equal(&first.id, &again.id));
    assert_int_equal(key32_compare(&first.seed, &again.seed), 0);
    assert_int_equal(stat(folder_file(&f, "data/identity"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(why.len, 0);
    folder_remove(&f);
}

static void two_nodes_are_two(void **state)
{
    (void)state;
    struct folder f;
    struct identity a, b;
    struct buf why = {0};

    folder_make(&f);
    assert_int_equal(identity_open(&a, folder_file(&f, "a"), NOW_MS, &why), 0);
    assert_int_equal(identity_open(&b, folder_file(&f, "b"), NOW_MS, &why), 0);
    assert_false(ulid_equal(&a.id, &b.id));
    assert_int_not_equal(key32_compare(&a.seed, &b.seed), 0);
    folder_remove(&f);
}

static void a_damaged_identity_is_never_replaced(void **state)
{
    (void)state;
    struct folder f;
    struct identity id;
    struct buf why = {0};

    folder_make(&f);
    folder_put(&f, "identity",
               "-----BEGIN KITH IDENTITY-----\nAAAA\n-----END KITH IDENTITY-----\n");
    assert_int_equal(identity_open(&id, f.path, NOW_MS, &why), IDENTITY_FOREIGN);
    assert_non_null(strstr(buf_cstr(&why), "identity"));
    folder_put(&f, "identity", "");
    assert_int_equal(identity_open(&id, f.path, NOW_MS, &why), IDENTITY_FOREIGN);
    buf_deinit(&why);
    folder_remove(&f);
}

static void what_cannot_be_read_or_written_is_said(void **state)
{
    (void)state;
    struct folder f;
    struct identity id;
    struct buf why = {0};

    folder_make(&f);
    folder_put(&f, "plain", "");
    assert_int_equal(identity_open(&id, folder_file(&f, "plain/data"), NOW_MS, &why),
                     IDENTITY_UNREADABLE);
    assert_int_equal(identity_open(&id, "/proc/kith", NOW_MS, &why), IDENTITY_UNWRITABLE);
    assert_non_null(strstr(buf_cstr(&why), "--data"));
    buf_deinit(&why);
    folder_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_stays_who_it_is),
        cmocka_unit_test(two_nodes_are_two),
        cmocka_unit_test(a_damaged_identity_is_never_replaced),
        cmocka_unit_test(what_cannot_be_read_or_written_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
