/* The machine as a whole, where no part of it owns what is shown: its deadline, and its first event. */
#include "peer/peer.h"

#include "documented.h"
#include "state/hash.h"
#include "state/restore.h"
#include "state/state.h"
#include "test.h"
#include "wire/frame.h"
#include "wire/gen/client.h"
#include "wire/post.h"

#include <stdio.h>
#include <string.h>

#define WALL (1767225600 * KITH_SEC)

static struct ulid id_of(uint8_t last)
{
    return (struct ulid){.b = {1, [15] = last}};
}

/* The record of a service's count that ends, as another node wrote it. */
static void write_lease(struct buf *ret, int64_t expires_ms)
{
    struct state_config config = {.cluster = id_of(1), .self = id_of(2), .incarnation = 1};
    struct state *other = state_new(&config);
    struct count_row value = {.count = 3};
    struct buf encoded = {0};
    struct ulid service = id_of(3);
    state_clock(other, WALL);
    count_row_encode(&encoded, &value);
    assert_int_equal(state_put(other, TABLE_ID_COUNT, ulid_bytes(&service), buf_bytes(&encoded),
                               /* major= */ 0, expires_ms),
                     STATE_DONE);
    struct bytes record = state_get(other, TABLE_ID_COUNT, ulid_bytes(&service))->record;
    buf_append(ret, record.data, record.len);
    buf_deinit(&encoded);
    state_free(other);
}

/* A peer that is alone, at monotonic time 0, with one stored record and a backup. */
static struct peer *start_with(struct bytes record, const struct bytes *restored, size_t restored_n,
                               struct local_row local, struct effects *out)
{
    struct member_addr addr = {.role = ADDR_ROLE_PROBE, .uri = bytes_str("tcp://127.0.0.1:5484")};
    struct event event = {
        .kind = EVENT_START,
        .wall_us = WALL,
        .start = {.seed = 1,
                  .cluster = id_of(1),
                  .node = id_of(4),
                  .boot = id_of(5),
                  .name = bytes_str("alone"),
                  .host = bytes_str("127.0.0.1"),
                  .addrs = &addr,
                  .addrs_n = 1,
                  .insecure = true,
                  .records = &record,
                  .records_n = 1,
                  .restored = restored,
                  .restored_n = restored_n,
                  .locals = &local,
                  .locals_n = local.name.len > 0},
    };
    struct peer *p = peer_new(/* shared= */ NULL);
    assert_int_equal(peer_step(p, &event, out), 0);
    assert_int_equal(peer_deadline(p), 0); /* it is a member already, and becomes active next */
    return p;
}

static struct peer *start(struct bytes record, struct effects *out)
{
    return start_with(record, NULL, 0, (struct local_row){0}, out);
}

/* Runs it until `until_us`, only when it asks to be. */
static void run(struct peer *p, kith_time until_us, struct effects *out)
{
    kith_time at_us = peer_deadline(p);
    for (int steps = 0; at_us <= until_us && steps < 10000; steps++) {
        struct event event = {.kind = EVENT_TIME, .now_us = at_us, .wall_us = WALL + at_us};
        effects_reset(out);
        assert_int_equal(peer_step(p, &event, out), 0);
        at_us = peer_deadline(p) > at_us ? peer_deadline(p) : at_us + 1;
    }
}

static void a_row_that_ends_wakes_the_peer(void **state)
{
    struct buf record = {0};
    struct effects out = {0};
    struct ulid service = id_of(3);
    (void)state;
    write_lease(&record, WALL / KITH_MS + 90500);
    struct peer *p = start(buf_bytes(&record), &out);
    assert_non_null(state_get(peer_state(p), TABLE_ID_COUNT, ulid_bytes(&service)));
    run(p, 90499 * KITH_MS, &out);
    assert_non_null(state_get(peer_state(p), TABLE_ID_COUNT, ulid_bytes(&service)));
    assert_true(peer_deadline(p) <= 90500 * KITH_MS);
    run(p, 90500 * KITH_MS, &out);
    assert_null(state_get(peer_state(p), TABLE_ID_COUNT, ulid_bytes(&service)));
    peer_free(p);
    effects_deinit(&out);
    buf_deinit(&record);
}

