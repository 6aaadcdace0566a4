#include "http/shelf.h"

#include "base/mem.h"
#include "test.h"

static struct directory d;
static struct shelf s;
static struct watcher *woken[16];
static unsigned woken_n;
static uint64_t number;

static void note(void *arg, struct watcher *w)
{
    (void)arg;
    woken[woken_n++] = w;
}

static int begin(void **state)
{
    (void)state;
    number = woken_n = 0;
    directory_init(&d, 1000, &(struct directory_host){.woken = note});
    shelf_init(&s, &d);
    return 0;
}

static int end(void **state)
{
    (void)state;
    shelf_deinit(&s);
    directory_deinit(&d);
    return 0;
}

/* ---- what it is told ---- */

static void tell(const struct told_key *keys, uint32_t n)
{
    shelf_tell(&s, &(struct effect_keys){.number = ++number, .keys = keys, .keys_n = n});
}

static void put(const char *name, const char *value, uint64_t index)
{
    struct told_key k = {
        .info = {.key = bytes_str(name), .value = bytes_str(value), .created = 1, .index = index}};

    tell(&k, 1);
}

static void lose(const char *name)
{
    struct told_key k = {.gone = true, .info = {.key = bytes_str(name)}};

    tell(&k, 1);
}

static void tell_session(uint8_t id, uint8_t node, bool gone)
{
    struct told_session t = {.gone = gone, .id = {{id}}, .node = {{node}}};

    shelf_tell(&s, &(struct effect_keys){.number = ++number, .sessions = &t, .sessions_n = 1});
}

static uint64_t index_of(enum shelf_kind kind, const char *prefix, const char *separator)
{
    return shelf_view_resource(&s, kind, bytes_str(prefix), bytes_str(separator))->index;
}

/* ---- stories ---- */

static void keys_are_found_by_name_and_by_prefix(void **state)
{
    (void)state;
    put("a/b", "1", 5);
    put("a", "0", 4);
    put("b", "2", 6);
    put("a/c", "3", 7);
    assert_true(bytes_equal_str(shelf_find(&s, bytes_str("a/b"))->value, "1"));
    assert_null(shelf_find(&s, bytes_str("a/")));
    const struct key_info *k = shelf_first(&s, bytes_str("a/"));

    assert_true(bytes_equal_str(k->key, "a/b"));
    k = shelf_next(&s, k, bytes_str("a/"));
    assert_true(bytes_equal_str(k->key, "a/c"));
    assert_null(shelf_next(&s, k, bytes_str("a/")));
    lose("a/b");
    assert_true(bytes_equal_str(shelf_first(&s, bytes_str("a/"))->key, "a/c"));
    assert_null(shelf_first(&s, bytes_str("c")));
}

static void a_keys_index_changes_when_it_does(void **state)
{
    (void)state;
    struct watcher w = {0};
    uint64_t none = shelf_key_resource(&s, bytes_str("a"))->index;

    directory_watch(shelf_key_resource(&s, bytes_str("a")), &w);
    put("b", "1", 5);
    assert_int_equal(woken_n, 0);
    put("a", "1", 6);
    assert_int_equal(woken_n, 1);
    uint64_t first = shelf_key_resource(&s, bytes_str("a"))->index;

    assert_true(first > none);
    put("a", "1", 6); /* said again */
    assert_int_equal(shelf_key_resource(&s, bytes_str("a"))->index, first);
    lose("a");
    uint64_t gone = shelf_key_resource(&s, bytes_str("a"))->index;

    assert_true(gone > first);
    lose("a");
    assert_int_equal(shelf_key_resource(&s, bytes_str("a"))->index, gone);
}

static void a_trees_index_changes_with_what_is_in_it(void **state)
{
    (void)state;
    uint64_t empty = index_of(SHELF_TREE, "a/", "");

    put("b", "1", 5);
    assert_int_equal(index_of(SHELF_TREE, "a/", ""), empty);
    put("a/x", "1", 6);
    uint64_t one = index_of(SHELF_TREE, "a/", "");

    assert_true(one > empty);
    put("a/x", "2", 7);
    assert_true(index_of(SHELF_TREE, "a/", "") > one);
}

