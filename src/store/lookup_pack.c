#include "store/lookup_pack.h"

#include "base/mem.h"
#include "store/lookup_read.h"

#include <assert.h>
#include <string.h>

/* Words of a row: LOOKUP_ENDPOINTS_MAX endpoints without tags take less than three quarters of the longest. */
#define OWN_TAGS_UNTIL (LOOKUP_ROW_MAX / 4)
/* A row of kind WHOLE has four words more for each, so less is left for texts of any length. */
#define WHOLE_TEXTS_UNTIL (LOOKUP_ROW_MAX / 8)
#define PORT_NAMES_MAX    32 /* different ones that are written once; any more are repeated */

struct texts { /* of one row */
    struct bytes port_name[PORT_NAMES_MAX];
    uint32_t at[PORT_NAMES_MAX];
    unsigned count;
    struct tags {
        uint32_t at, count;
    } tags; /* of the service */
};

void lookup_pack_deinit(struct lookup_pack *p)
{
    mem_free(p->words);
    *p = (struct lookup_pack){0};
}

/* Zeroed words at the end; returns where. */
static uint32_t add_words(struct lookup_pack *p, size_t count)
{
    size_t at = p->count;

    p->count += count;
    if (p->count > p->cap) {
        p->cap = p->count * 2;
        p->words = mem_grow(p->words, p->cap, sizeof(*p->words));
    }
    memset(p->words + at, 0, count * sizeof(*p->words));
    return (uint32_t)at;
}

static struct bytes cut(struct bytes text, size_t max)
{
    return bytes_of(text.data, text.len < max ? text.len : max);
}

static uint32_t add_text(struct lookup_pack *p, struct bytes text)
{
    uint32_t at = add_words(p, lookup_words_of(text.len));

    if (text.len)
        memcpy(p->words + at, text.data, text.len);
    return at;
}

static uint32_t add_port_name(struct lookup_pack *p, struct texts *texts, struct bytes name)
{
    for (unsigned i = 0; i < texts->count; i++) {
        if (bytes_equal(texts->port_name[i], name))
            return texts->at[i];
    }
    uint32_t at = add_text(p, name);

    if (texts->count < PORT_NAMES_MAX) {
        texts->port_name[texts->count] = name;
        texts->at[texts->count++] = at;
    }
    return at;
}

static struct tags add_tags(struct lookup_pack *p, const struct bytes *tags, uint32_t tags_n)
{
    struct tags ret = {.at = (uint32_t)p->count,
                       .count = tags_n < LOOKUP_TAGS_MAX ? tags_n : LOOKUP_TAGS_MAX};

    for (uint32_t i = 0; i < ret.count; i++) {
        struct bytes tag = cut(tags[i], LOOKUP_ADDR_MAX);

        uint32_t at = add_words(p, 1); /* the words may move: not in one expression with them */

        p->words[at] = tag.len;
        add_text(p, tag);
    }
    return ret;
}

/* The service's, which are written once, or its own; in a row that grows beyond reason it has none. */
static struct tags tags_of(struct lookup_pack *p, const struct texts *texts,
                           const struct lookup_endpoint *e)
{
    if (!e->own_tags)
        return texts->tags;
    return add_tags(p, e->tags, p->count < OWN_TAGS_UNTIL ? e->tags_n : 0);
}

static void fill_endpoint(struct lookup_pack *p, struct texts *texts, uint32_t at,
                          const struct lookup_endpoint *e)
{
    struct bytes addr = cut(e->addr, LOOKUP_ADDR_MAX);
    struct bytes port_name = cut(e->port_name, LOOKUP_NAME_MAX);
    struct bytes node_name = cut(e->node_name, LOOKUP_NAME_MAX);
    uint64_t addr_at = add_text(p, addr);
    uint64_t port_name_at = add_port_name(p, texts, port_name);
    uint64_t node_name_at = add_text(p, node_name);
    struct tags tags = tags_of(p, texts, e);
    uint64_t *w = p->words + at;

    memcpy(&w[LOOKUP_ENDPOINT_INSTANCE], e->instance.b, sizeof(e->instance.b));
    memcpy(&w[LOOKUP_ENDPOINT_NODE], e->node.b, sizeof(e->node.b));
    w[LOOKUP_ENDPOINT_WEIGHT] = e->weight | (uint64_t)e->distance_us << 32;
    w[LOOKUP_ENDPOINT_PORT] = e->port | (uint64_t)addr.len << 16 | (uint64_t)port_name.len << 24 |
                              (uint64_t)node_name.len << 32 | (uint64_t)tags.count << 40;
    w[LOOKUP_ENDPOINT_TEXTS] = addr_at | port_name_at << 32;
    w[LOOKUP_ENDPOINT_MORE] = node_name_at | (uint64_t)tags.at << 32;
}

/* Head and names; the size comes at the end. */
static void begin(struct lookup_pack *p, struct bytes space, struct bytes name, uint64_t flags)
{
    p->count = 0;
    add_words(p, LOOKUP_ROW_HEAD);
    add_text(p, space);
    add_text(p, name);
    p->words[LOOKUP_ROW_NAMES] = space.len | name.len << 8 | flags;
}

