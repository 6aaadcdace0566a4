#include "base/ulid_index.h"

#include "test.h"

struct item {
    struct ulid id; /* first */
    unsigned number;
};

#define ITEMS 1000

static void what_was_added_is_found_and_nothing_else(void **state)
{
    (void)state;
    static struct item items[ITEMS];
    struct ulid_index x = {0};
    struct ulid other = {{0}};

    assert_null(ulid_index_find(&x, &other));
    for (unsigned i = 0; i < ITEMS; i++) { /* ids that are counted up, and differ at either end */
        items[i].id.b[15] = (uint8_t)i;
        items[i].id.b[i % 2 ? 14 : 0] = (uint8_t)(i >> 8);
        items[i].id.b[8] = (uint8_t)(i % 2);
        items[i].number = i;
        ulid_index_add(&x, &items[i].id);
    }
    for (unsigned i = 0; i < ITEMS; i++) {
        const struct item *found = (const void *)ulid_index_find(&x, &items[i].id);
        assert_ptr_equal(found, &items[i]);
        assert_int_equal(found->number, i);
    }
    other.b[3] = 1;
    assert_null(ulid_index_find(&x, &other));
    ulid_index_deinit(&x);
}

static void what_was_removed_is_gone_and_hides_nothing(void **state)
{
    (void)state;
    static struct item items[ITEMS];
    struct ulid_index x = {0};

    for (unsigned i = 0; i < ITEMS; i++) {
        items[i].id.b[14] = (uint8_t)(i >> 8);
        items[i].id.b[15] = (uint8_t)i;
        ulid_index_add(&x, &items[i].id);
    }
    for (unsigned gone = 0; gone < ITEMS; gone++) {
        unsigned last = gone * 7 % ITEMS; /* all of them, in another order than they came */
        ulid_index_remove(&x, &items[last].id);
        items[last].number = 1;
        for (unsigned i = 0; i < ITEMS; i++) {
            const struct ulid *found = ulid_index_find(&x, &items[i].id);
            assert_ptr_equal(found, items[i].number ? NULL : &items[i].id);
        }
    }
    assert_int_equal(x.count, 0);
    ulid_index_deinit(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_found_and_nothing_else),
        cmocka_unit_test(what_was_removed_is_gone_and_hides_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
