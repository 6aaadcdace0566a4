#include "http/directory.h"

#include "stand.h"
#include "store/lookup_map.h"
#include "test.h"

#include <stdio.h>

static struct stand s;

static uint64_t index_of(const char *name)
{
    return directory_resource(&s.hub.directory, bytes_str(name))->index;
}

static int begin(void **state)
{
    (void)state;
    stand_init(&s);
    return 0;
}

static int end(void **state)
{
    (void)state;
    stand_deinit(&s);
    return 0;
}

static void an_index_changes_when_the_answer_does_and_only_then(void **state)
{
    (void)state;
    struct lookup_endpoint e[] = {stand_endpoint(1, &stand_a, ENDPOINT_HEALTH_PASSING),
                                  stand_endpoint(2, &stand_b, ENDPOINT_HEALTH_PASSING)};
    struct lookup_endpoint turned[] = {e[1], e[0]};

    stand_tell(&s, "api", e, 2);
    uint64_t first = index_of("api");

    stand_tell(&s, "api", turned, 2); /* nearer ones first: the same ones */
    e[1].distance_us = 200;
    stand_tell(&s, "api", e, 2);
    stand_tell(&s, "web", e, 1);
    assert_int_equal(index_of("api"), first);
    assert_int_equal(
        directory_service(&s.hub.directory, bytes_str("api"))->says.endpoints[1].distance_us, 200);
    e[1].health = ENDPOINT_HEALTH_CRITICAL;
    stand_tell(&s, "api", e, 2);
    uint64_t second = index_of("api");

    assert_true(second > first);
    e[1].output = bytes_str("connection refused");
    stand_tell(&s, "api", e, 2);
    assert_true(index_of("api") > second);
}

static void only_those_who_wait_for_it_are_woken(void **state)
{
    (void)state;
    struct watcher api = {0}, web = {0}, ghost = {0}, again = {0};
    struct lookup_endpoint e = stand_endpoint(1, &stand_a, ENDPOINT_HEALTH_PASSING);
    struct directory *d = &s.hub.directory;

    stand_tell(&s, "api", &e, 1);
    stand_tell(&s, "web", &e, 1);
    directory_watch(directory_resource(d, bytes_str("api")), &api);
    directory_watch(directory_resource(d, bytes_str("api")), &again);
    directory_watch(directory_resource(d, bytes_str("web")), &web);
    directory_watch(directory_resource(d, bytes_str("ghost")), &ghost);
    directory_unwatch(&again);
    e.port = 1;
    stand_tell(&s, "api", &e, 1);
    assert_int_equal(s.woken, 1);
    assert_null(api.on);
    e.port = 2;
    stand_tell(&s, "api", &e, 1); /* told once */
    assert_int_equal(s.woken, 1);
    stand_tell(&s, "ghost", &e, 1);
    assert_int_equal(s.woken, 2);
    stand_tell_gone(&s, "web");
    assert_int_equal(s.woken, 3);
    assert_null(web.on);
}

static void a_service_that_went_is_not_there_and_its_index_is(void **state)
{
    (void)state;
    struct lookup_endpoint e = stand_endpoint(1, &stand_a, ENDPOINT_HEALTH_PASSING);
    struct directory *d = &s.hub.directory;

    stand_tell(&s, "api", &e, 1);
    uint64_t before = index_of("api"), list = d->list.index;

    stand_tell_gone(&s, "api");
    assert_null(directory_service(d, bytes_str("api")));
    assert_null(directory_first(d));
    assert_null(directory_first_name(d));
    assert_true(index_of("api") > before);
    assert_true(d->list.index > list);
    assert_int_equal(index_of("never"), 1000);
}

static void the_list_changes_with_names_and_tags_only(void **state)
{
    (void)state;
    const struct bytes own[] = {bytes_str("b"), bytes_str("a"), bytes_str("b")};
    struct lookup_endpoint e = stand_endpoint(1, &stand_a, ENDPOINT_HEALTH_PASSING);
    struct directory *d = &s.hub.directory;

    stand_tell(&s, "api", &e, 1);
    uint64_t list = d->list.index;

    e.port = 1;
    stand_tell(&s, "api", &e, 1);
    assert_int_equal(d->list.index, list);
    e.own_tags = true;
    e.tags = own;
    e.tags_n = 3;
    stand_tell(&s, "api", &e, 1);
    assert_true(d->list.index > list);
    struct bytes listed = directory_first_name(d)->portrait->listed;

    assert_true(bytes_equal(listed, bytes_of("+a\0b\0v1\0", 8)));
    list = d->list.index;
    stand_tell(&s, "api", &e, 0);
    assert_true(d->list.index > list);
}

