#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void *check(void *p)
{
    if (!p)
        abort();
    return p;
}

void *mem_alloc(size_t size)
{
    return check(calloc(1, size ? size : 1));
}

void *mem_grow(void *p, size_t count, size_t item_size)
{
    if (item_size && count > SIZE_MAX / item_size)
        abort();
    size_t size = count * item_size;

    return check(realloc(p, size ? size : 1));
}

void *mem_copy(const void *p, size_t size)
{
    if (!size)
        return NULL;
    return memcpy(check(malloc(size)), p, size);
}

char *mem_str(const char *s)
{
    return mem_copy(s, strlen(s) + 1);
}

void mem_free(void *p)
{
    free(p);
}
