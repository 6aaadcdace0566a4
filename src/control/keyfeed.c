#include "control/keyfeed.h"

#include "base/mem.h"
#include "control/inside.h"
#include "control/keyops.h"

#include <string.h>

struct keyfeed_name {
    enum table_id table;
    struct bytes key; /* owned */
    TREE_ENTRY(keyfeed_name) by_key;
};

static inline int compare(const struct keyfeed_name *a, const struct keyfeed_name *b)
{
    if (a->table != b->table)
        return a->table < b->table ? -1 : 1;
    return bytes_compare(a->key, b->key);
}

TREE_FUNCTIONS(keyfeed_names, keyfeed_name, by_key, compare)

static void drop(struct keyfeed *f, struct keyfeed_name *n)
{
    TREE_REMOVE(keyfeed_names, &f->names, n);
    mem_free((void *)(uintptr_t)n->key.data);
    mem_free(n);
}

void keyfeed_deinit(struct keyfeed *f)
{
    struct keyfeed_name *n, *next;

    TREE_FOREACH_SAFE(n, keyfeed_names, &f->names, next)
    drop(f, n);
}

void keyfeed_touch(struct keyfeed *f, enum table_id table, struct bytes key)
{
    struct keyfeed_name wanted = {.table = table, .key = key};

    if (!f->on || TREE_FIND(keyfeed_names, &f->names, &wanted))
        return;
    struct keyfeed_name *n = mem_alloc(sizeof(*n));

    n->table = table;
    n->key = bytes_of(mem_copy(key.data, key.len), key.len);
    TREE_INSERT(keyfeed_names, &f->names, n);
}

void keyfeed_begin(struct control *c, struct turn *t)
{
    static const enum table_id tables[] = {TABLE_ID_KEY, TABLE_ID_SESSION};
    struct keyfeed *f = &c->keyfeed;

    f->anew = true;
    f->whole = false;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        struct row row = {0};

        while (state_walk(t->state, tables[i], &row))
            keyfeed_touch(f, tables[i], row.key);
    }
}

static struct told_key tell_key(struct turn *t, struct bytes key, struct arena *mem)
{
    struct key_view v = key_view_read(t, key, mem);

    return (struct told_key){.gone = !v.there, .info = key_view_info(&v, /* value= */ true)};
}

static struct told_session tell_session(struct control *c, struct turn *t, struct bytes key,
                                        struct arena *mem)
{
    struct told_session s = {.gone = true};
    struct wire_error err;
    const struct row *row = state_get(t->state, TABLE_ID_SESSION, key);

    memcpy(s.node.b, key.data, sizeof(s.node.b));
    memcpy(s.id.b, key.data + sizeof(s.node.b), sizeof(s.id.b));
    if (row && session_row_decode(&s.session, row->value, mem, &err) == 0)
        s.gone = !session_lives(c, &s.node, &s.session);
    return s;
}

void keyfeed_tell(struct control *c, struct turn *t)
{
    struct keyfeed *f = &c->keyfeed;
    struct arena mem = {0};
    struct keyfeed_name *n;
    uint32_t count = 0;

    if (!keyfeed_is_due(f))
        return;
    struct told_key *keys = arena_array(&mem, KEYFEED_BATCH, sizeof(*keys));
    struct told_session *sessions = arena_array(&mem, KEYFEED_BATCH, sizeof(*sessions));
    struct effect e = {
        .kind = EFFECT_KEYS,
        .keys = {.number = ++f->number, .anew = f->anew, .keys = keys, .sessions = sessions}};

    TREE_FOREACH (n, keyfeed_names, &f->names) {
        if (count++ == KEYFEED_BATCH)
            break;
        if (n->table == TABLE_ID_KEY)
            keys[e.keys.keys_n++] = tell_key(t, n->key, &mem);
        else
            sessions[e.keys.sessions_n++] = tell_session(c, t, n->key, &mem);
    }
    e.keys.whole = !f->whole && count <= KEYFEED_BATCH;
    effects_add(t->out, &e);
    for (uint32_t i = 0; i < e.keys.keys_n + e.keys.sessions_n; i++)
        drop(f, TREE_FIRST(keyfeed_names, &f->names));
    f->anew = f->promised = false;
    f->whole = f->whole || e.keys.whole;
    arena_deinit(&mem);
}

bool keyfeed_is_due(const struct keyfeed *f)
{
    return f->on && (!f->whole || f->promised || !TREE_EMPTY(&f->names));
}

uint64_t keys_fed(struct control *c)
{
    c->keyfeed.promised = c->keyfeed.on;
    return c->keyfeed.on ? c->keyfeed.number + 1 : 0;
}