static void a_member_with_another_name_changes_what_runs_there(void **state)
{
    (void)state;
    struct lookup_endpoint e = stand_endpoint(1, &stand_b, ENDPOINT_HEALTH_PASSING);
    struct lookup_endpoint other = stand_endpoint(1, &stand_a, ENDPOINT_HEALTH_PASSING);
    struct directory *d = &s.hub.directory;

    stand_tell(&s, "api", &e, 1);
    stand_tell(&s, "web", &other, 1);
    uint64_t api = index_of("api"), web = index_of("web"), nodes = d->nodes.index;

    stand_tell_member(&s, &stand_b, MEMBER_STATE_ALIVE, "b"); /* nothing new */
    assert_int_equal(d->nodes.index, nodes);
    stand_tell_member(&s, &stand_b, MEMBER_STATE_ALIVE, "bee");
    assert_true(d->nodes.index > nodes);
    assert_true(index_of("api") > api);
    assert_int_equal(index_of("web"), web);
    api = index_of("api");
    stand_tell_member(&s, &stand_b, MEMBER_STATE_DEAD, "bee"); /* services are told of apart */
    assert_int_equal(index_of("api"), api);
    stand_tell_member(&s, &stand_b, MEMBER_STATE_UNKNOWN, "");
    assert_null(directory_member(d, &stand_b));
}

static void a_node_changes_with_what_runs_there_and_no_other(void **state)
{
    (void)state;
    struct lookup_endpoint e[] = {stand_endpoint(1, &stand_a, ENDPOINT_HEALTH_PASSING),
                                  stand_endpoint(2, &stand_b, ENDPOINT_HEALTH_PASSING)};
    struct directory *d = &s.hub.directory;
    struct dir_member *a = directory_named(d, bytes_str("a"));
    struct dir_member *b = directory_named(d, bytes_str("b"));
    struct watcher w = {0};

    stand_tell(&s, "api", e, 2);
    uint64_t a_index = a->resource.index, b_index = b->resource.index;

    e[1].port = 7;
    stand_tell(&s, "api", e, 2);
    assert_int_equal(a->resource.index, a_index);
    assert_true(b->resource.index > b_index);
    b_index = b->resource.index;
    stand_tell(&s, "api", e, 1);
    assert_int_equal(a->resource.index, a_index);
    assert_true(b->resource.index > b_index);
    b_index = b->resource.index;
    stand_tell_gone(&s, "api");
    assert_true(a->resource.index > a_index);
    assert_int_equal(b->resource.index, b_index);
    directory_watch(&b->resource, &w);
    stand_tell_member(&s, &stand_b, MEMBER_STATE_UNKNOWN, ""); /* who waits for it is told */
    assert_int_equal(s.woken, 1);
    assert_null(directory_named(d, bytes_str("b")));
}

static void told_anew_what_is_not_said_again_is_gone(void **state)
{
    (void)state;
    struct lookup_endpoint e = stand_endpoint(1, &stand_a, ENDPOINT_HEALTH_PASSING);
    struct directory *d = &s.hub.directory;

    stand_tell(&s, "api", &e, 1);
    stand_tell(&s, "web", &e, 1);
    uint64_t web = index_of("web");

    directory_tell(d, &(struct effect_lookup){.anew = true});
    stand_tell(&s, "web", &e, 1);
    stand_tell_member(&s, &stand_a, MEMBER_STATE_ALIVE, "a");
    assert_non_null(directory_service(d, bytes_str("api")));
    directory_tell(d, &(struct effect_lookup){.whole = true});
    assert_null(directory_service(d, bytes_str("api")));
    assert_null(directory_member(d, &stand_b));
    assert_non_null(directory_member(d, &stand_a));
    assert_int_equal(index_of("web"), web);
}

