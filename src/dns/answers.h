#ifndef KITH_DNS_ANSWERS_H
#define KITH_DNS_ANSWERS_H
/*
 * The answers to one name and type, as the bytes that go into messages; and the messages made of them. Records are made
 * once by ldns, when something changed, and then copied: into each message in another order, as many as fit. Pure.
 *
 * A record's owner is the question's name, so it begins with a pointer to that, and means the same wherever it stands.
 * The address of a record's target (SRV) goes with it as an additional record, whose owner is a pointer to that target.
 *
 * What does not fit: additional records are left out without a word (RFC 2181, 9); when a record of the answer is, TC is
 * set, so that the client asks again by TCP.
 */
#include "base/bytes.h"
#include "dns/question.h"

#include <netinet/in.h>

#define ANSWERS_NO_ADDRESS UINT32_MAX

struct answer_record {
    uint32_t at; /* in the bytes */
    uint16_t len;
    uint16_t target_at; /* in the record; 0: none */
    uint32_t address;   /* which of the addresses is the target's, or ANSWERS_NO_ADDRESS */
};

struct answer_address {
    uint32_t at;
    uint16_t len;
    uint32_t seen; /* in which message it was last, so that it is in each once */
};

struct answers { /* one piece of memory */
    struct answer_record *records;
    struct answer_address *addresses;
    const uint8_t *bytes;
    uint32_t records_n, addresses_n, bytes_n;
    uint32_t turn;     /* where the next message begins */
    uint32_t messages; /* made of it */
    size_t size;       /* of the memory */
    bool ordered;      /* as they stand: no turns */
};

/* ---- making them ---- */

struct answers_draft; /* grows; bounded by what a message can hold */

struct answers_draft *answers_begin(uint32_t ttl_s);
/* All that is here is put together, and the draft is gone. Free with mem_free(). */
struct answers *answers_end(struct answers_draft *d, bool ordered);

/* Each adds one record, unless it is there already or no message could hold it as well; false: not added. */
bool answers_add_address(struct answers_draft *d, int family, const void *addr);
bool answers_add_name(struct answers_draft *d, uint16_t type,
                      struct bytes name); /* CNAME, PTR, NS; as in messages */
bool answers_add_soa(struct answers_draft *d, struct bytes server, struct bytes mail,
                     uint32_t serial, uint32_t negative_ttl_s);
bool answers_add_texts(struct answers_draft *d, const struct bytes *texts,
                       size_t n);                /* TXT; longer ones are cut */
bool answers_add_hinfo(struct answers_draft *d); /* RFC 8482 */
/* Its target is `name`, as in messages; with family AF_UNSPEC nothing is said of its address. */
bool answers_add_srv(struct answers_draft *d, uint16_t priority, uint16_t weight, uint16_t port,
                     struct bytes name, int family, const void *addr);

/* ---- messages ---- */

struct answer_how {
    enum dns_rcode rcode;
    uint16_t flags;     /* DNS_AA, DNS_TC, DNS_RA: beside what the question's flags lead to */
    size_t room;        /* the message may have so many bytes; DNS_UDP_PLAIN at least */
    int ede;            /* extended error (RFC 8914), for clients with EDNS; -1: none */
    uint32_t ttl_max_s; /* of all records */
    const struct answers *authority; /* of a negative answer: the zone's SOA; NULL: none */
    uint8_t authority_at;            /* where the zone begins in the question's name */
};

#define ANSWER_EDE_STALE             3 /* of RFC 8914 */
#define ANSWER_EDE_NOT_READY         14
#define ANSWER_EDE_PROHIBITED        18
#define ANSWER_EDE_NOT_AUTHORITATIVE 20

/* Writes the answer to a question; `a` may be NULL: no records. Its length; `out` has how->room bytes. */
size_t answers_write(uint8_t *out, const struct question *q, struct answers *a,
                     const struct answer_how *how);

#endif
