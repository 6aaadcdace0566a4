#include "native/metrics.h"

#include "../http/stand.h"
#include "test.h"

#include <string.h>

static struct stand s;

static void names_are_made_by_rule(void **state)
{
    (void)state;
    const struct counter list[] = {
        {bytes_str("lane.member.queued"), 1},    {bytes_str("peer_steps"), 7},
        {bytes_str("lane.state.queued"), 2},     {bytes_str("gossip.probe_late_us"), 1500000},
        {bytes_str("lane.member.frames_in"), 3}, {bytes_str("services"), -1},
    };
    struct arena mem = {0};
    struct buf out = {0};

    metrics_counters(&out, list, sizeof(list) / sizeof(list[0]), &mem);
    assert_string_equal(
        buf_cstr(&out),
        "# HELP kith_gossip_probe_late_seconds gossip.probe_late_us of kith info, see docs/info.md.\n"
        "# TYPE kith_gossip_probe_late_seconds gauge\n"
        "kith_gossip_probe_late_seconds 1.500000\n"
        "# HELP kith_lane_frames_in_total By lane, see docs/info.md.\n"
        "# TYPE kith_lane_frames_in_total counter\n"
        "kith_lane_frames_in_total{lane=\"member\"} 3\n"
        "# HELP kith_lane_queued By lane, see docs/info.md.\n"
        "# TYPE kith_lane_queued gauge\n"
        "kith_lane_queued{lane=\"member\"} 1\n"
        "kith_lane_queued{lane=\"state\"} 2\n"
        "# HELP kith_peer_steps_total peer_steps of kith info, see docs/info.md.\n"
        "# TYPE kith_peer_steps_total counter\n"
        "kith_peer_steps_total 7\n"
        "# HELP kith_services services of kith info, see docs/info.md.\n"
        "# TYPE kith_services gauge\n"
        "kith_services -1\n");
    buf_deinit(&out);
    arena_deinit(&mem);
}

static void all_is_shown_when_the_peer_has_answered(void **state)
{
    (void)state;
    struct lookup_endpoint e = stand_endpoint(1, &stand_a, ENDPOINT_HEALTH_CRITICAL);
    struct info info = {
        .id = stand_a, .name = bytes_str("a\"\\"), .version = bytes_str("1"), .uptime_ms = 1500};
    struct buf payload = {0};

    stand_init(&s);
    stand_tell(&s, "api", &e, 1);
    times_add(&s.hub.times, 100);
    times_add(&s.hub.times, 200);
    times_add(&s.hub.times, 2 * KITH_SEC);
    info_encode(&payload, &info);
    assert_int_equal(stand_get(&s, "/metrics"), 0);
    assert_int_equal(s.x.ask, WIRE_GET_INFO);
    assert_int_equal(stand_reply(&s, WIRE_INFO, buf_bytes(&payload)), 200);
    const char *body = stand_body(&s);

    assert_non_null(strstr(body, "\nkith_info{name=\"a\\\"\\\\\",node=\""));
    assert_non_null(strstr(body, "\nkith_uptime_seconds 1.500000\n"));
    assert_non_null(strstr(body, "\nkith_members{state=\"alive\"} 2\n"));
    assert_non_null(strstr(body, "\nkith_endpoints{health=\"critical\"} 1\n"));
    assert_non_null(strstr(body, "_bucket{le=\"0.000100\"} 1\n"));
    assert_non_null(strstr(body, "_bucket{le=\"0.000250\"} 2\n"));
    assert_non_null(strstr(body, "_bucket{le=\"1.000000\"} 2\n"));
    assert_non_null(strstr(body, "_bucket{le=\"+Inf\"} 3\n"));
    assert_non_null(strstr(body, "_sum 2.000300\n"));
    assert_non_null(strstr(body, "\nprocess_resident_memory_bytes "));
    buf_deinit(&payload);
    stand_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_made_by_rule),
        cmocka_unit_test(all_is_shown_when_the_peer_has_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
