#include "wire/value.h"

#include "wire/skim.h"
#include "wire/text.h"

#include <assert.h>
#include <string.h>

/* ---- values in C structs ---- */

int key32_compare(const struct key32 *a, const struct key32 *b)
{
    return memcmp(a->b, b->b, sizeof(a->b));
}

bool key32_is_zero(const struct key32 *k)
{
    static const struct key32 zero;

    return key32_compare(k, &zero) == 0;
}

const char *wire_enum_name(const struct wire_enum *e, uint32_t id)
{
    for (uint32_t i = 0; i < e->values_n; i++) {
        if (e->values[i].id == id)
            return e->values[i].name;
    }
    return "?";
}

static bool enum_known(const struct wire_enum *e, uint64_t id)
{
    for (uint32_t i = 0; i < e->values_n; i++) {
        if (e->values[i].id == id)
            return true;
    }
    return false;
}

static const uint8_t *place(const struct wire_field *f, const void *v)
{
    return (const uint8_t *)v + f->offset;
}

uint64_t wire_load(const struct wire_field *f, const void *p)
{
    switch (f->type) {
    case WIRE_T_U8:
        return *(const uint8_t *)p;
    case WIRE_T_U16:
        return *(const uint16_t *)p;
    case WIRE_T_U32:
    case WIRE_T_ENUM:
        return *(const uint32_t *)p;
    default:
        assert(f->type == WIRE_T_U64);
        return *(const uint64_t *)p;
    }
}

void wire_store(const struct wire_field *f, void *p, uint64_t v)
{
    switch (f->type) {
    case WIRE_T_U8:
        *(uint8_t *)p = (uint8_t)v;
        break;
    case WIRE_T_U16:
        *(uint16_t *)p = (uint16_t)v;
        break;
    case WIRE_T_U32:
    case WIRE_T_ENUM:
        *(uint32_t *)p = (uint32_t)v;
        break;
    default:
        assert(f->type == WIRE_T_U64);
        *(uint64_t *)p = v;
    }
}

int64_t wire_load_i64(const void *p)
{
    return *(const int64_t *)p;
}

struct bytes wire_load_bytes(const void *p)
{
    return *(const struct bytes *)p;
}

struct wire_list wire_load_list(const struct wire_field *f, const void *v)
{
    struct wire_list list;

    memcpy(&list.items, place(f, v), sizeof(list.items));
    memcpy(&list.n, (const uint8_t *)v + f->offset_n, sizeof(list.n));
    return list;
}

const void *wire_field_at(const struct wire_field *f, const void *v)
{
    const void *p;

    if (!f->optional)
        return place(f, v);
    memcpy(&p, place(f, v), sizeof(p));
    return p;
}

bool wire_field_is_zero(const struct wire_field *f, const void *v)
{
    const void *p = wire_field_at(f, v);

    if (f->optional)
        return p == NULL;
    if (f->list)
        return wire_load_list(f, v).n == 0;
    switch (f->type) {
    case WIRE_T_BOOL:
        return !*(const bool *)p;
    case WIRE_T_I64:
        return wire_load_i64(p) == 0;
    case WIRE_T_ULID:
        return ulid_is_zero(p);
    case WIRE_T_KEY32:
        return key32_is_zero(p);
    case WIRE_T_STR:
    case WIRE_T_BYTES:
        return wire_load_bytes(p).len == 0;
    case WIRE_T_STRUCT:
        return wire_is_zero(f->sub, p);
    default:
        return wire_load(f, p) == 0;
    }
}

bool wire_is_zero(const struct wire_struct *type, const void *v)
{
    for (uint32_t i = 0; i < type->fields_n; i++) {
        if (!wire_field_is_zero(&type->fields[i], v))
            return false;
    }
    return true;
}

/* ---- bounds, the same for both directions ---- */

static int refuse(struct wire_error *err, const char *field, const char *why)
{
    *err = (struct wire_error){.field = field, .why = why};
    return WIRE_BAD;
}

static int check_unsigned(const struct wire_field *f, uint64_t v, struct wire_error *err)
{
    if (f->type == WIRE_T_ENUM && !enum_known(f->names, v) && v != 0)
        return refuse(err, f->path, "no number of this enum");
    if (f->type != WIRE_T_ENUM && (v > f->max_value || v < (uint64_t)f->min))
        return refuse(err, f->path, "out of range");
    return 0;
}

static int check_signed(const struct wire_field *f, int64_t v, struct wire_error *err)
{
    if (v < f->min || v > (int64_t)f->max_value)
        return refuse(err, f->path, "out of range");
    return 0;
}

