#include "cluster.h"
#include "gossip/load_batch.h"
#include "gossip/loadcast.h"
#include "test.h"

#include <string.h>

static struct cluster *running(size_t n)
{
    struct cluster *c = cluster_new(n);
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 20 * KITH_SEC));
    return c;
}

/* As the shells do it: each host is measured every second. */
static void run_measured(struct cluster *c, int seconds)
{
    for (int s = 0; s < seconds; s++) {
        for (size_t i = 0; i < c->n; i++)
            node_sample(c, i, (uint16_t)(100 + 4 * i), 500);
        cluster_run(c, KITH_SEC);
    }
}

static kith_time age_of(struct cluster *c, size_t by, size_t host)
{
    struct ulid id = node_id(c, host);
    struct load_value v;
    if (!loads_host(node_loads(c, by), &id, c->now_us, &v))
        return KITH_NEVER;
    assert_int_equal(v.value, loads_host_value((uint32_t)(100 + 4 * host), 500));
    return c->now_us - v.taken_us;
}

static kith_time oldest(struct cluster *c)
{
    kith_time age_us = 0;
    for (size_t by = 0; by < c->n; by++) {
        for (size_t host = 0; host < c->n; host++) {
            kith_time a = age_of(c, by, host);
            age_us = a > age_us ? a : age_us;
        }
    }
    return age_us;
}

static void everybody_knows_everybodys_load(void **unused)
{
    (void)unused;
    struct cluster *c = running(5);
    run_measured(c, 8);
    for (int s = 0; s < 20; s++) {
        run_measured(c, 1);
        assert_true(oldest(c) <
                    6 * KITH_SEC); /* all are told each 5 s, and hosts measured each second */
    }
    cluster_free(c);
}

static void sixty_four_peers_stay_within_their_budget(void **unused)
{
    (void)unused;
    struct cluster *c = running(64);
    run_measured(c, 20); /* the tree stands */
    uint64_t before = cluster_count(c, "load.bytes_sent");
    for (int s = 0; s < 10; s++) {
        run_measured(c, 1);
        assert_true(oldest(c) < 15 * KITH_SEC);
    }
    uint64_t bytes = (cluster_count(c, "load.bytes_sent") - before) / 64 / 10;
    assert_in_range(bytes, 100, LOADCAST_BYTES);
    cluster_free(c);
}

static void a_dead_hosts_load_is_forgotten(void **unused)
{
    (void)unused;
    struct cluster *c = running(3);
    run_measured(c, 3);
    assert_true(age_of(c, 0, 2) < 5 * KITH_SEC);
    node_kill(c, 2);
    run_measured(c, 70);
    assert_true(age_of(c, 0, 2) == KITH_NEVER);
    assert_true(age_of(c, 0, 1) < 5 * KITH_SEC);
    cluster_free(c);
}

/* ---- endpoints ---- */

static void put_row(struct cluster *c, size_t i, enum table_id table, struct bytes key,
                    struct bytes value)
{
    assert_int_equal(state_put(node_state(c, i), table, key, value, 0, 0), 0);
}

static struct ulid small_id(uint8_t n)
{
    return (struct ulid){{9, n}};
}

/* Service `name` with an instance on the node, as src/control would write its rows. */
static void run_service(struct cluster *c, size_t node, uint8_t n, const char *name,
                        const char *needs)
{
    struct ulid service = small_id(n), spec_id = small_id((uint8_t)(n + 100));
    struct ulid host = node_id(c, node), instance = small_id((uint8_t)(n + 200));
    struct bytes need = bytes_str(needs ? needs : "");
    struct buf value = {0};
    uint8_t key[32];
    service_row_encode(&value, &(struct service_row){.name = bytes_str(name), .spec = spec_id});
    put_row(c, node, TABLE_ID_SERVICE, ulid_bytes(&service), buf_bytes(&value));
    buf_reset(&value);
    struct spec_row spec = {.spec = {.name = bytes_str(name), .needs = &need}};
    spec.spec.needs_n = needs ? 1 : 0;
    spec_row_encode(&value, &spec);
    memcpy(key, service.b, 16);
    memcpy(key + 16, spec_id.b, 16);
    put_row(c, node, TABLE_ID_SPEC, bytes_of(key, 32), buf_bytes(&value));
    buf_reset(&value);
    struct instance_row row = {
        .service = service, .spec = spec_id, .state = INSTANCE_STATE_RUNNING, .pid = 1};
    instance_row_encode(&value, &row);
    memcpy(key, host.b, 16);
    memcpy(key + 16, instance.b, 16);
    put_row(c, node, TABLE_ID_INSTANCE, bytes_of(key, 32), buf_bytes(&value));
    buf_deinit(&value);
}

