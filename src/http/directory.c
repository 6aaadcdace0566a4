#include "http/directory.h"

#include "base/mem.h"
#include "http/directory_inside.h"

#include <string.h>

/* ---- life ---- */

void directory_init(struct directory *d, uint64_t start, const struct directory_host *host)
{
    *d = (struct directory){.index = start, .floor = start, .host = *host};
    d->view = mem_alloc(sizeof(*d->view));
    d->list.index = d->nodes.index = d->all_checks.index = d->any.index = start;
    for (unsigned i = 0; i < PORTRAIT_HEALTHS; i++)
        d->checks[i].index = start;
    TAILQ_INIT(&d->gone);
}

static void free_name(struct directory *d, struct dir_name *n)
{
    TREE_REMOVE(dir_names, &d->names, n);
    TREE_REMOVE(dir_changes, &d->changes, n);
    if (!n->portrait) {
        TAILQ_REMOVE(&d->gone, n, by_age);
        d->gone_n--;
    }
    portrait_free(n->portrait);
    mem_free(n);
}

static void free_member(struct dir_members *all, struct dir_member *m)
{
    TREE_REMOVE(dir_members, all, m);
    arena_deinit(&m->mem);
    mem_free(m);
}

void directory_deinit(struct directory *d)
{
    struct dir_name *n, *next_name;
    struct dir_member *m, *next_member;

    TREE_FOREACH_SAFE(n, dir_names, &d->names, next_name)
    free_name(d, n);
    TREE_FOREACH_SAFE(m, dir_members, &d->members, next_member)
    free_member(&d->members, m);
    TREE_FOREACH_SAFE(m, dir_members, &d->hosts, next_member)
    free_member(&d->hosts, m);
    if (d->view)
        arena_deinit(&d->view->mem);
    mem_free(d->view);
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

void directory_wake(struct directory *d, struct resource *r)
{
    struct watcher *w;

    while ((w = LIST_FIRST(&r->watchers)) != NULL) {
        directory_unwatch(w);
        d->host.woken(d->host.arg, w);
    }
}

static struct dir_name *name_of(struct resource *r)
{
    return r->of_name ? (struct dir_name *)((char *)r - offsetof(struct dir_name, resource)) : NULL;
}

void directory_change(struct directory *d, struct resource *r)
{
    struct dir_name *n = name_of(r);

    if (n)
        TREE_REMOVE(dir_changes, &d->changes, n);
    r->changed = false;
    r->index = ++d->index;
    if (n)
        TREE_INSERT(dir_changes, &d->changes, n);
    directory_wake(d, r);
    if (!n && r != &d->nodes)
        return;
    d->any.index = d->index;
    directory_wake(d, &d->any);
}

static void change(struct directory *d, struct resource *r)
{
    if (d->anew)
        r->changed = true;
    else
        directory_change(d, r);
}

/* ---- services ---- */

/* The oldest that nobody waits for is forgotten when there are too many. */
static void forget_some(struct directory *d)
{
    struct dir_name *n, *next;

    for (n = TAILQ_FIRST(&d->gone); n && d->gone_n > DIRECTORY_GONE_MAX; n = next) {
        next = TAILQ_NEXT(n, by_age);
        if (!LIST_EMPTY(&n->resource.watchers) || n->resource.changed)
            continue;
        if (n->resource.index > d->floor)
            d->floor = n->resource.index;
        free_name(d, n);
    }
}

/* One that is not there. Its name is behind it. */
static struct dir_name *add(struct directory *d, struct bytes name)
{
    struct dir_name *n = mem_alloc(sizeof(*n) + name.len);

    if (name.len)
        memcpy(n + 1, name.data, name.len);
    n->name = bytes_of(n + 1, name.len);
    n->resource.index = d->floor;
    n->resource.of_name = true;
    TREE_INSERT(dir_names, &d->names, n);
    TREE_INSERT(dir_changes, &d->changes, n);
    TAILQ_INSERT_TAIL(&d->gone, n, by_age);
    d->gone_n++;
    return n;
}

struct resource *directory_resource(struct directory *d, struct bytes name)
{
    struct dir_name *n = directory_find_name(d, name);

    if (!n) {
        forget_some(d);
        n = add(d, name);
    }
    return &n->resource;
}

/* Answers about nodes show what runs there. */
static void touch_node(void *arg, const struct ulid *node)
{
    struct directory *d = arg;
    struct dir_member *m = directory_find_member(d, node);

    if (!m)
        m = directory_find_host(d, node);

    if (m)
        change(d, &m->resource);
}

/* What is listed by state has changed. */
static void change_checks(struct directory *d, const bool of[PORTRAIT_HEALTHS])
{
    bool any = false;

    for (unsigned i = 0; i < PORTRAIT_HEALTHS; i++) {
        if (of[i])
            change(d, &d->checks[i]);
        any = any || of[i];
    }
    if (any)
        change(d, &d->all_checks);
}

/* The checks of a service show its index. Either may be NULL. */
static void change_checks_of(struct directory *d, const struct portrait *a,
                             const struct portrait *b)
{
    bool of[PORTRAIT_HEALTHS];

    for (unsigned i = 0; i < PORTRAIT_HEALTHS; i++)
        of[i] = (a && a->checked[i]) || (b && b->checked[i]);
    change_checks(d, of);
}

static void count_healths(struct directory *d, const struct portrait *p, bool more)
{
    for (unsigned i = 0; p && i < PORTRAIT_HEALTHS; i++)
        d->healths[i] += more ? p->healths[i] : UINT64_MAX - p->healths[i] + 1;
}

/* Takes the portrait over; NULL: the service is gone. */
static void set_portrait(struct directory *d, struct dir_name *n, struct portrait *p)
{
    if (!n->portrait && p) {
        TAILQ_REMOVE(&d->gone, n, by_age);
        d->gone_n--;
        d->there_n++;
    } else if (n->portrait && !p) {
        TAILQ_INSERT_TAIL(&d->gone, n, by_age);
        d->gone_n++;
        d->there_n--;
    }
    count_healths(d, n->portrait, /* more= */ false);
    count_healths(d, p, /* more= */ true);
    portrait_free(n->portrait);
    n->portrait = p;
}

static void remove_service(struct directory *d, struct dir_name *n)
{
    if (!n->portrait)
        return;
    portrait_compare(n->portrait, NULL, touch_node, d);
    change_checks_of(d, n->portrait, NULL);
    set_portrait(d, n, NULL);
    change(d, &n->resource);
    change(d, &d->list);
}

static struct portrait *portray(const struct lookup_service *said)
{
    struct arena scratch = {0};
    struct lookup_service all = portrait_in_order(said, &scratch);
    struct portrait *p = portrait_new(&all);

    arena_deinit(&scratch);
    return p;
}

static void tell_service(struct directory *d, const struct lookup_service *said)
{
    struct dir_name *n = directory_find_name(d, said->name);

    if (said->gone) {
        if (n)
            remove_service(d, n);
        return;
    }
    if (!n)
        n = add(d, said->name);
    struct portrait *p = portray(said), *former = n->portrait;
    bool same = former && portrait_equal(former, p);
    bool same_listed = former && bytes_equal(former->listed, p->listed);

    if (!same) {
        portrait_compare(former, p, touch_node, d);
        change_checks_of(d, former, p);
    }
    set_portrait(d, n, p);
    n->told = d->round;
    if (!same)
        change(d, &n->resource);
    if (!same_listed)
        change(d, &d->list);
}

/* ---- members ---- */

static bool same_pairs(const struct pair *a, uint32_t a_n, const struct pair *b, uint32_t b_n)
{
    bool same = a_n == b_n;

    for (uint32_t i = 0; same && i < a_n; i++)
        same = bytes_equal(a[i].key, b[i].key) && bytes_equal(a[i].value, b[i].value);
    return same;
}

/* Answers about services show their hosts. */
static void touch_services_on(struct directory *d, const struct ulid *node)
{
    struct dir_name *n;

    TREE_FOREACH (n, dir_names, &d->names) {
        if (!n->portrait || !portrait_is_on(n->portrait, node))
            continue;
        change(d, &n->resource);
        change_checks_of(d, n->portrait, NULL);
    }
}

static bool same_face(const struct lookup_member *a, const struct lookup_member *b)
{
    return bytes_equal(a->name, b->name) && bytes_equal(a->host, b->host) &&
           same_pairs(a->tags, a->tags_n, b->tags, b->tags_n);
}

static bool same_check(const struct endpoint_check *a, const struct endpoint_check *b)
{
    return a->health == b->health && a->ttl_ms == b->ttl_ms && bytes_equal(a->id, b->id) &&
           bytes_equal(a->name, b->name) && bytes_equal(a->notes, b->notes) &&
           bytes_equal(a->output, b->output);
}

static bool same_checks(const struct lookup_member *a, const struct lookup_member *b)
{
    bool same = a->checks_n == b->checks_n;

    for (uint32_t i = 0; same && i < a->checks_n; i++)
        same = same_check(&a->checks[i], &b->checks[i]);
    return same;
}

/* The states that a node's checks are in; one that left has none. */
static void add_states(bool of[PORTRAIT_HEALTHS], const struct lookup_member *m)
{
    if (m->state == MEMBER_STATE_LEFT || m->state == MEMBER_STATE_UNKNOWN)
        return;
    of[m->state == MEMBER_STATE_ALIVE ? ENDPOINT_HEALTH_PASSING : ENDPOINT_HEALTH_CRITICAL] = true;
    for (uint32_t i = 0; i < m->checks_n; i++) {
        if (m->checks[i].health < PORTRAIT_HEALTHS)
            of[m->checks[i].health] = true;
    }
}

/* Who waits for it is told; what they then ask for is not there any more. */
static void lose_member(struct directory *d, struct dir_member *m)
{
    bool of[PORTRAIT_HEALTHS] = {false};

    add_states(of, &m->says);
    change_checks(d, of);
    directory_change(d, &m->resource);
    free_member(&d->members, m);
    change(d, &d->nodes);
}

static void lose_host(struct directory *d, struct dir_member *m)
{
    directory_change(d, &m->resource);
    free_member(&d->hosts, m);
    change(d, &d->nodes);
}

/* There are few. */
static struct dir_member *host_by(const struct directory *d, const struct ulid *by)
{
    struct dir_member *m;

    TREE_FOREACH (m, dir_members, (struct dir_members *)(uintptr_t)&d->hosts) {
        if (ulid_equal(&m->by, by))
            return m;
    }
    return NULL;
}

static void tell_host(struct directory *d, const struct lookup_member *said)
{
    struct ulid id = portrait_host(said->name);
    struct dir_member *m = directory_find_host(d, &id);
    bool same = m && same_face(&m->says, said);

    if (!m) {
        m = mem_alloc(sizeof(*m));
        m->says.id = id;
        TREE_INSERT(dir_members, &d->hosts, m);
    }
    m->told = d->round;
    if (same)
        return;
    arena_deinit(&m->mem);
    m->mem = (struct arena){0};
    m->says = lookup_member_copy(&m->mem, said);
    m->says.id = id;
    m->by = said->id;
    change(d, &m->resource);
    change(d, &d->nodes);
    touch_services_on(d, &id);
}

static void tell_member(struct directory *d, const struct lookup_member *said)
{
    struct dir_member *m = directory_find_member(d, &said->id);
    struct arena mem = {0};

    if (said->state == MEMBER_STATE_UNKNOWN) {
        struct dir_member *host = m ? NULL : host_by(d, &said->id);

        if (m)
            lose_member(d, m);
        if (host)
            lose_host(d, host);
        return;
    }
    struct lookup_member says = lookup_member_copy(&mem, said);
    bool known = m != NULL;
    bool same = known && same_face(&m->says, &says);
    bool same_all = known && same_checks(&m->says, &says);
    bool same_state =
        same && m->says.state == says.state && m->says.incarnation == says.incarnation;

    bool of[PORTRAIT_HEALTHS] = {false};

    add_states(of, said);
    if (known)
        add_states(of, &m->says);
    if (!m) {
        m = mem_alloc(sizeof(*m));
        m->says.id = said->id;
        TREE_INSERT(dir_members, &d->members, m);
    }
    arena_deinit(&m->mem);
    m->mem = mem;
    m->says = says;
    m->told = d->round;
    if (!same_state || !same_all) {
        change(d, &m->own);
        change(d, &m->resource);
        change_checks(d, of);
    }
    if (!same_state)
        change(d, &d->nodes);
    if (!same || !same_all)
        touch_services_on(d, &says.id);
}

/* ---- all ---- */

/* What was not told of in this round is not there any more. */
static void drop_untold(struct directory *d)
{
    struct dir_name *n, *next_name;
    struct dir_member *m, *next_member;

    TREE_FOREACH_SAFE(n, dir_names, &d->names, next_name)
    {
        if (n->portrait && n->told != d->round)
            remove_service(d, n);
    }
    TREE_FOREACH_SAFE(m, dir_members, &d->members, next_member)
    {
        if (m->told != d->round)
            lose_member(d, m);
    }
    TREE_FOREACH_SAFE(m, dir_members, &d->hosts, next_member)
    {
        if (m->told != d->round)
            lose_host(d, m);
    }
}

static void change_late(struct directory *d, struct resource *r)
{
    if (r->changed)
        directory_change(d, r);
}

/* Readers have the new file. */
static void end_round(struct directory *d)
{
    struct dir_name *n;
    struct dir_member *m;

    d->anew = false;
    d->ready = true;
    TREE_FOREACH (n, dir_names, &d->names)
        change_late(d, &n->resource);
    TREE_FOREACH (m, dir_members, &d->members) {
        change_late(d, &m->own);
        change_late(d, &m->resource);
    }
    TREE_FOREACH (m, dir_members, &d->hosts)
        change_late(d, &m->resource);
    change_late(d, &d->list);
    change_late(d, &d->nodes);
    for (unsigned i = 0; i < PORTRAIT_HEALTHS; i++)
        change_late(d, &d->checks[i]);
    change_late(d, &d->all_checks);
}

void directory_tell(struct directory *d, const struct effect_lookup *e)
{
    if (e->anew) {
        d->round++;
        d->anew = true;
    }
    for (uint32_t i = 0; i < e->members_n; i++)
        (e->members[i].foreign ? tell_host : tell_member)(d, &e->members[i]);
    for (uint32_t i = 0; i < e->services_n; i++)
        tell_service(d, &e->services[i]);
    if (e->whole) {
        drop_untold(d);
        end_round(d);
    }
    forget_some(d);
}
