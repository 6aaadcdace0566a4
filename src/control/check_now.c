#include "control/check_now.h"

#include "base/mem.h"
#include "control/inside.h"
#include "control/life.h"
#include "control/registrar.h"
#include "control/request.h"
#include "wire/text.h"

#include <stdarg.h>

struct check_target {
    uint64_t number;     /* of the check (health.h), or of what was handed on; 0: it has ended */
    kith_time until_us;  /* of what was handed on */
    enum fail_code code; /* goes with its result's problem */
};

struct check_ask {
    uint64_t route, correlation; /* who asked */
    bool forwarded;              /* another peer did, for its client */
    uint32_t count, left;
    struct check_target *targets;
    struct check_result *results; /* one for each */
    struct arena mem;             /* both, and all texts */
};

void check_asks_deinit(struct check_asks *a)
{
    for (uint32_t k = 0; k < a->count; k++)
        arena_deinit(&a->items[k].mem);
    mem_free(a->items);
}

/* ---- answers ---- */

/* Once what the checks changed is on disk. */
static void reply(struct turn *t, const struct check_ask *a, enum wire_kind kind,
                  struct bytes payload)
{
    struct forwarded handed = {.kind = (uint16_t)kind, .payload = payload};
    uint64_t before = effects_wait(t->out, state_unstored(t->state));
    struct buf out = {0};

    if (a->forwarded) {
        forwarded_encode(&out, &handed);
        post_reply(t->post, t->out, a->route, WIRE_FORWARDED, buf_bytes(&out), a->correlation);
    } else {
        post_reply(t->post, t->out, a->route, kind, payload, a->correlation);
    }
    effects_wait(t->out, before);
    buf_deinit(&out);
}

static void refuse(struct turn *t, const struct check_ask *a, enum fail_code code,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));
static void refuse(struct turn *t, const struct check_ask *a, enum fail_code code,
                   const char *format, ...)
{
    struct failed answer = {.code = code};
    struct arena mem = {0};
    struct buf out = {0};
    va_list args;

    va_start(args, format);
    answer.text = wire_text_format(&mem, FAILED_TEXT_MAX, format, args);
    va_end(args);
    failed_encode(&out, &answer);
    reply(t, a, WIRE_FAILED, buf_bytes(&out));
    buf_deinit(&out);
    arena_deinit(&mem);
}

/* Where there is no result at all the first reason stands for all. */
static void answer(struct turn *t, const struct check_ask *a)
{
    struct check_results answer = {.results = a->results, .results_n = a->count};
    struct buf out = {0};
    uint32_t k = 0;

    while (k < a->count && a->results[k].problem.len)
        k++;
    if (k == a->count) {
        refuse(t, a, a->targets[0].code, BYTES_FMT, BYTES_ARG(a->results[0].problem));
    } else {
        check_results_encode(&out, &answer);
        reply(t, a, WIRE_CHECK_RESULTS, buf_bytes(&out));
    }
    buf_deinit(&out);
}

static void ended(struct check_ask *a, uint32_t k)
{
    a->targets[k].number = 0;
    a->left--;
}

