#ifndef KITH_TRUST_AUTHORITY_H
#define KITH_TRUST_AUTHORITY_H
/*
 * The one question behind every command and frame, whatever door it came through: may this
 * principal do that to this object?
 *
 * Local (whoever may open the daemon's ipc socket) and operators may do everything that people do; only local may name files of
 * the host.
 * A node gossips, and hands on what its own clients asked. A client reads, publishes and subscribes.
 * Nobody says hello and nothing else. A revoked key may do nothing, hello included. What is not
 * listed is refused.
 */
#include "wire/gen/kinds.h"
#include "wire/gen/trust.h"

enum authority_verb {
    AUTHORITY_NOTHING,   /* no verb of ours: refused to everyone */
    AUTHORITY_HELLO,     /* ask to be admitted */
    AUTHORITY_GOSSIP,    /* membership, records, repair */
    AUTHORITY_FORWARD,   /* hand on a client's request; what is in it is asked about again */
    AUTHORITY_ANSWER,    /* answer what was asked */
    AUTHORITY_READ,      /* members, services, instances, events, ... */
    AUTHORITY_LOGS,      /* read what an instance printed: it may hold secrets */
    AUTHORITY_APPLY,     /* run programs on the cluster's hosts */
    AUTHORITY_CHANGE,    /* scale, stop, start, restart, rm */
    AUTHORITY_REGISTER,  /* say that a service answers somewhere, or no longer does */
    AUTHORITY_KEYS,      /* change keys, open and end sessions */
    AUTHORITY_BACKUP,    /* have the peer write its registry into a file of its host */
    AUTHORITY_HALT,      /* stop everything, daemons included */
    AUTHORITY_MEMBER,    /* this peer joins or leaves */
    AUTHORITY_FORGET,    /* drop a dead member, revoke its key */
    AUTHORITY_PUBLISH,   /* send messages on topics */
    AUTHORITY_SUBSCRIBE, /* and get them */
};

struct authority_subject {
    enum principal_kind kind;
    const struct bytes *roles; /* of the certificate; no rule looks at them yet */
    uint32_t roles_n;
    bool revoked;
};

/* `object` is what it is done to: a service's name, a node's id, or empty for the whole cluster. No
 * rule looks at it yet, but every caller says it, so that a rule which does needs no new callers.
 */
bool may(const struct authority_subject *who, enum authority_verb verb, struct bytes object);

/* What a frame of this kind wants to do. `change` with stop_all in it is AUTHORITY_HALT, which only
 * its payload tells. AUTHORITY_NOTHING for a kind that is not ours. */
enum authority_verb authority_verb_of(uint32_t kind);

#endif
