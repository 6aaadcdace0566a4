#include "view/safe.h"

#include "wire/text.h"

/* The first character of text: its length, and its code point; 0 if it is no UTF-8. */
static size_t next_character(struct bytes text, uint32_t *ret)
{
    static const uint8_t first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t len = 1;

    while (len < text.len && len < 4 && (text.data[len] & 0xc0) == 0x80)
        len++;
    if (text.data[0] < 0x80)
        len = 1;
    *ret = text.data[0] & first_bits[len];
    for (size_t i = 1; i < len; i++)
        *ret = *ret << 6 | (text.data[i] & 0x3f);
    bool nul = text.data[0] == 0; /* no text for the wire, but one character here */
    return nul || wire_text_ok(bytes_of(text.data, len)) ? len : 0;
}

static bool dangerous(uint32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c <= 0x9f))
        return true;
    return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

enum flavour { LINE, LINES, JSON };

static void escape(struct buf *out, uint32_t c, enum flavour flavour)
{
    if (flavour == JSON)
        buf_printf(out, "\\u%04X", c); /* in capitals, as jansson does */
    else if (c < 0x80)
        buf_printf(out, "\\x%02x", c);
    else
        buf_printf(out, "\\u%04x", c);
}

static void safe(struct buf *out, struct bytes text, enum flavour flavour)
{
    while (text.len > 0) {
        uint32_t c = 0;
        size_t len = next_character(text, &c);
        bool kept = flavour != LINE && (c == '\n' || c == '\t');

        if (len == 0) {
            buf_printf(out, "\\x%02x", text.data[0]);
            len = 1;
        } else if (dangerous(c) && !kept) {
            escape(out, c, flavour);
        } else {
            buf_append(out, text.data, len);
        }
        text = bytes_of(text.data + len, text.len - len);
    }
}

void safe_line(struct buf *out, struct bytes text)
{
    safe(out, text, LINE);
}

void safe_lines(struct buf *out, struct bytes text)
{
    safe(out, text, LINES);
}

void safe_json(struct buf *out, struct bytes json)
{
    safe(out, json, JSON);
}

size_t safe_width(struct bytes line)
{
    size_t width = 0;

    for (size_t i = 0; i < line.len; i++)
        width += (line.data[i] & 0xc0) != 0x80;
    return width;
}
