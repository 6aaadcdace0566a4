#include "store/store.h"

#include "base/mem.h"
#include "folder.h"
#include "test.h"

#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct store *open_ok(const char *dir)
{
    struct store *s;
    struct buf why = {0};

    if (store_open(&s, dir, &why))
        fail_msg("%s", buf_cstr(&why));
    return s;
}

static int open_problem(const char *dir, const char *text)
{
    struct store *s;
    struct buf why = {0};
    int problem = store_open(&s, dir, &why);

    assert_null(s);
    if (!strstr(buf_cstr(&why), text))
        fail_msg("'%s' is not in: %s", text, buf_cstr(&why));
    buf_deinit(&why);
    return problem;
}

/* One batch of one write. */
static int put(struct store *s, bool local, const char *key, struct bytes value)
{
    struct store_write w = {.local = local, .key = bytes_str(key), .value = value};
    struct effect_store batch = {.token = 1, .writes = &w, .writes_n = 1};
    const struct effect_store *batches[] = {&batch};

    return store_write(s, batches, 1);
}

static int put_str(struct store *s, bool local, const char *key, const char *value)
{
    return put(s, local, key, bytes_str(value));
}

static void fold(struct store *s)
{
    struct buf why = {0};

    store_fold_begin(s);
    if (store_fold(s, &why))
        fail_msg("%s", buf_cstr(&why));
    store_fold_end(s, 0);
    buf_deinit(&why);
}

static void what_is_written_is_there_after_a_restart(void **state)
{
    (void)state;
    struct folder f;
    struct store_content content;

    folder_make(&f);
    struct store *s = open_ok(folder_file(&f, "data"));

    assert_int_equal(put_str(s, false, "b", "second"), 0);
    assert_int_equal(put_str(s, false, "a", "first"), 0);
    assert_int_equal(put_str(s, false, "c", "gone"), 0);
    assert_int_equal(put_str(s, false, "c", ""), 0);
    assert_int_equal(put_str(s, false, "never", ""), 0); /* nothing to delete is fine */
    assert_int_equal(put_str(s, true, "node/incarnation", "7"), 0);
    store_close(s);

    s = open_ok(folder_file(&f, "data"));
    assert_int_equal(store_load(s, &content), 0);
    assert_int_equal(content.records_n, 2);
    assert_true(bytes_equal_str(content.records[0], "first"));
    assert_true(bytes_equal_str(content.records[1], "second"));
    assert_int_equal(content.locals_n, 1);
    assert_true(bytes_equal_str(content.locals[0].name, "node/incarnation"));
    assert_true(bytes_equal_str(content.locals[0].value, "7"));
    store_load_end(s);
    store_close(s);
    folder_remove(&f);
}

static void many_batches_cost_one_sync(void **state)
{
    (void)state;
    enum { BATCHES = 50 };
    struct folder f;
    char keys[BATCHES][16];
    struct store_write writes[BATCHES];
    struct effect_store batches[BATCHES];
    const struct effect_store *list[BATCHES];
    struct store_content content;

    folder_make(&f);
    struct store *s = open_ok(f.path);

    for (int i = 0; i < BATCHES; i++) {
        snprintf(keys[i], sizeof(keys[i]), "key-%02d", i);
        writes[i] = (struct store_write){.key = bytes_str(keys[i]), .value = bytes_str("value")};
        batches[i] =
            (struct effect_store){.token = (uint64_t)i, .writes = &writes[i], .writes_n = 1};
        list[i] = &batches[i];
    }
    assert_int_equal(store_write(s, list, BATCHES), 0);
    struct store_stats stats;

    store_stats(s, &stats);
    assert_int_equal(stats.syncs, 1);
    assert_int_equal(store_load(s, &content), 0);
    assert_int_equal(content.records_n, BATCHES);
    store_close(s); /* also ends the reading */
    folder_remove(&f);
}

/* "a=1 b=2; l=3": all that the store holds. */
static const char *holds(struct store *s)
{
    static char text[4096];
    struct store_content c;
    size_t at = 0;

    assert_int_equal(store_load(s, &c), 0);
    text[0] = '\0';
    for (size_t i = 0; i < c.records_n; i++)
        at +=
            (size_t)snprintf(text + at, sizeof(text) - at, BYTES_FMT " ", BYTES_ARG(c.records[i]));
    for (size_t i = 0; i < c.locals_n; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, BYTES_FMT "=" BYTES_FMT " ",
                               BYTES_ARG(c.locals[i].name), BYTES_ARG(c.locals[i].value));
    store_load_end(s);
    return text;
}

