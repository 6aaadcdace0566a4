#ifndef KITH_TEST_HTTP_STAND_H
#define KITH_TEST_HTTP_STAND_H
/*
 * A peer's HTTP without sockets: a hub whose directory is told of services and members, a list in place of the look-up
 * file, and exchanges with the real routes on it. Two hosts, "a" (this one) at 10.0.0.1 in zone eu, and "b" at 10.0.0.2.
 */
#include "http/messages.h"

#include <jansson.h>

struct stand_service;

struct stand {
    struct hub hub;
    struct messages messages;
    struct stand_service *services; /* as told last; those that are not gone */
    int problem;                    /* of reading them: an enum lookup_problem */
    unsigned woken;                 /* watchers that were told */
    struct exchange x;
    json_t *json; /* of the last answer; NULL: it is none */
    bool asked;   /* an exchange is open */
};

extern const struct route_table *const stand_routes[];
extern const struct ulid stand_a, stand_b;

void stand_init(struct stand *s); /* with both members, and ready */
void stand_deinit(struct stand *s);

/* An instance of `service` by one port; its number makes its ULID. */
struct lookup_endpoint stand_endpoint(unsigned number, const struct ulid *node,
                                      enum endpoint_health health);
/* A service whose endpoints are these; failing ones are put where they belong. */
void stand_tell(struct stand *s, const char *name, const struct lookup_endpoint *list, uint32_t n);
void stand_tell_gone(struct stand *s, const char *name);
/* State UNKNOWN: it is gone. */
void stand_tell_member(struct stand *s, const struct ulid *id, enum member_state state,
                       const char *name);

/* A request from this host, with the token if `token` is. Returns the status; 0: it waits, or asks. */
unsigned stand_ask(struct stand *s, const char *method, const char *target, const char *token,
                   const char *body);
unsigned stand_get(struct stand *s, const char *target);
/* Called again, as after a change or at the end of its time. */
unsigned stand_resume(struct stand *s);
/* The peer answers the question. */
unsigned stand_reply(struct stand *s, enum wire_kind kind, struct bytes payload);

const char *stand_body(struct stand *s);
/* A text in the answer's JSON by a path such as "0/Service/ID"; "" when there is none. */
const char *stand_text(struct stand *s, const char *path);
int64_t stand_number(struct stand *s, const char *path); /* INT64_MIN: none */
size_t stand_count(struct stand *s);                     /* of the array or object */

#endif
