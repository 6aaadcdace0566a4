#include "http/shelf.h"

#include "base/mem.h"

struct shelf_view {
    TREE_ENTRY(shelf_view) by_question;
    TAILQ_ENTRY(shelf_view) by_use;
    enum shelf_kind kind;
    struct bytes prefix, separator; /* owned */
    struct resource resource;
};

static inline int compare_keys(const struct shelf_key *a, const struct shelf_key *b)
{
    return bytes_compare(a->name, b->name);
}

static inline int compare_sessions(const struct shelf_session *a, const struct shelf_session *b)
{
    return ulid_compare(&a->says.id, &b->says.id);
}

static inline int compare_views(const struct shelf_view *a, const struct shelf_view *b)
{
    int order = (a->kind > b->kind) - (a->kind < b->kind);

    if (order == 0)
        order = bytes_compare(a->prefix, b->prefix);
    return order ? order : bytes_compare(a->separator, b->separator);
}

TREE_FUNCTIONS(shelf_keys, shelf_key, by_name, compare_keys)
TREE_FUNCTIONS(shelf_sessions, shelf_session, by_id, compare_sessions)
TREE_FUNCTIONS(shelf_views, shelf_view, by_question, compare_views)

static struct bytes own(struct bytes b)
{
    return b.len ? bytes_of(mem_copy(b.data, b.len), b.len) : (struct bytes){0};
}

static void disown(struct bytes b)
{
    mem_free((void *)(uintptr_t)b.data);
}

/* ---- life ---- */

void shelf_init(struct shelf *s, struct directory *directory)
{
    *s = (struct shelf){.directory = directory, .floor = directory->index};
    s->all_sessions.index = directory->index;
    TAILQ_INIT(&s->gone);
    TAILQ_INIT(&s->used);
}

static void free_key(struct shelf *s, struct shelf_key *k)
{
    TREE_REMOVE(shelf_keys, &s->keys, k);
    if (!k->there) {
        TAILQ_REMOVE(&s->gone, k, by_age);
        s->gone_n--;
    }
    disown(k->name);
    disown(k->info.value);
    mem_free(k);
}

static void free_session(struct shelf *s, struct shelf_session *t)
{
    TREE_REMOVE(shelf_sessions, &s->sessions, t);
    arena_deinit(&t->mem);
    mem_free(t);
}

static void free_view(struct shelf *s, struct shelf_view *v)
{
    TREE_REMOVE(shelf_views, &s->views, v);
    TAILQ_REMOVE(&s->used, v, by_use);
    s->views_n--;
    disown(v->prefix);
    disown(v->separator);
    mem_free(v);
}

void shelf_deinit(struct shelf *s)
{
    struct shelf_key *k, *next_key;
    struct shelf_session *t, *next_session;
    struct shelf_view *v, *next_view;

    TREE_FOREACH_SAFE(k, shelf_keys, &s->keys, next_key)
    free_key(s, k);
    TREE_FOREACH_SAFE(t, shelf_sessions, &s->sessions, next_session)
    free_session(s, t);
    TREE_FOREACH_SAFE(v, shelf_views, &s->views, next_view)
    free_view(s, v);
}

/* ---- resources ---- */

static void wake(struct shelf *s, struct resource *r)
{
    struct watcher *w;

    while ((w = LIST_FIRST(&r->watchers)) != NULL) {
        directory_unwatch(w);
        s->directory->host.woken(s->directory->host.arg, w);
    }
}

static void change(struct shelf *s, struct resource *r)
{
    r->index = ++s->directory->index;
    wake(s, r);
}

static struct shelf_key *find(const struct shelf *s, struct bytes name)
{
    struct shelf_key key = {.name = name};

    return TREE_FIND(shelf_keys, (struct shelf_keys *)(uintptr_t)&s->keys, &key);
}

/* The oldest that nobody waits for is forgotten when there are too many. */
static void forget_some(struct shelf *s)
{
    struct shelf_key *k, *next;

    for (k = TAILQ_FIRST(&s->gone); k && s->gone_n > SHELF_GONE_MAX; k = next) {
        next = TAILQ_NEXT(k, by_age);
        if (!LIST_EMPTY(&k->resource.watchers))
            continue;
        if (k->resource.index > s->floor)
            s->floor = k->resource.index;
        free_key(s, k);
    }
}

/* One that is not there. */
static struct shelf_key *add_key(struct shelf *s, struct bytes name)
{
    struct shelf_key *k = mem_alloc(sizeof(*k));

