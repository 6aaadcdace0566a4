#include "native/verbs.h"

#define NOT_HERE(verb, why)                                                                        \
    {                                                                                              \
        verb, 0, NULL, why                                                                         \
    }
#define ONLY_HERE(method, path, why)                                                               \
    {                                                                                              \
        NULL, method, path, why                                                                    \
    }

const struct native_verb native_verbs[] = {
    {"members", METHOD_GET, "/api/v1/members", NULL},
    {"members", METHOD_GET, "/api/v1/members/:", NULL},
    {"info", METHOD_GET, "/api/v1/info", NULL},
    {"info", METHOD_GET, "/api/v1/metrics", NULL},
    {"rtt", METHOD_GET, "/api/v1/members/:/rtt", NULL},
    NOT_HERE("probe", "tells what is wrong on the way from where the person is: a peer that "
                      "answers cannot see that"),
    {"validate", METHOD_POST, "/api/v1/validate", NULL},
    {"apply", METHOD_PUT, "/api/v1/services", NULL},
    {"services", METHOD_GET, "/api/v1/services", NULL},
    {"service", METHOD_GET, "/api/v1/services/:", NULL},
    {"instances", METHOD_GET, "/api/v1/instances", NULL},
    {"instances", METHOD_GET, "/api/v1/instances/:", NULL},
    {"endpoints", METHOD_GET, "/api/v1/services/:/endpoints", NULL},
    {"lookup", METHOD_GET, "/api/v1/services/:/endpoints", NULL},
    {"watch service", METHOD_GET, "/api/v1/services/:/endpoints", NULL},
    {"register", METHOD_POST, "/api/v1/registrations", NULL},
    {"register", METHOD_PUT, "/api/v1/registrations/:", NULL},
    {"deregister", METHOD_DELETE, "/api/v1/registrations/:", NULL},
    {"scale", METHOD_POST, "/api/v1/services/:/scale", NULL},
    {"stop", METHOD_POST, "/api/v1/services/:/stop", NULL},
    {"stop", METHOD_POST, "/api/v1/stop", NULL},
    {"start", METHOD_POST, "/api/v1/services/:/start", NULL},
    {"restart", METHOD_POST, "/api/v1/services/:/restart", NULL},
    {"rm", METHOD_DELETE, "/api/v1/services/:", NULL},
    {"check", METHOD_POST, "/api/v1/services/:/check", NULL},
    {"check", METHOD_POST, "/api/v1/instances/:/check", NULL},
    {"graph", METHOD_GET, "/api/v1/graph", NULL},
    {"commands", METHOD_GET, "/api/v1/commands", NULL},
    {"commands", METHOD_GET, "/api/v1/commands/:", NULL},
    {"conflicts", METHOD_GET, "/api/v1/conflicts", NULL},
    {"undo", METHOD_POST, "/api/v1/conflicts/:/undo", NULL},
    {"why", METHOD_GET, "/api/v1/why/:", NULL},
    {"events", METHOD_GET, "/api/v1/events", NULL},
    {"logs", METHOD_GET, "/api/v1/instances/:/logs", NULL},
    {"publish", METHOD_POST, "/api/v1/topics/*", NULL},
    {"subscribe", METHOD_GET, "/api/v1/messages", NULL},
    {"backup", METHOD_POST, "/api/v1/backup", NULL},
    {"join", METHOD_POST, "/api/v1/join", NULL},
    {"leave", METHOD_POST, "/api/v1/leave", NULL},
    {"forget", METHOD_DELETE, "/api/v1/members/:", NULL},
    NOT_HERE("cluster init", "asks no peer: the keys stay in the operator's folder"),
    NOT_HERE("token new", "asks no peer: needs the issuer's secret, which no peer has"),
    NOT_HERE("key new", "asks no peer: the key stays where it is made"),
    ONLY_HERE(METHOD_POST, "/api/v1/commands", "what scale, stop, start, restart, rm and undo are"),
    ONLY_HERE(METHOD_PUT, "/api/v1/registrations/:/health",
              "for programs that report how they do; Consul's clients can, too"),
    {"watch service", METHOD_GET, "/api/v1/changes", NULL},
    ONLY_HERE(METHOD_GET, "/api/v1/prometheus", "in the form that Prometheus asks for"),
};

const size_t native_verbs_n = sizeof(native_verbs) / sizeof(native_verbs[0]);
