#include "cluster.h"
#include "gossip/admit.h"
#include "test.h"
#include "trust/token.h"

#include <stdio.h>
#include <string.h>

static struct cluster *running(size_t n)
{
    struct cluster *c = cluster_new(n);
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 10 * KITH_SEC));
    cluster_run(c, 2 * KITH_SEC); /* all listen to each other */
    return c;
}

/* Somebody with a key of its own who is at an address. */
struct person {
    struct sign_pair pair;
    struct curve_pair curve;
    struct stranger frame;
};

static struct person person(struct cluster *c, const char *from)
{
    struct person p = {.frame = {.door = DOOR_PROBE, .route = 1, .from = from}};
    struct key32 seed;
    rng_bytes(&c->rng, seed.b, sizeof(seed.b));
    keys_sign_pair(&p.pair, &seed);
    keys_curve_pair(&p.curve, &p.pair);
    rng_bytes(&c->rng, p.frame.id.b, sizeof(p.frame.id.b));
    p.frame.boot = p.frame.id;
    return p;
}

/* Says hello with a certificate made from this token; what comes back. */
static enum wire_kind hello(struct cluster *c, size_t i, struct person *p, struct bytes encoded,
                            struct bytes *ret_payload)
{
    struct token token;
    struct grant grant;
    struct arena mem = {0};
    struct buf certificate = {0}, payload = {0};
    assert_int_equal(token_open(&token, &grant, encoded, CERTIFICATE_ANY_TIME, &mem), 0);
    struct certificate_subject subject = {
        .id = p->frame.id, .pair = &p->pair, .name = bytes_str("somebody"), .issued_ms = 1};
    certificate_make(&certificate, &token, &grant, &subject);
    struct hello h = {.certificate = buf_bytes(&certificate)};
    hello_encode(&payload, &h);
    p->frame.key = &p->curve.public_key;
    assert_int_equal(node_frame(c, i, &p->frame, WIRE_HELLO, buf_bytes(&payload)), 1);
    buf_deinit(&certificate);
    buf_deinit(&payload);
    arena_deinit(&mem);
    return node_answer(c, i, ret_payload);
}

static enum wire_kind hello_as(struct cluster *c, size_t i, struct person *p,
                               enum principal_kind kind, const struct sign_pair *issuer,
                               kith_time expires_us, struct bytes *ret_payload)
{
    struct buf token = {0};
    cluster_token(c, &token, kind, /* founder= */ false, issuer, expires_us);
    enum wire_kind answer = hello(c, i, p, buf_bytes(&token), ret_payload);
    buf_deinit(&token);
    return answer;
}

static size_t ask_members(struct cluster *c, size_t i, struct person *p)
{
    struct buf payload = {0};
    struct get_members get = {0};
    get_members_encode(&payload, &get);
    size_t n = node_frame(c, i, &p->frame, WIRE_GET_MEMBERS, buf_bytes(&payload));
    buf_deinit(&payload);
    return n;
}

static void why_refused(struct bytes payload, char ret[256], bool *ret_final)
{
    struct hello_refused r;
    struct wire_error err;
    struct arena mem = {0};
    assert_int_equal(hello_refused_decode(&r, payload, &mem, &err), 0);
    snprintf(ret, 256, BYTES_FMT, BYTES_ARG(r.why));
    *ret_final = r.final;
    arena_deinit(&mem);
}

static void an_operator_is_let_in_without_the_rings_secret(void **unused)
{
    (void)unused;
    struct cluster *c = running(2);
    struct person p = person(c, "10.1.1.1");
    struct bytes payload;
    assert_int_equal(hello_as(c, 1, &p, PRINCIPAL_KIND_OPERATOR, &c->issuer,
                              cluster_wall(c) + KITH_HOUR, &payload),
                     WIRE_HELLO_OK);
    struct hello_ok ok;
    struct arena mem = {0};
    struct wire_error err;
    assert_int_equal(hello_ok_decode(&ok, payload, &mem, &err), 0);
    assert_true(key32_is_zero(&ok.ring_secret));
    assert_true(keys_equal(&ok.ring_public, &c->ring.public_key));
    arena_deinit(&mem);

    p.frame.door = DOOR_BULK;
    assert_int_equal(ask_members(c, 1, &p), 1);
    assert_int_equal(node_answer(c, 1, &payload), WIRE_MEMBER_LIST);
    cluster_run(c, KITH_SEC);
    assert_int_equal(ask_members(c, 0, &p), 1); /* and everywhere else */
    cluster_free(c);
}