/* What the log says stands over what the file says: changed, new between, before and behind it, and deleted. */
static void log_and_file_are_read_as_one(void **state)
{
    (void)state;
    struct folder f;

    folder_make(&f);
    struct store *s = open_ok(f.path);

    put_str(s, false, "b", "b1");
    put_str(s, false, "d", "d1");
    put_str(s, false, "f", "f1");
    put_str(s, true, "x", "1");
    fold(s);
    put_str(s, false, "a", "a1");
    put_str(s, false, "b", "b2");
    put_str(s, false, "c", "c1");
    put_str(s, false, "d", "");
    put_str(s, false, "g", "g1");
    put_str(s, true, "x", "");
    put_str(s, true, "y", "2");
    assert_string_equal(holds(s), "a1 b2 c1 f1 g1 y=2 ");
    store_close(s);
    s = open_ok(f.path);
    assert_string_equal(holds(s), "a1 b2 c1 f1 g1 y=2 ");
    fold(s);
    assert_string_equal(holds(s), "a1 b2 c1 f1 g1 y=2 ");
    store_close(s);
    s = open_ok(f.path);
    assert_string_equal(holds(s), "a1 b2 c1 f1 g1 y=2 ");
    store_close(s);
    folder_remove(&f);
}

/* The daemon ends at each point of a fold while more is written. */
static void a_fold_that_is_cut_off_loses_nothing(void **state)
{
    (void)state;
    for (int cut = 0; cut < 3; cut++) {
        struct folder f;
        struct buf why = {0};

        folder_make(&f);
        struct store *s = open_ok(f.path);

        put_str(s, false, "a", "a1");
        put_str(s, false, "b", "b1");
        store_fold_begin(s);
        put_str(s, false, "b", "b2");
        if (cut > 0)
            assert_int_equal(store_fold(s, &why), 0);
        put_str(s, false, "c", "c1");
        if (cut > 1)
            store_fold_end(s, 0);
        store_close(s);
        s = open_ok(f.path);
        assert_string_equal(holds(s), "a1 b2 c1 ");
        put_str(s, false, "d", "d1");
        fold(s);
        put_str(s, false, "e", "e1");
        fold(s);
        store_close(s);
        s = open_ok(f.path);
        assert_string_equal(holds(s), "a1 b2 c1 d1 e1 ");
        store_close(s);
        folder_remove(&f);
    }
}

/* Log files that are used again and again, with what they held before behind the end. */
static void many_folds_keep_the_last_of_everything(void **state)
{
    (void)state;
    struct folder f;
    struct store_stats stats;
    char key[16], value[16];

    folder_make(&f);
    struct store *s = open_ok(f.path);

    for (int round = 0; round < 40; round++) {
        for (int k = 0; k < 3 + round * 7 % 11; k++) {
            snprintf(key, sizeof(key), "k%d", k % 4);
            snprintf(value, sizeof(value), "%d.%d", round, k);
            assert_int_equal(put_str(s, false, key, value), 0);
        }
        fold(s);
        if (round % 3 == 0) {
            store_close(s);
            s = open_ok(f.path);
        }
    }
    put_str(s, false, "k0", "last");
    put_str(s, false, "k1", "1");
    put_str(s, false, "k2", "2");
    put_str(s, false, "k3", "3");
    store_stats(s, &stats);
    assert_true(stats.free_pages > 0 || stats.file_bytes > 0);
    store_close(s);
    s = open_ok(f.path);
    assert_string_equal(holds(s), "last 1 2 3 ");
    store_close(s);
    folder_remove(&f);
}

