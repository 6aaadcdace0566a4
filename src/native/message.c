#include "native/message.h"

#include "http/target.h"
#include "wire/text.h"
#include "wire/wire.h"

#include <string.h>

struct reader {
    struct arena *mem;
    struct buf *why;
};

static int refuse(struct reader *r, const struct wire_field *f, const char *wanted)
{
    if (r->why->len == 0)
        buf_printf(r->why, "%s: %s", f->path, wanted);
    return 1;
}

static struct bytes text_of(const json_t *value)
{
    return bytes_of(json_string_value(value), json_string_length(value));
}

/* ---- single values ---- */

static int read_bool(struct reader *r, const struct wire_field *f, void *p, const json_t *value)
{
    struct bytes text = json_is_string(value) ? text_of(value) : bytes_str("?");

    if (json_is_boolean(value))
        *(bool *)p = json_is_true(value);
    else if (text.len == 0 || bytes_equal_str(text, "true") || bytes_equal_str(text, "1"))
        *(bool *)p = true;
    else if (bytes_equal_str(text, "false") || bytes_equal_str(text, "0"))
        *(bool *)p = false;
    else
        return refuse(r, f, "write true or false");
    return 0;
}

static int read_unsigned(struct reader *r, const struct wire_field *f, void *p, const json_t *value)
{
    uint64_t number = 0;

    if (json_is_integer(value) && json_integer_value(value) >= 0)
        number = (uint64_t)json_integer_value(value);
    else if (!json_is_string(value) || read_number(text_of(value), &number) != 0)
        return refuse(r, f, "write a whole number");
    if (number > f->max_value)
        return refuse(r, f, "the number is too large");
    wire_store(f, p, number);
    return 0;
}

/* What can be said instead, for people. */
static int refuse_name(struct reader *r, const struct wire_field *f)
{
    struct buf names = {0};

    for (uint32_t i = 0; i < f->names->values_n; i++)
        buf_printf(&names, "%s%s", i ? ", " : "write one of ", f->names->values[i].name);
    refuse(r, f, buf_cstr(&names));
    buf_deinit(&names);
    return 1;
}

static int read_name(struct reader *r, const struct wire_field *f, void *p, const json_t *value)
{
    for (uint32_t i = 0; i < f->names->values_n && json_is_string(value); i++) {
        if (!bytes_equal_str(text_of(value), f->names->values[i].name))
            continue;
        wire_store(f, p, f->names->values[i].id);
        return 0;
    }
    return refuse_name(r, f);
}

static int read_text(struct reader *r, const struct wire_field *f, void *p, const json_t *value)
{
    if (!json_is_string(value) || !wire_text_ok(text_of(value)))
        return refuse(r, f, "write a text");
    *(struct bytes *)p = arena_bytes(r->mem, text_of(value));
    return 0;
}

static int read_struct(struct reader *r, const struct wire_struct *type, void *ret,
                       const json_t *object);

/* "majority", or a number of peers. */
static int read_ack(struct reader *r, const struct wire_field *f, struct ack *ret,
                    const json_t *value)
{
    const struct wire_field *kind = &ack_struct.fields[0], *count = &ack_struct.fields[1];
    uint64_t number;

    if (json_is_integer(value) ||
        (json_is_string(value) && read_number(text_of(value), &number) == 0)) {
        ret->kind = ACK_KIND_COUNT;
        return read_unsigned(r, count, &ret->count, value);
    }
    return json_is_object(value) ? read_struct(r, f->sub, ret, value)
                                 : read_name(r, kind, &ret->kind, value);
}

static int read_one(struct reader *r, const struct wire_field *f, void *p, const json_t *value)
{
    switch (f->type) {
    case WIRE_T_BOOL:
        return read_bool(r, f, p, value);
    case WIRE_T_ENUM:
        return read_name(r, f, p, value);
    case WIRE_T_STR:
        return read_text(r, f, p, value);
    case WIRE_T_ULID:
        if (json_is_string(value) && ulid_parse(p, text_of(value)) == 0)
            return 0;
        return refuse(r, f, "write an id, 26 characters");
    case WIRE_T_STRUCT:
        if (f->sub == &ack_struct)
            return read_ack(r, f, p, value);
        return json_is_object(value) ? read_struct(r, f->sub, p, value)
                                     : refuse(r, f, "write an object");
    case WIRE_T_U8:
    case WIRE_T_U16:
    case WIRE_T_U32:
    case WIRE_T_U64:
        return read_unsigned(r, f, p, value);
    default:
        return refuse(r, f, "this cannot be said in JSON");
    }
}

