#include "base/variables.h"

#include <string.h>

/* The offset of `c` in text from `from` on; the text's length when it is not there. */
static size_t find(struct bytes text, size_t from, char c)
{
    const uint8_t *at = from < text.len ? memchr(text.data + from, c, text.len - from) : NULL;

    return at ? (size_t)(at - text.data) : text.len;
}

bool variable_next(struct bytes text, size_t from, struct variable *ret)
{
    size_t start = find(text, from, '$');

    while (start + 1 < text.len && text.data[start + 1] != '{')
        start = find(text, start + 1, '$');
    if (start + 1 >= text.len)
        return false;

    size_t close = find(text, start, '}');
    struct bytes inside = bytes_of(text.data + start + 2, close - start - 2);
    size_t dot = find(inside, 0, '.');

    *ret = (struct variable){
        .start = start,
        .end = close < text.len ? close + 1 : close,
        .name = bytes_of(inside.data, dot),
        .closed = close < text.len,
    };
    if (dot < inside.len)
        ret->arg = bytes_of(inside.data + dot + 1, inside.len - dot - 1);
    return true;
}
