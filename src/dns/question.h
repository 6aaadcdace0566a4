#ifndef KITH_DNS_QUESTION_H
#define KITH_DNS_QUESTION_H
/*
 * What a DNS message asks: its header, its one question, and what it says by EDNS(0) (RFC 1035, 6891). Pure; allocates
 * nothing for what resolvers send, because every query passes here.
 *
 * A question's name is the first in its message, so a compression pointer in it could only lead into the header or to
 * itself: there is none in an honest one, and it is refused. Of records behind the question (TSIG, cookies) only OPT is looked
 * at; the others are passed over without following their names, so that no message costs more than its length. (ldns
 * follows up to 65,535 pointers for a name: it is not given what anybody sends.)
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_HEADER     12
#define DNS_NAME_MAX   255 /* bytes of a name as it stands in messages, with the root's zero */
#define DNS_LABEL_MAX  63
#define DNS_LABELS_MAX 127
#define DNS_UDP_PLAIN  512 /* what every client takes */
#define DNS_UDP_MAX                                                                                \
    1232 /* the most that is sent by UDP: more would be cut into fragments somewhere */
#define DNS_MESSAGE           65535
#define DNS_RECORDS_LOOKED_AT 16 /* behind the question; a message with more is refused */

enum dns_type {
    DNS_A = 1,
    DNS_NS = 2,
    DNS_CNAME = 5,
    DNS_SOA = 6,
    DNS_PTR = 12,
    DNS_HINFO = 13,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_SRV = 33,
    DNS_OPT = 41,
    DNS_META_FIRST = 128, /* types from here to 254 are no data: transfers, keys of transactions */
    DNS_META_LAST = 254,
    DNS_ANY = 255,
};

enum dns_class { DNS_IN = 1, DNS_CLASS_ANY = 255 };

enum dns_rcode {
    DNS_NOERROR = 0,
    DNS_FORMERR = 1,
    DNS_SERVFAIL = 2,
    DNS_NXDOMAIN = 3,
    DNS_NOTIMP = 4,
    DNS_REFUSED = 5,
    DNS_RCODES = 6,   /* those above are counted one by one */
    DNS_BADVERS = 16, /* its upper bits stand in the OPT record */
};

enum dns_flags { /* of the header's second word */
                 DNS_QR = 0x8000,
                 DNS_OPCODE = 0x7800,
                 DNS_AA = 0x0400,
                 DNS_TC = 0x0200,
                 DNS_RD = 0x0100,
                 DNS_RA = 0x0080,
                 DNS_CD = 0x0010,
};

struct question {
    const uint8_t *message; /* borrowed: as long as what was read */
    size_t end;         /* of header and question in it; DNS_HEADER: no question could be read */
    uint16_t id, flags; /* flags: as they came */
    uint16_t type, class;
    uint8_t name_len, labels; /* the root alone: 1 and 0 */
    uint16_t room;            /* the client takes so much by UDP, DNS_UDP_PLAIN to DNS_UDP_MAX */
    bool edns;
    uint8_t version;             /* of EDNS */
    uint8_t lower[DNS_NAME_MAX]; /* the name as in messages, in lower case */
    uint8_t
        at[DNS_LABELS_MAX + 1]; /* where each label's length stands in it; the last: the root's */
};

enum question_problem {
    QUESTION_IGNORED =
        1, /* too short for a header, or a response: no answer, or two servers would go on for ever */
    QUESTION_BROKEN, /* FORMERR; `id` and `flags` are there */
    QUESTION_OTHER,  /* NOTIMP: an opcode that is not QUERY; as above */
};

/* 0, or an enum question_problem. Whether the type, class and EDNS version can be answered is not decided here. */
int question_read(struct question *ret, const uint8_t *message, size_t size);

/* One label of the lower-case name, by its number from the left; its length in *ret_len. */
static inline const char *question_label(const struct question *q, unsigned i, size_t *ret_len)
{
    *ret_len = q->lower[q->at[i]];
    return (const char *)&q->lower[q->at[i] + 1];
}

#endif
