#ifndef KITH_TEST_FAKE_PEER_H
#define KITH_TEST_FAKE_PEER_H
/* The other end of a client's connection, in a thread of its own: answers as it was told to. */
#include "trust/certificate.h"

enum fake_mood {
    FAKE_ANSWERS,     /* every request with an info that repeats its payload as the name */
    FAKE_SILENT,      /* takes everything, says nothing */
    FAKE_LATE,        /* first an answer with another correlation, then the right one */
    FAKE_GARBLED,     /* bytes that are no frame */
    FAKE_FOREIGN,     /* as another cluster */
    FAKE_ADMITS,      /* hello first, then as FAKE_ANSWERS */
    FAKE_DEAF_ADMITS, /* the same, but misses the first hello */
    FAKE_REFUSES,     /* says no to hello */
    FAKE_BREAKS,      /* closes its socket at the first request */
};

struct fake_peer;

/* Binds the endpoint ("tcp://127.0.0.1:*" picks a port). `ring` NULL: no CURVE. */
struct fake_peer *fake_peer_new(const char *endpoint, enum fake_mood mood,
                                const struct curve_pair *ring, const struct ulid *cluster);
const char *fake_peer_endpoint(const struct fake_peer *f);
void fake_peer_free(struct fake_peer *f);

#endif
