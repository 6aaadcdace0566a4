#include "store/file.h"

#include "folder.h"
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static int count_files(const struct folder *f)
{
    DIR *dir = opendir(f->path);
    int n = 0;

    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 2;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct folder f;
    struct buf out = {0};
    struct stat st;

    folder_make(&f);
    const char *path = folder_file(&f, "key");

    assert_int_equal(file_read(&out, path, 100), FILE_ABSENT);
    assert_int_equal(file_write(path, bytes_str("one"), 0600), 0);
    assert_int_equal(file_write(path, bytes_str("two"), 0600), 0);
    assert_int_equal(file_read(&out, path, 3), 0);
    assert_string_equal(buf_cstr(&out), "two");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(file_read(&out, path, 2), FILE_TOO_LONG);
    assert_int_equal(out.len, 3);
    assert_int_equal(count_files(&f), 1); /* nothing temporary stays */
    buf_deinit(&out);
    folder_remove(&f);
}

static void create_never_replaces(void **state)
{
    (void)state;
    struct folder f;
    struct buf out = {0};

    folder_make(&f);
    const char *path = folder_file(&f, "key");

    assert_int_equal(file_create(path, bytes_str("mine"), 0600), 0);
    assert_int_equal(file_create(path, bytes_str("yours"), 0600), FILE_EXISTS);
    assert_int_equal(file_read(&out, path, 100), 0);
    assert_string_equal(buf_cstr(&out), "mine");
    assert_int_equal(count_files(&f), 1);
    buf_deinit(&out);
    folder_remove(&f);
}

static void errors_are_the_systems(void **state)
{
    (void)state;
    struct folder f;
    struct buf out = {0};

    folder_make(&f);
    assert_int_equal(file_write(folder_file(&f, "no/such/key"), bytes_str("x"), 0600), -ENOENT);
    assert_int_equal(file_read(&out, f.path, 100), -EISDIR);
    assert_int_equal(out.len, 0);
    folder_put(&f, "plain", "");
    assert_int_equal(file_make_folder(folder_file(&f, "plain/below"), 0700), -ENOTDIR);
    buf_deinit(&out);
    folder_remove(&f);
}

static void folders_are_made_to_the_root(void **state)
{
    (void)state;
    struct folder f;

    folder_make(&f);
    assert_int_equal(file_make_folder(folder_file(&f, "a/b/c"), 0700), 0);
    assert_int_equal(file_make_folder(folder_file(&f, "a/b/c"), 0700), 0);
    assert_int_equal(file_write(folder_file(&f, "a/b/c/d"), bytes_str(""), 0600), 0);
    folder_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(create_never_replaces),
        cmocka_unit_test(errors_are_the_systems),
        cmocka_unit_test(folders_are_made_to_the_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
