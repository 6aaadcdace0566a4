#include "consul/keys.h"
#include "consul/keys_body.h"

#include "../http/stand.h"
#include "test.h"

#include <string.h>

#define TOKEN "a-long-enough-secret"

static struct stand s;
static uint64_t number;

static void tell(const struct told_key *keys, uint32_t n)
{
    shelf_tell(&s.hub.shelf, &(struct effect_keys){.number = ++number, .keys = keys, .keys_n = n});
}

static int begin(void **state)
{
    static const struct ulid session = {{0x01, 0x23, 0x45}};
    struct told_key keys[] = {
        {.info = {.key = bytes_str("app/a"), .value = bytes_str("one"), .created = 5, .index = 7}},
        {.info = {.key = bytes_str("app/b/1"),
                  .value = bytes_str("two!"),
                  .flags = 42,
                  .created = 8,
                  .index = 8,
                  .locks = 1,
                  .session = session}},
        {.info = {.key = bytes_str("app/b/2"), .created = 9, .index = 9}},
    };

    (void)state;
    number = 0;
    stand_init(&s);
    shelf_tell(&s.hub.shelf, &(struct effect_keys){.anew = true, .whole = true});
    tell(keys, 3);
    return 0;
}

static int end(void **state)
{
    (void)state;
    stand_deinit(&s);
    return 0;
}

/* ---- reads ---- */

static void a_key_is_shown_as_consul_shows_it(void **state)
{
    (void)state;
    assert_int_equal(stand_get(&s, "/v1/kv/app/a"), 200);
    assert_string_equal(stand_text(&s, "0/Key"), "app/a");
    assert_string_equal(stand_text(&s, "0/Value"), "b25l");
    assert_int_equal(stand_number(&s, "0/CreateIndex"), 5);
    assert_int_equal(stand_number(&s, "0/ModifyIndex"), 7);
    assert_string_equal(stand_text(&s, "0/Session"), "");
    stand_get(&s, "/v1/kv/app%2Fb/1");
    assert_string_equal(stand_text(&s, "0/Value"), "dHdvIQ==");
    assert_int_equal(stand_number(&s, "0/Flags"), 42);
    assert_string_equal(stand_text(&s, "0/Session"), "01234500-0000-0000-0000-000000000000");
    assert_int_equal(stand_get(&s, "/v1/kv/app/a?raw"), 200);
    assert_string_equal(stand_body(&s), "one");
    assert_int_equal(stand_get(&s, "/v1/kv/app"), 404);
    assert_int_equal(stand_get(&s, "/v1/kv/"), 400);
    assert_int_equal(stand_get(&s, "/v1/kv/app/a?dc=other"), 500);
    assert_int_equal(stand_get(&s, "/v1/kv/app/a?ns=x"), 400);
}

static void trees_and_names_are_listed(void **state)
{
    (void)state;
    assert_int_equal(stand_get(&s, "/v1/kv/app/?recurse"), 200);
    assert_int_equal(stand_count(&s), 3);
    assert_int_equal(stand_get(&s, "/v1/kv/?recurse"), 200);
    assert_int_equal(stand_count(&s), 3);
    assert_int_equal(stand_get(&s, "/v1/kv/app/?keys"), 200);
    assert_int_equal(stand_count(&s), 3);
    assert_int_equal(stand_get(&s, "/v1/kv/app/?keys&separator=/"), 200);
    assert_string_equal(stand_body(&s), "[\"app/a\",\"app/b/\"]");
    assert_int_equal(stand_get(&s, "/v1/kv/other/?recurse"), 404);
    assert_int_equal(stand_get(&s, "/v1/kv/other/?keys"), 404);
}

