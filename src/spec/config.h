#ifndef KITH_SPEC_CONFIG_H
#define KITH_SPEC_CONFIG_H
/*
 * kithd's configuration file: one YAML document in which every flag is a key. Flags win over the
 * file; an empty file is allowed and says nothing.
 *
 *     data: /var/lib/kith
 *     name: host-1
 *     bind: 10.0.0.1                        or [10.0.0.1, "ws://10.0.0.1", "ipc:///run/kith/peer"]
 *     advertise: 203.0.113.7                or a list, the most wanted first
 *     seed: [10.0.0.2, "10.0.0.3:5488"]     or one address
 *     token: /etc/kith/token
 *     tag: {zone: eu, disk: ssd}
 *     profile: lan                          or wan
 *     conflicts: 24h                        how long overwritten concurrent values are kept
 *     horizon: 30d                          who is dead for so long is forgotten, the same on every host
 *     fold: 16MiB                           the synced log goes into the registry's file at this size
 *     insecure: false
 *     port-base: 5484
 *     ports: 20000-29999                    given to services
 *     user: nobody                          of services that name none
 *     lookup: /run/kith/lookup              where applications look services up
 *     lookup-group: apps                    who may; without it everybody on the host
 *     http: 10.0.0.1:5486                   or a list; none: no HTTP
 *     http-log: /var/log/kith/access.log    a line for each request
 *     http-cert: /etc/kith/http.pem         for addresses that begin with https://
 *     http-key: /etc/kith/http.key
 *     dns: 10.0.0.1:5487                    or a list; none: no DNS
 *     dns-domain: kith                      below which services are found
 *     dns-consul: false                     answer below consul, too
 *     dns-ttl: 1s                           how long answers may be kept
 *     dns-order: rotate                     or near
 *     dns-forward: 10.0.0.53                or a list; where other names are sent on to
 *     dns-rate: "5000"                      answers a second to one network
 *     log-level: info
 */
#include "base/time.h"
#include "spec/errors.h"
#include "wire/wire.h"

#define CONFIG_MAX_SEEDS 64
#define CONFIG_MAX_TAGS  32
#define CONFIG_MAX_WAYS  5
/* Of `fold`: below, each fold would write more than the log; above, the log is full before (store/store.h). */
#define CONFIG_MIN_FOLD     (UINT64_C(64) << 10)
#define CONFIG_MAX_FOLD     (UINT64_C(64) << 20)
#define CONFIG_MAX_HTTP     4
#define CONFIG_MAX_DNS      4
#define CONFIG_MAX_FORWARDS 3

enum config_profile { CONFIG_PROFILE_UNSET, CONFIG_PROFILE_LAN, CONFIG_PROFILE_WAN };

struct config { /* what is not given is empty */
    struct bytes data;
    struct bytes name;
    const struct bytes *binds; /* ADDR or URI; not checked here */
    uint32_t binds_n;
    const struct bytes *advertises;
    uint32_t advertises_n;
    const struct bytes *seeds; /* ADDR or ADDR:PORT */
    uint32_t seeds_n;
    struct bytes token; /* path of a file */
    const struct pair *tags;
    uint32_t tags_n;
    enum config_profile profile;
    kith_time conflicts_us; /* 0: not given */
    kith_time horizon_us;   /* 0: not given */
    uint64_t fold_bytes;    /* 0: not given */
    bool insecure;
    uint32_t port_base;        /* 0: not given */
    struct bytes ports;        /* LOW-HIGH */
    struct bytes user;         /* of services that name none */
    struct bytes lookup;       /* path of a folder */
    struct bytes lookup_group; /* of users */
    const struct bytes *https; /* ADDR:PORT, or none; not checked here */
    uint32_t https_n;
    struct bytes http_log; /* path of a file, as the next two */
    struct bytes http_cert, http_key;
    const struct bytes *dnses; /* ADDR:PORT, or none; not checked here, as the others of DNS */
    uint32_t dnses_n;
    const struct bytes *dns_forwards; /* ADDR[:PORT] */
    uint32_t dns_forwards_n;
    struct bytes dns_domain, dns_ttl, dns_order, dns_rate;
    bool dns_consul;
    struct bytes log_level; /* debug, info, warn or error; not checked here */
};

/* The result, and all that it points to, lives in `mem`. 0, or SPEC_BAD with the reasons in `errors`,
 * or negative when the parser could not be made. */
int config_read(struct config *ret, struct bytes text, struct arena *mem,
                struct spec_errors *errors);

#endif
