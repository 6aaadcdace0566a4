#ifndef KITH_CONTROL_VALUES_H
#define KITH_CONTROL_VALUES_H
/*
 * The variables of a specification: ${addr}, ${instance}, ${slot}, ${port.NAME} and
 * ${endpoint.SERVICE}, which is host:port of the service's instances that serve, in order of slot,
 * with commas. ${data} is left as it is: only the host's shell knows it. What is no variable of ours is text.
 *
 * Of these only endpoints change while an instance runs, and they are the same for every instance of a
 * service: values_hash() stands for all of them, so that hosts can compare.
 */
#include "control/standing.h"

/* A service that is wanted, not needed, and is to run but does not, for so long: users are told. */
#define VALUES_ABSENT (30 * KITH_SEC)

struct values {
    const struct catalog *catalog;
    struct bytes addr;
    const struct bound_port *ports;
    uint32_t ports_n;
    struct ulid instance;
    struct slot slot;
};

struct bytes values_resolve(const struct values *v, struct bytes text, struct arena *mem);

/* Of all endpoints that the specification uses, as they are now; 0: it uses none. */
uint64_t values_hash(const struct catalog *c, const struct service_spec *spec);
/* Whether these can be relied on: each service that is needed is there and not just coming or going, each
 * that is only wanted is so, or is absent for good. When time alone will settle it, *at_us is lowered to
 * then. */
bool values_settled(const struct catalog *c, const struct service_spec *spec, kith_time now_us,
                    kith_time *at_us);

#endif
