#include "http/portrait.h"

#include "base/buf.h"
#include "base/mem.h"
#include "store/lookup_format.h"

#include <stdlib.h>
#include <string.h>

/* ---- order ---- */

struct ulid portrait_host(struct bytes name)
{
    const char *text = (const char *)name.data;
    uint64_t half[2] = {lookup_hash("host", 4, text, name.len),
                        lookup_hash("elsewhere", 9, text, name.len)};
    struct ulid id;

    memcpy(id.b, half, sizeof(id.b));
    return id;
}

/* Where it really is. */
static struct ulid place_of(const struct lookup_endpoint *e)
{
    for (uint32_t i = 0; i < e->meta_n; i++) {
        if (bytes_equal_str(e->meta[i].key, LOOKUP_META_HOST))
            return portrait_host(e->meta[i].value);
    }
    return e->node;
}

struct ranked { /* an endpoint and where it stood: its ports keep their order */
    const struct lookup_endpoint *endpoint;
    struct ulid place;
    uint32_t number;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    int order = ulid_compare(&x->place, &y->place);

    if (order == 0)
        order = ulid_compare(&x->endpoint->node, &y->endpoint->node);
    if (order == 0)
        order = ulid_compare(&x->endpoint->instance, &y->endpoint->instance);
    if (order != 0)
        return order;
    return x->number < y->number ? -1 : x->number > y->number;
}

struct lookup_service portrait_in_order(const struct lookup_service *s, struct arena *mem)
{
    uint32_t count = s->endpoints_n + s->failing_n;
    struct lookup_endpoint *list = arena_array(mem, count, sizeof(*list));
    struct ranked *ranks = arena_array(mem, count, sizeof(*ranks));
    struct lookup_service all = *s;

    for (uint32_t i = 0; i < count; i++) {
        const struct lookup_endpoint *e =
            i < s->endpoints_n ? &s->endpoints[i] : &s->failing[i - s->endpoints_n];

        ranks[i] = (struct ranked){.endpoint = e, .place = place_of(e), .number = i};
    }
    if (count)
        qsort(ranks, count, sizeof(*ranks), compare_ranked);
    for (uint32_t i = 0; i < count; i++)
        list[i] = *ranks[i].endpoint;
    all.endpoints = list;
    all.endpoints_n = count;
    all.failing = NULL;
    all.failing_n = 0;
    return all;
}

/* ---- hashes ---- */

static uint64_t add_number(uint64_t h, uint64_t number)
{
    return lookup_mix(h ^ number);
}

static uint64_t add_text(uint64_t h, struct bytes text)
{
    return lookup_hash_text(add_number(h, text.len), (const char *)text.data, text.len);
}

static uint64_t add_tags(uint64_t h, const struct bytes *tags, uint32_t tags_n)
{
    h = add_number(h, tags_n);
    for (uint32_t i = 0; i < tags_n; i++)
        h = add_text(h, tags[i]);
    return h;
}

static uint64_t add_meta(uint64_t h, const struct pair *meta, uint32_t meta_n)
{
    h = add_number(h, meta_n);
    for (uint32_t i = 0; i < meta_n; i++)
        h = add_text(add_text(h, meta[i].key), meta[i].value);
    return h;
}

static uint64_t add_checks(uint64_t h, const struct endpoint_check *checks, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        h = add_number(h, (uint64_t)checks[i].health | (uint64_t)checks[i].ttl_ms << 32);
        h = add_text(add_text(h, checks[i].id), checks[i].name);
        h = add_text(add_text(h, checks[i].notes), checks[i].output);
    }
    return h;
}

static uint64_t add_endpoint(uint64_t h, const struct lookup_endpoint *e)
{
    h = add_text(h, bytes_of(e->instance.b, sizeof(e->instance.b)));
    h = add_number(h, e->port | (uint64_t)e->weight << 32);
    h = add_number(h, (uint64_t)e->health | (uint64_t)e->own_tags << 8 |
                          (uint64_t)endpoint_own_health(e) << 16 | (uint64_t)e->ttl_ms << 32);
    h = add_text(add_text(h, e->addr), e->port_name);
    h = add_text(add_text(h, e->node_name), e->registration);
    h = add_checks(add_text(h, e->output), e->checks, e->checks_n);
    return add_meta(add_tags(h, e->tags, e->tags_n), e->meta, e->meta_n);
}

static uint64_t face_of(const struct lookup_service *s)
{
    return add_meta(add_tags(/* h= */ 1, s->tags, s->tags_n), s->meta, s->meta_n);
}

/* ---- tags as they are listed ---- */

