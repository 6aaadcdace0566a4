#ifndef KITH_CMD_KITHD_FLAGS_H
#define KITH_CMD_KITHD_FLAGS_H
/*
 * What kithd was told: its flags, and the configuration file in which each of them is a key
 * (spec/config.h). A flag wins over the file; what neither says gets its default here.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "cmd/kithd_dns.h"
#include "cmd/kithd_ways.h"
#include "spec/config.h"
#include "wire/effect.h"

#define FLAGS_DATA   "/var/lib/kith"
#define FLAGS_SOCKET "/run/kith/kithd.sock" /* with the default data folder; else DATA/kithd.sock */

struct flags { /* texts live in the arena it was read with, or in argv */
    bool help, version;
    const char *data, *name;
    const char *bind, *advertise; /* the first addresses of: */
    struct ways_list binds, advertised;
    const char *socket;
    const char *lookups;                /* folder that applications read, see store/lookup_file.h */
    const char *lookup_group;           /* who may; NULL: everybody on the host */
    const char *https[CONFIG_MAX_HTTP]; /* [https://]ADDR:PORT */
    uint32_t https_n;
    bool http_default;                /* nobody said so: a port that is taken is no reason to end */
    const char *http_log;             /* path; NULL: none */
    const char *http_cert, *http_key; /* paths, both or none */
    struct flags_dns dns;
    const char *token;   /* path; NULL: none */
    const char *restore; /* path of a backup; NULL: none. A flag only: it is for one start */
    const char *user;    /* of services that name none; "" when the daemon does not run as root */
    const struct bytes *seeds; /* URIs */
    uint32_t seeds_n;
    const struct pair *tags;
    uint32_t tags_n;
    bool wan, insecure;
    kith_time conflicts_us; /* 0: the default */
    kith_time horizon_us;   /* 0: the default */
    uint64_t fold_bytes;    /* 0: the default (store/store.h) */
    uint16_t port_base, port_low, port_high;
    enum log_level log_level;
};

/* 0, or 1: *why says, in lines, what is wrong and what to write instead. Reads the configuration
 * file and the host's name; nothing else. */
int flags_read(struct flags *ret, int argc, char **argv, struct arena *mem, struct buf *why);

void flags_help(struct buf *out);

#endif
