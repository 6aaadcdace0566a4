#include "ask.h"

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put16(struct message *m, unsigned value)
{
    m->data[m->len++] = (uint8_t)(value >> 8);
    m->data[m->len++] = (uint8_t)value;
}

void ask_make(struct message *ret, const char *name, uint16_t type, uint16_t edns)
{
    ldns_rdf *wire = NULL;

    memset(ret, 0, sizeof(*ret));
    assert_int_equal(ldns_str2rdf_dname(&wire, name), LDNS_STATUS_OK);
    put16(ret, 0x1234);
    put16(ret, DNS_RD);
    put16(ret, 1);
    put16(ret, 0);
    put16(ret, 0);
    put16(ret, edns ? 1 : 0);
    memcpy(ret->data + ret->len, ldns_rdf_data(wire), ldns_rdf_size(wire));
    ret->len += ldns_rdf_size(wire);
    put16(ret, type);
    put16(ret, DNS_IN);
    ldns_rdf_deep_free(wire);
    if (!edns)
        return;
    ret->len++;
    put16(ret, DNS_OPT);
    put16(ret, edns);
    ret->len += 6;
}

ldns_pkt *ask_read(const uint8_t *data, size_t len)
{
    ldns_pkt *pkt = NULL;

    assert_int_equal(ldns_wire2pkt(&pkt, data, len), LDNS_STATUS_OK);
    return pkt;
}

const char *ask_text(const ldns_rr_list *list, size_t i)
{
    static char texts[8][2048];
    static unsigned next;
    char *out = texts[next++ % 8];
    const ldns_rr *rr = ldns_rr_list_rr(list, i);

    assert_non_null(rr);
    char *type = ldns_rr_type2str(ldns_rr_get_type(rr));
    int len = snprintf(out, sizeof(texts[0]), "%s", type);

    free(type);
    for (size_t k = 0; k < ldns_rr_rd_count(rr); k++) {
        char *data = ldns_rdf2str(ldns_rr_rdf(rr, k));

        len += snprintf(out + len, sizeof(texts[0]) - (size_t)len, " %s", data);
        free(data);
    }
    return out;
}

size_t ask_count(const ldns_rr_list *list, const char *text)
{
    size_t count = 0;

    for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++)
        count += strcmp(ask_text(list, i), text) == 0;
    return count;
}
