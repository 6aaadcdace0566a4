#include "trust/token.h"

#include "test.h"
#include "trust_world.h"

#include <string.h>

static void a_token_goes_through_its_text_form(void **state)
{
    (void)state;
    struct world w;
    struct buf text = {0}, back = {0};
    struct token token;
    struct grant grant;

    world_init(&w, 1);
    struct bytes encoded = world_token(&w, PRINCIPAL_KIND_NODE);

    token_to_text(&text, encoded);
    assert_int_equal(token_from_text(&back, buf_bytes(&text)), 0);
    assert_true(bytes_equal(buf_bytes(&back), encoded));
    assert_int_equal(token_open(&token, &grant, buf_bytes(&back), NOW_MS, &w.mem), 0);
    assert_true(ulid_equal(&grant.cluster, &w.cluster));
    assert_int_equal(grant.kind, PRINCIPAL_KIND_NODE);
    assert_true(bytes_equal_str(grant.roles[0], "blue"));
    assert_true(keys_equal(&token.ring_public, &w.ring.public_key));
    assert_true(key32_is_zero(&token.ring_secret));
    assert_int_equal(token.seeds_n, 1);
    assert_true(bytes_equal_str(token.seeds[0], "127.0.0.1:5484"));
    buf_deinit(&text);
    buf_deinit(&back);
    world_deinit(&w);
}

static void a_founder_gets_the_rings_secret(void **state)
{
    (void)state;
    struct world w;
    struct buf out = {0};
    struct token token;
    struct grant grant;

    world_init(&w, 1);
    token_make(&out, &(struct token_request){.issuer = &w.issuer,
                                             .id = id_of(1),
                                             .cluster = w.cluster,
                                             .seed = seed_of(9),
                                             .kind = PRINCIPAL_KIND_NODE,
                                             .expires_ms = EXPIRES_MS,
                                             .ring_public = w.ring.public_key,
                                             .ring_secret = w.ring.secret});
    assert_int_equal(token_open(&token, &grant, buf_bytes(&out), NOW_MS, &w.mem), 0);
    assert_true(keys_equal(&token.ring_secret, &w.ring.secret));
    buf_deinit(&out);
    world_deinit(&w);
}

/* Opens after the caller changed the token, in its decoded form. */
static int open_again(struct world *w, const struct token *token, int64_t wall_ms)
{
    struct buf out = {0};
    struct token t;
    struct grant g;

    token_encode(&out, token);
    int r = token_open(&t, &g, buf_bytes(&out), wall_ms, &w->mem);

    if (r) { /* nothing of a refused token is handed out */
        assert_true(key32_is_zero(&t.secret));
        assert_true(ulid_is_zero(&g.cluster));
    }
    buf_deinit(&out);
    return r;
}

static void every_flaw_has_its_name(void **state)
{
    (void)state;
    struct world w;
    struct token token, changed;
    struct grant grant;

    world_init(&w, 1);
    assert_int_equal(
        token_open(&token, &grant, world_token(&w, PRINCIPAL_KIND_NODE), NOW_MS, &w.mem), 0);
    assert_int_equal(open_again(&w, &token, EXPIRES_MS), 0);
    assert_int_equal(open_again(&w, &token, EXPIRES_MS + 1), TOKEN_EXPIRED);

    changed = token;
    changed.secret = seed_of(98);
    assert_int_equal(open_again(&w, &changed, NOW_MS), TOKEN_KEY);

    struct bytes signature = arena_bytes(&w.mem, token.grant.signature);

    ((uint8_t *)(uintptr_t)signature.data)[0] ^= 1;
    changed = token;
    changed.grant.signature = signature;
    assert_int_equal(open_again(&w, &changed, NOW_MS), TOKEN_SIGNATURE);

    changed = token;
    changed.grant.body = bytes_str("nonsense");
    assert_int_equal(open_again(&w, &changed, NOW_MS), TOKEN_MALFORMED);

    struct bytes local = world_token(&w, PRINCIPAL_KIND_LOCAL);

    assert_int_equal(token_open(&token, &grant, local, NOW_MS, &w.mem), TOKEN_KIND);
    assert_int_equal(
        token_open(&token, &grant, bytes_of(local.data, local.len - 1), NOW_MS, &w.mem),
        TOKEN_MALFORMED);
    world_deinit(&w);
}

static void text_that_is_no_token_is_refused(void **state)
{
    (void)state;
    struct buf out = {0};

    assert_int_equal(token_from_text(&out, bytes_str("redis: yes\n")), TOKEN_TEXT);
    assert_int_equal(out.len, 0);
}

static void every_problem_says_what_to_do(void **state)
{
    (void)state;
    for (int problem = TOKEN_TEXT; problem <= TOKEN_EXPIRED; problem++)
        assert_non_null(strstr(token_problem_text(problem), "kith token new"));
    assert_string_equal(token_problem_text(0), "?");
    assert_string_equal(token_problem_text(TOKEN_EXPIRED + 1), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_goes_through_its_text_form),
        cmocka_unit_test(a_founder_gets_the_rings_secret),
        cmocka_unit_test(every_flaw_has_its_name),
        cmocka_unit_test(text_that_is_no_token_is_refused),
        cmocka_unit_test(every_problem_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
