#ifndef KITH_GOSSIP_NAMING_H
#define KITH_GOSSIP_NAMING_H
/*
 * Says in the log who sends what cannot be taken, once an hour for each address and reason, and counts
 * the rest. So a host with a wrong token is found, and garbage at full speed is one line.
 *
 * Bound: NAMING_MAX pairs of address and reason. Beyond that the pair whose hour ends first gives way
 * if its hour is over; else the new one is only counted.
 */
#include "state/turn.h"

#define NAMING_MAX   256
#define NAMING_AGAIN KITH_HOUR

/* Why a frame, or something in it, was refused. */
enum refusal {
    REFUSAL_GARBAGE, /* no frame of ours, or one of another cluster or version */
    REFUSAL_PAYLOAD, /* the payload is not what its kind says */
    REFUSAL_KEY,     /* a key that is not admitted sent something other than hello */
    REFUSAL_REVOKED, /* an admitted key that was revoked */
    REFUSAL_SENDER,  /* the key, or the address, belongs to another id than the envelope says */
    REFUSAL_CLONE,   /* the second of two live peers with one id */
    REFUSAL_VERB,    /* this principal may not do that */
    REFUSAL_HELLO,   /* a certificate that does not hold */
    REFUSAL_RATE,    /* more hellos than are read */
    REFUSAL_OWNER,   /* a row that its origin may not write */
    REFUSAL_ROW,     /* not a row, out of bounds, or frozen with other content */
    REFUSAL_AHEAD,   /* a row from the future */
    REFUSALS,
};

const char *refusal_name(enum refusal why); /* "clone" */

struct naming_entry {
    uint64_t who; /* hash of address and reason */
    kith_time again_us;
    uint64_t since; /* refused and not named since the last line */
};

struct naming { /* a zeroed one is valid and empty */
    struct naming_entry entries[NAMING_MAX];
    uint32_t entries_n;
    uint64_t refused[REFUSALS];
    uint64_t unnamed; /* for want of an entry */
};

/* Counts; and writes the line when this address and reason have not been named within the hour. The
 * text says what is wrong and what to do; the address is put before it. `from` empty: from nowhere
 * in particular. Ports of addresses are part of `from` only where the peer itself connected. */
void naming_refuse(struct naming *n, struct turn *t, enum refusal why, struct bytes from,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The two halves, for what is counted at once and named later. */
void naming_count(struct naming *n, enum refusal why);
void naming_name(struct naming *n, struct turn *t, enum refusal why, struct bytes from,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
