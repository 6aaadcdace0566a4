#include "http/callers.h"

#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MAX 1000u

static struct callers callers;
static struct sockaddr_in own, other;
static struct caller *in[MAX];

static struct sockaddr_in address(const char *text)
{
    struct sockaddr_in a = {.sin_family = AF_INET};

    inet_pton(AF_INET, text, &a.sin_addr);
    return a;
}

static struct caller *come(const struct sockaddr_in *from, int fd, kith_time now_us)
{
    return callers_add(&callers, fd, (const struct sockaddr *)from, (const struct sockaddr *)&own,
                       now_us);
}

static bool may_come(const struct sockaddr_in *from)
{
    return callers_admit(&callers, (const struct sockaddr *)from);
}

static int begin(void **state)
{
    (void)state;
    own = address("10.0.0.1");
    other = address("10.0.0.2");
    callers_init(&callers, MAX);
    return 0;
}

static int end(void **state)
{
    (void)state;
    callers_deinit(&callers);
    return 0;
}

static void another_host_has_so_many_connections_and_this_one_more(void **state)
{
    (void)state;
    struct sockaddr_in third = address("10.0.0.3"), loopback = address("127.0.0.1");

    for (unsigned i = 0; i < CALLERS_ADDRESS_MAX; i++) {
        assert_true(may_come(&other));
        in[i] = come(&other, -1, 0);
    }
    assert_false(may_come(&other));
    assert_int_equal(callers.turned_away, 1);
    assert_true(may_come(&third) && may_come(&own) && may_come(&loopback));
    callers_remove(&callers, in[0]);
    assert_true(may_come(&other));
    for (unsigned i = 1; i < CALLERS_ADDRESS_MAX; i++)
        callers_remove(&callers, in[i]);
    for (unsigned i = 0; i < CALLERS_ADDRESS_MAX + 1; i++) {
        assert_true(may_come(&own));
        in[i] = come(&own, -1, 0);
    }
    for (unsigned i = 0; i < CALLERS_ADDRESS_MAX + 1; i++)
        callers_remove(&callers, in[i]);
}

/* Whether the other end of this connection was told that it is over. */
static bool is_over(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void when_it_is_full_the_longest_idle_goes(void **state)
{
    (void)state;
    int asks[2], silent[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, asks), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, silent), 0);
    in[0] = come(&own, asks[0], 0);
    callers_busy(&callers, in[0]); /* it was first, and waits for something */
    in[1] = come(&own, silent[0], 1);
    for (unsigned i = 2; i < MAX - CALLERS_SPARE; i++)
        in[i] = come(&own, -1, 2);
    assert_int_equal(callers.sent_away, 0);
    for (unsigned i = MAX - CALLERS_SPARE; i < MAX; i++)
        in[i] = come(&own, -1, 3);
    assert_int_equal(callers.sent_away, CALLERS_SPARE);
    assert_true(is_over(silent[1]));
    assert_false(is_over(asks[1]));
    assert_false(may_come(&own)); /* those who were sent away have not gone yet */
    for (unsigned i = 0; i < MAX; i++)
        callers_remove(&callers, in[i]);
    for (int i = 0; i < 2; i++) {
        close(asks[i]);
        close(silent[i]);
    }
}

static void who_says_nothing_for_too_long_goes(void **state)
{
    (void)state;
    assert_int_equal(callers_deadline(&callers), KITH_NEVER);
    in[0] = come(&own, -1, 5);
    in[1] = come(&own, -1, 6);
    assert_int_equal(callers_deadline(&callers), 5 + CALLERS_LOOK_US);
    callers_drop(&callers, 5 + CALLERS_LOOK_US);
    assert_int_equal(callers_deadline(&callers), 6 + CALLERS_LOOK_US);
    callers_drop(&callers, 6 + CALLERS_LOOK_US);
    assert_int_equal(callers_deadline(&callers), 5 + CALLERS_IDLE_US);
    callers_drop(&callers, 4 + CALLERS_IDLE_US);
    assert_int_equal(callers.sent_away, 0);
    callers_drop(&callers, 5 + CALLERS_IDLE_US);
    assert_int_equal(callers.sent_away, 1);
    callers_busy(&callers, in[1]);
    assert_int_equal(callers_deadline(&callers), KITH_NEVER);
    callers_idle(&callers, in[1], 100); /* an answer went out */
    assert_int_equal(callers_deadline(&callers), 100 + CALLERS_LOOK_US);
    callers_remove(&callers, in[0]);
    callers_remove(&callers, in[1]);
}

/* A connection of TCP: this end and the client's. */
static void connect_two(int ret[2])
{
    struct sockaddr_in at = address("127.0.0.1");
    socklen_t len = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    ret[1] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(ret[1], (struct sockaddr *)&at, len), 0);
    ret[0] = accept(listener, NULL, NULL);
    close(listener);
}

/* As libmicrohttpd watches it: an edge is told once. */
static void who_has_closed_his_side_is_told_of_again(void **state)
{
    (void)state;
    int asks[2], stays[2], seen = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};

    connect_two(asks);
    connect_two(stays);
    in[0] = come(&own, asks[0], 0);
    in[1] = come(&own, stays[0], 0);
    assert_int_equal(epoll_ctl(seen, EPOLL_CTL_ADD, asks[0], &event), 0);
    assert_int_equal(epoll_ctl(seen, EPOLL_CTL_ADD, stays[0], &event), 0);
    assert_int_equal(shutdown(asks[1], SHUT_WR), 0);
    assert_int_equal(epoll_wait(seen, &event, 1, 1000), 1);
    assert_int_equal(epoll_wait(seen, &event, 1, 0), 0);
    callers_drop(&callers, CALLERS_LOOK_US - 1);
    assert_int_equal(epoll_wait(seen, &event, 1, 0), 0);
    callers_drop(&callers, CALLERS_LOOK_US);
    assert_int_equal(epoll_wait(seen, &event, 1, 0), 1);
    assert_int_equal(callers.sent_away, 0);        /* he has gone by himself */
    assert_int_equal(send(asks[0], "x", 1, 0), 1); /* and may be told something still */
    assert_false(is_over(stays[1]));
    for (int i = 0; i < 2; i++) {
        callers_remove(&callers, in[i]);
        close(asks[i]);
        close(stays[i]);
    }
    close(seen);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(another_host_has_so_many_connections_and_this_one_more),
        CASE(when_it_is_full_the_longest_idle_goes),
        CASE(who_says_nothing_for_too_long_goes),
        CASE(who_has_closed_his_side_is_told_of_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
