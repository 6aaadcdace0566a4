/* Real processes under kith-run: started, told to end, killed, found again. */
#include "test.h"

#include "base/mem.h"
#include "rig.h"
#include "shell/clock.h"
#include "shell/mail.h"
#include "shell/procfs.h"
#include "shell/procs.h"
#include "shell/rundir.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct host {
    char *data;
    zactor_t *procs;
    struct arena mem;
    struct procs_found found;
};

static void host_open(struct host *h)
{
    struct procs_config config = {.data = h->data, .kith_run = KITH_RUN};
    struct procs *p = procs_new(&config);
    h->found = procs_find(p, &h->mem);
    h->procs = procs_start(p);
}

/* kithd ends; what it started runs on. */
static void host_close(struct host *h)
{
    mail_stop(&h->procs);
}

static void host_init(struct host *h)
{
    *h = (struct host){.data = rig_folder()};
    host_open(h);
}

static void host_deinit(struct host *h)
{
    host_close(h);
    arena_deinit(&h->mem);
    rig_remove(h->data);
    free(h->data);
}

static void ask(struct host *h, const struct effect *e)
{
    mail_send(zactor_sock(h->procs), job_new(e));
}

/* The next report, which must be of this kind; the caller frees it. */
static struct report *await(struct host *h, enum event_kind kind)
{
    zmq_pollitem_t item = {.socket = zsock_resolve(h->procs), .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, RIG_DEADLINE_US / KITH_MS), 1);
    bool end = false;
    struct report *r = mail_receive(zactor_sock(h->procs), &end);
    assert_non_null(r);
    if (r->event.kind != kind)
        print_message("got report %d, wanted %d\n", (int)r->event.kind, (int)kind);
    assert_int_equal(r->event.kind, kind);
    return r;
}

static struct ulid instance_id(unsigned n)
{
    struct ulid u = {{1, (uint8_t)n, 7}};
    return u;
}

static void start_argv(struct host *h, unsigned n, const char *const *argv, uint32_t argv_n)
{
    struct bytes args[8];
    for (uint32_t i = 0; i < argv_n; i++)
        args[i] = bytes_str(argv[i]);
    struct bound_port port = {.name = bytes_str("http"), .port = 20001};
    struct effect e = {.kind = EFFECT_START};
    e.start = (struct effect_start){.instance = instance_id(n),
                                    .service = bytes_str("api"),
                                    .slot = bytes_str("0"),
                                    .argv = args,
                                    .argv_n = argv_n,
                                    .ports = &port,
                                    .ports_n = 1};
    ask(h, &e);
}

/* Starts a shell script and returns its pid. */
static pid_t start_script(struct host *h, unsigned n, const char *script)
{
    const char *argv[] = {"/bin/sh", "-c", script};
    start_argv(h, n, argv, 3);
    struct report *r = await(h, EVENT_STARTED);
    if (r->event.started.why.len > 0)
        print_message(BYTES_FMT "\n", BYTES_ARG(r->event.started.why));
    pid_t pid = (pid_t)r->event.started.pid;
    assert_true(pid > 0);
    assert_true(r->event.started.started_ms > 0);
    report_free(r);
    return pid;
}

static void send_signal(struct host *h, unsigned n, int signal)
{
    struct effect e = {.kind = EFFECT_SIGNAL, .signal = {instance_id(n), signal}};
    ask(h, &e);
}

static int64_t await_exit(struct host *h, unsigned n)
{
    struct report *r = await(h, EVENT_EXITED);
    struct ulid id = instance_id(n);
    assert_true(ulid_equal(&r->event.exited.instance, &id));
    int64_t status = r->event.exited.exit_status;
    report_free(r);
    return status;
}

static struct report *read_output(struct host *h, unsigned n)
{
    struct effect e = {.kind = EFFECT_READ_LOG,
                       .read_log = {.request = 5, .instance = instance_id(n)}};
    ask(h, &e);
    return await(h, EVENT_LOG_READ);
}

/* Waits until the output of an instance has `text` in it. */
static void await_output(struct host *h, unsigned n, const char *text)
{
    kith_time until_us = clock_now_us() + RIG_DEADLINE_US;
    bool seen = false;
    while (!seen && clock_now_us() < until_us) {
        struct report *r = read_output(h, n);
        struct bytes d = r->event.log_read.data;
        seen = d.len > 0 && memmem(d.data, d.len, text, strlen(text)) != NULL;
        report_free(r);
        if (!seen)
            zmq_poll(NULL, 0, 5);
    }
    assert_true(seen);
}

/* A number that the output has after `name`. */
static pid_t number_in_output(struct host *h, unsigned n, const char *name)
{
    await_output(h, n, "\n");
    struct report *r = read_output(h, n);
    char *text = bytes_to_str(r->event.log_read.data);
    char *at = strstr(text, name);
    assert_non_null(at);
    pid_t pid = (pid_t)atoi(at + strlen(name));
    mem_free(text);
    report_free(r);
    return pid;
}

