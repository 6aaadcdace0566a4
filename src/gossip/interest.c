#include "gossip/interest.h"

#include "base/mem.h"
#include "base/tree.h"

#include <assert.h>
#include <string.h>

struct shared { /* a pattern, and the nodes that have it */
    struct bytes text;
    struct pattern pattern;
    struct ulid *nodes; /* rising */
    size_t nodes_n;
    TREE_ENTRY(shared) by_text;
};

struct node {
    struct ulid id;
    struct shared *patterns[INTEREST_PATTERNS_MAX];
    uint32_t patterns_n;
    TREE_ENTRY(node) by_id;
};

struct known { /* the answer for a topic */
    struct bytes text;
    struct ulid *peers;
    size_t peers_n;
    uint64_t used;
    TREE_ENTRY(known) by_text;
};

struct want { /* a pattern of the own row */
    struct bytes text;
    kith_time until_us; /* KITH_NEVER: somebody wants it */
};

static int compare_shared(const struct shared *a, const struct shared *b)
{
    return bytes_compare(a->text, b->text);
}

static int compare_node(const struct node *a, const struct node *b)
{
    return ulid_compare(&a->id, &b->id);
}

static int compare_known(const struct known *a, const struct known *b)
{
    return bytes_compare(a->text, b->text);
}

TREE_DEFINE(shared_tree, shared, by_text, compare_shared)
TREE_DEFINE(node_tree, node, by_id, compare_node)
TREE_DEFINE(known_tree, known, by_text, compare_known)

struct interest {
    struct core *core;
    struct shared_tree shared;
    struct node_tree nodes;
    struct known_tree known;
    size_t known_n;
    uint64_t uses;
    struct want *wants; /* sorted by text */
    size_t wants_n;
    kith_time write_at_us, written_us;
    bool written;
};

static struct bytes keep(struct bytes text)
{
    return bytes_of(mem_copy(text.data, text.len), text.len);
}

static void drop_text(struct bytes text)
{
    mem_free((void *)(uintptr_t)text.data);
}

struct interest *interest_new(struct core *core)
{
    struct interest *in = mem_alloc(sizeof(*in));
    in->core = core;
    in->write_at_us = KITH_NEVER;
    return in;
}

/* ---- kept answers ---- */

static void forget_topic(struct interest *in, struct known *k)
{
    TREE_REMOVE(known_tree, &in->known, k);
    in->known_n--;
    drop_text(k->text);
    mem_free(k->peers);
    mem_free(k);
}

static void forget_topics(struct interest *in)
{
    struct known *k, *next;
    TREE_FOREACH_SAFE(k, known_tree, &in->known, next)
    forget_topic(in, k);
}

static void make_room(struct interest *in)
{
    struct known *k, *oldest = NULL;
    if (in->known_n < INTEREST_TOPICS_MAX)
        return;
    TREE_FOREACH (k, known_tree, &in->known) {
        if (!oldest || k->used < oldest->used)
            oldest = k;
    }
    assert(oldest);
    forget_topic(in, oldest);
}

/* ---- the index ---- */

