#include "store/lookup_read.h"

/* Each failed try was one of the writer's rows. */
#define TRIES_MAX 1000

/* ---- rows as they are at one moment ---- */

struct copy {
    struct lookup_row_ref row; /* its words are in the arena */
    uint64_t flags;
};

/* 0 or LOOKUP_TORN; *changed: it was a mixture. */
static int copy_row(const struct lookup_row_ref *row, struct arena *mem, struct copy *ret,
                    bool *changed)
{
    uint64_t *words = arena_array(mem, row->words, sizeof(*words));

    for (uint32_t i = 0; i < row->words; i++)
        words[i] = lookup_get(&row->at[i]);
    *changed = !lookup_unchanged(row);
    *ret = (struct copy){.row = *row, .flags = words[LOOKUP_ROW_NAMES] & LOOKUP_ROW_NONE};
    ret->row.at = words;
    ret->row.end = words + row->words;
    return !*changed && (row->space_len > LOOKUP_NAME_MAX || row->name_len > LOOKUP_NAME_MAX)
               ? LOOKUP_TORN
               : 0;
}

/* A row that is gone counts as none. */
static int find(const struct lookup_map *m, struct bytes space, struct bytes name,
                struct arena *mem, struct copy *ret)
{
    struct lookup_name key =
        lookup_name((const char *)space.data, space.len, (const char *)name.data, name.len);
    struct lookup_row_ref row;
    bool changed = true;

    for (int tries = 0; changed && tries < TRIES_MAX; tries++) {
        int problem = lookup_find(m, &key, &row);

        if (problem == 0)
            problem = copy_row(&row, mem, ret, &changed);
        if (problem)
            return problem;
    }
    if (changed)
        return LOOKUP_TORN;
    return ret->flags & LOOKUP_ROW_GONE ? LOOKUP_NONE : 0;
}

/* ---- what a row holds; false: it leads out of the row ---- */

static bool read_text(const struct copy *c, uint64_t at, uint64_t len, struct bytes *ret)
{
    if (!lookup_inside(&c->row, at, lookup_words_of(len)))
        return false;
    *ret = bytes_of(c->row.at + at, len);
    return true;
}

static bool read_ref(const struct copy *c, struct lookup_text_ref text, struct bytes *ret)
{
    return read_text(c, text.at, text.len, ret);
}

static bool read_span(const struct copy *c, uint64_t span, struct bytes *ret)
{
    return read_text(c, (uint32_t)span, span >> 32, ret);
}

static bool read_texts(const struct copy *c, uint64_t at, uint64_t count, struct arena *mem,
                       const struct bytes **ret)
{
    if (count == 0)
        return true;
    if (count > c->row.words)
        return false;
    struct bytes *list = arena_array(mem, count, sizeof(*list));

    for (uint64_t i = 0; i < count; i++) {
        if (!lookup_inside(&c->row, at, 1) ||
            !read_text(c, at + 1, (uint32_t)c->row.at[at], &list[i]))
            return false;
        at += 1 + lookup_words_of(list[i].len);
    }
    *ret = list;
    return true;
}

static bool read_pairs(const struct copy *c, uint64_t span, struct arena *mem,
                       const struct pair **ret, uint32_t *ret_n)
{
    uint64_t at = (uint32_t)span, count = span >> 32;

    if (count == 0)
        return true;
    if (count > c->row.words)
        return false;
    struct pair *list = arena_array(mem, count, sizeof(*list));

    for (uint64_t i = 0; i < count; i++) {
        if (!lookup_inside(&c->row, at, 1))
            return false;
        uint64_t lens = c->row.at[at++];

        if (!read_text(c, at, (uint32_t)lens, &list[i].key))
            return false;
        at += lookup_words_of((uint32_t)lens);
        if (!read_text(c, at, lens >> 32, &list[i].value))
            return false;
        at += lookup_words_of(lens >> 32);
    }
    *ret = list;
    *ret_n = (uint32_t)count;
    return true;
}

/* ---- services ---- */

