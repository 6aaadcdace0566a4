#include "trust/armor.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define LINE_BYTES 48 /* 64 characters */

static void mark(struct buf *out, const char *which, const char *label)
{
    buf_reset(out);
    buf_printf(out, "-----%s %s-----", which, label);
}

void armor_write(struct buf *out, const char *label, struct bytes content)
{
    assert(content.len <= ARMOR_MAX_BYTES);
    buf_printf(out, "-----BEGIN %s-----\n", label);
    for (size_t at = 0; at < content.len; at += LINE_BYTES) {
        size_t n = content.len - at < LINE_BYTES ? content.len - at : LINE_BYTES;
        char line[sodium_base64_ENCODED_LEN(LINE_BYTES, sodium_base64_VARIANT_ORIGINAL)];

        sodium_bin2base64(line, sizeof(line), content.data + at, n, sodium_base64_VARIANT_ORIGINAL);
        buf_printf(out, "%s\n", line);
    }
    buf_printf(out, "-----END %s-----\n", label);
}

/* Where `what` starts in text from `from` on; text.len when it is not there. */
static size_t find(struct bytes text, size_t from, struct bytes what)
{
    for (size_t at = from; at + what.len <= text.len; at++)
        if (memcmp(text.data + at, what.data, what.len) == 0)
            return at;
    return text.len;
}

/* The part of text between the two lines. */
static int between(struct bytes *ret, const char *label, struct bytes text)
{
    struct buf line = {0};
    int problem = 0;

    mark(&line, "BEGIN", label);
    size_t begin = find(text, 0, buf_bytes(&line)) + line.len;

    mark(&line, "END", label);
    size_t end = begin > text.len ? text.len : find(text, begin, buf_bytes(&line));

    buf_deinit(&line);
    if (begin > text.len)
        problem = ARMOR_MISSING;
    else if (end == text.len)
        problem = ARMOR_CUT;
    else
        *ret = bytes_of(text.data + begin, end - begin);
    return problem;
}

int armor_read(struct buf *ret, const char *label, struct bytes text)
{
    struct bytes inner;
    size_t got = 0;
    int problem = between(&inner, label, text);

    if (problem)
        return problem;
    if (inner.len > ARMOR_MAX_BYTES * 2) /* base64 takes 4 for 3, and there are line ends */
        return ARMOR_LONG;
    buf_reserve(ret, inner.len);
    if (sodium_base642bin(ret->data + ret->len, ret->cap - ret->len, (const char *)inner.data,
                          inner.len, " \t\r\n", &got, /* b64_end= */ NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return ARMOR_BAD;
    if (got > ARMOR_MAX_BYTES)
        return ARMOR_LONG;
    ret->len += got;
    return 0;
}
