#ifndef KITH_CONTROL_REGISTRAR_H
#define KITH_CONTROL_REGISTRAR_H
/*
 * The requests of those who register endpoints with this peer (registration.h): `register_endpoint`, `register_endpoints`,
 * `report_endpoint`, `check_endpoint` and `deregister_endpoint` (the checks among them are in registrar_check.c). Decides what is refused, under which id a name stands, and what is written; the answer waits
 * until the row is on disk, and for others where that is asked for (confirm.h).
 */
#include "state/turn.h"

struct control;

/* Under which a name stands at its peer. */
struct ulid registrar_id(struct bytes name);

void registrar_register(struct control *c, struct turn *t, const struct incoming *in);
/* `register_endpoints`: all are looked at before the first is written. */
void registrar_register_all(struct control *c, struct turn *t, const struct incoming *in);
void registrar_report(struct control *c, struct turn *t, const struct incoming *in);
void registrar_check(struct control *c, struct turn *t, const struct incoming *in);
void registrar_deregister(struct control *c, struct turn *t, const struct incoming *in);

#endif
