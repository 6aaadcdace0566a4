/*
 * libkith's look-ups: calls of include/kith/kith.h on the mapped file. All that is copied out of a row is
 * copied again when the row turns out to have changed meanwhile.
 */
#include "kith/kith.h"

#include "client/held.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SPACE_DEFAULT "default"
#define SLEEP_MAX_MS                                                                               \
    1000             /* then looks by itself: a wake-up that gets lost costs no more than this */
#define RETRY_MS  50 /* while there is no file */
#define MS_PER_S  1000
#define NS_PER_MS 1000000

_Static_assert(KITH_ADDR_SIZE >= lookup_room(LOOKUP_ADDR_MAX), "an address fits");
_Static_assert(KITH_NAME_SIZE >= lookup_room(LOOKUP_NAME_MAX), "a name fits");

struct kith_reader {
    struct held *held;
};

/* ---- handles and errors ---- */

struct kith_reader *kith_open(const char *folder)
{
    struct kith_reader *k = calloc(1, sizeof(*k));
    const char *where = folder ? folder : getenv("KITH_LOOKUP");
    char *path = NULL;

    if (!where || !*where)
        where = KITH_LOOKUP_FOLDER;
    if (k && asprintf(&path, "%s/" LOOKUP_FILE_NAME, where) >= 0)
        k->held = held_new(path);
    free(path);
    if (!k || !k->held) {
        free(k);
        return NULL;
    }
    (void)kith_problem(k); /* maps it now, and not in the first look-up */
    return k;
}

void kith_close(struct kith_reader *k)
{
    if (!k)
        return;
    held_free(k->held);
    free(k);
}

static int error_of(int problem)
{
    switch (problem) {
    case LOOKUP_NONE:
        return KITH_UNKNOWN;
    case LOOKUP_ABSENT:
        return KITH_NO_FILE;
    case LOOKUP_DENIED:
        return KITH_NOT_ALLOWED;
    case LOOKUP_FOREIGN:
        return KITH_FOREIGN;
    case LOOKUP_VERSION_:
        return KITH_OTHER_VERSION;
    case LOOKUP_TORN:
        return KITH_TORN;
    default:
        return KITH_SYSTEM;
    }
}

const char *kith_error_text(int error)
{
    switch (error) {
    case KITH_UNKNOWN:
        return "there is no such service";
    case KITH_NO_FILE:
        return "there is no look-up file: does kithd run on this host, and is this its --lookup folder?";
    case KITH_NOT_ALLOWED:
        return "this user may not read the look-up file: see kithd --lookup-group";
    case KITH_FOREIGN:
        return "the look-up file is something else: no kithd writes to this folder";
    case KITH_OTHER_VERSION:
        return "the look-up file is of another version: use the libkith that came with kithd";
    case KITH_TORN:
        return "the look-up file is damaged, as by a power cut: kithd writes a new one when it starts";
    case KITH_SYSTEM:
        return "the system refused to map the look-up file";
    case KITH_TIMED_OUT:
        return "nothing has changed in that time";
    case KITH_END:
        return "there are no more services";
    default:
        return "no error";
    }
}

int kith_problem(struct kith_reader *k)
{
    struct held_use use;
    int problem = held_enter(k->held, 0, &use);

    if (problem)
        return error_of(problem);
    held_leave(k->held, &use);
    return 0;
}

/* ---- one service ---- */

static struct lookup_name name_of(const char *space, const char *service)
{
    const char *in = space ? space : SPACE_DEFAULT;

    return lookup_name(in, strlen(in), service, strlen(service));
}

static bool is_wanted(const struct lookup_row_ref *row, const struct lookup_endpoint_ref *e,
                      const struct kith_filter *filter)
{
    if (!filter)
        return true;
    if (filter->port && !lookup_text_is(row, e->port_name, filter->port, strlen(filter->port)))
        return false;
    if (filter->within_us && e->distance_us > filter->within_us)
        return false;
    for (size_t i = 0; i < filter->tags_n; i++) {
        if (!lookup_has_tag(row, e, filter->tags[i], strlen(filter->tags[i])))
            return false;
    }
    return true;
}

static bool copy_endpoint(const struct lookup_row_ref *row, const struct lookup_endpoint_ref *e,
                          struct kith_endpoint *out)
{
    lookup_id(e, LOOKUP_ENDPOINT_INSTANCE, out->instance);
    lookup_id(e, LOOKUP_ENDPOINT_NODE, out->node);
    out->weight = e->weight;
    out->distance_us = e->distance_us;
    out->port = e->port;
    return lookup_text(row, e->addr, out->addr) && lookup_text(row, e->port_name, out->port_name) &&
           lookup_text(row, e->node_name, out->node_name);
}

/* How many there are, or KITH_TORN: the row is a mixture, or damaged. */
static int copy_endpoints(const struct lookup_row_ref *row, const struct kith_filter *filter,
                          struct kith_endpoint *out, size_t max)
{
    int count = 0;

    for (uint32_t i = 0; i < row->endpoints && count < INT_MAX; i++) {
        struct lookup_endpoint_ref e;

        if (!lookup_endpoint(row, i, &e))
            return KITH_TORN;
        if (!is_wanted(row, &e, filter))
            continue;
        if ((size_t)count < max && !copy_endpoint(row, &e, &out[count]))
            return KITH_TORN;
        count++;
    }
    return count;
}

static int read_service(const struct lookup_map *map, const struct lookup_name *name,
                        const struct kith_filter *filter, struct kith_endpoint *out, size_t max)
{
    struct lookup_row_ref row;
    int count;

    do {
        int problem = lookup_find(map, name, &row);

        if (problem)
            return error_of(problem);
        count = row.gone ? KITH_UNKNOWN : copy_endpoints(&row, filter, out, max);
    } while (!lookup_unchanged(&row));
    return count;
}