static kith_time endpoint_age(struct cluster *c, size_t by, size_t node, uint8_t n,
                              uint16_t *ret_value)
{
    struct ulid host = node_id(c, node), instance = small_id((uint8_t)(n + 200));
    struct load_value v;
    if (!loads_endpoint(node_loads(c, by), &host, &instance, c->now_us, &v))
        return KITH_NEVER;
    *ret_value = v.value;
    return c->now_us - v.taken_us;
}

static void who_needs_a_service_hears_of_its_endpoints_every_second(void **unused)
{
    (void)unused;
    struct cluster *c = running(20);
    struct ulid db = small_id(201);
    kith_time worst = 0, others = 0;
    uint16_t value = 0;
    cluster_run(c, KITH_SEC);
    run_service(c, 1, 1, "db", NULL);
    run_service(c, 2, 2, "api", "db");
    for (int s = 0; s < 30; s++) {
        node_checked(c, 1, &db, 3 * KITH_MS);
        run_measured(c, 1);
        if (s < 12)
            continue;
        kith_time age = endpoint_age(c, 2, 1, 1, &value);
        worst = age > worst ? age : worst;
        assert_int_equal(value, 30);
        age = endpoint_age(c, 7, 1, 1, &value);
        others = age > others ? age : others;
    }
    assert_true(worst <= 2 * KITH_SEC);
    assert_true(others < 15 * KITH_SEC);
    assert_true(node_count(c, 1, "load.direct_messages") > 15);
    assert_int_equal(node_count(c, 2, "load.direct_messages"), 0);
    cluster_free(c);
}

/* A report about a host, as a member sends it on a service's topic. */
static void report_from(struct cluster *c, size_t to, size_t from, size_t about, uint64_t seq)
{
    struct load_report r = {.node = node_id(c, about), .cpu_permille = 900, .memory_permille = 900};
    struct buf payload = {0}, message = {0}, batch = {0};
    struct stranger who = {.id = node_id(c, from), .door = DOOR_BULK, .route = 77};
    who.boot = node_member(c, to, from)->row->boot;
    who.from = "127.0.0.9";
    load_report_encode(&payload, &r);
    topic_message_encode(&message, &(struct topic_message){.origin = who.id,
                                                           .boot = who.boot,
                                                           .seq = seq,
                                                           .topic = bytes_str("load/db"),
                                                           .payload = buf_bytes(&payload)});
    struct topic_item item = {.message = buf_bytes(&message)};
    topic_batch_encode(&batch, &(struct topic_batch){.items = &item, .items_n = 1});
    node_frame(c, to, &who, WIRE_TOPIC_BATCH, buf_bytes(&batch));
    buf_deinit(&payload);
    buf_deinit(&message);
    buf_deinit(&batch);
}

static void nobody_reports_for_another(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(3);
    struct load_value v;
    struct ulid one = node_id(c, 1), two = node_id(c, 2);
    c->insecure = true;
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 20 * KITH_SEC));
    report_from(c, 0, 2, 1, 1);
    assert_false(loads_host(node_loads(c, 0), &one, c->now_us, &v));
    assert_int_equal(node_count(c, 0, "refused_owner"), 1);
    assert_int_equal(node_logged(c, 0, "reports another host's load"), 1);
    report_from(c, 0, 2, 2, 2);
    assert_true(loads_host(node_loads(c, 0), &two, c->now_us, &v));
    assert_int_equal(node_count(c, 0, "refused_owner"), 1);
    cluster_free(c);
}

/* ---- batches ---- */

static const struct roster nobody;

