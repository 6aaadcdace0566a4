#ifndef KITH_SIM_CHECK_H
#define KITH_SIM_CHECK_H
/*
 * What must never happen, looked at after every step of every host:
 *
 * - an effect leaves before the store it waits for is on disk
 * - a client hears of a command that is not on disk
 * - a row has two contents under one version, or is heard of before its origin has it on disk, or an own
 *   row is written by another host than its owner
 * - a stored row goes away without having expired, on a host that was not forgotten and of one that was not
 * - what only a host that was forgotten had reaches another after that host began anew
 * - an instance starts while something it needs has not been healthy in its host's own view lately
 * - a port is given twice on a host, an instance started twice (procs.h says so)
 *
 * And at the end: what was acknowledged is everywhere; no row is older than the newest that was ever on
 * a disk, but for what a host wrote before it was forgotten and began anew; deleted rows stay deleted.
 */
#include "sim/disk.h"
#include "state/members.h"
#include "wire/effect.h"

#define CHECK_VIOLATIONS_MAX 16
/* Between the decision to start and the start lie a claim and a store. While a disk is full or slow the start
 * waits for it, however long; then the time counts from when it began to wait. */
#define CHECK_NEEDS_LATELY (10 * KITH_SEC)

struct check;

/* off: only what others report (check_violation) is kept, nothing is looked at. */
struct check *check_new(uint32_t hosts, bool off);
void check_free(struct check *c);
void check_host(struct check *c, uint32_t host, const struct ulid *node);
/* A host's daemon starts: what it saw healthy before is forgotten. */
void check_boot(struct check *c, uint32_t host);
/* A host's daemon ended: of what it gave to its disk in this run, batches after `kept` are lost. Nobody
 * was to hear of them, so their versions may be used again. */
void check_crash(struct check *c, uint32_t host, uint64_t kept);

/* One step of a host: its effects before they are executed, what it holds after it. */
void check_step(struct check *c, uint32_t host, kith_time now_us, const struct effects *effects,
                const struct state *state, const struct members *members, const struct disk *disk);

/* A client was told that its command is done. */
void check_acknowledged(struct check *c, uint32_t host, kith_time now_us,
                        const struct ulid *command, const struct disk *disk);

/* After convergence: what one peer holds, against all that was ever on disk or acknowledged. */
void check_final(struct check *c, uint32_t host, kith_time now_us, const struct state *state);

void check_violation(struct check *c, uint32_t host, kith_time now_us, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
size_t check_violations(const struct check *c,
                        const char *const **ret); /* the first few, as text */
size_t check_acknowledged_count(const struct check *c);

#endif
