#include "control/registration.h"

#include "base/mem.h"
#include "control/inside.h"
#include "control/standing.h"
#include "state/hash.h"
#include "state/journal.h"
#include "wire/text.h"

#include <string.h>

static int compare_keys(const struct registration *a, const struct registration *b)
{
    int order = ulid_compare(&a->node, &b->node);

    return order ? order : ulid_compare(&a->id, &b->id);
}

static int compare_services(const struct registration *a, const struct registration *b)
{
    int order = bytes_compare(a->row.service, b->row.service);

    return order ? order : compare_keys(a, b);
}

static int compare_due(const struct registration *a, const struct registration *b)
{
    if (a->due_us != b->due_us)
        return a->due_us < b->due_us ? -1 : 1;
    return compare_keys(a, b);
}

TREE_FUNCTIONS(registration_tree, registration, by_key, compare_keys)
TREE_FUNCTIONS(registered_tree, registration, by_service, compare_services)
TREE_FUNCTIONS(due_tree, registration, by_due, compare_due)

/* ---- what is held ---- */

static void free_one(struct registration *r)
{
    arena_deinit(&r->mem);
    mem_free(r);
}

static void drop(struct registrations *all, struct registration *r, const struct ulid *self)
{
    TREE_REMOVE(registration_tree, &all->all, r);
    TREE_REMOVE(registered_tree, &all->services, r);
    if (r->due_us != KITH_NEVER)
        TREE_REMOVE(due_tree, &all->due, r);
    all->here -= ulid_equal(&r->node, self);
    free_one(r);
}

void registrations_deinit(struct registrations *r)
{
    struct registration *one, *next;

    TREE_FOREACH_SAFE(one, registration_tree, &r->all, next)
    {
        TREE_REMOVE(registration_tree, &r->all, one);
        free_one(one);
    }
    *r = (struct registrations){0};
}

static struct registration *find(const struct control *c, const struct ulid *node,
                                 const struct ulid *id)
{
    struct registration key = {.node = *node, .id = *id};

    return TREE_FIND(registration_tree,
                     (struct registration_tree *)(uintptr_t)&c->registrations.all, &key);
}

/* NULL: the row is none. */
static struct registration *new_one(const struct row *row)
{
    struct registration *r = mem_alloc(sizeof(*r));
    struct wire_error err;

    if (!instance_key(row->key, &r->node, &r->id) ||
        registration_row_decode(&r->row, arena_bytes(&r->mem, row->value), &r->mem, &err)) {
        free_one(r);
        return NULL;
    }
    r->hash = row->hash;
    r->due_us = KITH_NEVER;
    return r;
}

/* It is critical and stays until it is reaped, if ever; a TTL has nothing to say then. */
static bool is_lapsed(const struct registration_row *row)
{
    return row->keep && row->health == ENDPOINT_HEALTH_CRITICAL;
}

static void set_due(struct control *c, struct registration *r, kith_time due_us)
{
    if (r->due_us != KITH_NEVER)
        TREE_REMOVE(due_tree, &c->registrations.due, r);
    r->due_us = due_us;
    if (due_us == KITH_NEVER)
        return;
    TREE_INSERT(due_tree, &c->registrations.due, r);
    c->deadline_us = kith_time_min(c->deadline_us, due_us);
}

/* Its time begins anew. */
static void renew(struct control *c, const struct turn *t, struct registration *r)
{
    uint32_t within_ms = is_lapsed(&r->row) ? r->row.reap_ms : r->row.ttl_ms;

    set_due(c, r, within_ms ? t->now_us + within_ms * KITH_MS : KITH_NEVER);
}

/* One of this peer's is there now. One that goes on being critical goes on waiting for its end. */
static void take_own(struct control *c, const struct turn *t, struct registration *r,
                     const kith_time *reap_us)
{
    c->registrations.here++;
    if (reap_us && is_lapsed(&r->row))
        set_due(c, r, *reap_us);
    else
        renew(c, t, r);
}

