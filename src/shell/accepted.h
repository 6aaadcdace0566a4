#ifndef KITH_SHELL_ACCEPTED_H
#define KITH_SHELL_ACCEPTED_H
/*
 * Who is behind a descriptor that libzmq accepted.
 *
 * libzmq 4.3.4 tells of an accepted connection by its descriptor, in another thread, a moment later.
 * Whoever connects and sends garbage at once is cut off within that moment, and then nobody can ask
 * the kernel any more who it was; that is just the one to be named. So the program's own accept4()
 * stands before libc's, as the dynamic linker allows, and notes the address as the kernel gives it.
 *
 * Notes are taken by libzmq's I/O thread and read by the peer's. The last ACCEPTED_MAX are kept.
 */
#include <netinet/in.h>
#include <stdbool.h>

#define ACCEPTED_MAX  1024
#define ACCEPTED_TEXT INET6_ADDRSTRLEN

/* Takes out the oldest note of this descriptor. False: there is none. */
bool accepted_take(int fd, char ret[ACCEPTED_TEXT]);

#endif