/* Until then readers have the former file. */
static void what_changed_while_all_was_told_anew_changes_at_its_end(void **state)
{
    (void)state;
    struct watcher w = {0};
    struct lookup_endpoint e = stand_endpoint(1, &stand_a, ENDPOINT_HEALTH_PASSING);
    struct directory *d = &s.hub.directory;

    stand_tell(&s, "api", &e, 1);
    uint64_t api = index_of("api"), list = d->list.index;

    directory_watch(directory_resource(d, bytes_str("api")), &w);
    directory_tell(d, &(struct effect_lookup){.anew = true});
    e.port = 1;
    stand_tell(&s, "api", &e, 1);
    stand_tell(&s, "new", &e, 1);
    assert_int_equal(index_of("api"), api);
    assert_int_equal(d->list.index, list);
    assert_int_equal(s.woken, 0);
    directory_tell(d, &(struct effect_lookup){.whole = true});
    assert_true(index_of("api") > api);
    assert_true(d->list.index > list);
    assert_int_equal(s.woken, 1);
}

static void services_on_a_node_are_found_without_reading_others(void **state)
{
    (void)state;
    struct lookup_endpoint e[] = {stand_endpoint(1, &stand_a, ENDPOINT_HEALTH_PASSING),
                                  stand_endpoint(2, &stand_b, ENDPOINT_HEALTH_CRITICAL)};
    struct directory *d = &s.hub.directory;

    stand_tell(&s, "both", e, 2);
    stand_tell(&s, "here", e, 1);
    stand_tell(&s, "there", e + 1, 1);
    const struct dir_service *on = directory_first_on(d, &stand_b);

    assert_true(bytes_equal_str(on->name, "both"));
    on = directory_next_on(on, &stand_b);
    assert_true(bytes_equal_str(on->name, "there"));
    assert_null(directory_next_on(on, &stand_b));
    assert_int_equal(d->healths[ENDPOINT_HEALTH_PASSING], 2);
    assert_int_equal(d->healths[ENDPOINT_HEALTH_CRITICAL], 2);
    stand_tell_gone(&s, "there");
    assert_int_equal(d->healths[ENDPOINT_HEALTH_CRITICAL], 1);
}

/* An empty list would say that there is nothing. */
static void a_file_that_cannot_be_read_is_no_answer(void **state)
{
    (void)state;
    struct lookup_endpoint e = stand_endpoint(1, &stand_a, ENDPOINT_HEALTH_PASSING);

    stand_tell(&s, "api", &e, 1);
    s.problem = LOOKUP_TORN;
    assert_int_equal(stand_get(&s, "/v1/health/service/api"), 503);
    assert_int_equal(stand_get(&s, "/api/v1/prometheus"), 503);
    s.problem = 0;
    assert_int_equal(stand_get(&s, "/v1/health/service/api"), 200);
    assert_int_equal(stand_count(&s), 1);
}

/* Names that somebody asks for and nobody has cost a bounded amount; one that is waited for stays. */
static void unknown_names_are_forgotten(void **state)
{
    (void)state;
    struct watcher w = {0};
    struct directory *d = &s.hub.directory;
    char name[16];

    directory_watch(directory_resource(d, bytes_str("waited-for")), &w);
    for (unsigned i = 0; i < DIRECTORY_GONE_MAX + 100; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        (void)index_of(name);
    }
    assert_true(d->gone_n <= DIRECTORY_GONE_MAX + 2);
    assert_true(w.on == directory_resource(d, bytes_str("waited-for")));
    directory_unwatch(&w);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_index_changes_when_the_answer_does_and_only_then),
        CASE(only_those_who_wait_for_it_are_woken),
        CASE(a_service_that_went_is_not_there_and_its_index_is),
        CASE(the_list_changes_with_names_and_tags_only),
        CASE(a_member_with_another_name_changes_what_runs_there),
        CASE(a_node_changes_with_what_runs_there_and_no_other),
        CASE(told_anew_what_is_not_said_again_is_gone),
        CASE(what_changed_while_all_was_told_anew_changes_at_its_end),
        CASE(services_on_a_node_are_found_without_reading_others),
        CASE(a_file_that_cannot_be_read_is_no_answer),
        CASE(unknown_names_are_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
