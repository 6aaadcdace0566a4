#include "test.h"

#include "base/mem.h"
#include "shell/clock.h"
#include "shell/pollset.h"
#include <unistd.h>

#define BRIEFLY (5 * KITH_MS)

struct pair {
    void *context, *in, *out; /* what is sent into `in` comes out of `out` */
    struct pollset set;
    struct pollset_item item;
    int told;
};

static void count(void *arg)
{
    struct pair *p = arg;
    p->told++;
}

static void wait_briefly(struct pair *p)
{
    pollset_wait(&p->set, clock_now_us() + BRIEFLY);
}

/* Ready when nothing has come and nothing is told. */
static struct pair *pair_new(void)
{
    struct pair *p = mem_alloc(sizeof *p);
    p->context = zmq_ctx_new();
    p->in = zmq_socket(p->context, ZMQ_PAIR);
    p->out = zmq_socket(p->context, ZMQ_PAIR);
    assert_int_equal(zmq_bind(p->out, "inproc://pair"), 0);
    assert_int_equal(zmq_connect(p->in, "inproc://pair"), 0);
    pollset_init(&p->set);
    pollset_add(&p->set, &p->item, p->out, count, p);
    wait_briefly(p);
    assert_int_equal(p->told, 0);
    return p;
}

static void pair_free(struct pair *p)
{
    pollset_remove(&p->item);
    pollset_deinit(&p->set);
    zmq_close(p->in);
    zmq_close(p->out);
    zmq_ctx_term(p->context);
    mem_free(p);
}

static void send_one(struct pair *p)
{
    assert_int_equal(zmq_send(p->in, "x", 1, 0), 1);
}

static bool take_one(struct pair *p)
{
    char c;
    return zmq_recv(p->out, &c, 1, ZMQ_DONTWAIT) == 1;
}

static void a_socket_is_told_of_as_long_as_it_has_something(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    send_one(p);
    send_one(p);
    wait_briefly(p);
    assert_int_equal(p->told, 1);
    assert_int_equal(pollset_ready(&p->item), ZMQ_POLLIN);
    assert_true(take_one(p));
    wait_briefly(p); /* its descriptor tells nothing new */
    assert_int_equal(p->told, 2);
    assert_true(take_one(p));
    wait_briefly(p);
    assert_int_equal(p->told, 2);
    assert_int_equal(pollset_ready(&p->item), 0);
    send_one(p);
    wait_briefly(p);
    assert_int_equal(p->told, 3);
    pair_free(p);
}

static void what_came_in_with_a_send_is_found_by_a_touch(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    send_one(p);
    assert_int_equal(zmq_send(p->out, "y", 1, ZMQ_DONTWAIT),
                     1); /* takes in what the descriptor told */
    pollset_touch(&p->item);
    wait_briefly(p);
    assert_int_equal(p->told, 1);
    assert_true(take_one(p));
    pollset_rest(&p->item);
    assert_true(TAILQ_EMPTY(&p->set.restless));
    wait_briefly(p);
    assert_int_equal(p->told, 1);
    pair_free(p);
}

static void a_place_to_send_is_told_of_only_when_wanted(void **state)
{
    (void)state;
    struct pair *p = pair_new();
    pollset_want_out(&p->item, true);
    wait_briefly(p);
    assert_int_equal(pollset_ready(&p->item), ZMQ_POLLOUT);
    pollset_want_out(&p->item, false);
    wait_briefly(p);
    assert_int_equal(p->told, 1);
    assert_int_equal(pollset_ready(&p->item), 0);
    pair_free(p);
}

/* ---- descriptors ---- */

#define PIPES 3

struct pipes {
    struct pollset set;
    struct pipe {
        struct pipes *all;
        struct pollset_item item;
        int fd[2];
    } pipe[PIPES];
    int told;
};

static void remove_others(void *arg)
{
    struct pipe *p = arg;
    p->all->told++;
    for (int i = 0; i < PIPES; i++)
        if (&p->all->pipe[i] != p)
            pollset_remove(&p->all->pipe[i].item);
}

static void one_that_another_removes_is_not_told(void **state)
{
    (void)state;
    struct pipes p = {0};
    pollset_init(&p.set);
    for (int i = 0; i < PIPES; i++) {
        p.pipe[i].all = &p;
        assert_int_equal(pipe(p.pipe[i].fd), 0);
        pollset_add_fd(&p.set, &p.pipe[i].item, p.pipe[i].fd[0], remove_others, &p.pipe[i]);
        assert_int_equal(write(p.pipe[i].fd[1], "x", 1), 1);
    }
    pollset_wait(&p.set, KITH_NEVER);
    assert_int_equal(p.told, 1);
    pollset_wait(&p.set, KITH_NEVER); /* the one that is left, which nobody has read */
    assert_int_equal(p.told, 2);
    for (int i = 0; i < PIPES; i++) {
        pollset_remove(&p.pipe[i].item);
        close(p.pipe[i].fd[0]);
        close(p.pipe[i].fd[1]);
    }
    pollset_wait(&p.set, clock_now_us() + BRIEFLY); /* empty: only time passes */
    assert_int_equal(p.told, 2);
    pollset_deinit(&p.set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_is_told_of_as_long_as_it_has_something),
        cmocka_unit_test(what_came_in_with_a_send_is_found_by_a_touch),
        cmocka_unit_test(a_place_to_send_is_told_of_only_when_wanted),
        cmocka_unit_test(one_that_another_removes_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
