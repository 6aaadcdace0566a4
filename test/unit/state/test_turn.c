#include "state/turn.h"

#include "test.h"

#include <string.h>

struct desk {
    struct effects out;
    struct post post;
    struct rng rng;
    struct ulid_source ulids;
    struct envelope envelope;
    struct turn turn;
    struct incoming in;
};

static void desk_init(struct desk *d)
{
    *d = (struct desk){.envelope = {.correlation = 42}};
    rng_seed(&d->rng, 1);
    d->turn = (struct turn){
        .wall_us = KITH_HOUR, .rng = &d->rng, .ulids = &d->ulids, .out = &d->out, .post = &d->post};
    d->in = (struct incoming){.envelope = &d->envelope, .route = 9};
}

static struct frame sent(const struct desk *d)
{
    struct frame frame;
    struct wire_error err;
    struct ulid any = {{0}};

    assert_int_equal(d->out.count, 1);
    assert_int_equal(d->out.items[0].kind, EFFECT_REPLY);
    assert_int_equal(d->out.items[0].reply.route, 9);
    assert_int_equal(frame_unpack(&frame, d->out.items[0].reply.frame, &any, &err), 0);
    assert_int_equal(frame.envelope.correlation, 42);
    return frame;
}

static void ulids_rise_also_when_a_millisecond_is_full(void **unused)
{
    (void)unused;
    struct desk d;

    desk_init(&d);
    struct ulid a = turn_ulid(&d.turn), b = turn_ulid(&d.turn);
    assert_true(ulid_compare(&a, &b) < 0);
    memset(d.ulids.last.b + 6, 0xff, 10);
    struct ulid full = d.ulids.last, c = turn_ulid(&d.turn);
    assert_true(ulid_compare(&full, &c) < 0);
    assert_int_equal(ulid_ms(&c), ulid_ms(&a) + 1);
    d.turn.wall_us = -1; /* a clock before 1970 */
    struct ulid e = turn_ulid(&d.turn);
    assert_true(ulid_compare(&c, &e) < 0);
}

static void an_answer_repeats_the_number_and_waits_for_its_token(void **unused)
{
    (void)unused;
    struct desk d;

    desk_init(&d);
    effects_wait(&d.out, 3);
    turn_reply(&d.turn, &d.in, WIRE_FAILED, bytes_str("\x80"), 5);
    assert_int_equal(sent(&d).envelope.kind, WIRE_FAILED);
    assert_int_equal(d.out.items[0].wait, 5);
    assert_int_equal(d.out.wait, 3);
    effects_deinit(&d.out);
}

static void a_failure_says_why(void **unused)
{
    (void)unused;
    struct desk d;
    struct arena mem = {0};
    struct failed failed;
    struct wire_error err;
    char long_text[5000];

    desk_init(&d);
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    turn_fail(&d.turn, &d.in, FAIL_CODE_NOT_FOUND, "no %s: %s", "web", long_text);
    assert_int_equal(failed_decode(&failed, sent(&d).payload, &mem, &err), 0);
    assert_int_equal(failed.code, FAIL_CODE_NOT_FOUND);
    assert_int_equal(failed.text.len, FAILED_TEXT_MAX);
    assert_memory_equal(failed.text.data, "no web: x", 9);
    arena_deinit(&mem);
    effects_deinit(&d.out);
}

static void what_cannot_be_answered_is_not(void **unused)
{
    (void)unused;
    struct desk d;

    desk_init(&d);
    d.in.route = 0;
    turn_fail(&d.turn, &d.in, FAIL_CODE_BUSY, "no");
    assert_int_equal(d.out.count, 0);
    effects_deinit(&d.out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ulids_rise_also_when_a_millisecond_is_full),
        cmocka_unit_test(an_answer_repeats_the_number_and_waits_for_its_token),
        cmocka_unit_test(a_failure_says_why),
        cmocka_unit_test(what_cannot_be_answered_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
