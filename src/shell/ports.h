#ifndef KITH_SHELL_PORTS_H
#define KITH_SHELL_PORTS_H
/* Whether a TCP port of this host can be given to a service. */
#include "base/bytes.h"

/* 0: it can be bound and listened on; else 1 with errno. The address is a literal, IPv4 or IPv6. */
int ports_try(struct bytes addr, uint16_t port);

#endif
