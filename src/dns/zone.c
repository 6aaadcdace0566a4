#include "dns/zone.h"

#include "base/buf.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <string.h>

#define SPACE        "default"
#define MEMBERS_MAX  16 /* of one name or address that are answered */
#define TEXTS_MAX    (8 + LOOKUP_TAGS_MAX)
#define HEX_MAX      (2 * sizeof(struct in6_addr) + 1)
#define PRIORITY     1
#define PRIORITY_FAR 64 /* nobody has measured the way */
#define NEAR_SHIFT                                                                                 \
    8 /* ways of up to 256 us are equally near; above, what is within twice of each other */

/* ---- names ---- */

struct name { /* as in messages */
    uint8_t bytes[DNS_NAME_MAX];
    size_t len;
};

/* LABEL.FOLDER.DOMAIN. False: too long. */
static bool name_in(struct name *ret, const struct domain *domain, const char *label, size_t len,
                    const char *folder)
{
    size_t folder_len = folder ? strlen(folder) : 0, at = 0;

    if (len == 0 || len > DNS_LABEL_MAX || len + folder_len + 2 + domain->len > DNS_NAME_MAX)
        return false;
    ret->bytes[at++] = (uint8_t)len;
    memcpy(ret->bytes + at, label, len);
    at += len;
    if (folder) {
        ret->bytes[at++] = (uint8_t)folder_len;
        memcpy(ret->bytes + at, folder, folder_len);
        at += folder_len;
    }
    memcpy(ret->bytes + at, domain->name, domain->len);
    ret->len = at + domain->len;
    return true;
}

static struct bytes name_bytes(const struct name *n)
{
    return bytes_of(n->bytes, n->len);
}

/* AF_INET, AF_INET6, or AF_UNSPEC: it is a name. */
static int read_address(const char *text, uint8_t ret[sizeof(struct in6_addr)])
{
    if (inet_pton(AF_INET, text, ret) == 1)
        return AF_INET;
    return inet_pton(AF_INET6, text, ret) == 1 ? AF_INET6 : AF_UNSPEC;
}

/* The name that is true by itself: HEX.addr.DOMAIN. */
static bool address_name(struct name *ret, const struct domain *domain, int family,
                         const uint8_t *addr)
{
    char hex[HEX_MAX];
    size_t n = family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);

    for (size_t i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02x", addr[i]);
    return name_in(ret, domain, hex, 2 * n, "addr");
}

/* A name as people write it. False: it is none, or the root. */
static bool text_name(struct name *ret, const char *text)
{
    ldns_rdf *name = ldns_dname_new_frm_str(text);
    bool good = name && ldns_rdf_size(name) > 1 && ldns_rdf_size(name) <= DNS_NAME_MAX;

    if (good) {
        ret->len = ldns_rdf_size(name);
        memcpy(ret->bytes, ldns_rdf_data(name), ret->len);
    }
    ldns_rdf_deep_free(name);
    return good;
}

/* ---- services ---- */

struct look { /* for one name and type */
    const struct zone_config *config;
    const struct asked *asked;
    uint16_t type;
    struct answers_draft *draft;
    bool some;         /* an endpoint is there, of whatever type of address */
    bool addressed;    /* an address has been added */
    struct name alias; /* the first address that is a name; len 0: none */
};

struct found { /* one endpoint, copied */
    struct {
        char addr[lookup_room(LOOKUP_ADDR_MAX)];
        char port_name[lookup_room(LOOKUP_NAME_MAX)];
        char node_name[lookup_room(LOOKUP_NAME_MAX)];
    } text;
    int family;
    uint8_t addr[sizeof(struct in6_addr)];
};

static bool is_wanted(const struct asked *asked, const struct lookup_row_ref *row,
                      const struct lookup_endpoint_ref *e)
{
    struct asked_text tag = asked->tag;

    return tag.len == 0 || lookup_has_tag(row, e, tag.text, tag.len) ||
           (asked->tag_or_port && lookup_text_is(row, e->port_name, tag.text, tag.len));
}

static uint16_t priority_of(const struct zone_config *config, uint32_t distance_us)
{
    uint16_t priority = PRIORITY;

    if (!config->near)
        return PRIORITY;
    if (distance_us == LOOKUP_FAR)
        return PRIORITY_FAR;
    for (uint32_t far = distance_us >> NEAR_SHIFT; far; far >>= 1)
        priority++;
    return priority;
}

static void add_srv(struct look *l, const struct lookup_endpoint_ref *e, const struct found *f)
{
    struct name target;
    uint16_t weight = (uint16_t)(e->weight < UINT16_MAX ? e->weight : UINT16_MAX);
    bool good =
        f->family == AF_UNSPEC
            ? text_name(&target, f->text.addr)
            : address_name(&target, &l->config->domains[l->asked->domain], f->family, f->addr);

    if (good && e->port)
        answers_add_srv(l->draft, priority_of(l->config, e->distance_us), weight, e->port,
                        name_bytes(&target), f->family, f->addr);
}

