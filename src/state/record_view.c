#include "state/record_view.h"

#include "wire/skim.h"

#include <assert.h>
#include <string.h>

/* Fields of struct record and struct version in proto/state.toml. */
enum { VERSION = 6, ORIGIN = 9, FLAGS = 10, EXPIRES = 11, MAJOR = 1, MINOR = 2 };

/* A read position in bytes that are known to be whole. */
struct reader {
    const uint8_t *at, *end;
};

static uint64_t big_endian(struct reader *r, unsigned len)
{
    uint64_t value = 0;

    assert((size_t)(r->end - r->at) >= len);
    for (unsigned i = 0; i < len; i++)
        value = value << 8 | *r->at++;
    return value;
}

/* An integer that is not negative, in whichever of MessagePack's forms. */
static uint64_t number(struct reader *r)
{
    uint8_t head = (uint8_t)big_endian(r, 1);

    if (head < 0x80) /* itself */
        return head;
    assert(head >= 0xcc && head <= 0xd3);
    return big_endian(r, 1u << ((head - 0xcc) & 3)); /* uint 8 to 64, int 8 to 64 */
}

/* Elements of a map. */
static uint64_t map(struct reader *r)
{
    uint8_t head = (uint8_t)big_endian(r, 1);

    if ((head & 0xf0) == 0x80)
        return head & 0x0f;
    assert(head == 0xde || head == 0xdf);
    return big_endian(r, head == 0xde ? 2 : 4);
}

static void skip(struct reader *r)
{
    const char *why;
    size_t len;
    int bad = skim(bytes_of(r->at, (size_t)(r->end - r->at)), &len, &why);

    assert(!bad);
    (void)bad;
    r->at += len;
}

static struct version version(struct reader *r)
{
    struct version v = {0};

    for (uint64_t n = map(r); n > 0; n--) {
        uint64_t key = number(r);

        if (key == MAJOR)
            v.major = number(r);
        else if (key == MINOR)
            v.minor = number(r);
        else
            skip(r);
    }
    return v;
}

static void origin(struct reader *r, struct ulid *ret)
{
    skip(r);
    memcpy(ret->b, r->at - sizeof(ret->b), sizeof(ret->b)); /* at the end, behind its head */
}

void record_view(struct row *ret)
{
    struct reader r = {ret->record.data, ret->record.data + ret->record.len};

    for (uint64_t n = map(&r); n > 0; n--) {
        switch (number(&r)) {
        case VERSION:
            ret->version = version(&r);
            break;
        case ORIGIN:
            origin(&r, &ret->origin);
            break;
        case FLAGS:
            ret->flags = (uint32_t)number(&r);
            break;
        case EXPIRES:
            ret->expires_ms = (int64_t)number(&r);
            break;
        default:
            skip(&r);
        }
    }
}
