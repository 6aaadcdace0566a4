/* Real sockets on loopback: who gets through which door, with which key, and what garbage costs. */
#include "documented.h"
#include "test.h"

#include "rig.h"
#include "shell/clock.h"
#include "shell/counts.h"
#include "shell/queue.h"
#include "shell/zap.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct pair_of {
    struct rig_keys ring, keys[2];
    struct transport *t[2];
    char *folder; /* of their ipc sockets; NULL: they have none */
};

static void open_pair(struct pair_of *p)
{
    p->folder = NULL;
    p->ring = rig_key_pair();
    for (unsigned i = 0; i < 2; i++) {
        p->keys[i] = rig_key_pair();
        struct curve keys = rig_member(&p->keys[i], &p->ring);
        p->t[i] = rig_transport(i + 1, &keys);
        assert_int_equal(transport_start(p->t[i]), 0);
        struct effect_ring ring = {p->ring.public, p->ring.secret};
        assert_int_equal(transport_ring(p->t[i], &ring), 0);
    }
}

static void close_pair(struct pair_of *p)
{
    for (unsigned i = 0; i < 2; i++)
        transport_free(p->t[i]);
    if (p->folder != NULL)
        rig_remove(p->folder);
    free(p->folder);
}

static struct bytes uri_of(unsigned peer, unsigned port_above_base)
{
    static char text[4][300];
    static unsigned next;
    char *uri = text[next++ % 4];
    snprintf(uri, sizeof text[0], "tcp://%s:%u", rig_address(peer + 1),
             DOORS_PORT_BASE + port_above_base);
    return bytes_str(uri);
}

static void send_text(struct transport *t, struct bytes uri, enum wire_lane lane, const char *text)
{
    struct effect_send send = {.uri = uri, .lane = lane, .frame = bytes_str(text)};
    transport_send(t, &send, clock_now_us());
}

/* Turns both until `who` gets a frame of this class. */
static bool await_frame(struct pair_of *p, unsigned who, enum transport_class class,
                        struct event_frame *ret)
{
    kith_time until_us = clock_now_us() + RIG_DEADLINE_US;
    while (clock_now_us() < until_us) {
        rig_turn(p->t[1 - who]);
        rig_turn(p->t[who]);
        if (transport_receive(p->t[who], class, clock_now_us(), ret))
            return true;
    }
    return false;
}

static void a_frame_arrives_with_its_senders_key_and_is_answered(void **state)
{
    (void)state;
    struct pair_of p;
    open_pair(&p);
    send_text(p.t[0], uri_of(1, 0), WIRE_LANE_MEMBER, "are you there");
    struct event_frame f;
    assert_true(await_frame(&p, 1, TRANSPORT_MEMBER, &f));
    assert_int_equal(f.door, DOOR_PROBE);
    assert_true(bytes_equal_str(f.frame, "are you there"));
    assert_int_equal(key32_compare(&f.key, &p.keys[0].public), 0);
    assert_true(f.route != 0);
    assert_true(f.from.len > 4 && memcmp(f.from.data, "127.", 4) == 0);

    struct effect_reply reply = {.route = f.route, .frame = bytes_str("here I am")};
    transport_reply(p.t[1], &reply);
    assert_true(await_frame(&p, 0, TRANSPORT_MEMBER, &f));
    assert_true(bytes_equal_str(f.frame, "here I am"));
    assert_true(bytes_equal(f.from, uri_of(1, 0)));
    assert_int_equal(f.route, 0);

    struct event_link link;
    assert_true(transport_link(p.t[0], &link));
    assert_true(link.up);
    assert_true(bytes_equal(link.uri, uri_of(1, 0)));
    assert_false(transport_link(p.t[0], &link));
    close_pair(&p);
}

static void bulk_and_member_frames_come_by_their_own_doors(void **state)
{
    (void)state;
    struct pair_of p;
    open_pair(&p);
    send_text(p.t[0], uri_of(1, DOORS_PORT_BULK), WIRE_LANE_BULK, "much");
    struct event_frame f;
    assert_true(await_frame(&p, 1, TRANSPORT_REST, &f));
    assert_int_equal(f.door, DOOR_BULK);
    assert_false(transport_receive(p.t[1], TRANSPORT_MEMBER, clock_now_us(), &f));
    close_pair(&p);
}

