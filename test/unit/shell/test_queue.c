#include "test.h"

#include "shell/queue.h"

static struct queue a_queue(size_t bytes, kith_time age_us)
{
    return (struct queue){.limits = {.bytes = bytes, .age_us = age_us}};
}

static void frames_leave_in_the_order_they_came(void **state)
{
    (void)state;
    struct queue q = a_queue(10000, KITH_SEC);
    struct bytes f;
    assert_false(queue_peek(&q, &f, 0));
    queue_push(&q, bytes_str("a"), 0);
    queue_push(&q, bytes_str("b"), 0);
    assert_true(queue_peek(&q, &f, 0));
    assert_true(bytes_equal_str(f, "a"));
    queue_pop(&q);
    assert_true(queue_peek(&q, &f, 0));
    assert_true(bytes_equal_str(f, "b"));
    queue_pop(&q);
    assert_true(queue_empty(&q));
    assert_int_equal(q.bytes, 0);
    queue_deinit(&q);
}

static void a_full_queue_drops_the_oldest_and_counts(void **state)
{
    (void)state;
    struct queue q = a_queue(3 * (QUEUE_FRAME_COST + 1), KITH_SEC);
    struct bytes f;
    const char *names[] = {"1", "2", "3", "4", "5"};
    for (size_t i = 0; i < 5; i++)
        queue_push(&q, bytes_str(names[i]), 0);
    assert_int_equal(q.dropped_full, 2);
    assert_true(queue_peek(&q, &f, 0));
    assert_true(bytes_equal_str(f, "3"));
    queue_deinit(&q);
}

static void stale_frames_are_dropped_when_they_would_leave(void **state)
{
    (void)state;
    struct queue q = a_queue(10000, 2 * KITH_SEC);
    struct bytes f;
    queue_push(&q, bytes_str("old"), 0);
    queue_push(&q, bytes_str("young"), 3 * KITH_SEC);
    assert_true(queue_peek(&q, &f, 4 * KITH_SEC));
    assert_true(bytes_equal_str(f, "young"));
    assert_int_equal(q.dropped_stale, 1);
    queue_deinit(&q);
}

static void a_frame_larger_than_the_queue_is_not_kept(void **state)
{
    (void)state;
    struct queue q = a_queue(100, KITH_SEC);
    uint8_t big[200] = {0};
    queue_push(&q, bytes_of(big, sizeof big), 0);
    assert_true(queue_empty(&q));
    assert_int_equal(q.dropped_full, 1);
    queue_deinit(&q);
}

static void probes_go_stale_before_anything_else(void **state)
{
    (void)state;
    struct queue_limits member = queue_limits_of(WIRE_LANE_MEMBER);
    for (int lane = WIRE_LANE_STATE; lane <= WIRE_LANE_TOPIC; lane++)
        assert_true(member.age_us < queue_limits_of((enum wire_lane)lane).age_us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_leave_in_the_order_they_came),
        cmocka_unit_test(a_full_queue_drops_the_oldest_and_counts),
        cmocka_unit_test(stale_frames_are_dropped_when_they_would_leave),
        cmocka_unit_test(a_frame_larger_than_the_queue_is_not_kept),
        cmocka_unit_test(probes_go_stale_before_anything_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
