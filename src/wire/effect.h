#ifndef KITH_WIRE_EFFECT_H
#define KITH_WIRE_EFFECT_H
/*
 * What a peer wants done: the only way anything gets out of the machine. Effects are executed in
 * order. Everything an effect points to lies in its list's arena and lives until effects_reset().
 *
 * The effect_*() functions copy what they are given. Each stamps the effect with the list's current
 * wait token (effects_wait()): such an effect must not be seen by anyone before that store batch is
 * on disk. src/peer holds it back; the shell and the simulator only ever get effects that are due.
 */
#include "base/arena.h"
#include "base/time.h"
#include "wire/wire.h"

enum effect_kind {
    EFFECT_SEND,      /* to an address, over a DEALER that is made on demand */
    EFFECT_REPLY,     /* on the route a frame came by; dropped when it is gone */
    EFFECT_PUBLISH,   /* to all subscribers of the own PUB */
    EFFECT_SUBSCRIBE, /* connect to a neighbour's PUB, or disconnect */
    EFFECT_RING,      /* a key of the ring is known: connect; with the secret: bind the sockets */
    EFFECT_ADMIT,     /* a key may (or may no longer) subscribe to the own PUB */
    EFFECT_STORE,     /* one batch of writes, answered by EVENT_STORED with its token */
    EFFECT_CLAIM,     /* can these ports be bound on the host's address? */
    EFFECT_START,     /* start a process under kith-run */
    EFFECT_SIGNAL,    /* to an instance's process; 9 means all it has started */
    EFFECT_CLEAN,     /* the exit status is known here: kith-run's directory may go */
    EFFECT_CHECK,     /* run one health check */
    EFFECT_READ_LOG,  /* read an instance's output */
    EFFECT_LOOKUP,    /* what applications of this host read about some services and members */
    EFFECT_KEYS,      /* keys and sessions as they are now, for who shows them */
    EFFECT_EXPORT,    /* what is to be kept for people in a file of its own */
    EFFECT_LOG,       /* a line for the daemon's log */
    EFFECT_COUNT,     /* tell what is counted outside the machine: EVENT_COUNTED answers */
    EFFECT_BACKUP,    /* write what is stored into a file: EVENT_BACKED_UP answers */
    EFFECT_EXIT, /* the daemon ends now; instances that still run are left running. Or it starts once more */
};

enum log_level { LOG_DEBUG_, LOG_INFO_, LOG_WARN_, LOG_ERROR_ };

struct effect_send {
    struct bytes uri; /* tcp://HOST:PORT of a ROUTER */
    enum wire_lane lane;
    struct bytes frame;
};

struct effect_reply {
    uint64_t route;
    struct bytes frame;
};

struct effect_subscribe {
    struct bytes uri; /* of a PUB */
    bool on;
};

/* A joiner knows the public half first, from its token: enough to connect, not to bind. */
struct effect_ring {
    struct key32 ring_public, ring_secret; /* secret zero: not known yet */
};

struct effect_admit {
    struct key32 key;
    bool on;
};

struct store_write {
    bool local;         /* true: a local row by name; false: a record by its key */
    struct bytes key;   /* local name; or the record's storage key, see state.h */
    struct bytes value; /* len 0: delete */
};

struct effect_store {
    uint64_t token; /* counts up by one */
    const struct store_write *writes;
    uint32_t writes_n;
};

struct effect_claim {
    struct ulid instance;
    struct bytes addr;
    const struct bound_port *ports;
    uint32_t ports_n;
};

struct effect_start {
    struct ulid instance;
    struct bytes service, slot; /* names, for the process title and ${data}'s directory */
    const struct bytes *argv;   /* resolved, except ${data}, which only the host's shell knows */
    uint32_t argv_n;
    const struct pair *env;
    uint32_t env_n;
    struct bytes user;              /* empty: default unprivileged user when the daemon is root */
    const struct bound_port *ports; /* kept with the process, told again by found_instance */
    uint32_t ports_n;
};

struct effect_signal {
    struct ulid instance;
    int signal;
};

struct effect_check {
    struct ulid instance;
    uint64_t number; /* repeated in the answer; an old one is ignored */
    enum check_kind kind;
    struct bytes addr;
    uint16_t port;
    struct bytes path;
    const struct bytes *argv;
    uint32_t argv_n;
    const struct pair *env; /* of the instance, for exec */
    uint32_t env_n;
    struct bytes user;
    uint32_t timeout_ms;
};

struct effect_read_log {
    uint64_t request;
    struct ulid instance;
    uint64_t offset;
    uint32_t tail_bytes;
};

/* An instance by one of its ports. */
struct lookup_endpoint {
    struct ulid instance, node;
    struct bytes node_name, addr;
    struct bytes port_name; /* empty, and port 0: it has none */
    uint16_t port;
    uint32_t weight;      /* its share beside the others; LOOKUP_WEIGHT unless it is known better */
    uint32_t distance_us; /* round trip from this host; LOOKUP_FAR: not known */
    bool own_tags;        /* these, in place of the service's; its meta, too */
    const struct bytes *tags;
    uint32_t tags_n;
    const struct pair *meta;
    uint32_t meta_n;
    enum endpoint_health health;
    bool by_host;              /* its health is that of its host's checks */
    enum endpoint_health own;  /* by_host: what it would be without them */
    struct bytes registration; /* its name; empty: Kith started it */
    uint32_t ttl_ms;           /* of a registration that has to be renewed */
    struct bytes output;       /* what is said to its health, for people */
    /* All that its health is made of, of a registration with several checks; none: it has one at most, as above. */
    const struct endpoint_check *checks;
    uint32_t checks_n;
};