static void end(struct lookup_pack *p, uint32_t endpoints)
{
    assert(p->count <= LOOKUP_ROW_MAX);
    p->words[LOOKUP_ROW_SIZE] = p->count | (uint64_t)endpoints << 32;
}

void lookup_pack_service(struct lookup_pack *p, const struct lookup_service *s)
{
    uint32_t count = s->endpoints_n < LOOKUP_ENDPOINTS_MAX ? s->endpoints_n : LOOKUP_ENDPOINTS_MAX;
    struct texts texts = {.count = 0};

    begin(p, cut(s->space, LOOKUP_NAME_MAX), cut(s->name, LOOKUP_NAME_MAX),
          s->gone ? LOOKUP_ROW_GONE : 0);
    uint32_t at = add_words(p, (size_t)count * LOOKUP_ENDPOINT_WORDS);

    if (count)
        texts.tags = add_tags(p, s->tags, s->tags_n);
    for (uint32_t i = 0; i < count; i++)
        fill_endpoint(p, &texts, at + i * LOOKUP_ENDPOINT_WORDS, &s->endpoints[i]);
    end(p, count);
}

/* ---- all of a service ---- */

static bool is_plain(const struct lookup_endpoint *e)
{
    return !e->own_tags && !e->ttl_ms && e->health == ENDPOINT_HEALTH_PASSING &&
           !e->registration.len && !e->output.len && !e->meta_n && !e->by_host && !e->checks_n;
}

bool lookup_pack_is_all(const struct lookup_service *s)
{
    bool plain = !s->failing_n && !s->meta_n && (s->endpoints_n || !s->tags_n);

    for (uint32_t i = 0; plain && i < s->endpoints_n; i++)
        plain = is_plain(&s->endpoints[i]);
    return plain || s->gone;
}

/* In a row that grows beyond reason texts and pairs are left out. */
static bool has_room(const struct lookup_pack *p)
{
    return p->count < WHOLE_TEXTS_UNTIL;
}

static uint64_t add_span(struct lookup_pack *p, struct bytes text)
{
    struct bytes taken = has_room(p) ? text : (struct bytes){0};
    uint64_t at = add_text(p, taken);

    return lookup_span(at, taken.len);
}

static uint64_t add_pairs(struct lookup_pack *p, const struct pair *pairs, uint32_t pairs_n)
{
    uint32_t count = has_room(p) ? pairs_n : 0;
    uint64_t first = p->count;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = add_words(p, 1);

        p->words[at] = lookup_span(pairs[i].key.len, pairs[i].value.len);
        add_text(p, pairs[i].key);
        add_text(p, pairs[i].value);
    }
    return lookup_span(first, count);
}

static void add_check(struct lookup_pack *p, const struct endpoint_check *check)
{
    const struct bytes texts[LOOKUP_CHECK_TEXTS] = {check->id, check->name, check->notes,
                                                    check->output};
    uint32_t at = add_words(p, 1);

    p->words[at] = (uint64_t)check->health | (uint64_t)check->ttl_ms << 32;
    for (unsigned i = 0; i < LOOKUP_CHECK_TEXTS; i++) {
        at = add_words(p, 1);
        p->words[at] = texts[i].len;
        add_text(p, texts[i]);
    }
}

/* Behind the text that was added last: where they are, and then they themselves. */
static void add_checks(struct lookup_pack *p, const struct endpoint_check *checks, uint32_t n)
{
    uint32_t count = has_room(p) ? n : 0, span = add_words(p, 1);

    p->words[span] = lookup_span(span + 1, count);
    for (uint32_t i = 0; i < count; i++)
        add_check(p, &checks[i]);
}

static void fill_more(struct lookup_pack *p, uint32_t at, const struct lookup_endpoint *e)
{
    uint64_t name = add_span(p, e->registration);

    if (e->checks_n)
        add_checks(p, e->checks, e->checks_n);
    uint64_t output = add_span(p, e->output);
    uint64_t meta = add_pairs(p, e->meta, e->meta_n);
    uint64_t *w = p->words + at;

    w[LOOKUP_MORE_HEALTH] = (uint64_t)e->health | (e->own_tags ? LOOKUP_MORE_OWN : 0) |
                            (e->checks_n ? LOOKUP_MORE_CHECKS : 0) |
                            (e->by_host ? LOOKUP_MORE_HOST | (uint64_t)e->own << 16 : 0) |
                            (uint64_t)e->ttl_ms << 32;
    w[LOOKUP_MORE_NAME] = name;
    w[LOOKUP_MORE_OUTPUT] = output;
    w[LOOKUP_MORE_META] = meta;
}

static const struct lookup_endpoint *endpoint_at(const struct lookup_service *s, uint32_t i)
{
    return i < s->endpoints_n ? &s->endpoints[i] : &s->failing[i - s->endpoints_n];
}

