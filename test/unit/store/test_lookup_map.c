#include "store/lookup_map.h"

#include "folder.h"
#include "lookups.h"
#include "test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- files that are not what they should be ---- */

/* Writes `len` bytes over the file's content at `at`. */
static void overwrite(const char *path, long at, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "r+");

    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fclose(file);
}

static void a_file_is_made(const struct folder *dir)
{
    struct lookup_file *f = lookups_file(dir->path);

    lookups_put(f, "api", 3, 7);
    assert_int_equal(lookup_file_publish(f), 0);
    lookup_file_close(f);
}

static void what_is_no_look_up_file_is_refused(void **state)
{
    (void)state;
    struct folder dir;
    struct lookup_map map;

    folder_make(&dir);
    const char *path = folder_file(&dir, LOOKUP_FILE_NAME);

    assert_int_equal(lookup_map_open(&map, path), LOOKUP_ABSENT);
    folder_put(&dir, LOOKUP_FILE_NAME, "some other text");
    assert_int_equal(lookup_map_open(&map, path), LOOKUP_FOREIGN);
    assert_int_equal(lookup_map_open(&map, dir.path), LOOKUP_FOREIGN);
    FILE *file = fopen(path, "w");

    assert_int_equal(ftruncate(fileno(file), 65536), 0);
    fclose(file);
    assert_int_equal(lookup_map_open(&map, path), LOOKUP_FOREIGN);
    folder_remove(&dir);
}

static void another_version_is_refused(void **state)
{
    (void)state;
    struct folder dir;
    struct lookup_map map;
    uint64_t version = LOOKUP_VERSION - 1, magic = __builtin_bswap64(LOOKUP_MAGIC);

    folder_make(&dir);
    const char *path = folder_file(&dir, LOOKUP_FILE_NAME);

    a_file_is_made(&dir);
    overwrite(path, LOOKUP_AT_VERSION * 8, &version, 8);
    assert_int_equal(lookup_map_open(&map, path), LOOKUP_VERSION_);
    overwrite(path, LOOKUP_AT_MAGIC * 8, &magic, 8);
    assert_int_equal(lookup_map_open(&map, path), LOOKUP_VERSION_);
    folder_remove(&dir);
}

static void a_file_that_was_cut_off_is_refused(void **state)
{
    (void)state;
    struct folder dir;
    struct lookup_map map;

    folder_make(&dir);
    const char *path = folder_file(&dir, LOOKUP_FILE_NAME);

    a_file_is_made(&dir);
    assert_int_equal(truncate(path, 8192), 0);
    assert_int_equal(lookup_map_open(&map, path), LOOKUP_TORN);
    folder_remove(&dir);
}

/* A power cut may leave any of the pages: such a file, of another boot, is read whole before it is believed. */
static void a_damaged_row_from_before_this_boot_is_refused(void **state)
{
    (void)state;
    struct folder dir;
    struct lookup_map map;
    uint64_t head[LOOKUP_FIXED_WORDS], check = 0, wrong = 12345;

    folder_make(&dir);
    const char *path = folder_file(&dir, LOOKUP_FILE_NAME);

    a_file_is_made(&dir);
    map = lookups_map(dir.path);
    memcpy(head, map.words, sizeof(head));
    long heap = (long)map.heap_at;

    lookup_map_close(&map);
    head[LOOKUP_AT_BOOT] ^= 1;
    for (unsigned i = 0; i < LOOKUP_AT_CHECK; i++)
        check = lookup_check(check, head[i]);
    head[LOOKUP_AT_CHECK] = check;
    overwrite(path, 0, head, sizeof(head));
    assert_int_equal(lookup_map_open(&map, path), 0);
    assert_true(map.by_wall);
    lookup_map_close(&map);
    overwrite(path, (heap + 9) * 8, &wrong, 8);
    assert_int_equal(lookup_map_open(&map, path), LOOKUP_TORN);
    folder_remove(&dir);
}

/* ---- a writer that is stopped at any word ---- */

struct words {
    uint64_t at[4096], word[4096];
    size_t count;
};

static void record(void *arg, uint64_t at, uint64_t word)
{
    struct words *w = arg;

    assert_true(w->count < 4096);
    w->at[w->count] = at;
    w->word[w->count++] = word;
}

/* The file as it was, and then word by word as the update writes it: at each there is the former row or the
 * new one, and never anything else; and every other row is untouched. */
