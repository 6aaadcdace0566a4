#ifndef KITH_BASE_BLOCKS_H
#define KITH_BASE_BLOCKS_H
/*
 * Memory for hundreds of thousands of small things that live long: malloc() adds 8 bytes to each and rounds up to 16, this
 * rounds up to 8. Blocks of one size lie in pages of 16 KiB; a page whose blocks have all been given back is freed, but
 * for the last one of a size that has room.
 *
 * One thread at a time for all of a pool. In builds with the address sanitizer each block is malloc()'s, so that it sees
 * what is written beyond a block or read after it was given back.
 */
#include <stddef.h>

#define BLOCKS_MAX 512u /* bytes; a larger one is mem_alloc()'s */

struct blocks;

struct blocks *blocks_new(void);
/* Blocks that are still out remain good, and the pool goes with the last of them. */
void blocks_free(struct blocks *b);

void *blocks_take(struct blocks *b, size_t size); /* zeroed, aligned to 8 */
void blocks_give(void *block, size_t size);       /* of the size that it was taken with */

/* The same out of the pool that a block of `beside_size` is of, for what goes with it: given back before it is. */
void *blocks_take_beside(const void *beside, size_t beside_size, size_t size);
void blocks_give_beside(const void *beside, size_t beside_size, void *block, size_t size);

size_t blocks_pages(const struct blocks *b); /* for tests */

#endif
