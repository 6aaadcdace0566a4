#include "gossip/boots.h"

#include "test.h"

static const struct ulid node = {"a node's own id"};
static const struct ulid first = {"boot 1"}, second = {"boot 2"}, third = {"boot 3"};

static void a_restart_is_no_clone(void **unused)
{
    (void)unused;
    struct boots *b = boots_new();
    assert_false(boots_row(b, &node, 1, &first));
    assert_false(boots_row(b, &node, 2, &first));
    assert_false(boots_row(b, &node, 3, &second));
    assert_false(boots_row(b, &node, 2, &first)); /* old news */
    assert_false(boots_row(b, &node, 4, &third));
    assert_false(boots_banned(b, &node, &first));
    assert_false(boots_banned(b, &node, &third));
    boots_free(b);
}

static void a_boot_that_comes_back_proves_two_and_the_later_is_refused(void **unused)
{
    (void)unused;
    struct boots *b = boots_new();
    boots_row(b, &node, 1, &first);
    boots_row(b, &node, 2, &second);
    assert_true(boots_row(b, &node, 3, &first));
    assert_true(boots_banned(b, &node, &second));
    assert_false(boots_banned(b, &node, &first));
    assert_false(boots_row(b, &node, 4, &second)); /* known by now */
    assert_true(boots_banned(b, &node, &second));
    boots_free(b);
}

static void all_decide_alike_whatever_they_saw_first(void **unused)
{
    (void)unused;
    struct boots *b = boots_new();
    boots_row(b, &node, 2, &second);
    boots_row(b, &node, 3, &first);
    assert_true(boots_row(b, &node, 4, &second));
    assert_true(boots_banned(b, &node, &second));
    assert_false(boots_banned(b, &node, &first));
    boots_free(b);
}

static void a_clone_of_one_says_nothing_about_another(void **unused)
{
    (void)unused;
    struct boots *b = boots_new();
    struct ulid other = {"another id"}, zero = {{0}};
    boots_row(b, &other, 1, &first);
    boots_row(b, &node, 1, &first);
    boots_row(b, &node, 2, &second);
    boots_row(b, &node, 3, &first);
    assert_false(boots_banned(b, &other, &second));
    assert_false(boots_banned(b, &other, &zero));
    boots_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restart_is_no_clone),
        cmocka_unit_test(a_boot_that_comes_back_proves_two_and_the_later_is_refused),
        cmocka_unit_test(all_decide_alike_whatever_they_saw_first),
        cmocka_unit_test(a_clone_of_one_says_nothing_about_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