static bool read_endpoint(const struct copy *c, uint32_t i, struct lookup_endpoint *ret,
                          struct lookup_endpoint_ref *ref)
{
    if (!lookup_endpoint(&c->row, i, ref) || !read_ref(c, ref->addr, &ret->addr) ||
        !read_ref(c, ref->port_name, &ret->port_name) ||
        !read_ref(c, ref->node_name, &ret->node_name))
        return false;
    lookup_id(ref, LOOKUP_ENDPOINT_INSTANCE, ret->instance.b);
    lookup_id(ref, LOOKUP_ENDPOINT_NODE, ret->node.b);
    ret->port = ref->port;
    ret->weight = ref->weight;
    ret->distance_us = ref->distance_us;
    return true;
}

/* The check at *at, which is behind it then. */
static bool read_check(const struct copy *c, uint64_t *at, struct endpoint_check *ret)
{
    struct bytes *const texts[LOOKUP_CHECK_TEXTS] = {&ret->id, &ret->name, &ret->notes,
                                                     &ret->output};

    if (!lookup_inside(&c->row, *at, 1))
        return false;
    ret->health = (enum endpoint_health)(uint8_t)c->row.at[*at];
    ret->ttl_ms = (uint32_t)(c->row.at[*at] >> 32);
    ++*at;
    for (unsigned i = 0; i < LOOKUP_CHECK_TEXTS; i++) {
        if (!lookup_inside(&c->row, *at, 1) ||
            !read_text(c, *at + 1, (uint32_t)c->row.at[*at], texts[i]))
            return false;
        *at += 1 + lookup_words_of(texts[i]->len);
    }
    return true;
}

/* `at` has the span of them. */
static bool read_checks(const struct copy *c, uint64_t at, struct arena *mem,
                        const struct endpoint_check **ret, uint32_t *ret_n)
{
    if (!lookup_inside(&c->row, at, 1))
        return false;
    uint64_t from = (uint32_t)c->row.at[at], count = c->row.at[at] >> 32;

    if (count > c->row.words)
        return false;
    struct endpoint_check *list = arena_array(mem, count, sizeof(*list));

    for (uint64_t i = 0; i < count; i++) {
        if (!read_check(c, &from, &list[i]))
            return false;
    }
    *ret = list;
    *ret_n = (uint32_t)count;
    return true;
}

static bool read_more(const struct copy *c, const uint64_t *more,
                      const struct lookup_endpoint_ref *ref, struct arena *mem,
                      struct lookup_endpoint *ret)
{
    uint64_t health = more[LOOKUP_MORE_HEALTH];

    ret->health = (enum endpoint_health)(uint8_t)health;
    ret->own_tags = health & LOOKUP_MORE_OWN;
    ret->by_host = health & LOOKUP_MORE_HOST;
    ret->own = (enum endpoint_health)(uint8_t)(health >> 16);
    ret->ttl_ms = (uint32_t)(health >> 32);
    if (ret->own_tags) {
        ret->tags_n = ref->tags_n;
        if (!read_texts(c, ref->tags_at, ref->tags_n, mem, &ret->tags))
            return false;
    }
    if (!read_span(c, more[LOOKUP_MORE_NAME], &ret->registration))
        return false;
    uint64_t behind = (uint32_t)more[LOOKUP_MORE_NAME] + lookup_words_of(ret->registration.len);

    if (health & LOOKUP_MORE_CHECKS && !read_checks(c, behind, mem, &ret->checks, &ret->checks_n))
        return false;
    return read_span(c, more[LOOKUP_MORE_OUTPUT], &ret->output) &&
           read_pairs(c, more[LOOKUP_MORE_META], mem, &ret->meta, &ret->meta_n);
}

