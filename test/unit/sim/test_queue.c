#include "sim/queue.h"

#include "base/mem.h"

#include "test.h"

static void what_is_due_first_comes_first_and_ties_keep_their_order(void **unused)
{
    (void)unused;
    static const kith_time at[] = {30, 10, 20, 10, 30, 10};
    static const uint64_t want[] = {1, 3, 5, 2, 0, 4};
    struct queue q = {0};
    struct sim_item item;

    for (uint64_t i = 0; i < 6; i++)
        queue_add(&q, &(struct sim_item){.at_us = at[i], .kind = SIM_WAKE, .a = i});
    for (size_t i = 0; i < 6; i++) {
        assert_true(queue_pop(&q, &item));
        assert_int_equal(item.a, want[i]);
    }
    assert_false(queue_pop(&q, &item));
    queue_deinit(&q);
}

static void data_is_copied_and_what_nobody_pops_is_freed(void **unused)
{
    (void)unused;
    char text[] = "before";
    struct queue q = {0};
    struct sim_item item;

    queue_add(&q, &(struct sim_item){.at_us = 1, .data = bytes_str(text)});
    queue_add(&q, &(struct sim_item){.at_us = 2, .data = bytes_str(text)});
    text[0] = 'X';
    assert_true(queue_pop(&q, &item));
    assert_true(bytes_equal_str(item.data, "before"));
    mem_free((void *)(uintptr_t)item.data.data);
    queue_deinit(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_due_first_comes_first_and_ties_keep_their_order),
        cmocka_unit_test(data_is_copied_and_what_nobody_pops_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
