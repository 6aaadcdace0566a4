/* Checks against real listeners and programs. */
#include "test.h"

#include "rig.h"
#include "shell/checks.h"
#include "shell/clock.h"
#include "shell/mail.h"
#include "shell/rundir.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct lab {
    char *data;
    zactor_t *checks;
};

static const struct ulid instance = {{1, 2, 3}};

static void lab_init(struct lab *lab)
{
    lab->data = rig_folder();
    struct checks_config config = {.data = lab->data, .kith_run = KITH_RUN};
    lab->checks = checks_new(&config);
}

static void lab_deinit(struct lab *lab)
{
    mail_stop(&lab->checks);
    rig_remove(lab->data);
    free(lab->data);
}

static void ask(struct lab *lab, const struct effect_check *check)
{
    struct effect e = {.kind = EFFECT_CHECK, .check = *check};
    mail_send(zactor_sock(lab->checks), job_new(&e));
}

static struct report *await(struct lab *lab)
{
    zmq_pollitem_t item = {.socket = zsock_resolve(lab->checks), .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, RIG_DEADLINE_US / KITH_MS), 1);
    bool end = false;
    struct report *r = mail_receive(zactor_sock(lab->checks), &end);
    assert_non_null(r);
    assert_int_equal(r->event.kind, EVENT_CHECKED);
    return r;
}

/* Runs one check; what it told must contain `text`. */
static bool verdict(struct lab *lab, const struct effect_check *check, const char *text)
{
    ask(lab, check);
    struct report *r = await(lab);
    struct event_checked *c = &r->event.checked;
    assert_true(ulid_equal(&c->instance, &check->instance));
    assert_int_equal(c->number, check->number);
    if (memmem(c->text.data, c->text.len, text, strlen(text)) == NULL) {
        print_message("told \"" BYTES_FMT "\", wanted \"%s\"\n", BYTES_ARG(c->text), text);
        fail();
    }
    bool ok = c->ok;
    report_free(r);
    return ok;
}

/* A listener on rig_address(1); with an answer, a thread sends it to whoever connects. */
struct server {
    int fd;
    const char *answer; /* NULL: accepts by the backlog only and says nothing */
    pthread_t thread;
};

static void *serve(void *arg)
{
    struct server *s = arg;
    for (int fd; (fd = accept(s->fd, NULL, NULL)) >= 0;) {
        char request[1024];
        ssize_t ignored = read(fd, request, sizeof request);
        ignored = write(fd, s->answer, strlen(s->answer));
        (void)ignored;
        close(fd);
    }
    return NULL;
}

static void server_open(struct server *s, uint16_t port, const char *answer)
{
    int on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, rig_address(1), &at.sin_addr);
    *s = (struct server){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .answer = answer};
    setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->fd, 50), 0);
    if (answer != NULL)
        pthread_create(&s->thread, NULL, serve, s);
}

static void server_close(struct server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    if (s->answer != NULL)
        pthread_join(s->thread, NULL);
    close(s->fd);
}

static struct effect_check http_check(uint16_t port)
{
    return (struct effect_check){.instance = instance,
                                 .number = 42,
                                 .kind = CHECK_KIND_HTTP,
                                 .addr = bytes_str(rig_address(1)),
                                 .port = port,
                                 .path = bytes_str("/health"),
                                 .timeout_ms = 5000};
}

