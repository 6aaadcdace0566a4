/* Checks of what is registered with this peer: they come, are reported, and go. */
#include "control/checklist.h"
#include "control/registrar_inside.h"

/* ---- what cannot be taken ---- */

static struct refusal bad(const char *why)
{
    return (struct refusal){FAIL_CODE_BAD_REQUEST, why};
}

/* "service:ID" of another registration than this: a check of that ID would be taken for its own. */
static bool is_others(const struct control *c, const struct ulid *id, struct bytes check)
{
    struct bytes own = bytes_str(CHECKLIST_OWN);

    if (!bytes_starts(check, own))
        return false;
    struct ulid other = registrar_id(bytes_of(check.data + own.len, check.len - own.len));

    return !ulid_equal(&other, id) && registrations_find(c, &other);
}

/* One that can be reported: its ID is one of a kind here. */
static bool is_taken(const struct control *c, const struct ulid *id, struct bytes check)
{
    const struct ulid *has = checkroll_find(c, check);

    return (has && !ulid_equal(has, id)) || is_others(c, id, check);
}

static bool is_twice(const struct registration_row *row, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++) {
        if (bytes_equal(row->checks[k].id, row->checks[i].id))
            return true;
    }
    return false;
}

struct refusal registrar_refuse_checks(const struct control *c, const struct ulid *id,
                                       const struct registration_row *row, struct arena *mem)
{
    for (uint32_t i = 0; i < row->checks_n; i++) {
        const struct endpoint_check *check = &row->checks[i];

        if (!check->id.len)
            return bad("a check in a list needs an id");
        if (check->ttl_ms && check->ttl_ms < REGISTRATION_TTL_MIN_MS)
            return bad("a TTL below 500 ms cannot be kept");
        if (is_twice(row, i))
            return bad("two checks have the same id");
        if (check->ttl_ms && is_taken(c, id, check->id))
            return bad("another registration has a check of that id");
    }
    if (row->keep && !TREE_EMPTY(&c->roll.ids) && is_taken(c, id, checklist_own_id(row->name, mem)))
        return bad("another registration has a check that is called as this one's own");
    return (struct refusal){0};
}

/* ---- which one ---- */

struct wanted { /* of a request, found here */
    struct ulid id;
    struct registration *held;
    struct registration_row row;
    struct bytes check; /* its ID */
    struct checklist list;
};

/* The registration's name in "service:NAME", of who says nothing but the check. */
static struct bytes name_in(struct bytes check)
{
    struct bytes own = bytes_str(CHECKLIST_OWN);

    return bytes_starts(check, own) ? bytes_of(check.data + own.len, check.len - own.len)
                                    : (struct bytes){0};
}

static int find(struct control *c, struct turn *t, const struct incoming *in, struct bytes name,
                struct bytes check, struct wanted *ret, struct arena *mem)
{
    const struct ulid *has = name.len ? NULL : checkroll_find(c, check);

    if (!name.len && !has && !name_in(check).len) {
        turn_fail(t, in, FAIL_CODE_NOT_FOUND, "this peer knows no check " BYTES_FMT,
                  BYTES_ARG(check));
        return 1;
    }
    ret->id = has ? *has : registrar_id(name.len ? name : name_in(check));
    ret->held = registrar_find(c, t, in, &ret->id, name.len ? name : check);
    if (!ret->held)
        return 1;
    ret->row = *registration_says(ret->held, mem);
    ret->check = check.len ? check : checklist_own_id(ret->row.name, mem);
    ret->list = checklist_of(&ret->row, mem);
    return 0;
}

/* ---- reporting ---- */

/* Its own check is there as soon as somebody says how it does, if it has no other. NULL: the answer is that there is none. */
static struct endpoint_check *reported(struct turn *t, const struct incoming *in, struct wanted *w,
                                       struct arena *mem)
{
    struct endpoint_check *check = checklist_find(&w->list, w->check);

    if (!check && !w->list.n && bytes_equal(w->check, checklist_own_id(w->row.name, mem)))
        check = checklist_add(&w->list, &(struct endpoint_check){.id = w->check});
    if (!check)
        turn_fail(t, in, FAIL_CODE_NOT_FOUND, BYTES_FMT " has no check " BYTES_FMT,
                  BYTES_ARG(w->row.name), BYTES_ARG(w->check));
    return check;
}

