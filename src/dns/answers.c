#include "dns/answers.h"

#include "base/buf.h"
#include "base/mem.h"

#include <ldns/ldns.h>
#include <string.h>

#define OWNER       2 /* bytes of the pointer that stands for a record's owner */
#define OWNER_ASKED (0xc000 | DNS_HEADER)
#define TTL_AT      6
#define FIXED       12 /* bytes of a record before its data */
#define SRV_TARGET  (FIXED + 6)
#define POINTER_MAX 0x3fff /* of an offset that a pointer can hold */
#define OPT_BYTES   11
#define EDE_BYTES   6
#define EDE_CODE    15
#define STRING_MAX  255
#define SEEN_MIN    16
#define HASH_FACTOR UINT64_C(0x9e3779b97f4a7c15)

/* ---- making them ---- */

struct answers_draft {
    struct buf bytes;
    struct answer_record *records;
    struct answer_address *addresses;
    uint32_t records_n, addresses_n, records_cap, addresses_cap;
    uint32_t ttl_s;
    uint32_t whole;    /* bytes that a message with all of it would have */
    uint32_t *seen;    /* by hash: 1 and where the record of an address begins */
    uint32_t *seen_no; /* and which it is */
    uint32_t seen_n, seen_cap;
    ldns_buffer *wire;
    ldns_rdf *root;
};

struct answers_draft *answers_begin(uint32_t ttl_s)
{
    struct answers_draft *d = mem_alloc(sizeof(*d));

    d->ttl_s = ttl_s;
    d->wire = ldns_buffer_new(DNS_UDP_PLAIN);
    d->root = ldns_dname_new_frm_str(".");
    return d;
}

static void free_draft(struct answers_draft *d)
{
    ldns_buffer_free(d->wire);
    ldns_rdf_deep_free(d->root);
    buf_deinit(&d->bytes);
    mem_free(d->records);
    mem_free(d->addresses);
    mem_free(d->seen);
    mem_free(d->seen_no);
    mem_free(d);
}

struct answers *answers_end(struct answers_draft *d, bool ordered)
{
    size_t records = d->records_n * sizeof(*d->records);
    size_t addresses = d->addresses_n * sizeof(*d->addresses);
    size_t size = sizeof(struct answers) + records + addresses + d->bytes.len;
    struct answers *a = mem_alloc(size);
    uint8_t *at = (uint8_t *)(a + 1);

    *a = (struct answers){.records_n = d->records_n,
                          .addresses_n = d->addresses_n,
                          .bytes_n = (uint32_t)d->bytes.len,
                          .size = size,
                          .ordered = ordered};
    a->records = (struct answer_record *)(void *)at;
    a->addresses = (struct answer_address *)(void *)(at + records);
    a->bytes = at + records + addresses;
    if (records)
        memcpy(a->records, d->records, records);
    if (addresses)
        memcpy(a->addresses, d->addresses, addresses);
    if (d->bytes.len)
        memcpy(at + records + addresses, d->bytes.data, d->bytes.len);
    free_draft(d);
    return a;
}

/* The record's bytes, behind what is there, with a pointer for its owner; frees it. Their number; 0: it cannot be
 * written, or no message could hold it as well. */
static uint16_t write_record(struct answers_draft *d, ldns_rr *rr)
{
    static const uint8_t owner[OWNER] = {OWNER_ASKED >> 8, OWNER_ASKED & 0xff};
    uint16_t len = 0;

    if (!rr || !d->wire || !d->root) {
        ldns_rr_free(rr);
        return 0;
    }
    ldns_buffer_clear(d->wire);
    if (ldns_rr2buffer_wire(d->wire, rr, LDNS_SECTION_ANSWER) == LDNS_STATUS_OK) {
        /* The root, which is its owner for ldns, is one byte. */
        size_t bytes = ldns_buffer_position(d->wire) - 1 + OWNER;

        if (d->whole + bytes <= DNS_MESSAGE) {
            len = (uint16_t)bytes;
            buf_append(&d->bytes, owner, OWNER);
            buf_append(&d->bytes, ldns_buffer_at(d->wire, 1), bytes - OWNER);
            d->whole += len;
        }
    }
    ldns_rr_free(rr);
    return len;
}

