#ifndef KITH_SHELL_LISTEN_H
#define KITH_SHELL_LISTEN_H
/* Sockets that listen for the clients of HTTP and DNS, and who is at the other end of what they accept. */
#include "base/buf.h"

#include <sys/socket.h>

#define LISTEN_BACKLOG 1024 /* as the peer's own sockets: a burst of clients is not turned away */

/* A non-blocking socket at ADDR:PORT or [ADDR]:PORT, numbers both: SOCK_STREAM, which listens, or SOCK_DGRAM. -1 with the
 * reason, and what to write instead, in *why, without an end of line. */
int listen_open(const char *address, int type, struct buf *why);

/* Takes ADDR:PORT or [ADDR]:PORT, numbers both. Not 0: it is neither. */
int listen_parse(const char *address, struct sockaddr_storage *ret, socklen_t *ret_len);

bool listen_is_loopback(const struct sockaddr *a);

/* The other end is a process of this host: it has a loopback address, or the one that `fd` has at this end, which nobody
 * can take over a network. */
bool listen_is_own(const struct sockaddr *other, int fd);

/* The same, of a socket that is known to have the address `own`: asks nobody. */
bool listen_is_same_host(const struct sockaddr *other, const struct sockaddr *own);

/* As text, without the port; "-" for NULL and what is no IP address. */
void listen_address(char *out, size_t size, const struct sockaddr *a);

#endif
