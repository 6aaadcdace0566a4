/* Effects wait for their batch, in order, and survive a disk that says no. */
#include "peer/outbox.h"

#include "test.h"

static void add(struct effects *e, uint64_t wait, const char *text)
{
    effects_wait(e, wait);
    effect_log(e, LOG_INFO_, "%s", text);
}

static void assert_texts(const struct effects *e, const char *const *texts, size_t n)
{
    assert_int_equal(e->count, n);
    for (size_t i = 0; i < n; i++)
        assert_true(bytes_equal_str(e->items[i].log.text, texts[i]));
}

static void what_waits_for_nothing_leaves_at_once(void **state)
{
    struct outbox *o = outbox_new();
    struct effects in = {0}, out = {0};
    (void)state;
    add(&in, 0, "now");
    add(&in, 1, "after one");
    add(&in, 0, "now too");
    outbox_pass(o, &in, &out);
    assert_texts(&out, (const char *const[]){"now", "now too"}, 2);
    assert_int_equal(outbox_count(o), 1);
    effects_reset(&out);
    outbox_stored(o, 1, &out);
    assert_texts(&out, (const char *const[]){"after one"}, 1);
    assert_int_equal(outbox_count(o), 0);
    effects_deinit(&in);
    effects_deinit(&out);
    outbox_free(o);
}

static void batches_are_released_in_order(void **state)
{
    struct outbox *o = outbox_new();
    struct effects in = {0}, out = {0};
    (void)state;
    add(&in, 2, "b");
    add(&in, 1, "a");
    add(&in, 3, "c");
    outbox_pass(o, &in, &out);
    outbox_stored(o, 2, &out);
    assert_texts(&out, (const char *const[]){"a", "b"}, 2);
    effects_reset(&in);
    effects_reset(&out);
    add(&in, 2, "stored long ago");
    outbox_pass(o, &in, &out);
    assert_texts(&out, (const char *const[]){"stored long ago"}, 1);
    effects_deinit(&in);
    effects_deinit(&out);
    outbox_free(o);
}

static void a_failed_batch_puts_its_effects_off(void **state)
{
    struct outbox *o = outbox_new();
    struct effects in = {0}, out = {0};
    (void)state;
    add(&in, 1, "first");
    add(&in, 2, "second");
    add(&in, 3, "third");
    outbox_pass(o, &in, &out);
    outbox_stored(o, 1, &out);
    outbox_failed(o, 2, 4);
    effects_reset(&out);
    outbox_stored(o, 3, &out);
    assert_int_equal(out.count, 0);
    assert_int_equal(outbox_count(o), 2);
    outbox_stored(o, 4, &out);
    assert_texts(&out, (const char *const[]){"second", "third"}, 2);
    effects_deinit(&in);
    effects_deinit(&out);
    outbox_free(o);
}

static void a_full_outbox_drops_what_can_be_said_again(void **state)
{
    struct outbox *o = outbox_new();
    struct effects in = {0}, out = {0};
    struct effect clean = {.kind = EFFECT_CLEAN};
    (void)state;
    for (size_t i = 0; i < OUTBOX_MAX + 10; i++)
        add(&in, 1, "again");
    effects_wait(&in, 1);
    effects_add(&in, &clean)->wait = 1;
    outbox_pass(o, &in, &out);
    assert_int_equal(outbox_dropped(o), 10);
    assert_int_equal(outbox_count(o), OUTBOX_MAX + 1);
    effects_deinit(&in);
    effects_deinit(&out);
    outbox_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_for_nothing_leaves_at_once),
        cmocka_unit_test(batches_are_released_in_order),
        cmocka_unit_test(a_failed_batch_puts_its_effects_off),
        cmocka_unit_test(a_full_outbox_drops_what_can_be_said_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