static void await_gone(pid_t pid)
{
    kith_time until_us = clock_now_us() + RIG_DEADLINE_US;
    while (procfs_start_time(pid) != 0 && clock_now_us() < until_us)
        zmq_poll(NULL, 0, 5);
    assert_int_equal(procfs_start_time(pid), 0);
}

static pid_t runner_of(struct host *h, unsigned n)
{
    char run[RUNDIR_PATH_MAX], dir[RUNDIR_PATH_MAX];
    struct ulid id = instance_id(n);
    struct run_state state;
    rundir_path(run, h->data, "run", NULL);
    rundir_path(dir, run, ulid_text(&id).s, NULL);
    assert_true(rundir_state(dir, &state, &h->mem));
    return (pid_t)state.runner_pid;
}

/* ---- stories ---- */

static void a_process_tells_its_exit_status_and_its_output_stays(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    start_script(&h, 1, "echo hello; echo there >&2; pwd; exit 7");
    assert_int_equal(await_exit(&h, 1), 7);
    await_output(&h, 1, "hello\nthere\n");
    await_output(&h, 1, "/data/api/0\n");
    struct effect clean = {.kind = EFFECT_CLEAN, .clean = instance_id(1)};
    ask(&h, &clean);
    await_output(&h, 1, "hello\nthere\n");
    host_deinit(&h);
}

static void a_process_killed_by_a_signal_tells_that(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    start_script(&h, 1, "kill -SEGV $$");
    assert_int_equal(await_exit(&h, 1), -SIGSEGV);
    host_deinit(&h);
}

static void a_program_that_is_not_there_is_told_and_leaves_nothing(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    const char *argv[] = {"/no/such/program"};
    start_argv(&h, 1, argv, 1);
    struct report *r = await(&h, EVENT_STARTED);
    assert_int_equal(r->event.started.pid, 0);
    assert_true(r->event.started.why.len > 0);
    assert_non_null(memmem(r->event.started.why.data, r->event.started.why.len, "/no/such", 8));
    report_free(r);
    host_close(&h);
    host_open(&h);
    assert_int_equal(h.found.count, 0);
    host_deinit(&h);
}

static void a_stop_signal_is_passed_on_and_the_process_may_take_its_time(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    start_script(&h, 1,
                 "trap 'echo ending; exit 3' TERM; echo ready; while :; do sleep 0.05; done");
    await_output(&h, 1, "ready");
    send_signal(&h, 1, SIGTERM);
    assert_int_equal(await_exit(&h, 1), 3);
    await_output(&h, 1, "ending");
    host_deinit(&h);
}

static void a_kill_takes_everything_the_process_started(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    /* A daemon of its own session, whose parent has ended: only the subreaper still has it. */
    pid_t pid = start_script(&h, 1,
                             "trap '' TERM\n"
                             "(setsid sh -c 'trap \"\" TERM; echo daemon=$$; sleep 1000' &)\n"
                             "sleep 1000; sleep 1000");
    await_output(&h, 1, "daemon=");
    pid_t daemon = number_in_output(&h, 1, "daemon=");
    send_signal(&h, 1, SIGKILL);
    assert_int_equal(await_exit(&h, 1), -SIGKILL);
    assert_int_equal(procfs_start_time(pid), 0);
    assert_int_equal(procfs_start_time(daemon), 0);
    host_deinit(&h);
}

static void what_a_process_leaves_behind_ends_with_it(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    start_script(&h, 1, "setsid sleep 1000 & echo left=$!; sleep 0.2");
    await_output(&h, 1, "left=");
    pid_t left = number_in_output(&h, 1, "left=");
    assert_int_equal(await_exit(&h, 1), 0);
    assert_int_equal(procfs_start_time(left), 0);
    host_deinit(&h);
}

static void a_killed_kith_run_takes_all_with_it(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    pid_t pid = start_script(&h, 1, "setsid sleep 1000 & echo far=$!; sleep 1000");
    await_output(&h, 1, "far=");
    pid_t far = number_in_output(&h, 1, "far=");
    kill(runner_of(&h, 1), SIGKILL);
    assert_int_equal(await_exit(&h, 1), INT64_MIN);
    await_gone(pid);
    await_gone(far);
    host_deinit(&h);
}

static void a_restarted_kithd_adopts_what_runs(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    pid_t pid = start_script(&h, 1, "trap 'exit 4' TERM; echo ready; while :; do sleep 0.05; done");
    await_output(&h, 1, "ready");
    host_close(&h);
    host_open(&h);
    assert_int_equal(h.found.count, 1);
    struct found_instance *f = &h.found.items[0];
    assert_true(f->running);
    assert_int_equal(f->pid, pid);
    assert_int_equal(f->ports_n, 1);
    assert_int_equal(f->ports[0].port, 20001);
    send_signal(&h, 1, SIGTERM);
    assert_int_equal(await_exit(&h, 1), 4);
    host_deinit(&h);
}

