/* The writer over a real store: order, group commit, and what a failure takes with it. */
#include "test.h"

#include "rig.h"
#include "shell/mail.h"
#include "shell/writer.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct desk {
    char *dir;
    struct store *store;
    zactor_t *writer;
};

static void desk_init(struct desk *d)
{
    struct buf why = {0};
    d->dir = rig_folder();
    assert_int_equal(store_open(&d->store, d->dir, &why), 0);
    buf_deinit(&why);
    d->writer = writer_new(d->store);
}

static void desk_deinit(struct desk *d)
{
    mail_stop(&d->writer);
    store_close(d->store);
    rig_remove(d->dir);
    free(d->dir);
}

static void put_bytes(struct desk *d, uint64_t token, const char *key, struct bytes value)
{
    struct store_write write = {.local = true, .key = bytes_str(key), .value = value};
    struct effect e = {.kind = EFFECT_STORE};
    e.store = (struct effect_store){.token = token, .writes = &write, .writes_n = 1};
    mail_send(zactor_sock(d->writer), job_new(&e));
}

static void put(struct desk *d, uint64_t token, const char *key, const char *value)
{
    put_bytes(d, token, key, bytes_str(value));
}

static uint64_t await(struct desk *d, enum event_kind kind)
{
    zmq_pollitem_t item = {.socket = zsock_resolve(d->writer), .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, RIG_DEADLINE_US / KITH_MS), 1);
    bool end = false;
    struct report *r = mail_receive(zactor_sock(d->writer), &end);
    assert_non_null(r);
    assert_int_equal(r->event.kind, kind);
    uint64_t token = r->event.token;
    report_free(r);
    return token;
}

/* What the store holds under a name, once the writer has ended. */
static bool holds(struct desk *d, const char *key, const char *value)
{
    struct store_content c;
    bool found = false;
    assert_int_equal(store_load(d->store, &c), 0);
    for (size_t i = 0; i < c.locals_n; i++)
        if (bytes_equal_str(c.locals[i].name, key))
            found = bytes_equal_str(c.locals[i].value, value);
    store_load_end(d->store);
    return found;
}

static void many_batches_are_told_by_the_highest_token(void **state)
{
    (void)state;
    struct desk d;
    desk_init(&d);
    for (uint64_t token = 1; token <= 100; token++)
        put(&d, token, "row", token == 100 ? "last" : "earlier");
    uint64_t told = 0;
    while (told < 100) {
        uint64_t token = await(&d, EVENT_STORED);
        assert_true(token > told);
        told = token;
    }
    struct store_stats stats;
    store_stats(d.store, &stats);
    assert_true(stats.syncs < 100);
    mail_stop(&d.writer);
    assert_true(holds(&d, "row", "last"));
    desk_deinit(&d);
}

static void an_end_writes_what_was_given_before(void **state)
{
    (void)state;
    struct desk d;
    desk_init(&d);
    for (uint64_t token = 1; token <= 20; token++)
        put(&d, token, "row", token == 20 ? "last" : "earlier");
    mail_stop(&d.writer);
    assert_true(holds(&d, "row", "last"));
    desk_deinit(&d);
}

static void a_failure_takes_later_batches_with_it_until_the_machine_knows(void **state)
{
    (void)state;
    struct desk d;
    struct rlimit before, small = {0};
    desk_init(&d);
    put(&d, 1, "a", "kept");
    assert_int_equal(await(&d, EVENT_STORED), 1);

    /* The disk is full: no file may grow any more. */
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 4096;
    setrlimit(RLIMIT_FSIZE, &small);
    char *much = calloc(1, 1 << 20);
    put_bytes(&d, 2, "b", bytes_of(much, 1 << 20));
    assert_int_equal(await(&d, EVENT_STORE_FAILED), 2);
    setrlimit(RLIMIT_FSIZE, &before);
    put(&d, 3, "c", "sent before the machine knew");
    writer_resume(d.writer);
    put(&d, 4, "d", "sent again");
    assert_int_equal(await(&d, EVENT_STORED), 4);
    mail_stop(&d.writer);
    assert_true(holds(&d, "a", "kept"));
    assert_false(holds(&d, "c", "sent before the machine knew"));
    assert_true(holds(&d, "d", "sent again"));
    free(much);
    desk_deinit(&d);
}

int main(void)
{
    signal(SIGXFSZ, SIG_IGN);
    zsys_handler_set(NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_batches_are_told_by_the_highest_token),
        cmocka_unit_test(an_end_writes_what_was_given_before),
        cmocka_unit_test(a_failure_takes_later_batches_with_it_until_the_machine_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