/* Publishes until the subscriber hears it, or for_us is over. */
static bool hears(struct pair_of *p, kith_time for_us)
{
    kith_time until_us = clock_now_us() + for_us;
    while (clock_now_us() < until_us) {
        transport_publish(p->t[1], bytes_str("news"));
        rig_turn(p->t[1]);
        rig_turn(p->t[0]);
        struct event_frame f;
        if (transport_receive(p->t[0], TRANSPORT_TOPIC, clock_now_us(), &f)) {
            assert_true(bytes_equal(f.from, uri_of(1, DOORS_PORT_PUB)));
            assert_true(bytes_equal_str(f.frame, "news"));
            return true;
        }
    }
    return false;
}

static void forget_the_news(struct pair_of *p)
{
    struct event_frame f;
    for (int turn = 0; turn < 3; turn++) {
        rig_turn(p->t[0]);
        while (transport_receive(p->t[0], TRANSPORT_TOPIC, clock_now_us(), &f))
            ;
    }
}

static void only_admitted_keys_may_subscribe_and_not_after_revocation(void **state)
{
    (void)state;
    struct pair_of p;
    open_pair(&p);
    struct effect_subscribe on = {.uri = uri_of(1, DOORS_PORT_PUB), .on = true};
    transport_subscribe(p.t[0], &on, rig_now_us());
    kith_time until_us = clock_now_us() + RIG_DEADLINE_US;
    while (transport_counters(p.t[1]).refused == 0 && clock_now_us() < until_us)
        assert_false(hears(&p, 100 * KITH_MS));
    assert_true(transport_counters(p.t[1]).refused > 0);

    struct effect_admit admit = {.key = p.keys[0].public, .on = true};
    transport_admit(p.t[1], &admit, rig_now_us());
    assert_true(hears(&p, RIG_DEADLINE_US));

    admit.on = false;
    rig_hold_time();
    transport_admit(p.t[1], &admit, rig_now_us());
    assert_true(hears(&p, RIG_DEADLINE_US)); /* the revocation itself gets out to all */
    rig_let_time_go();
    until_us = clock_now_us() + RIG_DEADLINE_US;
    while (hears(&p, 700 * KITH_MS)) { /* and soon nothing does */
        assert_true(clock_now_us() < until_us);
        forget_the_news(&p);
    }
    close_pair(&p);
}

/* As a newcomer that is faster than the news of its admission. */
static void who_is_admitted_while_it_waits_needs_no_second_handshake(void **state)
{
    (void)state;
    struct pair_of p;
    open_pair(&p);
    struct effect_subscribe on = {.uri = uri_of(1, DOORS_PORT_PUB), .on = true};
    rig_hold_time(); /* patience does not end */
    transport_subscribe(p.t[0], &on, rig_now_us());
    assert_false(hears(&p, ZAP_PATIENCE_US / 3));
    struct effect_admit admit = {.key = p.keys[0].public, .on = true};
    transport_admit(p.t[1], &admit, rig_now_us());
    assert_true(hears(&p, RIG_DEADLINE_US));
    assert_int_equal(transport_counters(p.t[1]).refused, 0);
    rig_let_time_go();
    close_pair(&p);
}

static void a_wrong_ring_key_reaches_nobody_and_is_named(void **state)
{
    (void)state;
    struct pair_of p;
    open_pair(&p);
    struct rig_keys other_ring = rig_key_pair(), own = rig_key_pair();
    struct curve keys = rig_member(&own, &other_ring);
    struct transport *stranger = rig_transport(3, &keys);
    struct effect_send send = {uri_of(1, 0), WIRE_LANE_MEMBER, bytes_str("let me in")};
    kith_time until_us = clock_now_us() + RIG_DEADLINE_US;
    while (transport_counters(p.t[1]).refused == 0 && clock_now_us() < until_us) {
        transport_send(stranger, &send, clock_now_us());
        rig_turn(stranger);
        rig_turn(p.t[1]);
        struct event_frame f;
        assert_false(transport_receive(p.t[1], TRANSPORT_MEMBER, clock_now_us(), &f));
    }
    assert_true(transport_counters(p.t[1]).refused > 0);
    transport_free(stranger);
    close_pair(&p);
}

static void throw_garbage(unsigned peer, unsigned port_above_base, const uint8_t *data, size_t len)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)(DOORS_PORT_BASE + port_above_base))};
    inet_pton(AF_INET, rig_address(peer + 1), &to.sin_addr);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    struct timeval patience = {.tv_usec = 200000};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
        if (sent <= 0)
            break;
        data += sent;
        len -= (size_t)sent;
    }
    close(fd);
}

