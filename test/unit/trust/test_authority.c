#include "trust/authority.h"

#include "test.h"

static bool allowed(enum principal_kind kind, enum authority_verb verb)
{
    struct authority_subject who = {.kind = kind};

    return may(&who, verb, bytes_str("api"));
}

/* Every kind, every verb: one table, so that a change of the rules is seen here. */
static void the_whole_table(void **state)
{
    (void)state;
    static const struct {
        enum authority_verb verb;
        bool nobody, node, operator_, client, local;
    } table[] = {
        {AUTHORITY_NOTHING, false, false, false, false, false},
        {AUTHORITY_HELLO, true, true, true, true, true},
        {AUTHORITY_GOSSIP, false, true, false, false, false},
        {AUTHORITY_FORWARD, false, true, false, false, false},
        {AUTHORITY_ANSWER, false, true, false, false, false},
        {AUTHORITY_READ, false, false, true, true, true},
        {AUTHORITY_LOGS, false, false, true, false, true},
        {AUTHORITY_APPLY, false, false, true, false, true},
        {AUTHORITY_CHANGE, false, false, true, false, true},
        {AUTHORITY_REGISTER, false, false, true, false, true},
        {AUTHORITY_BACKUP, false, false, false, false, true},
        {AUTHORITY_HALT, false, false, true, false, true},
        {AUTHORITY_MEMBER, false, false, true, false, true},
        {AUTHORITY_FORGET, false, false, true, false, true},
        {AUTHORITY_PUBLISH, false, false, true, true, true},
        {AUTHORITY_SUBSCRIBE, false, false, true, true, true},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_true(allowed(PRINCIPAL_KIND_NOBODY, table[i].verb) == table[i].nobody);
        assert_true(allowed(PRINCIPAL_KIND_NODE, table[i].verb) == table[i].node);
        assert_true(allowed(PRINCIPAL_KIND_OPERATOR, table[i].verb) == table[i].operator_);
        assert_true(allowed(PRINCIPAL_KIND_CLIENT, table[i].verb) == table[i].client);
        assert_true(allowed(PRINCIPAL_KIND_LOCAL, table[i].verb) == table[i].local);
        assert_false(allowed((enum principal_kind)99, table[i].verb));
    }
}

static void a_revoked_key_may_nothing(void **state)
{
    (void)state;
    struct authority_subject who = {.kind = PRINCIPAL_KIND_OPERATOR, .revoked = true};

    for (int verb = AUTHORITY_NOTHING; verb <= AUTHORITY_SUBSCRIBE; verb++)
        assert_false(may(&who, (enum authority_verb)verb, bytes_str("")));
}

static void every_frame_asks_for_something(void **state)
{
    (void)state;
    assert_int_equal(authority_verb_of(WIRE_HELLO), AUTHORITY_HELLO);
    assert_int_equal(authority_verb_of(WIRE_HELLO_OK), AUTHORITY_ANSWER);
    assert_int_equal(authority_verb_of(WIRE_PROBE), AUTHORITY_GOSSIP);
    assert_int_equal(authority_verb_of(WIRE_ROWS), AUTHORITY_GOSSIP);
    assert_int_equal(authority_verb_of(WIRE_FORWARD), AUTHORITY_FORWARD);
    assert_int_equal(authority_verb_of(WIRE_FORWARDED), AUTHORITY_ANSWER);
    assert_int_equal(authority_verb_of(WIRE_GET_MEMBERS), AUTHORITY_READ);
    assert_int_equal(authority_verb_of(WIRE_MEMBER_LIST), AUTHORITY_ANSWER);
    assert_int_equal(authority_verb_of(WIRE_GET_LOGS), AUTHORITY_LOGS);
    assert_int_equal(authority_verb_of(WIRE_APPLY), AUTHORITY_APPLY);
    assert_int_equal(authority_verb_of(WIRE_CHANGE), AUTHORITY_CHANGE);
    assert_int_equal(authority_verb_of(WIRE_CHECK_NOW), AUTHORITY_CHANGE);
    assert_int_equal(authority_verb_of(WIRE_CHECK_RESULTS), AUTHORITY_ANSWER);
    assert_int_equal(authority_verb_of(WIRE_LEAVE), AUTHORITY_MEMBER);
    assert_int_equal(authority_verb_of(WIRE_FORGET), AUTHORITY_FORGET);
    assert_int_equal(authority_verb_of(WIRE_PUBLISH), AUTHORITY_PUBLISH);
    assert_int_equal(authority_verb_of(WIRE_SUBSCRIBE), AUTHORITY_SUBSCRIBE);
    assert_int_equal(authority_verb_of(WIRE_TAKEN), AUTHORITY_SUBSCRIBE);
    assert_int_equal(authority_verb_of(WIRE_TOPIC_BATCH), AUTHORITY_GOSSIP);
    assert_int_equal(authority_verb_of(9999), AUTHORITY_NOTHING);
    for (uint32_t i = 0; i < wire_kinds_n; i++)
        assert_int_not_equal(authority_verb_of(wire_kinds[i].kind), AUTHORITY_NOTHING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_table),
        cmocka_unit_test(a_revoked_key_may_nothing),
        cmocka_unit_test(every_frame_asks_for_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