static void a_read_waits_for_its_own_key(void **state)
{
    (void)state;
    char target[64];
    struct told_key a = {.info = {.key = bytes_str("app/a"), .index = 10}};
    struct told_key c = {.info = {.key = bytes_str("app/c"), .index = 11}};

    stand_get(&s, "/v1/kv/app/a");
    snprintf(target, sizeof(target), "/v1/kv/app/a?index=%llu",
             (unsigned long long)s.x.answer.index);
    assert_int_equal(stand_get(&s, target), 0);
    tell(&c, 1);
    assert_int_equal(s.woken, 0);
    tell(&a, 1);
    assert_int_equal(s.woken, 1);
    assert_int_equal(stand_resume(&s), 200);
    assert_int_equal(stand_number(&s, "0/ModifyIndex"), 10);
    stand_get(&s, "/v1/kv/gone"); /* what is not there can be waited for */
    assert_non_null(s.x.answer.about);
}

/* ---- changes ---- */

/* The only operation that the peer was asked for; its texts until the next. */
static struct key_op asked(void)
{
    static struct arena mem;
    struct change_keys request;
    struct wire_error err;

    arena_reset(&mem);
    assert_int_equal(s.x.state, EXCHANGE_ASKING);
    assert_int_equal(s.x.ask, WIRE_CHANGE_KEYS);
    assert_int_equal(change_keys_decode(&request, buf_bytes(&s.x.question), &mem, &err), 0);
    assert_int_equal(request.ops_n, 1);
    return request.ops[0];
}

static unsigned answered(const struct keys_changed *answer)
{
    struct buf out = {0};

    keys_changed_encode(&out, answer);
    unsigned status = stand_reply(&s, WIRE_KEYS_CHANGED, buf_bytes(&out));

    buf_deinit(&out);
    return status;
}

static void parameters_say_what_is_done(void **state)
{
    (void)state;
    static const struct {
        const char *method, *target;
        enum key_op_kind kind;
    } cases[] = {
        {"PUT", "/v1/kv/a/b", KEY_OP_KIND_SET},
        {"PUT", "/v1/kv/a/b?flags=3", KEY_OP_KIND_SET},
        {"PUT", "/v1/kv/a/b?cas=0", KEY_OP_KIND_CAS},
        {"PUT", "/v1/kv/a/b?acquire=01234567-89ab-cdef-0123-456789abcdef", KEY_OP_KIND_LOCK},
        {"PUT", "/v1/kv/a/b?release=01234567-89ab-cdef-0123-456789abcdef", KEY_OP_KIND_UNLOCK},
        {"DELETE", "/v1/kv/a/b", KEY_OP_KIND_DELETE},
        {"DELETE", "/v1/kv/a/b?cas=7", KEY_OP_KIND_DELETE_CAS},
        {"DELETE", "/v1/kv/a/b?recurse", KEY_OP_KIND_DELETE_TREE},
        {"GET", "/v1/kv/a/b?consistent", KEY_OP_KIND_GET_OR_EMPTY},
        {"GET", "/v1/kv/a/b?recurse&consistent", KEY_OP_KIND_GET_TREE},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(stand_ask(&s, cases[i].method, cases[i].target, TOKEN, "value"), 0);
        struct key_op op = asked();

        assert_int_equal(op.kind, cases[i].kind);
        assert_true(bytes_equal_str(op.key, "a/b"));
        if (op.kind == KEY_OP_KIND_LOCK)
            assert_int_equal(op.session.b[15], 0xef);
    }
    assert_int_equal(stand_ask(&s, "PUT", "/v1/kv/a", NULL, "value"), 403);
}

static void what_cannot_be_meant_is_refused(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "/v1/kv/a?cas=x", "/v1/kv/a?flags=-1", "/v1/kv/a?acquire=me",
        "/v1/kv/a?cas=1&acquire=01234567-89ab-cdef-0123-456789abcdef"};
    struct buf big = {0};
    char target[400];

    for (unsigned i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
        assert_int_equal(stand_ask(&s, "PUT", targets[i], TOKEN, ""), 400);
    for (unsigned i = 0; i <= KEY_OP_VALUE_MAX; i++)
        buf_byte(&big, 'x');
    assert_int_equal(stand_ask(&s, "PUT", "/v1/kv/a", TOKEN, buf_cstr(&big)), 413);
    memset(target, 'k', sizeof(target));
    memcpy(target, "/v1/kv/", 7);
    target[7 + 256] = '\0';
    assert_int_equal(stand_ask(&s, "PUT", target, TOKEN, ""), 400);
    target[7 + 255] = '\0';
    assert_int_equal(stand_ask(&s, "PUT", target, TOKEN, ""), 0);
    buf_deinit(&big);
}

