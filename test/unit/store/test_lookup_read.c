#include "store/lookup_read.h"

#include "base/rng.h"
#include "folder.h"
#include "lookups.h"
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct folder dir;
static struct lookup_file *file;
static struct arena mem;

static int begin(void **state)
{
    (void)state;
    folder_make(&dir);
    file = lookups_file(dir.path);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_deinit(&mem);
    lookup_file_close(file);
    folder_remove(&dir);
    return 0;
}

static const struct bytes space = {(const uint8_t *)"default", 7};
static const struct pair team = {{(const uint8_t *)"team", 4}, {(const uint8_t *)"blue", 4}};

static struct lookup_endpoint endpoint(uint8_t number)
{
    return (struct lookup_endpoint){.instance = {{1, number}},
                                    .node = {{2, number}},
                                    .node_name = bytes_str("a-node-of-some-length"),
                                    .addr = bytes_str("10.0.0.1"),
                                    .port_name = bytes_str("http"),
                                    .port = (uint16_t)(8000 + number),
                                    .weight = 100,
                                    .distance_us = number};
}

/* `healthy` endpoints, and after them those that fail, up to 4 in all. */
static void put(const char *name, uint32_t healthy, const char *output)
{
    static const struct bytes tags[] = {{(const uint8_t *)"v1", 2}};
    struct lookup_endpoint list[4];

    for (uint8_t i = 0; i < 4; i++) {
        list[i] = endpoint(i);
        if (i >= healthy) {
            list[i].health = ENDPOINT_HEALTH_CRITICAL;
            list[i].output = bytes_str(output);
        }
    }
    struct lookup_service s = {.space = space,
                               .name = bytes_str(name),
                               .tags = tags,
                               .tags_n = 1,
                               .endpoints = list,
                               .endpoints_n = healthy,
                               .failing = list + healthy,
                               .failing_n = 4 - healthy};

    assert_int_equal(lookup_file_put(file, &s), 0);
}

static const struct lookup_map *map(void)
{
    return &lookup_file_table(file)->map;
}

static struct lookup_service see(const char *name)
{
    struct lookup_service s;

    assert_int_equal(lookup_read_service(map(), space, bytes_str(name), &mem, &s), 0);
    assert_true(bytes_equal_str(s.name, name));
    return s;
}

static void what_fails_is_told_beside_what_answers(void **state)
{
    (void)state;
    put("api", 3, "connection refused");
    struct lookup_service s = see("api");

    assert_int_equal(s.endpoints_n, 3);
    assert_int_equal(s.failing_n, 1);
    assert_int_equal(s.tags_n, 1);
    assert_true(bytes_equal_str(s.tags[0], "v1"));
    for (uint8_t i = 0; i < 4; i++) {
        const struct lookup_endpoint *e = &s.endpoints[i], want = endpoint(i);

        assert_true(ulid_equal(&e->instance, &want.instance) && ulid_equal(&e->node, &want.node));
        assert_true(bytes_equal(e->addr, want.addr) && bytes_equal(e->node_name, want.node_name));
        assert_int_equal(e->port, want.port);
        assert_int_equal(e->distance_us, want.distance_us);
    }
    assert_int_equal(s.failing->health, ENDPOINT_HEALTH_CRITICAL);
    assert_true(bytes_equal_str(s.failing->output, "connection refused"));
    assert_int_equal(lookups_see(map(), "api").endpoints, 3); /* applications see what answers */
}

