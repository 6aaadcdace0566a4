#ifndef KITH_CONTROL_EXPLAIN_H
#define KITH_CONTROL_EXPLAIN_H
/*
 * Why things are as they are, from this peer's own rows: the reasons that decisions keep, put into
 * sentences, the outermost fact first.
 */
#include "control/inside.h"

void explain_why(struct control *c, struct turn *t, const struct incoming *in);
/* Why a service is not at its count; empty when it is. In mem. */
struct bytes explain_problem(const struct control *c, const struct service *s, struct arena *mem);

#endif
