#include "cluster.h"
#include "gossip/fanout.h"
#include "gossip/listener.h"
#include "gossip/topics.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

static struct cluster *running(size_t n)
{
    struct cluster *c = cluster_new(n);
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 20 * KITH_SEC));
    cluster_run(c, 3 * KITH_SEC);
    return c;
}

static void subscribe_as(struct cluster *c, size_t i, uint64_t number, const char *pattern,
                         uint32_t lease_ms)
{
    struct bytes text = bytes_str(pattern);
    struct subscribe s = {
        .subscription = number, .patterns = &text, .patterns_n = 1, .lease_ms = lease_ms};
    struct buf payload = {0};
    enum wire_kind kind;
    subscribe_encode(&payload, &s);
    node_ask(c, i, WIRE_SUBSCRIBE, buf_bytes(&payload), &kind);
    assert_int_equal(kind, WIRE_SUBSCRIBED);
    buf_deinit(&payload);
}

static void subscribe(struct cluster *c, size_t i, const char *pattern)
{
    subscribe_as(c, i, 1, pattern, 60000);
}

static struct published publish_many(struct cluster *c, size_t i, const char *topic,
                                     struct bytes payload, uint32_t times,
                                     enum topic_priority priority)
{
    struct bytes payloads[PUBLISH_PAYLOADS_MAX_ITEMS];
    struct publish p = {
        .topic = bytes_str(topic), .payloads = payloads, .priority = priority, .payloads_n = times};
    struct published answer;
    struct buf request = {0};
    struct wire_error err;
    enum wire_kind kind;
    for (uint32_t k = 0; k < times; k++)
        payloads[k] = payload;
    publish_encode(&request, &p);
    struct bytes in = node_ask(c, i, WIRE_PUBLISH, buf_bytes(&request), &kind);
    assert_int_equal(kind, WIRE_PUBLISHED);
    assert_int_equal(published_decode(&answer, in, /* mem= */ NULL, &err), 0);
    buf_deinit(&request);
    return answer;
}

static struct published publish(struct cluster *c, size_t i, const char *topic, const char *payload)
{
    return publish_many(c, i, topic, bytes_str(payload), 1, TOPIC_PRIORITY_NORMAL);
}

static void subscribers_get_what_they_asked_for_and_nothing_else(void **unused)
{
    (void)unused;
    struct cluster *c = running(5);
    subscribe(c, 1, "load.#");
    subscribe(c, 2, "load/*/db");
    subscribe(c, 4, "other");
    cluster_run(c, KITH_SEC);
    struct published p = publish(c, 0, "load/eu/db", "1");
    assert_int_equal(p.accepted, 1);
    assert_int_equal(p.peers, 2);
    assert_int_equal(p.local, 0);
    publish(c, 2, "load.eu.web", "2");
    publish(c, 4, "nobody.listens", "3");
    cluster_run(c, KITH_SEC);
    assert_string_equal(node_delivered(c, 1), "load/eu/db=1\nload.eu.web=2\n");
    assert_string_equal(node_delivered(c, 2), "load/eu/db=1\n");
    assert_string_equal(node_delivered(c, 3), "");
    assert_string_equal(node_delivered(c, 4), "");
    /* No frame went where nobody is subscribed. */
    assert_int_equal(node_topic_links(c, 0), 2);
    assert_int_equal(node_topic_links(c, 4), 0);
    assert_int_equal(node_count(c, 3, "topic.received"), 0);
    cluster_free(c);
}

static void the_publishers_own_subscribers_hear_it_too(void **unused)
{
    (void)unused;
    struct cluster *c = running(1);
    subscribe_as(c, 0, 1, "a.*", 0);
    subscribe_as(c, 0, 2, "#", 0);
    struct published p = publish(c, 0, "a.b", "x");
    assert_int_equal(p.local, 2);
    assert_int_equal(p.peers, 0);
    assert_string_equal(node_delivered(c, 0), "a.b=x\na.b=x\n");
    cluster_free(c);
}