static int check_bytes(const struct wire_field *f, struct bytes b, struct wire_error *err)
{
    if (b.len > f->max)
        return refuse(err, f->path, "longer than allowed");
    if (f->type == WIRE_T_STR && !wire_text_ok(b))
        return refuse(err, f->path, "no UTF-8 text");
    return 0;
}

int wire_check_value(const struct wire_field *f, const void *p, struct wire_error *err)
{
    switch (f->type) {
    case WIRE_T_BOOL:
    case WIRE_T_ULID:
    case WIRE_T_KEY32:
        return 0;
    case WIRE_T_I64:
        return check_signed(f, wire_load_i64(p), err);
    case WIRE_T_STR:
    case WIRE_T_BYTES:
        return check_bytes(f, wire_load_bytes(p), err);
    default:
        return check_unsigned(f, wire_load(f, p), err);
    }
}

static int check_struct(const struct wire_struct *type, const void *v, int depth,
                        struct wire_error *err);

static int check_one(const struct wire_field *f, const void *p, int depth, struct wire_error *err)
{
    if (f->type == WIRE_T_STRUCT)
        return check_struct(f->sub, p, depth + 1, err);
    return wire_check_value(f, p, err);
}

static int check_list(const struct wire_field *f, struct wire_list list, int depth,
                      struct wire_error *err)
{
    int r = 0;

    if (list.n > f->max_items)
        return refuse(err, f->path, "more items than allowed");
    for (uint32_t i = 0; i < list.n && r == 0; i++)
        r = check_one(f, list.items + i * f->item_size, depth + 1, err);
    return r;
}

static int check_struct(const struct wire_struct *type, const void *v, int depth,
                        struct wire_error *err)
{
    int r = 0;

    if (depth > WIRE_MAX_DEPTH)
        return refuse(err, type->name, "nested too deep");
    for (uint32_t i = 0; i < type->fields_n && r == 0; i++) {
        const struct wire_field *f = &type->fields[i];
        if (!f->required && wire_field_is_zero(f, v))
            continue;
        if (f->list)
            r = check_list(f, wire_load_list(f, v), depth, err);
        else
            r = check_one(f, wire_field_at(f, v), depth, err);
    }
    return r;
}

int wire_check(const struct wire_struct *type, const void *v, struct wire_error *err)
{
    return check_struct(type, v, 1, err);
}

/* ---- copies ---- */

static bool points_somewhere(const struct wire_field *f)
{
    return f->type == WIRE_T_STR || f->type == WIRE_T_BYTES || f->type == WIRE_T_STRUCT;
}

static void copy_one(struct arena *mem, const struct wire_field *f, void *p)
{
    if (f->type == WIRE_T_STR || f->type == WIRE_T_BYTES) {
        struct bytes copy = arena_bytes(mem, wire_load_bytes(p));
        memcpy(p, &copy, sizeof(copy));
    } else if (f->type == WIRE_T_STRUCT) {
        wire_copy(mem, f->sub, p, p);
    }
}

static void copy_list(struct arena *mem, const struct wire_field *f, uint8_t *v)
{
    struct wire_list list = wire_load_list(f, v);
    uint8_t *items = NULL;

    if (list.n > 0) {
        items = arena_array(mem, list.n, f->item_size);
        memcpy(items, list.items, list.n * f->item_size);
    }
    for (uint32_t i = 0; i < list.n && points_somewhere(f); i++)
        copy_one(mem, f, items + i * f->item_size);
    memcpy(v + f->offset, &items, sizeof(items));
}

static void copy_optional(struct arena *mem, const struct wire_field *f, uint8_t *v)
{
    const void *from = wire_field_at(f, v);

    if (from == NULL)
        return;
    void *sub = arena_alloc(mem, f->sub->size);
    wire_copy(mem, f->sub, sub, from);
    memcpy(v + f->offset, &sub, sizeof(sub));
}

void wire_copy(struct arena *mem, const struct wire_struct *type, void *ret, const void *v)
{
    if (ret != v)
        memcpy(ret, v, type->size);
    for (uint32_t i = 0; i < type->fields_n; i++) {
        const struct wire_field *f = &type->fields[i];
        if (f->list)
            copy_list(mem, f, ret);
        else if (f->optional)
            copy_optional(mem, f, ret);
        else if (points_somewhere(f))
            copy_one(mem, f, (uint8_t *)ret + f->offset);
    }
}
