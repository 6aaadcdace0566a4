#ifndef KITH_CONTROL_VET_H
#define KITH_CONTROL_VET_H
/*
 * Whether a request makes sense, checked before any of it is done: the specifications of an apply one by
 * one, what they need, and the dependency graph of the whole cluster as it would become. The text of a
 * service file was checked by src/spec already; this is the word of the registry, and for clients that
 * send no file.
 */
#include "control/standing.h"
#include "wire/gen/client.h"

#define VET_COUNT_MAX 10000u

/* What is wrong, for people; `service` is the one it is about. */
struct vet_error {
    struct bytes service;
    struct buf text;
};

/* ids[i] is what specs[i] is in the registry, or will be. True: fine. */
bool vet_apply(const struct catalog *c, const struct apply *request, const struct ulid *ids,
               struct vet_error *err);
/* The services that need this one and are to run (for rm: that are not removed), directly or not, those
 * that need most first; in mem. */
struct graph_ids vet_users(const struct catalog *c, const struct service *s, bool remove,
                           struct arena *mem);

#endif
