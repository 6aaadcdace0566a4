#include "wire/codec.h"

#include "test.h"
#include "wire/gen/kinds.h"
#include "wire/print.h"
#include "wire_random.h"

static void every_struct_survives_the_round_trip(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 7);

    for (uint32_t i = 0; i < wire_structs_n; i++) {
        const struct wire_struct *type = wire_structs[i];
        for (int round = 0; round < 50; round++) {
            struct arena mem = {0};
            struct buf out = {0};
            struct buf again = {0};
            struct wire_error err = {0};
            void *a = arena_alloc(&mem, type->size);
            void *b = arena_alloc(&mem, type->size);

            wire_random(a, type, &rng, &mem);
            wire_encode(&out, type, a);
            if (wire_decode(b, type, buf_bytes(&out), &mem, &err) != 0)
                fail_msg("%s: %s %s", type->name, err.field, err.why);
            if (!wire_same(type, a, b))
                fail_msg("%s comes back changed", type->name);
            wire_encode(&again, type, b);
            assert_true(bytes_equal(buf_bytes(&out), buf_bytes(&again)));
            buf_deinit(&out);
            buf_deinit(&again);
            arena_deinit(&mem);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_struct_survives_the_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
