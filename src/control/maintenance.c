#include "control/maintenance.h"

#include "base/mem.h"
#include "control/inside.h"
#include "control/registrar.h"
#include "wire/text.h"

#include <string.h>

struct maintenance_mark {
    TREE_ENTRY(maintenance_mark) by_key;
    struct ulid node, id;         /* id zero: all of the node */
    struct bytes service, reason; /* owned */
};

static inline int compare(const struct maintenance_mark *a, const struct maintenance_mark *b)
{
    int order = ulid_compare(&a->node, &b->node);

    return order ? order : ulid_compare(&a->id, &b->id);
}

TREE_FUNCTIONS(maintenance_tree, maintenance_mark, by_key, compare)

static struct bytes own(struct bytes b)
{
    return b.len ? bytes_of(mem_copy(b.data, b.len), b.len) : (struct bytes){0};
}

static void free_mark(struct maintenance_mark *k)
{
    mem_free((void *)(uintptr_t)k->service.data);
    mem_free((void *)(uintptr_t)k->reason.data);
    mem_free(k);
}

void maintenance_deinit(struct maintenance *m)
{
    struct maintenance_mark *k, *next;

    TREE_FOREACH_SAFE(k, maintenance_tree, &m->marks, next)
    {
        TREE_REMOVE(maintenance_tree, &m->marks, k);
        free_mark(k);
    }
}

static struct maintenance_mark *find(const struct control *c, const struct ulid *node,
                                     const struct ulid *id)
{
    struct maintenance_mark key = {.node = *node, .id = *id};

    return TREE_FIND(maintenance_tree, (struct maintenance_tree *)(uintptr_t)&c->maintenance.marks,
                     &key);
}

/* ---- rows ---- */

/* Of a node every service may have something there; who shows them finds out which. */
static void touch(struct control *c, const struct maintenance_mark *k)
{
    const struct content *n;

    if (!ulid_is_zero(&k->id)) {
        lookups_touch(&c->lookups, k->service);
        return;
    }
    NAMES_FOREACH(n, &c->catalog)
    lookups_touch(&c->lookups, content_key(n));
    registrations_member(c, &k->node);
}

static void drop(struct control *c, struct maintenance_mark *k)
{
    touch(c, k);
    c->maintenance.here -= ulid_equal(&k->node, &c->self);
    TREE_REMOVE(maintenance_tree, &c->maintenance.marks, k);
    free_mark(k);
}

static void add(struct control *c, const struct ulid *node, const struct ulid *id,
                const struct maintenance_row *row)
{
    struct maintenance_mark *k = mem_alloc(sizeof(*k));

    *k = (struct maintenance_mark){
        .node = *node, .id = *id, .service = own(row->service), .reason = own(row->reason)};
    TREE_INSERT(maintenance_tree, &c->maintenance.marks, k);
    c->maintenance.here += ulid_equal(node, &c->self);
    touch(c, k);
}

void maintenance_row(struct control *c, const struct row *row)
{
    struct arena mem = {0};
    struct maintenance_row value;
    struct wire_error err;
    struct ulid node, id;

    if (!instance_key(row->key, &node, &id))
        return;
    struct maintenance_mark *held = find(c, &node, &id);

    if (held)
        drop(c, held);
    if (!(row->flags & ROW_TOMBSTONE) &&
        maintenance_row_decode(&value, row->value, &mem, &err) == 0)
        add(c, &node, &id, &value);
    c->dirty = true;
    arena_deinit(&mem);
}

/* ---- what is marked ---- */

const struct bytes *maintenance_of(const struct control *c, const struct ulid *node,
                                   const struct ulid *id)
{
    static const struct ulid all = {0};

    if (TREE_EMPTY(&c->maintenance.marks))
        return NULL;
    const struct maintenance_mark *k = find(c, node, id);

    if (!k)
        k = find(c, node, &all);
    return k ? &k->reason : NULL;
}

/* Where there is a list of checks this is one more, before all others, as in Consul. */
static void add_check(struct lookup_endpoint *e, bool all, struct arena *mem)
{
    struct endpoint_check *checks = arena_array(mem, e->checks_n + 1, sizeof(*checks));

    checks[0] = (struct endpoint_check){
        .id = all ? bytes_str("_node_maintenance")
                  : bytes_str(arena_printf(mem, "_service_maintenance:" BYTES_FMT,
                                           BYTES_ARG(e->registration))),
        .name = bytes_str(all ? "Node Maintenance Mode" : "Service Maintenance Mode"),
        .health = e->health,
        .output = e->output,
    };
    for (uint32_t i = 0; i < e->checks_n; i++)
        checks[i + 1] = e->checks[i];
    e->checks = checks;
    e->checks_n++;
}

void maintenance_shade(const struct control *c, struct lookup_endpoint *e, struct arena *mem)
{
    const struct bytes *reason = maintenance_of(c, &e->node, &e->instance);

    if (!reason)
        return;
    e->health = ENDPOINT_HEALTH_CRITICAL;
    e->by_host = false;
    e->output = bytes_str(
        arena_printf(mem, "maintenance%s" BYTES_FMT, reason->len ? ": " : "", BYTES_ARG(*reason)));
    if (e->checks_n)
        add_check(e, /* all= */ !find(c, &e->node, &e->instance), mem);
}

