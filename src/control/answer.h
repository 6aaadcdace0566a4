#ifndef KITH_CONTROL_ANSWER_H
#define KITH_CONTROL_ANSWER_H
/*
 * Requests that only read, answered from this peer's memory: services, instances, endpoints, the graph,
 * events. Lists are in order of name, slot or time, so that two answers can be compared.
 * An answer that would not fit into a frame is refused with the way to a smaller one.
 */
#include "control/inside.h"

void answer_services(struct control *c, struct turn *t, const struct incoming *in);
void answer_instances(struct control *c, struct turn *t, const struct incoming *in);
void answer_endpoints(struct control *c, struct turn *t, const struct incoming *in);
void answer_graph(struct control *c, struct turn *t, const struct incoming *in);
void answer_events(struct control *c, struct turn *t, const struct incoming *in);

/* Sends it, unless it is too large. */
void answer_send(struct turn *t, const struct incoming *in, enum wire_kind kind,
                 const struct buf *payload);
/* A request that cannot be read. */
void answer_bad(struct turn *t, const struct incoming *in, const struct wire_error *err);

#endif
