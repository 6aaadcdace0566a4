#include "wire/post.h"

#include "test.h"

static struct envelope envelope_of(struct bytes frame, const struct post *post)
{
    struct wire_error err;
    struct frame f;

    assert_int_equal(frame_unpack(&f, frame, &post->cluster, &err), 0);
    assert_true(bytes_equal_str(f.payload, "\x81\x01\x09"));
    return f.envelope;
}

static void a_posted_frame_says_who_sent_it(void **state)
{
    (void)state;
    struct post post = {.cluster = {{1}}, .self = {{2}}, .boot = {{3}}};
    struct effects out = {0};

    post_send(&post, &out, bytes_str("tcp://127.0.0.2:5484"), WIRE_PROBE, bytes_str("\x81\x01\x09"),
              77);
    const struct effect_send *send = &out.items[0].send;
    assert_int_equal(out.items[0].kind, EFFECT_SEND);
    assert_int_equal(send->lane, WIRE_LANE_MEMBER);
    assert_true(bytes_equal_str(send->uri, "tcp://127.0.0.2:5484"));
    struct envelope e = envelope_of(send->frame, &post);
    assert_true(ulid_equal(&e.sender, &post.self));
    assert_true(ulid_equal(&e.boot, &post.boot));
    assert_int_equal(e.correlation, 77);
    assert_int_equal(e.kind, WIRE_PROBE);
    effects_deinit(&out);
}

static void each_lane_counts_its_own_frames(void **state)
{
    (void)state;
    struct post post = {.cluster = {{1}}};
    struct effects out = {0};
    struct bytes payload = bytes_str("\x81\x01\x09");

    post_publish(&post, &out, WIRE_PROBE, payload);
    post_reply(&post, &out, 1, WIRE_PROBE_ACK, payload, 0);
    post_publish(&post, &out, WIRE_ROWS, payload);
    assert_int_equal(envelope_of(out.items[0].publish, &post).seq, 1);
    assert_int_equal(envelope_of(out.items[1].reply.frame, &post).seq, 2);
    assert_int_equal(envelope_of(out.items[2].publish, &post).seq, 1);
    effects_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_posted_frame_says_who_sent_it),
        cmocka_unit_test(each_lane_counts_its_own_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
