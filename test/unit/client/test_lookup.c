/* libkith against files that a real writer writes, also in other processes. */
#include "kith/kith.h"

#include "place.h"
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_MS 20000

/* All endpoints that were copied are of one round: it; or -1. */
static int64_t round_of(const struct kith_endpoint *e, int count)
{
    char addr[32];

    snprintf(addr, sizeof(addr), "10.0.%u.%u", e->weight / 256 % 256, e->weight % 256);
    for (int i = 0; i < count; i++) {
        if (e[i].weight != e->weight || strcmp(e[i].addr, addr) || strcmp(e[i].node_name, addr))
            return -1;
    }
    return e->weight;
}

/* ---- one process ---- */

static void endpoints_are_found_and_filtered(void **state)
{
    struct place *p = *state;
    struct kith_endpoint e[32];
    const char *both[] = {"v1", "eu"}, *other[] = {"v1", "us"};
    int64_t age_us = -1;

    place_start(p);
    assert_int_equal(place_put(p->file, "api", 3, 7), 0);
    assert_int_equal(lookup_file_publish(p->file), 0);
    struct kith_reader *k = kith_open(p->path);

    assert_int_equal(kith_problem(k), 0);
    assert_int_equal(kith_lookup(k, "api", NULL, e, 32, &age_us), 6);
    assert_in_range(age_us, 0, 1000000);
    assert_int_equal(round_of(e, 6), 7);
    assert_string_equal(e[0].port_name, "admin");
    assert_int_equal(kith_lookup(k, "api", NULL, e, 2, NULL), 6);
    assert_int_equal(kith_lookup(k, "api", NULL, NULL, 0, NULL), 6);
    assert_int_equal(kith_lookup(k, "api", &(struct kith_filter){.port = "http"}, e, 32, NULL), 3);
    assert_string_equal(e[2].port_name, "http");
    assert_int_equal(e[2].port, 6);
    assert_int_equal(kith_lookup(k, "api", &(struct kith_filter){.port = "grpc"}, e, 32, NULL), 0);
    struct kith_filter tagged = {.tags = both, .tags_n = 2};

    assert_int_equal(kith_lookup(k, "api", &tagged, e, 32, NULL), 6);
    tagged.tags = other;
    assert_int_equal(kith_lookup(k, "api", &tagged, e, 32, NULL), 0);
    assert_int_equal(kith_lookup(k, "api", &(struct kith_filter){.within_us = 1000}, e, 32, NULL),
                     4);
    assert_int_equal(kith_lookup(k, "web", NULL, e, 32, NULL), KITH_UNKNOWN);
    assert_int_equal(kith_lookup(k, "api", &(struct kith_filter){.space = "other"}, e, 32, NULL),
                     KITH_UNKNOWN);
    place_take_away(p->file, "api");
    assert_int_equal(kith_lookup(k, "api", NULL, e, 32, NULL), KITH_UNKNOWN);
    kith_close(k);
}

/* What was registered has tags of its own, beside instances that have those of their service. */
static void an_endpoint_can_have_tags_of_its_own(void **state)
{
    struct place *p = *state;
    struct kith_endpoint e[4];
    struct bytes v1 = bytes_str("v1"), old = bytes_str("old");
    struct lookup_endpoint list[] = {
        {.addr = bytes_str("10.0.0.1")},
        {.addr = bytes_str("10.0.0.2"), .own_tags = true, .tags = &old, .tags_n = 1},
        {.addr = bytes_str("10.0.0.3"), .own_tags = true},
    };
    const struct lookup_service s = {.space = bytes_str("default"),
                                     .name = bytes_str("db"),
                                     .tags = &v1,
                                     .tags_n = 1,
                                     .endpoints = list,
                                     .endpoints_n = 3};
    const char *tag = "v1";
    struct kith_filter tagged = {.tags = &tag, .tags_n = 1};

    place_start(p);
    assert_int_equal(lookup_file_put(p->file, &s), 0);
    assert_int_equal(lookup_file_publish(p->file), 0);
    struct kith_reader *k = kith_open(p->path);

    assert_int_equal(kith_lookup(k, "db", NULL, e, 4, NULL), 3);
    assert_int_equal(kith_lookup(k, "db", &tagged, e, 4, NULL), 1);
    assert_string_equal(e[0].addr, "10.0.0.1");
    tag = "old";
    assert_int_equal(kith_lookup(k, "db", &tagged, e, 4, NULL), 1);
    assert_string_equal(e[0].addr, "10.0.0.2");
    kith_close(k);
}

