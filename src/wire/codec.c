#include "wire/codec.h"

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
    struct arena *mem;
    struct wire_error *err;
    bool again; /* it was read before: its values are within their bounds */
};

static int get_struct(struct reader *r, const struct wire_struct *type, void *ret,
                      const msgpack_object *o);

static int refuse(struct wire_error *err, const char *field, const char *why)
{
    *err = (struct wire_error){.field = field, .why = why};
    return WIRE_BAD;
}

static int wrong_type(struct reader *r, const struct wire_field *f)
{
    return refuse(r->err, f->path, "of the wrong type");
}

static int check(struct reader *r, const struct wire_field *f, const void *p)
{
    return r->again ? 0 : wire_check_value(f, p, r->err);
}

static int get_unsigned(struct reader *r, const struct wire_field *f, void *p,
                        const msgpack_object *o)
{
    if (o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        return refuse(r->err, f->path, "out of range");
    if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return wrong_type(r, f);
    if (o->via.u64 > (f->type == WIRE_T_ENUM ? UINT32_MAX : f->max_value))
        return refuse(r->err, f->path, "out of range");
    wire_store(f, p, o->via.u64);
    return check(r, f, p);
}

static int get_signed(struct reader *r, const struct wire_field *f, void *p,
                      const msgpack_object *o)
{
    if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER && o->type != MSGPACK_OBJECT_NEGATIVE_INTEGER)
        return wrong_type(r, f);
    if (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER && o->via.u64 > INT64_MAX)
        return refuse(r->err, f->path, "out of range");
    *(int64_t *)p = o->via.i64;
    return check(r, f, p);
}

static int get_fixed(struct reader *r, const struct wire_field *f, void *p, size_t size,
                     const msgpack_object *o)
{
    if (o->type != MSGPACK_OBJECT_BIN)
        return wrong_type(r, f);
    if (o->via.bin.size != size)
        return refuse(r->err, f->path, "of the wrong length");
    memcpy(p, o->via.bin.ptr, size);
    return 0;
}

static int get_bytes(struct reader *r, const struct wire_field *f, void *p, const msgpack_object *o)
{
    bool text = f->type == WIRE_T_STR;

    if (o->type != (text ? MSGPACK_OBJECT_STR : MSGPACK_OBJECT_BIN))
        return wrong_type(r, f);
    struct bytes b = text ? bytes_of(o->via.str.ptr, o->via.str.size)
                          : bytes_of(o->via.bin.ptr, o->via.bin.size);
    *(struct bytes *)p = b;
    return check(r, f, p);
}

static int get_one(struct reader *r, const struct wire_field *f, void *p, const msgpack_object *o)
{
    switch (f->type) {
    case WIRE_T_BOOL:
        if (o->type != MSGPACK_OBJECT_BOOLEAN)
            return wrong_type(r, f);
        *(bool *)p = o->via.boolean;
        return 0;
    case WIRE_T_I64:
        return get_signed(r, f, p, o);
    case WIRE_T_ULID:
        return get_fixed(r, f, p, sizeof(struct ulid), o);
    case WIRE_T_KEY32:
        return get_fixed(r, f, p, sizeof(struct key32), o);
    case WIRE_T_STR:
    case WIRE_T_BYTES:
        return get_bytes(r, f, p, o);
    case WIRE_T_STRUCT:
        return get_struct(r, f->sub, p, o);
    default:
        return get_unsigned(r, f, p, o);
    }
}

static int get_list(struct reader *r, const struct wire_field *f, void *ret,
                    const msgpack_object *o)
{
    if (o->type != MSGPACK_OBJECT_ARRAY)
        return wrong_type(r, f);
    uint32_t n = o->via.array.size;
    if (n > f->max_items)
        return refuse(r->err, f->path, "more items than allowed");
    if (n == 0)
        return 0;

    uint8_t *items = arena_array(r->mem, n, f->item_size);
    for (uint32_t i = 0; i < n; i++) {
        if (get_one(r, f, items + i * f->item_size, &o->via.array.ptr[i]) != 0)
            return WIRE_BAD;
    }
    memcpy((uint8_t *)ret + f->offset, &items, sizeof(items));
    memcpy((uint8_t *)ret + f->offset_n, &n, sizeof(n));
    return 0;
}

