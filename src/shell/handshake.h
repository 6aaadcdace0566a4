#ifndef KITH_SHELL_HANDSHAKE_H
#define KITH_SHELL_HANDSHAKE_H
/*
 * Memory for the secrets of CURVE handshakes.
 *
 * libzmq takes it from libsodium, which gives each piece pages of its own with guards around them: ten system
 * calls, half a dozen times for each handshake, a fifth of what a handshake costs and a lock on the whole
 * address space each time. So the program's own sodium_malloc(), sodium_allocarray() and sodium_free() stand before
 * libsodium's, as the dynamic linker allows (accepted.h does the same): they hand out slots of one region
 * that is locked into memory once and left out of core dumps, and wipe each slot when it comes back. What
 * does not fit comes from the heap, and is wiped as well.
 */

#include <stddef.h>

/* As libsodium declares them, but for what their memory is: without guards, so sodium_mprotect_readonly() and its
 * like are not to be used on it. sodium_malloc() is here because what it gives comes back to sodium_free(). */
void *sodium_malloc(size_t size);
void *sodium_allocarray(size_t count, size_t size);
void sodium_free(void *ptr);

/* Sets the region up; before the first socket. What was not set up works too, from the heap. */
void handshake_memory_init(void);

#endif
