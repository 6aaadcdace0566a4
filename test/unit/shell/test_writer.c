/* The writer over a real store: order, group commit, and what a failure takes with it. */
#include "test.h"

#include "rig.h"
#include "shell/mail.h"
#include "shell/writer.h"
#include "store/backup.h"
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

/* What was given before it is in the copy, and writing goes on. */
static void a_backup_holds_what_was_given_before_it(void **state)
{
    (void)state;
    struct desk d;
    struct arena mem = {0};
    struct buf path = {0}, why = {0};
    const struct bytes *records;
    size_t records_n = 0;
    desk_init(&d);
    buf_printf(&path, "%s/copy", d.dir);
    struct store_write write = {.key = bytes_str("row"), .value = bytes_str("a record")};
    struct effect row = {.kind = EFFECT_STORE,
                         .store = {.token = 1, .writes = &write, .writes_n = 1}};
    mail_send(zactor_sock(d.writer), job_new(&row));
    struct effect copy = {.kind = EFFECT_BACKUP, .backup = {.number = 7, .path = buf_bytes(&path)}};
    mail_send(zactor_sock(d.writer), job_new(&copy));
    write.key = bytes_str("row2");
    row.store.token = 2;
    mail_send(zactor_sock(d.writer), job_new(&row));
    unsigned stored = 0, copied = 0;
    while (stored < 2 || copied == 0) {
        zmq_pollitem_t item = {.socket = zsock_resolve(d.writer), .events = ZMQ_POLLIN};
        assert_int_equal(zmq_poll(&item, 1, RIG_DEADLINE_US / KITH_MS), 1);
        bool end = false;
        struct report *r = mail_receive(zactor_sock(d.writer), &end);
        assert_non_null(r);
        if (r->event.kind == EVENT_STORED)
            stored = (unsigned)r->event.token;
        if (r->event.kind == EVENT_BACKED_UP) {
            assert_int_equal(r->event.backed_up.number, 7);
            assert_int_equal(r->event.backed_up.why.len, 0);
            assert_true(r->event.backed_up.bytes > 0);
            copied++;
        }
        report_free(r);
    }
    assert_int_equal(backup_read(buf_cstr(&path), &mem, &records, &records_n, &why), 0);
    assert_int_equal(records_n, 1);
    assert_true(bytes_equal_str(records[0], "a record"));
    assert_int_equal(backup_read(d.dir, &mem, &records, &records_n, &why), STORE_BROKEN);
    arena_deinit(&mem);
    buf_deinit(&path);
    buf_deinit(&why);
    desk_deinit(&d);
}

static void a_backup_that_cannot_be_written_says_why(void **state)
{
    (void)state;
    struct desk d;
    desk_init(&d);
    struct effect copy = {.kind = EFFECT_BACKUP,
                          .backup = {.number = 8, .path = bytes_str("/proc/none/copy")}};
    mail_send(zactor_sock(d.writer), job_new(&copy));
    zmq_pollitem_t item = {.socket = zsock_resolve(d.writer), .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, RIG_DEADLINE_US / KITH_MS), 1);
    bool end = false;
    struct report *r = mail_receive(zactor_sock(d.writer), &end);
    assert_non_null(r);
    assert_int_equal(r->event.kind, EVENT_BACKED_UP);
    assert_true(r->event.backed_up.why.len > 0);
    report_free(r);
    put(&d, 1, "a", "b");
    assert_int_equal(await(&d, EVENT_STORED), 1);
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
        cmocka_unit_test(a_backup_holds_what_was_given_before_it),
        cmocka_unit_test(a_backup_that_cannot_be_written_says_why),
        cmocka_unit_test(a_failure_takes_later_batches_with_it_until_the_machine_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