static void a_registration_is_told_with_all_that_it_said(void **state)
{
    (void)state;
    static const struct bytes own[] = {{(const uint8_t *)"canary", 6}, {(const uint8_t *)"v2", 2}};
    struct lookup_endpoint e = endpoint(1);

    e.own_tags = true;
    e.tags = own;
    e.tags_n = 2;
    e.meta = &team;
    e.meta_n = 1;
    e.health = ENDPOINT_HEALTH_WARNING;
    e.registration = bytes_str("db-1");
    e.ttl_ms = 30000;
    e.output = bytes_str("slow");
    struct lookup_service s = {.space = space,
                               .name = bytes_str("db"),
                               .meta = &team,
                               .meta_n = 1,
                               .endpoints = &e,
                               .endpoints_n = 1};

    assert_int_equal(lookup_file_put(file, &s), 0);
    s = see("db");
    e = s.endpoints[0];
    assert_true(e.own_tags);
    assert_int_equal(e.tags_n, 2);
    assert_true(bytes_equal_str(e.tags[0], "canary") && bytes_equal_str(e.tags[1], "v2"));
    assert_true(bytes_equal_str(e.meta->key, "team") && bytes_equal_str(e.meta->value, "blue"));
    assert_int_equal(e.health, ENDPOINT_HEALTH_WARNING);
    assert_true(bytes_equal_str(e.registration, "db-1"));
    assert_int_equal(e.ttl_ms, 30000);
    assert_true(bytes_equal_str(e.output, "slow"));
    assert_int_equal(s.meta_n, 1);
    assert_int_equal(s.tags_n, 0);
}

/* Behind others that have none, with texts of any length. */
static void checks_are_told_one_by_one(void **state)
{
    (void)state;
    const struct endpoint_check checks[] = {{.id = bytes_str("service:db-1:1"),
                                             .ttl_ms = 5000,
                                             .health = ENDPOINT_HEALTH_WARNING,
                                             .output = bytes_str("slow")},
                                            {.id = bytes_str("disk"),
                                             .name = bytes_str("Disk"),
                                             .notes = bytes_str("of the host's /var"),
                                             .health = ENDPOINT_HEALTH_PASSING}};
    struct lookup_endpoint e[] = {endpoint(1), endpoint(2), endpoint(3)};
    struct lookup_service s = {
        .space = space, .name = bytes_str("db"), .endpoints = e, .endpoints_n = 3};

    e[1].checks = checks;
    e[1].checks_n = 2;
    e[1].output = bytes_str("slow");
    e[2].registration = bytes_str("db-3");
    e[2].by_host = true;
    e[2].own = ENDPOINT_HEALTH_PASSING;
    e[2].health = ENDPOINT_HEALTH_WARNING;
    assert_int_equal(lookup_file_put(file, &s), 0);
    s = see("db");
    assert_int_equal(s.endpoints[0].checks_n, 0);
    assert_int_equal(s.endpoints[2].checks_n, 0);
    assert_true(s.endpoints[2].by_host && !s.endpoints[1].by_host);
    assert_int_equal(s.endpoints[2].own, ENDPOINT_HEALTH_PASSING);
    assert_int_equal(s.endpoints[2].health, ENDPOINT_HEALTH_WARNING);
    assert_true(bytes_equal_str(s.endpoints[2].registration, "db-3"));
    assert_true(bytes_equal_str(s.endpoints[1].output, "slow"));
    assert_int_equal(s.endpoints[1].checks_n, 2);
    const struct endpoint_check *told = s.endpoints[1].checks;

    for (unsigned i = 0; i < 2; i++) {
        assert_true(bytes_equal(told[i].id, checks[i].id));
        assert_true(bytes_equal(told[i].name, checks[i].name));
        assert_true(bytes_equal(told[i].notes, checks[i].notes));
        assert_true(bytes_equal(told[i].output, checks[i].output));
        assert_int_equal(told[i].health, checks[i].health);
        assert_int_equal(told[i].ttl_ms, checks[i].ttl_ms);
    }
}

/* Who sleeps on the service wakes for what answers, and for nothing else. */
static void what_applications_do_not_read_wakes_none_of_them(void **state)
{
    (void)state;
    put("api", 3, "connection refused");
    uint64_t index = lookups_see(map(), "api").index, woken = lookup_file_table(file)->woken;

    put("api", 3, "timed out");
    assert_true(bytes_equal_str(see("api").failing->output, "timed out"));
    assert_true(lookups_see(map(), "api").index == index);
    assert_true(lookup_file_table(file)->woken == woken);
    put("api", 2, "timed out");
    assert_true(lookups_see(map(), "api").index > index);
}