/* A client that is told that its change is done finds it at this peer. */
static void an_answer_waits_until_it_can_be_read_here(void **state)
{
    (void)state;
    struct told_key a = {.info = {.key = bytes_str("app/a"), .value = bytes_str("new")}};

    stand_ask(&s, "PUT", "/v1/kv/app/a", TOKEN, "new");
    assert_int_equal(answered(&(struct keys_changed){.done = true, .told = number + 1}), 0);
    tell(&a, 1);
    assert_int_equal(s.woken, 1);
    assert_int_equal(stand_resume(&s), 200);
    assert_string_equal(stand_body(&s), "true");
    stand_ask(&s, "PUT", "/v1/kv/app/a?cas=1", TOKEN, "new");
    struct key_error error = {.text = bytes_str("the key's index is another one")};

    assert_int_equal(answered(&(struct keys_changed){.errors = &error, .errors_n = 1}), 200);
    assert_string_equal(stand_body(&s), "false");
}

static void a_side_without_a_majority_says_why(void **state)
{
    (void)state;
    struct failed failed = {.code = FAIL_CODE_NO_MAJORITY, .text = bytes_str("no majority")};
    struct buf out = {0};

    failed_encode(&out, &failed);
    stand_ask(&s, "PUT", "/v1/kv/a?cas=0", TOKEN, "");
    assert_int_equal(stand_reply(&s, WIRE_FAILED, buf_bytes(&out)), 500);
    assert_string_equal(stand_body(&s), "no majority");
    buf_deinit(&out);
}

/* ---- transactions and sessions ---- */

static void a_transaction_is_read_and_answered(void **state)
{
    (void)state;
    static const char body[] =
        "[{\"KV\":{\"Verb\":\"cas\",\"Key\":\"a\",\"Value\":\"b25l\",\"Index\":3}},"
        "{\"KV\":{\"Verb\":\"delete-tree\",\"Key\":\"b/\"}}]";
    struct change_keys request;
    struct arena mem = {0};
    struct wire_error err;
    struct key_info info = {.key = bytes_str("a"), .index = 9};
    struct key_error error = {.op = 1, .text = bytes_str("no")};

    assert_int_equal(stand_ask(&s, "PUT", "/v1/txn", TOKEN, body), 0);
    assert_int_equal(change_keys_decode(&request, buf_bytes(&s.x.question), &mem, &err), 0);
    assert_int_equal(request.ops_n, 2);
    assert_int_equal(request.ops[0].kind, KEY_OP_KIND_CAS);
    assert_true(bytes_equal_str(request.ops[0].value, "one"));
    assert_int_equal(request.ops[0].index, 3);
    assert_int_equal(
        answered(&(struct keys_changed){.done = true, .results = &info, .results_n = 1}), 200);
    assert_string_equal(stand_text(&s, "Results/0/KV/Key"), "a");
    stand_ask(&s, "PUT", "/v1/txn", TOKEN, body);
    assert_int_equal(answered(&(struct keys_changed){.errors = &error, .errors_n = 1}), 409);
    assert_int_equal(stand_number(&s, "Errors/0/OpIndex"), 1);
    arena_deinit(&mem);
}

static void what_is_no_transaction_is_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "{}",
        "[]",
        "[{\"Node\":{}}]",
        "[{\"KV\":{\"Verb\":\"jump\",\"Key\":\"a\"}}]",
        "[{\"KV\":{\"Verb\":\"set\",\"Key\":\"a\",\"Value\":\"b2\"}}]",
        "[{\"KV\":{\"Verb\":\"set\",\"Key\":\"a\",\"Value\":\"=b2l\"}}]",
        "[{\"KV\":{\"Verb\":\"lock\",\"Key\":\"a\",\"Session\":\"x\"}}]",
        "[{\"KV\":{\"Verb\":\"cas\",\"Key\":\"a\",\"Index\":-1}}]"};

    for (unsigned i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        assert_int_equal(stand_ask(&s, "PUT", "/v1/txn", TOKEN, bodies[i]), 400);
}