static int compare_texts(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

/* All of them, each as often as it is there. */
static struct bytes *all_tags(const struct lookup_service *s, size_t *ret_n)
{
    size_t max = s->tags_n, count = 0;

    for (uint32_t i = 0; i < s->endpoints_n; i++)
        max += s->endpoints[i].tags_n;
    struct bytes *all = mem_grow(NULL, max + 1, sizeof(*all));

    for (uint32_t k = 0; k < s->tags_n; k++)
        all[count++] = s->tags[k];
    for (uint32_t i = 0; i < s->endpoints_n; i++) {
        for (uint32_t k = 0; k < s->endpoints[i].tags_n; k++)
            all[count++] = s->endpoints[i].tags[k];
    }
    *ret_n = count;
    return all;
}

static void list_tags(const struct lookup_service *s, struct buf *out)
{
    size_t count, kept = 0;
    struct bytes *all = all_tags(s, &count);

    buf_byte(out, s->endpoints_n ? '+' : '-');
    if (count)
        qsort(all, count, sizeof(*all), compare_texts);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && bytes_equal(all[i], all[kept]))
            continue;
        kept = i;
        buf_append(out, all[i].data, all[i].len);
        buf_byte(out, '\0');
    }
    mem_free(all);
}

/* ---- making ---- */

enum endpoint_health endpoint_own_health(const struct lookup_endpoint *e)
{
    return e->by_host ? e->own : e->health;
}

bool endpoint_is_checked(const struct lookup_endpoint *e)
{
    return !e->registration.len || e->ttl_ms || e->checks_n ||
           endpoint_own_health(e) != ENDPOINT_HEALTH_PASSING;
}

static uint32_t count_nodes(const struct lookup_service *s)
{
    struct ulid last = {0};
    uint32_t count = 0;

    for (uint32_t i = 0; i < s->endpoints_n; i++) {
        struct ulid place = place_of(&s->endpoints[i]);

        count += i == 0 || !ulid_equal(&place, &last);
        last = place;
    }
    return count;
}

/* The states that its checks are in. */
static void note_checks(struct portrait *p, const struct lookup_endpoint *e)
{
    for (uint32_t i = 0; i < e->checks_n; i++) {
        if (e->checks[i].health < PORTRAIT_HEALTHS)
            p->checked[e->checks[i].health] = true;
    }
    if (!e->checks_n && endpoint_is_checked(e) && endpoint_own_health(e) < PORTRAIT_HEALTHS)
        p->checked[endpoint_own_health(e)] = true;
}

static void fill_parts(struct portrait *p, const struct lookup_service *s)
{
    struct portrait_part *part = NULL;

    for (uint32_t i = 0; i < s->endpoints_n; i++) {
        const struct lookup_endpoint *e = &s->endpoints[i];

        struct ulid place = place_of(e);

        if (!part || !ulid_equal(&part->node, &place)) {
            part = &p->parts[p->parts_n++];
            *part = (struct portrait_part){.node = place};
        }
        part->hash = add_endpoint(part->hash, e);
        if (e->health >= PORTRAIT_HEALTHS)
            continue;
        p->healths[e->health]++;
        note_checks(p, e);
    }
}

struct portrait *portrait_new(const struct lookup_service *s)
{
    size_t parts_size = count_nodes(s) * sizeof(struct portrait_part);
    struct buf listed = {0};

    list_tags(s, &listed);
    struct portrait *p = mem_alloc(sizeof(*p) + parts_size + listed.len);
    uint8_t *behind = (uint8_t *)p->parts + parts_size;

    p->face = face_of(s);
    fill_parts(p, s);
    memcpy(behind, listed.data, listed.len);
    p->listed = bytes_of(behind, listed.len);
    buf_deinit(&listed);
    return p;
}

void portrait_free(struct portrait *p)
{
    mem_free(p);
}

/* ---- comparing ---- */

static bool same_part(const struct portrait_part *a, const struct portrait_part *b)
{
    return a->hash == b->hash && ulid_equal(&a->node, &b->node);
}

bool portrait_equal(const struct portrait *a, const struct portrait *b)
{
    bool same = a->face == b->face && a->parts_n == b->parts_n;

    for (uint32_t i = 0; same && i < a->parts_n; i++)
        same = same_part(&a->parts[i], &b->parts[i]);
    return same;
}

bool portrait_is_on(const struct portrait *p, const struct ulid *node)
{
    for (uint32_t i = 0; i < p->parts_n; i++) {
        if (ulid_equal(&p->parts[i].node, node))
            return true;
    }
    return false;
}

void portrait_compare(const struct portrait *a, const struct portrait *b,
                      void (*differs)(void *arg, const struct ulid *node), void *arg)
{
    uint32_t a_n = a ? a->parts_n : 0, b_n = b ? b->parts_n : 0, i = 0, k = 0;
    bool whole = !a || !b || a->face != b->face;

    while (i < a_n || k < b_n) {
        int order = i == a_n   ? 1
                    : k == b_n ? -1
                               : ulid_compare(&a->parts[i].node, &b->parts[k].node);

        if (order != 0 || whole || a->parts[i].hash != b->parts[k].hash)
            differs(arg, order <= 0 ? &a->parts[i].node : &b->parts[k].node);
        i += order <= 0;
        k += order >= 0;
    }
}