static void a_batch_says_what_is_news_and_not_to_whom_it_came_from(void **unused)
{
    (void)unused;
    struct loads *from = loads_new(), *to = loads_new();
    struct load_value v = {.value = 7, .taken_us = 9 * KITH_SEC}, got;
    struct ulid host = small_id(1), instance = small_id(2), other = small_id(3);
    struct buf batch = {0};
    struct load_read read;
    struct wire_error err;
    assert_false(load_batch_write(
        &batch, from, &(struct load_target){.not_from = 15, .roster = &nobody}, 10 * KITH_SEC));
    loads_put(from, loads_host_key(&host), &v, 1, 10 * KITH_SEC);
    loads_put(from, loads_host_key(&host) | loads_endpoint_key(&instance), &v, 1, 10 * KITH_SEC);
    loads_put(from, loads_host_key(&other), &v, 2, 10 * KITH_SEC);
    assert_true(load_batch_write(
        &batch, from, &(struct load_target){.not_from = 2, .roster = &nobody}, 11 * KITH_SEC));
    assert_int_equal(load_batch_read(&read, to, &nobody, buf_bytes(&batch), 5, 50 * KITH_SEC, &err),
                     0);
    assert_int_equal(read.news, 2);
    assert_true(loads_host(to, &host, 50 * KITH_SEC, &got));
    assert_int_equal(got.taken_us, 48 * KITH_SEC);
    assert_true(loads_endpoint(to, &host, &instance, 50 * KITH_SEC, &got));
    assert_false(loads_host(to, &other, 50 * KITH_SEC, &got));
    assert_int_equal(load_batch_read(&read, to, &nobody, buf_bytes(&batch), 6, 50 * KITH_SEC, &err),
                     0);
    assert_int_equal(read.news, 0);
    assert_int_equal(read.old, 2);
    assert_true(batch.len < 30);
    assert_false(load_batch_write(
        &batch, from, &(struct load_target){.not_from = LOAD_BATCH_OWN, .roster = &nobody},
        11 * KITH_SEC));
    /* Whoever heard nothing from here yet gets what was told to others, too. */
    loads_told(from);
    buf_reset(&batch);
    assert_false(load_batch_write(
        &batch, from, &(struct load_target){.not_from = 2, .roster = &nobody}, 11 * KITH_SEC));
    assert_true(load_batch_write(
        &batch, from, &(struct load_target){.not_from = 2, .all = true, .roster = &nobody},
        11 * KITH_SEC));
    assert_int_equal(load_batch_read(&read, to, &nobody, buf_bytes(&batch), 6, 50 * KITH_SEC, &err),
                     0);
    assert_int_equal(read.old, 2);
    buf_deinit(&batch);
    loads_free(from);
    loads_free(to);
}

/* Four bytes a host between two that know the same members; any number of places may lie between. */
static void hosts_are_named_by_their_places(void **unused)
{
    (void)unused;
    struct loads *from = loads_new(), *to = loads_new();
    static uint32_t keys[1000];
    struct roster roster = {.now = {keys, 1000, 77}}, other = {.now = {keys, 1000, 78}};
    struct load_value v = {.value = 7, .taken_us = 9 * KITH_SEC};
    struct buf batch = {0};
    struct load_read read;
    struct wire_error err;
    static const size_t places[] = {0, 1, 255, 256, 511, 999};
    for (uint32_t i = 0; i < 1000; i++)
        keys[i] = 1000 + 7 * i;
    for (size_t i = 0; i < 6; i++)
        loads_put(from, (uint64_t)keys[places[i]] << 16, &v, 1, 10 * KITH_SEC);
    loads_put(from, (uint64_t)keys[255] << 16 | 5, &v, 1, 10 * KITH_SEC); /* an endpoint there */
    loads_put(from, UINT64_C(3) << 16, &v, 1, 10 * KITH_SEC);             /* no member */
    assert_true(load_batch_write(
        &batch, from, &(struct load_target){.not_from = 2, .roster = &roster, .theirs = 77},
        10 * KITH_SEC));
    assert_true(batch.len < 6 * 4 + 3 + 7 + 7 + 4 + 30);
    assert_int_equal(load_batch_read(&read, to, &other, buf_bytes(&batch), 1, 10 * KITH_SEC, &err),
                     0);
    assert_int_equal(read.unknown, 6);
    assert_int_equal(read.news, 1);
    assert_int_equal(read.roster, 77);
    other.before = roster.now; /* it was so a moment ago */
    assert_int_equal(load_batch_read(&read, to, &other, buf_bytes(&batch), 1, 10 * KITH_SEC, &err),
                     0);
    assert_int_equal(read.unknown, 0);
    assert_int_equal(read.news, 7);
    assert_int_equal(loads_count(to), loads_count(from));
    size_t a = 0, b = 0;
    struct load_news here, there;
    while (loads_next_news(from, &a, 10 * KITH_SEC, &here)) {
        assert_true(loads_next_news(to, &b, 10 * KITH_SEC, &there));
        assert_true(here.key == there.key);
        assert_int_equal(here.load.taken_us, there.load.taken_us);
    }
    /* Cut short within a host, it is none. */
    buf_reset(&batch);
    load_batch_encode(&batch,
                      &(struct load_batch){.roster = 77, .places = bytes_of("\xff\xff", 2)});
    assert_int_equal(load_batch_read(&read, to, &roster, buf_bytes(&batch), 1, KITH_SEC, &err),
                     WIRE_BAD);
    buf_deinit(&batch);
    loads_free(from);
    loads_free(to);
}

