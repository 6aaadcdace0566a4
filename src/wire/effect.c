#include "wire/effect.h"

#include "base/mem.h"
#include "wire/frame.h"
#include "wire/print.h"
#include "wire/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- what effects consist of; fields that point nowhere are listed to be printed and hashed ----
 */

static const struct wire_field effect_send_fields[] = {
    TABLE_FIELD(effect_send, 1, uri, STR),
    TABLE_FIELD(effect_send, 2, lane, ENUM, .names = &wire_lane_enum),
    TABLE_FIELD(effect_send, 3, frame, BYTES),
};
TABLE(effect_send);

static const struct wire_field effect_reply_fields[] = {
    TABLE_FIELD(effect_reply, 1, route, U64),
    TABLE_FIELD(effect_reply, 2, frame, BYTES),
};
TABLE(effect_reply);

struct effect_publish { /* as it stands in the union */
    struct bytes frame;
};
static const struct wire_field effect_publish_fields[] = {
    TABLE_FIELD(effect_publish, 1, frame, BYTES),
};
TABLE(effect_publish);

static const struct wire_field effect_subscribe_fields[] = {
    TABLE_FIELD(effect_subscribe, 1, uri, STR),
    TABLE_FIELD(effect_subscribe, 2, on, BOOL),
};
TABLE(effect_subscribe);

static const struct wire_field effect_ring_fields[] = {
    TABLE_FIELD(effect_ring, 1, ring_public, KEY32),
    TABLE_FIELD(effect_ring, 2, ring_secret, KEY32, .secret = true),
};
TABLE(effect_ring);

static const struct wire_field effect_admit_fields[] = {
    TABLE_FIELD(effect_admit, 1, key, KEY32),
    TABLE_FIELD(effect_admit, 2, on, BOOL),
};
TABLE(effect_admit);

static const struct wire_field store_write_fields[] = {
    TABLE_FIELD(store_write, 1, local, BOOL), TABLE_FIELD(store_write, 2, key, BYTES),
    TABLE_FIELD(store_write, 3, value, BYTES, .secret = true), /* a local row may be a key */
};
TABLE(store_write);

static const struct wire_field effect_store_fields[] = {
    TABLE_FIELD(effect_store, 1, token, U64),
    TABLE_LIST(effect_store, 2, writes, STRUCT, .sub = &store_write_table),
};
TABLE(effect_store);

static const struct wire_field effect_claim_fields[] = {
    TABLE_FIELD(effect_claim, 1, instance, ULID),
    TABLE_FIELD(effect_claim, 2, addr, STR),
    TABLE_LIST(effect_claim, 3, ports, STRUCT, .sub = &bound_port_struct),
};
TABLE(effect_claim);

static const struct wire_field effect_start_fields[] = {
    TABLE_FIELD(effect_start, 1, instance, ULID),
    TABLE_FIELD(effect_start, 2, service, STR),
    TABLE_FIELD(effect_start, 3, slot, STR),
    TABLE_LIST(effect_start, 4, argv, STR),
    TABLE_LIST(effect_start, 5, env, STRUCT, .sub = &pair_struct, .secret = true),
    TABLE_FIELD(effect_start, 6, user, STR),
    TABLE_LIST(effect_start, 7, ports, STRUCT, .sub = &bound_port_struct),
};
TABLE(effect_start);

static const struct wire_field effect_signal_fields[] = {
    TABLE_FIELD(effect_signal, 1, instance, ULID),
    TABLE_FIELD(effect_signal, 2, signal, U32), /* an int, never negative */
};
TABLE(effect_signal);

struct effect_clean { /* as it stands in the union */
    struct ulid instance;
};
static const struct wire_field effect_clean_fields[] = {
    TABLE_FIELD(effect_clean, 1, instance, ULID),
};
TABLE(effect_clean);

static const struct wire_field effect_check_fields[] = {
    TABLE_FIELD(effect_check, 1, instance, ULID),
    TABLE_FIELD(effect_check, 2, number, U64),
    TABLE_FIELD(effect_check, 3, kind, ENUM, .names = &check_kind_enum),
    TABLE_FIELD(effect_check, 4, addr, STR),
    TABLE_FIELD(effect_check, 5, port, U16),
    TABLE_FIELD(effect_check, 6, path, STR),
    TABLE_LIST(effect_check, 7, argv, STR),
    TABLE_LIST(effect_check, 8, env, STRUCT, .sub = &pair_struct, .secret = true),
    TABLE_FIELD(effect_check, 9, user, STR),
    TABLE_FIELD(effect_check, 10, timeout_ms, U32),
};
TABLE(effect_check);

