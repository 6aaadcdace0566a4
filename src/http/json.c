#include "http/json.h"

#define NUMBER_MAX 20 /* of 64 bits, with a sign */

/* After a value another one needs a comma. */
static bool needs_comma(const struct buf *out)
{
    uint8_t last = out->len > 0 ? out->data[out->len - 1] : '[';

    return last != '{' && last != '[' && last != ':';
}

static void separate(struct buf *out)
{
    if (needs_comma(out))
        buf_byte(out, ',');
}

void json_open(struct buf *out, char bracket)
{
    separate(out);
    buf_byte(out, (uint8_t)bracket);
}

void json_close(struct buf *out, char bracket)
{
    buf_byte(out, (uint8_t)bracket);
}

static void escape(struct buf *out, uint8_t c)
{
    static const char *const named[] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f",
        ['\r'] = "\\r", ['"'] = "\\\"", ['\\'] = "\\\\"};

    if (c < sizeof(named) / sizeof(named[0]) && named[c])
        buf_str(out, named[c]);
    else
        buf_printf(out, "\\u%04x", c);
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

void json_text(struct buf *out, struct bytes text)
{
    size_t from = 0;

    buf_reserve(out, text.len + 3); /* as much as most need: answers have thousands of these */
    separate(out);
    buf_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (is_plain(text.data[i]))
            continue;
        buf_append(out, text.data + from, i - from);
        escape(out, text.data[i]);
        from = i + 1;
    }
    if (text.len > from)
        buf_append(out, text.data + from, text.len - from);
    buf_byte(out, '"');
}

void json_name(struct buf *out, const char *name)
{
    separate(out);
    buf_byte(out, '"');
    buf_str(out, name);
    buf_append(out, "\":", 2);
}

/* Without printf(), which takes longer than all the rest of an answer. */
static void add_number(struct buf *out, bool negative, uint64_t value)
{
    char text[NUMBER_MAX];
    size_t at = sizeof(text);

    do
        text[--at] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    if (negative)
        text[--at] = '-';
    separate(out);
    buf_append(out, text + at, sizeof(text) - at);
}

void json_number(struct buf *out, int64_t value)
{
    add_number(out, value < 0, value < 0 ? UINT64_C(0) - (uint64_t)value : (uint64_t)value);
}

void json_text_of(struct buf *out, const char *name, struct bytes text)
{
    json_name(out, name);
    json_text(out, text);
}

void json_string_of(struct buf *out, const char *name, const char *text)
{
    json_text_of(out, name, bytes_str(text));
}

void json_unsigned_of(struct buf *out, const char *name, uint64_t value)
{
    json_name(out, name);
    add_number(out, /* negative= */ false, value);
}

void json_bool_of(struct buf *out, const char *name, bool value)
{
    json_name(out, name);
    separate(out);
    buf_str(out, value ? "true" : "false");
}

void json_ulid_of(struct buf *out, const char *name, const struct ulid *id)
{
    json_name(out, name);
    json_text(out, bytes_str(ulid_text(id).s));
}

void json_texts_of(struct buf *out, const char *name, const struct bytes *texts, uint32_t n)
{
    json_name(out, name);
    json_open(out, '[');
    for (uint32_t i = 0; i < n; i++)
        json_text(out, texts[i]);
    json_close(out, ']');
}

void json_pairs_of(struct buf *out, const char *name, const struct pair *pairs, uint32_t n)
{
    json_name(out, name);
    json_open(out, '{');
    for (uint32_t i = 0; i < n; i++) {
        json_text(out, pairs[i].key);
        buf_byte(out, ':');
        json_text(out, pairs[i].value);
    }
    json_close(out, '}');
}

void json_base64(struct buf *out, struct bytes in)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    buf_reserve(out, 4 * in.len / 3 + 4);
    for (size_t i = 0; i < in.len; i += 3) {
        uint32_t group = (uint32_t)in.data[i] << 16;
        size_t left = in.len - i;

        group |= left > 1 ? (uint32_t)in.data[i + 1] << 8 : 0;
        group |= left > 2 ? in.data[i + 2] : 0u;
        buf_byte(out, (uint8_t)digits[group >> 18]);
        buf_byte(out, (uint8_t)digits[group >> 12 & 63]);
        buf_byte(out, left > 1 ? (uint8_t)digits[group >> 6 & 63] : '=');
        buf_byte(out, left > 2 ? (uint8_t)digits[group & 63] : '=');
    }
}

void json_base64_of(struct buf *out, const char *name, struct bytes in)
{
    json_name(out, name);
    if (!in.len) {
        buf_str(out, "null");
        return;
    }
    buf_byte(out, '"');
    json_base64(out, in);
    buf_byte(out, '"');
}