static void names_change_only_when_the_list_does(void **state)
{
    (void)state;
    put("a/x/1", "", 1);
    uint64_t all = index_of(SHELF_NAMES, "a/", ""), top = index_of(SHELF_NAMES, "a/", "/");

    put("a/x/1", "other", 2); /* its value is not in the list */
    assert_int_equal(index_of(SHELF_NAMES, "a/", ""), all);
    put("a/x/2", "", 3); /* the shorter list has a/x/ already */
    assert_true(index_of(SHELF_NAMES, "a/", "") > all);
    assert_int_equal(index_of(SHELF_NAMES, "a/", "/"), top);
    lose("a/x/1");
    assert_int_equal(index_of(SHELF_NAMES, "a/", "/"), top);
    lose("a/x/2");
    assert_true(index_of(SHELF_NAMES, "a/", "/") > top);
    top = index_of(SHELF_NAMES, "a/", "/");
    put("a/", "", 4); /* lists itself, whatever is below it */
    assert_true(index_of(SHELF_NAMES, "a/", "/") > top);
}

static void names_are_cut_at_the_separator(void **state)
{
    (void)state;
    static const struct {
        const char *name, *prefix, *separator, *folded;
    } cases[] = {
        {"a/b/c", "", "/", "a/"},         {"a/b/c", "a/", "/", "a/b/"},
        {"a/b", "a/", "/", "a/b"},        {"a/b/c", "a", "/", "a/"},
        {"a/b/c", "", "", "a/b/c"},       {"a--b--c", "a--", "--", "a--b--"},
        {"a/b/c", "a/b/c", "/", "a/b/c"},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_true(bytes_equal_str(shelf_fold(bytes_str(cases[i].name), bytes_str(cases[i].prefix),
                                               bytes_str(cases[i].separator)),
                                    cases[i].folded));
}

static void sessions_come_and_go(void **state)
{
    (void)state;
    struct ulid node = {{9}}, one = {{1}};
    struct bytes of = ulid_bytes(&node), none = {0};
    uint64_t before = shelf_view_resource(&s, SHELF_NODE, of, none)->index;

    tell_session(2, 8, false);
    assert_int_equal(shelf_view_resource(&s, SHELF_NODE, of, none)->index, before);
    tell_session(1, 9, false);
    assert_true(shelf_view_resource(&s, SHELF_NODE, of, none)->index > before);
    assert_non_null(shelf_session(&s, &one));
    uint64_t all = s.all_sessions.index;

    tell_session(1, 9, false);
    assert_int_equal(s.all_sessions.index, all);
    tell_session(1, 9, true);
    assert_null(shelf_session(&s, &one));
    assert_true(s.all_sessions.index > all);
}

static void what_is_told_anew_replaces_all(void **state)
{
    (void)state;
    struct told_key k = {.info = {.key = bytes_str("b"), .index = 2}};

    put("a", "", 1);
    tell_session(1, 9, false);
    shelf_tell(&s, &(struct effect_keys){.number = 7, .anew = true, .keys = &k, .keys_n = 1});
    assert_non_null(shelf_find(&s, bytes_str("a")));
    assert_false(s.ready);
    shelf_tell(&s, &(struct effect_keys){.number = 8, .whole = true});
    assert_null(shelf_find(&s, bytes_str("a")));
    assert_non_null(shelf_find(&s, bytes_str("b")));
    assert_null(shelf_first_session(&s));
    assert_true(s.ready);
    assert_int_equal(s.number, 8);
}

static void what_is_forgotten_is_bounded(void **state)
{
    (void)state;
    struct arena mem = {0};
    struct watcher w = {0};

    directory_watch(shelf_view_resource(&s, SHELF_TREE, bytes_str("kept"), (struct bytes){0}), &w);
    for (unsigned i = 0; i < 2 * SHELF_VIEWS_MAX; i++)
        (void)index_of(SHELF_TREE, arena_printf(&mem, "t%u", i), "");
    assert_true(s.views_n <= SHELF_VIEWS_MAX);
    assert_non_null(w.on);
    for (unsigned i = 0; i < 2 * SHELF_GONE_MAX; i++) {
        put(arena_printf(&mem, "k%u", i), "", i);
        lose(arena_printf(&mem, "k%u", i));
    }
    assert_true(s.gone_n <= SHELF_GONE_MAX);
    assert_true(shelf_key_resource(&s, bytes_str("k1"))->index > 1000);
    arena_deinit(&mem);
}

#define STORY(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORY(keys_are_found_by_name_and_by_prefix),
        STORY(a_keys_index_changes_when_it_does),
        STORY(a_trees_index_changes_with_what_is_in_it),
        STORY(names_change_only_when_the_list_does),
        STORY(names_are_cut_at_the_separator),
        STORY(sessions_come_and_go),
        STORY(what_is_told_anew_replaces_all),
        STORY(what_is_forgotten_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