static const struct wire_field effect_read_log_fields[] = {
    TABLE_FIELD(effect_read_log, 1, request, U64),
    TABLE_FIELD(effect_read_log, 2, instance, ULID),
    TABLE_FIELD(effect_read_log, 3, offset, U64),
    TABLE_FIELD(effect_read_log, 4, tail_bytes, U32),
};
TABLE(effect_read_log);

static const struct wire_field lookup_endpoint_fields[] = {
    TABLE_FIELD(lookup_endpoint, 1, instance, ULID),
    TABLE_FIELD(lookup_endpoint, 2, node, ULID),
    TABLE_FIELD(lookup_endpoint, 3, node_name, STR),
    TABLE_FIELD(lookup_endpoint, 4, addr, STR),
    TABLE_FIELD(lookup_endpoint, 5, port_name, STR),
    TABLE_FIELD(lookup_endpoint, 6, port, U16),
    TABLE_FIELD(lookup_endpoint, 7, weight, U32),
    TABLE_FIELD(lookup_endpoint, 8, distance_us, U32),
    TABLE_FIELD(lookup_endpoint, 9, own_tags, BOOL),
    TABLE_LIST(lookup_endpoint, 10, tags, STR),
    TABLE_LIST(lookup_endpoint, 11, meta, STRUCT, .sub = &pair_struct),
    TABLE_FIELD(lookup_endpoint, 12, health, ENUM, .names = &endpoint_health_enum),
    TABLE_FIELD(lookup_endpoint, 13, registration, STR),
    TABLE_FIELD(lookup_endpoint, 14, ttl_ms, U32),
    TABLE_FIELD(lookup_endpoint, 15, output, STR),
    TABLE_LIST(lookup_endpoint, 16, checks, STRUCT, .sub = &endpoint_check_struct),
    TABLE_FIELD(lookup_endpoint, 17, by_host, BOOL),
    TABLE_FIELD(lookup_endpoint, 18, own, ENUM, .names = &endpoint_health_enum),
};
TABLE(lookup_endpoint);

static const struct wire_field lookup_service_fields[] = {
    TABLE_FIELD(lookup_service, 1, space, STR),
    TABLE_FIELD(lookup_service, 2, name, STR),
    TABLE_FIELD(lookup_service, 3, gone, BOOL),
    TABLE_LIST(lookup_service, 4, tags, STR),
    TABLE_LIST(lookup_service, 5, endpoints, STRUCT, .sub = &lookup_endpoint_table),
    TABLE_LIST(lookup_service, 6, meta, STRUCT, .sub = &pair_struct),
    TABLE_LIST(lookup_service, 7, failing, STRUCT, .sub = &lookup_endpoint_table),
};
TABLE(lookup_service);

static const struct wire_field lookup_member_fields[] = {
    TABLE_FIELD(lookup_member, 1, id, ULID),
    TABLE_FIELD(lookup_member, 2, state, ENUM, .names = &member_state_enum),
    TABLE_FIELD(lookup_member, 3, name, STR),
    TABLE_FIELD(lookup_member, 4, host, STR),
    TABLE_FIELD(lookup_member, 5, incarnation, U64),
    TABLE_LIST(lookup_member, 6, tags, STRUCT, .sub = &pair_struct),
    TABLE_LIST(lookup_member, 7, checks, STRUCT, .sub = &endpoint_check_struct),
    TABLE_FIELD(lookup_member, 8, foreign, BOOL),
};
TABLE(lookup_member);

static const struct wire_field effect_lookup_fields[] = {
    TABLE_FIELD(effect_lookup, 1, anew, BOOL),
    TABLE_LIST(effect_lookup, 2, services, STRUCT, .sub = &lookup_service_table),
    TABLE_FIELD(effect_lookup, 3, whole, BOOL),
    TABLE_LIST(effect_lookup, 4, members, STRUCT, .sub = &lookup_member_table),
};
TABLE(effect_lookup);

static const struct wire_field told_key_fields[] = {
    TABLE_FIELD(told_key, 1, gone, BOOL),
    TABLE_FIELD(told_key, 2, info, STRUCT, .sub = &key_info_struct),
};
TABLE(told_key);

static const struct wire_field told_session_fields[] = {
    TABLE_FIELD(told_session, 1, gone, BOOL),
    TABLE_FIELD(told_session, 2, id, ULID),
    TABLE_FIELD(told_session, 3, node, ULID),
    TABLE_FIELD(told_session, 4, session, STRUCT, .sub = &session_row_struct),
};
TABLE(told_session);

