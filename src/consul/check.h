#ifndef KITH_CONSUL_CHECK_H
#define KITH_CONSUL_CHECK_H
/*
 * Which service a check belongs to. "service:ID" is the check of the service ID; a check that was registered by itself
 * (agent/check/register) has the ID that it was given there, kept in the meta of its registration (LOOKUP_META_CHECK).
 */
#include "consul/shape.h"

/* The registration whose check the path names. 0, or 1: the answer is that there is none. */
int consul_find_check(struct exchange *x, struct bytes *ret_name);

#endif
