#ifndef KITH_STATE_SYNC_INSIDE_H
#define KITH_STATE_SYNC_INSIDE_H
/*
 * How sync is divided: sync.c has the sessions and their time, sync_ask.c the asking side's walk,
 * sync_answer.c the answering side. Internal to src/state.
 */
#include "state/sync.h"
#include "state/table.h"

#define SYNC_COMPARE_MAX 16u /* nodes in one question */
#define SYNC_WANT_MAX    1024u
#define SYNC_URI_MAX     256u
/* Streaming beats comparing when less than one row in so many is here. */
#define SYNC_NEARLY_EMPTY 8u

struct sync_place {
    uint32_t depth;
    uint64_t prefix;
};

/* What is still to be done in a session, and while it is asked for, what was asked. */
enum sync_step { STEP_COMPARE, STEP_WANT, STEP_RANGE, STEP_PUSH, STEP_PUSH_RANGE };

struct sync_task {
    enum sync_step step;
    struct sync_place
        places[SYNC_COMPARE_MAX]; /* COMPARE: places_n; RANGE, PUSH_RANGE: the first */
    uint32_t places_n;
    uint64_t *keys; /* WANT, PUSH: key hashes, owned */
    uint32_t keys_n, at;
    uint64_t from;     /* RANGE, PUSH_RANGE: go on here */
    bool compare_then; /* RANGE: there are rows here, too */
    bool last;         /* PUSH_RANGE: nothing is left after what is under way */
};

struct sync_question {
    uint64_t correlation; /* 0: free */
    enum wire_kind kind;
    struct buf payload;
    uint64_t wait; /* store token of the newest own row in it */
    kith_time again_us;
    uint32_t tries;
    struct sync_task task;
};

struct sync_session {
    bool open;
    char uri[SYNC_URI_MAX];
    size_t uri_len;
    struct sync_task *tasks; /* the last is next */
    size_t tasks_n, tasks_cap;
    struct sync_question questions[SYNC_CREDIT];
};

struct sync {
    const struct members *members;
    struct sync_session sessions[SYNC_SESSIONS];
    size_t open;       /* sessions that are */
    kith_time next_us; /* regular comparison; 0: not set yet */
    bool rarely;
    uint64_t digest;  /* when a regular comparison was due last */
    uint32_t put_off; /* so often, since rows were changing */
    struct sync_counts counts;
};

/* ---- sync.c ---- */

void session_add(struct sync_session *session,
                 const struct sync_task *task);                 /* takes its keys over */
bool sync_is_with(const struct sync *s, struct bytes bulk_uri); /* a session with it is open */

/* ---- sync_ask.c ---- */

/* Encodes the question for a task, or returns false when there is nothing to ask any more. */
bool ask(struct sync *s, struct turn *t, struct sync_question *q);
/* Takes in the answer; what it leads to becomes new tasks. False: the answer makes no sense. */
bool hear(struct sync *s, struct turn *t, struct sync_session *session, struct sync_question *q,
          const struct incoming *in);

/* ---- sync_answer.c ---- */

bool answer(struct sync *s, struct turn *t, const struct incoming *in); /* false: not a question */

/* A frame's worth of records. */
struct sync_load {
    struct bytes *records;
    uint32_t n;
    size_t bytes;
    uint64_t wait; /* as in sync_question */
};

void load_init(struct sync_load *load, struct arena *mem);
/* Adds the rows of one key hash, from this first one, all or none: so a cursor can stand between two
 * hashes. `walk` stands on it, and behind them afterwards. False: the frame is full. What comes first always fits. */
bool load_add(struct sync_load *load, const struct state *state, struct digest_item *first,
              struct digest_walk *walk);
/* Adds the rows of a node from a key hash on. Returns true when that was the last of them, otherwise
 * *ret_next is where to go on. */
bool load_range(struct sync_load *load, const struct state *state, struct sync_place place,
                uint64_t from, uint64_t *ret_next);

#endif