static bool has_whole(const char *name)
{
    struct lookup_name key = lookup_name(LOOKUP_WHOLE "default", 8, name, strlen(name));
    struct lookup_row_ref row;

    return lookup_find(map(), &key, &row) == 0 && !(row.at[LOOKUP_ROW_NAMES] & LOOKUP_ROW_GONE);
}

static void a_service_with_nothing_more_to_tell_has_one_row(void **state)
{
    (void)state;
    put("api", 4, "");
    assert_false(has_whole("api"));
    assert_int_equal(see("api").endpoints_n, 4);
    assert_true(bytes_equal_str(see("api").tags[0], "v1"));
    put("api", 0, "gone wrong");
    assert_true(has_whole("api"));
    assert_int_equal(see("api").failing_n, 4);
    assert_true(bytes_equal_str(see("api").tags[0], "v1"));
    put("api", 4, "");
    assert_false(has_whole("api"));
    assert_int_equal(see("api").failing_n, 0);
    put("api", 1, "once more");
    lookups_remove(file, "api");
    struct lookup_service s;

    assert_int_equal(lookup_read_service(map(), space, bytes_str("api"), &mem, &s), LOOKUP_NONE);
    assert_int_equal(lookup_get(&map()->words[LOOKUP_AT_SERVICES]), 0);
    assert_int_equal(lookup_file_table(file)->rows, 0);
}

/* ---- members ---- */

static void put_member(uint8_t number, enum member_state state, const char *name)
{
    struct lookup_member m = {.id = {{number}},
                              .state = state,
                              .name = bytes_str(name),
                              .host = bytes_str("10.0.0.7"),
                              .incarnation = number,
                              .tags = &team,
                              .tags_n = 1};

    assert_int_equal(lookup_file_put_member(file, &m), 0);
}

static uint32_t called(const char *name)
{
    const struct ulid *ids;
    uint32_t n;
    int problem = lookup_read_named(map(), bytes_str(name), &mem, &ids, &n);

    assert_true(problem == 0 || (problem == LOOKUP_NONE && n == 0));
    return n;
}

static void members_are_found_by_id_and_by_name(void **state)
{
    (void)state;
    struct lookup_member m;

    put_member(1, MEMBER_STATE_ALIVE, "Alpha");
    put_member(2, MEMBER_STATE_DEAD, "beta");
    put_member(3, MEMBER_STATE_ALIVE, "beta"); /* came back as another one */
    assert_int_equal(lookup_read_member(map(), &(struct ulid){{1}}, &mem, &m), 0);
    assert_true(bytes_equal_str(m.name, "Alpha") && bytes_equal_str(m.host, "10.0.0.7"));
    assert_int_equal(m.state, MEMBER_STATE_ALIVE);
    assert_int_equal(m.incarnation, 1);
    assert_true(bytes_equal_str(m.tags->value, "blue"));
    assert_int_equal(called("alpha"), 1);
    assert_int_equal(called("ALPHA"), 1);
    assert_int_equal(called("beta"), 2);
    assert_int_equal(called("gamma"), 0);
    put_member(3, MEMBER_STATE_ALIVE, "gamma");
    put_member(2, MEMBER_STATE_UNKNOWN, "");
    assert_int_equal(called("beta"), 0);
    assert_int_equal(called("gamma"), 1);
    assert_int_equal(lookup_read_member(map(), &(struct ulid){{2}}, &mem, &m), LOOKUP_NONE);
    assert_int_equal(lookup_get(&map()->words[LOOKUP_AT_SERVICES]), 0);
}