static ldns_rr *new_record(struct answers_draft *d, uint16_t type)
{
    ldns_rr *rr = ldns_rr_new();

    if (!rr)
        return NULL;
    ldns_rr_set_owner(rr, ldns_rdf_clone(d->root));
    ldns_rr_set_type(rr, (ldns_rr_type)type);
    ldns_rr_set_class(rr, LDNS_RR_CLASS_IN);
    ldns_rr_set_ttl(rr, d->ttl_s);
    return rr;
}

static void push_data(ldns_rr *rr, ldns_rdf_type type, const void *data, size_t len)
{
    if (rr)
        (void)ldns_rr_push_rdf(rr, ldns_rdf_new_frm_data(type, len, data));
}

static void push_name(ldns_rr *rr, struct bytes name)
{
    push_data(rr, LDNS_RDF_TYPE_DNAME, name.data, name.len);
}

static void push_16(ldns_rr *rr, uint16_t value)
{
    if (rr)
        (void)ldns_rr_push_rdf(rr, ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, value));
}

static void push_32(ldns_rr *rr, uint32_t value)
{
    if (rr)
        (void)ldns_rr_push_rdf(rr, ldns_native2rdf_int32(LDNS_RDF_TYPE_INT32, value));
}

/* Adds what was written last, of `len` bytes. */
static bool add_record(struct answers_draft *d, uint16_t len, uint16_t target_at, uint32_t address)
{
    if (len == 0)
        return false;
    if (d->records_n == d->records_cap) {
        d->records_cap = d->records_cap ? d->records_cap * 2 : SEEN_MIN;
        d->records = mem_grow(d->records, d->records_cap, sizeof(*d->records));
    }
    d->records[d->records_n++] = (struct answer_record){
        .at = (uint32_t)d->bytes.len - len, .len = len, .target_at = target_at, .address = address};
    return true;
}

/* ---- each address once ---- */

static uint64_t hash_of(const uint8_t *data, size_t len)
{
    uint64_t h = len;

    for (size_t i = 0; i < len; i++)
        h = (h ^ data[i]) * HASH_FACTOR;
    return h ^ h >> 32;
}

/* The place of the record that was written last: of an equal one, or free. */
static uint32_t seen_place(const struct answers_draft *d, uint32_t at, uint16_t len)
{
    const uint8_t *bytes = d->bytes.data;
    uint32_t i = (uint32_t)hash_of(bytes + at, len) & (d->seen_cap - 1);

    for (; d->seen[i]; i = (i + 1) & (d->seen_cap - 1)) {
        uint32_t other = d->seen[i] - 1;

        if (other + len <= d->bytes.len && memcmp(bytes + other, bytes + at, len) == 0)
            break;
    }
    return i;
}

static void grow_seen(struct answers_draft *d)
{
    uint32_t *old = d->seen, *old_no = d->seen_no, old_cap = d->seen_cap;

    d->seen_cap = old_cap ? 2 * old_cap : SEEN_MIN;
    d->seen = mem_alloc(d->seen_cap * sizeof(*d->seen));
    d->seen_no = mem_alloc(d->seen_cap * sizeof(*d->seen_no));
    for (uint32_t i = 0; i < old_cap; i++) {
        if (!old[i])
            continue;
        const uint8_t *record = d->bytes.data + (old[i] - 1);
        uint16_t len = (uint16_t)(FIXED + (record[FIXED - 2] << 8 | record[FIXED - 1]));
        uint32_t place = seen_place(d, old[i] - 1, len);

        d->seen[place] = old[i];
        d->seen_no[place] = old_no[i];
    }
    mem_free(old);
    mem_free(old_no);
}

/* The record of an address was written last. When there is such a one it is taken away again. False: so it was; its number is
 * in *ret_no. Else it gets `no`. */
static bool is_new(struct answers_draft *d, uint16_t len, uint32_t no, uint32_t *ret_no)
{
    if (2 * (d->seen_n + 1) > d->seen_cap)
        grow_seen(d);
    uint32_t at = (uint32_t)d->bytes.len - len, place = seen_place(d, at, len);

    *ret_no = d->seen[place] ? d->seen_no[place] : no;
    if (d->seen[place]) {
        d->bytes.len -= len;
        d->whole -= len;
        return false;
    }
    d->seen[place] = at + 1;
    d->seen_no[place] = no;
    d->seen_n++;
    return true;
}

