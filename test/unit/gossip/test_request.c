#include "cluster.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

static struct cluster *running(size_t n)
{
    struct cluster *c = cluster_new(n);
    node_tags(c, 0, "zone", "a");
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 10 * KITH_SEC));
    cluster_run(c, 3 * KITH_SEC);
    return c;
}

/* What `kith members` of node i says about one of them. */
static bool asked(struct cluster *c, size_t i, bool all, const char *name, struct member_info *ret,
                  struct arena *mem, size_t *ret_n)
{
    struct get_members get = {.all = all};
    struct member_list list;
    struct wire_error err;
    enum wire_kind kind;
    struct buf payload = {0};
    get_members_encode(&payload, &get);
    struct bytes answer = node_ask(c, i, WIRE_GET_MEMBERS, buf_bytes(&payload), &kind);
    buf_deinit(&payload);
    assert_int_equal(kind, WIRE_MEMBER_LIST);
    assert_int_equal(member_list_decode(&list, answer, mem, &err), 0);
    *ret_n = list.members_n;
    for (uint32_t k = 0; k < list.members_n; k++) {
        if (bytes_equal_str(list.members[k].name, name)) {
            *ret = list.members[k];
            return true;
        }
    }
    return false;
}

static void members_are_listed_as_this_peer_sees_them(void **unused)
{
    (void)unused;
    struct cluster *c = running(3);
    struct arena mem = {0};
    struct member_info info;
    size_t n;
    assert_true(asked(c, 1, false, "n0", &info, &mem, &n));
    assert_int_equal(n, 3);
    assert_int_equal(info.state, MEMBER_STATE_ALIVE);
    assert_true(bytes_equal_str(info.addr, "127.0.0.1:5488"));
    assert_true(bytes_equal_str(info.tags[0].value, "a"));
    assert_in_range(info.rtt_us, 600, 700);
    assert_int_equal(info.incarnation, 1);

    cluster_cut(c, 1, 0, true);
    cluster_run(c, 4 * KITH_SEC);
    assert_true(asked(c, 1, false, "n0", &info, &mem, &n));
    assert_int_equal(info.state, MEMBER_STATE_SUSPECT); /* node 2 does not agree */
    assert_true(asked(c, 2, false, "n0", &info, &mem, &n));
    assert_int_equal(info.state, MEMBER_STATE_ALIVE);
    arena_deinit(&mem);
    cluster_free(c);
}

static void one_that_left_is_listed_only_when_all_are_asked_for(void **unused)
{
    (void)unused;
    struct cluster *c = running(3);
    struct arena mem = {0};
    struct member_info info;
    size_t n;
    node_leave(c, 2);
    assert_true(cluster_sees(c, 2, MEMBER_STATE_LEFT, KITH_SEC) >= 0);
    node_kill(c, 2);
    cluster_run(c, KITH_MIN);
    assert_int_equal(node_sees(c, 0, 2), MEMBER_STATE_LEFT); /* and not dead */
    assert_false(asked(c, 0, false, "n2", &info, &mem, &n));
    assert_true(asked(c, 0, true, "n2", &info, &mem, &n));
    assert_int_equal(info.state, MEMBER_STATE_LEFT);
    node_start(c, 2);
    assert_true(cluster_agrees(c, 5 * KITH_SEC));
    arena_deinit(&mem);
    cluster_free(c);
}

static enum wire_kind ask_join(struct cluster *c, size_t i, const char *addr)
{
    struct join join = {.addr = bytes_str(addr)};
    struct buf payload = {0};
    enum wire_kind kind;
    join_encode(&payload, &join);
    node_ask(c, i, WIRE_JOIN, buf_bytes(&payload), &kind);
    buf_deinit(&payload);
    return kind;
}