/* ---- own marks ---- */

static int end_mark(struct control *c, struct turn *t, const struct ulid *id)
{
    struct buf key = registrations_key(c, id);
    struct row gone = {
        .table = TABLE_ID_MAINTENANCE, .key = buf_bytes(&key), .flags = ROW_TOMBSTONE};
    int result = 0;

    if (find(c, &c->self, id))
        result = state_delete(t->state, TABLE_ID_MAINTENANCE, buf_bytes(&key), /* major= */ 0);
    if (result == 0)
        maintenance_row(c, &gone);
    buf_deinit(&key);
    return result;
}

static int put_mark(struct control *c, struct turn *t, const struct ulid *id,
                    const struct maintenance_row *row)
{
    struct buf key = registrations_key(c, id), value = {0};

    maintenance_row_encode(&value, row);
    int result = state_put(t->state, TABLE_ID_MAINTENANCE, buf_bytes(&key), buf_bytes(&value),
                           /* major= */ 0, /* expires_ms= */ 0);

    if (result == 0)
        maintenance_row(c, state_get(t->state, TABLE_ID_MAINTENANCE, buf_bytes(&key)));
    buf_deinit(&key);
    buf_deinit(&value);
    return result;
}

static const struct instance *find_instance(const struct control *c, const struct ulid *id)
{
    return catalog_instance(&c->catalog, &c->self, id);
}

void maintenance_settle(struct control *c, struct turn *t)
{
    struct maintenance_mark key = {.node = c->self}, *k, *next;

    if (!c->maintenance.here)
        return;
    for (k = TREE_FROM(maintenance_tree, &c->maintenance.marks, &key);
         k && ulid_equal(&k->node, &c->self); k = next) {
        next = TREE_NEXT(maintenance_tree, &c->maintenance.marks, k);
        if (!ulid_is_zero(&k->id) && !registrations_find(c, &k->id) && !find_instance(c, &k->id)) {
            struct ulid id = k->id;

            (void)end_mark(c, t, &id); /* later, when it cannot be written now */
        }
    }
}

/* ---- requests ---- */

/* What the request is about. 0, or 1: there is no such thing here. */
static int find_wanted(const struct control *c, struct bytes name, struct ulid *ret_id,
                       struct maintenance_row *row)
{
    *ret_id = (struct ulid){0};
    if (!name.len)
        return 0;
    struct ulid id = registrar_id(name);
    const struct registration *r = registrations_find(c, &id);
    struct ulid wanted;

    if (r) {
        *ret_id = id;
        row->service = registration_service(r);
        return 0;
    }
    const struct instance *i = ulid_parse(&wanted, name) == 0 ? find_instance(c, &wanted) : NULL;

    if (!i)
        return 1;
    *ret_id = *instance_id(i);
    row->service = i->service->row.name;
    return 0;
}

static void done(struct control *c, struct turn *t, const struct incoming *in,
                 const struct maintain *request, const struct ulid *id)
{
    struct buf key = registrations_key(c, id), out = {0};
    struct confirm_rows rows = {0};

    registered_encode(&out, &(struct registered){.instance = *id, .name = request->name});
    if (request->ack.kind != ACK_KIND_HERE)
        confirm_row(&rows, t, TABLE_ID_MAINTENANCE, buf_bytes(&key));
    confirm_answer(c, t, in, &request->ack, &rows, WIRE_REGISTERED, buf_bytes(&out));
    confirm_rows_deinit(&rows);
    buf_deinit(&key);
    buf_deinit(&out);
}

static void maintain(struct control *c, struct turn *t, const struct incoming *in,
                     const struct maintain *request)
{
    struct maintenance_row row = {.reason = request->reason};
    struct ulid id;

    if (find_wanted(c, request->name, &id, &row))
        turn_fail(t, in, FAIL_CODE_NOT_FOUND,
                  "nothing of the name " BYTES_FMT " is here: ask the peer that answers for it",
                  BYTES_ARG(request->name));
    else if (request->on && c->maintenance.here >= MAINTENANCE_MAX && !find(c, &c->self, &id))
        turn_fail(t, in, FAIL_CODE_REJECTED, "as much is in maintenance here as can be");
    else if (request->on ? put_mark(c, t, &id, &row) : end_mark(c, t, &id))
        turn_fail(t, in, FAIL_CODE_NOT_READY, "this cannot be written now");
    else
        done(c, t, in, request, &id);
}

void maintenance_answer(struct control *c, struct turn *t, const struct incoming *in)
{
    struct arena mem = {0};
    struct maintain request;
    struct wire_error err;

    if (maintain_decode(&request, in->payload, &mem, &err))
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
    else if (ulid_is_zero(&t->post->cluster))
        turn_fail(t, in, FAIL_CODE_NOT_READY, "this host has not joined a cluster yet");
    else
        maintain(c, t, in, &request);
    arena_deinit(&mem);
}