/* The batch that peers with one roster send of a thousand hosts; `every` so manieth has two endpoints. */
static void batch_of_a_thousand(struct buf *ret, struct loads *from, uint32_t every)
{
    static uint32_t keys[1000];
    struct roster roster = {.now = {keys, 1000, 77}};
    struct load_value v = {.value = 7, .taken_us = 9 * KITH_SEC};
    for (uint32_t i = 0; i < 1000; i++) {
        keys[i] = 1 + i;
        uint64_t key = (uint64_t)keys[i] << 16;
        loads_put(from, key, &v, 1, 10 * KITH_SEC);
        for (uint16_t k = 1; k <= 2 && every > 0 && i % every == every - 1; k++)
            loads_put(from, key | k, &v, 1, 10 * KITH_SEC);
    }
    const struct load_target target = {.not_from = 2, .roster = &roster, .theirs = 77};
    assert_true(load_batch_write(ret, from, &target, 10 * KITH_SEC));
}

static void endpoints_cost_nothing_for_hosts_that_have_none(void **unused)
{
    (void)unused;
    struct loads *bare = loads_new(), *from = loads_new(), *to = loads_new();
    struct buf hosts = {0}, all = {0};
    struct load_read read;
    struct wire_error err;
    batch_of_a_thousand(&hosts, bare, 0);
    batch_of_a_thousand(&all, from, 300); /* on the hosts 299, 599, 899: more than a byte apart */
    assert_true(hosts.len < 4 * 1000 + 20);
    assert_in_range(all.len - hosts.len, 6 * 5 + 3, 6 * 5 + 3 + 4);
    /* Who does not know the order takes nothing, but reads over all of it. */
    assert_int_equal(load_batch_read(&read, to, &nobody, buf_bytes(&all), 1, 10 * KITH_SEC, &err),
                     0);
    assert_int_equal(read.unknown, 1000);
    assert_int_equal(loads_count(to), 0);
    buf_deinit(&hosts);
    buf_deinit(&all);
    loads_free(bare);
    loads_free(from);
    loads_free(to);
}

/* In any order they come in; who left is still one until it is forgotten. */
static void peers_with_the_same_members_have_one_roster(void **unused)
{
    (void)unused;
    struct cluster *c = running(5);
    run_measured(c, 12);
    node_kill(c, 4);
    run_measured(c, 12);
    assert_int_equal(cluster_count(c, "load.unknown"), 0);
    cluster_free(c);
}

static void lists_that_do_not_agree_are_refused_as_a_whole(void **unused)
{
    (void)unused;
    struct loads *l = loads_new();
    struct load_read read;
    struct wire_error err;
    struct buf out = {0};
    /* One endpoint on the first host, two on the second. */
    static const char endpoints[] = "\0abcd"
                                    "\1ABCD"
                                    "\0abcd",
                      far[] = "\0abcd"
                              "\2ABCD",
                      cut[] = "\0abcd"
                              "\xff";
    struct load_batch good = {.hosts = bytes_of("abcdefgABCDEFG", 14),
                              .endpoints = bytes_of(endpoints, 15)};
    struct load_batch bad[5];
    for (size_t i = 0; i < 5; i++)
        bad[i] = good;
    bad[0].hosts.len = 13;
    bad[1].hosts.len = 7;
    bad[2].endpoints.len = 14;
    bad[3].endpoints = bytes_of(far, 10);
    bad[4].endpoints = bytes_of(cut, 6);
    for (size_t i = 0; i < 5; i++) {
        buf_reset(&out);
        load_batch_encode(&out, &bad[i]);
        assert_int_equal(load_batch_read(&read, l, &nobody, buf_bytes(&out), 1, KITH_SEC, &err),
                         WIRE_BAD);
    }
    assert_int_equal(loads_count(l), 0);
    buf_reset(&out);
    load_batch_encode(&out, &good);
    assert_int_equal(load_batch_read(&read, l, &nobody, buf_bytes(&out), 1, KITH_SEC, &err), 0);
    assert_int_equal(loads_count(l), 5);
    buf_deinit(&out);
    loads_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_knows_everybodys_load),
        cmocka_unit_test(sixty_four_peers_stay_within_their_budget),
        cmocka_unit_test(a_dead_hosts_load_is_forgotten),
        cmocka_unit_test(who_needs_a_service_hears_of_its_endpoints_every_second),
        cmocka_unit_test(nobody_reports_for_another),
        cmocka_unit_test(a_batch_says_what_is_news_and_not_to_whom_it_came_from),
        cmocka_unit_test(hosts_are_named_by_their_places),
        cmocka_unit_test(endpoints_cost_nothing_for_hosts_that_have_none),
        cmocka_unit_test(peers_with_the_same_members_have_one_roster),
        cmocka_unit_test(lists_that_do_not_agree_are_refused_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