/* Each tag is found, wherever the row's memory moved while it grew. */
static void many_endpoints_can_have_tags_of_their_own(void **state)
{
    enum { MANY = 300 };
    struct place *p = *state;
    static struct lookup_endpoint list[MANY];
    static struct bytes tags[MANY];
    static char names[MANY][8];
    struct kith_endpoint e[2];
    const char *tag;
    struct kith_filter tagged = {.tags = &tag, .tags_n = 1};

    for (unsigned i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof(names[i]), "t%u", i);
        tags[i] = bytes_str(names[i]);
        list[i] = (struct lookup_endpoint){
            .port = (uint16_t)(i + 1), .own_tags = true, .tags = &tags[i], .tags_n = 1};
    }
    place_start(p);
    const struct lookup_service s = {.space = bytes_str("default"),
                                     .name = bytes_str("db"),
                                     .endpoints = list,
                                     .endpoints_n = MANY};
    assert_int_equal(lookup_file_put(p->file, &s), 0);
    assert_int_equal(lookup_file_publish(p->file), 0);
    struct kith_reader *k = kith_open(p->path);

    for (unsigned i = 0; i < MANY; i++) {
        tag = names[i];
        assert_int_equal(kith_lookup(k, "db", &tagged, e, 2, NULL), 1);
        assert_int_equal(e[0].port, i + 1);
    }
    kith_close(k);
}

static void a_handle_waits_for_its_file(void **state)
{
    struct place *p = *state;
    struct kith_endpoint e;
    struct kith_reader *k = kith_open(p->path);
    int64_t end_ms = place_now_ms() + DEADLINE_MS;

    assert_int_equal(kith_problem(k), KITH_NO_FILE);
    assert_int_equal(kith_lookup(k, "api", NULL, &e, 1, NULL), KITH_NO_FILE);
    assert_non_null(strstr(kith_error_text(KITH_NO_FILE), "does kithd run"));
    place_start(p);
    assert_int_equal(place_put(p->file, "api", 1, 1), 0);
    assert_int_equal(lookup_file_publish(p->file), 0);
    while (kith_lookup(k, "api", NULL, &e, 1, NULL) == KITH_NO_FILE)
        assert_true(place_now_ms() < end_ms);
    assert_int_equal(kith_lookup(k, "api", NULL, &e, 1, NULL), 2);
    kith_close(k);
}

/* The handle goes over to each new generation, and keeps no old one. */
static void growth_is_followed(void **state)
{
    struct place *p = *state;
    struct kith_endpoint e[2];
    char name[16], line[512];
    int maps = 0;

    place_start(p);
    assert_int_equal(lookup_file_publish(p->file), 0);
    struct kith_reader *k = kith_open(p->path);

    for (uint32_t i = 0; i < 6000; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        assert_int_equal(place_put(p->file, name, 1, i), 0);
        assert_int_equal(kith_lookup(k, name, NULL, e, 2, NULL), 2);
        assert_int_equal(round_of(e, 2), i);
        assert_true(i == 0 || kith_lookup(k, "s0", NULL, e, 2, NULL) == 2);
    }
    FILE *f = fopen("/proc/self/maps", "r");

    while (fgets(line, sizeof(line), f))
        maps += strstr(line, "kith-lookup-") && strstr(line, "r--s");
    fclose(f);
    assert_in_range(maps, 1, 2); /* the last former one goes with the next replacement */
    kith_close(k);
}

/* The daemon's file and this library are of two versions; then the right daemon starts. */
static void a_file_of_another_version_is_refused_and_replaced(void **state)
{
    struct place *p = *state;
    struct kith_endpoint e[2];

    place_start(p);
    assert_int_equal(place_put(p->file, "api", 1, 1), 0);
    lookup_file_table(p->file)->words[LOOKUP_AT_VERSION] = LOOKUP_VERSION + 1;
    assert_int_equal(lookup_file_publish(p->file), 0);
    struct kith_reader *k = kith_open(p->path);

    assert_int_equal(kith_problem(k), KITH_OTHER_VERSION);
    assert_int_equal(kith_lookup(k, "api", NULL, e, 2, NULL), KITH_OTHER_VERSION);
    assert_non_null(strstr(kith_error_text(KITH_OTHER_VERSION), "another version"));
    lookup_file_close(p->file);
    place_start(p);
    assert_int_equal(place_put(p->file, "api", 1, 2), 0);
    assert_int_equal(lookup_file_publish(p->file), 0);
    int64_t end_ms = place_now_ms() + DEADLINE_MS;

    while (kith_problem(k) && place_now_ms() < end_ms) /* the handle looks again within a second */
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_int_equal(kith_lookup(k, "api", NULL, e, 2, NULL), 2);
    assert_int_equal(round_of(e, 2), 2);
    kith_close(k);
}

