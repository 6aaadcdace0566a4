#include "wire/codec.h"

#include "wire/token.h"

#include <assert.h>
#include <msgpack.h>
#include <string.h>

/* ---- writing ---- */

/* Called for each head and body: nearly always there is room. */
static int append(void *out, const char *data, size_t len)
{
    struct buf *b = out;

    if (len == 0)
        return 0; /* and data may be NULL */
    if (b->cap - b->len < len)
        buf_reserve(b, len);
    memcpy(b->data + b->len, data, len);
    b->len += len;
    return 0;
}

static void put_struct(msgpack_packer *pk, const struct wire_struct *type, const void *v);

static void put_one(msgpack_packer *pk, const struct wire_field *f, const void *p)
{
    struct bytes b;

    switch (f->type) {
    case WIRE_T_BOOL:
        if (*(const bool *)p)
            msgpack_pack_true(pk);
        else
            msgpack_pack_false(pk);
        break;
    case WIRE_T_I64:
        msgpack_pack_int64(pk, wire_load_i64(p));
        break;
    case WIRE_T_ULID:
        msgpack_pack_bin_with_body(pk, p, sizeof(struct ulid));
        break;
    case WIRE_T_KEY32:
        msgpack_pack_bin_with_body(pk, p, sizeof(struct key32));
        break;
    case WIRE_T_STR:
        b = wire_load_bytes(p);
        msgpack_pack_str_with_body(pk, b.data, b.len);
        break;
    case WIRE_T_BYTES:
        b = wire_load_bytes(p);
        msgpack_pack_bin_with_body(pk, b.data, b.len);
        break;
    case WIRE_T_STRUCT:
        put_struct(pk, f->sub, p);
        break;
    default:
        msgpack_pack_uint64(pk, wire_load(f, p));
    }
}

static void put_field(msgpack_packer *pk, const struct wire_field *f, const void *v)
{
    if (!f->list) {
        put_one(pk, f, wire_field_at(f, v));
        return;
    }
    struct wire_list list = wire_load_list(f, v);
    msgpack_pack_array(pk, list.n);
    for (uint32_t i = 0; i < list.n; i++)
        put_one(pk, f, list.items + i * f->item_size);
}

static bool written(const struct wire_field *f, const void *v)
{
    return f->required || !wire_field_is_zero(f, v);
}

static void put_array(msgpack_packer *pk, const struct wire_struct *type, const void *v)
{
    uint32_t n = type->fields_n;

    while (n > 0 && !written(&type->fields[n - 1], v))
        n--;
    msgpack_pack_array(pk, n);
    for (uint32_t i = 0; i < n; i++) {
        if (written(&type->fields[i], v))
            put_field(pk, &type->fields[i], v);
        else
            msgpack_pack_nil(pk);
    }
}

static void put_struct(msgpack_packer *pk, const struct wire_struct *type, const void *v)
{
    uint32_t n = 0;

    if (type->array) {
        put_array(pk, type, v);
        return;
    }
    for (uint32_t i = 0; i < type->fields_n; i++)
        n += written(&type->fields[i], v);
    msgpack_pack_map(pk, n);
    for (uint32_t i = 0; i < type->fields_n; i++) {
        if (!written(&type->fields[i], v))
            continue;
        msgpack_pack_uint8(pk, type->fields[i].id);
        put_field(pk, &type->fields[i], v);
    }
}

void wire_write(struct buf *out, const struct wire_struct *type, const void *v)
{
    msgpack_packer pk;

    msgpack_packer_init(&pk, out, append);
    put_struct(&pk, type, v);
}

void wire_encode(struct buf *out, const struct wire_struct *type, const void *v)
{
    struct wire_error err = {0};

    assert(wire_check(type, v, &err) == 0);
    wire_write(out, type, v);
}

/* ---- reading ---- */

struct reader {
    struct tokens in;
    struct arena *mem;
    struct wire_error *err;
};

static int get_struct(struct reader *r, const struct wire_struct *type, void *ret);

static int refuse(struct wire_error *err, const char *field, const char *why)
{
    *err = (struct wire_error){.field = field, .why = why};
    return WIRE_BAD;
}