/* Where the id is, or would stand. */
static size_t place(const struct ulid *ids, size_t n, const struct ulid *id)
{
    size_t low = 0;
    while (low < n) {
        size_t middle = low + (n - low) / 2;
        if (ulid_compare(&ids[middle], id) < 0)
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}

static void shared_add(struct shared *s, const struct ulid *id)
{
    size_t at = place(s->nodes, s->nodes_n, id);
    s->nodes = mem_grow(s->nodes, s->nodes_n + 1, sizeof(*s->nodes));
    memmove(s->nodes + at + 1, s->nodes + at, (s->nodes_n - at) * sizeof(*s->nodes));
    s->nodes[at] = *id;
    s->nodes_n++;
}

static void shared_remove(struct interest *in, struct shared *s, const struct ulid *id)
{
    size_t at = place(s->nodes, s->nodes_n, id);
    s->nodes_n--;
    memmove(s->nodes + at, s->nodes + at + 1, (s->nodes_n - at) * sizeof(*s->nodes));
    if (s->nodes_n > 0)
        return;
    TREE_REMOVE(shared_tree, &in->shared, s);
    drop_text(s->text);
    mem_free(s->nodes);
    mem_free(s);
}

/* NULL: it is no pattern; whoever wrote it is of another version. */
static struct shared *shared_get(struct interest *in, struct bytes text)
{
    struct shared search = {.text = text};
    struct shared *s = TREE_FIND(shared_tree, &in->shared, &search);
    struct pattern pattern;
    if (s || pattern_parse(&pattern, text) != 0)
        return s;
    s = mem_alloc(sizeof(*s));
    s->text = keep(text);
    s->pattern = pattern;
    TREE_INSERT(shared_tree, &in->shared, s);
    return s;
}

static struct node *node_get(struct interest *in, const struct ulid *id)
{
    struct node search = {.id = *id};
    struct node *n = TREE_FIND(node_tree, &in->nodes, &search);
    if (n)
        return n;
    n = mem_alloc(sizeof(*n));
    n->id = *id;
    TREE_INSERT(node_tree, &in->nodes, n);
    return n;
}

static void node_clear(struct interest *in, struct node *n)
{
    for (uint32_t i = 0; i < n->patterns_n; i++)
        shared_remove(in, n->patterns[i], &n->id);
    n->patterns_n = 0;
}

static bool node_has(const struct node *n, const struct shared *s)
{
    for (uint32_t i = 0; i < n->patterns_n; i++) {
        if (n->patterns[i] == s)
            return true;
    }
    return false;
}

static void node_drop(struct interest *in, struct node *n)
{
    node_clear(in, n);
    TREE_REMOVE(node_tree, &in->nodes, n);
    mem_free(n);
}

void interest_row(struct interest *in, const struct row *row)
{
    struct interest_row value = {0};
    struct arena mem = {0};
    struct wire_error err;
    struct ulid id;
    memcpy(id.b, row->key.data, sizeof(id.b));
    if (row->value.len > 0)
        (void)interest_row_decode(&value, row->value, &mem, &err); /* checked by the state */
    struct node *n = node_get(in, &id);
    node_clear(in, n);
    for (uint32_t i = 0; i < value.patterns_n; i++) {
        struct shared *s = shared_get(in, value.patterns[i]);
        if (!s || node_has(n, s))
            continue;
        shared_add(s, &id);
        n->patterns[n->patterns_n++] = s;
    }
    if (n->patterns_n == 0)
        node_drop(in, n);
    forget_topics(in);
    arena_deinit(&mem);
}

void interest_members_changed(struct interest *in)
{
    forget_topics(in);
}

void interest_free(struct interest *in)
{
    struct node *n, *next;
    TREE_FOREACH_SAFE(n, node_tree, &in->nodes, next)
    node_drop(in, n);
    forget_topics(in);
    for (size_t i = 0; i < in->wants_n; i++)
        drop_text(in->wants[i].text);
    mem_free(in->wants);
    mem_free(in);
}

/* ---- who ---- */

/* Two rising lists into one, in *ret of `n`; what both have once. */
static void unite(struct ulid **ret, size_t *n, const struct ulid *more, size_t more_n)
{
    size_t a = 0, b = 0, count = 0;
    if (more_n == 0)
        return;
    struct ulid *all = mem_alloc((*n + more_n) * sizeof(*all));
    while (a < *n || b < more_n) {
        int order = a == *n ? 1 : b == more_n ? -1 : ulid_compare(&(*ret)[a], &more[b]);
        all[count++] = order <= 0 ? (*ret)[a] : more[b];
        a += order <= 0;
        b += order >= 0;
    }
    mem_free(*ret);
    *ret = all;
    *n = count;
}

static void keep_live(struct interest *in, struct known *k)
{
    size_t n = 0;
    for (size_t i = 0; i < k->peers_n; i++) {
        if (!ulid_equal(&k->peers[i], &in->core->self) && core_alive(in->core, &k->peers[i]))
            k->peers[n++] = k->peers[i];
    }
    k->peers_n = n;
}

static struct known *find_out(struct interest *in, struct bytes text, const struct topic *topic)
{
    struct shared *s;
    make_room(in);
    struct known *k = mem_alloc(sizeof(*k));
    k->text = keep(text);
    TREE_FOREACH (s, shared_tree, &in->shared) {
        if (pattern_match(&s->pattern, topic))
            unite(&k->peers, &k->peers_n, s->nodes, s->nodes_n);
    }
    keep_live(in, k);
    TREE_INSERT(known_tree, &in->known, k);
    in->known_n++;
    return k;
}

size_t interest_peers(struct interest *in, struct bytes text, const struct topic *topic,
                      const struct ulid **ret)
{
    struct known search = {.text = text};
    struct known *k = TREE_FIND(known_tree, &in->known, &search);
    if (!k)
        k = find_out(in, text, topic);
    k->used = ++in->uses;
    *ret = k->peers;
    return k->peers_n;
}

/* ---- the own row ---- */

/* Where the text is among the wants, or would stand. */
static size_t want_place(const struct interest *in, struct bytes text)
{
    size_t i = 0;
    while (i < in->wants_n && bytes_compare(in->wants[i].text, text) < 0)
        i++;
    return i;
}

/* True: it is a new one. */
static bool want_one(struct interest *in, struct bytes text)
{
    size_t at = want_place(in, text);
    if (at < in->wants_n && bytes_equal(in->wants[at].text, text)) {
        in->wants[at].until_us = KITH_NEVER;
        return false;
    }
    in->wants = mem_grow(in->wants, in->wants_n + 1, sizeof(*in->wants));
    memmove(in->wants + at + 1, in->wants + at, (in->wants_n - at) * sizeof(*in->wants));
    in->wants[at] = (struct want){.text = keep(text), .until_us = KITH_NEVER};
    in->wants_n++;
    return true;
}

static void write_by(struct interest *in, kith_time at_us)
{
    if (in->written && at_us < in->written_us + INTEREST_EVERY)
        at_us = in->written_us + INTEREST_EVERY;
    in->write_at_us = kith_time_min(in->write_at_us, at_us);
}

void interest_want(struct interest *in, struct turn *t, const struct bytes *patterns, size_t n)
{
    bool grows = false;
    for (size_t i = 0; i < in->wants_n; i++)
        in->wants[i].until_us = kith_time_min(in->wants[i].until_us, t->now_us + INTEREST_LINGER);
    for (size_t i = 0; i < n; i++)
        grows = want_one(in, patterns[i]) || grows;
    if (grows)
        write_by(in, t->now_us);
    else
        write_by(in, t->now_us + INTEREST_LINGER);
}

static void drop_unwanted(struct interest *in, kith_time now_us)
{
    size_t n = 0;
    for (size_t i = 0; i < in->wants_n; i++) {
        if (in->wants[i].until_us > now_us)
            in->wants[n++] = in->wants[i];
        else
            drop_text(in->wants[i].text);
    }
    in->wants_n = n;
}

/* When a pattern that nobody wants any more is to go. */
static kith_time next_drop(const struct interest *in)
{
    kith_time at_us = KITH_NEVER;
    for (size_t i = 0; i < in->wants_n; i++)
        at_us = kith_time_min(at_us, in->wants[i].until_us);
    return at_us;
}

static void write_row(struct interest *in, struct turn *t)
{
    struct bytes patterns[INTEREST_PATTERNS_MAX];
    struct interest_row value = {.patterns = patterns, .patterns_n = (uint32_t)in->wants_n};
    struct buf out = {0};
    if (in->wants_n > INTEREST_PATTERNS_MAX) {
        patterns[0] = bytes_str("#");
        value.patterns_n = 1;
    } else {
        for (size_t i = 0; i < in->wants_n; i++)
            patterns[i] = in->wants[i].text;
    }
    interest_row_encode(&out, &value);
    struct bytes key = ulid_bytes(&in->core->self);
    const struct row *held = state_get(t->state, TABLE_ID_INTEREST, key);
    bool same = held ? bytes_equal(held->value, buf_bytes(&out)) : value.patterns_n == 0;
    if (!same && state_put(t->state, TABLE_ID_INTEREST, key, buf_bytes(&out), /* major= */ 0,
                           /* expires_ms= */ 0) == 0) {
        in->written = true;
        in->written_us = t->now_us;
    }
    buf_deinit(&out);
}

void interest_time(struct interest *in, struct turn *t)
{
    if (t->now_us < in->write_at_us || !in->core->member)
        return;
    drop_unwanted(in, t->now_us);
    write_row(in, t);
    in->write_at_us = KITH_NEVER;
    kith_time drop_us = next_drop(in);
    if (drop_us != KITH_NEVER)
        write_by(in, drop_us);
}

kith_time interest_deadline(const struct interest *in)
{
    return in->core->member ? in->write_at_us : KITH_NEVER;
}