static void a_restarted_kithd_learns_how_processes_ended_meanwhile(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    pid_t pid = start_script(&h, 1, "sleep 0.3; exit 9");
    pid_t runner = runner_of(&h, 1);
    host_close(&h);
    await_gone(pid);
    await_gone(runner);
    waitpid(runner, NULL, 0);
    host_open(&h);
    assert_int_equal(h.found.count, 1);
    assert_false(h.found.items[0].running);
    assert_int_equal(h.found.items[0].exit_status, 9);
    struct effect clean = {.kind = EFFECT_CLEAN, .clean = instance_id(1)};
    ask(&h, &clean);
    host_close(&h);
    host_open(&h);
    assert_int_equal(h.found.count, 0);
    host_deinit(&h);
}

static void a_recycled_pid_is_not_adopted_and_not_harmed(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    start_script(&h, 1, "sleep 1000");
    pid_t runner = runner_of(&h, 1);
    char run[RUNDIR_PATH_MAX], dir[RUNDIR_PATH_MAX];
    struct ulid id = instance_id(1);
    rundir_path(run, h.data, "run", NULL);
    rundir_path(dir, run, ulid_text(&id).s, NULL);
    struct run_state s;
    assert_true(rundir_state(dir, &s, &h.mem));
    host_close(&h);
    kill(runner, SIGKILL);
    waitpid(runner, NULL, 0);

    /* Its pids belong to somebody else by now: to this test. */
    s.runner_pid = s.pid = (uint32_t)getpid();
    struct buf out = {0};
    run_state_encode(&out, &s);
    assert_int_equal(rundir_write(dir, "state", buf_bytes(&out), false), 0);
    buf_deinit(&out);
    host_open(&h);
    assert_int_equal(h.found.count, 1);
    assert_false(h.found.items[0].running);
    assert_true(h.found.items[0].exit_status == INT64_MIN);
    host_deinit(&h);
}

static void the_same_instance_is_not_started_twice(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    start_script(&h, 1, "sleep 1000");
    const char *argv[] = {"/bin/true"};
    start_argv(&h, 1, argv, 1);
    struct report *r = await(&h, EVENT_STARTED);
    assert_int_equal(r->event.started.pid, 0);
    report_free(r);
    send_signal(&h, 1, SIGKILL);
    await_exit(&h, 1);
    host_deinit(&h);
}

static void nothing_leaks_over_many_starts(void **state)
{
    (void)state;
    struct host h;
    host_init(&h);
    int before = 0;
    while (waitpid(-1, NULL, 0) > 0)
        ; /* what daemons of earlier tests did not stay for */
    for (unsigned n = 1; n <= 20; n++) {
        start_script(&h, n, "exit 0");
        await_exit(&h, n);
        if (n == 2)
            before = rig_descriptors();
    }
    kith_time until_us = clock_now_us() + RIG_DEADLINE_US;
    while (rig_descriptors() > before && clock_now_us() < until_us)
        zmq_poll(NULL, 0, 5); /* the last one is closed just after it was told */
    assert_true(rig_descriptors() <= before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child, so no zombie */
    host_deinit(&h);
}

static void a_service_runs_as_the_unprivileged_user(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: not root\n");
        skip();
    }
    struct host h = {.data = rig_folder()};
    struct procs_config config = {.data = h.data, .kith_run = KITH_RUN, .default_user = "nobody"};
    h.procs = procs_start(procs_new(&config));
    start_script(&h, 1, "id -un; touch mine && echo wrote; echo home=$HOME; env | wc -l");
    assert_int_equal(await_exit(&h, 1), 0);
    await_output(&h, 1, "nobody\nwrote\nhome=");
    host_deinit(&h);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    zsys_handler_set(NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_tells_its_exit_status_and_its_output_stays),
        cmocka_unit_test(a_process_killed_by_a_signal_tells_that),
        cmocka_unit_test(a_program_that_is_not_there_is_told_and_leaves_nothing),
        cmocka_unit_test(a_stop_signal_is_passed_on_and_the_process_may_take_its_time),
        cmocka_unit_test(a_kill_takes_everything_the_process_started),
        cmocka_unit_test(what_a_process_leaves_behind_ends_with_it),
        cmocka_unit_test(a_killed_kith_run_takes_all_with_it),
        cmocka_unit_test(a_restarted_kithd_adopts_what_runs),
        cmocka_unit_test(a_restarted_kithd_learns_how_processes_ended_meanwhile),
        cmocka_unit_test(a_recycled_pid_is_not_adopted_and_not_harmed),
        cmocka_unit_test(the_same_instance_is_not_started_twice),
        cmocka_unit_test(nothing_leaks_over_many_starts),
        cmocka_unit_test(a_service_runs_as_the_unprivileged_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
