#ifndef KITH_STORE_LOOKUP_READ_H
#define KITH_STORE_LOOKUP_READ_H
/*
 * All that a look-up file tells (lookup_format.h), as the structs that it was told by: for the daemon's own HTTP and DNS,
 * which show more of services than where they answer, and members. Applications read by libkith.
 *
 *     if (held_enter(held, 0, &use) == 0) { (client/held.h)
 *         problem = lookup_read_service(use.map, ..., &mem, &service);
 *         held_leave(held, &use);
 *     }
 *
 * What is returned is a copy of one moment, in the arena: it stays as it is, also when the map goes. Nothing that is in the
 * file is trusted: whatever it holds, no call reads outside of it. Any number of threads may read one map.
 *
 * Each returns 0; LOOKUP_NONE: there is no such one; LOOKUP_TORN: the file is damaged.
 */
#include "base/arena.h"
#include "store/lookup_map.h"
#include "wire/effect.h"

/* All there is of the service: endpoints and those that fail as they were told, nearest first. */
int lookup_read_service(const struct lookup_map *m, struct bytes space, struct bytes name,
                        struct arena *mem, struct lookup_service *ret);

int lookup_read_member(const struct lookup_map *m, const struct ulid *id, struct arena *mem,
                       struct lookup_member *ret);

/* The members that are called so, without regard to the case of ASCII letters: mostly one; several only while those that
 * died are remembered. */
int lookup_read_named(const struct lookup_map *m, struct bytes name, struct arena *mem,
                      const struct ulid **ret, uint32_t *ret_n);

/* The next one, in no order; begin with *at 0. Goes through all slots of the file, which for a member among 17,200
 * services is a millisecond: nothing for each request. LOOKUP_NONE after the last. */
int lookup_read_next_service(const struct lookup_map *m, uint64_t *at, struct arena *mem,
                             struct lookup_service *ret);
int lookup_read_next_member(const struct lookup_map *m, uint64_t *at, struct arena *mem,
                            struct lookup_member *ret);

/* The name as it is in the key of a row of kind NAMED: cut and in lower case. Returns its length. */
size_t lookup_named_key(struct bytes name, char ret[LOOKUP_NAME_MAX]);

#endif
