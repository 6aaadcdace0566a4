#ifndef KITH_NATIVE_ASK_H
#define KITH_NATIVE_ASK_H
/*
 * How verbs of `kith` are answered over HTTP: the same message goes to the peer, and its answer is shown by the same
 * definitions (view/things.h), so that no verb is written twice. What a message may say comes from the request's body, a
 * JSON object, and from the query's parameters (message.h), for changes; for reads from the handler.
 *
 * What is read can be waited for by `wait`, alike for all of them (exchange_waits()).
 *
 * `timeout` (10s; at most 2m) is how long the peer has for its answer, of any request that asks it.
 */
#include "native/pick.h"

#define NATIVE_TIMEOUT_MAX_US (2 * KITH_MIN)

/* Fills in the message from body and query, over what is set already. False: it cannot be read, and the answer says why (400). */
bool native_read(struct exchange *x, const struct wire_struct *type, void *message);
/* The body as JSON, an empty object when there is none (NULL: it is no JSON, as above), and the query's parameters as an
 * object. For the caller to give back. */
json_t *native_body(struct exchange *x);
json_t *native_query(const struct exchange *x);
/* As native_read(), of one object. */
bool native_read_object(struct exchange *x, const struct wire_struct *type, void *message,
                        const json_t *object);

/* Asks the peer; 400 when the message breaks the bounds of its table. */
void native_ask(struct exchange *x, enum wire_kind kind, const void *message,
                exchange_answered *answered);

/* The peer's answer as an array of items, or the answer itself as the only one. The caller's to give back; NULL: it cannot be read,
 * which has been answered (500). */
json_t *native_items(struct exchange *x, enum wire_kind kind, struct bytes payload);

/* Answers with the value, which is given back. */
void native_answer(struct exchange *x, unsigned status, json_t *value);

/* Answers with as much of these items as is asked for (pick.h); they are given back. */
void native_answer_list(struct exchange *x, json_t *items, const struct native_key *key);

/* What an answer becomes: a list; one object, the first of it, 404 if there is none; the same with 202, of a command that goes on from here. */
void native_list(struct exchange *x, enum wire_kind kind, struct bytes payload);
void native_one(struct exchange *x, enum wire_kind kind, struct bytes payload);
void native_accepted(struct exchange *x, enum wire_kind kind, struct bytes payload);

#endif