/* What was due while the clock was wrong is done when it is right again: at once, not in the past. */
static void a_clock_that_steps_moves_the_end(void **state)
{
    struct buf record = {0};
    struct effects out = {0};
    (void)state;
    write_lease(&record, WALL / KITH_MS + 3600 * 1000);
    struct peer *p = start(buf_bytes(&record), &out);
    run(p, 10 * KITH_SEC, &out);
    struct event event = {
        .kind = EVENT_TIME, .now_us = 11 * KITH_SEC, .wall_us = WALL + 3601 * KITH_SEC};
    effects_reset(&out);
    assert_int_equal(peer_step(p, &event, &out), 0);
    struct ulid service = id_of(3);
    assert_null(state_get(peer_state(p), TABLE_ID_COUNT, ulid_bytes(&service)));
    peer_free(p);
    effects_deinit(&out);
    buf_deinit(&record);
}

static void nothing_is_wanted_before_the_start(void **state)
{
    struct peer *p = peer_new(/* shared= */ NULL);
    (void)state;
    assert_true(peer_deadline(p) == KITH_NEVER);
    peer_free(p);
}

static void ask_info(struct peer *p, kith_time at_us, uint64_t route, struct effects *out)
{
    struct post client = {.self = id_of(9), .boot = id_of(10)};
    struct effects asked = {0};
    struct buf payload = {0};
    get_info_encode(&payload, &(struct get_info){0});
    post_send(&client, &asked, bytes_str("x"), WIRE_GET_INFO, buf_bytes(&payload), route);
    struct event event = {.kind = EVENT_FRAME,
                          .now_us = at_us,
                          .wall_us = WALL + at_us,
                          .frame = {.door = DOOR_LOCAL,
                                    .route = route,
                                    .from = bytes_str("local"),
                                    .frame = asked.items[0].send.frame}};
    effects_reset(out);
    assert_int_equal(peer_step(p, &event, out), 0);
    effects_deinit(&asked);
    buf_deinit(&payload);
}

static size_t count_of(const struct effects *out, enum effect_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < out->count; i++)
        n += out->items[i].kind == kind;
    return n;
}

static int64_t counter_of(const struct info *info, const char *name)
{
    for (uint32_t i = 0; i < info->counters_n; i++) {
        if (bytes_equal_str(info->counters[i].name, name))
            return info->counters[i].value;
    }
    fail_msg("no counter %s", name);
    return 0;
}

/* Two ask at once: the world is asked once what it counts, and both hear all of it. */
static void info_waits_for_what_the_world_counts(void **state)
{
    struct effects out = {0};
    (void)state;
    struct peer *p = start((struct bytes){0}, &out);
    ask_info(p, KITH_SEC, 7, &out);
    assert_int_equal(count_of(&out, EFFECT_COUNT), 1);
    assert_int_equal(count_of(&out, EFFECT_REPLY), 0);
    ask_info(p, KITH_SEC, 8, &out);
    assert_int_equal(count_of(&out, EFFECT_COUNT), 0);

    struct counter counted = {.name = bytes_str("lane.member.queued"), .value = 42};
    struct event event = {.kind = EVENT_COUNTED,
                          .now_us = KITH_SEC,
                          .wall_us = WALL,
                          .counted = {.counters = &counted, .counters_n = 1}};
    effects_reset(&out);
    assert_int_equal(peer_step(p, &event, &out), 0);
    assert_int_equal(count_of(&out, EFFECT_REPLY), 2);
    struct ulid cluster = id_of(1);
    for (size_t i = 0; i < out.count; i++) {
        if (out.items[i].kind != EFFECT_REPLY)
            continue;
        struct frame frame;
        struct info info;
        struct wire_error err;
        struct arena mem = {0};
        assert_int_equal(frame_unpack(&frame, out.items[i].reply.frame, &cluster, &err), 0);
        assert_int_equal(frame.envelope.correlation, out.items[i].reply.route);
        assert_int_equal(info_decode(&info, frame.payload, &mem, &err), 0);
        assert_int_equal(counter_of(&info, "lane.member.queued"), 42);
        assert_int_equal(counter_of(&info, "lane.client.frames_in"), 2);
        assert_true(counter_of(&info, "lane.client.bytes_in") > 0);
        assert_int_equal(counter_of(&info, "store_unstored"), 2);
        assert_documented(info.counters, info.counters_n);
        arena_deinit(&mem);
    }
    peer_free(p);
    effects_deinit(&out);
}