/* Most are subscribed: it goes along links that stand, to each once, and no connection is made for it. */
static void what_is_for_all_goes_along_the_overlay(void **unused)
{
    (void)unused;
    struct cluster *c = running(30);
    for (size_t i = 0; i < 30; i++)
        subscribe(c, i, "deploy.*");
    cluster_run(c, 20 * KITH_SEC); /* a tree stands, if the overlay has one */
    kith_time from = c->now_us;
    assert_int_equal(publish(c, 7, "deploy.now", "x").peers, 29);
    cluster_run(c, from + 8 * c->delay_us + KITH_MS - c->now_us);
    for (size_t i = 0; i < 30; i++) {
        assert_string_equal(node_delivered(c, i), "deploy.now=x\n");
        assert_int_equal(node_topic_links(c, i), 0);
    }
    assert_int_equal(cluster_count(c, "topic.received"), 29);
    assert_int_equal(cluster_count(c, "topic.received_again"), 0);
    assert_int_equal(node_count(c, 7, "topic.requests_along_tree"), 1);
    cluster_free(c);
}

/* Of 30 peers 20 have subscribers: it takes two hops, each gets one copy, and the others get none. */
static void what_is_for_some_goes_to_them_only(void **unused)
{
    (void)unused;
    struct cluster *c = running(30);
    for (size_t i = 10; i < 30; i++)
        subscribe(c, i, "deploy.*");
    cluster_run(c, 5 * KITH_SEC);
    kith_time from = c->now_us;
    assert_int_equal(publish(c, 7, "deploy.now", "x").peers, 20);
    cluster_run(c, from + 2 * c->delay_us + KITH_MS - c->now_us);
    for (size_t i = 0; i < 30; i++)
        assert_string_equal(node_delivered(c, i), i < 10 ? "" : "deploy.now=x\n");
    assert_int_equal(cluster_count(c, "topic.messages_sent"), 20);
    assert_int_equal(cluster_count(c, "topic.received"), 20);
    assert_int_equal(cluster_count(c, "topic.received_again"), 0);
    assert_true(node_topic_links(c, 7) <= FANOUT_DIRECT);
    cluster_free(c);
}

/* What is more than a little is kept off the links that membership and rows need. */
static void a_flood_to_all_takes_connections_of_its_own(void **unused)
{
    (void)unused;
    struct cluster *c = running(4);
    uint8_t noise[1000];
    struct rng rng;
    rng_seed(&rng, 7);
    for (size_t i = 0; i < 4; i++)
        subscribe(c, i, "flood");
    cluster_run(c, 5 * KITH_SEC);
    for (int k = 0; k < 500; k++) {
        rng_bytes(&rng, noise, sizeof(noise));
        publish_many(c, 0, "flood", bytes_of(noise, sizeof(noise)), 1, TOPIC_PRIORITY_NORMAL);
        cluster_run(c, 2 * KITH_MS);
    }
    cluster_run(c, KITH_SEC);
    assert_int_equal(cluster_count(c, "topic.received"), 3 * 500);
    assert_int_equal(cluster_count(c, "topic.received_again"), 0);
    assert_int_equal(node_topic_links(c, 0), 3);
    assert_in_range(node_count(c, 0, "topic.frames_by_express"), 1, 30);
    /* A while later single ones are quick again. */
    int64_t before = node_count(c, 0, "topic.frames_by_express");
    publish(c, 0, "flood", "y");
    assert_int_equal(node_count(c, 0, "topic.frames_by_express"), before);
    cluster_run(c, PARCEL_WARM + KITH_SEC);
    publish(c, 0, "flood", "y");
    assert_int_equal(node_count(c, 0, "topic.frames_by_express"), before + 1);
    cluster_free(c);
}

/* Who has just come back does not hear every PUB yet, and gets its copy all the same. */
static void who_has_just_come_back_misses_nothing(void **unused)
{
    (void)unused;
    struct cluster *c = running(4);
    for (size_t i = 0; i < 4; i++)
        subscribe(c, i, "a");
    cluster_run(c, 5 * KITH_SEC);
    node_kill(c, 3);
    cluster_run(c, 5 * KITH_SEC);
    node_start(c, 3);
    while (publish(c, 0, "calm", "?").accepted && node_member(c, 0, 3)->state != MEMBER_STATE_ALIVE)
        cluster_run(c, 10 * KITH_MS);
    subscribe(c, 3, "a");
    cluster_run(c, 50 * KITH_MS);
    publish(c, 0, "a", "1");
    cluster_run(c, KITH_SEC);
    assert_string_equal(node_delivered(c, 3), "a=1\n");
    cluster_free(c);
}

