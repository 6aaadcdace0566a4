#ifndef KITH_HTTP_EXCHANGE_H
#define KITH_HTTP_EXCHANGE_H
/*
 * One request and its answer, as handlers see them. A handler looks at the request, and then does one of three things:
 * it fills in the answer; it waits for a change of a resource (exchange_blocks()) and is called once more then; or
 * it asks the peer (exchange_ask()), and what the peer says is made an answer by another function. It never
 * blocks, and keeps nothing between calls but what is in here.
 *
 * Who may: reads are for every process of this host, and for those of other hosts that bring the token (as X-Consul-Token,
 * as a bearer token, or as the parameter `token`); changes are for all that bring it, from other hosts by TLS only, since they
 * would send it over the network in the clear. No page of another site changes anything, whatever it has got,
 * nor opens a WebSocket, which its browser would let it read.
 *
 * Below /api an answer to a GET has an ETag, which is its index where it has one, else a hash of what it says; who brings it back as
 * If-None-Match is told 304. An answer of the peer has no index, nobody tells when it changes: whoever waits for that
 * (exchange_waits()) has the peer asked again, EXCHANGE_AGAIN_US apart and more the more of them wait, up to EXCHANGE_AGAIN_MAX.
 *
 * Errors have one shape: {"error": {"code": "not_found", "text": "..."}}; and where Consul's clients ask, the text alone, as
 * Consul's own agent answers.
 */
#include "http/cache.h"
#include "http/directory.h"
#include "http/event_list.h"
#include "http/route.h"
#include "http/shelf.h"
#include "shell/times.h"
#include "wire/wire.h"

#define EXCHANGE_WAIT_US     (5 * KITH_MIN) /* for a change, when the client does not say; as Consul */
#define EXCHANGE_WAIT_MAX_US (10 * KITH_MIN) /* no client is waited for longer, gone or not */
#define EXCHANGE_CATCH_UP_US KITH_SEC        /* for what was changed to be read here */
#define EXCHANGE_ASK_US      (10 * KITH_SEC) /* for the peer's answer: a write waits for the disk */

#define EXCHANGE_AGAIN_US (250 * KITH_MS)
#define EXCHANGE_AGAIN_FOR_US                                                                      \
    (20 * KITH_MS) /* the later for each who waits so: 50 questions a second */
#define EXCHANGE_AGAIN_MAX 64u

/* A long answer is written so far at a time, below a millisecond: then others are served. */
#define EXCHANGE_SLICE_BYTES    (64u << 10)
#define EXCHANGE_SLICE_SERVICES 128u
#define EXCHANGE_APART_US       100 /* who waits to write looks so much later for each that does */

#define HUB_CLASSES 6

struct messages;

struct hub { /* what all exchanges share; the HTTP thread's */
    struct directory directory;
    struct shelf shelf;
    struct event_list events;
    struct cache cache;
    struct messages *messages; /* streams of them (messages.h) */
    struct ulid self;
    const char *name;    /* of this host */
    const char *address; /* ADDR:PORT that is listened on first */
    const char *version;
    struct bytes token;             /* who may change things; empty: everybody may (--insecure) */
    kith_time now_us;               /* monotonic, of this turn */
    kith_time (*age_us)(void *arg); /* since the peer's thread last said that all is so */
    void *arg;
    uint64_t requests[HUB_CLASSES];   /* by the status' first digit; these are for /metrics */
    uint64_t blocked, woken, refused; /* that waited for a change, saw it, were too many to wait */
    struct times times;               /* of those that did not wait for a change */
    void (*more_metrics)(void *arg,
                         struct buf *out); /* what others tell of themselves; NULL: none */
    void *more_arg;
    uint32_t connections, parked;
    uint64_t sent_away;            /* connections that were too many, or idle for too long */
    uint32_t again;                /* exchanges that wait for the peer to answer something else */
    uint32_t writing;              /* exchanges with a long answer that is not written whole */
    const struct exchange *writer; /* of these, the one whose turn it is; NULL: nobody's */
};

enum exchange_state {
    EXCHANGE_READY,     /* answer as it stands */
    EXCHANGE_PARKED,    /* waits for a change of a resource */
    EXCHANGE_ASKING,    /* waits for the peer */
    EXCHANGE_STREAMING, /* tells of changes until its end: x->stream */
    EXCHANGE_WRITING,   /* goes on with its answer when others were served */
};

struct exchange;
struct stream;
/* The peer's answer: a message of this kind; `failed` is answered before. */
typedef void exchange_answered(struct exchange *x, enum wire_kind kind, struct bytes payload);

/* Appends what the answer says of a service. */
typedef void exchange_each(struct exchange *x, const struct dir_service *s);

/* What is to change until the answer may go out; NULL: it may. */
typedef struct resource *exchange_behind(struct exchange *x);