/* Killed between telling readers that there will be another file and giving it the name: they look until there is. */
static void a_replacement_that_was_cut_off_is_caught_up_with(void **state)
{
    struct place *p = *state;
    struct kith_endpoint e[2];

    place_start(p);
    assert_int_equal(place_put(p->file, "api", 1, 1), 0);
    assert_int_equal(lookup_file_publish(p->file), 0);
    struct kith_reader *k = kith_open(p->path);

    assert_int_equal(kith_lookup(k, "api", NULL, e, 2, NULL), 2);
    lookup_retire(lookup_file_table(p->file)->words, true);
    lookup_file_close(p->file);
    assert_int_equal(kith_lookup(k, "api", NULL, e, 2, NULL), 2);
    assert_int_equal(round_of(e, 2), 1);
    place_start(p);
    assert_int_equal(place_put(p->file, "api", 1, 2), 0);
    assert_int_equal(lookup_file_publish(p->file), 0);
    int64_t begin_ms = place_now_ms();

    while (kith_lookup(k, "api", NULL, e, 2, NULL) == 2 && round_of(e, 2) == 1)
        assert_true(place_now_ms() - begin_ms <
                    700); /* and not when its age tells, after seconds */
    assert_int_equal(round_of(e, 2), 2);
    kith_close(k);
}

static void all_services_can_be_walked(void **state)
{
    struct place *p = *state;
    bool seen[100] = {false};
    char name[16];
    struct kith_cursor cursor = {0};
    struct kith_service s;
    int r, count = 0;

    place_start(p);
    for (uint32_t i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        assert_int_equal(place_put(p->file, name, i % 3, i), 0);
    }
    place_take_away(p->file, "s50");
    assert_int_equal(lookup_file_publish(p->file), 0);
    struct kith_reader *k = kith_open(p->path);

    for (; (r = kith_next(k, &cursor, &s)) == 0; count++) {
        int i = atoi(s.name + 1);

        assert_false(seen[i]);
        assert_int_equal(s.endpoints, i % 3 * 2);
        assert_string_equal(s.space, "default");
        seen[i] = true;
    }
    assert_int_equal(r, KITH_END);
    assert_int_equal(count, 99);
    assert_false(seen[50]);
    kith_close(k);
}

struct later { /* a change that another thread makes after a while */
    struct lookup_file *file;
    const char *name;
    uint32_t count, round;
};

static void *change_later(void *arg)
{
    struct later *l = arg;

    nanosleep(&(struct timespec){.tv_nsec = 50000000},
              NULL); /* so that the watcher mostly sleeps by then */
    return (void *)(intptr_t)place_put(l->file, l->name, l->count, l->round);
}

static void a_watcher_is_woken_by_its_own_service(void **state)
{
    struct place *p = *state;
    uint64_t index = 0, other = 0;
    pthread_t thread;

    place_start(p);
    assert_int_equal(place_put(p->file, "api", 1, 1), 0);
    assert_int_equal(place_put(p->file, "web", 1, 1), 0);
    assert_int_equal(lookup_file_publish(p->file), 0);
    struct kith_reader *k = kith_open(p->path);

    assert_int_equal(kith_watch(k, NULL, "api", &index, 0), 0);
    assert_int_equal(kith_watch(k, NULL, "web", &other, 0), 0);
    assert_int_equal(kith_watch(k, NULL, "api", &index, 0), KITH_TIMED_OUT);
    struct later l = {p->file, "api", 1, 2};
    uint64_t before = index;
    int64_t begin_ms = place_now_ms();

    pthread_create(&thread, NULL, change_later, &l);
    assert_int_equal(kith_watch(k, NULL, "api", &index, DEADLINE_MS), 0);
    assert_true(place_now_ms() - begin_ms <
                900); /* woken: by itself it would look after a second */
    pthread_join(thread, NULL);
    assert_true(index > before);
    assert_int_equal(kith_watch(k, NULL, "web", &other, 0), KITH_TIMED_OUT);
    place_take_away(p->file, "api");
    assert_int_equal(kith_watch(k, NULL, "api", &index, 0), 0);
    assert_true(index == 0);
    kith_close(k);
}

