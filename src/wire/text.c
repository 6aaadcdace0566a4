#include "wire/text.h"

#include "base/buf.h"

#include <string.h>

#define REPLACEMENT     "\xef\xbf\xbd" /* U+FFFD */
#define REPLACEMENT_LEN 3

static bool continues(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

/* The bytes of the character that p starts with (1 to 4), 0 if these are no character. */
static size_t character(const uint8_t *p, size_t len)
{
    uint8_t c = p[0];

    if (c < 0x80)
        return c != 0;
    if (c < 0xc2 || c > 0xf4)
        return 0;
    if (len < 2 || !continues(p[1]))
        return 0;
    if (c < 0xe0)
        return 2;
    if (len < 3 || !continues(p[2]))
        return 0;
    if (c < 0xf0) {
        bool too_long = c == 0xe0 && p[1] < 0xa0;
        bool surrogate = c == 0xed && p[1] >= 0xa0;
        return too_long || surrogate ? 0 : 3;
    }
    if (len < 4 || !continues(p[3]))
        return 0;
    bool too_long = c == 0xf0 && p[1] < 0x90;
    bool too_high = c == 0xf4 && p[1] >= 0x90;
    return too_long || too_high ? 0 : 4;
}

#define EACH_BYTE(b) (UINT64_MAX / 0xff * (b))

/* Eight bytes of 1 to 0x7f: none has its highest bit, and none borrows it when one is taken off each. */
static bool eight_plain(const uint8_t *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return ((word | (word - EACH_BYTE(1))) & EACH_BYTE(0x80)) == 0;
}

/* How many bytes at the beginning are ASCII without NUL: all of nearly every text, eight at a time. */
static size_t plain(struct bytes text)
{
    size_t i = 0;

    while (i + sizeof(uint64_t) <= text.len && eight_plain(text.data + i))
        i += sizeof(uint64_t);
    while (i < text.len && text.data[i] - 1u < 0x7f)
        i++;
    return i;
}

bool wire_text_ok(struct bytes text)
{
    size_t n;

    for (size_t i = plain(text); i < text.len; i += n) {
        n = character(text.data + i, text.len - i);
        if (n == 0)
            return false;
    }
    return true;
}

struct bytes wire_text_clip(struct bytes text, size_t max)
{
    if (text.len <= max)
        return text;
    while (max > 0 && continues(text.data[max]))
        max--;
    return bytes_of(text.data, max);
}

struct bytes wire_text_make(struct arena *mem, struct bytes raw, size_t max)
{
    if (wire_text_ok(raw))
        return arena_bytes(mem, wire_text_clip(raw, max));

    uint8_t *out = arena_alloc(mem, max + 1);
    size_t used = 0;
    for (size_t i = 0; i < raw.len;) {
        size_t n = character(raw.data + i, raw.len - i);
        const void *from = n > 0 ? (const void *)(raw.data + i) : REPLACEMENT;
        size_t len = n > 0 ? n : REPLACEMENT_LEN;

        if (used + len > max)
            break;
        memcpy(out + used, from, len);
        used += len;
        i += n > 0 ? n : 1;
    }
    return bytes_of(out, used);
}

struct bytes wire_text_format(struct arena *mem, size_t max, const char *format, va_list args)
{
    struct buf raw = {0};
    buf_vprintf(&raw, format, args);
    struct bytes text = wire_text_make(mem, buf_bytes(&raw), max);
    buf_deinit(&raw);
    return text;
}
