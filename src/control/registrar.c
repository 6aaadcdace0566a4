#include "control/registrar.h"

#include "control/checklist.h"
#include "control/registrar_inside.h"
#include "state/hash.h"
#include "wire/text.h"

/* The same name gives the same id at every start, so that a registrant needs to remember nothing else. */
struct ulid registrar_id(struct bytes name)
{
    struct ulid id;
    uint64_t half[2] = {hash64_pair(bytes_str("registration 0"), name),
                        hash64_pair(bytes_str("registration 1"), name)};

    for (unsigned k = 0; k < sizeof(id.b); k++)
        id.b[k] = (uint8_t)(half[k / 8] >> (8 * (k % 8)));
    return id;
}

/* NULL: nothing of that id. Most that come are new: the state, which goes by hashes, knows that sooner than the list. */
static struct registration *find_known(const struct control *c, const struct turn *t,
                                       const struct ulid *id)
{
    struct ulid key[2] = {c->self, *id};

    if (!state_get(t->state, TABLE_ID_REGISTRATION, bytes_of(key, sizeof(key))))
        return NULL;
    return registrations_find(c, id);
}

static void confirm_one(struct control *c, struct confirm_rows *rows, struct turn *t,
                        const struct ulid *id)
{
    struct buf key = registrations_key(c, id);

    confirm_row(rows, t, TABLE_ID_REGISTRATION, buf_bytes(&key));
    buf_deinit(&key);
}

static void answer(struct control *c, struct turn *t, const struct incoming *in,
                   const struct ack *ack, const struct registered *reply)
{
    struct confirm_rows rows = {0};
    struct buf out = {0};

    registered_encode(&out, reply);
    if (ack->kind != ACK_KIND_HERE)
        confirm_one(c, &rows, t, &reply->instance);
    confirm_answer(c, t, in, ack, &rows, WIRE_REGISTERED, buf_bytes(&out));
    confirm_rows_deinit(&rows);
    buf_deinit(&out);
}

static struct bytes say(struct arena *mem, struct bytes service, const char *what,
                        struct bytes name)
{
    if (!service.len)
        return bytes_str(name.len ? "the host is changed" : "the checks of this host are changed");
    return wire_text_clip(bytes_str(arena_printf(mem, BYTES_FMT " %s " BYTES_FMT,
                                                 BYTES_ARG(service), what, BYTES_ARG(name))),
                          REGISTERED_TEXT_MAX);
}

struct refusal registrar_refusal(const struct control *c, const struct turn *t,
                                 const struct registration_row *row,
                                 const struct registration *held, uint32_t more)
{
    if (c->leaving || c->halting)
        return (struct refusal){FAIL_CODE_NOT_READY, "this host is leaving: register with another"};
    if (ulid_is_zero(&t->post->cluster))
        return (struct refusal){FAIL_CODE_NOT_READY, "this host has not joined a cluster yet"};
    if (row->ttl_ms && row->ttl_ms < REGISTRATION_TTL_MIN_MS)
        return (struct refusal){FAIL_CODE_BAD_REQUEST, "a TTL below 500 ms cannot be kept"};
    if (!held && c->registrations.here + more > REGISTRATIONS_MAX)
        return (struct refusal){FAIL_CODE_BUSY,
                                "this peer answers for as many registrations as it can"};
    return (struct refusal){0};
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
        .checks = request->checks,
        .checks_n = request->checks_n,
    };

    if (!row.name.len)
        row.name = name_of(&row, mem);
    return row;
}

/* What is to be registered, and what is held of it. */
struct registrant {
    struct registration_row row;
    struct ulid id;
    struct registration *held; /* NULL: nothing */
};

/* What was said of its health lasts, where that is asked for; and so do checks that others are added to. The TTLs of
 * these others begin anew. NULL, or why it cannot be. */
