#include "gossip/request.h"

#include "gossip/distance.h"

#include "state/loads.h"

#include <string.h>

/* host:port of a URI, for people. */
static struct bytes host_port(struct bytes uri)
{
    static const char mark[] = "://";
    for (size_t i = 0; i + 3 <= uri.len; i++) {
        if (memcmp(uri.data + i, mark, 3) == 0)
            return bytes_of(uri.data + i + 3, uri.len - i - 3);
    }
    return uri;
}

/* Instances with a process, by their host's own rows. */
static uint32_t instances_of(const struct turn *t, const struct ulid *node)
{
    uint32_t n = 0;
    struct bytes prefix = ulid_bytes(node);
    const struct row *row = state_first(t->state, TABLE_ID_INSTANCE, prefix);
    for (; row; row = state_next(t->state, row, prefix)) {
        struct instance_row i;
        struct arena mem = {0};
        struct wire_error err;
        n += instance_row_decode(&i, row->value, &mem, &err) == 0 && i.pid != 0;
        arena_deinit(&mem);
    }
    return n;
}

/* NULL: it reported nothing lately. */
static const struct load_info *load_of(const struct turn *t, const struct ulid *node,
                                       struct arena *mem)
{
    struct load_value v;
    if (!loads_host(t->loads, node, t->now_us, &v))
        return NULL;
    struct load_info *info = arena_alloc(mem, sizeof(*info));
    *info = (struct load_info){.cpu_permille = (uint16_t)(4 * (v.value >> 8)),
                               .memory_permille = (uint16_t)(4 * (v.value & 0xff)),
                               .age_ms = (uint64_t)((t->now_us - v.taken_us) / KITH_MS)};
    return info;
}

static void fill(const struct request *r, const struct turn *t, const struct member *m,
                 struct member_info *ret, struct arena *mem)
{
    *ret = (struct member_info){
        .id = m->id,
        .state = m->state,
        .incarnation = m->incarnation,
        .rtt_us = detect_rtt_us(r->detect, &m->id),
        .rtt_estimate_us = atlas_rtt_us(r->core->atlas, t->state, &r->core->self, &m->id),
        .since_ms = m->changed_wall_us / KITH_MS,
        .instances = instances_of(t, &m->id),
        .load = load_of(t, &m->id, mem),
    };
    if (m->state == MEMBER_STATE_ALIVE && detect_suspects(r->detect, &m->id))
        ret->state = MEMBER_STATE_SUSPECT;
    if (!m->row)
        return;
    ret->name = m->row->name;
    ret->addr = host_port(member_uri(m, ADDR_ROLE_BULK));
    ret->tags = m->row->tags;
    ret->tags_n = m->row->tags_n;
    ret->capacity = m->row->capacity;
    ret->started_ms = m->row->started_ms;
}

static void bad(struct turn *t, const struct incoming *in, const struct wire_error *err)
{
    turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err->field, err->why);
}

static void answer(struct turn *t, const struct incoming *in, enum wire_kind kind,
                   struct buf *payload, uint64_t wait)
{
    turn_reply(t, in, kind, buf_bytes(payload), wait);
    buf_deinit(payload);
}

static void get_members_asked(const struct request *r, struct turn *t, const struct incoming *in)
{
    struct get_members get;
    struct wire_error err;
    if (get_members_decode(&get, in->payload, /* mem= */ NULL, &err) != 0) {
        bad(t, in, &err);
        return;
    }
    size_t room = members_count(r->core->members);
    if (room > MEMBER_LIST_MEMBERS_MAX_ITEMS)
        room = MEMBER_LIST_MEMBERS_MAX_ITEMS;
    struct arena mem = {0};
    struct member_info *infos = arena_array(&mem, room, sizeof(*infos));
    struct member_list list = {.members = infos};
    const struct member *m = members_first(r->core->members);
    for (; m && list.members_n < room; m = members_next(r->core->members, m)) {
        if (get.all || (m->row && !m->forgotten && m->state != MEMBER_STATE_LEFT))
            fill(r, t, m, &infos[list.members_n++], &mem);
    }
    struct buf payload = {0};
    member_list_encode(&payload, &list);
    answer(t, in, WIRE_MEMBER_LIST, &payload, /* wait= */ 0);
    arena_deinit(&mem);
}

