#include "wire/value.h"

#include "test.h"
#include "wire/wire.h"
#include "wire_random.h"

#include <stdio.h>
#include <string.h>

static void a_copy_shares_nothing(void **state)
{
    (void)state;
    struct rng rng;

    rng_seed(&rng, 11);
    for (uint32_t i = 0; i < wire_structs_n; i++) {
        const struct wire_struct *type = wire_structs[i];
        for (int round = 0; round < 20; round++) {
            struct arena from = {0}, kept = {0}, to = {0};
            void *v = arena_alloc(&from, type->size);
            void *same = arena_alloc(&kept, type->size);
            void *copy = arena_alloc(&to, type->size);
            wire_random(v, type, &rng, &from);
            wire_copy(&kept, type, same, v);
            wire_copy(&to, type, copy, v);
            assert_true(wire_same(type, v, copy));
            arena_deinit(&from); /* the sanitizer sees what still points into it */
            assert_true(wire_same(type, same, copy));
            arena_deinit(&kept);
            arena_deinit(&to);
        }
    }
}

static void an_empty_value_is_valid_and_zero(void **state)
{
    (void)state;
    struct arena mem = {0};
    struct wire_error err;

    for (uint32_t i = 0; i < wire_structs_n; i++) {
        const void *v = arena_alloc(&mem, wire_structs[i]->size);
        assert_true(wire_is_zero(wire_structs[i], v));
        assert_int_equal(wire_check(wire_structs[i], v, &err), 0);
    }
    arena_deinit(&mem);
}

/* Why a value is refused: "FIELD WHY"; "" if it is not. */
static const char *objection(const struct wire_struct *type, const void *v)
{
    static char text[200];
    struct wire_error err;

    text[0] = '\0';
    if (wire_check(type, v, &err) != 0)
        snprintf(text, sizeof(text), "%s %s", err.field, err.why);
    return text;
}

static void values_out_of_bounds_are_found_before_they_are_written(void **state)
{
    (void)state;
    char long_name[100];
    memset(long_name, 'x', sizeof(long_name));

    struct failed failed = {.code = (enum fail_code)99};
    assert_string_equal(objection(&failed_struct, &failed), "failed.code no number of this enum");
    failed = (struct failed){.code = FAIL_CODE_BUSY, .text = bytes_str("\xff")};
    assert_string_equal(objection(&failed_struct, &failed), "failed.text no UTF-8 text");
    failed = (struct failed){.code = FAIL_CODE_BUSY, .service = bytes_of(long_name, 65)};
    assert_string_equal(objection(&failed_struct, &failed), "failed.service longer than allowed");
    failed.service.len = 64;
    assert_string_equal(objection(&failed_struct, &failed), "");

    struct member_info member = {.name = bytes_of(long_name, 100)};
    struct member_list members = {.members = &member, .members_n = 1};
    assert_string_equal(objection(&member_list_struct, &members),
                        "member_info.name longer than allowed");

    struct why why = {.lines_n = WHY_LINES_MAX_ITEMS + 1};
    assert_string_equal(objection(&why_struct, &why), "why.lines more items than allowed");
}

static void an_optional_struct_is_absent_or_there(void **state)
{
    (void)state;
    struct service_spec spec = {.name = bytes_str("redis")};
    struct service_info info = {.id = {{1}}};
    const struct wire_field *field = &service_info_struct.fields[10];

    assert_string_equal(field->name, "spec");
    assert_true(wire_field_is_zero(field, &info));
    assert_null(wire_field_at(field, &info));
    info.spec = &spec;
    assert_false(wire_field_is_zero(field, &info));
    assert_ptr_equal(wire_field_at(field, &info), &spec);
}

static void names_of_numbers(void **state)
{
    (void)state;
    assert_string_equal(member_state_name(MEMBER_STATE_DEAD), "dead");
    assert_string_equal(member_state_name((enum member_state)77), "?");
}

static void keys_compare_as_bytes(void **state)
{
    (void)state;
    struct key32 a = {{1}}, b = {{1, 1}}, zero = {{0}};

    assert_true(key32_compare(&a, &b) < 0);
    assert_true(key32_is_zero(&zero));
    assert_false(key32_is_zero(&a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_shares_nothing),
        cmocka_unit_test(an_empty_value_is_valid_and_zero),
        cmocka_unit_test(values_out_of_bounds_are_found_before_they_are_written),
        cmocka_unit_test(an_optional_struct_is_absent_or_there),
        cmocka_unit_test(names_of_numbers),
        cmocka_unit_test(keys_compare_as_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
