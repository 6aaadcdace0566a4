#include "control/draft.h"

#include "base/plant.h"
#include "control/inside.h"
#include "state/hash.h"
#include "state/journal.h"
#include "wire/text.h"

#include <string.h>

#define KNOWN "host/known"

struct ulid draft_derive(const struct ulid *command, enum derived what, uint32_t index)
{
    uint8_t seed[6] = {(uint8_t)what,         (uint8_t)(index >> 24), (uint8_t)(index >> 16),
                       (uint8_t)(index >> 8), (uint8_t)index,         0};
    struct ulid ret = *command; /* keeps the time, which orders it */
    uint64_t low = hash64_pair(ulid_bytes(command), bytes_of(seed, sizeof(seed)));

    seed[5] = 1;
    uint64_t high = hash64_pair(ulid_bytes(command), bytes_of(seed, sizeof(seed)));

    for (unsigned k = 0; k < 8; k++)
        ret.b[8 + k] = (uint8_t)(low >> (8 * k));
    ret.b[6] = (uint8_t)high;
    ret.b[7] = (uint8_t)(high >> 8);
    return ret;
}

void draft_begin(struct draft *r, struct control *c, struct turn *t, const struct incoming *in,
                 const struct ulid *id, enum command_kind kind, const struct ack *ack, uint32_t max)
{
    *r = (struct draft){.control = c, .turn = t, .in = in, .id = *id, .kind = kind, .ack = *ack};
    if (ulid_is_zero(id))
        r->id = turn_ulid(t);
    r->services = arena_array(&r->mem, max, sizeof(*r->services));
}

void draft_deinit(struct draft *r)
{
    arena_deinit(&r->mem);
    buf_deinit(&r->text);
}

void draft_arg(struct draft *r, const char *name, struct bytes value)
{
    if (r->args_n == COMMAND_ROW_ARGS_MAX_ITEMS)
        return; /* shown to people only: 64 of them are enough */
    r->args[r->args_n++] = (struct pair){.key = bytes_str(name), .value = value};
}

void draft_service(struct draft *r, const struct ulid *id)
{
    r->services[r->services_n++] = *id;
}

static void put(struct draft *r, enum table_id table, struct bytes key, struct buf *value)
{
    (void)control_put(r->control, r->turn, table, key, buf_bytes(value), /* major= */ 0);
    buf_deinit(value);
}

void draft_put_service(struct draft *r, const struct ulid *id, const struct service_row *row)
{
    struct service_row copy = *row;
    struct buf value = {0};

    copy.command = r->id;
    service_row_encode(&value, &copy);
    put(r, TABLE_ID_SERVICE, ulid_bytes(id), &value);
}

void draft_put_count(struct draft *r, const struct ulid *id, uint32_t count, bool every_host)
{
    struct count_row row = {.count = count, .every_host = every_host, .command = r->id};
    struct buf value = {0};

    count_row_encode(&value, &row);
    put(r, TABLE_ID_COUNT, ulid_bytes(id), &value);
}

void draft_put_spec(struct draft *r, const struct ulid *id, const struct ulid *spec_id,
                    const struct service_spec *spec)
{
    struct spec_row row = {.spec = *spec, .command = r->id};
    struct buf key = {0}, value = {0};

    buf_append(&key, id->b, sizeof(id->b));
    buf_append(&key, spec_id->b, sizeof(spec_id->b));
    spec_row_encode(&value, &row);
    put(r, TABLE_ID_SPEC, buf_bytes(&key), &value);
    buf_deinit(&key);
}

void draft_put_name(struct draft *r, struct bytes name, const struct ulid *id)
{
    struct name_row row = {.service = *id};
    struct buf value = {0};

    name_row_encode(&value, &row);
    put(r, TABLE_ID_NAME, name, &value);
}

