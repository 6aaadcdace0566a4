#ifndef KITH_CONTROL_RANK_H
#define KITH_CONTROL_RANK_H
/*
 * Choosing hosts. For a service's coordinator: weighted rendezvous hashing (Thaler and Ravishankar,
 * 1998; a node of weight w is drawn w times, so no floating point), by processors. For a slot's host:
 * by what is left of its capacity, from placements of the whole cluster, and by what is there already.
 */
#include "control/standing.h"

#define RANK_WEIGHT_MAX 16u

/* The higher the better. */
uint64_t rank_score(const struct ulid *service, const struct ulid *node, uint32_t weight);
uint32_t rank_weight(const struct member *m);

/* What is given away of each live host. */
struct tally_host {
    struct ulid node;
    struct resources capacity; /* 0: not known, and not counted */
    struct resources used;
    uint32_t placements;
    uint32_t of_service; /* of the service that is being placed */
};

/* Counted when a slot first needs a host, which most looks at a service do not find: it walks all placements. */
struct tally {                /* all but `mem` zeroed at first */
    struct arena *mem;        /* borrowed */
    struct tally_host *hosts; /* by id; NULL: not counted yet */
    size_t count;
    struct ulid service; /* whose `of_service` are counted */
};

/* Counts everything, if that is not done, and `of_service` of each host, if the service is another than before. */
void tally_service(struct tally *t, const struct catalog *c, const struct service *s);
void tally_add(struct tally *t, const struct ulid *node, const struct service_spec *spec);
void tally_remove(struct tally *t, const struct ulid *node, const struct service_spec *spec);
bool tally_fits(const struct tally_host *h, const struct service_spec *spec);
uint32_t tally_permille(const struct tally_host *h, const struct service_spec *spec); /* with it */
/* Whether a is the better host for this slot. */
bool tally_better(const struct catalog *c, const struct service *s, const struct slot *slot,
                  const struct tally_host *a, const struct tally_host *b);

#endif
