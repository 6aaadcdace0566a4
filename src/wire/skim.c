#include "wire/skim.h"

/* What a first byte says: a head of this many bytes, a body, and for containers how many values. */
struct head {
    size_t head_bytes;
    uint64_t body_bytes;
    uint64_t values;
    bool container;
};

static uint64_t big_endian(const uint8_t *p, size_t len)
{
    uint64_t v = 0;

    for (size_t i = 0; i < len; i++)
        v = v << 8 | p[i];
    return v;
}

/* The number that follows the first byte in 1, 2 or 4 bytes; false if it is cut off. */
static bool length(struct bytes in, size_t bytes, uint64_t *ret)
{
    if (in.len < 1 + bytes)
        return false;
    *ret = big_endian(in.data + 1, bytes);
    return true;
}

/* str, bin and ext: a length of its own, then the bytes (and a type for ext). */
static bool head_sized(struct bytes in, size_t length_bytes, size_t type_bytes, struct head *ret)
{
    ret->head_bytes = 1 + length_bytes + type_bytes;
    return length(in, length_bytes, &ret->body_bytes);
}

static bool head_container(struct bytes in, size_t length_bytes, uint64_t per_item,
                           struct head *ret)
{
    ret->head_bytes = 1 + length_bytes;
    ret->container = true;
    if (!length(in, length_bytes, &ret->values))
        return false;
    ret->values *= per_item;
    return true;
}

static void head_container_short(uint64_t values, struct head *ret)
{
    ret->container = true;
    ret->values = values;
}

/* The formats from 0xc0 to 0xdf, by their table in the specification. */
static bool head_long(struct bytes in, struct head *ret)
{
    uint8_t c = in.data[0];

    if (c == 0xc0 || c == 0xc2 || c == 0xc3) /* nil, false, true */
        return true;
    if (c >= 0xc4 && c <= 0xc6) /* bin 8, 16, 32 */
        return head_sized(in, (size_t)1 << (c - 0xc4), 0, ret);
    if (c >= 0xc7 && c <= 0xc9) /* ext 8, 16, 32 */
        return head_sized(in, (size_t)1 << (c - 0xc7), 1, ret);
    if (c == 0xca || c == 0xcb) /* float 32, 64 */
        ret->body_bytes = c == 0xca ? 4 : 8;
    else if (c >= 0xcc && c <= 0xcf) /* uint 8 to 64 */
        ret->body_bytes = (uint64_t)1 << (c - 0xcc);
    else if (c >= 0xd0 && c <= 0xd3) /* int 8 to 64 */
        ret->body_bytes = (uint64_t)1 << (c - 0xd0);
    else if (c >= 0xd4 && c <= 0xd8) /* fixext 1 to 16, with a type */
        ret->body_bytes = 1 + ((uint64_t)1 << (c - 0xd4));
    else if (c >= 0xd9 && c <= 0xdb) /* str 8, 16, 32 */
        return head_sized(in, (size_t)1 << (c - 0xd9), 0, ret);
    else if (c == 0xdc || c == 0xdd) /* array 16, 32 */
        return head_container(in, (size_t)2 << (c - 0xdc), 1, ret);
    else if (c == 0xde || c == 0xdf) /* map 16, 32 */
        return head_container(in, (size_t)2 << (c - 0xde), 2, ret);
    else
        return false; /* 0xc1 is never used */
    return true;
}

static bool head_read(struct bytes in, struct head *ret)
{
    if (in.len == 0)
        return false;

    uint8_t c = in.data[0];
    *ret = (struct head){.head_bytes = 1};
    if (c >= 0xc0 && c <= 0xdf)
        return head_long(in, ret);
    if (c >= 0xa0 && c < 0xc0)
        ret->body_bytes = c & 0x1f;
    else if (c >= 0x90 && c < 0xa0)
        head_container_short(c & 0x0f, ret);
    else if (c >= 0x80 && c < 0x90)
        head_container_short((uint64_t)(c & 0x0f) * 2, ret);
    return true; /* otherwise a small integer, which is its first byte */
}

int skim(struct bytes in, size_t *ret_len, const char **why)
{
    uint64_t left[WIRE_MAX_DEPTH + 1] = {1}; /* values still to come, per level */
    size_t level = 0;
    size_t at = 0;
    struct head head;

    for (;;) {
        while (left[level] == 0) {
            if (level == 0) {
                *ret_len = at;
                return 0;
            }
            level--;
        }
        left[level]--;
        if (!head_read(bytes_of(in.data + at, in.len - at), &head) ||
            head.head_bytes > in.len - at) {
            *why = "cut off, or no MessagePack";
            return SKIM_BAD;
        }
        at += head.head_bytes;
        if (head.body_bytes > in.len - at || head.values > in.len - at) {
            *why = "claims more than there is";
            return SKIM_BAD;
        }
        at += (size_t)head.body_bytes;
        if (!head.container)
            continue;
        if (level == WIRE_MAX_DEPTH) {
            *why = "nested too deep";
            return SKIM_BAD;
        }
        left[++level] = head.values;
    }
}
