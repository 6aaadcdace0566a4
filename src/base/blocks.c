#include "base/blocks.h"

#include "base/mem.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define EACH_ALONE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EACH_ALONE 1
#endif
#endif
#ifndef EACH_ALONE
#define EACH_ALONE 0
#endif

#define UNIT    8u
#define CLASSES (BLOCKS_MAX / UNIT)
/* Pages begin at multiples of ALIGN, so that a block's is known by its address; they end 16 bytes early, since there malloc()
 * has its own word, and two pages lie side by side. */
#define ALIGN     16384u
#define PAGE_SIZE (ALIGN - 16)

struct free_block { /* in its place */
    struct free_block *next;
};

struct page {
    struct blocks *pool;
    struct page *next, **link; /* of those of its size that have room; link NULL: it is full */
    struct free_block *given;  /* back */
    uint32_t class, used;
    uint32_t fresh; /* where blocks were never taken, from the page's start */
};

struct blocks {
    struct page *open[CLASSES]; /* pages with room */
    size_t pages;
    bool ended;
};

_Static_assert(sizeof(struct page) % UNIT == 0, "blocks behind it are aligned");

struct blocks *blocks_new(void)
{
    return mem_alloc(sizeof(struct blocks));
}

static size_t size_of(const struct page *p)
{
    return ((size_t)p->class + 1) * UNIT;
}

static bool is_full(const struct page *p)
{
    return !p->given && p->fresh + size_of(p) > PAGE_SIZE;
}

static void open_page(struct page *p)
{
    struct page **first = &p->pool->open[p->class];

    p->next = *first;
    if (p->next)
        p->next->link = &p->next;
    p->link = first;
    *first = p;
}

static void close_page(struct page *p)
{
    *p->link = p->next;
    if (p->next)
        p->next->link = p->link;
    p->next = NULL;
    p->link = NULL;
}

static struct page *new_page(struct blocks *b, uint32_t class)
{
    struct page *p = aligned_alloc(ALIGN, PAGE_SIZE);

    if (!p)
        abort(); /* as in mem.c: there is no memory */
    *p = (struct page){.pool = b, .class = class, .fresh = sizeof(*p)};
    b->pages++;
    open_page(p);
    return p;
}

static void drop_page(struct page *p)
{
    struct blocks *b = p->pool;

    close_page(p);
    free(p);
    b->pages--;
    if (b->ended && b->pages == 0)
        mem_free(b);
}

void blocks_free(struct blocks *b)
{
    if (!b)
        return;
    b->ended = true;
    b->pages++; /* until this is over */
    for (uint32_t i = 0; i < CLASSES; i++) {
        struct page *next;

        for (struct page *p = b->open[i]; p; p = next) {
            next = p->next;
            if (p->used == 0)
                drop_page(p);
        }
    }
    if (--b->pages == 0)
        mem_free(b);
}

void *blocks_take(struct blocks *b, size_t size)
{
    assert(size > 0);
    if (EACH_ALONE || size > BLOCKS_MAX)
        return mem_alloc(size);
    uint32_t class = (uint32_t)((size - 1) / UNIT);
    struct page *p = b->open[class] ? b->open[class] : new_page(b, class);
    void *block = p->given;

    if (block) {
        p->given = p->given->next;
    } else {
        block = (uint8_t *)p + p->fresh;
        p->fresh += (uint32_t)size_of(p);
    }
    p->used++;
    if (is_full(p))
        close_page(p);
    return memset(block, 0, size_of(p));
}

static struct page *page_of(const void *block)
{
    return (struct page *)((uintptr_t)block & ~(uintptr_t)(ALIGN - 1));
}

void blocks_give(void *block, size_t size)
{
    if (EACH_ALONE || size > BLOCKS_MAX) {
        mem_free(block);
        return;
    }
    struct page *p = page_of(block);
    struct free_block *given = block;

    assert(p->class == (size - 1) / UNIT && p->used > 0);
    given->next = p->given;
    p->given = given;
    p->used--;
    if (!p->link)
        open_page(p);
    bool alone = p->pool->open[p->class] == p && !p->next;

    if (p->used == 0 && (!alone || p->pool->ended))
        drop_page(p);
}

void *blocks_take_beside(const void *beside, size_t beside_size, size_t size)
{
    if (EACH_ALONE || beside_size > BLOCKS_MAX)
        return mem_alloc(size);
    return blocks_take(page_of(beside)->pool, size);
}

void blocks_give_beside(const void *beside, size_t beside_size, void *block, size_t size)
{
    (void)beside;
    if (beside_size > BLOCKS_MAX)
        mem_free(block);
    else
        blocks_give(block, size);
}

size_t blocks_pages(const struct blocks *b)
{
    return b->pages;
}
