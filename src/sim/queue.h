#ifndef KITH_SIM_QUEUE_H
#define KITH_SIM_QUEUE_H
/*
 * What is going to happen in the virtual world, ordered by (time, order of scheduling): ties have a
 * fixed order, so a seed always plays the same.
 */
#include "base/bytes.h"
#include "base/time.h"

enum sim_kind {
    SIM_WAKE,     /* a host's deadline */
    SIM_DELIVER,  /* a frame arrives: conn, direction */
    SIM_CONNECT,  /* a connection attempt ends: conn */
    SIM_STALLED,  /* a connection has carried nothing for too long: conn */
    SIM_IDLE,     /* a connection may have been unused for long: conn */
    SIM_LINK,     /* a host hears that its connection opened or closed */
    SIM_DISK,     /* a store batch is done */
    SIM_CLAIMED,  /* ports were tried: instance */
    SIM_STARTED,  /* a process runs: instance */
    SIM_EXITED,   /* a process ended: instance */
    SIM_CHECKED,  /* a check ended: instance */
    SIM_LOG_READ, /* output was read */
    SIM_COUNTED,  /* what the virtual shell counts is told: nothing */
    SIM_BOOT,     /* a host's daemon starts */
    SIM_RESUME,   /* a paused host goes on */
    SIM_PAUSE,  /* a host stands still for a while, again and again: a, b: between, c: generation */
    SIM_BOUNCE, /* a host's daemon is killed, and starts again at b */
    SIM_MARK,   /* from here on it is measured when all agree: a: enum sim_mark */
    SIM_FAULT,  /* the next fault begins */
    SIM_FAULT_END, /* a fault ends */
    SIM_LOAD,      /* the operator does something */
    SIM_RACE,      /* a host's client does something */
    SIM_HEAL,      /* faults are over */
    SIM_LOOK,      /* has it converged? */
};

enum sim_mark { SIM_MARK_START, SIM_MARK_BOUNCE };

struct sim_item {
    kith_time at_us;
    uint64_t order;
    enum sim_kind kind;
    uint32_t host;     /* whom it concerns */
    uint32_t run;      /* of the host when it was scheduled: from an earlier run it is stale */
    uint64_t a, b, c;  /* by kind */
    struct bytes data; /* owned by the queue until popped, then by who pops */
};

/* A heap of when and where: items are large and stay in their places. */
struct queue_due {
    kith_time at_us;
    uint64_t order;
    uint32_t place;
};

struct queue { /* a zeroed one is valid and empty */
    struct queue_due *due;
    struct sim_item *items; /* as many places as `due` has; those from due[count] on are free */
    size_t count, cap;
    uint64_t order;
};

void queue_deinit(struct queue *q);
/* Copies item->data. */
void queue_add(struct queue *q, const struct sim_item *item);
/* False: empty. The caller frees ret->data.data with mem_free(). */
bool queue_pop(struct queue *q, struct sim_item *ret);

#endif