/* ---- lists ---- */

/* As they are shown (view/column.h): two fields, the first of them a text. */
static bool is_pair(const struct wire_field *f)
{
    return f->list && f->type == WIRE_T_STRUCT && f->sub->fields_n == 2 &&
           f->sub->fields[0].type == WIRE_T_STR && !f->sub->fields[0].list &&
           !f->sub->fields[1].list;
}

static int read_pairs(struct reader *r, const struct wire_field *f, uint8_t *items,
                      const json_t *object)
{
    const struct wire_field *name = &f->sub->fields[0], *rest = &f->sub->fields[1];
    const char *key;
    json_t *value;
    size_t at = 0;
    int bad = 0;

    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        *(struct bytes *)(void *)(items + at + name->offset) = arena_bytes(r->mem, bytes_str(key));
        bad |= read_one(r, rest, items + at + rest->offset, value);
        at += f->item_size;
    }
    return bad;
}

static int read_items(struct reader *r, const struct wire_field *f, uint8_t *items,
                      const json_t *array)
{
    int bad = 0;

    for (size_t i = 0; i < json_array_size(array); i++)
        bad |= read_one(r, f, items + i * f->item_size, json_array_get(array, i));
    return bad;
}

static int read_list(struct reader *r, const struct wire_field *f, void *ret, const json_t *value)
{
    bool pairs = is_pair(f) && json_is_object(value);
    size_t size = pairs ? json_object_size(value) : json_array_size(value);

    if (!pairs && !json_is_array(value))
        return refuse(r, f, is_pair(f) ? "write an object" : "write a list");
    if (size > f->max_items)
        return refuse(r, f, "more than it may have");
    uint32_t n = (uint32_t)size;
    uint8_t *items = arena_array(r->mem, n, f->item_size);
    int bad = pairs ? read_pairs(r, f, items, value) : read_items(r, f, items, value);

    memcpy((uint8_t *)ret + f->offset, &items, sizeof(items));
    memcpy((uint8_t *)ret + f->offset_n, &n, sizeof(n));
    return bad;
}

/* ---- structs ---- */

static int refuse_unknown(struct reader *r, const struct wire_struct *type, const char *key)
{
    if (r->why->len)
        return 1;
    buf_printf(r->why, "there is no '%s' here; it takes", key);
    for (uint32_t i = 0; i < type->fields_n; i++)
        buf_printf(r->why, "%s %s", i ? "," : "", type->fields[i].name);
    return 1;
}

static const struct wire_field *field_named(const struct wire_struct *type, const char *name)
{
    for (uint32_t i = 0; i < type->fields_n; i++) {
        if (strcmp(type->fields[i].name, name) == 0)
            return &type->fields[i];
    }
    return NULL;
}

static int read_field(struct reader *r, const struct wire_field *f, void *ret, const json_t *value)
{
    uint8_t *p = (uint8_t *)ret + f->offset;

    if (f->list)
        return read_list(r, f, ret, value);
    if (!f->optional)
        return read_one(r, f, p, value);
    void *sub = arena_alloc(r->mem, f->sub->size);

    memcpy(p, &sub, sizeof(sub));
    return read_one(r, f, sub, value);
}

static int read_struct(struct reader *r, const struct wire_struct *type, void *ret,
                       const json_t *object)
{
    const char *key;
    json_t *value;
    int bad = 0;

    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        const struct wire_field *f = field_named(type, key);

        if (!f)
            bad = refuse_unknown(r, type, key);
        else if (!json_is_null(value))
            bad |= read_field(r, f, ret, value);
    }
    return bad;
}

int message_read(void *ret, const struct wire_struct *type, const json_t *object, struct arena *mem,
                 struct buf *why)
{
    struct reader r = {.mem = mem, .why = why};

    return read_struct(&r, type, ret, object) != 0;
}