static struct session_row opened_with(const char *body)
{
    static struct arena mem;
    struct open_session request;
    struct wire_error err;

    arena_reset(&mem);
    assert_int_equal(stand_ask(&s, "PUT", "/v1/session/create", TOKEN, body), 0);
    assert_int_equal(s.x.ask, WIRE_OPEN_SESSION);
    assert_int_equal(open_session_decode(&request, buf_bytes(&s.x.question), &mem, &err), 0);
    return request.session;
}

static void sessions_are_opened_as_consul_does(void **state)
{
    (void)state;
    struct session_row plain = opened_with(NULL);

    assert_int_equal(plain.delay_ms, 15000);
    assert_false(plain.deletes || plain.unwatched || plain.ttl_ms);
    struct session_row all =
        opened_with("{\"Name\":\"job\",\"Node\":\"a\",\"TTL\":\"20s\",\"LockDelay\":\"1s\","
                    "\"Behavior\":\"delete\",\"Checks\":[]}");

    assert_true(bytes_equal_str(all.name, "job") && all.deletes && all.unwatched);
    assert_int_equal(all.ttl_ms, 20000);
    assert_int_equal(all.delay_ms, 1000);
    assert_int_equal(stand_ask(&s, "PUT", "/v1/session/create", TOKEN, "{\"Node\":\"b\"}"), 400);
    assert_int_equal(stand_ask(&s, "PUT", "/v1/session/create", TOKEN, "{\"Checks\":[\"x\"]}"),
                     400);
    assert_int_equal(stand_ask(&s, "PUT", "/v1/session/create", TOKEN, "{\"Behavior\":\"x\"}"),
                     400);
}

static void sessions_are_listed(void **state)
{
    (void)state;
    struct told_session t = {
        .id = {{1}}, .node = stand_b, .session = {.name = bytes_str("job"), .ttl_ms = 15000}};

    shelf_tell(&s.hub.shelf,
               &(struct effect_keys){.number = ++number, .sessions = &t, .sessions_n = 1});
    assert_int_equal(stand_get(&s, "/v1/session/list"), 200);
    assert_string_equal(stand_text(&s, "0/ID"), "01000000-0000-0000-0000-000000000000");
    assert_string_equal(stand_text(&s, "0/Node"), "b");
    assert_string_equal(stand_text(&s, "0/TTL"), "15s");
    stand_get(&s, "/v1/session/node/a");
    assert_int_equal(stand_count(&s), 0);
    stand_get(&s, "/v1/session/node/b");
    assert_int_equal(stand_count(&s), 1);
    stand_get(&s, "/v1/session/info/01000000-0000-0000-0000-000000000000");
    assert_int_equal(stand_count(&s), 1);
    stand_get(&s, "/v1/session/info/02000000-0000-0000-0000-000000000000");
    assert_int_equal(stand_count(&s), 0);
    assert_int_equal(stand_get(&s, "/v1/session/info/x"), 400);
    assert_int_equal(stand_ask(&s, "PUT",
                               "/v1/session/destroy/02000000-0000-0000-0000-000000000000", TOKEN,
                               NULL),
                     200); /* as Consul: it is gone */
    assert_int_equal(
        stand_ask(&s, "PUT", "/v1/session/renew/01000000-0000-0000-0000-000000000000", TOKEN, NULL),
        0);
    assert_int_equal(s.x.ask, WIRE_RENEW_SESSION);
}

#define STORY(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORY(a_key_is_shown_as_consul_shows_it),
        STORY(trees_and_names_are_listed),
        STORY(a_read_waits_for_its_own_key),
        STORY(parameters_say_what_is_done),
        STORY(what_cannot_be_meant_is_refused),
        STORY(an_answer_waits_until_it_can_be_read_here),
        STORY(a_side_without_a_majority_says_why),
        STORY(a_transaction_is_read_and_answered),
        STORY(what_is_no_transaction_is_refused),
        STORY(sessions_are_opened_as_consul_does),
        STORY(sessions_are_listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
