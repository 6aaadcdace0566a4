#ifndef KITH_TEST_STAGE_H
#define KITH_TEST_STAGE_H
/*
 * A daemon's ipc socket without a daemon: answers each kind of request as it was told to, in order, and keeps what
 * it was asked. `kith` itself is run as a program against it.
 */
#include "wire/wire.h"

#include <stdbool.h>

#define STAGE_MAX 64

struct stage_line { /* what is said to one kind of request */
    enum wire_kind to, kind;
    struct buf payload;
    bool then_leave; /* the socket closes after this answer */
    unsigned times;  /* left; the last line of a kind is said again and again */
};

struct stage {
    char dir[64], socket[96];
    struct stage_line lines[STAGE_MAX];
    unsigned lines_n;
    struct stage_asked {
        enum wire_kind kind;
        struct buf payload;
    } asked[STAGE_MAX];
    unsigned asked_n;
    void *actor, *router;
    uint16_t proto_min, proto_max; /* of its answers; 0: those of the question */
    struct buf out;                /* of the last run: stdout and stderr */
};

void stage_init(struct stage *s);
void stage_deinit(struct stage *s);

/* To a request of kind `to`, answers with this struct. Earlier lines of the kind are said first, once each. */
void stage_say(struct stage *s, enum wire_kind to, enum wire_kind kind, const void *answer);

/* After the line that was added last the daemon ends. */
void stage_leave(struct stage *s);

/* Runs `kith ARGS` (as the shell reads them) against it; returns its exit status. */
int stage_kith(struct stage *s, const char *args);

/* Fails the test unless the last run printed this. */
void stage_expect(struct stage *s, const char *words);

/* Decodes the first request of this kind in the last run; fails the test when there was none. */
void stage_asked(struct stage *s, enum wire_kind kind, void *ret, struct arena *mem);

#endif
