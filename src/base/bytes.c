#include "base/bytes.h"

#include "base/mem.h"

#include <string.h>

struct bytes bytes_str(const char *s)
{
    return bytes_of(s, strlen(s));
}

struct bytes bytes_of(const void *data, size_t len)
{
    return (struct bytes){.data = data, .len = len};
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && bytes_compare(a, b) == 0;
}

bool bytes_equal_str(struct bytes a, const char *s)
{
    return bytes_equal(a, bytes_str(s));
}

bool bytes_starts(struct bytes a, struct bytes prefix)
{
    return a.len >= prefix.len && bytes_equal(bytes_of(a.data, prefix.len), prefix);
}

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    /* memcmp() may not see NULL, not even with a length of 0. */
    int order = common ? memcmp(a.data, b.data, common) : 0;

    if (order)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

char *bytes_to_str(struct bytes b)
{
    char *s = mem_alloc(b.len + 1);

    if (b.len)
        memcpy(s, b.data, b.len);
    return s;
}
