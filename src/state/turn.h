#ifndef KITH_STATE_TURN_H
#define KITH_STATE_TURN_H
/*
 * What every part of the machine gets in one step. src/peer owns all of it; parts borrow it for the
 * call. There is one of each: one clock reading, one random stream, one state, one list of effects.
 */
#include "base/rng.h"
#include "base/time.h"
#include "base/ulid.h"
#include "wire/effect.h"
#include "wire/event.h"
#include "wire/post.h"

struct state;
struct journal;
struct loads;

/* Who is behind a frame, decided before any part sees it. */
struct principal {
    enum principal_kind kind;
    struct ulid id;    /* of the certificate; zero for local */
    struct bytes name; /* for people and for commands' author */
};

/* A frame that passed the envelope and admission checks. */
struct incoming {
    struct principal who;
    const struct envelope *envelope;
    struct bytes payload;
    enum door door;
    uint64_t route;    /* 0: cannot be answered */
    struct bytes from; /* text address or URI */
};

struct turn {
    kith_time now_us;
    kith_time wall_us;
    struct rng *rng;
    struct ulid_source *ulids;
    struct state *state;
    struct journal *journal; /* what `kith events` shows */
    struct loads *loads;     /* how busy everybody is; may be NULL for parts that only read it */
    struct effects *out;
    struct post *post;
    size_t changed; /* rows that the parts are being told of together */
};

/* A fresh ULID. The random part of a millisecond is never exhausted here: the source steps on. */
struct ulid turn_ulid(struct turn *t);

/* Answers a request that cannot be done. */
void turn_fail(struct turn *t, const struct incoming *in, enum fail_code code, const char *format,
               ...) __attribute__((format(printf, 4, 5)));

/* Answers a request; the answer waits for the store token `wait` (0: at once). */
void turn_reply(struct turn *t, const struct incoming *in, enum wire_kind kind,
                struct bytes payload, uint64_t wait);

#endif