void registrations_row(struct control *c, const struct turn *t, const struct row *row)
{
    struct registrations *all = &c->registrations;
    struct ulid node, id;

    if (!instance_key(row->key, &node, &id))
        return;
    /* Most are new ones: one walk down the tree then finds that out and puts it in. */
    struct registration *r = row->flags & ROW_TOMBSTONE ? NULL : new_one(row);
    struct registration *old =
        r ? TREE_INSERT(registration_tree, &all->all, r) : find(c, &node, &id);

    if (old && r && old->hash == row->hash) {
        free_one(r);
        return;
    }
    kith_time reap_us = old ? old->due_us : KITH_NEVER;
    bool waits = old && is_lapsed(&old->row);

    if (old) {
        lookups_touch(&c->lookups, old->row.service);
        drop(all, old, &c->self);
        if (r)
            TREE_INSERT(registration_tree, &all->all, r);
    }
    if (!r)
        return;
    TREE_INSERT(registered_tree, &all->services, r);
    lookups_touch(&c->lookups, r->row.service);
    if (ulid_equal(&node, &c->self))
        take_own(c, t, r, waits ? &reap_us : NULL);
}

void registrations_member(struct control *c, const struct ulid *node)
{
    struct registration first = {.node = *node};
    struct registration *r;

    TREE_FOREACH_FROM(r, registration_tree,
                      TREE_FROM(registration_tree, &c->registrations.all, &first))
    {
        if (!ulid_equal(&r->node, node))
            break;
        lookups_touch(&c->lookups, r->row.service);
    }
}

void registrations_touch_all(struct control *c)
{
    struct registration *r;

    TREE_FOREACH (r, registered_tree, &c->registrations.services)
        lookups_touch(&c->lookups, r->row.service);
}

/* From here on, the first whose host lives. */
static const struct registration *living(const struct control *c, struct registration *r,
                                         struct bytes service)
{
    TREE_FOREACH_FROM(r, registered_tree, r)
    {
        if (!bytes_equal(r->row.service, service))
            return NULL;
        if (node_lives(&c->catalog, &r->node))
            return r;
    }
    return NULL;
}

const struct registration *registrations_first(const struct control *c, struct bytes service)
{
    struct registration key = {.row = {.service = service}};
    struct registered_tree *tree = (struct registered_tree *)(uintptr_t)&c->registrations.services;

    return living(c, TREE_FROM(registered_tree, tree, &key), service);
}

const struct registration *registrations_next(const struct control *c, const struct registration *r)
{
    struct registration *next =
        TREE_NEXT(registered_tree, /* tree= */ NULL, (struct registration *)(uintptr_t)r);

    return living(c, next, r->row.service);
}

/* ---- this peer's own ---- */

/* The same name gives the same id at every start, so that a registrant needs to remember nothing else. */
static struct ulid id_of(struct bytes name)
{
    struct ulid id;
    uint64_t half[2] = {hash64_pair(bytes_str("registration 0"), name),
                        hash64_pair(bytes_str("registration 1"), name)};

    for (unsigned k = 0; k < sizeof(id.b); k++)
        id.b[k] = (uint8_t)(half[k / 8] >> (8 * (k % 8)));
    return id;
}

static struct buf key_of(const struct control *c, const struct ulid *id)
{
    struct buf key = {0};

    instance_key_put(&key, &c->self, id);
    return key;
}

static int end_one(struct control *c, struct turn *t, const struct ulid *id)
{
    struct buf key = key_of(c, id);
    struct row gone = {
        .table = TABLE_ID_REGISTRATION, .key = buf_bytes(&key), .flags = ROW_TOMBSTONE};
    int result = state_delete(t->state, TABLE_ID_REGISTRATION, buf_bytes(&key), /* major= */ 0);

    if (result == 0)
        registrations_row(c, t, &gone);
    buf_deinit(&key);
    return result;
}

/* Says something else of one that is held, and holds it so. As state_put(). */
static int rewrite(struct control *c, struct turn *t, const struct registration *r,
                   const struct registration_row *row)
{
    struct buf key = key_of(c, &r->id), value = {0};

    registration_row_encode(&value, row);
    int result = state_put(t->state, TABLE_ID_REGISTRATION, buf_bytes(&key), buf_bytes(&value),
                           /* major= */ 0, /* expires_ms= */ 0);

    if (result == 0)
        registrations_row(c, t, state_get(t->state, TABLE_ID_REGISTRATION, buf_bytes(&key)));
    buf_deinit(&key);
    buf_deinit(&value);
    return result;
}

