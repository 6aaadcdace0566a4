#ifndef KITH_DNS_ZONE_H
#define KITH_DNS_ZONE_H
/*
 * What this peer knows of a name: out of the look-up file (store/lookup_map.h), as any reader of it, so that nothing is asked
 * of the peer's thread and nothing is held twice. Pure but for reading that memory.
 *
 *     A, AAAA    of a service: the addresses of its healthy endpoints, each once. An address that is a name: CNAME, where
 *                there is no other
 *     SRV        a record for each port of a healthy endpoint; the target is HEX.addr.DOMAIN (asked.h)
 *     TXT        of a service: a record for each endpoint, with instance=, node=, addr=, port=, port_name=, tag=;
 *                of a member: id=, name=, state=, and its tags as K=V
 *     PTR        of an address: the members there
 *     SOA, NS    of the zone; its server is ns.DOMAIN, this peer; the serial is the look-up file's index
 *     ANY        HINFO "RFC8482", whatever there is
 *
 * A service that Kith knows, none of whose endpoints is healthy, has no records; a tag that no endpoint has, and a service
 * that is not there, do not exist.
 */
#include "dns/answers.h"
#include "dns/asked.h"
#include "dns/nodes.h"

#define ZONE_LOOKED_AT                                                                             \
    4096 /* endpoints of one service: no message holds more; which ones changes from time to time */

struct zone_config { /* borrowed as long as the zone */
    struct domain domains[ASKED_DOMAINS_MAX];
    unsigned domains_n;
    uint32_t ttl_s, negative_ttl_s;
    bool near;  /* nearest first, and in every answer so */
    int family; /* of this peer's own address; AF_UNSPEC: not known */
    uint8_t addr[sizeof(struct in6_addr)];
};

enum zone_result {
    ZONE_ABSENT = 1, /* there is no such name */
    ZONE_UNREADABLE, /* the file is damaged */
};

struct zone_answer {
    struct answers
        *answers;         /* the caller's, to be freed by mem_free(); NULL: nothing of this type */
    bool part;            /* not all there is: another part next time */
    const uint64_t *word; /* the answer holds while this is `value`; NULL: for this time */
    uint64_t value;
};

/* The records of the question's type at what it asks for. 0, or an enum zone_result; *ret in any case. `turn` says which part
 * of very many. The map is open. */
int zone_look(struct zone_answer *ret, const struct zone_config *config,
              const struct lookup_map *map, const struct nodes *nodes, const struct question *q,
              const struct asked *asked, uint32_t turn);

/* The SOA for negative answers of a domain: its TTL is that of the answer. */
struct answers *zone_soa(const struct zone_config *config, unsigned domain, uint32_t serial);

#endif
