#include "http/directory.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static inline int compare_services(const struct dir_service *a, const struct dir_service *b)
{
    return bytes_compare(a->name, b->name);
}

static inline int compare_members(const struct dir_member *a, const struct dir_member *b)
{
    return ulid_compare(&a->says.id, &b->says.id);
}

TREE_FUNCTIONS(dir_services, dir_service, by_name, compare_services)
TREE_FUNCTIONS(dir_members, dir_member, by_id, compare_members)

/* ---- life ---- */

void directory_init(struct directory *d, uint64_t start, directory_woken *woken, void *arg)
{
    *d = (struct directory){.index = start, .floor = start, .woken = woken, .arg = arg};
    d->list.index = d->nodes.index = start;
    TAILQ_INIT(&d->gone);
}

static void free_service(struct directory *d, struct dir_service *s)
{
    TREE_REMOVE(dir_services, &d->services, s);
    if (!s->there) {
        TAILQ_REMOVE(&d->gone, s, by_age);
        d->gone_n--;
    }
    d->there_n -= s->there;
    arena_deinit(&s->mem);
    mem_free((void *)(uintptr_t)s->name.data);
    mem_free(s);
}

static void free_member(struct directory *d, struct dir_member *m)
{
    TREE_REMOVE(dir_members, &d->members, m);
    arena_deinit(&m->mem);
    mem_free(m);
}

void directory_deinit(struct directory *d)
{
    struct dir_service *s, *next_service;
    struct dir_member *m, *next_member;

    TREE_FOREACH_SAFE(s, dir_services, &d->services, next_service)
    free_service(d, s);
    TREE_FOREACH_SAFE(m, dir_members, &d->members, next_member)
    free_member(d, m);
}

/* ---- waiting ---- */

void directory_watch(struct resource *r, struct watcher *w)
{
    directory_unwatch(w);
    w->on = r;
    LIST_INSERT_HEAD(&r->watchers, w, others);
}

void directory_unwatch(struct watcher *w)
{
    if (!w->on)
        return;
    LIST_REMOVE(w, others);
    w->on = NULL;
}

static void change(struct directory *d, struct resource *r)
{
    struct watcher *w;

    r->index = ++d->index;
    while ((w = LIST_FIRST(&r->watchers)) != NULL) {
        directory_unwatch(w);
        d->woken(d->arg, w);
    }
}

/* ---- services ---- */

static struct dir_service *find(const struct directory *d, struct bytes name)
{
    struct dir_service key = {.name = name};

    return TREE_FIND(dir_services, (struct dir_services *)(uintptr_t)&d->services, &key);
}

static struct dir_member *find_member(const struct directory *d, const struct ulid *id)
{
    struct dir_member key = {.says = {.id = *id}};

    return TREE_FIND(dir_members, (struct dir_members *)(uintptr_t)&d->members, &key);
}

/* The oldest that nobody waits for is forgotten when there are too many. */
static void forget_some(struct directory *d)
{
    struct dir_service *s, *next;

    for (s = TAILQ_FIRST(&d->gone); s && d->gone_n > DIRECTORY_GONE_MAX; s = next) {
        next = TAILQ_NEXT(s, by_age);
        if (!LIST_EMPTY(&s->resource.watchers))
            continue;
        if (s->resource.index > d->floor)
            d->floor = s->resource.index;
        free_service(d, s);
    }
}

/* One that is not there. */
static struct dir_service *add(struct directory *d, struct bytes name)
{
    struct dir_service *s = mem_alloc(sizeof(*s));

    s->name = bytes_of(mem_copy(name.data, name.len), name.len);
    s->resource.index = d->floor;
    TREE_INSERT(dir_services, &d->services, s);
    TAILQ_INSERT_TAIL(&d->gone, s, by_age);
    d->gone_n++;
    return s;
}

struct resource *directory_resource(struct directory *d, struct bytes name)
{
    struct dir_service *s = find(d, name);

    if (!s) {
        forget_some(d);
        s = add(d, name);
    }
    return &s->resource;
}