int kith_lookup(struct kith_reader *k, const char *service, const struct kith_filter *filter,
                struct kith_endpoint *out, size_t max, int64_t *age_us)
{
    struct lookup_name name = name_of(filter ? filter->space : NULL, service);
    struct held_use use;
    int problem = held_enter(k->held, name.hash, &use);

    if (problem)
        return error_of(problem);
    int count = read_service(use.map, &name, filter, out, max);

    if (age_us)
        *age_us = use.age_us;
    held_leave(k->held, &use);
    return count;
}

/* ---- all services ---- */

/* The service of a slot. 0, LOOKUP_NONE: none; LOOKUP_TORN. */
static int read_slot(const struct lookup_map *map, uint64_t i, struct kith_service *ret)
{
    struct lookup_row_ref row;
    bool good;

    do {
        int problem = lookup_at(map, i, &row);

        if (problem)
            return problem;
        good = row.space_len <= LOOKUP_NAME_MAX && row.name_len <= LOOKUP_NAME_MAX &&
               lookup_text(&row, lookup_row_space(&row), ret->space) &&
               lookup_text(&row, lookup_row_name(&row), ret->name);
        ret->endpoints = row.endpoints;
        ret->index = row.stamp;
    } while (!lookup_unchanged(&row));
    if (!good)
        return LOOKUP_TORN;
    return row.gone ? LOOKUP_NONE : 0;
}

int kith_next(struct kith_reader *k, struct kith_cursor *cursor, struct kith_service *ret)
{
    struct held_use use;
    int problem = held_enter(k->held, 0, &use);

    if (problem)
        return error_of(problem);
    if (cursor->generation != use.map->generation)
        *cursor = (struct kith_cursor){.generation = use.map->generation};
    problem = LOOKUP_NONE;
    while (problem == LOOKUP_NONE && cursor->at < use.map->slots)
        problem = read_slot(use.map, cursor->at++, ret);
    held_leave(k->held, &use);
    return problem == LOOKUP_NONE ? KITH_END : problem ? error_of(problem) : 0;
}

/* ---- watching ---- */

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * MS_PER_S + now.tv_nsec / NS_PER_MS;
}

/* 0 for one that is not there. */
static int index_of(const struct lookup_map *map, const struct lookup_name *name, uint64_t *ret)
{
    struct lookup_row_ref row;
    int problem;

    do {
        problem = lookup_find(map, name, &row);
        *ret = problem || row.gone ? 0 : row.stamp;
    } while (!problem && !lookup_unchanged(&row));
    return problem == LOOKUP_TORN ? KITH_TORN : 0;
}

static struct timespec span(int64_t ms)
{
    return (struct timespec){.tv_sec = ms / MS_PER_S, .tv_nsec = ms % MS_PER_S * NS_PER_MS};
}

/* FUTEX_WAIT reads only, so the kernel takes a word of a read-only shared mapping; what wakes it is the file, in
 * whichever process and namespace. */
static void sleep_on(const uint64_t *word, uint64_t value, int64_t ms)
{
    const uint32_t *half = (const uint32_t *)word + (__BYTE_ORDER == __BIG_ENDIAN);
    struct timespec time = span(ms);

    if (syscall(SYS_futex, half, FUTEX_WAIT, (uint32_t)value, &time, NULL, 0) < 0 &&
        errno != EAGAIN && errno != EINTR && errno != ETIMEDOUT)
        nanosleep(&time, NULL); /* a system without it: look again after a while */
}

/* Looks once; sleeps up to `ms` when nothing is new. 0, KITH_TIMED_OUT, or another kith_error. */
static int watch_once(struct kith_reader *k, const struct lookup_name *name, uint64_t *index,
                      int64_t ms)
{
    struct held_use use;
    int problem = held_enter(k->held, 0, &use);
    uint64_t now;

    if (problem)
        return error_of(problem);
    /* The word first: what changes after it has been read, ends the sleep. */
    const uint64_t *word = lookup_watch_word(use.map, name);
    uint64_t value = lookup_get_acquire(word);
    int error = index_of(use.map, name, &now);

    if (!error && now == *index) {
        error = KITH_TIMED_OUT;
        /* A retired file gets no more changes; where the new one is not to be had yet, it soon is. */
        sleep_on(word, value, ms > RETRY_MS && lookup_map_retired(use.map) ? RETRY_MS : ms);
    } else if (!error) {
        *index = now;
    }
    held_leave(k->held, &use);
    return error;
}

int kith_watch(struct kith_reader *k, const char *space, const char *service, uint64_t *index,
               int timeout_ms)
{
    struct lookup_name name = name_of(space, service);
    int64_t end_ms = now_ms() + timeout_ms;

    for (;;) {
        int64_t left_ms = timeout_ms < 0 ? SLEEP_MAX_MS : end_ms - now_ms();
        int64_t ms = left_ms < 0 ? 0 : left_ms < SLEEP_MAX_MS ? left_ms : SLEEP_MAX_MS;
        int error = watch_once(k, &name, index, ms);

        if (error == KITH_NO_FILE && left_ms > 0) {
            struct timespec time = span(ms < RETRY_MS ? ms : RETRY_MS);

            nanosleep(&time, NULL);
        } else if (error != KITH_TIMED_OUT && error != KITH_NO_FILE) {
            return error;
        } else if (left_ms <= 0) {
            return error;
        }
    }
}
