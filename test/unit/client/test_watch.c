/* Ten thousand watchers of one service: others' changes leave them asleep, its own wakes all of them. */
#include "kith/kith.h"

#include "place.h"
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef __SANITIZE_ADDRESS__
#define WATCHERS 1000 /* each thread costs a lot there */
#else
#define WATCHERS 10000
#endif
#define STACK       ((size_t)128 << 10)
#define CHANGES     300
#define DEADLINE_MS 60000

struct crowd {
    struct kith_reader *k;
    unsigned ready, woken, wrong;
    pthread_t ids[WATCHERS];
};

static unsigned count_of(const unsigned *counter)
{
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static void *watch(void *arg)
{
    struct crowd *c = arg;
    uint64_t index = 0;
    bool good = kith_watch(c->k, NULL, "api", &index, 0) == 0;

    __atomic_fetch_add(&c->ready, 1, __ATOMIC_RELEASE);
    good = good && kith_watch(c->k, NULL, "api", &index, DEADLINE_MS) == 0;
    __atomic_fetch_add(&c->wrong, !good, __ATOMIC_RELEASE);
    __atomic_fetch_add(&c->woken, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void wait_for(const unsigned *counter, unsigned wanted)
{
    int64_t end_ms = place_now_ms() + DEADLINE_MS;

    while (count_of(counter) < wanted && place_now_ms() < end_ms)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_int_equal(count_of(counter), wanted);
}

static void gather(struct crowd *c)
{
    pthread_attr_t attr;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK);
    for (unsigned i = 0; i < WATCHERS; i++)
        assert_int_equal(pthread_create(&c->ids[i], &attr, watch, c), 0);
    pthread_attr_destroy(&attr);
    wait_for(&c->ready, WATCHERS);
}

static uint64_t woken_by_writer(const struct place *p)
{
    return lookup_file_table(p->file)->woken;
}

/* Changes of a service, of another's number of instances, and of names that come and go. */
static void change_others(struct place *p)
{
    char name[16];

    for (uint32_t i = 0; i < CHANGES; i++) {
        snprintf(name, sizeof(name), "new%u", i % 50);
        assert_int_equal(place_put(p->file, "web", 1 + i % 4, i + 2), 0);
        assert_int_equal(place_put(p->file, name, 1, i), 0);
        if (i % 3 == 0)
            place_take_away(p->file, name);
    }
}

static void ten_thousand_sleep_through_changes_of_others(void **state)
{
    struct place *p = *state;
    struct crowd *c = calloc(1, sizeof(*c));

    assert_non_null(c);
    place_start(p);
    assert_int_equal(place_put(p->file, "api", 2, 1), 0);
    assert_int_equal(place_put(p->file, "web", 2, 1), 0);
    assert_int_equal(lookup_file_publish(p->file), 0);
    uint64_t generation = lookup_file_table(p->file)->map.generation;

    c->k = kith_open(p->path);
    gather(c);
    change_others(p);
    assert_true(lookup_file_table(p->file)->map.generation == generation);
    assert_true(woken_by_writer(p) == 0); /* by the kernel's count */
    assert_int_equal(count_of(&c->woken), 0);
    assert_int_equal(place_put(p->file, "api", 3, 2), 0);
    wait_for(&c->woken, WATCHERS);
    for (unsigned i = 0; i < WATCHERS; i++)
        pthread_join(c->ids[i], NULL);
    assert_int_equal(c->wrong, 0);
    assert_true(woken_by_writer(p) > 0);
    kith_close(c->k);
    free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ten_thousand_sleep_through_changes_of_others, place_make,
                                        place_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