/* Of what `kith info` answers. */
static int64_t ask_counter(struct peer *p, kith_time at_us, const char *name)
{
    struct effects out = {0};
    struct arena mem = {0};
    struct ulid cluster = id_of(1);
    struct event counted = {.kind = EVENT_COUNTED, .now_us = at_us, .wall_us = WALL + at_us};
    struct wire_error err;
    struct frame frame;
    struct info info;
    ask_info(p, at_us, 7, &out);
    effects_reset(&out);
    assert_int_equal(peer_step(p, &counted, &out), 0);
    assert_int_equal(count_of(&out, EFFECT_REPLY), 1);
    for (size_t i = 0; i < out.count; i++)
        if (out.items[i].kind == EFFECT_REPLY)
            assert_int_equal(frame_unpack(&frame, out.items[i].reply.frame, &cluster, &err), 0);
    assert_int_equal(info_decode(&info, frame.payload, &mem, &err), 0);
    int64_t value = counter_of(&info, name);
    arena_deinit(&mem);
    effects_deinit(&out);
    return value;
}

/* A member that lives, as it wrote itself down. */
static void write_member(struct buf *ret)
{
    struct state_config config = {.cluster = id_of(1), .self = id_of(2), .incarnation = 1};
    struct member_addr addr = {.role = ADDR_ROLE_PROBE, .uri = bytes_str("tcp://127.0.0.2:5484")};
    struct member_row value = {
        .name = bytes_str("other"), .boot = id_of(6), .addrs = &addr, .addrs_n = 1};
    struct state *other = state_new(&config);
    struct buf encoded = {0};
    struct ulid id = id_of(2);
    state_clock(other, WALL);
    member_row_encode(&encoded, &value);
    assert_int_equal(state_put(other, TABLE_ID_MEMBER, ulid_bytes(&id), buf_bytes(&encoded), 0, 0),
                     STATE_DONE);
    struct bytes record = state_get(other, TABLE_ID_MEMBER, ulid_bytes(&id))->record;
    buf_append(ret, record.data, record.len);
    buf_deinit(&encoded);
    state_free(other);
}

/* Loading a large registry takes seconds, all in the first step: no probe is due within them. */
static void however_long_a_start_takes_no_probe_is_late(void **state)
{
    struct buf record = {0};
    struct effects out = {0};
    (void)state;
    write_member(&record);
    struct peer *p = start(buf_bytes(&record), &out);
    struct event first = {
        .kind = EVENT_TIME, .now_us = 5 * KITH_SEC, .wall_us = WALL + 5 * KITH_SEC};
    assert_int_equal(peer_step(p, &first, &out), 0);
    run(p, 6 * KITH_SEC, &out);
    assert_true(ask_counter(p, 6 * KITH_SEC, "gossip.probes_sent") > 0);
    assert_true(ask_counter(p, 6 * KITH_SEC, "gossip.probe_late_us") < 100 * KITH_MS);
    peer_free(p);
    effects_deinit(&out);
    buf_deinit(&record);
}

/* One registration as a client's frame at the ipc socket. */
static void registration_frame(struct buf *ret, const char *name)
{
    struct register_endpoint request = {
        .service = bytes_str("db"), .name = bytes_str(name), .addr = bytes_str("10.0.0.7")};
    struct envelope e = {.format = FRAME_FORMAT,
                         .cluster = id_of(1),
                         .sender = id_of(9),
                         .boot = id_of(9),
                         .proto_min = FRAME_PROTO_MIN,
                         .proto_max = FRAME_PROTO_MAX,
                         .lane = WIRE_LANE_CLIENT,
                         .kind = WIRE_REGISTER_ENDPOINT,
                         .correlation = 1};
    struct buf payload = {0};
    register_endpoint_encode(&payload, &request);
    buf_reset(ret);
    frame_pack(ret, &e, buf_bytes(&payload));
    buf_deinit(&payload);
}

