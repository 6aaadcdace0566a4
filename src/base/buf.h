#ifndef KITH_BASE_BUF_H
#define KITH_BASE_BUF_H
/*
 * A growing byte buffer. buf_deinit() frees; a zeroed struct buf is a valid empty one.
 */
#include "base/bytes.h"

#include <stdarg.h>

struct buf {
    uint8_t *data;
    size_t len;
    size_t cap;
};

void buf_deinit(struct buf *b);
void buf_reset(struct buf *b); /* len 0, keeps the memory */
void buf_reserve(struct buf *b, size_t more);
void buf_append(struct buf *b, const void *data, size_t len);
void buf_byte(struct buf *b, uint8_t c);
void buf_str(struct buf *b, const char *s); /* without the NUL */
void buf_printf(struct buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));
void buf_vprintf(struct buf *b, const char *format, va_list args)
    __attribute__((format(printf, 2, 0), nonnull(2)));
struct bytes buf_bytes(const struct buf *b); /* borrowed until the next change */
const char *buf_cstr(struct buf *b);         /* NUL-terminated, borrowed until the next change */

#endif
