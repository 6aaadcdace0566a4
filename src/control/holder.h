#ifndef KITH_CONTROL_HOLDER_H
#define KITH_CONTROL_HOLDER_H
/*
 * A member's part in what keepers decide (keeper.h): it follows the latest ballot that it was asked by, refuses earlier
 * ones, and keeps what it was last asked to hold until that is among its rows. What it has promised and holds outlasts
 * restarts (local row HOLDER_LOCAL), and nobody hears of a promise before it is on disk.
 *
 * What is held is shown to nobody: it may never be decided. It becomes rows when the keeper says that it is decided, or when those
 * rows, or newer ones, come by any other way.
 */
#include "base/arena.h"
#include "state/turn.h"

#define HOLDER_LOCAL "keys/held"
/* Rows below a tree that are read at once: a transaction about more is refused. */
#define HOLDER_TREE_ROWS  1024u
#define HOLDER_TREE_BYTES 524288u

struct control;
struct row;

struct holder { /* a zeroed one is valid: nothing promised, nothing held */
    struct ballot promised, held;
    uint64_t number;
    bool shown;
    kith_time since_us;    /* when it was last asked to hold something */
    struct bytes *records; /* in mem */
    uint32_t records_n;
    struct arena mem;
};

void holder_deinit(struct holder *h);
/* What the last run had promised. */
void holder_start(struct control *c, struct turn *t, const struct event_start *start);

/* < 0, 0, > 0. */
int ballot_compare(const struct ballot *a, const struct ballot *b);

/* Does what is asked; the answer's texts are readable in this step, or lie in `mem`. False: it cannot be done, and there is no
 * answer. */
bool holder_ask(struct control *c, struct turn *t, const struct keys_ask *ask,
                struct keys_told *ret, struct arena *mem);
/* Another peer's keeper asks: message keys_ask. */
void holder_receive(struct control *c, struct turn *t, const struct incoming *in);
/* A row of tables key or lock has changed. */
void holder_row(struct control *c, struct turn *t);

#endif
