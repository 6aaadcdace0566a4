#include "control/notice.h"

#include "state/journal.h"

#include <string.h>

static struct bytes service_name_of(const struct control *c, const struct ulid *id)
{
    const struct service *s = catalog_get(&c->catalog, id);

    return s && s->known ? s->row.name : bytes_str("?");
}

static bool is_snapshot(const struct turn *t)
{
    return t->changed > NOTICE_BURST;
}

/* instance-running and so on; the names are the wire's own. */
static void notice_instance(struct control *c, struct turn *t, const struct instance *now)
{
    struct buf what = {0};
    struct arena mem = {0};

    buf_printf(&what, "instance-%s", instance_state_name((enum instance_state)now->state));
    journal_add(t->journal, t->wall_us / KITH_MS, buf_cstr(&what),
                service_name_of(c, &now->service->id), "%s on " BYTES_FMT ": " BYTES_FMT,
                ulid_text(instance_id(now)).s,
                BYTES_ARG(node_name(&c->catalog, instance_node(now))),
                BYTES_ARG(instance_says(now, &mem)->reason));
    arena_deinit(&mem);
    buf_deinit(&what);
}

static void notice_placement(struct control *c, struct turn *t, const struct row *row)
{
    struct placement *p = row->flags & ROW_TOMBSTONE ? NULL : placement_new(row);
    struct ulid service;
    struct slot slot;
    struct buf text = {0};

    if (!p)
        return;
    (void)placement_key(row->key, &service, &slot);
    const struct service *s = catalog_get(&c->catalog, &service);
    const struct placement *held = s ? catalog_placement(s, &slot) : NULL;

    if (held && held->hash == p->hash) { /* written here, and told already */
        placement_free(p);
        return;
    }
    slot_print(&text, &slot);
    if (ulid_is_zero(&p->row.node))
        journal_add(t->journal, t->wall_us / KITH_MS, "withdrawn", service_name_of(c, &service),
                    "slot %s, epoch %llu", buf_cstr(&text), (unsigned long long)p->epoch);
    else
        journal_add(t->journal, t->wall_us / KITH_MS, "placed", service_name_of(c, &service),
                    "slot %s on " BYTES_FMT ", epoch %llu: " BYTES_FMT, buf_cstr(&text),
                    BYTES_ARG(node_name(&c->catalog, &p->row.node)), (unsigned long long)p->epoch,
                    BYTES_ARG(p->row.reasons_n ? p->row.reasons[0] : bytes_str("")));
    buf_deinit(&text);
    placement_free(p);
}

/* The catalog takes in all there is of a service when any of its rows changes: so does this. */
static void notice_service(struct control *c, struct turn *t, struct bytes key)
{
    struct service_row now;
    struct ulid id;
    struct arena mem = {0};
    struct wire_error err;

    if (key.len < sizeof(id.b))
        return;
    const struct row *row = state_get(t->state, TABLE_ID_SERVICE, bytes_of(key.data, sizeof(id.b)));

    if (!row || service_row_decode(&now, row->value, &mem, &err))
        return;
    memcpy(id.b, row->key.data, sizeof(id.b));
    const struct service *was = catalog_get(&c->catalog, &id);

    if (!was || !was->known) {
        if (!is_snapshot(t))
            journal_add(t->journal, t->wall_us / KITH_MS, "service-created", now.name, "%s",
                        ulid_text(&id).s);
    } else if (was->row.desired != now.desired)
        journal_add(t->journal, t->wall_us / KITH_MS, "service-desired", now.name, "to be %s",
                    desired_name(now.desired));
    else if (!ulid_equal(&was->row.spec, &now.spec))
        journal_add(t->journal, t->wall_us / KITH_MS, "service-changed", now.name,
                    "new specification");
    else if (was->row.restart_stamp != now.restart_stamp)
        journal_add(t->journal, t->wall_us / KITH_MS, "service-restart", now.name,
                    "one instance at a time");
    arena_deinit(&mem);
}

void notice_taken(struct control *c, struct turn *t)
{
    const struct instance *i = c->catalog.taken;

    if (!i || (int)i->state == c->catalog.taken_before ||
        (c->catalog.taken_before == CATALOG_UNKNOWN && is_snapshot(t)))
        return;
    notice_instance(c, t, i);
}

void notice_row(struct control *c, struct turn *t, const struct row *row)
{
    switch (row->table) {
    case TABLE_ID_PLACEMENT:
        notice_placement(c, t, row);
        return;
    case TABLE_ID_SERVICE:
    case TABLE_ID_SPEC:
    case TABLE_ID_COUNT:
        notice_service(c, t, row->key);
        return;
    default:
        return;
    }
}