static void garbage_costs_nothing_that_grows(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20, ROUNDS = 50 };
    static uint8_t garbage[SIZE];
    struct pair_of p;
    open_pair(&p);
    int urandom = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    static const unsigned ports[] = {0, DOORS_PORT_PUB, DOORS_PORT_BULK};
    long resident_kib = 0;
    int descriptors = 0;
    for (int round = 0; round < ROUNDS; round++) {
        assert_int_equal(read(urandom, garbage, SIZE), SIZE);
        if (round % 4 == 1)
            garbage[0] = 0xff; /* looks like the start of a greeting */
        pid_t child = fork();
        if (child == 0) {
            for (size_t i = 0; i < 3; i++)
                throw_garbage(1, ports[i], garbage, SIZE);
            _exit(0);
        }
        while (waitpid(child, NULL, WNOHANG) == 0)
            rig_turn(p.t[1]);
        if (round == ROUNDS / 5) {
            resident_kib = rig_resident_kib();
            descriptors = rig_descriptors();
        }
    }
    close(urandom);
    kith_time until_us = clock_now_us() + RIG_DEADLINE_US;
    while ((rig_descriptors() > descriptors || transport_counters(p.t[1]).refused < ROUNDS) &&
           clock_now_us() < until_us)
        rig_turn(p.t[1]);
    assert_true(rig_descriptors() <= descriptors);
    assert_true(rig_resident_kib() - resident_kib < 8 * 1024);
    assert_true(transport_counters(p.t[1]).refused >= ROUNDS);

    /* And it still works. */
    send_text(p.t[0], uri_of(1, 0), WIRE_LANE_MEMBER, "still there?");
    struct event_frame f;
    assert_true(await_frame(&p, 1, TRANSPORT_MEMBER, &f));
    close_pair(&p);
}

static uint64_t count_of(const struct event_counted *counted, const char *name)
{
    for (uint32_t i = 0; i < counted->counters_n; i++) {
        if (bytes_equal_str(counted->counters[i].name, name))
            return (uint64_t)counted->counters[i].value;
    }
    fail_msg("no counter %s", name);
    return 0;
}

/* To nobody: what waits, what was too much and what waited too long, each on its lane alone. */
static void queues_and_what_they_drop_are_counted_by_lane(void **state)
{
    (void)state;
    enum { TOO_MANY = 200 };
    static char frame[32 * 1024];
    struct pair_of p;
    struct arena mem = {0};
    struct event_counted counted;
    open_pair(&p);
    kith_time now_us = clock_now_us();
    struct effect_send send = {uri_of(99, 0), WIRE_LANE_MEMBER, bytes_of(frame, sizeof frame)};
    for (int i = 0; i < TOO_MANY; i++)
        transport_send(p.t[0], &send, now_us);
    counts_take(&counted, p.t[0], /* store= */ NULL, &mem);
    uint64_t queued = count_of(&counted, "lane.member.queued");
    assert_in_range(queued, 1, TOO_MANY - 1);
    assert_int_equal(count_of(&counted, "lane.member.queued_bytes"),
                     queued * (send.frame.len + QUEUE_FRAME_COST));
    assert_int_equal(count_of(&counted, "lane.member.dropped_full"), TOO_MANY - queued);
    assert_int_equal(count_of(&counted, "lane.member.dropped_stale"), 0);
    assert_int_equal(count_of(&counted, "lane.member.connections"), 0);
    assert_int_equal(count_of(&counted, "lane.bulk.queued"), 0);
    assert_int_equal(count_of(&counted, "shell.frames_out"), 0);
    assert_documented(counted.counters, counted.counters_n);

    transport_send(p.t[0], &send, now_us + KITH_HOUR);
    counts_take(&counted, p.t[0], /* store= */ NULL, &mem);
    assert_int_equal(count_of(&counted, "lane.member.queued"), 1);
    uint64_t stale = count_of(&counted, "lane.member.dropped_stale");
    assert_in_range(stale, 1, queued);
    assert_int_equal(stale + count_of(&counted, "lane.member.dropped_full"), TOO_MANY);
    arena_deinit(&mem);
    close_pair(&p);
}

static void a_send_to_nobody_waits_goes_stale_and_never_blocks(void **state)
{
    (void)state;
    struct pair_of p;
    open_pair(&p);
    kith_time began_us = clock_now_us();
    static char frame[32 * 1024];
    struct effect_send send = {uri_of(99, 0), WIRE_LANE_MEMBER, bytes_of(frame, sizeof frame)};
    for (int i = 0; i < 1000; i++)
        transport_send(p.t[0], &send, began_us);
    assert_true(clock_now_us() - began_us < 5 * KITH_SEC);
    rig_turn(p.t[0]);
    close_pair(&p);
}

/* Turns peer 0 until the next link that it tells of; what is written before it knows that a connection is
 * gone may be lost with it. */