static const char *keep_checks(struct control *c, const struct turn *t, struct registrant *one,
                               bool add, struct arena *mem)
{
    const struct registration_row *was = one->held ? registration_says(one->held, mem) : NULL;
    struct registration_row *row = &one->row;

    if (!row->checks_n && !(was && (row->keep || add))) /* as nearly all */
        return NULL;
    struct checklist list = checklist_of(row, mem), former = {0};

    if (was)
        former = checklist_of(was, mem);
    checklist_keep(&list, &former, /* all= */ was && row->keep && was->keep);
    for (uint32_t i = 0; i < list.n; i++)
        checkroll_renew(c, t, &list.items[i]);
    for (uint32_t i = 0; i < former.n && add; i++) {
        if (!checklist_find(&list, former.items[i].id) && !checklist_add(&list, &former.items[i]))
            return CHECKLIST_FULL;
    }
    checklist_put(row, &list, mem);
    return NULL;
}

/* Reads it, one of so many new ones. Its checks are settled with it. */
static struct refusal settle(struct control *c, const struct turn *t,
                             const struct register_endpoint *request, uint32_t more,
                             struct registrant *ret, struct arena *mem)
{
    ret->row = row_of(c, request, mem);
    ret->id = registrar_id(ret->row.name);
    ret->held = find_known(c, t, &ret->id);
    struct refusal no = registrar_refusal(c, t, &ret->row, ret->held, more);

    if (!no.why && !ret->row.service.len && !registration_is_foreign(&ret->row))
        no =
            (struct refusal){FAIL_CODE_BAD_REQUEST, "a registration needs the name of its service"};
    if (!no.why)
        no = registrar_refuse_checks(c, &ret->id, &ret->row, mem);
    if (!no.why)
        no = (struct refusal){FAIL_CODE_BAD_REQUEST, keep_checks(c, t, ret, request->add, mem)};
    return no;
}

/* Writes it unless it is held so already; then only its time begins anew. What is written is taken in with all other
 * rows that changed. */
static int put(struct control *c, struct turn *t, const struct ulid *id,
               const struct registration_row *row, struct registration *held)
{
    struct buf key = registrations_key(c, id), value = {0};
    int result = 0;

    registration_row_encode(&value, row);
    const struct row *now =
        held ? state_get(t->state, TABLE_ID_REGISTRATION, buf_bytes(&key)) : NULL;

    if (now && bytes_equal(now->value, buf_bytes(&value))) {
        if (!registration_is_lapsed(row))
            registrations_renew(c, t, held);
    } else {
        result = state_put(t->state, TABLE_ID_REGISTRATION, buf_bytes(&key), buf_bytes(&value),
                           /* major= */ 0, /* expires_ms= */ 0);
    }
    buf_deinit(&key);
    buf_deinit(&value);
    return result;
}

void registrar_write(struct control *c, struct turn *t, const struct incoming *in,
                     const struct ack *ack, const struct ulid *id,
                     const struct registration_row *row, struct registration *held,
                     const char *what, struct arena *mem)
{
    if (put(c, t, id, row, held) != 0)
        turn_fail(t, in, FAIL_CODE_REJECTED, "this cannot be written now");
    else
        answer(c, t, in, ack,
               &(struct registered){.instance = *id,
                                    .name = row->name,
                                    .text = say(mem, row->service, what, row->name)});
}

void registrar_register(struct control *c, struct turn *t, const struct incoming *in)
{
    struct arena mem = {0};
    struct register_endpoint request;
    struct wire_error err;

    if (register_endpoint_decode(&request, in->payload, &mem, &err)) {
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
        arena_deinit(&mem);
        return;
    }
    struct registrant one;
    struct refusal no = settle(c, t, &request, /* more= */ 1, &one, &mem);

    if (no.why)
        turn_fail(t, in, no.code, "%s", no.why);
    else
        registrar_write(c, t, in, &request.ack, &one.id, &one.row, one.held, "is registered as",
                        &mem);
    arena_deinit(&mem);
}

/* One of many. 0, or 1: this one cannot be taken, and the answer says so. */
static int look_at(struct control *c, struct turn *t, const struct incoming *in,
                   struct bytes encoded, uint32_t more, struct registrant *ret, struct arena *mem)
{
    struct register_endpoint request;
    struct wire_error err;

