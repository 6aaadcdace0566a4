#include "dns/respond.h"

#include "base/buf.h"
#include "base/mem.h"

#include <string.h>

#define NO_EDE (-1)

struct responder {
    const struct respond_config *config;
    struct held *held;
    struct nodes *nodes;
    struct kept *kept;
    struct answers *soas[ASKED_DOMAINS_MAX];
    uint32_t serials[ASKED_DOMAINS_MAX];
    uint32_t turn;
    /* of this turn */
    struct held_use use;
    bool readable, old;
    kith_time now_us;
    struct respond_counts counts;
};

struct responder *responder_new(const struct respond_config *config)
{
    struct responder *r = mem_alloc(sizeof(*r));
    struct buf path = {0};

    r->config = config;
    buf_printf(&path, "%s/" LOOKUP_FILE_NAME, config->lookups);
    r->held = held_new(buf_cstr(&path));
    buf_deinit(&path);
    r->nodes = nodes_new();
    r->kept = kept_new(config->seed);
    return r;
}

void responder_free(struct responder *r)
{
    if (!r)
        return;
    kept_free(r->kept);
    nodes_free(r->nodes);
    held_free(r->held);
    for (size_t i = 0; i < ASKED_DOMAINS_MAX; i++)
        mem_free(r->soas[i]);
    mem_free(r);
}

void responder_begin(struct responder *r, kith_time now_us)
{
    r->now_us = now_us;
    r->readable = held_enter(r->held, /* hash= */ 0, &r->use) == 0;
    r->old = false;
    if (!r->readable)
        return;
    nodes_refresh(r->nodes, r->use.map, now_us);
    r->old = r->use.age_us > RESPOND_OLD_US || nodes_cut_off(r->nodes);
}

void responder_end(struct responder *r)
{
    if (r->readable)
        held_leave(r->held, &r->use);
    r->readable = false;
}

/* ---- answers ---- */

static size_t write_answer(struct responder *r, const struct question *q, struct answers *a,
                           struct answer_how *how, uint8_t *out)
{
    if (r->config->forwards)
        how->flags |= DNS_RA;
    size_t len = answers_write(out, q, a, how);

    r->counts.rcodes[how->rcode < DNS_RCODES ? how->rcode : DNS_RCODES]++;
    if (out[2] & DNS_TC >> 8)
        r->counts.truncated++;
    return len;
}

/* Without records. */
static size_t refuse(struct responder *r, const struct question *q, enum dns_rcode rcode, int ede,
                     uint8_t *out)
{
    struct answer_how how = {
        .rcode = rcode, .room = DNS_UDP_PLAIN, .ede = ede, .ttl_max_s = UINT32_MAX};

    return write_answer(r, q, /* a= */ NULL, &how, out);
}

static const struct answers *soa_of(struct responder *r, unsigned domain)
{
    uint32_t serial = (uint32_t)lookup_get(&r->use.map->words[LOOKUP_AT_INDEX]);

    if (!r->soas[domain] || r->serials[domain] != serial) {
        mem_free(r->soas[domain]);
        r->soas[domain] = zone_soa(&r->config->zone, domain, serial);
        r->serials[domain] = serial;
    }
    return r->soas[domain];
}

struct found {
    enum dns_rcode rcode;
    struct answers *answers; /* NULL or of no records: none */
    bool zoned;              /* the name is in one of our domains: */
    unsigned domain;
    uint8_t domain_at;
};

static size_t write_found(struct responder *r, const struct question *q, const struct found *f,
                          bool tcp, uint8_t *out)
{
    bool some = f->answers && f->answers->records_n;
    struct answer_how how = {
        .rcode = f->rcode,
        .flags = DNS_AA,
        .room = tcp ? DNS_MESSAGE : q->room,
        .ede = r->old ? ANSWER_EDE_STALE : NO_EDE,
        .ttl_max_s = r->old ? RESPOND_OLD_TTL_S : UINT32_MAX,
        .authority = some || !f->zoned ? NULL : soa_of(r, f->domain),
        .authority_at = f->domain_at,
    };

    if (r->old)
        r->counts.old++;
    return write_answer(r, q, f->answers, &how, out);
}

static bool is_meta(uint16_t type)
{
    return (type >= DNS_META_FIRST && type <= DNS_META_LAST) || type == DNS_OPT || type == 0;
}

/* Looks it up; what it has found is kept, if that can be. 0, or an enum zone_result; then also `f` is filled in. */
static int look(struct responder *r, const struct question *q, const struct asked *asked,
                struct found *f, struct zone_answer *found)
{
    int problem = zone_look(found, &r->config->zone, r->use.map, r->nodes, q, asked, r->turn++);

