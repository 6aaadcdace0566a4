#ifndef KITH_CONSUL_KEYS_H
#define KITH_CONSUL_KEYS_H
/*
 * What /v1/kv, /v1/session and /v1/txn have in common: how keys and sessions are written, and how the peer is asked about them.
 * A session's ID is its ULID written as a UUID. Source: Consul's API documentation, 1.15.
 */
#include "http/exchange.h"

/* Parameters that mean something else than they do in Consul, and keys that are none. 0, or 1: the answer is an error. */
int consul_check_keys(struct exchange *x);

/* "01234567-89ab-cdef-0123-456789abcdef". 0 or 1. */
int consul_read_uuid(struct bytes text, struct ulid *ret);

/* A key; its value as base64, null when it is not wanted or empty. */
void consul_key(struct buf *out, const struct key_info *k, bool value);

/* Asks the peer for these. */
void consul_keys_ask(struct exchange *x, const struct key_op *ops, uint32_t n,
                     exchange_answered *answered);
/* Its answer, in the exchange's mem. 0, or 1: the answer is an error. */
int consul_keys_answer(struct exchange *x, enum wire_kind kind, struct bytes payload,
                       struct keys_changed *ret);

#endif
