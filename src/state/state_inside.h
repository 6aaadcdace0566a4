#ifndef KITH_STATE_STATE_INSIDE_H
#define KITH_STATE_STATE_INSIDE_H
/*
 * How state is divided: state.c has a row's way in and out of the table, and time; state_merge.c decides about
 * records that others sent, state_write.c about what is written here and with which version, state_read.c finds,
 * forgotten.c drops what a node left behind. Internal to these files.
 *
 * Every write takes one way, whether it was made here or came from another peer: row_read() checks it,
 * row_order() decides, state_accept() puts it in.
 */
#include "state/batch.h"
#include "state/clocks.h"
#include "state/conflicts.h"
#include "state/content.h"
#include "state/inside.h"
#include "state/merge.h"
#include "state/timeline.h"

struct state {
    struct state_config config;
    uint64_t sequence; /* of own rows, in this incarnation */
    struct hlc hlc;
    bool early; /* rows were loaded that the clock does not allow */
    kith_time wall_us;
    struct clocks clocks;
    struct table table;
    struct blocks *blocks;      /* of contents that are not shared */
    struct timeline leases;     /* by when they end */
    struct timeline tombstones; /* by when they were written; those that do not say stay for ever */
    int64_t confirmed_ms;       /* tombstones written here are later */
    int64_t collected_ms;       /* those written up to then are gone for good */
    struct batch batch;
    struct arena *views; /* rows that were handed out since the last state_clock() */
    struct conflicts conflicts;
    uint64_t merged[STATE_RESULTS];
    struct arena scratch; /* of one call */
};

/* ---- state.c ---- */

/* The only place where a row enters the table, and the only one where a row leaves it without a successor.
 * `old`: what is held of the same key, or NULL. `own`: written here, so others are told. */
void state_accept(struct state *s, const struct row *row, struct content *old, bool own);
void state_drop(struct state *s, struct content *c);
/* What is held of the same key as this row; NULL: nothing. */
struct content *state_find(const struct state *s, const struct row *row);
/* As a row that stays readable until the next state_clock(). */
const struct row *state_view(const struct state *s, struct content *c);
/* When a tombstone was written; 0: it does not say, or the row is none. Decodes into s->scratch. */
int64_t state_deleted_ms(struct state *s, bool tombstone, struct bytes record);
/* Views a record as a row in s->scratch, checked, unless somebody who shares contents with this state checked it
 * before. 0, STATE_BAD or STATE_NOT_OWNER. */
int state_read(struct state *s, struct row *ret, struct bytes record);

/* ---- state_write.c ---- */

/* This host's clock was far ahead for a while. What was stamped then is refused by everybody else, and so
 * would be what is stamped from now on, if stamps went on from there: they begin anew at the time that
 * most others show, and what is held from that time is written once more. */
void state_mend(struct state *s);

/* ---- forgotten.c ---- */

bool forgotten_says(struct state *s, const struct row *verdict);
/* Whether a verdict that is held says that the node which this row is about is forgotten. */
bool forgotten_row(struct state *s, const struct row *row);
/* A row was accepted: when it is such a verdict, drops what it forgets. */
void forgotten_drop(struct state *s, const struct row *verdict);

#endif