struct ranked { /* an endpoint and where it stood: its ports keep their order */
    const struct lookup_endpoint *endpoint;
    uint32_t number;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    int order = ulid_compare(&x->endpoint->node, &y->endpoint->node);

    if (order == 0)
        order = ulid_compare(&x->endpoint->instance, &y->endpoint->instance);
    if (order != 0)
        return order;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Both lists of endpoints in one, in an order that does not change with the distance. */
static struct lookup_service in_order(const struct lookup_service *s, struct arena *mem)
{
    uint32_t count = s->endpoints_n + s->failing_n;
    struct lookup_endpoint *list = arena_array(mem, count, sizeof(*list));
    struct ranked *ranks = arena_array(mem, count, sizeof(*ranks));
    struct lookup_service all = *s;

    for (uint32_t i = 0; i < count; i++)
        ranks[i] = (struct ranked){
            i < s->endpoints_n ? &s->endpoints[i] : &s->failing[i - s->endpoints_n], i};
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

static bool same_texts(const struct bytes *a, uint32_t a_n, const struct bytes *b, uint32_t b_n)
{
    bool same = a_n == b_n;

    for (uint32_t i = 0; same && i < a_n; i++)
        same = bytes_equal(a[i], b[i]);
    return same;
}

static bool same_pairs(const struct pair *a, uint32_t a_n, const struct pair *b, uint32_t b_n)
{
    bool same = a_n == b_n;

    for (uint32_t i = 0; same && i < a_n; i++)
        same = bytes_equal(a[i].key, b[i].key) && bytes_equal(a[i].value, b[i].value);
    return same;
}

static bool same_endpoint(const struct lookup_endpoint *a, const struct lookup_endpoint *b)
{
    return ulid_equal(&a->instance, &b->instance) && ulid_equal(&a->node, &b->node) &&
           a->port == b->port && a->weight == b->weight && a->health == b->health &&
           a->ttl_ms == b->ttl_ms && a->own_tags == b->own_tags && bytes_equal(a->addr, b->addr) &&
           bytes_equal(a->port_name, b->port_name) && bytes_equal(a->node_name, b->node_name) &&
           bytes_equal(a->registration, b->registration) && bytes_equal(a->output, b->output) &&
           same_texts(a->tags, a->tags_n, b->tags, b->tags_n) &&
           same_pairs(a->meta, a->meta_n, b->meta, b->meta_n);
}

static bool same_service(const struct lookup_service *a, const struct lookup_service *b)
{
    bool same = a->endpoints_n == b->endpoints_n &&
                same_texts(a->tags, a->tags_n, b->tags, b->tags_n) &&
                same_pairs(a->meta, a->meta_n, b->meta, b->meta_n);

    for (uint32_t i = 0; same && i < a->endpoints_n; i++)
        same = same_endpoint(&a->endpoints[i], &b->endpoints[i]);
    return same;
}

/* The first endpoint from `at` on that is of another node. */
static uint32_t end_of_node(const struct lookup_service *s, uint32_t at, const struct ulid *node)
{
    while (at < s->endpoints_n && ulid_equal(&s->endpoints[at].node, node))
        at++;
    return at;
}

static const struct ulid *first_node(const struct lookup_service *a, uint32_t i,
                                     const struct lookup_service *b, uint32_t k)
{
    if (i == a->endpoints_n)
        return &b->endpoints[k].node;
    if (k == b->endpoints_n || ulid_compare(&a->endpoints[i].node, &b->endpoints[k].node) <= 0)
        return &a->endpoints[i].node;
    return &b->endpoints[k].node;
}

/* Answers about nodes show what runs there: those whose part differs have changed. */
static void touch_nodes(struct directory *d, const struct lookup_service *before,
                        const struct lookup_service *after)
{
    bool whole = !same_texts(before->tags, before->tags_n, after->tags, after->tags_n) ||
                 !same_pairs(before->meta, before->meta_n, after->meta, after->meta_n);
    uint32_t i = 0, k = 0;

    while (i < before->endpoints_n || k < after->endpoints_n) {
        const struct ulid *node = first_node(before, i, after, k);
        uint32_t i_end = end_of_node(before, i, node), k_end = end_of_node(after, k, node);
        bool same = !whole && i_end - i == k_end - k;

        for (; same && i < i_end; i++, k++)
            same = same_endpoint(&before->endpoints[i], &after->endpoints[k]);
        struct dir_member *m = same ? NULL : find_member(d, node);

        if (m)
            change(d, &m->resource);
        i = i_end;
        k = k_end;
    }
}

static int compare_texts(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

/* "+" when it has endpoints, "-" when not; then all their tags, each once, in order, with a NUL behind each. */
static struct bytes listed_tags(const struct lookup_service *s, struct arena *mem)
{
    size_t max = s->tags_n, count = 0, kept = 0;
    struct buf out = {0};

    buf_byte(&out, s->endpoints_n ? '+' : '-');
    for (uint32_t i = 0; i < s->endpoints_n; i++)
        max += s->endpoints[i].tags_n;
    struct bytes *all = arena_array(mem, max, sizeof(*all));

    for (uint32_t k = 0; k < s->tags_n; k++)
        all[count++] = s->tags[k];
    for (uint32_t i = 0; i < s->endpoints_n; i++) {
        for (uint32_t k = 0; k < s->endpoints[i].tags_n; k++)
            all[count++] = s->endpoints[i].tags[k];
    }
    if (count)
        qsort(all, count, sizeof(*all), compare_texts);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && bytes_equal(all[i], all[kept]))
            continue;
        kept = i;
        buf_append(&out, all[i].data, all[i].len);
        buf_byte(&out, '\0');
    }
    struct bytes listed = arena_bytes(mem, buf_bytes(&out));

