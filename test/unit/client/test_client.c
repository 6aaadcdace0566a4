#include "kith/client.h"

#include "fake_peer.h"
#include "test.h"
#include "trust/keyfile.h"
#include "wire/frame.h"
#include "wire/gen/client.h"
#include "wire/gen/topic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LONG_MS  8000 /* nothing here takes as long, whatever the machine does */
#define SHORT_MS 150  /* waited out in full */

static const struct ulid cluster = {{7}}, other_cluster = {{8}};

static struct key32 seed_of(uint8_t n)
{
    struct key32 seed;

    memset(seed.b, n, sizeof(seed.b));
    return seed;
}

static struct curve_pair ring_of(uint8_t n)
{
    struct key32 secret = seed_of(n);
    struct curve_pair ring;

    keys_curve_pair_from_secret(&ring, &secret);
    return ring;
}

/* An operator's key file for the ring. */
static const char *key_text(struct buf *out, const struct curve_pair *ring)
{
    keyfile_write_identity(out, &(struct identity){.id = {{5}},
                                                   .seed = seed_of(5),
                                                   .cluster = cluster,
                                                   .ring_public = ring->public_key,
                                                   .certificate = bytes_str("certificate")});
    return buf_cstr(out);
}

static void expect_info(struct kith_client *c)
{
    struct kith_answer answer;
    enum kith_client_result r = kith_client_request(c, WIRE_GET_INFO, "\x80", 1, LONG_MS, &answer);

    if (r)
        fail_msg("%d: %s", r, kith_client_why(c));
    assert_int_equal(answer.kind, WIRE_INFO);
    assert_true(answer.payload_len > 0);
}

static void expect_why(const struct kith_client *c, const char *words)
{
    if (!strstr(kith_client_why(c), words))
        fail_msg("'%s' is not in: %s", words, kith_client_why(c));
}

/* Opens the fake peer's address without keys. */
static struct kith_client *visit(const struct fake_peer *f)
{
    enum kith_client_result r;
    struct kith_client *c = kith_client_open(
        &(struct kith_client_options){
            .address = fake_peer_endpoint(f), .insecure = 1, .timeout_ms = LONG_MS},
        &r);

    if (r)
        fail_msg("%d: %s", r, kith_client_why(c));
    return c;
}

static void a_request_gets_its_answer(void **state)
{
    (void)state;
    char dir[] = "/tmp/kith-test-XXXXXX", endpoint[64];

    assert_non_null(mkdtemp(dir));
    snprintf(endpoint, sizeof(endpoint), "ipc://%s/sock", dir);
    struct fake_peer *f = fake_peer_new(endpoint, FAKE_ANSWERS, NULL, &cluster);
    struct kith_client *c = visit(f);

    for (int i = 0; i < 20; i++)
        expect_info(c);
    kith_client_close(c);
    fake_peer_free(f);
    unlink(endpoint + 6);
    rmdir(dir);
}

/* A request and its answer that no single read or write takes. */
static void large_frames_pass_the_hosts_own_socket(void **state)
{
    (void)state;
    char dir[] = "/tmp/kith-test-XXXXXX", endpoint[64];
    static uint8_t large[2 << 20];

    assert_non_null(mkdtemp(dir));
    snprintf(endpoint, sizeof(endpoint), "ipc://%s/sock", dir);
    struct fake_peer *f = fake_peer_new(endpoint, FAKE_ANSWERS, NULL, &cluster);
    struct kith_client *c = visit(f);
    struct kith_answer answer;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            kith_client_request(c, WIRE_PUBLISH, large, sizeof(large), LONG_MS, &answer), 0);
        assert_int_equal(answer.kind, WIRE_INFO);
    }
    kith_client_close(c);
    fake_peer_free(f);
    unlink(endpoint + 6);
    rmdir(dir);
}

/* Whoever waits for a peer finds it when it comes, and again when it has come back. */
static void a_peer_that_comes_back_is_found(void **state)
{
    (void)state;
    char dir[] = "/tmp/kith-test-XXXXXX", endpoint[64];
    enum kith_client_result r;

    assert_non_null(mkdtemp(dir));
    snprintf(endpoint, sizeof(endpoint), "ipc://%s/sock", dir);
    struct fake_peer *f = fake_peer_new(endpoint, FAKE_BREAKS, NULL, &cluster);
    struct kith_client *c = kith_client_open(
        &(struct kith_client_options){
            .address = endpoint, .insecure = 1, .wait = 1, .timeout_ms = LONG_MS},
        &r);
    struct kith_answer answer;

    assert_int_equal(r, 0);
    assert_int_equal(kith_client_request(c, WIRE_GET_INFO, "\x80", 1, SHORT_MS, &answer),
                     KITH_CLIENT_UNREACHABLE);
    fake_peer_free(f);
    f = fake_peer_new(endpoint, FAKE_ANSWERS, NULL, &cluster);
    expect_info(c);
    kith_client_close(c);
    fake_peer_free(f);
    unlink(endpoint + 6);
    rmdir(dir);
}