void draft_event(struct control *c, struct turn *t, const struct ulid *command, uint32_t number,
                 enum command_state state, struct bytes why)
{
    struct command_event_row row = {.state = state,
                                    .at_ms = t->wall_us / KITH_MS,
                                    .why = wire_text_clip(why, COMMAND_EVENT_ROW_WHY_MAX)};
    uint8_t tail[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                       (uint8_t)number};
    struct buf key = {0}, value = {0};

    buf_append(&key, c->self.b, sizeof(c->self.b));
    buf_append(&key, command->b, sizeof(command->b));
    buf_append(&key, tail, sizeof(tail));
    command_event_row_encode(&value, &row);
    (void)state_put(t->state, TABLE_ID_COMMAND_EVENT, buf_bytes(&key), buf_bytes(&value),
                    /* major= */ 0, t->wall_us / KITH_MS + COMMAND_KEEP_MS);
    buf_deinit(&key);
    buf_deinit(&value);
}

static void write_command(struct draft *r)
{
    struct command_row row = {
        .kind = r->kind,
        .args = r->args,
        .args_n = r->args_n,
        .author_kind = r->in->who.kind,
        .author = wire_text_clip(r->in->who.name, COMMAND_ROW_AUTHOR_MAX),
        .services = r->services,
        .services_n = r->services_n,
        .at_ms = r->turn->wall_us / KITH_MS,
    };
    struct buf value = {0};

    command_row_encode(&value, &row);
    (void)state_put(r->turn->state, TABLE_ID_COMMAND, ulid_bytes(&r->id), buf_bytes(&value),
                    /* major= */ 0, row.at_ms + COMMAND_KEEP_MS);
    buf_deinit(&value);
    draft_event(r->control, r->turn, &r->id, 0, COMMAND_STATE_PROPOSED, (struct bytes){0});
}

static struct bytes clipped(const struct buf *text)
{
    return wire_text_clip(buf_bytes(text), CHANGED_TEXT_MAX);
}

/* The command, its history so far, and all there is of the services that it changes: what others are to confirm. */
static void gather_rows(const struct draft *r, struct confirm_rows *rows)
{
    const struct turn *t = r->turn;
    uint8_t key[36], spec[32];

    confirm_row(rows, t, TABLE_ID_COMMAND, ulid_bytes(&r->id));
    memcpy(key, r->control->self.b, 16);
    memcpy(key + 16, r->id.b, 16);
    for (uint8_t number = 0; number < 2; number++) {
        memcpy(key + 32, (uint8_t[4]){0, 0, 0, number}, 4);
        confirm_row(rows, t, TABLE_ID_COMMAND_EVENT, bytes_of(key, sizeof(key)));
    }
    confirm_row(rows, t, TABLE_ID_CLUSTER, bytes_str("halt"));
    for (uint32_t k = 0; k < r->services_n; k++) {
        const struct service *s = catalog_get(&r->control->catalog, &r->services[k]);
        struct bytes id = ulid_bytes(&r->services[k]);

        if (s && s->known) {
            memcpy(spec, s->id.b, 16);
            memcpy(spec + 16, s->row.spec.b, 16);
            confirm_row(rows, t, TABLE_ID_SPEC, bytes_of(spec, sizeof(spec)));
            confirm_row(rows, t, TABLE_ID_NAME, s->row.name);
        }
        confirm_row(rows, t, TABLE_ID_COUNT, id);
        confirm_row(rows, t, TABLE_ID_SERVICE, id);
    }
}

static void answer(struct draft *r, struct bytes text)
{
    struct changed reply = {.command = r->id, .text = text};
    struct confirm_rows rows = {0};
    struct buf out = {0};

    changed_encode(&out, &reply);
    if (PLANTED(PLANT_REPLY_BEFORE_STORE)) {
        turn_reply(r->turn, r->in, WIRE_CHANGED, buf_bytes(&out), 0);
    } else {
        if (r->ack.kind != ACK_KIND_HERE)
            gather_rows(r, &rows);
        confirm_answer(r->control, r->turn, r->in, &r->ack, &rows, WIRE_CHANGED, buf_bytes(&out));
    }
    confirm_rows_deinit(&rows);
    buf_deinit(&out);
}

