#ifndef KITH_SHELL_ROUTES_H
#define KITH_SHELL_ROUTES_H
/*
 * Ways back: the machine answers to a number; here it is known which ROUTER and which routing id the
 * number stands for. One connection keeps its number as long as it is used. Bounded: the least
 * recently used is forgotten, and an answer to a forgotten number is dropped.
 */
#include "base/bytes.h"
#include "base/time.h"

#define ROUTES_MAX     16384           /* connections: above what the descriptors allow */
#define ROUTES_ID_MAX  255             /* bytes of a ZeroMQ routing id */
#define ROUTES_IDLE_US (10 * KITH_MIN) /* longer than any request is answered */

struct routes;

struct routes *routes_new(void);
void routes_free(struct routes *r);

/* The number of this connection, never 0; made when it is new. `door` tells sockets apart. */
uint64_t routes_number(struct routes *r, uint32_t door, struct bytes id, kith_time now_us);

/* False: unknown or forgotten. *ret_id is borrowed until the next call. */
bool routes_find(struct routes *r, uint64_t number, uint32_t *ret_door, struct bytes *ret_id);

void routes_expire(struct routes *r, kith_time now_us); /* forgets those idle for too long */
size_t routes_count(const struct routes *r);

#endif