static void answers_to_others_are_passed_over(void **state)
{
    (void)state;
    struct fake_peer *f = fake_peer_new("tcp://127.0.0.1:*", FAKE_LATE, NULL, &cluster);
    struct kith_client *c = visit(f);

    expect_info(c);
    expect_info(c);
    kith_client_close(c);
    fake_peer_free(f);
}

static void a_silent_peer_costs_the_timeout_and_no_more(void **state)
{
    (void)state;
    struct fake_peer *f = fake_peer_new("tcp://127.0.0.1:*", FAKE_SILENT, NULL, &cluster);
    struct kith_client *c = visit(f);
    struct kith_answer answer;

    assert_int_equal(kith_client_request(c, WIRE_GET_INFO, "\x80", 1, SHORT_MS, &answer),
                     KITH_CLIENT_TIMEOUT);
    expect_why(c, "does not answer in time");
    kith_client_close(c);
    fake_peer_free(f);
}

static void a_garbled_answer_is_said(void **state)
{
    (void)state;
    struct fake_peer *f = fake_peer_new("tcp://127.0.0.1:*", FAKE_GARBLED, NULL, &cluster);
    struct kith_client *c = visit(f);
    struct kith_answer answer;

    assert_int_equal(kith_client_request(c, WIRE_GET_INFO, "\x80", 1, LONG_MS, &answer),
                     KITH_CLIENT_GARBLED);
    expect_why(c, "cannot be read");
    kith_client_close(c);
    fake_peer_free(f);
}

static void a_broken_connection_is_said_at_once(void **state)
{
    (void)state;
    struct fake_peer *f = fake_peer_new("tcp://127.0.0.1:*", FAKE_BREAKS, NULL, &cluster);
    struct kith_client *c = visit(f);
    struct kith_answer answer;

    assert_int_equal(kith_client_request(c, WIRE_GET_INFO, "\x80", 1, LONG_MS, &answer),
                     KITH_CLIENT_UNREACHABLE);
    expect_why(c, "broke before the answer");
    kith_client_close(c);
    fake_peer_free(f);
}

static enum kith_client_result open_at(const char *address, const char *key, int wait,
                                       int timeout_ms, const char *words)
{
    enum kith_client_result r;
    struct kith_client *c =
        kith_client_open(&(struct kith_client_options){.address = address,
                                                       .key = key,
                                                       .insecure = !key,
                                                       .wait = wait,
                                                       .timeout_ms = timeout_ms},
                         &r);
    struct kith_answer answer;

    if (words)
        expect_why(c, words);
    if (r) /* a handle that did not open is harmless */
        assert_int_not_equal(kith_client_request(c, WIRE_GET_INFO, "\x80", 1, SHORT_MS, &answer),
                             0);
    kith_client_close(c);
    return r;
}

static void nobody_there_is_said_at_once(void **state)
{
    (void)state;
    assert_int_equal(
        open_at("/nonexistent/kithd.sock", NULL, 0, LONG_MS, "no kithd is running here"),
        KITH_CLIENT_UNREACHABLE);
    assert_int_equal(open_at("127.0.0.1:1", NULL, 0, LONG_MS, "nothing listens"),
                     KITH_CLIENT_UNREACHABLE);
    assert_int_equal(open_at("127.0.0.1:1", NULL, 1, SHORT_MS, "nothing listens"),
                     KITH_CLIENT_UNREACHABLE);
    assert_int_equal(open_at("a b", NULL, 0, LONG_MS, "no address"), KITH_CLIENT_BAD_ADDRESS);
    assert_int_equal(open_at("ws://", NULL, 0, LONG_MS, NULL), KITH_CLIENT_BAD_ADDRESS);
}

/* Nobody listens there any more. */
static void a_socket_file_may_be_left_over(void **state)
{
    (void)state;
    char dir[] = "/tmp/kith-test-XXXXXX", path[64];
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/sock", dir);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(open_at(path, NULL, 0, LONG_MS, "nothing listens"), KITH_CLIENT_UNREACHABLE);
    close(fd);
    unlink(path);
    rmdir(dir);
}