/* Its tags, as many as fit into `max` texts, behind what is in *out. */
static size_t add_tags(struct buf *out, uint16_t *ends, size_t max,
                       const struct lookup_row_ref *row, const struct lookup_endpoint_ref *e)
{
    char tag[lookup_room(UINT8_MAX)];
    uint64_t at = e->tags_at;
    size_t n = 0;

    for (; n < e->tags_n && n < max; n++) {
        if (!lookup_inside(row, at, 1))
            break;
        uint8_t len = (uint8_t)lookup_get(&row->at[at]);

        if (!lookup_text(row, (struct lookup_text_ref){(uint32_t)at + 1, len}, tag))
            break;
        at += 1 + lookup_words_of(len);
        buf_printf(out, "tag=%s", tag);
        ends[n] = (uint16_t)out->len;
    }
    return n;
}

static void add_texts(struct answers_draft *draft, const struct buf *text, const uint16_t *ends,
                      size_t n)
{
    struct bytes texts[TEXTS_MAX];

    for (size_t i = 0; i < n; i++) {
        size_t from = i ? ends[i - 1] : 0;

        texts[i] = bytes_of(text->data + from, ends[i] - from);
    }
    answers_add_texts(draft, texts, n);
}

static void add_txt(struct look *l, const struct lookup_row_ref *row,
                    const struct lookup_endpoint_ref *e, const struct found *f)
{
    struct buf out = {0};
    uint16_t ends[TEXTS_MAX];
    size_t n = 0;
    struct ulid id;

    lookup_id(e, LOOKUP_ENDPOINT_INSTANCE, id.b);
    buf_printf(&out, "instance=%s", ulid_text(&id).s);
    ends[n++] = (uint16_t)out.len;
    buf_printf(&out, "node=%s", f->text.node_name);
    ends[n++] = (uint16_t)out.len;
    buf_printf(&out, "addr=%s", f->text.addr);
    ends[n++] = (uint16_t)out.len;
    if (e->port) {
        buf_printf(&out, "port=%u", e->port);
        ends[n++] = (uint16_t)out.len;
        buf_printf(&out, "port_name=%s", f->text.port_name);
        ends[n++] = (uint16_t)out.len;
    }
    n += add_tags(&out, ends + n, LOOKUP_TAGS_MAX, row, e);
    add_texts(l->draft, &out, ends, n);
    buf_deinit(&out);
}

/* False: the row is a mixture, or damaged. */
static bool add_endpoint(struct look *l, const struct lookup_row_ref *row,
                         const struct lookup_endpoint_ref *e)
{
    struct found f = {.family = AF_UNSPEC};

    if (!lookup_text(row, e->addr, f.text.addr) ||
        !lookup_text(row, e->port_name, f.text.port_name) ||
        !lookup_text(row, e->node_name, f.text.node_name))
        return false;
    f.family = read_address(f.text.addr, f.addr);
    if (l->type == DNS_SRV)
        add_srv(l, e, &f);
    else if (l->type == DNS_TXT)
        add_txt(l, row, e, &f);
    else if (f.family == AF_UNSPEC && l->alias.len == 0)
        (void)text_name(&l->alias, f.text.addr);
    else if (f.family == (l->type == DNS_AAAA ? AF_INET6 : AF_INET))
        (void)answers_add_address(l->draft, f.family, f.addr);
    l->addressed = l->addressed || f.family != AF_UNSPEC;
    return true;
}

/* 0, LOOKUP_TORN. */
static int add_endpoints(struct look *l, const struct lookup_row_ref *row, uint32_t turn)
{
    uint32_t n = row->endpoints < ZONE_LOOKED_AT ? row->endpoints : ZONE_LOOKED_AT;
    /* Of very many, others each time; but the nearest stay the nearest. */
    uint64_t from = n < row->endpoints && !l->config->near ? (uint64_t)turn * n : 0;

    for (uint32_t i = 0; i < n; i++) {
        struct lookup_endpoint_ref e;

        if (!lookup_endpoint(row, (uint32_t)((from + i) % row->endpoints), &e))
            return LOOKUP_TORN;
        if (!is_wanted(l->asked, row, &e))
            continue;
        l->some = true;
        if (!add_endpoint(l, row, &e))
            return LOOKUP_TORN;
    }
    return 0;
}

static bool is_of_services(uint16_t type)
{
    return type == DNS_A || type == DNS_AAAA || type == DNS_SRV || type == DNS_TXT;
}