static void a_file_that_is_older_than_its_log_is_refused(void **state)
{
    (void)state;
    struct folder f;
    char command[512];

    folder_make(&f);
    struct store *s = open_ok(f.path);

    put_str(s, false, "a", "a1");
    fold(s);
    store_close(s);
    snprintf(command, sizeof(command), "cp %s/registry.mdb %s/former", f.path, f.path);
    assert_int_equal(system(command), 0);
    s = open_ok(f.path);
    for (int i = 0; i < 3; i++) {
        put_str(s, false, "a", "a2");
        fold(s);
    }
    put_str(s, false, "a", "a3");
    store_close(s);
    snprintf(command, sizeof(command), "mv %s/former %s/registry.mdb", f.path, f.path);
    assert_int_equal(system(command), 0);
    assert_int_equal(open_problem(f.path, "older than its log"), STORE_TORN);
    folder_remove(&f);
}

/* A copy made while more is written opens by itself and holds what was folded. */
static void a_copy_opens_by_itself(void **state)
{
    (void)state;
    struct folder f, other;
    struct buf why = {0};

    folder_make(&f);
    folder_make(&other);
    struct store *s = open_ok(f.path);

    put_str(s, false, "a", "a1");
    put_str(s, true, "x", "1");
    store_fold_begin(s);
    put_str(s, false, "b", "later");
    assert_int_equal(store_fold(s, &why), 0);
    assert_int_equal(store_copy(s, folder_file(&other, "registry.mdb"), &why), 0);
    store_fold_end(s, 0);
    assert_int_equal(store_copy(s, "/proc/none/registry.mdb", &why), STORE_BROKEN);
    assert_non_null(strstr(buf_cstr(&why), "/proc/none"));
    assert_string_equal(holds(s), "a1 later x=1 ");
    store_close(s);
    s = open_ok(other.path);
    assert_string_equal(holds(s), "a1 x=1 ");
    store_close(s);
    buf_deinit(&why);
    folder_remove(&f);
    folder_remove(&other);
}

static void it_grows_beyond_its_first_map(void **state)
{
    (void)state;
    struct folder f;
    size_t size = 200000;
    uint8_t *big = mem_alloc(size);
    struct store_content content;
    size_t rows = STORE_MAP_BYTES / size + 50;

    folder_make(&f);
    struct store *s = open_ok(f.path);
    struct store_write *writes = mem_alloc(rows * sizeof(*writes));
    char(*keys)[16] = mem_alloc(rows * sizeof(*keys));

    for (size_t i = 0; i < rows; i++) {
        snprintf(keys[i], sizeof(keys[i]), "%06zu", i);
        writes[i] = (struct store_write){.key = bytes_str(keys[i]), .value = bytes_of(big, size)};
    }
    struct effect_store half = {.writes = writes, .writes_n = (uint32_t)(rows / 2)};
    struct effect_store rest = {.writes = writes + rows / 2,
                                .writes_n = (uint32_t)(rows - rows / 2)};
    const struct effect_store *first[] = {&half}, *second[] = {&rest};

    struct store_stats stats;

    assert_int_equal(store_write(s, first, 1), 0);
    assert_true(store_wants_fold(s));
    fold(s);
    assert_false(store_wants_fold(s));
    assert_int_equal(store_write(s, second, 1), 0);
    fold(s);
    store_stats(s, &stats);
    assert_true(stats.map_bytes > STORE_MAP_BYTES && stats.file_bytes > STORE_MAP_BYTES);
    store_close(s);
    s = open_ok(f.path);
    assert_int_equal(store_load(s, &content), 0);
    assert_int_equal(content.records_n, rows);
    assert_int_equal(content.records[rows - 1].len, size);
    store_close(s);
    mem_free(writes);
    mem_free(keys);
    mem_free(big);
    folder_remove(&f);
}

static void one_daemon_at_a_time(void **state)
{
    (void)state;
    struct folder f;

    folder_make(&f);
    struct store *s = open_ok(f.path);

    assert_int_equal(open_problem(f.path, "another kithd"), STORE_LOCKED);
    store_close(s);
    store_close(open_ok(f.path));
    folder_remove(&f);
}

static void a_foreign_file_is_refused_and_kept(void **state)
{
    (void)state;
    struct folder f;
    struct stat before, after;
    char *long_text = mem_alloc(20001);

    folder_make(&f);
    folder_put(&f, "registry.mdb", "this is not a database\n");
    assert_int_equal(open_problem(f.path, "not Kith's"), STORE_FOREIGN);
    memset(long_text, 'x', 20000);
    folder_put(&f, "registry.mdb", long_text);
    stat(folder_file(&f, "registry.mdb"), &before);
    assert_int_equal(open_problem(f.path, "not Kith's"), STORE_FOREIGN);
    stat(folder_file(&f, "registry.mdb"), &after);
    assert_int_equal(before.st_size, after.st_size);
    mem_free(long_text);
    folder_remove(&f);
}

