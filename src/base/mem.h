#ifndef KITH_BASE_MEM_H
#define KITH_BASE_MEM_H
/*
 * Memory that is always there. Linux hands out address space freely and kills later, so a failing
 * allocation means a size that should have been bounded: these end the process instead of returning
 * NULL, and no caller carries an error path that cannot be tested. Sizes that come from outside are
 * bounded before they get here.
 */
#include <stddef.h>

void *mem_alloc(size_t size); /* zeroed; never NULL; free with mem_free() */
void *mem_grow(void *p, size_t count, size_t item_size); /* realloc for arrays, checks overflow */
void *mem_copy(const void *p, size_t size);              /* NULL for size 0 */
char *mem_str(const char *s);                            /* copy of a C string */
void mem_free(void *p);

#endif
