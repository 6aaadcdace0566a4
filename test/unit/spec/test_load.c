#include "spec/load.h"
#include "spec/yaml.h"

#include "reading.h"

#include <stdlib.h>
#include <unistd.h>

/* A new file with `size` blanks in it; its name in `path`. */
static void make_file(char path[32], long size)
{
    strcpy(path, "/tmp/kith-load-XXXXXX");
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");

    for (long i = 0; i < size; i++)
        fputc(' ', file);
    assert_int_equal(fclose(file), 0);
}

static void test_reads_a_whole_file(void **state)
{
    (void)state;
    struct reading r;
    struct buf text = {0};
    char path[32];

    reading_begin(&r, "");
    make_file(path, 10000);
    assert_int_equal(spec_load(path, &text, &r.mem, &r.errors), 0);
    assert_int_equal(text.len, 10000);
    assert_int_equal(r.errors.text.len, 10000);
    assert_string_equal(r.errors.file, path);
    unlink(path);
    buf_deinit(&text);
    reading_end(&r);
}

static void test_says_what_is_wrong_with_the_file(void **state)
{
    (void)state;
    struct reading r;
    struct buf text = {0};
    char path[32];

    reading_begin(&r, "");
    assert_int_equal(spec_load("/nowhere/x.yaml", &text, &r.mem, &r.errors), SPEC_BAD);
    assert_only_error(&r, "0:0: cannot be opened: No such file");
    assert_int_equal(spec_load("/", &text, &r.mem, &r.errors), SPEC_BAD);
    assert_only_error(&r, "0:0: cannot be read: Is a directory");
    make_file(path, YAML_MAX_BYTES + 1);
    assert_int_equal(spec_load(path, &text, &r.mem, &r.errors), SPEC_BAD);
    assert_only_error(&r, "0:0: larger than 1024 KiB");
    unlink(path);
    buf_deinit(&text);
    reading_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_a_whole_file),
        cmocka_unit_test(test_says_what_is_wrong_with_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
