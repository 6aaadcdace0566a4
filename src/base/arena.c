#include "base/arena.h"

#include "base/mem.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A typical frame or step fits in one block; what is larger gets a block of its own size. */
#define ARENA_BLOCK_BYTES 4096

struct arena_block {
    struct arena_block *next;
    size_t cap;
    size_t len;
    alignas(max_align_t) uint8_t data[];
};

static struct arena_block *block_new(size_t cap, struct arena_block *next)
{
    /* Not zeroed: arena_alloc() does that for what it hands out. */
    struct arena_block *block = mem_grow(NULL, sizeof(*block) + cap, 1);

    block->cap = cap;
    block->len = 0;
    block->next = next;
    return block;
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;

        mem_free(block);
        block = next;
    }
}

void arena_deinit(struct arena *a)
{
    free_blocks(a->head);
    *a = (struct arena){0};
}

void arena_reset(struct arena *a)
{
    a->used_bytes = 0;
    if (!a->head)
        return;
    free_blocks(a->head->next);
    a->head->next = NULL;
    a->head->len = 0;
}

void arena_reserve(struct arena *a, size_t size)
{
    if (!a->head || a->head->cap - a->head->len < size)
        a->head = block_new(size, a->head);
}

/* Not zeroed. */
static void *take(struct arena *a, size_t size)
{
    assert(size <= SIZE_MAX / 2);
    size = ARENA_ROOM(size);
    if (!a->head || a->head->cap - a->head->len < size)
        a->head = block_new(size > ARENA_BLOCK_BYTES ? size : ARENA_BLOCK_BYTES, a->head);

    void *p = a->head->data + a->head->len;

    a->head->len += size;
    a->used_bytes += size;
    return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
    return memset(take(a, size), 0, size);
}

void *arena_array(struct arena *a, size_t count, size_t item_size)
{
    assert(!item_size || count <= SIZE_MAX / item_size);
    return arena_alloc(a, count * item_size);
}

struct bytes arena_bytes(struct arena *a, struct bytes b)
{
    if (!b.len)
        return (struct bytes){0};
    return bytes_of(memcpy(take(a, b.len), b.data, b.len), b.len);
}

char *arena_str(struct arena *a, struct bytes b)
{
    char *s = arena_alloc(a, b.len + 1);

    if (b.len)
        memcpy(s, b.data, b.len);
    return s;
}

/* Nearly always there is room for it in the block that is in use, so it is written once. */
char *arena_printf(struct arena *a, const char *format, ...)
{
    size_t room = a->head ? a->head->cap - a->head->len : 0;
    va_list args;

    va_start(args, format);
    int len = vsnprintf(room ? (char *)a->head->data + a->head->len : NULL, room, format, args);
    va_end(args);
    assert(len >= 0);

    bool done = ARENA_ROOM((size_t)len + 1) <= room;
    char *s = take(a, (size_t)len + 1);

    if (done)
        return s;
    va_start(args, format);
    vsnprintf(s, (size_t)len + 1, format, args);
    va_end(args);
    return s;
}
