/* Hand-made bytes against the generated codecs, then every struct with random values. */
#include "wire/codec.h"

#include "test.h"
#include "wire/wire.h"
#include "wire_random.h"

#include <stdlib.h>
#include <string.h>

#define BYTES(text) bytes_of(text, sizeof(text) - 1)

/* Decodes with an arena of its own; *err says why not. */
static int decoded(const struct wire_struct *type, struct bytes in, struct wire_error *err)
{
    struct arena mem = {0};
    void *v = arena_alloc(&mem, type->size);
    int r = wire_decode(v, type, in, &mem, err);

    if (r != 0)
        assert_true(wire_is_zero(type, v));
    arena_deinit(&mem);
    return r;
}

static void assert_refused(const struct wire_struct *type, struct bytes in, const char *field,
                           const char *why)
{
    struct wire_error err = {0};

    assert_int_equal(decoded(type, in, &err), WIRE_BAD);
    assert_string_equal(err.field, field);
    assert_string_equal(err.why, why);
}

/* ---- the encoding, byte for byte ---- */

static void fields_at_zero_are_left_out(void **state)
{
    (void)state;
    struct buf out = {0};

    probe_encode(&out, &(struct probe){.nonce = 0, .suspected = true});
    assert_true(bytes_equal(buf_bytes(&out), BYTES("\x82\x01\x00\x04\xc3")));
    buf_reset(&out);
    get_info_encode(&out, &(struct get_info){0});
    assert_true(bytes_equal(buf_bytes(&out), BYTES("\x80")));
    buf_deinit(&out);
}

static void an_array_ends_with_its_last_field_that_is_set(void **state)
{
    (void)state;
    struct envelope e = {
        .format = 1, .proto_min = 1, .proto_max = 1, .lane = 1, .kind = 1, .seq = 5};
    struct wire_error err;
    struct arena mem = {0};
    struct envelope got;
    struct buf out = {0};

    envelope_encode(&out, &e);
    assert_int_equal(out.data[0], 0x99);
    buf_reset(&out);
    e.correlation = 7;
    envelope_encode(&out, &e);
    assert_int_equal(out.data[0], 0x9b);
    assert_int_equal(out.data[out.len - 2], 0xc0); /* flags, nil */
    assert_int_equal(out.data[out.len - 1], 7);
    assert_int_equal(envelope_decode(&got, buf_bytes(&out), &mem, &err), 0);
    assert_true(wire_same(&envelope_struct, &e, &got));
    buf_deinit(&out);
    arena_deinit(&mem);
}

static void elements_of_a_later_version_are_skipped(void **state)
{
    (void)state;
    struct envelope e = {.format = 1, .lane = 1, .kind = 1, .trace = {{1}}};
    struct wire_error err;
    struct arena mem = {0};
    struct envelope got;
    struct buf out = {0};

    envelope_encode(&out, &e);
    assert_int_equal(out.data[0], 0x9d);
    out.data[0] = 0x9f; /* two more than there are today */
    buf_str(&out, "\xa1x\x92\x01\x02");
    assert_int_equal(envelope_decode(&got, buf_bytes(&out), &mem, &err), 0);
    assert_true(wire_same(&envelope_struct, &e, &got));

    assert_refused(&envelope_struct, BYTES("\x91\x01"), "envelope.cluster", "missing");
    assert_refused(&envelope_struct, BYTES("\x80"), "envelope", "no array");
    buf_deinit(&out);
    arena_deinit(&mem);
}

static void unknown_fields_are_skipped(void **state)
{
    (void)state;
    struct arena mem = {0};
    struct wire_error err;
    struct probe got;
    /* 1: 9, 60: {"a": [nil, 1.5]}, 1000: ext */
    struct bytes in = BYTES("\x83\x01\x09\x3c\x81\xa1"
                            "a\x92\xc0\xca\x3f\xc0\x00\x00\xcd\x03\xe8\xd4\x01\x02");

    assert_int_equal(probe_decode(&got, in, &mem, &err), 0);
    assert_int_equal(got.nonce, 9);
    arena_deinit(&mem);
}

static void keys_in_any_order_are_read(void **state)
{
    (void)state;
    struct arena mem = {0};
    struct wire_error err;
    struct probe got;

    assert_int_equal(probe_decode(&got, BYTES("\x82\x04\xc3\x01\x09"), &mem, &err), 0);
    assert_int_equal(got.nonce, 9);
    assert_true(got.suspected);
    arena_deinit(&mem);
}

/* ---- what is refused ---- */

static void a_repeated_key_is_refused(void **state)
{
    (void)state;
    assert_refused(&probe_struct, BYTES("\x82\x01\x09\x01\x09"), "probe", "has a key twice");
    assert_refused(&probe_struct, BYTES("\x83\x05\xc3\x01\x09\x05\xc3"), "probe",
                   "has a key twice");
    assert_refused(&probe_struct, BYTES("\x83\x01\x09\x50\xc3\x50\xc3"), "probe",
                   "has a key twice");
    assert_refused(&probe_struct, BYTES("\x84\x05\xc3\x03\x09\x04\xc3\x03\x01"), "probe",
                   "has a key twice");
}

