#include "wire/print.h"

#include "test.h"
#include "wire/wire.h"
#include "wire_random.h"

#include <jansson.h>
#include <string.h>

static void assert_prints(const struct wire_struct *type, const void *v, const char *want)
{
    struct buf out = {0};

    wire_print(&out, type, v);
    assert_string_equal(buf_cstr(&out), want);
    buf_deinit(&out);
}

static void only_what_is_set_is_printed(void **state)
{
    (void)state;
    struct member_addr addr = {.role = ADDR_ROLE_PUB, .uri = bytes_str("tcp://h:1")};
    struct member_row row = {.name = bytes_str("n1"), .addrs = &addr, .addrs_n = 1, .left = true};

    assert_prints(&member_row_struct, &(struct member_row){0}, "{}");
    assert_prints(&member_row_struct, &row,
                  "{\"name\":\"n1\",\"addrs\":[{\"role\":\"pub\",\"uri\":\"tcp://h:1\"}],"
                  "\"left\":true}");
}

static void long_bytes_are_shortened(void **state)
{
    (void)state;
    uint8_t zeros[40] = {0xab};
    struct signed_part s = {.body = bytes_of(zeros, 2), .signature = bytes_of(zeros, 40)};

    assert_prints(&signed_part_struct, &s,
                  "{\"body\":\"ab00\",\"signature\":\"ab0000000000000000000000000000000000000000"
                  "0000000000000000000000... 40 bytes\"}");
}

static void a_line_stays_a_line(void **state)
{
    (void)state;
    struct failed f = {.text = bytes_str("a\"b\\c\nd\x1b[31m\x7f")};

    assert_prints(&failed_struct, &f, "{\"text\":\"a\\u0022b\\u005cc\\u000ad\\u001b[31m\\u007f\"}");
}

static void secrets_are_left_out(void **state)
{
    (void)state;
    struct token t = {.secret = {{1}}, .ring_secret = {{1}}};

    assert_prints(&token_struct, &t, "{\"secret\":\"(secret)\",\"ring_secret\":\"(secret)\"}");
}

static void every_struct_prints_as_json(void **state)
{
    (void)state;
    struct arena mem = {0};
    struct buf out = {0};
    struct rng rng;

    rng_seed(&rng, 5);
    for (uint32_t i = 0; i < wire_structs_n; i++) {
        for (int round = 0; round < 20; round++) {
            void *v = arena_alloc(&mem, wire_structs[i]->size);
            wire_random(v, wire_structs[i], &rng, &mem);
            buf_reset(&out);
            wire_print(&out, wire_structs[i], v);
            /* numbers over INT64_MAX are too large for jansson, not for JSON */
            json_t *json = json_loads(buf_cstr(&out), JSON_DECODE_INT_AS_REAL, NULL);
            if (json == NULL)
                fail_msg("%s: %s", wire_structs[i]->name, buf_cstr(&out));
            json_decref(json);
            arena_reset(&mem);
        }
    }
    buf_deinit(&out);
    arena_deinit(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_set_is_printed), cmocka_unit_test(long_bytes_are_shortened),
        cmocka_unit_test(a_line_stays_a_line),         cmocka_unit_test(secrets_are_left_out),
        cmocka_unit_test(every_struct_prints_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