static bool next_link_is_up(struct pair_of *p)
{
    struct event_link link = {0};
    kith_time until_us = clock_now_us() + RIG_DEADLINE_US;
    bool told = false;
    while (!told && clock_now_us() < until_us) {
        rig_turn(p->t[0]);
        told = transport_link(p->t[0], &link);
    }
    assert_true(told);
    return link.up;
}

static void a_peer_that_comes_back_is_reached_again(void **state)
{
    (void)state;
    struct pair_of p;
    open_pair(&p);
    send_text(p.t[0], uri_of(1, 0), WIRE_LANE_MEMBER, "one");
    struct event_frame f;
    assert_true(await_frame(&p, 1, TRANSPORT_MEMBER, &f));
    assert_true(next_link_is_up(&p));
    transport_free(p.t[1]);
    assert_false(next_link_is_up(&p));
    struct curve keys = rig_member(&p.keys[1], &p.ring);
    p.t[1] = rig_transport(2, &keys);
    struct effect_ring ring = {p.ring.public, p.ring.secret};
    assert_int_equal(transport_ring(p.t[1], &ring), 0);
    send_text(p.t[0], uri_of(1, 0), WIRE_LANE_MEMBER, "two");
    assert_true(await_frame(&p, 1, TRANSPORT_MEMBER, &f));
    assert_true(bytes_equal_str(f.frame, "two"));
    assert_true(next_link_is_up(&p));
    close_pair(&p);
}

static void a_port_in_use_is_told_and_nothing_is_bound(void **state)
{
    (void)state;
    struct pair_of p;
    open_pair(&p);
    struct curve keys = rig_member(&p.keys[1], &p.ring);
    struct transport *second = rig_transport(2, &keys);
    struct effect_ring ring = {p.ring.public, p.ring.secret};
    assert_int_equal(transport_ring(second, &ring), 1);
    transport_free(second);
    close_pair(&p);
}

/* What the daemon's own threads ask comes in as from its ipc socket, and is answered. */
static void own_threads_come_in_by_the_local_door(void **state)
{
    (void)state;
    struct rig_keys keys = rig_key_pair(), ring = rig_key_pair();
    char *folder = rig_folder(), ipc[200], answer[16] = "";
    snprintf(ipc, sizeof ipc, "%s/kithd.sock", folder);
    struct transport_config config = {.ipc = ipc, .keys = rig_member(&keys, &ring)};
    struct transport *t = transport_new(&config);
    assert_int_equal(transport_start(t), 0);
    void *inside = zmq_socket(transport_context(t), ZMQ_DEALER);
    assert_int_equal(zmq_connect(inside, TRANSPORT_INSIDE), 0);
    assert_int_equal(zmq_send(inside, "question", 8, 0), 8);

    struct event_frame f = {0};
    bool came = false;
    for (int i = 0; i < 1000 && !came; i++) {
        rig_turn(t);
        came = transport_receive(t, TRANSPORT_REST, rig_now_us(), &f);
    }
    assert_true(came);
    assert_int_equal(f.door, DOOR_LOCAL);
    assert_true(key32_is_zero(&f.key));
    transport_reply(t, &(struct effect_reply){.route = f.route, .frame = bytes_str("answer")});
    assert_int_equal(zmq_recv(inside, answer, sizeof answer, 0), 6);
    assert_string_equal(answer, "answer");
    zmq_close(inside);
    transport_free(t);
    rig_remove(folder);
    free(folder);
}

/* Two members that listen by tcp, WebSocket and ipc at once. */
static void open_pair_of_ways(struct pair_of *p, char ways[2][3][64])
{
    p->folder = rig_folder();
    p->ring = rig_key_pair();
    for (unsigned i = 0; i < 2; i++) {
        p->keys[i] = rig_key_pair();
        const char *list[3];
        snprintf(ways[i][0], 64, "tcp://%s:5484", rig_address(i + 1));
        snprintf(ways[i][1], 64, "ws://%s:5494", rig_address(i + 1));
        snprintf(ways[i][2], 64, "ipc://%s/%u", p->folder, i);
        for (unsigned k = 0; k < 3; k++)
            list[k] = ways[i][k];
        struct transport_config config = {
            .ways = list,
            .ways_n = 3,
            .node = {{(uint8_t)(i + 1)}},
            .keys = rig_member(&p->keys[i], &p->ring),
        };
        p->t[i] = transport_new(&config);
        struct effect_ring ring = {p->ring.public, p->ring.secret};
        assert_int_equal(transport_ring(p->t[i], &ring), 0);
    }
}

/* With keys, by each way: a frame with its sender's key, its answer, and what is published; and all at once,
 * without one taking another's answers. */