static const struct wire_field effect_keys_fields[] = {
    TABLE_FIELD(effect_keys, 1, number, U64),
    TABLE_FIELD(effect_keys, 2, anew, BOOL),
    TABLE_FIELD(effect_keys, 3, whole, BOOL),
    TABLE_LIST(effect_keys, 4, keys, STRUCT, .sub = &told_key_table),
    TABLE_LIST(effect_keys, 5, sessions, STRUCT, .sub = &told_session_table),
};
TABLE(effect_keys);

static const struct wire_field effect_backup_fields[] = {
    TABLE_FIELD(effect_backup, 1, number, U64),
    TABLE_FIELD(effect_backup, 2, path, STR),
};
TABLE(effect_backup);

static const struct wire_enum_value log_level_values[] = {
    {LOG_DEBUG_, "debug"},
    {LOG_INFO_, "info"},
    {LOG_WARN_, "warning"},
    {LOG_ERROR_, "error"},
};
static const struct wire_enum log_level_enum = {"log_level", log_level_values, 4};

static const struct wire_field effect_log_fields[] = {
    TABLE_FIELD(effect_log, 1, level, ENUM, .names = &log_level_enum),
    TABLE_FIELD(effect_log, 2, text, STR),
};
TABLE(effect_log);

struct effect_export { /* as it stands in the union */
    struct bytes text;
};
static const struct wire_field effect_export_fields[] = {
    TABLE_FIELD(effect_export, 1, text, BYTES),
};
TABLE(effect_export);

struct effect_exit {
    bool again;
};
static const struct wire_field effect_exit_fields[] = {
    TABLE_FIELD(effect_exit, 1, again, BOOL),
};
TABLE(effect_exit);

static const struct wire_struct nothing_table = {.name = "nothing"};

/* By effect_kind. All members of the union start where the union does. */
static const struct {
    const char *name;
    const struct wire_struct *table;
} kinds[] = {
    [EFFECT_SEND] = {"send", &effect_send_table},
    [EFFECT_REPLY] = {"reply", &effect_reply_table},
    [EFFECT_PUBLISH] = {"publish", &effect_publish_table},
    [EFFECT_SUBSCRIBE] = {"subscribe", &effect_subscribe_table},
    [EFFECT_RING] = {"ring", &effect_ring_table},
    [EFFECT_ADMIT] = {"admit", &effect_admit_table},
    [EFFECT_STORE] = {"store", &effect_store_table},
    [EFFECT_CLAIM] = {"claim", &effect_claim_table},
    [EFFECT_START] = {"start", &effect_start_table},
    [EFFECT_SIGNAL] = {"signal", &effect_signal_table},
    [EFFECT_CLEAN] = {"clean", &effect_clean_table},
    [EFFECT_CHECK] = {"check", &effect_check_table},
    [EFFECT_READ_LOG] = {"read-log", &effect_read_log_table},
    [EFFECT_LOOKUP] = {"lookup", &effect_lookup_table},
    [EFFECT_KEYS] = {"keys", &effect_keys_table},
    [EFFECT_EXPORT] = {"export", &effect_export_table},
    [EFFECT_LOG] = {"log", &effect_log_table},
    [EFFECT_COUNT] = {"count", &nothing_table},
    [EFFECT_BACKUP] = {"backup", &effect_backup_table},
    [EFFECT_EXIT] = {"exit", &effect_exit_table},
};

struct lookup_service lookup_service_copy(struct arena *mem, const struct lookup_service *s)
{
    struct lookup_service copy;

    wire_copy(mem, &lookup_service_table, &copy, s);
    return copy;
}

struct lookup_member lookup_member_copy(struct arena *mem, const struct lookup_member *m)
{
    struct lookup_member copy;

    wire_copy(mem, &lookup_member_table, &copy, m);
    return copy;
}

static const void *body(const struct effect *effect)
{
    return &effect->send;
}

/* ---- lists ---- */

void effects_deinit(struct effects *e)
{
    mem_free(e->items);
    arena_deinit(&e->mem);
    *e = (struct effects){0};
}

void effects_reset(struct effects *e)
{
    e->count = 0;
    e->wait = 0;
    arena_reset(&e->mem);
}

void effects_swap(struct effects *a, struct effects *b)
{
    struct effects former = *a;

    *a = *b;
    *b = former;
}

uint64_t effects_wait(struct effects *e, uint64_t token)
{
    uint64_t former = e->wait;

    e->wait = token;
    return former;
}

static struct bytes put_at(uint8_t **at, struct bytes b)
{
    uint8_t *p = *at;

