#ifndef KITH_WIRE_PRINT_H
#define KITH_WIRE_PRINT_H
/*
 * One line for logs and traces, like JSON: fields at zero are left out, ULIDs are text, keys and
 * bytes are hex (long ones shortened, with their length), enums are names. Control characters in
 * text are escaped, so a line stays a line whoever wrote the text.
 */
#include "wire/codec.h"

/* Bytes shown of a bytes field. */
#define WIRE_PRINT_BYTES 32

void wire_print(struct buf *out, const struct wire_struct *type, const void *v);

void wire_print_hex(struct buf *out, struct bytes b);

#endif