static void a_watcher_can_wait_for_a_service_to_appear(void **state)
{
    struct place *p = *state;
    uint64_t index = 0;
    pthread_t thread;

    place_start(p);
    assert_int_equal(lookup_file_publish(p->file), 0);
    struct kith_reader *k = kith_open(p->path);

    assert_int_equal(kith_watch(k, NULL, "new", &index, 1), KITH_TIMED_OUT);
    struct later l = {p->file, "new", 1, 2};
    int64_t begin_ms = place_now_ms();

    pthread_create(&thread, NULL, change_later, &l);
    assert_int_equal(kith_watch(k, NULL, "new", &index, DEADLINE_MS), 0);
    assert_true(place_now_ms() - begin_ms < 900);
    pthread_join(thread, NULL);
    assert_true(index > 0);
    kith_close(k);
}

/* ---- several processes ---- */

/* Ends a child of a test: assertions are the parent's. */
static void child_exits(bool good)
{
    _exit(good ? 0 : 1);
}

static void assert_child_was_good(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

struct reader { /* a thread that looks up until it is told to end */
    struct kith_reader *k;
    bool end;
    uint64_t looked, failed, torn;
};

static void *read_on(void *arg)
{
    struct reader *r = arg;
    struct kith_endpoint e[16];

    while (!__atomic_load_n(&r->end, __ATOMIC_RELAXED)) {
        int n = kith_lookup(r->k, "api", NULL, e, 16, NULL);

        __atomic_fetch_add(&r->looked, 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&r->failed, n <= 0 || n > 16, __ATOMIC_RELAXED);
        __atomic_fetch_add(&r->torn, n > 0 && n <= 16 && round_of(e, n) < 0, __ATOMIC_RELAXED);
    }
    return NULL;
}

/* A child goes on with its parent's handle, also while the parent's threads are in the middle of calls and the
 * file is replaced. */
static void a_child_goes_on_with_the_handle(void **state)
{
    struct place *p = *state;
    struct reader r = {.end = false};
    pthread_t thread;

    place_start(p);
    assert_int_equal(place_put(p->file, "api", 1, 1), 0);
    assert_int_equal(lookup_file_publish(p->file), 0);
    r.k = kith_open(p->path);
    pthread_create(&thread, NULL, read_on, &r);
    for (uint32_t i = 2; i < 12; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            struct kith_endpoint e[16];
            bool good = true;
            int64_t end_ms = place_now_ms() + DEADLINE_MS;

            while (good && (kith_lookup(r.k, "api", NULL, e, 16, NULL) <= 0 || e[0].weight < i))
                good = place_now_ms() < end_ms;
            child_exits(good);
        }
        assert_int_equal(lookup_file_begin(p->file), 0); /* as after a restart: another file */
        assert_int_equal(place_put(p->file, "api", 1 + i % 4, i), 0);
        assert_int_equal(lookup_file_publish(p->file), 0);
        assert_child_was_good(pid);
    }
    __atomic_store_n(&r.end, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    assert_true(r.looked > 0);
    assert_int_equal(r.failed, 0);
    assert_int_equal(r.torn, 0);
    kith_close(r.k);
}

/* A daemon that is killed in the middle of whatever it writes. */
static void write_until_killed(const char *path, uint32_t run)
{
    struct lookup_file *f = place_writer(path);
    char name[16];

    if (!f || place_put(f, "api", 4, run) || lookup_file_publish(f))
        _exit(1);
    for (uint32_t i = 0;; i++) {
        snprintf(name, sizeof(name), "s%u", i % 3000);
        if (place_put(f, "api", 1 + i % 5, run * 1000 + i) || place_put(f, name, 1 + i % 3, i))
            _exit(1);
        lookup_file_beat(f);
    }
}

static void readers_do_not_notice_a_daemon_that_is_killed(void **state)
{
    struct place *p = *state;
    struct reader r = {.end = false};
    pthread_t threads[2];
    unsigned seed = 1;

    place_start(p);
    assert_int_equal(place_put(p->file, "api", 1, 1), 0);
    assert_int_equal(lookup_file_publish(p->file), 0);
    lookup_file_close(p->file);
    p->file = NULL;
    r.k = kith_open(p->path);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, read_on, &r);
    for (uint32_t run = 0; run < 40; run++) {
        pid_t pid = fork();

        if (pid == 0)
            write_until_killed(p->path, run);
        nanosleep(&(struct timespec){.tv_nsec = 2000000 + rand_r(&seed) % 20000000},
                  NULL); /* a random moment */
        kill(pid, SIGKILL);
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
    }
    __atomic_store_n(&r.end, true, __ATOMIC_RELAXED);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_true(r.looked > 1000);
    assert_int_equal(r.failed, 0);
    assert_int_equal(r.torn, 0);
    kith_close(r.k);
}