static void store(const struct wire_field *f, void *p, uint64_t v)
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

static int wrong_type(struct reader *r, const struct wire_field *f)
{
    return refuse(r->err, f->path, "of the wrong type");
}

static int get_unsigned(struct reader *r, const struct wire_field *f, void *p, struct token v)
{
    if (v.type == TOKEN_NEGATIVE)
        return refuse(r->err, f->path, "out of range");
    if (v.type != TOKEN_UNSIGNED)
        return wrong_type(r, f);
    if (v.number > (f->type == WIRE_T_ENUM ? UINT32_MAX : f->max_value))
        return refuse(r->err, f->path, "out of range");
    store(f, p, v.number);
    return wire_check_value(f, p, r->err);
}

static int get_signed(struct reader *r, const struct wire_field *f, void *p, struct token v)
{
    if (v.type != TOKEN_UNSIGNED && v.type != TOKEN_NEGATIVE)
        return wrong_type(r, f);
    if (v.type == TOKEN_UNSIGNED && v.number > INT64_MAX)
        return refuse(r->err, f->path, "out of range");
    *(int64_t *)p = v.type == TOKEN_UNSIGNED ? (int64_t)v.number : v.negative;
    return wire_check_value(f, p, r->err);
}

static int get_fixed(struct reader *r, const struct wire_field *f, void *p, size_t size,
                     struct token v)
{
    if (v.type != TOKEN_BIN)
        return wrong_type(r, f);
    if (v.bytes.len != size)
        return refuse(r->err, f->path, "of the wrong length");
    memcpy(p, v.bytes.data, size);
    return 0;
}

static int get_bytes(struct reader *r, const struct wire_field *f, void *p, struct token v)
{
    if (v.type != (f->type == WIRE_T_STR ? TOKEN_STR : TOKEN_BIN))
        return wrong_type(r, f);
    *(struct bytes *)p = v.bytes;
    return wire_check_value(f, p, r->err);
}

static int get_bool(struct reader *r, const struct wire_field *f, void *p, struct token v)
{
    if (v.type != TOKEN_BOOL)
        return wrong_type(r, f);
    *(bool *)p = v.boolean;
    return 0;
}

static int get_one(struct reader *r, const struct wire_field *f, void *p)
{
    if (f->type == WIRE_T_STRUCT)
        return get_struct(r, f->sub, p);
    struct token v = token_next(&r->in);
    switch (f->type) {
    case WIRE_T_BOOL:
        return get_bool(r, f, p, v);
    case WIRE_T_I64:
        return get_signed(r, f, p, v);
    case WIRE_T_ULID:
        return get_fixed(r, f, p, sizeof(struct ulid), v);
    case WIRE_T_KEY32:
        return get_fixed(r, f, p, sizeof(struct key32), v);
    case WIRE_T_STR:
    case WIRE_T_BYTES:
        return get_bytes(r, f, p, v);
    default:
        return get_unsigned(r, f, p, v);
    }
}

static int get_list(struct reader *r, const struct wire_field *f, void *ret)
{
    struct token list = token_next(&r->in);
    if (list.type != TOKEN_ARRAY)
        return wrong_type(r, f);
    uint32_t n = list.count;
    if (n > f->max_items)
        return refuse(r->err, f->path, "more items than allowed");
    if (n == 0)
        return 0;

    uint8_t *items = arena_array(r->mem, n, f->item_size);
    for (uint32_t i = 0; i < n; i++) {
        if (get_one(r, f, items + i * f->item_size) != 0)
            return WIRE_BAD;
    }
    memcpy((uint8_t *)ret + f->offset, &items, sizeof(items));
    memcpy((uint8_t *)ret + f->offset_n, &n, sizeof(n));
    return 0;
}

static int get_field(struct reader *r, const struct wire_field *f, void *ret)
{
    uint8_t *p = (uint8_t *)ret + f->offset;

    if (f->list)
        return get_list(r, f, ret);
    if (!f->optional)
        return get_one(r, f, p);
    void *sub = arena_alloc(r->mem, f->sub->size);
    memcpy(p, &sub, sizeof(sub));
    return get_one(r, f, sub);
}

