#include "gossip/ways.h"

#include "base/mem.h"
#include "base/tree.h"

/* One member with several ways that this peer has to do with. */
struct path {
    struct ulid id;
    kith_time owed_us;  /* since when an answer is; 0: none is */
    kith_time tried_us; /* when the others were tried last for want of it; 0: not for this one */
    kith_time left_us;  /* when a way was left last; 0: never */
    kith_time
        back_at_us; /* when the more wanted ones are tried again; KITH_NEVER: the best is in use */
    kith_time pause_us;
    uint64_t nonces[WAYS_NONCES];
    uint32_t nonces_n; /* ever */
    bool moved;
    TREE_ENTRY(path) by_id;
};

static int compare_id(const struct path *a, const struct path *b)
{
    return ulid_compare(&a->id, &b->id);
}

TREE_DEFINE(path_tree, path, by_id, compare_id)

struct ways {
    struct members *members;
    struct path_tree paths;
    size_t moved_n;
};

struct ways *ways_new(struct members *members)
{
    struct ways *w = mem_alloc(sizeof(*w));
    w->members = members;
    return w;
}

static void drop(struct ways *w, struct path *b)
{
    w->moved_n -= b->moved;
    TREE_REMOVE(path_tree, &w->paths, b);
    mem_free(b);
}

void ways_free(struct ways *w)
{
    struct path *b, *next;
    TREE_FOREACH_SAFE(b, path_tree, &w->paths, next)
    drop(w, b);
    mem_free(w);
}

static struct path *find(struct ways *w, const struct ulid *id)
{
    struct path key = {.id = *id};
    return TREE_FIND(path_tree, &w->paths, &key);
}

static struct path *get(struct ways *w, const struct ulid *id)
{
    struct path *b = find(w, id);
    if (!b) {
        b = mem_alloc(sizeof(*b));
        *b = (struct path){.id = *id, .back_at_us = KITH_NEVER, .pause_us = WAYS_PAUSE};
        TREE_INSERT(path_tree, &w->paths, b);
    }
    return b;
}

/* ---- asking ---- */

static void ask(struct turn *t, struct path *b, const struct member *m, uint32_t way)
{
    struct probe p = {
        .nonce = rng_u64(t->rng),
        .about = m->id,
        .incarnation = m->incarnation,
        .sent_us = t->now_us,
    };
    b->nonces[b->nonces_n++ % WAYS_NONCES] = p.nonce;
    struct buf payload = {0};
    probe_encode(&payload, &p);
    post_send(t->post, t->out, member_uri_of_way(m, ADDR_ROLE_PROBE, way), WIRE_PROBE,
              buf_bytes(&payload), /* correlation= */ 0);
    buf_deinit(&payload);
}

/* By the ways from the first on, but not by the one in use. */
static void ask_others(struct turn *t, struct path *b, const struct member *m, uint32_t count)
{
    for (uint32_t way = 0; way < count; way++) {
        if (way != m->way)
            ask(t, b, m, way);
    }
}

void ways_asked(struct ways *w, const struct turn *t, const struct ulid *id)
{
    const struct member *m = members_get(w->members, id);
    uint32_t count = m ? member_ways(m) : 0;
    if (count < 2)
        return;
    if (m->state != MEMBER_STATE_ALIVE) { /* the next try is by the next way */
        members_use_way(w->members, id, (m->way + 1) % count);
        return;
    }
    struct path *b = get(w, id);
    if (b->owed_us == 0)
        b->owed_us = t->now_us;
    if (m->way > 0 && b->back_at_us == KITH_NEVER) /* it came back from the dead by this one */
        b->back_at_us = t->now_us + b->pause_us;
}

void ways_link(struct ways *w, struct turn *t, const struct event_link *link)
{
    const struct member *m = link->up ? NULL : members_first(w->members);
    for (; m; m = members_next(w->members, m)) {
        uint32_t count = member_ways(m);
        if (count < 2 || m->state != MEMBER_STATE_ALIVE ||
            (!bytes_equal(member_uri(m, ADDR_ROLE_PROBE), link->uri) &&
             !bytes_equal(member_uri(m, ADDR_ROLE_BULK), link->uri) &&
             !bytes_equal(member_uri(m, ADDR_ROLE_PUB), link->uri)))
            continue;
        struct path *b = get(w, &m->id);
        if (b->tried_us != 0)
            continue; /* being looked at already */
        b->tried_us = t->now_us;
        if (b->owed_us == 0)
            b->owed_us = t->now_us;
        ask(t, b, m, m->way);
        ask_others(t, b, m, count);
    }
}

