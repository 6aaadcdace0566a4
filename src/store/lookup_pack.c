#include "store/lookup_pack.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

/* Words of a row: LOOKUP_ENDPOINTS_MAX endpoints without tags take less than three quarters of the longest. */
#define OWN_TAGS_UNTIL (LOOKUP_ROW_MAX / 4)
#define PORT_NAMES_MAX 32 /* different ones that are written once; any more are repeated */

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

void lookup_pack_service(struct lookup_pack *p, const struct lookup_service *s)
{
    struct bytes space = cut(s->space, LOOKUP_NAME_MAX), name = cut(s->name, LOOKUP_NAME_MAX);
    uint32_t count = s->endpoints_n < LOOKUP_ENDPOINTS_MAX ? s->endpoints_n : LOOKUP_ENDPOINTS_MAX;
    struct texts texts = {.count = 0};

    p->count = 0;
    add_words(p, LOOKUP_ROW_HEAD);
    add_text(p, space);
    add_text(p, name);
    uint32_t at = add_words(p, (size_t)count * LOOKUP_ENDPOINT_WORDS);

    if (count)
        texts.tags = add_tags(p, s->tags, s->tags_n);
    for (uint32_t i = 0; i < count; i++)
        fill_endpoint(p, &texts, at + i * LOOKUP_ENDPOINT_WORDS, &s->endpoints[i]);
    assert(p->count <= LOOKUP_ROW_MAX);
    p->words[LOOKUP_ROW_SIZE] = p->count | (uint64_t)count << 32;
    p->words[LOOKUP_ROW_NAMES] = space.len | name.len << 8 | (s->gone ? LOOKUP_ROW_GONE : 0);
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
