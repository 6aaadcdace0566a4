#ifndef KITH_CONTROL_HEALTH_H
#define KITH_CONTROL_HEALTH_H
/*
 * When to check an instance, and what the results mean: healthy after `pass` successes in a row,
 * unhealthy after `fail` failures in a row. Until it is healthy for the first time checks run quickly,
 * so that others do not wait longer for it than it takes. Pure; host.h has the checks run.
 *
 * One check at a time: its number is repeated in the answer, any other answer is a stale one.
 */
#include "base/time.h"
#include "wire/gen/service.h"

#define HEALTH_QUICK   (100 * KITH_MS) /* between checks while starting, if `every` is not shorter */
#define HEALTH_EVERY   (1 * KITH_SEC)  /* where a specification says nothing */
#define HEALTH_TIMEOUT (1 * KITH_SEC)
#define HEALTH_LOST    (5 * KITH_SEC) /* beyond the time-out: the answer will not come any more */

struct health {      /* zeroed: no process */
    uint64_t number; /* of the last check asked for */
    bool asked;      /* and it is not answered */
    bool healthy;    /* by the checks so far */
    bool began;
    uint32_t passes, fails; /* in a row */
    kith_time next_us; /* the next check, or the moment at which the asked one counts as lost */
};

void health_begin(struct health *h, kith_time now_us); /* a process runs: the first check is due */
void health_end(struct health *h);
/* The next check is due now, unless one is under way. */
void health_soon(struct health *h, kith_time now_us);
/* Due: count it as asked and return its number; 0: not due. */
uint64_t health_ask(struct health *h, const struct check_spec *check, kith_time now_us);
kith_time health_deadline(const struct health *h); /* KITH_NEVER: no process */
uint32_t health_timeout_ms(const struct check_spec *check);
/* A result. True: `h->healthy` has changed. */
bool health_result(struct health *h, const struct check_spec *check, uint64_t number, bool ok,
                   bool starting, kith_time now_us);

#endif
