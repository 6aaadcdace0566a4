#include "control/control.h"

#include "base/mem.h"
#include "control/adopt.h"
#include "control/host.h"
#include "control/life.h"
#include "control/notice.h"
#include "control/request.h"

#define HALT_KEY "halt"

struct control *control_new(const struct members *members)
{
    struct control *c = mem_alloc(sizeof(*c));

    catalog_init(&c->catalog, members, &c->lookups);
    c->deadline_us = KITH_NEVER;
    return c;
}

void control_free(struct control *c)
{
    if (!c)
        return;
    locals_deinit(&c->locals);
    place_deinit(&c->place);
    watch_deinit(&c->watch);
    registrations_deinit(&c->registrations);
    checkroll_deinit(&c->roll);
    maintenance_deinit(&c->maintenance);
    confirms_deinit(&c->confirms);
    handovers_deinit(&c->handovers);
    check_asks_deinit(&c->check_asks);
    keys_deinit(&c->keys);
    keyfeed_deinit(&c->keyfeed);
    keeper_deinit(&c->keeper);
    holder_deinit(&c->holder);
    sessions_deinit(&c->sessions);
    backups_deinit(&c->backups);
    lookups_deinit(&c->lookups);
    catalog_deinit(&c->catalog);
    mem_free(c->addr);
    mem_free(c);
}

static bool is_ours(enum table_id table)
{
    switch (table) {
    case TABLE_ID_SERVICE:
    case TABLE_ID_SPEC:
    case TABLE_ID_NAME:
    case TABLE_ID_COUNT:
    case TABLE_ID_PLACEMENT:
    case TABLE_ID_INSTANCE:
    case TABLE_ID_CLUSTER:
        return true;
    default:
        return false;
    }
}

static void take_halt(struct control *c, struct turn *t, const struct row *row)
{
    struct halt_row halt;
    struct arena mem = {0};
    struct wire_error err;

    if (bytes_equal_str(row->key, HALT_KEY) && !(row->flags & ROW_TOMBSTONE) &&
        !halt_row_decode(&halt, row->value, &mem, &err) && halt.at_ms > c->started_ms &&
        !c->halting) {
        c->halting = true;
        effect_log(t->out, LOG_INFO_, "the cluster stops, by command %s",
                   ulid_text(&halt.command).s);
    }
    arena_deinit(&mem);
}

/* Somebody became alive, or this peer came to others: see place.h. */
static void joined(struct control *c, const struct turn *t)
{
    if (t->now_us >= c->joined_us + PLACE_HOLD)
        c->joining_from_us = t->now_us;
    c->joined_us = t->now_us;
    c->joined_ms = t->wall_us / KITH_MS;
}

/* What a host created that is believed dead reaches this peer: a cut is healing, and whatever else that
 * side has decided is still to come. */
static void look_for_a_heal(struct control *c, const struct turn *t, const struct row *row)
{
    if (row->table == TABLE_ID_SERVICE && !ulid_is_zero(&row->origin) &&
        !node_lives(&c->catalog, &row->origin))
        joined(c, t);
}

/* A row as the state holds it now, whoever wrote it. */
static void take(struct control *c, struct turn *t, const struct row *row)
{
    c->dirty = true;
    if (row->table == TABLE_ID_CLUSTER) {
        take_halt(c, t, row);
        return;
    }
    look_for_a_heal(c, t, row);
    notice_row(c, t, row);
    catalog_row(&c->catalog, t->state, row, t->now_us);
    notice_taken(c, t);
}

int control_put(struct control *c, struct turn *t, enum table_id table, struct bytes key,
                struct bytes value, uint64_t major)
{
    const struct row *held = state_get(t->state, table, key);

    if (held && bytes_equal(held->value, value) && (!major || held->version.major == major))
        return 0;
    int result = state_put(t->state, table, key, value, major, /* expires_ms= */ 0);

    if (!result)
        take(c, t, state_get(t->state, table, key));
    return result;
}