static void a_client_reads_and_changes_nothing(void **unused)
{
    (void)unused;
    struct cluster *c = running(1);
    struct person p = person(c, "10.1.1.1");
    struct bytes payload;
    hello_as(c, 0, &p, PRINCIPAL_KIND_CLIENT, &c->issuer, cluster_wall(c) + KITH_HOUR, &payload);
    assert_int_equal(ask_members(c, 0, &p), 1);
    assert_int_equal(node_answer(c, 0, &payload), WIRE_MEMBER_LIST);

    struct forget forget = {.node = bytes_str("n0")};
    struct buf request = {0};
    forget_encode(&request, &forget);
    assert_int_equal(node_frame(c, 0, &p.frame, WIRE_FORGET, buf_bytes(&request)), 1);
    assert_int_equal(node_answer(c, 0, &payload), WIRE_FAILED);
    assert_int_equal(node_count(c, 0, "refused_verb"), 1);
    buf_deinit(&request);
    cluster_free(c);
}

static void an_unknown_key_says_hello_or_nothing(void **unused)
{
    (void)unused;
    struct cluster *c = running(1);
    struct person p = person(c, "10.6.6.6");
    p.frame.key = &p.curve.public_key;
    for (int i = 0; i < 200; i++)
        assert_int_equal(ask_members(c, 0, &p), 0);
    assert_int_equal(node_count(c, 0, "refused_key"), 200);
    cluster_run(c, 10 * KITH_SEC);
    assert_int_equal(node_logged(c, 0, "10.6.6.6"), 1);
    for (int i = 0; i < 200; i++)
        node_garbage(c, 0, "10.6.6.7");
    assert_int_equal(node_count(c, 0, "refused_garbage"), 200);
    assert_int_equal(node_logged(c, 0, "10.6.6.7"), 1);
    cluster_free(c);
}

static void one_let_in_elsewhere_just_now_is_not_named(void **unused)
{
    (void)unused;
    struct cluster *c = running(2);
    struct person p = person(c, "10.5.5.5");
    struct bytes payload;
    p.frame.key = &p.curve.public_key;
    assert_int_equal(ask_members(c, 0, &p), 0); /* not known yet */
    hello_as(c, 1, &p, PRINCIPAL_KIND_OPERATOR, &c->issuer, cluster_wall(c) + KITH_HOUR, &payload);
    cluster_run(c, 10 * KITH_SEC);
    assert_int_equal(ask_members(c, 0, &p), 1);
    assert_int_equal(node_logged(c, 0, "10.5.5.5"), 0);
    struct person many = person(c, "10.5.5.6");
    many.frame.key = &many.curve.public_key;
    for (int i = 0; i < 2 * ADMIT_UNKNOWN_MAX; i++) {
        many.curve.public_key.b[1] = (uint8_t)i;
        ask_members(c, 0, &many);
    }
    cluster_run(c, 10 * KITH_SEC);
    assert_int_equal(node_logged(c, 0, "10.5.5.6"), 1);
    cluster_free(c);
}