static bool read_whole(const struct copy *c, struct arena *mem, struct lookup_service *ret)
{
    uint32_t count = c->row.endpoints;
    uint64_t at = c->row.endpoints_at + (uint64_t)count * LOOKUP_ENDPOINT_WORDS;

    if (!lookup_inside(&c->row, at, LOOKUP_WHOLE_WORDS + (uint64_t)count * LOOKUP_MORE_WORDS))
        return false;
    const uint64_t *head = c->row.at + at, *more = head + LOOKUP_WHOLE_WORDS;
    struct lookup_endpoint *list = arena_array(mem, count, sizeof(*list));

    if (head[LOOKUP_WHOLE_HEALTHY] > count)
        return false;
    ret->endpoints = list;
    ret->endpoints_n = (uint32_t)head[LOOKUP_WHOLE_HEALTHY];
    ret->failing = list + ret->endpoints_n;
    ret->failing_n = count - ret->endpoints_n;
    ret->tags_n = (uint32_t)(head[LOOKUP_WHOLE_TAGS] >> 32);
    if (!read_texts(c, (uint32_t)head[LOOKUP_WHOLE_TAGS], ret->tags_n, mem, &ret->tags) ||
        !read_pairs(c, head[LOOKUP_WHOLE_META], mem, &ret->meta, &ret->meta_n))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct lookup_endpoint_ref ref;

        if (!read_endpoint(c, i, &list[i], &ref) ||
            !read_more(c, more + (uint64_t)i * LOOKUP_MORE_WORDS, &ref, mem, &list[i]))
            return false;
    }
    return true;
}

/* A row that says all: every endpoint passes, and has the service's tags. */
static bool read_own(const struct copy *c, struct arena *mem, struct lookup_service *ret)
{
    uint32_t count = c->row.endpoints;
    struct lookup_endpoint *list = arena_array(mem, count, sizeof(*list));

    ret->endpoints = list;
    ret->endpoints_n = count;
    for (uint32_t i = 0; i < count; i++) {
        struct lookup_endpoint_ref ref;

        if (!read_endpoint(c, i, &list[i], &ref))
            return false;
        if (i == 0) {
            ret->tags_n = ref.tags_n;
            if (!read_texts(c, ref.tags_at, ref.tags_n, mem, &ret->tags))
                return false;
        }
    }
    return true;
}

static int find_whole(const struct lookup_map *m, struct bytes space, struct bytes name,
                      struct arena *mem, struct copy *ret)
{
    char key[LOOKUP_NAME_MAX] = LOOKUP_WHOLE;
    size_t len = space.len < sizeof(key) ? space.len : sizeof(key) - 1;

    if (len)
        memcpy(key + 1, space.data, len);
    return find(m, bytes_of(key, len + 1), name, mem, ret);
}

int lookup_read_service(const struct lookup_map *m, struct bytes space, struct bytes name,
                        struct arena *mem, struct lookup_service *ret)
{
    struct copy whole, own;
    int problem = find_whole(m, space, name, mem, &whole);

    *ret =
        (struct lookup_service){.space = arena_bytes(mem, space), .name = arena_bytes(mem, name)};
    if (problem == LOOKUP_NONE) {
        problem = find(m, space, name, mem, &own);
        if (problem)
            return problem;
        /* What was written between the two looks, was the other one first. */
        problem = find_whole(m, space, name, mem, &whole);
        if (problem == LOOKUP_NONE)
            return read_own(&own, mem, ret) ? 0 : LOOKUP_TORN;
    }
    if (problem)
        return problem;
    return read_whole(&whole, mem, ret) ? 0 : LOOKUP_TORN;
}

/* ---- members ---- */

static bool decode_member(const struct copy *c, struct arena *mem, struct lookup_member *ret)
{
    struct bytes id;

    *ret = (struct lookup_member){.state = MEMBER_STATE_UNKNOWN};
    if (!lookup_inside(&c->row, c->row.endpoints_at, LOOKUP_MEMBER_WORDS) ||
        !read_ref(c, lookup_row_name(&c->row), &id) || id.len != sizeof(ret->id.b))
        return false;
    const uint64_t *w = c->row.at + c->row.endpoints_at;

    memcpy(ret->id.b, id.data, sizeof(ret->id.b));
    ret->state = (enum member_state)w[LOOKUP_MEMBER_STATE];
    ret->incarnation = w[LOOKUP_MEMBER_INCARNATION];
    return read_span(c, w[LOOKUP_MEMBER_NAME], &ret->name) &&
           read_span(c, w[LOOKUP_MEMBER_HOST], &ret->host) &&
           read_pairs(c, w[LOOKUP_MEMBER_TAGS], mem, &ret->tags, &ret->tags_n);
}