static void check_every_word(struct lookup_file *f, uint32_t before, uint32_t after)
{
    static struct words words;
    const struct lookup_table *t = lookup_file_table(f);
    size_t bytes = t->map.file_words * 8;
    uint64_t *image = malloc(bytes);
    struct lookup_map map = t->map;
    bool turned = false;

    lookups_put(f, "api", before, 1);
    lookups_put(f, "api", before,
                2); /* so that the next has a former row's place to be written over */
    memcpy(image, t->words, bytes);
    words.count = 0;
    lookup_file_trace(f, record, &words);
    lookups_put(f, "api", after, 3);
    lookup_file_trace(f, NULL, NULL);
    assert_true(words.count > LOOKUP_ROW_HEAD);
    map.words = image;
    for (size_t i = 0; i <= words.count; i++) {
        struct lookups_seen api = lookups_see(&map, "api"), other = lookups_see(&map, "other");

        assert_int_equal(api.problem, 0);
        assert_true(api.whole);
        assert_true(turned ? api.round == 3 : api.round == 2 || api.round == 3);
        turned = turned || api.round == 3;
        assert_int_equal(api.endpoints, turned ? after : before);
        assert_true(other.whole && other.round == 9);
        assert_int_equal(lookup_map_verify(&map), 0);
        if (i < words.count)
            image[words.at[i]] = words.word[i];
    }
    assert_true(turned);
    free(image);
}

static void a_writer_may_end_at_any_word_of_an_update(void **state)
{
    (void)state;
    struct folder dir;

    folder_make(&dir);
    struct lookup_file *f = lookups_file(dir.path);

    lookups_put(f, "other", 5, 9);
    check_every_word(f, 3, 3);
    check_every_word(f, 3, 4);
    check_every_word(f, 40, 1);
    lookup_file_close(f);
    folder_remove(&dir);
}

/* A name that is new is there at once or not at all. */
static void a_writer_may_end_at_any_word_of_a_new_name(void **state)
{
    (void)state;
    static struct words words;
    struct folder dir;
    bool turned = false;

    folder_make(&dir);
    struct lookup_file *f = lookups_file(dir.path);
    const struct lookup_table *t = lookup_file_table(f);
    size_t bytes = t->map.file_words * 8;
    uint64_t *image = malloc(bytes);
    struct lookup_map map = t->map;

    memcpy(image, t->words, bytes);
    map.words = image;
    words.count = 0;
    lookup_file_trace(f, record, &words);
    lookups_put(f, "api", 3, 3);
    for (size_t i = 0; i <= words.count; i++) {
        struct lookups_seen api = lookups_see(&map, "api");

        assert_true(api.problem == (turned ? 0 : LOOKUP_NONE) || (!turned && api.problem == 0));
        turned = api.problem == 0;
        assert_true(!turned || (api.whole && api.endpoints == 3));
        assert_int_equal(lookup_map_verify(&map), 0);
        if (i < words.count)
            image[words.at[i]] = words.word[i];
    }
    assert_true(turned);
    free(image);
    lookup_file_close(f);
    folder_remove(&dir);
}

/* ---- readers beside a writer ---- */

struct race {
    char folder[64];
    bool end;
    uint64_t looked, torn, missing, backwards;
};

static void *read_on(void *arg)
{
    struct race *r = arg;
    struct lookup_map map = lookups_map(r->folder);
    uint32_t last = 0;

    while (!__atomic_load_n(&r->end, __ATOMIC_RELAXED)) {
        struct lookups_seen seen = lookups_see(&map, "api");

        __atomic_fetch_add(&r->looked, 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&r->missing, seen.problem != 0, __ATOMIC_RELAXED);
        __atomic_fetch_add(&r->torn, !seen.whole, __ATOMIC_RELAXED);
        __atomic_fetch_add(&r->backwards, seen.round < last, __ATOMIC_RELAXED);
        last = seen.round;
    }
    lookup_map_close(&map);
    return NULL;
}

/* Two rows that keep taking each other's places: what a reader sees is always one of them. */
static void readers_never_see_a_mixture(void **state)
{
    (void)state;
    struct folder dir;
    static struct race race;
    pthread_t threads[2];

    folder_make(&dir);
    struct lookup_file *f = lookups_file(dir.path);

    lookups_put(f, "api", 4, 1);
    lookups_put(f, "web", 4, 1);
    assert_int_equal(lookup_file_publish(f), 0);
    snprintf(race.folder, sizeof(race.folder), "%s", dir.path);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, read_on, &race);
    for (uint32_t round = 2;
         round < 20000 || __atomic_load_n(&race.looked, __ATOMIC_RELAXED) < 2000; round++) {
        lookups_put(f, "api", 3 + round % 3, round);
        lookups_put(f, "web", 3 + round % 2, round);
    }
    __atomic_store_n(&race.end, true, __ATOMIC_RELAXED);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(race.missing, 0);
    assert_int_equal(race.torn, 0);
    assert_int_equal(race.backwards, 0);
    lookup_file_close(f);
    folder_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_look_up_file_is_refused),
        cmocka_unit_test(another_version_is_refused),
        cmocka_unit_test(a_file_that_was_cut_off_is_refused),
        cmocka_unit_test(a_damaged_row_from_before_this_boot_is_refused),
        cmocka_unit_test(a_writer_may_end_at_any_word_of_an_update),
        cmocka_unit_test(a_writer_may_end_at_any_word_of_a_new_name),
        cmocka_unit_test(readers_never_see_a_mixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
