/*
 * One struct per node, made of what its member row and its verdict say. The row's content is held on to,
 * and what is decoded from it stays with it, so that all who share the content share that as well.
 */
#include "state/members.h"

#include "base/mem.h"
#include "base/tree.h"
#include "base/ulid_index.h"
#include "state/content.h"

#include <assert.h>
#include <string.h>

/* One block: its addresses and tags follow it. */
struct decoded {
    struct member_row row;
    struct member_addr addrs[];
};

struct node {
    struct member member; /* first: a struct member of this module is a node */
    TREE_ENTRY(node) by_id;
    struct content *content; /* of its row, which member.row is decoded from */
    bool accused;            /* a verdict is known */
    bool accused_for_good;   /* it says forgotten */
    uint64_t verdict_incarnation;
    uint64_t verdict_stamp;
    uint32_t alive_slot; /* place in the list of the living, plus one; 0: not in it */
};

/* As for rows (table.h). */
_Static_assert(sizeof(struct node) <= 128, "what a peer keeps of its own for each member is small");

static int compare_nodes(const struct node *a, const struct node *b)
{
    return ulid_compare(&a->member.id, &b->member.id);
}

TREE_DEFINE(node_tree, node, by_id, compare_nodes)

struct members {
    struct node_tree nodes;  /* in order */
    struct ulid_index index; /* the same, to find one */
    size_t count, dead;
    struct node **alive; /* for drawing one; in no order that means anything */
    size_t alive_n, alive_cap;
    struct content *former; /* what the last ret_before points to */
    struct arena scratch;
};

struct members *members_new(void)
{
    return mem_alloc(sizeof(struct members));
}

void members_free(struct members *m)
{
    struct node *n, *next;

    if (!m)
        return;
    TREE_FOREACH_SAFE(n, node_tree, &m->nodes, next)
    {
        TREE_REMOVE(node_tree, &m->nodes, n);
        content_release(n->content);
        mem_free(n);
    }
    content_release(m->former);
    ulid_index_deinit(&m->index);
    mem_free(m->alive);
    arena_deinit(&m->scratch);
    mem_free(m);
}

/* ---- what the rows say ---- */

/* What the row's content says, decoded by the first to ask. NULL: it is deleted. */
static const struct member_row *decode(struct members *m, const struct row *row)
{
    struct content *content = content_of(row);
    struct member_row r;
    struct wire_error err;

    if (row->flags & ROW_TOMBSTONE)
        return NULL;
    struct decoded *made = content_made(content);
    if (made)
        return &made->row;
    arena_reset(&m->scratch);
    int res = member_row_decode(&r, row->value, &m->scratch, &err);
    assert(res == 0); /* checked before the state took it in */
    (void)res;
    size_t addrs_bytes = r.addrs_n * sizeof(*r.addrs), tags_bytes = r.tags_n * sizeof(*r.tags);
    struct decoded *d = mem_alloc(sizeof(*d) + addrs_bytes + tags_bytes);
    struct pair *tags = (struct pair *)(void *)(d->addrs + r.addrs_n);

    if (r.addrs_n > 0)
        memcpy(d->addrs, r.addrs, addrs_bytes);
    if (r.tags_n > 0)
        memcpy(tags, r.tags, tags_bytes);
    d->row = r;
    d->row.addrs = d->addrs;
    d->row.tags = tags;
    content_keep(content, d);
    return &d->row;
}

static bool same_addresses(const struct member_row *a, const struct member_row *b)
{
    if (a->addrs_n != b->addrs_n)
        return false;
    for (uint32_t i = 0; i < a->addrs_n; i++)
        if (a->addrs[i].role != b->addrs[i].role || !bytes_equal(a->addrs[i].uri, b->addrs[i].uri))
            return false;
    return true;
}

static void take_member_row(struct members *m, struct node *n, const struct row *row)
{
    const struct member_row *before = n->member.row; /* stays as long as m->former */

    m->former = n->content;
    n->content = content_reference(content_of(row));
    n->member.row = decode(m, row);
    n->member.incarnation = n->member.row ? row->version.major : 0;
    if (!before || !n->member.row || !same_addresses(before, n->member.row))
        n->member.way = 0;
}

static void take_verdict(struct members *m, struct node *n, const struct row *row)
{
    struct verdict_row v = {0};
    struct wire_error err;

    n->accused = (row->flags & ROW_TOMBSTONE) == 0;
    if (n->accused) {
        arena_reset(&m->scratch);
        int r = verdict_row_decode(&v, row->value, &m->scratch, &err);
        assert(r == 0);
        (void)r;
        n->accused = !v.withdrawn;
    }
    n->accused_for_good = v.forgotten;
    n->verdict_incarnation = row->version.major;
    n->verdict_stamp = row->version.minor;
}

/* It is forgotten until it has begun anew, whatever its incarnation. */
static bool is_forgotten(const struct node *n)
{
    const struct member_row *row = n->member.row;

    return n->accused && n->accused_for_good && (!row || row->anew < n->verdict_stamp);
}

static bool stands(const struct node *n, uint64_t incarnation)
{
    return is_forgotten(n) || (n->accused && n->verdict_incarnation >= incarnation);
}

static enum member_state derive(const struct node *n)
{
    const struct member *m = &n->member;

    if (!m->row)
        return n->accused ? MEMBER_STATE_DEAD : MEMBER_STATE_UNKNOWN;
    if (m->row->left && !stands(n, m->incarnation + 1))
        return MEMBER_STATE_LEFT; /* whoever said goodbye is not to be called dead for its silence */
    return stands(n, m->incarnation) ? MEMBER_STATE_DEAD : MEMBER_STATE_ALIVE;
}