/* Stopped in the middle of its look-ups: the writer neither waits for it nor keeps anything for it. */
static void a_stopped_reader_holds_nothing(void **state)
{
    struct place *p = *state;
    struct stat before, after;
    char path[96], name[16];

    place_start(p);
    for (uint32_t i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        assert_int_equal(place_put(p->file, name, 4, i), 0);
    }
    assert_int_equal(place_put(p->file, "api", 3, 1), 0);
    assert_int_equal(lookup_file_publish(p->file), 0);
    snprintf(path, sizeof(path), "%s/" LOOKUP_FILE_NAME, p->path);
    pid_t pid = fork();

    if (pid == 0) {
        struct reader r = {.k = kith_open(p->path)};

        while (r.failed == 0 && r.torn == 0) {
            struct kith_endpoint e[16];
            int n = kith_lookup(r.k, "api", NULL, e, 16, NULL);

            r.failed = n <= 0;
            r.torn = n > 0 && round_of(e, n) < 0;
            if (n > 0 && e[0].weight == 99)
                child_exits(true);
        }
        child_exits(false);
    }
    for (uint32_t i = 0; i < 2000; i++) /* each row has been of each size */
        assert_int_equal(place_put(p->file, i % 5 ? "api" : "s7", 1 + i % 4, 100 + i), 0);
    assert_int_equal(stat(path, &before), 0);
    for (uint32_t round = 0; round < 20; round++) {
        kill(pid, round % 2 ? SIGCONT : SIGSTOP);
        for (uint32_t i = 0; i < 2000; i++)
            assert_int_equal(place_put(p->file, i % 5 ? "api" : "s7", 1 + i % 4, 100 + round + i),
                             0);
    }
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(before.st_blocks, after.st_blocks);
    assert_int_equal(place_put(p->file, "api", 3, 99), 0);
    kill(pid, SIGCONT);
    assert_child_was_good(pid);
}

/* As nobody, and as process 1 of a namespace of its own. */
static void read_from_elsewhere(const char *path)
{
    struct kith_endpoint e[4];
    uint64_t index = 0;

    if (setgid(65534) || setuid(65534))
        _exit(2);
    struct kith_reader *k = kith_open(path);
    bool good = getpid() == 1 && kith_lookup(k, "api", NULL, e, 4, NULL) == 2;

    good = good && kith_watch(k, NULL, "api", &index, 0) == 0;
    good = good && kith_watch(k, NULL, "api", &index, DEADLINE_MS) == 0; /* the parent's change */
    kith_close(k);
    _exit(good ? 0 : 1);
}

static void another_user_in_another_namespace_reads_and_watches(void **state)
{
    struct place *p = *state;
    int status;

    if (geteuid() != 0) {
        fprintf(stderr, "skipped: needs root\n");
        skip();
    }
    place_start(p);
    assert_int_equal(place_put(p->file, "api", 1, 1), 0);
    assert_int_equal(lookup_file_publish(p->file), 0);
    pid_t pid = fork();

    if (pid == 0) {
        if (unshare(CLONE_NEWPID))
            _exit(77);
        pid_t inner = fork();

        if (inner == 0)
            read_from_elsewhere(p->path);
        if (waitpid(inner, &status, 0) != inner || !WIFEXITED(status))
            _exit(3);
        _exit(WEXITSTATUS(status));
    }
    int64_t end_ms = place_now_ms() + DEADLINE_MS;
    uint32_t round = 2;

    while (waitpid(pid, &status, WNOHANG) == 0) { /* a change now and then, until it has seen one */
        assert_true(place_now_ms() < end_ms);
        assert_int_equal(place_put(p->file, "api", 1, round++), 0);
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        fprintf(stderr, "skipped: no PID namespaces here\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, place_make, place_remove)
    const struct CMUnitTest tests[] = {
        CASE(endpoints_are_found_and_filtered),
        CASE(an_endpoint_can_have_tags_of_its_own),
        CASE(many_endpoints_can_have_tags_of_their_own),
        CASE(a_handle_waits_for_its_file),
        CASE(growth_is_followed),
        CASE(a_file_of_another_version_is_refused_and_replaced),
        CASE(a_replacement_that_was_cut_off_is_caught_up_with),
        CASE(all_services_can_be_walked),
        CASE(a_watcher_is_woken_by_its_own_service),
        CASE(a_watcher_can_wait_for_a_service_to_appear),
        CASE(a_child_goes_on_with_the_handle),
        CASE(readers_do_not_notice_a_daemon_that_is_killed),
        CASE(a_stopped_reader_holds_nothing),
        CASE(another_user_in_another_namespace_reads_and_watches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