static void join_tries_an_address_until_it_answers(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(2);
    node_seeds(c, 1, "");
    node_start(c, 1);
    cluster_run(c, 5 * KITH_SEC);
    assert_int_equal(ask_join(c, 1, "127.0.0.1"), WIRE_DONE);
    cluster_run(c, 20 * KITH_SEC);
    node_start(c, 0);
    assert_true(cluster_agrees(c, 6 * KITH_SEC));
    assert_int_equal(ask_join(c, 1, "tcp://127.0.0.1:5484"), WIRE_DONE);
    assert_int_equal(ask_join(c, 1, "[::1]"), WIRE_DONE);
    assert_int_equal(ask_join(c, 1, "[::1]:99"), WIRE_DONE);
    static const char *const bad[] = {"a b", "::1", ":5", "x:", "tcp://", "http://x/"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(ask_join(c, 1, bad[i]), WIRE_FAILED);
    char addr[32];
    for (int i = 0; i < 200; i++) {
        snprintf(addr, sizeof(addr), "10.9.9.%d", i);
        (void)ask_join(c, 1, addr);
    }
    assert_int_equal(ask_join(c, 1, "10.9.8.1"), WIRE_FAILED); /* enough is enough */
    cluster_free(c);
}

static enum wire_kind ask_forget(struct cluster *c, size_t i, const char *node, bool revoke,
                                 struct ulid *ret_command)
{
    struct forget forget = {.node = bytes_str(node), .revoke = revoke};
    struct buf payload = {0};
    enum wire_kind kind;
    struct changed changed = {0};
    struct wire_error err;
    forget_encode(&payload, &forget);
    struct bytes answer = node_ask(c, i, WIRE_FORGET, buf_bytes(&payload), &kind);
    if (kind == WIRE_CHANGED)
        assert_int_equal(changed_decode(&changed, answer, NULL, &err), 0);
    *ret_command = changed.command;
    buf_deinit(&payload);
    return kind;
}

static void the_dead_may_be_forgotten_and_their_keys_revoked(void **unused)
{
    (void)unused;
    struct cluster *c = running(4);
    struct ulid command;
    struct arena mem = {0};
    struct member_info info;
    size_t n;
    assert_int_equal(ask_forget(c, 0, "n3", true, &command), WIRE_FAILED); /* alive */
    assert_int_equal(ask_forget(c, 0, "n99", true, &command), WIRE_FAILED);
    node_kill(c, 3);
    assert_true(cluster_sees(c, 3, MEMBER_STATE_DEAD, 2 * KITH_SEC) > 0);
    assert_int_equal(ask_forget(c, 1, "n3", true, &command), WIRE_CHANGED);
    cluster_run(c, 3 * KITH_SEC);
    assert_false(asked(c, 0, false, "n3", &info, &mem, &n));
    assert_int_equal(n, 3);
    assert_non_null(state_get(node_state(c, 0), TABLE_ID_COMMAND, ulid_bytes(&command)));

    node_start(c, 3); /* its key lets it in no more */
    cluster_run(c, KITH_MIN);
    for (size_t i = 0; i < 3; i++)
        assert_int_not_equal(node_sees(c, i, 3), MEMBER_STATE_ALIVE);
    assert_true(cluster_count(c, "refused_revoked") > 0 || cluster_count(c, "hellos_refused") > 0);
    arena_deinit(&mem);
    cluster_free(c);
}

/* A peer that had not heard of it yet took the row in, and passes it on. */
static void a_row_of_a_revoked_node_is_dropped_whoever_passes_it_on(void **unused)
{
    (void)unused;
    struct cluster *c = running(4);
    struct ulid command, id = node_id(c, 3);
    const struct row *held = state_get(node_state(c, 0), TABLE_ID_MEMBER, ulid_bytes(&id));
    struct record row;
    struct wire_error err;
    struct arena mem = {0};
    struct buf encoded = {0};
    assert_int_equal(record_decode(&row, held->record, &mem, &err), 0);
    row.version.major += 5; /* it was started again, and again */
    record_encode(&encoded, &row);
    node_kill(c, 3);
    assert_true(cluster_sees(c, 3, MEMBER_STATE_DEAD, 2 * KITH_SEC) > 0);
    assert_int_equal(ask_forget(c, 1, "n3", true, &command), WIRE_CHANGED);
    cluster_run(c, 3 * KITH_SEC);
    assert_int_equal(state_merge(node_state(c, 2), buf_bytes(&encoded)), STATE_OLD);
    cluster_run(c, 3 * KITH_SEC);
    for (size_t i = 0; i < 3; i++)
        assert_null(state_get(node_state(c, i), TABLE_ID_MEMBER, ulid_bytes(&id)));
    buf_deinit(&encoded);
    arena_deinit(&mem);
    cluster_free(c);
}

static void nonsense_is_answered_with_what_is_wrong(void **unused)
{
    (void)unused;
    struct cluster *c = running(1);
    static const enum wire_kind kinds[] = {WIRE_GET_MEMBERS, WIRE_JOIN, WIRE_FORGET};
    for (size_t i = 0; i < 3; i++) {
        enum wire_kind kind;
        node_ask(c, 0, kinds[i], bytes_str("\xff\xff"), &kind);
        assert_int_equal(kind, WIRE_FAILED);
    }
    cluster_free(c);
}

/* What `kith rtt FROM TO` of node i says; 0: there is an answer. */
static enum fail_code rtts_asked(struct cluster *c, size_t i, const char *from, const char *to,
                                 struct rtts *ret, struct arena *mem)
{
    struct get_rtt get = {.from = bytes_str(from), .to = bytes_str(to)};
    struct wire_error err;
    enum wire_kind kind;
    struct buf payload = {0};
    get_rtt_encode(&payload, &get);
    struct bytes answer = node_ask(c, i, WIRE_GET_RTT, buf_bytes(&payload), &kind);
    buf_deinit(&payload);
    if (kind == WIRE_FAILED) {
        struct failed failed;
        assert_int_equal(failed_decode(&failed, answer, mem, &err), 0);
        return failed.code;
    }
    assert_int_equal(kind, WIRE_RTTS);
    assert_int_equal(rtts_decode(ret, answer, mem, &err), 0);
    return 0;
}

static void any_peer_tells_how_far_two_others_are_apart(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(4);
    c->delay_us = 20 * KITH_MS;
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 10 * KITH_SEC));
    struct arena mem = {0};
    struct rtts rtts;
    assert_int_equal(rtts_asked(c, 0, "n1", "nobody", &rtts, &mem), FAIL_CODE_NOT_FOUND);
    assert_int_equal(rtts_asked(c, 0, "nobody", "", &rtts, &mem), FAIL_CODE_NOT_FOUND);
    assert_int_equal(rtts_asked(c, 0, "n1", "n1", &rtts, &mem), FAIL_CODE_BAD_REQUEST);
    assert_int_equal(rtts_asked(c, 0, "", "n1", &rtts, &mem), FAIL_CODE_NOT_FOUND);

    cluster_run(c, 150 * KITH_SEC);
    assert_int_equal(rtts_asked(c, 0, "n1", "n2", &rtts, &mem), 0);
    assert_int_equal(rtts.rtts_n, 1);
    assert_in_range(rtts.rtts[0].estimate_us, 30 * KITH_MS, 50 * KITH_MS);
    assert_int_equal(rtts.rtts[0].measured_us, 0); /* not by node 0 */
    assert_true(bytes_equal_str(rtts.rtts[0].to_name, "n2"));

    assert_int_equal(rtts_asked(c, 0, "n0", "", &rtts, &mem), 0);
    assert_int_equal(rtts.rtts_n, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_in_range(rtts.rtts[i].measured_us, 40 * KITH_MS, 42 * KITH_MS);
    assert_true(rtts.rtts[0].measured_us <= rtts.rtts[1].measured_us);

    struct member_info info;
    size_t n;
    assert_true(asked(c, 0, false, "n3", &info, &mem, &n));
    assert_in_range(info.rtt_estimate_us, 30 * KITH_MS, 50 * KITH_MS);
    arena_deinit(&mem);
    cluster_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_listed_as_this_peer_sees_them),
        cmocka_unit_test(any_peer_tells_how_far_two_others_are_apart),
        cmocka_unit_test(one_that_left_is_listed_only_when_all_are_asked_for),
        cmocka_unit_test(join_tries_an_address_until_it_answers),
        cmocka_unit_test(the_dead_may_be_forgotten_and_their_keys_revoked),
        cmocka_unit_test(a_row_of_a_revoked_node_is_dropped_whoever_passes_it_on),
        cmocka_unit_test(nonsense_is_answered_with_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
