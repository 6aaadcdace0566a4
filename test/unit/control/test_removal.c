#include "control/removal.h"

#include "state/table.h"
#include "world.h"

#include "test.h"

#include <string.h>

static const struct ulid service = {.b = {5, 7}};
static size_t passed; /* rows that walks went on from, tombstones too */

struct content *__real_table_next(const struct table *t, const struct content *c);
struct content *__wrap_table_next(const struct table *t, const struct content *c);
struct content *__wrap_table_next(const struct table *t, const struct content *c)
{
    passed++;
    return __real_table_next(t, c);
}

static void put_spec(struct control *c, struct turn *t, unsigned number)
{
    struct spec_row row = {.spec = world_spec("redis", 1, NULL)};
    uint8_t key[2 * sizeof(service.b)] = {0};
    struct buf value = {0};

    memcpy(key, service.b, sizeof(service.b));
    key[sizeof(key) - 2] = (uint8_t)(number >> 8);
    key[sizeof(key) - 1] = (uint8_t)number;
    spec_row_encode(&value, &row);
    assert_int_equal(
        control_put(c, t, TABLE_ID_SPEC, bytes_of(key, sizeof(key)), buf_bytes(&value), 0), 0);
    buf_deinit(&value);
}

static void remove_row(struct control *c, struct turn *t)
{
    struct service_row row = {.name = bytes_str("redis")};
    struct buf value = {0};

    service_row_encode(&value, &row);
    assert_int_equal(
        control_put(c, t, TABLE_ID_SERVICE, ulid_bytes(&service), buf_bytes(&value), 0), 0);
    assert_int_equal(control_delete(c, t, TABLE_ID_SERVICE, ulid_bytes(&service), 0), 0);
    buf_deinit(&value);
}

/* How many rows are passed to delete what so many specifications left. */
static size_t walk_of(unsigned specs)
{
    struct world *w = world_new(1);
    struct node *n = &w->nodes[0];
    struct turn t = world_begin(n);
    struct service gone = {.id = service};

    for (unsigned k = 0; k < specs; k++)
        put_spec(n->control, &t, k);
    remove_row(n->control, &t);
    assert_int_equal(state_count(n->state) > specs, 1);
    passed = 0;
    assert_true(removal_settle(n->control, &t, &gone));
    size_t walked = passed;
    assert_null(state_first(n->state, TABLE_ID_SPEC, ulid_bytes(&service)));
    world_finish(n, &t);
    world_free(w);
    return walked;
}

static void test_all_that_is_left_goes_in_one_walk(void **state)
{
    (void)state;
    size_t few = walk_of(100), many = walk_of(1000);

    assert_in_range(few, 100, 110);
    assert_in_range(many, 1000, 1010);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_that_is_left_goes_in_one_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
