#include "test.h"

#include "shell/handshake.h"
#include <stdint.h>
#include <string.h>

#define PIECES 100 /* more than there are slots */

static void what_comes_back_is_wiped(void **state)
{
    (void)state;
    static const uint8_t zero[400];
    handshake_memory_init();
    uint8_t *secret = sodium_malloc(sizeof zero);
    memset(secret, 0xa5, sizeof zero);
    sodium_free(secret);
    uint8_t *again = sodium_malloc(sizeof zero);
    assert_ptr_equal(again, secret); /* the first slot that is free */
    assert_memory_equal(again, zero, sizeof zero);
    sodium_free(again);
    sodium_free(NULL);
}

static void there_are_more_pieces_than_slots(void **state)
{
    (void)state;
    uint8_t *piece[PIECES];
    for (size_t i = 0; i < PIECES; i++) {
        size_t bytes = i % 7 == 0 ? 5000 : 32 * (i % 7); /* some larger than a slot */
        piece[i] = sodium_allocarray(bytes / 8, 8);
        assert_non_null(piece[i]);
        memset(piece[i], (int)i, bytes);
    }
    for (size_t i = 0; i < PIECES; i++) {
        assert_int_equal(piece[i][0], i);
        assert_int_equal(piece[i][31], i);
        sodium_free(piece[i]);
    }
}

static void more_than_there_can_be_is_refused(void **state)
{
    (void)state;
    volatile size_t most = SIZE_MAX; /* or the compiler sees it, and warns */
    assert_null(sodium_allocarray(most / 2, 4));
    assert_null(sodium_allocarray(most, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_back_is_wiped),
        cmocka_unit_test(there_are_more_pieces_than_slots),
        cmocka_unit_test(more_than_there_can_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