/* An LMDB file with one plain entry in it. */
static void make_lmdb(const char *path, const char *table, const char *key_text, const void *value,
                      size_t size)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val key = {strlen(key_text), (void *)(uintptr_t)key_text},
            data = {size, (void *)(uintptr_t)value};

    assert_int_equal(mdb_env_create(&env), 0);
    mdb_env_set_maxdbs(env, 3);
    assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, table, MDB_CREATE, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &key, &data, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void another_programs_lmdb_file_is_refused(void **state)
{
    (void)state;
    struct folder f;

    folder_make(&f);
    make_lmdb(folder_file(&f, "registry.mdb"), NULL, "zone", "example.org", 11);
    assert_int_equal(open_problem(f.path, "another program"), STORE_FOREIGN);
    folder_remove(&f);
}

static void a_newer_format_is_refused(void **state)
{
    (void)state;
    struct folder f;
    uint32_t format = STORE_FORMAT + 1;

    folder_make(&f);
    store_close(open_ok(f.path));
    make_lmdb(folder_file(&f, "registry.mdb"), "about", "kith-format", &format, sizeof(format));
    assert_int_equal(open_problem(f.path, "newer version"), STORE_VERSION);
    folder_remove(&f);
}

static void a_torn_file_is_refused(void **state)
{
    (void)state;
    struct folder f;
    uint8_t big[20000] = {1};

    folder_make(&f);
    struct store *s = open_ok(f.path);

    for (int i = 0; i < 20; i++) {
        char key[8];

        snprintf(key, sizeof(key), "%d", i);
        assert_int_equal(put(s, false, key, bytes_of(big, sizeof(big))), 0);
    }
    fold(s);
    store_close(s);
    assert_int_equal(truncate(folder_file(&f, "registry.mdb"), 50000), 0);
    assert_int_equal(open_problem(f.path, "shorter than its own index"), STORE_TORN);
    assert_int_equal(truncate(folder_file(&f, "registry.mdb"), 100), 0);
    assert_int_equal(open_problem(f.path, "not Kith's"), STORE_FOREIGN);
    folder_remove(&f);
}

static void a_folder_that_cannot_be_used_is_said(void **state)
{
    (void)state;
    struct folder f;

    assert_int_equal(open_problem("/proc/kith", "registry.mdb"), STORE_BROKEN);
    if (getuid() == 0)
        return; /* root may write everywhere */
    folder_make(&f);
    chmod(f.path, 0500);
    assert_int_equal(open_problem(f.path, "writable"), STORE_PERMISSION);
    chmod(f.path, 0700);
    folder_remove(&f);
}

/* In a child: writes rows 0, 1, 2, ... and tells each number once it is on disk. */
static void write_until_killed(const char *dir, int told)
{
    struct store *s;
    struct buf why = {0};

    if (store_open(&s, dir, &why))
        _exit(1);
    for (uint32_t n = 0;; n++) {
        char key[16], value[400];

        snprintf(key, sizeof(key), "%08u", n);
        memset(value, 'a' + (int)(n % 26), sizeof(value));
        if (put(s, false, key, bytes_of(value, sizeof(value))) ||
            put(s, true, "last", bytes_of(&n, sizeof(n))))
            _exit(2);
        if (write(told, &n, sizeof(n)) != sizeof(n))
            _exit(3);
    }
}

static void check_after_kill(const char *dir, uint32_t told)
{
    struct store_content content;
    struct store *s = open_ok(dir);

    assert_int_equal(store_load(s, &content), 0);
    assert_true(content.records_n >= told + 1);
    for (size_t i = 0; i < content.records_n; i++) {
        assert_int_equal(content.records[i].len, 400);
        assert_int_equal(content.records[i].data[399], 'a' + i % 26);
    }
    assert_int_equal(content.locals_n, 1);
    store_close(s);
}

