#ifndef KITH_CONTROL_REGISTRAR_INSIDE_H
#define KITH_CONTROL_REGISTRAR_INSIDE_H
/*
 * What the requests of registrar.h have in common; for registrar.c and registrar_check.c only.
 */
#include "control/inside.h"
#include "control/registrar.h"

struct refusal {
    enum fail_code code;
    const char *why; /* NULL: it can be taken */
};

/* Why it cannot be taken, as one of so many new ones. */
struct refusal registrar_refusal(const struct control *c, const struct turn *t,
                                 const struct registration_row *row,
                                 const struct registration *held, uint32_t more);
/* The same of its checks alone; `id`: of the registration. */
struct refusal registrar_refuse_checks(const struct control *c, const struct ulid *id,
                                       const struct registration_row *row, struct arena *mem);

/* The registration as it is from now on, and the answer: `what` became of it. */
void registrar_write(struct control *c, struct turn *t, const struct incoming *in,
                     const struct ack *ack, const struct ulid *id,
                     const struct registration_row *row, struct registration *held,
                     const char *what, struct arena *mem);
/* Ends it, and answers. */
void registrar_end(struct control *c, struct turn *t, const struct incoming *in,
                   const struct ack *ack, const struct registration *held, struct arena *mem);
/* NULL: this peer answers for none of that name, and the answer says so. */
struct registration *registrar_find(struct control *c, struct turn *t, const struct incoming *in,
                                    const struct ulid *id, struct bytes name);

#endif