    if (register_endpoint_decode(&request, encoded, mem, &err)) {
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
        return 1;
    }
    struct refusal no = settle(c, t, &request, more, ret, mem);

    if (no.why)
        turn_fail(t, in, no.code, BYTES_FMT ": %s", BYTES_ARG(ret->row.name), no.why);
    return no.why != NULL;
}

static void answer_all(struct control *c, struct turn *t, const struct incoming *in,
                       const struct ack *ack, const struct registrant *all, uint32_t n,
                       struct arena *mem)
{
    struct registered_info *infos = arena_array(mem, n, sizeof(*infos));
    struct registered_endpoints reply = {.registered = infos, .registered_n = n};
    struct confirm_rows rows = {0};
    struct buf out = {0};

    for (uint32_t i = 0; i < n; i++) {
        infos[i] = (struct registered_info){
            .instance = all[i].id,
            .name = all[i].row.name,
            .text = say(mem, all[i].row.service, "is registered as", all[i].row.name)};
        if (ack->kind != ACK_KIND_HERE)
            confirm_one(c, &rows, t, &all[i].id);
    }
    registered_endpoints_encode(&out, &reply);
    confirm_answer(c, t, in, ack, &rows, WIRE_REGISTERED_ENDPOINTS, buf_bytes(&out));
    confirm_rows_deinit(&rows);
    buf_deinit(&out);
}

static void register_all(struct control *c, struct turn *t, const struct incoming *in,
                         const struct register_endpoints *request, struct arena *mem)
{
    uint32_t n = request->endpoints_n;
    struct registrant *all = arena_array(mem, n, sizeof(*all));

    for (uint32_t i = 0; i < n; i++) {
        if (look_at(c, t, in, request->endpoints[i], n, &all[i], mem))
            return;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (put(c, t, &all[i].id, &all[i].row, all[i].held) == 0)
            continue;
        turn_fail(t, in, FAIL_CODE_REJECTED, BYTES_FMT " and what follows cannot be registered now",
                  BYTES_ARG(all[i].row.name));
        return;
    }
    answer_all(c, t, in, &request->ack, all, n, mem);
}

void registrar_register_all(struct control *c, struct turn *t, const struct incoming *in)
{
    struct arena mem = {0};
    struct register_endpoints request;
    struct wire_error err;

    if (register_endpoints_decode(&request, in->payload, &mem, &err))
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
    else
        register_all(c, t, in, &request, &mem);
    arena_deinit(&mem);
}

struct registration *registrar_find(struct control *c, struct turn *t, const struct incoming *in,
                                    const struct ulid *id, struct bytes name)
{
    struct registration *held = registrations_find(c, id);

    if (!held)
        turn_fail(t, in, FAIL_CODE_NOT_FOUND,
                  "nothing is registered with this peer as " BYTES_FMT
                  ": ask the peer that it was registered with",
                  BYTES_ARG(name));
    return held;
}

void registrar_end(struct control *c, struct turn *t, const struct incoming *in,
                   const struct ack *ack, const struct registration *held, struct arena *mem)
{
    const struct registration_row *row = registration_says(held, mem);
    struct registered reply = {.instance = *registration_id(held),
                               .name = row->name,
                               .text =
                                   say(mem, row->service, "is no longer registered as", row->name)};

    if (registrations_end(c, t, &reply.instance) != 0)
        turn_fail(t, in, FAIL_CODE_REJECTED, "this cannot be ended now");
    else
        answer(c, t, in, ack, &reply);
}

void registrar_deregister(struct control *c, struct turn *t, const struct incoming *in)
{
    struct arena mem = {0};
    struct deregister_endpoint request;
    struct wire_error err;

    if (deregister_endpoint_decode(&request, in->payload, &mem, &err)) {
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
        arena_deinit(&mem);
        return;
    }
    struct ulid id = registrar_id(request.name);
    const struct registration *held = registrar_find(c, t, in, &id, request.name);

    if (held)
        registrar_end(c, t, in, &request.ack, held, &mem);
    arena_deinit(&mem);
}