static void a_bad_certificate_is_refused_with_the_reason(void **unused)
{
    (void)unused;
    struct cluster *c = running(1);
    struct bytes payload;
    char why[256];
    bool final;

    struct person late = person(c, "10.2.2.1");
    assert_int_equal(hello_as(c, 0, &late, PRINCIPAL_KIND_NODE, &c->issuer,
                              cluster_wall(c) - KITH_SEC, &payload),
                     WIRE_HELLO_REFUSED);
    why_refused(payload, why, &final);
    assert_string_equal(why, certificate_problem_text(CERTIFICATE_EXPIRED));
    assert_true(final);
    assert_int_equal(node_logged(c, 0, "10.2.2.1"), 1);

    struct person foreign = person(c, "10.2.2.2");
    assert_int_equal(hello_as(c, 0, &foreign, PRINCIPAL_KIND_NODE, &foreign.pair,
                              cluster_wall(c) + KITH_HOUR, &payload),
                     WIRE_HELLO_REFUSED);
    why_refused(payload, why, &final);
    assert_string_equal(why, certificate_problem_text(CERTIFICATE_ISSUER));

    /* Another's certificate, seen on its way. */
    struct person thief = person(c, "10.2.2.3");
    struct person owner = person(c, "10.2.2.4");
    thief.pair = owner.pair;
    assert_int_equal(hello_as(c, 0, &thief, PRINCIPAL_KIND_NODE, &c->issuer,
                              cluster_wall(c) + KITH_HOUR, &payload),
                     WIRE_HELLO_REFUSED);
    assert_int_equal(node_count(c, 0, "hellos_refused"), 3);
    assert_int_equal(node_count(c, 0, "hellos_admitted"), 0);
    cluster_free(c);
}

static void one_who_is_in_stays_in_when_the_token_is_over(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(2);
    node_token(c, 1, /* founder= */ false, cluster_wall(c) + 10 * KITH_SEC);
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 5 * KITH_SEC));
    node_kill(c, 1);
    cluster_run(c, KITH_MIN);
    node_start(c, 1);
    assert_true(cluster_agrees(c, 5 * KITH_SEC));
    cluster_free(c);
}

static void a_host_with_a_late_or_wrong_token_stays_outside_and_says_why(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(5);
    struct buf token = {0};
    node_start(c, 0);
    node_token(c, 1, /* founder= */ false, cluster_wall(c) + KITH_SEC);
    node_no_token(c, 2);
    cluster_token(c, &token, PRINCIPAL_KIND_OPERATOR, false, &c->issuer,
                  cluster_wall(c) + KITH_HOUR);
    node_token_raw(c, 3, buf_bytes(&token));
    node_token_raw(c, 4, bytes_str("nonsense"));
    cluster_run(c, 2 * KITH_SEC);
    for (size_t i = 1; i < 5; i++)
        node_start(c, i);
    cluster_run(c, KITH_MIN);
    for (size_t i = 1; i < 5; i++) {
        assert_int_equal(node_sees(c, 0, i), MEMBER_STATE_UNKNOWN);
        assert_true(node_logged(c, i, "cannot join") > 0);
    }
    buf_deinit(&token);
    cluster_free(c);
}

static void a_token_that_ends_while_its_holder_asks_is_refused_by_the_seed(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(2);
    node_token(c, 1, /* founder= */ false, cluster_wall(c) + KITH_SEC);
    node_start(c, 1); /* nobody is there to answer */
    cluster_run(c, 10 * KITH_SEC);
    node_start(c, 0);
    cluster_run(c, 10 * KITH_MIN);
    assert_int_equal(node_sees(c, 0, 1), MEMBER_STATE_UNKNOWN);
    assert_int_equal(node_logged(c, 1, "does not let this peer in"), 1);
    assert_int_equal(node_logged(c, 0, "hello refused"), 1);
    assert_in_range(node_count(c, 0, "hellos_refused"), 5, 15); /* once a minute */
    cluster_free(c);
}