    k->name = own(name);
    k->resource.index = s->floor;
    TREE_INSERT(shelf_keys, &s->keys, k);
    TAILQ_INSERT_TAIL(&s->gone, k, by_age);
    s->gone_n++;
    return k;
}

struct resource *shelf_key_resource(struct shelf *s, struct bytes name)
{
    struct shelf_key *k = find(s, name);

    if (!k) {
        forget_some(s);
        k = add_key(s, name);
    }
    return &k->resource;
}

static void forget_views(struct shelf *s)
{
    struct shelf_view *v, *next;

    for (v = TAILQ_FIRST(&s->used); v && s->views_n >= SHELF_VIEWS_MAX; v = next) {
        next = TAILQ_NEXT(v, by_use);
        if (LIST_EMPTY(&v->resource.watchers))
            free_view(s, v);
    }
}

struct resource *shelf_view_resource(struct shelf *s, enum shelf_kind kind, struct bytes prefix,
                                     struct bytes separator)
{
    struct shelf_view key = {.kind = kind, .prefix = prefix, .separator = separator};
    struct shelf_view *v = TREE_FIND(shelf_views, &s->views, &key);

    if (v) {
        TAILQ_REMOVE(&s->used, v, by_use);
    } else {
        forget_views(s);
        v = mem_alloc(sizeof(*v));
        v->kind = kind;
        v->prefix = own(prefix);
        v->separator = own(separator);
        v->resource.index = ++s->directory->index;
        TREE_INSERT(shelf_views, &s->views, v);
        s->views_n++;
    }
    TAILQ_INSERT_TAIL(&s->used, v, by_use);
    return &v->resource;
}

/* ---- what changes with a key ---- */

struct bytes shelf_fold(struct bytes name, struct bytes prefix, struct bytes separator)
{
    for (size_t at = prefix.len; separator.len && at + separator.len <= name.len; at++) {
        struct bytes rest = bytes_of(name.data + at, name.len - at);

        if (bytes_starts(rest, separator))
            return bytes_of(name.data, at + separator.len);
    }
    return name;
}

/* Whether a list of names has this one only because of that key. */
static bool shows_it_alone(const struct shelf *s, const struct shelf_view *v, struct bytes name)
{
    struct bytes folded = shelf_fold(name, v->prefix, v->separator);
    const struct key_info *k;

    bool cut = v->separator.len && folded.len >= v->prefix.len + v->separator.len &&
               bytes_equal(bytes_of(folded.data + folded.len - v->separator.len, v->separator.len),
                           v->separator);

    if (!cut)
        return true; /* listed by itself */
    for (k = shelf_first(s, folded); k; k = shelf_next(s, k, folded)) {
        if (!bytes_equal(k->key, name))
            return false;
    }
    return true;
}

/* `names`: the key has come, or has gone. */
static void touch_views(struct shelf *s, struct bytes name, bool names)
{
    struct shelf_view *v;

    TREE_FOREACH (v, shelf_views, &s->views) {
        if (v->kind == SHELF_NODE || !bytes_starts(name, v->prefix))
            continue;
        if (v->kind == SHELF_TREE || (names && shows_it_alone(s, v, name)))
            change(s, &v->resource);
    }
}

static bool same_key(const struct key_info *a, const struct key_info *b)
{
    return a->flags == b->flags && a->created == b->created && a->index == b->index &&
           a->locks == b->locks && ulid_equal(&a->session, &b->session) &&
           bytes_equal(a->value, b->value);
}

static void lose_key(struct shelf *s, struct shelf_key *k)
{
    if (!k->there)
        return;
    k->there = false;
    TAILQ_INSERT_TAIL(&s->gone, k, by_age);
    s->gone_n++;
    disown(k->info.value);
    k->info = (struct key_info){0};
    change(s, &k->resource);
    touch_views(s, k->name, /* names= */ true);
}

static void tell_key(struct shelf *s, const struct told_key *said)
{
    struct shelf_key *k = find(s, said->info.key);

    if (said->gone) {
        if (k)
            lose_key(s, k);
        return;
    }
    if (!k)
        k = add_key(s, said->info.key);
    k->told = s->round;
    if (k->there && same_key(&k->info, &said->info))
        return;
    bool came = !k->there;

    if (came) {
        TAILQ_REMOVE(&s->gone, k, by_age);
        s->gone_n--;
    }
    disown(k->info.value);
    k->there = true;
    k->info = said->info;
    k->info.key = k->name;
    k->info.value = own(said->info.value);
    change(s, &k->resource);
    touch_views(s, k->name, came);
}

