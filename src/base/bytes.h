#ifndef KITH_BASE_BYTES_H
#define KITH_BASE_BYTES_H
/*
 * A borrowed run of bytes: text and binary alike, without a terminator. Whoever holds one knows who
 * owns the memory; a struct bytes never frees anything.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    const uint8_t *data; /* may be NULL when len is 0 */
    size_t len;
};

struct bytes bytes_str(const char *s); /* view of a C string, without its NUL */
struct bytes bytes_of(const void *data, size_t len);
bool bytes_equal(struct bytes a, struct bytes b);
bool bytes_equal_str(struct bytes a, const char *s);
bool bytes_starts(struct bytes a, struct bytes prefix);
int bytes_compare(struct bytes a, struct bytes b); /* as memcmp, the shorter first */
char *bytes_to_str(struct bytes b);                /* copy with NUL, caller frees (mem_free) */
#define BYTES_FMT    "%.*s"
#define BYTES_ARG(b) (int)(b).len, (const char *)(b).data

#endif
