#include "control/fleet.h"

#include "base/mem.h"
#include "state/content.h"

#include <assert.h>
#include <string.h>

struct slot slot_ordinal(uint32_t number)
{
    return (struct slot){
        .len = SLOT_ORDINAL_LEN,
        .b = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
              (uint8_t)number},
    };
}

struct slot slot_node(const struct ulid *node)
{
    struct slot slot = {.len = SLOT_NODE_LEN};

    memcpy(slot.b, node->b, sizeof(node->b));
    return slot;
}

bool slot_from(struct slot *ret, struct bytes bytes)
{
    *ret = (struct slot){0};
    if (bytes.len != SLOT_ORDINAL_LEN && bytes.len != SLOT_NODE_LEN)
        return false;
    ret->len = (uint8_t)bytes.len;
    memcpy(ret->b, bytes.data, bytes.len);
    return true;
}

struct bytes slot_bytes(const struct slot *slot)
{
    return bytes_of(slot->b, slot->len);
}

int slot_compare(const struct slot *a, const struct slot *b)
{
    return bytes_compare(slot_bytes(a), slot_bytes(b));
}

uint32_t slot_number(const struct slot *slot)
{
    if (slot->len != SLOT_ORDINAL_LEN)
        return UINT32_MAX;
    return (uint32_t)slot->b[0] << 24 | (uint32_t)slot->b[1] << 16 | (uint32_t)slot->b[2] << 8 |
           slot->b[3];
}

void slot_print(struct buf *out, const struct slot *slot)
{
    struct ulid node;

    if (slot->len == SLOT_ORDINAL_LEN) {
        buf_printf(out, "%u", slot_number(slot));
    } else if (slot->len == SLOT_NODE_LEN) {
        memcpy(node.b, slot->b, sizeof(node.b));
        buf_str(out, ulid_text(&node).s);
    }
}

bool placement_key(struct bytes key, struct ulid *ret_service, struct slot *ret_slot)
{
    if (key.len <= sizeof(ret_service->b))
        return false;
    memcpy(ret_service->b, key.data, sizeof(ret_service->b));
    return slot_from(ret_slot,
                     bytes_of(key.data + sizeof(ret_service->b), key.len - sizeof(ret_service->b)));
}

bool instance_key(struct bytes key, struct ulid *ret_node, struct ulid *ret_id)
{
    if (key.len != sizeof(ret_node->b) + sizeof(ret_id->b))
        return false;
    memcpy(ret_node->b, key.data, sizeof(ret_node->b));
    memcpy(ret_id->b, key.data + sizeof(ret_node->b), sizeof(ret_id->b));
    return true;
}

void placement_key_put(struct buf *out, const struct ulid *service, const struct slot *slot)
{
    buf_reset(out);
    buf_append(out, service->b, sizeof(service->b));
    buf_append(out, slot->b, slot->len);
}

void instance_key_put(struct buf *out, const struct ulid *node, const struct ulid *id)
{
    buf_reset(out);
    buf_append(out, node->b, sizeof(node->b));
    buf_append(out, id->b, sizeof(id->b));
}

/* Decodes with lists in exactly as much memory as they need: there are many of these. What else a value
 * says is viewed where it lies. */
static bool decode_exactly(void *ret, const struct wire_struct *type, struct bytes value,
                           struct arena *mem)
{
    struct arena trial = {0};
    struct wire_error err;
    bool ok = wire_decode(ret, type, value, &trial, &err) == 0;

    if (ok && trial.used_bytes > 0) {
        arena_reserve(mem, trial.used_bytes);
        ok = wire_decode(ret, type, value, mem, &err) == 0;
    }
    arena_deinit(&trial);
    return ok;
}

struct placement *placement_new(const struct row *row)
{
    struct placement *p = mem_alloc(sizeof(*p));

    if (!placement_key(row->key, &p->service, &p->slot) ||
        !decode_exactly(&p->row, &placement_row_struct, row->value, &p->mem)) {
        placement_free(p);
        return NULL;
    }
    p->content = content_reference(content_of(row));
    p->epoch = row->version.major;
    p->hash = row->hash;
    return p;
}

void placement_free(struct placement *p)
{
    if (!p)
        return;
    content_release(p->content);
    arena_deinit(&p->mem);
    mem_free(p);
}

/* Room for the lists of most rows: a few ports. */
#define INSTANCE_LISTS 256

static void take(struct instance *i, const struct instance_row *row)
{
    i->service = row->service;
    i->spec = row->spec;
    i->restart_stamp = row->restart_stamp;
    i->values_hash = row->values_hash;
    i->state = row->state;
    i->ports_n = row->ports_n;
    i->given_up = row->given_up;
}

struct instance *instance_new(const struct row *row)
{
    struct instance *i = mem_alloc(sizeof(*i));
    struct arena mem = {0};
    struct instance_row value;
    struct wire_error err;

    arena_reserve(&mem, INSTANCE_LISTS);
    bool ok = instance_key(row->key, &i->node, &i->id) &&
              instance_row_decode(&value, row->value, &mem, &err) == 0 &&
              slot_from(&i->slot, value.slot);

    if (ok) {
        i->content = content_reference(content_of(row));
        take(i, &value);
    } else {
        instance_free(i);
        i = NULL;
    }
    arena_deinit(&mem);
    return i;
}

const struct instance_row *instance_says(const struct instance *i, struct arena *mem)
{
    struct instance_row *row = arena_alloc(mem, sizeof(*row));
    struct wire_error err;
    int r = instance_row_decode(row, content_value(i->content), mem, &err);

    assert(r == 0); /* as in instance_new() */
    (void)r;
    return row;
}

void instance_free(struct instance *i)
{
    if (!i)
        return;
    content_release(i->content);
    mem_free(i);
}

bool instance_state_runs(enum instance_state state)
{
    return state == INSTANCE_STATE_STARTING || state == INSTANCE_STATE_RUNNING ||
           state == INSTANCE_STATE_UNHEALTHY || state == INSTANCE_STATE_STOPPING;
}
