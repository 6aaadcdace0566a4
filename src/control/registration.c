#include "control/registration.h"

#include "base/mem.h"
#include "control/inside.h"
#include "control/standing.h"
#include "state/content.h"
#include "state/hash.h"
#include "state/journal.h"

#include <assert.h>
#include <string.h>

struct registration_due {
    TREE_ENTRY(registration_due) by_time;
    kith_time at_us;
    struct registration *registration;
};

const struct ulid *registration_node(const struct registration *r)
{
    return (const struct ulid *)(const void *)content_key(r->content).data;
}

const struct ulid *registration_id(const struct registration *r)
{
    return registration_node(r) + 1;
}

struct bytes registration_service(const struct registration *r)
{
    return bytes_of(content_value(r->content).data + r->service_at, r->service_len);
}

const struct registration_row *registration_says(const struct registration *r, struct arena *mem)
{
    struct registration_row *row = arena_alloc(mem, sizeof(*row));

    wire_decode_again(row, &registration_row_struct, content_value(r->content), mem);
    return row;
}

/* What the lists are searched by. */
struct wanted {
    uint64_t order; /* first: the number that a list goes by before it compares */
    struct bytes service, key;
};

static uint32_t number_at(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* The random end of the node's id before the beginning of the registration's, which is a digest. */
static uint64_t order_of_key(struct bytes key)
{
    const struct ulid *id = (const struct ulid *)(const void *)key.data;
    uint64_t node = number_at(id->b + sizeof(id->b) - sizeof(uint32_t));

    return node << 32 | (key.len > sizeof(*id) ? number_at(id[1].b) : 0);
}

#define HASH_BITS 31 /* as are kept of it */

static uint32_t hash_of_service(struct bytes service)
{
    return (uint32_t)(hash64(service) >> (64 - HASH_BITS));
}

static uint64_t order_of_service(uint32_t hash)
{
    return (uint64_t)hash << (64 - HASH_BITS);
}

static uint64_t key_order(const void *element)
{
    const struct registration *r = element;

    return order_of_key(content_key(r->content));
}

static uint64_t service_order(const void *element)
{
    const struct registration *r = element;

    return order_of_service(r->service_hash);
}

static int compare_keys(const void *element, const void *key)
{
    const struct registration *r = element;
    const struct wanted *wanted = key;

    return bytes_compare(content_key(r->content), wanted->key);
}

static int compare_services(const void *element, const void *key)
{
    const struct wanted *wanted = key;
    int order = bytes_compare(registration_service(element), wanted->service);

    return order ? order : compare_keys(element, key);
}

static const struct sheets_rule by_key = {.compare = compare_keys, .order = key_order};
static const struct sheets_rule by_service = {.compare = compare_services, .order = service_order};

static int compare_due(const struct registration_due *a, const struct registration_due *b)
{
    if (a->at_us != b->at_us)
        return a->at_us < b->at_us ? -1 : 1;
    return bytes_compare(content_key(a->registration->content),
                         content_key(b->registration->content));
}

TREE_FUNCTIONS(due_tree, registration_due, by_time, compare_due)

/* ---- what is held ---- */

static kith_time due_of(const struct registration *r)
{
    return r->due ? r->due->at_us : KITH_NEVER;
}

static void free_one(struct registration *r)
{
    struct content *c = r->content;

    mem_free(r->due);
    content_unnote(c, r, sizeof(*r));
    content_release(c);
}

static struct sheets_place place_in_service(const struct registrations *all,
                                            const struct registration *r)
{
    struct wanted wanted = {.order = order_of_service(r->service_hash),
                            .service = registration_service(r),
                            .key = content_key(r->content)};

    return sheets_from(&all->services, &by_service, &wanted);
}

static bool is_host(const struct registration *r)
{
    return ulid_is_zero(registration_id(r));
}

/* Of no service: who shows its host is told. */
static void touch(struct control *c, const struct registration *r)
{
    if (r->service_len)
        lookups_touch(&c->lookups, registration_service(r));
    else
        lookups_touch_member(&c->lookups, is_host(r) ? registration_node(r) : registration_id(r));
}

/* `place`: where the search for its key ended. */
static void add(struct registrations *all, struct registration *r, struct sheets_place place)
{
    all->hosts += is_host(r);
    sheets_put(&all->all, &by_key, place, r);
    sheets_put(&all->services, &by_service, place_in_service(all, r), r);
}

static void drop(struct registrations *all, struct registration *r, struct sheets_place place,
                 const struct ulid *self)
{
    sheets_take(&all->all, &by_key, place);
    sheets_take(&all->services, &by_service, place_in_service(all, r));
    if (r->due)
        TREE_REMOVE(due_tree, &all->due, r->due);
    all->here -= ulid_equal(registration_node(r), self);
    all->hosts -= is_host(r);
    free_one(r);
}

void registrations_deinit(struct registrations *r)
{
    for (uint32_t i = 0; i < r->all.n; i++) {
        for (uint32_t k = 0; k < r->all.sheets[i].n; k++)
            free_one(r->all.sheets[i].at[k]);
    }
    sheets_deinit(&r->all);
    sheets_deinit(&r->services);
    *r = (struct registrations){0};
}

/* By node and id, as they are in the key. */
static struct registration *find_key(const struct control *c, struct bytes key,
                                     struct sheets_place *ret_place)
{
    const struct sheets *all = &c->registrations.all;
    struct wanted wanted = {.order = order_of_key(key), .key = key};

    *ret_place = sheets_from(all, &by_key, &wanted);
    struct registration *r = sheets_at(all, *ret_place);

    return r && bytes_equal(content_key(r->content), key) ? r : NULL;
}

struct registration *registrations_find(const struct control *c, const struct ulid *id)
{
    struct ulid key[2] = {c->self, *id};
    struct sheets_place place;

    return find_key(c, bytes_of(key, sizeof(key)), &place);
}

/* NULL: the row is none. */
static struct registration *new_one(const struct row *row, struct registration_row *ret_says,
                                    struct arena *mem)
{
    struct ulid node, id;

    if (!instance_key(row->key, &node, &id))
        return NULL;
    wire_decode_again(ret_says, &registration_row_struct, row->value, mem);
    const struct bytes service = ret_says->service;
    size_t at = service.len ? (size_t)(service.data - row->value.data) : 0;

    if (at > UINT16_MAX) /* somebody wrote it behind a list of fields that nobody knows */
        return NULL;
    struct content *c = content_reference(content_of(row));
    struct registration *r = content_note(c, sizeof(*r));

    r->content = c;
    r->service_at = (uint16_t)at;
    r->service_len = (uint8_t)ret_says->service.len;
    r->service_hash = hash_of_service(ret_says->service) & INT32_MAX;
    r->ports_n = (uint8_t)ret_says->ports_n;
    r->listed = ret_says->checks_n > 0;
    return r;
}

bool registration_is_lapsed(const struct registration_row *row)
{
    return row->keep && row->health == ENDPOINT_HEALTH_CRITICAL;
}

static bool has_lapsed(const struct registration *r)
{
    struct arena mem = {0};
    bool lapsed = registration_is_lapsed(registration_says(r, &mem));

    arena_deinit(&mem);
    return lapsed;
}

static void set_due(struct control *c, struct registration *r, kith_time at_us)
{
    struct due_tree *tree = &c->registrations.due;

    if (r->due)
        TREE_REMOVE(due_tree, tree, r->due);
    if (at_us == KITH_NEVER) {
        mem_free(r->due);
        r->due = NULL;
        return;
    }
    if (!r->due)
        r->due = mem_alloc(sizeof(*r->due));
    r->due->at_us = at_us;
    r->due->registration = r;
    TREE_INSERT(due_tree, tree, r->due);
    c->deadline_us = kith_time_min(c->deadline_us, at_us);
}

static void renew(struct control *c, const struct turn *t, struct registration *r,
                  const struct registration_row *says)
{
    uint32_t within_ms = registration_is_lapsed(says) ? says->reap_ms : says->ttl_ms;

    set_due(c, r, within_ms ? t->now_us + within_ms * KITH_MS : KITH_NEVER);
}

void registrations_renew(struct control *c, const struct turn *t, struct registration *r)
{
    struct arena mem = {0};

    renew(c, t, r, registration_says(r, &mem));
    arena_deinit(&mem);
}

/* One of this peer's is there now. One that goes on being critical goes on waiting for its end. */
static void take_own(struct control *c, const struct turn *t, struct registration *r,
                     const struct registration_row *says, const kith_time *reap_us)
{
    c->registrations.here++;
    if (reap_us && registration_is_lapsed(says))
        set_due(c, r, *reap_us);
    else
        renew(c, t, r, says);
}

static bool is_own(const struct control *c, const struct registration *r)
{
    return ulid_equal(registration_node(r), &c->self);
}

/* The times of checks in lists. */
static void take_checks(struct control *c, const struct turn *t, const struct registration *old,
                        const struct registration *r)
{
    struct arena mem = {0};

    if (old && is_own(c, old) && old->listed)
        checkroll_take(c, t, registration_id(old), registration_says(old, &mem),
                       r ? registration_says(r, &mem) : NULL);
    else if (r && is_own(c, r) && r->listed)
        checkroll_take(c, t, registration_id(r), NULL, registration_says(r, &mem));
    arena_deinit(&mem);
}

static enum endpoint_health health_of(const struct registration *r)
{
    struct arena mem = {0};
    enum endpoint_health health = r ? registration_says(r, &mem)->health : ENDPOINT_HEALTH_PASSING;

    arena_deinit(&mem);
    return health;
}

/* If the host is better or worse than it was, what answers there is, too. Either may be NULL. */
static void touch_host(struct control *c, const struct ulid *node, const struct registration *old,
                       const struct registration *r)
{
    const struct content *n;

    if (health_of(old) == health_of(r))
        return;
    NAMES_FOREACH(n, &c->catalog)
    lookups_touch(&c->lookups, content_key(n));
    registrations_member(c, node);
}

/* What is held of the same key goes first. `place`: where that is, or would be. */
static kith_time take_old(struct control *c, struct registration *old, struct sheets_place place,
                          bool *ret_lapsed)
{
    kith_time due_us = due_of(old);

    *ret_lapsed = is_own(c, old) && has_lapsed(old);
    touch(c, old);
    drop(&c->registrations, old, place, &c->self);
    return due_us;
}

void registrations_row(struct control *c, const struct turn *t, const struct row *row)
{
    struct arena mem = {0};
    struct registration_row says;
    struct sheets_place place;
    struct registration *r, *old = find_key(c, row->key, &place);
    bool lapsed = false;

    if (old && !(row->flags & ROW_TOMBSTONE) && old->content->digest.hash == row->hash)
        return;
    r = row->flags & ROW_TOMBSTONE ? NULL : new_one(row, &says, &mem);
    take_checks(c, t, old, r);
    if ((old && is_host(old)) || (r && is_host(r)))
        touch_host(c, registration_node(old ? old : r), old, r);
    kith_time due_us = old ? take_old(c, old, place, &lapsed) : KITH_NEVER;

    if (r && old)
        (void)find_key(c, row->key, &place); /* its sheet may be gone */
    if (r) {
        add(&c->registrations, r, place);
        touch(c, r);
    }
    if (r && is_own(c, r))
        take_own(c, t, r, &says, lapsed ? &due_us : NULL);
    arena_deinit(&mem);
}

void registrations_member(struct control *c, const struct ulid *node)
{
    const struct sheets *all = &c->registrations.all;
    struct wanted first = {.order = order_of_key(ulid_bytes(node)), .key = ulid_bytes(node)};
    struct sheets_place place = sheets_from(all, &by_key, &first);
    const struct registration *r;

    for (; (r = sheets_at(all, place)) != NULL && key_order(r) >> 32 == first.order >> 32;
         place = sheets_next(all, place)) {
        if (ulid_equal(registration_node(r), node))
            touch(c, r);
    }
}

void registrations_touch_all(struct control *c)
{
    const struct sheets *all = &c->registrations.services;
    const struct registration *r;

    for (struct sheets_place place = {0}; (r = sheets_at(all, place)) != NULL;
         place = sheets_next(all, place))
        touch(c, r);
}

struct registrations_walk registrations_of(const struct control *c, struct bytes service)
{
    struct wanted wanted = {.order = order_of_service(hash_of_service(service)),
                            .service = service};
    struct registrations_walk walk = {.c = c, .service = service};

    walk.next = sheets_from(&c->registrations.services, &by_service, &wanted);
    return walk;
}

const struct registration *registrations_next(struct registrations_walk *walk)
{
    const struct sheets *all = &walk->c->registrations.services;
    const struct registration *r;

    while ((r = sheets_at(all, walk->next)) != NULL &&
           bytes_equal(registration_service(r), walk->service)) {
        walk->next = sheets_next(all, walk->next);
        if (node_lives(&walk->c->catalog, registration_node(r)))
            return r;
    }
    return NULL;
}

bool registrations_any(const struct control *c, struct bytes service)
{
    struct registrations_walk walk = registrations_of(c, service);

    return service.len && registrations_next(&walk); /* those of none are hosts */
}

/* ---- hosts ---- */

static const struct registration *find_host(const struct control *c, const struct ulid *node)
{
    struct ulid key[2] = {*node};
    struct sheets_place place;

    return c->registrations.hosts ? find_key(c, bytes_of(key, sizeof(key)), &place) : NULL;
}

const struct registration_row *registrations_host(const struct control *c, const struct ulid *node,
                                                  struct arena *mem)
{
    const struct registration *r = find_host(c, node);

    return r ? registration_says(r, mem) : NULL;
}

enum endpoint_health registrations_host_health(const struct control *c, const struct ulid *node)
{
    return health_of(find_host(c, node));
}

const struct registration_row *registrations_elsewhere(const struct control *c,
                                                       const struct ulid *id, struct arena *mem)
{
    struct registrations_walk walk = registrations_of(c, (struct bytes){0});
    const struct registration *r = registrations_next(&walk);

    while (r && !ulid_equal(registration_id(r), id))
        r = registrations_next(&walk);
    return r ? registration_says(r, mem) : NULL;
}

struct bytes registration_meta(const struct registration_row *row, const char *name)
{
    for (uint32_t i = 0; i < row->meta_n; i++) {
        if (bytes_equal_str(row->meta[i].key, name))
            return row->meta[i].value;
    }
    return (struct bytes){0};
}

bool registration_is_foreign(const struct registration_row *row)
{
    return registration_meta(row, LOOKUP_META_HOST).len > 0;
}

/* ---- this peer's own ---- */

struct buf registrations_key(const struct control *c, const struct ulid *id)
{
    struct buf key = {0};

    instance_key_put(&key, &c->self, id);
    return key;
}

int registrations_end(struct control *c, struct turn *t, const struct ulid *id)
{
    struct buf key = registrations_key(c, id);
    struct row gone = {
        .table = TABLE_ID_REGISTRATION, .key = buf_bytes(&key), .flags = ROW_TOMBSTONE};
    int result = state_delete(t->state, TABLE_ID_REGISTRATION, buf_bytes(&key), /* major= */ 0);

    if (result == 0)
        registrations_row(c, t, &gone);
    buf_deinit(&key);
    return result;
}

int registrations_rewrite(struct control *c, struct turn *t, const struct registration *r,
                          const struct registration_row *row)
{
    struct buf key = registrations_key(c, registration_id(r)), value = {0};

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
    struct arena mem = {0};
    struct registration_row row = *registration_says(r, &mem);
    struct ulid id = *registration_id(r);
    bool reaped = registration_is_lapsed(&row);

    journal_add(t->journal, t->wall_us / KITH_MS, "registration-lapsed", row.service,
                BYTES_FMT " was %s %u ms", BYTES_ARG(row.name),
                reaped ? "critical for" : "not renewed within", reaped ? row.reap_ms : row.ttl_ms);
    row.health = ENDPOINT_HEALTH_CRITICAL;
    row.output = bytes_str("TTL expired");
    if (!row.keep || reaped)
        (void)registrations_end(c, t, &id);
    else if (registrations_rewrite(c, t, r, &row) != 0)
        registrations_renew(c, t, r); /* the clock is ahead: again after another TTL */
    arena_deinit(&mem);
}

kith_time registrations_settle(struct control *c, struct turn *t)
{
    struct registration_due *due;

    while ((due = TREE_FIRST(due_tree, &c->registrations.due)) != NULL && due->at_us <= t->now_us)
        lapse(c, t, due->registration);
    return due ? due->at_us : KITH_NEVER;
}
