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

const struct ulid *instance_node(const struct instance *i)
{
    return (const struct ulid *)(const void *)content_key(i->content).data;
}

const struct ulid *instance_id(const struct instance *i)
{
    return instance_node(i) + 1;
}

const struct ulid *instance_spec(const struct instance *i)
{
    static const struct ulid none;
    const uint8_t *value = content_value(i->content).data;

    return i->spec_at ? (const struct ulid *)(const void *)(value + i->spec_at) : &none;
}

static struct bytes slot_view(const struct instance *i)
{
    return bytes_of(content_value(i->content).data + i->slot_at, i->slot_len);
}

struct slot instance_slot(const struct instance *i)
{
    struct slot slot;

    (void)slot_from(&slot, slot_view(i));
    return slot;
}

/* What a fleet is searched by. */
struct wanted {
    struct bytes slot;
    const struct ulid *id;
};

static int compare_slots(const void *element, const void *key)
{
    const struct instance *i = element;
    const struct wanted *wanted = key;
    int order = bytes_compare(slot_view(i), wanted->slot);

    return order ? order : ulid_compare(instance_id(i), wanted->id);
}

/* Of equal slots and ids, the node decides nothing: an id is one of a kind. */
const struct sheets_rule instances_by_slot = {.compare = compare_slots};

struct sheets_place fleet_place(const struct sheets *fleet, const struct instance *i)
{
    struct wanted wanted = {slot_view(i), instance_id(i)};
    struct sheets_place place = sheets_from(fleet, &instances_by_slot, &wanted);

    while (sheets_at(fleet, place) && sheets_at(fleet, place) != i &&
           compare_slots(sheets_at(fleet, place), &wanted) == 0)
        place = sheets_next(fleet, place);
    return place;
}

static uint64_t key_hash(const void *element)
{
    const struct instance *i = element;

    return i->content->digest.key_hash;
}

const struct sheets_rule instances_by_hash = {.order = key_hash};

struct instance *instances_find(const struct sheets *all, const struct ulid *node,
                                const struct ulid *id, struct sheets_place *ret)
{
    struct ulid pair[2] = {*node, *id};
    struct bytes key = bytes_of(pair, sizeof(pair));
    uint64_t hash = content_key_hash(TABLE_ID_INSTANCE, bytes_str(STATE_NAMESPACE), key);
    struct instance *i;

    *ret = sheets_from(all, &instances_by_hash, &hash);
    for (; (i = sheets_at(all, *ret)) != NULL && key_hash(i) == hash;
         *ret = sheets_next(all, *ret)) {
        if (bytes_equal(content_key(i->content), key))
            return i;
    }
    return NULL;
}

/* Where these bytes stand in the value; its length: nowhere. */
static size_t find_in(struct bytes value, const void *what, size_t len)
{
    size_t at = 0;

    while (at + len <= value.len && memcmp(value.data + at, what, len) != 0)
        at++;
    return at + len <= value.len ? at : value.len;
}

/* Room for the lists of most rows: a few ports. */
#define INSTANCE_LISTS 256

struct instance *instance_new(const struct row *row, struct ulid *ret_service)
{
    struct arena mem = {0};
    struct instance_row value;
    struct wire_error err;
    struct ulid node, id;
    struct slot slot;
    struct instance *i = NULL;

    arena_reserve(&mem, INSTANCE_LISTS);
    if (instance_key(row->key, &node, &id) &&
        instance_row_decode(&value, row->value, &mem, &err) == 0 && slot_from(&slot, value.slot)) {
        size_t spec_at = find_in(row->value, value.spec.b, sizeof(value.spec.b));
        size_t slot_at = (size_t)(value.slot.data - row->value.data);

        if (spec_at <= UINT16_MAX && slot_at <= UINT16_MAX) { /* as kithd writes it */
            struct content *c = content_reference(content_of(row));

            i = content_note(c, sizeof(*i));
            i->content = c;
            i->spec_at = spec_at < row->value.len ? (uint16_t)spec_at : 0;
            i->slot_at = (uint16_t)slot_at;
            i->slot_len = slot.len;
            i->ports_n = (uint8_t)value.ports_n;
            i->state = (uint8_t)value.state;
            i->given_up = value.given_up;
            *ret_service = value.service;
        }
    }
    arena_deinit(&mem);
    return i;
}

const struct instance_row *instance_says(const struct instance *i, struct arena *mem)
{
    struct instance_row *row = arena_alloc(mem, sizeof(*row));

    wire_decode_again(row, &instance_row_struct, content_value(i->content), mem);
    return row;
}

void instance_free(struct instance *i)
{
    if (!i)
        return;
    struct content *c = i->content;

    content_unnote(c, i, sizeof(*i));
    content_release(c);
}

bool instance_state_runs(enum instance_state state)
{
    return state == INSTANCE_STATE_STARTING || state == INSTANCE_STATE_RUNNING ||
           state == INSTANCE_STATE_UNHEALTHY || state == INSTANCE_STATE_STOPPING;
}
