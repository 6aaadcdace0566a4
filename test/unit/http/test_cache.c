#include "http/cache.h"

#include "base/mem.h"
#include "stand.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

static void what_was_asked_at_an_index_is_found_again(void **state)
{
    (void)state;
    struct cache *c = mem_alloc(sizeof(*c));

    cache_put(c, bytes_str("/a"), 7, "text", bytes_str("one"));
    assert_non_null(cache_find(c, bytes_str("/a"), 7));
    assert_true(bytes_equal_str(buf_bytes(&cache_find(c, bytes_str("/a"), 7)->body), "one"));
    assert_null(cache_find(c, bytes_str("/a"), 8));
    assert_null(cache_find(c, bytes_str("/b"), 7));
    assert_null(cache_find(c, bytes_str(""), 0));
    cache_put(c, bytes_str("/a"), 8, "text", bytes_str(""));
    assert_null(cache_find(c, bytes_str("/a"), 7));
    assert_int_equal(cache_find(c, bytes_str("/a"), 8)->body.len, 0);
    cache_deinit(c);
    mem_free(c);
}

static void it_is_bounded(void **state)
{
    (void)state;
    struct cache *c = mem_alloc(sizeof(*c));
    struct buf big = {0};
    char asked[16];

    buf_reserve(&big, CACHE_BYTES_MAX + 1);
    memset(big.data, 'x', CACHE_BYTES_MAX + 1);
    big.len = CACHE_BYTES_MAX + 1;
    cache_put(c, bytes_str("/big"), 1, "text", buf_bytes(&big));
    assert_null(cache_find(c, bytes_str("/big"), 1));
    big.len = CACHE_BYTES_MAX / 2;
    cache_put(c, bytes_str("/big"), 1, "text", buf_bytes(&big));
    cache_put(c, bytes_str("/big"), 2, "text", buf_bytes(&big)); /* in place of it */
    cache_put(c, bytes_str("/half"), 3, "text", buf_bytes(&big));
    assert_non_null(cache_find(c, bytes_str("/big"), 2));
    cache_put(c, bytes_str("/small"), 4, "text", bytes_str("x"));
    assert_non_null(cache_find(c, bytes_str("/small"), 4));
    assert_null(cache_find(c, bytes_str("/big"), 2));
    assert_int_equal(c->bytes, 1);
    for (unsigned i = 0; i < 10 * CACHE_SLOTS; i++) {
        snprintf(asked, sizeof(asked), "/%u", i);
        cache_put(c, bytes_str(asked), i, "text", bytes_str(asked));
        assert_true(bytes_equal_str(buf_bytes(&cache_find(c, bytes_str(asked), i)->body), asked));
    }
    cache_deinit(c);
    mem_free(c);
    buf_deinit(&big);
}

/* An answer is from there when nothing changed, and never when something did. */
static void answers_are_taken_from_it_until_something_changes(void **state)
{
    (void)state;
    static const char path[] = "/v1/health/service/api?passing";
    struct stand s;
    struct lookup_endpoint e = stand_endpoint(1, &stand_a, ENDPOINT_HEALTH_PASSING);

    stand_init(&s);
    stand_tell(&s, "api", &e, 1);
    stand_get(&s, path);
    struct cache_entry *held = (struct cache_entry *)(uintptr_t)cache_find(
        &s.hub.cache, bytes_str(path), s.x.answer.index);

    assert_non_null(held);
    buf_reset(&held->body);
    buf_str(&held->body, "[\"from the cache\"]");
    assert_int_equal(stand_get(&s, path), 200);
    assert_string_equal(stand_text(&s, "0"), "from the cache");
    e.port = 9;
    stand_tell(&s, "api", &e, 1);
    stand_get(&s, path);
    assert_int_equal(stand_number(&s, "0/Service/Port"), 9);
    /* The order by distance has no index, so it is never held. */
    stand_get(&s, "/v1/health/service/api?near=_agent");
    assert_null(cache_find(&s.hub.cache, bytes_str("/v1/health/service/api?near=_agent"),
                           s.x.answer.index));
    stand_get(&s, "/api/v1/services/none/endpoints"); /* nor are refusals */
    assert_null(
        cache_find(&s.hub.cache, bytes_str("/api/v1/services/none/endpoints"), s.x.answer.index));
    stand_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_asked_at_an_index_is_found_again),
        cmocka_unit_test(it_is_bounded),
        cmocka_unit_test(answers_are_taken_from_it_until_something_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
