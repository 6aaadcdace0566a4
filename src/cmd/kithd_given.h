#ifndef KITH_CMD_KITHD_GIVEN_H
#define KITH_CMD_KITHD_GIVEN_H
/* What the files that read kithd's flags share: what has been given, and what a flag is. */
#include "spec/config.h"

/* What has been given, before defaults; a flag and a key of the file fill the same fields. */
struct given {
    struct config config;
    struct bytes seeds[CONFIG_MAX_SEEDS];
    struct bytes binds[CONFIG_MAX_WAYS], advertises[CONFIG_MAX_WAYS];
    struct bytes https[CONFIG_MAX_HTTP];
    struct bytes dnses[CONFIG_MAX_DNS], dns_forwards[CONFIG_MAX_FORWARDS];
    struct pair tags[CONFIG_MAX_TAGS];
    const char *file, *restore;
    bool help, version;
};

struct flag {
    const char *name, *value; /* value: NULL for a switch */
    const char *help;
    int (*read)(struct given *g, const char *value); /* 0, or 1: no good value */
};

#endif