static void report(struct control *c, struct turn *t, const struct incoming *in,
                   const struct report_endpoint *request, struct arena *mem)
{
    struct wanted w;

    if (find(c, t, in, request->name, request->check, &w, mem))
        return;
    struct endpoint_check *check = reported(t, in, &w, mem);

    if (!check)
        return;
    check->health = request->health;
    check->output = request->output;
    checkroll_renew(c, t, check);
    checklist_put(&w.row, &w.list, mem);
    registrar_write(c, t, in, &request->ack, &w.id, &w.row, w.held,
                    endpoint_health_name(request->health), mem);
}

void registrar_report(struct control *c, struct turn *t, const struct incoming *in)
{
    struct arena mem = {0};
    struct report_endpoint request;
    struct wire_error err;

    if (report_endpoint_decode(&request, in->payload, &mem, &err))
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
    else
        report(c, t, in, &request, &mem);
    arena_deinit(&mem);
}

/* ---- coming and going ---- */

/* The check in the list; what was reported of the former one of that ID lasts. False: there is no room. */
static bool put_check(struct wanted *w, const struct check_endpoint *request)
{
    const struct endpoint_check *was = checklist_find(&w->list, w->check);
    struct endpoint_check check = {
        .id = w->check,
        .name = request->label,
        .notes = request->notes,
        .ttl_ms = request->ttl_ms,
        .reap_ms = w->row.service.len ? request->reap_ms : 0,
        .health = was ? was->health : request->health,
        .output = was ? was->output : (struct bytes){0},
    };

    return checklist_add(&w->list, &check) != NULL;
}

static void take_away(struct control *c, struct turn *t, const struct incoming *in,
                      const struct check_endpoint *request, struct wanted *w, struct arena *mem)
{
    if (!checklist_find(&w->list, w->check)) {
        turn_fail(t, in, FAIL_CODE_NOT_FOUND, BYTES_FMT " has no check " BYTES_FMT,
                  BYTES_ARG(w->row.name), BYTES_ARG(w->check));
        return;
    }
    checklist_remove(&w->list, w->check);
    if (!w->row.service.len && !w->list.n) {
        registrar_end(c, t, in, &request->ack, w->held, mem);
        return;
    }
    checklist_put(&w->row, &w->list, mem);
    registrar_write(c, t, in, &request->ack, &w->id, &w->row, w->held, "is no longer checked as",
                    mem);
}

/* The checks of this host, with or without any. None of them ends anything. */
static void find_host(const struct control *c, const struct check_endpoint *request,
                      struct wanted *ret, struct arena *mem)
{
    *ret = (struct wanted){.check = request->check};
    ret->held = registrations_find(c, &ret->id);
    if (ret->held)
        ret->row = *registration_says(ret->held, mem);
    ret->list = checklist_of(&ret->row, mem);
}

static void check(struct control *c, struct turn *t, const struct incoming *in,
                  const struct check_endpoint *request, struct arena *mem)
{
    struct refusal no = {0};
    struct wanted w;

    if (!request->name.len && request->ttl_ms)
        find_host(c, request, &w, mem);
    else if (find(c, t, in, request->name, request->check, &w, mem))
        return;
    if (!request->ttl_ms) {
        take_away(c, t, in, request, &w, mem);
        return;
    }
    if (put_check(&w, request)) {
        checklist_put(&w.row, &w.list, mem);
        no = registrar_refusal(c, t, &w.row, w.held, /* more= */ 1);
    } else {
        no = bad(CHECKLIST_FULL);
    }
    if (!no.why)
        no = registrar_refuse_checks(c, &w.id, &w.row, mem);
    if (no.why) {
        turn_fail(t, in, no.code, "%s", no.why);
        return;
    }
    for (uint32_t i = 0; i < w.row.checks_n; i++) {
        if (bytes_equal(w.row.checks[i].id, w.check))
            checkroll_renew(c, t, &w.row.checks[i]);
    }
    registrar_write(c, t, in, &request->ack, &w.id, &w.row, w.held, "is checked as", mem);
}

void registrar_check(struct control *c, struct turn *t, const struct incoming *in)
{
    struct arena mem = {0};
    struct check_endpoint request;
    struct wire_error err;

    if (check_endpoint_decode(&request, in->payload, &mem, &err))
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
    else
        check(c, t, in, &request, &mem);
    arena_deinit(&mem);
}