static void kill_9_loses_nothing_that_was_told(void **state)
{
    (void)state;
    struct folder f;

    for (int round = 0; round < 5; round++) {
        int told[2];
        uint32_t n = 0, stop_at = 3 + (uint32_t)round * 17;

        folder_make(&f);
        assert_int_equal(pipe(told), 0);
        pid_t pid = fork();

        if (pid == 0) {
            close(told[0]);
            write_until_killed(f.path, told[1]);
        }
        close(told[1]);
        do {
            assert_int_equal(read(told[0], &n, sizeof(n)), sizeof(n));
        } while (n < stop_at);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        while (read(told[0], &n, sizeof(n)) == sizeof(n))
            ;
        close(told[0]);
        check_after_kill(f.path, n);
        folder_remove(&f);
    }
}

/* Fills the store until it says that it is full, makes room, and goes on. Returns what went wrong, or NULL. */
static const char *fill_up(const char *dir, void (*make_room)(void))
{
    struct store *s;
    struct buf why = {0};
    struct store_content content;
    static uint8_t big[100000];
    int stored = 0, r = 0;
    char key[16];

    if (store_open(&s, dir, &why))
        return buf_cstr(&why);
    for (; stored < 1000 && r == 0; stored += r == 0) {
        snprintf(key, sizeof(key), "%06d", stored);
        r = put(s, false, key, bytes_of(big, sizeof(big)));
    }
    if (r != STORE_FULL)
        return r ? store_why(s) : "never full";
    if (put(s, false, key, bytes_of(big, sizeof(big))) != STORE_FULL)
        return "not full the second time";
    make_room();
    if (put(s, false, key, bytes_of(big, sizeof(big))))
        return store_why(s);
    if (store_load(s, &content) || content.records_n != (size_t)stored + 1)
        return "a row is missing";
    store_close(s);
    return NULL;
}

static void set_file_limit(rlim_t bytes)
{
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};

    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void lift_limit(void)
{
    set_file_limit((rlim_t)64 << 20);
}

static void a_file_size_limit_is_reported_and_survived(void **state)
{
    (void)state;
    struct folder f;
    int status;

    folder_make(&f);
    pid_t pid = fork();

    if (pid == 0) {
        signal(SIGXFSZ, SIG_IGN);
        set_file_limit((rlim_t)4 << 20);
        const char *wrong = fill_up(f.path, lift_limit);

        if (wrong)
            fprintf(stderr, "%s\n", wrong);
        _exit(wrong ? 1 : 0);
    }
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    folder_remove(&f);
}

static char mounted[128];

static void grow_disk(void)
{
    if (mount("kith-test", mounted, "tmpfs", MS_REMOUNT, "size=64m"))
        perror("remount");
}

static void a_full_disk_is_reported_and_survived(void **state)
{
    (void)state;
    struct folder f;

    folder_make(&f);
    snprintf(mounted, sizeof(mounted), "%s", f.path);
    if (mount("kith-test", mounted, "tmpfs", 0, "size=2m")) {
        fprintf(stderr, "skipped: a small disk cannot be mounted here (needs root)\n");
        folder_remove(&f);
        skip();
    }
    const char *wrong = fill_up(f.path, grow_disk);

    umount2(mounted, MNT_DETACH);
    folder_remove(&f);
    if (wrong)
        fail_msg("%s", wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_there_after_a_restart),
        cmocka_unit_test(many_batches_cost_one_sync),
        cmocka_unit_test(log_and_file_are_read_as_one),
        cmocka_unit_test(a_fold_that_is_cut_off_loses_nothing),
        cmocka_unit_test(many_folds_keep_the_last_of_everything),
        cmocka_unit_test(a_file_that_is_older_than_its_log_is_refused),
        cmocka_unit_test(a_copy_opens_by_itself),
        cmocka_unit_test(it_grows_beyond_its_first_map),
        cmocka_unit_test(one_daemon_at_a_time),
        cmocka_unit_test(a_foreign_file_is_refused_and_kept),
        cmocka_unit_test(another_programs_lmdb_file_is_refused),
        cmocka_unit_test(a_newer_format_is_refused),
        cmocka_unit_test(a_torn_file_is_refused),
        cmocka_unit_test(a_folder_that_cannot_be_used_is_said),
        cmocka_unit_test(kill_9_loses_nothing_that_was_told),
        cmocka_unit_test(a_file_size_limit_is_reported_and_survived),
        cmocka_unit_test(a_full_disk_is_reported_and_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