static void answer_failed(struct draft *r, struct bytes text, struct bytes service, uint64_t wait)
{
    struct failed reply = {.code = FAIL_CODE_REJECTED,
                           .text = text,
                           .service = wire_text_clip(service, FAILED_SERVICE_MAX)};
    struct buf out = {0};

    failed_encode(&out, &reply);
    turn_reply(r->turn, r->in, WIRE_FAILED, buf_bytes(&out), wait);
    buf_deinit(&out);
}

void draft_accept(struct draft *r)
{
    struct watched watched = {.id = r->id,
                              .kind = r->kind,
                              .services = r->services,
                              .services_n = r->services_n,
                              .next_number = 2};

    r->control->counts.commands_accepted++;
    write_command(r);
    draft_event(r->control, r->turn, &r->id, 1, COMMAND_STATE_ACCEPTED, buf_bytes(&r->text));
    watch_add(&r->control->watch, &watched);
    r->control->dirty = true;
    journal_add(r->turn->journal, r->turn->wall_us / KITH_MS, "command",
                bytes_str(command_kind_name(r->kind)), BYTES_FMT ": " BYTES_FMT,
                BYTES_ARG(r->in->who.name), BYTES_ARG(clipped(&r->text)));
    answer(r, clipped(&r->text));
}

void draft_reject(struct draft *r, struct bytes service)
{
    r->control->counts.commands_rejected++;
    write_command(r);
    draft_event(r->control, r->turn, &r->id, 1, COMMAND_STATE_REJECTED, buf_bytes(&r->text));
    journal_add(r->turn->journal, r->turn->wall_us / KITH_MS, "command-rejected",
                bytes_str(command_kind_name(r->kind)), BYTES_FMT, BYTES_ARG(clipped(&r->text)));
    answer_failed(r, clipped(&r->text), service, state_token(r->turn->state));
}

/* The verdict on a command, by whichever peer took it. */
static bool find_verdict(const struct state *state, const struct ulid *id, struct arena *mem,
                         struct command_event_row *ret)
{
    struct bytes all = {0};
    struct wire_error err;

    for (const struct row *row = state_first(state, TABLE_ID_COMMAND_EVENT, all); row;
         row = state_next(state, row, all)) {
        if (row->key.len != 36 || memcmp(row->key.data + 16, id->b, sizeof(id->b)) != 0)
            continue;
        if (!command_event_row_decode(ret, row->value, mem, &err) &&
            (ret->state == COMMAND_STATE_ACCEPTED || ret->state == COMMAND_STATE_REJECTED))
            return true;
    }
    return false;
}

bool draft_answer_known(struct draft *r)
{
    struct state *state = r->turn->state;
    const struct row *row = state_get(state, TABLE_ID_COMMAND, ulid_bytes(&r->id));
    struct command_event_row verdict = {0};
    struct command_row former;
    struct wire_error err;

    if (!row)
        return false;
    /* Its batch may still be on its way: the answer waits for one that surely comes, and comes later. */
    state_put_local(state, bytes_str(KNOWN), ulid_bytes(&r->id));
    uint64_t stored = state_token(state);

    if (command_row_decode(&former, row->value, &r->mem, &err) || former.kind != r->kind) {
        buf_str(&r->text, "this command id was used for something else: use a new one");
        answer_failed(r, clipped(&r->text), (struct bytes){0}, stored);
        return true;
    }
    (void)find_verdict(state, &r->id, &r->mem, &verdict);
    if (verdict.state == COMMAND_STATE_REJECTED)
        answer_failed(r, verdict.why, (struct bytes){0}, stored);
    else
        answer(r, verdict.why);
    return true;
}
