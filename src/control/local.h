#ifndef KITH_CONTROL_LOCAL_H
#define KITH_CONTROL_LOCAL_H
/*
 * An instance on this host, as the host itself knows it: more than its row says, which follows it.
 */
#include "control/health.h"
#include "control/ports.h"
#include "control/restart.h"
#include "control/values.h"
#include "state/turn.h"

struct control;

/* What the host is doing about its process. */
enum phase {
    PHASE_IDLE,     /* there is none */
    PHASE_CLAIMING, /* its ports are being tried */
    PHASE_STARTING, /* the start is given, EVENT_STARTED not yet come */
    PHASE_UP,
    PHASE_ENDING, /* told to end */
};

struct local {
    struct ulid id;
    TREE_ENTRY(local) by_id;
    struct ulid service;
    struct slot slot;
    uint64_t epoch;
    enum instance_state state;
    enum phase phase;
    bool known_at_start; /* was here before this daemon started */
    bool again;          /* PHASE_ENDING: to be started again */
    bool given_up;       /* this host leaves */
    struct ulid spec_id; /* of `spec` */
    const struct service_spec
        *spec; /* what its process was, or is to be, started from; in spec_mem */
    struct arena spec_mem;
    uint64_t values_hash;
    uint64_t restart_stamp;
    const struct bound_port *ports; /* in ports_mem */
    uint32_t ports_n;
    struct arena ports_mem;
    struct effect_start run; /* argv and environment as resolved for the process; in run_mem */
    struct arena run_mem;
    const struct bytes *waits; /* in waits_mem */
    uint32_t waits_n;
    struct arena waits_mem;
    uint32_t pid;
    int64_t started_ms;
    int64_t exit_status;
    uint32_t restarts;
    struct buf reason;
    struct health health;
    struct restarts history;
    kith_time retry_us;  /* PHASE_IDLE: no start before */
    kith_time kill_us;   /* PHASE_ENDING: SIGKILL then */
    kith_time ended_us;  /* PHASE_IDLE: since then */
    struct ulid blocker; /* of a rolling restart, see rolling.h */
    kith_time blocked_us;
};

static inline int local_compare(const struct local *a, const struct local *b)
{
    return ulid_compare(&a->id, &b->id);
}

TREE_HEAD(local_tree, local);
TREE_FUNCTIONS(local_tree, local, by_id, local_compare)

struct locals {
    struct local_tree tree;
    struct ports ports;
};

struct local *local_find(const struct locals *l, const struct ulid *id);
struct local *local_new(struct locals *l, const struct ulid *id);
void local_free(struct locals *l, struct local *i); /* also its ports are free again */
void locals_deinit(struct locals *l);
struct local *locals_first(const struct locals *l);

/* Takes over what a row of this host said before the daemon started. */
void local_load(struct local *i, const struct instance *row, const struct state *state);
void local_set_ports(struct local *i, const struct bound_port *ports, uint32_t ports_n);
/* The service's current specification, for the next start. False: it is not here yet. */
bool local_take_spec(struct control *c, struct turn *t, struct local *i);
void local_say(struct local *i, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Writes its row, if that differs from what is held. */
void local_write(struct control *c, struct turn *t, const struct local *i);
void local_delete_row(struct control *c, struct turn *t, const struct local *i);

/* The local row host/INSTANCE: it exists as long as there may be a process. */
void local_intend(struct turn *t, const struct local *i);
void local_intend_no_more(struct turn *t, const struct local *i);
/* Whether a name is such a row's. */
bool local_intent(struct bytes name, struct ulid *ret_instance);

#endif
