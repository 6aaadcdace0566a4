#ifndef KITH_SHELL_TCP_H
#define KITH_SHELL_TCP_H
/* TCP ports of services: whether one can be given out, whether one answers. Addresses are literals,
 * IPv4 or IPv6. */
#include "base/bytes.h"

/* 0: the port can be bound and listened on, so a service may have it; else 1 with errno. */
int tcp_try_port(struct bytes addr, uint16_t port);

/* A connection under way: a non-blocking socket that becomes writable when tcp_result() knows. -1 and
 * *ret_why (an errno) when it failed at once. */
int tcp_connect(struct bytes addr, uint16_t port, int *ret_why);
int tcp_result(int fd); /* 0: connected; else an errno */

#endif
