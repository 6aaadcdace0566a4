#include "wire/event.h"

#include "wire/frame.h"
#include "wire/print.h"
#include "wire/table.h"

static const struct wire_field found_instance_fields[] = {
    TABLE_FIELD(found_instance, 1, instance, ULID),
    TABLE_FIELD(found_instance, 2, running, BOOL),
    TABLE_FIELD(found_instance, 3, pid, U32),
    TABLE_FIELD(found_instance, 4, exit_status, I64),
    TABLE_FIELD(found_instance, 5, started_ms, I64),
    TABLE_LIST(found_instance, 6, ports, STRUCT, .sub = &bound_port_struct),
};
TABLE(found_instance);

/* Records and local rows are written and printed apart: their lengths are of another type. */
static const struct wire_field event_start_fields[] = {
    TABLE_FIELD(event_start, 1, seed, U64),
    TABLE_FIELD(event_start, 2, cluster, ULID),
    TABLE_FIELD(event_start, 3, node, ULID),
    TABLE_FIELD(event_start, 4, boot, ULID),
    TABLE_FIELD(event_start, 5, name, STR),
    TABLE_FIELD(event_start, 6, host, STR),
    TABLE_LIST(event_start, 7, addrs, STRUCT, .sub = &member_addr_struct),
    TABLE_LIST(event_start, 8, seeds, STR),
    TABLE_LIST(event_start, 9, tags, STRUCT, .sub = &pair_struct),
    TABLE_FIELD(event_start, 10, capacity, STRUCT, .sub = &resources_struct),
    TABLE_FIELD(event_start, 11, port_low, U16),
    TABLE_FIELD(event_start, 12, port_high, U16),
    TABLE_FIELD(event_start, 13, wan, BOOL),
    TABLE_FIELD(event_start, 14, insecure, BOOL),
    TABLE_FIELD(event_start, 15, sign_public, KEY32),
    TABLE_FIELD(event_start, 16, token, BYTES, .secret = true),
    TABLE_FIELD(event_start, 17, version, STR),
    TABLE_LIST(event_start, 18, found, STRUCT, .sub = &found_instance_table),
    TABLE_FIELD(event_start, 19, lookups, BOOL),
    TABLE_FIELD(event_start, 20, keys, BOOL),
};
TABLE(event_start);

static const struct wire_enum_value door_values[] = {
    {DOOR_PROBE, "probe"},
    {DOOR_BULK, "bulk"},
    {DOOR_SUB, "sub"},
    {DOOR_LOCAL, "local"},
};
static const struct wire_enum door_enum = {"door", door_values, 4};

static const struct wire_field event_frame_fields[] = {
    TABLE_FIELD(event_frame, 1, door, ENUM, .names = &door_enum),
    TABLE_FIELD(event_frame, 2, route, U64),
    TABLE_FIELD(event_frame, 3, key, KEY32),
    TABLE_FIELD(event_frame, 4, from, STR),
    TABLE_FIELD(event_frame, 5, frame, BYTES, .secret = true), /* printed by frame_print() */
    TABLE_FIELD(event_frame, 6, more, BOOL),
};
TABLE(event_frame);

struct event_token { /* as it stands in the union */
    uint64_t token;
};
static const struct wire_field event_token_fields[] = {TABLE_FIELD(event_token, 1, token, U64)};
TABLE(event_token);

static const struct wire_field event_link_fields[] = {
    TABLE_FIELD(event_link, 1, uri, STR),
    TABLE_FIELD(event_link, 2, up, BOOL),
};
TABLE(event_link);

static const struct wire_field event_claimed_fields[] = {
    TABLE_FIELD(event_claimed, 1, instance, ULID),
    TABLE_LIST(event_claimed, 2, ports, STRUCT, .sub = &bound_port_struct),
};
TABLE(event_claimed);

static const struct wire_field event_started_fields[] = {
    TABLE_FIELD(event_started, 1, instance, ULID),
    TABLE_FIELD(event_started, 2, pid, U32),
    TABLE_FIELD(event_started, 3, started_ms, I64),
    TABLE_FIELD(event_started, 4, why, STR),
};
TABLE(event_started);

static const struct wire_field event_exited_fields[] = {
    TABLE_FIELD(event_exited, 1, instance, ULID),
    TABLE_FIELD(event_exited, 2, exit_status, I64),
};
TABLE(event_exited);

