#ifndef KITH_CONTROL_PORTS_H
#define KITH_CONTROL_PORTS_H
/*
 * Ports given to the instances of this host: from a range, one after the other, never one that an
 * instance still has. A port that turned out to be taken by somebody else is passed over for a while.
 * Whether a port can be bound is asked of the shell (EFFECT_CLAIM) before a process gets it.
 */
#include "base/time.h"
#include "base/ulid.h"

#define PORT_AVOID (60 * KITH_SEC)

struct port_use {
    uint16_t port;
    struct ulid instance; /* zero: avoided until then */
    kith_time until_us;
};

struct ports { /* zeroed but for the range: empty */
    uint16_t low, high, next;
    struct port_use *uses;
    size_t count;
};

void ports_init(struct ports *p, uint16_t low, uint16_t high);
void ports_deinit(struct ports *p);

/* The next free one of the range; 0: there is none. */
uint16_t ports_take(struct ports *p, const struct ulid *instance, kith_time now_us);
/* This very one: fixed by a specification, or had before. False: another instance has it, or it
 * is avoided. */
bool ports_hold(struct ports *p, uint16_t port, const struct ulid *instance, kith_time now_us);
/* Somebody outside has it: it is the instance's no longer. */
void ports_avoid(struct ports *p, uint16_t port, kith_time now_us);
void ports_release(struct ports *p, const struct ulid *instance);

#endif