/* Nobody renewed it in time: it ends, or is critical from now on. */
static void lapse(struct control *c, struct turn *t, struct registration *r)
{
    struct registration_row row = r->row;
    struct ulid id = r->id;
    bool reaped = is_lapsed(&row);

    journal_add(t->journal, t->wall_us / KITH_MS, "registration-lapsed", row.service,
                BYTES_FMT " was %s %u ms", BYTES_ARG(row.name),
                reaped ? "critical for" : "not renewed within", reaped ? row.reap_ms : row.ttl_ms);
    row.health = ENDPOINT_HEALTH_CRITICAL;
    row.output = bytes_str("TTL expired");
    if (!row.keep || reaped)
        (void)end_one(c, t, &id);
    else if (rewrite(c, t, r, &row) != 0)
        renew(c, t, r); /* the clock is ahead: again after another TTL */
}

kith_time registrations_settle(struct control *c, struct turn *t)
{
    struct registration *r;

    while ((r = TREE_FIRST(due_tree, &c->registrations.due)) != NULL && r->due_us <= t->now_us)
        lapse(c, t, r);
    return r ? r->due_us : KITH_NEVER;
}

/* ---- requests ---- */

static void answer(struct control *c, struct turn *t, const struct incoming *in,
                   const struct ack *ack, const struct registered *reply)
{
    struct confirm_rows rows = {0};
    struct buf key = key_of(c, &reply->instance), out = {0};

    registered_encode(&out, reply);
    if (ack->kind != ACK_KIND_HERE)
        confirm_row(&rows, t, TABLE_ID_REGISTRATION, buf_bytes(&key));
    confirm_answer(c, t, in, ack, &rows, WIRE_REGISTERED, buf_bytes(&out));
    confirm_rows_deinit(&rows);
    buf_deinit(&key);
    buf_deinit(&out);
}

static struct bytes say(struct arena *mem, struct bytes service, const char *what,
                        struct bytes name)
{
    return wire_text_clip(bytes_str(arena_printf(mem, BYTES_FMT " %s " BYTES_FMT,
                                                 BYTES_ARG(service), what, BYTES_ARG(name))),
                          REGISTERED_TEXT_MAX);
}

/* Why it cannot be taken; NULL: it can. */
static const char *refusal(const struct control *c, const struct turn *t,
                           const struct registration_row *row, const struct registration *held)
{
    if (c->leaving || c->halting)
        return "this host is leaving: register with another";
    if (ulid_is_zero(&t->post->cluster))
        return "this host has not joined a cluster yet";
    if (!row->service.len)
        return "a registration needs the name of its service";
    if (row->ttl_ms && row->ttl_ms < REGISTRATION_TTL_MIN_MS)
        return "a TTL below 500 ms cannot be kept";
    if (!held && c->registrations.here >= REGISTRATIONS_MAX)
        return "this peer answers for as many registrations as it can";
    return NULL;
}

/* service@addr:port, as far as they are given. */
static struct bytes name_of(const struct registration_row *row, struct arena *mem)
{
    struct buf name = {0};

    buf_printf(&name, BYTES_FMT "@" BYTES_FMT, BYTES_ARG(row->service), BYTES_ARG(row->addr));
    if (row->ports_n)
        buf_printf(&name, ":%u", row->ports[0].port);
    struct bytes kept =
        arena_bytes(mem, wire_text_clip(buf_bytes(&name), REGISTER_ENDPOINT_NAME_MAX));

    buf_deinit(&name);
    return kept;
}

static struct registration_row row_of(const struct control *c,
                                      const struct register_endpoint *request, struct arena *mem)
{
    struct registration_row row = {
        .service = request->service,
        .name = request->name,
        .addr = request->addr.len ? request->addr : bytes_str(c->addr),
        .ports = request->ports,
        .ports_n = request->ports_n,
        .tags = request->tags,
        .tags_n = request->tags_n,
        .meta = request->meta,
        .meta_n = request->meta_n,
        .ttl_ms = request->ttl_ms,
        .health = request->health,
        .keep = request->keep,
        .reap_ms = request->reap_ms,
    };

    if (!row.name.len)
        row.name = name_of(&row, mem);
    return row;
}