static void join_asked(const struct request *r, struct turn *t, const struct incoming *in)
{
    struct join join;
    struct wire_error err;
    if (join_decode(&join, in->payload, /* mem= */ NULL, &err) != 0) {
        bad(t, in, &err);
        return;
    }
    switch (joiner_try(r->joiner, t, join.addr)) {
    case JOINER_BAD_ADDRESS:
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "\"" BYTES_FMT "\" is no HOST or HOST:PORT",
                  BYTES_ARG(join.addr));
        return;
    case JOINER_FULL:
        turn_fail(t, in, FAIL_CODE_BUSY, "this peer tries %d seeds already", JOINER_SEEDS_MAX);
        return;
    default:
        break;
    }
    struct arena mem = {0};
    struct done done = {
        .text = bytes_str(arena_printf(&mem, "trying " BYTES_FMT ", now and until it answers",
                                       BYTES_ARG(join.addr)))};
    struct buf payload = {0};
    done_encode(&payload, &done);
    answer(t, in, WIRE_DONE, &payload, /* wait= */ 0);
    arena_deinit(&mem);
}

/* The command's record, for its history. 0, or as state_put(). */
static int record_command(const struct request *r, struct turn *t, const struct incoming *in,
                          const struct ulid *id, struct bytes node)
{
    struct pair arg = {.key = bytes_str("node"), .value = node};
    struct command_row command = {
        .kind = COMMAND_KIND_FORGET,
        .args = &arg,
        .args_n = 1,
        .author_kind = in->who.kind,
        .author = in->who.name,
        .at_ms = t->wall_us / KITH_MS,
    };
    struct buf value = {0};
    command_row_encode(&value, &command);
    int result = state_put(t->state, TABLE_ID_COMMAND, ulid_bytes(id), buf_bytes(&value), 0, 0);
    buf_reset(&value);
    if (result == 0) {
        struct buf key = {0};
        static const uint8_t number[4] = {0};
        struct command_event_row event = {.state = COMMAND_STATE_DONE,
                                          .at_ms = t->wall_us / KITH_MS};
        command_event_row_encode(&value, &event);
        buf_append(&key, r->core->self.b, sizeof(r->core->self.b));
        buf_append(&key, id->b, sizeof(id->b));
        buf_append(&key, number, sizeof(number));
        result =
            state_put(t->state, TABLE_ID_COMMAND_EVENT, buf_bytes(&key), buf_bytes(&value), 0, 0);
        buf_deinit(&key);
    }
    buf_deinit(&value);
    return result;
}

/* Who is to be forgotten; NULL: answered why not. */
static const struct member *forgettable(const struct request *r, struct turn *t,
                                        const struct incoming *in, struct bytes name)
{
    const struct member *m = members_find(r->core->members, name);
    if (!m) {
        turn_fail(t, in, FAIL_CODE_NOT_FOUND,
                  "there is no member \"" BYTES_FMT "\", or several of that name: give its id",
                  BYTES_ARG(name));
        return NULL;
    }
    if (m->state == MEMBER_STATE_ALIVE) {
        turn_fail(t, in, FAIL_CODE_REJECTED,
                  BYTES_FMT " is alive: make it leave first (kith leave, on that host)",
                  BYTES_ARG(name));
        return NULL;
    }
    return m;
}

static void forget_asked(const struct request *r, struct turn *t, const struct incoming *in)
{
    struct forget forget;
    struct wire_error err;
    if (forget_decode(&forget, in->payload, /* mem= */ NULL, &err) != 0) {
        bad(t, in, &err);
        return;
    }
    const struct member *m = forgettable(r, t, in, forget.node);
    if (!m)
        return;
    struct ulid node = m->id;
    struct changed changed = {.command = ulid_is_zero(&forget.id) ? turn_ulid(t) : forget.id};
    if (record_command(r, t, in, &changed.command, forget.node) != 0 ||
        core_forget(r->core, t, m, forget.revoke, "forgotten by an operator") != 0) {
        turn_fail(t, in, FAIL_CODE_NOT_READY,
                  "this peer cannot write now (is its clock right?): ask another");
        return;
    }
    if (forget.revoke)
        admit_revoke(r->admit, t, &node);
    changed.text = bytes_str(forget.revoke ? "forgotten, and its key revoked" : "forgotten");
    r->done->ack = forget.ack;
    changed_encode(&r->done->changed, &changed);
}

bool gossip_request(const struct request *r, struct turn *t, const struct incoming *in)
{
    switch (in->envelope->kind) {
    case WIRE_GET_MEMBERS:
        get_members_asked(r, t, in);
        return true;
    case WIRE_GET_RTT:
        distance_asked(r, t, in);
        return true;
    case WIRE_JOIN:
        join_asked(r, t, in);
        return true;
    case WIRE_FORGET:
        forget_asked(r, t, in);
        return true;
    default:
        return false;
    }
}