static void problem(struct check_ask *a, uint32_t k, enum fail_code code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void problem(struct check_ask *a, uint32_t k, enum fail_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    a->results[k].problem = wire_text_format(&a->mem, CHECK_RESULT_PROBLEM_MAX, format, args);
    va_end(args);
    a->targets[k].code = code;
    ended(a, k);
}

/* Answers those that have all, in the order in which they asked, and forgets them. */
static void answer_ended(struct check_asks *asks, struct turn *t)
{
    uint32_t kept = 0;

    for (uint32_t k = 0; k < asks->count; k++) {
        if (asks->items[k].left) {
            asks->items[kept++] = asks->items[k];
            continue;
        }
        answer(t, &asks->items[k]);
        arena_deinit(&asks->items[k].mem);
    }
    asks->count = kept;
}

/* ---- what is asked for ---- */

static void check_here(struct control *c, struct turn *t, struct check_ask *a, uint32_t k)
{
    struct check_result *result = &a->results[k];
    struct local *i = local_find(&c->locals, &result->instance);

    if (!i || i->phase != PHASE_UP)
        problem(a, k, FAIL_CODE_REJECTED, "it does not run here now: " BYTES_FMT,
                BYTES_ARG(i ? buf_bytes(&i->reason) : bytes_str("it is gone")));
    else if (i->spec->check.kind == CHECK_KIND_NONE)
        problem(a, k, FAIL_CODE_REJECTED,
                BYTES_FMT " has no check: it is healthy while its process runs",
                BYTES_ARG(i->spec->name));
    else
        a->targets[k].number = life_check_now(c, t, i, &result->shared);
}

/* How long its host may take: its check, the loss of that, and the way there and back. */
static kith_time patience(struct control *c, const struct instance *i)
{
    const struct service_spec *spec = service_spec(&c->catalog, i->service);
    static const struct check_spec unknown;

    return health_timeout_ms(spec ? &spec->check : &unknown) * KITH_MS + HEALTH_LOST +
           CHECK_NOW_WAY;
}

static void hand_on(struct control *c, struct turn *t, const struct incoming *in,
                    struct check_ask *a, uint32_t k, const struct instance *i)
{
    struct check_result *result = &a->results[k];
    struct check_target *target = &a->targets[k];
    const struct member *m = members_get(c->catalog.members, &result->node);
    struct bytes uri = m ? member_uri(m, ADDR_ROLE_BULK) : (struct bytes){0};
    struct ulid_text id = ulid_text(&result->instance);
    struct check_now one = {.what = bytes_str(id.s)};
    struct buf inner = {0}, out = {0};

    if (!uri.len || !node_lives(&c->catalog, &result->node)) {
        problem(a, k, FAIL_CODE_NOT_READY, "its host, " BYTES_FMT ", cannot be reached now",
                BYTES_ARG(result->node_name));
        return;
    }
    check_now_encode(&inner, &one);
    struct forward request = {
        .kind = WIRE_CHECK_NOW,
        .payload = buf_bytes(&inner),
        .principal_kind = in->who.kind,
        .principal_name = wire_text_clip(in->who.name, FORWARD_PRINCIPAL_NAME_MAX),
    };

    target->number = CHECK_NOW_FIRST + ++c->check_asks.last;
    target->until_us = t->now_us + patience(c, i);
    forward_encode(&out, &request);
    post_send(t->post, t->out, uri, WIRE_FORWARD, buf_bytes(&out), target->number);
    buf_deinit(&inner);
    buf_deinit(&out);
}

static void begin(struct control *c, struct turn *t, const struct incoming *in, struct check_ask *a,
                  const struct instance *i)
{
    uint32_t k = a->count++;
    const struct ulid *node = instance_node(i);

    a->left++;
    a->results[k] = (struct check_result){
        .instance = *instance_id(i),
        .service = arena_bytes(&a->mem, i->service->row.name),
        .node = *node,
        .node_name = arena_bytes(&a->mem, node_name(&c->catalog, node)),
        .state = i->state,
    };
    if (ulid_equal(node, &c->self))
        check_here(c, t, a, k);
    else if (a->forwarded) /* no second hop */
        problem(a, k, FAIL_CODE_NOT_FOUND, "it is not on the host that was asked");
    else
        hand_on(c, t, in, a, k, i);
}

/* ---- who is meant ---- */

static uint32_t count_placed(const struct control *c, const struct service *s)
{
    uint32_t count = 0;
    struct instance *i;

    FLEET_FOREACH (i, service_fleet(s))
        count += instance_placed(&c->catalog, i);
    return count;
}

/* Of a name that is none of Kith's own. */
static void refuse_unknown(const struct control *c, struct turn *t, const struct check_ask *a,
                           struct bytes what)
{
    struct ulid id = registrar_id(what);

    if (registrations_any(c, what) || registrations_find(c, &id))
        refuse(t, a, FAIL_CODE_REJECTED,
               BYTES_FMT " is registered, Kith does not run it: who registered it says how it does",
               BYTES_ARG(what));
    else
        refuse(t, a, FAIL_CODE_NOT_FOUND,
               "there is no service " BYTES_FMT ", and no instance, or several, by that",
               BYTES_ARG(what));
}

/* How many checks it is; 0: none, which has been answered. */
static uint32_t targets_of(const struct control *c, struct turn *t, const struct check_ask *a,
                           struct bytes what)
{
    const struct service *s = catalog_find(&c->catalog, what);
    uint32_t count = s ? count_placed(c, s) : request_find_instance(c, what) != NULL;

    if (!s && count == 0)
        refuse_unknown(c, t, a, what);
    else if (count == 0)
        refuse(t, a, FAIL_CODE_REJECTED, "no instance of " BYTES_FMT " is placed anywhere",
               BYTES_ARG(what));
    else if (count > CHECK_TARGETS_MAX)
        refuse(t, a, FAIL_CODE_REJECTED,
               BYTES_FMT " has %u instances, %u can be checked at once: name one by its id",
               BYTES_ARG(what), count, CHECK_TARGETS_MAX);
    else if (c->check_asks.count == CHECK_ASKS_MAX)
        refuse(t, a, FAIL_CODE_BUSY, "too many checks are being waited for: try again");
    else
        return count;
    return 0;
}

static void ask(struct control *c, struct turn *t, const struct incoming *in,
                const struct check_ask *who, struct bytes what, uint32_t count)
{
    const struct service *s = catalog_find(&c->catalog, what);
    struct check_asks *asks = &c->check_asks;
    struct instance *i;

    if (!asks->items) {
        asks->items = mem_alloc(CHECK_ASKS_MAX * sizeof(*asks->items));
        asks->last = handover_first(t);
    }
    struct check_ask *a = &asks->items[asks->count++];

    *a = *who;
    a->targets = arena_array(&a->mem, count, sizeof(*a->targets));
    a->results = arena_array(&a->mem, count, sizeof(*a->results));
    if (!s)
        begin(c, t, in, a, request_find_instance(c, what));
    FLEET_FOREACH (i, service_fleet(s)) {
        if (instance_placed(&c->catalog, i))
            begin(c, t, in, a, i);
    }
    answer_ended(asks, t);
    c->dirty = true; /* there is a deadline more */
}

void check_now_ask(struct control *c, struct turn *t, const struct incoming *in, bool forwarded)
{
    struct check_ask who = {
        .route = in->route, .correlation = in->envelope->correlation, .forwarded = forwarded};
    struct check_now request;
    struct arena mem = {0};
    struct wire_error err;
    uint32_t count;

    if (check_now_decode(&request, in->payload, &mem, &err))
        refuse(t, &who, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
    else if ((count = targets_of(c, t, &who, request.what)) > 0)
        ask(c, t, in, &who, request.what, count);
    arena_deinit(&mem);
}

/* ---- what comes ---- */

void check_now_checked(struct control *c, struct turn *t, const struct event_checked *e)
{
    const struct local *i = local_find(&c->locals, &e->instance);

    for (uint32_t k = 0; i && k < c->check_asks.count; k++) {
        struct check_ask *a = &c->check_asks.items[k];

        for (uint32_t n = 0; n < a->count; n++) {
            struct check_result *result = &a->results[n];

            if (a->targets[n].number != e->number || !ulid_equal(&result->instance, &e->instance))
                continue;
            result->ok = e->ok;
            result->state = i->state;
            result->output = wire_text_make(&a->mem, e->text, CHECK_RESULT_OUTPUT_MAX);
            result->took_us = e->took_us > 0 ? (uint64_t)e->took_us : 0;
            ended(a, n);
        }
    }
    answer_ended(&c->check_asks, t);
}

/* What its host says of it. */
static void take(struct check_ask *a, uint32_t k, const struct forwarded *answer)
{
    struct check_result *result = &a->results[k];
    struct check_results said;
    struct failed failed;
    struct arena mem = {0};
    struct wire_error err;

    if (answer->kind == WIRE_FAILED && !failed_decode(&failed, answer->payload, &mem, &err)) {
        problem(a, k, failed.code, BYTES_FMT, BYTES_ARG(failed.text));
    } else if (answer->kind == WIRE_CHECK_RESULTS &&
               !check_results_decode(&said, answer->payload, &mem, &err) && said.results_n == 1 &&
               ulid_equal(&said.results[0].instance, &result->instance)) {
        result->ok = said.results[0].ok;
        result->state = said.results[0].state;
        result->output = arena_bytes(&a->mem, said.results[0].output);
        result->took_us = said.results[0].took_us;
        result->shared = said.results[0].shared;
        ended(a, k);
    } else {
        problem(a, k, FAIL_CODE_NOT_READY, "its host's answer cannot be read");
    }
    arena_deinit(&mem);
}

static void take_for(struct check_ask *a, const struct incoming *in, const struct forwarded *answer)
{
    for (uint32_t k = 0; k < a->count; k++) {
        if (a->targets[k].number == in->envelope->correlation &&
            ulid_equal(&a->results[k].node, &in->who.id))
            take(a, k, answer);
    }
}

bool check_now_forwarded(struct control *c, struct turn *t, const struct incoming *in)
{
    struct forwarded answer;
    struct arena mem = {0};
    struct wire_error err;

    if (in->envelope->correlation < CHECK_NOW_FIRST)
        return false;
    if (in->who.kind == PRINCIPAL_KIND_NODE &&
        forwarded_decode(&answer, in->payload, &mem, &err) == 0) {
        for (uint32_t k = 0; k < c->check_asks.count; k++)
            take_for(&c->check_asks.items[k], in, &answer);
        answer_ended(&c->check_asks, t);
    }
    arena_deinit(&mem);
    return true;
}

/* ---- what does not come ---- */

static void settle_here(const struct control *c, struct check_ask *a, uint32_t k)
{
    const struct local *i = local_find(&c->locals, &a->results[k].instance);

    if (!i || i->phase != PHASE_UP)
        problem(a, k, FAIL_CODE_REJECTED, "it was stopped, or ended, before its check did");
    else if (!i->health.asked || i->health.number != a->targets[k].number)
        problem(a, k, FAIL_CODE_NOT_READY, "its check was not heard of any more: try again");
}

static kith_time settle_there(const struct control *c, const struct turn *t, struct check_ask *a,
                              uint32_t k)
{
    struct bytes name = a->results[k].node_name;

    if (!node_lives(&c->catalog, &a->results[k].node))
        problem(a, k, FAIL_CODE_NOT_READY, "its host, " BYTES_FMT ", is gone", BYTES_ARG(name));
    else if (t->now_us >= a->targets[k].until_us)
        problem(a, k, FAIL_CODE_NOT_READY, "its host, " BYTES_FMT ", did not answer in time",
                BYTES_ARG(name));
    else
        return a->targets[k].until_us;
    return KITH_NEVER;
}

kith_time check_now_settle(struct control *c, struct turn *t)
{
    kith_time at_us = KITH_NEVER;

    for (uint32_t n = 0; n < c->check_asks.count; n++) {
        struct check_ask *a = &c->check_asks.items[n];

        for (uint32_t k = 0; k < a->count; k++) {
            if (!a->targets[k].number)
                continue;
            if (ulid_equal(&a->results[k].node, &c->self))
                settle_here(c, a, k);
            else
                at_us = kith_time_min(at_us, settle_there(c, t, a, k));
        }
    }
    answer_ended(&c->check_asks, t);
    return at_us;
}
