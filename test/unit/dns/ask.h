#ifndef KITH_TEST_DNS_ASK_H
#define KITH_TEST_DNS_ASK_H
/* Queries as clients send them, and answers as clients read them (by ldns, which src/dns reads nothing with). */
#include "dns/question.h"

#include <ldns/ldns.h>

struct message {
    uint8_t data[DNS_MESSAGE + 1];
    size_t len;
};

/* A query with RD for the name; edns 0: without. */
void ask_make(struct message *ret, const char *name, uint16_t type, uint16_t edns);

/* The answer, read; fails the test when it is none. Free with ldns_pkt_free(). */
ldns_pkt *ask_read(const uint8_t *data, size_t len);

/* One record as text, without owner, TTL and class: "SRV 1 100 80 7f000001.addr.kith."; in one of some places. */
const char *ask_text(const ldns_rr_list *list, size_t i);

/* As many of its records have this text. */
size_t ask_count(const ldns_rr_list *list, const char *text);

#endif
