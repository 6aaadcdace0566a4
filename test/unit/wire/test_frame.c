#include "wire/frame.h"

#include "test.h"
#include "wire/wire.h"

#include <string.h>

static const struct ulid own_cluster = {{0xc1}};

static struct envelope sample(enum wire_kind kind)
{
    return (struct envelope){
        .format = FRAME_FORMAT,
        .cluster = own_cluster,
        .sender = {{0x51}},
        .boot = {{0xb0}},
        .proto_min = FRAME_PROTO_MIN,
        .proto_max = FRAME_PROTO_MAX,
        .lane = frame_kind(kind) != NULL ? frame_kind(kind)->lane : WIRE_LANE_MEMBER,
        .kind = (uint16_t)kind,
        .seq = 3,
    };
}

/* What a peer of own_cluster says to a frame with this envelope. */
static int verdict(const struct envelope *e, struct frame *ret)
{
    static struct buf bytes;
    struct wire_error err = {0};

    buf_reset(&bytes);
    frame_pack(&bytes, e, bytes_str("\x81\x01\x09"));
    int r = frame_unpack(ret, buf_bytes(&bytes), &own_cluster, &err);
    assert_true((r == 0) == (err.why == NULL));
    return r;
}

static void a_frame_is_an_envelope_and_a_payload(void **state)
{
    (void)state;
    struct envelope e = sample(WIRE_PROBE);
    struct arena mem = {0};
    struct wire_error err;
    struct probe probe;
    struct frame f;

    assert_int_equal(verdict(&e, &f), 0);
    assert_true(ulid_equal(&f.envelope.sender, &e.sender));
    assert_int_equal(f.envelope.seq, 3);
    assert_ptr_equal(f.info->type, &probe_struct);
    assert_int_equal(probe_decode(&probe, f.payload, &mem, &err), 0);
    assert_int_equal(probe.nonce, 9);
    arena_deinit(&mem);
}

static void another_cluster_is_named_with_its_sender(void **state)
{
    (void)state;
    struct envelope e = sample(WIRE_PROBE);
    struct frame f;

    e.cluster = (struct ulid){{9}};
    assert_int_equal(verdict(&e, &f), FRAME_CLUSTER);
    assert_true(ulid_equal(&f.envelope.sender, &e.sender));
    e.cluster = (struct ulid){{0}};
    assert_int_equal(verdict(&e, &f), FRAME_CLUSTER);
}

static void a_hello_may_come_from_a_host_without_a_cluster(void **state)
{
    (void)state;
    struct envelope e = sample(WIRE_HELLO);
    struct frame f;

    e.cluster = (struct ulid){{0}};
    assert_int_equal(verdict(&e, &f), 0);
    e.cluster = (struct ulid){{9}};
    assert_int_equal(verdict(&e, &f), FRAME_CLUSTER);
}

static void so_may_a_clients_request(void **state)
{
    (void)state;
    struct envelope e = sample(WIRE_GET_INFO);
    struct frame f;

    e.cluster = (struct ulid){{0}};
    assert_int_equal(verdict(&e, &f), 0);
    e.cluster = (struct ulid){{9}};
    assert_int_equal(verdict(&e, &f), FRAME_CLUSTER);
}

static void a_host_without_a_cluster_hears_everybody(void **state)
{
    (void)state;
    struct envelope e = sample(WIRE_HELLO_OK);
    struct ulid none = {{0}};
    struct wire_error err;
    struct buf out = {0};
    struct frame f;

    e.cluster = (struct ulid){{9}};
    frame_pack(&out, &e, bytes_str("\x80"));
    assert_int_equal(frame_unpack(&f, buf_bytes(&out), &none, &err), 0);
    buf_deinit(&out);
}

static void protocol_ranges_must_overlap(void **state)
{
    (void)state;
    struct envelope e = sample(WIRE_PROBE);
    struct frame f;

    e.proto_min = FRAME_PROTO_MAX + 1;
    e.proto_max = FRAME_PROTO_MAX + 5;
    assert_int_equal(verdict(&e, &f), FRAME_PROTO);
    e.proto_min = FRAME_PROTO_MIN - 1;
    e.proto_max = FRAME_PROTO_MIN - 1;
    assert_int_equal(verdict(&e, &f), FRAME_PROTO);
    e.proto_max = FRAME_PROTO_MAX + 5;
    assert_int_equal(verdict(&e, &f), 0);
    e.format = FRAME_FORMAT + 1;
    assert_int_equal(verdict(&e, &f), FRAME_PROTO);
}

static void an_unknown_kind_is_told_from_garbage(void **state)
{
    (void)state;
    struct envelope e = sample((enum wire_kind)60000);
    struct frame f;

    assert_int_equal(verdict(&e, &f), FRAME_KIND);
    assert_int_equal(f.envelope.kind, 60000);
    e = sample(WIRE_PROBE);
    e.lane = WIRE_LANE_BULK;
    assert_int_equal(verdict(&e, &f), FRAME_GARBAGE);
}