static void an_http_check_looks_at_the_status(void **state)
{
    (void)state;
    struct lab lab;
    struct server s;
    lab_init(&lab);
    struct effect_check check = http_check(20200);
    server_open(&s, 20200, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    assert_true(verdict(&lab, &check, "GET /health -> 204"));
    server_close(&s);
    server_open(&s, 20200, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert_false(verdict(&lab, &check, "GET /health -> 503"));
    server_close(&s);
    server_open(&s, 20200, "this is not HTTP\r\n\r\n");
    assert_false(verdict(&lab, &check, "GET /health: "));
    server_close(&s);
    assert_false(verdict(&lab, &check, "GET /health: "));
    lab_deinit(&lab);
}

static void a_server_that_says_nothing_times_out(void **state)
{
    (void)state;
    struct lab lab;
    struct server s;
    lab_init(&lab);
    server_open(&s, 20201, NULL);
    struct effect_check check = http_check(20201);
    check.timeout_ms = 100;
    assert_false(verdict(&lab, &check, "timed out after 100 ms"));
    server_close(&s);
    lab_deinit(&lab);
}

static void a_tcp_check_wants_a_connection(void **state)
{
    (void)state;
    struct lab lab;
    struct server s;
    lab_init(&lab);
    struct effect_check check = http_check(20202);
    check.kind = CHECK_KIND_TCP;
    assert_false(verdict(&lab, &check, "refused"));
    server_open(&s, 20202, NULL);
    assert_true(verdict(&lab, &check, "port 20202"));
    server_close(&s);
    check.addr = bytes_str("nowhere");
    assert_false(verdict(&lab, &check, "connect"));
    lab_deinit(&lab);
}

/* Puts down the intent of the instance, as if it ran. */
static void write_intent(struct lab *lab)
{
    char run[RUNDIR_PATH_MAX], dir[RUNDIR_PATH_MAX];
    rundir_path(run, lab->data, "run", NULL);
    rundir_path(dir, run, ulid_text(&instance).s, NULL);
    mkdir(run, 0700);
    mkdir(dir, 0700);
    struct bytes arg = bytes_str("/bin/true");
    struct pair env[] = {{bytes_str("PATH"), bytes_str("/usr/bin:/bin")},
                         {bytes_str("COLOUR"), bytes_str("blue")}};
    struct run_intent in = {.instance = instance, .argv = &arg, .argv_n = 1, .env = env};
    in.env_n = 2;
    in.data_dir = bytes_str(lab->data);
    struct buf out = {0};
    run_intent_encode(&out, &in);
    assert_int_equal(rundir_write(dir, "intent", buf_bytes(&out), false), 0);
    buf_deinit(&out);
}

static bool script(struct lab *lab, const char *text, const char *told)
{
    struct bytes argv[] = {bytes_str("sh"), bytes_str("-c"), bytes_str(text)};
    struct effect_check check = http_check(0);
    check.kind = CHECK_KIND_EXEC;
    check.argv = argv;
    check.argv_n = 3;
    check.timeout_ms = 2000;
    return verdict(lab, &check, told);
}

static void an_exec_check_runs_as_the_instance_would(void **state)
{
    (void)state;
    struct lab lab;
    lab_init(&lab);
    assert_false(script(&lab, "true", "does not run"));
    write_intent(&lab);
    assert_true(script(&lab, "test $COLOUR = blue && test \"$PWD\" = '${data}'", "exit status 0"));
    assert_false(script(&lab, "exit 3", "exit status 3"));
    assert_false(script(&lab, "kill -9 $$", "signal 9"));
    lab_deinit(&lab);
}

static void a_program_that_hangs_is_killed_with_its_children(void **state)
{
    (void)state;
    struct lab lab;
    lab_init(&lab);
    write_intent(&lab);
    assert_false(script(&lab, "sleep 1000 & sleep 1000", "timed out"));
    kith_time until_us = clock_now_us() + RIG_DEADLINE_US;
    while (waitpid(-1, NULL, WNOHANG) != -1 && clock_now_us() < until_us)
        zmq_poll(NULL, 0, 5);
    lab_deinit(&lab);
}

static void many_at_once_take_turns(void **state)
{
    (void)state;
    enum { MANY = CHECKS_MAX * 3 };
    struct lab lab;
    struct server s;
    lab_init(&lab);
    server_open(&s, 20203, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    struct effect_check check = http_check(20203);
    for (check.number = 0; check.number < MANY; check.number++)
        ask(&lab, &check);
    bool seen[MANY] = {false};
    for (int i = 0; i < MANY; i++) {
        struct report *r = await(&lab);
        assert_true(r->event.checked.ok);
        assert_false(seen[r->event.checked.number]);
        seen[r->event.checked.number] = true;
        report_free(r);
    }
    server_close(&s);
    lab_deinit(&lab);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    zsys_handler_set(NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_http_check_looks_at_the_status),
        cmocka_unit_test(a_server_that_says_nothing_times_out),
        cmocka_unit_test(a_tcp_check_wants_a_connection),
        cmocka_unit_test(an_exec_check_runs_as_the_instance_would),
        cmocka_unit_test(a_program_that_hangs_is_killed_with_its_children),
        cmocka_unit_test(many_at_once_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
