/* kawanet/msgpack-test-suite: 85 values in 233 encodings, see the README beside the data. */
#include "wire/codec.h"

#include "data.h"
#include "test.h"

#include <jansson.h>
#include <msgpack.h>
#include <string.h>

/* ---- from JSON ---- */

static struct bytes unhex(struct arena *mem, const char *text)
{
    uint8_t *out = arena_alloc(mem, strlen(text) + 1);
    size_t n = 0;

    for (const char *p = text; *p != '\0'; p += p[2] == '-' ? 3 : 2)
        out[n++] = (uint8_t)strtoul((char[]){p[0], p[1], '\0'}, NULL, 16);
    return bytes_of(out, n);
}

static bool object_is(msgpack_object o, json_t *v);

static bool array_is(msgpack_object o, json_t *v)
{
    if (o.type != MSGPACK_OBJECT_ARRAY || o.via.array.size != json_array_size(v))
        return false;
    for (uint32_t i = 0; i < o.via.array.size; i++) {
        if (!object_is(o.via.array.ptr[i], json_array_get(v, i)))
            return false;
    }
    return true;
}

static bool map_is(msgpack_object o, json_t *v)
{
    if (o.type != MSGPACK_OBJECT_MAP || o.via.map.size != json_object_size(v))
        return false;
    for (uint32_t i = 0; i < o.via.map.size; i++) {
        msgpack_object key = o.via.map.ptr[i].key;
        json_t *there = json_object_getn(v, key.via.str.ptr, key.via.str.size);
        if (there == NULL || !object_is(o.via.map.ptr[i].val, there))
            return false;
    }
    return true;
}

static bool number_is(msgpack_object o, double number)
{
    switch (o.type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return (double)o.via.u64 == number;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return (double)o.via.i64 == number;
    default:
        return (o.type == MSGPACK_OBJECT_FLOAT32 || o.type == MSGPACK_OBJECT_FLOAT64) &&
               o.via.f64 == number;
    }
}

static bool object_is(msgpack_object o, json_t *v)
{
    if (json_is_null(v))
        return o.type == MSGPACK_OBJECT_NIL;
    if (json_is_boolean(v))
        return o.type == MSGPACK_OBJECT_BOOLEAN && o.via.boolean == json_is_true(v);
    if (json_is_number(v))
        return number_is(o, json_number_value(v));
    if (json_is_string(v))
        return o.type == MSGPACK_OBJECT_STR &&
               bytes_equal(bytes_of(o.via.str.ptr, o.via.str.size),
                           bytes_of(json_string_value(v), json_string_length(v)));
    return json_is_array(v) ? array_is(o, v) : map_is(o, v);
}

static bool big_is(msgpack_object o, const char *digits)
{
    if (o.type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        return o.via.i64 == strtoll(digits, NULL, 10);
    if (o.type == MSGPACK_OBJECT_POSITIVE_INTEGER)
        return digits[0] != '-' && o.via.u64 == strtoull(digits, NULL, 10);
    return number_is(o, strtod(digits, NULL));
}

static bool ext_is(struct arena *mem, msgpack_object o, json_t *v)
{
    struct bytes data = unhex(mem, json_string_value(json_array_get(v, 1)));

    return o.type == MSGPACK_OBJECT_EXT &&
           o.via.ext.type == json_integer_value(json_array_get(v, 0)) &&
           bytes_equal(data, bytes_of(o.via.ext.ptr, o.via.ext.size));
}

static bool timestamp_is(msgpack_object o, json_t *v)
{
    msgpack_timestamp t;

    return msgpack_object_to_timestamp(&o, &t) &&
           t.tv_sec == json_integer_value(json_array_get(v, 0)) &&
           t.tv_nsec == json_integer_value(json_array_get(v, 1));
}

/* Whether o is what an entry of the suite says. */
static bool entry_is(struct arena *mem, msgpack_object o, json_t *entry)
{
    static const char *const plain[] = {"nil", "bool", "number", "string", "array", "map"};
    json_t *v;

    if ((v = json_object_get(entry, "bignum")) != NULL)
        return big_is(o, json_string_value(v));
    if ((v = json_object_get(entry, "ext")) != NULL)
        return ext_is(mem, o, v);
    if ((v = json_object_get(entry, "timestamp")) != NULL)
        return timestamp_is(o, v);
    if ((v = json_object_get(entry, "binary")) != NULL)
        return o.type == MSGPACK_OBJECT_BIN && bytes_equal(unhex(mem, json_string_value(v)),
                                                           bytes_of(o.via.bin.ptr, o.via.bin.size));
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if ((v = json_object_get(entry, plain[i])) != NULL)
            return object_is(o, v);
    }
    return false;
}

