#ifndef KITH_KITH_H
#define KITH_KITH_H
/*
 * libkith: where services answer. Reads the look-up file that the daemon of this host keeps
 * (docs/lookup-file.md), so a look-up is a memory read: no lock, no allocation and, in the common case, no
 * system call. It goes on working while the daemon is down or restarting; the age says how old what it
 * tells is.
 *
 *     struct kith_reader *k = kith_open(NULL);
 *     struct kith_endpoint e[8];
 *     int64_t age_us;
 *     int n = kith_lookup(k, "api", NULL, e, 8, &age_us);
 *     ...
 *     kith_close(k);
 *
 * One handle serves any number of threads at once, and goes on in a child after fork(). The user needs to be
 * able to read the file and nothing else; the file cannot be written through this library. In a container,
 * mount the folder (not the file: it is replaced as it grows).
 *
 * Link with -lkith (pkg-config --cflags --libs kith). Needs only libc.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define KITH_LOOKUP_FOLDER "/var/lib/kith/lookup" /* of a kithd without --data and --lookup */

/* What calls return below 0. */
enum kith_error {
    KITH_UNKNOWN = -1,       /* there is no such service */
    KITH_NO_FILE = -2,       /* no daemon has ever run here, or its folder is another one */
    KITH_NOT_ALLOWED = -3,   /* this user may not read the file */
    KITH_FOREIGN = -4,       /* the file is something else */
    KITH_OTHER_VERSION = -5, /* the file is of a daemon that this library does not understand */
    KITH_TORN = -6,      /* the file is damaged: it was not written to the end before a power cut */
    KITH_SYSTEM = -7,    /* the system refused: errno */
    KITH_TIMED_OUT = -8, /* kith_watch() only */
    KITH_END = -9        /* kith_next() only */
};

const char *kith_error_text(int error); /* for people: what it is, and what to do */

struct kith_reader;

/* FOLDER: NULL for $KITH_LOOKUP, or else KITH_LOOKUP_FOLDER. Never NULL but when memory is short. When there is no
 * file yet the handle is good all the same: each call looks again. */
struct kith_reader *kith_open(const char *folder);
void kith_close(struct kith_reader *k); /* no other thread may be in a call */

/* 0, or why nothing can be looked up now: KITH_NO_FILE to KITH_SYSTEM. */
int kith_problem(struct kith_reader *k);

#define KITH_ADDR_SIZE 136
#define KITH_NAME_SIZE 72
#define KITH_FAR       UINT32_MAX

/* A port of a healthy instance. An instance without ports is listed once, with port 0. */
struct kith_endpoint {
    uint8_t instance[16], node[16]; /* ULIDs */
    uint32_t weight;                /* its share beside the others: 100 is the usual one */
    uint32_t distance_us;           /* round trip from this host; KITH_FAR: not known */
    uint16_t port;
    char addr[KITH_ADDR_SIZE];      /* mostly an IP address */
    char port_name[KITH_NAME_SIZE]; /* as in the service's file, "http" */
    char node_name[KITH_NAME_SIZE];
};

struct kith_filter {         /* what is 0 or NULL does not matter */
    const char *space;       /* namespace; NULL: "default" */
    const char *port;        /* only ports of this name */
    const char *const *tags; /* only instances that have all of these */
    size_t tags_n;
    uint32_t within_us; /* only as near as this */
};

/* The healthy endpoints of a service, nearest first. Fills up to `max`, and returns how many there are, perhaps more;
 * or a negative kith_error. All are of one moment. `filter` and `age_us` may be NULL; *age_us is the
 * time since the daemon last said that this is so, in microseconds: under half a second while it is well. */
int kith_lookup(struct kith_reader *k, const char *service, const struct kith_filter *filter,
                struct kith_endpoint *out, size_t max, int64_t *age_us);

/* All services, in no order. Begin with a zeroed cursor; 0, KITH_END after the last, or another kith_error.
 * What comes or goes meanwhile may be seen or not; one may be seen twice when the file is replaced. */
struct kith_cursor {
    uint64_t generation, at;
};

struct kith_service {
    char space[KITH_NAME_SIZE], name[KITH_NAME_SIZE];
    uint32_t endpoints;
    uint64_t index; /* as in kith_watch() */
};

int kith_next(struct kith_reader *k, struct kith_cursor *cursor, struct kith_service *ret);

/* Waits until the service's index is another than *index, and sets it: the service changed, appeared or went. Begin with
 * 0 for what is there now. An index never goes back; a service that is not there has 0. 0, or
 * KITH_TIMED_OUT, or another kith_error. timeout_ms < 0: for ever. Costs nothing while it waits, and is woken by
 * changes of this service only. `space` may be NULL. */
int kith_watch(struct kith_reader *k, const char *space, const char *service, uint64_t *index,
               int timeout_ms);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