/* A name that stands for the service's address, where it has none of its own. */
static void add_alias(struct look *l)
{
    if (l->alias.len && !l->addressed && (l->type == DNS_A || l->type == DNS_AAAA))
        answers_add_name(l->draft, DNS_CNAME, name_bytes(&l->alias));
}

/* Reads the row once; 0, an enum lookup_problem. */
static int read_row(struct zone_answer *ret, struct look *l, struct lookup_row_ref *row,
                    uint32_t turn)
{
    int problem = 0;

    l->draft = answers_begin(l->config->ttl_s);
    l->some = l->addressed = false;
    l->alias.len = 0;
    if (l->type == DNS_ANY)
        answers_add_hinfo(l->draft);
    if (is_of_services(l->type) || l->asked->tag.len) {
        problem = add_endpoints(l, row, turn);
        add_alias(l);
    }
    ret->part = row->endpoints > ZONE_LOOKED_AT;
    ret->answers = answers_end(l->draft, l->config->near);
    return problem;
}

static int look_at(struct zone_answer *ret, struct look *l, const struct lookup_map *map,
                   const struct lookup_name *name, uint32_t turn)
{
    struct lookup_row_ref row;
    int problem;

    do {
        mem_free(ret->answers);
        ret->answers = NULL;
        problem = lookup_find(map, name, &row);
        if (problem)
            return problem == LOOKUP_NONE ? ZONE_ABSENT : ZONE_UNREADABLE;
        if (!row.gone)
            problem = read_row(ret, l, &row, turn);
    } while (!lookup_unchanged(&row));
    if (problem)
        return ZONE_UNREADABLE;
    return row.gone || (l->asked->tag.len && !l->some) ? ZONE_ABSENT : 0;
}

/* The label as it was asked for. False: that is in lower case as well. */
static bool as_asked(struct asked_text *text, const struct question *q)
{
    if (text->len == 0)
        return false;
    size_t from = (size_t)((const uint8_t *)text->text - q->lower);
    const char *asked = (const char *)q->message + DNS_HEADER + from;
    bool other = memcmp(asked, text->text, text->len) != 0;

    text->text = asked;
    return other;
}

static struct lookup_name service_name(const struct asked *asked)
{
    return lookup_name(SPACE, strlen(SPACE), asked->name.text, asked->name.len);
}

static int look_service(struct zone_answer *ret, struct look *l, const struct lookup_map *map,
                        const struct question *q, uint32_t turn)
{
    struct lookup_name name = service_name(l->asked);
    const uint64_t *word = lookup_watch_word(map, &name);

    /* The word first: what changes after it has been read makes another value. */
    ret->value = lookup_get_acquire(word);
    int r = look_at(ret, l, map, &name, turn);
    struct asked other = *l->asked;
    bool name_differs = as_asked(&other.name, q), tag_differs = as_asked(&other.tag, q);

    /* Other types than these have no records: there are too many of them to be kept. */
    ret->word = r == 0 && is_of_services(l->type) ? word : NULL;
    if (r != ZONE_ABSENT || (!name_differs && !tag_differs))
        return r;
    /* In case that something is called so: names and tags mostly have no capitals. */
    struct look again = *l;

    again.asked = &other;
    name = service_name(&other);
    return look_at(ret, &again, map, &name, turn);
}

/* ---- members ---- */

static void add_member_txt(struct answers_draft *draft, const struct lookup_member *m)
{
    struct buf out = {0};
    uint16_t ends[TEXTS_MAX];
    size_t n = 0;

    buf_printf(&out, "id=%s", ulid_text(&m->id).s);
    ends[n++] = (uint16_t)out.len;
    buf_printf(&out, "name=" BYTES_FMT, BYTES_ARG(m->name));
    ends[n++] = (uint16_t)out.len;
    buf_printf(&out, "state=%s", member_state_name(m->state));
    ends[n++] = (uint16_t)out.len;
    for (uint32_t i = 0; i < m->tags_n && n < TEXTS_MAX; i++) {
        buf_printf(&out, BYTES_FMT "=" BYTES_FMT, BYTES_ARG(m->tags[i].key),
                   BYTES_ARG(m->tags[i].value));
        ends[n++] = (uint16_t)out.len;
    }
    add_texts(draft, &out, ends, n);
    buf_deinit(&out);
}