/* A third of the members is killed and comes back again and again: nobody else's messages wait or get lost. */
static void members_that_come_and_go_starve_no_messages(void **unused)
{
    (void)unused;
    struct cluster *c = running(30);
    const int rounds = 6, each = 100;
    subscribe(c, 1, "calm");
    cluster_run(c, 5 * KITH_SEC);
    for (int round = 0; round < rounds; round++) {
        for (size_t i = 20; i < 30; i++)
            round % 2 == 0 ? node_kill(c, i) : node_start(c, i);
        for (int k = 0; k < each; k++) {
            assert_int_equal(publish(c, 0, "calm", "x").accepted, 1);
            cluster_run(c, 20 * KITH_MS);
            /* Each within its gap and one way, whatever else is told meanwhile. */
            assert_true(node_delivered_n(c, 1, NULL) >= (size_t)(round * each + k));
        }
    }
    cluster_run(c, KITH_SEC);
    assert_int_equal(node_delivered_n(c, 1, NULL), rounds * each);
    assert_int_equal(node_count(c, 0, "topic.dropped_at_origin"), 0);
    assert_true(node_count(c, 0, "rows_received") > 0);
    cluster_free(c);
}

static void a_lease_that_is_not_renewed_ends(void **unused)
{
    (void)unused;
    struct cluster *c = running(2);
    subscribe_as(c, 1, 1, "a", 5000);
    cluster_run(c, 4 * KITH_SEC);
    subscribe_as(c, 1, 1, "a", 5000);
    cluster_run(c, 4 * KITH_SEC);
    assert_int_equal(publish(c, 0, "a", "1").peers, 1);
    assert_int_equal(node_count(c, 1, "topic.subscriptions"), 1);
    cluster_run(c, 2 * KITH_SEC);
    assert_int_equal(node_count(c, 1, "topic.subscriptions"), 0);
    /* The row follows after a while: until then messages come in vain. */
    cluster_run(c, INTEREST_LINGER + 2 * KITH_SEC);
    assert_int_equal(publish(c, 0, "a", "2").peers, 0);
    assert_string_equal(node_delivered(c, 1), "a=1\n");
    cluster_free(c);
}

/* Subscriptions that come and go in quick succession are few rows. */
static void changes_of_interest_are_gathered(void **unused)
{
    (void)unused;
    struct cluster *c = running(2);
    uint64_t before = cluster_count(c, "broadcasts");
    char pattern[16];
    for (int k = 0; k < 200; k++) {
        snprintf(pattern, sizeof(pattern), "a.%d", k % 20);
        subscribe_as(c, 0, (uint64_t)(k % 20), pattern, 0);
        cluster_run(c, 10 * KITH_MS);
    }
    cluster_run(c, 3 * KITH_SEC);
    assert_true(cluster_count(c, "broadcasts") - before <= 5);
    assert_int_equal(publish(c, 1, "a.19", "x").peers, 1);
    cluster_free(c);
}

/* More patterns than a row holds: the peer gets everything, its subscribers only theirs. */
static void many_patterns_become_one(void **unused)
{
    (void)unused;
    struct cluster *c = running(2);
    char pattern[16];
    for (int k = 0; k < 100; k++) {
        snprintf(pattern, sizeof(pattern), "a.%d", k);
        subscribe_as(c, 0, (uint64_t)k, pattern, 60000);
    }
    cluster_run(c, 2 * KITH_SEC);
    publish(c, 1, "a.99", "x");
    publish(c, 1, "b", "y");
    cluster_run(c, KITH_SEC);
    assert_string_equal(node_delivered(c, 0), "a.99=x\n");
    cluster_free(c);
}

static void a_flood_is_dropped_at_its_origin_and_counted(void **unused)
{
    (void)unused;
    struct cluster *c = running(4);
    uint64_t accepted = 0, dropped = 0, asked = 0;
    subscribe(c, 1, "flood");
    subscribe(c, 2, "calm");
    cluster_run(c, KITH_SEC);
    kith_time from = c->now_us;
    while (c->now_us < from + 2 * KITH_SEC) { /* about 80,000 a second */
        struct published p =
            publish_many(c, 0, "flood", bytes_str("x"), 250, TOPIC_PRIORITY_NORMAL);
        accepted += p.accepted;
        dropped += p.dropped;
        asked += 250;
    }
    assert_int_equal(accepted + dropped, asked);
    assert_true(asked > 100000);
    assert_in_range(accepted, 2 * STORM_ORIGIN_MESSAGES, 3 * STORM_ORIGIN_MESSAGES);
    assert_int_equal(node_count(c, 0, "topic.dropped_at_origin"), dropped);
    assert_int_equal(node_count(c, 1, "topic.received_too_many"), 0);
    /* What is urgent still gets through, here and from others. */
    assert_int_equal(publish_many(c, 0, "calm", bytes_str("h"), 1, TOPIC_PRIORITY_HIGH).accepted,
                     1);
    assert_int_equal(publish_many(c, 0, "calm", bytes_str("l"), 1, TOPIC_PRIORITY_LOW).dropped, 1);
    assert_int_equal(publish(c, 3, "calm", "n").accepted, 1);
    cluster_run(c, KITH_SEC);
    assert_string_equal(node_delivered(c, 2), "calm=h\ncalm=n\n");
    /* Membership did not notice. */
    assert_int_equal(cluster_count(c, "probes_missed"), 0);
    assert_true(node_count(c, 0, "topic.frames_sent") < 10000);
    cluster_free(c);
}

