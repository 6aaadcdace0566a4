#ifndef KITH_TEST_STATE_ROWS_H
#define KITH_TEST_STATE_ROWS_H
/* Small words for tests about rows: nodes and services by number, and values for every table. */
#include "base/rng.h"
#include "state/state.h"

/* The wall clock of these tests: long after 1970. */
#define WALL (INT64_C(1700000000) * KITH_SEC)

struct ulid id_of(uint8_t number); /* 15 zeros and the number */
struct bytes id_key(const struct ulid *id);

/* A state of node `number` in cluster 200 at incarnation 1, its clock at WALL. */
struct state *node_new(uint8_t number);

/* Values in static memory: valid until the next call of the same function. */
struct bytes member_value(const char *name);
struct bytes service_value(const char *name, uint8_t spec);
struct bytes name_value(uint8_t service);
struct bytes count_value(uint32_t count);
struct bytes spec_value(const char *name);
struct bytes verdict_value(bool forgotten);
struct bytes placement_value(uint8_t node);
struct bytes instance_value(uint8_t service);

/* Any record of any table, well-formed, with few keys, versions and writers, so that they collide.
 * Appended to out. */
void random_record(struct buf *out, struct rng *rng, kith_time wall_us);

/* What `from` pushes is merged by `to`, if that is not NULL. Returns how many rows. */
size_t push_to(struct state *from, struct state *to);
/* Merges every row of `from` into `to`, tombstones too. */
void copy_all(struct state *from, struct state *to);

#endif