struct answer {
    unsigned status;
    const char *type;          /* static; the content's */
    const char *allow, *retry; /* headers, NULL: none; in the exchange's mem */
    const char *next;          /* X-Kith-Cursor: where the next page begins; likewise */
    uint64_t tag;              /* ETag; 0: none */
    struct buf body;
    const struct resource *about; /* its index goes with the answer; NULL: none */
    bool
        fleeting; /* it can change while the index does not, so it is not kept; or it is a kept one */
    bool lasting; /* it stays the same until the index changes: what was kept, or is kept now */
    uint64_t index;
};

struct exchange {
    struct hub *hub;
    struct arena mem; /* lives as long as the exchange */
    unsigned method;
    struct bytes raw; /* target, as it came */
    struct target target;
    struct route_match match;
    struct buf body;         /* of the request */
    struct bytes token;      /* that it came with; empty: none */
    bool from_here;          /* from a process of this host */
    bool secure;             /* by TLS */
    bool upgrades;           /* it asks for a WebSocket */
    bool from_page;          /* a browser says that a page of another site asks */
    bool consul;             /* below /v1: errors as Consul's */
    bool native;             /* below /api */
    struct bytes known;      /* If-None-Match; empty: none */
    struct bytes last_event; /* Last-Event-ID; empty: none */
    bool gone;               /* its client has gone: nobody waits any more */
    struct answer answer;

    enum exchange_state state;
    struct watcher watcher;
    bool waited; /* it has waited for a change, or until its time was over */
    uint64_t
        catches_up; /* the answer is there, and waits until the shelf has been told so much; 0: it does not */
    kith_time until_us;    /* of waiting or asking */
    kith_time within_us;   /* the peer is to answer; 0: EXCHANGE_ASK_US */
    kith_time again_us;    /* until when the peer is asked again; 0: it is asked once */
    bool again;            /* it waits to ask again */
    struct stream *stream; /* stream.h */
    bool unsettled; /* the answer is one that will change: it is waited for without an index, too */
    enum wire_kind ask; /* the question, encoded in `question` */
    struct buf question;
    exchange_answered *answered;
    exchange_behind *behind; /* the answer is there, and waits for this; NULL: it does not */
    void *work;              /* a handler's own, between the peer's answers or slices; in mem */
    exchange_each *each;     /* of a long answer that is not written whole; NULL: it is none */
    const struct ulid *on;   /* its services are those on this node; NULL: all */
    struct bytes at;         /* its last service that is written; in mem */
    char closes;             /* its last byte */
};

void exchange_deinit(struct exchange *x);

/* The target (borrowed as long as the exchange) is read and the route found; both may fail, and then the answer says so.
 * The handler is called. */
void exchange_begin(struct exchange *x, const struct route_table *const *tables, struct bytes raw);
/* What it waited for has changed, or its time is over: the handler is called again. */
void exchange_resume(struct exchange *x);
/* The peer answered; or it did not in time (payload of no length, kind 0). */
void exchange_take(struct exchange *x, enum wire_kind kind, struct bytes payload);

/* ---- for handlers ---- */

/* The answer is about this resource. True: the client knows this state of it, and wants to wait for the next one (parameters
 * index and wait); the handler returns, and is called again. The answer may also be there by then: an error, or one that
 * was kept (cache.h). */
bool exchange_blocks(struct exchange *x, struct resource *r);

/* What the peer will answer is waited for, as long as `wait` says: until it is another than at `index`, which is its tag; and
 * while the function that makes the answer sets x->unsettled. 0, or 1: the answer is that it cannot be. */
int exchange_waits(struct exchange *x);

/* Asks the peer as its own socket's clients do: `question` is the encoded message, taken over. */
void exchange_ask(struct exchange *x, enum wire_kind kind, struct buf question,
                  exchange_answered *answered);

/* The answer as it stands goes out when the shelf has been told so much (keys_changed.told): so that a client that reads what it
 * has just written finds it. */
void exchange_catch_up(struct exchange *x, uint64_t number);

/* The answer as it stands goes out when `behind` says so, at once or after changes, or after EXCHANGE_CATCH_UP_US. */
void exchange_until(struct exchange *x, exchange_behind *behind);

/* Long answers: goes on with the answer that has been begun, by what `each` says of each service (on a node; NULL: on any) in order of name, and
 * closes it with this bracket. Between two slices (EXCHANGE_SLICE_BYTES) others are served, and the registry may change: so the answer is about
 * each service as it was at its index or later, and is kept only when nothing changed. One is written at a time: those that wait for that hold no
 * more than their begin. What it is about stays for as long as the exchange; `node` likewise. */
void exchange_write(struct exchange *x, const struct ulid *node, exchange_each *each, char bracket);

/* An empty answer of JSON, to be written into the body. */
struct buf *answer_json(struct exchange *x);
void answer_text(struct exchange *x, const char *type, const char *text);
void answer_error(struct exchange *x, unsigned status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
