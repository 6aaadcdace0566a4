#ifndef KITH_SIM_VIEW_H
#define KITH_SIM_VIEW_H
/*
 * What a peer's registry says, read straight from its rows: the simulator's own reading, so that a
 * mistake in src/control does not hide itself.
 */
#include "state/members.h"

struct view_service {
    struct ulid id;
    struct bytes name;
    enum desired desired;
    uint32_t count;   /* wanted */
    uint32_t healthy; /* running on live hosts */
    uint32_t live;    /* instances with a process on live hosts, healthy or not */
    uint32_t failed;  /* given up */
    bool can_run;     /* all it needs, transitively, is wanted and exists */
};

/* Every service, in order of id; the list and texts lie in mem. Returns how many. */
size_t view_services(const struct state *state, const struct members *members,
                     struct view_service **ret, struct arena *mem);

/* Services of which at least one instance is healthy on a live host, each once, in mem. `self` lives in its own
 * eyes, also while the others hold it for dead. */
size_t view_healthy(const struct state *state, const struct members *members,
                    const struct ulid *self, struct ulid **ret, struct arena *mem);

/* Services that an instance of this node needs, by the specification it is started from. */
size_t view_needs(const struct state *state, const struct ulid *node, const struct ulid *instance,
                  struct ulid *ret, size_t max);

#endif
