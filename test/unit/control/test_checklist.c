#include "control/checklist.h"

#include "wire/effect.h"

#include "test.h"

static struct arena mem;

static int end(void **state)
{
    (void)state;
    arena_deinit(&mem);
    return 0;
}

/* db-1 with a check that is critical when it is not renewed. */
static struct registration_row plain(void)
{
    return (struct registration_row){.service = bytes_str("db"),
                                     .name = bytes_str("db-1"),
                                     .ttl_ms = 5000,
                                     .reap_ms = 60000,
                                     .keep = true,
                                     .health = ENDPOINT_HEALTH_WARNING,
                                     .output = bytes_str("slow")};
}

static struct endpoint_check disk(enum endpoint_health health)
{
    return (struct endpoint_check){.id = bytes_str("disk"),
                                   .name = bytes_str("Disk"),
                                   .ttl_ms = 1000,
                                   .health = health,
                                   .output = bytes_str("full")};
}

static size_t encoded(const struct registration_row *row)
{
    struct buf out = {0};

    registration_row_encode(&out, row);
    size_t len = out.len;

    buf_deinit(&out);
    return len;
}

static void one_check_is_told_by_the_row_itself(void **state)
{
    (void)state;
    struct registration_row row = plain(), was = row;
    struct checklist list = checklist_of(&row, &mem);

    assert_int_equal(list.n, 1);
    assert_true(bytes_equal_str(list.items[0].id, "service:db-1"));
    assert_int_equal(list.items[0].ttl_ms, 5000);
    assert_int_equal(list.items[0].health, ENDPOINT_HEALTH_WARNING);
    assert_true(bytes_equal_str(list.items[0].output, "slow"));
    checklist_put(&row, &list, &mem);
    assert_int_equal(row.checks_n, 0);
    assert_int_equal(encoded(&row), encoded(&was)); /* it has not grown */
    assert_true(row.keep && row.ttl_ms == 5000 && row.reap_ms == 60000);
}

static void a_registration_without_a_check_has_none(void **state)
{
    (void)state;
    struct registration_row row = plain();

    row.keep = false; /* its TTL is its own: it ends */
    row.health = ENDPOINT_HEALTH_PASSING;
    row.output = (struct bytes){0};
    struct checklist list = checklist_of(&row, &mem);

    assert_int_equal(list.n, 0);
    checklist_put(&row, &list, &mem);
    assert_int_equal(row.ttl_ms, 5000);
    assert_int_equal(row.checks_n, 0);
    row.health = ENDPOINT_HEALTH_CRITICAL; /* somebody said so */
    list = checklist_of(&row, &mem);
    assert_int_equal(list.n, 1);
    assert_int_equal(list.items[0].ttl_ms, 0);
}

static void of_several_the_row_is_as_the_worst(void **state)
{
    (void)state;
    struct registration_row row = plain();
    struct checklist list = checklist_of(&row, &mem);
    struct endpoint_check more = disk(ENDPOINT_HEALTH_CRITICAL);

    assert_non_null(checklist_add(&list, &more));
    checklist_put(&row, &list, &mem);
    assert_int_equal(row.checks_n, 2);
    assert_int_equal(row.health, ENDPOINT_HEALTH_CRITICAL);
    assert_true(bytes_equal_str(row.output, "full"));
    assert_true(!row.keep && row.ttl_ms == 0 && row.reap_ms == 0);
    more = disk(ENDPOINT_HEALTH_PASSING);
    list = checklist_of(&row, &mem);
    checklist_add(&list, &more); /* in place of the former */
    checklist_put(&row, &list, &mem);
    assert_int_equal(row.checks_n, 2);
    assert_true(bytes_equal_str(row.output, "slow"));
    list = checklist_of(&row, &mem);
    checklist_remove(&list, bytes_str("disk"));
    checklist_remove(&list, bytes_str("none"));
    checklist_put(&row, &list, &mem);
    assert_int_equal(row.checks_n, 0); /* as it was at first */
    assert_true(row.keep && row.ttl_ms == 5000 && row.reap_ms == 60000);
}

static void the_last_one_that_goes_leaves_it_passing(void **state)
{
    (void)state;
    struct registration_row row = plain();
    struct checklist list = checklist_of(&row, &mem);

    checklist_remove(&list, bytes_str("service:db-1"));
    checklist_put(&row, &list, &mem);
    assert_true(!row.keep && row.ttl_ms == 0 && row.output.len == 0);
    assert_int_equal(row.health, ENDPOINT_HEALTH_PASSING);
}

static void what_was_reported_lasts(void **state)
{
    (void)state;
    struct registration_row row = plain();
    struct checklist was = checklist_of(&row, &mem), is = checklist_of(&row, &mem);
    struct endpoint_check said = disk(ENDPOINT_HEALTH_PASSING), told = said;

    told.ttl_ms = said.ttl_ms = 0; /* nobody reports that: it is told anew each time */
    told.health = ENDPOINT_HEALTH_CRITICAL;
    checklist_add(&was, &said);
    checklist_add(&is, &told);
    is.items[0].health = ENDPOINT_HEALTH_CRITICAL;
    is.items[0].output = (struct bytes){0};
    checklist_keep(&is, &was, /* all= */ false);
    assert_int_equal(is.items[0].health, ENDPOINT_HEALTH_WARNING);
    assert_true(bytes_equal_str(is.items[0].output, "slow"));
    assert_int_equal(is.items[1].health, ENDPOINT_HEALTH_CRITICAL);
    checklist_keep(&is, &was, /* all= */ true);
    assert_int_equal(is.items[1].health, ENDPOINT_HEALTH_PASSING);
}

static void a_list_has_an_end(void **state)
{
    (void)state;
    struct registration_row row = plain();
    struct checklist list = checklist_of(&row, &mem);
    struct endpoint_check more = disk(ENDPOINT_HEALTH_PASSING);

    while (list.n < CHECKLIST_MAX) {
        more.id = bytes_str(arena_printf(&mem, "disk %u", list.n));
        assert_non_null(checklist_add(&list, &more));
    }
    more.id = bytes_str("one more");
    assert_null(checklist_add(&list, &more));
    more.id = bytes_str("disk 3");
    assert_non_null(checklist_add(&list, &more));
}

/* Before there were lists, the name of a check of its own was in the meta. */
static void rows_of_former_versions_are_read(void **state)
{
    static const struct pair meta[] = {
        {{(const uint8_t *)"kith-check", 10}, {(const uint8_t *)"memory", 6}},
        {{(const uint8_t *)"team", 4}, {(const uint8_t *)"web", 3}}};
    struct registration_row row = plain();

    (void)state;
    assert_true(checklist_is_plain(&row));
    row.meta = meta;
    row.meta_n = 2;
    assert_false(checklist_is_plain(&row));
    struct checklist list = checklist_of(&row, &mem);

    assert_int_equal(list.n, 1);
    assert_true(bytes_equal_str(list.items[0].id, "memory"));
    checklist_put(&row, &list, &mem);
    assert_int_equal(row.checks_n, 1);
    assert_int_equal(row.meta_n, 1);
    assert_true(bytes_equal_str(row.meta[0].key, "team"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_check_is_told_by_the_row_itself),
        cmocka_unit_test(a_registration_without_a_check_has_none),
        cmocka_unit_test(of_several_the_row_is_as_the_worst),
        cmocka_unit_test(the_last_one_that_goes_leaves_it_passing),
        cmocka_unit_test(what_was_reported_lasts),
        cmocka_unit_test(a_list_has_an_end),
        cmocka_unit_test(rows_of_former_versions_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