static void all_are_found_also_after_the_file_grew(void **state)
{
    (void)state;
    char name[16];
    uint32_t services = 0, members = 0, failing = 0;
    struct lookup_service s;
    struct lookup_member m;

    for (uint32_t i = 0; i < 2000; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        put(name, i % 5, "no");
    }
    for (uint8_t i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "m%u", i);
        put_member(i, MEMBER_STATE_ALIVE, name);
    }
    lookups_remove(file, "s7");
    put_member(9, MEMBER_STATE_UNKNOWN, "");
    for (uint64_t at = 0; lookup_read_next_service(map(), &at, &mem, &s) == 0; services++)
        failing += s.failing_n;
    for (uint64_t at = 0; lookup_read_next_member(map(), &at, &mem, &m) == 0;)
        members++;
    assert_true(map()->generation > 1);
    assert_int_equal(services, 1999);
    assert_int_equal(failing, 400 * (4 + 3 + 2 + 1) - 2);
    assert_int_equal(members, 199);
    assert_int_equal(called("m199"), 1);
    assert_int_equal(lookup_map_verify(map()), 0);
}

/* ---- while it is written ---- */

static void *change_without_end(void *arg)
{
    const bool *stop = arg;

    for (uint32_t i = 0; !__atomic_load_n(stop, __ATOMIC_RELAXED); i++)
        put("api", 4 - i % 3, i % 2 ? "one" : "another text");
    return NULL;
}

#define READS     20000
#define READS_MAX 50000000 /* beside other programs the writer may have to wait for its turn */

/* One row is there for all, or two: whichever it is, what is read is of one moment. */
static void no_mixture_is_read(void **state)
{
    (void)state;
    bool stop = false;
    pthread_t writer;
    uint32_t seen[5] = {0};

    put("api", 4, "");
    struct lookup_map at_first = *map(); /* rows of one size each: the file does not grow */

    assert_int_equal(pthread_create(&writer, NULL, change_without_end, &stop), 0);
    for (int i = 0; i < READS || (i < READS_MAX && !(seen[4] && seen[3] && seen[2])); i++) {
        struct lookup_service s;

        assert_int_equal(lookup_read_service(&at_first, space, bytes_str("api"), &mem, &s), 0);
        assert_int_equal(s.endpoints_n + s.failing_n, 4);
        seen[s.endpoints_n]++;
        for (uint32_t k = 0; k < s.failing_n; k++)
            assert_true(bytes_equal(s.failing[k].output, s.failing[0].output));
        arena_reset(&mem);
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    pthread_join(writer, NULL);
    assert_true(map()->generation == at_first.generation);
    assert_true(seen[4] && seen[3] && seen[2]);
}

/* Whatever stands there: an answer or a refusal, and nothing outside of the file is read. */
static void a_damaged_file_harms_nobody(void **state)
{
    (void)state;
    struct rng rng;
    uint64_t *words = lookup_file_table(file)->words;
    struct lookup_service s;
    struct lookup_member m;
    const struct ulid *ids;
    uint32_t n;

    put("api", 2, "connection refused");
    put("web", 4, "");
    put_member(1, MEMBER_STATE_ALIVE, "alpha");
    rng_seed(&rng, 5);
    for (int i = 0; i < 20000; i++) {
        uint64_t at = map()->heap_at + rng_below(&rng, 256), was = words[at];

        words[at] ^= (uint64_t)1 << rng_below(&rng, 64);
        (void)lookup_read_service(map(), space, bytes_str("api"), &mem, &s);
        (void)lookup_read_service(map(), space, bytes_str("web"), &mem, &s);
        (void)lookup_read_member(map(), &(struct ulid){{1}}, &mem, &m);
        (void)lookup_read_named(map(), bytes_str("alpha"), &mem, &ids, &n);
        words[at] = was;
        arena_reset(&mem);
    }
    assert_int_equal(see("api").failing_n, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_fails_is_told_beside_what_answers),
        TEST(a_registration_is_told_with_all_that_it_said),
        TEST(checks_are_told_one_by_one),
        TEST(what_applications_do_not_read_wakes_none_of_them),
        TEST(a_service_with_nothing_more_to_tell_has_one_row),
        TEST(members_are_found_by_id_and_by_name),
        TEST(all_are_found_also_after_the_file_grew),
        TEST(no_mixture_is_read),
        TEST(a_damaged_file_harms_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
