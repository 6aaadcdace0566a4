#include "view/column.h"

#include "view/rfc3339.h"
#include "view/safe.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- values ---- */

static json_t *from_bytes(struct bytes b)
{
    json_t *v = json_stringn((const char *)b.data, b.len);

    if (v != NULL)
        return v;
    return json_string(""); /* len 0 without data; what came over the wire is UTF-8 */
}

static json_t *from_hex(struct bytes b)
{
    struct buf text = {0};

    for (size_t i = 0; i < b.len; i++)
        buf_printf(&text, "%02x", b.data[i]);
    json_t *v = from_bytes(buf_bytes(&text));
    buf_deinit(&text);
    return v;
}

/* JSON's numbers are 64-bit signed in jansson; larger ones are no count of anything: as text. */
static json_t *from_unsigned(uint64_t u)
{
    char text[24];

    if (u <= INT64_MAX)
        return json_integer((json_int_t)u);
    snprintf(text, sizeof(text), "%" PRIu64, u);
    return json_string(text);
}

static json_t *from_ulid(const struct ulid *id)
{
    return ulid_is_zero(id) ? json_null() : json_string(ulid_text(id).s);
}

static json_t *from_struct(const struct wire_struct *type, const void *v);

/* The value at p, an item if f is a list. */
static json_t *from_one(const struct wire_field *f, const void *p)
{
    switch (f->type) {
    case WIRE_T_BOOL:
        return json_boolean(*(const bool *)p);
    case WIRE_T_I64:
        return json_integer(wire_load_i64(p));
    case WIRE_T_ULID:
        return from_ulid(p);
    case WIRE_T_KEY32:
        return from_hex(bytes_of(p, sizeof(struct key32)));
    case WIRE_T_STR:
        return from_bytes(wire_load_bytes(p));
    case WIRE_T_BYTES:
        return from_hex(wire_load_bytes(p));
    case WIRE_T_ENUM:
        return json_string(wire_enum_name(f->names, (uint32_t)wire_load(f, p)));
    case WIRE_T_STRUCT:
        return from_struct(f->sub, p);
    default:
        return from_unsigned(wire_load(f, p));
    }
}

static json_t *from_list(const struct wire_field *f, const void *item, const struct columns *rows)
{
    struct wire_list list = wire_load_list(f, item);
    json_t *array = json_array();

    for (uint32_t i = 0; i < list.n; i++) {
        const void *p = list.items + i * f->item_size;
        json_array_append_new(array, rows != NULL ? columns_object(rows, p) : from_one(f, p));
    }
    return array;
}

/* Names and values, such as tags and environments: two fields, the first of them a text. */
static bool is_pair(const struct wire_field *f)
{
    return f->list && f->type == WIRE_T_STRUCT && f->sub->fields_n == 2 &&
           f->sub->fields[0].type == WIRE_T_STR && !f->sub->fields[0].list &&
           !f->sub->fields[1].list;
}

/* A key that comes again, as the services of one command do, gathers its texts: "db, api". */
static json_t *joined(const json_t *before, json_t *value)
{
    if (!json_is_string(before) || !json_is_string(value))
        return value;
    json_t *both = json_sprintf("%s, %s", json_string_value(before), json_string_value(value));
    json_decref(value);
    return both;
}

static json_t *from_pairs(const struct wire_field *f, const void *item)
{
    struct wire_list list = wire_load_list(f, item);
    json_t *object = json_object();

    assert(is_pair(f));
    for (uint32_t i = 0; i < list.n; i++) {
        const void *pair = list.items + i * f->item_size;
        struct bytes key = wire_load_bytes(wire_field_at(&f->sub->fields[0], pair));
        json_t *value = from_one(&f->sub->fields[1], wire_field_at(&f->sub->fields[1], pair));
        const char *name = key.len > 0 ? (const char *)key.data : "";
        value = joined(json_object_getn(object, name, key.len), value);
        json_object_setn_new(object, name, key.len, value);
    }
    return object;
}

