#include "spec/errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A message is one sentence; what it quotes is cut to this. */
#define MESSAGE_BYTES 512

/* Of a source line shown to people. */
#define LINE_BYTES 160

void spec_errors_init(struct spec_errors *e, const char *file, struct bytes text, struct arena *mem)
{
    *e = (struct spec_errors){.file = file, .text = text, .mem = mem};
}

static bool after(struct spec_at a, struct spec_at b)
{
    return a.line != b.line ? a.line > b.line : a.column > b.column;
}

void spec_error(struct spec_errors *e, struct spec_at at, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list args;

    if (e->count == SPEC_MAX_ERRORS) {
        e->dropped++;
        return;
    }
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);

    uint32_t place = e->count++;

    for (; place > 0 && after(e->list[place - 1].at, at); place--)
        e->list[place] = e->list[place - 1];
    e->list[place] = (struct spec_error){.at = at, .what = arena_str(e->mem, bytes_str(message))};
}

/* Line `number` without its end; empty when there is none. */
static struct bytes line_of(struct bytes text, uint32_t number)
{
    const uint8_t *at = text.data, *end = text.data + text.len;

    for (uint32_t line = 1; at < end; line++) {
        const uint8_t *next = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((next ? next : end) - at);

        if (line == number)
            return bytes_of(at, len && at[len - 1] == '\r' ? len - 1 : len);
        if (!next)
            break;
        at = next + 1;
    }
    return (struct bytes){0};
}

/* Blanks up to the column. Tabs stay tabs, and a character of several bytes counts once. */
static void put_caret(struct buf *out, struct bytes line, uint32_t column)
{
    uint32_t at = 1;

    buf_str(out, "    | ");
    for (size_t i = 0; i < line.len && at < column; i++) {
        if ((line.data[i] & 0xc0) == 0x80)
            continue;
        buf_byte(out, line.data[i] == '\t' ? '\t' : ' ');
        at++;
    }
    buf_str(out, "^\n");
}

static void put_source(struct buf *out, struct bytes line, struct spec_at at)
{
    if (!line.len || line.len > LINE_BYTES)
        return;
    buf_str(out, "    | ");
    for (size_t i = 0; i < line.len; i++) /* no control characters to a terminal */
        buf_byte(out, line.data[i] < 0x20 && line.data[i] != '\t' ? '?' : line.data[i]);
    buf_byte(out, '\n');
    put_caret(out, line, at.column);
}

void spec_errors_print(const struct spec_errors *e, struct buf *out)
{
    for (uint32_t i = 0; i < e->count; i++) {
        struct spec_at at = e->list[i].at;

        if (at.line)
            buf_printf(out, "%s:%u:%u: %s\n", e->file, at.line, at.column, e->list[i].what);
        else
            buf_printf(out, "%s: %s\n", e->file, e->list[i].what);
        put_source(out, at.line ? line_of(e->text, at.line) : (struct bytes){0}, at);
    }
    if (e->dropped)
        buf_printf(out, "%s: and %u more\n", e->file, e->dropped);
}
