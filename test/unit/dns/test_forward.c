/* Queries sent on to servers that this test plays, on loopback. */
#include "dns/forward.h"

#include "ask.h"
#include "shell/listen.h"
#include "test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEADLINE_MS 10000

struct server {
    int fd;
    char address[32];
    struct sockaddr_storage from; /* of the query that was read last */
    socklen_t from_len;
    uint8_t data[2048];
    size_t len;
};

static struct server servers[2];
static struct forward *forward;
static struct message m;
static const struct forward_client client = {.fd = 7};
static kith_time now_us;

static void serve(struct server *s)
{
    struct buf why = {0};
    struct sockaddr_in own;
    socklen_t len = sizeof(own);

    s->fd = listen_open("127.0.0.1:0", SOCK_DGRAM, &why);
    assert_true(s->fd >= 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&own, &len), 0);
    snprintf(s->address, sizeof(s->address), "127.0.0.1:%u", ntohs(own.sin_port));
    buf_deinit(&why);
}

static void wait_for(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    assert_int_equal(poll(&p, 1, DEADLINE_MS), 1);
}

static void take_query(struct server *s)
{
    wait_for(s->fd);
    s->from_len = sizeof(s->from);
    ssize_t len =
        recvfrom(s->fd, s->data, sizeof(s->data), 0, (struct sockaddr *)&s->from, &s->from_len);

    assert_int_equal(len, m.len);
    s->len = (size_t)len;
    s->data[2] |= 0x84; /* an answer, of an authority */
}

static void give_answer(const struct server *s)
{
    assert_int_equal(
        sendto(s->fd, s->data, s->len, 0, (const struct sockaddr *)&s->from, s->from_len), s->len);
}

static void send_on(void)
{
    assert_int_equal(forward_send(forward, &client, bytes_of(m.data, m.len), now_us), 0);
}

static void run(void)
{
    wait_for(forward_fd(forward));
    forward_run(forward, now_us);
}

static void an_answer_goes_back_as_it_came(void **state)
{
    (void)state;
    struct forward_done done;

    send_on();
    take_query(&servers[0]);
    assert_memory_equal(servers[0].data + 4, m.data + 4, m.len - 4);
    give_answer(&servers[0]);
    run();
    assert_true(forward_take(forward, &done));
    assert_int_equal(done.client->fd, 7);
    assert_int_equal(done.answer.len, m.len);
    assert_memory_equal(done.answer.data, m.data, 2); /* the client's own id */
    assert_int_equal(done.answer.data[2] & 4, 0);
    assert_int_equal(done.answer.data[3] & 0x80, 0x80);
    assert_false(forward_take(forward, &done));
    assert_true(forward_deadline(forward) == KITH_NEVER);
}

/* Another id, another question, no answer at all: whoever sends that has not seen the query. */
static void what_does_not_repeat_the_question_is_no_answer(void **state)
{
    (void)state;
    struct forward_done done;

    send_on();
    take_query(&servers[0]);
    const size_t wrong[] = {0, 2, DNS_HEADER + 1, 5};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        servers[0].data[wrong[i]] ^= 0x80;
        give_answer(&servers[0]);
        run();
        assert_false(forward_take(forward, &done));
        servers[0].data[wrong[i]] ^= 0x80;
    }
    servers[0].len = DNS_HEADER;
    give_answer(&servers[0]);
    run();
    assert_false(forward_take(forward, &done));
    servers[0].len = m.len;
    give_answer(&servers[0]);
    run();
    assert_true(forward_take(forward, &done));
}

static void who_is_silent_gives_way_and_the_client_is_told_in_the_end(void **state)
{
    (void)state;
    struct forward_done done;

    send_on();
    take_query(&servers[0]);
    now_us += FORWARD_TRY_US;
    forward_run(forward, now_us);
    take_query(&servers[1]);
    now_us += FORWARD_TRY_US;
    forward_run(forward, now_us);
    take_query(&servers[0]);
    assert_false(forward_take(forward, &done));
    now_us += FORWARD_TRY_US;
    forward_run(forward, now_us);
    assert_true(forward_take(forward, &done));
    assert_int_equal(done.answer.len, 0);
    assert_memory_equal(done.query.data, m.data, m.len);
    send_on(); /* the second one answers: from now on it is asked first */
    now_us += FORWARD_TRY_US;
    forward_run(forward, now_us);
    take_query(&servers[1]);
    give_answer(&servers[1]);
    run();
    assert_true(forward_take(forward, &done));
    send_on();
    take_query(&servers[1]);
}

static void so_many_are_on_their_way_and_no_more(void **state)
{
    (void)state;
    struct forward_done done;
    size_t n = 0;

    for (size_t i = 0; i < FORWARD_MAX; i++)
        send_on();
    assert_int_equal(forward_send(forward, &client, bytes_of(m.data, m.len), now_us), 1);
    for (int i = 0; i < FORWARD_TRIES; i++) {
        now_us += FORWARD_TRY_US;
        forward_run(forward, now_us);
    }
    while (forward_take(forward, &done))
        n++;
    assert_int_equal(n, FORWARD_MAX);
    send_on();
    m.data[5] = 9; /* and what is no question not at all */
    assert_int_equal(forward_send(forward, &client, bytes_of(m.data, m.len), now_us), 1);
}

static int start(void **state)
{
    (void)state;
    struct buf why = {0};
    const char *addresses[2];

    for (size_t i = 0; i < 2; i++) {
        serve(&servers[i]);
        addresses[i] = servers[i].address;
    }
    forward = forward_new(addresses, 2, &why);
    assert_non_null(forward);
    ask_make(&m, "example.com.", DNS_A, 1232);
    now_us = KITH_SEC;
    return 0;
}

static int end(void **state)
{
    (void)state;
    forward_free(forward);
    close(servers[0].fd);
    close(servers[1].fd);
    return 0;
}

static void a_server_that_is_none_is_refused(void **state)
{
    (void)state;
    const char *bad[] = {"nowhere"};
    struct buf why = {0};

    assert_null(forward_new(bad, 1, &why));
    assert_true(why.len > 0);
    buf_deinit(&why);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(an_answer_goes_back_as_it_came),
        STORY(what_does_not_repeat_the_question_is_no_answer),
        STORY(who_is_silent_gives_way_and_the_client_is_told_in_the_end),
        STORY(so_many_are_on_their_way_and_no_more),
        cmocka_unit_test(a_server_that_is_none_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
