#include "dns/rate.h"

#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static struct sockaddr_storage client(const char *text)
{
    struct sockaddr_storage s = {0};
    struct sockaddr_in *four = (struct sockaddr_in *)&s;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&s;

    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        s.ss_family = AF_INET;
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &six->sin6_addr), 1);
        s.ss_family = AF_INET6;
    }
    return s;
}

static enum rate_verdict take(struct rate *r, const char *from, kith_time now_us)
{
    struct sockaddr_storage s = client(from);

    return rate_take(r, (const struct sockaddr *)&s, now_us);
}

static void a_network_gets_its_share_and_then_every_second_is_sent_to_tcp(void **state)
{
    (void)state;
    struct rate *r = rate_new(10, 1);

    for (int i = 0; i < 10; i++)
        assert_int_equal(take(r, i % 2 ? "10.0.0.1" : "10.0.0.200", 0), RATE_PASS);
    assert_int_equal(take(r, "10.0.0.1", 0), RATE_DROP);
    assert_int_equal(take(r, "10.0.0.2", 0), RATE_SLIPS);
    assert_int_equal(take(r, "10.0.0.3", 0), RATE_DROP);
    assert_int_equal(take(r, "10.0.1.1", 0), RATE_PASS); /* another network */
    rate_free(r);
}

static void what_is_left_comes_back_with_time(void **state)
{
    (void)state;
    struct rate *r = rate_new(10, 1);
    unsigned passed = 0;

    for (int i = 0; i < 10; i++)
        (void)take(r, "10.0.0.1", 0);
    assert_int_not_equal(take(r, "10.0.0.1", 99 * KITH_MS), RATE_PASS);
    assert_int_equal(take(r, "10.0.0.1", 101 * KITH_MS), RATE_PASS);
    assert_int_not_equal(take(r, "10.0.0.1", 102 * KITH_MS), RATE_PASS);
    for (int i = 0; i < 1000; i++) /* a day later no more than a second's */
        passed += take(r, "10.0.0.1", 24 * KITH_HOUR) == RATE_PASS;
    assert_int_equal(passed, 10);
    passed = 0;
    for (kith_time t = 0; t < 10 * KITH_SEC;
         t += KITH_MS) /* asked for all the time: ten a second */
        passed += take(r, "10.0.0.1", 24 * KITH_HOUR + t) == RATE_PASS;
    assert_in_range(passed, 99, 100);
    rate_free(r);
}

static void ipv6_networks_are_of_56_bits(void **state)
{
    (void)state;
    struct rate *r = rate_new(1, 1);

    assert_int_equal(take(r, "2001:db8:0:1::1", 0), RATE_PASS);
    assert_int_equal(take(r, "2001:db8:0:ff::2", 0), RATE_DROP);
    assert_int_equal(take(r, "2001:db8:0:100::2", 0), RATE_PASS);
    assert_int_equal(take(r, "::", 0), RATE_PASS);
    assert_int_equal(take(r, "::1", 0), RATE_DROP);
    rate_free(r);
}

/* A hundred thousand networks: the table stays as it is, and nobody is limited for another's sake. */
static void many_networks_limit_nobody_else(void **state)
{
    (void)state;
    struct rate *r = rate_new(1, 1);

    for (unsigned i = 0; i < 100000; i++) {
        struct sockaddr_in s = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(i << 8)};

        assert_int_equal(rate_take(r, (const struct sockaddr *)&s, 0), RATE_PASS);
    }
    rate_free(r);
    r = rate_new(UINT32_MAX, 1); /* more than there can be */
    assert_int_equal(take(r, "10.0.0.1", 0), RATE_PASS);
    rate_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_gets_its_share_and_then_every_second_is_sent_to_tcp),
        cmocka_unit_test(what_is_left_comes_back_with_time),
        cmocka_unit_test(ipv6_networks_are_of_56_bits),
        cmocka_unit_test(many_networks_limit_nobody_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