/* What was said of its health lasts, where that is asked for. */
static void keep_health(struct registration_row *row, const struct registration *held)
{
    if (!held || !row->keep || !held->row.keep)
        return;
    row->health = held->row.health;
    row->output = held->row.output;
}

/* Writes it unless it is held so already; then only its time begins anew. What is written is taken in with all other
 * rows that changed. */
static int put(struct control *c, struct turn *t, const struct ulid *id,
               const struct registration_row *row, struct registration *held)
{
    struct buf key = key_of(c, id), value = {0};
    int result = 0;

    registration_row_encode(&value, row);
    const struct row *now =
        held ? state_get(t->state, TABLE_ID_REGISTRATION, buf_bytes(&key)) : NULL;

    if (now && bytes_equal(now->value, buf_bytes(&value))) {
        if (!is_lapsed(row))
            renew(c, t, held);
    } else {
        result = state_put(t->state, TABLE_ID_REGISTRATION, buf_bytes(&key), buf_bytes(&value),
                           /* major= */ 0, /* expires_ms= */ 0);
    }
    buf_deinit(&key);
    buf_deinit(&value);
    return result;
}

void registration_register(struct control *c, struct turn *t, const struct incoming *in)
{
    struct arena mem = {0};
    struct register_endpoint request;
    struct wire_error err;

    if (register_endpoint_decode(&request, in->payload, &mem, &err)) {
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
        arena_deinit(&mem);
        return;
    }
    struct registration_row row = row_of(c, &request, &mem);
    struct ulid id = id_of(row.name);
    struct registration *held = find(c, &c->self, &id);
    const char *why = refusal(c, t, &row, held);

    keep_health(&row, held);

    if (why)
        turn_fail(t, in, FAIL_CODE_NOT_READY, "%s", why);
    else if (put(c, t, &id, &row, held) != 0)
        turn_fail(t, in, FAIL_CODE_REJECTED, "this cannot be registered");
    else
        answer(c, t, in, &request.ack,
               &(struct registered){.instance = id,
                                    .name = row.name,
                                    .text = say(&mem, row.service, "is registered as", row.name)});
    arena_deinit(&mem);
}

static void not_held(struct turn *t, const struct incoming *in, struct bytes name)
{
    turn_fail(t, in, FAIL_CODE_NOT_FOUND,
              "nothing is registered with this peer as " BYTES_FMT
              ": ask the peer that it was registered with",
              BYTES_ARG(name));
}

void registration_report(struct control *c, struct turn *t, const struct incoming *in)
{
    struct arena mem = {0};
    struct report_endpoint request;
    struct wire_error err;

    if (report_endpoint_decode(&request, in->payload, &mem, &err)) {
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
        arena_deinit(&mem);
        return;
    }
    struct ulid id = id_of(request.name);
    struct registration *held = find(c, &c->self, &id);

    if (!held) {
        not_held(t, in, request.name);
    } else {
        struct registration_row row = held->row;

        row.health = request.health;
        row.output = request.output;
        struct registered reply = {
            .instance = id,
            .name = request.name,
            .text = say(&mem, row.service, endpoint_health_name(row.health), request.name)};

        if (put(c, t, &id, &row, held) != 0)
            turn_fail(t, in, FAIL_CODE_REJECTED, "this cannot be written now");
        else
            answer(c, t, in, &request.ack, &reply);
    }
    arena_deinit(&mem);
}

void registration_deregister(struct control *c, struct turn *t, const struct incoming *in)
{
    struct arena mem = {0};
    struct deregister_endpoint request;
    struct wire_error err;

    if (deregister_endpoint_decode(&request, in->payload, &mem, &err)) {
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
        arena_deinit(&mem);
        return;
    }
    struct ulid id = id_of(request.name);
    const struct registration *held = find(c, &c->self, &id);

    if (!held) {
        not_held(t, in, request.name);
    } else {
        struct registered reply = {
            .instance = id,
            .name = request.name,
            .text = say(&mem, held->row.service, "is no longer registered as", request.name)};

        (void)end_one(c, t, &id);
        answer(c, t, in, &request.ack, &reply);
    }
    arena_deinit(&mem);
}