int control_delete(struct control *c, struct turn *t, enum table_id table, struct bytes key,
                   uint64_t major)
{
    struct row gone = {.table = table, .key = key, .flags = ROW_TOMBSTONE};

    if (!state_get(t->state, table, key))
        return 0;
    int result = state_delete(t->state, table, key, major);

    if (!result)
        take(c, t, &gone);
    return result;
}

static void load_rows(struct control *c, struct turn *t)
{
    /* Specifications and counts are found by the row of their service. */
    static const enum table_id tables[] = {TABLE_ID_NAME, TABLE_ID_SERVICE, TABLE_ID_PLACEMENT,
                                           TABLE_ID_INSTANCE};

    for (size_t k = 0; k < sizeof(tables) / sizeof(tables[0]); k++) {
        struct row row = {0};

        while (state_walk(t->state, tables[k], &row))
            catalog_row(&c->catalog, t->state, &row, t->now_us);
    }
    struct row row = {0};

    while (state_walk(t->state, TABLE_ID_REGISTRATION, &row))
        registrations_row(c, t, &row);
    row = (struct row){0};
    while (state_walk(t->state, TABLE_ID_MAINTENANCE, &row))
        maintenance_row(c, &row);
}

void control_start(struct control *c, struct turn *t, const struct event_start *start)
{
    c->self = start->node;
    c->catalog.self = start->node;
    c->addr = bytes_to_str(start->host);
    c->capacity = start->capacity;
    c->started_us = c->joined_us = c->joining_from_us = t->now_us;
    c->started_ms = c->joined_ms = t->wall_us / KITH_MS;
    ports_init(&c->locals.ports, start->port_low, start->port_high);
    c->lookups.on = start->lookups;
    c->keyfeed.on = start->keys;
    load_rows(c, t);
    lookups_begin(c, t->now_us);
    holder_start(c, t, start);
    sessions_start(c, t);
    keys_start(c, t);
    adopt(c, t, start);
    c->dirty = true;
}

bool control_receive(struct control *c, struct turn *t, const struct incoming *in)
{
    return request_receive(c, t, in);
}

void control_confirm(struct control *c, struct turn *t, const struct incoming *in,
                     const struct ack *ack, enum wire_kind kind, struct bytes payload)
{
    struct confirm_rows rows = {0};

    if (ack->kind != ACK_KIND_HERE)
        confirm_unpushed(&rows, t);
    confirm_answer(c, t, in, ack, &rows, kind, payload);
    confirm_rows_deinit(&rows);
}

static void take_member(struct control *c, struct turn *t, const struct row *row,
                        const struct member *before)
{
    struct ulid id;

    if (row->key.len != sizeof(id.b))
        return;
    for (size_t k = 0; k < sizeof(id.b); k++)
        id.b[k] = row->key.data[k];
    const struct member *m = members_get(c->catalog.members, &id);

    if (m && m->state == MEMBER_STATE_ALIVE && before->state != MEMBER_STATE_ALIVE)
        joined(c, t);
    catalog_member(&c->catalog, t->state, &id, t->now_us);
    registrations_member(c, &id);
    keys_member(c, t, &id);
    lookups_touch_member(&c->lookups, &id);
    c->dirty = true;
}

void control_changed(struct control *c, struct turn *t, const struct row *row,
                     const struct member *before)
{
    if (before)
        take_member(c, t, row, before);
    else if (row->table == TABLE_ID_REGISTRATION)
        registrations_row(c, t, row); /* nothing is placed or started because of it */
    else if (row->table == TABLE_ID_MAINTENANCE)
        maintenance_row(c, row);
    else if (row->table == TABLE_ID_KEY || row->table == TABLE_ID_LOCK)
        keys_row(c, t, row);
    else if (row->table == TABLE_ID_SESSION)
        sessions_row(c, t, row);
    else if (is_ours(row->table))
        take(c, t, row);
}

