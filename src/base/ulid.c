#include "base/ulid.h"

#include <string.h>

#define ULID_TIME_BYTES 6
#define ULID_MAX_MS     ((INT64_C(1) << 48) - 1)

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

int ulid_compare(const struct ulid *a, const struct ulid *b)
{
    return memcmp(a->b, b->b, sizeof(a->b));
}

bool ulid_equal(const struct ulid *a, const struct ulid *b)
{
    return ulid_compare(a, b) == 0;
}

bool ulid_is_zero(const struct ulid *u)
{
    static const struct ulid zero;

    return ulid_equal(u, &zero);
}

int64_t ulid_ms(const struct ulid *u)
{
    int64_t ms = 0;

    for (int i = 0; i < ULID_TIME_BYTES; i++)
        ms = ms << 8 | u->b[i];
    return ms;
}

struct bytes ulid_bytes(const struct ulid *u)
{
    return bytes_of(u->b, sizeof(u->b));
}

/* The 26 characters hold 130 bits, the two highest of them always 0: character i carries the bits
 * from 5 * i - 2 on, counted from the first byte's highest bit. */
struct ulid_text ulid_text(const struct ulid *u)
{
    struct ulid_text text;

    for (int i = 0; i < ULID_TEXT_LEN; i++) {
        unsigned value = 0;

        for (int bit = 5 * i - 2; bit < 5 * i + 3; bit++)
            value = value << 1 | (bit < 0 ? 0 : (unsigned)u->b[bit / 8] >> (7 - bit % 8) & 1);
        text.s[i] = alphabet[value];
    }
    text.s[ULID_TEXT_LEN] = '\0';
    return text;
}

/* The value of a character, or -1. */
static int digit(uint8_t c)
{
    if (c >= 'a' && c <= 'z')
        c = (uint8_t)(c - 'a' + 'A');
    const char *at = c ? strchr(alphabet, c) : NULL;

    return at ? (int)(at - alphabet) : -1;
}

int ulid_parse(struct ulid *ret, struct bytes text)
{
    struct ulid u = {0};

    if (text.len != ULID_TEXT_LEN || digit(text.data[0]) > 7)
        return ULID_BAD;
    for (int i = 0; i < ULID_TEXT_LEN; i++) {
        int value = digit(text.data[i]);

        if (value < 0)
            return ULID_BAD;
        for (int k = i ? 0 : 2; k < 5; k++) {
            int bit = 5 * i - 2 + k;

            u.b[bit / 8] |= (uint8_t)((value >> (4 - k) & 1) << (7 - bit % 8));
        }
    }
    *ret = u;
    return 0;
}

static int increment(struct ulid *u)
{
    for (int i = (int)sizeof(u->b) - 1; i >= ULID_TIME_BYTES; i--) {
        if (++u->b[i])
            return 0;
    }
    return ULID_OVERFLOW;
}

static void set_ms(struct ulid *u, int64_t ms)
{
    for (int i = ULID_TIME_BYTES - 1; i >= 0; i--, ms >>= 8)
        u->b[i] = (uint8_t)(ms & 0xff);
}

int ulid_next(struct ulid_source *s, struct ulid *ret, kith_time wall_us, struct rng *rng)
{
    int64_t ms = wall_us / KITH_MS;

    if (wall_us < 0 || ms > ULID_MAX_MS)
        return ULID_OVERFLOW;
    struct ulid next = s->last;

    if (ulid_is_zero(&s->last) || ms > ulid_ms(&s->last)) {
        set_ms(&next, ms);
        rng_bytes(rng, next.b + ULID_TIME_BYTES, sizeof(next.b) - ULID_TIME_BYTES);
    } else if (increment(&next)) {
        return ULID_OVERFLOW;
    }
    s->last = next;
    *ret = next;
    return 0;
}