static void keys_are_numbers_and_few(void **state)
{
    (void)state;
    struct buf many = {0};

    assert_refused(&probe_struct, BYTES("\x81\xa5nonce\x09"), "probe",
                   "has a key that is no number");
    assert_refused(&probe_struct, BYTES("\x81\xff\x09"), "probe", "has a key that is no number");
    buf_append(&many, "\xde\x01\x01", 3);
    for (unsigned i = 0; i < 257; i++)
        buf_append(&many, (uint8_t[]){0xcd, (uint8_t)(i >> 8), (uint8_t)i, 0xc0}, 4);
    assert_refused(&probe_struct, buf_bytes(&many), "probe", "has too many keys");
    buf_deinit(&many);
}

static void a_wrong_type_is_refused(void **state)
{
    (void)state;
    assert_refused(&probe_struct, BYTES("\x81\x01\xa1x"), "probe.nonce", "of the wrong type");
    assert_refused(&probe_struct, BYTES("\x81\x01\xcb\0\0\0\0\0\0\0\0"), "probe.nonce",
                   "of the wrong type");
    assert_refused(&probe_struct, BYTES("\x82\x01\x01\x04\x01"), "probe.suspected",
                   "of the wrong type");
    assert_refused(&probe_struct, BYTES("\x82\x01\x01\x02\xa1x"), "probe.about",
                   "of the wrong type");
    assert_refused(&probe_struct, BYTES("\x82\x01\x01\x02\xc4\x01x"), "probe.about",
                   "of the wrong length");
    assert_refused(&probe_struct, BYTES("\x82\x01\x01\x06\xc2"), "probe.sent_us",
                   "of the wrong type");
    assert_refused(&failed_struct, BYTES("\x82\x01\x01\x02\xc4\x01x"), "failed.text",
                   "of the wrong type");
    assert_refused(&member_list_struct, BYTES("\x81\x01\x80"), "member_list.members",
                   "of the wrong type");
    assert_refused(&member_list_struct, BYTES("\x81\x01\x91\x01"), "member_info", "no map");
    assert_refused(&probe_struct, BYTES("\x90"), "probe", "no map");
}

