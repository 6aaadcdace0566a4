#ifndef KITH_WIRE_TEXT_H
#define KITH_WIRE_TEXT_H
/*
 * Text that may stand in a `str` field: UTF-8 as in RFC 3629 (no surrogates, nothing over U+10FFFF,
 * shortest forms) without the NUL character, because much of what reads it later is C strings.
 */
#include "base/arena.h"
#include <stdarg.h>

bool wire_text_ok(struct bytes text);

/* The longest start of text that has at most max bytes and cuts no character in two. */
struct bytes wire_text_clip(struct bytes text, size_t max);

/*
 * Text out of bytes that nobody vouches for, such as a process's output: what is not text becomes
 * U+FFFD, one for each byte, and the result has at most max bytes. Allocated in mem.
 */
struct bytes wire_text_make(struct arena *mem, struct bytes raw, size_t max);
/* The same out of a format: what is said to people is cut short rather than refused. */
struct bytes wire_text_format(struct arena *mem, size_t max, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

#endif