/* Frames that are there at once make one batch, and all are answered when it is on disk. */
static void a_burst_costs_one_batch(void **state)
{
    struct effects out = {0};
    struct buf frame = {0};
    struct peer *p = start((struct bytes){0}, &out);
    kith_time at_us = KITH_SEC;
    (void)state;
    run(p, at_us, &out);
    for (unsigned i = 0; i < 20; i++) {
        char name[8];
        snprintf(name, sizeof(name), "r%u", i);
        registration_frame(&frame, name);
        struct event event = {.kind = EVENT_FRAME, .now_us = at_us, .wall_us = WALL + at_us};
        event.frame = (struct event_frame){
            .door = DOOR_LOCAL, .more = true, .route = i + 1, .frame = buf_bytes(&frame)};
        effects_reset(&out);
        assert_int_equal(peer_step(p, &event, &out), 0);
        assert_int_equal(count_of(&out, EFFECT_STORE), 0);
        assert_int_equal(count_of(&out, EFFECT_REPLY), 0);
    }
    struct event flush = {.kind = EVENT_FLUSH, .now_us = at_us, .wall_us = WALL + at_us};
    effects_reset(&out);
    assert_int_equal(peer_step(p, &flush, &out), 0);
    assert_int_equal(count_of(&out, EFFECT_STORE), 1);
    assert_int_equal(count_of(&out, EFFECT_REPLY), 0);
    struct event stored = {.kind = EVENT_STORED, .now_us = at_us, .wall_us = WALL + at_us};
    for (size_t i = 0; i < out.count; i++)
        if (out.items[i].kind == EFFECT_STORE)
            stored.token = out.items[i].store.token;
    effects_reset(&out);
    assert_int_equal(peer_step(p, &stored, &out), 0);
    assert_int_equal(count_of(&out, EFFECT_REPLY), 20);
    peer_free(p);
    effects_deinit(&out);
    buf_deinit(&frame);
}

/* One registration as another node wrote it. */
static void write_registration(struct buf *ret)
{
    struct state_config config = {.cluster = id_of(1), .self = id_of(2), .incarnation = 1};
    struct state *other = state_new(&config);
    struct registration_row value = {.service = bytes_str("db")};
    struct buf encoded = {0};
    uint8_t key[32] = {0};
    memcpy(key, config.self.b, sizeof(config.self.b));
    registration_row_encode(&encoded, &value);
    assert_int_equal(state_put(other, TABLE_ID_REGISTRATION, bytes_of(key, sizeof(key)),
                               buf_bytes(&encoded), 0, 0),
                     STATE_DONE);
    struct bytes record =
        state_get(other, TABLE_ID_REGISTRATION, bytes_of(key, sizeof(key)))->record;
    buf_append(ret, record.data, record.len);
    buf_deinit(&encoded);
    state_free(other);
}

/* What a peer that stays alone restores: what people had asked for, not what hosts had said. */
static void a_backup_comes_back_when_nobody_else_lives(void **state)
{
    struct buf count = {0}, registration = {0};
    struct effects out = {0};
    struct ulid service = id_of(3);
    (void)state;
    write_lease(&count, 0);
    write_registration(&registration);
    struct bytes backup[] = {buf_bytes(&count), buf_bytes(&registration), bytes_str("garbage")};
    struct peer *p = start_with((struct bytes){0}, backup, 3, (struct local_row){0}, &out);
    run(p, RESTORE_ALONE - 1, &out);
    assert_null(state_get(peer_state(p), TABLE_ID_COUNT, ulid_bytes(&service)));
    run(p, RESTORE_ALONE + KITH_SEC, &out);
    assert_non_null(state_get(peer_state(p), TABLE_ID_COUNT, ulid_bytes(&service)));
    assert_null(state_first(peer_state(p), TABLE_ID_REGISTRATION, (struct bytes){0}));
    peer_free(p);
    effects_deinit(&out);
    buf_deinit(&count);
    buf_deinit(&registration);
}