    *f = (struct found){.rcode = problem == ZONE_ABSENT ? DNS_NXDOMAIN : DNS_NOERROR,
                        .answers = problem ? NULL : found->answers,
                        .zoned = asked->kind != ASKED_REVERSE,
                        .domain = asked->domain,
                        .domain_at = asked->domain_at};
    r->counts.made++;
    return problem;
}

/* Names that were not asked for before, or that have changed. */
static enum respond_verdict answer_anew(struct responder *r, const struct question *q, bool tcp,
                                        uint8_t *out, size_t *ret_len)
{
    const struct zone_config *zone = &r->config->zone;
    struct asked asked = asked_of(q, zone->domains, zone->domains_n);
    struct zone_answer found = {0};
    struct found f = {0};
    bool wants = r->config->forwards && q->flags & DNS_RD;
    int problem = ZONE_ABSENT;

    if (asked.kind != ASKED_ELSEWHERE && !r->readable) {
        *ret_len = refuse(r, q, DNS_SERVFAIL, ANSWER_EDE_NOT_READY, out);
        return RESPOND_ANSWER;
    }
    if (asked.kind != ASKED_ELSEWHERE)
        problem = look(r, q, &asked, &f, &found);
    if (problem == ZONE_UNREADABLE) {
        wants = false;
        *ret_len = refuse(r, q, DNS_SERVFAIL, NO_EDE, out);
    } else if (problem && (asked.kind == ASKED_ELSEWHERE || asked.kind == ASKED_REVERSE)) {
        /* Addresses of others are somebody else's to answer for, too. */
        if (!wants)
            *ret_len = refuse(r, q, DNS_REFUSED, ANSWER_EDE_NOT_AUTHORITATIVE, out);
    } else {
        wants = false;
        *ret_len = write_found(r, q, &f, tcp, out);
    }
    if (!problem && found.word)
        (void)kept_put(r->kept, q, r->use.map, &found, &asked, r->now_us);
    else
        mem_free(found.answers);
    return problem && wants ? RESPOND_FORWARD : RESPOND_ANSWER;
}

static enum respond_verdict answer(struct responder *r, const struct question *q, bool tcp,
                                   uint8_t *out, size_t *ret_len)
{
    struct cached *known = r->readable ? kept_find(r->kept, q, r->use.map, r->now_us) : NULL;

    if (!known)
        return answer_anew(r, q, tcp, out, ret_len);
    r->counts.cached++;
    struct found f = {.answers = known->answers,
                      .zoned = true,
                      .domain = known->domain,
                      .domain_at = known->domain_at};

    *ret_len = write_found(r, q, &f, tcp, out);
    return RESPOND_ANSWER;
}

enum respond_verdict responder_answer(struct responder *r, const uint8_t *query, size_t size,
                                      bool tcp, uint8_t *out, size_t *ret_len)
{
    struct question q;

    switch (question_read(&q, query, size)) {
    case QUESTION_IGNORED:
        r->counts.ignored++;
        return RESPOND_NOTHING;
    case QUESTION_BROKEN:
        *ret_len = refuse(r, &q, DNS_FORMERR, NO_EDE, out);
        return RESPOND_ANSWER;
    case QUESTION_OTHER:
        *ret_len = refuse(r, &q, DNS_NOTIMP, NO_EDE, out);
        return RESPOND_ANSWER;
    default:
        break;
    }
    if (q.version)
        *ret_len = refuse(r, &q, DNS_BADVERS, NO_EDE, out);
    else if (is_meta(q.type))
        *ret_len = refuse(r, &q, DNS_NOTIMP, NO_EDE, out);
    else if (q.class != DNS_IN && q.class != DNS_CLASS_ANY)
        *ret_len = refuse(r, &q, DNS_REFUSED, ANSWER_EDE_NOT_AUTHORITATIVE, out);
    else
        return answer(r, &q, tcp, out, ret_len);
    return RESPOND_ANSWER;
}

/* An answer of no records to whatever can be read as a question. */
static size_t answer_empty(struct responder *r, const uint8_t *query, size_t size,
                           enum dns_rcode rcode, uint16_t flags, uint8_t *out)
{
    struct question q;
    struct answer_how how = {.rcode = rcode,
                             .flags = flags,
                             .room = DNS_UDP_PLAIN,
                             .ede = NO_EDE,
                             .ttl_max_s = UINT32_MAX};

    if (question_read(&q, query, size) != 0)
        return 0;
    return write_answer(r, &q, /* a= */ NULL, &how, out);
}

size_t responder_slip(struct responder *r, const uint8_t *query, size_t size, uint8_t *out)
{
    return answer_empty(r, query, size, DNS_NOERROR, DNS_TC, out);
}

size_t responder_fail(struct responder *r, const uint8_t *query, size_t size, uint8_t *out)
{
    return answer_empty(r, query, size, DNS_SERVFAIL, 0, out);
}

const struct respond_counts *responder_counts(const struct responder *r)
{
    return &r->counts;
}
