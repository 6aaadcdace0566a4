#ifndef KITH_CONTROL_REQUEST_H
#define KITH_CONTROL_REQUEST_H
/*
 * The client requests about services: who may ask them, and which module answers. All but commands and
 * logs are answered at once from this peer's own memory (answer.h).
 */
#include "control/inside.h"

/* False: not a request of control's. */
bool request_receive(struct control *c, struct turn *t, const struct incoming *in);

/* By id, by a prefix of it that is unique, or by the name of a service with one instance that runs.
 * NULL: none, or several. */
const struct instance *request_find_instance(const struct control *c, struct bytes what);

#endif
