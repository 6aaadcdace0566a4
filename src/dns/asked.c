#include "dns/asked.h"

#include <ctype.h>
#include <ldns/ldns.h>
#include <string.h>

#define BELOW_MAX    (4 + 2 * (DNS_LABEL_MAX + 1)) /* of a name in a domain, about: TAG.NAME.service */
#define REVERSE_4    4                             /* labels before in-addr.arpa */
#define REVERSE_6    32
#define HEX_PER_BYTE 2

static const uint8_t in_addr_arpa[] = "\7in-addr\4arpa";
static const uint8_t ip6_arpa[] = "\3ip6\4arpa";

/* What people's programs take as a part of a host's name, or of a service's with a "_". */
static bool is_label(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)s[i]) && s[i] != '_' && (s[i] != '-' || i == 0 || i + 1 == len))
            return false;
    }
    return true;
}

static bool has_good_labels(const char *text)
{
    for (size_t len; *text; text += len + (text[len] == '.')) {
        len = strcspn(text, ".");
        if (!is_label(text, len))
            return false;
    }
    return true;
}

int domain_read(struct domain *ret, const char *text)
{
    ldns_rdf *name = has_good_labels(text) ? ldns_dname_new_frm_str(text) : NULL;
    int bad = !name || ldns_rdf_size(name) <= 1 || ldns_rdf_size(name) > DNS_NAME_MAX - BELOW_MAX;

    *ret = (struct domain){0};
    if (!bad) {
        ldns_dname2canonical(name);
        ret->len = (uint8_t)ldns_rdf_size(name);
        memcpy(ret->name, ldns_rdf_data(name), ret->len);
    }
    ldns_rdf_deep_free(name);
    return bad;
}

/* The name ends with this one, at a label; how many labels are before, or -1. */
static int labels_before(const struct question *q, const uint8_t *name, size_t len)
{
    if (q->name_len < len)
        return -1;
    size_t from = q->name_len - len;

    if (memcmp(q->lower + from, name, len) != 0)
        return -1;
    for (int i = q->labels; i >= 0; i--) {
        if (q->at[i] == from)
            return i;
    }
    return -1;
}

static struct asked_text label(const struct question *q, unsigned i)
{
    struct asked_text t;

    t.text = question_label(q, i, &t.len);
    return t;
}

static bool is(struct asked_text t, const char *what)
{
    return t.len == strlen(what) && memcmp(t.text, what, t.len) == 0;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 8 or 32 hexadecimal digits. */
static enum asked_kind read_hex(struct asked *a, struct asked_text t)
{
    size_t bytes = t.len / HEX_PER_BYTE;

    if (t.len % HEX_PER_BYTE || (bytes != sizeof(struct in_addr) && bytes != sizeof(a->addr)))
        return ASKED_NOTHING;
    for (size_t i = 0; i < bytes; i++) {
        int high = hex_digit(t.text[2 * i]), low = hex_digit(t.text[2 * i + 1]);

        if (high < 0 || low < 0)
            return ASKED_NOTHING;
        a->addr.s6_addr[i] = (uint8_t)(high << 4 | low);
    }
    a->family = bytes == sizeof(a->addr) ? AF_INET6 : AF_INET;
    return ASKED_ADDRESS;
}

static enum asked_kind read_service(struct asked *a, const struct question *q, int before)
{
    struct asked_text first = label(q, 0), second = label(q, 1);

    if (before == 2) {
        a->name = first;
        return ASKED_SERVICE;
    }
    if (before != 3)
        return ASKED_NOTHING;
    a->name = second;
    a->tag = first;
    if (first.len > 1 && second.len > 1 && first.text[0] == '_' && second.text[0] == '_') {
        a->name = (struct asked_text){first.text + 1, first.len - 1};
        a->tag = (struct asked_text){second.text + 1, second.len - 1};
        a->tag_or_port = true;
        if (is(a->tag, "tcp") || is(a->tag, "udp"))
            a->tag.len = 0;
    }
    return ASKED_SERVICE;
}

/* `before` labels are before the domain. */
static enum asked_kind read_inside(struct asked *a, const struct question *q, int before)
{
    if (before == 0)
        return ASKED_ZONE;
    struct asked_text folder = label(q, (unsigned)before - 1);
    bool service = is(folder, "service"), node = is(folder, "node"), addr = is(folder, "addr");

    if (before == 1)
        return service || node || addr ? ASKED_FOLDER
               : is(folder, "ns")      ? ASKED_SERVER
                                       : ASKED_NOTHING;
    if (service)
        return read_service(a, q, before);
    if (before != 2 || (!node && !addr))
        return ASKED_NOTHING;
    a->name = label(q, 0);
    return node ? ASKED_NODE : read_hex(a, a->name);
}

static bool read_octet(struct asked_text t, uint8_t *ret)
{
    unsigned value = 0;

    if (t.len == 0 || t.len > 3 || (t.len > 1 && t.text[0] == '0'))
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (t.text[i] < '0' || t.text[i] > '9')
            return false;
        value = value * 10 + (unsigned)(t.text[i] - '0');
    }
    *ret = (uint8_t)value;
    return value <= UINT8_MAX;
}

static bool read_reverse_4(struct asked *a, const struct question *q)
{
    a->family = AF_INET;
    for (unsigned i = 0; i < REVERSE_4; i++) {
        if (!read_octet(label(q, i), &a->addr.s6_addr[REVERSE_4 - 1 - i]))
            return false;
    }
    return true;
}

static bool read_reverse_6(struct asked *a, const struct question *q)
{
    a->family = AF_INET6;
    for (unsigned i = 0; i < REVERSE_6; i++) {
        struct asked_text t = label(q, REVERSE_6 - 1 - i);
        int digit = t.len == 1 ? hex_digit(t.text[0]) : -1;

        if (digit < 0)
            return false;
        a->addr.s6_addr[i / 2] = (uint8_t)(a->addr.s6_addr[i / 2] << 4 | digit);
    }
    return true;
}

struct asked asked_of(const struct question *q, const struct domain *domains, unsigned domains_n)
{
    struct asked a = {.kind = ASKED_ELSEWHERE};

    for (unsigned i = 0; i < domains_n; i++) {
        int before = labels_before(q, domains[i].name, domains[i].len);

        if (before < 0)
            continue;
        a.domain = i;
        a.domain_at = q->at[before];
        a.kind = read_inside(&a, q, before);
        return a;
    }
    int before = labels_before(q, in_addr_arpa, sizeof(in_addr_arpa));

    if (before == REVERSE_4 && read_reverse_4(&a, q))
        a.kind = ASKED_REVERSE;
    before = labels_before(q, ip6_arpa, sizeof(ip6_arpa));
    if (before == REVERSE_6 && read_reverse_6(&a, q))
        a.kind = ASKED_REVERSE;
    return a;
}
