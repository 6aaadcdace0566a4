#ifndef KITH_DNS_ASKED_H
#define KITH_DNS_ASKED_H
/*
 * What a name asks for. Pure.
 *
 *     DOMAIN                             SOA and NS of the zone
 *     NAME.service.DOMAIN                the endpoints of a service
 *     TAG.NAME.service.DOMAIN            those of them that have the tag
 *     _NAME._TAG.service.DOMAIN          the same as RFC 2782 writes it; TAG may also be the name of a port, and _tcp and
 *                                        _udp stand for any
 *     NAME.node.DOMAIN                   a member
 *     HEX.addr.DOMAIN                    the address that is written so: what SRV records point to, because it is true
 *                                        by itself, whatever becomes of the endpoint
 *     ns.DOMAIN                          this peer
 *     4.3.2.1.in-addr.arpa, ....ip6.arpa the member at that address
 *
 * DOMAIN is one of up to ASKED_DOMAINS_MAX.
 */
#include "dns/question.h"

#include <netinet/in.h>

#define ASKED_DOMAINS_MAX 2

struct domain { /* as in messages, in lower case */
    uint8_t name[DNS_NAME_MAX];
    uint8_t len;
};

/* "kith" or "svc.example.com.", in whatever case. Not 0: it is no name, or leaves no room below it. */
int domain_read(struct domain *ret, const char *text);

enum asked_kind {
    ASKED_ELSEWHERE, /* in none of the domains */
    ASKED_NOTHING,   /* in one of them, and there can be no such name */
    ASKED_ZONE,
    ASKED_FOLDER, /* a name that others are below: there is nothing at it */
    ASKED_SERVER,
    ASKED_SERVICE,
    ASKED_NODE,
    ASKED_ADDRESS,
    ASKED_REVERSE,
};

struct asked_text { /* a label, borrowed from the question */
    const char *text;
    size_t len;
};

struct asked {
    enum asked_kind kind;
    unsigned domain;        /* which of them; for ASKED_REVERSE the first */
    uint8_t domain_at;      /* where it begins in the name; for ASKED_REVERSE: 0 */
    struct asked_text name; /* of the service or member */
    struct asked_text tag;  /* len 0: none */
    bool tag_or_port;       /* the tag may be the name of the port */
    int family;             /* of the address: AF_INET or AF_INET6 */
    struct in6_addr addr;   /* its first 4 bytes for AF_INET */
};

struct asked asked_of(const struct question *q, const struct domain *domains, unsigned domains_n);

#endif