void control_claimed(struct control *c, struct turn *t, const struct event_claimed *e)
{
    struct local *i = local_find(&c->locals, &e->instance);

    if (i)
        life_claimed(c, t, i, e);
    c->dirty = true;
}

void control_started(struct control *c, struct turn *t, const struct event_started *e)
{
    struct local *i = local_find(&c->locals, &e->instance);

    if (i)
        life_started(c, t, i, e);
    c->dirty = true;
}

void control_exited(struct control *c, struct turn *t, const struct event_exited *e)
{
    struct local *i = local_find(&c->locals, &e->instance);

    if (i && i->phase != PHASE_IDLE && i->phase != PHASE_CLAIMING)
        life_exited(c, t, i, e->exit_status);
    else
        life_clean(t, &e->instance); /* nobody's, see adopt.h */
    c->dirty = true;
}

void control_checked(struct control *c, struct turn *t, const struct event_checked *e)
{
    struct local *i = local_find(&c->locals, &e->instance);

    if (i)
        life_checked(c, t, i, e);
    check_now_checked(c, t, e);
    c->dirty = true;
}

void control_log_read(struct control *c, struct turn *t, const struct event_log_read *e)
{
    logs_read(c, t, e);
}

void control_backed_up(struct control *c, struct turn *t, const struct event_backed_up *e)
{
    backup_done(c, t, e);
}

void control_lookup_failed(struct control *c, const struct turn *t)
{
    lookups_begin(c, t->now_us + LOOKUPS_RETRY);
}

void control_tell(struct control *c, struct turn *t)
{
    lookups_tell(c, t);
    keyfeed_tell(c, t);
}

void control_leave(struct control *c, struct turn *t)
{
    (void)t;
    c->leaving = true;
    c->dirty = true;
}

bool control_idle(const struct control *c)
{
    struct service *s;

    if (!host_idle(c))
        return false;
    if (!c->halting)
        return true;
    SERVICES_FOREACH(s, &c->catalog)
    {
        if (service_running(&c->catalog, s))
            return false;
    }
    return true;
}

bool control_halted(const struct control *c)
{
    return c->halting;
}

bool control_settle(struct control *c, struct turn *t)
{
    bool was_dirty = c->dirty;

    catalog_rest(&c->catalog);
    if (!was_dirty && t->now_us < c->deadline_us)
        return false;
    /* What this writes is known to the catalog at once; one round more is for what the first parts
     * could not see of what the later ones wrote. */
    for (unsigned round = 0; round < 2; round++) {
        c->dirty = false;
        c->deadline_us = place_settle(c, t);
        c->deadline_us = kith_time_min(c->deadline_us, host_settle(c, t));
        c->deadline_us = kith_time_min(c->deadline_us, logs_settle(c, t));
        c->deadline_us = kith_time_min(c->deadline_us, check_now_settle(c, t));
        c->deadline_us = kith_time_min(c->deadline_us, registrations_settle(c, t));
        c->deadline_us = kith_time_min(c->deadline_us, checkroll_settle(c, t));
        c->deadline_us = kith_time_min(c->deadline_us, confirm_settle(c, t));
        c->deadline_us = kith_time_min(c->deadline_us, sessions_settle(c, t));
        c->deadline_us = kith_time_min(c->deadline_us, keys_settle(c, t));
        c->deadline_us = kith_time_min(c->deadline_us, keeper_settle(c, t));
        c->deadline_us = kith_time_min(c->deadline_us, handover_settle(c, t));
        maintenance_settle(c, t);
        watch_settle(c, t);
        if (!c->dirty)
            break;
    }
    return true;
}

void control_time(struct control *c, struct turn *t)
{
    if (!c->awake) /* loading took its time, in which nobody could be heard */
        joined(c, t);
    c->awake = true;
    c->dirty = true;
    (void)control_settle(c, t);
}

kith_time control_deadline(const struct control *c)
{
    return c->dirty || keyfeed_is_due(&c->keyfeed)
               ? 0
               : kith_time_min(c->deadline_us, lookups_deadline(&c->lookups));
}