static int look_node(struct zone_answer *ret, const struct look *l, const struct nodes *nodes)
{
    const struct lookup_member *found[MEMBERS_MAX];
    struct bytes name = bytes_of(l->asked->name.text, l->asked->name.len);
    size_t n = nodes_named(nodes, name, found, MEMBERS_MAX);
    struct answers_draft *draft = answers_begin(l->config->ttl_s);

    if (l->type == DNS_ANY && n)
        answers_add_hinfo(draft);
    for (size_t i = 0; i < n; i++) {
        uint8_t addr[sizeof(struct in6_addr)];
        char host[LOOKUP_ADDR_MAX + 1];

        snprintf(host, sizeof(host), BYTES_FMT, BYTES_ARG(found[i]->host));
        int family = read_address(host, addr);

        if (l->type == DNS_TXT)
            add_member_txt(draft, found[i]);
        else if (family != AF_UNSPEC && l->type == (family == AF_INET6 ? DNS_AAAA : DNS_A))
            answers_add_address(draft, family, addr);
    }
    ret->answers = answers_end(draft, /* ordered= */ false);
    return n ? 0 : ZONE_ABSENT;
}

static int look_reverse(struct zone_answer *ret, const struct look *l, const struct nodes *nodes)
{
    const struct lookup_member *found[MEMBERS_MAX];
    size_t n = nodes_at(nodes, l->asked->family, &l->asked->addr, found, MEMBERS_MAX);
    struct answers_draft *draft = answers_begin(l->config->ttl_s);

    for (size_t i = 0; i < n; i++) {
        struct name name;

        if (l->type == DNS_PTR &&
            name_in(&name, &l->config->domains[0], (const char *)found[i]->name.data,
                    found[i]->name.len, "node"))
            answers_add_name(draft, DNS_PTR, name_bytes(&name));
    }
    ret->answers = answers_end(draft, /* ordered= */ false);
    return n ? 0 : ZONE_ABSENT;
}

/* ---- the zone itself ---- */

static void add_soa(struct answers_draft *draft, const struct zone_config *config, unsigned domain,
                    uint32_t serial)
{
    struct name server, mail;

    if (name_in(&server, &config->domains[domain], "ns", 2, /* folder= */ NULL) &&
        name_in(&mail, &config->domains[domain], "hostmaster", 10, /* folder= */ NULL))
        answers_add_soa(draft, name_bytes(&server), name_bytes(&mail), serial,
                        config->negative_ttl_s);
}

struct answers *zone_soa(const struct zone_config *config, unsigned domain, uint32_t serial)
{
    struct answers_draft *draft = answers_begin(config->negative_ttl_s);

    add_soa(draft, config, domain, serial);
    return answers_end(draft, /* ordered= */ true);
}

static uint32_t serial_of(const struct lookup_map *map)
{
    return (uint32_t)lookup_get(&map->words[LOOKUP_AT_INDEX]);
}

static void look_zone(struct zone_answer *ret, const struct look *l, const struct lookup_map *map)
{
    const struct zone_config *config = l->config;
    struct answers_draft *draft = answers_begin(config->ttl_s);
    struct name server;

    if (l->type == DNS_SOA)
        add_soa(draft, config, l->asked->domain, serial_of(map));
    else if (l->type == DNS_NS &&
             name_in(&server, &config->domains[l->asked->domain], "ns", 2, /* folder= */ NULL))
        answers_add_name(draft, DNS_NS, name_bytes(&server));
    else if (l->type == DNS_ANY)
        answers_add_hinfo(draft);
    ret->answers = answers_end(draft, /* ordered= */ true);
}

static void look_address(struct zone_answer *ret, const struct look *l, int family,
                         const void *addr)
{
    struct answers_draft *draft = answers_begin(l->config->ttl_s);

    if (family != AF_UNSPEC && l->type == (family == AF_INET6 ? DNS_AAAA : DNS_A))
        answers_add_address(draft, family, addr);
    else if (l->type == DNS_ANY)
        answers_add_hinfo(draft);
    ret->answers = answers_end(draft, /* ordered= */ true);
}

int zone_look(struct zone_answer *ret, const struct zone_config *config,
              const struct lookup_map *map, const struct nodes *nodes, const struct question *q,
              const struct asked *asked, uint32_t turn)
{
    struct look l = {.config = config, .asked = asked, .type = q->type};

    *ret = (struct zone_answer){0};
    switch (asked->kind) {
    case ASKED_ZONE:
        look_zone(ret, &l, map);
        return 0;
    case ASKED_FOLDER:
        look_address(ret, &l, AF_UNSPEC, /* addr= */ NULL);
        return 0;
    case ASKED_SERVER:
        look_address(ret, &l, config->family, config->addr);
        return 0;
    case ASKED_ADDRESS:
        look_address(ret, &l, asked->family, &asked->addr);
        return 0;
    case ASKED_SERVICE:
        return look_service(ret, &l, map, q, turn);
    case ASKED_NODE:
        return look_node(ret, &l, nodes);
    case ASKED_REVERSE:
        return look_reverse(ret, &l, nodes);
    case ASKED_ELSEWHERE:
    case ASKED_NOTHING:
        break;
    }
    return ZONE_ABSENT;
}