static void the_address_may_come_from_the_environment(void **state)
{
    (void)state;
    setenv("KITH_ADDR", "/nonexistent/from-env", 1);
    assert_int_equal(open_at(NULL, NULL, 0, LONG_MS, "from-env"), KITH_CLIENT_UNREACHABLE);
    unsetenv("KITH_ADDR");
}

static void a_key_is_admitted_by_hello(void **state)
{
    (void)state;
    static const enum fake_mood moods[] = {FAKE_ADMITS, FAKE_DEAF_ADMITS};

    for (size_t i = 0; i < 2; i++) {
        struct curve_pair ring = ring_of(1);
        struct fake_peer *f = fake_peer_new("tcp://127.0.0.1:*", moods[i], &ring, &cluster);
        struct buf key = {0};
        enum kith_client_result r;
        struct kith_client *c =
            kith_client_open(&(struct kith_client_options){.address = fake_peer_endpoint(f),
                                                           .key = key_text(&key, &ring),
                                                           .timeout_ms = LONG_MS},
                             &r);

        if (r)
            fail_msg("%d: %s", r, kith_client_why(c));
        expect_info(c);
        kith_client_close(c);
        buf_deinit(&key);
        fake_peer_free(f);
    }
}

/* What opening says when the peer is in that mood, has that ring, and is of that cluster. */
static enum kith_client_result open_with_key(enum fake_mood mood, uint8_t ring_number,
                                             const struct ulid *of, const char *words)
{
    struct curve_pair theirs = ring_of(ring_number), ours = ring_of(1);
    struct fake_peer *f =
        fake_peer_new("tcp://127.0.0.1:*", mood, ring_number ? &theirs : NULL, of);
    struct buf key = {0};
    enum kith_client_result r =
        open_at(fake_peer_endpoint(f), key_text(&key, &ours), 0, LONG_MS, words);

    buf_deinit(&key);
    fake_peer_free(f);
    return r;
}

static void who_is_not_let_in_hears_why(void **state)
{
    (void)state;
    assert_int_equal(open_with_key(FAKE_REFUSES, 1, &cluster, "the token has expired"),
                     KITH_CLIENT_REFUSED);
    assert_int_equal(open_with_key(FAKE_ADMITS, 2, &cluster, "does not accept the keys"),
                     KITH_CLIENT_REFUSED);
    assert_int_equal(open_with_key(FAKE_ADMITS, 0, &cluster, "does not accept the keys"),
                     KITH_CLIENT_REFUSED);
    assert_int_equal(open_with_key(FAKE_ADMITS, 1, &other_cluster, "another cluster"),
                     KITH_CLIENT_REFUSED);
}

static void keys_are_asked_for_where_they_are_used(void **state)
{
    (void)state;
    struct curve_pair ring = ring_of(1);
    struct fake_peer *f = fake_peer_new("tcp://127.0.0.1:*", FAKE_ADMITS, &ring, &cluster);

    assert_int_equal(open_at(fake_peer_endpoint(f), NULL, 0, LONG_MS, "leave --insecure out"),
                     KITH_CLIENT_REFUSED);
    fake_peer_free(f);
}

static void a_key_file_must_be_one(void **state)
{
    (void)state;
    enum kith_client_result r;

    assert_int_equal(open_at("127.0.0.1:1", "not a key", 0, LONG_MS, "damaged"),
                     KITH_CLIENT_BAD_KEY);
    struct kith_client *c =
        kith_client_open(&(struct kith_client_options){.address = "127.0.0.1:1"}, &r);

    assert_int_equal(r, KITH_CLIENT_BAD_KEY);
    expect_why(c, "wants a key");
    kith_client_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_gets_its_answer),
        cmocka_unit_test(large_frames_pass_the_hosts_own_socket),
        cmocka_unit_test(a_peer_that_comes_back_is_found),
        cmocka_unit_test(a_socket_file_may_be_left_over),
        cmocka_unit_test(answers_to_others_are_passed_over),
        cmocka_unit_test(a_silent_peer_costs_the_timeout_and_no_more),
        cmocka_unit_test(a_garbled_answer_is_said),
        cmocka_unit_test(a_broken_connection_is_said_at_once),
        cmocka_unit_test(nobody_there_is_said_at_once),
        cmocka_unit_test(the_address_may_come_from_the_environment),
        cmocka_unit_test(a_key_is_admitted_by_hello),
        cmocka_unit_test(who_is_not_let_in_hears_why),
        cmocka_unit_test(keys_are_asked_for_where_they_are_used),
        cmocka_unit_test(a_key_file_must_be_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
