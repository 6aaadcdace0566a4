#include "gossip/anew.h"

#include "state/journal.h"
#include "state/merge.h"
#include "wire/print.h"

#include <string.h>

/* The own row as the run before left it does not know of the stamp yet. */
static bool is_first_since(const struct core *core, const struct turn *t)
{
    const struct row *row = state_get(t->state, TABLE_ID_MEMBER, ulid_bytes(&core->self));
    struct arena mem = {0};
    struct member_row own;
    struct wire_error err;
    bool first =
        !row || member_row_decode(&own, row->value, &mem, &err) != 0 || own.anew < core->anew;

    arena_deinit(&mem);
    return first;
}

void anew_start(struct core *core, struct turn *t, const struct event_start *start)
{
    for (size_t i = 0; i < start->locals_n; i++) {
        if (bytes_equal_str(start->locals[i].name, ANEW_LOCAL) &&
            start->locals[i].value.len == sizeof(core->anew))
            memcpy(&core->anew, start->locals[i].value.data, sizeof(core->anew));
    }
    if (core->anew != 0 && is_first_since(core, t))
        journal_add(t->journal, t->wall_us / KITH_MS, "began-anew", start->name,
                    "forgotten while it was away: what it had written is in its data folder");
}

/* Table, key, and what it says. */
static void print_row(struct buf *out, const struct row *row)
{
    const struct wire_struct *type = table_value(row->table);
    struct arena mem = {0};
    struct wire_error err;

    buf_printf(out, "%s ", table_id_name(row->table));
    for (size_t i = 0; i < row->key.len; i++)
        buf_printf(out, "%02x", row->key.data[i]);
    buf_byte(out, ' ');
    void *value = type ? arena_alloc(&mem, type->size) : NULL;
    if (value && wire_decode(value, type, row->value, &mem, &err) == 0)
        wire_print(out, type, value);
    buf_byte(out, '\n');
    arena_deinit(&mem);
}

/* One line a row. Rows that only this peer writes speak of itself and of times that are over. */
static size_t print_own(const struct core *core, const struct turn *t, struct buf *out)
{
    size_t n = 0;

    for (size_t i = 0; i < table_id_enum.values_n; i++) {
        enum table_id table = (enum table_id)table_id_enum.values[i].id;

        if (table_rule(table) == RULE_OWN)
            continue;
        const struct row *row = state_first(t->state, table, (struct bytes){0});
        for (; row; row = state_next(t->state, row, (struct bytes){0})) {
            if (ulid_equal(&row->origin, &core->self)) {
                print_row(out, row);
                n++;
            }
        }
    }
    return n;
}

static void begin(const struct core *core, struct turn *t, const struct verdict_row *verdict)
{
    struct effect effect = {.kind = EFFECT_EXPORT};
    struct buf text = {0};
    size_t n = print_own(core, t, &text);

    effect_log(t->out, LOG_WARN_,
               "this peer was forgotten while it was away (" BYTES_FMT
               "): it exports the %zu rows that it wrote, and begins anew",
               BYTES_ARG(verdict->reason), n);
    effect.export_text = buf_bytes(&text);
    if (n > 0)
        effects_add(t->out, &effect);
    buf_deinit(&text);
}

bool anew_verdict(struct core *core, struct turn *t, const struct row *row)
{
    struct verdict_row verdict;
    struct arena mem = {0};
    struct wire_error err;
    bool anew = row->table == TABLE_ID_VERDICT && row->value.len > 0 &&
                bytes_equal(row->key, ulid_bytes(&core->self)) && row->version.minor > core->anew &&
                verdict_row_decode(&verdict, row->value, &mem, &err) == 0 && verdict.forgotten &&
                !verdict.withdrawn;

    if (anew) {
        core->anew = row->version.minor;
        begin(core, t, &verdict);
    }
    arena_deinit(&mem);
    return anew;
}

void anew_tell(const struct core *core, struct turn *t, const struct member *m)
{
    const struct row *verdict = state_get(t->state, TABLE_ID_VERDICT, ulid_bytes(&m->id));
    struct bytes uri = member_uri(m, ADDR_ROLE_BULK);
    struct buf payload = {0};

    (void)core;
    if (!verdict || uri.len == 0)
        return;
    rows_encode(&payload, &(struct rows){.records = &verdict->record, .records_n = 1});
    uint64_t before = effects_wait(t->out, state_row_token(t->state, verdict));
    post_send(t->post, t->out, uri, WIRE_ROWS, buf_bytes(&payload), /* correlation= */ 0);
    effects_wait(t->out, before);
    buf_deinit(&payload);
}
