#include "state/hash.h"

#include "test.h"

static void it_is_the_same_on_every_machine(void **unused)
{
    (void)unused;
    uint64_t h = hash64(bytes_str("kith"));
    assert_int_equal(h, hash64(bytes_of("kith", 4)));
    assert_true(h == UINT64_C(0x44dc50a12bebdba4));
    assert_true(hash64((struct bytes){0}) == hash64(bytes_str("")));
}

static void a_pair_knows_where_it_is_cut_and_its_order(void **unused)
{
    (void)unused;
    struct bytes ab = bytes_str("ab"), c = bytes_str("c"), a = bytes_str("a"), bc = bytes_str("bc");

    assert_true(hash64_pair(ab, c) != hash64_pair(a, bc));
    assert_true(hash64_pair(ab, c) != hash64_pair(c, ab));
    assert_true(hash64_pair(ab, c) == hash64_pair(ab, c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_same_on_every_machine),
        cmocka_unit_test(a_pair_knows_where_it_is_cut_and_its_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