static void each_way_carries_frames_answers_and_broadcasts(void **state)
{
    (void)state;
    struct pair_of p;
    char ways[2][3][64], uri[3][80], pub[80];
    open_pair_of_ways(&p, ways);
    for (unsigned k = 0; k < 3; k++) {
        struct event_frame f;
        doors_endpoint(uri[k], sizeof uri[k], ways[1][k], DOOR_PROBE);
        send_text(p.t[0], bytes_str(uri[k]), WIRE_LANE_MEMBER, "are you there");
        assert_true(await_frame(&p, 1, TRANSPORT_MEMBER, &f));
        assert_memory_equal(f.key.b, p.keys[0].public.b, sizeof f.key.b);
    }
    for (unsigned k = 0; k < 3; k++) {
        struct event_frame f;
        send_text(p.t[0], bytes_str(uri[k]), WIRE_LANE_MEMBER, "by this way");
        assert_true(await_frame(&p, 1, TRANSPORT_MEMBER, &f));
        struct effect_reply reply = {.route = f.route, .frame = bytes_str("here I am")};
        transport_reply(p.t[1], &reply);
        assert_true(await_frame(&p, 0, TRANSPORT_MEMBER, &f));
        assert_true(bytes_equal_str(f.from, uri[k]));
    }
    struct effect_admit admit = {.key = p.keys[0].public, .on = true};
    transport_admit(p.t[1], &admit, rig_now_us());
    for (unsigned k = 0; k < 3; k++) {
        doors_endpoint(pub, sizeof pub, ways[1][k], DOOR_SUB);
        struct effect_subscribe on = {.uri = bytes_str(pub), .on = true};
        struct effect_subscribe off = {.uri = bytes_str(pub)};
        transport_subscribe(p.t[0], &on, rig_now_us());
        struct event_frame f;
        kith_time until_us = clock_now_us() + RIG_DEADLINE_US;
        bool heard = false;
        while (!heard && clock_now_us() < until_us) {
            transport_publish(p.t[1], bytes_str("news"));
            rig_turn(p.t[1]);
            rig_turn(p.t[0]);
            heard = transport_receive(p.t[0], TRANSPORT_TOPIC, clock_now_us(), &f);
        }
        assert_true(heard);
        assert_true(bytes_equal_str(f.from, pub));
        transport_subscribe(p.t[0], &off, rig_now_us());
    }
    close_pair(&p);
}

/* A WebSocket's own handshake is none of ours: with another ring's key the connection never is up. */
static void a_wrong_ring_key_does_not_look_up_by_websocket(void **state)
{
    (void)state;
    struct pair_of p;
    char ways[2][3][64], uri[80];
    open_pair_of_ways(&p, ways);
    struct rig_keys other = rig_key_pair();
    struct curve keys = rig_member(&p.keys[0], &other);
    struct transport *stranger = rig_transport(3, &keys);
    doors_endpoint(uri, sizeof uri, ways[1][1], DOOR_PROBE);
    send_text(stranger, bytes_str(uri), WIRE_LANE_MEMBER, "let me in");
    kith_time until_us = clock_now_us() + RIG_DEADLINE_US;
    while (transport_counters(stranger).refused < 2 && clock_now_us() < until_us) {
        rig_turn(p.t[1]);
        rig_turn(stranger);
        struct event_link link;
        assert_false(transport_link(stranger, &link));
    }
    assert_true(transport_counters(stranger).refused >= 2);
    transport_free(stranger);
    close_pair(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_arrives_with_its_senders_key_and_is_answered),
        cmocka_unit_test(own_threads_come_in_by_the_local_door),
        cmocka_unit_test(each_way_carries_frames_answers_and_broadcasts),
        cmocka_unit_test(a_wrong_ring_key_does_not_look_up_by_websocket),
        cmocka_unit_test(bulk_and_member_frames_come_by_their_own_doors),
        cmocka_unit_test(who_is_admitted_while_it_waits_needs_no_second_handshake),
        cmocka_unit_test(only_admitted_keys_may_subscribe_and_not_after_revocation),
        cmocka_unit_test(a_wrong_ring_key_reaches_nobody_and_is_named),
        cmocka_unit_test(garbage_costs_nothing_that_grows),
        cmocka_unit_test(queues_and_what_they_drop_are_counted_by_lane),
        cmocka_unit_test(a_send_to_nobody_waits_goes_stale_and_never_blocks),
        cmocka_unit_test(a_peer_that_comes_back_is_reached_again),
        cmocka_unit_test(a_port_in_use_is_told_and_nothing_is_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