static int get_field(struct reader *r, const struct wire_field *f, void *ret,
                     const msgpack_object *o)
{
    uint8_t *p = (uint8_t *)ret + f->offset;

    if (f->list)
        return get_list(r, f, ret, o);
    if (!f->optional)
        return get_one(r, f, p, o);
    void *sub = arena_alloc(r->mem, f->sub->size);
    memcpy(p, &sub, sizeof(sub));
    return get_one(r, f, sub, o);
}

static int get_array(struct reader *r, const struct wire_struct *type, void *ret,
                     const msgpack_object *o)
{
    if (o->type != MSGPACK_OBJECT_ARRAY)
        return refuse(r->err, type->name, "no array");
    for (uint32_t i = 0; i < type->fields_n; i++) {
        const struct wire_field *f = &type->fields[i];
        bool absent = i >= o->via.array.size || o->via.array.ptr[i].type == MSGPACK_OBJECT_NIL;
        if (absent && f->required)
            return refuse(r->err, f->path, "missing");
        if (!absent && get_field(r, f, ret, &o->via.array.ptr[i]) != 0)
            return WIRE_BAD;
    }
    return 0;
}

/* *highest is the largest key before this one: keys that ascend, as we write them, are not
 * searched. */
static bool key_repeated(const msgpack_object_map *map, uint32_t at, uint64_t *highest)
{
    uint64_t key = map->ptr[at].key.via.u64;

    if (at == 0 || key > *highest) {
        *highest = key;
        return false;
    }
    for (uint32_t i = 0; i < at; i++) {
        if (map->ptr[i].key.via.u64 == key)
            return true;
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

static int get_map(struct reader *r, const struct wire_struct *type, void *ret,
                   const msgpack_object_map *map)
{
    uint64_t seen = 0; /* bit id - 1; the generator allows ids up to 64 */
    uint64_t highest = 0;

    for (uint32_t i = 0; i < map->size; i++) {
        const msgpack_object *key = &map->ptr[i].key;
        if (key->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
            return refuse(r->err, type->name, "has a key that is no number");
        if (key_repeated(map, i, &highest))
            return refuse(r->err, type->name, "has a key twice");
        const struct wire_field *f = field_by_id(type, key->via.u64);
        if (f == NULL)
            continue;
        if (get_field(r, f, ret, &map->ptr[i].val) != 0)
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

static int get_struct(struct reader *r, const struct wire_struct *type, void *ret,
                      const msgpack_object *o)
{
    if (type->array)
        return get_array(r, type, ret, o);
    if (o->type != MSGPACK_OBJECT_MAP)
        return refuse(r->err, type->name, "no map");
    if (o->via.map.size > WIRE_MAX_KEYS)
        return refuse(r->err, type->name, "has too many keys");
    return get_map(r, type, ret, &o->via.map);
}

/* For the objects of most messages. The library's own choice is 8 KiB, which malloc() hands out less readily. */
#define ZONE_BYTES 768

/* The value that `in` begins with, which skim() has bounded. */
static int get(struct reader *r, const struct wire_struct *type, void *ret, struct bytes in)
{
    msgpack_object read;
    msgpack_zone zone;
    size_t used = 0;
    bool ready = msgpack_zone_init(&zone, ZONE_BYTES);

    assert(ready); /* as mem_alloc() */
    (void)ready;
    msgpack_unpack_return got = msgpack_unpack((const char *)in.data, in.len, &used, &zone, &read);
    int result = got == MSGPACK_UNPACK_SUCCESS || got == MSGPACK_UNPACK_EXTRA_BYTES
                     ? get_struct(r, type, ret, &read)
                     : refuse(r->err, type->name, "no MessagePack");
    msgpack_zone_destroy(&zone);
    return result;
}

int wire_decode_first(void *ret, const struct wire_struct *type, struct bytes in, size_t *ret_len,
                      struct arena *mem, struct wire_error *err)
{
    struct reader r = {.mem = mem, .err = err};
    const char *why;

    memset(ret, 0, type->size);
    if (skim(in, ret_len, &why) != 0)
        return refuse(err, type->name, why);
    if (get(&r, type, ret, bytes_of(in.data, *ret_len)) == 0)
        return 0;
    memset(ret, 0, type->size);
    return WIRE_BAD;
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

void wire_decode_again(void *ret, const struct wire_struct *type, struct bytes in,
                       struct arena *mem)
{
    struct wire_error err;
    struct reader r = {.mem = mem, .err = &err, .again = true};

    memset(ret, 0, type->size);
    int bad = get(&r, type, ret, in);

    assert(!bad);
    (void)bad;
}