/* A client that takes nothing holds back a bounded queue, and hears how much it missed. */
static void a_slow_client_costs_a_bounded_queue(void **unused)
{
    (void)unused;
    struct cluster *c = running(2);
    uint64_t dropped;
    uint32_t sent = 0;
    subscribe(c, 1, "a");
    cluster_run(c, KITH_SEC);
    for (int k = 0; k < 40; k++) {
        sent += publish_many(c, 0, "a", bytes_str("x"), 200, TOPIC_PRIORITY_NORMAL).accepted;
        cluster_run(c, 50 * KITH_MS);
    }
    assert_int_equal(sent, 8000);
    assert_int_equal(node_delivered_n(c, 1, NULL), LISTENER_WINDOW);
    assert_int_equal(node_count(c, 1, "topic.dropped_for_slow_clients"),
                     8000 - LISTENER_WINDOW - LISTENER_WAITING);
    struct buf payload = {0};
    struct stranger local = {.id = {"kith"}, .boot = {"kith"}, .door = DOOR_LOCAL, .route = 1};
    local.from = "ipc";
    taken_encode(&payload, &(struct taken){.subscription = 1, .count = LISTENER_WINDOW});
    node_frame(c, 1, &local, WIRE_TAKEN, buf_bytes(&payload));
    assert_int_equal(node_delivered_n(c, 1, &dropped), 2 * LISTENER_WINDOW);
    assert_int_equal(dropped, 8000 - LISTENER_WINDOW - LISTENER_WAITING);
    buf_deinit(&payload);
    cluster_free(c);
}

static void large_batches_are_packed(void **unused)
{
    (void)unused;
    static uint8_t big[PUBLISH_PAYLOADS_MAX];
    struct cluster *c = running(2);
    memset(big, 'a', sizeof(big));
    subscribe(c, 1, "big");
    cluster_run(c, KITH_SEC);
    publish_many(c, 0, "big", bytes_of(big, sizeof(big)), 3, TOPIC_PRIORITY_NORMAL);
    cluster_run(c, KITH_SEC);
    assert_int_equal(node_delivered_n(c, 1, NULL), 3);
    assert_true(node_count(c, 0, "topic.bytes_sent") < 2000);
    assert_true(node_count(c, 0, "topic.frames_packed") > 0);
    /* What does not get smaller goes as it is. */
    struct rng rng;
    rng_seed(&rng, 7);
    rng_bytes(&rng, big, sizeof(big));
    node_delivered_reset(c, 1);
    publish_many(c, 0, "big", bytes_of(big, sizeof(big)), 2, TOPIC_PRIORITY_NORMAL);
    cluster_run(c, KITH_SEC);
    assert_int_equal(node_delivered_n(c, 1, NULL), 2);
    cluster_free(c);
}

/* Frames as a member sends them; every bad one is refused, counted, and harms nothing. */
static size_t from_member(struct cluster *c, size_t to, size_t from, struct bytes payload)
{
    static const struct key32 none;
    struct stranger who = {.id = node_id(c, from), .door = DOOR_BULK, .route = 77, .key = &none};
    who.boot = node_member(c, to, from)->row->boot;
    who.from = "127.0.0.9";
    return node_frame(c, to, &who, WIRE_TOPIC_BATCH, payload);
}

static void batch_of(struct buf *ret, const struct topic_message *m, const struct topic_item *like)
{
    struct buf message = {0};
    struct topic_item item = *like;
    topic_message_encode(&message, m);
    item.message = buf_bytes(&message);
    buf_reset(ret);
    topic_batch_encode(ret, &(struct topic_batch){.items = &item, .items_n = 1});
    buf_deinit(&message);
}

