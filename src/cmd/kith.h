#ifndef KITH_CMD_KITH_H
#define KITH_CMD_KITH_H
/*
 * What the files of the program `kith` share. kith.c finds the verb and runs it; kith_verbs.c is the list of
 * verbs; each other kith_GROUP.c holds the verbs of one group.
 *
 * A verb's function returns the exit status: KITH_DONE, KITH_FAILED or KITH_USAGE, and has said what went wrong
 * on stderr and what to do about it. What was asked for goes to stdout, everything else to stderr.
 */
#include "base/arena.h"
#include "cmd/kith_args.h"
#include "kith/client.h"
#include "wire/wire.h"

enum { KITH_DONE = 0, KITH_FAILED = 1, KITH_USAGE = 2 };

struct kith {
    const struct verb *verb;
    struct args args;
    struct kith_client *client; /* opened by the first request */
    struct buf out;             /* what kith_print() writes */
    struct arena mem;           /* of answers; a loop resets it between requests */
};

struct verb {
    const char *name;  /* one word or two: "token new" */
    const char *words; /* what follows it, for people: "NAME N" */
    int words_min, words_max;
    uint64_t flags;      /* FLAG_BIT()s it takes, beyond FLAGS_EVERYWHERE */
    const char *summary; /* one line */
    const char *help;    /* more lines, or NULL */
    int (*run)(struct kith *k);
};

extern const struct verb kith_verbs[];
extern const size_t kith_verbs_n;

/* Print "kith: ..." on stderr; return KITH_FAILED and KITH_USAGE. The second adds how to get help. */
int kith_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));
int kith_usage(const struct kith *k, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Progress, for people who wait: a line on stderr. */
void kith_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes k->out to stdout and empties it. KITH_FAILED when stdout does not take it. */
int kith_print(struct kith *k);

/* The verb's word number i; NULL when there is none. */
const char *kith_word(const struct kith *k, int i);

/* The groups, in the order of kith_verbs.c. */
int kith_members(struct kith *k);
int kith_rtt(struct kith *k);
int kith_probe(struct kith *k);
int kith_info(struct kith *k);
int kith_services(struct kith *k);
int kith_service(struct kith *k);
int kith_instances(struct kith *k);
int kith_endpoints(struct kith *k);
int kith_show_lookup(struct kith *k);
int kith_watch_service(struct kith *k);
int kith_graph(struct kith *k);
int kith_commands(struct kith *k);
int kith_why(struct kith *k);
int kith_events(struct kith *k);
int kith_logs(struct kith *k);
int kith_validate(struct kith *k);
int kith_apply(struct kith *k);
int kith_scale(struct kith *k);
int kith_stop(struct kith *k);
int kith_start(struct kith *k);
int kith_restart(struct kith *k);
int kith_rm(struct kith *k);
int kith_check(struct kith *k);
int kith_register(struct kith *k);
int kith_deregister(struct kith *k);
int kith_backup(struct kith *k);
int kith_publish(struct kith *k);
int kith_subscribe(struct kith *k);
int kith_join(struct kith *k);
int kith_leave(struct kith *k);
int kith_forget(struct kith *k);
int kith_conflicts(struct kith *k);
int kith_undo(struct kith *k);
int kith_cluster_init(struct kith *k);
int kith_token_new(struct kith *k);
int kith_key_new(struct kith *k);

#endif