/* The flag was left in the command line: what was deleted since does not come back. */
static void a_backup_comes_back_once(void **state)
{
    struct buf count = {0};
    struct effects out = {0};
    struct ulid service = id_of(3);
    uint64_t digest = 0;
    (void)state;
    write_lease(&count, 0);
    struct bytes backup = buf_bytes(&count);
    digest = 1 ^ hash64(backup);
    struct local_row done = {bytes_str(RESTORE_LOCAL), bytes_of(&digest, sizeof(digest))};
    struct peer *p = start_with((struct bytes){0}, &backup, 1, done, &out);
    run(p, 2 * RESTORE_ALONE, &out);
    assert_null(state_get(peer_state(p), TABLE_ID_COUNT, ulid_bytes(&service)));
    peer_free(p);
    effects_deinit(&out);
    buf_deinit(&count);
}

/* Asks for a backup by this door, at 1 s; what the peer then wants. */
static void ask_backup(struct peer *p, enum door door, const char *path, struct effects *out)
{
    struct post client = {.self = id_of(9), .boot = id_of(10)};
    struct effects asked = {0};
    struct buf payload = {0};
    struct backup request = {.path = bytes_str(path)};
    backup_encode(&payload, &request);
    post_send(&client, &asked, bytes_str("x"), WIRE_BACKUP, buf_bytes(&payload), 1);
    struct event event = {.kind = EVENT_FRAME,
                          .now_us = KITH_SEC,
                          .wall_us = WALL,
                          .frame = {.door = door, .route = 5, .frame = asked.items[0].send.frame}};
    effects_reset(out);
    assert_int_equal(peer_step(p, &event, out), 0);
    effects_deinit(&asked);
    buf_deinit(&payload);
}

static void a_backup_is_answered_when_it_is_written(void **state)
{
    struct effects out = {0};
    (void)state;
    struct peer *p = start((struct bytes){0}, &out);
    struct event stored = {.kind = EVENT_STORED, .now_us = KITH_SEC, .wall_us = WALL, .token = 2};
    run(p, 0, &out); /* two batches: the incarnation, the own row */
    effects_reset(&out);
    assert_int_equal(peer_step(p, &stored, &out), 0);
    ask_backup(p, DOOR_LOCAL, "here", &out); /* whose folder? */
    assert_int_equal(count_of(&out, EFFECT_BACKUP), 0);
    assert_int_equal(count_of(&out, EFFECT_REPLY), 1);
    ask_backup(p, DOOR_LOCAL, "/var/backup", &out);
    assert_int_equal(count_of(&out, EFFECT_BACKUP), 1);
    assert_int_equal(count_of(&out, EFFECT_REPLY), 0);
    struct event done = {.kind = EVENT_BACKED_UP,
                         .now_us = KITH_SEC,
                         .wall_us = WALL,
                         .backed_up = {.number = 1, .bytes = 4096}};
    effects_reset(&out);
    assert_int_equal(peer_step(p, &done, &out), 0);
    assert_int_equal(count_of(&out, EFFECT_REPLY), 1);
    peer_free(p);
    effects_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_that_ends_wakes_the_peer),
        cmocka_unit_test(a_clock_that_steps_moves_the_end),
        cmocka_unit_test(info_waits_for_what_the_world_counts),
        cmocka_unit_test(however_long_a_start_takes_no_probe_is_late),
        cmocka_unit_test(a_burst_costs_one_batch),
        cmocka_unit_test(a_backup_comes_back_when_nobody_else_lives),
        cmocka_unit_test(a_backup_comes_back_once),
        cmocka_unit_test(a_backup_is_answered_when_it_is_written),
        cmocka_unit_test(nothing_is_wanted_before_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
