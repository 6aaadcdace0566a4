#ifndef KITH_CONTROL_KEYOPS_H
#define KITH_CONTROL_KEYOPS_H
/*
 * What operations on keys mean: on the rows that are held here, and on what operations before them have made of these. Source of
 * the operations: Consul's KV and transaction API, 1.15. Decides whether they can be done, all or none, and what is to be
 * written; writes nothing. Pure; the keeper has brought the rows up to date before (keeper.h).
 *
 * A key's index is the stamp of the last write to it or to its lock. A lock is its own row beside the key's: plain writes
 * never touch it.
 */
#include "base/arena.h"
#include "state/turn.h"

struct control;

struct key_view { /* a key as it is after the operations so far */
    struct bytes key;
    bool there;
    struct key_row row;
    uint64_t stamp; /* of the key's row; 0: there never was one */
    bool has_lock;  /* there is a row, whether anybody has the lock or not */
    struct lock_row lock;
    uint64_t lock_stamp;
    bool changed, lock_changed; /* to be written */
};

struct key_result { /* of one operation: a key as it was left */
    uint32_t view;
    bool value; /* shown with it */
};

struct keyops {
    struct control *control;
    struct turn *turn;
    struct arena *mem; /* borrowed */
    struct key_view *views;
    uint32_t views_n, views_cap;
};

struct keyops_outcome { /* in mem */
    struct key_result *results;
    uint32_t results_n, results_cap;
    struct key_error errors[CHANGE_KEYS_OPS_MAX_ITEMS];
    uint32_t errors_n; /* 0: all of it is done */
};

/* The operations after those that were done before with the same `o`. When one of them cannot be done, none is. */
void keyops_apply(struct keyops *o, const struct key_op *ops, uint32_t n,
                  struct keyops_outcome *ret);
/* Whether one of them touches what those before have changed. */
bool keyops_touches(const struct keyops *o, const struct key_op *ops, uint32_t n);

/* The rows to be written, as drafts (state.h), in mem; the views have their stamps then. 0, or as state_draft(). */
int keyops_draft(struct keyops *o, struct bytes **ret, uint32_t *ret_n);

/* A key as clients are shown it. */
struct key_info key_view_info(const struct key_view *v, bool value);
/* As the rows are that are held here. */
struct key_view key_view_read(struct turn *t, struct bytes key, struct arena *mem);

#endif
