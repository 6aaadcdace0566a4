#ifndef KITH_GOSSIP_ADMIT_H
#define KITH_GOSSIP_ADMIT_H
/*
 * Who is behind a frame, and who is let in.
 *
 * Admission rows say which CURVE key belongs to which node, operator or client. A frame's sender is the
 * id its key was admitted for; from a key that is not admitted only `hello` is read, at a bounded rate.
 * On the own outgoing connections no key comes with a frame: whoever answers there has proved that it
 * holds the ring's secret, so it is a member; on a SUB it must be the member whose PUB was connected to.
 * With `insecure` the envelope's sender is believed.
 * A good hello is answered with an admission row (on disk first), the ring's secret half for nodes, and
 * the rows of members, verdicts and admissions.
 * Every frame passes may() here; what a request's payload adds to the question is asked where it is read.
 */
#include "gossip/core.h"
#include "gossip/limit.h"
#include "trust/certificate.h"

/* Hellos read a second, and at once after a quiet time: of one key, and in all. A hello that is not
 * known costs 0.15 ms of signature checks, so this is at most 1.5 % of a core. */
#define ADMIT_HELLOS_KEY       1
#define ADMIT_HELLOS_KEY_BURST 5
#define ADMIT_HELLOS_ALL       100
#define ADMIT_HELLOS_ALL_BURST 200

/* A key that is not known may be news that has not come yet: its holder was let in by another peer just
 * now. It is named when it is still unknown after this time; refused it is at once. */
#define ADMIT_NEWS_TAKES  (3 * KITH_SEC)
#define ADMIT_UNKNOWN_MAX 64

struct admit;

struct admit *admit_new(struct core *core);
void admit_free(struct admit *a);

/* What certificates are checked against, and what is handed to those let in. */
void admit_trust(struct admit *a, const struct ulid *cluster, const struct key32 *issuer);
void admit_ring(struct admit *a, const struct key32 *ring_public, const struct key32 *ring_secret);

/* Writes the own admission row if there is none. */
void admit_self(struct admit *a, struct turn *t, const struct admission_row *row);
/* An admission row: loaded at start, or changed. */
void admit_row(struct admit *a, struct turn *t, const struct row *row);
/* Revokes the keys of a member. */
void admit_revoke(struct admit *a, struct turn *t, const struct ulid *id);

/* As gossip_identify(). `publisher`: on DOOR_SUB, whose PUB the frame came from; NULL: unknown. */
bool admit_identify(struct admit *a, struct turn *t, const struct event_frame *frame,
                    const struct envelope *envelope, const struct ulid *publisher,
                    struct principal *ret);

void admit_time(struct admit *a, struct turn *t);
kith_time admit_deadline(const struct admit *a);

/* hello. False: another kind. The frame is the one that was identified last. */
bool admit_receive(struct admit *a, struct turn *t, const struct incoming *in);

#endif
