#include "wire/print.h"

#include <inttypes.h>

/* A text in quotes; control characters, the quote and the backslash as in JSON. */
static void print_text(struct buf *out, struct bytes text)
{
    buf_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
            buf_printf(out, "\\u%04x", c);
        else
            buf_byte(out, c);
    }
    buf_byte(out, '"');
}

void wire_print_hex(struct buf *out, struct bytes b)
{
    size_t shown = b.len > WIRE_PRINT_BYTES ? WIRE_PRINT_BYTES : b.len;

    buf_byte(out, '"');
    for (size_t i = 0; i < shown; i++)
        buf_printf(out, "%02x", b.data[i]);
    if (shown < b.len)
        buf_printf(out, "... %zu bytes", b.len);
    buf_byte(out, '"');
}

static void print_integer(struct buf *out, const struct wire_field *f, const void *p)
{
    if (f->type == WIRE_T_I64)
        buf_printf(out, "%" PRId64, wire_load_i64(p));
    else
        buf_printf(out, "%" PRIu64, wire_load(f, p));
}

static void print_one(struct buf *out, const struct wire_field *f, const void *p)
{
    switch (f->type) {
    case WIRE_T_BOOL:
        buf_str(out, *(const bool *)p ? "true" : "false");
        break;
    case WIRE_T_ULID:
        buf_printf(out, "\"%s\"", ulid_text(p).s);
        break;
    case WIRE_T_KEY32:
        wire_print_hex(out, bytes_of(p, sizeof(struct key32)));
        break;
    case WIRE_T_STR:
        print_text(out, wire_load_bytes(p));
        break;
    case WIRE_T_BYTES:
        wire_print_hex(out, wire_load_bytes(p));
        break;
    case WIRE_T_ENUM:
        buf_printf(out, "\"%s\"", wire_enum_name(f->names, (uint32_t)wire_load(f, p)));
        break;
    case WIRE_T_STRUCT:
        wire_print(out, f->sub, p);
        break;
    default:
        print_integer(out, f, p);
    }
}

static void print_list(struct buf *out, const struct wire_field *f, struct wire_list list)
{
    buf_byte(out, '[');
    for (uint32_t i = 0; i < list.n; i++) {
        if (i > 0)
            buf_byte(out, ',');
        print_one(out, f, list.items + i * f->item_size);
    }
    buf_byte(out, ']');
}

void wire_print(struct buf *out, const struct wire_struct *type, const void *v)
{
    const char *comma = "";

    buf_byte(out, '{');
    for (uint32_t i = 0; i < type->fields_n; i++) {
        const struct wire_field *f = &type->fields[i];
        if (wire_field_is_zero(f, v))
            continue;
        buf_printf(out, "%s\"%s\":", comma, f->name);
        comma = ",";
        if (f->secret)
            buf_str(out, "\"(secret)\"");
        else if (f->list)
            print_list(out, f, wire_load_list(f, v));
        else
            print_one(out, f, wire_field_at(f, v));
    }
    buf_byte(out, '}');
}
