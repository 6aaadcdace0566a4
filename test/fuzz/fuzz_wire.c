/*
 * Every generated decoder: the first two bytes choose the struct, the rest is its input. They share
 * one engine (wire/codec.h), so what is learnt about one serves all. KITH_FUZZ=probe in the
 * environment keeps to one struct.
 *
 * What a decoder accepts must be within its bounds, print, copy, and come back the same after it was
 * written. Inputs start from random values of the struct, so none need be kept as seeds.
 */
#include "wire/codec.h"

#include "wire/gen/kinds.h"
#include "wire/print.h"
#include "wire_random.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static uint32_t chosen(uint32_t number)
{
    const char *only = getenv("KITH_FUZZ");

    for (uint32_t i = 0; only != NULL && i < wire_structs_n; i++) {
        if (strcmp(wire_structs[i]->name, only) == 0)
            return i;
    }
    return number % wire_structs_n;
}

static void check_accepted(const struct wire_struct *type, const void *v, struct arena *mem)
{
    void *copy = arena_alloc(mem, type->size);
    void *again = arena_alloc(mem, type->size);
    struct wire_error err;
    struct buf out = {0};

    wire_print(&out, type, v);
    buf_reset(&out);
    wire_copy(mem, type, copy, v);
    wire_encode(&out, type, copy);
    int r = wire_decode(again, type, buf_bytes(&out), mem, &err);
    assert(r == 0 && wire_same(type, v, again));
    buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;

    const struct wire_struct *type = wire_structs[chosen(data[0] * 256u + data[1])];
    struct arena mem = {0};
    void *v = arena_alloc(&mem, type->size);
    struct wire_error err = {0};

    if (wire_decode(v, type, bytes_of(data + 2, size - 2), &mem, &err) == 0)
        check_accepted(type, v, &mem);
    else
        assert(err.field != NULL && err.why != NULL && wire_is_zero(type, v));
    arena_deinit(&mem);
    return 0;
}

/* Once in a while a fresh valid value, otherwise libFuzzer's own changes. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    if (size > 2 && seed % 8 != 0)
        return LLVMFuzzerMutate(data, size, max_size);

    struct arena mem = {0};
    struct buf out = {0};
    struct rng rng;
    rng_seed(&rng, seed);
    uint32_t i = chosen((uint32_t)rng_below(&rng, wire_structs_n));
    void *v = arena_alloc(&mem, wire_structs[i]->size);
    wire_random(v, wire_structs[i], &rng, &mem);
    buf_byte(&out, (uint8_t)(i / 256));
    buf_byte(&out, (uint8_t)(i % 256));
    wire_encode(&out, wire_structs[i], v);
    size_t len = out.len < max_size ? out.len : max_size;
    memcpy(data, out.data, len);
    buf_deinit(&out);
    arena_deinit(&mem);
    return len;
}
