#include "control/checkroll.h"

#include "base/mem.h"
#include "control/checklist.h"
#include "control/inside.h"
#include "state/journal.h"

#include <string.h>

struct checkroll_entry {
    TREE_ENTRY(checkroll_entry) by_id, by_time;
    kith_time at_us; /* KITH_NEVER: it is not among the times */
    struct ulid registration;
    uint32_t within_ms; /* what at_us was reckoned with */
    bool critical;
    struct bytes id; /* behind it */
};

static inline int compare_ids(const struct checkroll_entry *a, const struct checkroll_entry *b)
{
    return bytes_compare(a->id, b->id);
}

static inline int compare_times(const struct checkroll_entry *a, const struct checkroll_entry *b)
{
    if (a->at_us != b->at_us)
        return a->at_us < b->at_us ? -1 : 1;
    return compare_ids(a, b);
}

TREE_FUNCTIONS(checkroll_ids, checkroll_entry, by_id, compare_ids)
TREE_FUNCTIONS(checkroll_times, checkroll_entry, by_time, compare_times)

/* ---- entries ---- */

static struct checkroll_entry *find(const struct control *c, struct bytes id)
{
    struct checkroll_entry key = {.id = id};

    return TREE_FIND(checkroll_ids, (struct checkroll_ids *)(uintptr_t)&c->roll.ids, &key);
}

static void set_time(struct control *c, struct checkroll_entry *e, kith_time at_us)
{
    if (e->at_us != KITH_NEVER)
        TREE_REMOVE(checkroll_times, &c->roll.times, e);
    e->at_us = at_us;
    if (at_us == KITH_NEVER)
        return;
    TREE_INSERT(checkroll_times, &c->roll.times, e);
    c->deadline_us = kith_time_min(c->deadline_us, at_us);
}

static void drop(struct control *c, struct checkroll_entry *e)
{
    set_time(c, e, KITH_NEVER);
    TREE_REMOVE(checkroll_ids, &c->roll.ids, e);
    mem_free(e);
}

static struct checkroll_entry *add(struct control *c, const struct ulid *registration,
                                   struct bytes id)
{
    struct checkroll_entry *e = mem_alloc(sizeof(*e) + id.len);

    memcpy(e + 1, id.data, id.len);
    e->id = bytes_of(e + 1, id.len);
    e->registration = *registration;
    e->at_us = KITH_NEVER;
    TREE_INSERT(checkroll_ids, &c->roll.ids, e);
    return e;
}

void checkroll_deinit(struct checkroll *r)
{
    struct checkroll_entry *e, *next;

    TREE_FOREACH_SAFE(e, checkroll_ids, &r->ids, next)
    {
        TREE_REMOVE(checkroll_ids, &r->ids, e);
        mem_free(e);
    }
    *r = (struct checkroll){0};
}

/* ---- what is held ---- */

static bool has(const struct registration_row *row, struct bytes id)
{
    for (uint32_t i = 0; row && i < row->checks_n; i++) {
        if (bytes_equal(row->checks[i].id, id) && row->checks[i].ttl_ms)
            return true;
    }
    return false;
}

static void begin(struct control *c, const struct turn *t, struct checkroll_entry *e,
                  const struct endpoint_check *check)
{
    e->critical = check->health == ENDPOINT_HEALTH_CRITICAL;
    e->within_ms = e->critical ? check->reap_ms : check->ttl_ms;
    set_time(c, e, e->within_ms ? t->now_us + e->within_ms * KITH_MS : KITH_NEVER);
}

static void take_one(struct control *c, const struct turn *t, const struct ulid *registration,
                     const struct endpoint_check *check)
{
    bool critical = check->health == ENDPOINT_HEALTH_CRITICAL;
    struct checkroll_entry *e = find(c, check->id);

    if (!e)
        begin(c, t, add(c, registration, check->id), check);
    else if (e->critical != critical || e->within_ms != (critical ? check->reap_ms : check->ttl_ms))
        begin(c, t, e, check);
}

void checkroll_take(struct control *c, const struct turn *t, const struct ulid *registration,
                    const struct registration_row *was, const struct registration_row *is)
{
    for (uint32_t i = 0; was && i < was->checks_n; i++) {
        struct checkroll_entry *e = has(is, was->checks[i].id) ? NULL : find(c, was->checks[i].id);

        if (e && ulid_equal(&e->registration, registration))
            drop(c, e);
    }
    for (uint32_t i = 0; is && i < is->checks_n; i++) {
        if (is->checks[i].ttl_ms)
            take_one(c, t, registration, &is->checks[i]);
    }
}

void checkroll_renew(struct control *c, const struct turn *t, const struct endpoint_check *check)
{
    struct checkroll_entry *e = find(c, check->id);

    if (e && check->ttl_ms && check->health != ENDPOINT_HEALTH_CRITICAL)
        begin(c, t, e, check);
}

const struct ulid *checkroll_find(const struct control *c, struct bytes id)
{
    const struct checkroll_entry *e = find(c, id);

    return e ? &e->registration : NULL;
}

/* ---- time ---- */

/* Of the checks of a host nothing is the name. */
static struct bytes called(const struct registration_row *row)
{
    return row->name.len ? row->name : bytes_str("the host");
}

static void end(struct control *c, struct turn *t, const struct checkroll_entry *e,
                const struct registration_row *row)
{
    struct ulid id = e->registration;

    journal_add(t->journal, t->wall_us / KITH_MS, "registration-lapsed", row->service,
                BYTES_FMT " was critical for %u ms by " BYTES_FMT, BYTES_ARG(called(row)),
                e->within_ms, BYTES_ARG(e->id));
    (void)registrations_end(c, t, &id);
}

static void call_critical(struct control *c, struct turn *t, const struct checkroll_entry *e,
                          const struct registration *r, struct registration_row *row,
                          struct arena *mem)
{
    struct checklist list = checklist_of(row, mem);
    struct endpoint_check *check = checklist_find(&list, e->id);

    if (!check)
        return;
    journal_add(t->journal, t->wall_us / KITH_MS, "registration-lapsed", row->service,
                BYTES_FMT " was not renewed within %u ms by " BYTES_FMT, BYTES_ARG(called(row)),
                e->within_ms, BYTES_ARG(e->id));
    check->health = ENDPOINT_HEALTH_CRITICAL;
    check->output = bytes_str("TTL expired");
    checklist_put(row, &list, mem);
    (void)registrations_rewrite(c, t, r, row);
}

/* What cannot be written now (the clock is ahead) is tried again after as long a time. */
static void lapse(struct control *c, struct turn *t, struct checkroll_entry *e)
{
    const struct registration *r = registrations_find(c, &e->registration);
    struct arena mem = {0};

    set_time(c, e, t->now_us + e->within_ms * KITH_MS);
    if (r) {
        struct registration_row row = *registration_says(r, &mem);

        if (e->critical)
            end(c, t, e, &row);
        else
            call_critical(c, t, e, r, &row, &mem);
    }
    arena_deinit(&mem);
}

kith_time checkroll_settle(struct control *c, struct turn *t)
{
    struct checkroll_entry *e;

    while ((e = TREE_FIRST(checkroll_times, &c->roll.times)) != NULL && e->at_us <= t->now_us)
        lapse(c, t, e);
    return e ? e->at_us : KITH_NEVER;
}