static uint16_t write_address(struct answers_draft *d, int family, const void *addr)
{
    bool six = family == AF_INET6;
    ldns_rr *rr = new_record(d, six ? DNS_AAAA : DNS_A);

    push_data(rr, six ? LDNS_RDF_TYPE_AAAA : LDNS_RDF_TYPE_A, addr,
              six ? sizeof(struct in6_addr) : sizeof(struct in_addr));
    return write_record(d, rr);
}

bool answers_add_address(struct answers_draft *d, int family, const void *addr)
{
    uint16_t len = write_address(d, family, addr);
    uint32_t no;

    return len && is_new(d, len, d->records_n, &no) && add_record(d, len, 0, ANSWERS_NO_ADDRESS);
}

static uint32_t target_address(struct answers_draft *d, int family, const void *addr)
{
    uint16_t len = family == AF_UNSPEC ? 0 : write_address(d, family, addr);
    uint32_t no;

    if (len == 0)
        return ANSWERS_NO_ADDRESS;
    if (!is_new(d, len, d->addresses_n, &no))
        return no;
    if (d->addresses_n == d->addresses_cap) {
        d->addresses_cap = d->addresses_cap ? d->addresses_cap * 2 : SEEN_MIN;
        d->addresses = mem_grow(d->addresses, d->addresses_cap, sizeof(*d->addresses));
    }
    d->addresses[d->addresses_n++] =
        (struct answer_address){.at = (uint32_t)d->bytes.len - len, .len = len};
    return no;
}

/* ---- the other records ---- */

bool answers_add_srv(struct answers_draft *d, uint16_t priority, uint16_t weight, uint16_t port,
                     struct bytes name, int family, const void *addr)
{
    uint32_t address = target_address(d, family, addr);
    ldns_rr *rr = new_record(d, DNS_SRV);

    push_16(rr, priority);
    push_16(rr, weight);
    push_16(rr, port);
    push_name(rr, name);
    return add_record(d, write_record(d, rr), SRV_TARGET, address);
}

bool answers_add_name(struct answers_draft *d, uint16_t type, struct bytes name)
{
    ldns_rr *rr = new_record(d, type);

    push_name(rr, name);
    return add_record(d, write_record(d, rr), 0, ANSWERS_NO_ADDRESS);
}

bool answers_add_soa(struct answers_draft *d, struct bytes server, struct bytes mail,
                     uint32_t serial, uint32_t negative_ttl_s)
{
    static const uint32_t refresh_s = 3600, retry_s = 600,
                          expire_s = 86400; /* nobody transfers it */
    ldns_rr *rr = new_record(d, DNS_SOA);

    push_name(rr, server);
    push_name(rr, mail);
    push_32(rr, serial);
    push_32(rr, refresh_s);
    push_32(rr, retry_s);
    push_32(rr, expire_s);
    push_32(rr, negative_ttl_s);
    return add_record(d, write_record(d, rr), 0, ANSWERS_NO_ADDRESS);
}

static void push_string(ldns_rr *rr, struct bytes text)
{
    uint8_t string[1 + STRING_MAX];

    string[0] = (uint8_t)(text.len < STRING_MAX ? text.len : STRING_MAX);
    if (string[0])
        memcpy(string + 1, text.data, string[0]);
    push_data(rr, LDNS_RDF_TYPE_STR, string, 1u + string[0]);
}

bool answers_add_texts(struct answers_draft *d, const struct bytes *texts, size_t n)
{
    ldns_rr *rr = new_record(d, DNS_TXT);

    if (n == 0)
        push_string(rr, (struct bytes){0}); /* there has to be one */
    for (size_t i = 0; i < n; i++)
        push_string(rr, texts[i]);
    return add_record(d, write_record(d, rr), 0, ANSWERS_NO_ADDRESS);
}

bool answers_add_hinfo(struct answers_draft *d)
{
    ldns_rr *rr = new_record(d, DNS_HINFO);

    push_string(rr, bytes_str("RFC8482"));
    push_string(rr, (struct bytes){0});
    return add_record(d, write_record(d, rr), 0, ANSWERS_NO_ADDRESS);
}

/* ---- messages ---- */

struct writing {
    uint8_t *out;
    size_t at, limit; /* OPT has its room behind the limit */
    bool shorten;     /* TTLs */
    uint32_t ttl_max_s;
};