static int get_array(struct reader *r, const struct wire_struct *type, void *ret)
{
    struct token array = token_next(&r->in);
    if (array.type != TOKEN_ARRAY)
        return refuse(r->err, type->name, "no array");
    for (uint32_t i = 0; i < type->fields_n; i++) {
        const struct wire_field *f = &type->fields[i];
        bool there = i < array.count, absent = !there || token_is_nil(&r->in);
        if (absent && f->required)
            return refuse(r->err, f->path, "missing");
        if (!absent && get_field(r, f, ret) != 0)
            return WIRE_BAD;
        if (absent && there)
            token_skip(&r->in);
    }
    for (uint32_t i = type->fields_n; i < array.count; i++)
        token_skip(&r->in); /* of a later version */
    return 0;
}

/* *highest is the largest key before this one: keys that ascend, as we write them, are not
 * searched. `first` stands at the first of the map. */
static bool key_repeated(struct tokens first, uint32_t at, uint64_t key, uint64_t *highest)
{
    if (at == 0 || key > *highest) {
        *highest = key;
        return false;
    }
    for (uint32_t i = 0; i < at; i++) {
        if (token_next(&first).number == key)
            return true;
        token_skip(&first);
    }
    return false;
}

static const struct wire_field *field_by_id(const struct wire_struct *type, uint64_t id)
{
    for (uint32_t i = 0; i < type->fields_n && type->fields[i].id <= id; i++) {
        if (type->fields[i].id == id)
            return &type->fields[i];
    }
    return NULL;
}

static int get_map(struct reader *r, const struct wire_struct *type, void *ret, uint32_t count)
{
    const struct tokens first = r->in;
    uint64_t seen = 0; /* bit id - 1; the generator allows ids up to 64 */
    uint64_t highest = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct token key = token_next(&r->in);
        if (key.type != TOKEN_UNSIGNED)
            return refuse(r->err, type->name, "has a key that is no number");
        if (key_repeated(first, i, key.number, &highest))
            return refuse(r->err, type->name, "has a key twice");
        const struct wire_field *f = field_by_id(type, key.number);
        if (f == NULL) {
            token_skip(&r->in);
            continue;
        }
        if (get_field(r, f, ret) != 0)
            return WIRE_BAD;
        seen |= UINT64_C(1) << (f->id - 1);
    }
    for (uint32_t i = 0; i < type->fields_n; i++) {
        const struct wire_field *f = &type->fields[i];
        if (f->required && (seen & UINT64_C(1) << (f->id - 1)) == 0)
            return refuse(r->err, f->path, "missing");
    }
    return 0;
}

static int get_struct(struct reader *r, const struct wire_struct *type, void *ret)
{
    if (type->array)
        return get_array(r, type, ret);
    struct token map = token_next(&r->in);
    if (map.type != TOKEN_MAP)
        return refuse(r->err, type->name, "no map");
    if (map.count > WIRE_MAX_KEYS)
        return refuse(r->err, type->name, "has too many keys");
    return get_map(r, type, ret, map.count);
}

int wire_decode_first(void *ret, const struct wire_struct *type, struct bytes in, size_t *ret_len,
                      struct arena *mem, struct wire_error *err)
{
    struct reader r = {.mem = mem, .err = err};
    const char *why;

    memset(ret, 0, type->size);
    if (skim(in, ret_len, &why) != 0)
        return refuse(err, type->name, why);
    r.in.left = bytes_of(in.data, *ret_len);
    int result = get_struct(&r, type, ret);
    if (result != 0)
        memset(ret, 0, type->size);
    return result;
}

int wire_decode(void *ret, const struct wire_struct *type, struct bytes in, struct arena *mem,
                struct wire_error *err)
{
    size_t len;

    if (wire_decode_first(ret, type, in, &len, mem, err) != 0)
        return WIRE_BAD;
    if (len == in.len)
        return 0;
    memset(ret, 0, type->size);
    return refuse(err, type->name, "followed by more bytes");
}
