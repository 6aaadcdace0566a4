#include "wire/token.h"

#include "wire/skim.h"

#include <assert.h>

static struct bytes take(struct tokens *in, size_t len)
{
    struct bytes b = {.data = in->left.data, .len = len};

    assert(len <= in->left.len);
    in->left.data += len;
    in->left.len -= len;
    return b;
}

static uint64_t big_endian(struct tokens *in, size_t len)
{
    struct bytes b = take(in, len);
    uint64_t v = 0;

    for (size_t i = 0; i < len; i++)
        v = v << 8 | b.data[i];
    return v;
}

static struct token of_bytes(struct tokens *in, enum token_type type, uint64_t len)
{
    return (struct token){.type = type, .bytes = take(in, (size_t)len)};
}

static struct token of_count(enum token_type type, uint64_t count)
{
    return (struct token){.type = type, .count = (uint32_t)count};
}

static struct token of_number(uint64_t number)
{
    return (struct token){.type = TOKEN_UNSIGNED, .number = number};
}

static struct token of_signed(struct tokens *in, size_t len)
{
    uint64_t sign = UINT64_C(1) << (8 * len - 1), v = big_endian(in, len);

    if (!(v & sign))
        return of_number(v);
    /* The upper bits are those of the sign; two's complement, as in the format. */
    return (struct token){.type = TOKEN_NEGATIVE, .negative = (int64_t)(v | ~(sign - 1))};
}

/* 0xc0 to 0xdf. */
static struct token long_format(struct tokens *in, uint8_t c)
{
    switch (c) {
    case 0xc0:
        return (struct token){.type = TOKEN_NIL};
    case 0xc2:
    case 0xc3:
        return (struct token){.type = TOKEN_BOOL, .boolean = c == 0xc3};
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return of_bytes(in, TOKEN_BIN, big_endian(in, (size_t)1 << (c - 0xc4)));
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return of_number(big_endian(in, (size_t)1 << (c - 0xcc)));
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return of_signed(in, (size_t)1 << (c - 0xd0));
    case 0xd9:
    case 0xda:
    case 0xdb:
        return of_bytes(in, TOKEN_STR, big_endian(in, (size_t)1 << (c - 0xd9)));
    case 0xdc:
    case 0xdd:
        return of_count(TOKEN_ARRAY, big_endian(in, (size_t)2 << (c - 0xdc)));
    case 0xde:
    case 0xdf:
        return of_count(TOKEN_MAP, big_endian(in, (size_t)2 << (c - 0xde)));
    default:
        in->left.data--;
        in->left.len++;
        token_skip(in);
        return (struct token){.type = TOKEN_OTHER};
    }
}

struct token token_next(struct tokens *in)
{
    uint8_t c = *take(in, 1).data;

    if (c < 0x80)
        return of_number(c);
    if (c < 0x90)
        return of_count(TOKEN_MAP, c & 0x0f);
    if (c < 0xa0)
        return of_count(TOKEN_ARRAY, c & 0x0f);
    if (c < 0xc0)
        return of_bytes(in, TOKEN_STR, c & 0x1f);
    if (c < 0xe0)
        return long_format(in, c);
    return (struct token){.type = TOKEN_NEGATIVE, .negative = (int64_t)c - 0x100};
}

void token_skip(struct tokens *in)
{
    const char *why;
    size_t len = 0;
    int result = skim(in->left, &len, &why);

    assert(result == 0);
    (void)result;
    (void)take(in, len);
}

bool token_is_nil(const struct tokens *in)
{
    return in->left.len > 0 && in->left.data[0] == 0xc0;
}
