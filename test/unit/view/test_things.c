#include "view/things.h"

#include "test.h"
#include "view/view.h"
#include "wire/frame.h"
#include "wire_random.h"

#include <string.h>

static bool has(const struct columns *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->items[i].name != NULL && strcmp(c->items[i].name, name) == 0)
            return true;
    }
    return false;
}

/* What scripts count on, see the design. */
static void promised_fields_are_there(void **state)
{
    (void)state;
    static const struct {
        enum wire_kind kind;
        const char *fields[10];
    } promises[] = {
        {WIRE_MEMBER_LIST, {"id", "name", "addr", "state", "incarnation", "tags"}},
        {WIRE_INSTANCES,
         {"id", "service", "node", "state", "health", "addr", "ports", "pid", "restarts"}},
        {WIRE_SERVICES, {"id", "name", "count", "running", "healthy", "coordinator"}},
        {WIRE_COMMANDS, {"id", "kind", "state", "author", "cause", "history"}},
    };

    for (size_t i = 0; i < sizeof(promises) / sizeof(promises[0]); i++) {
        const struct thing *thing = thing_find(promises[i].kind);
        assert_non_null(thing);
        for (size_t k = 0; k < 10 && promises[i].fields[k] != NULL; k++) {
            if (!has(thing->columns, promises[i].fields[k]))
                fail_msg("%s is missing", promises[i].fields[k]);
        }
    }
}

/* column_field() asserts that each field exists, so walking all of them with any values will do. */
static void every_thing_can_be_shown_in_every_format(void **state)
{
    (void)state;
    struct arena mem = {0};
    struct buf out = {0};
    struct rng rng;

    rng_seed(&rng, 9);
    for (size_t i = 0; i < things_n; i++) {
        const struct wire_struct *type = frame_kind((uint32_t)things[i].kind)->type;
        for (unsigned round = 0; round < 60; round++) {
            struct view_style style = {round % 4, (round / 4) % 3};
            void *answer = arena_alloc(&mem, type->size);
            wire_random(answer, type, &rng, &mem);
            assert_int_equal(view_answer(&out, things[i].kind, answer, style), 0);
        }
        arena_reset(&mem);
    }
    for (size_t i = 0; i < out.len; i++)
        assert_true(out.data[i] == '\n' || (out.data[i] >= 0x20 && out.data[i] != 0x7f));
    buf_deinit(&out);
    arena_deinit(&mem);
}

static void requests_are_nothing_to_show(void **state)
{
    (void)state;
    struct buf out = {0};

    assert_null(thing_find(WIRE_GET_MEMBERS));
    assert_int_equal(view_answer(&out, WIRE_PROBE, NULL, (struct view_style){0}), VIEW_UNKNOWN);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promised_fields_are_there),
        cmocka_unit_test(every_thing_can_be_shown_in_every_format),
        cmocka_unit_test(requests_are_nothing_to_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
