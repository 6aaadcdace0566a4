#include "shell/handshake.h"
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOT_BYTES 1024 /* the largest piece of a handshake with our metadata has about 400 */
#define SLOTS      64   /* of one I/O thread: a few at a time */

static uint8_t *region; /* NULL: there is none */
static bool used[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void handshake_memory_init(void)
{
    if (region != NULL)
        return;
    void *found = aligned_alloc((size_t)sysconf(_SC_PAGESIZE), SLOTS * SLOT_BYTES);
    if (found == NULL)
        return;
    /* Where locking is not allowed (RLIMIT_MEMLOCK) libsodium goes on without, too. */
    mlock(found, SLOTS * SLOT_BYTES);
    madvise(found, SLOTS * SLOT_BYTES, MADV_DONTDUMP);
    region = found;
}

static void *take_slot(void)
{
    void *slot = NULL;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; region != NULL && slot == NULL && i < SLOTS; i++) {
        if (!used[i]) {
            used[i] = true;
            slot = region + i * SLOT_BYTES;
        }
    }
    pthread_mutex_unlock(&lock);
    return slot;
}

/* From the heap; its size stands before it, to be wiped by. */
static void *take_heap(size_t bytes)
{
    max_align_t *piece = malloc(sizeof *piece + bytes);
    if (piece == NULL)
        return NULL;
    *(size_t *)piece = bytes;
    return piece + 1;
}

void *sodium_allocarray(size_t count, size_t size)
{
    if (size > 0 && count >= SIZE_MAX / 2 / size) {
        errno = ENOMEM;
        return NULL;
    }
    void *slot = count * size <= SLOT_BYTES ? take_slot() : NULL;
    return slot != NULL ? slot : take_heap(count * size);
}

void *sodium_malloc(size_t size)
{
    return sodium_allocarray(1, size);
}

static void free_heap(void *ptr)
{
    max_align_t *piece = (max_align_t *)ptr - 1;
    explicit_bzero(ptr, *(size_t *)piece);
    free(piece);
}

void sodium_free(void *ptr)
{
    if (ptr == NULL)
        return;
    uintptr_t at = (uintptr_t)ptr - (uintptr_t)region;
    if (region == NULL || at >= SLOTS * SLOT_BYTES) {
        free_heap(ptr);
        return;
    }
    explicit_bzero(ptr, SLOT_BYTES);
    pthread_mutex_lock(&lock);
    used[at / SLOT_BYTES] = false;
    pthread_mutex_unlock(&lock);
}