static inline void put16(uint8_t *p, unsigned value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static inline void put32(uint8_t *p, uint32_t value)
{
    put16(p, value >> 16);
    put16(p + 2, value & 0xffff);
}

static inline uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* False: it does not fit. */
static inline bool put_record(struct writing *w, const uint8_t *record, size_t len)
{
    if (len > w->limit - w->at)
        return false;
    memcpy(w->out + w->at, record, len);
    if (w->shorten && get32(w->out + w->at + TTL_AT) > w->ttl_max_s)
        put32(w->out + w->at + TTL_AT, w->ttl_max_s);
    w->at += len;
    return true;
}

/* The addresses of the targets of the first `n` records from `start` on, which are at `first`. How many fit. */
static unsigned put_addresses(struct writing *w, struct answers *a, uint32_t start, uint32_t n,
                              size_t first)
{
    unsigned count = 0;

    for (uint32_t i = 0, k = start; i < n; i++, k = k + 1 == a->records_n ? 0 : k + 1) {
        const struct answer_record *r = &a->records[k];
        size_t target = first + r->target_at, at = w->at;

        first += r->len;
        if (r->address == ANSWERS_NO_ADDRESS || a->addresses[r->address].seen == a->messages)
            continue;
        a->addresses[r->address].seen = a->messages;
        if (target > POINTER_MAX ||
            !put_record(w, a->bytes + a->addresses[r->address].at, a->addresses[r->address].len))
            break;
        put16(w->out + at, 0xc000 | (unsigned)target);
        count++;
    }
    return count;
}

/* The records; true: all of them. */
static bool put_answers(struct writing *w, struct answers *a)
{
    uint32_t n = a->records_n, start = a->ordered ? 0 : a->turn, i = 0;
    size_t first = w->at;

    a->turn = a->turn + 1 >= n ? 0 : a->turn + 1;
    if (++a->messages == 0)
        a->messages = 1;
    for (uint32_t k = start; i < n; i++, k = k + 1 == n ? 0 : k + 1) {
        if (!put_record(w, a->bytes + a->records[k].at, a->records[k].len))
            break;
    }
    put16(w->out + 6, i);
    if (a->addresses_n && i == n) /* what was cut off is asked for again anyway */
        put16(w->out + 10, put_addresses(w, a, start, i, first));
    return i == n;
}

static void put_opt(struct writing *w, unsigned rcode, int ede)
{
    uint8_t *p = w->out + w->at;

    memset(p, 0, OPT_BYTES);
    put16(p + 1, DNS_OPT);
    put16(p + 3, DNS_UDP_MAX);
    p[5] = (uint8_t)(rcode >> 4);
    w->at += OPT_BYTES;
    put16(w->out + 10, 1u + (unsigned)(w->out[10] << 8 | w->out[11]));
    if (ede < 0)
        return;
    put16(p + 9, EDE_BYTES);
    put16(p + OPT_BYTES, EDE_CODE);
    put16(p + OPT_BYTES + 2, 2);
    put16(p + OPT_BYTES + 4, (unsigned)ede);
    w->at += EDE_BYTES;
}

size_t answers_write(uint8_t *out, const struct question *q, struct answers *a,
                     const struct answer_how *how)
{
    size_t opt = !q->edns ? 0 : how->ede < 0 ? OPT_BYTES : OPT_BYTES + EDE_BYTES;
    struct writing w = {.out = out,
                        .at = q->end,
                        .limit = how->room - opt,
                        .shorten = how->ttl_max_s != UINT32_MAX,
                        .ttl_max_s = how->ttl_max_s};
    unsigned flags = DNS_QR | (q->flags & (DNS_OPCODE | DNS_RD | DNS_CD)) | how->flags |
                     ((unsigned)how->rcode & 0xf);

    memset(out + 4, 0, DNS_HEADER - 4);
    if (q->end > DNS_HEADER) {
        put16(out + 4, 1);
        memcpy(out + DNS_HEADER, q->message + DNS_HEADER, q->end - DNS_HEADER);
    }
    if (a && a->records_n && !put_answers(&w, a))
        flags |= DNS_TC;
    const struct answers *soa = how->authority;
    size_t at = w.at;

    if (soa && soa->records_n &&
        put_record(&w, soa->bytes + soa->records[0].at, soa->records[0].len)) {
        put16(out + at, 0xc000 | (DNS_HEADER + how->authority_at));
        put16(out + 8, 1);
    }
    if (q->edns)
        put_opt(&w, (unsigned)how->rcode, how->ede);
    put16(out, q->id);
    put16(out + 2, flags);
    return w.at;
}