/* ---- the living ---- */

static void list_alive(struct members *m, struct node *n)
{
    bool alive = n->member.state == MEMBER_STATE_ALIVE;

    if (alive == (n->alive_slot != 0))
        return;
    if (alive) {
        if (m->alive_n == m->alive_cap) {
            m->alive_cap = m->alive_cap ? 2 * m->alive_cap : 16;
            m->alive = mem_grow(m->alive, m->alive_cap, sizeof(struct node *));
        }
        m->alive[m->alive_n++] = n;
        n->alive_slot = (uint32_t)m->alive_n;
        return;
    }
    struct node *last = m->alive[--m->alive_n];
    m->alive[n->alive_slot - 1] = last;
    last->alive_slot = n->alive_slot;
    n->alive_slot = 0;
}

const struct member *members_draw(const struct members *m, struct rng *rng,
                                  const struct ulid *except)
{
    const struct node *spared = (const struct node *)members_get(m, except);
    size_t skip = spared && spared->alive_slot ? spared->alive_slot - 1 : SIZE_MAX;
    size_t n = m->alive_n - (skip != SIZE_MAX);

    if (n == 0)
        return NULL;
    size_t i = (size_t)rng_below(rng, n);
    return &m->alive[i + (i >= skip)]->member;
}

static bool is_dead(const struct member *m)
{
    return m->state == MEMBER_STATE_DEAD && m->row && !m->forgotten;
}

/* ---- changes ---- */

static struct node *find(const struct members *m, const struct ulid *id)
{
    return (struct node *)(uintptr_t)ulid_index_find(&m->index, id);
}

static struct node *find_or_add(struct members *m, const struct ulid *id)
{
    struct node *n = find(m, id);

    if (n)
        return n;
    n = mem_alloc(sizeof(*n));
    n->member.id = *id;
    TREE_INSERT(node_tree, &m->nodes, n);
    ulid_index_add(&m->index, &n->member.id);
    m->count++;
    return n;
}

bool members_changed(struct members *m, const struct row *row, kith_time wall_us,
                     struct member *ret_before)
{
    struct ulid id;

    if (row->table != TABLE_ID_MEMBER && row->table != TABLE_ID_VERDICT)
        return false;
    content_release(m->former);
    m->former = NULL;
    assert(row->key.len == sizeof(id.b));
    memcpy(id.b, row->key.data, sizeof(id.b));
    struct node *n = find_or_add(m, &id);
    struct member *member = &n->member;

    *ret_before = *member;
    if (row->table == TABLE_ID_MEMBER)
        take_member_row(m, n, row);
    else
        take_verdict(m, n, row);
    member->state = derive(n);
    member->forgotten = is_forgotten(n);
    if (member->state != ret_before->state)
        member->changed_wall_us = wall_us;
    list_alive(m, n);
    m->dead += (size_t)is_dead(member) - (size_t)is_dead(ret_before);
    return row->table == TABLE_ID_MEMBER || member->state != ret_before->state ||
           member->forgotten != ret_before->forgotten;
}

/* ---- reading ---- */

const struct member *members_get(const struct members *m, const struct ulid *id)
{
    struct node *n = find(m, id);

    return n ? &n->member : NULL;
}

const struct member *members_find(const struct members *m, struct bytes name_or_id)
{
    const struct member *alive = NULL, *any = NULL;
    size_t alive_n = 0, any_n = 0;
    struct ulid id;

    if (ulid_parse(&id, name_or_id) == 0)
        return members_get(m, &id);
    for (const struct member *at = members_first(m); at; at = members_next(m, at)) {
        if (!at->row || !bytes_equal(at->row->name, name_or_id))
            continue;
        any = at;
        any_n++;
        if (at->state == MEMBER_STATE_ALIVE) {
            alive = at;
            alive_n++;
        }
    }
    if (alive_n > 0)
        return alive_n == 1 ? alive : NULL;
    return any_n == 1 ? any : NULL;
}

const struct member *members_first(const struct members *m)
{
    struct node *n = TREE_FIRST(node_tree, (struct node_tree *)(uintptr_t)&m->nodes);

    return n ? &n->member : NULL;
}

const struct member *members_next(const struct members *m, const struct member *member)
{
    struct node *n = TREE_NEXT(node_tree, NULL, (struct node *)(uintptr_t)member);

    (void)m;
    return n ? &n->member : NULL;
}

size_t members_alive(const struct members *m)
{
    return m->alive_n;
}

size_t members_dead(const struct members *m)
{
    return m->dead;
}

size_t members_count(const struct members *m)
{
    return m->count;
}

uint32_t member_ways(const struct member *member)
{
    uint32_t n = 0;

    for (uint32_t i = 0; member->row && i < member->row->addrs_n; i++)
        n += member->row->addrs[i].role == ADDR_ROLE_PROBE;
    return n;
}

void members_use_way(struct members *m, const struct ulid *id, uint32_t way)
{
    struct node *n = find(m, id);

    if (n)
        n->member.way = way;
}

struct bytes member_uri_of_way(const struct member *member, enum addr_role role, uint32_t way)
{
    struct bytes uri = {0};

    for (uint32_t i = 0; member->row && i < member->row->addrs_n; i++) {
        if (member->row->addrs[i].role != role)
            continue;
        uri = member->row->addrs[i].uri;
        if (way-- == 0)
            break;
    }
    return uri;
}

struct bytes member_uri(const struct member *member, enum addr_role role)
{
    return member_uri_of_way(member, role, member->way);
}