static json_t *from_field(const struct wire_field *f, const void *item)
{
    if (is_pair(f))
        return from_pairs(f, item);
    if (f->list)
        return from_list(f, item, NULL);
    const void *p = wire_field_at(f, item);
    return p != NULL ? from_one(f, p) : NULL;
}

/* Field by field, without empty texts, lists and structs. */
static json_t *from_struct(const struct wire_struct *type, const void *v)
{
    json_t *object = json_object();

    for (uint32_t i = 0; i < type->fields_n; i++) {
        const struct wire_field *f = &type->fields[i];
        bool scalar = !f->list && f->type != WIRE_T_STR && f->type != WIRE_T_BYTES &&
                      f->type != WIRE_T_STRUCT && f->type != WIRE_T_ULID;
        if (!scalar && wire_field_is_zero(f, v))
            continue;
        json_object_set_new(object, f->name, from_field(f, v));
    }
    return object;
}

/* ---- columns ---- */

const struct wire_field *column_field(const struct wire_struct *type, const char *name)
{
    uint32_t i = 0;

    while (i < type->fields_n && strcmp(type->fields[i].name, name) != 0)
        i++;
    assert(i < type->fields_n);
    return &type->fields[i];
}

static json_t *from_time(int64_t ms)
{
    return ms == 0 ? json_null() : json_string(rfc3339_text(ms).s);
}

json_t *column_value(const struct column *c, const struct wire_struct *type, const void *item)
{
    char text[24];

    if (c->as == COLUMN_MADE)
        return c->make(item);
    const struct wire_field *f = column_field(type, c->field);
    const void *p = wire_field_at(f, item);
    switch (c->as) {
    case COLUMN_TIME:
        return from_time(wire_load_i64(p));
    case COLUMN_US_AS_MS:
        return wire_load(f, p) == 0 ? json_null() : json_real((double)wire_load(f, p) / 1000.0);
    case COLUMN_HEX:
        snprintf(text, sizeof(text), "%016" PRIx64, wire_load(f, p));
        return json_string(text);
    case COLUMN_MAP:
        return from_pairs(f, item);
    case COLUMN_ROWS:
        return from_list(f, item, c->rows);
    default:
        return from_field(f, item);
    }
}

json_t *columns_object(const struct columns *c, const void *item)
{
    json_t *object = json_object();

    for (size_t i = 0; i < c->n; i++) {
        if (c->items[i].name == NULL)
            continue;
        json_t *value = column_value(&c->items[i], c->type, item);
        if (value != NULL)
            json_object_set_new(object, c->items[i].name, value);
    }
    return object;
}

/* ---- cells ---- */

static void cell_number(struct buf *out, const json_t *value)
{
    if (json_is_integer(value))
        buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        buf_printf(out, "%.3f", json_real_value(value));
}

static void cell_list(struct buf *out, const json_t *value)
{
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (i > 0)
            buf_byte(out, ',');
        column_cell(out, json_array_get(value, i));
    }
}

static void cell_object(struct buf *out, const json_t *value)
{
    const char *key;
    json_t *v;
    bool first = true;

    json_object_foreach((json_t *)(uintptr_t)value, key, v)
    {
        if (!first)
            buf_byte(out, ',');
        first = false;
        safe_line(out, bytes_str(key));
        buf_byte(out, '=');
        column_cell(out, v);
    }
}

void column_cell(struct buf *out, const json_t *value)
{
    size_t before = out->len;

    if (json_is_string(value))
        safe_line(out, bytes_of(json_string_value(value), json_string_length(value)));
    else if (json_is_number(value))
        cell_number(out, value);
    else if (json_is_boolean(value))
        buf_str(out, json_is_true(value) ? "yes" : "no");
    else if (json_is_array(value))
        cell_list(out, value);
    else if (json_is_object(value))
        cell_object(out, value);
    if (out->len == before)
        buf_byte(out, '-');
}