static void hellos_are_read_at_a_bounded_rate(void **unused)
{
    (void)unused;
    struct cluster *c = running(1);
    int64_t before = node_count(c, 0, "refused_rate");
    struct person p = person(c, "10.3.3.3");
    p.frame.key = &p.curve.public_key;
    struct hello h = {.certificate = bytes_str("not one")};
    struct buf payload = {0};
    hello_encode(&payload, &h);
    size_t answers = 0;
    for (int i = 0; i < 100; i++)
        answers += node_frame(c, 0, &p.frame, WIRE_HELLO, buf_bytes(&payload));
    assert_int_equal(answers, 5);
    assert_int_equal(node_count(c, 0, "refused_rate") - before, 95);

    for (int i = 0; i < 400; i++) { /* a new key each time: the bound in all holds */
        p.curve.public_key.b[0] = (uint8_t)i;
        answers += node_frame(c, 0, &p.frame, WIRE_HELLO, buf_bytes(&payload));
    }
    assert_in_range(answers, 100, 370);
    buf_deinit(&payload);
    cluster_free(c);
}

static void the_sender_must_be_the_one_the_key_stands_for(void **unused)
{
    (void)unused;
    struct cluster *c = running(2);
    struct person p = person(c, "10.4.4.4");
    struct bytes payload;
    hello_as(c, 0, &p, PRINCIPAL_KIND_OPERATOR, &c->issuer, cluster_wall(c) + KITH_HOUR, &payload);
    p.frame.id = node_id(c, 1);
    assert_int_equal(ask_members(c, 0, &p), 0);
    assert_int_equal(node_count(c, 0, "refused_sender"), 1);

    /* Nor may anybody publish in another's place, or answer for one who is not known. */
    struct stranger sub = {
        .id = node_id(c, 1), .boot = {"b"}, .door = DOOR_SUB, .from = "tcp://127.0.0.77:5485"};
    node_frame(c, 0, &sub, WIRE_ROWS, (struct bytes){0});
    assert_int_equal(node_count(c, 0, "refused_sender"), 2);
    struct stranger answer = {
        .id = {"nobody"}, .boot = {"b"}, .door = DOOR_PROBE, .from = "tcp://127.0.0.77:5484"};
    node_frame(c, 0, &answer, WIRE_PROBE_ACK, (struct bytes){0});
    assert_int_equal(node_count(c, 0, "refused_key"), 1);
    cluster_free(c);
}

static void a_clone_is_refused_by_all_and_ends(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(6);
    for (size_t i = 0; i < 5; i++)
        node_start(c, i);
    cluster_run(c, 5 * KITH_SEC);
    node_clone(c, 2, 5);
    cluster_run(c, 10 * KITH_SEC);
    assert_true(node_runs(c, 2));
    assert_false(node_runs(c, 5));
    assert_true(node_logged(c, 5, "had it first") >= 1);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(node_logged(c, i, "two live peers have the id"), 1);
    assert_int_equal(node_sees(c, 0, 2), MEMBER_STATE_ALIVE);
    assert_true(
        bytes_equal_str(member_uri(node_member(c, 0, 2), ADDR_ROLE_PROBE), "tcp://127.0.0.3:5484"));
    assert_true(cluster_same_tables(c, 5 * KITH_SEC));
    cluster_free(c);
}

/* Both go on from the same count of starts: it is this peer's own rise that proves that it is the second. */
static void of_two_started_from_one_folder_one_goes_on(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(6);
    for (size_t i = 0; i < 5; i++)
        node_start(c, i);
    cluster_run(c, 5 * KITH_SEC);
    node_kill(c, 2);
    node_clone(c, 2, 5);
    cluster_run(c, 10 * KITH_MS);
    node_start(c, 2);
    cluster_run(c, 20 * KITH_SEC);
    assert_true(node_runs(c, 5));
    assert_false(node_runs(c, 2));
    assert_true(node_logged(c, 2, "had it first") >= 1);
    assert_int_equal(node_sees(c, 0, 5), MEMBER_STATE_ALIVE);
    cluster_free(c);
}

