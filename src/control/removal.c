#include "control/removal.h"

#include "state/journal.h"

#include <string.h>

struct doomed { /* a row that is to be deleted */
    struct doomed *next;
    struct bytes key;
    uint64_t major;
};

/* The keys first, in one walk: it cannot go on from a row that is gone, and from the start it would pass all
 * tombstones once more for each row. */
static void delete_rows(struct control *c, struct turn *t, enum table_id table, struct bytes prefix)
{
    struct arena mem = {0};
    struct doomed *first = NULL, **end = &first;

    for (const struct row *row = state_first(t->state, table, prefix); row;
         row = state_next(t->state, row, prefix)) {
        struct doomed *d = arena_array(&mem, 1, sizeof(*d));

        *d = (struct doomed){.key = arena_bytes(&mem, row->key),
                             .major = table == TABLE_ID_PLACEMENT ? row->version.major + 1 : 0};
        *end = d;
        end = &d->next;
    }
    for (const struct doomed *d = first; d; d = d->next) {
        if (control_delete(c, t, table, d->key, d->major))
            break;
    }
    arena_deinit(&mem);
}

/* What hangs on a service's id. */
static void delete_parts(struct control *c, struct turn *t, struct bytes id)
{
    delete_rows(c, t, TABLE_ID_PLACEMENT, id);
    delete_rows(c, t, TABLE_ID_COUNT, id);
    delete_rows(c, t, TABLE_ID_SPEC, id);
}

static void remove_all(struct control *c, struct turn *t, struct service *s)
{
    struct ulid id = s->id;
    struct arena mem = {0};
    struct bytes name = arena_bytes(&mem, s->row.name);
    const struct service *named = catalog_find(&c->catalog, name);
    bool has_name = named && ulid_equal(&named->id, &id);

    journal_add(t->journal, t->wall_us / KITH_MS, "service-removed", name,
                "nothing of it runs any more");
    if (has_name)
        (void)control_delete(c, t, TABLE_ID_NAME, name, /* major= */ 0);
    (void)control_delete(c, t, TABLE_ID_SERVICE, ulid_bytes(&id), /* major= */ 0);
    delete_parts(c, t, ulid_bytes(&id));
    arena_deinit(&mem);
}

/* Its specification was deleted with the service; this state of it was written apart from that. */
static bool is_remnant(const struct turn *t, const struct service *s)
{
    uint8_t key[2 * sizeof(s->id.b)];

    memcpy(key, s->id.b, sizeof(s->id.b));
    memcpy(key + sizeof(s->id.b), s->row.spec.b, sizeof(s->row.spec.b));
    return state_is_deleted(t->state, TABLE_ID_SPEC, bytes_of(key, sizeof(key)));
}

/* What runs of it stops everywhere as if it had just been removed, in order. */
static void condemn(struct control *c, struct turn *t, const struct service *s)
{
    struct service_row row = s->row;
    struct buf value = {0};
    struct ulid id = s->id;

    row.desired = DESIRED_REMOVED;
    service_row_encode(&value, &row);
    (void)control_put(c, t, TABLE_ID_SERVICE, ulid_bytes(&id), buf_bytes(&value), /* major= */ 0);
    buf_deinit(&value);
}

/* The name went with a removal that did not know of its present specification. */
static void take_name_again(struct control *c, struct turn *t, const struct service *s)
{
    struct name_row row = {.service = s->id};
    struct buf value = {0};

    if (!service_has_spec(s) || state_get(t->state, TABLE_ID_NAME, s->row.name) ||
        !state_is_deleted(t->state, TABLE_ID_NAME, s->row.name))
        return;
    name_row_encode(&value, &row);
    (void)control_put(c, t, TABLE_ID_NAME, s->row.name, buf_bytes(&value), /* major= */ 0);
    buf_deinit(&value);
}

bool removal_settle(struct control *c, struct turn *t, struct service *s)
{
    struct ulid id = s->id;

    if (!s->known) {
        if (state_is_deleted(t->state, TABLE_ID_SERVICE, ulid_bytes(&id)))
            delete_parts(c, t, ulid_bytes(&id));
        return true;
    }
    if (s->row.desired != DESIRED_REMOVED && !is_remnant(t, s)) {
        take_name_again(c, t, s);
        return false;
    }
    if (state_clock_ahead(t->state)) /* nothing can be deleted yet */
        c->place.at_us = kith_time_min(c->place.at_us, t->now_us + PLACE_RETRY);
    else if (!service_running(&c->catalog, s))
        remove_all(c, t, s);
    else if (s->row.desired != DESIRED_REMOVED)
        condemn(c, t, s);
    return true;
}
