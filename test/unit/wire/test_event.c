#include "wire/event.h"

#include "test.h"

#include <string.h>

static const char *printed(const struct event *event)
{
    static struct buf out;

    buf_reset(&out);
    event_print(&out, event);
    return buf_cstr(&out);
}

static void events_print_as_one_line(void **state)
{
    (void)state;
    struct event e = {.kind = EVENT_EXITED, .now_us = 5000, .exited = {.exit_status = -9}};

    assert_string_equal(printed(&e), "5000 exited {\"exit_status\":-9}");
    e = (struct event){.kind = EVENT_STORED, .token = 3};
    assert_string_equal(printed(&e), "0 stored {\"token\":3}");
    e = (struct event){.kind = EVENT_FRAME,
                       .frame = {.from = bytes_str("tcp://127.0.0.1"), .frame = bytes_str("GET")}};
    assert_non_null(strstr(printed(&e), "\"from\":\"tcp://127.0.0.1\""));
    assert_non_null(strstr(printed(&e), "garbage"));
}

static void a_start_tells_how_much_was_found_but_no_secret(void **state)
{
    (void)state;
    struct bytes record = bytes_str("r");
    struct event e = {.kind = EVENT_START,
                      .start = {.seed = 7,
                                .name = bytes_str("n1"),
                                .token = bytes_str("SECRET"),
                                .sign_secret = "SECRET",
                                .records = &record,
                                .records_n = 1}};
    const char *text = printed(&e);

    assert_non_null(strstr(text, "\"name\":\"n1\""));
    assert_non_null(strstr(text, "1 records, 0 local rows"));
    assert_null(strstr(text, "SECRET"));
    assert_null(strstr(text, "534543524554"));
}

static void assert_different(const struct event *a, const struct event *b)
{
    struct buf x = {0}, y = {0};

    event_encode(&x, a);
    event_encode(&y, b);
    assert_false(bytes_equal(buf_bytes(&x), buf_bytes(&y)));
    buf_deinit(&x);
    buf_deinit(&y);
}

static void different_events_hash_differently(void **state)
{
    (void)state;
    struct event a = {.kind = EVENT_TIME}, b = {.kind = EVENT_TIME, .now_us = 1};
    assert_different(&a, &b);

    struct bytes r1 = bytes_str("1"), r2 = bytes_str("2");
    a = (struct event){.kind = EVENT_START, .start = {.records = &r1, .records_n = 1}};
    b = (struct event){.kind = EVENT_START, .start = {.records = &r2, .records_n = 1}};
    assert_different(&a, &b);

    struct local_row l1 = {bytes_str("n"), bytes_str("1")}, l2 = {bytes_str("n"), bytes_str("2")};
    a = (struct event){.kind = EVENT_START, .start = {.locals = &l1, .locals_n = 1}};
    b = (struct event){.kind = EVENT_START, .start = {.locals = &l2, .locals_n = 1}};
    assert_different(&a, &b);

    struct found_instance f1 = {.pid = 1}, f2 = {.pid = 2};
    a = (struct event){.kind = EVENT_START, .start = {.found = &f1, .found_n = 1}};
    b = (struct event){.kind = EVENT_START, .start = {.found = &f2, .found_n = 1}};
    assert_different(&a, &b);
}

static void every_kind_can_be_printed_and_hashed(void **state)
{
    (void)state;
    struct buf out = {0};

    for (unsigned kind = 0; kind <= EVENT_STOP; kind++) {
        const struct event event = {.kind = (enum event_kind)kind};
        buf_reset(&out);
        event_encode(&out, &event);
        assert_int_equal(out.data[0], kind);
        assert_true(strlen(printed(&event)) > 3);
    }
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_print_as_one_line),
        cmocka_unit_test(a_start_tells_how_much_was_found_but_no_secret),
        cmocka_unit_test(different_events_hash_differently),
        cmocka_unit_test(every_kind_can_be_printed_and_hashed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