/* ---- answers ---- */

static bool is_own(const struct path *b, uint64_t nonce)
{
    for (uint32_t i = 0; i < b->nonces_n && i < WAYS_NONCES; i++) {
        if (b->nonces[i] == nonce)
            return true;
    }
    return false;
}

static void use(struct ways *w, struct turn *t, struct path *b, const struct member *m,
                uint32_t way)
{
    if (way > m->way) { /* a way failed: once more, or after a long time */
        bool again = b->left_us != 0 && t->now_us - b->left_us < WAYS_FORGIVEN;
        b->pause_us = again ? kith_time_min(2 * b->pause_us, WAYS_PAUSE_MAX) : WAYS_PAUSE;
        b->left_us = t->now_us;
    }
    b->back_at_us = way == 0 ? KITH_NEVER : t->now_us + b->pause_us;
    effect_log(t->out, LOG_INFO_, BYTES_FMT " is talked to by " BYTES_FMT " now",
               BYTES_ARG(m->row->name), BYTES_ARG(member_uri_of_way(m, ADDR_ROLE_PROBE, way)));
    members_use_way(w->members, &m->id, way);
    w->moved_n += !b->moved;
    b->moved = true;
}

bool ways_answered(struct ways *w, struct turn *t, const struct incoming *in,
                   const struct probe_ack *ack)
{
    struct path *b = find(w, &in->who.id);
    const struct member *m = b ? members_get(w->members, &in->who.id) : NULL;
    uint32_t count = m ? member_ways(m) : 0, way = 0;
    while (way < count && !bytes_equal(member_uri_of_way(m, ADDR_ROLE_PROBE, way), in->from))
        way++;
    if (way == count)
        return false;
    bool failed = b->tried_us != 0;
    if (way > m->way && !failed)
        return is_own(b, ack->nonce); /* the way in use was only slow */
    if (way != m->way)
        use(w, t, b, m, way);
    b->owed_us = b->tried_us = 0;
    return is_own(b, ack->nonce);
}

bool ways_take_moved(struct ways *w, struct ulid *ret)
{
    struct path *b;
    if (w->moved_n == 0)
        return false;
    TREE_FOREACH (b, path_tree, &w->paths) {
        if (!b->moved)
            continue;
        b->moved = false;
        w->moved_n--;
        *ret = b->id;
        return true;
    }
    return false;
}

/* ---- time ---- */

static kith_time patience(bool wan)
{
    return wan ? WAYS_PATIENCE_WAN : WAYS_PATIENCE_LAN;
}

/* When something is to be done about it. */
static kith_time due(const struct path *b, bool wan)
{
    kith_time at_us = b->back_at_us;
    if (b->owed_us != 0 && b->tried_us == 0)
        at_us = kith_time_min(at_us, b->owed_us + patience(wan));
    else if (b->owed_us != 0)
        at_us = kith_time_min(at_us, b->tried_us + KITH_SEC);
    return at_us;
}

static void look_at(struct ways *w, struct turn *t, struct path *b)
{
    const struct member *m = members_get(w->members, &b->id);
    uint32_t count = m ? member_ways(m) : 0;
    if (count < 2 || m->state != MEMBER_STATE_ALIVE) {
        drop(w, b);
        return;
    }
    bool back = b->back_at_us <= t->now_us;
    if (back)
        b->back_at_us = t->now_us + b->pause_us;
    if (back && b->owed_us == 0) {
        ask_others(t, b, m, m->way);
        return;
    }
    b->tried_us = t->now_us;
    ask_others(t, b, m, count);
}

void ways_time(struct ways *w, struct turn *t, bool wan)
{
    struct path *b, *next;
    TREE_FOREACH_SAFE(b, path_tree, &w->paths, next)
    {
        if (due(b, wan) <= t->now_us)
            look_at(w, t, b);
    }
}

kith_time ways_deadline(const struct ways *w, bool wan)
{
    kith_time at_us = KITH_NEVER;
    struct path_tree tree = w->paths;
    struct path *b;
    TREE_FOREACH (b, path_tree, &tree)
        at_us = kith_time_min(at_us, due(b, wan));
    return at_us;
}