    if (b.len == 0)
        return (struct bytes){0};
    memcpy(p, b.data, b.len);
    *at += b.len;
    return bytes_of(p, b.len);
}

/* All keys and values one behind the other. */
static void copy_store(struct arena *mem, struct effect_store *s)
{
    struct store_write *writes = arena_array(mem, s->writes_n, sizeof(*writes));
    size_t bytes = 0;

    for (uint32_t i = 0; i < s->writes_n; i++)
        bytes += s->writes[i].key.len + s->writes[i].value.len;
    uint8_t *at = arena_alloc(mem, bytes);

    for (uint32_t i = 0; i < s->writes_n; i++) {
        writes[i] = s->writes[i];
        writes[i].key = put_at(&at, s->writes[i].key);
        writes[i].value = put_at(&at, s->writes[i].value);
    }
    s->writes = writes;
}

/* What most steps are made of is copied directly; going by the tables takes several times as long. */
static void copy_body(struct arena *mem, struct effect *e)
{
    switch (e->kind) {
    case EFFECT_STORE:
        copy_store(mem, &e->store);
        return;
    case EFFECT_REPLY:
        e->reply.frame = arena_bytes(mem, e->reply.frame);
        return;
    case EFFECT_SEND:
        e->send.uri = arena_bytes(mem, e->send.uri);
        e->send.frame = arena_bytes(mem, e->send.frame);
        return;
    case EFFECT_PUBLISH:
        e->publish = arena_bytes(mem, e->publish);
        return;
    default:
        wire_copy(mem, kinds[e->kind].table, &e->send, &e->send);
    }
}

struct effect *effects_add(struct effects *e, const struct effect *effect)
{
    assert((size_t)effect->kind < sizeof(kinds) / sizeof(kinds[0]));
    if (e->count == e->cap) {
        e->cap = e->cap == 0 ? 16 : e->cap * 2;
        e->items = mem_grow(e->items, e->cap, sizeof(*e->items));
    }
    struct effect *copy = &e->items[e->count++];
    *copy = *effect;
    copy_body(&e->mem, copy);
    return copy;
}

static void add(struct effects *e, struct effect effect)
{
    effect.wait = e->wait;
    effects_add(e, &effect);
}

void effect_send(struct effects *e, struct bytes uri, enum wire_lane lane, struct bytes frame)
{
    add(e, (struct effect){.kind = EFFECT_SEND, .send = {uri, lane, frame}});
}

void effect_reply(struct effects *e, uint64_t route, struct bytes frame)
{
    add(e, (struct effect){.kind = EFFECT_REPLY, .reply = {route, frame}});
}

void effect_publish(struct effects *e, struct bytes frame)
{
    add(e, (struct effect){.kind = EFFECT_PUBLISH, .publish = frame});
}

void effect_subscribe(struct effects *e, struct bytes uri, bool on)
{
    add(e, (struct effect){.kind = EFFECT_SUBSCRIBE, .subscribe = {uri, on}});
}

void effect_log(struct effects *e, enum log_level level, const char *format, ...)
{
    char text[512]; /* a longer line is cut */
    va_list args;

    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    assert(len >= 0);
    add(e, (struct effect){.kind = EFFECT_LOG, .log = {level, bytes_str(text)}});
}

/* ---- traces ---- */

static void print_frame(struct buf *out, const struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_SEND:
        buf_printf(out, " " BYTES_FMT " ", BYTES_ARG(effect->send.uri));
        frame_print(out, effect->send.frame);
        break;
    case EFFECT_REPLY:
        buf_printf(out, " %llu ", (unsigned long long)effect->reply.route);
        frame_print(out, effect->reply.frame);
        break;
    default:
        buf_byte(out, ' ');
        frame_print(out, effect->publish);
    }
}

void effect_print(struct buf *out, const struct effect *effect)
{
    buf_str(out, kinds[effect->kind].name);
    if (effect->wait != 0)
        buf_printf(out, " (after store %llu)", (unsigned long long)effect->wait);
    if (effect->kind <= EFFECT_PUBLISH) {
        print_frame(out, effect);
        return;
    }
    buf_byte(out, ' ');
    wire_print(out, kinds[effect->kind].table, body(effect));
}

void effect_encode(struct buf *out, const struct effect *effect)
{
    buf_byte(out, (uint8_t)effect->kind);
    for (int shift = 56; shift >= 0; shift -= 8)
        buf_byte(out, (uint8_t)(effect->wait >> shift));
    wire_write(out, kinds[effect->kind].table, body(effect));
}