static void a_clone_that_goes_on_sending_is_named_once(void **unused)
{
    (void)unused;
    struct cluster *c = running(3);
    struct ulid id = node_id(c, 2), former = node_member(c, 0, 2)->row->boot;
    struct stranger clone = {.id = id, .door = DOOR_SUB, .from = "tcp://127.0.0.3:5485"};
    memset(clone.boot.b, 0x77, sizeof(clone.boot.b)); /* later than any of this test */
    struct member_row row = *node_member(c, 0, 2)->row;
    struct buf value = {0}, payload = {0};
    row.boot = clone.boot;
    member_row_encode(&value, &row);
    struct record record = {.namespace = bytes_str("default"),
                            .table = TABLE_ID_MEMBER,
                            .key = ulid_bytes(&id),
                            .value = buf_bytes(&value),
                            .version = {.major = 2, .minor = 1},
                            .origin = id};
    struct buf encoded = {0};
    record_encode(&encoded, &record);
    struct bytes bytes = buf_bytes(&encoded);
    struct rows rows = {.records = &bytes, .records_n = 1};
    rows_encode(&payload, &rows);
    node_frame(c, 0, &clone, WIRE_ROWS, buf_bytes(&payload));
    cluster_run(c, 3 * KITH_SEC); /* the real one sees it and rises above */
    assert_true(node_incarnation(c, 2) >= 3);
    assert_memory_equal(&node_member(c, 0, 2)->row->boot, &former, sizeof(former));
    for (int i = 0; i < 50; i++)
        node_frame(c, 0, &clone, WIRE_ROWS, buf_bytes(&payload));
    assert_int_equal(node_count(c, 0, "refused_clone"), 50);
    assert_int_equal(node_logged(c, 0, "second of two live peers"), 1);

    /* And at the original itself. */
    node_frame(c, 2, &clone, WIRE_ROWS, buf_bytes(&payload));
    assert_int_equal(node_count(c, 2, "refused_clone"), 1);
    buf_deinit(&value);
    buf_deinit(&payload);
    buf_deinit(&encoded);
    cluster_free(c);
}

static void without_keys_the_envelope_is_believed(void **unused)
{
    (void)unused;
    struct cluster *c = cluster_new(5);
    c->insecure = true;
    for (size_t i = 0; i < 5; i++)
        node_no_token(c, i);
    cluster_start_all(c);
    assert_true(cluster_agrees(c, 5 * KITH_SEC));
    cluster_run(c, 2 * KITH_SEC); /* each has been probed */
    node_kill(c, 1);
    assert_true(cluster_sees(c, 1, MEMBER_STATE_DEAD, 2 * KITH_SEC) > 0);
    node_start(c, 1);
    assert_true(cluster_agrees(c, 5 * KITH_SEC));

    struct person p = person(c, "127.0.0.1");
    struct bytes payload;
    p.frame.door = DOOR_BULK;
    assert_int_equal(ask_members(c, 3, &p), 1);
    assert_int_equal(node_answer(c, 3, &payload), WIRE_MEMBER_LIST);
    cluster_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operator_is_let_in_without_the_rings_secret),
        cmocka_unit_test(a_client_reads_and_changes_nothing),
        cmocka_unit_test(an_unknown_key_says_hello_or_nothing),
        cmocka_unit_test(one_let_in_elsewhere_just_now_is_not_named),
        cmocka_unit_test(a_bad_certificate_is_refused_with_the_reason),
        cmocka_unit_test(one_who_is_in_stays_in_when_the_token_is_over),
        cmocka_unit_test(a_host_with_a_late_or_wrong_token_stays_outside_and_says_why),
        cmocka_unit_test(a_token_that_ends_while_its_holder_asks_is_refused_by_the_seed),
        cmocka_unit_test(hellos_are_read_at_a_bounded_rate),
        cmocka_unit_test(the_sender_must_be_the_one_the_key_stands_for),
        cmocka_unit_test(a_clone_is_refused_by_all_and_ends),
        cmocka_unit_test(of_two_started_from_one_folder_one_goes_on),
        cmocka_unit_test(a_clone_that_goes_on_sending_is_named_once),
        cmocka_unit_test(without_keys_the_envelope_is_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