static const struct wire_field event_checked_fields[] = {
    TABLE_FIELD(event_checked, 1, instance, ULID), TABLE_FIELD(event_checked, 2, number, U64),
    TABLE_FIELD(event_checked, 3, ok, BOOL),       TABLE_FIELD(event_checked, 4, took_us, I64),
    TABLE_FIELD(event_checked, 5, text, STR),
};
TABLE(event_checked);

static const struct wire_field event_log_read_fields[] = {
    TABLE_FIELD(event_log_read, 1, request, U64), TABLE_FIELD(event_log_read, 2, offset, U64),
    TABLE_FIELD(event_log_read, 3, next, U64),    TABLE_FIELD(event_log_read, 4, data, BYTES),
    TABLE_FIELD(event_log_read, 5, why, STR),
};
TABLE(event_log_read);

static const struct wire_field event_sample_fields[] = {
    TABLE_FIELD(event_sample, 1, cpu_permille, U16),
    TABLE_FIELD(event_sample, 2, memory_permille, U16),
};
TABLE(event_sample);

static const struct wire_field event_counted_fields[] = {
    TABLE_LIST(event_counted, 1, counters, STRUCT, .sub = &counter_struct),
};
TABLE(event_counted);

static const struct wire_field event_backed_up_fields[] = {
    TABLE_FIELD(event_backed_up, 1, number, U64),
    TABLE_FIELD(event_backed_up, 2, bytes, U64),
    TABLE_FIELD(event_backed_up, 3, why, STR),
};
TABLE(event_backed_up);

struct event_stop { /* as it stands in the union */
    bool leave;
};
static const struct wire_field event_stop_fields[] = {TABLE_FIELD(event_stop, 1, leave, BOOL)};
TABLE(event_stop);

static const struct wire_struct nothing_table = {.name = "nothing"};

/* By event_kind. All members of the union start where the union does. */
static const struct {
    const char *name;
    const struct wire_struct *table;
} kinds[] = {
    [EVENT_START] = {"start", &event_start_table},
    [EVENT_FRAME] = {"frame", &event_frame_table},
    [EVENT_BACKED_UP] = {"backed-up", &event_backed_up_table},
    [EVENT_FLUSH] = {"flush", &nothing_table},
    [EVENT_TIME] = {"time", &nothing_table},
    [EVENT_STORED] = {"stored", &event_token_table},
    [EVENT_STORE_FAILED] = {"store-failed", &event_token_table},
    [EVENT_LINK] = {"link", &event_link_table},
    [EVENT_CLAIMED] = {"claimed", &event_claimed_table},
    [EVENT_STARTED] = {"started", &event_started_table},
    [EVENT_EXITED] = {"exited", &event_exited_table},
    [EVENT_CHECKED] = {"checked", &event_checked_table},
    [EVENT_LOG_READ] = {"log-read", &event_log_read_table},
    [EVENT_LOOKUP_FAILED] = {"lookup-failed", &nothing_table},
    [EVENT_SAMPLE] = {"sample", &event_sample_table},
    [EVENT_COUNTED] = {"counted", &event_counted_table},
    [EVENT_STOP] = {"stop", &event_stop_table},
};

static void append_number(struct buf *out, uint64_t v)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        buf_byte(out, (uint8_t)(v >> shift));
}

static void append_bytes(struct buf *out, struct bytes b)
{
    append_number(out, b.len);
    buf_append(out, b.data, b.len);
}

void event_encode(struct buf *out, const struct event *event)
{
    buf_byte(out, (uint8_t)event->kind);
    append_number(out, (uint64_t)event->now_us);
    append_number(out, (uint64_t)event->wall_us);
    wire_write(out, kinds[event->kind].table, &event->start);
    if (event->kind != EVENT_START)
        return;
    append_number(out, event->start.records_n);
    for (size_t i = 0; i < event->start.records_n; i++)
        append_bytes(out, event->start.records[i]);
    for (size_t i = 0; i < event->start.restored_n; i++)
        append_bytes(out, event->start.restored[i]);
    append_number(out, event->start.locals_n);
    for (size_t i = 0; i < event->start.locals_n; i++) {
        append_bytes(out, event->start.locals[i].name);
        append_bytes(out, event->start.locals[i].value);
    }
}

void event_print(struct buf *out, const struct event *event)
{
    buf_printf(out, "%lld %s ", (long long)event->now_us, kinds[event->kind].name);
    wire_print(out, kinds[event->kind].table, &event->start);
    if (event->kind == EVENT_START)
        buf_printf(out, " %zu records, %zu local rows", event->start.records_n,
                   event->start.locals_n);
    if (event->kind == EVENT_FRAME) {
        buf_byte(out, ' ');
        frame_print(out, event->frame.frame);
    }
}