/* ---- the suite ---- */

/* Calls check for every entry; returns how many encodings there were. */
static size_t for_each_entry(void (*check)(struct arena *mem, json_t *entry))
{
    char *text = test_data("msgpack/msgpack-test-suite.json", NULL);
    struct arena mem = {0};
    json_t *suite, *group, *entry;
    const char *name;
    size_t i, count = 0;

    if (text == NULL)
        skip();
    suite = json_loads(text, JSON_DECODE_ANY, NULL);
    free(text);
    assert_non_null(suite);
    json_object_foreach(suite, name, group)
    {
        json_array_foreach(group, i, entry)
        {
            check(&mem, entry);
            count += json_array_size(json_object_get(entry, "msgpack"));
        }
    }
    json_decref(suite);
    arena_deinit(&mem);
    return count;
}

static void check_decodes(struct arena *mem, json_t *entry)
{
    json_t *hex;
    size_t i, len = 0, off = 0;

    json_array_foreach(json_object_get(entry, "msgpack"), i, hex)
    {
        struct bytes in = unhex(mem, json_string_value(hex));
        msgpack_unpacked u;
        const char *why = "";

        if (skim(in, &len, &why) != 0 || len != in.len)
            fail_msg("%s: %s", json_string_value(hex), why);
        msgpack_unpacked_init(&u);
        off = 0;
        assert_int_equal(msgpack_unpack_next(&u, (const char *)in.data, in.len, &off),
                         MSGPACK_UNPACK_SUCCESS);
        if (!entry_is(mem, u.data, entry))
            fail_msg("%s is read as something else", json_string_value(hex));
        msgpack_unpacked_destroy(&u);
    }
}

static void all_encodings_decode(void **state)
{
    (void)state;
    assert_int_equal(for_each_entry(check_decodes), 233);
}

static void check_cut_off(struct arena *mem, json_t *entry)
{
    json_t *hex;
    size_t i, len;
    const char *why;

    json_array_foreach(json_object_get(entry, "msgpack"), i, hex)
    {
        struct bytes in = unhex(mem, json_string_value(hex));
        for (size_t cut = 0; cut < in.len; cut++)
            assert_int_equal(skim(bytes_of(in.data, cut), &len, &why), SKIM_BAD);
    }
}

static void cut_off_anywhere_none_is_accepted(void **state)
{
    (void)state;
    for_each_entry(check_cut_off);
}

/* ---- values that Kith writes, through a table: an array of one field, 91 and the value ---- */

struct sample {
    bool b;
    uint64_t u;
    int64_t i;
    struct bytes text, data;
    const struct bytes *list;
    uint32_t list_n;
};

static const struct wire_field one_bool = {.path = "b",
                                           .id = 1,
                                           .type = WIRE_T_BOOL,
                                           .required = true,
                                           .offset = offsetof(struct sample, b)};
static const struct wire_field one_unsigned = {.path = "u",
                                               .id = 1,
                                               .type = WIRE_T_U64,
                                               .required = true,
                                               .offset = offsetof(struct sample, u),
                                               .max_value = UINT64_MAX};
static const struct wire_field one_signed = {.path = "i",
                                             .id = 1,
                                             .type = WIRE_T_I64,
                                             .required = true,
                                             .offset = offsetof(struct sample, i),
                                             .min = INT64_MIN,
                                             .max_value = INT64_MAX};
static const struct wire_field one_text = {.path = "text",
                                           .id = 1,
                                           .type = WIRE_T_STR,
                                           .required = true,
                                           .offset = offsetof(struct sample, text),
                                           .max = 1000};
static const struct wire_field one_data = {.path = "data",
                                           .id = 1,
                                           .type = WIRE_T_BYTES,
                                           .required = true,
                                           .offset = offsetof(struct sample, data),
                                           .max = 1000};