static void bad_and_repeated_messages_are_harmless(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(3);
    struct buf payload = {0};
    c->insecure = true;
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 20 * KITH_SEC));
    subscribe(c, 0, "#");
    subscribe(c, 1, "#");
    cluster_run(c, KITH_SEC);

    struct topic_item plain = {0};
    struct topic_message m = {.origin = node_id(c, 2),
                              .boot = node_member(c, 0, 2)->row->boot,
                              .seq = 5,
                              .topic = bytes_str("a"),
                              .payload = bytes_str("x")};
    batch_of(&payload, &m, &plain);
    for (int k = 0; k < 5; k++)
        from_member(c, 0, 2, buf_bytes(&payload));
    assert_string_equal(node_delivered(c, 0), "a=x\n");
    assert_int_equal(node_count(c, 0, "topic.received_again"), 4);

    /* A loop: each claims that the other is to serve everybody. Its hops end it, and nobody hears it twice. */
    m.seq++;
    batch_of(&payload, &m, &(struct topic_item){.hops = 0, .before = node_id(c, 0)});
    from_member(c, 0, 2, buf_bytes(&payload));
    batch_of(&payload, &m, &(struct topic_item){.hops = 255, .before = node_id(c, 0)});
    from_member(c, 0, 2, buf_bytes(&payload));
    cluster_run(c, KITH_SEC);
    assert_string_equal(node_delivered(c, 0), "a=x\na=x\n");
    assert_string_equal(node_delivered(c, 1), "a=x\n");

    /* No topic, no message, no batch, a packed one that is none or says too much. */
    int64_t before = node_count(c, 0, "refused_payload");
    m.seq++;
    m.topic = bytes_str("a.*");
    batch_of(&payload, &m, &plain);
    from_member(c, 0, 2, buf_bytes(&payload));
    buf_reset(&payload);
    struct topic_item none = {.message = bytes_str("none")};
    topic_batch_encode(&payload, &(struct topic_batch){.items = &none, .items_n = 1});
    from_member(c, 0, 2, buf_bytes(&payload));
    from_member(c, 0, 2, bytes_str("\xc1"));
    buf_reset(&payload);
    struct topic_batch packed = {.packed = bytes_str("none"), .unpacked_bytes = 1000};
    topic_batch_encode(&payload, &packed);
    from_member(c, 0, 2, buf_bytes(&payload));
    assert_int_equal(node_count(c, 0, "refused_payload"), before + 4);
    assert_string_equal(node_delivered(c, 0), "a=x\na=x\n");
    buf_deinit(&payload);
    cluster_free(c);
}

static void a_restarted_peer_wants_what_its_clients_want_now(void **unused)
{
    (void)unused;
    struct cluster *c = running(3);
    subscribe(c, 1, "a");
    cluster_run(c, KITH_SEC);
    node_kill(c, 1);
    cluster_run(c, 3 * KITH_SEC);
    assert_int_equal(publish(c, 0, "a", "1").peers, 0);
    node_start(c, 1);
    assert_true(cluster_agrees(c, 5 * KITH_SEC));
    cluster_run(c, 3 * KITH_SEC);
    subscribe(c, 1, "b");
    cluster_run(c, INTEREST_LINGER + 3 * KITH_SEC);
    assert_int_equal(publish(c, 0, "a", "2").peers, 0);
    assert_int_equal(publish(c, 0, "b", "3").peers, 1);
    cluster_run(c, KITH_SEC);
    assert_string_equal(node_delivered(c, 1), "b=3\n");
    cluster_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subscribers_get_what_they_asked_for_and_nothing_else),
        cmocka_unit_test(the_publishers_own_subscribers_hear_it_too),
        cmocka_unit_test(what_is_for_all_goes_along_the_overlay),
        cmocka_unit_test(what_is_for_some_goes_to_them_only),
        cmocka_unit_test(a_flood_to_all_takes_connections_of_its_own),
        cmocka_unit_test(who_has_just_come_back_misses_nothing),
        cmocka_unit_test(members_that_come_and_go_starve_no_messages),
        cmocka_unit_test(a_lease_that_is_not_renewed_ends),
        cmocka_unit_test(changes_of_interest_are_gathered),
        cmocka_unit_test(many_patterns_become_one),
        cmocka_unit_test(a_flood_is_dropped_at_its_origin_and_counted),
        cmocka_unit_test(a_slow_client_costs_a_bounded_queue),
        cmocka_unit_test(large_batches_are_packed),
        cmocka_unit_test(bad_and_repeated_messages_are_harmless),
        cmocka_unit_test(a_restarted_peer_wants_what_its_clients_want_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