static void fill_whole(struct lookup_pack *p, const struct lookup_service *s, uint32_t count)
{
    struct texts texts = {.count = 0};
    uint32_t at = add_words(p, (size_t)count * LOOKUP_ENDPOINT_WORDS);
    uint32_t head = add_words(p, LOOKUP_WHOLE_WORDS);
    uint32_t more = add_words(p, (size_t)count * LOOKUP_MORE_WORDS);

    texts.tags = add_tags(p, s->tags, s->tags_n);
    uint64_t meta = add_pairs(p, s->meta, s->meta_n);

    p->words[head + LOOKUP_WHOLE_HEALTHY] = s->endpoints_n < count ? s->endpoints_n : count;
    p->words[head + LOOKUP_WHOLE_TAGS] = lookup_span(texts.tags.at, texts.tags.count);
    p->words[head + LOOKUP_WHOLE_META] = meta;
    for (uint32_t i = 0; i < count; i++) {
        fill_endpoint(p, &texts, at + i * LOOKUP_ENDPOINT_WORDS, endpoint_at(s, i));
        fill_more(p, more + i * LOOKUP_MORE_WORDS, endpoint_at(s, i));
    }
}

void lookup_pack_whole(struct lookup_pack *p, const struct lookup_service *s)
{
    uint32_t all = s->gone ? 0 : s->endpoints_n + s->failing_n;
    uint32_t count = all < LOOKUP_ENDPOINTS_MAX ? all : LOOKUP_ENDPOINTS_MAX;
    char space[LOOKUP_NAME_MAX];
    struct bytes of = cut(s->space, sizeof(space) - 1);

    space[0] = LOOKUP_WHOLE[0];
    if (of.len)
        memcpy(space + 1, of.data, of.len);
    begin(p, bytes_of(space, of.len + 1), cut(s->name, LOOKUP_NAME_MAX),
          LOOKUP_ROW_OTHER | (s->gone ? LOOKUP_ROW_GONE : 0));
    if (!s->gone)
        fill_whole(p, s, count);
    end(p, count);
}

/* ---- members ---- */

void lookup_pack_member(struct lookup_pack *p, const struct lookup_member *m)
{
    bool gone = m->state == MEMBER_STATE_UNKNOWN;

    begin(p, bytes_str(LOOKUP_MEMBER), bytes_of(m->id.b, sizeof(m->id.b)),
          LOOKUP_ROW_OTHER | (gone ? LOOKUP_ROW_GONE : 0));
    if (!gone) {
        uint32_t at = add_words(p, LOOKUP_MEMBER_WORDS);
        uint64_t name = add_span(p, m->name), host = add_span(p, m->host);
        uint64_t tags = add_pairs(p, m->tags, m->tags_n);
        uint64_t *w = p->words + at;

        w[LOOKUP_MEMBER_STATE] = (uint64_t)m->state;
        w[LOOKUP_MEMBER_INCARNATION] = m->incarnation;
        w[LOOKUP_MEMBER_NAME] = name;
        w[LOOKUP_MEMBER_HOST] = host;
        w[LOOKUP_MEMBER_TAGS] = tags;
    }
    end(p, 0);
}

void lookup_pack_named(struct lookup_pack *p, struct bytes name, const struct ulid *ids,
                       uint32_t ids_n)
{
    char key[LOOKUP_NAME_MAX];
    size_t len = lookup_named_key(name, key);

    begin(p, bytes_str(LOOKUP_NAMED), bytes_of(key, len),
          LOOKUP_ROW_OTHER | (ids_n ? 0 : LOOKUP_ROW_GONE));
    uint32_t at = add_words(p, (size_t)ids_n * 2);

    for (uint32_t i = 0; i < ids_n; i++)
        memcpy(p->words + at + (size_t)i * 2, ids[i].b, sizeof(ids[i].b));
    end(p, 0);
}

/* ---- rows ---- */

struct lookup_name lookup_pack_name(const struct lookup_pack *p)
{
    uint8_t space_len = (uint8_t)p->words[LOOKUP_ROW_NAMES];
    uint8_t name_len = (uint8_t)(p->words[LOOKUP_ROW_NAMES] >> 8);
    const uint64_t *space = p->words + LOOKUP_ROW_HEAD;

    return lookup_name((const char *)space, space_len,
                       (const char *)(space + lookup_words_of(space_len)), name_len);
}

void lookup_pack_stamp(struct lookup_pack *p, uint64_t stamp)
{
    uint64_t check = 0;

    p->words[LOOKUP_ROW_STAMP] = stamp;
    for (size_t i = 0; i < p->count; i++) {
        if (i != LOOKUP_ROW_CHECK)
            check = lookup_check(check, p->words[i]);
    }
    p->words[LOOKUP_ROW_CHECK] = check;
}

bool lookup_pack_equal(const struct lookup_pack *p, const uint64_t *row)
{
    return p->words[LOOKUP_ROW_SIZE] == row[LOOKUP_ROW_SIZE] &&
           p->words[LOOKUP_ROW_NAMES] == row[LOOKUP_ROW_NAMES] &&
           memcmp(p->words + LOOKUP_ROW_HEAD, row + LOOKUP_ROW_HEAD,
                  (p->count - LOOKUP_ROW_HEAD) * sizeof(*row)) == 0;
}