    buf_deinit(&out);
    return listed;
}

static void set_there(struct directory *d, struct dir_service *s, bool there)
{
    if (s->there == there)
        return;
    s->there = there;
    if (there) {
        TAILQ_REMOVE(&d->gone, s, by_age);
        d->gone_n--;
        d->there_n++;
    } else {
        TAILQ_INSERT_TAIL(&d->gone, s, by_age);
        d->gone_n++;
        d->there_n--;
    }
}

static void remove_service(struct directory *d, struct dir_service *s)
{
    if (!s->there)
        return;
    set_there(d, s, false);
    touch_nodes(d, &s->says, &(struct lookup_service){0});
    arena_deinit(&s->mem);
    s->says = (struct lookup_service){0};
    s->listed = (struct bytes){0};
    change(d, &s->resource);
    change(d, &d->list);
}

static void tell_service(struct directory *d, const struct lookup_service *said)
{
    struct dir_service *s = find(d, said->name);
    struct arena mem = {0}, scratch = {0};

    if (said->gone) {
        if (s)
            remove_service(d, s);
        return;
    }
    if (!s)
        s = add(d, said->name);
    struct lookup_service all = in_order(said, &scratch);
    struct lookup_service says = lookup_service_copy(&mem, &all);
    struct bytes listed = arena_bytes(&mem, listed_tags(&says, &scratch));
    bool same = s->there && same_service(&says, &s->says);
    bool same_listed = s->there && bytes_equal(listed, s->listed);

    set_there(d, s, true);
    if (!same)
        touch_nodes(d, &s->says, &says);
    arena_deinit(&s->mem);
    s->mem = mem;
    s->says = says;
    s->listed = listed;
    s->told = d->round;
    arena_deinit(&scratch);
    if (!same)
        change(d, &s->resource);
    if (!same_listed)
        change(d, &d->list);
}

/* ---- members ---- */

/* Answers about services show their hosts. */
static void touch_services_on(struct directory *d, const struct ulid *node)
{
    struct dir_service *s;

    TREE_FOREACH (s, dir_services, &d->services) {
        bool here = false;

        for (uint32_t i = 0; !here && i < s->says.endpoints_n; i++)
            here = ulid_equal(&s->says.endpoints[i].node, node);
        if (here)
            change(d, &s->resource);
    }
}

static bool same_face(const struct lookup_member *a, const struct lookup_member *b)
{
    return bytes_equal(a->name, b->name) && bytes_equal(a->host, b->host) &&
           same_pairs(a->tags, a->tags_n, b->tags, b->tags_n);
}

/* Who waits for it is told; what they then ask for is not there any more. */
static void lose_member(struct directory *d, struct dir_member *m)
{
    change(d, &m->resource);
    free_member(d, m);
    change(d, &d->nodes);
}

static void tell_member(struct directory *d, const struct lookup_member *said)
{
    struct dir_member *m = find_member(d, &said->id);
    struct arena mem = {0};

    if (said->state == MEMBER_STATE_UNKNOWN) {
        if (m)
            lose_member(d, m);
        return;
    }
    struct lookup_member says = lookup_member_copy(&mem, said);
    bool known = m != NULL;
    bool same = known && same_face(&m->says, &says);
    bool same_state =
        same && m->says.state == says.state && m->says.incarnation == says.incarnation;

    if (!m) {
        m = mem_alloc(sizeof(*m));
        m->says.id = said->id;
        TREE_INSERT(dir_members, &d->members, m);
    }
    arena_deinit(&m->mem);
    m->mem = mem;
    m->says = says;
    m->told = d->round;
    if (!same_state) {
        change(d, &m->resource);
        change(d, &d->nodes);
    }
    if (!same)
        touch_services_on(d, &says.id);
}

/* ---- all ---- */

/* What was not told of in this round is not there any more. */
static void drop_untold(struct directory *d)
{
    struct dir_service *s, *next_service;
    struct dir_member *m, *next_member;

    TREE_FOREACH_SAFE(s, dir_services, &d->services, next_service)
    {
        if (s->there && s->told != d->round)
            remove_service(d, s);
    }
    TREE_FOREACH_SAFE(m, dir_members, &d->members, next_member)
    {
        if (m->told != d->round)
            lose_member(d, m);
    }
}

void directory_tell(struct directory *d, const struct effect_lookup *e)
{
    if (e->anew)
        d->round++;
    for (uint32_t i = 0; i < e->members_n; i++)
        tell_member(d, &e->members[i]);
    for (uint32_t i = 0; i < e->services_n; i++)
        tell_service(d, &e->services[i]);
    if (e->whole) {
        drop_untold(d);
        d->ready = true;
    }
    forget_some(d);
}

/* ---- reading ---- */

const struct dir_service *directory_service(const struct directory *d, struct bytes name)
{
    const struct dir_service *s = find(d, name);

    return s && s->there ? s : NULL;
}

static const struct dir_service *from(struct dir_service *s)
{
    while (s && !s->there)
        s = TREE_NEXT(dir_services, /* tree= */ NULL, s);
    return s;
}

const struct dir_service *directory_first(const struct directory *d)
{
    return from(TREE_FIRST(dir_services, (struct dir_services *)(uintptr_t)&d->services));
}

const struct dir_service *directory_next(const struct dir_service *s)
{
    return from(TREE_NEXT(dir_services, /* tree= */ NULL, (struct dir_service *)(uintptr_t)s));
}

const struct dir_member *directory_member(const struct directory *d, const struct ulid *id)
{
    return find_member(d, id);
}

struct dir_member *directory_named(const struct directory *d, struct bytes name)
{
    struct dir_member *m;

    TREE_FOREACH (m, dir_members, (struct dir_members *)(uintptr_t)&d->members) {
        if (bytes_equal(m->says.name, name))
            return m;
    }
    return NULL;
}

const struct dir_member *directory_first_member(const struct directory *d)
{
    return TREE_FIRST(dir_members, (struct dir_members *)(uintptr_t)&d->members);
}

const struct dir_member *directory_next_member(const struct dir_member *m)
{
    return TREE_NEXT(dir_members, /* tree= */ NULL, (struct dir_member *)(uintptr_t)m);
}
