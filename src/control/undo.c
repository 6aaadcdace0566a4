#include "control/undo.h"

#include "control/answer.h"
#include "control/inside.h"
#include "control/standing.h"
#include "wire/text.h"

#include <string.h>

struct bytes undo_id(struct arena *mem, uint64_t conflict)
{
    return bytes_str(arena_printf(mem, "%016llx", (unsigned long long)conflict));
}

static bool is_deleted(const struct row *row)
{
    return (row->flags & ROW_TOMBSTONE) != 0;
}

static int64_t written_ms(const struct row *row)
{
    return hlc_wall_us(row->version.minor) / KITH_MS;
}

static struct bytes writer(const struct control *c, const struct row *row, struct arena *mem)
{
    const struct member *m = members_get(c->catalog.members, &row->origin);

    return m && m->row ? m->row->name
                       : bytes_str(arena_printf(mem, "%s", ulid_text(&row->origin).s));
}

/* ---- in words ---- */

static struct bytes count_text(const struct row *row, struct arena *mem)
{
    struct count_row v;
    struct wire_error err;

    if (count_row_decode(&v, row->value, mem, &err))
        return (struct bytes){0};
    return bytes_str(v.every_host ? "one on every host" : arena_printf(mem, "count %u", v.count));
}

static struct bytes service_text(const struct row *row, struct arena *mem)
{
    struct service_row v;
    struct wire_error err;

    if (service_row_decode(&v, row->value, mem, &err))
        return (struct bytes){0};
    return bytes_str(arena_printf(mem, "to be %s, specification %s", desired_name(v.desired),
                                  ulid_text(&v.spec).s));
}

static struct bytes name_text(const struct row *row, struct arena *mem)
{
    struct name_row v;
    struct wire_error err;

    if (name_row_decode(&v, row->value, mem, &err))
        return (struct bytes){0};
    return bytes_str(arena_printf(mem, "service %s", ulid_text(&v.service).s));
}

static struct bytes in_words(const struct row *row, struct arena *mem)
{
    if (!row)
        return bytes_str("nothing");
    if (is_deleted(row))
        return bytes_str("deleted");
    switch (row->table) {
    case TABLE_ID_COUNT:
        return count_text(row, mem);
    case TABLE_ID_SERVICE:
        return service_text(row, mem);
    case TABLE_ID_NAME:
        return name_text(row, mem);
    default:
        return bytes_str(arena_printf(mem, "%zu bytes, hash %016llx", row->value.len,
                                      (unsigned long long)row->hash));
    }
}

/* The service that a row hangs on; NULL: on none, or it is not here. */
static struct service *service_of(const struct control *c, const struct row *row)
{
    struct ulid id;

    if (row->key.len < sizeof(id.b) ||
        (row->table != TABLE_ID_COUNT && row->table != TABLE_ID_SERVICE &&
         row->table != TABLE_ID_SPEC))
        return NULL;
    memcpy(id.b, row->key.data, sizeof(id.b));
    struct service *s = catalog_get(&c->catalog, &id);
    return s && s->known ? s : NULL;
}

static struct bytes about(const struct control *c, const struct row *row, struct arena *mem)
{
    const struct service *s = service_of(c, row);
    struct ulid id = {{0}};

    if (s)
        return s->row.name;
    if (row->table == TABLE_ID_NAME || row->table == TABLE_ID_CLUSTER)
        return wire_text_make(mem, row->key, CONFLICT_INFO_ABOUT_MAX);
    memcpy(id.b, row->key.data, row->key.len < sizeof(id.b) ? row->key.len : sizeof(id.b));
    return bytes_str(arena_printf(mem, "%s", ulid_text(&id).s));
}

/* ---- shown ---- */

static bool can_undo(const struct control *c, const struct row *lost)
{
    return !is_deleted(lost) && service_of(c, lost) &&
           (lost->table == TABLE_ID_COUNT || lost->table == TABLE_ID_SERVICE);
}

static void describe(const struct control *c, const struct turn *t, const struct conflict *from,
                     struct conflict_info *ret, struct arena *mem)
{
    const struct row *lost = from->row, *held = state_get(t->state, lost->table, lost->key);

    *ret = (struct conflict_info){
        .id = lost->hash,
        .table = lost->table,
        .about = about(c, lost, mem),
        .lost = in_words(lost, mem),
        .lost_by = writer(c, lost, mem),
        .lost_ms = written_ms(lost),
        .held = in_words(held, mem),
        .held_by = held ? writer(c, held, mem) : (struct bytes){0},
        .held_ms = held ? written_ms(held) : 0,
        .kept_ms = from->kept_ms,
        .can_undo = can_undo(c, lost),
    };
}

void undo_answer(struct control *c, struct turn *t, const struct incoming *in)
{
    const struct conflict *kept;
    size_t n = state_conflicts(t->state, &kept);
    struct arena mem = {0};
    struct buf out = {0};
    struct conflict_info *list = arena_array(&mem, n, sizeof(*list));

    for (size_t i = 0; i < n; i++)
        describe(c, t, &kept[i], &list[i], &mem);
    conflict_list_encode(&out,
                         &(struct conflict_list){.conflicts = list, .conflicts_n = (uint32_t)n});
    answer_send(t, in, WIRE_CONFLICT_LIST, &out);
    buf_deinit(&out);
    arena_deinit(&mem);
}

/* ---- brought back ---- */

static const struct row *find(const struct state *state, uint64_t conflict)
{
    const struct conflict *kept;
    size_t n = state_conflicts(state, &kept);

    for (size_t i = 0; i < n; i++) {
        if (kept[i].row->hash == conflict)
            return kept[i].row;
    }
    return NULL;
}

static void bring_back_count(struct draft *r, const struct service *s, const struct row *lost)
{
    struct count_row row;
    struct wire_error err;
    struct ulid id = s->id;

    if (count_row_decode(&row, lost->value, &r->mem, &err) == 0)
        draft_put_count(r, &id, row.count, row.every_host);
}

static void bring_back_service(struct draft *r, const struct service *s, const struct row *lost)
{
    struct service_row row;
    struct wire_error err;
    struct ulid id = s->id;

    if (service_row_decode(&row, lost->value, &r->mem, &err) == 0)
        draft_put_service(r, &id, &row);
}

void undo(struct draft *r, uint64_t conflict)
{
    struct control *c = r->control;
    const struct row *lost = find(r->turn->state, conflict);

    if (!lost) {
        turn_fail(r->turn, r->in, FAIL_CODE_NOT_FOUND,
                  "this peer keeps no conflict " BYTES_FMT
                  ": `kith conflicts` lists those it keeps",
                  BYTES_ARG(undo_id(&r->mem, conflict)));
        return;
    }
    const struct service *s = service_of(c, lost);
    struct bytes name = arena_bytes(&r->mem, about(c, lost, &r->mem));

    if (!can_undo(c, lost)) {
        buf_printf(&r->text,
                   "a %s that was overwritten cannot be brought back: only counts and services can",
                   table_id_name(lost->table));
        draft_reject(r, name);
        return;
    }
    draft_service(r, &s->id);
    buf_printf(&r->text, BYTES_FMT " again: " BYTES_FMT, BYTES_ARG(name),
               BYTES_ARG(in_words(lost, &r->mem)));
    if (lost->table == TABLE_ID_COUNT)
        bring_back_count(r, s, lost);
    else
        bring_back_service(r, s, lost);
    draft_accept(r);
}