static void a_number_out_of_range_is_refused(void **state)
{
    (void)state;
    assert_refused(&probe_struct, BYTES("\x81\x01\xff"), "probe.nonce", "out of range");
    assert_refused(&probe_struct, BYTES("\x82\x01\x01\x06\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
                   "probe.sent_us", "out of range");
    assert_refused(&bound_port_struct, BYTES("\x82\x01\xa1x\x02\xce\x00\x01\x00\x00"),
                   "bound_port.port", "out of range");
    assert_refused(&failed_struct, BYTES("\x81\x01\x63"), "failed.code", "no number of this enum");
    assert_refused(&failed_struct, BYTES("\x81\x01\xcf\0\0\0\1\0\0\0\1"), "failed.code",
                   "out of range");
}

static void text_that_is_no_utf8_is_refused(void **state)
{
    (void)state;
    assert_refused(&failed_struct, BYTES("\x82\x01\x01\x02\xa2\xc0\xaf"), "failed.text",
                   "no UTF-8 text");
}

static void sizes_over_the_bounds_are_refused(void **state)
{
    (void)state;
    struct buf in = {0};

    buf_append(&in, "\x82\x01\x01\x03\xd9\x41", 6); /* failed.service, 65 bytes */
    for (int i = 0; i < 65; i++)
        buf_byte(&in, 'x');
    assert_refused(&failed_struct, buf_bytes(&in), "failed.service", "longer than allowed");

    buf_reset(&in);
    buf_append(&in, "\x81\x01\xdc\x01\x01", 5); /* why.lines, 257 of them */
    for (int i = 0; i < 257; i++)
        buf_byte(&in, 0xa0);
    assert_refused(&why_struct, buf_bytes(&in), "why.lines", "more items than allowed");
    buf_deinit(&in);
}

static void a_required_field_must_be_there(void **state)
{
    (void)state;
    assert_refused(&probe_struct, BYTES("\x80"), "probe.nonce", "missing");
    assert_refused(&probe_struct, BYTES("\x81\x04\xc3"), "probe.nonce", "missing");
}

static void nothing_may_follow(void **state)
{
    (void)state;
    struct wire_error err;
    struct arena mem = {0};
    struct probe got;
    size_t len;

    assert_refused(&probe_struct, BYTES("\x81\x01\x09\xc0"), "probe", "followed by more bytes");
    assert_int_equal(
        wire_decode_first(&got, &probe_struct, BYTES("\x81\x01\x09\xc0"), &len, &mem, &err), 0);
    assert_int_equal(len, 3);
    arena_deinit(&mem);
}

static void claims_and_depth_are_refused_before_anything_is_allocated(void **state)
{
    (void)state;
    char nest[64];

    assert_refused(&why_struct, BYTES("\x81\x01\xdd\xff\xff\xff\xff"), "why",
                   "claims more than there is");
    memset(nest, 0x91, sizeof(nest));
    assert_refused(&why_struct, bytes_of(nest, sizeof(nest)), "why", "nested too deep");
    assert_refused(&why_struct, bytes_of(NULL, 0), "why", "cut off, or no MessagePack");
}

/* ---- every struct of proto/ ---- */

#define ROUNDS 50

struct sample {
    const struct wire_struct *type;
    void *value;
    struct bytes bytes; /* its encoding */
};

/* Calls check with random values of every struct, allocated in an arena that lasts for the call. */
static void for_every_struct(void (*check)(const struct sample *s, struct arena *mem))
{
    struct arena mem = {0};
    struct buf out = {0};
    struct rng rng;

    rng_seed(&rng, 7);
    for (uint32_t i = 0; i < wire_structs_n; i++) {
        for (int round = 0; round < ROUNDS; round++) {
            struct sample s = {.type = wire_structs[i]};
            s.value = arena_alloc(&mem, s.type->size);
            wire_random(s.value, s.type, &rng, &mem);
            buf_reset(&out);
            wire_encode(&out, s.type, s.value);
            s.bytes = buf_bytes(&out);
            check(&s, &mem);
            arena_reset(&mem);
        }
    }
    buf_deinit(&out);
    arena_deinit(&mem);
}

static void check_round_trip(const struct sample *s, struct arena *mem)
{
    struct wire_error err;
    struct buf again = {0};
    void *got = arena_alloc(mem, s->type->size);

    if (wire_decode(got, s->type, s->bytes, mem, &err) != 0)
        fail_msg("%s: %s %s", s->type->name, err.field, err.why);
    if (!wire_same(s->type, s->value, got))
        fail_msg("%s comes back changed", s->type->name);
    wire_encode(&again, s->type, got);
    assert_true(bytes_equal(s->bytes, buf_bytes(&again)));
    buf_deinit(&again);
    wire_decode_again(got, s->type, s->bytes, mem);
    if (!wire_same(s->type, s->value, got))
        fail_msg("%s comes back changed when it is read again", s->type->name);
}

static void every_struct_survives_the_round_trip(void **state)
{
    (void)state;
    for_every_struct(check_round_trip);
}

static void check_cut_off(const struct sample *s, struct arena *mem)
{
    struct wire_error err;
    void *got = arena_alloc(mem, s->type->size);

    for (size_t cut = 0; cut < s->bytes.len; cut += 1 + s->bytes.len / 200) {
        /* on the heap and exact, so that the sanitizer sees a read beyond the end */
        uint8_t *part = malloc(cut + 1);
        memcpy(part + 1, s->bytes.data, cut);
        assert_int_equal(wire_decode(got, s->type, bytes_of(part + 1, cut), mem, &err), WIRE_BAD);
        free(part);
    }
}

static void cut_off_anywhere_none_is_accepted(void **state)
{
    (void)state;
    for_every_struct(check_cut_off);
}

/* One byte changed: refused, or read as something that can be written again. */
static void check_damaged(const struct sample *s, struct arena *mem)
{
    void *got = arena_alloc(mem, s->type->size);
    uint8_t *bytes = arena_alloc(mem, s->bytes.len);
    struct wire_error err;
    struct buf again = {0};

    for (size_t at = 0; at < s->bytes.len; at += 1 + s->bytes.len / 50) {
        memcpy(bytes, s->bytes.data, s->bytes.len);
        bytes[at] = (uint8_t)(bytes[at] * 31 + 101);
        buf_reset(&again);
        if (wire_decode(got, s->type, bytes_of(bytes, s->bytes.len), mem, &err) == 0)
            wire_encode(&again, s->type, got);
        else
            assert_true(err.field != NULL && err.why != NULL);
    }
    buf_deinit(&again);
}

static void damage_never_gives_a_value_that_cannot_be_written(void **state)
{
    (void)state;
    for_every_struct(check_damaged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_at_zero_are_left_out),
        cmocka_unit_test(an_array_ends_with_its_last_field_that_is_set),
        cmocka_unit_test(elements_of_a_later_version_are_skipped),
        cmocka_unit_test(unknown_fields_are_skipped),
        cmocka_unit_test(keys_in_any_order_are_read),
        cmocka_unit_test(a_repeated_key_is_refused),
        cmocka_unit_test(keys_are_numbers_and_few),
        cmocka_unit_test(a_wrong_type_is_refused),
        cmocka_unit_test(a_number_out_of_range_is_refused),
        cmocka_unit_test(text_that_is_no_utf8_is_refused),
        cmocka_unit_test(sizes_over_the_bounds_are_refused),
        cmocka_unit_test(a_required_field_must_be_there),
        cmocka_unit_test(nothing_may_follow),
        cmocka_unit_test(claims_and_depth_are_refused_before_anything_is_allocated),
        cmocka_unit_test(every_struct_survives_the_round_trip),
        cmocka_unit_test(cut_off_anywhere_none_is_accepted),
        cmocka_unit_test(damage_never_gives_a_value_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