int lookup_read_member(const struct lookup_map *m, const struct ulid *id, struct arena *mem,
                       struct lookup_member *ret)
{
    struct copy c;
    int problem = find(m, bytes_str(LOOKUP_MEMBER), bytes_of(id->b, sizeof(id->b)), mem, &c);

    if (problem)
        return problem;
    return decode_member(&c, mem, ret) ? 0 : LOOKUP_TORN;
}

size_t lookup_named_key(struct bytes name, char ret[LOOKUP_NAME_MAX])
{
    size_t len = name.len < LOOKUP_NAME_MAX ? name.len : LOOKUP_NAME_MAX;

    for (size_t i = 0; i < len; i++) {
        uint8_t c = name.data[i];

        ret[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return len;
}

int lookup_read_named(const struct lookup_map *m, struct bytes name, struct arena *mem,
                      const struct ulid **ret, uint32_t *ret_n)
{
    char key[LOOKUP_NAME_MAX];
    size_t len = lookup_named_key(name, key);
    struct copy c;
    int problem = find(m, bytes_str(LOOKUP_NAMED), bytes_of(key, len), mem, &c);

    *ret = NULL;
    *ret_n = 0;
    if (problem)
        return problem;
    uint32_t count = (c.row.words - c.row.endpoints_at) / 2;
    struct ulid *list = arena_array(mem, count, sizeof(*list));

    for (uint32_t i = 0; i < count; i++)
        memcpy(list[i].b, c.row.at + c.row.endpoints_at + (size_t)i * 2, sizeof(list[i].b));
    *ret = list;
    *ret_n = count;
    return 0;
}

/* ---- all ---- */

static bool is_member(const struct lookup_row_ref *row)
{
    return lookup_text_is(row, lookup_row_space(row), LOOKUP_MEMBER, sizeof(LOOKUP_MEMBER) - 1);
}

static bool is_service(const struct lookup_row_ref *row)
{
    return !row->gone;
}

/* The next slot whose row may be wanted, copied. */
static int next(const struct lookup_map *m, uint64_t *at, struct arena *mem, struct copy *ret,
                bool (*wanted)(const struct lookup_row_ref *row))
{
    for (; *at < m->slots; ++*at) {
        struct lookup_row_ref row;
        bool changed = true;
        int problem = 0;

        for (int tries = 0; changed && problem == 0 && tries < TRIES_MAX; tries++) {
            problem = lookup_at(m, *at, &row);
            if (problem == 0 && !wanted(&row) && lookup_unchanged(&row))
                problem = LOOKUP_NONE;
            if (problem == 0)
                problem = copy_row(&row, mem, ret, &changed);
        }
        if (problem == LOOKUP_NONE || (problem == 0 && ret->flags & LOOKUP_ROW_GONE))
            continue;
        ++*at;
        return changed ? LOOKUP_TORN : problem;
    }
    return LOOKUP_NONE;
}

int lookup_read_next_service(const struct lookup_map *m, uint64_t *at, struct arena *mem,
                             struct lookup_service *ret)
{
    struct bytes space, name;
    struct copy c;
    int problem = LOOKUP_NONE;

    while (problem == LOOKUP_NONE) {
        problem = next(m, at, mem, &c, is_service);
        if (problem)
            return problem;
        if (!read_ref(&c, lookup_row_space(&c.row), &space) ||
            !read_ref(&c, lookup_row_name(&c.row), &name))
            return LOOKUP_TORN;
        problem = lookup_read_service(m, space, name, mem, ret); /* none: it went meanwhile */
    }
    return problem;
}

int lookup_read_next_member(const struct lookup_map *m, uint64_t *at, struct arena *mem,
                            struct lookup_member *ret)
{
    struct copy c;
    int problem = next(m, at, mem, &c, is_member);

    if (problem)
        return problem;
    return decode_member(&c, mem, ret) ? 0 : LOOKUP_TORN;
}