/* The field for an entry, and its value in *ret; NULL when Kith writes nothing of the kind. */
static const struct wire_field *sample_of(struct arena *mem, json_t *entry, struct sample *ret)
{
    json_t *v;

    if ((v = json_object_get(entry, "bool")) != NULL) {
        ret->b = json_is_true(v);
        return &one_bool;
    }
    if ((v = json_object_get(entry, "string")) != NULL) {
        ret->text = bytes_of(json_string_value(v), json_string_length(v));
        return &one_text;
    }
    if ((v = json_object_get(entry, "binary")) != NULL) {
        ret->data = unhex(mem, json_string_value(v));
        return &one_data;
    }
    if ((v = json_object_get(entry, "bignum")) != NULL) {
        ret->u = strtoull(json_string_value(v), NULL, 10);
        ret->i = strtoll(json_string_value(v), NULL, 10);
        return json_string_value(v)[0] == '-' ? &one_signed : &one_unsigned;
    }
    if ((v = json_object_get(entry, "number")) != NULL && json_is_integer(v)) {
        ret->u = (uint64_t)json_integer_value(v);
        ret->i = json_integer_value(v);
        return ret->i < 0 ? &one_signed : &one_unsigned;
    }
    return NULL;
}

/* The shortest of an entry's encodings that is no float. */
static size_t shortest(struct arena *mem, json_t *entry)
{
    size_t i, best = SIZE_MAX;
    json_t *hex;

    json_array_foreach(json_object_get(entry, "msgpack"), i, hex)
    {
        struct bytes in = unhex(mem, json_string_value(hex));
        bool is_float = in.data[0] == 0xca || in.data[0] == 0xcb;
        if (!is_float && in.len < best)
            best = in.len;
    }
    return best;
}

static bool listed(struct arena *mem, json_t *entry, struct bytes b)
{
    size_t i;
    json_t *hex;

    json_array_foreach(json_object_get(entry, "msgpack"), i, hex)
    {
        if (bytes_equal(unhex(mem, json_string_value(hex)), b))
            return true;
    }
    return false;
}

static void check_shortest(struct arena *mem, json_t *entry)
{
    struct sample v = {0};
    const struct wire_field *field = sample_of(mem, entry, &v);

    if (field == NULL)
        return;
    const struct wire_struct type = {
        .name = "sample", .size = sizeof(v), .fields = field, .fields_n = 1, .array = true};
    struct buf out = {0};
    wire_encode(&out, &type, &v);
    assert_int_equal(out.data[0], 0x91);
    struct bytes value = bytes_of(out.data + 1, out.len - 1);
    assert_int_equal(value.len, shortest(mem, entry));
    assert_true(listed(mem, entry, value));
    buf_deinit(&out);
}

static void the_shortest_form_is_written(void **state)
{
    (void)state;
    for_each_entry(check_shortest);
}

/* Every encoding of a value that is of the field's type reads as the same value. */
static void check_read(struct arena *mem, json_t *entry)
{
    struct sample v = {0}, got;
    const struct wire_field *field = sample_of(mem, entry, &v);
    struct wire_error err;
    json_t *hex;
    size_t i;

    if (field == NULL)
        return;
    const struct wire_struct type = {
        .name = "sample", .size = sizeof(v), .fields = field, .fields_n = 1, .array = true};
    json_array_foreach(json_object_get(entry, "msgpack"), i, hex)
    {
        struct bytes in = unhex(mem, json_string_value(hex));
        bool is_float = in.data[0] == 0xca || in.data[0] == 0xcb;
        uint8_t *framed = arena_alloc(mem, in.len + 1);
        framed[0] = 0x91;
        memcpy(framed + 1, in.data, in.len);
        int r = wire_decode(&got, &type, bytes_of(framed, in.len + 1), mem, &err);
        assert_int_equal(r, is_float ? WIRE_BAD : 0);
        if (is_float)
            continue;
        struct buf a = {0}, b = {0};
        wire_encode(&a, &type, &v);
        wire_encode(&b, &type, &got);
        assert_true(bytes_equal(buf_bytes(&a), buf_bytes(&b)));
        buf_deinit(&a);
        buf_deinit(&b);
    }
}

static void every_form_is_read_alike_and_floats_are_refused(void **state)
{
    (void)state;
    for_each_entry(check_read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_encodings_decode),
        cmocka_unit_test(cut_off_anywhere_none_is_accepted),
        cmocka_unit_test(the_shortest_form_is_written),
        cmocka_unit_test(every_form_is_read_alike_and_floats_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