/* ---- sessions ---- */

static struct shelf_session *find_session(const struct shelf *s, const struct ulid *id)
{
    struct shelf_session key = {.says = {.id = *id}};

    return TREE_FIND(shelf_sessions, (struct shelf_sessions *)(uintptr_t)&s->sessions, &key);
}

static void touch_node(struct shelf *s, const struct ulid *node)
{
    struct shelf_view key = {.kind = SHELF_NODE, .prefix = ulid_bytes(node)};
    struct shelf_view *v = TREE_FIND(shelf_views, &s->views, &key);

    if (v)
        change(s, &v->resource);
    change(s, &s->all_sessions);
}

static void lose_session(struct shelf *s, struct shelf_session *t)
{
    struct ulid node = t->says.node;

    change(s, &t->resource);
    free_session(s, t);
    touch_node(s, &node);
}

static void tell_session(struct shelf *s, const struct told_session *said)
{
    struct shelf_session *t = find_session(s, &said->id);

    if (said->gone) {
        if (t)
            lose_session(s, t);
        return;
    }
    if (t) { /* what was opened never changes */
        t->told = s->round;
        return;
    }
    t = mem_alloc(sizeof(*t));
    t->says = *said;
    t->says.session.name = arena_bytes(&t->mem, said->session.name);
    t->told = s->round;
    TREE_INSERT(shelf_sessions, &s->sessions, t);
    change(s, &t->resource);
    touch_node(s, &said->node);
}

/* ---- all ---- */

static void drop_untold(struct shelf *s)
{
    struct shelf_key *k, *next_key;
    struct shelf_session *t, *next_session;

    TREE_FOREACH_SAFE(k, shelf_keys, &s->keys, next_key)
    {
        if (k->told != s->round)
            lose_key(s, k);
    }
    TREE_FOREACH_SAFE(t, shelf_sessions, &s->sessions, next_session)
    {
        if (t->told != s->round)
            lose_session(s, t);
    }
}

void shelf_tell(struct shelf *s, const struct effect_keys *e)
{
    if (e->anew)
        s->round++;
    for (uint32_t i = 0; i < e->keys_n; i++)
        tell_key(s, &e->keys[i]);
    for (uint32_t i = 0; i < e->sessions_n; i++)
        tell_session(s, &e->sessions[i]);
    if (e->whole) {
        drop_untold(s);
        s->ready = true;
    }
    forget_some(s);
    s->number = e->number;
    wake(s, &s->caught);
}

/* ---- reading ---- */

static const struct key_info *there(struct shelf_key *k, struct bytes prefix)
{
    while (k && !k->there)
        k = TREE_NEXT(shelf_keys, /* tree= */ NULL, k);
    return k && bytes_starts(k->name, prefix) ? &k->info : NULL;
}

const struct key_info *shelf_find(const struct shelf *s, struct bytes name)
{
    const struct shelf_key *k = find(s, name);

    return k && k->there ? &k->info : NULL;
}

const struct key_info *shelf_first(const struct shelf *s, struct bytes prefix)
{
    struct shelf_key key = {.name = prefix};

    return there(TREE_FROM(shelf_keys, (struct shelf_keys *)(uintptr_t)&s->keys, &key), prefix);
}

const struct key_info *shelf_next(const struct shelf *s, const struct key_info *k,
                                  struct bytes prefix)
{
    return there(TREE_NEXT(shelf_keys, /* tree= */ NULL, find(s, k->key)), prefix);
}

const struct told_session *shelf_session(const struct shelf *s, const struct ulid *id)
{
    const struct shelf_session *t = find_session(s, id);

    return t ? &t->says : NULL;
}

const struct told_session *shelf_first_session(const struct shelf *s)
{
    const struct shelf_session *t =
        TREE_FIRST(shelf_sessions, (struct shelf_sessions *)(uintptr_t)&s->sessions);

    return t ? &t->says : NULL;
}

const struct told_session *shelf_next_session(const struct shelf *s, const struct told_session *t)
{
    const struct shelf_session *next =
        TREE_NEXT(shelf_sessions, /* tree= */ NULL, find_session(s, &t->id));

    return next ? &next->says : NULL;
}

/* One that is not there can only be waited for with all others. */
struct resource *shelf_session_resource(struct shelf *s, const struct ulid *id)
{
    struct shelf_session *t = find_session(s, id);

    return t ? &t->resource : &s->all_sessions;
}
