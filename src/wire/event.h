#ifndef KITH_WIRE_EVENT_H
#define KITH_WIRE_EVENT_H
/*
 * What happens to a peer: the only way anything gets into the machine.
 *
 * An event and all it points to is borrowed for the one peer_step() it is passed to. Text that may
 * be absent has len 0.
 */
#include "base/time.h"
#include "wire/wire.h"

enum event_kind {
    EVENT_START,         /* first event of a machine, exactly once */
    EVENT_FRAME,         /* a frame came in */
    EVENT_TIME,          /* the deadline that peer_deadline() asked for */
    EVENT_STORED,        /* store batches up to and including a token are on disk */
    EVENT_STORE_FAILED,  /* the batch with this token, and those after it, were not stored */
    EVENT_LINK,          /* a connection opened or closed: a hint, never a verdict */
    EVENT_CLAIMED,       /* answer to EFFECT_CLAIM */
    EVENT_STARTED,       /* answer to EFFECT_START: the process runs, or could not be started */
    EVENT_EXITED,        /* a process ended; its exit status is kept until EFFECT_CLEAN */
    EVENT_CHECKED,       /* answer to EFFECT_CHECK */
    EVENT_LOG_READ,      /* answer to EFFECT_READ_LOG */
    EVENT_LOOKUP_FAILED, /* what EFFECT_LOOKUP told could not be written: it is not shown */
    EVENT_SAMPLE,        /* how busy the host is, about once a second */
    EVENT_COUNTED,       /* answer to EFFECT_COUNT */
    EVENT_BACKED_UP,     /* answer to EFFECT_BACKUP */
    EVENT_FLUSH,         /* there are no more frames, though the last said so */
    EVENT_STOP, /* the daemon was told to end: SIGTERM (leave false) or SIGINT (leave true) */
};

/* Which socket a frame came in by: the door decides what may come through it. */
enum door {
    DOOR_PROBE, /* ROUTER for probes and membership; also answers on own DEALERs to such */
    DOOR_BULK,  /* ROUTER for state, bulk and clients; also answers on own DEALERs to such */
    DOOR_SUB,   /* a neighbour's PUB */
    DOOR_LOCAL, /* the daemon's ipc socket: file permissions are the authority */
};

/* A stored row that is not replicated: name -> value. Names of the machine's own start with a
 * lower-case word, see peer.h. */
struct local_row {
    struct bytes name;
    struct bytes value;
};

/* An instance whose kith-run directory was found at start. */
struct found_instance {
    struct ulid instance;
    bool running;
    uint32_t pid;        /* of the service's process, 0 when not running */
    int64_t exit_status; /* when not running: exit code, or minus the signal; INT64_MIN unknown */
    int64_t started_ms;  /* wall clock */
    const struct bound_port *ports; /* as given when it was started */
    uint32_t ports_n;
};

struct event_start {
    uint64_t seed;       /* of the random stream */
    struct ulid cluster; /* zero: learnt from the token or hello_ok */
    struct ulid node;
    struct ulid boot; /* new at every start */
    struct bytes name;
    struct bytes host; /* address that services of this host bind and are reached at */
    const struct member_addr *addrs; /* advertised */
    uint32_t addrs_n;
    const struct bytes *seeds; /* URIs of probe ROUTERs */
    uint32_t seeds_n;
    const struct pair *tags;
    uint32_t tags_n;
    struct resources capacity;
    uint16_t port_low, port_high; /* range given to instances, both ends included */
    bool wan;                     /* profile: longer time-outs */
    kith_time tombstones_us; /* period of their collection; 0: the default (gossip/confirm.h) */
    kith_time conflicts_us;  /* how long overwritten concurrent values are kept; 0: the default */
    kith_time
        horizon_us; /* whoever is dead for so long is forgotten; 0: the default (gossip/reap.h) */
    bool lookups;   /* EFFECT_LOOKUP is wanted */
    bool keys;      /* EFFECT_KEYS is wanted */
    bool insecure;  /* no keys: the envelope's sender is believed */
    struct key32 sign_public; /* own Ed25519 pair */
    uint8_t sign_secret[64];
    struct bytes token;          /* struct token, encoded; len 0 when none was given */
    struct bytes version;        /* of the program, for people */
    const struct bytes *records; /* every stored record, as it was stored */
    size_t records_n;
    const struct local_row *locals;
    size_t locals_n;
    const struct bytes *restored; /* records of a backup; see state/restore.h */
    size_t restored_n;
    const struct found_instance *found;
    uint32_t found_n;
};

struct event_frame {
    enum door door;
    /* Another event follows, at once or when the batch that is being written is on disk: what this one changes may
     * leave with what that one does, to the disk, to others and to look-ups. What it answers to its sender leaves as
     * always. */
    bool more;
    uint64_t route;    /* where EFFECT_REPLY goes; 0: cannot be answered */
    struct key32 key;  /* CURVE public key of the sender; zero on DOOR_LOCAL, DOOR_SUB, insecure */
    struct bytes from; /* text address for logs; for answers and DOOR_SUB the URI connected to */
    struct bytes frame;
};

struct event_link {
    struct bytes uri; /* of an own outgoing connection */
    bool up;
};

struct event_claimed {
    struct ulid instance;
    const struct bound_port *ports; /* those that could not be bound; none: all are free */
    uint32_t ports_n;
};

struct event_started {
    struct ulid instance;
    uint32_t pid; /* 0: could not be started, see why */
    int64_t started_ms;
    struct bytes why;
};

struct event_exited {
    struct ulid instance;
    int64_t exit_status; /* exit code, or minus the signal; INT64_MIN: unknown */
};

struct event_checked {
    struct ulid instance;
    uint64_t number; /* as in the effect */
    bool ok;
    int64_t took_us;
    struct bytes text; /* such as "GET / -> 503" or "timed out after 500 ms" */
};

struct event_log_read {
    uint64_t request; /* as in the effect */
    uint64_t offset, next;
    struct bytes data;
    struct bytes why; /* not empty: it could not be read */
};

struct event_backed_up {
    uint64_t number;
    uint64_t bytes;   /* of the file */
    struct bytes why; /* not empty: it could not be written */
};

struct event_sample {         /* since the last one; what cannot be found out is 0 */
    uint16_t cpu_permille;    /* of all processors, busy */
    uint16_t memory_permille; /* not available */
};

/* What the world around the machine counts: connections, queues. */
struct event_counted {
    const struct counter *counters;
    uint32_t counters_n;
};

struct event {
    enum event_kind kind;
    kith_time now_us; /* monotonic */
    kith_time wall_us;
    union {
        struct event_start start;
        struct event_frame frame;
        uint64_t token; /* EVENT_STORED, EVENT_STORE_FAILED */
        struct event_link link;
        struct event_claimed claimed;
        struct event_started started;
        struct event_exited exited;
        struct event_checked checked;
        struct event_log_read log_read;
        struct event_sample sample;
        struct event_counted counted;
        struct event_backed_up backed_up;
        bool leave; /* EVENT_STOP */
    };
};

/* One line, for traces and failed tests; secrets are left out. */
void event_print(struct buf *out, const struct event *event);

/* As effect_encode(): what trace hashes are made of. */
void event_encode(struct buf *out, const struct event *event);

#endif