/* In the meta of a registration that a former version wrote: what its check is called, when not after itself. */
#define LOOKUP_META_CHECK "kith-check"
/* Likewise of one that stands for a host that is no member: its name (decision 0091). */
#define LOOKUP_META_HOST    "kith-host"
#define LOOKUP_META_ADDRESS "kith-host-address" /* and where that host is */

#define LOOKUP_WEIGHT 100u
#define LOOKUP_FAR    UINT32_MAX

/* All that there is to know of one service, in place of what was said of it before. */
struct lookup_service {
    struct bytes space, name;
    bool gone;                /* there is no such service any more */
    const struct bytes *tags; /* of every endpoint that has none of its own */
    uint32_t tags_n;
    const struct pair *meta; /* likewise */
    uint32_t meta_n;
    const struct lookup_endpoint *endpoints; /* near ones first */
    uint32_t endpoints_n;
    const struct lookup_endpoint *failing; /* not to be used: for those who want to see them */
    uint32_t failing_n;
};

/* All that there is to know of one member, or of a host that is none and was registered, in place of what was said of it before. */
struct lookup_member {
    struct ulid id;
    bool foreign; /* no member: only name and host count; the look-up file has none of them */
    enum member_state state; /* MEMBER_STATE_UNKNOWN: it is not known any more */
    struct bytes name, host; /* host: the address that its services are reached at */
    uint64_t incarnation;
    const struct pair *tags;
    uint32_t tags_n;
    const struct endpoint_check *checks; /* of the host; the look-up file has none of them */
    uint32_t checks_n;
};

/* A name that was never told of is not there. Nothing is shown between `anew` and `whole` but what was. */
struct effect_lookup {
    bool anew; /* all services follow, from here on: what was told before does not count */
    const struct lookup_service *services;
    uint32_t services_n;
    bool whole; /* with these all services and members have been told of */
    const struct lookup_member *members;
    uint32_t members_n;
};

struct told_key {
    bool gone; /* there is no such key; only info.key counts */
    struct key_info info;
};

struct told_session {
    bool gone; /* it has ended, or its node has; only the ids count */
    struct ulid id, node;
    struct session_row session;
};

/* What has changed, at once. Nothing is shown between `anew` and `whole`. */
struct effect_keys {
    uint64_t
        number; /* counts these, from 1: answers to changes say which has them (keys_changed.told) */
    bool anew;  /* all follow, from here on */
    bool whole; /* with these all have been told */
    const struct told_key *keys;
    uint32_t keys_n;
    const struct told_session *sessions;
    uint32_t sessions_n;
};

/* Copies that share nothing with what they were made of; all they point to is in mem. */
struct lookup_service lookup_service_copy(struct arena *mem, const struct lookup_service *s);
struct lookup_member lookup_member_copy(struct arena *mem, const struct lookup_member *m);

struct effect_backup {
    uint64_t number;
    struct bytes path; /* absolute */
};

struct effect_log {
    enum log_level level;
    struct bytes text;
};

struct effect {
    enum effect_kind kind;
    uint64_t wait; /* store token; 0: none */
    union {
        struct effect_send send;
        struct effect_reply reply;
        struct bytes publish; /* the frame */
        struct effect_subscribe subscribe;
        struct effect_ring ring;
        struct effect_admit admit;
        struct effect_store store;
        struct effect_claim claim;
        struct effect_start start;
        struct effect_signal signal;
        struct ulid clean;
        struct effect_check check;
        struct effect_read_log read_log;
        struct effect_lookup lookup;
        struct effect_keys keys;
        struct effect_backup backup;
        struct effect_log log;
        struct bytes export_text; /* lines */
        bool again;               /* exit: with what is stored then */
    };
};

struct effects { /* a zeroed one is valid and empty */
    struct effect *items;
    size_t count, cap;
    uint64_t wait; /* stamped on what is added from now on */
    struct arena mem;
};

void effects_deinit(struct effects *e);
void effects_reset(struct effects *e);                    /* also sets wait to 0 */
void effects_swap(struct effects *a, struct effects *b);  /* nothing is copied */
uint64_t effects_wait(struct effects *e, uint64_t token); /* returns the former, to set it back */

/* Appends a deep copy of *effect, wait included; returns it. The one way in for all kinds. */
struct effect *effects_add(struct effects *e, const struct effect *effect);

void effect_send(struct effects *e, struct bytes uri, enum wire_lane lane, struct bytes frame);
void effect_reply(struct effects *e, uint64_t route, struct bytes frame);
void effect_publish(struct effects *e, struct bytes frame);
void effect_subscribe(struct effects *e, struct bytes uri, bool on);
void effect_log(struct effects *e, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One line, for traces and failed tests; secrets are left out. */
void effect_print(struct buf *out, const struct effect *effect);

/* Equal effects give equal bytes and different ones different bytes: what trace hashes are made of.
 */
void effect_encode(struct buf *out, const struct effect *effect);

#endif