static void noise_is_garbage(void **state)
{
    (void)state;
    uint8_t noise[2000];
    struct wire_error err;
    struct frame f;
    struct rng rng;

    rng_seed(&rng, 3);
    for (int i = 0; i < 1000; i++) {
        rng_bytes(&rng, noise, sizeof(noise));
        assert_int_not_equal(frame_unpack(&f, bytes_of(noise, 1 + (size_t)i), &own_cluster, &err),
                             0);
    }
    assert_int_equal(frame_unpack(&f, bytes_of(NULL, 0), &own_cluster, &err), FRAME_GARBAGE);
}

static void sizes_are_limited_by_kind(void **state)
{
    (void)state;
    struct envelope e = sample(WIRE_HELLO);
    struct wire_error err;
    struct buf out = {0};
    struct frame f;

    envelope_encode(&out, &e);
    for (int i = 0; i < 100000; i++)
        buf_byte(&out, 0xc0);
    assert_int_equal(frame_unpack(&f, buf_bytes(&out), &own_cluster, &err), FRAME_SIZE);
    while (out.len <= FRAME_MAX_BYTES)
        buf_byte(&out, 0xc0);
    assert_int_equal(frame_unpack(&f, buf_bytes(&out), &own_cluster, &err), FRAME_SIZE);
    assert_true(frame_kind(WIRE_ROWS)->max_bytes > FRAME_MAX_BYTES);
    buf_deinit(&out);
}

static void every_kind_is_found_by_its_number(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < wire_kinds_n; i++) {
        assert_ptr_equal(frame_kind((uint32_t)wire_kinds[i].kind), &wire_kinds[i]);
        assert_true(i == 0 || wire_kinds[i - 1].kind < wire_kinds[i].kind);
    }
    assert_string_equal(frame_kind_name(WIRE_PROBE_ACK), "probe_ack");
    assert_string_equal(frame_kind_name(0), "?");
}

static void a_payload_can_be_checked_by_its_kind(void **state)
{
    (void)state;
    struct arena mem = {0};
    struct wire_error err;

    assert_int_equal(frame_check_payload(WIRE_PROBE, bytes_str("\x81\x01\x09"), &mem, &err), 0);
    assert_int_equal(frame_check_payload(WIRE_PROBE, bytes_str("\x80"), &mem, &err), WIRE_BAD);
    assert_int_equal(frame_check_payload(60000, bytes_str("\x80"), &mem, &err), WIRE_BAD);
    arena_deinit(&mem);
}

static void assert_prints(const struct buf *frame, const char *start, const char *end)
{
    struct buf out = {0};

    frame_print(&out, buf_bytes(frame));
    const char *text = buf_cstr(&out);
    assert_int_equal(strncmp(text, start, strlen(start)), 0);
    assert_true(strlen(text) >= strlen(end));
    assert_string_equal(text + strlen(text) - strlen(end), end);
    buf_deinit(&out);
}

static void a_frame_prints_as_one_line(void **state)
{
    (void)state;
    struct envelope e = sample(WIRE_PROBE);
    struct buf frame = {0};

    frame_pack(&frame, &e, bytes_str("\x81\x01\x09"));
    assert_prints(&frame, "probe {\"format\":1,", "} {\"nonce\":9}");
    buf_reset(&frame);
    frame_pack(&frame, &e, bytes_str("\x80"));
    assert_prints(&frame, "probe {", "bad (probe.nonce missing)");
    buf_reset(&frame);
    e.kind = 60000;
    frame_pack(&frame, &e, bytes_str("\x80"));
    assert_prints(&frame, "? {", "\"80\"");
    buf_reset(&frame);
    buf_str(&frame, "GET /");
    assert_prints(&frame, "garbage (envelope no array)", "\"474554202f\"");
    buf_deinit(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_an_envelope_and_a_payload),
        cmocka_unit_test(another_cluster_is_named_with_its_sender),
        cmocka_unit_test(a_hello_may_come_from_a_host_without_a_cluster),
        cmocka_unit_test(so_may_a_clients_request),
        cmocka_unit_test(a_host_without_a_cluster_hears_everybody),
        cmocka_unit_test(protocol_ranges_must_overlap),
        cmocka_unit_test(an_unknown_kind_is_told_from_garbage),
        cmocka_unit_test(noise_is_garbage),
        cmocka_unit_test(sizes_are_limited_by_kind),
        cmocka_unit_test(every_kind_is_found_by_its_number),
        cmocka_unit_test(a_payload_can_be_checked_by_its_kind),
        cmocka_unit_test(a_frame_prints_as_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
