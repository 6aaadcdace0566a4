#include "sim/net.h"

#include "base/mem.h"

#include "test.h"

#define B "tcp://10.0.0.2:5488"

/* Two hosts and what the second has received: the frames' bytes in order of arrival. */
struct wire {
    struct rng rng;
    struct queue queue;
    struct fault_counts counts;
    struct net *net;
    kith_time now_us;
    uint8_t got[256];
    kith_time got_us[256];
    size_t got_n;
};

static void wire_init(struct wire *w, uint64_t seed)
{
    *w = (struct wire){0};
    rng_seed(&w->rng, seed);
    w->net = net_new(2, /* map= */ NULL, &w->rng, &w->queue, &w->counts);
    net_name(w->net, 0, bytes_str("10.0.0.1"));
    net_name(w->net, 1, bytes_str("10.0.0.2"));
    for (uint32_t i = 0; i < 2; i++) {
        net_host(w->net, i)->power = true;
        net_host(w->net, i)->listens = true;
    }
}

static void wire_deinit(struct wire *w)
{
    net_free(w->net);
    queue_deinit(&w->queue);
}

static void send_by(struct wire *w, const char *uri, uint8_t number)
{
    net_send(w->net, 0, bytes_str(uri), bytes_of(&number, 1), w->now_us);
}

static void send(struct wire *w, uint8_t number)
{
    send_by(w, B, number);
}

static void run(struct wire *w, kith_time until_us)
{
    struct sim_item item;
    struct net_arrival arrival;

    queue_add(&w->queue, &(struct sim_item){.at_us = until_us, .kind = SIM_LOOK});
    while (queue_pop(&w->queue, &item) && item.kind != SIM_LOOK) {
        w->now_us = item.at_us;
        bool of_net =
            item.kind == SIM_DELIVER || item.kind == SIM_CONNECT || item.kind == SIM_STALLED;
        if (of_net && net_item(w->net, &item, &arrival)) {
            assert_int_equal(arrival.host, 1);
            assert_int_equal(arrival.role, NET_BULK);
            w->got_us[w->got_n] = w->now_us;
            w->got[w->got_n++] = item.data.data[0];
        }
        mem_free((void *)(uintptr_t)item.data.data);
    }
    w->now_us = until_us;
}

static void frames_arrive_in_order_after_the_handshake(void **unused)
{
    (void)unused;
    struct wire w;

    wire_init(&w, 1);
    for (uint8_t i = 0; i < 100; i++)
        send(&w, i);
    run(&w, KITH_SEC);
    assert_int_equal(w.got_n, 100);
    for (uint8_t i = 0; i < 100; i++)
        assert_int_equal(w.got[i], i);
    wire_deinit(&w);
}

static void a_lost_packet_delays_its_frame_and_those_behind_it(void **unused)
{
    (void)unused;
    struct wire w;

    wire_init(&w, 2);
    net_host(w.net, 1)->loss_ppm = 200000;
    for (uint8_t i = 0; i < 100; i++)
        send(&w, i);
    run(&w, 60 * KITH_SEC);
    assert_int_equal(w.got_n, 100); /* late, but all */
    for (uint8_t i = 0; i < 100; i++)
        assert_int_equal(w.got[i], i);
    assert_true(w.got_us[99] - w.got_us[0] >= NET_RTO_MIN);
    assert_true(w.counts.n[FAULT_LOSS] > 0);
    wire_deinit(&w);
}

static void a_cut_holds_frames_back_until_it_ends(void **unused)
{
    (void)unused;
    struct wire w;

    wire_init(&w, 3);
    send(&w, 1);
    run(&w, KITH_SEC);
    net_cut(w.net, 0, 1, true);
    send(&w, 2);
    run(&w, 5 * KITH_SEC);
    assert_int_equal(w.got_n, 1);
    assert_true(w.counts.n[FAULT_CUT] + w.counts.n[FAULT_CUT_ONE_WAY] > 0);
    net_cut(w.net, 0, 1, false);
    net_changed(w.net, w.now_us);
    run(&w, 10 * KITH_SEC);
    assert_int_equal(w.got_n, 2);
    wire_deinit(&w);
}

static void a_closed_way_holds_what_goes_by_it_and_nothing_else(void **unused)
{
    (void)unused;
    struct wire w;

    wire_init(&w, 4);
    net_host(w.net, 1)->closed_ways = 1u << NET_TCP;
    send(&w, 1);
    send_by(&w, "ws://10.0.0.2:5488", 2);
    run(&w, 5 * KITH_SEC);
    assert_int_equal(w.got_n, 1);
    assert_int_equal(w.got[0], 2);
    assert_true(w.counts.n[FAULT_CLOSE_WAY] > 0);
    net_heal(w.net, w.now_us);
    run(&w, 20 * KITH_SEC);
    assert_int_equal(w.got_n, 2);
    wire_deinit(&w);
}

static void
a_connection_that_carries_nothing_for_too_long_breaks_with_what_was_under_way(void **unused)
{
    (void)unused;
    struct wire w;

    wire_init(&w, 4);
    send(&w, 1);
    run(&w, KITH_SEC);
    net_cut(w.net, 0, 1, true);
    net_cut(w.net, 1, 0, true);
    send(&w, 2);
    run(&w, KITH_SEC + 3 * NET_STALL);
    net_cut(w.net, 0, 1, false);
    net_cut(w.net, 1, 0, false);
    net_changed(w.net, w.now_us);
    run(&w, w.now_us + 10 * KITH_SEC);
    send(&w, 3);
    run(&w, w.now_us + 10 * KITH_SEC);
    assert_int_equal(w.got[w.got_n - 1], 3); /* it is made again by itself */
    assert_int_equal(w.got_n, 2);
    wire_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_arrive_in_order_after_the_handshake),
        cmocka_unit_test(a_lost_packet_delays_its_frame_and_those_behind_it),
        cmocka_unit_test(a_cut_holds_frames_back_until_it_ends),
        cmocka_unit_test(a_closed_way_holds_what_goes_by_it_and_nothing_else),
        cmocka_unit_test(
            a_connection_that_carries_nothing_for_too_long_breaks_with_what_was_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
